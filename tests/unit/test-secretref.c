/* SPDX-License-Identifier: ISC */
/* The reference scanner: what is a reference, what is not. */
#include <stdio.h>
#include <string.h>

#include "common/secretref.h"
#include "tests/unit/unit.h"

static char seen[256];

static int
note(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	size_t n = strlen(seen);

	(void)arg;
	(void)snprintf(seen + n, sizeof(seen) - n, "%d:%.*s;", (int)kind,
	    (int)len, name);
	return (0);
}

static int
scan(const char *s, char *err, size_t size)
{
	seen[0] = '\0';
	return (secretref_scan(s, strlen(s), note, NULL, err, size));
}

static void
test_scan(void **state)
{
	static const struct { const char *text, *refs; } rows[] = {
		{ "", "" }, { "plain", "" }, { "$", "" }, { "$$", "" },
		{ "$x{", "" }, { "a$", "" },
		{ "${env:NAME}", "1:NAME;" },
		{ "${file:/run/x}", "2:/run/x;" },
		{ "postgres://u:${file:/run/secrets/pw}@h/${env:_D1}",
		    "2:/run/secrets/pw;1:_D1;" },
		{ "$${env:NAME}", "" }, { "$$${env:A}", "" },
		{ "$${${env:A}", "1:A;" }, { "${env:A}${env:A}", "1:A;1:A;" }
	};
	char err[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(scan(rows[i].text, err, sizeof(err)), 0);
		assert_string_equal(seen, rows[i].refs);
	}
}

static void
test_malformed(void **state)
{
	static const char *const rows[] = { "${", "x${env:A", "${}", "${env:}",
	    "${env:A B}", "${env:1A}", "${file:relative}", "${file:/}",
	    "${file:}", "${vault:x}", "${ENV:A}", "${file:/a\nb}",
	    "${env:${env:A}}" };
	char err[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err[0] = '\0';
		if (scan(rows[i], err, sizeof(err)) != -1)
			fail_msg("accepted %s", rows[i]);
		assert_non_null(strstr(err, "offset"));
	}
}

static const void *
look(enum ref_kind kind, const char *name, size_t *len, void *arg)
{
	(void)arg;
	if (kind == REF_ENV && strcmp(name, "PW") == 0) {
		*len = 6;
		return ("s3cret");
	}
	if (kind == REF_FILE && strcmp(name, "/e") == 0) {
		*len = 0;
		return ("");
	}
	return (NULL);
}

static void
test_expand(void **state)
{
	const char in[] = "a ${env:PW} $${env:PW} ${file:/e}z";
	const char want[] = "a s3cret ${env:PW} z";
	char out[64], err[128];
	size_t len;

	(void)state;
	assert_int_equal(secretref_expand(in, strlen(in), look, NULL, NULL, 0,
	    &len, err, sizeof(err)), 0);
	assert_int_equal(len, strlen(want));
	assert_int_equal(secretref_expand(in, strlen(in), look, NULL, out,
	    len, &len, err, sizeof(err)), 0);
	assert_string_equal(out, want);
	assert_int_equal(secretref_expand(in, strlen(in), look, NULL, out,
	    len - 1, &len, err, sizeof(err)), -1);
}

static void
test_expand_missing(void **state)
{
	char out[64], err[128];
	size_t len;

	(void)state;
	assert_int_equal(secretref_expand("${env:NO}", 9, look, NULL, out,
	    sizeof(out), &len, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "${env:NO}"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_expand_missing)
	};

	return (cmocka_run_group_tests_name("secretref", tests, NULL, NULL));
}
