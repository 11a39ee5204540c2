/* SPDX-License-Identifier: ISC */
/*
 * Look for ourselves whether a child is locked down, in /proc/PID/status:
 * a taken-over process would say so in any case.
 */
#ifndef TIDE_SUPERVISOR_ATTEST_H
#define TIDE_SUPERVISOR_ATTEST_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/identity.h"

struct attest_policy {
	struct identity	 who;
	bool		 seccomp;	/* demand a filter */
	bool		 one_thread;
};

/* 0, or -1 with what is wrong. */
int	attest(pid_t, const struct attest_policy *, char *err, size_t errsize);
/* The same on a text, for tests. */
int	attest_text(const char *status, const struct attest_policy *,
	    char *err, size_t errsize);

#endif
