/* SPDX-License-Identifier: ISC */
/*
 * The resolver's names and threads, with a look-up that the test holds up
 * and lets go: one asker's slow names do not make another's wait, answers
 * come in time, equal questions are asked once, limits hold.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"
#include "supervisor/resolver/names.h"
#include "supervisor/resolver/pool.h"

#define THREADS	4
#define QUEUE	8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static bool slow_may_end;
static int lookups, inside;

static struct event_base *base;
static struct pool *pool;
static struct names *names;
static int64_t clock_us;
static bool test_over;

struct seen {
	int	answers;
	int	error;
	uint32_t id;
	uint32_t naddrs;
	enum names_result result;
	uint8_t	first;		/* byte of the address */
};

/* In a thread.  "slow..." waits until the test lets it go. */
static void
look_up(const char *host, int family, struct msg_answer *m)
{
	(void)family;
	pthread_mutex_lock(&mutex);
	lookups++;
	inside++;
	while (strncmp(host, "slow", 4) == 0 && !slow_may_end)
		pthread_cond_wait(&go, &mutex);
	inside--;
	pthread_mutex_unlock(&mutex);
	if (strncmp(host, "none", 4) == 0) {
		m->error = EAI_NONAME;
		return;
	}
	m->naddrs = 1;
	m->addrs[0].family = 4;
	m->addrs[0].bytes[0] = (uint8_t)host[0];
}

static int
lookups_now(void)
{
	int n;

	pthread_mutex_lock(&mutex);
	n = lookups;
	pthread_mutex_unlock(&mutex);
	return (n);
}

static void
slow_end(void)
{
	pthread_mutex_lock(&mutex);
	slow_may_end = true;
	pthread_cond_broadcast(&go);
	pthread_mutex_unlock(&mutex);
}

static void
on_answer(const struct msg_answer *m, enum names_result result, void *arg)
{
	struct seen *s = arg;

	if (test_over)		/* s was on the test's stack */
		return;
	s->answers++;
	s->error = m->error;
	s->id = m->id;
	s->naddrs = m->naddrs;
	s->first = m->addrs[0].bytes[0];
	s->result = result;
}

static int64_t
clock_test(void)
{
	return (clock_us);
}

static void
ask(struct asker *a, uint32_t id, const char *host)
{
	struct msg_lookup q = { .id = id };

	snprintf(q.host, sizeof(q.host), "%s", host);
	names_ask(a, &q);
}

/* Turn the loop until *count is n; 10 s, then the test fails. */
static void
run_until(const int *count, int n)
{
	int64_t end = clock_mono_us() + 10000000;
	const struct timeval tv = { 0, 10000 };

	while (*count < n) {
		if (clock_mono_us() > end)
			fail_msg("%d answers instead of %d", *count, n);
		event_base_loopexit(base, &tv);
		event_base_loop(base, EVLOOP_ONCE);
	}
}

static int
setup(void **state)
{
	(void)state;
	slow_may_end = test_over = false;
	lookups = 0;
	clock_us = 1000000;
	base = event_base_new();
	pool = pool_new(base, THREADS, QUEUE, look_up);
	names = names_new(pool, on_answer, clock_test);
	return (pool != NULL && names != NULL ? 0 : -1);
}

static int
teardown(void **state)
{
	int64_t end = clock_mono_us() + 10000000;
	bool idle = false;

	(void)state;
	test_over = true;
	slow_end();
	while (!idle && clock_mono_us() < end) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		idle = pool_idle(pool);
	}
	pool_free(pool);
	names_free(names);
	event_base_free(base);
	return (idle ? 0 : -1);
}

static void
test_answer_and_cache(void **state)
{
	struct seen s = { 0 };
	struct asker *a = asker_new(names, &s);

	(void)state;
	ask(a, 3, "alpha");
	assert_int_equal(s.answers, 0);
	run_until(&s.answers, 1);
	assert_int_equal(s.id, 3);
	assert_int_equal(s.error, 0);
	assert_int_equal(s.first, 'a');
	assert_int_equal(s.result, NAMES_OK);
	ask(a, 4, "ALPHA");
	assert_int_equal(s.answers, 2);
	assert_int_equal(s.id, 4);
	assert_int_equal(s.result, NAMES_CACHED);
	assert_int_equal(lookups_now(), 1);
	clock_us += NAMES_GOOD_US + 1;
	ask(a, 5, "alpha");
	run_until(&s.answers, 3);
	assert_int_equal(lookups_now(), 2);

	ask(a, 6, "none.example");
	run_until(&s.answers, 4);
	assert_int_equal(s.error, EAI_NONAME);
	assert_int_equal(s.result, NAMES_NOT_FOUND);
	clock_us += NAMES_BAD_US + 1;
	names_tick(names);
	ask(a, 7, "none.example");
	run_until(&s.answers, 5);
	assert_int_equal(lookups_now(), 4);
}

static void
test_bad_names(void **state)
{
	static const char *const bad[] = { "", "a b", "a/b", "-x", "a\nb",
	    "caf\xc3\xa9", "%n" };
	struct seen s = { 0 };
	struct asker *a = asker_new(names, &s);
	int i;

	(void)state;
	for (i = 0; i < 7; i++) {
		ask(a, 1, bad[i]);
		assert_int_equal(s.answers, i + 1);
		assert_int_equal(s.error, EAI_NONAME);
	}
	assert_int_equal(lookups_now(), 0);
}

/* A greedy asker gets two threads, the others still have theirs. */
static void
test_slow_does_not_harm_others(void **state)
{
	struct seen greedy = { 0 }, other = { 0 };
	struct asker *a = asker_new(names, &greedy);
	struct asker *b = asker_new(names, &other);
	char host[32];
	uint32_t i;

	(void)state;
	for (i = 0; i < NAMES_WAITING_MAX; i++) {
		snprintf(host, sizeof(host), "slow%u", i);
		ask(a, i, host);
	}
	assert_int_equal(greedy.answers, 0);
	ask(a, 99, "slow99");			/* one too many */
	assert_int_equal(greedy.answers, 1);
	assert_int_equal(greedy.result, NAMES_REFUSED);
	ask(b, 1, "quick");
	run_until(&other.answers, 1);
	assert_int_equal(other.error, 0);
	assert_int_equal(lookups_now(), 3);

	clock_us += NAMES_TIMEOUT_US + 1;
	names_tick(names);
	assert_int_equal(greedy.answers, 1 + NAMES_WAITING_MAX);
	assert_int_equal(greedy.error, EAI_AGAIN);
	assert_int_equal(greedy.result, NAMES_TIMEOUT);
	assert_int_equal(other.answers, 1);
}

static void
test_asked_once(void **state)
{
	struct seen one = { 0 }, two = { 0 };
	struct asker *a = asker_new(names, &one);
	struct asker *b = asker_new(names, &two);

	(void)state;
	ask(a, 1, "slow");
	ask(b, 2, "slow");
	asker_free(a);		/* who asked first goes away */
	slow_end();
	run_until(&two.answers, 1);
	assert_int_equal(two.id, 2);
	assert_int_equal(one.answers, 0);
	assert_int_equal(lookups_now(), 1);
}

static void
test_held_back_runs_for_others(void **state)
{
	struct seen one = { 0 }, two = { 0 };
	struct asker *a = asker_new(names, &one);
	struct asker *b = asker_new(names, &two);

	(void)state;
	ask(a, 1, "slow1");
	ask(a, 2, "slow2");
	ask(a, 3, "third");	/* held back behind the two */
	ask(b, 4, "third");
	asker_free(a);
	run_until(&two.answers, 1);
	assert_int_equal(two.id, 4);
	assert_int_equal(two.error, 0);
}

static void
test_held_back_runs_later(void **state)
{
	struct seen s = { 0 };
	struct asker *a = asker_new(names, &s);

	(void)state;
	ask(a, 1, "slow1");
	ask(a, 2, "slow2");
	ask(a, 3, "third");
	slow_end();
	run_until(&s.answers, 3);
	assert_int_equal(s.error, 0);
}

/* Until that many look-ups are under way. */
static void
wait_inside(int n)
{
	int64_t end = clock_mono_us() + 10000000;
	bool there = false;

	while (!there) {
		if (clock_mono_us() > end)
			fail_msg("the threads do not start");
		pthread_mutex_lock(&mutex);
		there = inside == n;
		pthread_mutex_unlock(&mutex);
		sched_yield();
	}
}

/* More askers than threads and queue: refused at once, not queued. */
static void
test_queue_bound(void **state)
{
	struct seen s[12] = { { 0 } };
	struct asker *a;
	char host[32];
	int i, refused = 0;

	(void)state;
	for (i = 0; i < 12; i++) {
		a = asker_new(names, &s[i]);
		snprintf(host, sizeof(host), "slowa%d", i);
		ask(a, 1, host);
		snprintf(host, sizeof(host), "slowb%d", i);
		ask(a, 2, host);
		refused += s[i].answers;
		if (2 * (i + 1) == THREADS)
			wait_inside(THREADS);
	}
	assert_int_equal(refused, 24 - THREADS - QUEUE);
	assert_int_equal(s[11].result, NAMES_REFUSED);
	assert_int_equal(s[11].error, EAI_AGAIN);
}

static void
test_cache_is_bounded(void **state)
{
	struct seen s = { 0 };
	struct asker *a = asker_new(names, &s);
	char host[32];
	int i;

	(void)state;
	for (i = 0; i < NAMES_MAX + 50; i++) {
		snprintf(host, sizeof(host), "host%d", i);
		ask(a, 1, host);
		run_until(&s.answers, i + 1);
		assert_int_equal(s.error, 0);
	}
	ask(a, 1, "host0");		/* was forgotten */
	run_until(&s.answers, i + 1);
	assert_int_equal(s.result, NAMES_OK);
	ask(a, 1, host);		/* the newest was not */
	assert_int_equal(s.result, NAMES_CACHED);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_answer_and_cache), T(test_bad_names),
		T(test_slow_does_not_harm_others), T(test_asked_once),
		T(test_held_back_runs_for_others),
		T(test_held_back_runs_later), T(test_queue_bound),
		T(test_cache_is_bounded)
	};

	return (cmocka_run_group_tests_name("names", tests, NULL, NULL));
}
