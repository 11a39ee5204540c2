/* SPDX-License-Identifier: ISC */
/* Become a daemon, and be the only one. */
#ifndef TIDE_SUPERVISOR_DAEMON_H
#define TIDE_SUPERVISOR_DAEMON_H

#include <stddef.h>

/*
 * Fork into the background.  The parent waits until daemon_ready() and exits
 * with 0, or with 1 when the daemon ended before.  Returns in the daemon:
 * 0, or -1 with errno.
 */
int	daemon_detach(void);
/* Release the parent.  stderr becomes /dev/null unless keep is set. */
void	daemon_ready(int keep_stderr);

/*
 * Lock the pid file and write our number to it; the descriptor stays open as
 * long as we live.  -1 and why: names the other process.
 */
int	pidfile_open(const char *path, char *err, size_t errsize);
void	pidfile_close(int fd, const char *path);

/* Descriptors 0, 1 and 2 exist: a socket on one of them would get the words
 * of any library that prints. */
int	daemon_sane_stdio(void);
/* As many descriptors as the hard limit allows; a failure is a warning. */
void	daemon_raise_nofile(void);
/* Descriptors that are still free. */
size_t	daemon_free_fds(void);

#endif
