/* SPDX-License-Identifier: ISC */
/*
 * The numbers of all processes put together.
 *
 * A series is one (family, pipeline, label values).  Each process, named by
 * its generation, has a part in it.  Counters and histograms are the sum of
 * the parts plus what ended processes had counted, so they never go back
 * when a worker is restarted.  A gauge is the part that spoke last and goes
 * with its process, but for those that the family says to keep.
 *
 * Senders are not trusted: shapes and numbers are checked, and one family
 * of one pipeline has at most STORE_LABELSETS_MAX series.
 */
#ifndef TIDE_CONTROL_STORE_H
#define TIDE_CONTROL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/control/family.h"

#define STORE_LABELSETS_MAX	64
#define STORE_SERIES_MAX	50000
#define STORE_STALE_US		30000000	/* gauge of a silent process */

struct store;

struct store_value {
	const struct family *family;
	const char	*pipeline;	/* "" for the daemon itself */
	const char	*labels;	/* joined by \x1f */
	double		 value;		/* counter, gauge */
	const uint64_t	*counts;	/* histogram: nbuckets + 1, +Inf last,
					 * not cumulative */
	double		 sum;
};

struct store *store_new(void);
void	store_free(struct store *);

/*
 * The number as process source has it now.  0, or -1 with errno EINVAL (a
 * shape that does not fit the family, a counter that is no count), ENOSPC
 * or ENOMEM.  now_us is CLOCK_MONOTONIC.
 */
int	store_put(struct store *, uint64_t source, const char *pipeline,
	    const struct family *, const struct metric_sample *,
	    int64_t now_us);
/* Control's own numbers. */
int	store_add(struct store *, const char *pipeline, const struct family *,
	    const char *labels, double);
int	store_set(struct store *, const char *pipeline, const struct family *,
	    const char *labels, double, int64_t now_us);

void	store_source_gone(struct store *, uint64_t source);
void	store_forget(struct store *, const char *pipeline);

/* A counter or gauge as exposed; false when there is none. */
bool	store_get(const struct store *, const char *pipeline,
	    const struct family *, const char *labels, int64_t now_us,
	    double *);
/* Every series that has a value, by family, pipeline, labels. */
void	store_each(const struct store *, int64_t now_us,
	    void (*)(const struct store_value *, void *), void *);
size_t	store_count(const struct store *);

#endif
