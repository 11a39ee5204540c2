/* SPDX-License-Identifier: ISC */
/* What a worker needs before and while it starts: files, secrets, rules. */
#ifndef TIDE_SUPERVISOR_WORKER_OPS_H
#define TIDE_SUPERVISOR_WORKER_OPS_H

#include "supervisor/document.h"
#include "supervisor/process.h"

struct watch;

/*
 * Could a worker with this document start?  CAUSE_NONE, or why not: which
 * reference, which rule.  The rest is inspect()'s.
 */
enum exit_cause worker_acceptable(struct super *, const struct document *,
	    struct watch *, uint64_t *fingerprint, char *err, size_t errsize);
/* process_ops.equip for a worker. */
int	worker_equip(struct process *, char *err, size_t errsize);
/* Outputs again, after a rotation. */
void	worker_reopen(struct process *);

#endif
