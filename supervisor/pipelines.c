/* SPDX-License-Identifier: ISC */
/* Bring what runs to what is wanted. */
#include "config.h"

#include "supervisor/pipelines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/peer.h"
#include "supervisor/document.h"
#include "supervisor/process.h"
#include "supervisor/report.h"
#include "supervisor/watch.h"
#include "supervisor/worker_ops.h"

/* Rows beyond max_pipelines are kept, to be shown as refused: so many. */
#define ROWS_BEYOND	64

struct pipeline {
	TAILQ_ENTRY(pipeline) entry;
	struct pipelines *all;
	struct process	*process;
	struct document	*wanted;	/* the newest */
	struct document	*good;		/* the last that was READY */
	struct document	*running;	/* of the process, or its last one */
	bool		 rejected;	/* wanted failed: run good instead */
	uint64_t	 rejected_with;	/* what it was handed then */
	bool		 refused;	/* wanted is not acceptable now */
	bool		 paused, gone, listed;
	char		 name[MSG_NAME_MAX];
};

struct pipelines {
	struct super	*super;
	TAILQ_HEAD(, pipeline) list;
	size_t		 n;
	bool		 listing;	/* the first list of this catalog */
};

static int prepare(struct process *);
static int on_frame(struct process *, struct frame *);
static void on_ready(struct process *);
static void on_ended(struct process *);

static const struct process_ops worker_ops = {
	.prepare = prepare,
	.equip = worker_equip,
	.frame = on_frame,
	.ready = on_ready,
	.ended = on_ended
};

struct pipelines *
pipelines_new(struct super *s)
{
	struct pipelines *ps;

	if ((ps = calloc(1, sizeof(*ps))) == NULL)
		return (NULL);
	ps->super = s;
	TAILQ_INIT(&ps->list);
	return (ps);
}

static void
document_set(struct document **slot, struct document *d)
{
	if (d != NULL)
		(void)document_hold(d);
	document_drop(*slot);
	*slot = d;
}

static void
pipeline_free(struct pipeline *p)
{
	TAILQ_REMOVE(&p->all->list, p, entry);
	p->all->n--;
	process_free(p->process);
	document_set(&p->wanted, NULL);
	document_set(&p->good, NULL);
	document_set(&p->running, NULL);
	free(p);
}

void
pipelines_free(struct pipelines *ps)
{
	struct pipeline *p;

	if (ps == NULL)
		return;
	while ((p = TAILQ_FIRST(&ps->list)) != NULL)
		pipeline_free(p);
	free(ps);
}

static struct pipeline *
pipeline_find(struct pipelines *ps, const char *name)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry) {
		if (strcmp(p->name, name) == 0)
			return (p);
	}
	return (NULL);
}

static size_t
limit(const struct pipelines *ps)
{
	return ((size_t)option_num(ps->super->conf, "max_pipelines"));
}

static struct pipeline *
pipeline_new(struct pipelines *ps, const char *name)
{
	struct pipeline *p;

	if (ps->n >= limit(ps) + ROWS_BEYOND ||
	    (p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->process = process_new(ps->super, ROLE_WORKER, name, &worker_ops,
	    p);
	if (p->process == NULL) {
		free(p);
		return (NULL);
	}
	p->all = ps;
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	TAILQ_INSERT_TAIL(&ps->list, p, entry);
	ps->n++;
	return (p);
}

static size_t
count_running(const struct pipelines *ps)
{
	const struct pipeline *p;
	size_t n = 0;

	TAILQ_FOREACH(p, &ps->list, entry)
		n += p->process->pid != 0;
	return (n);
}

/* process_ops: choose the document, and see whether it can be used. */
static int
prepare(struct process *proc)
{
	struct pipeline *p = proc->owner;
	struct document *d = p->rejected ? p->good : p->wanted;
	enum exit_cause cause;
	char err[512];

	if (p->paused || p->gone)
		return (-1);
	document_set(&p->running, d);
	proc->document = d;
	if (count_running(p->all) >= limit(p->all)) {
		process_refuse(proc, CAUSE_SPAWN, "max_pipelines pipelines"
		    " run already");
		return (-1);
	}
	cause = worker_acceptable(p->all->super, d, NULL, &proc->fingerprint,
	    err, sizeof(err));
	p->refused = cause != CAUSE_NONE;
	if (p->refused) {
		process_refuse(proc, cause, err);
		return (-1);
	}
	return (0);
}

/* Nothing runs, nothing was tried: begin with a clean slate. */
static void
pipeline_start(struct pipeline *p)
{
	p->process->failures = 0;
	process_start(p->process);
}

/*
 * It should run with something else than it does.  The worker is touched
 * only when that can be used; until then the old one goes on.
 */
static void
pipeline_renew(struct pipeline *p, const char *what, enum exit_cause cause,
    const char *err)
{
	struct process *proc = p->process;
	bool before = p->refused;

	p->refused = cause != CAUSE_NONE;
	if (!p->refused) {
		process_drain(proc);
		return;
	}
	if (!before)
		log_errorx("%s goes on as it is, its new %s (generation %llu)"
		    " cannot be used: %s", process_title(proc), what,
		    (unsigned long long)p->wanted->generation, err);
	(void)snprintf(proc->text, sizeof(proc->text),
	    "generation %llu is not in use: %.400s",
	    (unsigned long long)p->wanted->generation, err);
	report_process(proc);
	report_document(proc, p->wanted->generation, cause, err);
}

/* There is a newer document than the one that runs. */
static void
pipeline_replace(struct pipeline *p)
{
	enum exit_cause cause;
	uint64_t fingerprint;
	char err[512];

	if (p->rejected || p->wanted == p->running)
		return;
	cause = worker_acceptable(p->all->super, p->wanted, NULL,
	    &fingerprint, err, sizeof(err));
	pipeline_renew(p, "configuration", cause, err);
}

/* The same document, but what it refers to may be different now. */
static void
pipeline_compare(struct pipeline *p, enum exit_cause cause,
    uint64_t fingerprint, const char *err)
{
	struct process *proc = p->process;

	if (proc->state == CHILD_GONE || proc->state == CHILD_DRAINING)
		return;
	if (cause != CAUSE_NONE)
		pipeline_renew(p, "secrets or files", cause, err);
	else if (fingerprint != proc->fingerprint) {
		log_info("%s starts again: a secret or file that it uses has"
		    " changed", process_title(proc));
		pipeline_renew(p, "secrets or files", cause, err);
	} else if (p->refused) {
		log_info("%s: what was missing is there again",
		    process_title(proc));
		p->refused = false;
		proc->text[0] = '\0';
		report_process(proc);
	}
}

static void
pipeline_look(struct pipeline *p)
{
	struct super *s = p->all->super;
	enum exit_cause cause;
	uint64_t fingerprint;
	char err[512];

	if (p->gone)
		return;
	cause = worker_acceptable(s, p->wanted, s->watch, &fingerprint, err,
	    sizeof(err));
	/* Its worker said no, to what it was handed then. */
	if (p->rejected && cause == CAUSE_NONE &&
	    fingerprint != p->rejected_with)
		p->rejected = false;
	if (p->rejected)
		cause = worker_acceptable(s, p->good, s->watch, &fingerprint,
		    err, sizeof(err));
	if (p->paused)
		return;
	if (p->process->pid != 0 && !p->rejected && p->wanted != p->running)
		pipeline_replace(p);
	else if (p->process->pid != 0)
		pipeline_compare(p, cause, fingerprint, err);
	else if (fingerprint != p->process->fingerprint ||
	    (p->refused && cause == CAUSE_NONE))
		pipeline_start(p);
}

void
pipelines_look(struct pipelines *ps)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry)
		pipeline_look(p);
}

void
pipelines_wanted(struct pipelines *ps, struct document *d)
{
	struct pipeline *p = pipeline_find(ps, d->name);

	if (p == NULL && (p = pipeline_new(ps, d->name)) == NULL) {
		log_errorx("pipeline %s is ignored: too many pipelines",
		    d->name);
		document_drop(d);
		return;
	}
	p->listed = true;
	p->gone = false;
	if (p->wanted != NULL && p->wanted->generation == d->generation &&
	    strcmp(p->wanted->plugin, d->plugin) == 0) {
		document_drop(d);
		if (p->process->pid == 0 && p->process->next_us == 0 &&
		    p->process->cause != CAUSE_CONFIG)
			pipeline_start(p);
		return;
	}
	document_drop(p->wanted);
	p->wanted = d;
	p->rejected = p->refused = false;
	if (p->process->pid == 0)
		pipeline_start(p);
	else
		pipeline_replace(p);
	watch_soon(ps->super->watch);
}

static void
pipeline_remove(struct pipeline *p)
{
	p->gone = true;
	if (p->process->pid != 0) {
		process_drain(p->process);
		return;
	}
	report_removed(p->process);
	pipeline_free(p);
}

void
pipelines_gone(struct pipelines *ps, const char *name)
{
	struct pipeline *p = pipeline_find(ps, name);

	if (p == NULL)
		return;
	log_info("pipeline %s is no longer wanted here", p->name);
	pipeline_remove(p);
}

void
pipelines_kept(struct pipelines *ps, const char *name)
{
	struct pipeline *p = pipeline_find(ps, name);

	if (p != NULL)
		p->listed = true;
}

void
pipelines_list_begin(struct pipelines *ps)
{
	struct pipeline *p;

	ps->listing = true;
	TAILQ_FOREACH(p, &ps->list, entry)
		p->listed = false;
}

void
pipelines_list_end(struct pipelines *ps)
{
	struct pipeline *p, *next;

	/* Later lists name only what has changed. */
	if (!ps->listing)
		return;
	ps->listing = false;
	for (p = TAILQ_FIRST(&ps->list); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (!p->listed && !p->gone) {
			log_info("pipeline %s is gone from the catalog",
			    p->name);
			pipeline_remove(p);
		}
	}
}

void
pipelines_wake(struct pipelines *ps, const char *outbox)
{
	struct pipeline *p;
	struct frame f;

	TAILQ_FOREACH(p, &ps->list, entry) {
		if (p->process->state != CHILD_READY || (*outbox != '\0' &&
		    strcmp(p->running->outbox, outbox) != 0))
			continue;
		msg_str_put(&f, MSG_WAKE, outbox);
		(void)peer_send(p->process->peer, &f);
	}
}

/* A worker has nothing to do: the catalog rings the bell. */
static int
on_idle(struct process *proc, struct frame *f)
{
	struct pipeline *p = proc->owner;
	struct process *catalog = proc->super->catalog;
	struct msg_idle m;
	struct frame out;

	if (msg_idle_get(f, &m) == -1 ||
	    strcmp(m.outbox, p->running->outbox) != 0)
		return (-1);
	(void)snprintf(m.name, sizeof(m.name), "%s", p->name);
	if (catalog->pid == 0 || catalog->state != CHILD_READY)
		return (0);
	msg_idle_put(&out, &m);
	(void)peer_send(catalog->peer, &out);
	return (0);
}

static int
on_frame(struct process *proc, struct frame *f)
{
	switch (f->type) {
	case MSG_IDLE:
		return (on_idle(proc, f));
	case MSG_MARK:
		return (msg_str_get(f, proc->mark, sizeof(proc->mark)));
	default:
		return (-1);
	}
}

static void
on_ready(struct process *proc)
{
	struct pipeline *p = proc->owner;

	document_set(&p->good, p->running);
	if (p->wanted != p->running && !p->rejected)
		pipeline_replace(p);
}

/* The new document is wrong, as its worker says; there is an older one. */
static bool
fall_back(struct pipeline *p)
{
	struct process *proc = p->process;

	if (proc->cause != CAUSE_CONFIG || p->rejected || p->good == NULL ||
	    p->running != p->wanted || p->good == p->wanted)
		return (false);
	p->rejected = true;
	p->rejected_with = proc->fingerprint;
	log_errorx("%s: generation %llu of its configuration is wrong; going"
	    " back to generation %llu", process_title(proc),
	    (unsigned long long)p->wanted->generation,
	    (unsigned long long)p->good->generation);
	report_document(proc, p->wanted->generation, CAUSE_CONFIG,
	    "the worker refused it, see its log; the previous configuration"
	    " is in use");
	return (true);
}

static void
on_ended(struct process *proc)
{
	struct pipeline *p = proc->owner;
	struct super *s = proc->super;

	if (p->gone) {
		report_removed(proc);
		pipeline_free(p);
	} else {
		report_process(proc);
		if (s->stopping || p->paused)
			;
		else if (fall_back(p) || proc->cause == CAUSE_STOPPED)
			pipeline_start(p);
		else
			process_restart_later(proc);
		report_process(proc);
	}
	super_proceed(s);
}

static void
pipeline_pause(struct pipeline *p)
{
	p->paused = true;
	process_restart_cancel(p->process);
	process_drain(p->process);
	report_process(p->process);
}

static void
pipeline_again(struct pipeline *p)
{
	p->paused = false;
	if (p->process->pid != 0)
		process_drain(p->process);
	else
		pipeline_start(p);
	report_process(p->process);
}

int
pipelines_request(struct pipelines *ps, enum request_verb verb,
    const char *name, char *err, size_t errsize)
{
	struct pipeline *p = pipeline_find(ps, name);

	if (p == NULL || p->gone) {
		(void)snprintf(err, errsize, "no pipeline \"%s\" belongs to"
		    " this instance", name);
		return (-1);
	}
	log_info("%s of %s was requested", verb == VERB_PAUSE ? "pause" :
	    verb == VERB_RESUME ? "resumption" : "restart", name);
	if (verb == VERB_PAUSE)
		pipeline_pause(p);
	else if (verb == VERB_RESTART || p->paused)
		pipeline_again(p);
	return (0);
}

void
pipelines_retry(struct pipelines *ps)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry) {
		if (p->process->pid == 0)
			pipeline_start(p);
		else
			pipeline_replace(p);
	}
}

void
pipelines_drain_all(struct pipelines *ps)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry) {
		process_restart_cancel(p->process);
		process_drain(p->process);
	}
}

void
pipelines_reopen(struct pipelines *ps)
{
	struct pipeline *p;

	TAILQ_FOREACH(p, &ps->list, entry)
		worker_reopen(p->process);
}

bool
pipelines_is_paused(const struct process *proc)
{
	const struct pipeline *p = proc->owner;

	return (proc->role == ROLE_WORKER && p->paused);
}
