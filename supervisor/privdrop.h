/* SPDX-License-Identifier: ISC */
/*
 * Give up every privilege, for ever, and prove it.  For a forked child that
 * is about to exec: after a failure the caller must _exit.
 */
#ifndef TIDE_SUPERVISOR_PRIVDROP_H
#define TIDE_SUPERVISOR_PRIVDROP_H

#include "supervisor/identity.h"

/* 0, or -1 with errno; *step says what failed. */
int	privdrop(const struct identity *, const char **step);

#endif
