/* SPDX-License-Identifier: ISC */
/* Credentials of a Unix socket's peer, as the kernel recorded them. */
#include "config.h"

#include "supervisor/control/access.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/units.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS	59
#endif

/* Supplementary groups at the time of connect(2). */
static bool
in_group(int sock, gid_t wanted)
{
	socklen_t len = 0;
	gid_t *groups;
	bool found = false;
	size_t i;

	/* Asked without room, the kernel says how much it takes. */
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) != -1 ||
	    errno != ERANGE || (groups = malloc(len)) == NULL)
		return (false);
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0)
		for (i = 0; i < len / sizeof(gid_t); i++)
			if (groups[i] == wanted)
				found = true;
	free(groups);
	return (found);
}

int
access_of(int sock, gid_t admin_gid, struct access *a)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return (-1);
	a->pid = cred.pid;
	a->uid = cred.uid;
	a->gid = cred.gid;
	a->may_change = cred.uid == 0 || cred.uid == geteuid() ||
	    (admin_gid != ACCESS_NO_GROUP &&
	    (cred.gid == admin_gid || in_group(sock, admin_gid)));
	return (0);
}

int
access_group(const char *name, gid_t *gid)
{
	const struct group *gr;
	int64_t n;

	*gid = ACCESS_NO_GROUP;
	if (name == NULL || *name == '\0')
		return (0);
	if (int_parse(name, &n) == 0) {
		if (n < 0 || n >= UINT32_MAX)
			return (-1);
		*gid = (gid_t)n;
		return (0);
	}
	if ((gr = getgrnam(name)) == NULL)
		return (-1);
	*gid = gr->gr_gid;
	return (0);
}
