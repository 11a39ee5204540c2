/* SPDX-License-Identifier: ISC */
/* Drop to an unprivileged user, and try to come back. */
#include "config.h"

#include "supervisor/privdrop.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <unistd.h>

#define SECUREBITS	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |		\
			    SECBIT_NO_SETUID_FIXUP_LOCKED |		\
			    SECBIT_KEEP_CAPS_LOCKED |			\
			    SECBIT_NO_CAP_AMBIENT_RAISE |		\
			    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/* The bounding set survives setuid(2), and an exec could use it. */
static int
bounding_set_drop(void)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return (-1);
	}
	return (0);
}

static int
caps_clear(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	return ((int)syscall(SYS_capset, &header, data));
}

static bool
caps_are_clear(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &header, d) == -1)
		return (false);
	return ((d[0].effective | d[0].permitted | d[0].inheritable |
	    d[1].effective | d[1].permitted | d[1].inheritable) == 0);
}

static bool
ids_are(const struct identity *id)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) == -1 || getresgid(&rg, &eg, &sg) == -1)
		return (false);
	return (r == id->uid && e == id->uid && s == id->uid &&
	    rg == id->gid && eg == id->gid && sg == id->gid);
}

static bool
can_return(void)
{
	return (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 ||
	    setgroups(0, NULL) == 0);
}

static int
become(const struct identity *id, const char **step)
{
	gid_t gid = id->gid;

	*step = "drop the bounding set";
	if (bounding_set_drop() == -1)
		return (-1);
	*step = "lock the secure bits";
	if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) == -1)
		return (-1);
	*step = "set the groups";
	if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1)
		return (-1);
	*step = "set the user";
	return (setresuid(id->uid, id->uid, id->uid));
}

int
privdrop(const struct identity *id, const char **step)
{
	if (id->drop && become(id, step) == -1)
		return (-1);
	*step = "clear capabilities";
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 &&
	    errno != EINVAL)
		return (-1);
	if (caps_clear() == -1)
		return (-1);
	*step = "prove that privilege is gone";
	errno = EPERM;
	if (!ids_are(id) || !caps_are_clear() || (id->drop && can_return()))
		return (-1);
	*step = "set no_new_privs";
	return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}
