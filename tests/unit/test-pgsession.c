/* SPDX-License-Identifier: ISC */
/*
 * A session that is up: commands, rows under back-pressure, notifications,
 * settings, and every way to lose it.
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/pgharness.h"

static void
test_commands(void **state)
{
	const char *values[] = { "41", NULL };
	const struct pg_command sum = { .sql = "SELECT $1::int + 1, $2::text "
	    "IS NULL", .prepared = "sum", .nparams = 2, .values = values };
	const struct pg_command bad = { .sql = "SELECT 1/$1::int",
	    .prepared = "bad", .nparams = 1, .values = (const char *[]){ "0" }};
	const struct pg_command wrong = { .sql = "SELEKT", .prepared = "no" };
	struct pg_session *s = session_up();
	char order[] = "abcd";

	(void)state;
	assert_true(pg_session_up(s));
	assert_int_equal(pg_session_query(s, &sum, on_result, order), 0);
	assert_int_equal(pg_session_query(s, &bad, on_result, order + 1), 0);
	assert_int_equal(pg_session_query(s, &wrong, on_result, order + 2), 0);
	assert_int_equal(pg_session_query(s, &sum, on_result, order + 3), 0);
	assert_int_equal(pg_session_pending(s), 4);
	assert_int_equal(seen.results, 0);
	run_until(&seen.results, 1);
	assert_string_equal(seen.value, "42");
	run_until(&seen.results, 2);
	assert_string_equal(seen.value, "22012");
	run_until(&seen.results, 3);
	assert_string_equal(seen.value, "42601");
	run_until(&seen.results, 4);
	assert_string_equal(seen.value, "42");
	assert_string_equal(seen.order, "abcd");
	assert_int_equal(seen.lost, 0);
	pg_session_close(s);
}

static void
on_row(struct pg_session *s, const PGresult *res, void *arg)
{
	int32_t n;

	(void)arg;
	assert_non_null(res);
	if (PQresultStatus(res) == PGRES_TUPLES_OK) {
		assert_int_equal(PQntuples(res), 0);
		seen.results++;
		return;
	}
	assert_int_equal(PQresultStatus(res), PGRES_SINGLE_TUPLE);
	memcpy(&n, PQgetvalue(res, 0, 0), sizeof(n));
	assert_int_equal(ntohl((uint32_t)n), ++seen.rows);
	if (seen.rows % 30000 == 1000)
		pg_session_pause(s, true);
}

static void
test_rows(void **state)
{
	const struct pg_command cmd = { .sql = "SELECT g, repeat('x', 200) "
	    "FROM generate_series(1, 100000) g", .binary_result = true,
	    .single_row = true };
	struct pg_session *s = session_up();
	int at;

	(void)state;
	assert_int_equal(pg_session_query(s, &cmd, on_row, NULL), 0);
	for (at = 1000; at < 100000; at += 30000) {
		run_until(&seen.rows, at);
		run_for(50);
		assert_int_equal(seen.rows, at);	/* it does stop */
		pg_session_pause(s, false);
		assert_int_equal(seen.rows, at);	/* not from in here */
	}
	run_until(&seen.results, 1);
	assert_int_equal(seen.rows, 100000);
	pg_session_close(s);
}

static void
on_notify(struct pg_session *s, const char *channel, const char *payload,
    int pid, void *arg)
{
	(void)pid;
	(void)arg;
	snprintf(seen.value, sizeof(seen.value), "%s=%s", channel, payload);
	seen.notifies++;
	if (seen.close)
		pg_session_close(s);
}

static void
test_notify(void **state)
{
	struct pg_session *s = session_up();

	(void)state;
	pg_session_on_notify(s, on_notify, NULL);
	ask(s, "LISTEN tide_test");
	assert_int_equal(pgserver_sql(pg, "NOTIFY tide_test, 'orders'"), 0);
	run_until(&seen.notifies, 1);
	assert_string_equal(seen.value, "tide_test=orders");
	assert_int_equal(pgserver_sql(pg, "NOTIFY tide_test, 'x'; "
	    "NOTIFY tide_test, 'y'"), 0);
	seen.close = true;	/* after the first of the two */
	run_until(&seen.notifies, 2);
	assert_string_equal(seen.value, "tide_test=x");
}

/* A role's own settings do not get through. */
static void
test_settings(void **state)
{
	static const char *const expect[][2] = {
		{ "transaction_isolation", "read committed" },
		{ "statement_timeout", "0" }, { "jit", "off" },
		{ "search_path", "pg_catalog, pg_temp" },
		{ "transaction_read_only", "off" },
		{ "lock_timeout", "30s" }, { "client_encoding", "UTF8" },
		{ "application_name", "test-pgsession" },
		{ "synchronous_commit", "off" },
		{ "client_connection_check_interval", "5s" },
		{ "tcp_user_timeout", "30000" }
	};
	const struct pg_setting more[] = { { "synchronous_commit", "off" } };
	char url[128], sql[128];
	struct pg_session_opts opts = { .conninfo = url,
	    .application_name = "test-pgsession", .settings = more,
	    .nsettings = 1 };
	struct pg_session *s;
	size_t i;

	(void)state;
	assert_int_equal(pgserver_sql(pg,
	    "ALTER ROLE odd SET statement_timeout = '2s';"
	    "ALTER ROLE odd SET search_path = public;"
	    "ALTER ROLE odd SET lock_timeout = 1;"
	    "ALTER ROLE odd SET default_transaction_read_only = on;"
	    "ALTER ROLE odd SET default_transaction_isolation = serializable"),
	    0);
	snprintf(url, sizeof(url), "host=127.0.0.1 port=%d user=odd "
	    "dbname=postgres", pgserver_port(pg));
	memset(&seen, 0, sizeof(seen));
	s = pg_session_open(base, &opts, on_session, NULL);
	assert_non_null(s);
	run_until(&seen.up, 1);
	for (i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		snprintf(sql, sizeof(sql), "SHOW %s", expect[i][0]);
		ask(s, sql);
		assert_string_equal(seen.value, expect[i][1]);
	}
	ask(s, "SELECT pg_backend_pid()");
	assert_false(pg_session_moved(s, atoi(seen.value)));
	assert_true(pg_session_moved(s, 1));
	pg_session_close(s);
}

static void
test_lost(void **state)
{
	const struct pg_command nap = { .sql = "SELECT pg_sleep(60)" };
	const struct pg_command hang = { .sql = "SELECT pg_sleep(60)",
	    .timeout_us = 200000 };
	struct pg_session *s = session_up();

	(void)state;
	assert_int_equal(pg_session_query(s, &nap, on_result, NULL), 0);
	assert_int_equal(pg_session_query(s, &nap, on_result, NULL), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(pgserver_kill(pg), 0);
	run_until(&seen.lost, 1);
	assert_int_equal(seen.nulls, 2);
	assert_int_equal(pg_session_query(s, &nap, on_result, NULL), -1);
	assert_int_equal(errno, ENOTCONN);
	pg_session_close(s);
	assert_int_equal(pgserver_start(pg), 0);

	s = session_up();
	assert_int_equal(pg_session_query(s, &hang, on_result, NULL), 0);
	run_until(&seen.lost, 1);
	assert_int_equal(seen.nulls, 1);
	pg_session_close(s);

	/* Ended by the administrator: the reason is in the text. */
	s = session_up();
	assert_int_equal(pgserver_sql(pg, "SELECT pg_terminate_backend(pid) "
	    "FROM pg_stat_activity WHERE application_name = "
	    "'test-pgsession'"), 0);
	run_until(&seen.lost, 1);
	assert_non_null(strstr(seen.text, "administrator command"));
	pg_session_close(s);
}

static void
test_close_inside(void **state)
{
	const struct pg_command one = { .sql = "SELECT 1" };
	const struct pg_command rows = { .sql = "SELECT g FROM "
	    "generate_series(1, 1000) g", .single_row = true };
	struct pg_session *s = session(pgserver_url(pg), 0);

	(void)state;
	seen.close = true;			/* on UP */
	run_until(&seen.up, 1);

	s = session_up();
	assert_int_equal(pg_session_query(s, &one, on_result, NULL), 0);
	assert_int_equal(pg_session_query(s, &one, on_result, NULL), 0);
	seen.close = true;			/* in a result */
	run_until(&seen.results, 1);
	assert_int_equal(seen.results, 1);

	s = session_up();
	assert_int_equal(pg_session_query(s, &rows, on_result, NULL), 0);
	seen.close = true;			/* in a row */
	run_until(&seen.results, 1);
	run_for(20);
	assert_int_equal(seen.results, 1);
}

static void
test_flush(void **state)
{
	const struct pg_command quick = { .sql = "SELECT 5" };
	const struct pg_command slow = { .sql = "SELECT pg_sleep(60)" };
	struct pg_session *s = session_up();

	(void)state;
	assert_int_equal(pg_session_query(s, &quick, on_result, NULL), 0);
	assert_int_equal(pg_session_query(s, &quick, on_result, NULL), 0);
	assert_int_equal(pg_session_flush(s, 10000), 0);
	assert_int_equal(seen.results, 2);
	assert_int_equal(pg_session_query(s, &slow, on_result, NULL), 0);
	assert_int_equal(pg_session_flush(s, 100), -1);
	pg_session_close(s);
}

static int
setup(void **state)
{
	(void)state;
	if (harness_up(NULL) == -1)
		return (-1);
	return (pgserver_sql(pg, "CREATE ROLE odd LOGIN"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_close_inside),
		cmocka_unit_test(test_flush)
	};

	return (cmocka_run_group_tests_name("pgsession", tests, setup,
	    harness_down));
}
