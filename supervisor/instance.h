/* SPDX-License-Identifier: ISC */
/*
 * Several pg-tided on one host: an instance has a name, a configuration file
 * of its own (CONFDIR/NAME.conf) and a run directory of its own
 * (RUNDIR/NAME), which hold unless the file says otherwise.
 */
#ifndef TIDE_SUPERVISOR_INSTANCE_H
#define TIDE_SUPERVISOR_INSTANCE_H

#include <stddef.h>

/* Letters, digits, dash and underscore, at most 32.  0 or -1. */
int	instance_check(const char *name);
/* TIDE_CONFDIR/NAME.conf, allocated; NULL with errno. */
char	*instance_config(const char *name);
/*
 * What differs from the table's defaults: calls fn with each option and its
 * value.  0, or -1 when fn said so.
 */
int	instance_defaults(const char *name,
	    int (*fn)(const char *option, const char *value, void *),
	    void *arg);

#endif
