/* SPDX-License-Identifier: ISC */
/* The life of a child process on its event loop, and its end. */
#include "config.h"

#include <sys/syscall.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child_int.h"
#include "common/log.h"
#include "common/metrics.h"

#define FLUSH_MS	500

static long
thread_id(void)
{
	return (syscall(SYS_gettid));
}

/* Log lines of a worker go through control, which knows whose they are. */
static int
log_to_control(enum log_level level, const char *line, void *arg)
{
	struct child *c = arg;
	struct frame f;

	/* A library's thread must not touch the peer; it has the pipe. */
	if (thread_id() != c->loop_thread)
		return (-1);
	frame_start(&f, MSG_LOG, c->gen);
	frame_put_u8(&f, (uint8_t)level);
	frame_put_str(&f, line);
	if (c->ctl != NULL)
		return (peer_offer(c->ctl, &f) == 0 ? 0 : -1);
	/* Before the event loop: what does not fit goes to the pipe. */
	return (c->ctl_fd != -1 ? frame_send(c->ctl_fd, &f) : -1);
}

void
child_log_start(struct child *c)
{
	c->loop_thread = thread_id();
	log_set_sink(log_to_control, c);
}

static void
say_health(struct child *c, const struct msg_state *state)
{
	struct frame f;

	msg_state_put(&f, state);
	f.gen = c->gen;
	if (c->ctl != NULL)
		(void)peer_offer(c->ctl, &f);
	else if (c->ctl_fd != -1)
		(void)frame_send(c->ctl_fd, &f);
}

void
child_state(struct child *c, const struct msg_state *state)
{
	if (strcmp(state->name, c->name) == 0)
		c->health = *state;
	say_health(c, state);
}

static int
on_channel_frame(struct peer *p, struct frame *f, void *arg)
{
	struct child *c = arg;

	(void)p;
	return (c->ops->frame(c, f, c->arg));
}

static void
on_channel_gone(struct peer *p, enum peer_gone why, const char *text,
    void *arg)
{
	struct child *c = arg;
	bool resolver = p == c->res;

	if (why != PEER_EOF)
		log_warnx("channel to %s: %s", peer_name(p), text);
	if (resolver)
		c->res = NULL;
	else
		c->ctl = NULL;
	peer_free(p);
	if (resolver && c->ops->resolver != NULL)
		c->ops->resolver(c, NULL, c->arg);
}

static const struct peer_ops channel_ops = { on_channel_frame,
    on_channel_gone };

static struct peer *
channel_open(struct child *c, int fd, enum role other)
{
	struct peer *p;

	p = peer_new(c->base, fd, c->role, other, CHILD_OUT_QUEUE,
	    role_name(other), &channel_ops, c);
	if (p == NULL) {
		log_warn("channel to %s", role_name(other));
		return (NULL);
	}
	peer_set_state(p, CHILD_READY);
	peer_set_generation(p, c->gen, false);
	return (p);
}

static void
control_open(struct child *c, int fd)
{
	peer_free(c->ctl);
	c->ctl = channel_open(c, fd, ROLE_CONTROL);
	if (c->ctl == NULL)
		return;
	if (c->health.health != 0)
		say_health(c, &c->health);
	if (c->ops->control != NULL)
		c->ops->control(c, c->ctl, c->arg);
}

static void
resolver_open(struct child *c, int fd)
{
	peer_free(c->res);
	c->res = channel_open(c, fd, ROLE_RESOLVER);
	if (c->ops->resolver != NULL)
		c->ops->resolver(c, c->res, c->arg);
}

static int
on_channel(struct child *c, struct frame *f)
{
	struct msg_channel m;

	if (msg_channel_get(f, &m) == -1)
		return (-1);
	if (m.kind == CHANNEL_CONTROL)
		control_open(c, m.fd);
	else
		resolver_open(c, m.fd);
	return (0);
}

/* Those of others are for whoever serves them: look, then put it back. */
static int
on_any_channel(struct child *c, struct frame *f)
{
	struct msg_channel look = { .kind = 0 };

	look.kind = frame_get_u8(f);
	f->pos = 0;
	if (child_owns_channel(c, &look))
		return (on_channel(c, f));
	return (c->ops->frame(c, f, c->arg));
}

static int
on_drain(struct child *c, struct frame *f)
{
	uint32_t ms;

	if (msg_u32_get(f, &ms) == -1)
		return (-1);
	child_set_state(c, CHILD_DRAINING);
	c->ops->drain(c, ms, c->arg);
	return (0);
}

static int
on_stop(struct child *c, struct frame *f)
{
	(void)f;
	child_set_state(c, CHILD_GONE);
	c->ops->stop(c, c->arg);
	return (0);
}

static int
on_level(struct child *c, struct frame *f)
{
	(void)c;
	return (child_take_level(f));
}

/* Settings follow the word, so it is passed on when they are complete. */
static int
on_reload(struct child *c, struct frame *f)
{
	return (c->role == ROLE_CONTROL ? 0 : c->ops->frame(c, f, c->arg));
}

static int
on_config(struct child *c, struct frame *f)
{
	struct msg_config m;
	struct frame reload;

	if (msg_config_get(f, &m) == -1)
		return (-1);
	if (m.fd != -1) {
		close(m.fd);
		return (-1);
	}
	child_settings_commit(c);
	msg_empty_put(&reload, MSG_RELOAD);
	return (c->ops->frame(c, &reload, c->arg));
}

struct handler {
	uint16_t type;
	int	(*fn)(struct child *, struct frame *);
};

static const struct handler handlers[] = {
	{ MSG_CHANNEL, on_any_channel },
	{ MSG_DRAIN, on_drain },
	{ MSG_STOP, on_stop },
	{ MSG_LOG_LEVEL, on_level },
	{ MSG_RELOAD, on_reload },
	{ MSG_SETTING, child_keep_setting },
	{ MSG_CONFIG, on_config }
};

static int
on_supervisor_frame(struct peer *p, struct frame *f, void *arg)
{
	struct child *c = arg;
	size_t i;

	(void)p;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == f->type)
			return (handlers[i].fn(c, f));
	}
	return (c->ops->frame(c, f, c->arg));
}

static void
on_supervisor_gone(struct peer *p, enum peer_gone why, const char *text,
    void *arg)
{
	struct child *c = arg;

	(void)p;
	if (why != PEER_EOF)
		log_errorx("lost the supervisor: %s", text);
	child_set_state(c, CHILD_GONE);
	c->ops->stop(c, c->arg);
}

static const struct peer_ops supervisor_ops = { on_supervisor_frame,
    on_supervisor_gone };

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (c->state != CHILD_GONE)
		(void)child_say_empty(c, MSG_BEAT);
	if (c->tick != NULL)
		c->tick(c->tick_arg);
	if (c->ctl != NULL) {
		metrics_set(c->metrics, METRIC_DROPPED_FRAMES, "",
		    (double)peer_dropped(c->ctl));
		metrics_send(c->metrics, c->ctl);
	}
}

static int
beat_start(struct child *c)
{
	const struct timeval second = { 1, 0 };

	c->beat = event_new(c->base, -1, EV_PERSIST, on_beat, c);
	if (c->beat == NULL)
		return (-1);
	return (event_add(c->beat, &second));
}

int
child_attach(struct child *c, struct event_base *base, void (*tick)(void *),
    void *arg)
{
	c->base = base;
	c->tick = tick;
	c->tick_arg = arg;
	c->sup = peer_new(base, c->sup_fd, c->role, ROLE_SUPERVISOR,
	    CHILD_OUT_QUEUE, "supervisor", &supervisor_ops, c);
	c->sup_fd = -1;
	if (c->sup == NULL)
		return (-1);
	peer_set_state(c->sup, c->state);
	peer_set_generation(c->sup, c->gen, false);
	if (c->ctl_fd != -1)
		control_open(c, c->ctl_fd);
	if (c->res_fd != -1)
		resolver_open(c, c->res_fd);
	c->ctl_fd = c->res_fd = -1;
	return (beat_start(c));
}

struct peer *
child_supervisor(struct child *c)
{
	return (c->sup);
}

struct peer *
child_control(struct child *c)
{
	return (c->ctl);
}

struct peer *
child_resolver(struct child *c)
{
	return (c->res);
}

struct metrics *
child_metrics(struct child *c)
{
	return (c->metrics);
}

static void
flush(struct child *c)
{
	if (c->ctl != NULL)
		(void)peer_flush(c->ctl, FLUSH_MS);
	if (c->sup != NULL)
		(void)peer_flush(c->sup, FLUSH_MS);
}

/* FATAL carries the cause alone; what status shows goes to control. */
static void
say_last_words(struct child *c, enum exit_cause cause, const char *text)
{
	struct msg_state state = { .health = HEALTH_FAILED };

	/* These ends are no fault of the pipeline's. */
	if (c->role != ROLE_WORKER || cause == CAUSE_SESSION_LOST ||
	    cause == CAUSE_NOT_OWNER || cause == CAUSE_FENCED)
		return;
	(void)snprintf(state.name, sizeof(state.name), "%s", c->name);
	(void)snprintf(state.error_class, sizeof(state.error_class), "%s",
	    exit_cause_name(cause));
	(void)snprintf(state.text, sizeof(state.text), "%s", text);
	child_state(c, &state);
}

void
child_fatal(struct child *c, enum exit_cause cause, const char *fmt, ...)
{
	char text[MSG_TEXT_MAX];
	struct frame f;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_errorx("%s", text);
	say_last_words(c, cause, text);
	msg_u32_put(&f, MSG_FATAL, cause);
	(void)child_say(c, &f);
	flush(c);
	_exit(EXIT_FAILURE);
}

/*
 * Not exit(3): a library's thread may still run, and its destructors would
 * race with it.  Sanitizers and coverage report from there, however.
 */
void
child_exit(struct child *c)
{
	if (c->ctl != NULL && c->base != NULL)
		metrics_send(c->metrics, c->ctl);
	flush(c);
#ifdef TIDE_INSTRUMENTED
	exit(EXIT_SUCCESS);
#else
	_exit(EXIT_SUCCESS);
#endif
}
