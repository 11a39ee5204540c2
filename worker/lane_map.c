/* SPDX-License-Identifier: ISC */
/* Lanes by hash: open addressing, removal by shifting back. */
#include <errno.h>
#include <stdlib.h>

#include "worker/lane.h"

/* Hashes may come from keys that a stranger chose: mix before masking. */
static size_t
home(const struct lane_map *m, uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	hash ^= hash >> 32;
	return ((size_t)hash & (m->size - 1));
}

struct lane *
lane_map_find(const struct lane_map *m, uint64_t hash)
{
	size_t	i;

	if (m->n == 0)
		return (NULL);
	for (i = home(m, hash); m->v[i] != NULL; i = (i + 1) & (m->size - 1))
		if (m->v[i]->hash == hash)
			return (m->v[i]);
	return (NULL);
}

static void
place(struct lane_map *m, struct lane *l)
{
	size_t	i;

	for (i = home(m, l->hash); m->v[i] != NULL;
	    i = (i + 1) & (m->size - 1))
		;
	m->v[i] = l;
}

static int
map_grow(struct lane_map *m)
{
	struct lane_map	bigger = *m;
	size_t		i;

	bigger.size = m->size == 0 ? 64 : m->size * 2;
	if ((bigger.v = calloc(bigger.size, sizeof(bigger.v[0]))) == NULL)
		return (-1);
	for (i = 0; i < m->size; i++)
		if (m->v[i] != NULL)
			place(&bigger, m->v[i]);
	free(m->v);
	*m = bigger;
	return (0);
}

int
lane_map_add(struct lane_map *m, struct lane *l)
{
	if ((m->n + 1) * 2 > m->size && map_grow(m) == -1)
		return (-1);
	place(m, l);
	m->n++;
	return (0);
}

void
lane_map_remove(struct lane_map *m, struct lane *l)
{
	const size_t	mask = m->size - 1;
	size_t		i, hole;

	for (hole = home(m, l->hash); m->v[hole] != l;
	    hole = (hole + 1) & mask)
		;
	m->n--;
	/* Whoever was pushed past the hole may move into it. */
	for (i = (hole + 1) & mask; m->v[i] != NULL; i = (i + 1) & mask)
		if (((i - home(m, m->v[i]->hash)) & mask) >=
		    ((i - hole) & mask)) {
			m->v[hole] = m->v[i];
			hole = i;
		}
	m->v[hole] = NULL;
}
