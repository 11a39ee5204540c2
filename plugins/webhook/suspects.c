/* SPDX-License-Identifier: ISC */
/*
 * Events that were in a refused array: a table of hashes in which a newer
 * entry takes the place of an older one.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "plugins/webhook/suspects.h"

#define SLOTS	8192		/* a power of two */

struct suspects {
	size_t		 n;
	uint64_t	 slots[SLOTS];	/* 0: free */
};

/* FNV-1a; two events of one hash are only sent alone once too often. */
static uint64_t
hash(const char *id)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * 0x100000001b3u;
	return (h == 0 ? 1 : h);
}

struct suspects *
suspects_new(void)
{
	return (calloc(1, sizeof(struct suspects)));
}

void
suspects_free(struct suspects *s)
{
	free(s);
}

void
suspects_add(struct suspects *s, const char *id)
{
	uint64_t h = hash(id);

	if (s->slots[h % SLOTS] == 0)
		s->n++;
	s->slots[h % SLOTS] = h;
}

void
suspects_remove(struct suspects *s, const char *id)
{
	uint64_t h = hash(id);

	if (s->n > 0 && s->slots[h % SLOTS] == h) {
		s->slots[h % SLOTS] = 0;
		s->n--;
	}
}

bool
suspects_has(const struct suspects *s, const char *id)
{
	uint64_t h;

	if (s->n == 0)
		return (false);
	h = hash(id);
	return (s->slots[h % SLOTS] == h);
}
