/* SPDX-License-Identifier: ISC */
/*
 * The option tables of sinks (and of pipelines, under "@pipeline") as the
 * table tide.sink_types holds them.
 */
#ifndef TIDE_CATALOG_SINKTYPES_H
#define TIDE_CATALOG_SINKTYPES_H

#include <stddef.h>

#include "common/option.h"

struct sinktypes;

struct sinktype {
	char		*name;
	struct option_def *defs;
	size_t		 n;
};

struct sinktypes *sinktypes_new(void);
void	sinktypes_free(struct sinktypes *);	/* NULL is allowed */
/* Add a type from its JSON; 0, or -1 with a message. */
int	sinktypes_add(struct sinktypes *, const char *name,
	    const char *options, char *err, size_t errsize);
const struct sinktype *sinktypes_find(const struct sinktypes *,
	    const char *name);
/* "file, webhook", for messages. */
void	sinktypes_names(const struct sinktypes *, char *dst, size_t size);

#endif
