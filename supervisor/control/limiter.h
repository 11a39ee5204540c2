/* SPDX-License-Identifier: ISC */
/*
 * A token bucket: so many lines at once, so many a second for ever.  One
 * chatty worker must not drown what the others have to say.
 */
#ifndef TIDE_CONTROL_LIMITER_H
#define TIDE_CONTROL_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter {
	double	 rate;		/* tokens a second */
	double	 burst;
	double	 tokens;
	int64_t	 last_us;	/* CLOCK_MONOTONIC */
	uint64_t suppressed;	/* since the last one that passed */
};

void	limiter_init(struct limiter *, double rate, double burst,
	    int64_t now_us);
/*
 * May one more pass?  When it may, *suppressed is how many were turned away
 * since the one before.
 */
bool	limiter_take(struct limiter *, int64_t now_us, uint64_t *suppressed);

#endif
