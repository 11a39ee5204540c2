/* SPDX-License-Identifier: ISC */
/*
 * From nothing to the checkpoint row: session, lock, epoch, held events.
 * Ends in relay_attached(), in standby, or with the process.
 */
#ifndef TIDE_WORKER_RELAY_ATTACH_H
#define TIDE_WORKER_RELAY_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/relay_server.h"

struct relay;
struct snapshot;

/* What relay_attach() said. */
struct attachment {
	int64_t		 epoch;
	uint32_t	 outbox_id;
	char		*events;	/* quoted and qualified */
	char		*start_at;	/* NULL: everything is for us */
	bool		 notify;
	int32_t		 newest;	/* generation of the outbox */
	struct snapshot	*s1, *s2;
	int64_t		 last_id;
	uint64_t	 nheld;
	char		*held_sql;
	struct server	 server;
};

int	relay_connect(struct relay *);
void	relay_attach_again(struct relay *);	/* a timer went off */
void	relay_detach(struct relay *);	/* everything of this session */

#endif
