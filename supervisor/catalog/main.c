/* SPDX-License-Identifier: ISC */
/*
 * pg-tide-catalog: reads from the database which pipelines should run, tells
 * the supervisor, and keeps the doorbell.
 *
 * Descriptors: see common/child.h.  The database's address and password come
 * over descriptor 3 once the process is locked down; it can connect to the
 * database's ports, make memfds, and nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/pg/session.h"
#include "common/resolve.h"
#include "common/sandbox/sandbox.h"
#include "common/units.h"
#include "supervisor/catalog/bell.h"
#include "supervisor/catalog/chores.h"
#include "supervisor/catalog/database.h"
#include "supervisor/catalog/document.h"
#include "supervisor/catalog/memfd.h"
#include "supervisor/catalog/pipelines.h"
#include "supervisor/catalog/reconcile.h"

#define ARENA_SIZE	(2 * MSG_SECRET_MAX)
#define PORTS_MAX	16
#define RECONCILE_S	30
#define FLUSH_MS	2000

struct catalog {
	struct child	*child;
	struct event_base *base;
	struct resolve	*resolve;
	struct secretmem *arena;
	struct database	*db;
	struct wiring	*bell;
	struct pipelines *pipelines;
	struct reconcile *reconcile;
	struct chores	*chores;
	struct event	*again;		/* every RECONCILE_S */
};

/* --- what the pipelines say ------------------------------------------ */

static int
say(struct catalog *c, struct frame *f)
{
	return (peer_send(child_supervisor(c->child), f));
}

static int
say_refs(struct catalog *c, const char *name, const struct docrefs *refs)
{
	struct msg_pipeline_ref m;
	struct frame f;
	size_t i;

	for (i = 0; i < refs->n; i++) {
		memset(&m, 0, sizeof(m));
		(void)snprintf(m.name, sizeof(m.name), "%s", name);
		m.kind = (uint8_t)refs->refs[i].kind;
		(void)snprintf(m.value, sizeof(m.value), "%s",
		    refs->refs[i].value);
		msg_pipeline_ref_put(&f, &m);
		if (say(c, &f) == -1)
			return (-1);
	}
	return (0);
}

static int
op_wanted(const struct pipeline_row *row, const struct docrefs *refs,
    void *arg)
{
	struct catalog *c = arg;
	struct msg_pipeline m = { .generation = row->generation,
	    .nrefs = (uint32_t)refs->n };
	struct frame f;

	/* pipelines.c checked the lengths. */
	(void)snprintf(m.name, sizeof(m.name), "%s", row->name);
	(void)snprintf(m.outbox, sizeof(m.outbox), "%s", row->outbox);
	(void)snprintf(m.plugin, sizeof(m.plugin), "%s", row->sink_type);
	m.fd = memfd_sealed(row->name, row->config, strlen(row->config));
	if (m.fd == -1) {
		log_warn("pipeline %s: no memfd for its document", row->name);
		return (-1);
	}
	msg_pipeline_put(&f, &m);
	if (say(c, &f) == -1 || say_refs(c, row->name, refs) == -1)
		return (-1);
	return (peer_flush(child_supervisor(c->child), FLUSH_MS));
}

static int
op_gone(const char *name, void *arg)
{
	struct catalog *c = arg;
	struct frame f;

	msg_str_put(&f, MSG_PIPELINE_GONE, name);
	return (say(c, &f));
}

static int
op_keep(const char *name, void *arg)
{
	struct catalog *c = arg;
	struct frame f;

	msg_str_put(&f, MSG_PIPELINE_KEEP, name);
	return (say(c, &f));
}

static void
op_invalid(const char *name, const char *text, void *arg)
{
	struct catalog *c = arg;
	struct msg_state m = { .health = HEALTH_OK };

	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	if (text != NULL) {
		m.health = HEALTH_FAILED;
		(void)snprintf(m.error_class, sizeof(m.error_class),
		    "config");
		(void)snprintf(m.text, sizeof(m.text), "%s", text);
	}
	child_state(c->child, &m);
}

static void
op_reads(const struct pipeline_row *row, bool reads, void *arg)
{
	struct catalog *c = arg;

	if (!reads)
		bell_leave(c->bell, row->name);
	else if (bell_join(c->bell, row->name, row->outbox,
	    row->outbox_id) == -1)
		log_warn("doorbell of %s", row->outbox);
}

static const struct pipelines_ops pipelines_ops = { op_wanted, op_gone,
    op_keep, op_invalid, op_reads };

static void
on_list_complete(int64_t us, void *arg)
{
	struct catalog *c = arg;
	struct metrics *m = child_metrics(c->child);
	struct frame f;

	metrics_add(m, METRIC_CATALOG_QUERIES, "", 1);
	metrics_observe(m, METRIC_RECONCILE_DURATION, "", (double)us / 1e6,
	    1);
	msg_empty_put(&f, MSG_LIST_END);
	if (say(c, &f) == -1)
		log_warn("end of the list");
}

/* --- what the database says ------------------------------------------ */

static void
on_up(void *arg)
{
	struct catalog *c = arg;

	bell_online(c->bell, c->db);
	reconcile_start(c->reconcile, c->db);
	chores_start(c->chores, c->db);
}

static void
on_down(void *arg)
{
	struct catalog *c = arg;

	chores_stop(c->chores);
	bell_online(c->bell, NULL);
}

/* The catalog's own health has no pipeline's name. */
static void
on_problem(const char *text, void *arg)
{
	struct catalog *c = arg;
	struct msg_state m = { .health = HEALTH_OK };

	if (text != NULL) {
		m.health = HEALTH_RETRYING;
		(void)snprintf(m.error_class, sizeof(m.error_class),
		    "database");
		(void)snprintf(m.text, sizeof(m.text), "%s", text);
	}
	child_state(c->child, &m);
}

static void
on_notify(const char *channel, const char *payload, void *arg)
{
	struct catalog *c = arg;

	if (strcmp(channel, "tide_outbox_new") == 0)
		bell_ring(c->bell, payload);
	else
		reconcile_start(c->reconcile, c->db);
}

static const struct database_ops database_ops = { on_up, on_down, on_problem,
    on_notify };

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct catalog *c = arg;

	(void)fd;
	(void)what;
	if (database_up(c->db))
		reconcile_start(c->reconcile, c->db);
}

/* --- what the other processes say ------------------------------------ */

static int
on_reload(struct catalog *c, struct frame *f)
{
	if (frame_end(f) == -1)
		return (-1);
	on_again(-1, 0, c);
	return (0);
}

static int
on_worker_state(struct catalog *c, struct frame *f)
{
	struct msg_worker_state m;

	if (msg_worker_state_get(f, &m) == -1)
		return (-1);
	if (pipelines_running(c->pipelines, m.name,
	    m.state == CHILD_READY) == -1)
		log_warn("pipeline %s", m.name);
	return (0);
}

static int
on_idle(struct catalog *c, struct frame *f)
{
	struct msg_idle m;

	if (msg_idle_get(f, &m) == -1)
		return (-1);
	bell_idle(c->bell, &m);
	return (0);
}

static int
on_answer(struct catalog *c, struct frame *f)
{
	return (resolve_answer(c->resolve, f));
}

static const struct {
	uint16_t type;
	int	(*fn)(struct catalog *, struct frame *);
} handlers[] = {
	{ MSG_RELOAD, on_reload },
	{ MSG_WORKER_STATE, on_worker_state },
	{ MSG_IDLE, on_idle },
	{ MSG_ANSWER, on_answer }
};

static int
on_frame(struct child *child, struct frame *f, void *arg)
{
	struct catalog *c = arg;
	size_t i;

	(void)child;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].type == f->type)
			return (handlers[i].fn(c, f));
	}
	return (-1);
}

static void
on_stop(struct child *child, void *arg)
{
	struct catalog *c = arg;

	(void)child;
	event_base_loopexit(c->base, NULL);
}

/* Nothing is in flight here. */
static void
on_drain(struct child *child, uint32_t ms, void *arg)
{
	(void)ms;
	child_drained(child);
	on_stop(child, arg);
}

static void
on_resolver(struct child *child, struct peer *p, void *arg)
{
	struct catalog *c = arg;

	(void)child;
	resolve_set_peer(c->resolve, p);
}

static void
on_control(struct child *child, struct peer *p, void *arg)
{
	struct catalog *c = arg;

	(void)child;
	(void)p;
	if (c->pipelines != NULL)
		pipelines_repeat(c->pipelines);
}

static const struct child_ops child_ops = { on_frame, on_drain, on_stop,
    on_resolver, on_control };

static void
send_metrics(struct metrics *m, void *arg)
{
	metrics_send(m, arg);
}

/* Once a second: the gauges of the pipelines go with our own. */
static void
on_tick(void *arg)
{
	struct catalog *c = arg;
	struct peer *control = child_control(c->child);

	if (control != NULL)
		pipelines_each_metrics(c->pipelines, send_metrics, control);
}

/* --- the life of the process ----------------------------------------- */

static void
sandbox_policy(struct catalog *c, const struct msg_config *config,
    struct sandbox_policy *p)
{
	const char *net = child_setting(c->child, "required_net");
	const char *mode = child_setting(c->child, "sandbox");
	const char *action = child_setting(c->child, "sandbox_action");

	memset(p, 0, sizeof(*p));
	/* Files: libpq opens its certificates through /proc/self/fd, and
	 * asks for some that do not exist; Landlock allows no other. */
	p->needs = SANDBOX_TCP | SANDBOX_MEMFD | SANDBOX_FILES;
	if ((config->flags & MSG_CONFIG_PGUNIX) != 0)
		p->needs |= SANDBOX_UNIX;
	p->required_net = net == NULL || strcmp(net, "auto") == 0 ? 2 :
	    strcmp(net, "yes") == 0;
	if (mode != NULL && sandbox_mode_parse(mode, &p->mode) == -1)
		child_fatal(c->child, CAUSE_CONFIG, "sandbox = %s", mode);
	if (action != NULL && sandbox_action_parse(action, &p->action) == -1)
		child_fatal(c->child, CAUSE_CONFIG, "sandbox_action = %s",
		    action);
}

/* Stages 1 and 2, then the secrets. */
static void
lock_down(struct catalog *c, const struct sandbox_policy *policy)
{
	struct sandbox_report report;
	char err[512];
	int locked;

	if ((c->arena = secretmem_new(ARENA_SIZE, &locked)) == NULL)
		child_fatal(c->child, CAUSE_SANDBOX, "secret memory: %s",
		    strerror(errno));
	if (sandbox_enter(policy, &report, err, sizeof(err)) == -1)
		child_fatal(c->child, CAUSE_SANDBOX, "%s", err);
	if (child_say_stage1(c->child) == -1 ||
	    child_say_locked(c->child, (uint32_t)report.landlock_abi,
	    c->arena) == -1)
		child_fatal(c->child, CAUSE_PROTOCOL,
		    "the supervisor did not send what is needed");
}

/* Stage 3: now the database's ports are known. */
static const char *
confine(struct catalog *c, struct sandbox_policy *policy)
{
	struct sandbox_report report;
	uint16_t ports[PORTS_MAX];
	const char *url;
	char err[512];
	size_t len;
	bool unixsock;
	int n;

	url = secretmem_get(c->arena, 0, "postgres_url", &len);
	if (url == NULL)
		child_fatal(c->child, CAUSE_CONFIG, "no postgres_url: set it "
		    "in pg-tided.conf or with --postgres-url");
	n = pg_conninfo_ports(url, ports, PORTS_MAX, &unixsock, err,
	    sizeof(err));
	if (n == -1)
		child_fatal(c->child, CAUSE_CONFIG, "postgres_url: %s", err);
	policy->ports = ports;
	policy->nports = (size_t)n;
	if (sandbox_stage3(policy, &report, err, sizeof(err)) == -1)
		child_fatal(c->child, CAUSE_SANDBOX, "%s", err);
	child_say_confined(c->child);
	return (url);
}

static int
file_of(const char *path, void *arg)
{
	struct catalog *c = arg;

	return (child_file(c->child, path));
}

static void
parts_make(struct catalog *c, const char *url)
{
	const struct timeval period = { RECONCILE_S, 0 };
	const struct database_opts opts = { .url = url,
	    .resolve = c->resolve, .file = file_of, .file_arg = c };
	const char *group = child_setting(c->child, "relay_group_id");

	c->pipelines = pipelines_new(&pipelines_ops, c);
	c->bell = bell_new(c->base, c->child);
	c->reconcile = reconcile_new(c->pipelines, on_list_complete, c);
	c->chores = chores_new(c->base, c->pipelines,
	    group != NULL ? group : "default");
	c->db = database_new(c->base, &opts, &database_ops, c);
	c->again = event_new(c->base, -1, EV_PERSIST, on_again, c);
	if (c->pipelines == NULL || c->bell == NULL || c->reconcile == NULL ||
	    c->chores == NULL || c->db == NULL || c->again == NULL ||
	    event_add(c->again, &period) == -1)
		child_fatal(c->child, CAUSE_EXIT, "out of memory");
}

static void
parts_free(struct catalog *c)
{
	event_free(c->again);
	database_free(c->db);
	chores_free(c->chores);
	reconcile_free(c->reconcile);
	bell_free(c->bell);
	pipelines_free(c->pipelines);
	resolve_free(c->resolve);
	secretmem_free(c->arena);
}

int
main(int argc, char **argv)
{
	struct catalog c = { 0 };
	struct sandbox_policy policy;
	struct msg_config config;
	const char *url;

	c.child = child_start(argc, argv, ROLE_CATALOG, &child_ops, &c);
	if (child_wait_config(c.child, &config) == -1)
		child_fatal(c.child, CAUSE_PROTOCOL, "no configuration");
	if ((c.base = event_base_new()) == NULL ||
	    (c.resolve = resolve_new(c.base)) == NULL)
		child_fatal(c.child, CAUSE_EXIT, "out of memory");
	sandbox_policy(&c, &config, &policy);
	lock_down(&c, &policy);
	url = confine(&c, &policy);
	parts_make(&c, url);
	if (child_attach(c.child, c.base, on_tick, &c) == -1)
		child_fatal(c.child, CAUSE_EXIT, "out of memory");
	child_say_ready(c.child);
	event_base_dispatch(c.base);
	parts_free(&c);
	child_exit(c.child);
}
