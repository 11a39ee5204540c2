/* SPDX-License-Identifier: ISC */
/*
 * The sections [pipeline NAME] of pg-tided.conf: what an administrator
 * fixes for one pipeline, whatever the catalog says.  Never changed once
 * loaded; a reload makes new ones.
 */
#ifndef TIDE_SUPERVISOR_BINDINGS_H
#define TIDE_SUPERVISOR_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/option.h"

struct bindings;

extern const struct option_def binding_options[];
extern const size_t binding_noptions;

struct bindings *bindings_new(void);		/* NULL: out of memory */
void	bindings_free(struct bindings *);	/* NULL is allowed */

/* Is this the name of a setting in such a section? */
bool	bindings_is_name(const char *name);
/*
 * Set "pipeline NAME.OPTION".  0, or -1 with a message that names what is
 * allowed.
 */
int	bindings_put(struct bindings *, const char *name, const char *text,
	    const char *origin, char *err, size_t errsize);

/* NULL: nothing is fixed for this pipeline.  No bindings at all is fine. */
const char *bindings_str(const struct bindings *, const char *pipeline,
	    const char *option);

/* For each value that was given, in the order of the file. */
typedef int (*bindings_fn)(const char *pipeline, const struct option_set *,
	    const struct option_def *, void *arg);
/* 0, or what fn returned when that was not 0: it stops. */
int	bindings_each(const struct bindings *, bindings_fn, void *arg);

#endif
