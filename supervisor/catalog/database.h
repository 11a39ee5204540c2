/* SPDX-License-Identifier: ISC */
/*
 * The catalog's one session, kept alive: connected again with backoff and
 * jitter whenever it is lost, listening to both channels whenever it is up.
 *
 * Loop thread only.
 */
#ifndef TIDE_CATALOG_DATABASE_H
#define TIDE_CATALOG_DATABASE_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/pg/session.h"

struct database;

struct database_ops {
	void	(*up)(void *);		/* also after each reconnect */
	void	(*down)(void *);	/* was up; locks and LISTEN are gone */
	/* The database cannot be used: what happened and what to do.  Said
	 * at each attempt; NULL when all is well again. */
	void	(*problem)(const char *text, void *);
	/* A notification that another session sent. */
	void	(*notify)(const char *channel, const char *payload, void *);
};

struct database_opts {
	const char	*url;		/* must stay valid */
	struct resolve	*resolve;
	int		(*file)(const char *path, void *);
	void		*file_arg;
};

/* Connects from the loop; NULL with errno. */
struct database *database_new(struct event_base *,
	    const struct database_opts *, const struct database_ops *,
	    void *arg);
void	database_free(struct database *);	/* NULL is allowed */

bool	database_up(const struct database *);
/* As pg_session_query(); every callback comes, with NULL when the session
 * was lost or refused, or the database is freed. */
typedef void (*database_fn)(const PGresult *, void *);
int	database_query(struct database *, const struct pg_command *,
	    database_fn, void *);
/* All that is needed is there: problems are over, the backoff starts anew.*/
void	database_well(struct database *);
/* It answers, but cannot be used: say why, hang up, try again later. */
void	database_refuse(struct database *, const char *text);
/* False, and the session refused, when a pooler moved us. */
bool	database_same(struct database *, const char *pid);
/* What a failed result means, with the remedy. */
void	database_explain(const struct database *, const PGresult *,
	    char *text, size_t size);

#endif
