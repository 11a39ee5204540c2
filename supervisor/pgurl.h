/* SPDX-License-Identifier: ISC */
/*
 * The little that the supervisor has to know of a connection string: which
 * files it names, and whether the database is a Unix socket.  libpq reads
 * it properly, in processes without privilege.
 */
#ifndef TIDE_SUPERVISOR_PGURL_H
#define TIDE_SUPERVISOR_PGURL_H

#include <stdbool.h>
#include <stddef.h>

/* key and decoded value of each parameter; hosts of a URL come as "host".
 * -1 stops.  Values are wiped afterwards. */
typedef int (*pgurl_fn)(const char *key, const char *value, void *arg);

/* 0, or -1 when fn said so or the string is malformed or too long. */
int	pgurl_scan(const char *url, pgurl_fn, void *arg);
/* Is a host a socket directory, or none given (libpq's default)? */
bool	pgurl_is_unix(const char *url);
/* sslrootcert, sslcert, sslkey, sslcrl: files that libpq would open. */
bool	pgurl_names_file(const char *key, const char *value);

#endif
