/* SPDX-License-Identifier: ISC */
/*
 * pg-tided: the privileged process.  It forks, attests and reaps; it opens
 * listening sockets and secret files and hands out descriptors.  It speaks
 * no SQL, no JSON and no HTTP, reads nothing of variable length from its
 * children beyond bounded frames, and never makes a thread.
 *
 * Its descriptors: 0-2 standard, the event loop's own, the pid file, two
 * listening sockets, the log; per child one socket, and until they are
 * handed on the far ends of its channels; per pipeline its document.
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/bindings.h"
#include "supervisor/checkup.h"
#include "supervisor/cmdline.h"
#include "supervisor/conf.h"
#include "supervisor/core.h"
#include "supervisor/daemon.h"
#include "supervisor/notify.h"
#include "supervisor/options.h"
#include "supervisor/pipelines.h"
#include "supervisor/process.h"
#include "supervisor/super.h"
#include "supervisor/syslog.h"
#include "supervisor/watch.h"

#define NSIGNALS	5
#define LOOK_SECONDS	30

struct daemon {
	struct super	 super;
	struct cmdline	 cmdline;
	struct event	*signals[NSIGNALS];
	struct event	*second;
	unsigned int	 seconds;
	char		*pid_path;
	int		 pid_fd;
	int		 keep_stderr;
};

static void
on_stop(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	log_info("got %s", sig == SIGINT ? "SIGINT" : "SIGTERM");
	super_stop(arg);
}

static void
on_hangup(evutil_socket_t sig, short what, void *arg)
{
	char err[512];

	(void)sig;
	(void)what;
	/* What is wrong was logged, line by line. */
	(void)super_reload(arg, err, sizeof(err));
}

static void
on_usr1(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	super_reopen(arg);
}

static void
on_child(evutil_socket_t sig, short what, void *arg)
{
	struct super *s = arg;
	struct process *p;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if ((p = process_by_pid(s, pid)) != NULL)
			process_ended(p, status);
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	process_watch(&d->super);
	notify_alive();
	/* Not every change is seen when it happens. */
	if (++d->seconds % LOOK_SECONDS == 0)
		super_look(&d->super);
}

static void
on_files_changed(void *arg)
{
	super_look(arg);
}

static void
events_start(struct daemon *d)
{
	static const struct {
		int	sig;
		void	(*fn)(evutil_socket_t, short, void *);
	} rows[NSIGNALS] = {
		{ SIGTERM, on_stop }, { SIGINT, on_stop },
		{ SIGHUP, on_hangup }, { SIGUSR1, on_usr1 },
		{ SIGCHLD, on_child }
	};
	const struct timeval second = { 1, 0 };
	struct super *s = &d->super;
	size_t i;

	if ((s->base = event_base_new()) == NULL)
		fatalx("cannot make an event loop");
	for (i = 0; i < NSIGNALS; i++) {
		d->signals[i] = evsignal_new(s->base, rows[i].sig, rows[i].fn,
		    s);
		if (d->signals[i] == NULL ||
		    event_add(d->signals[i], NULL) == -1)
			fatalx("cannot watch for signals");
	}
	d->second = event_new(s->base, -1, EV_PERSIST, on_second, d);
	if (d->second == NULL || event_add(d->second, &second) == -1)
		fatalx("cannot set a timer");
}

/* Secrets pass through here: no core, no debugger of the same user. */
static void
harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("cannot harden the process");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		fatal("signals");
	(void)umask(022);
}

static void
log_start(struct daemon *d)
{
	struct option_set *conf = d->super.conf;
	enum log_level level = (enum log_level)option_num(conf, "log_level");
	bool is_syslog = option_num(conf, "log_target") == LOG_TARGET_SYSLOG;
	enum log_format format = LOG_FMT_TEXT;

	/* In the background stderr leads nowhere, unless somebody says so. */
	if (option_is_default(conf, "log_target") && !d->cmdline.foreground)
		is_syslog = true;
	d->keep_stderr = !is_syslog;
	d->super.log_fd = STDERR_FILENO;
	d->super.log_format = option_str(conf, "log_format");
	if (is_syslog) {
		if ((d->super.log_fd = syslog_open()) == -1)
			fatal("/dev/log (set log_target = stderr to do"
			    " without)");
		d->super.log_format = "syslog";
	}
	if (log_format_parse(d->super.log_format, &format) == -1)
		fatalx("log_format");
	/* It outlives the configuration that it comes from. */
	d->super.log_format = format == LOG_FMT_SYSLOG ? "syslog" :
	    format == LOG_FMT_JSON ? "json" : "text";
	log_init("pg-tided", d->super.log_fd, format, level);
}

static void
warn_doubtful(const struct daemon *d)
{
	const struct option_set *conf = d->super.conf;
	const char *s;
	size_t i;

	if (d->cmdline.scrubbed)
		log_warnx("a password was given on the command line: other"
		    " users may have seen it; use postgres_url_file or"
		    " ${file:...}");
	for (i = 0; (s = option_item(conf, "secrets.env", i)) != NULL; i++) {
		if (strcmp(s, "*") == 0)
			log_warnx("secrets.env = *: pipelines may read the"
			    " whole environment of pg-tided");
	}
	if (option_num(conf, "sandbox") == MODE_OFF)
		log_warnx("sandbox = off: plugins and client libraries run"
		    " unconfined; for debugging only");
	if (geteuid() != 0 && !option_is_default(conf, "user"))
		log_warnx("user = %s is ignored: not started by root",
		    option_str(conf, "user"));
}

static int
check(struct daemon *d)
{
	struct super *s = &d->super;
	char err[512];

	s->conf = conf_load(&d->cmdline, &s->bindings, err, sizeof(err));
	return (s->conf == NULL ? -1 : checkup_start(s));
}

static int
check_config(struct daemon *d)
{
	if (check(d) == -1)
		return (EXIT_FAILURE);
	warn_doubtful(d);
	if (checkup_rest(&d->super) == -1)
		return (EXIT_FAILURE);
	printf("configuration OK\n");
	return (fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void
start(struct daemon *d)
{
	struct super *s = &d->super;
	const char *path = option_str(s->conf, "pid_file");
	char err[1024];

	log_start(d);
	if (!d->cmdline.foreground && daemon_detach() == -1)
		fatal("cannot go into the background");
	notify_open();
	warn_doubtful(d);
	daemon_raise_nofile();
	if ((d->pid_path = strdup(path)) == NULL)
		fatal("strdup");
	if ((d->pid_fd = pidfile_open(path, err, sizeof(err))) == -1)
		fatalx("%s", err);
	if (listeners_open(&s->listeners, s->conf, err, sizeof(err)) == -1) {
		listeners_close(&s->listeners);
		pidfile_close(d->pid_fd, d->pid_path);
		fatalx("%s", err);
	}
	events_start(d);
	if ((s->pipelines = pipelines_new(s)) == NULL ||
	    (s->watch = watch_new(s->base, on_files_changed, s)) == NULL ||
	    core_start(s) == -1)
		fatalx("out of memory");
	super_look(s);
	log_info("pg-tided %s started (pid %ld, children run as uid %ld)",
	    PACKAGE_VERSION, (long)getpid(), (long)s->who.uid);
	daemon_ready(d->keep_stderr);
}

static void
finish(struct daemon *d)
{
	struct super *s = &d->super;
	size_t i;

	pipelines_free(s->pipelines);
	core_free(s);
	watch_free(s->watch);
	listeners_close(&s->listeners);
	pidfile_close(d->pid_fd, d->pid_path);
	free(d->pid_path);
	for (i = 0; i < NSIGNALS; i++)
		event_free(d->signals[i]);
	event_free(d->second);
	event_base_free(s->base);
	option_set_free(s->conf);
	cmdline_free(&d->cmdline);
	bindings_free(s->bindings);
	log_info("pg-tided has stopped");
	notify_close();
}

static int
run(struct daemon *d)
{
	if (check(d) == -1)
		return (EXIT_FAILURE);
	start(d);
	if (event_base_dispatch(d->super.base) == -1)
		fatalx("the event loop failed");
	finish(d);
	return (EXIT_SUCCESS);
}

int
main(int argc, char **argv)
{
	static struct daemon d;

	TAILQ_INIT(&d.super.processes);
	d.super.cmdline = &d.cmdline;
	if (daemon_sane_stdio() == -1)
		return (EXIT_FAILURE);
	log_init("pg-tided", STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_INFO);
	if (cmdline_parse(&d.cmdline, argc, argv) == -1)
		return (2);
	harden();
	switch (d.cmdline.action) {
	case CMDLINE_HELP:
		cmdline_help();
		return (EXIT_SUCCESS);
	case CMDLINE_HELP_OPTIONS:
		options_list(stdout);
		return (EXIT_SUCCESS);
	case CMDLINE_VERSION:
		printf("pg-tided %s\n", PACKAGE_VERSION);
		return (EXIT_SUCCESS);
	case CMDLINE_CHECK:
		return (check_config(&d));
	case CMDLINE_RUN:
		break;
	}
	return (run(&d));
}
