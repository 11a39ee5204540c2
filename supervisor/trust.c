/* SPDX-License-Identifier: ISC */
/* Who can change a file that we are about to believe? */
#include "config.h"

#include "supervisor/trust.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
say(char *err, size_t errsize, const char *what)
{
	(void)snprintf(err, errsize, "%s", what);
	return (-1);
}

static int
check(int fd, mode_t type, const char *wrong_type, char *err, size_t errsize)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (say(err, errsize, strerror(errno)));
	if ((st.st_mode & S_IFMT) != type)
		return (say(err, errsize, wrong_type));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return (say(err, errsize, geteuid() == 0 ?
		    "not owned by root" : "not owned by root or this user"));
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return (say(err, errsize,
		    "writable by group or others (chmod go-w)"));
	return (0);
}

int
trust_check(int fd, char *err, size_t errsize)
{
	return (check(fd, S_IFREG, "not a regular file", err, errsize));
}

int
trust_check_dir(int fd, char *err, size_t errsize)
{
	return (check(fd, S_IFDIR, "not a directory", err, errsize));
}

char *
read_all(int fd, size_t max, size_t *len, char *err, size_t errsize)
{
	char *buf;
	size_t n = 0;
	ssize_t got;

	/* One byte more than allowed tells what is too long. */
	if ((buf = malloc(max + 2)) == NULL) {
		(void)say(err, errsize, "out of memory");
		return (NULL);
	}
	while (n <= max) {
		got = read(fd, buf + n, max + 1 - n);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (n <= max && got == 0) {
		buf[n] = '\0';
		*len = n;
		return (buf);
	}
	if (n > max)
		(void)snprintf(err, errsize, "larger than %zu bytes", max);
	else
		(void)say(err, errsize, strerror(errno));
	explicit_bzero(buf, max + 2);
	free(buf);
	return (NULL);
}

char *
trust_read(int fd, size_t max, size_t *len, char *err, size_t errsize)
{
	if (trust_check(fd, err, errsize) == -1)
		return (NULL);
	return (read_all(fd, max, len, err, errsize));
}
