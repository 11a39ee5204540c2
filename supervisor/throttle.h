/* SPDX-License-Identifier: ISC */
/* How long a child waits before it is started again. */
#ifndef TIDE_SUPERVISOR_THROTTLE_H
#define TIDE_SUPERVISOR_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/messages.h"

/* Does this end count towards the throttle? */
bool	throttle_counts(enum exit_cause);
/*
 * Delay before the next start, jittered.  failures counts ends in a row
 * without a useful life, this one included; was_ready says whether it got
 * as far as READY.  -1: do not start again by itself.
 */
int64_t	throttle_delay_us(enum exit_cause, unsigned int failures,
	    bool was_ready);
/* What an exit status means, when nobody said more. */
enum exit_cause throttle_cause(int status, bool told_stop);

#endif
