/* SPDX-License-Identifier: ISC */
/*
 * The one place in a process where secrets live: an arena that is locked
 * in memory, left out of core dumps, wiped on fork, fenced by guard pages,
 * and zeroed when a value is replaced and at the end.
 *
 * Make it before the last lock-down (memfd_secret and mlock are gone
 * afterwards).  Not thread-safe: loop thread only.
 */
#ifndef TIDE_COMMON_SECRETMEM_H
#define TIDE_COMMON_SECRETMEM_H

#include <stddef.h>
#include <stdint.h>

struct secretmem;

/* size is rounded up to pages.  NULL with errno.  A failing mlock is
 * reported through *locked (0/1), not an error: RLIMIT_MEMLOCK is small on
 * some hosts. */
struct secretmem *secretmem_new(size_t size, int *locked);
void	secretmem_free(struct secretmem *);	/* zeroes */

/*
 * Room for a value of len bytes under (kind, name); an earlier value of
 * that name is zeroed.  NULL with ENOSPC.  The value is followed by a NUL
 * that does not count.
 */
void	*secretmem_put(struct secretmem *, uint8_t kind, const char *name,
	    size_t len);
/* Fill in a part, for values that arrive in chunks; 0 or -1 (ERANGE). */
int	secretmem_fill(struct secretmem *, uint8_t kind, const char *name,
	    size_t offset, const void *, size_t);
const void *secretmem_get(const struct secretmem *, uint8_t kind,
	    const char *name, size_t *len);	/* NULL: none */
/* Anonymous room for derived values (a string with secrets spliced in);
 * it lives until secretmem_free(). */
void	*secretmem_alloc(struct secretmem *, size_t);

#endif
