/* SPDX-License-Identifier: ISC */
/* Status, process table, settings and sandbox as JSON documents. */
#include "config.h"

#include "supervisor/control/report.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/child.h"
#include "common/metrics.h"
#include "common/units.h"
#include "supervisor/control/health.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/procs.h"
#include "supervisor/control/store.h"
#include "supervisor/control/text.h"

static void
add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value != NULL && value[0] != '\0' ?
	    json_object_new_string(value) : NULL);
}

static void
add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static void
add_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void
add_time(struct json_object *o, const char *key, int64_t us)
{
	char buf[TEXT_TIME_MAX];

	add_str(o, key, us > 0 ? text_time(us, buf) : NULL);
}

/*
 * A number of the store; what nobody has said is "unknown", never 0.
 */
static void
add_metric(struct json_object *o, const char *key, struct hub *h,
    const char *pipeline, uint16_t id)
{
	const struct family *f = families_find(h->families, id);
	double value;
	char text[64];

	if (f == NULL || !store_get(h->store, pipeline, f, "",
	    clock_mono_us(), &value) || !(fabs(value) <= 9e15))
		json_object_object_add(o, key,
		    json_object_new_string("unknown"));
	else if (value == (double)(int64_t)value)
		add_int(o, key, (int64_t)value);
	else {
		(void)snprintf(text, sizeof(text), "%.6f", value);
		json_object_object_add(o, key,
		    json_object_new_double_s(value, text));
	}
}

/* As add_metric(), for seconds since 1970: null when it never happened. */
static void
add_metric_time(struct json_object *o, const char *key, struct hub *h,
    const char *pipeline, uint16_t id)
{
	const struct family *f = families_find(h->families, id);
	double value = 0;

	if (f == NULL || !store_get(h->store, pipeline, f, "",
	    clock_mono_us(), &value) || value <= 0 || value > 9e9)
		value = 0;
	add_time(o, key, (int64_t)(value * 1e6));
}

static const char *
ownership(const struct pipeline_view *v)
{
	if (v->owned)
		return ("owned");
	return (strcmp(v->state, "standby") == 0 ? "standby" : "none");
}

static void
pipeline_errors(struct json_object *o, const struct proc *p,
    const struct pipeline_view *v)
{
	add_str(o, "last_error_class", v->error_class);
	if (v->code != 0)
		add_int(o, "last_error_code", v->code);
	else
		json_object_object_add(o, "last_error_code", NULL);
	add_str(o, "last_error", v->text);
	add_time(o, "last_error_at", v->text[0] != '\0' ? p->error_us : 0);
	add_str(o, "retry_state", v->retrying ? "retrying" : "none");
}

static struct json_object *
pipeline_json(struct hub *h, const struct proc *p)
{
	struct json_object *o = json_object_new_object();
	const char *name = p->row.name;
	struct pipeline_view v;

	procs_view(p, &v);
	add_str(o, "pipeline", name);
	add_str(o, "pipeline_id", name);	/* as upstream calls it */
	add_str(o, "direction", "forward");
	add_str(o, "sink_type", p->row.plugin);
	add_str(o, "state", v.state);
	add_str(o, "ownership", ownership(&v));
	add_str(o, "health", v.health);
	add_bool(o, "paused", p->row.paused);
	add_metric(o, "insecure", h, name, METRIC_INSECURE);
	add_metric(o, "consumer_lag", h, name, METRIC_LAG);
	add_metric(o, "consumer_lag_seconds", h, name, METRIC_LAG_SECONDS);
	add_metric(o, "published", h, name, METRIC_PUBLISHED);
	add_metric(o, "retries", h, name, METRIC_RETRIES);
	add_metric(o, "inflight", h, name, METRIC_INFLIGHT);
	add_metric(o, "unresolved_dlq_depth", h, name, METRIC_DLQ_DEPTH);
	add_metric(o, "checkpoint_age_seconds", h, name,
	    METRIC_CHECKPOINT_AGE);
	add_metric_time(o, "last_success_at", h, name, METRIC_LAST_SUCCESS);
	pipeline_errors(o, p, &v);
	add_int(o, "pid", p->row.pid);
	add_int(o, "restarts", p->row.restarts);
	add_time(o, "started_at", p->row.pid != 0 ? p->row.started_us : 0);
	return (o);
}

static struct json_object *
pipelines_json(struct hub *h)
{
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < procs_count(h->procs); i++)
		if (proc_is_pipeline(procs_at(h->procs, i)))
			json_object_array_add(list,
			    pipeline_json(h, procs_at(h->procs, i)));
	return (list);
}

static struct json_object *
process_json(const struct proc *p)
{
	struct json_object *o = json_object_new_object();

	add_str(o, "role", role_name(p->row.role));
	add_str(o, "pipeline", p->row.name);
	add_str(o, "plugin", p->row.plugin);
	add_int(o, "pid", p->row.pid);
	add_int(o, "uid", p->row.uid);
	add_str(o, "state", p->row.pid != 0 ?
	    child_state_name(p->row.state) : "gone");
	add_int(o, "generation", (int64_t)p->row.generation);
	add_int(o, "config_generation", (int64_t)p->row.config_generation);
	add_int(o, "restarts", p->row.restarts);
	add_str(o, "last_end", exit_cause_name(p->row.cause));
	add_int(o, "landlock_abi", p->row.landlock);
	add_time(o, "started_at", p->row.started_us);
	add_time(o, "next_start_at", p->row.next_start_us);
	add_str(o, "text", p->row.text);
	add_str(o, "health", p->worker.health == 0 ? NULL :
	    health_name(p->worker.health));
	add_str(o, "health_text", p->worker.text);
	return (o);
}

static struct json_object *
processes_json(struct hub *h)
{
	struct json_object *list = json_object_new_array();
	const struct proc *p;
	size_t i;

	for (i = 0; i < procs_count(h->procs); i++) {
		p = procs_at(h->procs, i);
		if (p->row.role != 0)
			json_object_array_add(list, process_json(p));
	}
	return (list);
}

struct json_object *
report_processes(struct hub *h)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "processes", processes_json(h));
	return (o);
}

struct json_object *
report_status(struct hub *h)
{
	struct json_object *o = json_object_new_object();
	const char *reason;
	bool ready = health_ready(h, &reason);

	add_str(o, "version", PACKAGE_VERSION);
	add_str(o, "relay_group", child_setting(h->child, "relay_group_id"));
	add_str(o, "sandbox", child_setting(h->child, "sandbox"));
	add_bool(o, "ready", ready);
	add_str(o, "reason", ready ? NULL : reason);
	add_time(o, "control_started_at", h->started_us);
	json_object_object_add(o, "processes", processes_json(h));
	json_object_object_add(o, "pipelines", pipelines_json(h));
	return (o);
}

static void
setting_json(const struct msg_setting *s, void *arg)
{
	struct json_object *o = json_object_new_object();

	add_str(o, "name", s->name);
	json_object_object_add(o, "value", json_object_new_string(s->value));
	add_str(o, "origin", s->origin);
	json_object_array_add(arg, o);
}

struct json_object *
report_config(struct hub *h)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();

	child_settings(h->child, setting_json, list);
	json_object_object_add(o, "settings", list);
	return (o);
}

struct layers {
	const char		*pipeline;
	struct json_object	*object;
};

static void
layer_json(const struct store_value *v, void *arg)
{
	struct layers *l = arg;

	if (v->family->order == METRIC_SANDBOX_LEVEL &&
	    strcmp(v->pipeline, l->pipeline) == 0)
		add_bool(l->object, v->labels, v->value > 0);
}

struct json_object *
report_sandbox(struct hub *h, const struct proc *p)
{
	struct json_object *o = json_object_new_object();
	struct layers l = { p->row.name, json_object_new_object() };

	store_each(h->store, clock_mono_us(), layer_json, &l);
	add_str(o, "pipeline", p->row.name);
	add_str(o, "plugin", p->row.plugin);
	add_str(o, "sandbox", child_setting(h->child, "sandbox"));
	add_str(o, "sandbox_action", child_setting(h->child,
	    "sandbox_action"));
	add_str(o, "required_net", child_setting(h->child, "required_net"));
	add_int(o, "pid", p->row.pid);
	add_int(o, "uid", p->row.uid);
	add_str(o, "state", p->row.pid != 0 ?
	    child_state_name(p->row.state) : "gone");
	/* Past LOCKED the supervisor has seen it in /proc itself. */
	add_bool(o, "attested", p->row.pid != 0 && (p->row.state &
	    (CHILD_CONFINED | CHILD_READY | CHILD_DRAINING)) != 0);
	add_int(o, "landlock_abi", p->row.landlock);
	json_object_object_add(o, "layers", l.object);
	return (o);
}
