/* SPDX-License-Identifier: ISC */
/* Counted slabs, one of them being filled, some waiting to be used again. */
#include "worker/slab.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct slab {
	struct slab	*next;		/* while idle */
	size_t		 refs;		/* events, and the pool while filling */
	size_t		 size;
	size_t		 used;
	_Alignas(max_align_t) unsigned char data[];
};

struct slab_pool {
	size_t		 limit;
	size_t		 bytes;		/* of slabs that are not idle */
	struct slab	*fill;		/* NULL: none yet */
	struct slab	*own;		/* reserved for one large event */
	struct slab	*idle;
};

static size_t
round_up(size_t n)
{
	const size_t	a = _Alignof(max_align_t);

	return ((n + a - 1) / a * a);
}

struct slab_pool *
slab_pool_new(size_t limit)
{
	struct slab_pool	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->limit = limit < 2 * SLAB_SIZE ? 2 * SLAB_SIZE : limit;
	return (p);
}

void
slab_pool_trim(struct slab_pool *p)
{
	struct slab	*s;

	while ((s = p->idle) != NULL) {
		p->idle = s->next;
		free(s);
	}
}

void
slab_pool_free(struct slab_pool *p)
{
	if (p == NULL)
		return;
	slab_pool_trim(p);
	free(p->fill);
	free(p->own);
	free(p);
}

/* Does the slab being filled hold any event? */
static size_t
fill_bytes(const struct slab_pool *p)
{
	return (p->fill != NULL && p->fill->refs == 1 ? p->fill->size : 0);
}

size_t
slab_pool_bytes(const struct slab_pool *p)
{
	return (p->bytes - fill_bytes(p));
}

size_t
slab_pool_limit(const struct slab_pool *p)
{
	return (p->limit);
}

bool
slab_pool_admits(const struct slab_pool *p, size_t len)
{
	if (p->fill != NULL && (p->fill->refs == 1 ? SLAB_SIZE :
	    SLAB_SIZE - p->fill->used) >= round_up(len))
		return (true);
	if (slab_pool_bytes(p) == 0)
		return (true);
	if (len <= SLAB_SIZE)
		len = SLAB_SIZE;
	return (p->bytes <= p->limit && len <= p->limit - p->bytes);
}

static struct slab *
slab_make(struct slab_pool *p, size_t size)
{
	struct slab	*s;

	if (size == SLAB_SIZE && p->idle != NULL) {
		s = p->idle;
		p->idle = s->next;
	} else if (size > SIZE_MAX - sizeof(*s) ||
	    (s = malloc(sizeof(*s) + size)) == NULL) {
		errno = ENOMEM;
		return (NULL);
	}
	s->next = NULL;
	s->refs = 1;
	s->size = size;
	s->used = 0;
	p->bytes += size;
	return (s);
}

static void
slab_retire(struct slab_pool *p, struct slab *s)
{
	p->bytes -= s->size;
	if (s->size == SLAB_SIZE) {
		s->next = p->idle;
		p->idle = s;
	} else
		free(s);
}

void
slab_unref(struct slab_pool *p, struct slab *s)
{
	if (--s->refs == 0)
		slab_retire(p, s);
}

static void *
reserve_own(struct slab_pool *p, size_t len)
{
	if ((p->own = slab_make(p, len)) == NULL)
		return (NULL);
	return (p->own->data);
}

void *
slab_reserve(struct slab_pool *p, size_t len)
{
	struct slab	*s;

	if (p->own != NULL) {
		slab_unref(p, p->own);
		p->own = NULL;
	}
	if (!slab_pool_admits(p, len)) {
		errno = ENOBUFS;
		return (NULL);
	}
	if (len > SLAB_SIZE)
		return (reserve_own(p, len));
	if (p->fill != NULL && p->fill->refs == 1)
		p->fill->used = 0;
	if (p->fill == NULL || SLAB_SIZE - p->fill->used < len) {
		if ((s = slab_make(p, SLAB_SIZE)) == NULL)
			return (NULL);
		if (p->fill != NULL)
			slab_unref(p, p->fill);
		p->fill = s;
	}
	return (p->fill->data + p->fill->used);
}

struct slab *
slab_commit(struct slab_pool *p, size_t used)
{
	struct slab	*s;

	if (p->own != NULL) {
		s = p->own;
		p->own = NULL;
		return (s);
	}
	s = p->fill;
	used = round_up(used);
	s->used = used > s->size - s->used ? s->size : s->used + used;
	s->refs++;
	return (s);
}
