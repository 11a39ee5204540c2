/* SPDX-License-Identifier: ISC */
/*
 * What the catalog does by the clock: lag of each pipeline for the metrics,
 * and retention (sweeping the rings of the outboxes).
 */
#ifndef TIDE_CATALOG_CHORES_H
#define TIDE_CATALOG_CHORES_H

#include <event2/event.h>

struct chores;
struct database;
struct pipelines;

/* group is borrowed. */
struct chores *chores_new(struct event_base *, struct pipelines *,
	    const char *group);
void	chores_free(struct chores *);		/* NULL is allowed */
void	chores_start(struct chores *, struct database *);
void	chores_stop(struct chores *);

#endif
