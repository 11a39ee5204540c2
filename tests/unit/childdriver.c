/* SPDX-License-Identifier: ISC */
/* A test that plays the supervisor. */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/units.h"
#include "tests/unit/childdriver.h"

#define PATIENCE_MS	20000

/* The instrumented run times need files and calls of their own. */
#ifdef TIDE_INSTRUMENTED
#define SANDBOX	"off"
#else
#define SANDBOX	"required"
#endif

static void
pair(int *ours, int *theirs)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fds), 0);
	*ours = fds[0];
	/* Out of the way of the numbers that the child wants. */
	*theirs = fcntl(fds[1], F_DUPFD_CLOEXEC, 20);
	assert_true(*theirs >= 20);
	close(fds[1]);
}

static void
child_exec(const char *path, int sup, int ctl, int res)
{
	char *argv[] = { (char []){"child"}, (char []){"--log=text"},
	    (char []){"--level=warn"}, NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR);

	if (null == -1 || dup2(null, 0) == -1 || dup2(2, 1) == -1 ||
	    dup2(sup, CHILD_FD_SUPERVISOR) == -1 ||
	    dup2(ctl, CHILD_FD_CONTROL) == -1 ||
	    dup2(res, CHILD_FD_RESOLVER) == -1)
		_exit(126);
	execve(path, argv, envp);
	_exit(127);
}

void
driver_start(struct driver *d, const char *program)
{
	const char *dir = getenv("top_builddir");
	int sup, ctl, res;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : ".",
	    program);
	pair(&d->sup, &sup);
	pair(&d->ctl, &ctl);
	pair(&d->res, &res);
	d->gen = 77;
	d->pid = fork();
	assert_int_not_equal(d->pid, -1);
	if (d->pid == 0)
		child_exec(path, sup, ctl, res);
	close(sup);
	close(ctl);
	close(res);
}

static bool
wait_for(int sock, short events, int64_t end)
{
	struct pollfd p = { .fd = sock, .events = events };
	int64_t left = end - clock_mono_us();

	return (left > 0 && poll(&p, 1, (int)(left / 1000) + 1) > 0);
}

void
driver_say(struct driver *d, struct frame *f)
{
	int64_t end = clock_mono_us() + PATIENCE_MS * INT64_C(1000);

	f->gen = d->gen;
	while (frame_send(d->sup, f) == -1) {
		if (errno != EAGAIN || !wait_for(d->sup, POLLOUT, end))
			fail_msg("%s: %s", msg_name(f->type),
			    strerror(errno));
	}
}

void
driver_say_empty(struct driver *d, uint16_t type)
{
	struct frame f;

	msg_empty_put(&f, type);
	driver_say(d, &f);
}

bool
driver_next(int sock, struct frame *f, int ms)
{
	int64_t end = clock_mono_us() + ms * INT64_C(1000);
	int n;

	for (;;) {
		n = frame_recv(sock, f);
		if (n == 1 && f->type != MSG_BEAT)
			return (true);
		if (n == 0 || (n == -1 && errno != EAGAIN))
			return (false);
		if (n == -1 && !wait_for(sock, POLLIN, end))
			return (false);
	}
}

bool
driver_find(int sock, uint16_t type, struct frame *f, int ms)
{
	int64_t end = clock_mono_us() + ms * INT64_C(1000), left;

	while ((left = end - clock_mono_us()) > 0 &&
	    driver_next(sock, f, (int)(left / 1000) + 1)) {
		if (f->type == type)
			return (true);
		frame_clear(f);
	}
	return (false);
}

static void
expect(struct driver *d, uint16_t type)
{
	struct frame f;

	if (!driver_next(d->sup, &f, PATIENCE_MS))
		fail_msg("the child did not say %s", msg_name(type));
	if (f.type != type)
		fail_msg("the child said %s, not %s", msg_name(f.type),
		    msg_name(type));
	frame_clear(&f);
}

static void
setting_say(struct driver *d, const char *name, const char *value)
{
	struct msg_setting m = { .origin = "test" };
	struct frame f;

	snprintf(m.name, sizeof(m.name), "%s", name);
	snprintf(m.value, sizeof(m.value), "%s", value);
	msg_setting_put(&f, &m);
	driver_say(d, &f);
}

/* As the supervisor attests it: what the child says is not enough. */
static void
attest(const struct driver *d)
{
	char path[64], line[256];
	bool filtered = strcmp(SANDBOX, "off") == 0;
	FILE *fp;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)d->pid);
	fp = fopen(path, "r");
	assert_non_null(fp);
	while (fgets(line, sizeof(line), fp) != NULL)
		filtered |= strncmp(line, "Seccomp:\t2", 10) == 0;
	fclose(fp);
	assert_true(filtered);
}

void
driver_lock(struct driver *d, const char *const settings[], uint32_t flags)
{
	struct msg_config config = { .flags = flags, .fd = -1 };
	struct frame f;
	size_t i;

	expect(d, MSG_HELLO);
	setting_say(d, "sandbox", SANDBOX);
	for (i = 0; settings != NULL && settings[i] != NULL; i += 2)
		setting_say(d, settings[i], settings[i + 1]);
	msg_config_put(&f, &config);
	driver_say(d, &f);
	expect(d, MSG_STAGE1);
	driver_say_empty(d, MSG_PROCEED);
	expect(d, MSG_LOCKED);
	attest(d);
}

void
driver_secret(struct driver *d, const char *name, const char *value)
{
	struct msg_secret m = { .total = (uint32_t)strlen(value),
	    .data = value, .len = strlen(value) };
	struct frame f;

	snprintf(m.name, sizeof(m.name), "%s", name);
	msg_secret_put(&f, &m);
	driver_say(d, &f);
}

void
driver_file(struct driver *d, const char *path, int fd)
{
	struct msg_path m = { .fd = fd };
	struct frame f;

	snprintf(m.path, sizeof(m.path), "%s", path);
	msg_path_put(&f, MSG_FILE, &m);
	driver_say(d, &f);
}

void
driver_go(struct driver *d)
{
	driver_say_empty(d, MSG_GO);
	expect(d, MSG_CONFINED);
	expect(d, MSG_READY);
}

int
driver_end(struct driver *d)
{
	int64_t end = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
	struct frame f;
	int status;

	/* Its socket ends with it. */
	while (clock_mono_us() < end && driver_next(d->sup, &f, 1000))
		frame_clear(&f);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	close(d->sup);
	close(d->ctl);
	close(d->res);
	return (status);
}

int
driver_stop(struct driver *d)
{
	driver_say_empty(d, MSG_STOP);
	return (driver_end(d));
}
