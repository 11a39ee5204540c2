/* SPDX-License-Identifier: ISC */
/*
 * Watch the directories in which a path can be given another meaning: that
 * of each symbolic link on the way, and the last one.  A directory that is
 * itself replaced tells by its own event; what inotify cannot see (remote
 * file systems, an ancestor that is renamed) is left to whoever looks again
 * from time to time.
 */
#include "config.h"

#include "supervisor/watch.h"

#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define SOON_US		300000	/* several files are changed as one */
#define LINKS_MAX	40	/* as the kernel's own limit */
#define NAMES_MAX	4096
#define MASK		(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |	\
			IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |	\
			IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct name {
	SLIST_ENTRY(name) entry;
	int	wd;			/* of its directory */
	char	text[];
};

struct watch {
	struct event_base *base;
	struct event	*readable, *soon;
	void		(*fn)(void *);
	void		*arg;
	int		 fd;
	size_t		 n;
	bool		 complained;
	SLIST_HEAD(, name) names;
};

static void
complain(struct watch *w, const char *what)
{
	if (!w->complained)
		log_warn("inotify: %s: changed files are noticed only by"
		    " looking again every 30 seconds", what);
	w->complained = true;
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	w->fn(w->arg);
}

void
watch_soon(struct watch *w)
{
	const struct timeval tv = { 0, SOON_US };

	if (event_pending(w->soon, EV_TIMEOUT, NULL) == 0)
		(void)event_add(w->soon, &tv);
}

/* Does it concern a name that leads somewhere? */
static bool
matters(const struct watch *w, const struct inotify_event *e)
{
	const struct name *n;

	/* Without a name it is the directory itself, or an overflow. */
	if (e->len == 0)
		return ((e->mask & IN_IGNORED) == 0);
	SLIST_FOREACH(n, &w->names, entry) {
		if (n->wd == e->wd && strcmp(n->text, e->name) == 0)
			return (true);
	}
	return (false);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	alignas(struct inotify_event) char buf[16 * 1024];
	const struct inotify_event *e;
	struct watch *w = arg;
	bool news = false;
	ssize_t n, at;

	(void)what;
	while ((n = read((int)fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n;
		    at += (ssize_t)(sizeof(*e) + e->len)) {
			e = (const void *)(buf + at);
			news = news || matters(w, e);
		}
	}
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		complain(w, "read");
	if (news)
		watch_soon(w);
}

static void
close_all(struct watch *w)
{
	struct name *n;

	while ((n = SLIST_FIRST(&w->names)) != NULL) {
		SLIST_REMOVE_HEAD(&w->names, entry);
		free(n);
	}
	w->n = 0;
	if (w->readable != NULL)
		event_free(w->readable);
	w->readable = NULL;
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
}

void
watch_begin(struct watch *w)
{
	close_all(w);
	if ((w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1) {
		complain(w, "inotify_init1");
		return;
	}
	w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST,
	    on_readable, w);
	if (w->readable == NULL || event_add(w->readable, NULL) == -1)
		complain(w, "event");
}

struct watch *
watch_new(struct event_base *base, void (*fn)(void *), void *arg)
{
	struct watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->base = base;
	w->fn = fn;
	w->arg = arg;
	w->fd = -1;
	SLIST_INIT(&w->names);
	if ((w->soon = evtimer_new(base, on_soon, w)) == NULL) {
		free(w);
		return (NULL);
	}
	return (w);
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	close_all(w);
	event_free(w->soon);
	free(w);
}

/* The name of len bytes in the directory. */
static void
name_add(struct watch *w, const char *dir, const char *text, size_t len)
{
	struct name *n;
	int wd;

	if (w->fd == -1 || w->n == NAMES_MAX)
		return;
	if ((wd = inotify_add_watch(w->fd, dir, MASK)) == -1) {
		if (errno != ENOENT && errno != ENOTDIR)
			complain(w, dir);
		return;
	}
	SLIST_FOREACH(n, &w->names, entry) {
		if (n->wd == wd && strncmp(n->text, text, len) == 0 &&
		    n->text[len] == '\0')
			return;
	}
	if ((n = malloc(sizeof(*n) + len + 1)) == NULL) {
		complain(w, "out of memory");
		return;
	}
	n->wd = wd;
	memcpy(n->text, text, len);
	n->text[len] = '\0';
	SLIST_INSERT_HEAD(&w->names, n, entry);
	w->n++;
}

/* dir + "/" + s[0..n), in place; false: too long. */
static bool
append(char *dir, size_t size, const char *s, size_t n)
{
	size_t len = strlen(dir);

	if (len + 1 + n >= size)
		return (false);
	dir[len] = '/';
	memcpy(dir + len + 1, s, n);
	dir[len + 1 + n] = '\0';
	return (true);
}

/*
 * The way of a path, component by component.  dir is where we are (""
 * for the root), without symbolic links; rest is what is left of the way.
 */
struct way {
	char	dir[PATH_MAX];
	char	rest[PATH_MAX];
	int	links;
};

/* A link: go on with its target and what followed.  false: the end. */
static bool
follow(struct way *y, const char *link, const char *after)
{
	char target[PATH_MAX];
	ssize_t n;
	int len;

	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0 || ++y->links > LINKS_MAX)
		return (false);
	target[n] = '\0';
	if (*target == '/')
		y->dir[0] = '\0';
	if (!append(target, sizeof(target), after, strlen(after)))
		return (false);
	len = snprintf(y->rest, sizeof(y->rest), "%s", target);
	return (len >= 0 && (size_t)len < sizeof(y->rest));
}

/* One component further.  false: this is as far as it leads. */
static bool
step(struct watch *w, struct way *y)
{
	char here[PATH_MAX], after[PATH_MAX];
	const char *s = y->rest + strspn(y->rest, "/");
	size_t n = strcspn(s, "/");
	struct stat st;
	bool last;

	(void)snprintf(after, sizeof(after), "%s", s + n);
	last = after[strspn(after, "/")] == '\0';
	(void)snprintf(here, sizeof(here), "%s", y->dir);
	if (n == 0 || !append(here, sizeof(here), s, n))
		return (false);
	if (lstat(here, &st) == -1 || (last && !S_ISLNK(st.st_mode))) {
		name_add(w, *y->dir != '\0' ? y->dir : "/", s, n);
		return (false);
	}
	if (S_ISLNK(st.st_mode)) {
		name_add(w, *y->dir != '\0' ? y->dir : "/", s, n);
		return (follow(y, here, after));
	}
	memcpy(y->dir, here, sizeof(y->dir));
	memcpy(y->rest, after, sizeof(y->rest));
	return (!last);
}

void
watch_path(struct watch *w, const char *path)
{
	struct way y = { .links = 0 };
	int n;

	n = snprintf(y.rest, sizeof(y.rest), "%s", path);
	if (*path != '/' || n < 0 || (size_t)n >= sizeof(y.rest))
		return;
	while (step(w, &y))
		continue;
}
