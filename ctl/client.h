/* SPDX-License-Identifier: ISC */
/* Talking to the running daemon over its control socket. */
#ifndef TIDE_CTL_CLIENT_H
#define TIDE_CTL_CLIENT_H

#include <json-c/json.h>

struct ctl;

/*
 * Send {"command":command, name:value}, name NULL for none.  Returns CTL_OK
 * and the answer's data in *data (the caller's to put), or the exit status
 * after ctl_fail() has told why.
 */
int	client_call(struct ctl *, const char *command, const char *name,
	    const char *value, struct json_object **data);
/* As above for commands that answer with a message: prints it. */
int	client_order(struct ctl *, const char *command, const char *name,
	    const char *value);

#endif
