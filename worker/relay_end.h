/* SPDX-License-Identifier: ISC */
/*
 * The ends of a relay: drained as told, or for a cause.
 */
#ifndef TIDE_WORKER_RELAY_END_H
#define TIDE_WORKER_RELAY_END_H

#include <stdbool.h>
#include <stdint.h>

#include "common/messages.h"

struct relay;

enum ending_phase { ENDING_SETTLE, ENDING_WRITE, ENDING_OUT };

struct ending {
	enum ending_phase phase;
	enum exit_cause	 cause;		/* CAUSE_STOPPED: drained */
	bool		 lost;		/* the session: nothing to write to */
	int64_t		 deadline_us;
	char		 text[MSG_TEXT_MAX];
};

/* Begin to end: the sink may settle for so long. */
void	relay_end(struct relay *, enum exit_cause, int64_t settle_us,
	    const char *, ...) __attribute__((__format__(__printf__, 4, 5)));
/* A turn of the pump while ending; the process may end in it. */
void	relay_end_turn(struct relay *, int64_t now);

#endif
