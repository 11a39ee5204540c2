/* SPDX-License-Identifier: ISC */
/* Snapshots: what parses, what is visible, and that text survives. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/snapshot.h"

static struct snapshot *
parse(const char *text)
{
	return (snapshot_parse(text, strlen(text), 1));
}

static void
good_texts(void **state)
{
	static const char *const text[] = {
	    "1:1:", "3:3:", "10:20:10,14,19", "10:20:", "5:6:5",
	    "18446744073709551610:18446744073709551615:18446744073709551614"
	};
	struct snapshot	*s;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		s = parse(text[i]);
		assert_non_null(s);
		assert_string_equal(snapshot_text(s), text[i]);
		snapshot_unref(s);
	}
	s = parse("10:20:11,11,12");
	assert_string_equal(snapshot_text(s), "10:20:11,12");
	snapshot_unref(s);
}

static void
bad_texts(void **state)
{
	static const char *const text[] = {
	    "", ":", "1", "1:", "1:2", "0:1:", "2:1:", "1:2:2", "2:3:1",
	    "1:9:5,4", "1:9:5,", "1:9:,5", "1:9:5,,6", "a:b:", "1:2:x",
	    "-1:2:", "1:2: ", " 1:2:", "1:18446744073709551616:",
	    "1:99999999999999999999999:", "1:2:1;"
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		errno = 0;
		assert_null(parse(text[i]));
		assert_int_equal(errno, EINVAL);
	}
}

/* A random set of running transactions, asked one by one. */
static void
visible_matches_set(void **state)
{
	uint64_t	 seed = 42, xmin, xid;
	struct snapshot	*s;
	char		 text[4096];
	int		 round, n;
	bool		 running[64];

	(void)state;
	for (round = 0; round < 2000; round++) {
		xmin = 1 + unit_random(&seed, UINT64_C(1) << 40);
		n = snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 ":",
		    xmin, xmin + 64);
		for (xid = 0; xid < 64; xid++)
			if ((running[xid] = unit_random(&seed, 3) == 0))
				n += snprintf(text + n, sizeof(text) -
				    (size_t)n, "%s%" PRIu64,
				    text[n - 1] == ':' ? "" : ",",
				    xmin + xid);
		s = parse(text);
		assert_non_null(s);
		assert_string_equal(snapshot_text(s), text);
		assert_true(snapshot_visible(s, xmin - 1));
		assert_false(snapshot_visible(s, xmin + 64));
		assert_false(snapshot_visible(s, UINT64_MAX));
		for (xid = 0; xid < 64; xid++)
			assert_int_equal(snapshot_visible(s, xmin + xid),
			    !running[xid]);
		snapshot_unref(s);
	}
}

static void
hash_tells_apart(void **state)
{
	struct snapshot	*a = parse("10:20:11"), *b = parse("10:20:12");
	struct snapshot	*c = parse("10:20:11,11");

	(void)state;
	assert_int_not_equal(snapshot_hash(a), snapshot_hash(b));
	assert_int_equal(snapshot_hash(a), snapshot_hash(c));
	assert_true(snapshot_equal(a, c));
	assert_false(snapshot_equal(a, b));
	assert_int_equal(snapshot_nxip(c), 1);
	snapshot_unref(snapshot_ref(a));
	snapshot_unref(a);
	snapshot_unref(b);
	snapshot_unref(c);
}

/* Whatever bytes come: no crash, and what parses prints the same set. */
static void
garbage_is_refused(void **state)
{
	static const char alphabet[] = "0123456789:,:,::";
	uint64_t	 seed = 7;
	struct snapshot	*s, *again;
	char		 text[32];
	size_t		 i, len;
	int		 round, parsed = 0;

	(void)state;
	for (round = 0; round < 200000; round++) {
		len = unit_random(&seed, sizeof(text));
		for (i = 0; i < len; i++)
			text[i] = alphabet[unit_random(&seed, 16)];
		if ((s = snapshot_parse(text, len, 1)) == NULL)
			continue;
		parsed++;
		again = parse(snapshot_text(s));
		assert_non_null(again);
		assert_true(snapshot_equal(s, again));
		snapshot_unref(s);
		snapshot_unref(again);
	}
	assert_true(parsed > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(visible_matches_set),
		cmocka_unit_test(hash_tells_apart),
		cmocka_unit_test(garbage_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
