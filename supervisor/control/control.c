/* SPDX-License-Identifier: ISC */
/*
 * pg-tide-control: the process that is asked.  It serves the control socket
 * and the metrics port, puts the numbers of all processes together, and
 * prints what workers have to say.
 *
 * It opens nothing itself: the listening sockets and the channels of all
 * other children come as frames from the supervisor.  When it dies, nobody
 * else is touched; the next one is told everything again, though counters
 * of workers that ended before are then forgotten.
 */
#include "config.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/units.h"
#include "supervisor/control/access.h"
#include "supervisor/control/channel.h"
#include "supervisor/control/ctlsock.h"
#include "supervisor/control/derive.h"
#include "supervisor/control/family.h"
#include "supervisor/control/httpd.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/procs.h"
#include "supervisor/control/store.h"

struct control {
	struct hub	 hub;
	struct channels	*channels;
	struct httpd	*httpd;
	struct ctlsock	*ctlsock;
};

static int
take_proc(struct control *c, struct frame *f)
{
	struct proc_change change;
	struct msg_proc row;

	if (msg_proc_get(f, &row) == -1)
		return (-1);
	if (procs_update(c->hub.procs, &row, &change) == -1)
		log_warn("the state of %s %s is not shown",
		    role_name(row.role), row.name);
	else
		derive_change(&c->hub, &row, &change);
	return (0);
}

static int
take_channel(struct control *c, struct frame *f)
{
	struct msg_channel ch;

	if (msg_channel_get(f, &ch) == -1)
		return (-1);
	if (channels_add(c->channels, &ch) == -1)
		log_warn("the channel of %s %s is not served",
		    role_name(ch.role), ch.name);
	return (0);
}

static int
take_listener(struct control *c, struct frame *f)
{
	uint8_t kind = frame_get_u8(f);
	int r, fd = frame_get_fd(f);

	if (frame_end(f) == -1 || fd == -1)
		return (-1);
	switch (kind) {
	case LISTENER_CONTROL:
		r = ctlsock_listen(c->ctlsock, fd);
		break;
	case LISTENER_METRICS:
		r = httpd_listen(c->httpd, fd);
		break;
	default:
		(void)close(fd);
		return (-1);
	}
	if (r == -1)
		log_warn("a listening socket is not served");
	return (0);
}

static int
take_reply(struct control *c, struct frame *f)
{
	struct msg_reply reply;

	if (msg_reply_get(f, &reply) == -1)
		return (-1);
	ctlsock_reply(c->ctlsock, &reply);
	return (0);
}

/* New settings were kept by child.c; they are read when they are shown. */
static int
take_nothing(struct control *c, struct frame *f)
{
	(void)c;
	(void)f;
	return (0);
}

static const struct {
	uint16_t type;
	int	(*take)(struct control *, struct frame *);
} handlers[] = {
	{ MSG_PROC,	take_proc },
	{ MSG_CHANNEL,	take_channel },
	{ MSG_LISTENER,	take_listener },
	{ MSG_REPLY,	take_reply },
	{ MSG_RELOAD,	take_nothing }
};

static int
on_frame(struct child *child, struct frame *f, void *arg)
{
	size_t i;

	(void)child;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == f->type)
			return (handlers[i].take(arg, f));
	return (-1);
}

/* Nothing here is worth waiting for. */
static void
on_drain(struct child *child, uint32_t ms, void *arg)
{
	(void)ms;
	(void)arg;
	child_drained(child);
}

static void
on_stop(struct child *child, void *arg)
{
	struct control *c = arg;

	(void)child;
	(void)event_base_loopbreak(c->hub.base);
}

static const struct child_ops ops = {
	.frame = on_frame,
	.drain = on_drain,
	.stop = on_stop
};

/* Everything that control knows and serves; false without memory. */
static bool
control_build(struct control *c)
{
	struct hub *h = &c->hub;

	h->started_us = clock_wall_us();
	h->admin_gid = ACCESS_NO_GROUP;
	h->base = event_base_new();
	h->families = families_new();
	h->store = store_new();
	h->procs = procs_new();
	if (h->base == NULL || h->families == NULL || h->store == NULL ||
	    h->procs == NULL)
		return (false);
	c->channels = channels_new(h);
	c->httpd = httpd_new(h);
	c->ctlsock = ctlsock_new(h);
	return (c->channels != NULL && c->httpd != NULL &&
	    c->ctlsock != NULL);
}

static void
control_clear(struct control *c)
{
	ctlsock_free(c->ctlsock);
	httpd_free(c->httpd);
	channels_free(c->channels);
	procs_free(c->hub.procs);
	store_free(c->hub.store);
	families_free(c->hub.families);
	event_base_free(c->hub.base);
}

/* Look up by name what cannot be looked up any more once locked down. */
static void
resolve_group(struct control *c)
{
	const char *name = child_setting(c->hub.child, "control_group");

	if (access_group(name, &c->hub.admin_gid) == -1)
		log_warnx("control_group = %s: there is no such group, so "
		    "only root and the daemon's user may change anything",
		    name);
}

static void
policy_from_settings(struct control *c, struct sandbox_policy *p)
{
	const char *mode = child_setting(c->hub.child, "sandbox");
	const char *action = child_setting(c->hub.child, "sandbox_action");

	memset(p, 0, sizeof(*p));
	p->needs = SANDBOX_ACCEPT;
	if ((mode != NULL && sandbox_mode_parse(mode, &p->mode) == -1) ||
	    (action != NULL &&
	    sandbox_action_parse(action, &p->action) == -1))
		child_fatal(c->hub.child, CAUSE_CONFIG,
		    "sandbox = %s, sandbox_action = %s: not understood",
		    mode, action);
}

static void
lock_down(struct control *c)
{
	struct sandbox_policy policy;
	struct sandbox_report report;
	char err[512];

	policy_from_settings(c, &policy);
	memset(&report, 0, sizeof(report));
	if (sandbox_enter(&policy, &report, err, sizeof(err)) == -1)
		child_fatal(c->hub.child, CAUSE_SANDBOX, "%s", err);
	if (child_say_stage1(c->hub.child) == -1 ||
	    child_say_locked(c->hub.child,
	    report.files ? (uint32_t)report.landlock_abi : 0, NULL) == -1)
		child_exit(c->hub.child);
	child_say_confined(c->hub.child);
}

int
main(int argc, char **argv)
{
	static struct control control;
	struct control *c = &control;
	struct msg_config config;

	c->hub.child = child_start(argc, argv, ROLE_CONTROL, &ops, c);
	if (!control_build(c))
		child_fatal(c->hub.child, CAUSE_EXIT, "out of memory");
	if (child_wait_config(c->hub.child, &config) == -1)
		child_exit(c->hub.child);
	resolve_group(c);
	lock_down(c);
	if (child_attach(c->hub.child, c->hub.base, NULL, NULL) == -1)
		child_fatal(c->hub.child, CAUSE_EXIT, "out of memory");
	child_say_ready(c->hub.child);
	(void)event_base_dispatch(c->hub.base);
	control_clear(c);
	child_exit(c->hub.child);
}
