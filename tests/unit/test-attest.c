/* SPDX-License-Identifier: ISC */
/* Attestation: each line of /proc/PID/status that must hold, broken once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/attest.h"
#include "tests/unit/unit.h"

static const char good[] =
    "Name:\tpg-tide-worker\nUmask:\t0077\nState:\tS (sleeping)\n"
    "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
    "Groups:\t65534 \nThreads:\t1\n"
    "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
    "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
    "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n"
    "Seccomp_filters:\t2\n";

static const struct attest_policy strict = {
	.who = { .uid = 65534, .gid = 65534, .drop = true },
	.seccomp = true, .one_thread = true
};

/* The status with one piece of text replaced. */
static int
with(const char *old, const char *new, const struct attest_policy *p)
{
	char text[2048], err[256];
	const char *at = strstr(good, old);

	assert_non_null(at);
	(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good,
	    new, at + strlen(old));
	return (attest_text(text, p, err, sizeof(err)));
}

static void
test_strict(void **state)
{
	static const struct { const char *old, *new; } rows[] = {
		{ "Uid:\t65534\t65534\t65534\t65534",
		    "Uid:\t65534\t65534\t0\t65534" },
		{ "Uid:\t65534\t65534\t65534\t65534", "Uid:\t65534" },
		{ "Gid:\t65534\t65534\t65534\t65534",
		    "Gid:\t65534\t65534\t65534\t0" },
		{ "Groups:\t65534 ", "Groups:\t65534 0 " },
		{ "Threads:\t1", "Threads:\t2" },
		{ "CapInh:\t0000000000000000", "CapInh:\t0000000000000001" },
		{ "CapPrm:\t0000000000000000", "CapPrm:\t0000000000000080" },
		{ "CapEff:\t0000000000000000", "CapEff:\t00000000a80425fb" },
		{ "CapBnd:\t0000000000000000", "CapBnd:\t000001ffffffffff" },
		{ "CapAmb:\t0000000000000000", "CapAmb:\t0000000000000400" },
		{ "NoNewPrivs:\t1", "NoNewPrivs:\t0" },
		{ "Seccomp:\t2", "Seccomp:\t0" },
		{ "Seccomp:\t2", "Seccomp:\t1" },
		{ "Seccomp:\t2\n", "" },
		{ "NoNewPrivs:\t1", "NoNewPrivs:\t" },
		{ "CapEff:\t0000000000000000\n", "" },
		/* A name is the child's to choose: it must not pass for a
		 * line. */
		{ "Name:\tpg-tide-worker", "Name:\tSeccomp:\t2\nSeccomp:\t0" }
	};
	size_t i;

	(void)state;
	assert_int_equal(with("", "", &strict), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (with(rows[i].old, rows[i].new, &strict) != -1)
			fail_msg("accepted %s", rows[i].new);
	}
}

static void
test_relaxed(void **state)
{
	struct attest_policy p = strict;

	(void)state;
	p.seccomp = p.one_thread = false;
	assert_int_equal(with("Seccomp:\t2", "Seccomp:\t0", &p), 0);
	assert_int_equal(with("Threads:\t1", "Threads:\t9", &p), 0);
	assert_int_equal(with("NoNewPrivs:\t1", "NoNewPrivs:\t0", &p), -1);
	/* Without root, nobody can empty the bounding set. */
	p.who.drop = false;
	assert_int_equal(with("CapBnd:\t0000000000000000",
	    "CapBnd:\t000001ffffffffff", &p), 0);
	assert_int_equal(with("CapEff:\t0000000000000000",
	    "CapEff:\t0000000000000001", &p), -1);
}

static void
test_real_process(void **state)
{
	struct attest_policy p = { .who = { .uid = getuid(),
	    .gid = getgid() }, .seccomp = true };
	char err[256];

	(void)state;
	/* This test runs unconfined, or at least without no_new_privs. */
	assert_int_equal(attest(getpid(), &p, err, sizeof(err)), -1);
	assert_int_equal(attest(0x7ffffff0, &p, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "cannot read /proc/"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_relaxed),
		cmocka_unit_test(test_real_process)
	};

	return (cmocka_run_group_tests_name("attest", tests, NULL, NULL));
}
