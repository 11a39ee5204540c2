/* SPDX-License-Identifier: ISC */
/* Names and who waits for them. */
#include "config.h"

#include <sys/queue.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "supervisor/resolver/names.h"
#include "supervisor/resolver/pool.h"

struct waiter {
	TAILQ_ENTRY(waiter) entry;
	struct asker	*asker;
	uint32_t	 id;
	int64_t		 deadline;
};
TAILQ_HEAD(waiters, waiter);

enum name_state {
	NAME_HELD,		/* its first asker has enough running */
	NAME_RUNNING,
	NAME_KNOWN		/* until expires */
};

struct name {
	TAILQ_ENTRY(name) entry;
	TAILQ_ENTRY(name) held;		/* in the asker's queue */
	char		host[256];
	uint8_t		family;
	enum name_state	state;
	int64_t		expires;
	struct asker	*charged;	/* whose limit it counts on, or NULL */
	struct waiters	waiters;
	struct msg_answer answer;
	struct names	*owner;
};
TAILQ_HEAD(namelist, name);

struct asker {
	TAILQ_ENTRY(asker) entry;
	struct names	*names;
	void		*arg;
	unsigned int	 running, waiting;
	struct namelist	 held;
};

struct names {
	struct pool	*pool;
	names_answer_fn	 fn;
	int64_t		 (*now_us)(void);
	TAILQ_HEAD(, asker) askers;
	struct namelist	 list;
	unsigned int	 n;
};

static const char *const result_names[] = {
	[NAMES_OK] = "ok", [NAMES_NOT_FOUND] = "not_found",
	[NAMES_FAILED] = "failed", [NAMES_TIMEOUT] = "timeout",
	[NAMES_REFUSED] = "refused", [NAMES_CACHED] = "cached"
};

const char *
names_result_name(enum names_result result)
{
	return (result_names[result]);
}

bool
names_valid(const char *host)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
	size_t len = strlen(host);

	return (len > 0 && len <= 255 && host[0] != '-' &&
	    strspn(host, chars) == len);
}

struct names *
names_new(struct pool *pool, names_answer_fn fn, int64_t (*now_us)(void))
{
	struct names *ns;

	if ((ns = calloc(1, sizeof(*ns))) == NULL)
		return (NULL);
	ns->pool = pool;
	ns->fn = fn;
	ns->now_us = now_us;
	TAILQ_INIT(&ns->askers);
	TAILQ_INIT(&ns->list);
	return (ns);
}

static void
name_free(struct name *name)
{
	struct waiter *w;

	while ((w = TAILQ_FIRST(&name->waiters)) != NULL) {
		TAILQ_REMOVE(&name->waiters, w, entry);
		free(w);
	}
	TAILQ_REMOVE(&name->owner->list, name, entry);
	name->owner->n--;
	free(name);
}

/* The pool must be gone: it has pointers to names. */
void
names_free(struct names *ns)
{
	struct asker *a;
	struct name *name;

	if (ns == NULL)
		return;
	while ((a = TAILQ_FIRST(&ns->askers)) != NULL) {
		TAILQ_REMOVE(&ns->askers, a, entry);
		free(a);
	}
	while ((name = TAILQ_FIRST(&ns->list)) != NULL)
		name_free(name);
	free(ns);
}

struct asker *
asker_new(struct names *ns, void *arg)
{
	struct asker *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->names = ns;
	a->arg = arg;
	TAILQ_INIT(&a->held);
	TAILQ_INSERT_TAIL(&ns->askers, a, entry);
	return (a);
}

static void
reply(struct asker *a, uint32_t id, const struct msg_answer *answer,
    enum names_result result)
{
	struct msg_answer m = *answer;

	m.id = id;
	a->names->fn(&m, result, a->arg);
}

static void
reply_error(struct asker *a, uint32_t id, int error,
    enum names_result result)
{
	const struct msg_answer m = { .error = error };

	reply(a, id, &m, result);
}

static void
waiter_end(struct name *name, struct waiter *w)
{
	TAILQ_REMOVE(&name->waiters, w, entry);
	w->asker->waiting--;
	free(w);
}

static enum names_result
result_of(const struct msg_answer *answer)
{
	switch (answer->error) {
	case 0:
		return (NAMES_OK);
	case EAI_NONAME:
		return (NAMES_NOT_FOUND);
	default:
		return (NAMES_FAILED);
	}
}

/* Everybody who waits gets this answer. */
static void
name_answer(struct name *name, const struct msg_answer *answer,
    enum names_result result)
{
	struct waiter *w;
	struct asker *a;
	uint32_t id;

	while ((w = TAILQ_FIRST(&name->waiters)) != NULL) {
		a = w->asker;
		id = w->id;
		waiter_end(name, w);
		reply(a, id, answer, result);
	}
}

static void	held_start(struct asker *);

static void
on_looked_up(const struct msg_answer *answer, void *arg)
{
	struct name *name = arg;
	struct asker *charged = name->charged;

	name->charged = NULL;
	name->state = NAME_KNOWN;
	name->answer = *answer;
	name->expires = name->owner->now_us() +
	    (answer->error == 0 ? NAMES_GOOD_US : NAMES_BAD_US);
	name_answer(name, answer, result_of(answer));
	if (charged != NULL) {
		charged->running--;
		held_start(charged);
	}
}

static void
name_start(struct name *name)
{
	const struct msg_answer again = { .error = EAI_AGAIN };

	name->state = NAME_RUNNING;
	if (pool_submit(name->owner->pool, name->host, name->family,
	    on_looked_up, name) == 0) {
		if (name->charged != NULL)
			name->charged->running++;
		return;
	}
	name->charged = NULL;
	name->state = NAME_KNOWN;
	name->expires = 0;
	name_answer(name, &again, NAMES_REFUSED);
}

/* An asker's look-up ended: its next one may run. */
static void
held_start(struct asker *a)
{
	struct name *name;

	while (a->running < NAMES_RUNNING_MAX &&
	    (name = TAILQ_FIRST(&a->held)) != NULL) {
		TAILQ_REMOVE(&a->held, name, held);
		name_start(name);
	}
}

static struct name *
name_find(struct names *ns, const struct msg_lookup *q)
{
	struct name *name;

	TAILQ_FOREACH(name, &ns->list, entry) {
		if (name->family == q->family &&
		    strcasecmp(name->host, q->host) == 0)
			return (name);
	}
	return (NULL);
}

/* Make room: the oldest that is only remembered. */
static void
name_evict(struct names *ns)
{
	struct name *name;

	TAILQ_FOREACH_REVERSE(name, &ns->list, namelist, entry) {
		if (name->state == NAME_KNOWN &&
		    TAILQ_EMPTY(&name->waiters)) {
			name_free(name);
			return;
		}
	}
}

static struct name *
name_new(struct names *ns, const struct msg_lookup *q)
{
	struct name *name;

	if (ns->n >= NAMES_MAX)
		name_evict(ns);
	if (ns->n >= NAMES_MAX || (name = calloc(1, sizeof(*name))) == NULL)
		return (NULL);
	(void)snprintf(name->host, sizeof(name->host), "%s", q->host);
	name->family = q->family;
	name->state = NAME_KNOWN;	/* and expired */
	name->owner = ns;
	TAILQ_INIT(&name->waiters);
	TAILQ_INSERT_HEAD(&ns->list, name, entry);
	ns->n++;
	return (name);
}

static int
waiter_add(struct name *name, struct asker *a, uint32_t id)
{
	struct waiter *w;

	if (a->waiting >= NAMES_WAITING_MAX ||
	    (w = calloc(1, sizeof(*w))) == NULL)
		return (-1);
	w->asker = a;
	w->id = id;
	w->deadline = a->names->now_us() + NAMES_TIMEOUT_US;
	TAILQ_INSERT_TAIL(&name->waiters, w, entry);
	a->waiting++;
	return (0);
}

/* A name that nobody looks up at the moment. */
static void
name_begin(struct name *name, struct asker *a)
{
	name->charged = a;
	if (a->running < NAMES_RUNNING_MAX) {
		name_start(name);
		return;
	}
	name->state = NAME_HELD;
	TAILQ_INSERT_TAIL(&a->held, name, held);
}

void
names_ask(struct asker *a, const struct msg_lookup *q)
{
	struct names *ns = a->names;
	struct name *name;

	if (!names_valid(q->host)) {
		reply_error(a, q->id, EAI_NONAME, NAMES_REFUSED);
		return;
	}
	name = name_find(ns, q);
	if (name != NULL && name->state == NAME_KNOWN &&
	    name->expires > ns->now_us()) {
		reply(a, q->id, &name->answer, NAMES_CACHED);
		return;
	}
	if ((name == NULL && (name = name_new(ns, q)) == NULL) ||
	    waiter_add(name, a, q->id) == -1) {
		reply_error(a, q->id, EAI_AGAIN, NAMES_REFUSED);
		return;
	}
	if (name->state == NAME_KNOWN)
		name_begin(name, a);
}

static void
name_abandon(struct name *name, struct asker *a)
{
	struct waiter *w, *next;

	for (w = TAILQ_FIRST(&name->waiters); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->asker == a)
			waiter_end(name, w);
	}
	if (name->charged == a)
		name->charged = NULL;
}

void
asker_free(struct asker *a)
{
	struct names *ns = a->names;
	struct name *name, *next;

	TAILQ_REMOVE(&ns->askers, a, entry);
	for (name = TAILQ_FIRST(&ns->list); name != NULL; name = next) {
		next = TAILQ_NEXT(name, entry);
		name_abandon(name, a);
	}
	/* What was held back for it may run for others who asked later. */
	while ((name = TAILQ_FIRST(&a->held)) != NULL) {
		TAILQ_REMOVE(&a->held, name, held);
		if (TAILQ_EMPTY(&name->waiters))
			name_free(name);
		else
			name_start(name);
	}
	free(a);
}

static void
waiters_tick(struct name *name, int64_t now)
{
	struct waiter *w, *next;
	struct asker *a;
	uint32_t id;

	for (w = TAILQ_FIRST(&name->waiters); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->deadline > now)
			continue;
		a = w->asker;
		id = w->id;
		waiter_end(name, w);
		reply_error(a, id, EAI_AGAIN, NAMES_TIMEOUT);
	}
}

void
names_tick(struct names *ns)
{
	int64_t now = ns->now_us();
	struct name *name, *next;

	for (name = TAILQ_FIRST(&ns->list); name != NULL; name = next) {
		next = TAILQ_NEXT(name, entry);
		waiters_tick(name, now);
		if (name->state == NAME_HELD &&
		    TAILQ_EMPTY(&name->waiters)) {
			TAILQ_REMOVE(&name->charged->held, name, held);
			name_free(name);
		} else if (name->state == NAME_KNOWN && name->expires <= now &&
		    TAILQ_EMPTY(&name->waiters))
			name_free(name);
	}
}
