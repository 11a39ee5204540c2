/* SPDX-License-Identifier: ISC */
/* Parcels to the sink, outcomes back, and what each outcome means. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/units.h"
#include "worker/checkpoint.h"
#include "worker/deadletter.h"
#include "worker/held.h"
#include "worker/order.h"
#include "worker/parcel.h"
#include "worker/relay_int.h"

void
relay_settle(struct relay *r, int64_t id, uint64_t seq)
{
	/* Behind the position there are held events only. */
	if (!order_settle(r->order, seq) && held_settle(r->held, id) == -1)
		relay_no_memory(r);
}

void
relay_bury(struct relay *r, int64_t id, uint64_t seq,
    const struct verdict *v, int64_t now)
{
	const int64_t		wall = clock_wall_us();
	struct deadletter	l = { .id = id, .seq = seq, .code = v->code,
	    .settles = !v->parked, .attempts = v->attempts, .last_us = wall };

	l.first_us = v->failing_since == 0 ? wall :
	    wall - (now - v->failing_since);
	(void)snprintf(l.error_class, sizeof(l.error_class), "%s",
	    v->error_class);
	(void)snprintf(l.text, sizeof(l.text), "%s", v->text);
	if (deadletters_add(r->letters, &l) == -1)
		relay_no_memory(r);
	metrics_add(r->report.metrics, METRIC_PIPELINE_ERRORS,
	    v->error_class, 1);
}

static void
msg_make(struct pgtide_msg *m, struct parcel *p)
{
	memset(m, 0, sizeof(*m));
	m->token = parcel_token(p);
	m->seq = p->seq;
	m->id = p->identity;
	m->attempt = p->attempts;
	m->lane = (uint32_t)(p->lane_hash ^ p->lane_hash >> 32);
	m->key = p->key;
	m->keylen = p->keylen;
	m->value = p->value;
	m->valuelen = p->valuelen;
	m->headers = p->headers;
	m->nheaders = p->nheaders;
	m->header_size = sizeof(*p->headers);
	m->content_type = "application/json";
	m->traceparent = p->traceparent;
	m->created_us = p->created_us;
}

/* One batch; false when nothing more can be given now. */
static bool
batch_give(struct relay *r, int64_t now)
{
	size_t	n, i, accepted;

	n = breaker_allow(&r->breaker, now);
	if (n > r->env.pipeline->batch_size)
		n = r->env.pipeline->batch_size;
	if (n == 0 || (n = lanes_take(r->lanes, r->taken, n, now)) == 0)
		return (false);
	for (i = 0; i < n; i++)
		msg_make(&r->msgs[i], r->taken[i]);
	accepted = sinkhost_deliver(r->env.sink, r->msgs, n);
	*r->report.started += (double)accepted;
	if (accepted > 0)
		breaker_offered(&r->breaker);
	for (i = n; i > accepted; i--)
		lanes_untake(r->lanes, r->taken[i - 1]);
	r->blocked = accepted < n;
	return (!r->blocked);
}

void
relay_deliver(struct relay *r, int64_t now)
{
	const double		before = *r->report.started;
	struct lanes_stat	st;

	if (r->life != RELAY_RUNNING ||
	    deadletters_count(r->letters) >= RELAY_LETTERS_MAX)
		return;
	while (!r->blocked && batch_give(r, now))
		;
	/* Nothing else will come soon: do not linger. */
	lanes_stat(r->lanes, &st);
	if (*r->report.started > before && !st.ready)
		sinkhost_flush(r->env.sink);
}

static void
delivered(struct relay *r, struct parcel *p, int64_t now, int64_t wall)
{
	report_observe(&r->report.latency,
	    (double)(wall - p->created_us) / 1e6);
	report_observe(&r->report.duration,
	    (double)(now - p->offered_us) / 1e6);
	*r->report.published += 1;
	*r->report.acknowledged += 1;
	*r->report.bytes += (double)p->valuelen;
	r->report.last_success = (double)wall / 1e6;
	if (breaker_open(&r->breaker)) {
		(void)breaker_result(&r->breaker, false, now);
		if (!breaker_open(&r->breaker))
			log_info("the destination takes events again");
	} else
		(void)breaker_result(&r->breaker, false, now);
	checkpoint_delivered(r->checkpoint, 1);
	relay_server_delivered(r, p->id, p->created_us);
	relay_settle(r, p->id, p->seq);
	lanes_done(r->lanes, p, true, now);
	parcel_free(r->parcels, p);
}

static void
dead(struct relay *r, struct parcel *p, const struct sink_outcome *o,
    const char *error_class, int64_t now)
{
	struct verdict	v = { .error_class = error_class, .code = o->code,
	    .text = o->detail, .attempts = p->attempts,
	    .failing_since = lanes_failing_since(p) };

	relay_bury(r, p->id, p->seq, &v, now);
	lanes_done(r->lanes, p, false, now);
	parcel_free(r->parcels, p);
}

/* The letter is written, but the event stays and its key waits for it. */
static void
parked(struct relay *r, struct parcel *p, const struct sink_outcome *o,
    int64_t now)
{
	struct verdict	v = { .error_class = "permanent", .code = o->code,
	    .text = o->detail, .attempts = p->attempts,
	    .failing_since = lanes_failing_since(p), .parked = true };

	relay_bury(r, p->id, p->seq, &v, now);
	lanes_retry(r->lanes, p, r->env.pipeline->retry_max_us, now);
}

/* Why the event must not be tried again, NULL: it may. */
static const char *
exhausted(const struct relay *r, const struct parcel *p, int64_t now)
{
	const struct pipeline	*pl = r->env.pipeline;
	const int64_t		 since = lanes_failing_since(p);

	if (!pl->dlq_enabled || breaker_open(&r->breaker) ||
	    lanes_collateral(r->lanes, p))
		return (NULL);
	if (pl->retry_max_attempts > 0 &&
	    p->attempts >= pl->retry_max_attempts)
		return ("max_attempts");
	if (pl->retry_max_age_us > 0 && since != 0 &&
	    now - since >= pl->retry_max_age_us)
		return ("max_age");
	return (NULL);
}

static void
failed(struct relay *r, struct parcel *p, const struct sink_outcome *o,
    int64_t now)
{
	const int64_t	 wait = (int64_t)o->retry_ms * 1000;
	const char	*why = exhausted(r, p, now);

	breaker_failed(&r->breaker, now);
	if (why != NULL) {
		dead(r, p, o, why, now);
		return;
	}
	if (o->result == PGTIDE_THROTTLED)
		*r->report.throttled += 1;
	*r->report.retries += 1;
	lanes_retry(r->lanes, p, wait, now);
}

static void
breaker_say(const struct relay *r, const struct sink_outcome *o)
{
	static const char *const	why[] = {
		[BREAKER_CLOSED] = "",
		[BREAKER_IN_A_ROW] = "too many permanent failures in a row",
		[BREAKER_RATIO] = "half of the last results were permanent "
		    "failures",
		[BREAKER_GONE] = "the destination is gone"
	};

	log_warnx("pausing: %s; the last one: %s", why[r->breaker.why],
	    o->detail);
}

static void
permanent(struct relay *r, struct parcel *p, const struct sink_outcome *o,
    int64_t now)
{
	const bool	was_open = breaker_open(&r->breaker);

	if (breaker_result(&r->breaker, true, now))
		breaker_say(r, o);
	/* While it is open the destination is to blame, not the event. */
	if (was_open || !r->env.pipeline->dlq_enabled)
		lanes_retry(r->lanes, p, 0, now);
	else if (r->env.pipeline->park_key)
		parked(r, p, o, now);
	else
		dead(r, p, o, "permanent", now);
}

static void
outcome(struct relay *r, struct parcel *p, const struct sink_outcome *o,
    int64_t now, int64_t wall)
{
	if (o->result == PGTIDE_DELIVERED) {
		delivered(r, p, now, wall);
		return;
	}
	report_key(&r->report, p->key, p->keylen);
	switch (o->result) {
	case PGTIDE_PERMANENT:
		permanent(r, p, o, now);
		break;
	case PGTIDE_PAUSE:
		if (breaker_gone(&r->breaker, now))
			breaker_say(r, o);
		lanes_retry(r->lanes, p, 0, now);
		break;
	case PGTIDE_DELIVERED:
	case PGTIDE_TRANSIENT:
	case PGTIDE_THROTTLED:
	default:
		failed(r, p, o, now);
		break;
	}
	report_failure(&r->report, o, now);
}

static void
on_complete(const struct sink_outcome *o, size_t n, void *arg)
{
	struct relay	*r = arg;
	const int64_t	 now = clock_mono_us(), wall = clock_wall_us();
	struct parcel	*p;
	size_t		 i;

	for (i = 0; i < n; i++) {
		if ((p = parcel_by_token(r->parcels, o[i].token)) == NULL) {
			log_warnx("the sink completed a message that it does "
			    "not have");
			continue;
		}
		outcome(r, p, &o[i], now, wall);
	}
	relay_kick(r);
}

static void
on_release(const uint64_t *tokens, size_t n, void *arg)
{
	struct relay	*r = arg;
	struct parcel	*p;
	size_t		 i;

	for (i = 0; i < n; i++)
		if ((p = parcel_by_token(r->parcels, tokens[i])) != NULL)
			parcel_release(r->parcels, p);
	relay_kick(r);
}

static void
on_resume(void *arg)
{
	struct relay	*r = arg;

	r->blocked = false;
	relay_kick(r);
}

static void
on_state(int up, const char *text, void *arg)
{
	struct relay	*r = arg;

	r->report.sink_down = !up;
	(void)snprintf(r->report.sink_text, sizeof(r->report.sink_text), "%s",
	    text);
	report_health(r, clock_mono_us());
}

static void
on_fatal(int32_t code, const char *text, void *arg)
{
	relay_end(arg, CAUSE_SINK, 0, "the sink gave up (%d): %s", (int)code,
	    text);
}

const struct sinkhost_ops relay_sink_ops = {
	.complete = on_complete,
	.release = on_release,
	.resume = on_resume,
	.state = on_state,
	.fatal = on_fatal
};
