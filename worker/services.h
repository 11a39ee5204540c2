/* SPDX-License-Identifier: ISC */
/*
 * The services that a plugin calls: the table struct pgtide_host and what
 * is behind it.  One struct pgtide_ctx per sink instance.
 *
 * Loop thread only, but for the services that sink.h marks "any thread".
 */
#ifndef TIDE_WORKER_SERVICES_H
#define TIDE_WORKER_SERVICES_H

#include <event2/event.h>
#include <stdbool.h>

#include "worker/mailbox.h"
#include "worker/sinkopt.h"

struct metrics;
struct resolve;

struct services_env {
	const char	*name;		/* of the plugin, for the log */
	struct event_base *base;
	struct resolve	*resolve;	/* NULL: resolve() fails */
	struct metrics	*metrics;	/* NULL: nothing is counted */
	struct sinkopt	*options;
	size_t		 nmetrics;
	const uint32_t	*metric_types;	/* 1 counter, 2 gauge; borrowed */
	/* There is mail; the plugin wants poll(); it has room again. */
	void		(*mail)(void *);
	void		(*poll)(void *);
	void		(*resume)(void *);
	void		*arg;
};

const struct pgtide_host *services_table(void);
struct pgtide_ctx *services_new(const struct services_env *);
void	services_free(struct pgtide_ctx *);	/* NULL is allowed */
/* No callback reaches the plugin any more. */
void	services_close(struct pgtide_ctx *);
struct mailbox *services_mailbox(struct pgtide_ctx *);
/* Did the plugin give outcomes on the loop thread that nobody took yet? */
bool	services_unsettled(const struct pgtide_ctx *);
void	services_settled(struct pgtide_ctx *);
void	services_tick(struct pgtide_ctx *);

/*
 * Brackets around every call into the plugin: logs those that kept the loop
 * longer than 50 ms.
 */
int64_t	services_call_begin(void);
void	services_call_end(struct pgtide_ctx *, int64_t began,
	    const char *call);

#endif
