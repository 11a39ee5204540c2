/* SPDX-License-Identifier: ISC */
/* Wire the children up with each other. */
#include "config.h"

#include "supervisor/channels.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/peer.h"

static bool
serves_control(const struct process *p)
{
	return (p->role != ROLE_CONTROL);
}

static bool
serves_resolver(const struct process *p)
{
	return (p->role == ROLE_CATALOG || p->role == ROLE_WORKER);
}

static int
pair_open(int *near, int *far)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return (-1);
	*near = pair[0];
	if (*far != -1)
		close(*far);
	*far = pair[1];
	return (0);
}

int
channels_open(struct process *p, int *control, int *resolver)
{
	p->ctl_gen = p->res_gen = 0;
	if (serves_control(p) && pair_open(control, &p->ctl_far) == -1)
		return (-1);
	if (serves_resolver(p) && pair_open(resolver, &p->res_far) == -1)
		return (-1);
	return (0);
}

static bool
is_ready(const struct process *p)
{
	return (p != NULL && p->pid != 0 && p->state == CHILD_READY);
}

/* Takes fd over.  about is whose channel it is. */
static int
channel_send(struct process *to, const struct process *about,
    enum role other_end, uint8_t kind, int fd)
{
	struct msg_channel m;
	struct frame f;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.role = (uint8_t)other_end;
	m.generation = about->gen;
	m.pid = (uint32_t)about->pid;
	(void)snprintf(m.name, sizeof(m.name), "%s", about->name);
	m.fd = fd;
	msg_channel_put(&f, &m);
	if (peer_send(to->peer, &f) == 0)
		return (0);
	log_warn("cannot hand a channel to %s", process_title(to));
	return (-1);
}

/* Connect p with server, over the pair it was born with or a new one. */
static void
connect_one(struct process *p, struct process *server, uint8_t kind, int *far,
    uint64_t *gen)
{
	int near, fd;

	if (*gen == server->gen)
		return;
	if (*far == -1) {
		/* Not before it can be told. */
		if (!p->hello || p->state == CHILD_GONE)
			return;
		if (pair_open(&near, far) == -1) {
			log_warn("channel of %s", process_title(p));
			return;
		}
		if (channel_send(p, server, server->role, kind, near) == -1)
			return;
	}
	fd = *far;
	*far = -1;
	*gen = server->gen;
	(void)channel_send(server, p, p->role, kind, fd);
}

/* Control reads what libraries in a worker print, even after its end. */
static void
output_give(struct process *p, struct process *control)
{
	int fd;

	if (p->out_near == -1 || p->out_gen == control->gen ||
	    (p->pid == 0 && p->out_gen != 0))
		return;
	if ((fd = fcntl(p->out_near, F_DUPFD_CLOEXEC, 3)) == -1) {
		log_warn("output of %s", process_title(p));
		return;
	}
	p->out_gen = control->gen;
	(void)channel_send(control, p, p->role, CHANNEL_OUTPUT, fd);
	if (p->pid == 0) {
		close(p->out_near);
		p->out_near = -1;
	}
}

void
channels_sync(struct super *s)
{
	struct process *p;

	TAILQ_FOREACH(p, &s->processes, entry) {
		if (is_ready(s->control)) {
			if (p->pid != 0 && serves_control(p))
				connect_one(p, s->control, CHANNEL_CONTROL,
				    &p->ctl_far, &p->ctl_gen);
			output_give(p, s->control);
		}
		if (is_ready(s->resolver) && p->pid != 0 &&
		    serves_resolver(p))
			connect_one(p, s->resolver, CHANNEL_RESOLVER,
			    &p->res_far, &p->res_gen);
	}
}
