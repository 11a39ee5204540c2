/* SPDX-License-Identifier: ISC */
/*
 * Walking over the members of a flat JSON object without building a tree:
 * the headers of an event are looked at once, where they lie.
 *
 * The text comes from PostgreSQL and is valid; it is still read as if it
 * were not.  No allocation, no threads.
 */
#ifndef TIDE_WORKER_JSON_SCAN_H
#define TIDE_WORKER_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
	const char	*p, *end;
	bool		 begun;
};

/* A member: its name without the quotes, still escaped, and its value. */
struct json_member {
	const char	*name;
	size_t		 namelen;
	const char	*value;		/* a string without its quotes */
	size_t		 valuelen;
	bool		 is_string;
	bool		 is_null;
};

void	json_scan_begin(struct json_scan *, const char *, size_t);
/* 1: a member; 0: the end, nothing behind it; -1: no JSON object. */
int	json_scan_next(struct json_scan *, struct json_member *);
/*
 * Undo the escapes of a string: at most n bytes are written to dst, the
 * result is how many.  SIZE_MAX: an escape is malformed.
 */
size_t	json_unescape(char *dst, const char *, size_t n);

#endif
