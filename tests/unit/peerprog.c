/* SPDX-License-Identifier: ISC */
/*
 * Programs that a unit test talks to.
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/peerprog.h"

#define PYTHON		"/usr/bin/python3"
#define START_MS	20000
#define ARGS_MAX	32

static char dir[64];

const char *
peerprog_dir(void)
{
	if (dir[0] == '\0') {
		(void)snprintf(dir, sizeof(dir), "/tmp/tide-unit.XXXXXX");
		if (mkdtemp(dir) == NULL)
			dir[0] = '\0';
	}
	return (dir);
}

static int
remove_one(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return (remove(path));
}

void
peerprog_cleanup(void)
{
	if (dir[0] != '\0')
		(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	dir[0] = '\0';
}

bool
peerprog_exists(const char *name)
{
	static const char *const places[] = {
		"/usr/bin", "/usr/sbin", "/usr/local/bin"
	};
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return (true);
	}
	return (false);
}

/* The child dies with the test, and says nothing on its TAP output. */
static pid_t
spawn(const char *const argv[])
{
	pid_t pid;
	int null;

	if ((pid = fork()) != 0)
		return (pid);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if ((null = open("/dev/null", O_RDWR)) != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
	}
	(void)execvp(argv[0], (char *const *)(const void *)argv);
	_exit(127);
}

int
peerprog_run(const char *const argv[])
{
	pid_t pid = spawn(argv);
	int status;

	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return (-1);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static int
tcp(int port, bool to_listen)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd, rc;

	in.sin_port = htons((uint16_t)port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	rc = to_listen ? bind(fd, (struct sockaddr *)&in, sizeof(in)) :
	    connect(fd, (struct sockaddr *)&in, sizeof(in));
	if (rc == -1) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

int
peerprog_free_port(void)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	int fd, port = -1;

	if ((fd = tcp(0, true)) == -1)
		return (-1);
	if (getsockname(fd, (struct sockaddr *)&in, &len) == 0)
		port = ntohs(in.sin_port);
	(void)close(fd);
	return (port);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Until the condition holds; gives up when the program has ended. */
static int
await(struct peerprog *p, bool (*holds)(struct peerprog *))
{
	static const struct timespec step = { 0, 10 * 1000 * 1000 };
	int64_t deadline = now_ms() + START_MS;

	while (!holds(p)) {
		if (now_ms() > deadline || waitpid(p->pid, NULL, WNOHANG) != 0)
			return (-1);
		(void)nanosleep(&step, NULL);
	}
	return (0);
}

static bool
answers(struct peerprog *p)
{
	int fd = tcp(p->port, false);

	if (fd != -1)
		(void)close(fd);
	return (fd != -1);
}

int
peerprog_start(struct peerprog *p, const char *const argv[], int port)
{
	p->port = port;
	p->record[0] = '\0';
	if ((p->pid = spawn(argv)) == -1)
		return (-1);
	return (await(p, answers));
}

static bool
port_is_written(struct peerprog *p)
{
	char path[600];
	FILE *f;
	int n;

	(void)snprintf(path, sizeof(path), "%s.port", p->record);
	if ((f = fopen(path, "re")) == NULL)
		return (false);
	n = fscanf(f, "%d", &p->port);
	(void)fclose(f);
	return (n == 1);
}

int
peerprog_receiver(struct peerprog *p, const char *const args[])
{
	static unsigned int serial;
	const char *argv[ARGS_MAX], *top = getenv("top_srcdir");
	char program[512], port_file[600];
	size_t n = 0;

	(void)snprintf(p->record, sizeof(p->record), "%s/record.%u",
	    peerprog_dir(), serial++);
	(void)snprintf(port_file, sizeof(port_file), "%s.port", p->record);
	(void)snprintf(program, sizeof(program), "%s/tests/lib/receiver.py",
	    top != NULL ? top : ".");
	argv[n++] = PYTHON;
	argv[n++] = program;
	argv[n++] = "--record";
	argv[n++] = p->record;
	argv[n++] = "--port-file";
	argv[n++] = port_file;
	while (*args != NULL && n < ARGS_MAX - 1)
		argv[n++] = *args++;
	argv[n] = NULL;
	if ((p->pid = spawn(argv)) == -1)
		return (-1);
	return (await(p, port_is_written));
}

void
peerprog_stop(struct peerprog *p)
{
	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
	}
	p->pid = 0;
}

int
peerprog_ask(int port, const char *path, const char *body, char *out,
    size_t outsize)
{
	char buf[8192];
	const char *p;
	size_t used = 0;
	ssize_t n;
	int fd, len, status = -1;

	if ((fd = tcp(port, false)) == -1)
		return (-1);
	len = snprintf(buf, sizeof(buf), "POST %s HTTP/1.1\r\nHost: test\r\n"
	    "Connection: close\r\nContent-Length: %zu\r\n\r\n%s", path,
	    strlen(body), body);
	if (write(fd, buf, (size_t)len) != len)
		goto out;
	while (used < sizeof(buf) - 1 &&
	    (n = read(fd, buf + used, sizeof(buf) - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	if (sscanf(buf, "HTTP/1.1 %d", &status) != 1)
		status = -1;
	if (out != NULL && (p = strstr(buf, "\r\n\r\n")) != NULL)
		(void)snprintf(out, outsize, "%s", p + 4);
out:
	(void)close(fd);
	return (status);
}

char *
peerprog_record(const struct peerprog *p)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f;

	if ((f = fopen(p->record, "re")) == NULL)
		return (strdup(""));
	if (getdelim(&text, &size, '\0', f) == -1) {
		free(text);
		text = strdup("");
	}
	(void)fclose(f);
	return (text);
}
