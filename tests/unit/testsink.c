/* SPDX-License-Identifier: ISC */
/*
 * A sink for the tests of the sink host.  TESTSINK in the environment says
 * how it describes itself; its options say how it behaves.
 */
#include "config.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tide/sink.h>

#define TOKENS_MAX	65536
#define THREADS_MAX	8

/* As if built with a later header: more per element than the host knows. */
struct wide_option {
	struct pgtide_option o;
	const char	*later;
};

struct wide_completion {
	struct pgtide_completion c;
	uint64_t	 later[3];
};

struct wide_plugin {
	struct pgtide_sink_plugin p;
	void		(*later)(void);
};

struct testsink {
	const struct pgtide_host *host;
	struct pgtide_ctx *ctx;
	pthread_t	 threads[THREADS_MAX];
	size_t		 nthreads;
	pthread_mutex_t	 lock;
	pthread_cond_t	 cond;
	uint64_t	 tokens[TOKENS_MAX];
	size_t		 head, tail, room;
	bool		 done;
	char		 mode[32];
	int		 polled;
};

static struct testsink sink;

static void
complete_one(uint64_t token)
{
	struct wide_completion wide[2];

	memset(wide, 0xa5, sizeof(wide));
	memset(&wide[0].c, 0, sizeof(wide[0].c));
	wide[0].c.token = token;
	wide[0].c.result = token % 2 == 0 ? PGTIDE_DELIVERED :
	    PGTIDE_TRANSIENT;
	wide[0].c.code = (int32_t)(token % 1000);
	wide[0].c.detail = token % 2 == 0 ? NULL : "try again";
	if (strcmp(sink.mode, "twice") != 0)
		sink.host->release(sink.ctx, &token, 1);
	sink.host->complete(sink.ctx, &wide[0].c, 1, sizeof(wide[0]));
}

static void *
completer(void *arg)
{
	uint64_t token;

	for (;;) {
		pthread_mutex_lock(&sink.lock);
		while (sink.head == sink.tail && !sink.done)
			pthread_cond_wait(&sink.cond, &sink.lock);
		if (sink.head == sink.tail) {
			pthread_mutex_unlock(&sink.lock);
			return (arg);
		}
		token = sink.tokens[sink.head++ % TOKENS_MAX];
		pthread_mutex_unlock(&sink.lock);
		sink.host->metric_add(sink.ctx, 0, 1);
		complete_one(token);
		if (token % 100 == 0) {
			sink.host->wakeup(sink.ctx);
			sink.host->log(sink.ctx, PGTIDE_LOG_DEBUG, "token %u",
			    (unsigned int)token);
			sink.host->state(sink.ctx, 1, "going on");
		}
	}
}

static int
test_prepare(char *err, size_t size)
{
	const char *how = getenv("TESTSINK");

	if (how == NULL || strcmp(how, "unprepared") != 0)
		return (0);
	snprintf(err, size, "not today");
	return (-1);
}

static int
test_open(const struct pgtide_host *host, struct pgtide_ctx *ctx, void **inst,
    char *err, size_t size)
{
	const char *mode = "";
	int64_t n = 0;

	memset(&sink, 0, sizeof(sink));
	sink.host = host;
	sink.ctx = ctx;
	if (host->option_str(ctx, "mode", 0, &mode) != 0 ||
	    host->option_int(ctx, "threads", 0, &n) != 0) {
		snprintf(err, size, "no options");
		return (-1);
	}
	if (strcmp(mode, "closed") == 0) {
		snprintf(err, size, "out of order");
		return (-1);
	}
	snprintf(sink.mode, sizeof(sink.mode), "%s", mode);
	pthread_mutex_init(&sink.lock, NULL);
	pthread_cond_init(&sink.cond, NULL);
	for (; sink.nthreads < (size_t)n; sink.nthreads++)
		pthread_create(&sink.threads[sink.nthreads], NULL, completer,
		    NULL);
	*inst = &sink;
	host->state(ctx, 1, "up");
	return (0);
}

static void
take(uint64_t token)
{
	pthread_mutex_lock(&sink.lock);
	sink.tokens[sink.tail++ % TOKENS_MAX] = token;
	pthread_cond_signal(&sink.cond);
	pthread_mutex_unlock(&sink.lock);
}

static size_t
test_deliver(void *inst, const struct pgtide_batch *batch)
{
	size_t i, n = batch->nmsgs;

	(void)inst;
	if (strcmp(sink.mode, "short") == 0 && n > 3)
		n = 3;
	if (strcmp(sink.mode, "slow") == 0)
		usleep(60000);
	for (i = 0; i < n; i++) {
		if (sink.nthreads > 0)
			take(pgtide_batch_at(batch, i)->token);
		else
			complete_one(pgtide_batch_at(batch, i)->token);
	}
	if (strcmp(sink.mode, "twice") == 0)
		complete_one(pgtide_batch_at(batch, 0)->token);
	if (strcmp(sink.mode, "greedy") == 0)
		return (batch->nmsgs + 1);
	return (n);
}

static void
test_poll(void *inst)
{
	((struct testsink *)inst)->polled++;
}

static void
test_flush(void *inst)
{
	struct testsink *s = inst;

	s->host->resume(s->ctx);
}

static void
test_close(void *inst, uint32_t ms)
{
	struct testsink *s = inst;
	size_t i;

	(void)ms;
	pthread_mutex_lock(&s->lock);
	s->done = true;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < s->nthreads; i++)
		pthread_join(s->threads[i], NULL);
}

static const struct wide_option options[] = {
	{ { "mode", PGTIDE_OPT_ENUM, 0, "plain", 0, 0,
	    "plain|short|slow|twice|greedy|closed", "How to behave" }, "x" },
	{ { "threads", PGTIDE_OPT_INT, 0, "0", 0, THREADS_MAX, NULL,
	    "Threads that complete" }, "x" }
};

static const struct pgtide_option twins[] = {
	{ "a", PGTIDE_OPT_BOOL, 0, NULL, 0, 0, NULL, "First" },
	{ "a", PGTIDE_OPT_BOOL, 0, NULL, 0, 0, NULL, "Second" }
};

static const struct pgtide_option strange[] = {
	{ "a", 99, 0, NULL, 0, 0, NULL, "Of a later type" }
};

static const struct pgtide_option wrong_default[] = {
	{ "a", PGTIDE_OPT_INT, 0, "11", 1, 10, NULL, "Out of its bounds" }
};

static const struct pgtide_metric metrics[] = {
	{ "testsink_tokens_total", 1, "Tokens" }
};

static struct wide_plugin plugin;

static void
set_options(const struct pgtide_option *table, size_t n)
{
	plugin.p.options = table;
	plugin.p.noptions = n;
	plugin.p.option_size = sizeof(*table);
}

/* One change to a plugin that is fine. */
static void
spoil(const char *how)
{
	struct pgtide_sink_plugin *p = &plugin.p;

	if (strcmp(how, "enlarged") == 0)
		p->struct_size = sizeof(plugin);
	else if (strcmp(how, "truncated") == 0)
		p->struct_size = offsetof(struct pgtide_sink_plugin,
		    planned);
	else if (strcmp(how, "too-short") == 0)
		p->struct_size = offsetof(struct pgtide_sink_plugin, close);
	else if (strcmp(how, "abi2") == 0)
		p->abi_major = 2;
	else if (strcmp(how, "no-poll") == 0)
		p->poll = NULL;
	else if (strcmp(how, "other-name") == 0)
		p->name = "other";
	else if (strcmp(how, "needs") == 0)
		p->needs = 1u << 31;
	else if (strcmp(how, "caps") == 0)
		p->caps = 1u << 31;
	else if (strcmp(how, "narrow-options") == 0)
		p->option_size = 8;
	else if (strcmp(how, "twins") == 0)
		set_options(twins, 2);
	else if (strcmp(how, "strange") == 0)
		set_options(strange, 1);
	else if (strcmp(how, "wrong-default") == 0)
		set_options(wrong_default, 1);
}

static void
junk(void *unused, uint64_t first, uint64_t last)
{
	(void)unused;
	(void)first;
	(void)last;
}

const struct pgtide_sink_plugin *
pgtide_sink_plugin(void)
{
	const char *how = getenv("TESTSINK");
	const struct pgtide_sink_plugin fine = {
		PGTIDE_SINK_HEADER,
		.name = "testsink",
		.version = "1",
		.summary = "A sink for tests",
		.needs = PGTIDE_NEED_THREADS,
		.options = &options[0].o,
		.noptions = sizeof(options) / sizeof(options[0]),
		.option_size = sizeof(options[0]),
		.metrics = metrics,
		.nmetrics = 1,
		.metric_size = sizeof(metrics[0]),
		.prepare = test_prepare,
		.open = test_open,
		.deliver = test_deliver,
		.poll = test_poll,
		.flush = test_flush,
		.close = test_close,
		.planned = junk
	};

	if (how != NULL && strcmp(how, "nothing") == 0)
		return (NULL);
	plugin.p = fine;
	if (how != NULL)
		spoil(how);
	return (&plugin.p);
}
