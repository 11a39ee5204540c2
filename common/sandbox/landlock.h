/* SPDX-License-Identifier: ISC */
/*
 * Landlock layers of the lock-down.  A layer restricts the calling thread
 * and what it starts later, so there must be only one thread.
 */
#ifndef TIDE_COMMON_SANDBOX_LANDLOCK_H
#define TIDE_COMMON_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANDLOCK_ABI_FILES	1	/* Linux 5.13 */
#define LANDLOCK_ABI_NET	4	/* Linux 6.7 */
#define LANDLOCK_ABI_SCOPE	6	/* Linux 6.12 */

struct landlock_layer {
	bool		 files;		/* deny every file but the paths */
	const char *const *dirs;	/* readable, all below them */
	size_t		 ndirs;
	const char *const *paths;	/* readable: files or directories */
	size_t		 npaths;
	bool		 no_bind;	/* deny bind(2) on TCP sockets */
	bool		 ports_only;	/* deny connect(2) but to the ports */
	const uint16_t	*ports;
	size_t		 nports;
	bool		 scope;		/* abstract sockets and signals */
};

/* Of the running kernel; 0: none, or disabled at boot. */
int	landlock_abi(void);
/*
 * Put a layer in force, as far as ABI abi knows it.  Paths that do not
 * exist or cannot be reached are left out.  0, or -1 with a message.
 */
int	landlock_apply(const struct landlock_layer *, int abi, char *err,
	    size_t errsize);

#endif
