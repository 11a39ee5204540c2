/* SPDX-License-Identifier: ISC */
/* Restart policy: one row per cause. */
#include "config.h"

#include "supervisor/throttle.h"

#include <sys/wait.h>

#include <signal.h>
#include <stddef.h>

#include "common/units.h"

#define MS		INT64_C(1000)
#define SECOND		(1000 * MS)
#define SANDBOX_TRAPPED	77	/* exit status after a trapped call */

struct policy {
	enum exit_cause	cause;
	int64_t		first, most;	/* 0: do not start again by itself */
	bool		doubles;
};

static const struct policy policies[] = {
	{ CAUSE_STOPPED, 1 * MS, 1 * MS, false },
	/* The database restarts or moves: come back soon, not together. */
	{ CAUSE_SESSION_LOST, 200 * MS, 1 * SECOND, false },
	{ CAUSE_DATABASE, 200 * MS, 5 * SECOND, true },
	{ CAUSE_NOT_OWNER, 1 * SECOND, 1 * SECOND, false },
	{ CAUSE_FENCED, 1 * SECOND, 1 * SECOND, false },
	/* Only a change of the row can help. */
	{ CAUSE_CONFIG, 0, 0, false },
	{ CAUSE_SECRET, 30 * SECOND, 30 * SECOND, false },
	/* All others: what dies at once must not spin. */
	{ CAUSE_NONE, 200 * MS, 60 * SECOND, true }
};

/* One that worked for a while may come back sooner than one that never did.*/
#define MOST_AFTER_READY	(5 * SECOND)

static const struct policy *
policy_of(enum exit_cause cause)
{
	const struct policy *p;

	for (p = policies; p->cause != CAUSE_NONE; p++) {
		if (p->cause == cause)
			break;
	}
	return (p);
}

bool
throttle_counts(enum exit_cause cause)
{
	return (policy_of(cause)->doubles);
}

int64_t
throttle_delay_us(enum exit_cause cause, unsigned int failures, bool was_ready)
{
	const struct policy *p = policy_of(cause);
	int64_t delay = p->first, most = p->most;

	if (most == 0)
		return (-1);
	if (was_ready && most > MOST_AFTER_READY)
		most = MOST_AFTER_READY;
	for (; p->doubles && failures > 1 && delay < most; failures--)
		delay *= 2;
	if (!p->doubles)
		delay = most;
	if (delay > most)
		delay = most;
	/* Between half and all of it. */
	return (delay / 2 + (int64_t)random_uniform((uint64_t)delay / 2 + 1));
}

enum exit_cause
throttle_cause(int status, bool told_stop)
{
	if (WIFEXITED(status)) {
		if (WEXITSTATUS(status) == SANDBOX_TRAPPED)
			return (CAUSE_SYSCALL);
		return (told_stop && WEXITSTATUS(status) == 0 ?
		    CAUSE_STOPPED : CAUSE_EXIT);
	}
	switch (WTERMSIG(status)) {
	case SIGSYS:
		return (CAUSE_SYSCALL);
	case SIGSEGV:
	case SIGABRT:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
		return (CAUSE_CRASH);
	default:
		return (CAUSE_KILLED);
	}
}
