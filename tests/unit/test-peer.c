/* SPDX-License-Identifier: ISC */
/* Peers: the table applied, queues, generations, and peers freed midway. */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/peer.h"
#include "tests/unit/unit.h"

struct fixture {
	struct event_base *base;
	struct peer	*p;
	int		 other;		/* the far end */
	unsigned int	 frames;
	uint16_t	 last;
	int		 gone;		/* times called */
	enum peer_gone	 why;
	char		 text[256];
	int		 ret;		/* what the frame callback says */
	int		 free_in_frame, free_in_gone;
};

static int
on_frame(struct peer *p, struct frame *f, void *arg)
{
	struct fixture *x = arg;

	x->frames++;
	x->last = f->type;
	if (x->free_in_frame) {
		peer_free(p);
		x->p = NULL;
	}
	return (x->ret);
}

static void
on_gone(struct peer *p, enum peer_gone why, const char *text, void *arg)
{
	struct fixture *x = arg;

	x->gone++;
	x->why = why;
	(void)snprintf(x->text, sizeof(x->text), "%s", text);
	if (x->free_in_gone) {
		peer_free(p);
		x->p = NULL;
	}
}

static const struct peer_ops ops = { on_frame, on_gone };

static int
setup(void **state)
{
	static struct fixture x;
	int pair[2];

	memset(&x, 0, sizeof(x));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		return (-1);
	x.base = event_base_new();
	x.other = pair[1];
	x.p = peer_new(x.base, pair[0], ROLE_SUPERVISOR, ROLE_WORKER, 4,
	    "worker", &ops, &x);
	if (x.p == NULL)
		return (-1);
	peer_set_state(x.p, CHILD_READY);
	*state = &x;
	return (0);
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	peer_free(x->p);
	if (x->other != -1)
		close(x->other);
	event_base_free(x->base);
	return (0);
}

static void
turn(struct fixture *x)
{
	assert_int_not_equal(event_base_loop(x->base, EVLOOP_NONBLOCK), -1);
}

static void
say(struct fixture *x, uint16_t type, uint64_t gen)
{
	struct frame f;

	msg_empty_put(&f, type);
	f.gen = gen;
	assert_int_equal(frame_send(x->other, &f), 0);
}

static void
test_delivers(void **state)
{
	struct fixture *x = *state;

	say(x, MSG_BEAT, 0);
	say(x, MSG_BEAT, 5);
	turn(x);
	assert_int_equal(x->frames, 2);
	assert_int_equal(x->last, MSG_BEAT);
	close(x->other);
	x->other = -1;
	turn(x);
	turn(x);
	assert_int_equal(x->gone, 1);
	assert_int_equal(x->why, PEER_EOF);
}

static void
test_out_of_place(void **state)
{
	struct fixture *x = *state;

	say(x, MSG_STAGE1, 0);
	say(x, MSG_BEAT, 0);
	turn(x);
	turn(x);
	assert_int_equal(x->frames, 0);
	assert_int_equal(x->gone, 1);
	assert_int_equal(x->why, PEER_PROTOCOL);
	assert_string_equal(x->text,
	    "STAGE1 (2) in state ready: not in this state");
}

static void
test_said_twice(void **state)
{
	struct fixture *x = *state;

	peer_set_state(x->p, CHILD_CONFIG);
	say(x, MSG_STAGE1, 0);
	say(x, MSG_STAGE1, 0);
	turn(x);
	assert_int_equal(x->frames, 1);
	assert_int_equal(x->why, PEER_PROTOCOL);
	assert_non_null(strstr(x->text, "said twice"));
}

static void
test_malformed(void **state)
{
	struct fixture *x = *state;

	x->ret = -1;
	say(x, MSG_BEAT, 0);
	say(x, MSG_BEAT, 0);
	turn(x);
	assert_int_equal(x->frames, 1);
	assert_int_equal(x->gone, 1);
	assert_non_null(strstr(x->text, "malformed"));
}

static void
test_garbage(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(send(x->other, "garbage", 7, 0), 7);
	turn(x);
	assert_int_equal(x->why, PEER_PROTOCOL);
	assert_int_equal(x->frames, 0);
}

static void
test_generations(void **state)
{
	struct fixture *x = *state;

	peer_set_generation(x->p, 7, true);
	say(x, MSG_BEAT, 6);
	say(x, MSG_STAGE1, 6);		/* late nonsense is no offence */
	say(x, MSG_BEAT, 7);
	turn(x);
	assert_int_equal(x->frames, 1);
	assert_int_equal(x->gone, 0);
}

static void
test_freed_in_callbacks(void **state)
{
	struct fixture *x = *state;

	x->free_in_frame = 1;
	say(x, MSG_BEAT, 0);
	say(x, MSG_BEAT, 0);
	turn(x);
	assert_int_equal(x->frames, 1);
	assert_null(x->p);
	assert_int_equal(x->gone, 0);
}

static void
test_freed_when_gone(void **state)
{
	struct fixture *x = *state;

	x->free_in_gone = 1;
	say(x, MSG_STAGE1, 0);
	turn(x);
	assert_null(x->p);
	assert_int_equal(x->gone, 1);
}

static void
test_send_and_generation(void **state)
{
	struct fixture *x = *state;
	struct frame f;

	peer_set_generation(x->p, 42, false);
	msg_u32_put(&f, MSG_DRAIN, 500);
	assert_int_equal(peer_send(x->p, &f), 0);
	assert_int_equal(frame_recv(x->other, &f), 1);
	assert_int_equal(f.type, MSG_DRAIN);
	assert_true(f.gen == 42);
}

static void
test_forbidden_to_send(void **state)
{
	struct fixture *x = *state;
	struct frame f;
	int fd;

	msg_empty_put(&f, MSG_GO);		/* not in state READY */
	assert_int_equal(peer_send(x->p, &f), -1);
	assert_int_equal(errno, EINVAL);
	msg_empty_put(&f, MSG_BEAT);		/* not the supervisor's */
	assert_int_equal(peer_send(x->p, &f), -1);
	fd = open("/dev/null", O_RDONLY);
	msg_u32_put(&f, MSG_DRAIN, 1);
	frame_put_fd(&f, fd);
	assert_int_equal(peer_send(x->p, &f), -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);	/* taken over anyhow */
}

/* Fill the socket and then the queue of four. */
static int
fill(struct fixture *x, int (*put)(struct peer *, struct frame *))
{
	struct frame f;
	int i, ret = 0;

	for (i = 0; i < 100000 && ret == 0; i++) {
		msg_u32_put(&f, MSG_LOG_LEVEL, (uint32_t)i);
		ret = put(x->p, &f);
	}
	assert_int_not_equal(ret, 0);
	return (ret);
}

static void
test_overflow(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(fill(x, peer_send), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(x->gone, 0);		/* not inside of the call */
	turn(x);
	assert_int_equal(x->gone, 1);
	assert_int_equal(x->why, PEER_OVERFLOW);
}

static void
test_offer_drops(void **state)
{
	struct fixture *x = *state;
	struct frame f;
	uint32_t want = 0, v;

	assert_int_equal(fill(x, peer_offer), 1);
	assert_true(peer_dropped(x->p) == 1);
	turn(x);
	assert_int_equal(x->gone, 0);
	/* What was accepted arrives, in order and without a hole. */
	while (frame_recv(x->other, &f) == 1) {
		assert_int_equal(msg_u32_get(&f, &v), 0);
		assert_int_equal(v, want++);
		turn(x);
	}
	msg_u32_put(&f, MSG_LOG_LEVEL, 0);
	assert_int_equal(peer_offer(x->p, &f), 0);
}

static void
test_flush(void **state)
{
	struct fixture *x = *state;
	struct frame f;

	(void)fill(x, peer_offer);
	assert_int_equal(peer_flush(x->p, 20), -1);
	assert_int_equal(errno, ETIMEDOUT);
	while (frame_recv(x->other, &f) == 1)
		continue;
	assert_int_equal(peer_flush(x->p, 1000), 0);
	assert_int_equal(frame_recv(x->other, &f), 1);
}

/* What a dead process had said is still to be heard. */
static void
test_last_words(void **state)
{
	struct fixture *x = *state;
	struct frame f;

	msg_u32_put(&f, MSG_FATAL, CAUSE_CONFIG);
	assert_int_equal(frame_send(x->other, &f), 0);
	close(x->other);
	x->other = -1;
	msg_u32_put(&f, MSG_LOG_LEVEL, 1);
	(void)peer_send(x->p, &f);		/* runs into EPIPE */
	peer_drain(x->p);
	assert_int_equal(x->frames, 1);
	assert_int_equal(x->last, MSG_FATAL);
	assert_int_equal(x->gone, 1);
}

int
main(void)
{
#define T(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_delivers), T(test_out_of_place), T(test_said_twice),
		T(test_malformed), T(test_garbage), T(test_generations),
		T(test_freed_in_callbacks), T(test_freed_when_gone),
		T(test_send_and_generation), T(test_forbidden_to_send),
		T(test_overflow), T(test_offer_drops), T(test_flush),
		T(test_last_words)
	};

	return (cmocka_run_group_tests_name("peer", tests, NULL, NULL));
}
