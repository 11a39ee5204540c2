/* SPDX-License-Identifier: ISC */
/*
 * What the parts of a session share: its life (session.c), connecting
 * (connect.c, setup.c) and commands (query.c).  Nobody else includes this.
 */
#ifndef TIDE_COMMON_PG_SESSION_INT_H
#define TIDE_COMMON_PG_SESSION_INT_H

#include <sys/queue.h>

#include "common/pg/conninfo.h"
#include "common/pg/session.h"

#define PG_TEXT_MAX	2048
#define PG_ADDRS_MAX	8	/* of one host name that are tried */

enum pg_phase {
	PG_PHASE_CONNECTING,	/* resolving or in PQconnectPoll() */
	PG_PHASE_SETUP,		/* settings are on their way */
	PG_PHASE_UP,
	PG_PHASE_OVER		/* FAILED or LOST was said, or closed */
};

enum pg_step {
	PG_STEP_PREPARE,	/* a PREPARE is out, the command follows */
	PG_STEP_EXECUTE
};

struct pg_item {		/* one command in the queue */
	TAILQ_ENTRY(pg_item) entry;
	const char	*sql, *prepared;
	int		 nparams;
	char		**values;
	bool		 binary, single_row;
	int64_t		 timeout_us;
	pg_result_fn	 fn;
	void		*arg;
};
TAILQ_HEAD(pg_queue, pg_item);

struct pg_name {		/* a statement that this session prepared */
	SLIST_ENTRY(pg_name) entry;
	const char	*name;
};
SLIST_HEAD(pg_names, pg_name);

/* What is needed until the session is up. */
struct pg_connect {
	struct pg_conninfo *ci;		/* holds the password */
	struct resolve	*resolve;
	uint32_t	 lookup;	/* 0: none is under way */
	bool		 primary;
	const struct pg_setting *settings;
	size_t		 nsettings;
	int		(*file)(const char *, void *);
	void		*file_arg;
	char		*application_name;
	int64_t		 timeout_us;
	size_t		 host;		/* the one being tried */
	char		 addrs[PG_ADDRS_MAX][64];
	size_t		 naddrs, addr;
	char		 errors[PG_TEXT_MAX];	/* of all so far */
	char		 setup_error[PG_TEXT_MAX];
	bool		 setup_ok;
};

struct pg_session {
	struct event_base *base;
	pg_session_fn	 fn;
	void		*arg;
	pg_notify_fn	 notify;
	void		*notify_arg;
	enum pg_phase	 phase;
	unsigned int	 busy;		/* callbacks under way */
	bool		 closed;	/* by one of them: free at the end */
	PGconn		*conn;
	struct event	*ev_read, *ev_write, *ev_timer, *ev_soon;
	struct pg_connect connect;
	struct pg_queue	 queue;
	size_t		 pending;
	bool		 sent;		/* the head of the queue is out */
	bool		 paused;
	enum pg_step	 step;
	struct pg_names	 names;
	int		 backend_pid, server_version;
	char		 sqlstate[6];
	char		 target[512];
	char		 last_words[512];	/* why the server hangs up */
};

/* session.c */
void	pg_session_over(struct pg_session *, enum pg_session_event,
	    const char *text);
void	pg_session_events_off(struct pg_session *);
/* New events for the socket; 0 or -1.  Nothing is added. */
int	pg_session_events(struct pg_session *);
void	pg_session_timer(struct pg_session *, int64_t us);
void	pg_session_enter(struct pg_session *);
void	pg_session_leave(struct pg_session *);
/* libpq's text in one line, without LOCATION and trailing newline. */
void	pg_text_copy(char *dst, size_t size, const char *message);

/* connect.c: each is a step that an event of the session wakes */
void	pg_connect_first(struct pg_session *);
void	pg_connect_io(struct pg_session *);
void	pg_connect_timeout(struct pg_session *);
void	pg_connect_free(struct pg_session *);

/* setup.c */
char	*pg_setup_sql(int server_version, const struct pg_setting *, size_t);
/* 0, or -1 with a message: a standby, or a row that is not ours. */
int	pg_setup_row(struct pg_session *, const PGresult *, char *err,
	    size_t errsize);

/* query.c */
void	pg_query_io(struct pg_session *);	/* read, deliver, send next */
void	pg_query_write(struct pg_session *);	/* the socket takes more */
void	pg_query_discard(struct pg_session *);	/* every callback gets NULL */
void	pg_query_free(struct pg_session *);	/* without callbacks */

#endif
