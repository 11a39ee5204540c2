/* SPDX-License-Identifier: ISC */
/* Open files below allowed directories. */
#include "config.h"

#include "supervisor/beneath.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What follows "DIR/" in path; NULL when it is not below it. */
static const char *
below(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (strncmp(dir, path, n) != 0 || path[n] != '/')
		return (NULL);
	path += n;
	path += strspn(path, "/");
	return (*path == '\0' ? NULL : path);
}

static int
open_below(const char *dir, const char *rest, uint64_t flags)
{
	struct open_how how;
	int dirfd, fd, saved;

	if ((dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (-1);
	memset(&how, 0, sizeof(how));
	/* O_NONBLOCK: a FIFO must not hang the supervisor. */
	how.flags = flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	how.mode = (flags & O_CREAT) != 0 ? 0640 : 0;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	fd = (int)syscall(SYS_openat2, dirfd, rest, &how, sizeof(how));
	saved = errno;
	close(dirfd);
	errno = saved;
	return (fd);
}

/* systemd's LoadCredential= directory is one of the secrets' directories. */
static const char *
directory(const struct option_set *set, const char *option, size_t i)
{
	const char *dir;
	size_t n;

	if ((dir = option_item(set, option, i)) != NULL)
		return (dir);
	if (strcmp(option, "secrets.dirs") != 0)
		return (NULL);
	for (n = 0; option_item(set, option, n) != NULL; n++)
		continue;
	return (i == n ? getenv("CREDENTIALS_DIRECTORY") : NULL);
}

static const char *
explain(int error, const char *option)
{
	if (error == EXDEV)
		return ("leads out of its directory");
	if (error == ENOSYS)
		return ("this kernel has no openat2(2)");
	if (error == ENOENT && strcmp(option, "output.dirs") == 0)
		return ("its directory does not exist; create it");
	return (strerror(error));
}

static int
open_allowed(const struct option_set *set, const char *option,
    const char *path, uint64_t flags, char *err, size_t errsize)
{
	const char *dir, *rest;
	int fd = -1, error = 0;
	bool allowed = false;
	size_t i;

	for (i = 0; fd == -1 && (dir = directory(set, option, i)) != NULL;
	    i++) {
		if ((rest = below(dir, path)) == NULL)
			continue;
		allowed = true;
		if ((fd = open_below(dir, rest, flags)) == -1)
			error = errno;
	}
	if (fd != -1)
		return (fd);
	if (allowed)
		(void)snprintf(err, errsize, "%s: %s", path,
		    explain(error, option));
	else
		(void)snprintf(err, errsize, "%s: not allowed: it is in none"
		    " of the directories of %s (add its directory there)",
		    path, option);
	return (-1);
}

static int
refuse(int fd, const char *path, const char *why, char *err, size_t errsize)
{
	(void)snprintf(err, errsize, "%s: %s", path, why);
	close(fd);
	return (-1);
}

int
beneath_open_read(const struct option_set *set, const char *option,
    const char *path, char *err, size_t errsize)
{
	struct stat st;
	int fd;

	fd = open_allowed(set, option, path, O_RDONLY, err, errsize);
	if (fd == -1)
		return (-1);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return (refuse(fd, path, "not a regular file", err, errsize));
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return (refuse(fd, path, "writable by group or others"
		    " (chmod go-w)", err, errsize));
	return (fd);
}

int
beneath_open_append(const struct option_set *set, const char *option,
    const char *path, char *err, size_t errsize)
{
	struct stat st;
	int fd;

	fd = open_allowed(set, option, path, O_WRONLY | O_APPEND | O_CREAT,
	    err, errsize);
	if (fd == -1)
		return (-1);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return (refuse(fd, path, "not a regular file", err, errsize));
	/* A second name may lie where nobody expects our lines. */
	if (st.st_nlink > 1)
		return (refuse(fd, path, "has more than one name (hard"
		    " links)", err, errsize));
	return (fd);
}
