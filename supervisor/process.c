/* SPDX-License-Identifier: ISC */
/* The table of children: start, stop, end, throttle. */
#include "config.h"

#include "supervisor/process.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/peer.h"
#include "common/units.h"
#include "supervisor/channels.h"
#include "supervisor/handshake.h"
#include "supervisor/report.h"
#include "supervisor/spawn.h"
#include "supervisor/throttle.h"

#define SECOND_US	INT64_C(1000000)
#define SILENCE_US	(10 * SECOND_US)
#define STOP_US		(2 * SECOND_US)	/* from STOP to SIGKILL */
#define GRACE_US	(1 * SECOND_US)	/* beyond the drain deadline */
#define USEFUL_US	(5 * SECOND_US)	/* READY so long: no failure */
#define QUEUE		1024

static void
timer_set(struct event *ev, int64_t us)
{
	struct timeval tv = { us / SECOND_US, us % SECOND_US };

	if (event_add(ev, &tv) == -1)
		log_warnx("cannot set a timer");
}

const char *
process_title(const struct process *p)
{
	static char title[2 * MSG_NAME_MAX];

	(void)snprintf(title, sizeof(title), "%s%s%s", role_name(p->role),
	    p->name[0] != '\0' ? " " : "", p->name);
	return (title);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	process_start(arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	process_kill(arg, CAUSE_DEADLINE, "did not end in time");
}

struct process *
process_new(struct super *s, enum role role, const char *name,
    const struct process_ops *ops, void *owner)
{
	struct process *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->super = s;
	p->ops = ops;
	p->owner = owner;
	p->role = role;
	p->state = CHILD_GONE;
	p->ctl_far = p->res_far = p->out_near = -1;
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	p->restart = event_new(s->base, -1, 0, on_restart, p);
	p->deadline = event_new(s->base, -1, 0, on_deadline, p);
	TAILQ_INSERT_TAIL(&s->processes, p, entry);
	if (p->restart == NULL || p->deadline == NULL) {
		process_free(p);
		return (NULL);
	}
	return (p);
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
process_free(struct process *p)
{
	if (p == NULL)
		return;
	TAILQ_REMOVE(&p->super->processes, p, entry);
	peer_free(p->peer);
	close_fd(&p->ctl_far);
	close_fd(&p->res_far);
	close_fd(&p->out_near);
	if (p->restart != NULL)
		event_free(p->restart);
	if (p->deadline != NULL)
		event_free(p->deadline);
	free(p);
}

struct process *
process_by_pid(struct super *s, pid_t pid)
{
	struct process *p;

	TAILQ_FOREACH(p, &s->processes, entry) {
		if (p->pid == pid)
			return (p);
	}
	return (NULL);
}

/* Descriptors of one start; those the child gets are closed afterwards. */
struct ends {
	int	near, supervisor, control, resolver, out;
};

static int
ends_open(struct process *p, struct ends *e)
{
	int pair[2];

	e->near = e->supervisor = e->control = e->resolver = e->out = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return (-1);
	e->near = pair[0];
	e->supervisor = pair[1];
	if (channels_open(p, &e->control, &e->resolver) == -1)
		return (-1);
	if (p->role != ROLE_WORKER) {
		e->out = fcntl(p->super->log_fd, F_DUPFD_CLOEXEC, 3);
		return (e->out == -1 ? -1 : 0);
	}
	/* Nobody may read for a while: a worker must not wait for that. */
	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	close_fd(&p->out_near);
	p->out_near = pair[0];
	p->out_gen = 0;
	e->out = pair[1];
	return (0);
}

static void
ends_close(struct ends *e)
{
	close_fd(&e->supervisor);
	close_fd(&e->control);
	close_fd(&e->resolver);
	close_fd(&e->out);
}

static pid_t
spawn_program(struct process *p, const struct ends *e, char *err,
    size_t errsize)
{
	char path[4096], title[64], format[32], level[32];
	char name[MSG_NAME_MAX], *argv[5];
	struct spawn s = { .path = path, .argv = argv, .who = p->super->who,
	    .out = e->out, .supervisor = e->supervisor,
	    .control = e->control, .resolver = e->resolver };
	int n = 0;

	(void)snprintf(path, sizeof(path), "%s/pg-tide-%s",
	    option_str(p->super->conf, "libexec_dir"), role_name(p->role));
	(void)snprintf(title, sizeof(title), "pg-tide-%s",
	    role_name(p->role));
	(void)snprintf(name, sizeof(name), "%s", p->name);
	(void)snprintf(format, sizeof(format), "--log=%s",
	    p->role == ROLE_WORKER ? "text" : p->super->log_format);
	(void)snprintf(level, sizeof(level), "--level=%s",
	    log_level_name(log_get_level()));
	argv[n++] = title;
	if (p->role == ROLE_WORKER)
		argv[n++] = name;
	argv[n++] = format;
	argv[n++] = level;
	argv[n] = NULL;
	return (spawn(&s, err, errsize));
}

static void
life_reset(struct process *p)
{
	p->state = CHILD_STARTING;
	p->gen = ++p->super->last_gen;
	p->was_ready = p->told_stop = p->hello = false;
	p->said = p->verdict = CAUSE_NONE;
	p->landlock = 0;
	p->heard_us = p->started_us = clock_mono_us();
	p->next_us = 0;
}

static int
launch(struct process *p, char *err, size_t errsize)
{
	struct ends e;

	if (ends_open(p, &e) == -1) {
		(void)snprintf(err, errsize, "descriptors: %s",
		    strerror(errno));
		close_fd(&e.near);
		ends_close(&e);
		return (-1);
	}
	p->pid = spawn_program(p, &e, err, errsize);
	ends_close(&e);
	if (p->pid == -1) {
		p->pid = 0;
		close_fd(&e.near);
		return (-1);
	}
	life_reset(p);
	if (handshake_begin(p, e.near, QUEUE) == -1)
		process_kill(p, CAUSE_SPAWN, "out of memory");
	return (0);
}

void
process_start(struct process *p)
{
	char err[512];

	if (p->pid != 0 || p->super->stopping)
		return;
	process_restart_cancel(p);
	if (p->ops->prepare != NULL && p->ops->prepare(p) == -1)
		return;
	if (launch(p, err, sizeof(err)) == -1) {
		process_refuse(p, CAUSE_SPAWN, err);
		return;
	}
	p->text[0] = '\0';
	log_debug("%s started (pid %ld)", process_title(p), (long)p->pid);
	report_process(p);
}

void
process_refuse(struct process *p, enum exit_cause cause, const char *text)
{
	bool news = p->cause != cause || strcmp(p->text, text) != 0;

	p->cause = cause;
	(void)snprintf(p->text, sizeof(p->text), "%s", text);
	if (throttle_counts(cause))
		p->failures++;
	if (news)
		log_errorx("%s is not started: %s", process_title(p), text);
	process_restart_later(p);
	report_process(p);
}

void
process_restart_cancel(struct process *p)
{
	event_del(p->restart);
	p->next_us = 0;
}

void
process_restart_after(struct process *p, int64_t us)
{
	if (p->super->stopping)
		return;
	p->next_us = clock_mono_us() + us;
	timer_set(p->restart, us);
}

void
process_restart_later(struct process *p)
{
	int64_t us = throttle_delay_us(p->cause, p->failures, p->was_ready);

	if (us == -1)
		process_restart_cancel(p);
	else
		process_restart_after(p, us);
}

void
process_drain(struct process *p)
{
	int64_t us = option_num(p->super->conf, "drain_timeout");
	struct frame f;

	if (p->pid == 0 || (p->state & (CHILD_DRAINING | CHILD_GONE)) != 0)
		return;
	if ((p->state & CHILD_SERVING) == 0) {
		process_stop(p);
		return;
	}
	msg_u32_put(&f, MSG_DRAIN, (uint32_t)(us / 1000));
	if (peer_send(p->peer, &f) == -1) {
		process_kill(p, CAUSE_DEADLINE, "cannot be told to drain");
		return;
	}
	handshake_set_state(p, CHILD_DRAINING);
	timer_set(p->deadline, us + GRACE_US);
	report_process(p);
}

void
process_stop(struct process *p)
{
	struct frame f;

	if (p->pid == 0 || p->state == CHILD_GONE)
		return;
	p->told_stop = true;
	msg_empty_put(&f, MSG_STOP);
	if (peer_send(p->peer, &f) == -1) {
		process_kill(p, CAUSE_DEADLINE, "cannot be told to stop");
		return;
	}
	handshake_set_state(p, CHILD_GONE);
	timer_set(p->deadline, STOP_US);
	report_process(p);
}

void
process_kill(struct process *p, enum exit_cause cause, const char *fmt, ...)
{
	va_list ap;

	/* Once reaped, the number may be somebody else's. */
	if (p->pid == 0)
		return;
	if (p->verdict == CAUSE_NONE) {
		p->verdict = cause;
		va_start(ap, fmt);
		(void)vsnprintf(p->text, sizeof(p->text), fmt, ap);
		va_end(ap);
		log_errorx("%s (pid %ld) is killed: %s", process_title(p),
		    (long)p->pid, p->text);
	}
	event_del(p->deadline);
	if (p->peer != NULL)
		handshake_set_state(p, CHILD_GONE);
	if (kill(p->pid, SIGKILL) == -1)
		log_warn("kill %ld", (long)p->pid);
}

static void
describe_end(struct process *p, int status)
{
	char how[64];

	if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(how, sizeof(how), "status %d",
		    WEXITSTATUS(status));
	if (p->text[0] == '\0')
		(void)snprintf(p->text, sizeof(p->text), "ended with %s", how);
	if (p->cause == CAUSE_STOPPED)
		log_info("%s has stopped", process_title(p));
	else
		log_warnx("%s has ended: %s (%s)", process_title(p),
		    exit_cause_name(p->cause), how);
}

static enum exit_cause
end_cause(const struct process *p, int status)
{
	if (p->verdict != CAUSE_NONE)
		return (p->verdict);
	if (p->said != CAUSE_NONE && WIFEXITED(status))
		return (p->said);
	return (throttle_cause(status, p->told_stop));
}

static void
count_end(struct process *p)
{
	bool useful = p->was_ready &&
	    clock_mono_us() - p->ready_us >= USEFUL_US;

	if (useful || p->cause == CAUSE_STOPPED)
		p->failures = 0;
	if (throttle_counts(p->cause))
		p->failures++;
	if (p->cause != CAUSE_STOPPED)
		p->restarts++;
}

void
process_ended(struct process *p, int status)
{
	event_del(p->deadline);
	p->pid = 0;
	/* Its last words wait in the socket: FATAL says why. */
	if (p->peer != NULL)
		peer_drain(p->peer);
	peer_free(p->peer);
	p->peer = NULL;
	p->state = CHILD_GONE;
	close_fd(&p->ctl_far);
	close_fd(&p->res_far);
	if (p->out_gen != 0)
		close_fd(&p->out_near);
	p->cause = end_cause(p, status);
	if (p->cause == CAUSE_STOPPED)
		p->text[0] = '\0';
	describe_end(p, status);
	if (p->cause == CAUSE_STOPPED)
		p->text[0] = '\0';
	count_end(p);
	p->ops->ended(p);
}

void
process_watch(struct super *s)
{
	struct process *p;
	int64_t now;

	TAILQ_FOREACH(p, &s->processes, entry) {
		if (p->pid == 0 || p->peer == NULL)
			continue;
		now = clock_mono_us();
		if (now - p->heard_us < SILENCE_US || p->state == CHILD_GONE)
			continue;
		/* We may have been the one that slept: listen first. */
		peer_drain(p->peer);
		if (now - p->heard_us >= SILENCE_US)
			process_kill(p, CAUSE_SILENT,
			    "no sign of life for 10 seconds");
	}
}
