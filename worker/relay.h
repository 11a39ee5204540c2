/* SPDX-License-Identifier: ISC */
/*
 * The relay of one pipeline: from outbox rows to settled checkpoint.
 *
 *	rows -> encode -> lanes -> sink -> completions -> settle -> checkpoint
 *
 * reader.c and snapshot.c hold the reading rule, lanes.c order and retry
 * per key, checkpoint.c what a restart resumes from.  Loop thread only.
 */
#ifndef TIDE_WORKER_RELAY_H
#define TIDE_WORKER_RELAY_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/messages.h"
#include "worker/pipeline.h"

struct child;
struct relay;
struct resolve;
struct sinkhost;

struct relay_env {
	struct event_base	*base;
	struct child		*child;
	struct resolve		*resolve;
	struct sinkhost		*sink;		/* configured, not yet open */
	const struct pipeline	*pipeline;	/* outlives the relay */
	const char		*conninfo;	/* resolved, in secret memory */
	const char		*group;		/* relay_group_id */
	const char		*instance;	/* "host:pid", for status */
};

/* Life: relay_start() connects, waits for the pipeline's lock, loads the
 * checkpoint, opens the sink, says READY through env->child; every fatal
 * end goes through child_fatal(). */
struct relay *relay_new(const struct relay_env *);
int	relay_start(struct relay *);
/* The doorbell rang for this outbox; "": there is none for now. */
void	relay_wake(struct relay *, const char *outbox);
/* Accept no more, settle what is in flight within ms, write the last
 * checkpoint, release the lock, child_drained(). */
void	relay_drain(struct relay *, uint32_t ms);
void	relay_tick(struct relay *);	/* just before metrics are sent */
void	relay_free(struct relay *);

#endif
