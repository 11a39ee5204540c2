/* SPDX-License-Identifier: ISC */
/* Read what the kernel says about a child. */
#include "config.h"

#include "supervisor/attest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/trust.h"

#define STATUS_MAX	16384

/* The text behind "NAME:" at the start of a line; NULL: no such line. */
static const char *
field(const char *status, const char *name)
{
	size_t n = strlen(name);
	const char *p;

	for (p = status; p != NULL; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, name, n) == 0 && p[n] == ':')
			return (p + n + 1);
	}
	return (NULL);
}

/* Numbers separated by white space up to the end of the line, all want. */
static bool
all_are(const char *status, const char *name, int base, uint64_t want,
    unsigned int least)
{
	const char *p = field(status, name);
	char *end;
	unsigned int n = 0;

	if (p == NULL)
		return (false);
	for (;;) {
		p += strspn(p, " \t");
		if (*p == '\n' || *p == '\0')
			return (n >= least);
		if (strtoull(p, &end, base) != want || end == p)
			return (false);
		p = end;
		n++;
	}
}

static int
wrong(char *err, size_t errsize, const char *what)
{
	(void)snprintf(err, errsize, "%s", what);
	return (-1);
}

int
attest_text(const char *s, const struct attest_policy *a, char *err,
    size_t errsize)
{
	static const char *const caps[] = { "CapInh", "CapPrm", "CapEff",
	    "CapAmb" };
	size_t i;

	if (!all_are(s, "Uid", 10, a->who.uid, 4) ||
	    !all_are(s, "Gid", 10, a->who.gid, 4))
		return (wrong(err, errsize, "it runs as another user"));
	if (a->who.drop && !all_are(s, "Groups", 10, a->who.gid, 0))
		return (wrong(err, errsize, "it is in other groups"));
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		if (!all_are(s, caps[i], 16, 0, 1))
			return (wrong(err, errsize, "it has capabilities"));
	}
	/* Only root can empty this one. */
	if (a->who.drop && !all_are(s, "CapBnd", 16, 0, 1))
		return (wrong(err, errsize,
		    "its capability bounding set is not empty"));
	if (!all_are(s, "NoNewPrivs", 10, 1, 1))
		return (wrong(err, errsize, "no_new_privs is not set"));
	if (a->seccomp && !all_are(s, "Seccomp", 10, 2, 1))
		return (wrong(err, errsize, "no system call filter is in"
		    " force"));
	if (a->one_thread && !all_are(s, "Threads", 10, 1, 1))
		return (wrong(err, errsize, "it has more than one thread"));
	return (0);
}

int
attest(pid_t pid, const struct attest_policy *a, char *err, size_t errsize)
{
	char path[64], why[128], *text;
	size_t len;
	int fd, ret;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		(void)snprintf(err, errsize, "cannot read %s: %s (is /proc"
		    " mounted with hidepid?)", path, strerror(errno));
		return (-1);
	}
	text = read_all(fd, STATUS_MAX, &len, why, sizeof(why));
	close(fd);
	if (text == NULL) {
		(void)snprintf(err, errsize, "%s: %s", path, why);
		return (-1);
	}
	ret = attest_text(text, a, err, errsize);
	free(text);
	return (ret);
}
