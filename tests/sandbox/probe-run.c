/* SPDX-License-Identifier: ISC */
/*
 * Runs the probe plugin once, through the stages that a worker goes through,
 * and prints what came of the attempt.
 *
 *	probe-run [-m MODE] [-a kill|trap|log] PLUGIN MOMENT ACT [ARG]
 *
 * MODE: both, landlock, seccomp (each alone) or off.  ARG may be @parent
 * (the stand-in for the supervisor), @sibling, @listed and @other (TCP
 * ports, of which only the first is in the plugin's options), @udp, @unix
 * (a listening socket's path), @abstract, @dir (a writable directory).
 *
 * The outcome is one line: what the plugin wrote, "refused: TEXT" when a
 * stage failed, or how the process ended: "SIGSYS", "exit 77", ...
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/secretmem.h"
#include "worker/lockdown.h"
#include "worker/sinkhost.h"

#define NOBODY		65534
#define PATIENCE_MS	20000

struct run {
	const char	*plugin, *moment, *act, *arg;
	const char	*mode, *action;
	char		 dir[PATH_MAX];
	char		 unix_path[108];
	char		 abstract[64];
	unsigned int	 listed, other, udp;
	pid_t		 parent, sibling, worker;
	int		 outcome[2];
	struct event_base *base;
};

static void __attribute__((__noreturn__, __format__(__printf__, 1, 2)))
refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("refused: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

static unsigned int
inet_socket(int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, type, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 8) == -1) ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		fatal("loopback socket");
	return (ntohs(sin.sin_port));
}

static void
unix_socket(const char *path, size_t pathlen)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len;
	int fd;

	if (pathlen > sizeof(sun.sun_path))
		fatalx("the path of a socket is too long");
	memcpy(sun.sun_path, path, pathlen);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + pathlen);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sun, len) == -1 ||
	    listen(fd, 8) == -1)
		fatal("unix socket");
}

static void
drop_root(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) == -1 ||
	    setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
	    setresuid(NOBODY, NOBODY, NOBODY) == -1))
		fatal("cannot give up root");
	/* Without this the processes would not be traceable anyway, and a
	 * probe that fails would prove nothing. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1)
		fatal("prctl");
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

static void
make_targets(struct run *r)
{
	char *slash;
	size_t len;

	snprintf(r->dir, sizeof(r->dir), "%s", r->plugin);
	if ((slash = strrchr(r->dir, '/')) == NULL)
		fatalx("the plugin's path must be absolute");
	*slash = '\0';
	len = strlen(r->dir);
	if (len + 8 > sizeof(r->unix_path))
		fatalx("the plugin's path is too long");
	memcpy(r->unix_path, r->dir, len);
	memcpy(r->unix_path + len, "/socket", 8);
	r->abstract[0] = '\0';
	snprintf(r->abstract + 1, sizeof(r->abstract) - 1,
	    "tide-probe-%ld", (long)getpid());
	(void)unlink(r->unix_path);
	unix_socket(r->unix_path, strlen(r->unix_path) + 1);
	unix_socket(r->abstract, strlen(r->abstract + 1) + 1);
	r->listed = inet_socket(SOCK_STREAM);
	r->other = inet_socket(SOCK_STREAM);
	r->udp = inet_socket(SOCK_DGRAM);
}

static pid_t
spawn_sibling(void)
{
	pid_t pid;

	if ((pid = fork()) == -1)
		fatal("fork");
	if (pid != 0)
		return (pid);
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;)
		pause();
}

static void
argument(const struct run *r, char *dst, size_t size)
{
	if (strcmp(r->arg, "@parent") == 0)
		snprintf(dst, size, "%ld", (long)r->parent);
	else if (strcmp(r->arg, "@sibling") == 0)
		snprintf(dst, size, "%ld", (long)r->sibling);
	else if (strcmp(r->arg, "@listed") == 0)
		snprintf(dst, size, "%u", r->listed);
	else if (strcmp(r->arg, "@other") == 0)
		snprintf(dst, size, "%u", r->other);
	else if (strcmp(r->arg, "@udp") == 0)
		snprintf(dst, size, "%u", r->udp);
	else if (strcmp(r->arg, "@unix") == 0)
		snprintf(dst, size, "%s", r->unix_path);
	else if (strcmp(r->arg, "@abstract") == 0)
		snprintf(dst, size, "%s", r->abstract + 1);
	else if (strcmp(r->arg, "@dir") == 0)
		snprintf(dst, size, "%s/made-by-%s", r->dir, r->act);
	else
		snprintf(dst, size, "%s", r->arg);
}

static void
write_act(const struct run *r)
{
	char path[PATH_MAX + 16], arg[PATH_MAX + 64];
	FILE *f;

	argument(r, arg, sizeof(arg));
	snprintf(path, sizeof(path), "%s/probe.act", r->dir);
	if ((f = fopen(path, "w")) == NULL ||
	    fprintf(f, "%s %s %s\n", r->moment, r->act, arg) < 0 ||
	    fclose(f) == EOF)
		fatal("%s", path);
}

static const char *
setting(void *arg, const char *name)
{
	const struct run *r = arg;

	if (strcmp(name, "sandbox") == 0)
		return (strcmp(r->mode, "off") == 0 ? "off" : "required");
	if (strcmp(name, "sandbox_action") == 0)
		return (r->action);
	return (NULL);
}

static void
on_complete(const struct sink_outcome *outcomes, size_t n, void *arg)
{
	struct run *r = arg;

	(void)outcomes;
	(void)n;
	(void)event_base_loopbreak(r->base);
}

static void
on_release(const uint64_t *tokens, size_t n, void *arg)
{
	(void)tokens;
	(void)n;
	(void)arg;
}

static void
on_resume(void *arg)
{
	(void)arg;
}

static void
on_state(int up, const char *text, void *arg)
{
	(void)up;
	(void)text;
	(void)arg;
}

static void
on_fatal(int32_t code, const char *text, void *arg)
{
	(void)arg;
	refuse("plugin: %d %s", code, text);
}

static const struct sinkhost_ops ops = { on_complete, on_release, on_resume,
    on_state, on_fatal };

static struct sinkhost *
load(struct run *r, struct lockdown *l)
{
	struct sinkhost *sink;
	struct json_object *config;
	char err[1024], target[32];

	sink = sinkhost_load(r->plugin, "probe", err, sizeof(err));
	if (sink == NULL || sinkhost_prepare(sink, err, sizeof(err)) == -1)
		refuse("%s", err);
	snprintf(target, sizeof(target), "127.0.0.1:%u", r->listed);
	config = json_object_new_object();
	json_object_object_add(config, "target",
	    json_object_new_string(target));
	if (sinkhost_configure(sink, config, err, sizeof(err)) == -1)
		refuse("%s", err);
	json_object_put(config);
	if (lockdown_stage2(l, sinkhost_plugin(sink)->needs, err,
	    sizeof(err)) == -1)
		refuse("stage 2: %s", err);
	return (sink);
}

static void
deliver_one(struct run *r, struct sinkhost *sink)
{
	struct pgtide_msg msg;
	char err[1024];

	memset(&msg, 0, sizeof(msg));
	msg.token = 1;
	msg.id = "probe:1:0";
	msg.attempt = 1;
	if ((r->base = event_base_new()) == NULL ||
	    sinkhost_open(sink, r->base, NULL, NULL, &ops, r, err,
	    sizeof(err)) == -1)
		refuse("open: %s", err);
	if (sinkhost_deliver(sink, &msg, 1) != 1)
		refuse("the probe took no message");
	(void)event_base_dispatch(r->base);
	sinkhost_close(sink, 1000);
}

/* A worker's way through the stages. */
static void __attribute__((__noreturn__))
worker_main(struct run *r)
{
	struct secretmem *arena;
	struct lockdown l;
	struct sinkhost *sink;
	char err[1024];

	if (dup2(r->outcome[1], STDOUT_FILENO) == -1)
		fatal("dup2");
	close(r->outcome[0]);
	close(r->outcome[1]);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (lockdown_init(&l, r->plugin, setting, r, err, sizeof(err)) == -1)
		refuse("%s", err);
	l.policy.no_landlock = strcmp(r->mode, "seccomp") == 0;
	l.policy.no_seccomp = strcmp(r->mode, "landlock") == 0;
	if ((arena = secretmem_new(65536, NULL)) == NULL)
		fatal("secretmem_new");
	lockdown_warm_up();
	if (lockdown_stage1(&l, false, false, err, sizeof(err)) == -1)
		refuse("stage 1: %s", err);
	sink = load(r, &l);
	if (sinkhost_resolve(sink, arena, NULL, err, sizeof(err)) == -1)
		refuse("%s", err);
	l.policy.nports = sinkhost_ports(sink, l.ports, LOCKDOWN_PORTS);
	if (lockdown_stage3(&l, err, sizeof(err)) == -1)
		refuse("stage 3: %s", err);
	deliver_one(r, sink);
	/* A thread of the plugin may have something left to try. */
	for (;;)
		(void)poll(NULL, 0, -1);
}

/* One line, or the end of the worker, or patience is at an end. */
static void
await_outcome(struct run *r)
{
	struct pollfd p = { .fd = r->outcome[0], .events = POLLIN };
	char text[1024];
	int status, n;
	ssize_t len = 0;

	if ((n = poll(&p, 1, PATIENCE_MS)) == 1)
		len = read(r->outcome[0], text, sizeof(text) - 1);
	if (n == 0 || len > 0)
		(void)kill(r->worker, SIGKILL);
	if (waitpid(r->worker, &status, 0) == -1)
		fatal("waitpid");
	if (len > 0) {
		text[len] = '\0';
		fputs(text, stdout);
	} else if (n == 0)
		printf("silent\n");
	else if (WIFSIGNALED(status))
		printf("SIG%s\n", sigabbrev_np(WTERMSIG(status)));
	else
		printf("exit %d\n", WEXITSTATUS(status));
}

static void
parse_arguments(struct run *r, int argc, char **argv)
{
	int ch;

	r->mode = "both";
	r->action = "kill";
	while ((ch = getopt(argc, argv, "m:a:")) != -1) {
		if (ch == 'm')
			r->mode = optarg;
		else if (ch == 'a')
			r->action = optarg;
		else
			exit(EXIT_FAILURE);
	}
	if (argc - optind < 3 || argc - optind > 4)
		fatalx("usage: probe-run [-m MODE] [-a ACTION] PLUGIN "
		    "MOMENT ACT [ARG]");
	r->plugin = argv[optind];
	r->moment = argv[optind + 1];
	r->act = argv[optind + 2];
	r->arg = argc - optind == 4 ? argv[optind + 3] : "-";
}

int
main(int argc, char **argv)
{
	static struct run r;

	log_init("probe-run", STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_INFO);
	parse_arguments(&r, argc, argv);
	drop_root();
	make_targets(&r);
	r.parent = getpid();
	r.sibling = spawn_sibling();
	write_act(&r);
	if (pipe(r.outcome) == -1 || (r.worker = fork()) == -1)
		fatal("cannot start the worker");
	if (r.worker == 0)
		worker_main(&r);
	close(r.outcome[1]);
	await_outcome(&r);
	(void)kill(r.sibling, SIGKILL);
	(void)waitpid(r.sibling, NULL, 0);
	return (EXIT_SUCCESS);
}
