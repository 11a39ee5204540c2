/* SPDX-License-Identifier: ISC */
/*
 * The ends of a relay: drained as told, or for a cause.  In each the sink
 * may settle what it has, for a while; then the last checkpoint is written,
 * unless the session is gone.
 */
#include <stdarg.h>
#include <stdio.h>

#include "common/child.h"
#include "common/log.h"
#include "common/pg/session.h"
#include "common/units.h"
#include "worker/checkpoint.h"
#include "worker/order.h"
#include "worker/relay_int.h"

#define WRITE_US	INT64_C(1000000)
#define UNLOCK_MS	500
#define CLOSE_MS	200

static void
unlock_and_say(struct relay *r)
{
	static const char	sql[] = "SELECT pg_advisory_unlock_all()";
	const struct pg_command	c = { .sql = sql };

	if (r->session != NULL && pg_session_up(r->session) &&
	    (pg_session_query(r->session, &c, NULL, NULL) == -1 ||
	    pg_session_flush(r->session, UNLOCK_MS) == -1))
		log_warnx("the lock is given back with the session");
	pg_session_close(r->session);
	r->session = NULL;
	metrics_add(r->report.metrics, METRIC_OWNERSHIP_EVENTS, "released",
	    1);
	log_info("drained");
	child_drained(r->env.child);
}

static void
end_out(struct relay *r)
{
	r->life = RELAY_ENDED;
	sinkhost_close(r->env.sink, CLOSE_MS);
	relay_server_tell(r);
	if (r->ending.cause != CAUSE_STOPPED)
		child_fatal(r->env.child, r->ending.cause, "%s",
		    r->ending.text);
	unlock_and_say(r);
}

/* Nothing is owned yet: there is nothing to settle. */
static void
end_early(struct relay *r)
{
	r->life = RELAY_ENDED;
	(void)evtimer_del(r->retry);
	if (r->ending.cause != CAUSE_STOPPED)
		child_fatal(r->env.child, r->ending.cause, "%s",
		    r->ending.text);
	unlock_and_say(r);
}

/* The first reason counts, but for a drain that is cut short. */
void
relay_end(struct relay *r, enum exit_cause cause, int64_t settle_us,
    const char *fmt, ...)
{
	va_list	ap;

	if (r->life == RELAY_ENDED || (r->life == RELAY_ENDING &&
	    r->ending.cause != CAUSE_STOPPED))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r->ending.text, sizeof(r->ending.text), fmt, ap);
	va_end(ap);
	r->ending.cause = cause;
	r->ending.phase = ENDING_SETTLE;
	r->ending.deadline_us = clock_mono_us() + settle_us;
	if (r->life != RELAY_RUNNING && r->life != RELAY_ENDING) {
		end_early(r);
		return;
	}
	r->life = RELAY_ENDING;
	relay_kick(r);
}

static bool
settled(const struct relay *r, int64_t now)
{
	struct lanes_stat	st;

	lanes_stat(r->lanes, &st);
	return (st.offered == 0 || now >= r->ending.deadline_us);
}

static bool
written(struct relay *r, int64_t now)
{
	if (r->ending.lost || now >= r->ending.deadline_us)
		return (true);
	if (checkpoint_tick(r->checkpoint, true, now) == -1)
		relay_no_memory(r);
	return (!checkpoint_writing(r->checkpoint) &&
	    !checkpoint_dirty(r->checkpoint));
}

void
relay_end_turn(struct relay *r, int64_t now)
{
	struct ending	*e = &r->ending;

	if (e->phase == ENDING_SETTLE && settled(r, now)) {
		e->phase = ENDING_WRITE;
		relay_hold_rest(r);
		e->deadline_us = now + WRITE_US;
	}
	if (e->phase == ENDING_WRITE && written(r, now)) {
		e->phase = ENDING_OUT;
		end_out(r);
	}
}
