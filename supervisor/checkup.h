/* SPDX-License-Identifier: ISC */
/*
 * What can be known of configuration and installation before anything is
 * opened or started.  Each fault is logged; nothing is kept.
 */
#ifndef TIDE_SUPERVISOR_CHECKUP_H
#define TIDE_SUPERVISOR_CHECKUP_H

struct super;

/* Faults that let nothing run; fills in who the children are.  0 or -1. */
int	checkup_start(struct super *);
/*
 * Faults that the daemon would wait out, or that hit some pipelines only:
 * connection strings and their references, single plugins.  0 or -1.
 */
int	checkup_rest(const struct super *);

#endif
