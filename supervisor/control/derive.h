/* SPDX-License-Identifier: ISC */
/* The metrics that control itself draws from the process table. */
#ifndef TIDE_CONTROL_DERIVE_H
#define TIDE_CONTROL_DERIVE_H

#include "supervisor/control/procs.h"

struct hub;

/* Count what a changed row says; forget a pipeline that was removed. */
void	derive_change(struct hub *, const struct msg_proc *,
	    const struct proc_change *);
/* Set the gauges to what holds now; before each exposition. */
void	derive_gauges(struct hub *);

#endif
