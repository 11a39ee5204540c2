/* SPDX-License-Identifier: ISC */
/*
 * The sockets that pg-tided listens on.  It opens them and hands them to the
 * control process; it accepts nothing itself.
 */
#ifndef TIDE_SUPERVISOR_LISTENERS_H
#define TIDE_SUPERVISOR_LISTENERS_H

#include <stddef.h>

#include "common/option.h"

struct listeners {
	int	 control;		/* -1: none */
	int	 metrics;		/* -1: "off" */
	char	*path;			/* of the control socket, to unlink */
};

/* 0, or -1 and why; an address that is not ours lists those that are. */
int	listeners_open(struct listeners *, const struct option_set *,
	    char *err, size_t errsize);
void	listeners_close(struct listeners *);
/* Is the address understood, is there the group?  0 or -1 and why. */
int	listeners_check(const struct option_set *, char *err, size_t errsize);
/* Make the directories above a path of ours that are missing. */
int	make_parents(const char *path, char *err, size_t errsize);

#endif
