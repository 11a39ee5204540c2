/* SPDX-License-Identifier: ISC */
/* What to do about a connection that does not come up. */
#ifndef TIDE_COMMON_PG_REMEDY_H
#define TIDE_COMMON_PG_REMEDY_H

#include <stddef.h>

struct pg_conninfo;

/*
 * A remedy for what libpq or the server says, NULL when there is none that
 * goes beyond its words.  sqlstate is "" when it was not the server.
 */
const char *pg_remedy(const char *sqlstate, const char *text);

/*
 * Copies libpq's text with the names of files as the connection string
 * gives them, instead of the descriptors that stand for these here.
 */
void	pg_remedy_paths(const struct pg_conninfo *,
	    int (*file)(const char *path, void *arg), void *arg,
	    const char *text, char *dst, size_t size);

#endif
