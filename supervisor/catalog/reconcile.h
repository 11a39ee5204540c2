/* SPDX-License-Identifier: ISC */
/*
 * Reading the catalog: is the schema there and new enough, what sinks are
 * known, which pipelines should run.  At most one reading at a time; wishes
 * that come meanwhile become one more.
 */
#ifndef TIDE_CATALOG_RECONCILE_H
#define TIDE_CATALOG_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

struct database;
struct pipelines;
struct reconcile;

/* Called after each complete reading, with its duration. */
typedef void (*reconcile_fn)(int64_t us, void *arg);

struct reconcile *reconcile_new(struct pipelines *, reconcile_fn, void *arg);
void	reconcile_free(struct reconcile *);	/* NULL is allowed */
/* Read now, or again when the reading that is under way is done. */
void	reconcile_start(struct reconcile *, struct database *);

/* Dotted numbers: is have at least want?  For tests, too. */
bool	version_at_least(const char *have, const char *want);

#endif
