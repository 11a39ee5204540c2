/* SPDX-License-Identifier: ISC */
/* Running pg-tide-worker and catching what it prints. */
#include "config.h"

#include "ctl/worker_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define ARGS_MAX	16
#define OUTPUT_MAX	(1024 * 1024)

/* What one pipe has given so far. */
struct catch {
	int	 fd;
	char	*text;
	size_t	 len;
};

static void
child_exec(struct ctl *ctl, const char *const *args, int out, int err,
    int keep_fd)
{
	char path[4096], *argv[ARGS_MAX + 2];
	union { const char *c; char *p; } arg;
	int i;

	(void)snprintf(path, sizeof(path), "%s/pg-tide-worker",
	    ctl->libexec_dir);
	argv[0] = path;
	for (i = 0; i < ARGS_MAX && args[i] != NULL; i++) {
		arg.c = args[i];
		argv[i + 1] = arg.p;
	}
	argv[i + 1] = NULL;
	if (dup2(out, STDOUT_FILENO) == -1 ||
	    dup2(err, STDERR_FILENO) == -1 ||
	    (keep_fd != -1 && fcntl(keep_fd, F_SETFD, 0) == -1))
		_exit(127);
	execv(path, argv);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

/* false at the end of the pipe. */
static bool
catch_more(struct catch *c)
{
	char buf[4096], *grown;
	ssize_t n;

	n = read(c->fd, buf, sizeof(buf));
	if (n == -1 && errno == EINTR)
		return (true);
	if (n <= 0)
		return (false);
	if (c->len + (size_t)n > OUTPUT_MAX ||
	    (grown = realloc(c->text, c->len + (size_t)n + 1)) == NULL)
		return (true);		/* too much: the rest is not kept */
	c->text = grown;
	memcpy(c->text + c->len, buf, (size_t)n);
	c->len += (size_t)n;
	c->text[c->len] = '\0';
	return (true);
}

static void
catch_all(struct catch *two)
{
	struct pollfd p[2];
	int i, open = 2;

	for (i = 0; i < 2; i++) {
		p[i].fd = two[i].fd;
		p[i].events = POLLIN;
	}
	while (open > 0) {
		if (poll(p, 2, -1) == -1 && errno != EINTR)
			return;
		for (i = 0; i < 2; i++)
			if (p[i].fd != -1 && p[i].revents != 0 &&
			    !catch_more(&two[i])) {
				p[i].fd = -1;
				open--;
			}
	}
}

static int
wait_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return (127);
	if (WIFSIGNALED(status))
		return (128 + WTERMSIG(status));
	return (WEXITSTATUS(status));
}

static char *
text_or_empty(char *text)
{
	return (text != NULL ? text : strdup(""));
}

int
worker_run(struct ctl *ctl, const char *const *args, int keep_fd,
    struct worker_output *o)
{
	struct catch two[2] = { { .fd = -1 }, { .fd = -1 } };
	int out[2], err[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) == -1)
		return (-1);
	if (pipe2(err, O_CLOEXEC) == -1) {
		(void)close(out[0]);
		(void)close(out[1]);
		return (-1);
	}
	if ((pid = fork()) == 0)
		child_exec(ctl, args, out[1], err[1], keep_fd);
	(void)close(out[1]);
	(void)close(err[1]);
	two[0].fd = out[0];
	two[1].fd = err[0];
	if (pid != -1) {
		catch_all(two);
		o->status = wait_status(pid);
	}
	(void)close(out[0]);
	(void)close(err[0]);
	o->out = text_or_empty(two[0].text);
	o->err = text_or_empty(two[1].text);
	if (pid != -1 && o->out != NULL && o->err != NULL)
		return (0);
	worker_output_free(o);
	return (-1);
}

void
worker_output_free(struct worker_output *o)
{
	free(o->out);
	free(o->err);
	o->out = o->err = NULL;
}

int
worker_fail(struct ctl *ctl, const struct worker_output *o)
{
	char *end;
	struct ctl_error e = {
		.status = CTL_FAILED, .code = "worker",
		.component = "worker", .message = o->err, .cause = "",
		.next = ""
	};

	for (end = o->err + strlen(o->err); end > o->err &&
	    end[-1] == '\n'; end--)
		end[-1] = '\0';
	if (o->status == 3) {
		e.status = CTL_INVALID;
		e.code = "invalid";
	} else if (o->status == 127) {
		e.code = "worker_program";
		e.next = "check the installation, or give --libexec-dir";
	}
	if (e.message[0] == '\0')
		e.message = "pg-tide-worker failed without a word";
	return (ctl_fail(ctl, &e));
}

int
worker_cannot(struct ctl *ctl)
{
	const struct ctl_error e = {
		.status = CTL_FAILED, .code = "worker_program",
		.component = "cli", .message = strerror(errno), .cause =
		    "too little memory, or too many processes or files",
		.next = ""
	};

	return (ctl_fail(ctl, &e));
}
