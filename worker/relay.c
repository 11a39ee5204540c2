/* SPDX-License-Identifier: ISC */
/*
 * The relay's life: connect, own the pipeline, read its checkpoint, open
 * the sink, run, end.  After a lost session the process ends and a fresh
 * one reads the checkpoint again: nothing in here has to survive it.
 */
#include "worker/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/pg/session.h"
#include "common/units.h"
#include "worker/checkpoint.h"
#include "worker/deadletter.h"
#include "worker/held.h"
#include "worker/order.h"
#include "worker/parcel.h"
#include "worker/reader.h"
#include "worker/refetch.h"
#include "worker/relay_int.h"
#include "worker/slab.h"

#define ORDER_MIN	16384u
#define SQL_RETRY_US	INT64_C(1000000)
#define DEFAULT_ROW	512u
#define BLIND_KEYS	16u		/* fewer may be stuck by themselves */
#define BLIND_WAIT_US	INT64_C(30000000)
#define BLIND_AWAY_MAX	100000u

void
relay_no_memory(struct relay *r)
{
	child_fatal(r->env.child, CAUSE_CRASH, "out of memory: %s",
	    strerror(errno));
}

struct relay *
relay_new(const struct relay_env *env)
{
	struct relay	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->env = *env;
	r->life = RELAY_NEW;
	r->row_bytes = DEFAULT_ROW;
	report_init(&r->report, child_metrics(env->child),
	    env->pipeline->sink_type);
	r->taken = calloc(env->pipeline->batch_size, sizeof(r->taken[0]));
	r->msgs = calloc(env->pipeline->batch_size, sizeof(r->msgs[0]));
	if (r->taken == NULL || r->msgs == NULL ||
	    relay_pump_init(r) == -1) {
		relay_free(r);
		return (NULL);
	}
	return (r);
}

int
relay_start(struct relay *r)
{
	return (relay_connect(r));
}

static void
on_evict(struct parcel *p, void *arg)
{
	struct relay	*r = arg;

	if (lanes_failing_since(p) != 0)
		order_stuck(r->order, p->seq);
	parcel_free(r->parcels, p);
}

static int
lanes_open(struct relay *r)
{
	const struct pipeline		*pl = r->env.pipeline;
	const struct lanes_ops		 ops = { .evict = on_evict };
	const uint64_t			 caps =
	    sinkhost_plugin(r->env.sink)->caps;
	const struct lanes_conf		 conf = {
	    .fifo = (caps & PGTIDE_CAP_FIFO) != 0,
	    .backoff_initial_us = pl->retry_initial_us,
	    .backoff_max_us = pl->retry_max_us,
	    .evict_after_us = RELAY_EVICT_US,
	    .seed = random_uniform(UINT64_MAX) };

	r->lanes = lanes_new(&conf, &ops, r);
	return (r->lanes == NULL ? -1 : 0);
}

/* What holds events between the rows and the checkpoint. */
int
relay_delivery_open(struct relay *r)
{
	const struct pipeline	*pl = r->env.pipeline;
	size_t			 entries = 4 * pl->max_inflight;

	if (entries < ORDER_MIN)
		entries = ORDER_MIN;
	breaker_init(&r->breaker, pl->max_permanent_ratio);
	encoder_init(&r->encoder, pl->wire_format, pl->outbox);
	r->order = order_new(entries, RELAY_SEQ_FIRST, r->at.s1);
	r->held = held_new();
	r->letters = deadletters_new();
	r->slabs = slab_pool_new(pl->max_inflight_bytes);
	r->parcels = r->slabs == NULL ? NULL : parcel_table_new(r->slabs);
	return (r->order == NULL || r->held == NULL || r->letters == NULL ||
	    r->parcels == NULL || lanes_open(r) == -1 ? -1 : 0);
}

static void
on_dead(const struct deadletter *l, void *arg)
{
	if (l->settles)
		relay_settle(arg, l->id, l->seq);
}

static void
on_advance(void *arg)
{
	relay_advance(arg);
}

static void
on_written(int64_t took_us, int64_t dead, void *arg)
{
	struct relay	*r = arg;

	(void)took_us;
	metrics_add(r->report.metrics, METRIC_OFFSET_WRITES, "", 1);
	metrics_add(r->report.metrics, METRIC_STAGE,
	    "checkpoint_committed\x1f" "ok", 1);
	if (dead > 0) {
		metrics_add(r->report.metrics, METRIC_DLQ_WRITTEN, "",
		    (double)dead);
		metrics_add(r->report.metrics, METRIC_STAGE,
		    "dlq_persisted\x1f" "ok", (double)dead);
	}
	relay_kick(r);
}

static void
on_write_failed(const char *sqlstate, const char *text, void *arg)
{
	struct relay	*r = arg;

	metrics_add(r->report.metrics, METRIC_CHECKPOINT_ERRORS, "", 1);
	if (deadletters_count(r->letters) > 0)
		metrics_add(r->report.metrics, METRIC_DLQ_WRITE_ERRORS, "",
		    1);
	if (strcmp(sqlstate, "TD001") == 0)
		child_fatal(r->env.child, CAUSE_FENCED, "another relay took "
		    "the pipeline over: %s", text);
	relay_sql_failed(r, "writing the checkpoint", sqlstate, text);
}

static int
checkpoint_open(struct relay *r)
{
	static const struct checkpoint_ops	ops = { .dead = on_dead,
	    .advance = on_advance, .written = on_written,
	    .failed = on_write_failed };
	const struct checkpoint_conf		conf = {
	    .group = r->env.group, .pipeline = r->env.pipeline->name,
	    .epoch = r->at.epoch,
	    .interval_us = r->env.pipeline->checkpoint_interval_us };

	r->checkpoint = checkpoint_new(r->session, &conf, r->order, r->held,
	    r->letters, &ops, r);
	return (r->checkpoint == NULL ? -1 : 0);
}

/* The pipeline is ours and its past is known: begin. */
void
relay_attached(struct relay *r)
{
	char	err[512];

	if (sinkhost_open(r->env.sink, r->env.base, r->env.resolve,
	    r->report.metrics, &relay_sink_ops, r, err, sizeof(err)) == -1)
		child_fatal(r->env.child, CAUSE_CONFIG, "sink: %s", err);
	if (relay_intake_open(r) == -1 || checkpoint_open(r) == -1)
		relay_no_memory(r);
	r->life = RELAY_RUNNING;
	r->running_us = r->blind_us = clock_mono_us();
	relay_bell_init(r);
	child_say_ready(r->env.child);
	report_health(r, clock_mono_us());
	relay_kick(r);
}

/* Classes that pass: resources, conflicts, cancelled, lock not available. */
static bool
passes(const char *sqlstate)
{
	return (strncmp(sqlstate, "40", 2) == 0 ||
	    strncmp(sqlstate, "53", 2) == 0 ||
	    strncmp(sqlstate, "55", 2) == 0 ||
	    strncmp(sqlstate, "57", 2) == 0);
}

void
relay_sql_failed(struct relay *r, const char *what, const char *sqlstate,
    const char *text)
{
	if (sqlstate == NULL)
		sqlstate = "XX000";
	metrics_add(r->report.metrics, METRIC_PIPELINE_ERRORS, "database", 1);
	if (r->life == RELAY_RUNNING && passes(sqlstate)) {
		log_warnx("%s: %s: %s; trying again", what, sqlstate, text);
		r->read_after_us = clock_mono_us() + SQL_RETRY_US;
		relay_kick(r);
		return;
	}
	relay_end(r, CAUSE_DATABASE, 0, "%s: %s%s%s", what, sqlstate,
	    *sqlstate == '\0' ? "" : ": ", text);
}

void
relay_wake(struct relay *r, const char *outbox)
{
	if (r->life != RELAY_RUNNING)
		return;
	if (*outbox == '\0')
		relay_bell_gone(r);
	else if (strcmp(outbox, r->env.pipeline->outbox) == 0)
		relay_bell_rung(r);
	relay_kick(r);
}

void
relay_drain(struct relay *r, uint32_t ms)
{
	const int64_t	own = r->env.pipeline->drain_timeout_us;
	const int64_t	told = (int64_t)ms * 1000;

	relay_end(r, CAUSE_STOPPED, own < told ? own : told,
	    "drained as told");
}

/* A sink that neither delivers nor fails has lost the message. */
static void
check_overdue(struct relay *r, int64_t now)
{
	const struct parcel	*p = lanes_oldest(r->lanes);

	if (p != NULL &&
	    now - p->offered_us > r->env.pipeline->ack_timeout_us)
		relay_end(r, CAUSE_SINK, 0, "event %" PRId64 " was neither "
		    "acknowledged nor refused within ack_timeout; beginning "
		    "again from the checkpoint", p->id);
}

/*
 * Memory is nearly full of events that wait, or a large one needs it all.
 * Behind a slow event it can be had back at once.  When all are failing, is
 * it the keys or the destination?  A few keys: give them up, others may come.
 * Many: it looks like the destination, and what it cannot take need not be
 * read; still, now and then a look further must be dared, or the events of a
 * hundred stuck keys would lock out all others for ever.
 */
static void
make_room(struct relay *r, int64_t now)
{
	struct lanes_stat	st;
	int64_t			since;

	if (refetch_alone(r->refetch) == 0 && parcel_count(r->parcels) <=
	    r->env.pipeline->max_inflight / 4 * 3)
		return;
	lanes_evict_slow(r->lanes, now);
	lanes_stat(r->lanes, &st);
	since = st.delivered_us > r->blind_us ? st.delivered_us :
	    r->blind_us;
	if (st.away >= BLIND_AWAY_MAX || (st.failing > BLIND_KEYS &&
	    now - since < BLIND_WAIT_US))
		return;
	r->blind_us = now;
	lanes_evict_failing(r->lanes, now);
}

void
relay_tick(struct relay *r)
{
	const int64_t	now = clock_mono_us();

	report_tick(r, now);
	if (r->life != RELAY_RUNNING)
		return;
	relay_server_tell(r);
	check_overdue(r, now);
	make_room(r, now);
	if (parcel_count(r->parcels) == 0)
		slab_pool_trim(r->slabs);
	relay_kick(r);
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	relay_pump_free(r);
	relay_detach(r);
	reader_free(r->reader);
	refetch_free(r->refetch);
	checkpoint_free(r->checkpoint);
	lanes_free(r->lanes);
	parcel_table_free(r->parcels);
	slab_pool_free(r->slabs);
	deadletters_free(r->letters);
	held_free(r->held);
	order_free(r->order);
	free(r->taken);
	free(r->msgs);
	free(r);
}
