/* SPDX-License-Identifier: ISC */
/* Open the control socket and the metrics port. */
#include "config.h"

#include "supervisor/listeners.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"

#define BACKLOG	64

union address {
	struct sockaddr		sa;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

static int
explain(char *err, size_t errsize, const char *what, const char *why)
{
	(void)snprintf(err, errsize, "%s: %s", what, why);
	return (-1);
}

/* Umask or not: others have to reach the control socket. */
static int
dir_make(const char *dir)
{
	if (mkdir(dir, 0755) == 0)
		return (chmod(dir, 0755));
	return (errno == EEXIST ? 0 : -1);
}

int
make_parents(const char *path, char *err, size_t errsize)
{
	char dir[4096], *slash;

	if (strlen(path) >= sizeof(dir))
		return (explain(err, errsize, "path", strerror(ENAMETOOLONG)));
	memcpy(dir, path, strlen(path) + 1);
	for (slash = strchr(dir + 1, '/'); slash != NULL;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (dir_make(dir) == -1) {
			(void)snprintf(err, errsize, "cannot make the"
			    " directory %s: %s: choose another pid_file and"
			    " control_socket", dir, strerror(errno));
			return (-1);
		}
		*slash = '/';
	}
	return (0);
}

/* A socket that nobody answers on is left over from a crash. */
static int
stale_remove(const struct sockaddr_un *sun)
{
	struct stat st;
	int s, ret;

	if (lstat(sun->sun_path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return (-1);
	}
	if ((s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	ret = connect(s, (const struct sockaddr *)sun, sizeof(*sun));
	close(s);
	if (ret == 0) {
		errno = EADDRINUSE;
		return (-1);
	}
	if (errno != ECONNREFUSED)
		return (errno == ENOENT ? 0 : -1);
	return (unlink(sun->sun_path));
}

static int
control_bind(const struct sockaddr_un *sun, mode_t mode)
{
	mode_t old;
	int s, ret;

	if ((s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0)) == -1)
		return (-1);
	/* Nobody gets in between bind and chmod. */
	old = umask(0177);
	ret = bind(s, (const struct sockaddr *)sun, sizeof(*sun));
	(void)umask(old);
	if (ret == -1 || chmod(sun->sun_path, mode) == -1 ||
	    listen(s, BACKLOG) == -1) {
		close(s);
		return (-1);
	}
	return (s);
}

/* -1 in *gid: none is wanted. */
static int
group_find(const struct option_set *set, gid_t *gid, char *err,
    size_t errsize)
{
	const char *name = option_str(set, "control_group");
	struct group *gr;
	int64_t number;

	*gid = (gid_t)-1;
	if (name == NULL || *name == '\0')
		return (0);
	if (int_parse(name, &number) == 0 && number >= 0 &&
	    number < UINT32_MAX)
		*gid = (gid_t)number;
	else if ((gr = getgrnam(name)) != NULL)
		*gid = gr->gr_gid;
	else {
		(void)snprintf(err, errsize, "control_group \"%.64s\": there"
		    " is no such group; create it (groupadd --system)", name);
		return (-1);
	}
	return (0);
}

static int
group_set(const char *path, const struct option_set *set, char *err,
    size_t errsize)
{
	gid_t gid;

	if (group_find(set, &gid, err, errsize) == -1)
		return (-1);
	if (gid == (gid_t)-1 || chown(path, (uid_t)-1, gid) == 0)
		return (0);
	return (explain(err, errsize, path, strerror(errno)));
}

static int
control_open(struct listeners *l, const struct option_set *set, char *err,
    size_t errsize)
{
	const char *path = option_str(set, "control_socket");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mode;

	if (strlen(path) >= sizeof(sun.sun_path))
		return (explain(err, errsize, path,
		    "longer than a socket's path may be (107 bytes)"));
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (make_parents(path, err, errsize) == -1)
		return (-1);
	mode = (mode_t)strtoul(option_str(set, "control_mode"), NULL, 8);
	if (stale_remove(&sun) == -1)
		return (explain(err, errsize, path, errno == EADDRINUSE ?
		    "another pg-tided answers there: stop it, or choose"
		    " another control_socket" : errno == ENOTSOCK ?
		    "there is something else than a socket: choose another"
		    " control_socket" : strerror(errno)));
	if ((l->control = control_bind(&sun, mode)) == -1)
		return (explain(err, errsize, path, strerror(errno)));
	if ((l->path = strdup(path)) == NULL)
		return (explain(err, errsize, path, strerror(errno)));
	return (group_set(path, set, err, errsize));
}

/* "127.0.0.1:9090" or "[::1]:9090"; nothing is looked up under root. */
static int
address_parse(const char *text, union address *a, socklen_t *len)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	int64_t port;
	size_t n;

	memset(a, 0, sizeof(*a));
	if (colon == NULL || int_parse(colon + 1, &port) == -1 || port < 0 ||
	    port > 65535)
		return (-1);
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n >= sizeof(host))
		return (-1);
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)port);
		*len = sizeof(a->in);
		return (0);
	}
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1)
		return (-1);
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons((uint16_t)port);
	*len = sizeof(a->in6);
	return (0);
}

static const char *
address_host(const struct sockaddr *sa, char *dst, size_t size)
{
	const union address *a = (const union address *)(const void *)sa;
	const void *addr = sa->sa_family == AF_INET ?
	    (const void *)&a->in.sin_addr : (const void *)&a->in6.sin6_addr;

	return (inet_ntop(sa->sa_family, addr, dst, (socklen_t)size));
}

static void
list_local(char *dst, size_t size)
{
	struct ifaddrs *list, *i;
	char host[INET6_ADDRSTRLEN];
	size_t n = 0;

	dst[0] = '\0';
	if (getifaddrs(&list) == -1)
		return;
	for (i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || (i->ifa_addr->sa_family != AF_INET
		    && i->ifa_addr->sa_family != AF_INET6))
			continue;
		if (address_host(i->ifa_addr, host, sizeof(host)) == NULL ||
		    strlen(host) + 3 > size - n)
			continue;
		n += (size_t)snprintf(dst + n, size - n, "%s%s",
		    n > 0 ? ", " : "", host);
	}
	freeifaddrs(list);
}

static int
metrics_error(const char *text, char *err, size_t errsize)
{
	char local[512];
	int error = errno;

	if (error == EADDRNOTAVAIL) {
		list_local(local, sizeof(local));
		(void)snprintf(err, errsize, "metrics_addr %s: not an address"
		    " of this host; it has %s, and 0.0.0.0 and [::] stand for"
		    " all", text, local);
	} else {
		(void)snprintf(err, errsize, "metrics_addr %s: %s: choose"
		    " another port, or off", text, strerror(error));
	}
	return (-1);
}

static int
metrics_listen(const union address *a, socklen_t len)
{
	const int on = 1;
	int s, saved;

	s = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (s == -1)
		return (-1);
	if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (a->sa.sa_family == AF_INET6 && setsockopt(s, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1) ||
	    bind(s, &a->sa, len) == -1 || listen(s, BACKLOG) == -1) {
		saved = errno;
		close(s);
		errno = saved;
		return (-1);
	}
	return (s);
}

/* Port 0 lets the kernel choose: say what it chose. */
static void
metrics_log(int s)
{
	union address a;
	socklen_t len = sizeof(a);
	char host[INET6_ADDRSTRLEN];

	if (getsockname(s, &a.sa, &len) == 0 &&
	    address_host(&a.sa, host, sizeof(host)) != NULL)
		log_info("metrics and health on %s port %u", host,
		    (unsigned int)ntohs(a.in.sin_port));
}

int
listeners_check(const struct option_set *set, char *err, size_t errsize)
{
	const char *text = option_str(set, "metrics_addr");
	union address a;
	socklen_t len;
	gid_t gid;

	if (strcmp(text, "off") == 0 || address_parse(text, &a, &len) == 0)
		return (group_find(set, &gid, err, errsize));
	(void)snprintf(err, errsize, "%s: metrics_addr: bad value \"%.64s\","
	    " expected a numeric ADDRESS:PORT, [ADDRESS]:PORT or off",
	    option_is_default(set, "metrics_addr") ? "default" :
	    option_get(set, "metrics_addr")->origin, text);
	return (-1);
}

int
listeners_open(struct listeners *l, const struct option_set *set, char *err,
    size_t errsize)
{
	const char *text = option_str(set, "metrics_addr");
	union address a;
	socklen_t len;

	l->control = l->metrics = -1;
	l->path = NULL;
	if (listeners_check(set, err, errsize) == -1 ||
	    control_open(l, set, err, errsize) == -1)
		return (-1);
	if (address_parse(text, &a, &len) == -1)
		return (0);
	if ((l->metrics = metrics_listen(&a, len)) == -1)
		return (metrics_error(text, err, errsize));
	metrics_log(l->metrics);
	return (0);
}

void
listeners_close(struct listeners *l)
{
	if (l->path != NULL)
		(void)unlink(l->path);
	free(l->path);
	l->path = NULL;
	if (l->control != -1)
		close(l->control);
	if (l->metrics != -1)
		close(l->metrics);
	l->control = l->metrics = -1;
}
