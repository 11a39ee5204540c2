/* SPDX-License-Identifier: ISC */
/* What child.c (up to READY) and child_loop.c (afterwards) share. */
#ifndef TIDE_COMMON_CHILD_INT_H
#define TIDE_COMMON_CHILD_INT_H

#include <sys/queue.h>

#include "common/child.h"

#define CHILD_OUT_QUEUE	256	/* frames that may wait for a peer */

struct setting {
	STAILQ_ENTRY(setting) entry;
	char	*name, *value, *origin;
};
STAILQ_HEAD(settings, setting);

struct child_path {		/* a descriptor that came with a path */
	STAILQ_ENTRY(child_path) entry;
	uint16_t type;		/* MSG_FILE or MSG_OUTPUT */
	int	 fd;
	char	*path;
};

struct child {
	const struct child_ops *ops;
	void		*arg;
	enum role	 role;
	enum child_state state;
	uint64_t	 gen;
	char		 name[MSG_NAME_MAX];	/* pipeline */
	struct settings	 settings, incoming;
	STAILQ_HEAD(, child_path) paths;
	struct secretmem *arena;
	int64_t		 next_beat_us;
	/* Descriptors until child_attach(), -1 afterwards; then the peers. */
	int		 sup_fd, ctl_fd, res_fd;
	struct peer	*sup, *ctl, *res;
	struct event_base *base;
	struct event	*beat;
	struct metrics	*metrics;
	void		(*tick)(void *);
	void		*tick_arg;
	struct msg_state health;	/* of our own pipeline, 0: none yet */
	long		 loop_thread;
};

/* Send to the supervisor, over whatever there is now.  0 or -1. */
int	child_say(struct child *, struct frame *);
int	child_say_empty(struct child *, uint16_t type);
void	child_set_state(struct child *, enum child_state);
int	child_keep_setting(struct child *, struct frame *);
/* The settings that came in since the last time are now in force. */
void	child_settings_commit(struct child *);
/* A worker's log lines go to control from now on. */
void	child_log_start(struct child *);
int	child_take_level(struct frame *);
/* Is this CHANNEL one of ours, and not another process's for us to serve? */
bool	child_owns_channel(const struct child *, const struct msg_channel *);

#endif
