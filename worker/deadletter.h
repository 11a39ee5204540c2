/* SPDX-License-Identifier: ISC */
/*
 * Dead letters that wait for the next checkpoint, which writes them in its
 * own transaction.  An event counts as settled when its letter is part of a
 * checkpoint, not before.  Loop thread only.
 */
#ifndef TIDE_WORKER_DEADLETTER_H
#define TIDE_WORKER_DEADLETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DEADLETTER_TEXT		512	/* bytes of error text */
#define DEADLETTER_CLASS	16

struct deadletters;

struct deadletter {
	int64_t		id;
	uint64_t	seq;
	bool		settles;	/* the event, when written */
	char		error_class[DEADLETTER_CLASS];
	int32_t		code;
	uint32_t	attempts;
	int64_t		first_us, last_us;	/* wall clock */
	char		text[DEADLETTER_TEXT];
};

struct deadletters *deadletters_new(void);
void	deadletters_free(struct deadletters *);
/* Copies; text is cut at a character's border.  0, or -1 with errno. */
int	deadletters_add(struct deadletters *, const struct deadletter *);
size_t	deadletters_count(const struct deadletters *);
/*
 * Print the oldest ones, at most max, as the JSON array of
 * tide.relay_checkpoint(), and take them out; settle is called for each.
 * How many, or -1 with errno.
 */
int64_t	deadletters_print(struct deadletters *, size_t max, FILE *,
	    void (*settle)(const struct deadletter *, void *), void *arg);

#endif
