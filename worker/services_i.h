/* SPDX-License-Identifier: ISC */
/* What the files of the host's services share. */
#ifndef TIDE_WORKER_SERVICES_I_H
#define TIDE_WORKER_SERVICES_I_H

#include <sys/queue.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "worker/services.h"

struct lookup;

struct pgtide_watch {
	TAILQ_ENTRY(pgtide_watch) entry;
	struct pgtide_ctx *ctx;
	struct event	*ev;
	int		 fd;		/* -1: a timer */
	void		(*fn)(void *, int, unsigned int);
	void		*arg;
};

struct pgtide_ctx {
	struct services_env env;
	struct mailbox	*mailbox;
	struct event	*mail_ev;
	struct event	*poll_ev;
	int		 poll_fd;
	pthread_t	 loop;
	bool		 closed;
	bool		 unsettled;	/* loop thread only */
	TAILQ_HEAD(, pgtide_watch) watches;
	TAILQ_HEAD(, lookup) lookups;
	_Atomic int64_t	*counts;	/* per metric, since the last tick */
	int64_t		 slow_logged_us;
	unsigned int	 slow_calls;
};

/* services_loop.c */
struct pgtide_watch *watch_fd(struct pgtide_ctx *, int, unsigned int,
	    void (*)(void *, int, unsigned int), void *);
int	watch_change(struct pgtide_watch *, unsigned int);
struct pgtide_watch *watch_timer(struct pgtide_ctx *,
	    void (*)(void *, int, unsigned int), void *);
int	watch_timer_set(struct pgtide_watch *, int64_t);
void	watch_free(struct pgtide_watch *);
int	lookup_start(struct pgtide_ctx *, const char *,
	    void (*)(void *, int, const struct pgtide_addr *, size_t, size_t),
	    void *);
void	lookups_cancel(struct pgtide_ctx *);

#endif
