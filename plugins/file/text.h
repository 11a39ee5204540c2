/* SPDX-License-Identifier: ISC */
/*
 * Lines being put together, and JSON laid out for people.  No locking.
 */
#ifndef PGTIDE_FILE_TEXT_H
#define PGTIDE_FILE_TEXT_H

#include <stddef.h>

struct text {
	char	*data;
	size_t	 len, size;
};

void	text_fini(struct text *);
/* Each returns 0, or -1 when there is no memory; text is as before then. */
int	text_put(struct text *, const void *, size_t);
/* A JSON value on lines of its own, indented by two spaces a level. */
int	text_put_pretty(struct text *, const char *, size_t);

#endif
