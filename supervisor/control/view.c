/* SPDX-License-Identifier: ISC */
/*
 * How a pipeline fares, drawn from three witnesses: the supervisor (does
 * its process run), the worker (what does its sink say) and the catalog (is
 * its document any good).
 */
#include "config.h"

#include "supervisor/control/procs.h"

const char *
health_name(uint8_t health)
{
	static const char *const names[] = {
		[HEALTH_OK] = "ok",
		[HEALTH_RETRYING] = "retrying",
		[HEALTH_ALARM] = "alarm",
		[HEALTH_PAUSED] = "paused",
		[HEALTH_FAILED] = "failed",
		[HEALTH_STANDBY] = "standby",
	};

	if (health >= sizeof(names) / sizeof(names[0]) ||
	    names[health] == NULL)
		return ("unknown");
	return (names[health]);
}

/*
 * Retrying is what a relay is for and no reason to send anybody away; the
 * worker says alarm once it is.
 */
static bool
health_good(uint8_t health)
{
	return (health == HEALTH_OK || health == HEALTH_RETRYING ||
	    health == HEALTH_STANDBY);
}

static void
view_set(struct pipeline_view *v, const char *state, uint8_t health,
    const char *text)
{
	v->state = state;
	v->health = health_name(health);
	v->text = text;
	v->healthy = v->ready = health_good(health);
	v->retrying = health == HEALTH_RETRYING || health == HEALTH_ALARM;
}

static void
view_witness(struct pipeline_view *v, const char *state,
    const struct msg_state *st)
{
	view_set(v, state, st->health, st->text);
	v->error_class = st->error_class;
	v->code = st->code;
}

/* It runs and says READY: the worker's own word counts. */
static void
view_running(const struct proc *p, struct pipeline_view *v)
{
	if (p->worker.health == 0)
		view_set(v, "running", HEALTH_OK, "");
	else
		view_witness(v, p->worker.health == HEALTH_STANDBY ?
		    "standby" : "running", &p->worker);
	v->owned = p->worker.health != HEALTH_STANDBY;
}

static void
view_started(const struct proc *p, struct pipeline_view *v)
{
	if (p->row.state == CHILD_READY)
		view_running(p, v);
	else if (p->row.state == CHILD_DRAINING ||
	    p->row.state == CHILD_GONE)
		view_set(v, "draining", 0, p->row.text);
	else if (p->worker.health == HEALTH_STANDBY)
		view_witness(v, "standby", &p->worker);
	else if (p->worker.health != 0)
		view_witness(v, "starting", &p->worker);
	else
		view_set(v, "starting", 0, p->row.text);
}

/* The worker's last words say more than the status it ended with. */
static const char *
end_text(const struct proc *p)
{
	return (p->worker.health == HEALTH_FAILED &&
	    p->worker.text[0] != '\0' ? p->worker.text : p->row.text);
}

static void
view_ended(const struct proc *p, struct pipeline_view *v)
{
	switch (p->row.cause) {
	case CAUSE_NONE:
		view_set(v, "waiting", 0, p->row.text);
		break;
	case CAUSE_STOPPED:
		view_set(v, "stopped", 0, p->row.text);
		break;
	case CAUSE_NOT_OWNER:
		view_set(v, "standby", HEALTH_STANDBY, p->row.text);
		break;
	case CAUSE_SESSION_LOST:
	case CAUSE_FENCED:
	case CAUSE_DATABASE:
		view_set(v, "restarting", HEALTH_RETRYING, end_text(p));
		v->ready = v->healthy = false;
		break;
	case CAUSE_CONFIG:
	case CAUSE_SECRET:
	case CAUSE_SANDBOX:
	case CAUSE_PLUGIN:
	case CAUSE_ATTEST:
	case CAUSE_SPAWN:
		view_set(v, "failed", HEALTH_FAILED, p->row.text);
		break;
	default:
		view_set(v, "restarting", HEALTH_ALARM, end_text(p));
		break;
	}
	v->error_class = p->row.cause == CAUSE_NONE ? "" :
	    exit_cause_name(p->row.cause);
}

void
procs_view(const struct proc *p, struct pipeline_view *v)
{
	v->error_class = "";
	v->code = 0;
	v->owned = false;
	if (p->row.role == 0) {
		view_witness(v, "failed", &p->catalog);
		return;
	}
	if (p->row.pid != 0)
		view_started(p, v);
	else
		view_ended(p, v);
	if (p->catalog.health != 0) {
		/* The old document is relayed on; the new one is refused. */
		view_witness(v, v->state, &p->catalog);
	}
	if (p->row.paused) {
		/* By an operator's wish: not well, but nobody's alarm. */
		view_set(v, "paused", HEALTH_PAUSED, p->row.text);
		v->ready = true;
	}
}
