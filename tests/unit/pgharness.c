/* SPDX-License-Identifier: ISC */
/*
 * What the tests of sessions share.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/resolve.h"
#include "tests/unit/pgharness.h"

#define DEADLINE_S	20

struct pgserver *pg;
struct event_base *base;
struct seen seen;
int lookups_cancelled;

static struct {
	struct event	*ev;
	resolve_fn	 fn;
	void		*arg;
	char		 host[64];
} fake;

static void
fake_answer(evutil_socket_t fd, short what, void *arg)
{
	static const struct msg_addr addrs[2] = {
		{ 6, { [15] = 2 } }, { 4, { 127, 0, 0, 1 } }
	};

	(void)fd;
	(void)what;
	(void)arg;
	if (strcmp(fake.host, "db.test") == 0)
		fake.fn(0, addrs, 2, fake.arg);
	else
		fake.fn(EAI_NONAME, NULL, 0, fake.arg);
}

uint32_t
resolve_lookup(struct resolve *r, const char *host, int family, resolve_fn fn,
    void *arg)
{
	struct timeval now = { 0, 0 };

	(void)r;
	(void)family;
	snprintf(fake.host, sizeof(fake.host), "%s", host);
	fake.fn = fn;
	fake.arg = arg;
	if (strcmp(host, "silent.test") != 0)
		event_base_once(base, -1, EV_TIMEOUT, fake_answer, NULL, &now);
	return (7);
}

void
resolve_cancel(struct resolve *r, uint32_t id)
{
	(void)r;
	assert_int_equal(id, 7);
	lookups_cancelled++;
}

const char *
resolve_strerror(int error)
{
	return (error == EAI_NONAME ? "no such name" : "other");
}

void
on_session(struct pg_session *s, enum pg_session_event ev, const char *text,
    void *arg)
{
	(void)arg;
	snprintf(seen.text, sizeof(seen.text), "%s", text);
	seen.up += ev == PG_SESSION_UP;
	seen.failed += ev == PG_SESSION_FAILED;
	seen.lost += ev == PG_SESSION_LOST;
	if (seen.close)
		pg_session_close(s);
}

struct resolve *
fake_resolve(void)
{
	return ((struct resolve *)(void *)&fake);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void
run_until(const int *count, int n)
{
	const struct timeval tv = { DEADLINE_S, 0 };
	bool late = false;
	struct event *ev = event_new(base, -1, 0, on_deadline, &late);

	event_add(ev, &tv);
	while (*count < n && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(ev);
	if (late)
		fail_msg("waited in vain; last text: %s", seen.text);
}

void
run_for(long ms)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };
	bool late = false;
	struct event *ev = event_new(base, -1, 0, on_deadline, &late);

	event_add(ev, &tv);
	while (!late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(ev);
}

struct pg_session *
session(const char *conninfo, int64_t timeout_us)
{
	const struct pg_session_opts opts = {
		.conninfo = conninfo,
		.application_name = "test-pgsession",
		.connect_timeout_us = timeout_us,
		.resolve = fake_resolve()
	};
	struct pg_session *s;

	memset(&seen, 0, sizeof(seen));
	s = pg_session_open(base, &opts, on_session, NULL);
	assert_non_null(s);
	assert_int_equal(seen.up + seen.failed, 0);
	return (s);
}

struct pg_session *
session_up(void)
{
	struct pg_session *s = session(pgserver_url(pg), 0);

	run_until(&seen.up, 1);
	return (s);
}

void
on_result(struct pg_session *s, const PGresult *res, void *arg)
{
	if (arg != NULL)
		strncat(seen.order, arg, 1);
	seen.results++;
	if (res == NULL)
		seen.nulls++;
	else if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
		seen.errors++;
		snprintf(seen.value, sizeof(seen.value), "%s",
		    PQresultErrorField(res, PG_DIAG_SQLSTATE));
	} else if (PQntuples(res) > 0)
		snprintf(seen.value, sizeof(seen.value), "%s",
		    PQgetvalue(res, 0, 0));
	if (seen.close) {
		seen.close = false;
		pg_session_close(s);
	}
}

void
ask(struct pg_session *s, const char *sql)
{
	const struct pg_command cmd = { .sql = sql };
	int before = seen.results;

	assert_int_equal(pg_session_query(s, &cmd, on_result, NULL), 0);
	run_until(&seen.results, before + 1);
}

int
harness_up(const char *hba)
{
	const char *why;

	log_init("test", 2, LOG_FMT_TEXT, LOG_LVL_ERROR);
	base = event_base_new();
	if (base != NULL && (pg = pgserver_new(hba, &why)) != NULL)
		return (0);
	fprintf(stderr, "# %s\n", base != NULL ? why : "no event loop");
	return (-1);
}

int
harness_down(void **state)
{
	(void)state;
	pgserver_free(pg);
	event_base_free(base);
	return (0);
}
