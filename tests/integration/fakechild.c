/* SPDX-License-Identifier: ISC */
/*
 * A child for tests of the supervisor: as catalog it says what a plan file
 * holds, as worker it behaves as the name of its pipeline says, up to the
 * first dash; everything it learns goes to its log.
 *
 * The plan lies beside environment_file and has lines
 *	wanted NAME OUTBOX PLUGIN GENERATION [KIND:REFERENCE]...
 *	gone NAME
 *	end
 *	raw			(an open, growing memfd instead of a sealed one)
 * It is said again from its start whenever it changes.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"
#include "common/secretmem.h"

extern char **environ;

struct fake {
	struct child	*child;
	struct event_base *base;
	struct event	*timer;
	struct secretmem *secrets;
	struct msg_config config;
	const char	*name;
	char		 plan[4096];
	int64_t		 plan_time;
};

static bool
is(const struct fake *x, const char *behaviour)
{
	size_t n = strlen(behaviour);

	return (strncmp(x->name, behaviour, n) == 0 &&
	    (x->name[n] == '\0' || x->name[n] == '-'));
}

/* In force, and forbids nothing: what /proc shows is all that is seen. */
static void
filter_install(void)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, allow };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == -1)
		fatal("seccomp");
}

static void *
idle_thread(void *arg)
{
	(void)arg;
	for (;;)
		(void)pause();
	return (NULL);
}

static bool
signals_blocked(void)
{
	sigset_t set;

	return (sigprocmask(SIG_SETMASK, NULL, &set) == 0 &&
	    sigismember(&set, SIGTERM) == 1 && sigismember(&set, SIGHUP) == 1);
}

/* What was inherited, before anything of ours was opened. */
static void
log_birth(void)
{
	char path[64], target[256];
	struct dirent *d;
	ssize_t n;
	DIR *dir;

	if ((dir = opendir("/proc/self/fd")) == NULL)
		fatal("/proc/self/fd");
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.' || atoi(d->d_name) == dirfd(dir))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%.16s",
		    d->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		log_info("born fd=%s %.8s", d->d_name, target);
	}
	closedir(dir);
	if (getcwd(target, sizeof(target)) == NULL)
		fatal("getcwd");
	log_info("born cwd=%s environ=%s sid=%s uid=%ld", target,
	    environ[0] == NULL ? "empty" : environ[0],
	    getsid(0) == getpid() ? "own" : "shared", (long)getuid());
	log_info("born signals %s", signals_blocked() ? "blocked" : "open");
}

static void
raw_send(const void *data, size_t len, size_t nfds)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int) * 2)];
	} c;
	const int fds[2] = { 0, 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		memset(&c, 0, sizeof(c));
		msg.msg_control = c.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c.hdr.cmsg_level = SOL_SOCKET;
		c.hdr.cmsg_type = SCM_RIGHTS;
		c.hdr.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&c.hdr), fds, sizeof(int) * nfds);
	}
	if (sendmsg(CHILD_FD_SUPERVISOR, &msg, 0) == -1)
		fatal("sendmsg");
}

static void
say(uint16_t type, uint64_t gen)
{
	struct frame f;

	msg_empty_put(&f, type);
	f.gen = gen;
	if (frame_send(CHILD_FD_SUPERVISOR, &f) == -1)
		fatal("frame_send");
}

static void wait_for_death(void) __attribute__((__noreturn__));

static void
wait_for_death(void)
{
	for (;;)
		(void)pause();
}

/* As a program of another version would. */
static void
greet_wrongly(void)
{
	struct frame f;

	frame_start(&f, MSG_HELLO, 0);
	frame_put_u32(&f, MSG_PROTOCOL + 1);
	frame_put_str(&f, "99.0");
	if (frame_send(CHILD_FD_SUPERVISOR, &f) == -1)
		fatal("frame_send");
	wait_for_death();
}

/* Offences of a worker before it is locked down. */
static void
misbehave_early(const struct fake *x)
{
	static uint8_t big[FRAME_HEADER + FRAME_BODY_MAX + 100];
	const uint8_t beat[FRAME_HEADER] = { MSG_BEAT };

	if (is(x, "spin"))
		_exit(3);
	if (is(x, "stuck"))
		wait_for_death();
	if (is(x, "toolong")) {
		raw_send(big, sizeof(big), 0);
		wait_for_death();
	}
	if (is(x, "twofds")) {
		raw_send(beat, sizeof(beat), 2);
		wait_for_death();
	}
	if (is(x, "early")) {
		say(MSG_READY, child_generation(x->child));
		wait_for_death();
	}
	if (is(x, "twice")) {
		filter_install();
		say(MSG_STAGE1, child_generation(x->child));
		say(MSG_STAGE1, child_generation(x->child));
		wait_for_death();
	}
	if (is(x, "badconfig") && x->config.generation % 2 == 0)
		child_fatal(x->child, CAUSE_CONFIG, "even is wrong");
}

static void
log_secret(const struct fake *x, uint8_t kind, const char *name)
{
	const char *value = secretmem_get(x->secrets, kind, name, NULL);

	if (value != NULL)
		log_info("secret %u %s=%s", (unsigned int)kind, name, value);
}

/* The document of a fake is a list of its own references. */
static void
log_document(const struct fake *x)
{
	char text[4096], *line, *rest = text, *colon;
	ssize_t n;

	n = pread(x->config.fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	log_info("document generation=%llu flags=%u nsecrets=%u offset=%ld",
	    (unsigned long long)x->config.generation,
	    (unsigned int)x->config.flags, (unsigned int)x->config.nsecrets,
	    (long)lseek(x->config.fd, 0, SEEK_CUR));
	while ((line = strsep(&rest, "\n")) != NULL) {
		if ((colon = strchr(line, ':')) == NULL)
			continue;
		log_secret(x, (uint8_t)atoi(line), colon + 1);
		if (child_output(x->child, colon + 1) != -1)
			dprintf(child_output(x->child, colon + 1),
			    "written by generation %llu\n",
			    (unsigned long long)x->config.generation);
	}
	log_secret(x, 0, "postgres_url");
}

static int
on_frame(struct child *child, struct frame *f, void *arg)
{
	struct msg_worker_state st;
	struct msg_idle idle;
	struct msg_path out;
	char outbox[MSG_NAME_MAX];

	(void)child;
	(void)arg;
	switch (f->type) {
	case MSG_WORKER_STATE:
		if (msg_worker_state_get(f, &st) == -1)
			return (-1);
		log_info("told %s generation=%llu state=%s cause=%s text=%s",
		    st.name, (unsigned long long)st.generation,
		    child_state_name(st.state),
		    exit_cause_name((enum exit_cause)st.cause), st.text);
		return (0);
	case MSG_IDLE:
		if (msg_idle_get(f, &idle) == -1)
			return (-1);
		log_info("idle %s on %s xmax=%llu", idle.name, idle.outbox,
		    (unsigned long long)idle.xmax);
		msg_str_put(f, MSG_WAKE, idle.outbox);
		return (peer_send(child_supervisor(child), f));
	case MSG_WAKE:
		if (msg_str_get(f, outbox, sizeof(outbox)) == -1)
			return (-1);
		log_info("wake %s", outbox);
		return (0);
	case MSG_OUTPUT:
		if (msg_path_get(f, &out) == -1)
			return (-1);
		dprintf(out.fd, "written after reopen\n");
		close(out.fd);
		return (0);
	case MSG_RELOAD:
		log_info("reload");
		return (0);
	default:
		return (-1);
	}
}

static void
on_drain(struct child *child, uint32_t ms, void *arg)
{
	const struct fake *x = arg;

	log_info("drain %u ms", (unsigned int)ms);
	if (!is(x, "deaf"))
		child_drained(child);
}

static void
on_stop(struct child *child, void *arg)
{
	const struct fake *x = arg;

	(void)child;
	if (!is(x, "deaf"))
		event_base_loopbreak(x->base);
}

static void
on_resolver(struct child *child, struct peer *p, void *arg)
{
	(void)child;
	(void)arg;
	log_info("resolver is %s", p != NULL ? "there" : "away");
}

static int
document_memfd(const char *refs, bool raw)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	int fd = memfd_create("doc", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1 || dprintf(fd, "%s\n", refs) < 0 ||
	    (!raw && fcntl(fd, F_ADD_SEALS, seals) == -1))
		fatal("memfd");
	return (fd);
}

/* words: NAME OUTBOX PLUGIN GENERATION and references */
static void
say_wanted(struct fake *x, char **words, size_t n, bool raw)
{
	struct msg_pipeline m;
	struct msg_pipeline_ref r;
	char refs[4096] = "";
	struct frame f;
	size_t i, len = 0;

	memset(&m, 0, sizeof(m));
	(void)snprintf(m.name, sizeof(m.name), "%s", words[0]);
	(void)snprintf(m.outbox, sizeof(m.outbox), "%s", words[1]);
	(void)snprintf(m.plugin, sizeof(m.plugin), "%s", words[2]);
	m.generation = (uint64_t)atoi(words[3]);
	m.nrefs = (uint32_t)(n - 4);
	for (i = 4; i < n; i++)
		len += (size_t)snprintf(refs + len, sizeof(refs) - len,
		    "%s\n", words[i]);
	m.fd = document_memfd(refs, raw);
	msg_pipeline_put(&f, &m);
	if (peer_send(child_supervisor(x->child), &f) == -1)
		fatal("wanted");
	for (i = 4; i < n; i++) {
		memset(&r, 0, sizeof(r));
		(void)snprintf(r.name, sizeof(r.name), "%s", words[0]);
		r.kind = (uint8_t)atoi(words[i]);
		(void)snprintf(r.value, sizeof(r.value), "%s",
		    strchr(words[i], ':') + 1);
		msg_pipeline_ref_put(&f, &r);
		if (peer_send(child_supervisor(x->child), &f) == -1)
			fatal("reference");
	}
}

static void
say_line(struct fake *x, char *line, bool *raw)
{
	char *words[32], *word;
	struct frame f;
	size_t n = 0;

	while ((word = strsep(&line, " ")) != NULL && n < 32)
		words[n++] = word;
	if (strcmp(words[0], "raw") == 0) {
		*raw = true;
	} else if (strcmp(words[0], "end") == 0) {
		msg_empty_put(&f, MSG_LIST_END);
		(void)peer_send(child_supervisor(x->child), &f);
	} else if (strcmp(words[0], "gone") == 0 && n == 2) {
		msg_str_put(&f, MSG_PIPELINE_GONE, words[1]);
		(void)peer_send(child_supervisor(x->child), &f);
	} else if (strcmp(words[0], "wanted") == 0 && n >= 5) {
		say_wanted(x, words + 1, n - 1, *raw);
	}
}

static void
say_plan(struct fake *x)
{
	char line[4096];
	struct stat st;
	bool raw = false;
	FILE *fp;

	if (stat(x->plan, &st) == -1 || x->plan_time ==
	    st.st_mtim.tv_sec * 1000000000L + st.st_mtim.tv_nsec)
		return;
	x->plan_time = st.st_mtim.tv_sec * 1000000000L + st.st_mtim.tv_nsec;
	if ((fp = fopen(x->plan, "r")) == NULL)
		fatal("%s", x->plan);
	while (fgets(line, sizeof(line), fp) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		say_line(x, line, &raw);
	}
	fclose(fp);
	log_info("said the plan");
}

static void
say_idle(struct fake *x)
{
	struct msg_idle m;
	struct frame f;

	memset(&m, 0, sizeof(m));
	(void)snprintf(m.name, sizeof(m.name), "forged");
	(void)snprintf(m.outbox, sizeof(m.outbox), "%s",
	    is(x, "wrongbox") ? "other" : "box");
	m.xmax = 42;
	msg_idle_put(&f, &m);
	(void)peer_send(child_supervisor(x->child), &f);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct fake *x = arg;

	(void)fd;
	(void)what;
	if (x->plan[0] != '\0')
		say_plan(x);
	else if (is(x, "crash"))
		abort();
	else if (is(x, "sigsys"))
		(void)raise(SIGSYS);
	else if (is(x, "silent"))
		wait_for_death();
	else if (is(x, "idle") || is(x, "wrongbox"))
		say_idle(x);
}

static void
run(struct fake *x)
{
	const struct timeval often = { 0, 100000 };

	x->base = event_base_new();
	x->timer = event_new(x->base, -1, EV_PERSIST, on_timer, x);
	if (x->timer == NULL || event_add(x->timer, &often) == -1 ||
	    child_attach(x->child, x->base, NULL, NULL) == -1)
		fatalx("event loop");
	child_say_ready(x->child);
	event_base_dispatch(x->base);
	child_exit(x->child);
}

/* The plan lies beside environment_file. */
static void
find_plan(struct fake *x)
{
	const char *env = child_setting(x->child, "environment_file");
	const char *slash = strrchr(env, '/');

	(void)snprintf(x->plan, sizeof(x->plan), "%.*s/plan",
	    (int)(slash - env), env);
}

int
main(int argc, char **argv)
{
	static const struct child_ops ops = { .frame = on_frame,
	    .drain = on_drain, .stop = on_stop, .resolver = on_resolver };
	static struct fake x;
	enum role role = ROLE_WORKER;
	pthread_t t;

	if (strcmp(argv[0], "pg-tide-catalog") == 0)
		role = ROLE_CATALOG;
	x.name = role == ROLE_WORKER && argc > 1 ? argv[1] : "";
	if (is(&x, "protocol"))
		greet_wrongly();
	x.child = child_start(argc, argv, role, &ops, &x);
	if (is(&x, "birth"))
		log_birth();
	if (child_wait_config(x.child, &x.config) == -1)
		return (1);
	misbehave_early(&x);
	if (!is(&x, "nofilter"))
		filter_install();
	if (is(&x, "threads") &&
	    pthread_create(&t, NULL, idle_thread, NULL) != 0)
		fatalx("pthread_create");
	x.secrets = secretmem_new(1024 * 1024, NULL);
	if (child_say_stage1(x.child) == -1 ||
	    child_say_locked(x.child, 0, x.secrets) == -1)
		return (1);
	if (role == ROLE_WORKER)
		log_document(&x);
	if (role == ROLE_CATALOG)
		find_plan(&x);
	child_say_confined(x.child);
	run(&x);
	return (0);
}
