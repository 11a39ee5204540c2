/* SPDX-License-Identifier: ISC */
/*
 * Restarts, forced ends, health, age: what nobody but control can count,
 * because the process it is about may be dead.
 */
#include "config.h"

#include "supervisor/control/derive.h"

#include "common/log.h"
#include "common/metrics.h"
#include "common/units.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/store.h"

static void
add(struct hub *h, const char *pipeline, uint16_t id, const char *labels)
{
	const struct family *f = families_find(h->families, id);

	if (f != NULL && store_add(h->store, pipeline, f, labels, 1) == -1)
		log_warn("metric %s of %s is not counted", f->name,
		    pipeline);
}

static void
set(struct hub *h, const char *pipeline, uint16_t id, const char *labels,
    double value)
{
	const struct family *f = families_find(h->families, id);

	if (f != NULL && store_set(h->store, pipeline, f, labels, value,
	    clock_mono_us()) == -1)
		log_warn("metric %s of %s is not set", f->name, pipeline);
}

void
derive_change(struct hub *h, const struct msg_proc *row,
    const struct proc_change *c)
{
	if (c->removed) {
		if (row->role == ROLE_WORKER && row->name[0] != '\0')
			store_forget(h->store, row->name);
		return;
	}
	if (row->role != ROLE_WORKER)
		return;
	if (c->restarted)
		add(h, row->name, METRIC_RESTARTS, exit_cause_name(c->cause));
	if (c->ended && c->cause == CAUSE_DEADLINE)
		add(h, row->name, METRIC_FORCED_SHUTDOWN, "");
	if (c->ended && c->cause == CAUSE_SYSCALL)
		add(h, row->name, METRIC_SANDBOX_KILLS, "");
}

/* Returns 1 when this host runs the pipeline. */
static int
pipeline_gauges(struct hub *h, const struct proc *p)
{
	struct pipeline_view v;
	int64_t age_us = clock_mono_us() - p->heard_us;

	procs_view(p, &v);
	set(h, p->row.name, METRIC_HEALTHY, "", v.healthy);
	set(h, p->row.name, METRIC_RETRY_STATE, "none", !v.retrying);
	set(h, p->row.name, METRIC_RETRY_STATE, "retrying", v.retrying);
	set(h, p->row.name, METRIC_PAUSED, "", p->row.paused ||
	    p->worker.health == HEALTH_PAUSED);
	if (p->heard_us != 0)
		set(h, p->row.name, METRIC_HEARTBEAT_AGE, "",
		    (double)age_us / 1e6);
	return (v.owned);
}

void
derive_gauges(struct hub *h)
{
	int owned = 0;
	size_t i;

	set(h, "", METRIC_UP, "", 1);
	set(h, "", METRIC_BUILD_INFO, PACKAGE_VERSION, 1);
	for (i = 0; i < procs_count(h->procs); i++)
		if (proc_is_pipeline(procs_at(h->procs, i)))
			owned += pipeline_gauges(h, procs_at(h->procs, i));
	set(h, "", METRIC_OWNED, "", owned);
}
