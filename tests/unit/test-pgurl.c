/* SPDX-License-Identifier: ISC */
/* What the supervisor has to know of connection strings. */
#include <stdio.h>
#include <string.h>

#include "supervisor/pgurl.h"
#include "tests/unit/unit.h"

static char seen[1024];

static int
note(const char *key, const char *value, void *arg)
{
	size_t n = strlen(seen);

	(void)arg;
	(void)snprintf(seen + n, sizeof(seen) - n, "%s=%s;", key, value);
	return (0);
}

static void
test_scan(void **state)
{
	static const struct { const char *url, *want; } rows[] = {
		{ "postgres://u:p@h:5432/db", "host=h;" },
		{ "postgresql://h/db?sslmode=verify-full&sslrootcert=/a%20b",
		    "host=h;sslmode=verify-full;sslrootcert=/a b;" },
		{ "postgres:///db?host=/run/pg", "host=;host=/run/pg;" },
		{ "postgres://u@%2Frun%2Fpg/db", "host=/run/pg;" },
		{ "postgres://a:1,[::1]:2,c/db",
		    "host=a;host=::1;host=c;" },
		{ "postgres://u:p@w@h/db", "host=h;" },
		{ "host=h  user = 'a b' sslkey='/k\\'x'",
		    "host=h;user=a b;sslkey=/k'x;" },
		{ "", "" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		seen[0] = '\0';
		assert_int_equal(pgurl_scan(rows[i].url, note, NULL), 0);
		assert_string_equal(seen, rows[i].want);
	}
}

static void
test_malformed(void **state)
{
	static const char *const rows[] = { "postgres://h/db?x", "host",
	    "host='a", "=x", "postgres://h/db?a=%2", "postgres://h/db?a=%zz",
	    "postgres://h/db?a=%00", "host=a\\", "postgres://h/?=x",
	    "postgres://[::1/x" };
	static char big[10000] = "host=";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (pgurl_scan(rows[i], note, NULL) != -1)
			fail_msg("accepted %s", rows[i]);
	}
	memset(big + 5, 'x', sizeof(big) - 6);
	assert_int_equal(pgurl_scan(big, note, NULL), -1);
}

static void
test_unix(void **state)
{
	(void)state;
	assert_true(pgurl_is_unix("postgres:///db?host=/run/pg"));
	assert_true(pgurl_is_unix("postgres:///db"));
	assert_true(pgurl_is_unix("dbname=x"));
	assert_true(pgurl_is_unix("host=h,/tmp"));
	assert_true(pgurl_is_unix("host=@abstract"));
	assert_false(pgurl_is_unix("postgres://h/db"));
	assert_false(pgurl_is_unix("hostaddr=127.0.0.1 dbname=x"));
	assert_false(pgurl_is_unix("postgres://u:/p@h/db"));
}

static void
test_files(void **state)
{
	(void)state;
	assert_true(pgurl_names_file("sslrootcert", "/ca"));
	assert_false(pgurl_names_file("sslrootcert", "system"));
	assert_false(pgurl_names_file("passfile", "/x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_files)
	};

	return (cmocka_run_group_tests_name("pgurl", tests, NULL, NULL));
}
