/* SPDX-License-Identifier: ISC */
/* Connect to /dev/log. */
#include "config.h"

#include "supervisor/syslog.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
syslog_open(void)
{
	const struct sockaddr_un sun = { .sun_family = AF_UNIX,
	    .sun_path = "/dev/log" };
	int s, saved;

	if ((s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	if (connect(s, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return (s);
	saved = errno;
	close(s);
	errno = saved;
	return (-1);
}

int
syslog_reopen(int fd)
{
	int s, ret;

	if ((s = syslog_open()) == -1)
		return (-1);
	ret = dup3(s, fd, O_CLOEXEC);
	close(s);
	return (ret == -1 ? -1 : 0);
}
