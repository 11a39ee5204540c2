/* SPDX-License-Identifier: ISC */
/*
 * Inside of a sinkhost instance, shared by the files of this folder alone.
 */
#ifndef TIDE_TESTS_SINKHOST_INSTANCE_H
#define TIDE_TESTS_SINKHOST_INSTANCE_H

#include <pthread.h>

#include "tests/sinkhost/sinkhost.h"

#define SINKHOST_LANES		65536	/* a power of two */
#define SINKHOST_BATCH		256
#define SINKHOST_TEXT		512
#define SINKHOST_LOG_MAX	65536

struct event;
struct setting;				/* settings.c */
struct address_book;			/* services.c */

/* A submitted message and its fate. */
struct parcel {
	struct pgtide_msg	 msg;		/* pointers into arena */
	void			*arena;		/* NULL: settled */
	bool			 accepted;
	struct sinkhost_outcome	 outcome;
};

/* Completions on their way from any thread to the loop. */
struct mailbox {
	pthread_mutex_t		 lock;
	struct pgtide_completion *items;
	size_t			 n, size;
	bool			 poll;		/* wakeup() was called */
	bool			 closed;	/* silence is due */
	unsigned int		 breaches;
	char			 first_breach[SINKHOST_TEXT];
	int			 state;
	char			 state_text[SINKHOST_TEXT];
	char			 fatal_text[SINKHOST_TEXT];
	char			 log[SINKHOST_LOG_MAX];
	size_t			 loglen;
	int64_t			 metrics[64];
};

struct pgtide_ctx {
	const struct pgtide_sink_plugin *plugin;
	struct pgtide_host	 host;
	struct event_base	*base;
	struct event		*wake;		/* on wake_fd */
	struct event		*pump;
	int			 wake_fd;
	void			*self;		/* the plugin's instance */
	bool			 is_open;
	struct setting		*settings;
	struct address_book	*book;
	unsigned int		 lookups;
	struct parcel		*parcels;	/* token - 1 is the index */
	size_t			 nparcels, size;
	size_t			 unsettled, in_flight;
	size_t			 next;		/* first parcel not accepted */
	unsigned int		 settled;
	unsigned int		 lanes[SINKHOST_LANES];
	struct mailbox		 box;
	int64_t			 slowest_us;
	const char		*slowest;
};

/* services.c */
void	services_init(struct pgtide_ctx *);
void	services_fini(struct pgtide_ctx *);
void	services_breach(struct pgtide_ctx *, const char *, ...)
	    PGTIDE_PRINTF(2, 3);

/* settings.c: the option calls of struct pgtide_host */
void	settings_init(struct pgtide_host *);
void	settings_fini(struct pgtide_ctx *);
int	settings_complete(struct pgtide_ctx *, char *err, size_t errsize);

/* host.c */
void	host_pump_soon(struct pgtide_ctx *);

#endif
