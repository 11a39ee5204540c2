/* SPDX-License-Identifier: ISC */
/*
 * The resolver process, locked down as in production, with the test in the
 * supervisor's and the askers' place.  Name servers are not needed: it must
 * survive their absence, too.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/socket.h>

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/childdriver.h"

#define PROGRAM		"supervisor/resolver/pg-tide-resolver"
#define PATIENCE_MS	20000

static struct driver d;

/* A channel of a new worker; our end. */
static int
channel_open(const char *name)
{
	struct msg_channel m = { .kind = CHANNEL_RESOLVER,
	    .role = ROLE_WORKER, .generation = 5, .pid = 1 };
	struct frame f;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	snprintf(m.name, sizeof(m.name), "%s", name);
	m.fd = fds[1];
	msg_channel_put(&f, &m);
	driver_say(&d, &f);
	return (fds[0]);
}

static void
ask(int sock, uint32_t id, const char *host)
{
	struct msg_lookup m = { .id = id };
	struct frame f;

	snprintf(m.host, sizeof(m.host), "%s", host);
	msg_lookup_put(&f, &m);
	assert_int_equal(frame_send(sock, &f), 0);
}

static void
answer_read(int sock, uint32_t id, struct msg_answer *m)
{
	struct frame f;

	if (!driver_find(sock, MSG_ANSWER, &f, PATIENCE_MS))
		fail_msg("no answer to question %u", id);
	assert_int_equal(msg_answer_get(&f, m), 0);
	assert_int_equal(m->id, id);
}

static void
test_localhost(void **state)
{
	int sock = channel_open("a");
	struct msg_answer m;
	bool loopback = false;
	uint32_t i;

	(void)state;
	ask(sock, 1, "localhost");
	answer_read(sock, 1, &m);
	assert_int_equal(m.error, 0);
	for (i = 0; i < m.naddrs; i++)
		loopback |= m.addrs[i].family == 4 &&
		    m.addrs[i].bytes[0] == 127;
	assert_true(loopback);
	ask(sock, 2, "192.0.2.7");
	answer_read(sock, 2, &m);
	assert_int_equal(m.naddrs, 1);
	assert_int_equal(m.addrs[0].bytes[3], 7);
	ask(sock, 3, "not a name");
	answer_read(sock, 3, &m);
	assert_int_equal(m.error, EAI_NONAME);
	close(sock);
}

/* Whatever the name server does or is: an answer, in time, and no death. */
static void
test_unknown(void **state)
{
	int sock = channel_open("a"), other = channel_open("b");
	struct msg_answer m;

	(void)state;
	ask(sock, 1, "does-not-exist.invalid");
	ask(other, 2, "localhost");
	answer_read(other, 2, &m);
	assert_int_equal(m.error, 0);
	answer_read(sock, 1, &m);
	assert_int_not_equal(m.error, 0);
	assert_int_equal(m.naddrs, 0);
	assert_int_equal(kill(d.pid, 0), 0);
	close(sock);
	close(other);
}

/* Who says something else than a question loses the channel, alone. */
static void
test_rude_asker(void **state)
{
	int rude = channel_open("rude"), good = channel_open("good");
	struct msg_answer m;
	struct frame f;

	(void)state;
	msg_empty_put(&f, MSG_READY);
	assert_int_equal(frame_send(rude, &f), 0);
	assert_false(driver_next(rude, &f, PATIENCE_MS));
	ask(good, 1, "localhost");
	answer_read(good, 1, &m);
	assert_int_equal(m.error, 0);
	close(rude);
	close(good);
}

/* Many questions at once: each is answered, if only with a refusal. */
static void
test_flood(void **state)
{
	int sock = channel_open("flood");
	struct msg_answer m;
	char host[64];
	struct frame f;
	uint32_t i;

	(void)state;
	for (i = 0; i < 60; i++) {
		snprintf(host, sizeof(host), "name%u.invalid", i);
		ask(sock, i, host);
	}
	for (i = 0; i < 60; i++) {
		if (!driver_find(sock, MSG_ANSWER, &f, PATIENCE_MS))
			fail_msg("%u answers to 60 questions", i);
		assert_int_equal(msg_answer_get(&f, &m), 0);
		assert_int_not_equal(m.error, 0);
	}
	close(sock);
}

static int
setup(void **state)
{
	(void)state;
	driver_start(&d, PROGRAM);
	driver_lock(&d, NULL, 0);
	driver_go(&d);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	return (driver_stop(&d) == 0 ? 0 : -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_localhost),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_rude_asker),
		cmocka_unit_test(test_flood)
	};

	return (cmocka_run_group_tests_name("resolver", tests, setup,
	    teardown));
}
