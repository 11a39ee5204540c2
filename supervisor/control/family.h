/* SPDX-License-Identifier: ISC */
/*
 * Metric families as they are exposed: the built-in table of
 * common/metrics.c and what plugins declare at run time.
 *
 * A family lives as long as its table and never changes, so pointers to it
 * may be kept and compared.
 */
#ifndef TIDE_CONTROL_FAMILY_H
#define TIDE_CONTROL_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"
#include "common/metrics.h"

struct family {
	unsigned int	 order;		/* of exposition */
	enum metric_type type;
	const char	*name;		/* as exposed */
	const char	*help;
	const char	*labels;	/* beyond "pipeline", "a,b" or "" */
	size_t		 nlabels;
	size_t		 nbuckets;
	const double	*buckets;
	bool		 own;		/* only control itself may set it */
	bool		 keep;		/* gauge that outlives its process:
					 * a time stamp, the newest counts */
};

struct families;

struct families *families_new(void);
void	families_free(struct families *);
/* A built-in one; NULL when there is no such id. */
const struct family *families_find(const struct families *, uint16_t id);
/*
 * The family of a plugin's metric, made at first sight as
 * pg_tide_sink_PLUGIN_NAME.  NULL with errno: EINVAL for a name, type or
 * help that cannot be exposed, EEXIST when the name is taken by another
 * type, ENOSPC when there are too many.
 */
const struct family *families_plugin(struct families *, const char *plugin,
	    const struct msg_metric_def *);

#endif
