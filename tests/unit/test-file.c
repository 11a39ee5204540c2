/* SPDX-License-Identifier: ISC */
/*
 * The file sink: lines, groups, full disks, rotation, closing in a hurry.
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include <event2/event.h>

#include "tests/sinkhost/sinkhost.h"
#include "tests/unit/peerprog.h"

#define PATIENCE_MS	20000

static struct event_base *base;
static const struct pgtide_sink_plugin *plugin;

static int
setup(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const char *top = getenv("top_builddir");
	char path[512], err[512];

	(void)state;
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)snprintf(path, sizeof(path), "%s/plugins/file/.libs/file.so",
	    top != NULL ? top : ".");
	if ((plugin = sinkhost_plugin_load(path, err, sizeof(err))) == NULL) {
		print_error("%s\n", err);
		return (-1);
	}
	base = event_base_new();
	return (base == NULL || peerprog_dir()[0] == '\0' ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(base);
	peerprog_cleanup();
	return (0);
}

static const char *
in_dir(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", peerprog_dir(), name);
	return (path);
}

static int
open_file(const char *name, int flags)
{
	int fd = open(in_dir(name), flags | O_CREAT | O_APPEND | O_CLOEXEC,
	    0644);

	assert_true(fd != -1);
	return (fd);
}

static struct pgtide_ctx *
open_sink(int fd, const char *name, const char *value)
{
	struct pgtide_ctx *h = sinkhost_new(plugin, base);
	char err[256];

	assert_non_null(h);
	assert_int_equal(sinkhost_set_fd(h, "path", fd), 0);
	if (name != NULL)
		assert_int_equal(sinkhost_set(h, name, NULL, value, err,
		    sizeof(err)), 0);
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		fail_msg("open: %s", err);
	return (h);
}

static void
close_sink(struct pgtide_ctx *h)
{
	const char *first;

	sinkhost_close(h, 10000);
	if (sinkhost_breaches(h, &first) > 0)
		fail_msg("breach: %s", first);
	sinkhost_free(h);
}

static uint64_t
submit(struct pgtide_ctx *h, const char *value)
{
	static uint32_t lane;
	struct pgtide_msg m = { .id = "f:1:a", .attempt = 1 };
	uint64_t token;

	m.lane = lane++;
	m.value = value;
	m.valuelen = value != NULL ? strlen(value) : 0;
	assert_true((token = sinkhost_submit(h, &m)) != 0);
	return (token);
}

static uint32_t
send_one(struct pgtide_ctx *h, const char *value)
{
	uint64_t token = submit(h, value);

	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	return (sinkhost_outcome(h, token)->result);
}

static void
assert_contents(const char *name, const char *want)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = fopen(in_dir(name), "re");

	assert_non_null(f);
	if (getdelim(&text, &size, '\0', f) == -1)
		assert_string_equal("", want);
	else
		assert_string_equal(text, want);
	free(text);
	(void)fclose(f);
}

static void
test_lines(void **state)
{
	int fd = open_file("lines", O_WRONLY);
	struct pgtide_ctx *h = open_sink(fd, NULL, NULL);

	(void)state;
	assert_int_equal(sinkhost_state(h, NULL), 1);
	assert_int_equal(send_one(h, "{\"a\":1}"), PGTIDE_DELIVERED);
	assert_int_equal(send_one(h, NULL), PGTIDE_DELIVERED);
	assert_int_equal(send_one(h, "{\n}"), PGTIDE_PERMANENT);
	assert_non_null(strstr(sinkhost_outcome(h, 3)->detail, "line break"));
	assert_int_equal(send_one(h, "{\"b\":2}"), PGTIDE_DELIVERED);
	assert_contents("lines", "{\"a\":1}\nnull\n{\"b\":2}\n");
	close_sink(h);
	(void)close(fd);
}

/* Many events share one wait for the disk, and stay in order. */
static void
test_groups(void **state)
{
	int i, fd = open_file("groups", O_WRONLY);
	struct pgtide_ctx *h = open_sink(fd, NULL, NULL);
	char value[32], *all, *p;

	(void)state;
	assert_non_null(all = calloc(50000, sizeof(value)));
	p = all;
	for (i = 0; i < 50000; i++) {
		(void)snprintf(value, sizeof(value), "{\"n\":%d}", i);
		(void)submit(h, value);
		p += snprintf(p, sizeof(value), "%s\n", value);
	}
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	for (i = 1; i <= 50000; i++)
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->result,
		    PGTIDE_DELIVERED);
	assert_contents("groups", all);
	assert_in_range(sinkhost_metric(h, "syncs_total"), 1,
	    5000);
	assert_int_equal(sinkhost_metric(h, "events_total"),
	    50000);
	assert_int_equal(sinkhost_metric(h, "bytes_total"),
	    p - all);
	close_sink(h);
	free(all);
	(void)close(fd);
}

static void
test_pretty(void **state)
{
	int fd = open_file("pretty", O_WRONLY);
	struct pgtide_ctx *h = open_sink(fd, "format", "pretty");

	(void)state;
	assert_int_equal(send_one(h, "{\"a\": [1,2 , {}],\n\"b\":"
	    "\"x,{\\\"y\\\":[\", \"c\":[ ] }"), PGTIDE_DELIVERED);
	assert_contents("pretty", "{\n  \"a\": [\n    1,\n    2,\n    {}\n"
	    "  ],\n  \"b\": \"x,{\\\"y\\\":[\",\n  \"c\": []\n}\n");
	close_sink(h);
	(void)close(fd);
}

/* Nesting deeper than anything sensible neither crashes nor explodes. */
static void
test_pretty_depth(void **state)
{
	int fd = open_file("deep", O_WRONLY);
	struct pgtide_ctx *h = open_sink(fd, "format", "pretty");
	static char deep[20001];
	struct stat st;

	(void)state;
	memset(deep, '[', 10000);
	memset(deep + 10000, ']', 10000);
	assert_int_equal(send_one(h, deep), PGTIDE_DELIVERED);
	assert_int_equal(send_one(h, "]]}{\"unended \\"), PGTIDE_DELIVERED);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size < 20000 * 140);
	close_sink(h);
	(void)close(fd);
}

/* A file as long as it may be: nothing torn, all of it comes later. */
static void
test_full(void **state)
{
	struct rlimit old, tight;
	int fd = open_file("full", O_RDWR);
	struct pgtide_ctx *h = open_sink(fd, NULL, NULL);
	const char *text;
	int i;

	(void)state;
	assert_int_equal(send_one(h, "\"0123456\""), PGTIDE_DELIVERED);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 25;		/* two and a half lines */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (i = 0; i < 3; i++)
		(void)submit(h, "\"abcdefg\"");
	i = sinkhost_wait_settled(h, PATIENCE_MS);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(i, 0);
	for (i = 2; i <= 4; i++) {
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->result,
		    PGTIDE_TRANSIENT);
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->code,
		    EFBIG);
	}
	assert_int_equal(sinkhost_state(h, &text), 0);
	assert_non_null(strstr(text, "cannot write"));
	assert_contents("full", "\"0123456\"\n");
	assert_int_equal(send_one(h, "1"), PGTIDE_DELIVERED);
	assert_int_equal(sinkhost_state(h, NULL), 1);
	assert_contents("full", "\"0123456\"\n1\n");
	close_sink(h);
	(void)close(fd);
}

static void
test_no_space(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_APPEND | O_CLOEXEC);
	struct pgtide_ctx *h;

	(void)state;
	if (fd == -1)
		skip();
	h = open_sink(fd, NULL, NULL);
	assert_int_equal(send_one(h, "1"), PGTIDE_TRANSIENT);
	assert_int_equal(sinkhost_outcome(h, 1)->code, ENOSPC);
	assert_int_equal(sinkhost_metric(h, "failures_total"), 1);
	close_sink(h);
	(void)close(fd);
}

/* What a crash tore is closed off, where it can be seen. */
static void
test_torn(void **state)
{
	int fd = open_file("torn", O_RDWR);
	struct pgtide_ctx *h;

	(void)state;
	assert_int_equal(write(fd, "{\"half", 6), 6);
	h = open_sink(fd, NULL, NULL);
	assert_int_equal(send_one(h, "1"), PGTIDE_DELIVERED);
	assert_int_equal(send_one(h, "2"), PGTIDE_DELIVERED);
	assert_contents("torn", "{\"half\n1\n2\n");
	close_sink(h);
	(void)close(fd);
}

static void
test_rotation(void **state)
{
	int old = open_file("rotated.1", O_WRONLY), new;
	struct pgtide_ctx *h = open_sink(old, NULL, NULL);
	int i;

	(void)state;
	assert_int_equal(send_one(h, "1"), PGTIDE_DELIVERED);
	new = open_file("rotated.2", O_WRONLY);
	/* The host puts the new file under the old number. */
	assert_int_equal(dup3(new, old, O_CLOEXEC), old);
	assert_int_equal(send_one(h, "2"), PGTIDE_DELIVERED);
	assert_int_equal(sinkhost_reload(h), 0);
	assert_int_equal(send_one(h, "3"), PGTIDE_DELIVERED);
	assert_contents("rotated.1", "1\n2\n");
	assert_contents("rotated.2", "3\n");
	for (i = 0; i < 10; i++) {	/* one after the other, nothing lost */
		(void)submit(h, "4");
		assert_int_equal(sinkhost_reload(h), 0);
	}
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	assert_contents("rotated.2",
	    "3\n4\n4\n4\n4\n4\n4\n4\n4\n4\n4\n");
	close_sink(h);
	(void)close(old);
	(void)close(new);
}

static void
test_not_opened(void **state)
{
	struct pgtide_ctx *h = sinkhost_new(plugin, base);
	char err[256];

	(void)state;
	assert_int_equal(sinkhost_open(h, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "required"));
	assert_int_equal(sinkhost_set_fd(h, "path", -1), 0);
	assert_int_equal(sinkhost_open(h, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "not opened"));
	sinkhost_free(h);
}

/* close() writes what is queued when it has the time. */
static void
test_close_settles(void **state)
{
	int fd = open_file("closing", O_WRONLY);
	struct pgtide_ctx *h = open_sink(fd, NULL, NULL);
	struct stat st;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		(void)submit(h, "1");
	while (sinkhost_accepted(h) < 1 && sinkhost_unsettled(h) > 0)
		sinkhost_run(h, 1);
	close_sink(h);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 2000);
	(void)close(fd);
}

/* A pipe that nobody reads: the writer hangs, close() does not. */
static void
test_close_abandons(void **state)
{
	struct pgtide_ctx *h;
	char *big, drain[4096];
	int fds[2], i;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_non_null(big = malloc(200001));
	memset(big, '7', 200000);
	big[200000] = '\0';
	h = open_sink(fds[1], NULL, NULL);
	for (i = 0; i < 5; i++)
		(void)submit(h, big);
	sinkhost_run(h, 100);
	assert_int_equal(sinkhost_unsettled(h), 5);
	sinkhost_close(h, 0);
	assert_int_equal(sinkhost_unsettled(h), 0);
	for (i = 1; i <= 5; i++)
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->result,
		    PGTIDE_TRANSIENT);
	assert_int_equal(sinkhost_breaches(h, NULL), 0);
	/* The messages go, then the writer wakes up: it must not care. */
	sinkhost_free(h);
	free(big);
	(void)close(fds[1]);
	while (read(fds[0], drain, sizeof(drain)) > 0)
		;
	(void)close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_pretty_depth),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_not_opened),
		cmocka_unit_test(test_close_settles),
		cmocka_unit_test(test_close_abandons)
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
