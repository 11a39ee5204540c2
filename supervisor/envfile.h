/* SPDX-License-Identifier: ISC */
/*
 * Names that ${env:NAME} may use: those of environment_file, those of our
 * own environment that match PGTIDE_* or secrets.env.  Nothing is cached:
 * a changed file counts at the next start of a worker.
 */
#ifndef TIDE_SUPERVISOR_ENVFILE_H
#define TIDE_SUPERVISOR_ENVFILE_H

#include <stddef.h>

#include "common/option.h"

/* The value (wipe and free it), or NULL with a message that names the rule
 * and the line that would allow it. */
char	*env_lookup(const struct option_set *, const char *name, size_t *len,
	    char *err, size_t errsize);
/* Can the file be read at all?  0 or -1 and why; a missing default is fine.*/
int	env_check(const struct option_set *, char *err, size_t errsize);

#endif
