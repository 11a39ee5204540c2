/* SPDX-License-Identifier: ISC */
/* Datagrams for the service manager. */
#include "config.h"

#include "supervisor/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"

static struct {
	struct sockaddr_un to;
	socklen_t	 tolen;
	int		 fd;
	bool		 watchdog;
	enum { STARTING, READY, RELOADING } state;
} manager = { .fd = -1 };

/* "@name" is an abstract address: its first byte is a zero. */
static int
address_set(const char *path)
{
	size_t len = strlen(path);

	if ((*path != '/' && *path != '@') || len < 2 ||
	    len >= sizeof(manager.to.sun_path))
		return (-1);
	manager.to.sun_family = AF_UNIX;
	memcpy(manager.to.sun_path, path, len + 1);
	if (*path == '@')
		manager.to.sun_path[0] = '\0';
	manager.tolen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    len);
	return (0);
}

/* A watchdog that watches another process is none of ours. */
static bool
watchdog_wanted(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	int64_t n;

	if (usec == NULL || int_parse(usec, &n) == -1 || n <= 0)
		return (false);
	return (pid == NULL || (int_parse(pid, &n) == 0 && n == getpid()));
}

void
notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL)
		return;
	if (address_set(path) == -1)
		log_warnx("NOTIFY_SOCKET is no address of a socket");
	else if ((manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		log_warn("socket for the service manager");
	manager.watchdog = manager.fd != -1 && watchdog_wanted();
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

void
notify_close(void)
{
	if (manager.fd != -1)
		close(manager.fd);
	manager.fd = -1;
}

static void
say(const char *text)
{
	if (manager.fd == -1)
		return;
	if (sendto(manager.fd, text, strlen(text), MSG_NOSIGNAL,
	    (const struct sockaddr *)&manager.to, manager.tolen) == -1)
		log_warn("cannot tell the service manager %s", text);
}

void
notify_ready(void)
{
	if (manager.state != READY)
		say("READY=1\nSTATUS=children are confined");
	manager.state = READY;
}

void
notify_reloading(void)
{
	char text[80];

	if (manager.state != READY)
		return;
	manager.state = RELOADING;
	(void)snprintf(text, sizeof(text),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	say(text);
}

void
notify_stopping(void)
{
	say("STOPPING=1\nSTATUS=workers finish what is in flight");
}

void
notify_alive(void)
{
	if (manager.watchdog)
		say("WATCHDOG=1");
}
