/* SPDX-License-Identifier: ISC */
/* Option tables: checks, messages, precedence, lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/option.h"
#include "tests/unit/unit.h"

static const struct option_def defs[] = {
	{ "name", OPTION_STRING, OPTION_REQUIRED, NULL, 0, 0, NULL, "Name" },
	{ "secret", OPTION_STRING, OPTION_MASK, NULL, 0, 0, NULL, "Secret" },
	{ "on", OPTION_BOOL, 0, "yes", 0, 0, NULL, "Switch" },
	{ "count", OPTION_INT, 0, "5", 1, 10, NULL, "Count" },
	{ "room", OPTION_SIZE, 0, "64KiB", 1024, 1 << 20, NULL, "Room" },
	{ "wait_time", OPTION_DURATION, 0, "1s", 1000, 60000000, NULL,
	    "Wait" },
	{ "mode", OPTION_ENUM, 0, "b", 0, 0, "a|b|cc", "Mode" },
	{ "dirs.in", OPTION_FILE, OPTION_LIST, "/x, /y", 0, 0, NULL, "Dirs" }
};
#define N	(sizeof(defs) / sizeof(defs[0]))

static char err[512];

static int
put(struct option_set *s, const char *name, const char *text, const char *org)
{
	err[0] = '\0';
	return (option_set_put(s, name, text, org, err, sizeof(err)));
}

static void
test_defaults(void **state)
{
	struct option_set *s = option_set_new(defs, N);

	(void)state;
	assert_non_null(s);
	assert_null(option_str(s, "name"));
	assert_true(option_bool(s, "on"));
	assert_int_equal(option_num(s, "count"), 5);
	assert_int_equal(option_num(s, "room"), 65536);
	assert_int_equal(option_num(s, "wait_time"), 1000000);
	assert_int_equal(option_num(s, "mode"), 1);
	assert_string_equal(option_str(s, "mode"), "b");
	assert_string_equal(option_item(s, "dirs.in", 0), "/x");
	assert_string_equal(option_item(s, "dirs.in", 1), "/y");
	assert_null(option_item(s, "dirs.in", 2));
	assert_true(option_is_default(s, "mode"));
	assert_int_equal(option_set_complete(s, err, sizeof(err)), -1);
	assert_string_equal(err, "option \"name\" is required");
	assert_int_equal(put(s, "name", "n", "--name"), 0);
	assert_int_equal(option_set_complete(s, err, sizeof(err)), 0);
	option_set_free(s);
}

static void
test_refusals(void **state)
{
	static const struct { const char *name, *text, *want; } rows[] = {
		{ "on", "maybe", "on: bad value \"maybe\", expected boolean "
		    "(true, false)" },
		{ "count", "11", "count: bad value \"11\", expected integer "
		    "(1..10)" },
		{ "count", "0", "count: bad value \"0\", expected integer "
		    "(1..10)" },
		{ "count", "x", "count: bad value \"x\", expected integer "
		    "(1..10)" },
		{ "room", "1", "room: bad value \"1\", expected size "
		    "(1KiB..1MiB)" },
		{ "wait_time", "2h", "wait_time: bad value \"2h\", expected "
		    "duration (1ms..1m)" },
		{ "mode", "c", "mode: bad value \"c\", expected one of "
		    "a|b|cc" },
		{ "mode", "a|b", "mode: bad value \"a|b\", expected one of "
		    "a|b|cc" },
		{ "mode", "", "mode: bad value \"\", expected one of a|b|cc" },
		{ "name", "a\nb", "name: bad value, expected string" },
		{ "name", "\xff", "name: bad value, expected string" },
		{ "modde", "a", "unknown option \"modde\", did you mean "
		    "\"mode\"?" },
		{ "something_else", "a", "unknown option "
		    "\"something_else\"" }
	};
	struct option_set *s = option_set_new(defs, N);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(put(s, rows[i].name, rows[i].text, "f:1"),
		    -1);
		assert_string_equal(err, rows[i].want);
	}
	assert_true(option_is_default(s, "count"));
	option_set_free(s);
}

static void
test_masked_values_are_not_repeated(void **state)
{
	struct option_set *s = option_set_new(defs, N);

	(void)state;
	assert_int_equal(put(s, "secret", "hunter2\n", "f:1"), -1);
	assert_null(strstr(err, "hunter2"));
	option_set_free(s);
}

static void
test_precedence(void **state)
{
	struct option_set *s = option_set_new(defs, N);

	(void)state;
	assert_int_equal(put(s, "count", "2", "/etc/x.conf:3"), 0);
	assert_int_equal(put(s, "count", "3", "--count"), 0);
	assert_int_equal(option_num(s, "count"), 3);
	assert_string_equal(option_get(s, "count")->origin, "--count");

	assert_int_equal(put(s, "dirs.in", "/a, /b", "/etc/x.conf:4"), 0);
	assert_int_equal(put(s, "dirs.in", "/c", "/etc/x.conf:9"), 0);
	assert_string_equal(option_item(s, "dirs.in", 0), "/a");
	assert_string_equal(option_item(s, "dirs.in", 2), "/c");
	assert_null(option_item(s, "dirs.in", 3));
	assert_int_equal(put(s, "dirs.in", "/flag", "--set"), 0);
	assert_string_equal(option_item(s, "dirs.in", 0), "/flag");
	assert_null(option_item(s, "dirs.in", 1));
	assert_int_equal(put(s, "dirs.in", "", "--other"), 0);
	assert_null(option_item(s, "dirs.in", 0));
	option_set_free(s);
}

static void
test_help(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	option_print_help(f, &defs[3], 1, "--");
	fclose(f);
	assert_string_equal(text,
	    "  --count\n\tCount\n\tinteger (1..10), default 5\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_masked_values_are_not_repeated),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_help)
	};

	return (cmocka_run_group_tests_name("option", tests, NULL, NULL));
}
