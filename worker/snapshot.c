/* SPDX-License-Identifier: ISC */
/* Snapshots as PostgreSQL writes them: parse, print, ask, compare. */
#include "worker/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct snapshot {
	unsigned int	 refs;
	int32_t		 generation;
	uint64_t	 xmin, xmax;
	size_t		 nxip;
	char		*text;		/* behind xip */
	uint64_t	 xip[];		/* ascending */
};

/* One number up to a stop character or the end; false: there is none. */
static bool
number_get(const char **p, const char *end, uint64_t *v)
{
	const char	*start = *p;
	unsigned int	 digit;

	for (*v = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		digit = (unsigned int)(**p - '0');
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, digit, v))
			return (false);
	}
	return (*p > start);
}

static bool
char_get(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return (false);
	(*p)++;
	return (true);
}

/* The in-progress list: ascending, doubled ones are dropped as PostgreSQL
 * does. */
static bool
xip_get(struct snapshot *s, const char *p, const char *end)
{
	uint64_t	xid, last = 0;

	while (p < end) {
		if (!number_get(&p, end, &xid) || xid < s->xmin ||
		    xid >= s->xmax || xid < last)
			return (false);
		if (xid != last)
			s->xip[s->nxip++] = xid;
		last = xid;
		if (p < end && (!char_get(&p, end, ',') || p == end))
			return (false);
	}
	return (true);
}

static size_t
commas_count(const char *p, const char *end)
{
	size_t	n = 0;

	for (; p < end; p++)
		n += *p == ',';
	return (n);
}

/* Print the canonical form; room is known to suffice: numbers only got
 * shorter. */
static void
text_make(struct snapshot *s, size_t size)
{
	size_t	i, used;

	used = (size_t)snprintf(s->text, size, "%" PRIu64 ":%" PRIu64 ":",
	    s->xmin, s->xmax);
	for (i = 0; i < s->nxip; i++)
		used += (size_t)snprintf(s->text + used, size - used,
		    "%s%" PRIu64, i == 0 ? "" : ",", s->xip[i]);
}

struct snapshot *
snapshot_parse(const char *text, size_t len, int32_t generation)
{
	const char	*p = text, *end = text + len;
	struct snapshot	*s;
	uint64_t	 xmin, xmax;
	size_t		 n;

	if (!number_get(&p, end, &xmin) || !char_get(&p, end, ':') ||
	    !number_get(&p, end, &xmax) || !char_get(&p, end, ':') ||
	    xmin == 0 || xmax < xmin) {
		errno = EINVAL;
		return (NULL);
	}
	n = commas_count(p, end) + 1;
	if ((s = calloc(1, sizeof(*s) + n * sizeof(s->xip[0]) + len + 1)) ==
	    NULL)
		return (NULL);
	s->refs = 1;
	s->generation = generation;
	s->xmin = xmin;
	s->xmax = xmax;
	s->text = (char *)&s->xip[n];
	if (!xip_get(s, p, end)) {
		free(s);
		errno = EINVAL;
		return (NULL);
	}
	text_make(s, len + 1);
	return (s);
}

struct snapshot *
snapshot_ref(struct snapshot *s)
{
	s->refs++;
	return (s);
}

void
snapshot_unref(struct snapshot *s)
{
	if (s != NULL && --s->refs == 0)
		free(s);
}

const char *
snapshot_text(const struct snapshot *s)
{
	return (s->text);
}

int32_t
snapshot_generation(const struct snapshot *s)
{
	return (s->generation);
}

uint64_t
snapshot_xmin(const struct snapshot *s)
{
	return (s->xmin);
}

uint64_t
snapshot_xmax(const struct snapshot *s)
{
	return (s->xmax);
}

size_t
snapshot_nxip(const struct snapshot *s)
{
	return (s->nxip);
}

static int
xid_compare(const void *a, const void *b)
{
	const uint64_t	x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return ((x > y) - (x < y));
}

bool
snapshot_visible(const struct snapshot *s, uint64_t xid)
{
	if (xid < s->xmin)
		return (true);
	if (xid >= s->xmax)
		return (false);
	return (bsearch(&xid, s->xip, s->nxip, sizeof(xid), xid_compare) ==
	    NULL);
}

bool
snapshot_equal(const struct snapshot *a, const struct snapshot *b)
{
	return (a->generation == b->generation &&
	    strcmp(a->text, b->text) == 0);
}

/* FNV-1a over the canonical text: the same on every host. */
uint64_t
snapshot_hash(const struct snapshot *s)
{
	uint64_t	 h = 0xcbf29ce484222325u;
	const char	*p;

	for (p = s->text; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return (h);
}
