/* SPDX-License-Identifier: ISC */
/*
 * struct pgtide_host, as a worker fills it in.
 *
 * There is no plan(): groups that become visible as one need a place in the
 * checkpoint, so the field is NULL and PGTIDE_HOST_HAS() says so.
 */
#include "config.h"

#include <sys/eventfd.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/units.h"
#include "worker/services_i.h"

#define CALL_MAX_US	50000
#define SLOW_LOG_US	(10 * 1000000LL)

static bool
on_loop(const struct pgtide_ctx *ctx)
{
	return (pthread_equal(ctx->loop, pthread_self()) != 0);
}

int64_t
services_call_begin(void)
{
	return (clock_mono_us());
}

void
services_call_end(struct pgtide_ctx *ctx, int64_t began, const char *call)
{
	int64_t now = clock_mono_us();

	if (now - began <= CALL_MAX_US)
		return;
	ctx->slow_calls++;
	if (ctx->slow_logged_us != 0 &&
	    now - ctx->slow_logged_us < SLOW_LOG_US)
		return;
	log_warnx("plugin %s kept the loop for %lld ms in %s; 50 ms are "
	    "allowed (%u such calls)", ctx->env.name,
	    (long long)((now - began) / 1000), call, ctx->slow_calls);
	ctx->slow_logged_us = now;
}

static void
svc_complete(struct pgtide_ctx *ctx, const struct pgtide_completion *c,
    size_t n, size_t size)
{
	if (on_loop(ctx))
		ctx->unsettled = true;
	mailbox_complete(ctx->mailbox, c, n, size);
}

static void
svc_release(struct pgtide_ctx *ctx, const uint64_t *tokens, size_t n)
{
	mailbox_release(ctx->mailbox, tokens, n);
}

static void
svc_state(struct pgtide_ctx *ctx, int up, const char *text)
{
	mailbox_state(ctx->mailbox, up != 0, text);
}

static void
svc_fatal(struct pgtide_ctx *ctx, int32_t code, const char *text)
{
	mailbox_fatal(ctx->mailbox, code, text);
}

static void
svc_wakeup(struct pgtide_ctx *ctx)
{
	const uint64_t one = 1;

	/* EAGAIN: the counter is full, so poll() is certain to be called. */
	if (write(ctx->poll_fd, &one, sizeof(one)) == -1)
		return;
}

static void
log_level(int level, const char *text)
{
	switch (level) {
	case PGTIDE_LOG_ERROR:
		log_errorx("%s", text);
		break;
	case PGTIDE_LOG_WARN:
		log_warnx("%s", text);
		break;
	case PGTIDE_LOG_INFO:
		log_info("%s", text);
		break;
	default:
		log_debug("%s", text);
		break;
	}
}

static void
svc_log(struct pgtide_ctx *ctx, int level, const char *fmt, ...)
{
	char text[MAIL_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (on_loop(ctx))
		log_level(level, text);
	else
		mailbox_line(ctx->mailbox, level, text);
}

static void
svc_metric_add(struct pgtide_ctx *ctx, unsigned int index, int64_t n)
{
	if (index < ctx->env.nmetrics)
		atomic_fetch_add_explicit(&ctx->counts[index], n,
		    memory_order_relaxed);
}

static int
svc_wakeup_fd(struct pgtide_ctx *ctx)
{
	return (ctx->poll_fd);
}

static void
svc_resume(struct pgtide_ctx *ctx)
{
	ctx->env.resume(ctx->env.arg);
}

static int
svc_option_str(struct pgtide_ctx *ctx, const char *name, size_t i,
    const char **out)
{
	const struct sinkopt_value *v;

	if ((v = sinkopt_value(ctx->env.options, name, i)) == NULL)
		return (-1);
	*out = v->text;
	return (0);
}

static int
svc_option_int(struct pgtide_ctx *ctx, const char *name, size_t i,
    int64_t *out)
{
	const struct sinkopt_value *v;

	if ((v = sinkopt_value(ctx->env.options, name, i)) == NULL)
		return (-1);
	*out = v->number;
	return (0);
}

static int
svc_option_key(struct pgtide_ctx *ctx, const char *name, size_t i,
    const char **out)
{
	const struct sinkopt_value *v;

	v = sinkopt_value(ctx->env.options, name, i);
	if (v == NULL || v->key == NULL)
		return (-1);
	*out = v->key;
	return (0);
}

static int
svc_option_bytes(struct pgtide_ctx *ctx, const char *name, const void **out,
    size_t *len)
{
	*out = sinkopt_bytes(ctx->env.options, name, len);
	return (*out != NULL ? 0 : -1);
}

static int
svc_option_fd(struct pgtide_ctx *ctx, const char *name)
{
	return (sinkopt_fd(ctx->env.options, name));
}

static int
svc_secret_get(struct pgtide_ctx *ctx, const char *name, size_t i,
    const void **out, size_t *len)
{
	const struct sinkopt_value *v;

	if ((v = sinkopt_value(ctx->env.options, name, i)) == NULL)
		return (-1);
	*out = v->text;
	*len = v->len;
	return (0);
}

/* The value lives in the arena as long as the worker does. */
static void
svc_secret_put(struct pgtide_ctx *ctx, const char *name, size_t i)
{
	(void)ctx;
	(void)name;
	(void)i;
}

static const struct pgtide_host host_table = {
	.struct_size = sizeof(struct pgtide_host),
	.abi_major = PGTIDE_SINK_ABI_MAJOR,
	.abi_minor = PGTIDE_SINK_ABI_MINOR,
	.complete = svc_complete,
	.release = svc_release,
	.state = svc_state,
	.fatal = svc_fatal,
	.wakeup = svc_wakeup,
	.log = svc_log,
	.metric_add = svc_metric_add,
	.wakeup_fd = svc_wakeup_fd,
	.resume = svc_resume,
	.fd_watch = watch_fd,
	.fd_change = watch_change,
	.timer = watch_timer,
	.timer_set = watch_timer_set,
	.unwatch = watch_free,
	.option_str = svc_option_str,
	.option_int = svc_option_int,
	.option_key = svc_option_key,
	.option_bytes = svc_option_bytes,
	.option_fd = svc_option_fd,
	.secret_get = svc_secret_get,
	.secret_put = svc_secret_put,
	.resolve = lookup_start
};

const struct pgtide_host *
services_table(void)
{
	return (&host_table);
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct pgtide_ctx *ctx = arg;

	(void)fd;
	(void)what;
	ctx->env.mail(ctx->env.arg);
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct pgtide_ctx *ctx = arg;
	uint64_t count;

	(void)what;
	/* EAGAIN: somebody else emptied it; poll() again does no harm. */
	if (read(fd, &count, sizeof(count)) == -1)
		log_debug("plugin %s: spurious wake-up", ctx->env.name);
	if (!ctx->closed)
		ctx->env.poll(ctx->env.arg);
}

static int
services_watch(struct pgtide_ctx *ctx)
{
	ctx->mail_ev = event_new(ctx->env.base, mailbox_fd(ctx->mailbox),
	    EV_READ | EV_PERSIST, on_mail, ctx);
	ctx->poll_ev = event_new(ctx->env.base, ctx->poll_fd,
	    EV_READ | EV_PERSIST, on_poll, ctx);
	if (ctx->mail_ev == NULL || ctx->poll_ev == NULL)
		return (-1);
	if (event_add(ctx->mail_ev, NULL) == -1 ||
	    event_add(ctx->poll_ev, NULL) == -1)
		return (-1);
	return (0);
}

struct pgtide_ctx *
services_new(const struct services_env *env)
{
	struct pgtide_ctx *ctx;

	if ((ctx = calloc(1, sizeof(*ctx))) == NULL)
		return (NULL);
	TAILQ_INIT(&ctx->watches);
	TAILQ_INIT(&ctx->lookups);
	ctx->env = *env;
	ctx->loop = pthread_self();
	ctx->poll_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ctx->mailbox = mailbox_new();
	ctx->counts = calloc(env->nmetrics + 1, sizeof(*ctx->counts));
	if (ctx->poll_fd == -1 || ctx->mailbox == NULL ||
	    ctx->counts == NULL || services_watch(ctx) == -1) {
		services_free(ctx);
		return (NULL);
	}
	return (ctx);
}

void
services_close(struct pgtide_ctx *ctx)
{
	struct pgtide_watch *w;

	ctx->closed = true;
	lookups_cancel(ctx);
	while ((w = TAILQ_FIRST(&ctx->watches)) != NULL)
		watch_free(w);
}

void
services_free(struct pgtide_ctx *ctx)
{
	if (ctx == NULL)
		return;
	services_close(ctx);
	if (ctx->mail_ev != NULL)
		event_free(ctx->mail_ev);
	if (ctx->poll_ev != NULL)
		event_free(ctx->poll_ev);
	if (ctx->poll_fd != -1)
		close(ctx->poll_fd);
	mailbox_free(ctx->mailbox);
	free(ctx->counts);
	free(ctx);
}

struct mailbox *
services_mailbox(struct pgtide_ctx *ctx)
{
	return (ctx->mailbox);
}

bool
services_unsettled(const struct pgtide_ctx *ctx)
{
	return (ctx->unsettled);
}

void
services_settled(struct pgtide_ctx *ctx)
{
	ctx->unsettled = false;
}

void
services_tick(struct pgtide_ctx *ctx)
{
	int64_t n;
	size_t i;

	for (i = 0; ctx->env.metrics != NULL && i < ctx->env.nmetrics; i++) {
		n = atomic_exchange_explicit(&ctx->counts[i], 0,
		    memory_order_relaxed);
		metrics_add(ctx->env.metrics,
		    (uint16_t)(METRIC_PLUGIN_FIRST + i), "", (double)n);
	}
}
