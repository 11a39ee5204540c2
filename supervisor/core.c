/* SPDX-License-Identifier: ISC */
/* Catalog, control and resolver: what they are told and what they say. */
#include "config.h"

#include "supervisor/core.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/peer.h"
#include "supervisor/document.h"
#include "supervisor/handshake.h"
#include "supervisor/inspect.h"
#include "supervisor/pipelines.h"
#include "supervisor/process.h"
#include "supervisor/report.h"
#include "supervisor/requests.h"
#include "supervisor/worker_ops.h"

#define RETRY_US	INT64_C(10000000)

/* A list entry on its way: PIPELINE came, its references not all yet. */
static struct document *incoming;

/* Nobody but its operator can help a core child; look again soon. */
static void
on_ended(struct process *p)
{
	struct super *s = p->super;

	report_process(p);
	if (!s->stopping) {
		if (p->cause == CAUSE_CONFIG || p->cause == CAUSE_SECRET)
			process_restart_after(p, RETRY_US);
		else
			process_restart_later(p);
		report_process(p);
	}
	super_proceed(s);
}

static int
catalog_prepare(struct process *p)
{
	char err[512];

	document_drop(incoming);
	incoming = NULL;
	if (inspect(p->super, ROLE_CATALOG, "", NULL, NULL, &p->fingerprint,
	    err, sizeof(err)) == CAUSE_NONE)
		return (0);
	process_refuse(p, CAUSE_SECRET, err);
	process_restart_after(p, RETRY_US);
	return (-1);
}

void
core_look(struct super *s)
{
	struct process *p = s->catalog;
	enum exit_cause cause;
	uint64_t fingerprint;
	char err[512];

	cause = inspect(s, ROLE_CATALOG, "", NULL, s->watch, &fingerprint,
	    err, sizeof(err));
	if (p->pid == 0) {
		if (cause == CAUSE_NONE && (p->cause == CAUSE_SECRET ||
		    fingerprint != p->fingerprint))
			process_start(p);
		return;
	}
	/* On its way out already; the next one looks for itself. */
	if (p->state == CHILD_GONE)
		return;
	if (cause != CAUSE_NONE && strcmp(p->text, err) != 0) {
		log_errorx("%s goes on as it is: %s", process_title(p), err);
		(void)snprintf(p->text, sizeof(p->text), "%s", err);
		report_process(p);
	}
	if (cause != CAUSE_NONE)
		return;
	p->text[0] = '\0';
	if (fingerprint != p->fingerprint) {
		log_info("%s starts again: its connection string, or a file"
		    " that it names, has changed", process_title(p));
		process_stop(p);
	}
}

static void
catalog_ready(struct process *p)
{
	pipelines_list_begin(p->super->pipelines);
	report_workers(p->super);
}

static int
incoming_deliver(struct process *p)
{
	struct document *d = incoming;

	if (!document_is_complete(d))
		return (0);
	incoming = NULL;
	pipelines_wanted(p->super->pipelines, d);
	return (0);
}

static int
on_pipeline(struct process *p, struct frame *f)
{
	struct msg_pipeline m;
	char err[128];

	if (msg_pipeline_get(f, &m) == -1)
		return (-1);
	if (incoming != NULL) {
		close(m.fd);
		return (-1);
	}
	if ((incoming = document_new(&m, err, sizeof(err))) == NULL) {
		log_errorx("the catalog's pipeline: %s", err);
		return (-1);
	}
	return (incoming_deliver(p));
}

static int
on_pipeline_ref(struct process *p, struct frame *f)
{
	struct msg_pipeline_ref m;

	if (msg_pipeline_ref_get(f, &m) == -1 || incoming == NULL ||
	    document_add(incoming, &m) == -1)
		return (-1);
	return (incoming_deliver(p));
}

static int
on_pipeline_gone(struct process *p, struct frame *f)
{
	char name[MSG_NAME_MAX];

	if (msg_str_get(f, name, sizeof(name)) == -1)
		return (-1);
	pipelines_gone(p->super->pipelines, name);
	return (0);
}

static int
on_pipeline_keep(struct process *p, struct frame *f)
{
	char name[MSG_NAME_MAX];

	if (msg_str_get(f, name, sizeof(name)) == -1)
		return (-1);
	pipelines_kept(p->super->pipelines, name);
	return (0);
}

static int
on_list_end(struct process *p, struct frame *f)
{
	(void)f;
	if (incoming != NULL)
		return (-1);
	pipelines_list_end(p->super->pipelines);
	return (0);
}

static int
on_wake(struct process *p, struct frame *f)
{
	char outbox[MSG_NAME_MAX];

	if (msg_str_get(f, outbox, sizeof(outbox)) == -1)
		return (-1);
	pipelines_wake(p->super->pipelines, outbox);
	return (0);
}

static int
catalog_frame(struct process *p, struct frame *f)
{
	static const struct {
		uint16_t type;
		int	(*fn)(struct process *, struct frame *);
	} handlers[] = {
		{ MSG_PIPELINE, on_pipeline },
		{ MSG_PIPELINE_REF, on_pipeline_ref },
		{ MSG_PIPELINE_GONE, on_pipeline_gone },
		{ MSG_PIPELINE_KEEP, on_pipeline_keep },
		{ MSG_LIST_END, on_list_end },
		{ MSG_WAKE, on_wake }
	};
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == f->type)
			return (handlers[i].fn(p, f));
	}
	return (-1);
}

static void
send_listener(struct process *p, enum listener_kind kind, int fd)
{
	struct frame f;
	int copy;

	if (fd == -1)
		return;
	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1) {
		log_warn("listening socket");
		return;
	}
	frame_start(&f, MSG_LISTENER, 0);
	frame_put_u8(&f, (uint8_t)kind);
	frame_put_fd(&f, copy);
	(void)peer_send(p->peer, &f);
}

static void
control_ready(struct process *p)
{
	report_all(p->super);
	send_listener(p, LISTENER_CONTROL, p->super->listeners.control);
	send_listener(p, LISTENER_METRICS, p->super->listeners.metrics);
}

static int
control_frame(struct process *p, struct frame *f)
{
	return (f->type == MSG_REQUEST ? request_handle(p, f) : -1);
}

/* Nobody holds the doorbells any more: workers must look for themselves. */
static void
catalog_ended(struct process *p)
{
	pipelines_wake(p->super->pipelines, "");
	on_ended(p);
}

static const struct process_ops catalog_ops = {
	.prepare = catalog_prepare,
	.equip = worker_equip,
	.frame = catalog_frame,
	.ready = catalog_ready,
	.ended = catalog_ended
};
static const struct process_ops control_ops = {
	.frame = control_frame,
	.ready = control_ready,
	.ended = on_ended
};
static const struct process_ops resolver_ops = {
	.ended = on_ended
};

int
core_start(struct super *s)
{
	s->control = process_new(s, ROLE_CONTROL, "", &control_ops, NULL);
	s->resolver = process_new(s, ROLE_RESOLVER, "", &resolver_ops, NULL);
	s->catalog = process_new(s, ROLE_CATALOG, "", &catalog_ops, NULL);
	if (s->control == NULL || s->resolver == NULL || s->catalog == NULL)
		return (-1);
	process_start(s->control);
	process_start(s->resolver);
	process_start(s->catalog);
	return (0);
}

void
core_free(struct super *s)
{
	document_drop(incoming);
	incoming = NULL;
	process_free(s->control);
	process_free(s->resolver);
	process_free(s->catalog);
	s->control = s->resolver = s->catalog = NULL;
}

static void
tell_reload(struct process *p)
{
	struct frame f;
	char err[256];

	if (p->pid == 0 || (p->state & CHILD_SERVING) == 0)
		return;
	msg_empty_put(&f, MSG_RELOAD);
	if (peer_send(p->peer, &f) == -1)
		return;
	if (p->role == ROLE_CONTROL &&
	    handshake_configure(p, err, sizeof(err)) == -1)
		log_warnx("control has not got the new settings: %s", err);
}

void
core_reloaded(struct super *s)
{
	tell_reload(s->control);
	tell_reload(s->catalog);
}

void
core_log_level(struct super *s)
{
	struct process *p;
	struct frame f;

	TAILQ_FOREACH(p, &s->processes, entry) {
		if (p->pid == 0 || !p->hello || p->state == CHILD_GONE)
			continue;
		msg_u32_put(&f, MSG_LOG_LEVEL, (uint32_t)log_get_level());
		(void)peer_send(p->peer, &f);
	}
}
