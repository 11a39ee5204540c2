/* SPDX-License-Identifier: ISC */
/*
 * The conversation with a child from HELLO to READY, and the frames about
 * life and death afterwards: who is let through to the next state.
 */
#ifndef TIDE_SUPERVISOR_HANDSHAKE_H
#define TIDE_SUPERVISOR_HANDSHAKE_H

#include "supervisor/process.h"

/* Takes fd over.  0 or -1. */
int	handshake_begin(struct process *, int fd, unsigned int queue);
void	handshake_set_state(struct process *, enum child_state);
/* Settings and CONFIG: at HELLO, and again to control after a reload.
 * 0, or -1 and why. */
int	handshake_configure(struct process *, char *err, size_t errsize);

#endif
