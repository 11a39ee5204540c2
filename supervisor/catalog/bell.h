/* SPDX-License-Identifier: ISC */
/*
 * The doorbell wired up: questions go to the database, wake-ups to the
 * workers by way of the supervisor, times to the event loop.
 */
#ifndef TIDE_CATALOG_BELL_H
#define TIDE_CATALOG_BELL_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct child;
struct database;
struct wiring;
struct msg_idle;

struct wiring *bell_new(struct event_base *, struct child *);
void	bell_free(struct wiring *);
void	bell_online(struct wiring *, struct database *);	/* NULL: lost */
void	bell_ring(struct wiring *, const char *outbox);
void	bell_idle(struct wiring *, const struct msg_idle *);
int	bell_join(struct wiring *, const char *worker, const char *outbox,
	    uint32_t outbox_id);
void	bell_leave(struct wiring *, const char *worker);

#endif
