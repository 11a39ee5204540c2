/* SPDX-License-Identifier: ISC */
/*
 * The webhook sink needs neither files nor threads after prepare(): run
 * under a filter that kills for them, and in the worker's lock-down.
 */
#include "config.h"

#include <sys/wait.h>

#include <dirent.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/sandbox/sandbox.h"
#include "tests/unit/hooknet.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Death to whoever opens a file, makes a thread or a socket not of TCP. */
static int
confine(void)
{
	static const int forbidden[] = {
		SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(clone),
		SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork),
		SCMP_SYS(execve), SCMP_SYS(sendmmsg)
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t i;
	int rc = 0;

	if (ctx == NULL)
		return (-1);
	for (i = 0; i < COUNT(forbidden); i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS,
		    forbidden[i], 0);
	rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket),
	    1, SCMP_A0(SCMP_CMP_GT, 10));
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(13), SCMP_SYS(socket), 1,
	    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, 2));
	rc |= seccomp_load(ctx);
	seccomp_release(ctx);
	return (rc == 0 ? 0 : -1);
}

/* The worker's own lock-down, with nothing but what the plugin declares. */
static int
lock_down(void)
{
	const uint16_t ports[] = {
		(uint16_t)hooknet_receiver.port, (uint16_t)bench_receiver.port
	};
	struct sandbox_policy policy = {
		.mode = SANDBOX_BEST_EFFORT, .action = SANDBOX_KILL,
		.required_net = 2, .needs = SANDBOX_TCP, .ports = ports,
		.nports = COUNT(ports)
	};
	struct sandbox_report report = { 0 };
	char err[256];

	if (bench_plugin->needs != PGTIDE_NEED_TCP ||
	    sandbox_stage1(&policy, &report, err, sizeof(err)) == -1 ||
	    sandbox_stage2(&policy, &report, err, sizeof(err)) == -1 ||
	    sandbox_stage3(&policy, &report, err, sizeof(err)) == -1)
		return (-1);
	return (report.seccomp ? 0 : -1);
}

/* In a child: open, deliver by name over TLS, be refused, close. */
static int
confined_life(int (*restrain)(void))
{
	struct pgtide_ctx *h = hooknet_tls(HOOKNET_NAME, hooknet_receiver.port);
	struct pgtide_msg m = { .id = "c:1:d", .value = "{}", .valuelen = 2 };
	char err[256];
	int i;

	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	bench_set(h, "signature.scheme", "hmac-sha256");
	bench_set(h, "signature.secret", "s3");
	if (restrain() == -1)
		return (2);
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		return (3);
	for (i = 0; i < 50; i++, m.lane++)
		if (sinkhost_submit(h, &m) == 0)
			return (4);
	if (sinkhost_wait_settled(h, PATIENCE_MS) == -1)
		return (5);
	for (i = 1; i <= 50; i++)
		if (sinkhost_outcome(h, (uint64_t)i)->code != 200)
			return (6);
	sinkhost_free(h);
	h = hooknet_by_name("/hang");		/* a time-out */
	bench_set(h, "timeout", "200ms");
	(void)sinkhost_add_name(h, HOOKNET_NAME, "127.0.0.1");
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		return (7);
	if (sinkhost_submit(h, &m) == 0 ||
	    sinkhost_wait_settled(h, PATIENCE_MS) == -1 ||
	    sinkhost_outcome(h, 1)->result != PGTIDE_TRANSIENT)
		return (8);
	sinkhost_free(h);
	/* The system's bundle. */
	h = hooknet_instance("https://example.com/", false);
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		return (9);
	sinkhost_free(h);
	return (0);
}

/* Their run time opens files and does much else. */
static bool
instrumented(void)
{
#ifdef TIDE_INSTRUMENTED
	return (true);
#else
	const char *preload = getenv("LD_PRELOAD");

	return (preload != NULL && strstr(preload, "vgpreload") != NULL);
#endif
}

static void
run_confined(int (*restrain)(void))
{
	pid_t pid;
	int status;

	if (instrumented())
		skip();
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)event_reinit(bench_base);
		_exit(confined_life(restrain));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_confined(void **state)
{
	(void)state;
	run_confined(confine);
}

static void
test_locked_down(void **state)
{
	(void)state;
	run_confined(lock_down);
}

/* A filter that holds nothing back would prove nothing. */
static void
test_confinement_holds(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (instrumented())
		skip();
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		if (confine() == 0)
			(void)opendir("/");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_locked_down),
		cmocka_unit_test(test_confinement_holds)
	};

	return (cmocka_run_group_tests(tests, hooknet_setup,
	    hooknet_teardown));
}
