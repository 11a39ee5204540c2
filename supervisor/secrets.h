/* SPDX-License-Identifier: ISC */
/*
 * Values of references, read when a worker starts and wiped when they were
 * sent: the supervisor keeps none.  Messages never hold a value.
 */
#ifndef TIDE_SUPERVISOR_SECRETS_H
#define TIDE_SUPERVISOR_SECRETS_H

#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"
#include "common/option.h"

struct peer;

/* A value of at most MSG_SECRET_MAX bytes and a NUL that is not counted. */
struct secret {
	char	*value;
	size_t	 len;
};

/* REF_ENV or REF_FILE.  0, or -1 with a message that names the rule. */
int	secret_read(const struct option_set *, enum ref_kind,
	    const char *name, struct secret *, char *err, size_t errsize);
/* All that a descriptor holds, which is closed; trimmed and checked. */
int	secret_take(int fd, const char *path, struct secret *, char *err,
	    size_t errsize);
void	secret_wipe(struct secret *);
/* In frames of at most MSG_SECRET_CHUNK bytes.  0 or -1. */
int	secret_send(struct peer *, uint8_t kind, const char *name,
	    const struct secret *);

#endif
