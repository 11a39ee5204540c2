/* SPDX-License-Identifier: ISC */
/* What the probe can attempt. */
#ifndef TIDE_TESTS_SANDBOX_PROBE_ACTS_H
#define TIDE_TESTS_SANDBOX_PROBE_ACTS_H

/*
 * Attempt an act with its argument (a port, a process, a path).  0 when it
 * was allowed, else the error; -1 for a name that is not known.
 */
int	probe_act(const char *name, const char *arg);

#endif
