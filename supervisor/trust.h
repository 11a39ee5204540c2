/* SPDX-License-Identifier: ISC */
/*
 * Files that the privileged process believes: those that nobody but root
 * (or the user that pg-tided runs as) can change.
 */
#ifndef TIDE_SUPERVISOR_TRUST_H
#define TIDE_SUPERVISOR_TRUST_H

#include <stddef.h>

/* A regular file of ours that others cannot write?  0, or -1 and why. */
int	trust_check(int fd, char *err, size_t errsize);
/* The same for a directory. */
int	trust_check_dir(int fd, char *err, size_t errsize);
/*
 * Read all of it, at most max bytes, and a NUL that is not counted; wipe
 * and free it.  NULL and why.
 */
char	*trust_read(int fd, size_t max, size_t *len, char *err,
	    size_t errsize);
/* The same without asking who owns it. */
char	*read_all(int fd, size_t max, size_t *len, char *err, size_t errsize);

#endif
