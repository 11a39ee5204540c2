/* SPDX-License-Identifier: ISC */
/*
 * Who is at the other end of the control socket, and what they may do.
 *
 * Whoever the mode of the socket lets connect may look.  To change
 * something one must be root, the user that the daemon's children run as
 * (without privilege: whoever started it), or a member of control_group.
 */
#ifndef TIDE_CONTROL_ACCESS_H
#define TIDE_CONTROL_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define ACCESS_NO_GROUP	((gid_t)-1)

struct access {
	pid_t	pid;
	uid_t	uid;
	gid_t	gid;
	bool	may_change;
};

/* 0, or -1 with errno when the kernel does not say who it is. */
int	access_of(int sock, gid_t admin_gid, struct access *);
/* control_group as a name or a number; "" is ACCESS_NO_GROUP.  0 or -1.
 * Reads /etc/group: before the lock-down only. */
int	access_group(const char *name, gid_t *);

#endif
