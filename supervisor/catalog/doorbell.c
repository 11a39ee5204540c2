/* SPDX-License-Identifier: ISC */
/*
 * The doorbell's state machine.
 *
 * Why nothing is missed.  A publisher holds the shared lock until its commit
 * is visible; so once the exclusive lock is ours, every event that rang no
 * bell is visible, and the poll of ARMED finds it.  A publisher that comes
 * later fails to get the shared lock and rings.  A guest polls after it saw
 * that another host has the lock, which is the same argument.  Whoever gives
 * the lock up for another reason than a ring, rings, so that guests ask for
 * it; a host that died cannot, which is why guests ask by themselves, and
 * why every sleeping worker polls once a second.
 */
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/messages.h"
#include "supervisor/catalog/doorbell.h"

#define PAUSE_FIRST_US	INT64_C(500)
#define PAUSE_MAX_US	INT64_C(5000)		/* one publisher, long */
#define PAUSE_BUSY_US	INT64_C(1000)		/* many, short */
#define ARMED_US	INT64_C(50000)		/* then somebody is busy */
#define GUEST_US	INT64_C(5000000)
#define ERROR_US	INT64_C(1000000)

enum bell_state {
	BELL_AWAKE, BELL_ASKING, BELL_ARMED, BELL_ASLEEP, BELL_GUEST,
	BELL_PAUSE
};

struct sleeper {		/* a worker */
	TAILQ_ENTRY(sleeper) entry;
	char	name[MSG_NAME_MAX];
	bool	idle;
};

struct bell {			/* an outbox */
	TAILQ_ENTRY(bell) entry;
	TAILQ_HEAD(, sleeper) workers;
	char		outbox[MSG_NAME_MAX];
	uint32_t	id;
	enum bell_state	state;
	int64_t		due;		/* of the state's timer */
	int64_t		pause;		/* the last one */
	uint64_t	xmax;		/* the highest that was polled */
	uint64_t	pause_xmax;	/* ... at the last pause */
};

struct doorbell {
	const struct doorbell_ops *ops;
	void		*arg;
	bool		 online;
	TAILQ_HEAD(, bell) bells;
};

static const char *const state_names[] = {
	[BELL_AWAKE] = "awake", [BELL_ASKING] = "asking",
	[BELL_ARMED] = "armed", [BELL_ASLEEP] = "asleep",
	[BELL_GUEST] = "guest", [BELL_PAUSE] = "pause"
};

static const char *const why_names[] = {
	[DOORBELL_NOTIFY] = "notify", [DOORBELL_ARMING] = "arming",
	[DOORBELL_INFLIGHT] = "inflight", [DOORBELL_OFFLINE] = "offline"
};

const char *
doorbell_why_name(enum doorbell_why why)
{
	return (why_names[why]);
}

struct doorbell *
doorbell_new(const struct doorbell_ops *ops, void *arg)
{
	struct doorbell *db;

	if ((db = calloc(1, sizeof(*db))) == NULL)
		return (NULL);
	db->ops = ops;
	db->arg = arg;
	TAILQ_INIT(&db->bells);
	return (db);
}

static void
bell_free(struct doorbell *db, struct bell *b)
{
	struct sleeper *w;

	while ((w = TAILQ_FIRST(&b->workers)) != NULL) {
		TAILQ_REMOVE(&b->workers, w, entry);
		free(w);
	}
	TAILQ_REMOVE(&db->bells, b, entry);
	free(b);
}

void
doorbell_free(struct doorbell *db)
{
	struct bell *b;

	if (db == NULL)
		return;
	while ((b = TAILQ_FIRST(&db->bells)) != NULL)
		bell_free(db, b);
	free(db);
}

static struct bell *
bell_find(const struct doorbell *db, const char *outbox)
{
	struct bell *b;

	TAILQ_FOREACH(b, &db->bells, entry) {
		if (strcmp(b->outbox, outbox) == 0)
			return (b);
	}
	return (NULL);
}

static struct sleeper *
sleeper_find(const struct bell *b, const char *worker)
{
	struct sleeper *w;

	TAILQ_FOREACH(w, &b->workers, entry) {
		if (strcmp(w->name, worker) == 0)
			return (w);
	}
	return (NULL);
}

static void
state_set(struct bell *b, enum bell_state state, int64_t due)
{
	b->state = state;
	b->due = due;
}

static bool
all_idle(const struct bell *b)
{
	const struct sleeper *w;

	TAILQ_FOREACH(w, &b->workers, entry) {
		if (!w->idle)
			return (false);
	}
	return (!TAILQ_EMPTY(&b->workers));
}

static void
wake(struct doorbell *db, struct bell *b, enum doorbell_why why)
{
	struct sleeper *w;

	TAILQ_FOREACH(w, &b->workers, entry)
		w->idle = false;
	db->ops->wake(b->outbox, why, db->arg);
}

static void
ask(struct doorbell *db, struct bell *b, int64_t now)
{
	if (!db->online)
		return;
	state_set(b, BELL_ASKING, DOORBELL_NEVER);
	if (db->ops->ask(b->id, db->arg) == -1)
		state_set(b, BELL_AWAKE, now + ERROR_US);
}

/* Give the lock up without having been rung: guests must hear of it. */
static void
give_up(struct doorbell *db, struct bell *b)
{
	if (b->state == BELL_ARMED || b->state == BELL_ASLEEP)
		db->ops->release(b->id, b->outbox, true, db->arg);
	state_set(b, BELL_AWAKE, DOORBELL_NEVER);
}

/* Somebody became idle, or left. */
static void
settle(struct doorbell *db, struct bell *b, int64_t now)
{
	if (!all_idle(b))
		return;
	if (b->state == BELL_ARMED)
		state_set(b, BELL_ASLEEP, DOORBELL_NEVER);
	else if (b->state == BELL_AWAKE && b->due == DOORBELL_NEVER)
		ask(db, b, now);
}

static struct bell *
bell_get(struct doorbell *db, const char *outbox, uint32_t id)
{
	struct bell *b = bell_find(db, outbox);

	if (b != NULL && b->id != id) {
		/* Dropped and made again under the same name. */
		give_up(db, b);
		b->id = id;
	}
	if (b != NULL || (b = calloc(1, sizeof(*b))) == NULL)
		return (b);
	TAILQ_INIT(&b->workers);
	(void)snprintf(b->outbox, sizeof(b->outbox), "%s", outbox);
	b->id = id;
	state_set(b, BELL_AWAKE, DOORBELL_NEVER);
	TAILQ_INSERT_TAIL(&db->bells, b, entry);
	return (b);
}

static void
sleeper_remove(struct doorbell *db, struct bell *b, struct sleeper *w,
    int64_t now)
{
	TAILQ_REMOVE(&b->workers, w, entry);
	free(w);
	if (!TAILQ_EMPTY(&b->workers)) {
		settle(db, b, now);
		return;
	}
	/* An answer that is still on its way finds no bell, and gives the
	 * lock back. */
	give_up(db, b);
	bell_free(db, b);
}

int
doorbell_join(struct doorbell *db, const char *worker, const char *outbox,
    uint32_t outbox_id, int64_t now)
{
	struct bell *b, *other;
	struct sleeper *w;

	other = bell_find(db, outbox);
	if (other != NULL && other->id == outbox_id &&
	    sleeper_find(other, worker) != NULL)
		return (0);
	doorbell_leave(db, worker, now);
	if ((b = bell_get(db, outbox, outbox_id)) == NULL)
		return (-1);
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (-1);
	(void)snprintf(w->name, sizeof(w->name), "%s", worker);
	TAILQ_INSERT_TAIL(&b->workers, w, entry);
	return (0);
}

void
doorbell_leave(struct doorbell *db, const char *worker, int64_t now)
{
	struct bell *b, *next;
	struct sleeper *w;

	for (b = TAILQ_FIRST(&db->bells); b != NULL; b = next) {
		next = TAILQ_NEXT(b, entry);
		if ((w = sleeper_find(b, worker)) != NULL)
			sleeper_remove(db, b, w, now);
	}
}

void
doorbell_idle(struct doorbell *db, const char *worker, uint64_t xmax,
    int64_t now)
{
	struct sleeper *w;
	struct bell *b;
	bool news;

	TAILQ_FOREACH(b, &db->bells, entry) {
		if ((w = sleeper_find(b, worker)) == NULL)
			continue;
		news = !w->idle;
		w->idle = true;
		if (xmax > b->xmax)
			b->xmax = xmax;
		/* Somebody new came to rest while the others sleep: it polls
		 * once more under the lock, and learns that the bell works. */
		if (news && b->state == BELL_ASLEEP) {
			state_set(b, BELL_ARMED, now + ARMED_US);
			wake(db, b, DOORBELL_ARMING);
		} else
			settle(db, b, now);
	}
}

void
doorbell_ring(struct doorbell *db, const char *outbox, int64_t now)
{
	struct bell *b = bell_find(db, outbox);

	(void)now;
	if (b == NULL)
		return;
	if (b->state == BELL_ARMED || b->state == BELL_ASLEEP)
		db->ops->release(b->id, b->outbox, false, db->arg);
	b->pause = 0;
	/* While ASKING every answer is followed by a wake. */
	if (b->state != BELL_ASKING)
		state_set(b, BELL_AWAKE, DOORBELL_NEVER);
	wake(db, b, DOORBELL_NOTIFY);
}

/*
 * While transactions come and go, events may be there at any moment; when
 * none has begun since the last pause, it is the same long publisher.
 */
static void
pause_start(struct bell *b, int64_t now)
{
	int64_t max = b->xmax > b->pause_xmax ? PAUSE_BUSY_US : PAUSE_MAX_US;

	b->pause = b->pause == 0 ? PAUSE_FIRST_US : b->pause * 2;
	if (b->pause > max)
		b->pause = max;
	b->pause_xmax = b->xmax;
	state_set(b, BELL_PAUSE, now + b->pause);
}

static struct bell *
bell_asking(const struct doorbell *db, uint32_t id)
{
	struct bell *b;

	TAILQ_FOREACH(b, &db->bells, entry) {
		if (b->id == id && b->state == BELL_ASKING)
			return (b);
	}
	return (NULL);
}

void
doorbell_answered(struct doorbell *db, uint32_t outbox_id,
    enum doorbell_answer answer, int64_t now)
{
	struct bell *b = bell_asking(db, outbox_id);

	if (b == NULL) {
		if (answer == DOORBELL_LOCKED && db->online)
			db->ops->release(outbox_id, "", false, db->arg);
		return;
	}
	switch (answer) {
	case DOORBELL_LOCKED:
		b->pause = 0;
		state_set(b, BELL_ARMED, now + ARMED_US);
		wake(db, b, DOORBELL_ARMING);
		break;
	case DOORBELL_SLEEPER:
		b->pause = 0;
		state_set(b, BELL_GUEST, now + GUEST_US);
		wake(db, b, DOORBELL_ARMING);
		break;
	case DOORBELL_PUBLISHER:
		pause_start(b, now);
		break;
	case DOORBELL_ERROR:
		state_set(b, BELL_AWAKE, now + ERROR_US);
		break;
	}
}

void
doorbell_online(struct doorbell *db, bool online, int64_t now)
{
	struct bell *b;

	db->online = online;
	TAILQ_FOREACH(b, &db->bells, entry) {
		state_set(b, BELL_AWAKE, DOORBELL_NEVER);
		if (online)
			settle(db, b, now);
		else
			wake(db, b, DOORBELL_OFFLINE);
	}
}

int64_t
doorbell_next(const struct doorbell *db)
{
	int64_t due = DOORBELL_NEVER;
	const struct bell *b;

	TAILQ_FOREACH(b, &db->bells, entry) {
		if (b->due < due)
			due = b->due;
	}
	return (due);
}

static void
bell_timer(struct doorbell *db, struct bell *b, int64_t now)
{
	switch (b->state) {
	case BELL_AWAKE:		/* after an error */
		b->due = DOORBELL_NEVER;
		settle(db, b, now);
		break;
	case BELL_ARMED:		/* somebody found work */
		give_up(db, b);
		settle(db, b, now);
		break;
	case BELL_GUEST:		/* is that host still there? */
		state_set(b, BELL_AWAKE, DOORBELL_NEVER);
		settle(db, b, now);
		break;
	case BELL_PAUSE:
		state_set(b, BELL_AWAKE, DOORBELL_NEVER);
		wake(db, b, DOORBELL_INFLIGHT);
		break;
	case BELL_ASKING:
	case BELL_ASLEEP:
		b->due = DOORBELL_NEVER;
		break;
	}
}

void
doorbell_run(struct doorbell *db, int64_t now)
{
	struct bell *b;

	TAILQ_FOREACH(b, &db->bells, entry) {
		if (b->due <= now)
			bell_timer(db, b, now);
	}
}

const char *
doorbell_state(const struct doorbell *db, const char *outbox)
{
	const struct bell *b = bell_find(db, outbox);

	return (b != NULL ? state_names[b->state] : "none");
}
