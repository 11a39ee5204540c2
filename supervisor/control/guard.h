/* SPDX-License-Identifier: ISC */
/*
 * How many connections the metrics port may have, and for how long.
 *
 * evhttp knows no limit on connections and its time-out starts again with
 * every byte, so a client that sends one byte at a time could stay for
 * hours.  The guard makes the bufferevents that evhttp uses: it counts
 * them, stops listening while there are too many (clients then wait in the
 * kernel's queue), and cuts each one off at its deadline.
 */
#ifndef TIDE_CONTROL_GUARD_H
#define TIDE_CONTROL_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;
struct guard;

/* full(true) when the last place was taken, full(false) when one is free. */
struct guard *guard_new(struct event_base *, size_t max, int seconds,
	    void (*full)(bool, void *), void *);
void	guard_free(struct guard *);	/* after all its bufferevents */
/* For evhttp_set_bevcb(); arg is the guard. */
struct bufferevent *guard_bufferevent(struct event_base *, void *arg);
size_t	guard_count(const struct guard *);

#endif
