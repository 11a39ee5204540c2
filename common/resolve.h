/* SPDX-License-Identifier: ISC */
/*
 * Asynchronous name look-ups through the resolver process.
 *
 * Numeric addresses are answered without asking.  Loop thread only.
 */
#ifndef TIDE_COMMON_RESOLVE_H
#define TIDE_COMMON_RESOLVE_H

#include <event2/event.h>

#include "common/messages.h"

struct peer;
struct resolve;

/* error: 0 or EAI_*; EAI_AGAIN when the resolver is away or silent (5 s). */
typedef void (*resolve_fn)(int error, const struct msg_addr *, size_t n,
	    void *arg);

struct resolve *resolve_new(struct event_base *);
void	resolve_free(struct resolve *);		/* no callbacks any more */
/* The channel, NULL when there is none; pending look-ups are asked again. */
void	resolve_set_peer(struct resolve *, struct peer *);
/* Feed an ANSWER frame; 0, or -1 malformed. */
int	resolve_answer(struct resolve *, struct frame *);
/* Returns an id for resolve_cancel(), 0 with errno when out of memory. The
 * callback never runs before this function has returned. */
uint32_t resolve_lookup(struct resolve *, const char *host, int family,
	    resolve_fn, void *arg);
void	resolve_cancel(struct resolve *, uint32_t id);
const char *resolve_strerror(int error);

#endif
