/* SPDX-License-Identifier: ISC */
/* The background, the pid file, descriptors. */
#include "config.h"

#include "supervisor/daemon.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"
#include "supervisor/listeners.h"
#include "supervisor/trust.h"

static int ready_fd = -1;

/* One byte: it runs.  End of file: it did not get so far. */
static void parent_wait(int) __attribute__((__noreturn__));

static void
parent_wait(int fd)
{
	ssize_t n;
	char c;

	do {
		n = read(fd, &c, 1);
	} while (n == -1 && errno == EINTR);
	_exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int
daemon_detach(void)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) == -1)
		return (-1);
	if ((pid = fork()) == -1)
		return (-1);
	if (pid != 0) {
		close(p[1]);
		parent_wait(p[0]);
	}
	close(p[0]);
	ready_fd = p[1];
	if (setsid() == -1)
		return (-1);
	return (chdir("/"));
}

void
daemon_ready(int keep_stderr)
{
	int null;

	if (ready_fd == -1)
		return;
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		if (!keep_stderr)
			(void)dup2(null, STDERR_FILENO);
		close(null);
	}
	if (write(ready_fd, "", 1) != 1)
		log_warn("the parent does not wait any more");
	close(ready_fd);
	ready_fd = -1;
}

static int
pidfile_write(int fd)
{
	char text[32];
	int n;

	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (n < 0 || ftruncate(fd, 0) == -1)
		return (-1);
	return (pwrite(fd, text, (size_t)n, 0) == n ? 0 : -1);
}

static void
other_owner(int fd, const char *path, char *err, size_t errsize)
{
	char text[32], why[64];
	ssize_t n;

	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(why, sizeof(why), " (process %.20s)", text);
	(void)snprintf(err, errsize, "%s is locked: another pg-tided%s runs",
	    path, text[0] != '\0' ? why : "");
}

int
pidfile_open(const char *path, char *err, size_t errsize)
{
	char why[128];
	int fd;

	if (make_parents(path, err, errsize) == -1)
		return (-1);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK, 0644);
	if (fd == -1) {
		(void)snprintf(err, errsize, "pid_file %s: %s", path,
		    strerror(errno));
		return (-1);
	}
	if (trust_check(fd, why, sizeof(why)) == -1)
		(void)snprintf(err, errsize, "pid_file %s: %s", path, why);
	else if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		other_owner(fd, path, err, errsize);
	else if (pidfile_write(fd) == -1)
		(void)snprintf(err, errsize, "pid_file %s: %s", path,
		    strerror(errno));
	else
		return (fd);
	close(fd);
	return (-1);
}

void
pidfile_close(int fd, const char *path)
{
	/* Removed while it is locked: nobody else has it yet. */
	(void)unlink(path);
	close(fd);
}

int
daemon_sane_stdio(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			return (-1);
	} while (fd <= STDERR_FILENO);
	close(fd);
	return (0);
}

void
daemon_raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1) {
		log_warn("limit of open files");
		return;
	}
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) == -1)
		log_warn("cannot raise the limit of open files to %ju",
		    (uintmax_t)r.rlim_max);
}

size_t
daemon_free_fds(void)
{
	struct rlimit r;
	size_t used = 0;
	DIR *dir;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 ||
	    (dir = opendir("/proc/self/fd")) == NULL)
		return (0);
	while (readdir(dir) != NULL)
		used++;
	closedir(dir);
	return (r.rlim_cur > used ? (size_t)(r.rlim_cur - used) : 0);
}
