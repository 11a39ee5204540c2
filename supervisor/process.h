/* SPDX-License-Identifier: ISC */
/*
 * The table of children.  A row outlives the processes that it starts one
 * after the other: restarts, throttle and the last cause belong to it.
 *
 *	start -> STARTING ... READY -> drain -> DRAINING -> stop -> GONE
 *	  ^                                                     |
 *	  +---------- delay that doubles, when it failed -------+
 *
 * A late word of an earlier process cannot be mistaken: each start has its
 * own socket pair and its own generation.
 */
#ifndef TIDE_SUPERVISOR_PROCESS_H
#define TIDE_SUPERVISOR_PROCESS_H

#include <event2/event.h>
#include <sys/types.h>

#include "common/messages.h"
#include "supervisor/super.h"

struct peer;
struct document;
struct process;

/* How the owner of a row takes part; any may be NULL. */
struct process_ops {
	/* May it start now?  0, or -1: the row was marked otherwise. */
	int	(*prepare)(struct process *);
	/* LOCKED was attested: send what it gets before GO.  0 or -1. */
	int	(*equip)(struct process *, char *, size_t);
	/* A frame that is not about life and death.  0 or -1, malformed. */
	int	(*frame)(struct process *, struct frame *);
	void	(*ready)(struct process *);
	/* It is gone; cause and text are set.  Start again, wait, free. */
	void	(*ended)(struct process *);
};

struct process {
	TAILQ_ENTRY(process) entry;
	struct super	*super;
	const struct process_ops *ops;
	void		*owner;
	enum role	 role;
	char		 name[MSG_NAME_MAX];	/* of the pipeline */
	const struct document *document;	/* of a worker */
	uint64_t	 fingerprint;		/* of what it is handed */
	char		 mark[MSG_MARK_MAX];	/* MSG_MARK; outlives it */

	pid_t		 pid;			/* 0: none runs */
	uint64_t	 gen;
	enum child_state state;
	struct peer	*peer;
	bool		 was_ready, told_stop, hello;
	enum exit_cause	 said;			/* by FATAL */
	enum exit_cause	 verdict;		/* by us, before we killed */
	uint32_t	 landlock;
	int64_t		 heard_us, started_us, ready_us;
	struct event	*deadline;		/* SIGKILL when it passes */

	/* Channels whose far end still has to reach control or resolver. */
	int		 ctl_far, res_far;
	uint64_t	 ctl_gen, res_gen;	/* who serves them */
	int		 out_near;		/* of a worker's output */
	uint64_t	 out_gen;		/* which control has it */

	enum exit_cause	 cause;			/* of the last end */
	char		 text[512];		/* why it does not run */
	uint32_t	 restarts;
	unsigned int	 failures;		/* in a row */
	int64_t		 next_us;		/* monotonic; 0: not waiting */
	struct event	*restart;
};

struct process *process_new(struct super *, enum role, const char *name,
	    const struct process_ops *, void *owner);
void	process_free(struct process *);		/* must not run */
struct process *process_by_pid(struct super *, pid_t);

/* Start now.  A failure counts as an end with CAUSE_SPAWN. */
void	process_start(struct process *);
/* Start after a delay that follows from cause and failures. */
void	process_restart_later(struct process *);
void	process_restart_after(struct process *, int64_t us);
void	process_restart_cancel(struct process *);
/* Let it finish its work, then stop it. */
void	process_drain(struct process *);
void	process_stop(struct process *);
/* SIGKILL, with the cause that will be counted. */
void	process_kill(struct process *, enum exit_cause, const char *, ...)
	    __attribute__((__format__(__printf__, 3, 4)));
/* Mark a row that cannot start. */
void	process_refuse(struct process *, enum exit_cause, const char *text);
const char *process_title(const struct process *);

/* waitpid() said that it ended. */
void	process_ended(struct process *, int status);
/* Once a second: who is silent? */
void	process_watch(struct super *);

#endif
