/* SPDX-License-Identifier: ISC */
/*
 * A hostile sink: attempts one act at one moment of its life and says on
 * standard output what came of it.
 *
 * The file "probe.act" beside the shared object holds "MOMENT ACT [ARG]".
 * Moments: constructor, prepare, linger (a thread that outlives prepare()),
 * open, thread (one made in open()), deliver, closed (a thread, once close()
 * has returned).  Act "fds" lists the open descriptors.
 */
#include "config.h"

#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tide/sink.h>

#include "tests/sandbox/probe_acts.h"

#define OUTCOME_FD	STDOUT_FILENO
#define FDS_MAX		256

static char moment[32], act[32], arg[256];
static const struct pgtide_host *host;
static struct pgtide_ctx *ctx;
static sem_t closing;
static sem_t never;		/* nobody posts it */

static void
say(const char *what, const char *outcome)
{
	char line[512];
	int n;

	n = snprintf(line, sizeof(line), "probe %s %s: %s\n", moment, what,
	    outcome);
	/* Nobody to tell when this fails; the test sees that nothing came. */
	if (n > 0 && write(OUTCOME_FD, line, (size_t)n) == -1)
		abort();
}

static const char *
fd_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (NULL);
	if (S_ISSOCK(st.st_mode))
		return ("socket");
	if (S_ISFIFO(st.st_mode))
		return ("pipe");
	if (S_ISCHR(st.st_mode))
		return ("device");
	return (S_ISREG(st.st_mode) ? "file" : "other");
}

static void
list_fds(void)
{
	char text[400] = "";
	const char *kind;
	size_t len = 0;
	int fd;

	for (fd = 0; fd < FDS_MAX && len < sizeof(text) - 24; fd++)
		if ((kind = fd_kind(fd)) != NULL)
			len += (size_t)snprintf(text + len,
			    sizeof(text) - len, "%d=%s ", fd, kind);
	say("fds", text);
}

static void
attempt(const char *now)
{
	char number[16];
	const char *name;
	int error;

	if (strcmp(now, moment) != 0)
		return;
	if (strcmp(act, "fds") == 0) {
		list_fds();
		return;
	}
	error = probe_act(act, arg);
	name = strerrorname_np(error);
	snprintf(number, sizeof(number), "%d", error);
	say(act, error == 0 ? "ok" : name != NULL ? name : number);
}

static void
read_act(void)
{
	char path[PATH_MAX], text[512];
	Dl_info info;
	ssize_t n;
	char *slash;
	int fd;

	if (dladdr(moment, &info) == 0 || info.dli_fname == NULL)
		return;
	snprintf(path, sizeof(path) - 16, "%s", info.dli_fname);
	if ((slash = strrchr(path, '/')) == NULL)
		return;
	memcpy(slash + 1, "probe.act", sizeof("probe.act"));
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	sscanf(text, "%31s %31s %255s", moment, act, arg);
}

static void __attribute__((__constructor__))
probe_constructor(void)
{
	read_act();
	attempt("constructor");
}

static void *
linger_main(void *unused)
{
	(void)unused;
	/* A call that stage 1 allows: the thread must live to be seen. */
	for (;;)
		(void)sem_wait(&never);
	return (NULL);
}

static int
probe_prepare(char *err, size_t size)
{
	pthread_t thread;

	attempt("prepare");
	if (strcmp(moment, "linger") == 0 && sem_init(&never, 0, 0) == 0 &&
	    pthread_create(&thread, NULL, linger_main, NULL) != 0) {
		snprintf(err, size, "no thread");
		return (-1);
	}
	return (0);
}

static void *
thread_main(void *unused)
{
	(void)unused;
	attempt("thread");
	while (sem_wait(&closing) == -1 && errno == EINTR)
		continue;
	attempt("closed");
	return (NULL);
}

static int
probe_open(const struct pgtide_host *h, struct pgtide_ctx *c, void **inst,
    char *err, size_t size)
{
	pthread_t thread;

	host = h;
	ctx = c;
	*inst = &closing;
	attempt("open");
	if (sem_init(&closing, 0, 0) == -1 ||
	    pthread_create(&thread, NULL, thread_main, NULL) != 0) {
		snprintf(err, size, "no thread");
		return (-1);
	}
	pthread_detach(thread);
	host->state(ctx, 1, "ready to misbehave");
	return (0);
}

static size_t
probe_deliver(void *inst, const struct pgtide_batch *batch)
{
	struct pgtide_completion done;
	size_t i;

	(void)inst;
	attempt("deliver");
	memset(&done, 0, sizeof(done));
	for (i = 0; i < batch->nmsgs; i++) {
		done.token = pgtide_batch_at(batch, i)->token;
		host->complete(ctx, &done, 1, sizeof(done));
	}
	return (batch->nmsgs);
}

static void
probe_poll(void *inst)
{
	(void)inst;
}

static void
probe_close(void *inst, uint32_t ms)
{
	(void)ms;
	sem_post(inst);
}

static const struct pgtide_option options[] = {
	{ "target", PGTIDE_OPT_ENDPOINT, PGTIDE_OPTF_REQUIRED, NULL, 0, 0,
	    NULL, "Where it may connect to" }
};

const struct pgtide_sink_plugin *
pgtide_sink_plugin(void)
{
	static const struct pgtide_sink_plugin plugin = {
		PGTIDE_SINK_HEADER,
		.name = "probe",
		.version = "1",
		.summary = "Attempts what a sandbox must forbid",
		.needs = PGTIDE_NEED_TCP | PGTIDE_NEED_THREADS,
		.options = options,
		.noptions = sizeof(options) / sizeof(options[0]),
		.option_size = sizeof(options[0]),
		.prepare = probe_prepare,
		.open = probe_open,
		.deliver = probe_deliver,
		.poll = probe_poll,
		.flush = probe_poll,
		.close = probe_close
	};

	return (&plugin);
}
