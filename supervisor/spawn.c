/* SPDX-License-Identifier: ISC */
/* From fork to exec. */
#include "config.h"

#include "supervisor/spawn.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "supervisor/privdrop.h"
#include "supervisor/trust.h"

/* Behind the map: what the child needs until exec closes it. */
#define FD_PROGRAM	(CHILD_FD_RESOLVER + 1)
#define FD_REPORT	(CHILD_FD_RESOLVER + 2)
#define NMAP		(FD_REPORT + 1)
#define FD_SAFE		64	/* above every number of the map */

#define LIMIT_NOFILE	8192
#define LIMIT_MEMLOCK	(64 * 1024 * 1024)

/* What the child says when it fails before exec; fixed size, one write. */
struct failure {
	int	error;
	char	step[60];
};

static int
verify_dir(const char *path, char *err, size_t errsize)
{
	char dir[4096], why[128], *slash;
	int fd, ret;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	if (strlen(path) >= sizeof(dir) ||
	    (slash = strrchr(dir, '/')) == NULL || slash == dir) {
		(void)snprintf(err, errsize, "%s: bad path", path);
		return (-1);
	}
	*slash = '\0';
	if ((fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1) {
		(void)snprintf(err, errsize, "%s: %s", dir, strerror(errno));
		return (-1);
	}
	if ((ret = trust_check_dir(fd, why, sizeof(why))) == -1)
		(void)snprintf(err, errsize, "%s: %s", dir, why);
	close(fd);
	return (ret);
}

int
spawn_open_verified(const char *path, char *err, size_t errsize)
{
	char why[128];
	int fd;

	if (verify_dir(path, err, errsize) == -1)
		return (-1);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		(void)snprintf(err, errsize, "%s: %s", path, strerror(errno));
		return (-1);
	}
	if (trust_check(fd, why, sizeof(why)) == -1) {
		(void)snprintf(err, errsize, "%s: %s", path, why);
		close(fd);
		return (-1);
	}
	return (fd);
}

static void fail(int, const char *) __attribute__((__noreturn__));

static void
fail(int report, const char *step)
{
	struct failure f;

	memset(&f, 0, sizeof(f));
	f.error = errno;
	(void)snprintf(f.step, sizeof(f.step), "%s", step);
	/* Nobody hears it when this fails; the exit status remains. */
	if (write(report, &f, sizeof(f)) != (ssize_t)sizeof(f))
		_exit(126);
	_exit(127);
}

/*
 * Handlers are reset by exec, but ignored signals stay ignored.  All are
 * blocked: a signal between here and the child's own mask would kill it.
 */
static int
signals_reset(void)
{
	sigset_t all;
	int sig;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) == -1)
		return (-1);
	for (sig = 1; sig < NSIG; sig++) {
		if (signal(sig, SIG_DFL) == SIG_ERR && errno != EINVAL)
			return (-1);
	}
	return (0);
}

/*
 * Put fds[i] on number i.  First everything goes to high numbers, or one
 * dup2() would close a descriptor that a later one still needs.
 */
static int
descriptors_map(int *fds)
{
	int i;

	for (i = 0; i < NMAP; i++) {
		if (fds[i] != -1 &&
		    (fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_SAFE)) == -1)
			return (-1);
	}
	for (i = 0; i < NMAP; i++) {
		if (fds[i] == -1)
			(void)close(i);
		else if (dup3(fds[i], i, i >= FD_PROGRAM ? O_CLOEXEC : 0) ==
		    -1)
			return (-1);
	}
	return (close_range(NMAP, ~0U, 0));
}

static int
limit(int what, rlim_t want)
{
	struct rlimit r, wanted = { want, want };

	if (setrlimit((__rlimit_resource_t)what, &wanted) == 0)
		return (0);
	/* Above the hard limit, without the right to raise it. */
	if (errno != EPERM || getrlimit((__rlimit_resource_t)what, &r) == -1)
		return (-1);
	r.rlim_cur = r.rlim_max;
	return (setrlimit((__rlimit_resource_t)what, &r));
}

/*
 * No limit of FSIZE: its signal comes for memfds and sinks as well.  None
 * of NPROC: it counts all workers of the user, and the filter forbids fork.
 */
static int
limits_set(void)
{
	if (limit(RLIMIT_CORE, 0) == -1 ||
	    limit(RLIMIT_NOFILE, LIMIT_NOFILE) == -1)
		return (-1);
	return (limit(RLIMIT_MEMLOCK, LIMIT_MEMLOCK));
}

static void child_run(const struct spawn *, int *, pid_t)
    __attribute__((__noreturn__));

static void
child_run(const struct spawn *s, int *fds, pid_t parent)
{
	static char *const environment[] = { NULL };
	const char *step;
	int report = fds[FD_REPORT];

	if (signals_reset() == -1)
		fail(report, "reset signals");
	if (descriptors_map(fds) == -1)
		fail(report, "map descriptors");
	report = FD_REPORT;
	if (setsid() == -1)
		fail(report, "start a session");
	(void)umask(077);
	if (chdir("/") == -1)
		fail(report, "change directory");
	if (limits_set() == -1)
		fail(report, "set limits");
	if (privdrop(&s->who, &step) == -1)
		fail(report, step);
	/* A change of user clears it, so this comes after. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fail(report, "set the parent death signal");
	if (getppid() != parent)
		_exit(125);
	(void)fexecve(FD_PROGRAM, s->argv, environment);
	fail(report, "execute");
}

/* End of file: exec closed the pipe.  Otherwise the child tells. */
static int
wait_for_exec(int report, pid_t pid, const char *path, char *err,
    size_t errsize)
{
	struct failure f;
	ssize_t n;
	int status;

	do {
		n = read(report, &f, sizeof(f));
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		return (0);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (n != (ssize_t)sizeof(f))
		(void)snprintf(err, errsize, "%s: broken report", path);
	else
		(void)snprintf(err, errsize, "%s: cannot %.59s: %s", path,
		    f.step, strerror(f.error));
	return (-1);
}

static pid_t
fork_child(const struct spawn *s, int *fds, int *pipefd, char *err,
    size_t errsize)
{
	pid_t pid, self = getpid();

	if ((pid = fork()) == 0)
		child_run(s, fds, self);
	/* Only the child may hold it, or the end never comes. */
	close(pipefd[1]);
	pipefd[1] = -1;
	if (pid == -1) {
		(void)snprintf(err, errsize, "%s: cannot fork: %s", s->path,
		    strerror(errno));
		return (-1);
	}
	return (wait_for_exec(pipefd[0], pid, s->path, err, errsize) == -1 ?
	    -1 : pid);
}

pid_t
spawn(const struct spawn *s, char *err, size_t errsize)
{
	int program, null, pipefd[2] = { -1, -1 };
	pid_t pid = -1;

	if ((program = spawn_open_verified(s->path, err, errsize)) == -1)
		return (-1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1 || pipe2(pipefd, O_CLOEXEC) == -1) {
		(void)snprintf(err, errsize, "%s: %s", s->path,
		    strerror(errno));
	} else {
		int fds[NMAP] = { null, s->out, s->out, s->supervisor,
		    s->control, s->resolver, program, pipefd[1] };

		pid = fork_child(s, fds, pipefd, err, errsize);
	}
	if (pipefd[0] != -1)
		close(pipefd[0]);
	if (pipefd[1] != -1)
		close(pipefd[1]);
	if (null != -1)
		close(null);
	close(program);
	return (pid);
}
