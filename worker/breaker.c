/* SPDX-License-Identifier: ISC */
/* When to stop asking a destination, and when to ask again. */
#include "worker/breaker.h"

#include <string.h>

void
breaker_init(struct breaker *b, unsigned int limit)
{
	memset(b, 0, sizeof(*b));
	b->limit = limit;
}

static void
opened(struct breaker *b, enum breaker_why why, int64_t now)
{
	b->why = why;
	b->probing = false;
	b->pause_us = BREAKER_PAUSE_US;
	b->until_us = now + b->pause_us;
}

static void
closed(struct breaker *b)
{
	breaker_init(b, b->limit);
}

/* The next pause is twice as long. */
static void
probe_failed(struct breaker *b, int64_t now)
{
	if (!b->probing)
		return;
	b->probing = false;
	if ((b->pause_us *= 2) > BREAKER_PAUSE_MAX_US)
		b->pause_us = BREAKER_PAUSE_MAX_US;
	b->until_us = now + b->pause_us;
}

static void
remember(struct breaker *b, bool permanent)
{
	if (b->filled == BREAKER_WINDOW)
		b->permanent -= b->results[b->next];
	else
		b->filled++;
	b->results[b->next] = permanent;
	b->permanent += permanent;
	b->next = (b->next + 1) % BREAKER_WINDOW;
	b->row = permanent ? b->row + 1 : 0;
}

bool
breaker_result(struct breaker *b, bool permanent, int64_t now)
{
	if (breaker_open(b)) {
		/* What was under way when it opened says nothing. */
		if (permanent)
			probe_failed(b, now);
		else if (b->probing)
			closed(b);
		return (false);
	}
	remember(b, permanent);
	if (b->limit == 0 || !permanent)
		return (false);
	if (b->row >= b->limit)
		opened(b, BREAKER_IN_A_ROW, now);
	else if (b->filled == BREAKER_WINDOW &&
	    b->permanent * 2 >= BREAKER_WINDOW)
		opened(b, BREAKER_RATIO, now);
	return (breaker_open(b));
}

bool
breaker_gone(struct breaker *b, int64_t now)
{
	if (breaker_open(b)) {
		probe_failed(b, now);
		return (false);
	}
	opened(b, BREAKER_GONE, now);
	return (true);
}

void
breaker_failed(struct breaker *b, int64_t now)
{
	probe_failed(b, now);
}

size_t
breaker_allow(const struct breaker *b, int64_t now)
{
	if (!breaker_open(b))
		return (SIZE_MAX);
	return (!b->probing && now >= b->until_us ? 1 : 0);
}

void
breaker_offered(struct breaker *b)
{
	if (breaker_open(b))
		b->probing = true;
}

int64_t
breaker_next(const struct breaker *b)
{
	return (breaker_open(b) && !b->probing ? b->until_us : INT64_MAX);
}
