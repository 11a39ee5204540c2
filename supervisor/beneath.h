/* SPDX-License-Identifier: ISC */
/*
 * Open files that a pipeline names, only below directories that
 * pg-tided.conf allows: openat2(2) with RESOLVE_BENEATH, so that neither
 * ".." nor a symbolic link leads out, while Kubernetes' "..data" links work.
 */
#ifndef TIDE_SUPERVISOR_BENEATH_H
#define TIDE_SUPERVISOR_BENEATH_H

#include <stddef.h>

#include "common/option.h"

/*
 * option is the name of the LIST of directories.  Returns a descriptor of a
 * regular file, or -1 with a message that names path and rule.
 */
int	beneath_open_read(const struct option_set *, const char *option,
	    const char *path, char *err, size_t errsize);
/* Created when missing, 0640; append only. */
int	beneath_open_append(const struct option_set *, const char *option,
	    const char *path, char *err, size_t errsize);

#endif
