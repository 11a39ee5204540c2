/* SPDX-License-Identifier: ISC */
/*
 * The file that lines are appended to, whole or not at all.  Used by one
 * thread at a time.
 */
#ifndef PGTIDE_FILE_OUTPUT_H
#define PGTIDE_FILE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct output {
	int	fd;		/* ours */
	bool	regular;	/* else a pipe or terminal */
	bool	created;	/* nothing was synced yet: the name is new */
	bool	torn;		/* it does not end with a whole line */
	off_t	start;		/* its size before what is being appended */
	bool	was_torn;	/* then */
};

/* Takes fd over.  0, or -1 with errno (fd is closed). */
int	output_init(struct output *, int fd);
void	output_fini(struct output *);

/*
 * A group of lines: begin, append as often as needed, commit.  Each returns
 * 0, or -1 with errno, and then output_rollback() is due.
 */
int	output_begin(struct output *);
int	output_append(struct output *, const char *, size_t);
int	output_commit(struct output *, bool sync);
void	output_rollback(struct output *);

#endif
