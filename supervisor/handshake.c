/* SPDX-License-Identifier: ISC */
/* Take a child from HELLO to READY, attested on the way. */
#include "config.h"

#include "supervisor/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/peer.h"
#include "common/units.h"
#include "supervisor/attest.h"
#include "supervisor/bindings.h"
#include "supervisor/channels.h"
#include "supervisor/conf.h"
#include "supervisor/document.h"
#include "supervisor/login.h"
#include "supervisor/options.h"
#include "supervisor/pgurl.h"
#include "supervisor/report.h"
#include "supervisor/secrets.h"
#include "supervisor/super.h"

void
handshake_set_state(struct process *p, enum child_state state)
{
	p->state = state;
	peer_set_state(p->peer, state);
}

static int
send_setting(struct process *p, const char *prefix,
    const struct option_set *set, const struct option_def *def)
{
	const struct option_value *v = option_get(set, def->name);
	struct msg_setting m;
	struct frame f;

	(void)snprintf(m.name, sizeof(m.name), "%s%s", prefix, def->name);
	(void)conf_masked(set, def, m.value, sizeof(m.value));
	(void)snprintf(m.origin, sizeof(m.origin), "%s",
	    v->origin != NULL ? v->origin : "default");
	msg_setting_put(&f, &m);
	return (peer_send(p->peer, &f));
}

static int
send_binding(const char *pipeline, const struct option_set *set,
    const struct option_def *def, void *arg)
{
	char prefix[2 * MSG_NAME_MAX];

	(void)snprintf(prefix, sizeof(prefix), "pipeline %s.", pipeline);
	return (send_setting(arg, prefix, set, def));
}

static int
send_settings(struct process *p)
{
	size_t i;

	for (i = 0; i < tided_noptions; i++) {
		if (send_setting(p, "", p->super->conf, &tided_options[i]) ==
		    -1)
			return (-1);
	}
	/* They concern nobody but who shows them. */
	if (p->role != ROLE_CONTROL)
		return (0);
	return (bindings_each(p->super->bindings, send_binding, p));
}

/* What the worker before it has left; nobody else leaves anything. */
static int
send_mark(struct process *p)
{
	struct msg_setting m = { .name = MSG_MARK_SETTING };
	struct frame f;

	if (p->mark[0] == '\0')
		return (0);
	(void)snprintf(m.value, sizeof(m.value), "%s", p->mark);
	msg_setting_put(&f, &m);
	return (peer_send(p->peer, &f));
}

static int
note_file(const char *key, const char *value, void *arg)
{
	if (pgurl_names_file(key, value))
		*(uint32_t *)arg |= MSG_CONFIG_PGFILES;
	return (0);
}

/* What the sandbox has to admit for the way to the database. */
static int
url_flags(struct process *p, uint32_t *flags, char *err, size_t errsize)
{
	struct secret url;

	if (p->role != ROLE_CATALOG && p->role != ROLE_WORKER)
		return (0);
	if (login_url(p->super, p->role, p->name, &url, err, errsize) == -1)
		return (-1);
	if (pgurl_is_unix(url.value))
		*flags |= MSG_CONFIG_PGUNIX;
	/* What is malformed is for libpq to complain about. */
	(void)pgurl_scan(url.value, note_file, flags);
	secret_wipe(&url);
	return (0);
}

/*
 * A descriptor of its own for each worker: a duplicate would share the file
 * offset with all others.
 */
static int
document_reopen(const struct document *d)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", d->fd);
	return (open(path, O_RDONLY | O_CLOEXEC));
}

static int
describe_pipeline(const struct process *p, struct msg_config *m)
{
	const struct document *d = p->document;
	size_t i;

	(void)snprintf(m->name, sizeof(m->name), "%s", p->name);
	(void)snprintf(m->plugin, sizeof(m->plugin), "%s", d->plugin);
	if ((size_t)snprintf(m->plugin_path, sizeof(m->plugin_path),
	    "%s/%s.so", option_str(p->super->conf, "plugin_dir"),
	    d->plugin) >= sizeof(m->plugin_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	m->generation = d->generation;
	for (i = 0; i < d->nrefs; i++)
		m->nsecrets += d->refs[i].kind == REF_ENV ||
		    d->refs[i].kind == REF_FILE;
	m->fd = document_reopen(d);
	return (m->fd == -1 ? -1 : 0);
}

int
handshake_configure(struct process *p, char *err, size_t errsize)
{
	struct msg_config m;
	struct frame f;

	memset(&m, 0, sizeof(m));
	m.fd = -1;
	if (url_flags(p, &m.flags, err, errsize) == -1)
		return (-1);
	if ((p->document != NULL && describe_pipeline(p, &m) == -1) ||
	    send_settings(p) == -1 || send_mark(p) == -1) {
		(void)snprintf(err, errsize, "configuration: %s",
		    strerror(errno));
		if (m.fd != -1)
			close(m.fd);
		return (-1);
	}
	msg_config_put(&f, &m);
	if (peer_send(p->peer, &f) == 0)
		return (0);
	(void)snprintf(err, errsize, "configuration: %s", strerror(errno));
	return (-1);
}

static int
on_hello(struct process *p, struct frame *f)
{
	uint32_t protocol = frame_get_u32(f);
	char version[64], err[512];

	frame_get_str(f, version, sizeof(version));
	if (frame_end(f) == -1)
		return (-1);
	if (protocol != MSG_PROTOCOL) {
		process_kill(p, CAUSE_SPAWN, "it is of another version than"
		    " this pg-tided: restart pg-tided to complete the"
		    " upgrade");
		return (0);
	}
	p->hello = true;
	handshake_set_state(p, CHILD_CONFIG);
	peer_set_generation(p->peer, p->gen, true);
	if (handshake_configure(p, err, sizeof(err)) == -1)
		process_kill(p, CAUSE_SECRET, "%s", err);
	else
		channels_sync(p->super);
	return (0);
}

/*
 * With sandbox = off only what the supervisor itself has done can be
 * demanded; with best-effort a missing filter is reported.
 */
static bool
attested(struct process *p, const char *when)
{
	int64_t mode = option_num(p->super->conf, "sandbox");
	struct attest_policy policy = { .who = p->super->who };
	char err[256];

	policy.seccomp = policy.one_thread = mode != MODE_OFF;
	if (attest(p->pid, &policy, err, sizeof(err)) == 0)
		return (true);
	if (mode == MODE_BEST_EFFORT) {
		log_warnx("%s: %s: %s", process_title(p), when, err);
		policy.seccomp = policy.one_thread = false;
		if (attest(p->pid, &policy, err, sizeof(err)) == 0)
			return (true);
	}
	process_kill(p, CAUSE_ATTEST, "not locked down %s: %s", when, err);
	return (false);
}

static void
say(struct process *p, uint16_t type)
{
	struct frame f;

	msg_empty_put(&f, type);
	if (peer_send(p->peer, &f) == -1)
		process_kill(p, CAUSE_PROTOCOL, "cannot be told %s: %s",
		    msg_name(type), strerror(errno));
}

static int
on_stage1(struct process *p, struct frame *f)
{
	(void)f;
	if (!attested(p, "before its plugin is loaded"))
		return (0);
	handshake_set_state(p, CHILD_STAGE1);
	say(p, MSG_PROCEED);
	return (0);
}

static int
on_locked(struct process *p, struct frame *f)
{
	char err[512];

	if (msg_u32_get(f, &p->landlock) == -1)
		return (-1);
	if (!attested(p, "before it gets secrets"))
		return (0);
	handshake_set_state(p, CHILD_LOCKED);
	if (p->ops->equip != NULL &&
	    p->ops->equip(p, err, sizeof(err)) == -1)
		process_kill(p, CAUSE_SECRET, "%s", err);
	else
		say(p, MSG_GO);
	return (0);
}

static int
on_confined(struct process *p, struct frame *f)
{
	(void)f;
	handshake_set_state(p, CHILD_CONFINED);
	report_process(p);
	return (0);
}

static int
on_ready(struct process *p, struct frame *f)
{
	(void)f;
	if (p->state == CHILD_CONFINED)
		handshake_set_state(p, CHILD_READY);
	p->was_ready = true;
	p->ready_us = clock_mono_us();
	p->text[0] = '\0';
	log_info("%s is ready (pid %ld)", process_title(p), (long)p->pid);
	if (p->ops->ready != NULL)
		p->ops->ready(p);
	channels_sync(p->super);
	report_process(p);
	super_ready(p->super);
	return (0);
}

static int
on_drained(struct process *p, struct frame *f)
{
	(void)f;
	process_stop(p);
	return (0);
}

static int
on_fatal(struct process *p, struct frame *f)
{
	uint32_t cause;

	if (msg_u32_get(f, &cause) == -1 || cause >= CAUSE_MAX)
		return (-1);
	p->said = (enum exit_cause)cause;
	return (0);
}

static int
on_beat(struct process *p, struct frame *f)
{
	(void)p;
	(void)f;
	return (0);
}

static const struct {
	uint16_t	type;
	int		(*fn)(struct process *, struct frame *);
} handlers[] = {
	{ MSG_HELLO, on_hello },
	{ MSG_STAGE1, on_stage1 },
	{ MSG_LOCKED, on_locked },
	{ MSG_CONFINED, on_confined },
	{ MSG_READY, on_ready },
	{ MSG_DRAINED, on_drained },
	{ MSG_FATAL, on_fatal },
	{ MSG_BEAT, on_beat }
};

static int
on_frame(struct peer *peer, struct frame *f, void *arg)
{
	struct process *p = arg;
	size_t i;

	(void)peer;
	p->heard_us = clock_mono_us();
	/* Of one that has ended or is ending, only the reason matters. */
	if (p->pid == 0 || p->state == CHILD_GONE)
		return (f->type == MSG_FATAL ? on_fatal(p, f) : 0);
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == f->type)
			return (handlers[i].fn(p, f));
	}
	return (p->ops->frame != NULL ? p->ops->frame(p, f) : -1);
}

/* The end of its socket is the end of the child, though not yet reaped. */
static void
on_gone(struct peer *peer, enum peer_gone why, const char *text, void *arg)
{
	struct process *p = arg;

	(void)peer;
	if (p->pid == 0)
		return;
	if (why == PEER_PROTOCOL)
		process_kill(p, CAUSE_PROTOCOL, "it said %s", text);
	else if (why == PEER_OVERFLOW)
		process_kill(p, CAUSE_PROTOCOL, "it does not take what it is"
		    " told");
	else if (why == PEER_ERROR)
		process_kill(p, CAUSE_PROTOCOL, "its socket: %s", text);
}

int
handshake_begin(struct process *p, int fd, unsigned int queue)
{
	static const struct peer_ops ops = { on_frame, on_gone };

	p->peer = peer_new(p->super->base, fd, ROLE_SUPERVISOR, p->role,
	    queue, process_title(p), &ops, p);
	if (p->peer == NULL)
		return (-1);
	peer_set_generation(p->peer, p->gen, false);
	return (0);
}
