/* SPDX-License-Identifier: ISC */
/*
 * Objects of one size, made in chunks and reused: what an event needs is
 * not allocated event by event.  Addresses are stable.  Loop thread only.
 */
#ifndef TIDE_WORKER_POOL_H
#define TIDE_WORKER_POOL_H

#include <stddef.h>

struct pool;

struct pool *pool_new(size_t objsize);
void	pool_free(struct pool *);	/* all objects with it */
/* A zeroed object, NULL with errno. */
void	*pool_get(struct pool *);
void	pool_put(struct pool *, void *);
size_t	pool_used(const struct pool *);

#endif
