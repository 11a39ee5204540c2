/* SPDX-License-Identifier: ISC */
/*
 * The process table as the supervisor tells it, and what workers and
 * catalog say about the health of pipelines: together the state that
 * pg-tidectl status, /readyz and pipeline_healthy show.
 */
#ifndef TIDE_CONTROL_PROCS_H
#define TIDE_CONTROL_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"

/* One process that should run, or one pipeline that cannot. */
struct proc {
	struct msg_proc	 row;		/* role 0: only the catalog knows it */
	struct msg_state worker;	/* health 0: said nothing yet */
	struct msg_state catalog;	/* why its document is refused */
	int64_t		 heard_us;	/* CLOCK_MONOTONIC, 0: never */
	int64_t		 error_us;	/* wall clock of the last error text */
};

struct procs;

/* What a new row of the table tells beyond itself. */
struct proc_change {
	bool		 ended;		/* the process before has ended */
	bool		 restarted;	/* another one runs in its place */
	bool		 removed;
	enum exit_cause	 cause;
};

struct procs *procs_new(void);
void	procs_free(struct procs *);
/* 0, or -1 with errno (ENOMEM). */
int	procs_update(struct procs *, const struct msg_proc *,
	    struct proc_change *);
/* Health of a pipeline, or of the catalog itself (name ""), by one of
 * these two.  0, or -1 with errno (ENOMEM, ENOSPC). */
int	procs_state(struct procs *, enum role by, const struct msg_state *);
/* The catalog was replaced: what the former one refused is not known. */
void	procs_forget_catalog(struct procs *);
void	procs_heard(struct procs *, enum role, const char *name);

struct proc *procs_find(const struct procs *, enum role, const char *name);
struct proc *procs_pipeline(const struct procs *, const char *name);
size_t	procs_count(const struct procs *);
/* By role, then name. */
struct proc *procs_at(const struct procs *, size_t);

/* How a pipeline fares, in the words of status. */
struct pipeline_view {
	const char	*state;		/* running starting draining waiting
					 * restarting standby paused stopped
					 * failed */
	const char	*health;	/* ok retrying alarm paused failed
					 * standby unknown */
	const char	*error_class;
	const char	*text;		/* what happened and what to do */
	int32_t		 code;
	bool		 healthy;	/* pipeline_healthy */
	bool		 ready;		/* does not hinder /readyz */
	bool		 owned;		/* relayed by this host */
	bool		 retrying;	/* deliveries fail at present */
};
bool	proc_is_pipeline(const struct proc *);
void	procs_view(const struct proc *, struct pipeline_view *);
const char *health_name(uint8_t health);

#endif
