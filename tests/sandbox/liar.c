/* SPDX-License-Identifier: ISC */
/*
 * Stands in for pg-tide-worker and says more than it did.  Its pipeline's
 * name says which lie:
 *
 *	honest		none: both stages are in force
 *	liar_stage1	says STAGE1 and has done nothing
 *	liar_threads	says LOCKED with a second thread
 *
 * When secrets come it says so on standard error, and waits for the end.
 */
#include "config.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/secretmem.h"

static int
on_frame(struct child *child, struct frame *f, void *arg)
{
	(void)child;
	(void)f;
	(void)arg;
	return (0);
}

static void
on_drain(struct child *child, uint32_t ms, void *arg)
{
	(void)child;
	(void)ms;
	(void)arg;
}

static void
on_stop(struct child *child, void *arg)
{
	(void)child;
	(void)arg;
}

static void *
wait_for_ever(void *arg)
{
	for (;;)
		(void)poll(NULL, 0, -1);
	return (arg);
}

int
main(int argc, char **argv)
{
	static const struct child_ops ops = {
		.frame = on_frame, .drain = on_drain, .stop = on_stop
	};
	const struct sandbox_policy policy = {
		.needs = SANDBOX_TCP | SANDBOX_THREADS, .required_net = 2
	};
	const char *lie = argc > 1 ? argv[1] : "";
	struct sandbox_report report;
	struct msg_config config;
	struct secretmem *arena;
	struct child *child;
	pthread_t thread;
	char err[256];

	child = child_start(argc, argv, ROLE_WORKER, &ops, NULL);
	arena = secretmem_new(65536, NULL);
	if (arena == NULL || child_wait_config(child, &config) == -1)
		fatal("no configuration");
	if (strcmp(lie, "liar_stage1") != 0 &&
	    sandbox_enter(&policy, &report, err, sizeof(err)) == -1)
		fatalx("%s", err);
	if (child_say_stage1(child) == -1)
		fatal("nobody believes in stage 1");
	if (strcmp(lie, "liar_threads") == 0 &&
	    pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		fatalx("no thread");
	if (child_say_locked(child, 7, arena) == -1)
		fatal("nobody believes in the lock");
	log_warnx("%s was given secrets", lie);
	wait_for_ever(NULL);
}
