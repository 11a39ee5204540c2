/* SPDX-License-Identifier: ISC */
/* The table of messages: the whole policy of who may say what, and when. */
#include "common/messages.h"

#define SUP	ROLE_SUPERVISOR
#define CAT	ROLE_CATALOG
#define CTL	ROLE_CONTROL
#define RES	ROLE_RESOLVER
#define WRK	ROLE_WORKER
#define ALL	ROLE_CHILDREN

/*
 * CHILD_GONE is in every row that a child may say: what it had sent before
 * it heard STOP still has to be taken.  HEARD is everything after HELLO.
 */
#define GONE	CHILD_GONE
#define HEARD	(CHILD_ANY & ~CHILD_STARTING)
#define SERVING	CHILD_SERVING

/* Bytes that a string of at most n - 1 characters, or a number, takes. */
#define S(n)	(2 + (n) - 1)
#define NAME	S(MSG_NAME_MAX)
#define REF	S(MSG_REF_MAX)
#define TEXT	S(MSG_TEXT_MAX)
#define BODY	FRAME_BODY_MAX

enum { NO_FD, FD, MAYBE_FD };
enum { OFTEN, ONCE };

static const struct msg_rule rules[] = {
	/* type, name, min, max, senders, receivers, states, fd, once */
	{ MSG_HELLO, "HELLO", 6, 4 + S(64), ALL, SUP,
	    CHILD_STARTING | GONE, NO_FD, ONCE },
	{ MSG_STAGE1, "STAGE1", 0, 0, ALL, SUP,
	    CHILD_CONFIG | GONE, NO_FD, ONCE },
	{ MSG_LOCKED, "LOCKED", 4, 4, ALL, SUP,
	    CHILD_STAGE1 | GONE, NO_FD, ONCE },
	{ MSG_CONFINED, "CONFINED", 0, 0, ALL, SUP,
	    CHILD_LOCKED | GONE, NO_FD, ONCE },
	/* Told to drain while it was about to say READY: not an offence. */
	{ MSG_READY, "READY", 0, 0, ALL, SUP,
	    CHILD_CONFINED | CHILD_DRAINING | GONE, NO_FD, ONCE },
	{ MSG_DRAINED, "DRAINED", 0, 0, ALL, SUP,
	    CHILD_DRAINING | GONE, NO_FD, ONCE },
	{ MSG_FATAL, "FATAL", 4, 4, ALL, SUP, CHILD_ANY, NO_FD, ONCE },
	{ MSG_BEAT, "BEAT", 0, 0, ALL, SUP, HEARD, NO_FD, OFTEN },
	{ MSG_MARK, "MARK", 2, S(MSG_MARK_MAX), WRK, SUP,
	    SERVING | GONE, NO_FD, OFTEN },

	{ MSG_SETTING, "SETTING", 6, S(MSG_SETTING_NAME_MAX) + REF + S(256),
	    SUP, ALL,
	    CHILD_CONFIG | SERVING, NO_FD, OFTEN },
	{ MSG_CONFIG, "CONFIG", 22, 2 * NAME + S(1024) + 16, SUP, ALL,
	    CHILD_CONFIG | SERVING, MAYBE_FD, OFTEN },
	{ MSG_PROCEED, "PROCEED", 0, 0, SUP, ALL, CHILD_STAGE1, NO_FD, ONCE },
	{ MSG_SECRET, "SECRET", 15, BODY, SUP, CAT | WRK,
	    CHILD_LOCKED, NO_FD, OFTEN },
	{ MSG_FILE, "FILE", 2, REF, SUP, CAT | WRK, CHILD_LOCKED, FD, OFTEN },
	{ MSG_OUTPUT, "OUTPUT", 2, REF, SUP, WRK,
	    CHILD_LOCKED | SERVING, FD, OFTEN },
	{ MSG_GO, "GO", 0, 0, SUP, ALL, CHILD_LOCKED, NO_FD, ONCE },
	{ MSG_CHANNEL, "CHANNEL", 16, 2 * 1 + NAME + 12, SUP, ALL,
	    HEARD, FD, OFTEN },
	{ MSG_DRAIN, "DRAIN", 4, 4, SUP, ALL, SERVING, NO_FD, ONCE },
	{ MSG_STOP, "STOP", 0, 0, SUP, ALL, CHILD_ANY, NO_FD, ONCE },
	{ MSG_LOG_LEVEL, "LOG_LEVEL", 4, 4, SUP, ALL, HEARD, NO_FD, OFTEN },

	{ MSG_PIPELINE, "PIPELINE", 18, 3 * NAME + 12, CAT, SUP,
	    SERVING | GONE, FD, OFTEN },
	{ MSG_PIPELINE_REF, "PIPELINE_REF", 5, NAME + 1 + REF, CAT, SUP,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_PIPELINE_GONE, "PIPELINE_GONE", 2, NAME, CAT, SUP,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_PIPELINE_KEEP, "PIPELINE_KEEP", 2, NAME, CAT, SUP,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_LIST_END, "LIST_END", 0, 0, CAT, SUP,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_WAKE, "WAKE", 2, NAME, CAT | SUP, SUP | WRK,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_WORKER_STATE, "WORKER_STATE", 14, NAME + 10 + TEXT, SUP, CAT,
	    SERVING, NO_FD, OFTEN },
	{ MSG_IDLE, "IDLE", 24, 2 * NAME + 20, WRK | SUP, SUP | CAT,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_RELOAD, "RELOAD", 0, 0, SUP, CAT | CTL, SERVING, NO_FD, OFTEN },

	{ MSG_REQUEST, "REQUEST", 11, 9 + NAME, CTL, SUP,
	    SERVING | GONE, NO_FD, OFTEN },
	{ MSG_REPLY, "REPLY", 7, 5 + TEXT, SUP, CTL, SERVING, NO_FD, OFTEN },
	{ MSG_PROC, "PROC", 59, 53 + 2 * NAME + TEXT, SUP, CTL,
	    SERVING, NO_FD, OFTEN },
	{ MSG_LISTENER, "LISTENER", 1, 1, SUP, CTL, SERVING, FD, OFTEN },

	{ MSG_METRICS, "METRICS", 8, BODY, ALL, CTL, CHILD_ANY, NO_FD, OFTEN },
	{ MSG_METRIC_DEF, "METRIC_DEF", 7, 3 + NAME + S(256), ALL, CTL,
	    CHILD_ANY, NO_FD, OFTEN },
	{ MSG_STATE, "STATE", 11, 5 + NAME + S(32) + TEXT, CAT | WRK, CTL,
	    CHILD_ANY, NO_FD, OFTEN },
	{ MSG_LOG, "LOG", 3, 1 + S(4096), ALL, CTL, CHILD_ANY, NO_FD, OFTEN },

	{ MSG_LOOKUP, "LOOKUP", 7, 5 + S(256), ALL, RES,
	    CHILD_ANY, NO_FD, OFTEN },
	{ MSG_ANSWER, "ANSWER", 12, 12 + 17 * MSG_LOOKUP_ADDRS, RES, ALL,
	    CHILD_ANY, NO_FD, OFTEN }
};
#define NRULES	(sizeof(rules) / sizeof(rules[0]))

struct name {
	unsigned int	 value;
	const char	*name;
};

static const struct name roles[] = {
	{ ROLE_SUPERVISOR, "supervisor" }, { ROLE_CATALOG, "catalog" },
	{ ROLE_CONTROL, "control" }, { ROLE_RESOLVER, "resolver" },
	{ ROLE_WORKER, "worker" }, { 0, NULL }
};

static const struct name states[] = {
	{ CHILD_STARTING, "starting" }, { CHILD_CONFIG, "config" },
	{ CHILD_STAGE1, "stage1" }, { CHILD_LOCKED, "locked" },
	{ CHILD_CONFINED, "confined" }, { CHILD_READY, "ready" },
	{ CHILD_DRAINING, "draining" }, { CHILD_GONE, "gone" }, { 0, NULL }
};

static const char *const causes[CAUSE_MAX] = {
	[CAUSE_NONE] = "none",
	[CAUSE_STOPPED] = "stopped",
	[CAUSE_CONFIG] = "config",
	[CAUSE_SANDBOX] = "sandbox",
	[CAUSE_PLUGIN] = "plugin",
	[CAUSE_DATABASE] = "database",
	[CAUSE_SESSION_LOST] = "session-lost",
	[CAUSE_NOT_OWNER] = "not-owner",
	[CAUSE_FENCED] = "fenced",
	[CAUSE_SINK] = "sink",
	[CAUSE_PROTOCOL] = "protocol",
	[CAUSE_SILENT] = "silent",
	[CAUSE_DEADLINE] = "deadline",
	[CAUSE_CRASH] = "crash",
	[CAUSE_SYSCALL] = "syscall",
	[CAUSE_KILLED] = "killed",
	[CAUSE_EXIT] = "exit",
	[CAUSE_SECRET] = "secret",
	[CAUSE_ATTEST] = "attest",
	[CAUSE_SPAWN] = "spawn"
};

static const char *
name_of(const struct name *n, unsigned int value)
{
	for (; n->name != NULL; n++) {
		if (n->value == value)
			return (n->name);
	}
	return ("unknown");
}

const struct msg_rule *
msg_rule_find(uint16_t type)
{
	size_t i;

	for (i = 0; i < NRULES; i++) {
		if (rules[i].type == type)
			return (&rules[i]);
	}
	return (NULL);
}

const char *
msg_name(uint16_t type)
{
	const struct msg_rule *r = msg_rule_find(type);

	return (r == NULL ? "unknown" : r->name);
}

const char *
msg_refusal(const struct frame *f, enum role sender, enum role receiver,
    enum child_state state)
{
	const struct msg_rule *r = msg_rule_find(f->type);

	if (r == NULL)
		return ("unknown type");
	if (f->flags != 0)
		return ("unknown flags");
	if ((r->senders & sender) == 0)
		return ("not for this sender");
	if ((r->receivers & receiver) == 0)
		return ("not for this receiver");
	if ((r->states & state) == 0)
		return ("not in this state");
	if (f->len < r->min || f->len > r->max)
		return ("wrong size");
	if (f->fd != -1 && r->fd == NO_FD)
		return ("unexpected descriptor");
	if (f->fd == -1 && r->fd == FD)
		return ("missing descriptor");
	return (NULL);
}

const char *
role_name(enum role r)
{
	return (name_of(roles, r));
}

const char *
child_state_name(enum child_state s)
{
	return (name_of(states, s));
}

const char *
exit_cause_name(enum exit_cause c)
{
	return ((unsigned int)c < CAUSE_MAX ? causes[c] : "unknown");
}
