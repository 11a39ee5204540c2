/* SPDX-License-Identifier: ISC */
/*
 * What a plugin says from any thread, on its way to the loop: outcomes,
 * releases, state, log lines.  Only the newest state and the first fatal
 * error are kept.
 *
 * Posting is thread-safe and never fails for want of memory: room for every
 * accepted token is reserved before the plugin sees it.  A plugin that says
 * more than it was asked is found out by that.  mailbox_take() and the
 * reservations belong to the loop thread.
 */
#ifndef TIDE_WORKER_MAILBOX_H
#define TIDE_WORKER_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/sinkhost.h"

#define MAIL_TEXT	512
#define MAIL_LINES	64
#define MAIL_LINE	1024

struct mailbox;

struct mail_line {
	int	 level;			/* PGTIDE_LOG_* */
	char	 text[MAIL_LINE];
};

/* What was taken out; all of it lives until the next mailbox_take(). */
struct mail {
	struct sink_outcome *outcomes;
	size_t		 noutcomes;
	uint64_t	*releases;
	size_t		 nreleases;
	size_t		 room;		/* in each of the two arrays */
	bool		 has_state, up;
	char		 state[MAIL_TEXT];
	bool		 has_fatal;
	int32_t		 fatal_code;
	char		 fatal[MAIL_TEXT];
	const char	*broken;	/* rule that the plugin broke */
	size_t		 nlines, lines_lost;
	struct mail_line *lines;
};

struct mailbox *mailbox_new(void);	/* NULL with errno */
void	mailbox_free(struct mailbox *);	/* NULL is allowed */
int	mailbox_fd(const struct mailbox *);	/* readable: take */

/* Make room for n more tokens; 0, or -1 with errno. */
int	mailbox_reserve(struct mailbox *, size_t n);
/* Give back the room of n tokens that were not accepted. */
void	mailbox_unreserve(struct mailbox *, size_t n);
size_t	mailbox_reserved(struct mailbox *);
/* Swap what is there out; NULL when there is nothing. */
struct mail *mailbox_take(struct mailbox *);

/* Make the descriptor readable though there is no mail. */
void	mailbox_ring(struct mailbox *);
/* The plugin broke a rule (a literal). */
void	mailbox_break(struct mailbox *, const char *);

/* Any thread.  size is the element size that the plugin was built with. */
void	mailbox_complete(struct mailbox *, const void *, size_t n,
	    size_t size);
void	mailbox_release(struct mailbox *, const uint64_t *, size_t n);
void	mailbox_state(struct mailbox *, bool up, const char *);
void	mailbox_fatal(struct mailbox *, int32_t code, const char *);
void	mailbox_line(struct mailbox *, int level, const char *);

#endif
