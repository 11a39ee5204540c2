/* SPDX-License-Identifier: ISC */
/*
 * A test that plays the supervisor: starts a child process with its
 * descriptors, brings it through its life up to READY, says and hears
 * frames.  Blocking, with deadlines.
 */
#ifndef TIDE_TESTS_CHILDDRIVER_H
#define TIDE_TESTS_CHILDDRIVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/messages.h"

struct driver {
	pid_t	 pid;
	int	 sup, ctl, res;		/* our ends */
	uint64_t gen;
};

/* program is relative to the build folder.  All of these fail the test. */
void	driver_start(struct driver *, const char *program);
/* HELLO, these settings (name, value, ..., NULL), CONFIG with flags, up to
 * LOCKED.  sandbox is chosen here. */
void	driver_lock(struct driver *, const char *const settings[],
	    uint32_t flags);
void	driver_secret(struct driver *, const char *name, const char *value);
void	driver_file(struct driver *, const char *path, int fd);
/* GO up to READY. */
void	driver_go(struct driver *);

void	driver_say(struct driver *, struct frame *);
void	driver_say_empty(struct driver *, uint16_t type);
/* The next frame on a socket of ours, BEATs left out.  False after ms
 * without one, or at the end. */
bool	driver_next(int sock, struct frame *, int ms);
/* The next frame of a type; others are dropped. */
bool	driver_find(int sock, uint16_t type, struct frame *, int ms);
/* STOP, and wait; the exit status as waitpid() gives it. */
int	driver_stop(struct driver *);
/* Wait for it to end by itself. */
int	driver_end(struct driver *);

#endif
