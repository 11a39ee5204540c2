/* SPDX-License-Identifier: ISC */
/*
 * When to poll.
 *
 * After events were found the next poll is made at once.  When polls come
 * back empty they are repeated with a pause that grows to 5 ms, a few times:
 * on a busy outbox that is cheaper than telling the catalog for each event.
 * Then we say IDLE and poll every 100 ms until the catalog has answered with
 * a WAKE, which it sends once under the doorbell's lock; from then on it
 * wakes us and poll_interval is only the fallback.  IDLE is repeated with
 * every fallback poll.  A catalog that is gone, or has lost its session, is
 * known by a WAKE for no outbox; then it is 100 ms again.
 */
#include "common/child.h"
#include "common/units.h"
#include "worker/reader.h"
#include "worker/relay_int.h"
#include "worker/snapshot.h"

#include <stdio.h>

#define FALLBACK_US	INT64_C(100000)

static const int64_t linger_us[] = { 1000, 2000, 4000, 5000, 5000, 5000,
	    5000, 5000, 5000, 5000 };
#define LINGER_POLLS	(sizeof(linger_us) / sizeof(linger_us[0]))

static int64_t
interval(const struct relay *r, bool armed)
{
	const int64_t	most = r->env.pipeline->poll_interval_us;

	return (armed || most < FALLBACK_US ? most : FALLBACK_US);
}

void
relay_bell_init(struct relay *r)
{
	r->bell.armed = r->bell.woken = false;
	r->bell.empties = LINGER_POLLS;
	r->bell.next_us = 0;
}

bool
relay_bell_due(const struct relay *r, int64_t now)
{
	return (now >= r->bell.next_us);
}

static void
say_idle(struct relay *r)
{
	const struct snapshot	*s = reader_position(r->reader);
	struct msg_idle		 idle = { .outbox_id = r->at.outbox_id,
	    .xmax = snapshot_xmax(s), .hash = snapshot_hash(s) };
	struct frame		 f;

	(void)snprintf(idle.name, sizeof(idle.name), "%s",
	    r->env.pipeline->name);
	(void)snprintf(idle.outbox, sizeof(idle.outbox), "%s",
	    r->env.pipeline->outbox);
	msg_idle_put(&f, &idle);
	/* A full queue: the next fallback poll says it again. */
	(void)peer_offer(child_supervisor(r->env.child), &f);
}

void
relay_bell_rung(struct relay *r)
{
	r->bell.armed = true;
	if (!reader_ready(r->reader) && reader_at_poll(r->reader))
		r->bell.woken = true;
	else if (r->bell.next_us > 0) {
		r->bell.next_us = 0;
		r->bell.empties = LINGER_POLLS;
	}
}

/* Until the catalog answers to an IDLE again. */
void
relay_bell_gone(struct relay *r)
{
	r->bell.armed = r->bell.woken = false;
	r->bell.next_us = 0;
}

void
relay_bell_found(struct relay *r)
{
	r->bell.armed = false;
	r->bell.empties = 0;
	r->bell.next_us = 0;
}

void
relay_bell_empty(struct relay *r)
{
	struct bell	*b = &r->bell;
	const int64_t	 now = clock_mono_us();

	if (b->woken) {
		b->woken = false;
		b->next_us = 0;
		return;
	}
	if (b->empties < LINGER_POLLS) {
		b->next_us = now + linger_us[b->empties++];
		return;
	}
	if (r->at.notify)
		say_idle(r);
	b->next_us = now + interval(r, b->armed && r->at.notify);
}
