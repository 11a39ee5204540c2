/* SPDX-License-Identifier: ISC */
/*
 * Every message of pg-tided: who may say it, when, how long it may be.
 *
 * The table in messages.c has one row per type; msg_body.c has the bodies.
 * A frame that is out of place (wrong sender, state, size or descriptor, or
 * said twice) ends the connection to that peer.  Each message that has a
 * body has a struct and a pair of functions here; msg_*_get() returns 0, or
 * -1 for a malformed body, whose descriptor stays with the frame.
 * Strings are NUL-terminated in the structs and bounded by these sizes.
 */
#ifndef TIDE_COMMON_MESSAGES_H
#define TIDE_COMMON_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/frame.h"

#define MSG_PROTOCOL		1
#define MSG_NAME_MAX		64	/* pipelines, outboxes, sinks */
#define MSG_SETTING_NAME_MAX	128	/* "pipeline NAME.postgres_url" */
#define MSG_MARK_MAX		160
#define MSG_REF_MAX		4096	/* one reference, path or env name */
#define MSG_TEXT_MAX		2048	/* error texts */
#define MSG_SECRET_MAX		65536	/* one secret, all chunks */
#define MSG_SECRET_CHUNK	12288
#define MSG_CONFIG_MAX		(1024 * 1024)	/* the sealed memfd */

/* Processes, as bits so that a table row can name several senders. */
enum role {
	ROLE_SUPERVISOR	= 0x01,
	ROLE_CATALOG	= 0x02,
	ROLE_CONTROL	= 0x04,
	ROLE_RESOLVER	= 0x08,
	ROLE_WORKER	= 0x10
};
#define ROLE_CHILDREN	(ROLE_CATALOG | ROLE_CONTROL | ROLE_RESOLVER | \
			    ROLE_WORKER)

/*
 * Life of a child as its parent sees it.  Both ends of a connection keep
 * it; the table says what may be said in which.
 */
enum child_state {
	CHILD_STARTING	= 0x01,	/* exec'ed, nothing heard */
	CHILD_CONFIG	= 0x02,	/* said HELLO, gets its settings */
	CHILD_STAGE1	= 0x04,	/* said STAGE1: our own code alone has run */
	CHILD_LOCKED	= 0x08,	/* said LOCKED: attested, gets its secrets */
	CHILD_CONFINED	= 0x10,	/* said CONFINED: ports are closed */
	CHILD_READY	= 0x20,	/* said READY */
	CHILD_DRAINING	= 0x40,	/* was told DRAIN */
	CHILD_GONE	= 0x80	/* exit is awaited */
};
#define CHILD_ANY	0xff
#define CHILD_SERVING	(CHILD_CONFINED | CHILD_READY | CHILD_DRAINING)

enum msg_type {
	/* any child -> supervisor */
	MSG_HELLO		= 1,	/* u32 protocol, str version */
	MSG_STAGE1		= 2,	/* stage 1 is in force */
	MSG_LOCKED		= 3,	/* u32 Landlock ABI used (0: none) */
	MSG_CONFINED		= 4,
	MSG_READY		= 5,
	MSG_DRAINED		= 6,
	MSG_FATAL		= 7,	/* u32 enum exit_cause */
	MSG_BEAT		= 8,	/* once a second */

	/* worker -> supervisor */
	MSG_MARK		= 9,	/* str: how far it has delivered, for
					 * the worker after it, which gets it
					 * as the setting MSG_MARK_SETTING */

	/* supervisor -> any child */
	MSG_SETTING		= 20,	/* struct msg_setting */
	MSG_CONFIG		= 21,	/* struct msg_config; ends settings */
	MSG_PROCEED		= 22,	/* after STAGE1 was attested */
	MSG_SECRET		= 23,	/* struct msg_secret */
	MSG_FILE		= 24,	/* struct msg_path, fd for reading */
	MSG_OUTPUT		= 25,	/* struct msg_path, fd for appending;
					 * said again when reopened */
	MSG_GO			= 26,	/* all secrets and files were sent */
	MSG_CHANNEL		= 27,	/* struct msg_channel, fd */
	MSG_DRAIN		= 28,	/* u32 milliseconds */
	MSG_STOP		= 29,
	MSG_LOG_LEVEL		= 30,	/* u32 enum log_level */

	/* catalog -> supervisor */
	MSG_PIPELINE		= 40,	/* struct msg_pipeline, memfd */
	MSG_PIPELINE_REF	= 41,	/* struct msg_pipeline_ref */
	MSG_PIPELINE_GONE	= 42,	/* str name */
	MSG_LIST_END		= 43,	/* a whole list was said.  After the
					 * first of a catalog process, what
					 * was not named by PIPELINE or KEEP
					 * is gone; unchanged pipelines are
					 * said again in every list */
	MSG_PIPELINE_KEEP	= 48,	/* str name: wanted, but its document
					 * is wrong; what runs goes on */
	MSG_WAKE		= 44,	/* str outbox; also forwarded to
					 * workers that idle on it.  "" goes
					 * to all: nobody will ring, the
					 * catalog or its session is gone */
	/* supervisor -> catalog */
	MSG_WORKER_STATE	= 45,	/* struct msg_worker_state */
	MSG_IDLE		= 46,	/* struct msg_idle; from a worker,
					 * forwarded to the catalog */
	MSG_RELOAD		= 47,	/* read the catalog again; control:
					 * settings follow, then CONFIG */

	/* control -> supervisor and back */
	MSG_REQUEST		= 60,	/* struct msg_request */
	MSG_REPLY		= 61,	/* struct msg_reply */
	MSG_PROC		= 62,	/* struct msg_proc */
	MSG_LISTENER		= 63,	/* u8 enum listener_kind, fd */

	/* any child -> control, over its own channel */
	MSG_METRICS		= 80,	/* see common/metrics.h */
	MSG_METRIC_DEF		= 81,	/* struct msg_metric_def */
	MSG_STATE		= 82,	/* struct msg_state */
	MSG_LOG			= 83,	/* u8 level, str line */

	/* any child <-> resolver, over its own channel */
	MSG_LOOKUP		= 90,	/* struct msg_lookup */
	MSG_ANSWER		= 91	/* struct msg_answer */
};

/* Why a child ended, as its parent counts it and as MSG_FATAL says it. */
enum exit_cause {
	CAUSE_NONE		= 0,
	CAUSE_STOPPED		= 1,	/* as told */
	CAUSE_CONFIG		= 2,	/* its configuration is wrong */
	CAUSE_SANDBOX		= 3,	/* the lock-down could not be done */
	CAUSE_PLUGIN		= 4,	/* plugin refused or failed */
	CAUSE_DATABASE		= 5,	/* cannot connect, or not usable */
	CAUSE_SESSION_LOST	= 6,	/* restart at once, not a crash */
	CAUSE_NOT_OWNER		= 7,	/* another host has the pipeline */
	CAUSE_FENCED		= 8,	/* its epoch is old */
	CAUSE_SINK		= 9,	/* the sink said fatal */
	CAUSE_PROTOCOL		= 10,	/* said something out of place */
	CAUSE_SILENT		= 11,	/* no beat for ten seconds */
	CAUSE_DEADLINE		= 12,	/* did not drain in time */
	CAUSE_CRASH		= 13,	/* SEGV, ABRT, BUS, ILL, FPE */
	CAUSE_SYSCALL		= 14,	/* SIGSYS: the filter killed it */
	CAUSE_KILLED		= 15,	/* SIGKILL and other signals */
	CAUSE_EXIT		= 16,	/* exited with a status unasked */
	CAUSE_SECRET		= 17,	/* a reference was refused */
	CAUSE_ATTEST		= 18,	/* its lock-down was not real */
	CAUSE_SPAWN		= 19,	/* could not be started */
	CAUSE_MAX
};
const char *exit_cause_name(enum exit_cause);	/* "session-lost", ... */

enum ref_kind {
	REF_ENV		= 1,	/* ${env:NAME} */
	REF_FILE	= 2,	/* ${file:/path}: a secret */
	REF_READ	= 3,	/* FILE option, below files.dirs */
	REF_OUTPUT	= 4	/* OUTPUT option: below output.dirs, or "-" */
};
enum channel_kind { CHANNEL_CONTROL = 1, CHANNEL_RESOLVER = 2 };
enum listener_kind { LISTENER_CONTROL = 1, LISTENER_METRICS = 2 };

#define MSG_MARK_SETTING	"@mark"
struct msg_setting {		/* one effective option of pg-tided.conf */
	char	name[MSG_SETTING_NAME_MAX];
	char	value[MSG_REF_MAX];	/* secrets masked, references kept */
	char	origin[256];	/* "default", "/etc/...:12", "--flag" */
};

/* The child's own configuration; the descriptor is a worker's pipeline
 * document, a sealed memfd.  Everybody else gets none. */
struct msg_config {
	char	 name[MSG_NAME_MAX];	/* pipeline; "" elsewhere */
	char	 plugin[MSG_NAME_MAX];
	char	 plugin_path[1024];	/* verified by the supervisor */
	uint64_t generation;
	uint32_t flags;			/* MSG_CONFIG_* */
	uint32_t nsecrets;		/* SECRET references that will come */
	int	 fd;			/* -1: none; 0 is a descriptor! */
};
#define MSG_CONFIG_PGUNIX	0x01u	/* the database is a Unix socket */
#define MSG_CONFIG_PGFILES	0x02u	/* the URL names certificate files:
					 * libpq must open memfds */

struct msg_secret {		/* value in order, chunk 0.. last */
	uint8_t	 kind;			/* enum ref_kind; 0: our own setting */
	char	 name[MSG_REF_MAX];	/* "WEBHOOK_SECRET", "/run/x",
					 * "postgres_url" */
	uint32_t total;			/* bytes in all */
	uint32_t offset;
	const void *data;		/* points into the frame */
	size_t	 len;
};

struct msg_path {
	char	 path[MSG_REF_MAX];	/* as the configuration names it */
	int	 fd;
};

struct msg_channel {
	uint8_t	 kind;			/* enum channel_kind */
	uint8_t	 role;			/* who is at the other end */
	char	 name[MSG_NAME_MAX];	/* its pipeline, "" if no worker */
	uint64_t generation;		/* unique per process start */
	uint32_t pid;
	int	 fd;
	/* For control only, with the channel of each child: the reading
	 * end of its stdout and stderr follows as a second MSG_CHANNEL
	 * with kind CHANNEL_OUTPUT. */
};
#define CHANNEL_OUTPUT	3

struct msg_pipeline {
	char	 name[MSG_NAME_MAX];
	char	 outbox[MSG_NAME_MAX];
	char	 plugin[MSG_NAME_MAX];
	uint64_t generation;
	uint32_t nrefs;			/* MSG_PIPELINE_REF that follow */
	int	 fd;			/* the document */
};

struct msg_pipeline_ref {
	char	 name[MSG_NAME_MAX];
	uint8_t	 kind;			/* enum ref_kind */
	char	 value[MSG_REF_MAX];	/* environment name or path */
};

struct msg_worker_state {
	char	 name[MSG_NAME_MAX];
	uint64_t generation;		/* of the pipeline document */
	uint8_t	 state;			/* enum child_state, GONE when none */
	uint8_t	 cause;			/* enum exit_cause of the last end */
	char	 text[MSG_TEXT_MAX];	/* which rule refused what; or "" */
};

struct msg_idle {
	char	 name[MSG_NAME_MAX];	/* set by the supervisor */
	char	 outbox[MSG_NAME_MAX];
	uint32_t outbox_id;
	uint64_t xmax;			/* pg_snapshot_xmax of the position */
	uint64_t hash;			/* of the whole position */
};

enum request_verb {
	VERB_RELOAD	= 1,
	VERB_STOP	= 2,
	VERB_RESTART	= 3,	/* pipeline */
	VERB_PAUSE	= 4,	/* pipeline: drain, keep stopped */
	VERB_RESUME	= 5,	/* pipeline */
	VERB_LOG_LEVEL	= 6,	/* arg: enum log_level */
	VERB_REOPEN	= 7	/* outputs and logs */
};

struct msg_request {
	uint32_t id;
	uint8_t	 verb;
	uint32_t arg;
	char	 name[MSG_NAME_MAX];
};

struct msg_reply {
	uint32_t id;
	uint8_t	 ok;
	char	 text[MSG_TEXT_MAX];
};

struct msg_proc {		/* one row of the process table */
	uint8_t	 role;
	char	 name[MSG_NAME_MAX];	/* pipeline */
	char	 plugin[MSG_NAME_MAX];
	uint64_t generation;		/* unique per process start */
	uint64_t config_generation;
	uint32_t pid;			/* 0: not running */
	uint32_t uid;
	uint8_t	 state;			/* enum child_state */
	uint8_t	 cause;			/* of the last end */
	uint8_t	 paused;
	uint8_t	 removed;		/* 1: forget this row */
	uint32_t restarts;
	uint32_t landlock;		/* ABI in force, 0: none */
	int64_t	 started_us;		/* wall clock */
	int64_t	 next_start_us;		/* throttled until, 0: no */
	char	 text[MSG_TEXT_MAX];
};

struct msg_metric_def {		/* a plugin's metric, ids from 1000 up */
	uint16_t id;
	uint8_t	 type;		/* as pgtide_metric.type */
	char	 name[MSG_NAME_MAX];
	char	 help[256];
};

/* Health of a pipeline or of the catalog, the newest wins. */
enum health { HEALTH_OK = 1, HEALTH_RETRYING = 2, HEALTH_ALARM = 3,
	    HEALTH_PAUSED = 4, HEALTH_FAILED = 5, HEALTH_STANDBY = 6 };

struct msg_state {
	char	 name[MSG_NAME_MAX];	/* pipeline it is about */
	uint8_t	 health;
	int32_t	 code;			/* native error code or 0 */
	char	 error_class[32];	/* connector code, e.g. "timeout" */
	char	 text[MSG_TEXT_MAX];	/* what happened and what to do */
};

#define MSG_LOOKUP_ADDRS	32
struct msg_lookup {
	uint32_t id;
	uint8_t	 family;		/* 0 any, 4, 6 */
	char	 host[256];
};

struct msg_answer {
	uint32_t id;
	int32_t	 error;			/* EAI_* or 0 */
	uint32_t naddrs;
	struct msg_addr {
		uint8_t family;		/* 4 or 6 */
		uint8_t bytes[16];
	} addrs[MSG_LOOKUP_ADDRS];
};

/* One row of the table. */
struct msg_rule {
	uint16_t	 type;
	const char	*name;
	uint16_t	 min, max;	/* bytes of body */
	uint8_t		 senders;	/* enum role bits */
	uint8_t		 receivers;
	uint8_t		 states;	/* enum child_state bits */
	uint8_t		 fd;		/* 0 never, 1 always, 2 optional */
	uint8_t		 once;		/* per connection */
};
const struct msg_rule *msg_rule_find(uint16_t type);
/* Why the table forbids this frame here and now; NULL when it does not. */
const char *msg_refusal(const struct frame *, enum role sender,
	    enum role receiver, enum child_state);
const char *msg_name(uint16_t type);
const char *role_name(enum role);
const char *child_state_name(enum child_state);

/* Builders start the frame themselves; getters consume it exactly. */
#define MSG_DECLARE(m)							\
	void	msg_##m##_put(struct frame *, const struct msg_##m *);	\
	int	msg_##m##_get(struct frame *, struct msg_##m *)
MSG_DECLARE(setting);
MSG_DECLARE(config);
MSG_DECLARE(secret);
MSG_DECLARE(channel);
MSG_DECLARE(pipeline);
MSG_DECLARE(pipeline_ref);
MSG_DECLARE(worker_state);
MSG_DECLARE(idle);
MSG_DECLARE(request);
MSG_DECLARE(reply);
MSG_DECLARE(proc);
MSG_DECLARE(metric_def);
MSG_DECLARE(state);
MSG_DECLARE(lookup);
MSG_DECLARE(answer);
#undef MSG_DECLARE
void	msg_path_put(struct frame *, uint16_t type, const struct msg_path *);
int	msg_path_get(struct frame *, struct msg_path *);
/* Bodies that are a single value. */
void	msg_empty_put(struct frame *, uint16_t type);
void	msg_u32_put(struct frame *, uint16_t type, uint32_t);
int	msg_u32_get(struct frame *, uint32_t *);
void	msg_str_put(struct frame *, uint16_t type, const char *);
int	msg_str_get(struct frame *, char *, size_t);

#endif
