/* SPDX-License-Identifier: ISC */
/*
 * Parcels to the sink, outcomes back, fates.
 */
#ifndef TIDE_WORKER_RELAY_DELIVER_H
#define TIDE_WORKER_RELAY_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/sinkhost.h"

struct relay;

/* Why an event becomes a dead letter. */
struct verdict {
	const char	*error_class;	/* of the table relay_dlq */
	int32_t		 code;
	const char	*text;
	uint32_t	 attempts;
	int64_t		 failing_since;	/* monotonic, 0: just now */
	bool		 parked;	/* the event stays, its key waits */
};

extern const struct sinkhost_ops relay_sink_ops;

/* Offer what may be offered. */
void	relay_deliver(struct relay *, int64_t now);
/* The event's fate is final; seq 0 for events that were held. */
void	relay_settle(struct relay *, int64_t id, uint64_t seq);
/* The next checkpoint writes the letter, and settles the event. */
void	relay_bury(struct relay *, int64_t id, uint64_t seq,
	    const struct verdict *, int64_t now);

#endif
