/* SPDX-License-Identifier: ISC */
/* The life of a child process from exec to READY. */
#include "config.h"

#include "common/child.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child_int.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/units.h"

#define WAIT_US		(INT64_C(30) * 1000000)
#define BEAT_US		(INT64_C(1) * 1000000)

#ifdef TIDE_INSTRUMENTED
/*
 * A child has no environment to take options from, and is not dumpable, so
 * that the search for leaks could not look at it.
 */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
#endif

struct program {
	enum role	 role;
	const char	*name;
	const char	*comm;		/* 15 characters: what ps -e shows */
};

static const struct program programs[] = {
	{ ROLE_CATALOG, "pg-tide-catalog", "pg-tide-catalog" },
	{ ROLE_CONTROL, "pg-tide-control", "pg-tide-control" },
	{ ROLE_RESOLVER, "pg-tide-resolver", "pg-tide-resolve" },
	{ ROLE_WORKER, "pg-tide-worker", "pg-tide-worker" }
};

static const struct program *
program_of(enum role role)
{
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]) - 1; i++) {
		if (programs[i].role == role)
			break;
	}
	return (&programs[i]);
}

/*
 * Workers handle no signals: the supervisor speaks in frames, and a library
 * thread inherits this mask.  Those that mean a bug stay deadly.
 */
static void
signals_block(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
	    SIGABRT, SIGSYS, SIGTRAP };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigdelset(&set, deadly[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) == -1 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		fatal("signals");
}

static void
harden(const char *comm)
{
	const struct rlimit none = { 0, 0 };

	signals_block();
	/* The name would be the number of the descriptor that was exec'ed. */
	(void)prctl(PR_SET_NAME, comm, 0, 0, 0);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("cannot harden the process");
}

static bool
is_seqpacket(int fd)
{
	int type = 0, domain = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1)
		return (false);
	len = sizeof(domain);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1)
		return (false);
	return (type == SOCK_SEQPACKET && domain == AF_UNIX);
}

static void
arguments_parse(struct child *c, int argc, char **argv, const char *program)
{
	enum log_format format = LOG_FMT_TEXT;
	enum log_level level = LOG_LVL_INFO;
	int i = 1;

	if (c->role == ROLE_WORKER && argc > 1) {
		(void)snprintf(c->name, sizeof(c->name), "%s", argv[1]);
		i = 2;
	}
	for (; i < argc; i++) {
		if ((strncmp(argv[i], "--log=", 6) == 0 &&
		    log_format_parse(argv[i] + 6, &format) == 0) ||
		    (strncmp(argv[i], "--level=", 8) == 0 &&
		    log_level_parse(argv[i] + 8, &level) == 0))
			continue;
		fatalx("unexpected argument %s", argv[i]);
	}
	/* What a worker prints is a pipe to control, which knows this form. */
	if (c->role == ROLE_WORKER)
		format = LOG_FMT_TEXT;
	log_init(program, STDERR_FILENO, format, level);
	if (c->name[0] != '\0')
		log_set_context("pipeline", c->name);
}

static int
channel_or_none(int fd)
{
	return (is_seqpacket(fd) ? fd : -1);
}

struct child *
child_start(int argc, char **argv, enum role role, const struct child_ops *ops,
    void *arg)
{
	const struct program *prog = program_of(role);
	struct child *c;
	struct frame f;

	log_init(prog->name, STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_INFO);
	if (!is_seqpacket(CHILD_FD_SUPERVISOR))
		fatalx("this program is started by pg-tided, not at a shell");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("calloc");
	c->ops = ops;
	c->arg = arg;
	c->role = role;
	c->state = CHILD_STARTING;
	c->sup_fd = CHILD_FD_SUPERVISOR;
	c->ctl_fd = channel_or_none(CHILD_FD_CONTROL);
	c->res_fd = channel_or_none(CHILD_FD_RESOLVER);
	STAILQ_INIT(&c->settings);
	STAILQ_INIT(&c->incoming);
	STAILQ_INIT(&c->paths);
	arguments_parse(c, argc, argv, prog->name);
	if (role == ROLE_WORKER)
		child_log_start(c);
	harden(prog->comm);
	if ((c->metrics = metrics_new(c->name)) == NULL)
		fatal("metrics");

	frame_start(&f, MSG_HELLO, 0);
	frame_put_u32(&f, MSG_PROTOCOL);
	frame_put_str(&f, PACKAGE_VERSION);
	if (child_say(c, &f) == -1)
		fatal("cannot greet the supervisor");
	child_set_state(c, CHILD_CONFIG);
	c->next_beat_us = clock_mono_us() + BEAT_US;
	return (c);
}

void
child_set_state(struct child *c, enum child_state state)
{
	c->state = state;
	if (c->sup != NULL)
		peer_set_state(c->sup, state);
}

enum child_state
child_life(const struct child *c)
{
	return (c->state);
}

uint64_t
child_generation(const struct child *c)
{
	return (c->gen);
}

static int
wait_for(int fd, short events, int64_t until_us)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = until_us - clock_mono_us();
	int n;

	n = poll(&p, 1, left <= 0 ? 0 : (int)(left / 1000) + 1);
	return (n == -1 && errno == EINTR ? 0 : n);
}

/* Before the event loop: the supervisor reads quickly, or is dead. */
static int
say_raw(struct child *c, struct frame *f)
{
	int64_t end = clock_mono_us() + WAIT_US;

	while (frame_send(c->sup_fd, f) == -1) {
		if (errno != EAGAIN || clock_mono_us() >= end ||
		    wait_for(c->sup_fd, POLLOUT, end) == -1)
			return (-1);
	}
	return (0);
}

int
child_say(struct child *c, struct frame *f)
{
	if (c->sup != NULL)
		return (peer_send(c->sup, f));
	f->gen = c->gen;
	return (say_raw(c, f));
}

int
child_say_empty(struct child *c, uint16_t type)
{
	struct frame f;

	msg_empty_put(&f, type);
	return (child_say(c, &f));
}

bool
child_owns_channel(const struct child *c, const struct msg_channel *m)
{
	return ((m->kind == CHANNEL_CONTROL && c->role != ROLE_CONTROL) ||
	    (m->kind == CHANNEL_RESOLVER && c->role != ROLE_RESOLVER));
}

/* Control or resolver was restarted while we are still on our way. */
static int
take_channel(struct child *c, struct frame *f)
{
	struct msg_channel m;
	int *slot;

	if (msg_channel_get(f, &m) == -1)
		return (-1);
	if (!child_owns_channel(c, &m)) {
		close(m.fd);
		return (-1);
	}
	slot = m.kind == CHANNEL_CONTROL ? &c->ctl_fd : &c->res_fd;
	if (*slot != -1)
		close(*slot);
	*slot = m.fd;
	return (0);
}

int
child_take_level(struct frame *f)
{
	uint32_t level;

	if (msg_u32_get(f, &level) == -1 || level > LOG_LVL_DEBUG)
		return (-1);
	log_set_level((enum log_level)level);
	return (0);
}

static int
refused(uint16_t type, const char *why)
{
	log_errorx("the supervisor said %s: %s", msg_name(type), why);
	errno = EPROTO;
	return (-1);
}

/*
 * Wait for the next frame that is news to the caller, beating meanwhile.
 * 0 or -1.
 */
static int
child_next(struct child *c, struct frame *f)
{
	int64_t end = clock_mono_us() + WAIT_US, now;
	const char *why;
	int n;

	for (;;) {
		if ((now = clock_mono_us()) >= end) {
			errno = ETIMEDOUT;
			return (-1);
		}
		if (now >= c->next_beat_us) {
			c->next_beat_us = now + BEAT_US;
			if (child_say_empty(c, MSG_BEAT) == -1)
				return (-1);
		}
		if (wait_for(c->sup_fd, POLLIN, c->next_beat_us) == -1)
			return (-1);
		if ((n = frame_recv(c->sup_fd, f)) == -1) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return (-1);
		}
		if (n == 0) {
			errno = EPIPE;
			return (-1);
		}
		why = msg_refusal(f, ROLE_SUPERVISOR, c->role, c->state);
		if (why != NULL)
			return (refused(f->type, why));
		c->gen = f->gen;
		if (f->type == MSG_STOP)
			child_exit(c);
		if (f->type != MSG_CHANNEL && f->type != MSG_LOG_LEVEL)
			return (0);
		n = f->type == MSG_CHANNEL ? take_channel(c, f) :
		    child_take_level(f);
		if (n == -1)
			return (refused(f->type, "malformed"));
		frame_clear(f);
	}
}

static void
setting_free(struct setting *s)
{
	free(s->name);
	free(s->value);
	free(s->origin);
	free(s);
}

int
child_keep_setting(struct child *c, struct frame *f)
{
	struct msg_setting m;
	struct setting *s;

	if (msg_setting_get(f, &m) == -1)
		return (-1);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (-1);
	s->name = strdup(m.name);
	s->value = strdup(m.value);
	s->origin = strdup(m.origin);
	if (s->name == NULL || s->value == NULL || s->origin == NULL) {
		setting_free(s);
		return (-1);
	}
	STAILQ_INSERT_TAIL(&c->incoming, s, entry);
	return (0);
}

void
child_settings_commit(struct child *c)
{
	struct setting *s;

	while ((s = STAILQ_FIRST(&c->settings)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->settings, entry);
		setting_free(s);
	}
	STAILQ_CONCAT(&c->settings, &c->incoming);
}

int
child_wait_config(struct child *c, struct msg_config *config)
{
	struct frame f;
	uint16_t type;
	int ret;

	do {
		if (child_next(c, &f) == -1)
			return (-1);
		type = f.type;
		if (type == MSG_SETTING)
			ret = child_keep_setting(c, &f);
		else if (type == MSG_CONFIG)
			ret = msg_config_get(&f, config);
		else
			ret = -1;
		frame_clear(&f);
		if (ret == -1)
			return (refused(type, "malformed"));
	} while (type != MSG_CONFIG);
	child_settings_commit(c);
	return (0);
}

const char *
child_setting(const struct child *c, const char *name)
{
	const struct setting *s;

	STAILQ_FOREACH(s, &c->settings, entry) {
		if (strcmp(s->name, name) == 0)
			return (s->value);
	}
	return (NULL);
}

void
child_settings(const struct child *c,
    void (*fn)(const struct msg_setting *, void *), void *arg)
{
	const struct setting *s;
	struct msg_setting m;

	STAILQ_FOREACH(s, &c->settings, entry) {
		(void)snprintf(m.name, sizeof(m.name), "%s", s->name);
		(void)snprintf(m.value, sizeof(m.value), "%s", s->value);
		(void)snprintf(m.origin, sizeof(m.origin), "%s", s->origin);
		fn(&m, arg);
	}
}

int
child_say_stage1(struct child *c)
{
	struct frame f;

	if (child_say_empty(c, MSG_STAGE1) == -1)
		return (-1);
	child_set_state(c, CHILD_STAGE1);
	if (child_next(c, &f) == -1)
		return (-1);
	return (f.type == MSG_PROCEED ? 0 : refused(f.type, "too early"));
}

static int
take_secret(struct child *c, struct frame *f)
{
	struct msg_secret m;

	if (msg_secret_get(f, &m) == -1)
		return (-1);
	if (c->arena == NULL) {
		log_errorx("a secret came where none is expected");
		return (-1);
	}
	if (m.offset == 0 &&
	    secretmem_put(c->arena, m.kind, m.name, m.total) == NULL) {
		log_errorx("no room for the secret %s", m.name);
		return (-1);
	}
	return (secretmem_fill(c->arena, m.kind, m.name, m.offset, m.data,
	    m.len));
}

static int
take_path(struct child *c, struct frame *f)
{
	struct child_path *p;
	struct msg_path m;
	uint16_t type = f->type;

	if (msg_path_get(f, &m) == -1)
		return (-1);
	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->path = strdup(m.path)) == NULL) {
		free(p);
		close(m.fd);
		return (-1);
	}
	p->type = type;
	p->fd = m.fd;
	STAILQ_INSERT_TAIL(&c->paths, p, entry);
	return (0);
}

int
child_say_locked(struct child *c, uint32_t landlock_abi,
    struct secretmem *arena)
{
	struct frame f;
	uint16_t type;
	int ret;

	c->arena = arena;
	msg_u32_put(&f, MSG_LOCKED, landlock_abi);
	if (child_say(c, &f) == -1)
		return (-1);
	child_set_state(c, CHILD_LOCKED);
	do {
		if (child_next(c, &f) == -1)
			return (-1);
		type = f.type;
		if (type == MSG_SECRET)
			ret = take_secret(c, &f);
		else if (type == MSG_FILE || type == MSG_OUTPUT)
			ret = take_path(c, &f);
		else
			ret = type == MSG_GO ? 0 : -1;
		frame_clear(&f);
		if (ret == -1)
			return (refused(type, "not usable"));
	} while (type != MSG_GO);
	return (0);
}

static int
path_find(const struct child *c, uint16_t type, const char *path)
{
	const struct child_path *p;

	STAILQ_FOREACH(p, &c->paths, entry) {
		if (p->type == type && strcmp(p->path, path) == 0)
			return (p->fd);
	}
	return (-1);
}

int
child_file(const struct child *c, const char *path)
{
	return (path_find(c, MSG_FILE, path));
}

int
child_output(const struct child *c, const char *path)
{
	return (path_find(c, MSG_OUTPUT, path));
}

/* What cannot be said ends in EOF on the same socket: nothing to do here. */
void
child_say_confined(struct child *c)
{
	(void)child_say_empty(c, MSG_CONFINED);
	child_set_state(c, CHILD_CONFINED);
}

void
child_say_ready(struct child *c)
{
	(void)child_say_empty(c, MSG_READY);
	if (c->state != CHILD_DRAINING)
		child_set_state(c, CHILD_READY);
}

void
child_drained(struct child *c)
{
	(void)child_say_empty(c, MSG_DRAINED);
}
