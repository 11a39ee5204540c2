/* SPDX-License-Identifier: ISC */
/*
 * The breaker: a misconfigured destination must not empty a backlog into
 * the dead-letter table.
 *
 * It opens when a number of permanent results came in a row, when half of
 * the last BREAKER_WINDOW results were permanent, or when the sink said that
 * the destination is gone.  While open nothing is offered but, after a pause
 * that grows, one probe at a time; a delivered probe closes it.
 * No clock of its own.  Loop thread only.
 */
#ifndef TIDE_WORKER_BREAKER_H
#define TIDE_WORKER_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BREAKER_WINDOW		1000u
#define BREAKER_PAUSE_US	INT64_C(5000000)
#define BREAKER_PAUSE_MAX_US	INT64_C(300000000)

enum breaker_why {
	BREAKER_CLOSED,
	BREAKER_IN_A_ROW,
	BREAKER_RATIO,
	BREAKER_GONE		/* PGTIDE_PAUSE */
};

struct breaker {
	unsigned int	 limit;		/* in a row, 0: never opens by itself */
	unsigned int	 row;
	unsigned int	 next, filled, permanent;
	uint8_t		 results[BREAKER_WINDOW];
	enum breaker_why why;
	bool		 probing;
	int64_t		 pause_us;
	int64_t		 until_us;
};

void	breaker_init(struct breaker *, unsigned int limit);
/* A result that is delivered or permanent.  True: this one opened it. */
bool	breaker_result(struct breaker *, bool permanent, int64_t now);
/* The destination is gone.  True: this opened it. */
bool	breaker_gone(struct breaker *, int64_t now);
/* Any other result: a probe, if one is out, has failed. */
void	breaker_failed(struct breaker *, int64_t now);
static inline bool
breaker_open(const struct breaker *b)
{
	return (b->why != BREAKER_CLOSED);
}
/* How many events may be offered now; SIZE_MAX when closed. */
size_t	breaker_allow(const struct breaker *, int64_t now);
/* An event was offered. */
void	breaker_offered(struct breaker *);
/* When a probe may be sent; INT64_MAX: closed, or one is out. */
int64_t	breaker_next(const struct breaker *);

#endif
