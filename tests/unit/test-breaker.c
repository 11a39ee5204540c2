/* SPDX-License-Identifier: ISC */
/* The breaker opens for misconfiguration, and probes with growing pauses. */
#include "tests/unit/unit.h"

#include "worker/breaker.h"

static void
opens_in_a_row(void **state)
{
	struct breaker	b;
	int		i;

	(void)state;
	breaker_init(&b, 20);
	for (i = 0; i < 19; i++)
		assert_false(breaker_result(&b, true, i));
	assert_false(breaker_result(&b, false, i));
	for (i = 0; i < 19; i++)
		assert_false(breaker_result(&b, true, i));
	assert_int_equal(breaker_allow(&b, 0), SIZE_MAX);
	assert_true(breaker_result(&b, true, 100));
	assert_true(breaker_open(&b));
	assert_int_equal(b.why, BREAKER_IN_A_ROW);
	assert_int_equal(breaker_allow(&b, 100), 0);
}

static void
opens_by_ratio(void **state)
{
	struct breaker	b;
	unsigned int	i;

	(void)state;
	breaker_init(&b, 20);
	for (i = 0; i < BREAKER_WINDOW - 1; i++)
		assert_false(breaker_result(&b, i % 2 == 1, 0));
	assert_true(breaker_result(&b, true, 0));
	assert_int_equal(b.why, BREAKER_RATIO);
}

static void
off_never_opens(void **state)
{
	struct breaker	b;
	int		i;

	(void)state;
	breaker_init(&b, 0);
	for (i = 0; i < 5000; i++)
		assert_false(breaker_result(&b, true, 0));
	assert_true(breaker_gone(&b, 0));
}

static void
probes_one_by_one(void **state)
{
	struct breaker	b;
	int64_t		now = 1000, pause = BREAKER_PAUSE_US;
	int		i;

	(void)state;
	breaker_init(&b, 20);
	assert_int_equal(breaker_next(&b), INT64_MAX);
	assert_true(breaker_gone(&b, now));
	/* Late results of what was under way change nothing. */
	assert_false(breaker_result(&b, false, now));
	assert_true(breaker_open(&b));
	for (i = 0; i < 10; i++) {
		assert_int_equal(breaker_next(&b), now + pause);
		assert_int_equal(breaker_allow(&b, now + pause - 1), 0);
		now += pause;
		assert_int_equal(breaker_allow(&b, now), 1);
		breaker_offered(&b);
		assert_int_equal(breaker_allow(&b, now), 0);
		assert_false(breaker_gone(&b, now));
		pause = pause * 2 > BREAKER_PAUSE_MAX_US ?
		    BREAKER_PAUSE_MAX_US : pause * 2;
	}
	now += pause;
	breaker_offered(&b);
	assert_false(breaker_result(&b, false, now));
	assert_false(breaker_open(&b));
	assert_int_equal(breaker_allow(&b, now), SIZE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_in_a_row),
		cmocka_unit_test(opens_by_ratio),
		cmocka_unit_test(off_never_opens),
		cmocka_unit_test(probes_one_by_one),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
