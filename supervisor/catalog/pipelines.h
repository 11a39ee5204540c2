/* SPDX-License-Identifier: ISC */
/*
 * The pipelines that should run here, as the database has them, and what was
 * last told to the supervisor.
 *
 * A row whose document is wrong does not touch the others: it is reported,
 * and the pipeline keeps the last good document.
 */
#ifndef TIDE_CATALOG_PIPELINES_H
#define TIDE_CATALOG_PIPELINES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/messages.h"

struct pipelines;
struct sinktypes;
struct metrics;
struct docrefs;

/* A row of tide.relay_pipelines(). */
struct pipeline_row {
	const char	*name, *outbox, *sink_type, *config;
	uint32_t	 outbox_id;
	uint64_t	 generation;
	bool		 enabled, notify;
};

struct pipelines_ops {
	/* Tell the supervisor; 0, or -1 (tried again at the next list). */
	int	(*wanted)(const struct pipeline_row *, const struct docrefs *,
		    void *);
	int	(*gone)(const char *name, void *);
	/* Wanted, but there is no good document: what runs goes on. */
	int	(*keep)(const char *name, void *);
	/* NULL: the document is right again. */
	void	(*invalid)(const char *name, const char *text, void *);
	/* Its worker runs and reads this outbox, or no longer does. */
	void	(*reads)(const struct pipeline_row *, bool, void *);
};

struct pipelines *pipelines_new(const struct pipelines_ops *, void *);
void	pipelines_free(struct pipelines *);

/* One reading of the catalog: begin, every row, end.  -1: out of memory. */
void	pipelines_begin(struct pipelines *);
int	pipelines_row(struct pipelines *, const struct pipeline_row *,
	    const struct sinktypes *);
/* Say everything; 0, or -1 when the supervisor did not get it all. */
int	pipelines_end(struct pipelines *);

/* The supervisor's word on a worker. */
int	pipelines_running(struct pipelines *, const char *name, bool);
/* Say again what is invalid, to a new control process. */
void	pipelines_repeat(struct pipelines *);

/* Gauges of one pipeline, NULL when it is unknown; and of all, to send. */
struct metrics *pipelines_metrics(struct pipelines *, const char *name);
void	pipelines_each_metrics(struct pipelines *,
	    void (*fn)(struct metrics *, void *), void *arg);

#endif
