/* SPDX-License-Identifier: ISC */
/*
 * The doorbell against a model of what surrounds it: an advisory lock that
 * publishers share and relays take exclusively, events that become visible
 * at commit, workers that poll, several hosts.  In random runs no event may
 * lie there unseen while everybody sleeps.
 */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/catalog/doorbell.h"

#define OUTBOX	"orders"
#define ID	7

/* What one doorbell did, for the tests that go step by step. */
static struct {
	int	wakes[4], asks, releases, rings;
} did;

static void
log_wake(const char *outbox, enum doorbell_why why, void *arg)
{
	(void)arg;
	assert_string_equal(outbox, OUTBOX);
	did.wakes[why]++;
}

static int
log_ask(uint32_t id, void *arg)
{
	(void)arg;
	assert_int_equal(id, ID);
	did.asks++;
	return (0);
}

static void
log_release(uint32_t id, const char *outbox, bool ring, void *arg)
{
	(void)outbox;
	(void)arg;
	assert_int_equal(id, ID);
	did.releases++;
	did.rings += ring;
}

static const struct doorbell_ops log_ops = { log_wake, log_ask,
    log_release };

static struct doorbell *
bell_new(void)
{
	struct doorbell *db = doorbell_new(&log_ops, NULL);

	assert_non_null(db);
	memset(&did, 0, sizeof(did));
	doorbell_online(db, true, 0);
	assert_int_equal(doorbell_join(db, "a", OUTBOX, ID, 0), 0);
	assert_int_equal(doorbell_join(db, "b", OUTBOX, ID, 0), 0);
	return (db);
}

static void
idle_both(struct doorbell *db, uint64_t xmax, int64_t now)
{
	doorbell_idle(db, "a", xmax, now);
	doorbell_idle(db, "b", xmax, now);
}

static void
test_sleep_and_ring(void **state)
{
	struct doorbell *db = bell_new();

	(void)state;
	doorbell_idle(db, "a", 1, 10);
	assert_int_equal(did.asks, 0);		/* b is awake */
	doorbell_idle(db, "b", 1, 11);
	assert_int_equal(did.asks, 1);
	doorbell_answered(db, ID, DOORBELL_LOCKED, 12);
	assert_string_equal(doorbell_state(db, OUTBOX), "armed");
	assert_int_equal(did.wakes[DOORBELL_ARMING], 1);
	idle_both(db, 1, 13);
	assert_string_equal(doorbell_state(db, OUTBOX), "asleep");
	idle_both(db, 1, 1000000);		/* the poll of each second */
	assert_int_equal(did.asks, 1);
	assert_int_equal(did.wakes[DOORBELL_ARMING], 1);
	assert_true(doorbell_next(db) == DOORBELL_NEVER);

	doorbell_ring(db, OUTBOX, 1000001);
	assert_int_equal(did.releases, 1);
	assert_int_equal(did.rings, 0);
	assert_int_equal(did.wakes[DOORBELL_NOTIFY], 1);
	doorbell_ring(db, OUTBOX, 1000002);	/* the lock is gone already */
	assert_int_equal(did.releases, 1);
	doorbell_ring(db, "other", 1000003);
	doorbell_free(db);
}

static void
test_armed_but_busy(void **state)
{
	struct doorbell *db = bell_new();
	int64_t due;

	(void)state;
	idle_both(db, 1, 0);
	doorbell_answered(db, ID, DOORBELL_LOCKED, 0);
	doorbell_idle(db, "a", 1, 1);		/* b found events */
	due = doorbell_next(db);
	assert_true(due > 0 && due <= 100000);
	doorbell_run(db, due);
	assert_int_equal(did.releases, 1);
	assert_int_equal(did.rings, 1);		/* guests must hear it */
	assert_string_equal(doorbell_state(db, OUTBOX), "awake");
	doorbell_idle(db, "b", 2, due + 1);
	assert_int_equal(did.asks, 2);
	doorbell_free(db);
}

static int64_t
pause_after(struct doorbell *db, uint64_t xmax, int64_t now)
{
	int64_t due;

	idle_both(db, xmax, now);
	doorbell_answered(db, ID, DOORBELL_PUBLISHER, now);
	assert_string_equal(doorbell_state(db, OUTBOX), "pause");
	due = doorbell_next(db);
	doorbell_run(db, due);
	return (due - now);
}

/* A long publisher is polled for more and more slowly, up to 5 ms. */
static void
test_publisher_in_flight(void **state)
{
	struct doorbell *db = bell_new();
	int64_t pause = 0, last = 0;
	int i;

	(void)state;
	for (i = 1; i < 12; i++) {
		pause = pause_after(db, 5, i * 10000);
		assert_true(pause >= last && pause <= 5000);
		assert_int_equal(did.wakes[DOORBELL_INFLIGHT], i);
		last = pause;
	}
	assert_int_equal(pause, 5000);
	/* Transactions come and go: soon again. */
	assert_true(pause_after(db, 6, 900000) <= 1000);
	doorbell_free(db);
}

static void
test_guest(void **state)
{
	struct doorbell *db = bell_new();
	int64_t due;

	(void)state;
	idle_both(db, 1, 0);
	doorbell_answered(db, ID, DOORBELL_SLEEPER, 0);
	assert_string_equal(doorbell_state(db, OUTBOX), "guest");
	assert_int_equal(did.wakes[DOORBELL_ARMING], 1);
	idle_both(db, 1, 1);
	assert_int_equal(did.asks, 1);
	due = doorbell_next(db);
	assert_true(due >= 1000000);		/* not a storm of questions */
	doorbell_run(db, due);
	assert_int_equal(did.asks, 2);
	doorbell_ring(db, OUTBOX, due + 1);
	assert_int_equal(did.releases, 0);
	assert_int_equal(did.wakes[DOORBELL_NOTIFY], 1);
	doorbell_free(db);
}

static void
test_comings_and_goings(void **state)
{
	struct doorbell *db = bell_new();

	(void)state;
	doorbell_idle(db, "a", 1, 0);
	doorbell_leave(db, "b", 1);		/* the awake one leaves */
	assert_int_equal(did.asks, 1);
	doorbell_answered(db, ID, DOORBELL_LOCKED, 2);
	doorbell_idle(db, "a", 1, 3);
	assert_string_equal(doorbell_state(db, OUTBOX), "asleep");
	assert_int_equal(doorbell_join(db, "c", OUTBOX, ID, 4), 0);
	doorbell_idle(db, "c", 1, 5);		/* learns that the bell works */
	assert_int_equal(did.wakes[DOORBELL_ARMING], 2);
	doorbell_idle(db, "a", 1, 6);
	doorbell_idle(db, "c", 1, 7);
	assert_string_equal(doorbell_state(db, OUTBOX), "asleep");
	doorbell_leave(db, "a", 8);
	doorbell_leave(db, "c", 9);		/* nobody is left */
	assert_int_equal(did.releases, 1);
	assert_int_equal(did.rings, 1);
	assert_string_equal(doorbell_state(db, OUTBOX), "none");
	doorbell_idle(db, "c", 1, 10);		/* late words do no harm */
	doorbell_free(db);
}

/* An answer for which nobody waits any more gives its lock back. */
static void
test_late_answer(void **state)
{
	struct doorbell *db = bell_new();

	(void)state;
	idle_both(db, 1, 0);
	doorbell_leave(db, "a", 1);
	doorbell_leave(db, "b", 1);
	assert_int_equal(did.releases, 0);
	doorbell_answered(db, ID, DOORBELL_LOCKED, 2);
	assert_int_equal(did.releases, 1);
	doorbell_free(db);
}

static void
test_offline(void **state)
{
	struct doorbell *db = bell_new();

	(void)state;
	idle_both(db, 1, 0);
	doorbell_answered(db, ID, DOORBELL_LOCKED, 1);
	idle_both(db, 1, 2);
	doorbell_online(db, false, 3);
	assert_int_equal(did.releases, 0);	/* went with the session */
	assert_int_equal(did.wakes[DOORBELL_OFFLINE], 1);
	idle_both(db, 1, 4);
	assert_int_equal(did.asks, 1);
	doorbell_online(db, true, 5);
	assert_int_equal(did.asks, 2);
	doorbell_answered(db, ID, DOORBELL_ERROR, 6);
	assert_string_equal(doorbell_state(db, OUTBOX), "awake");
	idle_both(db, 1, 7);
	assert_int_equal(did.asks, 2);		/* not at once */
	doorbell_run(db, doorbell_next(db));
	assert_int_equal(did.asks, 3);
	doorbell_free(db);
}

/*
 * The model.  Every action that takes time in the real world (questions,
 * frames, notifications) waits in a mailbox until the random scheduler picks
 * it, in order within its sender, as sessions and sockets do it.
 */
#define HOSTS		3
#define WORKERS		2		/* on each host */
#define PUBLISHERS	4
#define MAIL_MAX	64

enum mail { MAIL_ASK, MAIL_RELEASE, MAIL_RELEASE_RING };

struct host {
	struct doorbell	*db;
	int		 lock;		/* how often it has the lock */
	enum mail	 sql[MAIL_MAX];	/* to the server, in order */
	int		 nsql;
	int		 notified;	/* rings on their way here */
	struct worker {
		int	delivered;	/* of all events */
		int	wakes;		/* frames on their way */
		bool	idle;		/* said so, will not poll */
		bool	idle_sent;	/* the frame is on its way */
	} workers[WORKERS];
};

struct publisher {
	bool	open, shared, notify;
};

static struct {
	struct host	 hosts[HOSTS];
	struct publisher publishers[PUBLISHERS];
	int		 events;	/* committed, so visible */
	int64_t		 now;
	uint64_t	 seed;
} model;

static void
model_wake(const char *outbox, enum doorbell_why why, void *arg)
{
	struct host *h = arg;
	int i;

	(void)outbox;
	(void)why;
	for (i = 0; i < WORKERS; i++)
		h->workers[i].wakes++;
}

static void
sql_send(struct host *h, enum mail m)
{
	assert_true(h->nsql < MAIL_MAX);
	h->sql[h->nsql++] = m;
}

static int
model_ask(uint32_t id, void *arg)
{
	(void)id;
	sql_send(arg, MAIL_ASK);
	return (0);
}

static void
model_release(uint32_t id, const char *outbox, bool ring, void *arg)
{
	(void)id;
	(void)outbox;
	sql_send(arg, ring ? MAIL_RELEASE_RING : MAIL_RELEASE);
}

static const struct doorbell_ops model_ops = { model_wake, model_ask,
    model_release };

static bool
locked_by_other(const struct host *self)
{
	int i;

	for (i = 0; i < HOSTS; i++) {
		if (&model.hosts[i] != self && model.hosts[i].lock > 0)
			return (true);
	}
	return (false);
}

static bool
shared_held(void)
{
	int i;

	for (i = 0; i < PUBLISHERS; i++) {
		if (model.publishers[i].shared)
			return (true);
	}
	return (false);
}

static void
notify_all(const struct host *but)
{
	int i;

	for (i = 0; i < HOSTS; i++) {
		if (&model.hosts[i] != but)
			model.hosts[i].notified++;
	}
}

/* The server executes the first statement that this host sent. */
static void
server_step(struct host *h)
{
	enum mail m = h->sql[0];

	h->nsql--;
	memmove(h->sql, h->sql + 1, (size_t)h->nsql * sizeof(h->sql[0]));
	if (m != MAIL_ASK) {
		assert_true(h->lock > 0);
		h->lock--;
		if (m == MAIL_RELEASE_RING)
			notify_all(h);
	} else if (locked_by_other(h))
		doorbell_answered(h->db, ID, DOORBELL_SLEEPER, model.now);
	else if (shared_held())
		doorbell_answered(h->db, ID, DOORBELL_PUBLISHER, model.now);
	else {
		h->lock++;
		doorbell_answered(h->db, ID, DOORBELL_LOCKED, model.now);
	}
}

static void
publisher_step(struct publisher *p)
{
	int i;

	if (!p->open) {
		p->open = p->shared = true;
		for (i = 0; i < HOSTS; i++) {
			if (model.hosts[i].lock > 0)
				p->shared = false;
		}
		p->notify = !p->shared;
		return;
	}
	model.events++;
	if (p->notify)
		notify_all(NULL);
	p->open = p->shared = false;
}

static void
worker_step(struct host *h, int i)
{
	static const char *const names[WORKERS] = { "w0", "w1" };
	struct worker *w = &h->workers[i];

	if (w->idle_sent) {
		w->idle_sent = false;
		doorbell_idle(h->db, names[i], (uint64_t)model.events,
		    model.now);
	} else if (w->wakes > 0 || !w->idle) {
		if (w->wakes > 0)
			w->wakes--;
		w->idle = w->delivered == model.events;
		w->delivered = model.events;
		w->idle_sent = w->idle;
	}
}

static void
bell_step(struct host *h)
{
	if (h->notified > 0) {
		h->notified--;
		doorbell_ring(h->db, OUTBOX, model.now);
	} else if (doorbell_next(h->db) <= model.now)
		doorbell_run(h->db, model.now);
}

static void
any_step(bool publish)
{
	struct host *h = &model.hosts[unit_random(&model.seed, HOSTS)];

	model.now += (int64_t)unit_random(&model.seed, 400);
	switch (unit_random(&model.seed, 4)) {
	case 0:
		if (h->nsql > 0)
			server_step(h);
		break;
	case 1:
		worker_step(h, (int)unit_random(&model.seed, WORKERS));
		break;
	case 2:
		bell_step(h);
		break;
	default:
		if (publish)
			publisher_step(&model.publishers[unit_random(
			    &model.seed, PUBLISHERS)]);
	}
}

static void
model_check(const char *when)
{
	int i, k;

	for (i = 0; i < HOSTS; i++) {
		for (k = 0; k < WORKERS; k++) {
			if (model.hosts[i].workers[k].delivered !=
			    model.events)
				fail_msg("%s: host %d worker %d has %d of %d "
				    "(%s)", when, i, k,
				    model.hosts[i].workers[k].delivered,
				    model.events, doorbell_state(
				    model.hosts[i].db, OUTBOX));
		}
	}
}

static void
model_run(uint64_t seed)
{
	int i, round;

	memset(&model, 0, sizeof(model));
	model.seed = seed;
	for (i = 0; i < HOSTS; i++) {
		model.hosts[i].db = doorbell_new(&model_ops, &model.hosts[i]);
		doorbell_online(model.hosts[i].db, true, 0);
		doorbell_join(model.hosts[i].db, "w0", OUTBOX, ID, 0);
		doorbell_join(model.hosts[i].db, "w1", OUTBOX, ID, 0);
	}
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 300; i++)
			any_step(true);
		/* Publishers finish; then nothing but the bell works: no
		 * fallback poll hides a lost ring. */
		for (i = 0; i < PUBLISHERS; i++) {
			if (model.publishers[i].open)
				publisher_step(&model.publishers[i]);
		}
		for (i = 0; i < 6000; i++)
			any_step(false);
		model_check("after a round");
	}
	for (i = 0; i < HOSTS; i++)
		doorbell_free(model.hosts[i].db);
}

static void
test_model(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 40; seed++)
		model_run(seed * UINT64_C(2654435761));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleep_and_ring),
		cmocka_unit_test(test_armed_but_busy),
		cmocka_unit_test(test_publisher_in_flight),
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_comings_and_goings),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_model)
	};

	return (cmocka_run_group_tests_name("doorbell", tests, NULL, NULL));
}
