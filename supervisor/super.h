/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the supervisor share: one of these for the life of the
 * daemon, owned by main().
 */
#ifndef TIDE_SUPERVISOR_SUPER_H
#define TIDE_SUPERVISOR_SUPER_H

#include <event2/event.h>
#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "common/option.h"
#include "supervisor/cmdline.h"
#include "supervisor/identity.h"
#include "supervisor/listeners.h"

struct bindings;
struct process;
struct pipelines;
struct watch;

TAILQ_HEAD(process_list, process);

struct super {
	struct event_base *base;
	const struct cmdline *cmdline;
	struct option_set *conf;	/* both replaced as a whole by a */
	struct bindings	*bindings;	/* reload */
	struct identity	 who;		/* that the children are */
	struct listeners listeners;
	int		 log_fd;	/* stdout and stderr of children */
	const char	*log_format;	/* "text", "json", "syslog" */
	struct process_list processes;
	struct process	*catalog, *control, *resolver;
	struct pipelines *pipelines;
	struct watch	*watch;		/* files that were handed out */
	uint64_t	 last_gen;	/* of process starts */
	bool		 stopping;
};

/* Begin the orderly end; a second call is the disorderly one. */
void	super_stop(struct super *);
/* Read the configuration again.  0, or -1 and why: nothing has changed. */
int	super_reload(struct super *, char *err, size_t errsize);
/*
 * Files may have changed: look at everything that was handed out, and start
 * those anew that were handed something else, or lacked it.
 */
void	super_look(struct super *);
/* Open outputs and log again, after a rotation. */
void	super_reopen(struct super *);
/* Called whenever a child got ready: are those that serve all there? */
void	super_ready(struct super *);
/* Called whenever a process has ended: is it time to leave? */
void	super_proceed(struct super *);

#endif
