/* SPDX-License-Identifier: ISC */
/*
 * When to poll, and when to tell the catalog that there is nothing to do.
 */
#ifndef TIDE_WORKER_RELAY_BELL_H
#define TIDE_WORKER_RELAY_BELL_H

#include <stdbool.h>
#include <stdint.h>

struct relay;

struct bell {
	bool		 armed;		/* the catalog answered: it wakes us */
	bool		 woken;		/* while a poll was under way */
	unsigned int	 empties;	/* polls in a row */
	int64_t		 next_us;	/* poll not before this */
};

void	relay_bell_init(struct relay *);
bool	relay_bell_due(const struct relay *, int64_t now);
void	relay_bell_rung(struct relay *);
void	relay_bell_gone(struct relay *);	/* nobody will ring */
void	relay_bell_found(struct relay *);
void	relay_bell_empty(struct relay *);

#endif
