/* SPDX-License-Identifier: ISC */
/*
 * One PostgreSQL session on the event loop, usable in a process that can
 * open no file and look no name up.
 *
 * Hosts of the connection string are tried one at a time, each with its own
 * timer (PQconnectPoll ignores connect_timeout), with numeric addresses from
 * the resolver.  Every option that would make libpq touch a file is set
 * explicitly; certificates come as descriptors.  sslmode missing means
 * "require" unless the host is a Unix socket or loopback.  Once connected,
 * the session settings of the delivery design (section 4) are applied and
 * a standby or a transaction pooler is recognised.
 *
 * Loop thread only.  libpq 15.
 */
#ifndef TIDE_COMMON_PG_SESSION_H
#define TIDE_COMMON_PG_SESSION_H

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct pg_session;
struct resolve;

/* A session setting beyond those that every session of ours gets. */
struct pg_setting {
	const char	*name;		/* a literal: goes into SQL as it is */
	const char	*value;
};

struct pg_session_opts {
	const char	*conninfo;	/* URL or keywords; copied, and wiped
					 * once connected */
	const char	*application_name;	/* unless the URL has one */
	int64_t		 connect_timeout_us;	/* per address; 0: what the
						 * URL says, else 10 s */
	bool		 primary;	/* refuse a standby */
	const struct pg_setting *settings;	/* borrowed */
	size_t		 nsettings;
	/* The descriptor that stands for a file named in the connection
	 * string (sslrootcert, sslcert, sslkey, sslcrl), -1: none. */
	int		(*file)(const char *path, void *arg);
	void		*file_arg;
	struct resolve	*resolve;	/* NULL: numeric hosts only */
};

enum pg_session_event {
	PG_SESSION_UP,		/* connected, settings applied */
	PG_SESSION_FAILED,	/* could not connect; text says why */
	PG_SESSION_LOST		/* was up, is gone */
};

typedef void (*pg_session_fn)(struct pg_session *, enum pg_session_event,
	    const char *text, void *arg);

/*
 * Starts connecting; NULL with errno ENOMEM.  The callback never runs before
 * this has returned; it may close the session.  After FAILED or LOST the
 * session is of no more use than to be closed.  Text never holds a password.
 */
struct pg_session *pg_session_open(struct event_base *,
	    const struct pg_session_opts *, pg_session_fn, void *arg);
void	pg_session_close(struct pg_session *);	/* NULL is allowed */
bool	pg_session_up(const struct pg_session *);
/* SQLSTATE of a failure to connect, "" when there was none. */
const char *pg_session_sqlstate(const struct pg_session *);
/* "host:port/dbname as user", for messages. */
const char *pg_session_target(const struct pg_session *);

/*
 * Commands run one after the other, each in a transaction of its own, each
 * with its own result callback.  Parameters are text and copied.
 * single_row: the callback is called for each row with PGRES_SINGLE_TUPLE
 * and at the end with PGRES_TUPLES_OK (or the error).  The result is the
 * session's; it is cleared after the callback returned.  result is NULL when
 * the session was lost before an answer came; LOST is reported after that.
 * The callback may be NULL; then an error is logged.
 */
typedef void (*pg_result_fn)(struct pg_session *, const PGresult *,
	    void *arg);
struct pg_command {
	const char	*sql;		/* must stay valid: a literal */
	const char	*prepared;	/* prepare once under this name */
	int		 nparams;
	const char *const *values;
	bool		 binary_result;
	bool		 single_row;
	int64_t		 timeout_us;	/* from sending to the last result;
					 * then the session counts as lost.
					 * 0: none */
};
/* 0, or -1 with errno (ENOTCONN, ENOMEM). */
int	pg_session_query(struct pg_session *, const struct pg_command *,
	    pg_result_fn, void *arg);
size_t	pg_session_pending(const struct pg_session *);
/* Stop and start taking rows from the socket, for back-pressure. */
void	pg_session_pause(struct pg_session *, bool);
/* Send what was asked and wait for the answers, at most ms; for the last
 * words before an exit.  0 when nothing is pending, else -1. */
int	pg_session_flush(struct pg_session *, int ms);

typedef void (*pg_notify_fn)(struct pg_session *, const char *channel,
	    const char *payload, int pid, void *arg);
void	pg_session_on_notify(struct pg_session *, pg_notify_fn, void *arg);
/*
 * The server process as it calls itself.  A query that answers with another
 * pg_backend_pid() went through a transaction pooler, which loses locks and
 * LISTEN: pg_session_moved() is then true, and the caller gives up by name.
 */
int	pg_session_backend_pid(const struct pg_session *);
bool	pg_session_moved(const struct pg_session *, int pid);
int	pg_session_server_version(const struct pg_session *);

/* TCP ports that the connection string names, for the sandbox: returns how
 * many were stored, -1 with a message when it cannot be parsed.  *unixsock
 * is set when a host is a socket directory. */
int	pg_conninfo_ports(const char *conninfo, uint16_t *ports, size_t max,
	    bool *unixsock, char *err, size_t errsize);

#endif
