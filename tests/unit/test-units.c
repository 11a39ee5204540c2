/* SPDX-License-Identifier: ISC */
/* Durations, sizes, numbers, and the absence of bias. */
#include <errno.h>
#include <string.h>

#include "common/units.h"
#include "common/utf8.h"
#include "tests/unit/unit.h"

struct row {
	const char	*text;
	int64_t		 value;
	int		 error;
};

static void
check(const struct row *r, size_t n, int (*fn)(const char *, int64_t *))
{
	int64_t v;
	int ret;

	for (; n > 0; n--, r++) {
		v = -77;
		errno = 0;
		ret = fn(r->text, &v);
		if (ret == 0 ? r->error != 0 : errno != r->error)
			fail_msg("\"%s\": returned %d, errno %d", r->text,
			    ret, errno);
		if (ret == 0 && v != r->value)
			fail_msg("\"%s\" is %lld", r->text, (long long)v);
	}
}
#define CHECK(rows, fn)	check(rows, sizeof(rows) / sizeof(rows[0]), fn)

static void
test_duration(void **state)
{
	static const struct row rows[] = {
		{ "250us", 250, 0 }, { "200ms", 200000, 0 },
		{ "5s", 5000000, 0 }, { "1.5m", 90000000, 0 },
		{ "1h", INT64_C(3600000000), 0 },
		{ "7d", INT64_C(604800000000), 0 }, { "20", 20000, 0 },
		{ "0", 0, 0 }, { "1 s", 1000000, 0 }, { "1.5us", 0, EINVAL },
		{ "0.001ms", 1, 0 }, { "0.0001ms", 0, EINVAL },
		{ "", 0, EINVAL }, { "-1s", 0, EINVAL }, { "s", 0, EINVAL },
		{ "1.s", 0, EINVAL }, { "1x", 0, EINVAL },
		{ "1s2", 0, EINVAL }, { "99999999999999999999s", 0, ERANGE },
		{ "9223372036854775807d", 0, ERANGE },
		{ "1.99999999999999999999s", 0, ERANGE }
	};

	(void)state;
	CHECK(rows, duration_parse);
}

static void
test_size(void **state)
{
	static const struct row rows[] = {
		{ "65536", 65536, 0 }, { "64KiB", 65536, 0 },
		{ "16MiB", 16777216, 0 }, { "1GB", 1000000000, 0 },
		{ "2g", INT64_C(2147483648), 0 }, { "1.5k", 1536, 0 },
		{ "7b", 7, 0 }, { "1KB", 1000, 0 }, { "0.3k", 0, EINVAL },
		{ "-1", 0, EINVAL }, { "1 q", 0, EINVAL },
		{ "9999999t", 0, ERANGE }
	};

	(void)state;
	CHECK(rows, size_parse);
}

static void
test_int(void **state)
{
	static const struct row rows[] = {
		{ "0", 0, 0 }, { "-1", -1, 0 }, { "+5", 5, 0 },
		{ "9223372036854775807", INT64_MAX, 0 },
		{ "-9223372036854775808", INT64_MIN, 0 },
		{ "9223372036854775808", 0, ERANGE },
		{ "-9223372036854775809", 0, ERANGE },
		{ "", 0, EINVAL }, { "-", 0, EINVAL }, { " 1", 0, EINVAL },
		{ "1 ", 0, EINVAL }, { "0x1", 0, EINVAL }
	};

	(void)state;
	CHECK(rows, int_parse);
}

static void
test_bool(void **state)
{
	int v;

	(void)state;
	assert_int_equal(bool_parse("Yes", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(bool_parse("off", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(bool_parse("maybe", &v), -1);
	assert_int_equal(bool_parse("", &v), -1);
}

static void
test_format(void **state)
{
	char s[32];
	int64_t back;

	(void)state;
	assert_string_equal(duration_format(200000, s, sizeof(s)), "200ms");
	assert_string_equal(duration_format(90000000, s, sizeof(s)), "90s");
	assert_string_equal(duration_format(60000000, s, sizeof(s)), "1m");
	assert_string_equal(duration_format(0, s, sizeof(s)), "0s");
	assert_string_equal(duration_format(1, s, sizeof(s)), "1us");
	assert_string_equal(size_format(65536, s, sizeof(s)), "64KiB");
	assert_string_equal(size_format(1000, s, sizeof(s)), "1000");
	assert_string_equal(size_format(0, s, sizeof(s)), "0");
	duration_format(INT64_MAX, s, sizeof(s));
	assert_int_equal(duration_parse(s, &back), 0);
	assert_true(back == INT64_MAX);
}

static void
test_random(void **state)
{
	unsigned int seen[3] = { 0, 0, 0 };
	int i;

	(void)state;
	assert_true(random_uniform(0) == 0);
	assert_true(random_uniform(1) == 0);
	for (i = 0; i < 3000; i++)
		seen[random_uniform(3)]++;
	/* 1000 each, and 250 is more than nine standard deviations. */
	for (i = 0; i < 3; i++)
		assert_in_range(seen[i], 750, 1250);
}

static void
test_clock(void **state)
{
	int64_t a = clock_mono_us(), b = clock_mono_us();

	(void)state;
	assert_true(a > 0 && b >= a);
	assert_true(clock_wall_us() > INT64_C(1600000000000000));
}

static void
test_utf8(void **state)
{
	static const char *const bad[] = { "\x80", "\xc0\xaf", "\xc3",
	    "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
	    "\xf0\x80\x80\x80", "\xff", "a\xc3(" };
	const char good[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8a";
	size_t i;

	(void)state;
	assert_true(utf8_valid(good, strlen(good)));
	assert_true(utf8_valid("", 0));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_utf8)
	};

	return (cmocka_run_group_tests_name("units", tests, NULL, NULL));
}
