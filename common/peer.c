/* SPDX-License-Identifier: ISC */
/* A connection to another process on the event loop. */
#include "common/peer.h"

#include <sys/queue.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/units.h"

/* Frames taken in one turn of the loop, so that one peer cannot own it. */
#define PEER_TURN	64

struct waiting {
	STAILQ_ENTRY(waiting) entry;
	uint16_t	 type;
	uint32_t	 len;
	uint64_t	 gen;
	int		 fd;
	uint8_t		 body[];
};

struct peer {
	struct event_base *base;
	struct event	*reader, *writer, *verdict;
	const struct peer_ops *ops;
	void		*arg;
	char		*name;
	int		 fd;
	enum role	 self, other;
	enum child_state state;
	uint64_t	 gen;
	bool		 check;
	STAILQ_HEAD(, waiting) queue;
	unsigned int	 queued, limit;
	uint64_t	 dropped;
	uint64_t	 seen[2];	/* types taken in, for "once" */
	bool		 mute;		/* sending is of no use any more */
	bool		 finished;	/* gone() was called, or will be */
	unsigned int	 busy;		/* callbacks under way */
	bool		 freed;
	enum peer_gone	 why;		/* for the verdict */
	char		 text[128];
};

static void
queue_pop(struct peer *p)
{
	struct waiting *w = STAILQ_FIRST(&p->queue);

	STAILQ_REMOVE_HEAD(&p->queue, entry);
	p->queued--;
	if (w->fd != -1)
		close(w->fd);
	explicit_bzero(w->body, w->len);
	free(w);
}

static void
queue_clear(struct peer *p)
{
	while (!STAILQ_EMPTY(&p->queue))
		queue_pop(p);
}

static void
peer_destroy(struct peer *p)
{
	queue_clear(p);
	if (p->reader != NULL)
		event_free(p->reader);
	if (p->writer != NULL)
		event_free(p->writer);
	if (p->verdict != NULL)
		event_free(p->verdict);
	if (p->fd != -1)
		close(p->fd);
	free(p->name);
	free(p);
}

void
peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	p->freed = true;
	if (p->busy == 0)
		peer_destroy(p);
}

/* Keep p alive while a callback runs, which may free it. */
static void
peer_enter(struct peer *p)
{
	p->busy++;
}

/* false when it was freed meanwhile: do not touch it any more. */
static bool
peer_leave(struct peer *p)
{
	p->busy--;
	if (!p->freed)
		return (true);
	if (p->busy == 0)
		peer_destroy(p);
	return (false);
}

/* The connection is over; the owner hears of it once. */
static void
peer_finish(struct peer *p, enum peer_gone why, const char *text)
{
	if (p->finished)
		return;
	p->finished = true;
	p->mute = true;
	event_del(p->reader);
	event_del(p->writer);
	queue_clear(p);
	peer_enter(p);
	p->ops->gone(p, why, text, p->arg);
	(void)peer_leave(p);
}

/* Inside peer_send() the owner is not ready to hear it: on the next turn. */
static void
peer_finish_later(struct peer *p, enum peer_gone why, const char *text)
{
	if (p->finished || p->mute)
		return;
	p->mute = true;
	p->why = why;
	(void)snprintf(p->text, sizeof(p->text), "%s", text);
	event_active(p->verdict, 0, 0);
}

static void
on_verdict(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;

	(void)fd;
	(void)what;
	peer_finish(p, p->why, p->text);
}

static bool
peer_seen(struct peer *p, uint16_t type)
{
	uint64_t bit = UINT64_C(1) << (type & 63), *word;

	word = &p->seen[(type >> 6) & 1];
	if (*word & bit)
		return (true);
	*word |= bit;
	return (false);
}

/* One frame that came in; false when the connection is over. */
static bool
peer_take(struct peer *p, struct frame *f)
{
	const struct msg_rule *r;
	const char *why;
	char text[96];
	uint16_t type = f->type;
	int ret;

	if (p->check && f->gen != p->gen)
		return (true);
	why = msg_refusal(f, p->other, p->self, p->state);
	r = msg_rule_find(type);
	if (why == NULL && r->once && peer_seen(p, type))
		why = "said twice";
	if (why == NULL) {
		peer_enter(p);
		ret = p->ops->frame(p, f, p->arg);
		if (!peer_leave(p))
			return (false);
		if (ret == 0 || p->finished)
			return (!p->finished);
		why = "malformed body";
	}
	(void)snprintf(text, sizeof(text), "%s (%u) in state %s: %s",
	    msg_name(type), (unsigned int)type, child_state_name(p->state),
	    why);
	peer_finish(p, PEER_PROTOCOL, text);
	return (false);
}

/* Returns true when there may be more. */
static bool
peer_read_one(struct peer *p)
{
	struct frame f;
	bool more;
	int n;

	n = frame_recv(p->fd, &f);
	if (n == 1) {
		more = peer_take(p, &f);
		frame_clear(&f);
		return (more);
	}
	if (n == 0)
		peer_finish(p, PEER_EOF, "closed");
	else if (errno == EBADMSG)
		peer_finish(p, PEER_PROTOCOL,
		    "truncated record or too many descriptors");
	else if (errno != EAGAIN && errno != EINTR)
		peer_finish(p, errno == ECONNRESET ? PEER_EOF : PEER_ERROR,
		    strerror(errno));
	return (false);
}

static void
peer_read(struct peer *p, int turns)
{
	bool more = true;

	peer_enter(p);
	while (more && !p->freed && !p->finished && turns-- != 0)
		more = peer_read_one(p);
	(void)peer_leave(p);
}

void
peer_drain(struct peer *p)
{
	peer_read(p, -1);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	peer_read(arg, PEER_TURN);
}

/*
 * Send one record.  A peer that has closed is no error here: what it had
 * said before is still to be read, and the reader finds the end.
 */
static int
peer_write(struct peer *p, struct frame *f)
{
	if (frame_send(p->fd, f) == 0)
		return (0);
	if (errno == EPIPE || errno == ECONNRESET) {
		p->mute = true;
		return (0);
	}
	if (errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
		errno = EAGAIN;
	return (-1);
}

static int
queue_write(struct peer *p)
{
	struct waiting *w;
	struct frame f;

	while ((w = STAILQ_FIRST(&p->queue)) != NULL && !p->mute) {
		frame_start(&f, w->type, w->gen);
		memcpy(f.body, w->body, w->len);
		f.len = w->len;
		f.fd = w->fd;
		if (peer_write(p, &f) == -1)
			return (-1);
		w->fd = f.fd;
		queue_pop(p);
	}
	if (p->mute)
		queue_clear(p);
	event_del(p->writer);
	return (0);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;

	(void)fd;
	(void)what;
	if (queue_write(p) == -1 && errno != EAGAIN)
		peer_finish(p, PEER_ERROR, strerror(errno));
}

static int
queue_push(struct peer *p, const struct frame *f)
{
	struct waiting *w;

	if ((w = malloc(sizeof(*w) + f->len)) == NULL)
		return (-1);
	w->type = f->type;
	w->len = f->len;
	w->gen = f->gen;
	w->fd = f->fd;
	memcpy(w->body, f->body, f->len);
	STAILQ_INSERT_TAIL(&p->queue, w, entry);
	p->queued++;
	return (event_add(p->writer, NULL));
}

static int
refuse(struct frame *f, int error)
{
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
	errno = error;
	return (-1);
}

static int
peer_admit(const struct peer *p, const struct frame *f)
{
	if (f->bad)
		return (EINVAL);
	if (msg_refusal(f, p->self, p->other, p->state) == NULL)
		return (0);
	return (f->len > FRAME_BODY_MAX ? EMSGSIZE : EINVAL);
}

/* 0 sent or queued, 1 no room, -1 an error; the descriptor is gone then. */
static int
peer_put(struct peer *p, struct frame *f)
{
	int error;

	if ((error = peer_admit(p, f)) != 0)
		return (refuse(f, error));
	f->gen = p->gen;
	if (p->mute)
		return (refuse(f, EPIPE));
	if (STAILQ_EMPTY(&p->queue)) {
		if (peer_write(p, f) == 0)
			return (p->mute ? refuse(f, EPIPE) : 0);
		if (errno != EAGAIN)
			return (refuse(f, errno));
	}
	if (p->queued >= p->limit) {
		(void)refuse(f, ENOBUFS);
		return (1);
	}
	if (queue_push(p, f) == -1)
		return (refuse(f, ENOMEM));
	f->fd = -1;
	return (0);
}

int
peer_send(struct peer *p, struct frame *f)
{
	int ret;

	ret = peer_put(p, f);
	if (ret == 1) {
		peer_finish_later(p, PEER_OVERFLOW, "does not take its frames");
		errno = ENOBUFS;
		return (-1);
	}
	return (ret);
}

int
peer_offer(struct peer *p, struct frame *f)
{
	int ret;

	ret = peer_put(p, f);
	if (ret == 1)
		p->dropped++;
	return (ret);
}

uint64_t
peer_dropped(const struct peer *p)
{
	return (p->dropped);
}

int
peer_flush(struct peer *p, int ms)
{
	int64_t end = clock_mono_us() + (int64_t)ms * 1000, left;
	struct pollfd pfd = { .fd = p->fd, .events = POLLOUT };

	while (queue_write(p) == -1) {
		if (errno != EAGAIN)
			return (-1);
		left = end - clock_mono_us();
		if (left <= 0) {
			errno = ETIMEDOUT;
			return (-1);
		}
		if (poll(&pfd, 1, (int)(left / 1000) + 1) == -1 &&
		    errno != EINTR)
			return (-1);
	}
	return (0);
}

void
peer_set_state(struct peer *p, enum child_state state)
{
	p->state = state;
}

enum child_state
peer_state(const struct peer *p)
{
	return (p->state);
}

void
peer_set_generation(struct peer *p, uint64_t gen, bool check)
{
	p->gen = gen;
	p->check = check;
}

static int
peer_init(struct peer *p, const char *name)
{
	p->name = strdup(name);
	p->reader = event_new(p->base, p->fd, EV_READ | EV_PERSIST,
	    on_readable, p);
	p->writer = event_new(p->base, p->fd, EV_WRITE | EV_PERSIST,
	    on_writable, p);
	p->verdict = event_new(p->base, -1, 0, on_verdict, p);
	if (p->name == NULL || p->reader == NULL || p->writer == NULL ||
	    p->verdict == NULL)
		return (-1);
	return (event_add(p->reader, NULL));
}

struct peer *
peer_new(struct event_base *base, int fd, enum role self, enum role other,
    unsigned int queue, const char *name, const struct peer_ops *ops,
    void *arg)
{
	struct peer *p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		close(fd);
		errno = ENOMEM;
		return (NULL);
	}
	p->base = base;
	p->fd = fd;
	p->self = self;
	p->other = other;
	p->state = CHILD_STARTING;
	p->limit = queue;
	p->ops = ops;
	p->arg = arg;
	STAILQ_INIT(&p->queue);
	if (peer_init(p, name) == -1) {
		peer_destroy(p);
		errno = ENOMEM;
		return (NULL);
	}
	return (p);
}

const char *
peer_name(const struct peer *p)
{
	return (p->name);
}
