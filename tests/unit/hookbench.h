/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the webhook sink share: the loaded plugin in a test
 * host, a receiver to talk to, and short ways to send one event.  Failures
 * end the cmocka test that called.
 */
#ifndef TIDE_TESTS_UNIT_HOOKBENCH_H
#define TIDE_TESTS_UNIT_HOOKBENCH_H

#include <event2/event.h>

#include "tests/sinkhost/sinkhost.h"
#include "tests/unit/peerprog.h"

#define PATIENCE_MS	20000

/* Group setup: load the plugin, start a plain receiver with secret "s3". */
int	bench_setup(void **state);
int	bench_teardown(void **state);

extern struct event_base *bench_base;
extern const struct pgtide_sink_plugin *bench_plugin;
extern struct peerprog bench_receiver;

/*
 * An instance for http://127.0.0.1:PORT/path of the receiver, followed by
 * name, value pairs up to NULL; "headers.X" sets the MAP's element X.
 * bench_open() opens it as well.
 */
struct pgtide_ctx *bench_new(const char *path, ...);
struct pgtide_ctx *bench_open(const char *path, ...);
/* Set an option that must be accepted. */
void	bench_set(struct pgtide_ctx *, const char *name, const char *value);
/* Open; it must be refused with a message that has this part. */
void	bench_refused(struct pgtide_ctx *, const char *part);
/* Close; nothing in the interface may have been broken. */
void	bench_close(struct pgtide_ctx *);

/* Submit an event with this id and value in a lane of its own. */
uint64_t bench_submit(struct pgtide_ctx *, const char *id, const char *value);
/* Submit one, wait for its fate. */
const struct sinkhost_outcome *bench_send(struct pgtide_ctx *,
	    const char *id, const char *value);
/* The same in one go, with a fresh instance for path. */
struct sinkhost_outcome bench_try(const char *path);

/* Order a fault, count requests, look for a text in the record. */
void	bench_control(const char *json);
int	bench_stat(const char *name);
bool	bench_recorded(const char *text);

#endif
