/* SPDX-License-Identifier: ISC */
/*
 * Tell the service manager how we are: datagrams to the socket that
 * NOTIFY_SOCKET names, as sd_notify(3) describes them.  Spoken here and not
 * through libsystemd, which would be linked into the privileged process.
 * Without the variable everything here does nothing.
 */
#ifndef TIDE_SUPERVISOR_NOTIFY_H
#define TIDE_SUPERVISOR_NOTIFY_H

#include <stdbool.h>

/* Read NOTIFY_SOCKET and WATCHDOG_USEC, and take them out of the
 * environment. */
void	notify_open(void);
void	notify_close(void);
void	notify_ready(void);	/* said once, until a reload begins */
void	notify_reloading(void);	/* nothing before we were ready */
void	notify_stopping(void);
/* Called once a second; says so to a watchdog when there is one. */
void	notify_alive(void);

#endif
