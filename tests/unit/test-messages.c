/* SPDX-License-Identifier: ISC */
/* The message table: sizes of bodies, states, and both directions. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/messages.h"
#include "tests/unit/unit.h"

static void
fill(char *s, size_t size)
{
	memset(s, 'x', size - 1);
	s[size - 1] = '\0';
}

/* The largest body a struct can make is what the table allows, no less. */
static void
fits(const struct frame *f)
{
	const struct msg_rule *r = msg_rule_find(f->type);

	assert_non_null(r);
	assert_false(f->bad);
	assert_int_equal(f->len, r->max);
}

static void
least(const struct frame *f)
{
	const struct msg_rule *r = msg_rule_find(f->type);

	assert_non_null(r);
	assert_false(f->bad);
	assert_int_equal(f->len, r->min);
}

#define EXTREMES(m, ...)						\
	static void							\
	test_##m(void **state)						\
	{								\
		static const char zero[sizeof(struct msg_##m)];		\
		struct msg_##m a, b;					\
		struct frame f;						\
									\
		(void)state;						\
		memcpy(&a, zero, sizeof(a));				\
		NO_FD(&a);						\
		msg_##m##_put(&f, &a);					\
		least(&f);						\
		assert_int_equal(msg_##m##_get(&f, &b), 0);		\
		assert_memory_equal(&a, &b, sizeof(a));			\
		__VA_ARGS__						\
		msg_##m##_put(&f, &a);					\
		fits(&f);						\
		assert_int_equal(msg_##m##_get(&f, &b), 0);		\
		assert_memory_equal(&a, &b, sizeof(a));			\
		msg_##m##_put(&f, &a);					\
		f.len--;						\
		assert_int_equal(msg_##m##_get(&f, &b), -1);		\
	}								\
	struct extremes_##m##_takes_a_semicolon

#define S(f)	fill(a.f, sizeof(a.f));
#define NO_FD(p) (void)(p)
EXTREMES(setting, S(name) S(value) S(origin));
EXTREMES(pipeline_ref, S(name) S(value) a.kind = 4;);
EXTREMES(worker_state, S(name) S(text) a.generation = 1ULL << 63;
    a.state = 32; a.cause = 9;);
EXTREMES(idle, S(name) S(outbox) a.outbox_id = 7; a.xmax = 1ULL << 40;
    a.hash = ~0ULL;);
EXTREMES(request, S(name) a.id = 1; a.verb = 2; a.arg = 3;);
EXTREMES(reply, S(text) a.id = 9; a.ok = 1;);
EXTREMES(proc, S(name) S(plugin) S(text) a.generation = 5; a.pid = 77;
    a.started_us = -1; a.next_start_us = INT64_MAX; a.landlock = 7;);
EXTREMES(metric_def, S(name) S(help) a.id = 1000; a.type = 2;);
EXTREMES(state, S(name) S(error_class) S(text) a.health = 3; a.code = -5;);
EXTREMES(lookup, S(host) a.id = 8; a.family = 6;);
#undef NO_FD
#define NO_FD(p) (p)->fd = -1
EXTREMES(config, S(name) S(plugin) S(plugin_path) a.generation = 3;
    a.flags = 1; a.nsecrets = 4;);
#undef NO_FD
/* These always carry one; the same number comes out without a socket. */
#define NO_FD(p) (p)->fd = 99
EXTREMES(channel, S(name) a.kind = 2; a.role = 16; a.pid = 5;);
EXTREMES(pipeline, S(name) S(outbox) S(plugin) a.generation = 6; a.nrefs = 2;);

static void
test_secret(void **state)
{
	static char value[MSG_SECRET_CHUNK];
	static struct msg_secret a, b;
	struct frame f;

	(void)state;
	a.kind = REF_FILE;
	fill(a.name, MSG_REF_MAX - 256);
	a.total = sizeof(value);
	a.data = value;
	a.len = sizeof(value);
	msg_secret_put(&f, &a);
	assert_false(f.bad);
	assert_null(msg_refusal(&f, ROLE_SUPERVISOR, ROLE_WORKER,
	    CHILD_LOCKED));
	assert_int_equal(msg_secret_get(&f, &b), 0);
	assert_int_equal(b.len, sizeof(value));

	a.offset = 1;				/* the chunk sticks out */
	msg_secret_put(&f, &a);
	assert_int_equal(msg_secret_get(&f, &b), -1);
	a.offset = 0;
	a.total = MSG_SECRET_MAX + 1;
	msg_secret_put(&f, &a);
	assert_int_equal(msg_secret_get(&f, &b), -1);
}

static void
test_answer(void **state)
{
	struct msg_answer a, b;
	struct frame f;
	size_t i;

	(void)state;
	memset(&a, 0, sizeof(a));
	a.id = 4;
	a.naddrs = MSG_LOOKUP_ADDRS;
	for (i = 0; i < MSG_LOOKUP_ADDRS; i++) {
		a.addrs[i].family = i % 2 == 0 ? 4 : 6;
		a.addrs[i].bytes[15] = (uint8_t)i;
	}
	msg_answer_put(&f, &a);
	fits(&f);
	assert_int_equal(msg_answer_get(&f, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.addrs[3].family = 5;
	msg_answer_put(&f, &a);
	assert_int_equal(msg_answer_get(&f, &b), -1);
	frame_start(&f, MSG_ANSWER, 0);
	frame_put_u32(&f, 1);
	frame_put_u32(&f, 0);
	frame_put_u32(&f, UINT32_MAX);
	assert_int_equal(msg_answer_get(&f, &b), -1);
	assert_int_equal(b.naddrs, 0);
}

static void
test_malformed_keeps_its_descriptor(void **state)
{
	struct msg_path m;
	struct frame f;

	(void)state;
	frame_start(&f, MSG_FILE, 0);
	frame_put_u16(&f, 500);
	frame_put_fd(&f, 99);
	assert_int_equal(msg_path_get(&f, &m), -1);
	assert_int_equal(m.fd, -1);
	assert_int_equal(f.fd, 99);
}

static void
refusal(uint16_t type, enum role from, enum role to, enum child_state st,
    uint32_t len, int fd, const char *want)
{
	struct frame f;
	const char *got;

	frame_start(&f, type, 0);
	f.len = len;
	f.fd = fd;
	got = msg_refusal(&f, from, to, st);
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void
test_refusals(void **state)
{
	const enum role sup = ROLE_SUPERVISOR, wrk = ROLE_WORKER,
	    cat = ROLE_CATALOG, ctl = ROLE_CONTROL;

	(void)state;
	refusal(0, wrk, sup, CHILD_READY, 0, -1, "unknown type");
	refusal(999, wrk, sup, CHILD_READY, 0, -1, "unknown type");
	refusal(MSG_HELLO, wrk, sup, CHILD_STARTING, 6, -1, NULL);
	refusal(MSG_HELLO, wrk, sup, CHILD_CONFIG, 6, -1,
	    "not in this state");
	refusal(MSG_HELLO, sup, wrk, CHILD_STARTING, 6, -1,
	    "not for this sender");
	refusal(MSG_STAGE1, wrk, sup, CHILD_STARTING, 0, -1,
	    "not in this state");
	refusal(MSG_READY, wrk, sup, CHILD_LOCKED, 0, -1,
	    "not in this state");
	refusal(MSG_BEAT, wrk, sup, CHILD_READY, 1, -1, "wrong size");
	refusal(MSG_BEAT, wrk, sup, CHILD_READY, 0, 5,
	    "unexpected descriptor");
	refusal(MSG_CHANNEL, sup, wrk, CHILD_READY, 16, -1,
	    "missing descriptor");
	refusal(MSG_PIPELINE, wrk, sup, CHILD_READY, 40, 5,
	    "not for this sender");
	refusal(MSG_PIPELINE, cat, sup, CHILD_LOCKED, 40, 5,
	    "not in this state");
	refusal(MSG_REQUEST, wrk, sup, CHILD_READY, 11, -1,
	    "not for this sender");
	refusal(MSG_REQUEST, ctl, sup, CHILD_READY, 11, -1, NULL);
	refusal(MSG_SECRET, sup, wrk, CHILD_STAGE1, 15, -1,
	    "not in this state");
	refusal(MSG_SECRET, sup, ctl, CHILD_LOCKED, 15, -1,
	    "not for this receiver");
}

/* Nothing secret can be said before the lock-down was attested. */
static void
test_no_secret_before_locked(void **state)
{
	static const uint16_t types[] = { MSG_SECRET, MSG_FILE, MSG_OUTPUT,
	    MSG_GO };
	const unsigned int before = CHILD_STARTING | CHILD_CONFIG |
	    CHILD_STAGE1;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_int_equal(msg_rule_find(types[i])->states & before, 0);
}

static void
test_names(void **state)
{
	unsigned int i;

	(void)state;
	assert_string_equal(msg_name(MSG_PIPELINE_GONE), "PIPELINE_GONE");
	assert_string_equal(msg_name(12345), "unknown");
	assert_string_equal(role_name(ROLE_RESOLVER), "resolver");
	assert_string_equal(child_state_name(CHILD_CONFINED), "confined");
	for (i = 0; i < CAUSE_MAX; i++)
		assert_non_null(exit_cause_name((enum exit_cause)i));
	assert_string_equal(exit_cause_name(CAUSE_SESSION_LOST),
	    "session-lost");
	assert_string_equal(exit_cause_name(CAUSE_MAX), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setting),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_pipeline_ref),
		cmocka_unit_test(test_worker_state),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_proc),
		cmocka_unit_test(test_metric_def),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_malformed_keeps_its_descriptor),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_secret_before_locked),
		cmocka_unit_test(test_names)
	};

	return (cmocka_run_group_tests_name("messages", tests, NULL, NULL));
}
