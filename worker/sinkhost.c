/* SPDX-License-Identifier: ISC */
/*
 * Loads a sink plugin and drives it: negotiation, the life cycle of sink.h,
 * and the way of its outcomes to the relay.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/services.h"
#include "worker/sinkhost.h"
#include "worker/sinkopt.h"

#define METRICS_MAX	64
#define NEEDS_KNOWN	(PGTIDE_NEED_TCP | PGTIDE_NEED_THREADS |	\
			    PGTIDE_NEED_UNIX)
#define CAPS_KNOWN	PGTIDE_CAP_FIFO

struct sinkhost {
	struct pgtide_sink_plugin plugin;	/* our copy, our size */
	struct pgtide_metric *metrics;
	uint32_t	 metric_types[METRICS_MAX];
	struct sinkopt	*options;
	struct pgtide_ctx *ctx;		/* from open() on */
	void		*instance;
	const struct sinkhost_ops *ops;
	void		*arg;
	bool		 open;
	bool		 dispatching;	/* mail is being handed out */
	bool		 refused;	/* the relay waits for resume */
};

static int sinkhost_fail(char *, size_t, const char *, ...)
    __attribute__((__format__(__printf__, 3, 4)));

static int
sinkhost_fail(char *err, size_t errsize, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, errsize, fmt, ap);
	va_end(ap);
	return (-1);
}

/* Load, and ask for the description; the library is never unloaded. */
static int
plugin_lookup(const char *path, const struct pgtide_sink_plugin **theirs,
    char *err, size_t errsize)
{
	const struct pgtide_sink_plugin *(*entry)(void);
	void *handle, *symbol;

	if ((handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return (sinkhost_fail(err, errsize, "cannot load: %s",
		    dlerror()));
	if ((symbol = dlsym(handle, "pgtide_sink_plugin")) == NULL)
		return (sinkhost_fail(err, errsize, "%s is not a sink "
		    "plugin: it has no function pgtide_sink_plugin()", path));
	memcpy(&entry, &symbol, sizeof(entry));
	*theirs = entry();
	return (0);
}

static int
check_calls(const struct pgtide_sink_plugin *p, char *err, size_t errsize)
{
	const struct {
		const char	*name;
		bool		 there;
	} calls[] = {
		{ "prepare", p->prepare != NULL },
		{ "open", p->open != NULL },
		{ "deliver", p->deliver != NULL },
		{ "poll", p->poll != NULL },
		{ "flush", p->flush != NULL },
		{ "close", p->close != NULL }
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!calls[i].there)
			return (sinkhost_fail(err, errsize, "it has no %s()",
			    calls[i].name));
	return (0);
}

static int
check_words(const struct pgtide_sink_plugin *p, const char *name, char *err,
    size_t errsize)
{
	if (p->name == NULL || strcmp(p->name, name) != 0)
		return (sinkhost_fail(err, errsize, "it calls itself "
		    "\"%.64s\"", p->name != NULL ? p->name : ""));
	if (p->version == NULL || p->summary == NULL)
		return (sinkhost_fail(err, errsize, "it has no version or no "
		    "summary"));
	if ((p->needs & ~(uint64_t)NEEDS_KNOWN) != 0)
		return (sinkhost_fail(err, errsize, "it needs 0x%llx of the "
		    "sandbox, which this version does not know",
		    (unsigned long long)p->needs));
	if ((p->caps & ~(uint64_t)CAPS_KNOWN) != 0)
		return (sinkhost_fail(err, errsize, "it promises 0x%llx, "
		    "which this version does not know",
		    (unsigned long long)p->caps));
	return (0);
}

/*
 * Copy what both sides know: an older plugin has no later calls, a newer one
 * has calls that we never make.
 */
static int
negotiate(struct sinkhost *h, const struct pgtide_sink_plugin *theirs,
    char *err, size_t errsize)
{
	const size_t least = offsetof(struct pgtide_sink_plugin, close) +
	    sizeof(theirs->close);
	size_t size;

	if (theirs == NULL)
		return (sinkhost_fail(err, errsize, "it describes nothing"));
	if (theirs->abi_major != PGTIDE_SINK_ABI_MAJOR)
		return (sinkhost_fail(err, errsize, "it was built for ABI "
		    "%u, this is ABI %u", (unsigned int)theirs->abi_major,
		    PGTIDE_SINK_ABI_MAJOR));
	size = theirs->struct_size;
	if (size < least)
		return (sinkhost_fail(err, errsize, "its description has "
		    "%zu bytes where at least %zu are needed", size, least));
	memcpy(&h->plugin, theirs,
	    size < sizeof(h->plugin) ? size : sizeof(h->plugin));
	return (0);
}

static int
copy_metrics(struct sinkhost *h, char *err, size_t errsize)
{
	const struct pgtide_sink_plugin *p = &h->plugin;
	const char *from = (const char *)p->metrics;
	size_t i, size = p->metric_size;

	if (p->nmetrics > METRICS_MAX || (p->nmetrics > 0 && (from == NULL ||
	    size < sizeof(struct pgtide_metric))))
		return (sinkhost_fail(err, errsize,
		    "metric table of impossible size"));
	h->metrics = calloc(p->nmetrics + 1, sizeof(*h->metrics));
	if (h->metrics == NULL)
		return (sinkhost_fail(err, errsize, "no memory"));
	for (i = 0; i < p->nmetrics; i++) {
		memcpy(&h->metrics[i], from + i * size,
		    sizeof(h->metrics[i]));
		if (h->metrics[i].name == NULL || h->metrics[i].help == NULL
		    || h->metrics[i].type < 1 || h->metrics[i].type > 2)
			return (sinkhost_fail(err, errsize, "metric %zu has "
			    "no name, no help or an unknown type", i));
		h->metric_types[i] = h->metrics[i].type;
	}
	h->plugin.metrics = h->metrics;
	h->plugin.metric_size = sizeof(*h->metrics);
	return (0);
}

static int
copy_options(struct sinkhost *h, char *err, size_t errsize)
{
	struct pgtide_sink_plugin *p = &h->plugin;

	h->options = sinkopt_new(p->options, p->noptions, p->option_size,
	    err, errsize);
	if (h->options == NULL)
		return (-1);
	p->options = sinkopt_table(h->options, &p->noptions);
	p->option_size = sizeof(*p->options);
	return (0);
}

struct sinkhost *
sinkhost_load(const char *path, const char *name, char *err, size_t errsize)
{
	const struct pgtide_sink_plugin *theirs;
	struct sinkhost *h;
	char why[512];

	if (plugin_lookup(path, &theirs, err, errsize) == -1)
		return (NULL);
	if ((h = calloc(1, sizeof(*h))) == NULL) {
		sinkhost_fail(err, errsize, "no memory");
		return (NULL);
	}
	if (negotiate(h, theirs, why, sizeof(why)) == 0 &&
	    check_calls(&h->plugin, why, sizeof(why)) == 0 &&
	    check_words(&h->plugin, name, why, sizeof(why)) == 0 &&
	    copy_metrics(h, why, sizeof(why)) == 0 &&
	    copy_options(h, why, sizeof(why)) == 0)
		return (h);
	sinkhost_fail(err, errsize, "plugin %s refused: %s", path, why);
	sinkhost_free(h);
	return (NULL);
}

void
sinkhost_free(struct sinkhost *h)
{
	if (h == NULL)
		return;
	services_free(h->ctx);
	sinkopt_free(h->options);
	free(h->metrics);
	free(h);
}

const struct pgtide_sink_plugin *
sinkhost_plugin(const struct sinkhost *h)
{
	return (&h->plugin);
}

int
sinkhost_prepare(struct sinkhost *h, char *err, size_t errsize)
{
	char why[512] = "";

	if (h->plugin.prepare(why, sizeof(why)) == 0)
		return (0);
	return (sinkhost_fail(err, errsize, "plugin %s cannot prepare: %s",
	    h->plugin.name, *why != '\0' ? why : "no reason given"));
}

int
sinkhost_configure(struct sinkhost *h, struct json_object *sink, char *err,
    size_t errsize)
{
	return (sinkopt_configure(h->options, "sink", sink, err,
	    errsize));
}

int
sinkhost_resolve(struct sinkhost *h, struct secretmem *arena,
    struct child *child, char *err, size_t errsize)
{
	return (sinkopt_resolve(h->options, arena, child, err, errsize));
}

size_t
sinkhost_ports(const struct sinkhost *h, uint16_t *ports, size_t max)
{
	return (sinkopt_ports(h->options, ports, max));
}

static void
dispatch_lines(const struct mail *m)
{
	static void (*const verbs[])(const char *, ...) = {
		[PGTIDE_LOG_ERROR] = log_errorx, [PGTIDE_LOG_WARN] = log_warnx,
		[PGTIDE_LOG_INFO] = log_info, [PGTIDE_LOG_DEBUG] = log_debug
	};
	size_t i;
	int level;

	for (i = 0; i < m->nlines; i++) {
		level = m->lines[i].level;
		if (level < PGTIDE_LOG_ERROR || level > PGTIDE_LOG_DEBUG)
			level = PGTIDE_LOG_DEBUG;
		verbs[level]("%s", m->lines[i].text);
	}
	if (m->lines_lost > 0)
		log_warnx("%zu log lines of plugin threads were lost",
		    m->lines_lost);
}

static void
dispatch_mail(struct sinkhost *h, const struct mail *m)
{
	char text[256];

	dispatch_lines(m);
	if (m->has_state)
		h->ops->state(m->up, m->state, h->arg);
	if (m->nreleases > 0)
		h->ops->release(m->releases, m->nreleases, h->arg);
	if (m->noutcomes > 0)
		h->ops->complete(m->outcomes, m->noutcomes, h->arg);
	if (m->has_fatal)
		h->ops->fatal(m->fatal_code, m->fatal, h->arg);
	if (m->broken != NULL) {
		snprintf(text, sizeof(text), "plugin %s %s", h->plugin.name,
		    m->broken);
		h->ops->fatal(0, text, h->arg);
	}
}

static void
sinkhost_mail(void *arg)
{
	struct sinkhost *h = arg;
	struct mail *m;

	/* close() inside a handler: what is left comes with the next bell. */
	if (h->dispatching)
		return;
	services_settled(h->ctx);
	if ((m = mailbox_take(services_mailbox(h->ctx))) != NULL) {
		h->dispatching = true;
		dispatch_mail(h, m);
		h->dispatching = false;
	}
	if (h->refused) {
		h->refused = false;
		h->ops->resume(h->arg);
	}
}

static void
sinkhost_poll(void *arg)
{
	struct sinkhost *h = arg;
	int64_t began;

	if (!h->open)
		return;
	began = services_call_begin();
	h->plugin.poll(h->instance);
	services_call_end(h->ctx, began, "poll()");
}

static void
sinkhost_resume(void *arg)
{
	struct sinkhost *h = arg;

	/* Through the mailbox: the plugin is not called back at once. */
	h->refused = true;
	mailbox_ring(services_mailbox(h->ctx));
}

int
sinkhost_open(struct sinkhost *h, struct event_base *base,
    struct resolve *resolve, struct metrics *metrics,
    const struct sinkhost_ops *ops, void *arg, char *err, size_t errsize)
{
	const struct services_env env = {
		.name = h->plugin.name, .base = base, .resolve = resolve,
		.metrics = metrics, .options = h->options,
		.nmetrics = h->plugin.nmetrics,
		.metric_types = h->metric_types, .mail = sinkhost_mail,
		.poll = sinkhost_poll, .resume = sinkhost_resume, .arg = h
	};
	char why[512] = "";
	int64_t began;
	int rc;

	h->ops = ops;
	h->arg = arg;
	if ((h->ctx = services_new(&env)) == NULL)
		return (sinkhost_fail(err, errsize, "no memory or no "
		    "descriptor for the plugin's services"));
	began = services_call_begin();
	rc = h->plugin.open(services_table(), h->ctx, &h->instance, why,
	    sizeof(why));
	services_call_end(h->ctx, began, "open()");
	if (rc != 0)
		return (sinkhost_fail(err, errsize, "plugin %s cannot open: "
		    "%s", h->plugin.name, *why != '\0' ? why :
		    "no reason given"));
	h->open = true;
	return (0);
}

size_t
sinkhost_deliver(struct sinkhost *h, const struct pgtide_msg *msgs, size_t n)
{
	const struct pgtide_batch batch = { msgs, n, sizeof(*msgs) };
	struct mailbox *mb;
	int64_t began;
	size_t accepted;

	if (!h->open || n == 0)
		return (0);
	mb = services_mailbox(h->ctx);
	if (services_unsettled(h->ctx) || mailbox_reserve(mb, n) == -1) {
		h->refused = true;
		mailbox_ring(mb);
		return (0);
	}
	began = services_call_begin();
	accepted = h->plugin.deliver(h->instance, &batch);
	services_call_end(h->ctx, began, "deliver()");
	if (accepted > n) {
		mailbox_break(mb, "accepted more messages than it was given");
		accepted = n;
	}
	mailbox_unreserve(mb, n - accepted);
	return (accepted);
}

void
sinkhost_flush(struct sinkhost *h)
{
	int64_t began;

	if (!h->open)
		return;
	began = services_call_begin();
	h->plugin.flush(h->instance);
	services_call_end(h->ctx, began, "flush()");
}

void
sinkhost_close(struct sinkhost *h, uint32_t ms)
{
	if (!h->open)
		return;
	h->open = false;
	/* No limit of 50 ms here: ms is what it may take. */
	h->plugin.close(h->instance, ms);
	services_close(h->ctx);
	sinkhost_mail(h);
}

bool
sinkhost_is_open(const struct sinkhost *h)
{
	return (h->open);
}

void
sinkhost_output_reopened(struct sinkhost *h, const char *path, int fd)
{
	if (sinkopt_reopen(h->options, path, fd) == -1)
		log_warn("cannot use the reopened %s", path);
	else if (h->open && h->plugin.reload != NULL &&
	    h->plugin.reload(h->instance) == -1)
		log_warnx("the sink does not take the reopened %s", path);
	else
		log_info("reopened %s", path);
}

void
sinkhost_tick(struct sinkhost *h)
{
	if (h->ctx != NULL)
		services_tick(h->ctx);
}

int
sinkhost_describe(const struct sinkhost *h, FILE *out, int json)
{
	const struct pgtide_sink_plugin *p = &h->plugin;

	if (!json && fprintf(out, "%s %s: %s\n\n", p->name, p->version,
	    p->summary) < 0)
		return (-1);
	return (sinkopt_describe(h->options, out, json));
}
