/* SPDX-License-Identifier: ISC */
/*
 * The configuration of pg-tided: defaults, then the file, then the
 * environment, then flags.  Each load makes a new set; the running one stays
 * as it is when that fails.
 */
#ifndef TIDE_SUPERVISOR_CONF_H
#define TIDE_SUPERVISOR_CONF_H

#include <stddef.h>

#include "common/option.h"
#include "supervisor/cmdline.h"

struct bindings;

/*
 * NULL when something is wrong: every problem is logged with file and line,
 * and err gets the first.  *bindings gets the sections of pipelines, of
 * which the caller is the owner, too.
 */
struct option_set *conf_load(const struct cmdline *, struct bindings **,
	    char *err, size_t errsize);

/*
 * A copy of an option's value that may be shown: passwords are replaced by
 * asterisks, references are kept.  Always terminates; returns dst.
 */
char	*conf_masked(const struct option_set *, const struct option_def *,
	    char *dst, size_t size);
/* The same for the text of a connection string. */
char	*conf_mask_url(const char *url, char *dst, size_t size);

#endif
