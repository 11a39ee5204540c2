/* SPDX-License-Identifier: ISC */
/*
 * One instance of the file sink.
 *
 * The loop thread puts messages into a queue; the writer takes all of them,
 * appends them with few large writes, waits for the disk once, and
 * completes them together: what arrives during the wait is the next group.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugins/file/file.h"
#include "plugins/file/output.h"
#include "plugins/file/text.h"

#define QUEUE_MAX	16384
#define CHUNK		(1024 * 1024)	/* of one write */
#define STACK_SIZE	(256 * 1024)

struct item {
	uint64_t	 token;
	const char	*value;		/* NULL: none */
	size_t		 len;
	uint32_t	 result;	/* enum pgtide_result */
};

struct group {
	struct item	 items[QUEUE_MAX];
	size_t		 n;
};

struct file {
	const struct pgtide_host *host;
	struct pgtide_ctx	*ctx;
	pthread_t		 thread;

	pthread_mutex_t		 lock;		/* all up to "lock end" */
	pthread_cond_t		 changed;
	struct group		*queue, *busy;	/* the writer's is busy */
	int			 next_fd;	/* -1: none */
	bool			 pretty, sync;
	bool			 stop;		/* write the rest and end */
	bool			 ended;		/* the rest is written */
	bool			 abandoned;	/* silence; free yourself */
	bool			 starved;	/* a short accept */
						/* lock end */

	struct output		 out;		/* writer only from here */
	struct text		 text;
	int64_t			 bytes;		/* of the group */
	char			 error[256];
	bool			 failing;
};

static void
file_free(struct file *f)
{
	output_fini(&f->out);
	text_fini(&f->text);
	if (f->next_fd != -1)
		(void)close(f->next_fd);
	(void)pthread_cond_destroy(&f->changed);
	(void)pthread_mutex_destroy(&f->lock);
	free(f->queue);
	free(f->busy);
	free(f);
}

/* Caller holds the lock, so that close() cannot have said silence. */
static void
complete_group(struct file *f, const struct group *g, const char *error,
    int code)
{
	struct pgtide_completion done[64], *c;
	const struct item *item;
	size_t i, n = 0;

	for (i = 0; i < g->n; i++) {
		item = &g->items[i];
		c = &done[n++];
		c->token = item->token;
		c->result = error != NULL ? PGTIDE_TRANSIENT : item->result;
		c->retry_ms = 0;
		c->code = code;
		c->detail = error;
		if (c->result == PGTIDE_PERMANENT)
			c->detail = "the value has a line break in it, and a "
			    "line is one event";
		if (n == sizeof(done) / sizeof(done[0]) || i + 1 == g->n) {
			f->host->complete(f->ctx, done, n, sizeof(done[0]));
			n = 0;
		}
	}
}

static int
flush_text(struct file *f)
{
	int rc = output_append(&f->out, f->text.data, f->text.len);

	f->bytes += (int64_t)f->text.len;
	f->text.len = 0;
	return (rc);
}

/* Add one event to the text. */
static int
put_item(struct text *text, struct item *item, bool pretty)
{
	const char *value = item->value != NULL ? item->value : "null";
	size_t len = item->value != NULL ? item->len : 4;
	int rc;

	item->result = PGTIDE_DELIVERED;
	if (!pretty && memchr(value, '\n', len) != NULL) {
		item->result = PGTIDE_PERMANENT;
		return (0);
	}
	rc = pretty ? text_put_pretty(text, value, len) :
	    text_put(text, value, len);
	return (rc == -1 ? -1 : text_put(text, "\n", 1));
}

/*
 * The same under the lock: once close() has given up on us, the bytes of
 * the messages are no longer there.
 */
static int
put_item_locked(struct file *f, struct item *item, bool pretty)
{
	int rc = -1;

	(void)pthread_mutex_lock(&f->lock);
	if (!f->abandoned)
		rc = put_item(&f->text, item, pretty);
	(void)pthread_mutex_unlock(&f->lock);
	errno = ENOMEM;
	return (rc);
}

static int
write_group(struct file *f, struct group *g, bool pretty, bool sync)
{
	size_t i;

	f->text.len = 0;
	f->bytes = 0;
	if (output_begin(&f->out) == -1)
		return (-1);
	for (i = 0; i < g->n; i++)
		if (put_item_locked(f, &g->items[i], pretty) == -1 ||
		    (f->text.len >= CHUNK && flush_text(f) == -1))
			return (-1);
	if (flush_text(f) == -1)
		return (-1);
	return (output_commit(&f->out, sync));
}

/* Write all or nothing; the error's number, 0 for success. */
static int
settle_group(struct file *f, struct group *g, bool pretty, bool sync)
{
	char reason[128];
	int error;

	if (write_group(f, g, pretty, sync) == 0)
		return (0);
	error = errno;
	output_rollback(&f->out);
	(void)snprintf(f->error, sizeof(f->error), "cannot write to the "
	    "file: %s", strerror_r(error, reason, sizeof(reason)));
	return (error);
}

static void
count(struct file *f, const struct group *g, int error, bool sync)
{
	const struct pgtide_host *host = f->host;

	if (error != 0) {
		host->metric_add(f->ctx, METRIC_FAILURES, 1);
		return;
	}
	host->metric_add(f->ctx, METRIC_EVENTS, (int64_t)g->n);
	host->metric_add(f->ctx, METRIC_BYTES, f->bytes);
	if (sync)
		host->metric_add(f->ctx, METRIC_SYNCS, 1);
}

static void
report(struct file *f, int error)
{
	if (error != 0 && !f->failing) {
		f->host->state(f->ctx, 0, f->error);
		f->host->log(f->ctx, PGTIDE_LOG_WARN, "%s", f->error);
	} else if (error == 0 && f->failing) {
		f->host->state(f->ctx, 1, "the file can be written again");
		f->host->log(f->ctx, PGTIDE_LOG_INFO,
		    "the file can be written again");
	}
	f->failing = error != 0;
}

/* The lock is held on entry and exit. */
static void
change_output(struct file *f)
{
	struct output out;
	int fd = f->next_fd;

	f->next_fd = -1;
	if (output_init(&out, fd) == -1) {
		f->host->log(f->ctx, PGTIDE_LOG_ERROR,
		    "the reopened file is not usable");
		return;
	}
	output_fini(&f->out);
	f->out = out;
	f->host->metric_add(f->ctx, METRIC_REOPENED, 1);
}

/* The lock is held on entry and exit, and not while writing. */
static void
write_queue(struct file *f)
{
	struct group *g = f->queue;
	bool pretty = f->pretty, sync = f->sync;
	int error;

	f->queue = f->busy;
	f->busy = g;
	(void)pthread_mutex_unlock(&f->lock);
	error = settle_group(f, g, pretty, sync);
	(void)pthread_mutex_lock(&f->lock);
	if (f->abandoned)
		return;
	count(f, g, error, sync);
	report(f, error);
	complete_group(f, g, error != 0 ? f->error : NULL, error);
	g->n = 0;
	if (f->starved)
		f->host->wakeup(f->ctx);
}

static void *
writer(void *arg)
{
	struct file *f = arg;
	bool abandoned;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->abandoned) {
		if (f->next_fd != -1)
			change_output(f);
		else if (f->queue->n > 0)
			write_queue(f);
		else if (f->stop)
			break;
		else
			(void)pthread_cond_wait(&f->changed, &f->lock);
	}
	abandoned = f->abandoned;
	f->ended = true;
	(void)pthread_cond_signal(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	if (abandoned)
		file_free(f);
	return (NULL);
}

size_t
file_deliver(struct file *f, const struct pgtide_batch *b)
{
	const struct pgtide_msg *m;
	struct item *item;
	size_t i;

	(void)pthread_mutex_lock(&f->lock);
	for (i = 0; i < b->nmsgs && f->queue->n < QUEUE_MAX; i++) {
		m = pgtide_batch_at(b, i);
		item = &f->queue->items[f->queue->n++];
		item->token = m->token;
		item->value = m->value;
		item->len = m->valuelen;
	}
	if (i < b->nmsgs)
		f->starved = true;
	if (i > 0)
		(void)pthread_cond_signal(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	return (i);
}

void
file_poll(struct file *f)
{
	bool room;

	(void)pthread_mutex_lock(&f->lock);
	room = f->starved && f->queue->n < QUEUE_MAX;
	if (room)
		f->starved = false;
	(void)pthread_mutex_unlock(&f->lock);
	if (room)
		f->host->resume(f->ctx);
}

/* A descriptor of our own: the host may replace its one at any time. */
static int
take_fd(const struct file *f)
{
	int fd = f->host->option_fd(f->ctx, "path");

	return (fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* The lock is held, or there is no writer yet. */
static void
take_options(struct file *f)
{
	const char *format = "jsonl";
	int64_t sync = 1;

	(void)f->host->option_str(f->ctx, "format", 0, &format);
	(void)f->host->option_int(f->ctx, "sync", 0, &sync);
	f->pretty = strcmp(format, "pretty") == 0;
	f->sync = sync != 0;
}

int
file_reload(struct file *f)
{
	int fd = take_fd(f);

	(void)pthread_mutex_lock(&f->lock);
	take_options(f);
	if (fd != -1) {
		if (f->next_fd != -1)
			(void)close(f->next_fd);
		f->next_fd = fd;
		(void)pthread_cond_signal(&f->changed);
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (fd == -1)
		f->host->log(f->ctx, PGTIDE_LOG_ERROR,
		    "no descriptor for the file: the old one stays in use");
	return (fd == -1 ? -1 : 0);
}

static void
init_locks(struct file *f)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&f->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

static struct file *
file_new(const struct pgtide_host *host, struct pgtide_ctx *ctx)
{
	struct file *f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	f->host = host;
	f->ctx = ctx;
	f->next_fd = -1;
	f->out.fd = -1;
	init_locks(f);
	f->queue = calloc(1, sizeof(*f->queue));
	f->busy = calloc(1, sizeof(*f->busy));
	if (f->queue == NULL || f->busy == NULL) {
		file_free(f);
		return (NULL);
	}
	return (f);
}

static int
start_writer(struct file *f)
{
	pthread_attr_t attr;
	int rc;

	if ((rc = pthread_attr_init(&attr)) != 0)
		return (rc);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&f->thread, &attr, writer, f);
	(void)pthread_attr_destroy(&attr);
	return (rc);
}

struct file *
file_open(const struct pgtide_host *host, struct pgtide_ctx *ctx, char *err,
    size_t errsize)
{
	struct file *f;
	int fd, error;

	if ((f = file_new(host, ctx)) == NULL) {
		(void)snprintf(err, errsize, "out of memory");
		return (NULL);
	}
	take_options(f);
	if ((fd = take_fd(f)) == -1) {
		(void)snprintf(err, errsize, "path: it was not opened");
		goto fail;
	}
	if (output_init(&f->out, fd) == -1) {
		(void)snprintf(err, errsize, "path: %s", strerror(errno));
		goto fail;
	}
	if ((error = start_writer(f)) != 0) {
		(void)snprintf(err, errsize, "no thread to write with: %s",
		    strerror(error));
		goto fail;
	}
	host->state(ctx, 1, "the file is open");
	return (f);
fail:
	file_free(f);
	return (NULL);
}

/* The lock is held. */
static bool
wait_for_end(struct file *f, uint32_t ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!f->ended && pthread_cond_timedwait(&f->changed, &f->lock,
	    &until) == 0)
		;
	return (f->ended);
}

/*
 * The disk did not answer in time.  What was being written may be on it all
 * the same: transient means that it is written again.  The lock is held.
 */
static void
abandon(struct file *f)
{
	static const char why[] = "closed before it was on disk";

	complete_group(f, f->busy, why, EINTR);
	complete_group(f, f->queue, why, EINTR);
	f->queue->n = 0;
	f->abandoned = true;
	(void)pthread_cond_signal(&f->changed);
	(void)pthread_detach(f->thread);
}

void
file_close(struct file *f, uint32_t ms)
{
	bool ended;

	(void)pthread_mutex_lock(&f->lock);
	f->stop = true;
	(void)pthread_cond_signal(&f->changed);
	ended = wait_for_end(f, ms);
	if (!ended)
		abandon(f);
	(void)pthread_mutex_unlock(&f->lock);
	if (!ended)
		return;			/* the writer frees it */
	(void)pthread_join(f->thread, NULL);
	file_free(f);
}
