/* SPDX-License-Identifier: ISC */
/* The way to the system's log: a datagram socket that children inherit. */
#ifndef TIDE_SUPERVISOR_SYSLOG_H
#define TIDE_SUPERVISOR_SYSLOG_H

/* A connected socket, or -1 with errno. */
int	syslog_open(void);
/* Put a new connection on the same number.  0 or -1 with errno. */
int	syslog_reopen(int fd);

#endif
