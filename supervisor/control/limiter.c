/* SPDX-License-Identifier: ISC */
/* The token bucket in front of the log. */
#include "config.h"

#include "supervisor/control/limiter.h"

void
limiter_init(struct limiter *l, double rate, double burst, int64_t now_us)
{
	l->rate = rate;
	l->burst = burst;
	l->tokens = burst;
	l->last_us = now_us;
	l->suppressed = 0;
}

bool
limiter_take(struct limiter *l, int64_t now_us, uint64_t *suppressed)
{
	double gained = (double)(now_us - l->last_us) / 1e6 * l->rate;

	if (gained > 0)
		l->tokens += gained;
	if (l->tokens > l->burst)
		l->tokens = l->burst;
	l->last_us = now_us;
	if (l->tokens < 1) {
		l->suppressed++;
		return (false);
	}
	l->tokens -= 1;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return (true);
}
