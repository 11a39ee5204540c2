/* SPDX-License-Identifier: ISC */
/*
 * What should run against what runs: one worker per pipeline, with the
 * newest document that is acceptable.
 */
#ifndef TIDE_SUPERVISOR_PIPELINES_H
#define TIDE_SUPERVISOR_PIPELINES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/messages.h"
#include "supervisor/super.h"

struct document;
struct pipelines;
struct process;

struct pipelines *pipelines_new(struct super *);
void	pipelines_free(struct pipelines *);	/* no worker may run */

/* The catalog says.  wanted takes the document over. */
void	pipelines_wanted(struct pipelines *, struct document *);
void	pipelines_gone(struct pipelines *, const char *name);
/* Its document is wrong, but it is not gone: what runs goes on. */
void	pipelines_kept(struct pipelines *, const char *name);
/* A new catalog starts its list; at the end of it, what it did not name is
 * gone. */
void	pipelines_list_begin(struct pipelines *);
void	pipelines_list_end(struct pipelines *);
/* "" wakes all: there is no doorbell for now. */
void	pipelines_wake(struct pipelines *, const char *outbox);

/* Somebody at the control socket says.  0, or -1 and why. */
int	pipelines_request(struct pipelines *, enum request_verb,
	    const char *name, char *err, size_t errsize);

/* Files may be different now: try again what was refused. */
void	pipelines_retry(struct pipelines *);
/* The same, and start anew those that were handed something else. */
void	pipelines_look(struct pipelines *);
void	pipelines_drain_all(struct pipelines *);	/* to start anew */
void	pipelines_reopen(struct pipelines *);	/* outputs */

bool	pipelines_is_paused(const struct process *);

#endif
