/* SPDX-License-Identifier: ISC */
/*
 * Connection strings, without a server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/pg/conninfo.h"
#include "common/pg/session.h"

static void
test_conninfo_errors(void **state)
{
	static const char *const bad[][2] = {
		{ "host=a password=hunter2 b user", "connection string" },
		{ "postgres://u:hunter2%zz@h/db", "connection string" },
		{ "host=a hunter2=x", "invalid connection option" },
		{ "postgres://u@h:hunter2/d", "port" },
		{ "host=a,b port=1,2,3 user=u", "differ in length" },
		{ "host=a hostaddr=1.1.1.1,2.2.2.2 user=u", "differ" },
		{ "host=a password=hunter2", "no user" },
		{ "service=x user=u", "service" },
		{ "host=a user=u port=70000", "65535" },
		{ "host=a user=u gssencmode=require", "GSSAPI" },
		{ "host=a user=u replication=database", "replication" },
		{ "host=a user=u requirepeer=x", "requirepeer" }
	};
	struct pg_conninfo *ci;
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ci = pg_conninfo_parse(bad[i][0], err, sizeof(err));
		assert_null(ci);
		if (strstr(err, bad[i][1]) == NULL || strstr(err, "hunter2"))
			fail_msg("%s: %s", bad[i][0], err);
	}
}

static void
test_sslmode_rule(void **state)
{
	static const struct {
		const char *text, *addr, *mode;
	} rule[] = {
		{ "host=h user=u", "10.0.0.1", "require" },
		{ "host=h user=u", "127.0.0.1", "prefer" },
		{ "host=h user=u", "127.9.9.9", "prefer" },
		{ "host=h user=u", "::1", "prefer" },
		{ "host=h user=u", "fe80::1", "require" },
		{ "host=/tmp user=u", NULL, "prefer" },
		{ "host=h user=u sslmode=disable", "10.0.0.1", "disable" },
		{ "host=h user=u sslmode=verify-full", "127.0.0.1",
		    "verify-full" }
	};
	struct pg_attempt at = { 0 };
	struct pg_conninfo *ci;
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		ci = pg_conninfo_parse(rule[i].text, err, sizeof(err));
		assert_non_null(ci);
		at.host = pg_conninfo_host(ci, 0);
		at.addr = rule[i].addr;
		assert_string_equal(pg_conninfo_sslmode(ci, &at),
		    rule[i].mode);
		pg_conninfo_free(ci);
	}
}

static void
test_ports(void **state)
{
	uint16_t ports[8];
	char err[256];
	bool sock;

	(void)state;
	assert_int_equal(pg_conninfo_ports("postgres://u@[::1]:6000,b:6001,"
	    "c:6000/x", ports, 8, &sock, err, sizeof(err)), 2);
	assert_int_equal(ports[0], 6000);
	assert_int_equal(ports[1], 6001);
	assert_false(sock);
	assert_int_equal(pg_conninfo_ports("host=/run/postgresql,b user=u",
	    ports, 8, &sock, err, sizeof(err)), 1);
	assert_int_equal(ports[0], 5432);
	assert_true(sock);
	assert_int_equal(pg_conninfo_ports("user=u", ports, 8, &sock, err,
	    sizeof(err)), 0);
	assert_true(sock);
	assert_int_equal(pg_conninfo_ports("nonsense", ports, 8, &sock, err,
	    sizeof(err)), -1);
}

/* Every file option is named, so that libpq looks nowhere else. */
static void
test_params_complete(void **state)
{
	static const char *const must[] = { "passfile", "sslcert", "sslkey",
	    "sslrootcert", "sslcrl", "gssencmode", "hostaddr", "user",
	    "tcp_user_timeout", "sslmode" };
	struct pg_conninfo *ci;
	struct pg_params p;
	struct pg_attempt at = { .addr = "10.1.1.1" };
	char err[256];
	size_t i, k;

	(void)state;
	ci = pg_conninfo_parse("postgres://u:p@h/db", err, sizeof(err));
	assert_non_null(ci);
	at.host = pg_conninfo_host(ci, 0);
	assert_int_equal(pg_conninfo_params(ci, &at, &p, err, sizeof(err)),
	    0);
	for (i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
		for (k = 0; k < p.n && strcmp(p.keys[k], must[i]) != 0; k++)
			continue;
		if (k == p.n)
			fail_msg("%s is missing", must[i]);
	}
	pg_conninfo_free(ci);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conninfo_errors),
		cmocka_unit_test(test_sslmode_rule),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_params_complete)
	};

	return (cmocka_run_group_tests_name("conninfo", tests, NULL, NULL));
}
