/* SPDX-License-Identifier: ISC */
/*
 * A private PostgreSQL server for a test, in a directory of its own, on a
 * free loopback port and a Unix socket in the same directory.
 *
 * Settings favour speed (fsync off).  As root the server runs as the user
 * postgres.  Everything is removed by pgserver_free().
 */
#ifndef TIDE_TESTS_PGSERVER_H
#define TIDE_TESTS_PGSERVER_H

#include <libpq-fe.h>

struct pgserver;

/*
 * Program directory: $PG_BINDIR, else the newest below /usr/lib/postgresql.
 * hba is the text of pg_hba.conf, NULL: trust everybody.  NULL with a reason
 * in *why when there is no server to start.
 */
struct pgserver *pgserver_new(const char *hba, const char **why);
void	pgserver_free(struct pgserver *);
/* As the administrator would: start, stop -m immediate; 0 or -1. */
int	pgserver_start(struct pgserver *);
int	pgserver_kill(struct pgserver *);

int	pgserver_port(const struct pgserver *);
const char *pgserver_dir(const struct pgserver *);
/* "postgres://postgres@127.0.0.1:PORT/postgres" */
const char *pgserver_url(const struct pgserver *);
/* A session of the superuser, for PQfinish(). */
PGconn	*pgserver_connect(const struct pgserver *);
/* Run SQL as the superuser, blocking; 0, or -1 with the error on stderr. */
int	pgserver_sql(const struct pgserver *, const char *sql);
/* The first column of the first row, to be freed; NULL when none. */
char	*pgserver_value(const struct pgserver *, const char *sql);
/* Add a line to postgresql.conf; takes effect at the next start. */
int	pgserver_set(struct pgserver *, const char *line);

/* A loopback port on which nobody listens now. */
int	free_port(void);

#endif
