/* SPDX-License-Identifier: ISC */
/*
 * A PostgreSQL connection of pg-tidectl itself: an ordinary libpq client
 * with the rights of whoever runs it.
 */
#ifndef TIDE_CTL_DATABASE_H
#define TIDE_CTL_DATABASE_H

#include <libpq-fe.h>

struct ctl;

/*
 * By --postgres-url, --postgres-url-file, PG_TIDE_POSTGRES_URL, or else
 * libpq's own environment and service file.  NULL after ctl_fail() has told
 * why; *status is then the exit status.  Messages never hold a password.
 */
PGconn	*database_open(struct ctl *, int *status);
/* Tell why a result is no success; returns the exit status. */
int	database_fail(struct ctl *, PGconn *, const PGresult *,
	    int exit_status);
/* One statement with text parameters; NULL after ctl_fail(), *status set. */
PGresult *database_query(struct ctl *, PGconn *, const char *sql,
	    int nparams, const char *const *params, int *status);

#endif
