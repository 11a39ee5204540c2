/* SPDX-License-Identifier: ISC */
/*
 * The channels between children: each has one to control and one to the
 * resolver.  The supervisor makes the pairs and hands the ends out; when
 * control or resolver is new, everybody gets a new one.
 */
#ifndef TIDE_SUPERVISOR_CHANNELS_H
#define TIDE_SUPERVISOR_CHANNELS_H

#include "supervisor/process.h"

/* For a child that is about to be started: the ends that it is born with,
 * -1 for none.  0 or -1. */
int	channels_open(struct process *, int *control, int *resolver);
/* Give everybody what he lacks. */
void	channels_sync(struct super *);

#endif
