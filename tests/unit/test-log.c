/* SPDX-License-Identifier: ISC */
/* Log lines: shape, escaping, errno, levels. */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/unit/unit.h"

static int pair[2];
static char line[16384];

static int
setup(void **state)
{
	(void)state;
	return (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
}

static int
teardown(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	close(pair[0]);
	close(pair[1]);
	return (0);
}

/* The last line, or "" when nothing was written. */
static const char *
got(void)
{
	ssize_t n;

	n = recv(pair[1], line, sizeof(line) - 1, MSG_DONTWAIT);
	line[n > 0 ? n : 0] = '\0';
	return (line);
}

static void
test_text(void **state)
{
	char want[128];

	(void)state;
	log_init("prog", pair[0], LOG_FMT_TEXT, LOG_LVL_INFO);
	errno = ENOENT;
	log_warn("cannot open %s", "it");
	assert_int_equal(errno, ENOENT);
	(void)snprintf(want, sizeof(want),
	    " prog[%ld]: warn: cannot open it: No such file or directory\n",
	    (long)getpid());
	got();
	/* 2026-01-01T00:00:00.000Z */
	assert_int_equal(strcspn(line, " "), 24);
	assert_string_equal(line + 24, want);
	log_errorx("plain");
	assert_non_null(strstr(got(), "]: error: plain\n"));
}

static void
test_levels(void **state)
{
	enum log_level level;

	(void)state;
	log_init("prog", pair[0], LOG_FMT_TEXT, LOG_LVL_WARN);
	log_info("no");
	assert_string_equal(got(), "");
	log_set_level(LOG_LVL_DEBUG);
	log_debug("yes");
	assert_non_null(strstr(got(), "debug: yes"));
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_LVL_WARN);
	assert_int_equal(log_level_parse("warning", &level), -1);
	assert_string_equal(log_level_name(LOG_LVL_INFO), "info");
}

static void
test_escaping(void **state)
{
	(void)state;
	log_init("prog", pair[0], LOG_FMT_TEXT, LOG_LVL_INFO);
	log_info("a\nb\033[1m\x7f\xff\xc2\x9b\xc3\xa9");
	assert_non_null(strstr(got(),
	    "info: a\\nb\\x1b[1m\\x7f\\xff\\xc2\\x9b\xc3\xa9\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void
test_json(void **state)
{
	(void)state;
	log_init("prog", pair[0], LOG_FMT_JSON, LOG_LVL_INFO);
	log_foreign(LOG_LVL_INFO, "other", 42, "pipeline=a\"b outbox=o",
	    "say \"hi\"\n\xff\\");
	assert_non_null(strstr(got(), "\",\"level\":\"info\","
	    "\"program\":\"other\",\"pid\":42,\"pipeline\":\"a\\\"b\","
	    "\"outbox\":\"o\",\"msg\":\"say \\\"hi\\\"\\n\\ufffd\\\\\"}\n"));
}

static void
test_syslog(void **state)
{
	char want[64];

	(void)state;
	log_init("prog", pair[0], LOG_FMT_SYSLOG, LOG_LVL_INFO);
	log_errorx("x");
	(void)snprintf(want, sizeof(want), "<27>prog[%ld]: error: x",
	    (long)getpid());
	assert_string_equal(got(), want);
}

static void
test_long_lines_are_cut(void **state)
{
	static char big[3 * LOG_LINE_MAX];

	(void)state;
	memset(big, '\001', sizeof(big) - 1);
	log_init("prog", pair[0], LOG_FMT_JSON, LOG_LVL_INFO);
	log_info("%s", big);
	got();
	assert_in_range(strlen(line), 100, 2 * LOG_LINE_MAX);
	assert_string_equal(line + strlen(line) - 6, "...\"}\n");
}

static char sunk[64];

static int
sink(enum log_level level, const char *text, void *arg)
{
	(void)snprintf(sunk, sizeof(sunk), "%d %s", (int)level, text);
	return (*(int *)arg);
}

static void
test_sink(void **state)
{
	int ret = 0;

	(void)state;
	log_init("prog", pair[0], LOG_FMT_TEXT, LOG_LVL_INFO);
	log_set_sink(sink, &ret);
	log_warnx("to the sink");
	assert_string_equal(sunk, "1 to the sink");
	assert_string_equal(got(), "");
	ret = -1;
	log_warnx("refused");
	assert_non_null(strstr(got(), "warn: refused\n"));
}

/* Last: the context cannot be taken back. */
static void
test_context(void **state)
{
	(void)state;
	log_init("prog", pair[0], LOG_FMT_TEXT, LOG_LVL_INFO);
	log_set_context("pipeline", "orders");
	log_info("x");
	assert_non_null(strstr(got(), "]: info: pipeline=orders x\n"));
}

int
main(void)
{
#define T(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_text), T(test_levels), T(test_escaping), T(test_json),
		T(test_syslog), T(test_long_lines_are_cut), T(test_sink),
		T(test_context)
	};

	return (cmocka_run_group_tests_name("log", tests, NULL, NULL));
}
