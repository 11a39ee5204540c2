/* SPDX-License-Identifier: ISC */
/*
 * What the tests of sessions share: a server, an event loop, a resolver
 * that knows a few names, and callbacks that write down what they saw.
 */
#ifndef TIDE_TESTS_PGHARNESS_H
#define TIDE_TESTS_PGHARNESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/pg/session.h"
#include "tests/unit/pgserver.h"

extern struct pgserver *pg;
extern struct event_base *base;

/* What the callbacks saw since the last session(). */
struct seen {
	int	up, failed, lost, results, nulls, errors, rows, notifies;
	char	text[2048];
	char	value[256];
	char	order[64];
	bool	close;		/* from inside the next callback */
};
extern struct seen seen;
extern int lookups_cancelled;

/* Names: "db.test" has an address where nobody listens and then the
 * server's, "silent.test" never gets an answer, others do not exist. */
struct resolve *fake_resolve(void);

int	harness_up(const char *hba);	/* 0, or -1 with a reason printed */
int	harness_down(void **);

/* Turn the loop until *count reaches n; fails the test after 20 s. */
void	run_until(const int *count, int n);
/* For the test that nothing happens. */
void	run_for(long ms);

struct pg_session *session(const char *conninfo, int64_t timeout_us);
struct pg_session *session_up(void);
void	on_session(struct pg_session *, enum pg_session_event, const char *,
	    void *);
/* Writes the first value or the SQLSTATE to seen.value; arg: one character
 * for seen.order. */
void	on_result(struct pg_session *, const PGresult *, void *);
void	ask(struct pg_session *, const char *sql);

#endif
