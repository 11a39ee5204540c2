/* SPDX-License-Identifier: ISC */
/* Who the children run as. */
#ifndef TIDE_SUPERVISOR_IDENTITY_H
#define TIDE_SUPERVISOR_IDENTITY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

struct identity {
	uid_t	 uid;
	gid_t	 gid;
	bool	 drop;		/* we are root and will become this */
};

/* Under root the named user, which must not be root; else ourselves.
 * 0, or -1 and why. */
int	identity_find(struct identity *, const char *user, char *err,
	    size_t errsize);

#endif
