/* SPDX-License-Identifier: ISC */
/*
 * Names and who waits for them: a short cache, one look-up for all who ask
 * the same, limits for each asker, and an answer in time whatever the name
 * servers do.
 *
 * Loop thread only.
 */
#ifndef TIDE_RESOLVER_NAMES_H
#define TIDE_RESOLVER_NAMES_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/messages.h"

#define NAMES_RUNNING_MAX	2	/* look-ups at once for one asker */
#define NAMES_WAITING_MAX	32	/* its questions without an answer */
#define NAMES_MAX		512	/* in the cache */
#define NAMES_TIMEOUT_US	INT64_C(4500000)	/* askers give up at
							 * 5 s */
#define NAMES_GOOD_US		INT64_C(10000000)	/* kept so long */
#define NAMES_BAD_US		INT64_C(1000000)

struct names;
struct asker;
struct pool;

enum names_result {		/* labels of METRIC_LOOKUPS */
	NAMES_OK, NAMES_NOT_FOUND, NAMES_FAILED, NAMES_TIMEOUT,
	NAMES_REFUSED, NAMES_CACHED
};
const char *names_result_name(enum names_result);

/* An answer to an asker; called from the loop or from names_ask(). */
typedef void (*names_answer_fn)(const struct msg_answer *,
	    enum names_result, void *asker_arg);

/* now_us: clock_mono_us, or a test's. */
struct names *names_new(struct pool *, names_answer_fn,
	    int64_t (*now_us)(void));
void	names_free(struct names *);

struct asker *asker_new(struct names *, void *arg);
void	asker_free(struct asker *);	/* its questions are forgotten */
void	names_ask(struct asker *, const struct msg_lookup *);
/* Answer what waits for too long, forget what is old; call a few times a
 * second. */
void	names_tick(struct names *);

/* Letters, digits, '-', '_' and '.', or a numeric address. */
bool	names_valid(const char *host);

#endif
