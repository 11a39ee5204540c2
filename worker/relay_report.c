/* SPDX-License-Identifier: ISC */
/* Counters, latencies, gauges and health. */
#include "worker/relay_report.h"

#include <stdio.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/units.h"
#include "common/utf8.h"
#include "worker/checkpoint.h"
#include "worker/held.h"
#include "worker/parcel.h"
#include "worker/relay_int.h"
#include "worker/slab.h"

/* Nothing was delivered for so long: that is more than a retry. */
#define ALARM_US	INT64_C(60000000)

/* Labels are joined by a unit separator. */
#define STAGE(name)	name "\x1f" "ok"

void
report_init(struct report *rp, struct metrics *m, const char *sink_type)
{
	memset(rp, 0, sizeof(*rp));
	rp->metrics = m;
	rp->published = metrics_cell(m, METRIC_PUBLISHED, "");
	rp->consumed = metrics_cell(m, METRIC_CONSUMED, "");
	rp->errors = metrics_cell(m, METRIC_PUBLISH_ERRORS, "");
	rp->retries = metrics_cell(m, METRIC_RETRIES, "");
	rp->throttled = metrics_cell(m, METRIC_THROTTLED, "");
	rp->bytes = metrics_cell(m, METRIC_PAYLOAD_BYTES, "");
	rp->polls = metrics_cell(m, METRIC_POLL_QUERIES, "");
	rp->polled = metrics_cell(m, METRIC_STAGE, STAGE("polled"));
	rp->encoded = metrics_cell(m, METRIC_STAGE, STAGE("encoded"));
	rp->started = metrics_cell(m, METRIC_STAGE, STAGE("publish_started"));
	rp->acknowledged = metrics_cell(m, METRIC_STAGE,
	    STAGE("sink_acknowledged"));
	rp->latency.def = metric_find(METRIC_LATENCY);
	rp->latency.labels = "";
	rp->duration.def = metric_find(METRIC_SINK_DURATION);
	rp->duration.labels = sink_type;
}

void
report_observe(struct report_hist *h, double seconds)
{
	size_t	i;

	if (seconds < 0)		/* the clocks of two hosts */
		seconds = 0;
	for (i = 0; i < h->def->nbuckets && seconds > h->def->buckets[i]; i++)
		;
	h->n[i]++;
	h->sum[i] += seconds;
}

/* The mean of a bucket lies in that bucket: counts and sum stay exact. */
static void
hist_flush(struct report_hist *h, struct metrics *m)
{
	size_t	i;

	for (i = 0; i <= h->def->nbuckets; i++) {
		if (h->n[i] == 0)
			continue;
		metrics_observe(m, h->def->id, h->labels,
		    h->sum[i] / (double)h->n[i], h->n[i]);
		h->n[i] = 0;
		h->sum[i] = 0;
	}
}

/* Cut between characters: status documents are UTF-8. */
void
report_key(struct report *rp, const char *key, size_t len)
{
	const size_t	room = sizeof(rp->error_key) - sizeof(", key \"\"");
	size_t		n = 0, step;

	rp->error_key[0] = '\0';
	if (key == NULL)
		return;
	while (n < len && (step = utf8_sequence(key + n, len - n)) != 0 &&
	    n + step <= room)
		n += step;
	(void)snprintf(rp->error_key, sizeof(rp->error_key),
	    ", key \"%.*s\"", (int)n, key);
}

void
report_failure(struct report *rp, const struct sink_outcome *o, int64_t now)
{
	static const char *const class[] = {
		[PGTIDE_DELIVERED] = "", [PGTIDE_TRANSIENT] = "transient",
		[PGTIDE_THROTTLED] = "throttled",
		[PGTIDE_PERMANENT] = "permanent", [PGTIDE_PAUSE] = "pause"
	};
	char	labels[160];

	*rp->errors += 1;
	(void)snprintf(labels, sizeof(labels), "%s\x1f%d\x1f%s",
	    rp->duration.labels, (int)o->code, class[o->result]);
	metrics_add(rp->metrics, METRIC_CONNECTOR_FAILURES, labels, 1);
	metrics_add(rp->metrics, METRIC_STAGE,
	    "sink_acknowledged\x1f" "error", 1);
	rp->last_error = (double)clock_wall_us() / 1e6;
	rp->error_code = o->code;
	rp->error_us = now;
	(void)snprintf(rp->error_text, sizeof(rp->error_text), "%s",
	    o->detail);
}

static void
state_send(struct relay *r, struct msg_state *s)
{
	struct report	*rp = &r->report;

	(void)snprintf(s->name, sizeof(s->name), "%s",
	    r->env.pipeline->name);
	if (s->health == rp->state.health && s->code == rp->state.code &&
	    strcmp(s->error_class, rp->state.error_class) == 0 &&
	    strcmp(s->text, rp->state.text) == 0)
		return;
	rp->state = *s;
	child_state(r->env.child, s);
}

void
report_state(struct relay *r, enum health health, const char *error_class,
    const char *text)
{
	struct msg_state	s = { .health = (uint8_t)health };

	(void)snprintf(s.error_class, sizeof(s.error_class), "%s",
	    error_class);
	(void)snprintf(s.text, sizeof(s.text), "%s", text);
	state_send(r, &s);
}

static int64_t
last_progress(const struct relay *r, const struct lanes_stat *st)
{
	return (st->delivered_us > r->running_us ? st->delivered_us :
	    r->running_us);
}

/* What is wrong, the worst first; HEALTH_OK: nothing. */
static enum health
judge(const struct relay *r, const struct lanes_stat *st, int64_t now,
    char *text, size_t size)
{
	const struct report	*rp = &r->report;

	if (breaker_open(&r->breaker)) {
		(void)snprintf(text, size, "paused; the destination said: %s;"
		    " it is probed now and then", rp->error_text);
		return (HEALTH_PAUSED);
	}
	if (r->held_full) {
		(void)snprintf(text, size, "%zu events of %zu keys are held "
		    "back, reading has stopped%s: %s", st->away,
		    st->failing, rp->error_key, rp->error_text);
		return (HEALTH_ALARM);
	}
	if (rp->sink_down) {
		(void)snprintf(text, size, "the destination does not answer: "
		    "%s", rp->sink_text);
		return (HEALTH_ALARM);
	}
	if (st->failing > 0 && rp->error_us != 0) {
		(void)snprintf(text, size, "%zu keys are being retried, %zu "
		    "events wait for them%s: %s", st->failing, st->away,
		    rp->error_key, rp->error_text);
		return (now - last_progress(r, st) > ALARM_US ? HEALTH_ALARM :
		    HEALTH_RETRYING);
	}
	*text = '\0';
	return (HEALTH_OK);
}

void
report_health(struct relay *r, int64_t now)
{
	struct msg_state	s = { .health = HEALTH_OK };
	struct lanes_stat	st;

	if (r->life != RELAY_RUNNING)
		return;
	lanes_stat(r->lanes, &st);
	s.health = (uint8_t)judge(r, &st, now, s.text, sizeof(s.text));
	if (s.health != HEALTH_OK) {
		s.code = r->report.error_code;
		(void)snprintf(s.error_class, sizeof(s.error_class), "%s",
		    breaker_open(&r->breaker) ? "paused" : "unavailable");
	}
	state_send(r, &s);
}

static void
gauges(struct relay *r, const struct lanes_stat *st, int64_t now)
{
	struct report	*rp = &r->report;
	struct metrics	*m = rp->metrics;
	const bool	 good = rp->state.health == HEALTH_OK;

	metrics_set(m, METRIC_HEALTHY, "", good);
	metrics_set(m, METRIC_PAUSED, "", breaker_open(&r->breaker));
	metrics_set(m, METRIC_RETRY_STATE, "none", st->failing == 0);
	metrics_set(m, METRIC_RETRY_STATE, "retrying", st->failing > 0);
	metrics_set(m, METRIC_INFLIGHT, "",
	    (double)parcel_count(r->parcels));
	metrics_set(m, METRIC_INFLIGHT_BYTES, "",
	    (double)slab_pool_bytes(r->slabs));
	metrics_set(m, METRIC_HELD, "", (double)held_count(r->held));
	metrics_set(m, METRIC_CHECKPOINT_AGE, "",
	    (double)checkpoint_age_us(r->checkpoint, now) / 1e6);
	if (rp->last_success > 0)
		metrics_set(m, METRIC_LAST_SUCCESS, "", rp->last_success);
	if (rp->last_error > 0)
		metrics_set(m, METRIC_LAST_ERROR, "", rp->last_error);
}

void
report_tick(struct relay *r, int64_t now)
{
	struct lanes_stat	st;

	if (r->life != RELAY_RUNNING) {
		metrics_set(r->report.metrics, METRIC_HEALTHY, "", 0);
		return;
	}
	report_health(r, now);
	lanes_stat(r->lanes, &st);
	gauges(r, &st, now);
	hist_flush(&r->report.latency, r->report.metrics);
	hist_flush(&r->report.duration, r->report.metrics);
}
