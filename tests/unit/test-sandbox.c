/* SPDX-License-Identifier: ISC */
/*
 * The classes of the sandbox as the catalog, control and the resolver use
 * them; a worker's is probed by tests/sandbox.  One process per attempt.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/landlock.h"
#include "common/sandbox/sandbox.h"
#include "tests/sandbox/probe_acts.h"

#define KILLED	1000		/* + signal */
#define REFUSED	2000		/* a stage failed */

static const char *const etc_hosts[] = { "/etc/hosts", "/nonexistent" };
static uint16_t listed_port;
static char listed[8], other[8];

/* How an attempt inside policy ends: 0, an errno, or KILLED + signal. */
static int
attempt(const struct sandbox_policy *policy, const char *act,
    const char *arg)
{
	struct sandbox_report report;
	char err[256];
	int status;
	pid_t pid;

	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		if (sandbox_enter(policy, &report, err, sizeof(err)) == -1 ||
		    sandbox_stage3(policy, &report, err, sizeof(err)) == -1)
			_exit(255);
		_exit(probe_act(act, arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return (KILLED + WTERMSIG(status));
	return (WEXITSTATUS(status) == 255 ? REFUSED : WEXITSTATUS(status));
}

struct row {
	const char	*act, *arg;
	int		 expected;
	int		 abi;		/* of Landlock, at least */
};

/* ThreadSanitizer keeps a thread of its own, which the sandbox refuses. */
static void
need_one_thread(void)
{
#ifdef __SANITIZE_THREAD__
	skip();
#endif
}

static void
check(struct sandbox_policy *policy, const struct row *rows, size_t n)
{
	size_t i;
	int got;

	need_one_thread();
	policy->ports = &listed_port;
	policy->nports = 1;
	policy->required_net = 2;
	for (i = 0; i < n; i++) {
		if (landlock_abi() < rows[i].abi)
			continue;
		got = attempt(policy, rows[i].act, rows[i].arg);
		if (got != rows[i].expected)
			fail_msg("%s %s: %d, expected %d", rows[i].act,
			    rows[i].arg, got, rows[i].expected);
	}
}

#define DEATH	(KILLED + SIGSYS)
#define CHECK(policy, rows)						\
	check((policy), (rows), sizeof(rows) / sizeof((rows)[0]))

static void
need_landlock(void)
{
	if (landlock_abi() < LANDLOCK_ABI_FILES)
		skip();
}

static void
test_catalog(void **state)
{
	struct sandbox_policy policy = {
		.needs = SANDBOX_TCP | SANDBOX_MEMFD
	};
	const struct row rows[] = {
		{ "memfd", "", 0, 0 }, { "tcp", listed, 0, 0 },
		{ "tcp", other, EACCES, LANDLOCK_ABI_NET },
		{ "open", "/etc/hosts", EACCES, 0 },
		{ "unix", "/nonexistent", EACCES, 0 },
		{ "thread", "", DEATH, 0 }, { "fork", "", DEATH, 0 },
		{ "exec", "/bin/true", DEATH, 0 },
		{ "map_rwx", "", DEATH, 0 }, { "landlock", "", DEATH, 0 }
	};

	(void)state;
	need_landlock();
	CHECK(&policy, rows);
	policy.needs |= SANDBOX_UNIX;
	assert_int_equal(attempt(&policy, "unix", "/nonexistent"), ENOENT);
	assert_int_equal(attempt(&policy, "socketpair", ""), 0);
}

static void
test_control(void **state)
{
	struct sandbox_policy policy = { .needs = SANDBOX_ACCEPT };
	const struct row rows[] = {
		{ "epoll", "", 0, 0 }, { "tcp", listed, DEATH, 0 },
		{ "bind", "", DEATH, 0 }, { "udp", listed, DEATH, 0 },
		{ "unix", "/nonexistent", EACCES, 0 },
		{ "memfd", "", DEATH, 0 }, { "open", "/etc/hosts", EACCES, 0 },
		{ "socketpair", "", DEATH, 0 }, { "thread", "", DEATH, 0 }
	};

	(void)state;
	need_landlock();
	CHECK(&policy, rows);
}

static void
test_resolver(void **state)
{
	struct sandbox_policy policy = {
		.needs = SANDBOX_DNS | SANDBOX_FILES,
		.read_files = etc_hosts, .nread_files = 2
	};
	const struct row rows[] = {
		{ "open", "/etc/hosts", 0, 0 },
		{ "open", "/etc/passwd", EACCES, 0 },
		{ "create", "/tmp/nonexistent", EACCES, 0 },
		{ "udp", listed, 0, 0 }, { "tcp", listed, 0, 0 },
		{ "tcp", other, EACCES, LANDLOCK_ABI_NET },
		{ "mptcp", listed, DEATH, 0 }, { "netlink", "", EACCES, 0 },
		{ "unix", "/nonexistent", EACCES, 0 },
		{ "exec", "/bin/true", DEATH, 0 }
	};

	(void)state;
	need_landlock();
	CHECK(&policy, rows);
}

/* Where Landlock is missing, the filter says no to every open. */
static void
test_without_landlock(void **state)
{
	struct sandbox_policy policy = {
		.needs = SANDBOX_TCP | SANDBOX_FILES, .no_landlock = true,
		.mode = SANDBOX_BEST_EFFORT
	};

	(void)state;
	need_one_thread();
	assert_int_equal(attempt(&policy, "fork", ""), DEATH);
#ifdef TIDE_INSTRUMENTED
	/* The run time of sanitizers opens files. */
	skip();
#endif
	assert_int_equal(attempt(&policy, "open", "/etc/hosts"), EACCES);
}

static void
test_off(void **state)
{
	struct sandbox_policy policy = { .mode = SANDBOX_OFF };

	(void)state;
	assert_int_equal(attempt(&policy, "fork", ""), 0);
	assert_int_equal(attempt(&policy, "open", "/etc/hosts"), 0);
}

static void *
wait_posted(void *arg)
{
	while (sem_wait(arg) == -1 && errno == EINTR)
		continue;
	return (NULL);
}

/* Landlock would not hold for the other thread. */
static void
test_two_threads(void **state)
{
	struct sandbox_policy policy = { .needs = SANDBOX_TCP };
	struct sandbox_report report;
	pthread_t thread;
	char err[256];
	sem_t sem;

	(void)state;
	need_one_thread();
	assert_int_equal(sandbox_threads(), 1);
	assert_int_equal(sem_init(&sem, 0, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_posted, &sem), 0);
	assert_int_equal(sandbox_threads(), 2);
	assert_int_equal(sandbox_stage1(&policy, &report, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "2 threads where only one may be"));
	assert_int_equal(sem_post(&sem), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
test_words(void **state)
{
	enum sandbox_action action;
	enum sandbox_mode mode;

	(void)state;
	assert_int_equal(sandbox_mode_parse("required", &mode), 0);
	assert_int_equal(mode, SANDBOX_REQUIRED);
	assert_int_equal(sandbox_mode_parse("best-effort", &mode), 0);
	assert_int_equal(mode, SANDBOX_BEST_EFFORT);
	assert_int_equal(sandbox_mode_parse("off", &mode), 0);
	assert_int_equal(mode, SANDBOX_OFF);
	assert_int_equal(sandbox_mode_parse("Off", &mode), -1);
	assert_int_equal(sandbox_mode_parse("", &mode), -1);
	assert_int_equal(sandbox_action_parse("log", &action), 0);
	assert_int_equal(action, SANDBOX_LOG);
	assert_int_equal(sandbox_action_parse("kil", &action), -1);
}

static void
test_print(void **state)
{
	struct sandbox_policy policy = { .needs = SANDBOX_TCP,
	    .ports = &listed_port, .nports = 1 };
	char text[65536], line[64];
	size_t n;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_int_equal(sandbox_print(&policy, fileno(f)), 0);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	snprintf(line, sizeof(line), "connect tcp %s\n", listed);
	assert_non_null(strstr(text, line));
	assert_non_null(strstr(text, "seccomp class tcp\n"));
	assert_null(strstr(text, "seccomp class dns\n"));
	assert_non_null(strstr(text, "action KILL_PROCESS;"));
	assert_null(strstr(text, "\"execve\""));
}

/* Listening sockets that stay open until the end. */
static uint16_t
listener(char *text, size_t size)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		fatal("listener");
	snprintf(text, size, "%u", (unsigned int)ntohs(sin.sin_port));
	return (ntohs(sin.sin_port));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalog),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_resolver),
		cmocka_unit_test(test_without_landlock),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_print)
	};

	log_init("test", STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_ERROR);
	listed_port = listener(listed, sizeof(listed));
	(void)listener(other, sizeof(other));
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
