/* SPDX-License-Identifier: ISC */
/* The restart throttle: a dying child cannot spin. */
#include <signal.h>

#include "supervisor/throttle.h"
#include "tests/unit/unit.h"

#define SECOND	INT64_C(1000000)

static void
test_doubles(void **state)
{
	unsigned int i, n;
	int64_t us, most;

	(void)state;
	for (n = 1; n < 40; n++) {
		most = n > 9 ? 60 * SECOND : (SECOND / 5) << (n - 1);
		if (most > 60 * SECOND)
			most = 60 * SECOND;
		for (i = 0; i < 50; i++) {
			us = throttle_delay_us(CAUSE_CRASH, n, false);
			assert_in_range(us, most / 2, most);
		}
	}
	assert_in_range(throttle_delay_us(CAUSE_CRASH, 4000000000U, false),
	    30 * SECOND, 60 * SECOND);
}

static void
test_after_a_useful_life(void **state)
{
	(void)state;
	assert_in_range(throttle_delay_us(CAUSE_CRASH, 30, true),
	    5 * SECOND / 2, 5 * SECOND);
}

static void
test_causes(void **state)
{
	(void)state;
	assert_true(throttle_delay_us(CAUSE_CONFIG, 1, false) == -1);
	assert_in_range(throttle_delay_us(CAUSE_SECRET, 9, false),
	    15 * SECOND, 30 * SECOND);
	assert_in_range(throttle_delay_us(CAUSE_SESSION_LOST, 99, true),
	    SECOND / 2, SECOND);
	assert_in_range(throttle_delay_us(CAUSE_DATABASE, 99, false),
	    5 * SECOND / 2, 5 * SECOND);
	assert_in_range(throttle_delay_us(CAUSE_STOPPED, 0, true), 0, 1000);
	assert_true(throttle_counts(CAUSE_KILLED));
	assert_false(throttle_counts(CAUSE_SESSION_LOST));
	assert_false(throttle_counts(CAUSE_STOPPED));
}

static void
test_status(void **state)
{
	(void)state;
	assert_int_equal(throttle_cause(0, true), CAUSE_STOPPED);
	assert_int_equal(throttle_cause(0, false), CAUSE_EXIT);
	assert_int_equal(throttle_cause(1 << 8, true), CAUSE_EXIT);
	assert_int_equal(throttle_cause(77 << 8, false), CAUSE_SYSCALL);
	assert_int_equal(throttle_cause(SIGSYS, false), CAUSE_SYSCALL);
	assert_int_equal(throttle_cause(SIGSEGV | 0x80, false), CAUSE_CRASH);
	assert_int_equal(throttle_cause(SIGKILL, true), CAUSE_KILLED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_after_a_useful_life),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_status)
	};

	return (cmocka_run_group_tests_name("throttle", tests, NULL, NULL));
}
