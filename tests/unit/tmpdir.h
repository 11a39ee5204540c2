/* SPDX-License-Identifier: ISC */
/*
 * A directory for the files of one test program, removed at its end.
 * Included by one file of each program.
 */
#ifndef TIDE_TESTS_TMPDIR_H
#define TIDE_TESTS_TMPDIR_H

#include <sys/stat.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char tmpdir[256];

static inline int
tmpdir_make(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	(void)snprintf(tmpdir, sizeof(tmpdir), "%s/tide-unit-XXXXXX",
	    base != NULL ? base : "/tmp");
	return (mkdtemp(tmpdir) == NULL ? -1 : 0);
}

static inline int
tmpdir_visit(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

static inline int
tmpdir_remove(void **state)
{
	(void)state;
	return (nftw(tmpdir, tmpdir_visit, 8, FTW_DEPTH | FTW_PHYS));
}

/* A path in it; good until the fourth call after this one. */
static inline const char *
tmp(const char *name)
{
	static char paths[4][512];
	static unsigned int i;

	i = (i + 1) % 4;
	(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", tmpdir, name);
	return (paths[i]);
}

static inline const char *
tmp_write(const char *name, const void *data, size_t len, mode_t mode)
{
	const char *path = tmp(name);
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len ||
	    fchmod(fd, mode) == -1)
		abort();
	close(fd);
	return (path);
}

#endif
