/* SPDX-License-Identifier: ISC */
/*
 * Aggregation: one sorted array of series.  Look-ups are binary searches;
 * only a series seen for the first time moves the rest, and exposition is a
 * walk from front to back.
 */
#include "config.h"

#include "supervisor/control/store.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define OWN_SOURCE	0	/* no process start has this generation */

struct number {
	double	 value;
	double	 sum;
	uint64_t counts[METRIC_BUCKETS_MAX + 1];
};

struct part {
	uint64_t	source;
	int64_t		seen_us;
	struct number	n;
};

struct series {
	const struct family *family;
	char		*pipeline;
	char		*labels;
	struct number	 base;		/* of processes that are gone */
	bool		 has_base;
	struct part	*parts;
	size_t		 nparts;
};

struct store {
	struct series	**v;
	size_t		 n, room;
};

struct store *
store_new(void)
{
	return (calloc(1, sizeof(struct store)));
}

static void
series_free(struct series *s)
{
	if (s == NULL)
		return;
	free(s->pipeline);
	free(s->labels);
	free(s->parts);
	free(s);
}

void
store_free(struct store *st)
{
	size_t i;

	if (st == NULL)
		return;
	for (i = 0; i < st->n; i++)
		series_free(st->v[i]);
	free(st->v);
	free(st);
}

static int
compare(const struct series *s, const struct family *f, const char *pipeline,
    const char *labels)
{
	int c;

	if (s->family->order != f->order)
		return (s->family->order < f->order ? -1 : 1);
	if ((c = strcmp(s->pipeline, pipeline)) != 0)
		return (c);
	return (strcmp(s->labels, labels));
}

/* Index of the first series that is not below the key. */
static size_t
lower_bound(const struct store *st, const struct family *f,
    const char *pipeline, const char *labels)
{
	size_t lo = 0, hi = st->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (compare(st->v[mid], f, pipeline, labels) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo);
}

static struct series *
find(const struct store *st, const struct family *f, const char *pipeline,
    const char *labels)
{
	size_t i = lower_bound(st, f, pipeline, labels);

	if (i < st->n && compare(st->v[i], f, pipeline, labels) == 0)
		return (st->v[i]);
	return (NULL);
}

/* \xff is above every label value, since these are UTF-8. */
static bool
room_for(const struct store *st, const struct family *f, const char *pipeline)
{
	return (st->n < STORE_SERIES_MAX &&
	    lower_bound(st, f, pipeline, "\xff") -
	    lower_bound(st, f, pipeline, "") < STORE_LABELSETS_MAX);
}

static struct series *
series_new(const struct family *f, const char *pipeline, const char *labels)
{
	struct series *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->family = f;
	s->pipeline = strdup(pipeline);
	s->labels = strdup(labels);
	if (s->pipeline == NULL || s->labels == NULL) {
		series_free(s);
		return (NULL);
	}
	return (s);
}

static int
grow(struct store *st)
{
	size_t room = st->room == 0 ? 256 : st->room * 2;
	struct series **v;

	if (st->n < st->room)
		return (0);
	if ((v = realloc(st->v, room * sizeof(struct series *))) == NULL)
		return (-1);
	st->v = v;
	st->room = room;
	return (0);
}

static bool
labels_fit(const struct family *f, const char *labels)
{
	size_t n = f->nlabels == 0 ? 0 : 1;
	const char *p;

	if (f->nlabels == 0)
		return (*labels == '\0');
	for (p = labels; *p != '\0'; p++)
		if (*p == '\x1f')
			n++;
	return (n == f->nlabels && utf8_valid(labels, strlen(labels)));
}

static struct series *
obtain(struct store *st, const struct family *f, const char *pipeline,
    const char *labels)
{
	struct series *s;
	size_t i;

	if ((s = find(st, f, pipeline, labels)) != NULL)
		return (s);
	if (!labels_fit(f, labels) || !utf8_valid(pipeline, strlen(pipeline))) {
		errno = EINVAL;
		return (NULL);
	}
	if (!room_for(st, f, pipeline)) {
		errno = ENOSPC;
		return (NULL);
	}
	if (grow(st) == -1 ||
	    (s = series_new(f, pipeline, labels)) == NULL)
		return (NULL);
	i = lower_bound(st, f, pipeline, labels);
	memmove(&st->v[i + 1], &st->v[i],
	    (st->n - i) * sizeof(struct series *));
	st->v[i] = s;
	st->n++;
	return (s);
}

static struct part *
part_of(struct series *s, uint64_t source)
{
	struct part *p;
	size_t i;

	for (i = 0; i < s->nparts; i++)
		if (s->parts[i].source == source)
			return (&s->parts[i]);
	p = realloc(s->parts, (s->nparts + 1) * sizeof(*p));
	if (p == NULL)
		return (NULL);
	s->parts = p;
	p = &s->parts[s->nparts++];
	memset(p, 0, sizeof(*p));
	p->source = source;
	return (p);
}

/* Into the account of those that are gone. */
static void
fold(struct series *s, const struct number *n)
{
	size_t i;

	switch (s->family->type) {
	case METRIC_GAUGE:
		if (!s->family->keep)
			return;
		if (!s->has_base || n->value > s->base.value)
			s->base.value = n->value;
		break;
	case METRIC_COUNTER:
		s->base.value += n->value;
		break;
	case METRIC_HISTOGRAM:
		s->base.sum += n->sum;
		for (i = 0; i <= s->family->nbuckets; i++)
			s->base.counts[i] += n->counts[i];
		break;
	}
	s->has_base = true;
}

static bool
sample_fits(const struct family *f, const struct metric_sample *m)
{
	switch (f->type) {
	case METRIC_COUNTER:
		return (m->ncounts == 0 && isfinite(m->value) &&
		    m->value >= 0);
	case METRIC_GAUGE:
		return (m->ncounts == 0);
	case METRIC_HISTOGRAM:
		return (m->ncounts == f->nbuckets + 1 && isfinite(m->sum) &&
		    m->sum >= 0);
	}
	return (false);
}

/* A process never counts down; one that does has begun again. */
static bool
went_back(const struct series *s, const struct number *old,
    const struct metric_sample *m)
{
	size_t i;

	if (s->family->type == METRIC_COUNTER)
		return (m->value < old->value);
	if (s->family->type == METRIC_HISTOGRAM)
		for (i = 0; i < m->ncounts; i++)
			if (m->counts[i] < old->counts[i])
				return (true);
	return (false);
}

int
store_put(struct store *st, uint64_t source, const char *pipeline,
    const struct family *f, const struct metric_sample *m, int64_t now_us)
{
	struct series *s;
	struct part *p;

	if (!sample_fits(f, m)) {
		errno = EINVAL;
		return (-1);
	}
	if ((s = obtain(st, f, pipeline, m->labels)) == NULL ||
	    (p = part_of(s, source)) == NULL)
		return (-1);
	if (went_back(s, &p->n, m))
		fold(s, &p->n);
	p->seen_us = now_us;
	p->n.value = m->value;
	p->n.sum = m->sum;
	memcpy(p->n.counts, m->counts, m->ncounts * sizeof(m->counts[0]));
	return (0);
}

int
store_add(struct store *st, const char *pipeline, const struct family *f,
    const char *labels, double by)
{
	struct series *s;

	if ((s = obtain(st, f, pipeline, labels)) == NULL)
		return (-1);
	s->base.value += by;
	s->has_base = true;
	return (0);
}

int
store_set(struct store *st, const char *pipeline, const struct family *f,
    const char *labels, double value, int64_t now_us)
{
	struct series *s;
	struct part *p;

	if ((s = obtain(st, f, pipeline, labels)) == NULL ||
	    (p = part_of(s, OWN_SOURCE)) == NULL)
		return (-1);
	p->n.value = value;
	p->seen_us = now_us;
	return (0);
}

static void
part_drop(struct series *s, size_t i)
{
	s->nparts--;
	memmove(&s->parts[i], &s->parts[i + 1],
	    (s->nparts - i) * sizeof(s->parts[0]));
}

/* Keep the series that fn wants kept. */
static void
sweep(struct store *st, bool (*fn)(struct series *, const void *),
    const void *arg)
{
	size_t i, kept = 0;

	for (i = 0; i < st->n; i++) {
		if (fn(st->v[i], arg))
			st->v[kept++] = st->v[i];
		else
			series_free(st->v[i]);
	}
	st->n = kept;
}

static bool
without_source(struct series *s, const void *arg)
{
	uint64_t source = *(const uint64_t *)arg;
	size_t i;

	for (i = 0; i < s->nparts; i++)
		if (s->parts[i].source == source) {
			fold(s, &s->parts[i].n);
			part_drop(s, i);
			break;
		}
	return (s->has_base || s->nparts > 0);
}

void
store_source_gone(struct store *st, uint64_t source)
{
	sweep(st, without_source, &source);
}

static bool
not_of_pipeline(struct series *s, const void *arg)
{
	return (strcmp(s->pipeline, arg) != 0);
}

void
store_forget(struct store *st, const char *pipeline)
{
	sweep(st, not_of_pipeline, pipeline);
}

static bool
total_gauge(const struct series *s, int64_t now_us, struct number *out)
{
	const struct part *p, *newest = NULL;
	size_t i;

	for (i = 0; i < s->nparts; i++) {
		p = &s->parts[i];
		if (newest == NULL || p->seen_us > newest->seen_us)
			newest = p;
	}
	if (newest != NULL && !s->family->keep &&
	    now_us - newest->seen_us > STORE_STALE_US)
		return (false);
	if (newest == NULL && !s->has_base)
		return (false);
	out->value = newest != NULL ? newest->n.value : s->base.value;
	if (s->has_base && s->base.value > out->value)
		out->value = s->base.value;
	return (true);
}

static bool
total(const struct series *s, int64_t now_us, struct number *out)
{
	size_t i, b;

	if (s->family->type == METRIC_GAUGE)
		return (total_gauge(s, now_us, out));
	*out = s->base;
	for (i = 0; i < s->nparts; i++) {
		out->value += s->parts[i].n.value;
		out->sum += s->parts[i].n.sum;
		for (b = 0; b <= s->family->nbuckets; b++)
			out->counts[b] += s->parts[i].n.counts[b];
	}
	return (true);
}

bool
store_get(const struct store *st, const char *pipeline,
    const struct family *f, const char *labels, int64_t now_us,
    double *value)
{
	const struct series *s;
	struct number n;

	if ((s = find(st, f, pipeline, labels)) == NULL ||
	    !total(s, now_us, &n))
		return (false);
	*value = n.value;
	return (true);
}

void
store_each(const struct store *st, int64_t now_us,
    void (*fn)(const struct store_value *, void *), void *arg)
{
	struct store_value v;
	struct number n;
	size_t i;

	for (i = 0; i < st->n; i++) {
		if (!total(st->v[i], now_us, &n))
			continue;
		v.family = st->v[i]->family;
		v.pipeline = st->v[i]->pipeline;
		v.labels = st->v[i]->labels;
		v.value = n.value;
		v.counts = n.counts;
		v.sum = n.sum;
		fn(&v, arg);
	}
}

size_t
store_count(const struct store *st)
{
	return (st->n);
}
