/* SPDX-License-Identifier: ISC */
/*
 * Memory for encoded events: counted slabs of SLAB_SIZE bytes that are
 * filled from front to back by many events and used again when the last of
 * these is gone.  An event that fits no slab gets one of its own.
 *
 * The pool never holds more than its limit, but for one event that is
 * larger than the limit and then is alone.  Loop thread only.
 */
#ifndef TIDE_WORKER_SLAB_H
#define TIDE_WORKER_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#define SLAB_SIZE	((size_t)256 * 1024)

struct slab;
struct slab_pool;

/* limit in bytes; less than two slabs count as two. */
struct slab_pool *slab_pool_new(size_t limit);
void	slab_pool_free(struct slab_pool *);

/*
 * Room for len bytes, aligned for any type, or NULL with errno ENOBUFS
 * (over the limit: wait until events are gone) or ENOMEM.  A reservation is
 * void when the next one is made without a commit.
 */
void	*slab_reserve(struct slab_pool *, size_t len);
/* Keep the first used bytes of the last reservation; the caller owns one
 * reference. */
struct slab *slab_commit(struct slab_pool *, size_t used);
void	slab_unref(struct slab_pool *, struct slab *);

size_t	slab_pool_bytes(const struct slab_pool *);	/* held by events */
size_t	slab_pool_limit(const struct slab_pool *);
/* Would len bytes be admitted now? */
bool	slab_pool_admits(const struct slab_pool *, size_t len);
/* Give memory that no event uses back to the system. */
void	slab_pool_trim(struct slab_pool *);

#endif
