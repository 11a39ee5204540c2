/* SPDX-License-Identifier: ISC */
/*
 * What workers write: lines on stdout and stderr, which nobody meant for
 * the log (a library's complaint, the last words before abort), and log
 * frames.  Printed under the worker's name, at a bounded rate.
 */
#ifndef TIDE_CONTROL_LINES_H
#define TIDE_CONTROL_LINES_H

#include "common/log.h"
#include "supervisor/control/limiter.h"

struct event_base;
struct lines;
struct msg_channel;

/* Who speaks, in the log. */
struct speaker {
	char		program[32];
	char		context[80];	/* "pipeline=NAME" or "" */
	long		pid;
	struct limiter	limit;
};
void	speaker_init(struct speaker *, const struct msg_channel *,
	    double rate, double burst);
void	speaker_say(struct speaker *, enum log_level, const char *line);

/* All output pipes. */
struct lines *lines_new(struct event_base *);
void	lines_free(struct lines *);
/* Takes ownership of the descriptor; 0, or -1 with errno. */
int	lines_add(struct lines *, const struct msg_channel *);

#endif
