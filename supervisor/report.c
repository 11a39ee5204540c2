/* SPDX-License-Identifier: ISC */
/* Rows of the process table on their way to control and catalog. */
#include "config.h"

#include "supervisor/report.h"

#include <stdio.h>
#include <string.h>

#include "common/peer.h"
#include "common/units.h"
#include "supervisor/document.h"
#include "supervisor/pipelines.h"

static bool
hears(const struct process *p)
{
	return (p != NULL && p->pid != 0 && p->peer != NULL &&
	    (p->state == CHILD_READY || p->state == CHILD_DRAINING));
}

/* Monotonic to wall clock; 0 stays 0. */
static int64_t
wall(int64_t mono_us)
{
	return (mono_us == 0 ? 0 :
	    mono_us + clock_wall_us() - clock_mono_us());
}

static void
send_row(struct process *p, bool removed)
{
	struct super *s = p->super;
	struct msg_proc m;
	struct frame f;

	if (!hears(s->control))
		return;
	memset(&m, 0, sizeof(m));
	m.role = (uint8_t)p->role;
	(void)snprintf(m.name, sizeof(m.name), "%s", p->name);
	if (p->document != NULL) {
		(void)snprintf(m.plugin, sizeof(m.plugin), "%s",
		    p->document->plugin);
		m.config_generation = p->document->generation;
	}
	m.generation = p->gen;
	m.pid = (uint32_t)p->pid;
	m.uid = (uint32_t)s->who.uid;
	m.state = (uint8_t)p->state;
	m.cause = (uint8_t)p->cause;
	m.paused = pipelines_is_paused(p);
	m.removed = removed;
	m.restarts = p->restarts;
	m.landlock = p->landlock;
	m.started_us = p->pid != 0 ? wall(p->started_us) : 0;
	m.next_start_us = wall(p->next_us);
	(void)snprintf(m.text, sizeof(m.text), "%s", p->text);
	msg_proc_put(&f, &m);
	(void)peer_send(s->control->peer, &f);
}

static void
send_worker_state(struct super *s, const char *name, uint64_t generation,
    enum child_state state, enum exit_cause cause, const char *text)
{
	struct msg_worker_state m;
	struct frame f;

	if (!hears(s->catalog))
		return;
	memset(&m, 0, sizeof(m));
	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	m.generation = generation;
	m.state = (uint8_t)state;
	m.cause = (uint8_t)cause;
	(void)snprintf(m.text, sizeof(m.text), "%s", text);
	msg_worker_state_put(&f, &m);
	(void)peer_send(s->catalog->peer, &f);
}

static void
send_state(struct process *p)
{
	if (p->role == ROLE_WORKER)
		send_worker_state(p->super, p->name, p->document != NULL ?
		    p->document->generation : 0, p->state, p->cause, p->text);
}

void
report_process(struct process *p)
{
	send_row(p, false);
	send_state(p);
}

void
report_removed(struct process *p)
{
	send_row(p, true);
	send_state(p);
}

void
report_all(struct super *s)
{
	struct process *p;

	TAILQ_FOREACH(p, &s->processes, entry)
		send_row(p, false);
}

void
report_workers(struct super *s)
{
	struct process *p;

	TAILQ_FOREACH(p, &s->processes, entry)
		send_state(p);
}

void
report_document(struct process *p, uint64_t generation,
    enum exit_cause cause, const char *text)
{
	send_worker_state(p->super, p->name, generation, p->state, cause,
	    text);
}
