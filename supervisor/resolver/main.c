/* SPDX-License-Identifier: ISC */
/*
 * pg-tide-resolver: looks names up for the other processes, which can
 * neither open the resolver's files nor speak to a name server.
 *
 * Descriptors: see common/child.h; the askers' channels come as CHANNEL
 * frames.  This process reads files below /etc, sends UDP, connects to TCP
 * port 53, and holds no secret.
 */
#include "config.h"

#include <sys/socket.h>

#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/sandbox/sandbox.h"
#include "common/units.h"
#include "supervisor/resolver/names.h"
#include "supervisor/resolver/pool.h"

#define THREADS		8
#define QUEUE		64
#define ASKER_QUEUE	64	/* answers that may wait for an asker */
#define TICK_US		250000

struct resolver {
	struct child	*child;
	struct event_base *base;
	struct pool	*pool;
	struct names	*names;
	struct event	*tick;
};

/* A channel to a process that asks. */
struct client {
	struct resolver	*r;
	struct peer	*peer;
	struct asker	*asker;
};

/* Whole directories: a replaced resolv.conf is another inode, which a rule
 * for the old file would not allow. */
static const char *const read_dirs[] = {
	"/etc", "/run/systemd/resolve", "/run/resolvconf",
	"/run/NetworkManager"
};

static const uint16_t ports[] = { 53 };

/* --- looking up, in a thread ----------------------------------------- */

static void
answer_add(struct msg_answer *m, const struct addrinfo *ai)
{
	struct msg_addr *a = &m->addrs[m->naddrs];
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (ai->ai_family == AF_INET) {
		memcpy(&in, ai->ai_addr, sizeof(in));
		a->family = 4;
		memcpy(a->bytes, &in.sin_addr, 4);
	} else if (ai->ai_family == AF_INET6) {
		memcpy(&in6, ai->ai_addr, sizeof(in6));
		a->family = 6;
		memcpy(a->bytes, &in6.sin6_addr, 16);
	} else
		return;
	m->naddrs++;
}

static int
family_of(int family)
{
	return (family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC);
}

static void
look_up(const char *host, int family, struct msg_answer *m)
{
	const struct addrinfo hints = { .ai_family = family_of(family),
	    .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL, *ai;

	m->error = getaddrinfo(host, NULL, &hints, &list);
	if (m->error == EAI_NODATA)
		m->error = EAI_NONAME;
	for (ai = list; m->error == 0 && ai != NULL &&
	    m->naddrs < MSG_LOOKUP_ADDRS; ai = ai->ai_next)
		answer_add(m, ai);
	if (list != NULL)
		freeaddrinfo(list);
}

/* --- the askers ------------------------------------------------------- */

static void
on_answer(const struct msg_answer *m, enum names_result result, void *arg)
{
	struct client *cl = arg;
	struct frame f;

	metrics_add(child_metrics(cl->r->child), METRIC_LOOKUPS,
	    names_result_name(result), 1);
	msg_answer_put(&f, m);
	/* Who does not read its answers asks again, or gives up. */
	if (peer_send(cl->peer, &f) == -1)
		log_debug("%s does not take its answers",
		    peer_name(cl->peer));
}

static int
on_client_frame(struct peer *p, struct frame *f, void *arg)
{
	struct client *cl = arg;
	struct msg_lookup m;

	(void)p;
	if (f->type != MSG_LOOKUP || msg_lookup_get(f, &m) == -1)
		return (-1);
	names_ask(cl->asker, &m);
	return (0);
}

static void
on_client_gone(struct peer *p, enum peer_gone why, const char *text,
    void *arg)
{
	struct client *cl = arg;

	if (why != PEER_EOF)
		log_warnx("channel of %s: %s", peer_name(p), text);
	asker_free(cl->asker);
	peer_free(p);
	free(cl);
}

static const struct peer_ops client_ops = { on_client_frame,
    on_client_gone };

static int
client_new(struct resolver *r, const struct msg_channel *m)
{
	struct client *cl;

	if ((cl = calloc(1, sizeof(*cl))) == NULL)
		return (-1);
	cl->r = r;
	if ((cl->asker = asker_new(r->names, cl)) == NULL)
		goto fail;
	cl->peer = peer_new(r->base, m->fd, ROLE_RESOLVER,
	    (enum role)m->role, ASKER_QUEUE, m->name[0] != '\0' ? m->name :
	    role_name((enum role)m->role), &client_ops, cl);
	if (cl->peer == NULL)
		goto fail;
	peer_set_state(cl->peer, CHILD_READY);
	return (0);
fail:
	if (cl->asker != NULL)
		asker_free(cl->asker);
	free(cl);
	return (-1);
}

static int
on_frame(struct child *child, struct frame *f, void *arg)
{
	struct resolver *r = arg;
	struct msg_channel m;

	(void)child;
	if (f->type != MSG_CHANNEL || msg_channel_get(f, &m) == -1)
		return (-1);
	if (client_new(r, &m) == -1)
		log_warn("channel of %s", m.name);
	return (0);
}

/* --- the life of the process ------------------------------------------ */

static void
on_stop(struct child *child, void *arg)
{
	struct resolver *r = arg;

	(void)child;
	event_base_loopexit(r->base, NULL);
}

static void
on_drain(struct child *child, uint32_t ms, void *arg)
{
	(void)ms;
	child_drained(child);
	on_stop(child, arg);
}

static const struct child_ops child_ops = { on_frame, on_drain, on_stop,
    NULL, NULL };

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;

	(void)fd;
	(void)what;
	names_tick(r->names);
}

/*
 * Only "files" and "dns": other modules are libraries that could no longer
 * be loaded, and that speak to daemons which this process cannot reach.
 * The time a dead name server may take is bounded, for askers give up.
 */
static void
warm_up(struct resolver *r)
{
	struct msg_answer m = { 0 };

	if (__nss_configure_lookup("hosts", "files dns") == -1 ||
	    setenv("RES_OPTIONS", "timeout:2 attempts:2", 1) == -1)
		child_fatal(r->child, CAUSE_EXIT, "resolver settings");
	look_up("localhost", 0, &m);
}

static void
sandbox_policy(struct resolver *r, struct sandbox_policy *p)
{
	const char *net = child_setting(r->child, "required_net");
	const char *mode = child_setting(r->child, "sandbox");
	const char *action = child_setting(r->child, "sandbox_action");

	memset(p, 0, sizeof(*p));
	p->needs = SANDBOX_FILES | SANDBOX_DNS | SANDBOX_THREADS;
	p->read_files = read_dirs;
	p->nread_files = sizeof(read_dirs) / sizeof(read_dirs[0]);
	p->ports = ports;
	p->nports = sizeof(ports) / sizeof(ports[0]);
	p->required_net = net == NULL || strcmp(net, "auto") == 0 ? 2 :
	    strcmp(net, "yes") == 0;
	if ((mode != NULL && sandbox_mode_parse(mode, &p->mode) == -1) ||
	    (action != NULL &&
	    sandbox_action_parse(action, &p->action) == -1))
		child_fatal(r->child, CAUSE_CONFIG,
		    "sandbox or sandbox_action: not understood");
}

static void
lock_down(struct resolver *r)
{
	struct sandbox_policy policy;
	struct sandbox_report report;
	char err[512];

	sandbox_policy(r, &policy);
	if (sandbox_enter(&policy, &report, err, sizeof(err)) == -1)
		child_fatal(r->child, CAUSE_SANDBOX, "%s", err);
	if (child_say_stage1(r->child) == -1 || child_say_locked(r->child,
	    (uint32_t)report.landlock_abi, NULL) == -1)
		child_fatal(r->child, CAUSE_PROTOCOL,
		    "the supervisor did not send what is needed");
	if (sandbox_stage3(&policy, &report, err, sizeof(err)) == -1)
		child_fatal(r->child, CAUSE_SANDBOX, "%s", err);
	child_say_confined(r->child);
}

static void
parts_make(struct resolver *r)
{
	const struct timeval tv = { 0, TICK_US };

	r->pool = pool_new(r->base, THREADS, QUEUE, look_up);
	r->names = names_new(r->pool, on_answer, clock_mono_us);
	r->tick = event_new(r->base, -1, EV_PERSIST, on_tick, r);
	if (r->pool == NULL || r->names == NULL || r->tick == NULL ||
	    event_add(r->tick, &tv) == -1)
		child_fatal(r->child, CAUSE_EXIT, "threads or memory");
}

int
main(int argc, char **argv)
{
	struct resolver r = { 0 };
	struct msg_config config;

	r.child = child_start(argc, argv, ROLE_RESOLVER, &child_ops, &r);
	if (child_wait_config(r.child, &config) == -1)
		child_fatal(r.child, CAUSE_PROTOCOL, "no configuration");
	if ((r.base = event_base_new()) == NULL)
		child_fatal(r.child, CAUSE_EXIT, "out of memory");
	warm_up(&r);
	lock_down(&r);
	parts_make(&r);
	if (child_attach(r.child, r.base, NULL, NULL) == -1)
		child_fatal(r.child, CAUSE_EXIT, "out of memory");
	child_say_ready(r.child);
	event_base_dispatch(r.base);
	/* Threads may be inside a look-up: what they use stays. */
	child_exit(r.child);
}
