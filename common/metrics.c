/* SPDX-License-Identifier: ISC */
/* What a process counts, and how it tells the control process. */
#include "common/metrics.h"

#include <sys/queue.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/peer.h"

struct cell {
	STAILQ_ENTRY(cell) entry;
	uint16_t	 id;
	const struct metric_def *def;	/* NULL: a plugin's own */
	char		*labels;
	double		 value;		/* of a histogram: the sum */
	uint64_t	 counts[];	/* of a histogram: nbuckets + 1 */
};

struct metrics {
	char		 pipeline[64];
	uint32_t	 seq;
	STAILQ_HEAD(, cell) cells;
	double		 spill;		/* written to when memory is out */
};

struct metrics *
metrics_new(const char *pipeline)
{
	struct metrics *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	(void)snprintf(m->pipeline, sizeof(m->pipeline), "%s", pipeline);
	STAILQ_INIT(&m->cells);
	return (m);
}

void
metrics_free(struct metrics *m)
{
	struct cell *c;

	if (m == NULL)
		return;
	while ((c = STAILQ_FIRST(&m->cells)) != NULL) {
		STAILQ_REMOVE_HEAD(&m->cells, entry);
		free(c->labels);
		free(c);
	}
	free(m);
}

static bool
is_histogram(const struct metric_def *def)
{
	return (def != NULL && def->type == METRIC_HISTOGRAM);
}

static struct cell *
cell_new(uint16_t id, const char *labels)
{
	const struct metric_def *def = metric_find(id);
	struct cell *c;
	size_t n = is_histogram(def) ? def->nbuckets + 1 : 0;

	if ((c = calloc(1, sizeof(*c) + n * sizeof(c->counts[0]))) == NULL)
		return (NULL);
	if ((c->labels = strdup(labels)) == NULL) {
		free(c);
		return (NULL);
	}
	c->id = id;
	c->def = def;
	return (c);
}

static struct cell *
cell_get(struct metrics *m, uint16_t id, const char *labels)
{
	struct cell *c;

	STAILQ_FOREACH(c, &m->cells, entry) {
		if (c->id == id && strcmp(c->labels, labels) == 0)
			return (c);
	}
	if ((c = cell_new(id, labels)) == NULL) {
		log_warnx("no memory to count metric %u", (unsigned int)id);
		return (NULL);
	}
	STAILQ_INSERT_TAIL(&m->cells, c, entry);
	return (c);
}

double *
metrics_cell(struct metrics *m, uint16_t id, const char *labels)
{
	struct cell *c = cell_get(m, id, labels);

	return (c == NULL ? &m->spill : &c->value);
}

void
metrics_add(struct metrics *m, uint16_t id, const char *labels, double v)
{
	*metrics_cell(m, id, labels) += v;
}

void
metrics_set(struct metrics *m, uint16_t id, const char *labels, double v)
{
	*metrics_cell(m, id, labels) = v;
}

void
metrics_observe(struct metrics *m, uint16_t id, const char *labels,
    double seconds, uint64_t times)
{
	struct cell *c = cell_get(m, id, labels);
	size_t i;

	if (c == NULL || !is_histogram(c->def))
		return;
	for (i = 0; i < c->def->nbuckets && seconds > c->def->buckets[i]; i++)
		continue;
	c->counts[i] += times;
	c->value += seconds * (double)times;
}

/* Where "last" lies in a frame's body: behind sequence and part. */
#define LAST_AT	5

static void
part_start(struct frame *f, const struct metrics *m, uint8_t part)
{
	frame_start(f, MSG_METRICS, 0);
	frame_put_u32(f, m->seq);
	frame_put_u8(f, part);
	frame_put_u8(f, 0);
	frame_put_str(f, m->pipeline);
}

static size_t
cell_size(const struct cell *c)
{
	size_t n = 2 + 2 + strlen(c->labels) + 8;

	return (is_histogram(c->def) ? n + 1 + 8 * (c->def->nbuckets + 1) : n);
}

static void
cell_put(struct frame *f, const struct cell *c)
{
	size_t i;

	frame_put_u16(f, c->id);
	frame_put_str(f, c->labels);
	if (is_histogram(c->def)) {
		frame_put_u8(f, (uint8_t)(c->def->nbuckets + 1));
		for (i = 0; i <= c->def->nbuckets; i++)
			frame_put_u64(f, c->counts[i]);
	}
	frame_put_f64(f, c->value);
}

void
metrics_send(struct metrics *m, struct peer *control)
{
	const struct cell *c;
	struct frame f;
	uint8_t part = 0;

	m->seq++;
	part_start(&f, m, part);
	STAILQ_FOREACH(c, &m->cells, entry) {
		if (cell_size(c) > frame_room(&f)) {
			/* A snapshot with a hole would read as a decrease. */
			if (part == UINT8_MAX || peer_offer(control, &f) != 0)
				return;
			part_start(&f, m, ++part);
		}
		cell_put(&f, c);
	}
	f.body[LAST_AT] = 1;
	(void)peer_offer(control, &f);
}

int
metrics_frame_begin(struct frame *f, struct metric_frame *out)
{
	out->seq = frame_get_u32(f);
	out->part = frame_get_u8(f);
	out->last = frame_get_u8(f);
	frame_get_str(f, out->pipeline, sizeof(out->pipeline));
	return (f->bad ? -1 : 0);
}

int
metrics_frame_next(struct frame *f, struct metric_sample *s)
{
	const struct metric_def *def;
	size_t i;
	double v;

	if (!f->bad && f->pos == f->len)
		return (0);
	memset(s, 0, sizeof(*s));
	s->id = frame_get_u16(f);
	frame_get_str(f, s->labels, sizeof(s->labels));
	def = metric_find(s->id);
	if (def == NULL && s->id < METRIC_PLUGIN_FIRST)
		return (-1);
	if (is_histogram(def)) {
		s->ncounts = frame_get_u8(f);
		if (s->ncounts != def->nbuckets + 1)
			return (-1);
		for (i = 0; i < s->ncounts; i++)
			s->counts[i] = frame_get_u64(f);
	}
	v = frame_get_f64(f);
	if (is_histogram(def))
		s->sum = v;
	else
		s->value = v;
	return (f->bad ? -1 : 1);
}
