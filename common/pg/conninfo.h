/* SPDX-License-Identifier: ISC */
/*
 * A connection string taken apart: its hosts in order, and for each the
 * parameters that libpq gets, complete enough that it opens no file and
 * looks no name up.
 *
 * The password stays in here until pg_conninfo_free(), which wipes it.  No
 * threads.
 */
#ifndef TIDE_COMMON_PG_CONNINFO_H
#define TIDE_COMMON_PG_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

#define PG_PARAMS_MAX	64
#define PG_FILES_MAX	4	/* sslrootcert sslcert sslkey sslcrl */

struct pg_conninfo;

struct pg_host {
	const char	*host;		/* "" when only hostaddr is given */
	const char	*hostaddr;	/* "" when there is none */
	const char	*port;
	bool		 unixsock;	/* a socket directory, or nothing */
};

/* Arrays for PQconnectStartParams(); they point into the conninfo. */
struct pg_params {
	const char	*keys[PG_PARAMS_MAX];
	const char	*values[PG_PARAMS_MAX];
	size_t		 n;
	char		 paths[PG_FILES_MAX][32];
};

/* What one attempt is about. */
struct pg_attempt {
	const struct pg_host *host;
	const char	*addr;		/* numeric, NULL for a socket */
	const char	*application_name;
	int		(*file)(const char *path, void *arg);
	void		*file_arg;
};

/*
 * NULL with a message, which never quotes the string: a slip of the pen may
 * have put the password anywhere.
 */
struct pg_conninfo *pg_conninfo_parse(const char *, char *err,
	    size_t errsize);
void	pg_conninfo_free(struct pg_conninfo *);	/* NULL is allowed */

size_t	pg_conninfo_nhosts(const struct pg_conninfo *);
const struct pg_host *pg_conninfo_host(const struct pg_conninfo *, size_t);
/* The value of a keyword, NULL when it is not given. */
const char *pg_conninfo_get(const struct pg_conninfo *, const char *);

/* The path of file i below PG_FILES_MAX, NULL when none is named. */
const char *pg_conninfo_file(const struct pg_conninfo *, size_t i);

/* 0, or -1 with a message (a file that was not handed over). */
int	pg_conninfo_params(const struct pg_conninfo *,
	    const struct pg_attempt *, struct pg_params *, char *err,
	    size_t errsize);
/* The sslmode of an attempt, the rule for a missing one applied. */
const char *pg_conninfo_sslmode(const struct pg_conninfo *,
	    const struct pg_attempt *);
/* 127.0.0.0/8 or ::1, in digits. */
bool	pg_addr_is_loopback(const char *);
bool	pg_addr_is_numeric(const char *);

#endif
