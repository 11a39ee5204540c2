/* SPDX-License-Identifier: ISC */
/* The arena that secrets live in. */
#include "common/secretmem.h"

#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGN	16

/* A stretch of the arena; the names are no secrets and live outside. */
struct slot {
	STAILQ_ENTRY(slot) entry;
	uint8_t	*at;
	size_t	 room;		/* bytes reserved */
	size_t	 len;		/* of the value */
	uint8_t	 kind;
	bool	 used;
	char	*name;		/* NULL: free, or anonymous */
};

struct secretmem {
	uint8_t	*map;		/* with a guard page at both ends */
	size_t	 map_size;
	uint8_t	*base;
	size_t	 size;
	size_t	 top;		/* first byte never given out */
	STAILQ_HEAD(, slot) slots;
};

static size_t
page_size(void)
{
	return ((size_t)sysconf(_SC_PAGESIZE));
}

/* Memory that not even the kernel has in its direct map, when there is any. */
static int
map_secret(uint8_t *at, size_t size)
{
	void *p;
	int fd;

	if ((fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC)) == -1)
		return (-1);
	p = MAP_FAILED;
	if (ftruncate(fd, (off_t)size) == 0)
		p = mmap(at, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return (-1);
	/* Shared memory cannot be wiped on fork; leave it out instead. */
	(void)madvise(at, size, MADV_DONTFORK);
	return (0);
}

static int
map_locked(uint8_t *at, size_t size, int *locked)
{
	if (mmap(at, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return (-1);
	if (madvise(at, size, MADV_DONTDUMP) == -1 ||
	    madvise(at, size, MADV_WIPEONFORK) == -1)
		return (-1);
	*locked = mlock(at, size) == 0;
	return (0);
}

static int
arena_map(struct secretmem *m, size_t size, int *locked)
{
	size_t page = page_size();

	m->size = (size + page - 1) / page * page;
	m->map_size = m->size + 2 * page;
	m->map = mmap(NULL, m->map_size, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->map == MAP_FAILED)
		return (-1);
	m->base = m->map + page;
	*locked = 1;
	if (map_secret(m->base, m->size) == 0 ||
	    map_locked(m->base, m->size, locked) == 0)
		return (0);
	munmap(m->map, m->map_size);
	return (-1);
}

struct secretmem *
secretmem_new(size_t size, int *locked)
{
	struct secretmem *m;
	int ignored;

	if (size == 0 || size > SIZE_MAX / 2) {
		errno = EINVAL;
		return (NULL);
	}
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	STAILQ_INIT(&m->slots);
	if (arena_map(m, size, locked != NULL ? locked : &ignored) == -1) {
		free(m);
		return (NULL);
	}
	return (m);
}

void
secretmem_free(struct secretmem *m)
{
	struct slot *s;

	if (m == NULL)
		return;
	explicit_bzero(m->base, m->top);
	munmap(m->map, m->map_size);
	while ((s = STAILQ_FIRST(&m->slots)) != NULL) {
		STAILQ_REMOVE_HEAD(&m->slots, entry);
		free(s->name);
		free(s);
	}
	free(m);
}

static struct slot *
slot_find(const struct secretmem *m, uint8_t kind, const char *name)
{
	struct slot *s;

	STAILQ_FOREACH(s, &m->slots, entry) {
		if (s->used && s->kind == kind && s->name != NULL &&
		    strcmp(s->name, name) == 0)
			return (s);
	}
	return (NULL);
}

/* The smallest released stretch that is large enough. */
static struct slot *
slot_reuse(struct secretmem *m, size_t room)
{
	struct slot *s, *best = NULL;

	STAILQ_FOREACH(s, &m->slots, entry) {
		if (!s->used && s->room >= room &&
		    (best == NULL || s->room < best->room))
			best = s;
	}
	return (best);
}

static struct slot *
slot_carve(struct secretmem *m, size_t room)
{
	struct slot *s;

	if (room > m->size - m->top) {
		errno = ENOSPC;
		return (NULL);
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->at = m->base + m->top;
	s->room = room;
	m->top += room;
	STAILQ_INSERT_TAIL(&m->slots, s, entry);
	return (s);
}

static struct slot *
slot_get(struct secretmem *m, size_t len)
{
	struct slot *s;
	size_t room;

	if (len >= m->size) {
		errno = ENOSPC;
		return (NULL);
	}
	room = (len + 1 + ALIGN - 1) / ALIGN * ALIGN;
	if ((s = slot_reuse(m, room)) == NULL)
		s = slot_carve(m, room);
	if (s == NULL)
		return (NULL);
	s->used = true;
	s->len = len;
	s->at[len] = '\0';
	return (s);
}

static void
slot_release(struct slot *s)
{
	explicit_bzero(s->at, s->room);
	free(s->name);
	s->name = NULL;
	s->used = false;
	s->len = 0;
}

void *
secretmem_put(struct secretmem *m, uint8_t kind, const char *name, size_t len)
{
	struct slot *s;
	char *copy;

	if ((copy = strdup(name)) == NULL)
		return (NULL);
	if ((s = slot_find(m, kind, name)) != NULL)
		slot_release(s);
	if ((s = slot_get(m, len)) == NULL) {
		free(copy);
		return (NULL);
	}
	s->kind = kind;
	s->name = copy;
	return (s->at);
}

int
secretmem_fill(struct secretmem *m, uint8_t kind, const char *name,
    size_t offset, const void *data, size_t len)
{
	struct slot *s = slot_find(m, kind, name);

	if (s == NULL || offset > s->len || len > s->len - offset) {
		errno = ERANGE;
		return (-1);
	}
	if (len > 0)
		memcpy(s->at + offset, data, len);
	return (0);
}

const void *
secretmem_get(const struct secretmem *m, uint8_t kind, const char *name,
    size_t *len)
{
	const struct slot *s = slot_find(m, kind, name);

	if (s == NULL)
		return (NULL);
	if (len != NULL)
		*len = s->len;
	return (s->at);
}

void *
secretmem_alloc(struct secretmem *m, size_t len)
{
	struct slot *s = slot_get(m, len);

	return (s == NULL ? NULL : s->at);
}
