/* SPDX-License-Identifier: ISC */
/*
 * The host of sink plugins: sizes on both sides of the interface, outcomes
 * from any thread, plugins that break rules.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "worker/sinkhost.h"

#define MANY	20000
#define BATCH	64

/* A relay that only counts. */
struct counter {
	struct event_base *base;
	struct sinkhost	*sink;
	struct metrics	*metrics;
	unsigned char	 seen[MANY];
	unsigned char	 released[MANY];
	size_t		 offered, total, completed, transient, resumes;
	char		 detail[64], fatal[128], state[64];
};

static char sink_path[4096];

static struct sinkhost *
load(const char *how, char *err, size_t size)
{
	assert_int_equal(setenv("TESTSINK", how, 1), 0);
	return (sinkhost_load(sink_path, "testsink", err, size));
}

static void
test_refused(void **state)
{
	static const struct {
		const char *how, *why;
	} cases[] = {
		{ "nothing", "describes nothing" },
		{ "too-short", "at least" },
		{ "abi2", "built for ABI 2, this is ABI 1" },
		{ "no-poll", "no poll()" },
		{ "other-name", "calls itself \"other\"" },
		{ "needs", "needs 0x80000000" },
		{ "caps", "promises 0x80000000" },
		{ "narrow-options", "option table of impossible size" },
		{ "twins", "option \"a\" is there twice" },
		{ "strange", "a type that this version does not know" },
		{ "wrong-default", "expected integer (1..10)" }
	};
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(load(cases[i].how, err, sizeof(err)));
		if (strstr(err, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].how, err);
	}
}

static void
test_not_a_plugin(void **state)
{
	char err[512];

	(void)state;
	assert_null(sinkhost_load("/nonexistent/x.so", "x", err,
	    sizeof(err)));
	assert_non_null(strstr(err, "cannot load"));
	assert_null(sinkhost_load("libc.so.6", "x", err, sizeof(err)));
	assert_non_null(strstr(err, "no function pgtide_sink_plugin()"));
}

/* An older plugin has no later calls, a newer one some that we ignore. */
static void
test_sizes(void **state)
{
	const struct pgtide_sink_plugin *p;
	struct sinkhost *h;
	char err[512];

	(void)state;
	h = load("truncated", err, sizeof(err));
	assert_non_null(h);
	p = sinkhost_plugin(h);
	assert_null(p->planned);
	assert_non_null(p->close);
	sinkhost_free(h);

	h = load("enlarged", err, sizeof(err));
	assert_non_null(h);
	p = sinkhost_plugin(h);
	assert_non_null(p->planned);
	/* The options came with a wider stride and are ours now. */
	assert_int_equal(p->noptions, 2);
	assert_int_equal(p->option_size, sizeof(struct pgtide_option));
	assert_string_equal(p->options[1].name, "threads");
	assert_string_equal(p->options[1].dflt, "0");
	sinkhost_free(h);
}

static void
test_prepare_fails(void **state)
{
	struct sinkhost *h;
	char err[512];

	(void)state;
	h = load("unprepared", err, sizeof(err));
	assert_non_null(h);
	assert_int_equal(sinkhost_prepare(h, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "not today"));
	sinkhost_free(h);
}

static void
offer(struct counter *c)
{
	struct pgtide_msg msgs[BATCH];
	size_t i, n = c->total - c->offered;

	n = n < BATCH ? n : BATCH;
	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < n; i++)
		msgs[i].token = c->offered + i;
	c->offered += sinkhost_deliver(c->sink, msgs, n);
}

static void
on_complete(const struct sink_outcome *o, size_t n, void *arg)
{
	struct counter *c = arg;
	size_t i;

	for (i = 0; i < n; i++) {
		assert_in_range(o[i].token, 0, c->total - 1);
		c->seen[o[i].token]++;
		assert_int_equal(o[i].code, o[i].token % 1000);
		if (o[i].result == PGTIDE_TRANSIENT) {
			c->transient++;
			assert_string_equal(o[i].detail, "try again");
		} else
			assert_string_equal(o[i].detail, "");
	}
	c->completed += n;
	if (c->offered < c->total)
		offer(c);
	if (c->completed == c->total)
		event_base_loopbreak(c->base);
}

static void
on_release(const uint64_t *tokens, size_t n, void *arg)
{
	struct counter *c = arg;
	size_t i;

	for (i = 0; i < n; i++)
		c->released[tokens[i]]++;
}

static void
on_resume(void *arg)
{
	struct counter *c = arg;

	c->resumes++;
	if (c->offered < c->total)
		offer(c);
}

static void
on_state(int up, const char *text, void *arg)
{
	struct counter *c = arg;

	snprintf(c->state, sizeof(c->state), "%d %s", up, text);
}

static void
on_fatal(int32_t code, const char *text, void *arg)
{
	struct counter *c = arg;

	assert_int_equal(code, 0);
	snprintf(c->fatal, sizeof(c->fatal), "%s", text);
	event_base_loopbreak(c->base);
}

static const struct sinkhost_ops ops = { on_complete, on_release, on_resume,
    on_state, on_fatal };

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("nothing happened for too long");
}

/* Until a callback breaks the loop, at most twenty seconds. */
static void
run_loop(struct counter *c)
{
	const struct timeval limit = { 20, 0 };

	assert_int_equal(event_base_once(c->base, -1, EV_TIMEOUT, on_timeout,
	    NULL, &limit), 0);
	event_base_dispatch(c->base);
}

static int
opened(struct counter *c, const char *config, size_t total, char *err,
    size_t size)
{
	struct json_object *json = json_tokener_parse(config);

	memset(c, 0, sizeof(*c));
	c->total = total;
	assert_non_null(json);
	assert_non_null(c->base = event_base_new());
	assert_non_null(c->metrics = metrics_new("test"));
	assert_non_null(c->sink = load("plain", err, size));
	assert_int_equal(sinkhost_prepare(c->sink, err, size), 0);
	if (sinkhost_configure(c->sink, json, err, size) == -1)
		fail_msg("%s", err);
	json_object_put(json);
	return (sinkhost_open(c->sink, c->base, NULL, c->metrics, &ops, c,
	    err, size));
}

static void
done(struct counter *c)
{
	sinkhost_free(c->sink);
	metrics_free(c->metrics);
	event_base_free(c->base);
}

static void
check_each_once(const struct counter *c)
{
	size_t i;

	for (i = 0; i < c->total; i++) {
		assert_int_equal(c->seen[i], 1);
		assert_int_equal(c->released[i], 1);
	}
	assert_int_equal(c->transient, c->total / 2);
}

/* Outcomes with an enlarged stride, from four threads at once. */
static void
test_threads(void **state)
{
	static struct counter c;
	char err[512];

	(void)state;
	assert_int_equal(opened(&c, "{\"threads\": 4}", MANY, err,
	    sizeof(err)), 0);
	offer(&c);
	run_loop(&c);
	check_each_once(&c);
	sinkhost_tick(c.sink);
	assert_true(*metrics_cell(c.metrics, METRIC_PLUGIN_FIRST, "") ==
	    MANY);
	sinkhost_close(c.sink, 1000);
	assert_string_equal(c.state, "1 going on");
	done(&c);
}

/* Outcomes inside deliver() are settled before more is taken. */
static void
test_at_once(void **state)
{
	static struct counter c;
	struct pgtide_msg msg;
	char err[512];

	(void)state;
	assert_int_equal(opened(&c, "{}", 1000, err, sizeof(err)), 0);
	offer(&c);
	assert_int_equal(c.offered, BATCH);
	assert_int_equal(c.completed, 0);
	memset(&msg, 0, sizeof(msg));
	msg.token = BATCH;
	assert_int_equal(sinkhost_deliver(c.sink, &msg, 1), 0);
	run_loop(&c);
	check_each_once(&c);
	assert_true(c.resumes >= 1);
	sinkhost_close(c.sink, 0);
	done(&c);
}

static void
test_short_accept(void **state)
{
	static struct counter c;
	char err[512];

	(void)state;
	assert_int_equal(opened(&c, "{\"mode\": \"short\", \"threads\": 1}",
	    100, err, sizeof(err)), 0);
	offer(&c);
	assert_int_equal(c.offered, 3);
	run_loop(&c);
	check_each_once(&c);
	/* flush() of this sink resumes: not before it returned. */
	c.resumes = 0;
	sinkhost_flush(c.sink);
	assert_int_equal(c.resumes, 0);
	event_base_loop(c.base, EVLOOP_ONCE);
	assert_int_equal(c.resumes, 1);
	sinkhost_close(c.sink, 0);
	done(&c);
}

static void
test_rule_breakers(void **state)
{
	static struct counter c;
	char err[512];

	(void)state;
	assert_int_equal(opened(&c, "{\"mode\": \"twice\"}", MANY, err,
	    sizeof(err)), 0);
	offer(&c);
	run_loop(&c);
	assert_string_equal(c.fatal, "plugin testsink completed more "
	    "messages than it accepted");
	done(&c);

	assert_int_equal(opened(&c, "{\"mode\": \"greedy\"}", MANY, err,
	    sizeof(err)), 0);
	offer(&c);
	run_loop(&c);
	assert_string_equal(c.fatal, "plugin testsink accepted more messages "
	    "than it was given");
	done(&c);
}

static void
test_open_fails(void **state)
{
	static struct counter c;
	char err[512];

	(void)state;
	assert_int_equal(opened(&c, "{\"mode\": \"closed\"}", 1, err,
	    sizeof(err)), -1);
	assert_non_null(strstr(err, "out of order"));
	assert_int_equal(sinkhost_deliver(c.sink, NULL, 0), 0);
	done(&c);
}

/* What the detector of slow calls logged. */
static void
test_slow_call(void **state)
{
	static struct counter c;
	char err[512], log[1024] = "";
	int fds[2];

	(void)state;
	assert_int_equal(opened(&c, "{\"mode\": \"slow\"}", BATCH, err,
	    sizeof(err)), 0);
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	log_init("test", fds[1], LOG_FMT_TEXT, LOG_LVL_WARN);
	offer(&c);
	run_loop(&c);
	assert_true(read(fds[0], log, sizeof(log) - 1) > 0);
	assert_non_null(strstr(log, "plugin testsink kept the loop for"));
	assert_non_null(strstr(log, "in deliver()"));
	log_init("test", STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_WARN);
	close(fds[0]);
	close(fds[1]);
	done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_a_plugin),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_prepare_fails),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_short_accept),
		cmocka_unit_test(test_rule_breakers),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_slow_call)
	};
	const char *build = getenv("top_builddir");

	snprintf(sink_path, sizeof(sink_path),
	    "%s/tests/unit/.libs/testsink.so", build != NULL ? build : ".");
	log_init("test", STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_WARN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
