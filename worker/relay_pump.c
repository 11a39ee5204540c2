/* SPDX-License-Identifier: ISC */
/*
 * One turn of the relay.  Whatever happens only asks for a turn
 * (relay_kick()), so that a burst of rows or completions is one turn.
 */
#include <errno.h>

#include "common/child.h"
#include "common/units.h"
#include "worker/checkpoint.h"
#include "worker/held.h"
#include "worker/order.h"
#include "worker/parcel.h"
#include "worker/relay_int.h"

void
relay_kick(struct relay *r)
{
	event_active(r->pump, 0, 0);
}

static int
hold(int64_t id, void *arg)
{
	struct relay	*r = arg;

	return (held_add(r->held, id));
}

/*
 * A single event that the sink sits on must not stop the position for long:
 * after a second it may be passed.
 */
void
relay_advance(struct relay *r)
{
	const struct parcel	*p = lanes_oldest(r->lanes);
	const bool		 slow = p != NULL &&
	    clock_mono_us() - p->offered_us > RELAY_EVICT_US;

	if (order_advance(r->order, slow, hold, r) == -1)
		relay_no_memory(r);
}

/* At an end: what was delivered out of turn need not be repeated. */
void
relay_hold_rest(struct relay *r)
{
	if (order_finish(r->order, hold, r) == -1)
		relay_no_memory(r);
}

static int64_t
earliest(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static int64_t
next_due(const struct relay *r, int64_t now)
{
	int64_t	due = lanes_next(r->lanes);

	due = earliest(due, checkpoint_next(r->checkpoint));
	if (r->life == RELAY_ENDING)
		return (earliest(due, r->ending.deadline_us));
	due = earliest(due, breaker_next(&r->breaker));
	if (r->read_after_us > now)
		due = earliest(due, r->read_after_us);
	if (r->bell.next_us > now)
		due = earliest(due, r->bell.next_us);
	return (due);
}

static void
timer_set(struct relay *r, int64_t now)
{
	const int64_t	due = next_due(r, now);
	struct timeval	tv;
	int64_t		wait;

	if (due == r->timer_us && evtimer_pending(r->timer, NULL))
		return;
	r->timer_us = due;
	if (due == INT64_MAX) {
		(void)evtimer_del(r->timer);
		return;
	}
	wait = due > now ? due - now : 0;
	tv.tv_sec = (time_t)(wait / 1000000);
	tv.tv_usec = (suseconds_t)(wait % 1000000);
	if (evtimer_add(r->timer, &tv) == -1)
		relay_no_memory(r);
}

static void
turn(struct relay *r)
{
	const int64_t	now = clock_mono_us();

	lanes_tick(r->lanes, now);
	relay_advance(r);
	if (r->life == RELAY_ENDING) {
		relay_end_turn(r, now);
		if (r->life == RELAY_ENDED)
			return;
	} else {
		relay_deliver(r, now);
		relay_intake(r, now);
		if (checkpoint_tick(r->checkpoint, false, now) == -1)
			relay_no_memory(r);
	}
	timer_set(r, now);
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct relay	*r = arg;

	(void)fd;
	(void)what;
	if (r->life == RELAY_RUNNING || r->life == RELAY_ENDING)
		turn(r);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	relay_attach_again(arg);
}

int
relay_pump_init(struct relay *r)
{
	r->pump = event_new(r->env.base, -1, 0, on_pump, r);
	r->timer = evtimer_new(r->env.base, on_pump, r);
	r->retry = evtimer_new(r->env.base, on_retry, r);
	return (r->pump == NULL || r->timer == NULL || r->retry == NULL ?
	    -1 : 0);
}

void
relay_pump_free(struct relay *r)
{
	if (r->pump != NULL)
		event_free(r->pump);
	if (r->timer != NULL)
		event_free(r->timer);
	if (r->retry != NULL)
		event_free(r->retry);
}
