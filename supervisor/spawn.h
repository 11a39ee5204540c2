/* SPDX-License-Identifier: ISC */
/*
 * Start a child program: fork, descriptor map, everything else closed,
 * privilege dropped, limits, empty environment, exec of a verified file.
 *
 *	0	/dev/null
 *	1, 2	out: the daemon's log, or the pipe of a worker
 *	3	supervisor	one end of our socket pair
 *	4	control		a channel, or closed (-1)
 *	5	resolver	a channel, or closed (-1)
 *
 * Blocks until the exec has happened or failed.  The supervisor has no
 * threads, and must never make one: PDEATHSIG follows the thread that
 * forked.
 */
#ifndef TIDE_SUPERVISOR_SPAWN_H
#define TIDE_SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include <stddef.h>

#include "supervisor/identity.h"

struct spawn {
	const char	*path;		/* of the program */
	char *const	*argv;
	struct identity	 who;
	int		 out, supervisor, control, resolver;
};

/* The pid, or -1 and why.  All descriptors stay the caller's. */
pid_t	spawn(const struct spawn *, char *err, size_t errsize);

/*
 * Open a program or plugin that root (or we, when not root) owns, in a
 * directory of the same kind, and that nobody else can write.  The
 * descriptor, or -1 and why.
 */
int	spawn_open_verified(const char *path, char *err, size_t errsize);

#endif
