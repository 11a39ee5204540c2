/* SPDX-License-Identifier: ISC */
/* Find the user that the children run as. */
#include "config.h"

#include "supervisor/identity.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
identity_find(struct identity *id, const char *user, char *err,
    size_t errsize)
{
	struct passwd *pw;

	memset(id, 0, sizeof(*id));
	id->uid = geteuid();
	id->gid = getegid();
	if (id->uid != 0)
		return (0);
	errno = 0;
	if ((pw = getpwnam(user)) == NULL) {
		(void)snprintf(err, errsize, "user \"%s\": %s", user,
		    errno == 0 ? "there is no such user; create it"
		    " (useradd --system) or set the option \"user\"" :
		    strerror(errno));
		return (-1);
	}
	if (pw->pw_uid == 0 || pw->pw_gid == 0) {
		(void)snprintf(err, errsize,
		    "user \"%s\" is root or in root's group", user);
		return (-1);
	}
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	id->drop = true;
	return (0);
}
