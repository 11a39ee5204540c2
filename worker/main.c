/* SPDX-License-Identifier: ISC */
/*
 * pg-tide-worker: one pipeline, one plugin, one sandbox.
 *
 * Descriptors at exec; everything else is closed:
 *	0	/dev/null
 *	1, 2	a pipe that the control process reads: what libraries print
 *	3	the supervisor (SOCK_SEQPACKET)
 *	4	the control process: metrics, state, log lines
 *	5	the resolver process
 * Opened later: the configuration (a sealed memfd, closed once read), the
 * memory that secrets live in, /proc/self/status until stage 3, what the
 * supervisor hands over (certificates as memfds, output files), the event
 * loop's epoll and timer, event descriptors, connections.
 *
 * main() is the life of the process from top to bottom.  Anything that goes
 * wrong ends in child_fatal() with the cause that the supervisor counts.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/pg/session.h"
#include "common/resolve.h"
#include "common/secretmem.h"
#include "worker/lockdown.h"
#include "worker/pipeline.h"
#include "worker/relay.h"
#include "worker/sinkhost.h"
#include "worker/tool.h"

#define ERR_SIZE	1024
#define ARENA_BASE	(256 * 1024)	/* the URL, what is spliced */
#define ARENA_SECRET	(2 * MSG_SECRET_MAX)	/* each: itself, expanded */

struct worker {
	struct child	*child;
	struct msg_config config;
	char		*document;
	size_t		 document_len;
	struct lockdown	 lockdown;
	struct secretmem *secrets;
	struct pipeline	 pipeline;
	struct sinkhost	*sink;
	struct event_base *base;
	struct resolve	*resolve;
	struct relay	*relay;
	const char	*conninfo;
	char		 instance[128];
};

static int on_frame(struct child *, struct frame *, void *);
static void on_drain(struct child *, uint32_t, void *);
static void on_stop(struct child *, void *);
static void on_resolver(struct child *, struct peer *, void *);
static void on_control(struct child *, struct peer *, void *);

static const struct child_ops child_ops = {
	.frame = on_frame,
	.drain = on_drain,
	.stop = on_stop,
	.resolver = on_resolver,
	.control = on_control
};

/* A frame that is not for us, or not now, is a protocol error (-1). */
static int
on_frame(struct child *child, struct frame *f, void *arg)
{
	struct worker *w = arg;
	char outbox[MSG_NAME_MAX];
	struct msg_path path;

	(void)child;
	switch (f->type) {
	case MSG_WAKE:
		if (msg_str_get(f, outbox, sizeof(outbox)) == -1)
			return (-1);
		relay_wake(w->relay, outbox);
		return (0);
	case MSG_OUTPUT:
		if (msg_path_get(f, &path) == -1)
			return (-1);
		sinkhost_output_reopened(w->sink, path.path, path.fd);
		return (0);
	case MSG_ANSWER:
		return (resolve_answer(w->resolve, f));
	default:
		return (-1);
	}
}

static void
on_drain(struct child *child, uint32_t ms, void *arg)
{
	struct worker *w = arg;

	(void)child;
	relay_drain(w->relay, ms);
}

static void
on_stop(struct child *child, void *arg)
{
	struct worker *w = arg;

	(void)child;
	(void)event_base_loopbreak(w->base);
}

static void
on_resolver(struct child *child, struct peer *peer, void *arg)
{
	struct worker *w = arg;

	(void)child;
	resolve_set_peer(w->resolve, peer);
}

/* A new control process does not know what the plugin counts. */
static void
on_control(struct child *child, struct peer *peer, void *arg)
{
	struct worker *w = arg;
	const struct pgtide_sink_plugin *p = sinkhost_plugin(w->sink);
	struct msg_metric_def def;
	struct frame f;
	size_t i;

	(void)child;
	for (i = 0; i < p->nmetrics; i++) {
		def.id = (uint16_t)(METRIC_PLUGIN_FIRST + i);
		def.type = (uint8_t)p->metrics[i].type;
		(void)snprintf(def.name, sizeof(def.name), "%s",
		    p->metrics[i].name);
		(void)snprintf(def.help, sizeof(def.help), "%s",
		    p->metrics[i].help);
		msg_metric_def_put(&f, &def);
		(void)peer_offer(peer, &f);
	}
}

static void
on_tick(void *arg)
{
	struct worker *w = arg;

	sinkhost_tick(w->sink);
	relay_tick(w->relay);
}

static const char *
setting(void *arg, const char *name)
{
	return (child_setting(((struct worker *)arg)->child, name));
}

static void
receive_config(struct worker *w)
{
	struct stat st;
	size_t done = 0;
	ssize_t n;

	if (child_wait_config(w->child, &w->config) == -1)
		child_fatal(w->child, CAUSE_PROTOCOL, "no configuration "
		    "came: %s", strerror(errno));
	if (w->config.fd == -1 || fstat(w->config.fd, &st) == -1 ||
	    st.st_size < 0 || st.st_size > MSG_CONFIG_MAX)
		child_fatal(w->child, CAUSE_PROTOCOL, "the configuration "
		    "has no document");
	w->document_len = (size_t)st.st_size;
	if ((w->document = calloc(1, w->document_len + 1)) == NULL)
		child_fatal(w->child, CAUSE_CRASH, "no memory");
	while (done < w->document_len) {
		n = pread(w->config.fd, w->document + done,
		    w->document_len - done, (off_t)done);
		if (n <= 0)
			child_fatal(w->child, CAUSE_PROTOCOL, "cannot read "
			    "the configuration");
		done += (size_t)n;
	}
	close(w->config.fd);
}

/* From here on this process can neither execute, fork nor read a file
 * outside the library directories; only our own code has run. */
static void
enter_stage1(struct worker *w)
{
	char err[ERR_SIZE];

	if (geteuid() == 0 || getuid() == 0)
		child_fatal(w->child, CAUSE_SANDBOX, "a worker does not run "
		    "as root: plugins are foreign code");
	if (lockdown_init(&w->lockdown, w->config.plugin_path, setting, w,
	    err, sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_SANDBOX, "sandbox: %s", err);
	lockdown_warm_up();
	if (lockdown_stage1(&w->lockdown,
	    (w->config.flags & MSG_CONFIG_PGUNIX) != 0,
	    (w->config.flags & MSG_CONFIG_PGFILES) != 0, err,
	    sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_SANDBOX, "sandbox, stage 1: %s",
		    err);
	if (child_say_stage1(w->child) == -1)
		child_fatal(w->child, CAUSE_PROTOCOL, "the supervisor does "
		    "not answer to stage 1: %s", strerror(errno));
}

/* The first foreign code, and the first look at foreign text. */
static void
load_plugin(struct worker *w)
{
	char err[ERR_SIZE];

	w->sink = sinkhost_load(w->config.plugin_path, w->config.plugin, err,
	    sizeof(err));
	if (w->sink == NULL)
		child_fatal(w->child, CAUSE_PLUGIN, "%s", err);
	if (sinkhost_prepare(w->sink, err, sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_PLUGIN, "%s", err);
	if (pipeline_parse(&w->pipeline, w->document, w->document_len, err,
	    sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_CONFIG, "configuration: %s", err);
	free(w->document);
	w->document = NULL;
	if (sinkhost_configure(w->sink, w->pipeline.sink, err,
	    sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_CONFIG, "configuration: %s", err);
}

/* No file any more; the supervisor looks for itself and sends secrets. */
static void
enter_stage2(struct worker *w)
{
	char err[ERR_SIZE];
	int locked;

	/* Locked memory is not to be had later. */
	w->secrets = secretmem_new(ARENA_BASE +
	    (size_t)w->config.nsecrets * ARENA_SECRET, &locked);
	if (w->secrets == NULL)
		child_fatal(w->child, CAUSE_SANDBOX, "no memory for secrets: "
		    "%s", strerror(errno));
	if (!locked)
		log_warnx("secrets may be swapped out: raise the limit of "
		    "locked memory (LimitMEMLOCK=)");
	if (lockdown_stage2(&w->lockdown, sinkhost_plugin(w->sink)->needs,
	    err, sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_SANDBOX, "sandbox, stage 2: %s",
		    err);
	if (child_say_locked(w->child,
	    (uint32_t)w->lockdown.report.landlock_abi, w->secrets) == -1)
		child_fatal(w->child, CAUSE_PROTOCOL, "no secrets came: %s",
		    strerror(errno));
}

static void
take_secrets(struct worker *w)
{
	char err[ERR_SIZE];
	size_t len;

	w->conninfo = secretmem_get(w->secrets, 0, "postgres_url", &len);
	if (w->conninfo == NULL)
		child_fatal(w->child, CAUSE_PROTOCOL, "no postgres_url came");
	if (sinkhost_resolve(w->sink, w->secrets, w->child, err,
	    sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_CONFIG, "configuration: %s", err);
}

/* Now the ports are known, which may have been secret. */
static void
enter_stage3(struct worker *w)
{
	struct sandbox_policy *policy = &w->lockdown.policy;
	uint16_t *ports = w->lockdown.ports;
	char err[ERR_SIZE];
	bool pgunix;
	int n;

	n = pg_conninfo_ports(w->conninfo, ports, LOCKDOWN_PORTS / 2, &pgunix,
	    err, sizeof(err));
	if (n == -1)
		child_fatal(w->child, CAUSE_CONFIG, "postgres_url: %s", err);
	policy->nports = (size_t)n + sinkhost_ports(w->sink, ports + n,
	    LOCKDOWN_PORTS - (size_t)n);
	if (lockdown_stage3(&w->lockdown, err, sizeof(err)) == -1)
		child_fatal(w->child, CAUSE_SANDBOX, "sandbox, stage 3: %s",
		    err);
	child_say_confined(w->child);
}

static void
report_sandbox(struct worker *w)
{
	const struct sandbox_report *r = &w->lockdown.report;
	struct metrics *m = child_metrics(w->child);

	metrics_set(m, METRIC_SANDBOX_LEVEL, "fs", r->files);
	metrics_set(m, METRIC_SANDBOX_LEVEL, "net", r->net);
	metrics_set(m, METRIC_SANDBOX_LEVEL, "scope", r->scope);
	metrics_set(m, METRIC_SANDBOX_LEVEL, "seccomp", r->seccomp);
	if (w->lockdown.policy.mode == SANDBOX_OFF)
		log_warnx("sandbox = off: nothing confines the plugin");
	else
		log_info("sandbox: seccomp %s, Landlock ABI %d, files %s, "
		    "ports %s, scope %s", r->seccomp ? "yes" : "no",
		    r->landlock_abi, r->files ? "yes" : "no",
		    r->net ? "yes" : "no", r->scope ? "yes" : "no");
}

static struct event_base *
make_base(void)
{
	struct event_config *config;
	struct event_base *base;

	if ((config = event_config_new()) == NULL)
		return (NULL);
	/* Nobody else touches it, whatever a library turns on; and there is
	 * no environment. */
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
	    EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return (base);
}

static void
start_loop(struct worker *w)
{
	w->base = make_base();
	if (w->base == NULL || (w->resolve = resolve_new(w->base)) == NULL ||
	    child_attach(w->child, w->base, on_tick, w) == -1)
		child_fatal(w->child, CAUSE_CRASH, "no event loop: %s",
		    strerror(errno));
}

/* "host:pid", for status. */
static void
name_instance(struct worker *w)
{
	if (gethostname(w->instance, sizeof(w->instance) - 16) == -1)
		(void)snprintf(w->instance, sizeof(w->instance), "localhost");
	w->instance[sizeof(w->instance) - 17] = '\0';
	(void)snprintf(w->instance + strlen(w->instance), 16, ":%ld",
	    (long)getpid());
}

static void
start_relay(struct worker *w)
{
	const char *group = child_setting(w->child, "relay_group_id");
	struct relay_env env;

	name_instance(w);
	memset(&env, 0, sizeof(env));
	env.base = w->base;
	env.child = w->child;
	env.resolve = w->resolve;
	env.sink = w->sink;
	env.pipeline = &w->pipeline;
	env.conninfo = w->conninfo;
	env.group = group != NULL ? group : "default";
	env.instance = w->instance;
	if ((w->relay = relay_new(&env)) == NULL ||
	    relay_start(w->relay) == -1)
		child_fatal(w->child, CAUSE_CRASH, "cannot start the relay: "
		    "%s", strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct worker w;

	if (tool_wanted(argc, argv))
		return (tool_main(argc, argv));
	w.child = child_start(argc, argv, ROLE_WORKER, &child_ops, &w);
	receive_config(&w);
	enter_stage1(&w);
	load_plugin(&w);
	enter_stage2(&w);
	take_secrets(&w);
	enter_stage3(&w);
	start_loop(&w);
	report_sandbox(&w);
	start_relay(&w);
	(void)event_base_dispatch(w.base);
	relay_free(w.relay);
	/* Told to stop without a drain, a plugin's threads may still read
	 * them; the kernel wipes them then. */
	if (!sinkhost_is_open(w.sink))
		secretmem_free(w.secrets);
	child_exit(w.child);
}
