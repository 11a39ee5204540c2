/* SPDX-License-Identifier: ISC */
/*
 * Threads that look names up, because getaddrinfo() blocks: a fixed number,
 * a bounded queue, answers on the event loop.
 *
 * Loop thread only, but for the function that looks up.  Make the pool after
 * the last stage of the sandbox, which demands a single thread.
 */
#ifndef TIDE_RESOLVER_POOL_H
#define TIDE_RESOLVER_POOL_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/messages.h"

struct pool;

/* Runs in a thread: fills error, naddrs and addrs. */
typedef void (*pool_lookup_fn)(const char *host, int family,
	    struct msg_answer *);
typedef void (*pool_done_fn)(const struct msg_answer *, void *arg);

/* NULL with errno. */
struct pool *pool_new(struct event_base *, unsigned int threads,
	    unsigned int queue, pool_lookup_fn);
/* Threads that are inside a look-up are left to the end of the process. */
void	pool_free(struct pool *);
/* Nothing waits, runs or is to be delivered: pool_free() frees all. */
bool	pool_idle(struct pool *);
/* 0, or -1 with errno: EAGAIN when the queue is full. */
int	pool_submit(struct pool *, const char *host, int family,
	    pool_done_fn, void *arg);

#endif
