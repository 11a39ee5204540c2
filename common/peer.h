/* SPDX-License-Identifier: ISC */
/*
 * One end of a connection to another process: frames in, checked against
 * the message table, and frames out through a bounded queue.
 *
 * Loop thread only.  A callback may close its own peer.
 */
#ifndef TIDE_COMMON_PEER_H
#define TIDE_COMMON_PEER_H

#include <event2/event.h>

#include "common/messages.h"

struct peer;

enum peer_gone {
	PEER_EOF,		/* the other end closed */
	PEER_ERROR,		/* a system call failed, see errno */
	PEER_PROTOCOL,		/* a frame out of place; text says which */
	PEER_OVERFLOW		/* its queue is full */
};

struct peer_ops {
	/* A frame that the table allows now.  Returns 0, or -1 when the
	 * body was malformed (the peer is then dropped as PEER_PROTOCOL). */
	int	(*frame)(struct peer *, struct frame *, void *);
	/* The peer is unusable; the owner calls peer_free(). */
	void	(*gone)(struct peer *, enum peer_gone, const char *, void *);
};

/*
 * Takes ownership of fd.  self and other say which rows of the table
 * apply.  queue is how many frames may wait to be sent.  name is copied,
 * for logs.  NULL with errno on failure (fd is then closed).
 */
struct peer *peer_new(struct event_base *, int fd, enum role self,
	    enum role other, unsigned int queue, const char *name,
	    const struct peer_ops *, void *);
void	peer_free(struct peer *);	/* NULL is allowed */

/* The state that incoming and outgoing frames are checked against. */
void	peer_set_state(struct peer *, enum child_state);
enum child_state peer_state(const struct peer *);
/* Stamped on every frame sent; frames with another one are dropped when
 * check is set (a late message of an earlier process). */
void	peer_set_generation(struct peer *, uint64_t, bool check);

/*
 * Send, or queue; the frame is copied, its descriptor taken over in every
 * case.  Returns 0, or -1 with errno EMSGSIZE/EINVAL for a frame that the
 * table forbids, ENOBUFS when the queue is full.
 */
int	peer_send(struct peer *, struct frame *);
/*
 * As peer_send(), but a full queue drops the frame and returns 1: for
 * snapshots of which the newest wins.
 */
int	peer_offer(struct peer *, struct frame *);
const char *peer_name(const struct peer *);
uint64_t peer_dropped(const struct peer *);
/* Blocking flush of what waits, for at most ms; 0, or -1 with errno. */
int	peer_flush(struct peer *, int ms);
/* Read everything that is there now and hand it to the callbacks. */
void	peer_drain(struct peer *);

#endif
