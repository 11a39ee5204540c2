/* SPDX-License-Identifier: ISC */
/*
 * Which server this is, and whether it is the one that the progress is of:
 * promoted, upgraded, or another.
 */
#ifndef TIDE_WORKER_RELAY_SERVER_H
#define TIDE_WORKER_RELAY_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct relay;

/* The highest event that was delivered; what a promoted server may lack. */
struct delivered_mark {
	int64_t		 id;		/* 0: none yet */
	int64_t		 created_us;
	int64_t		 told_id;	/* to the supervisor */
};

/* The server as it called itself at the attach, and in the row before. */
struct server {
	int64_t		 system;
	int64_t		 timeline;
	int64_t		 old_system;	/* 0: the row is new */
	int64_t		 old_timeline;
	int64_t		 lost_after;	/* -1: nothing is lost */
};

/* Say in the log and in the metrics what has changed. */
void	relay_server_changed(struct relay *);
/* The mark that the supervisor kept from the worker before us, as the
 * argument of tide.relay_attach(); NULL: none. */
const char *relay_server_mark(const struct relay *);
void	relay_server_delivered(struct relay *, int64_t id,
	    int64_t created_us);
/* Tell the supervisor our own, for the worker after us. */
void	relay_server_tell(struct relay *);

#endif
