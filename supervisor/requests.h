/* SPDX-License-Identifier: ISC */
/* What pg-tidectl asks for, as control passes it on. */
#ifndef TIDE_SUPERVISOR_REQUESTS_H
#define TIDE_SUPERVISOR_REQUESTS_H

#include "supervisor/process.h"

/* A REQUEST from control; answered with REPLY.  0 or -1, malformed. */
int	request_handle(struct process *control, struct frame *);

#endif
