/* SPDX-License-Identifier: ISC */
/* Files on their way to a child that can open none. */
#include "config.h"

#include "supervisor/handover.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/beneath.h"
#include "supervisor/digest.h"
#include "supervisor/pgurl.h"
#include "supervisor/trust.h"

#define FILE_MAX	(4 * 1024 * 1024)
#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t w;

	for (; n > 0; p += w, n -= (size_t)w) {
		if ((w = write(fd, p, n)) == -1) {
			if (errno != EINTR)
				return (-1);
			w = 0;
		}
	}
	return (0);
}

/* libpq wants a private key that is nobody's but its own user's. */
static int
memfd_fill(const char *text, size_t len, const struct identity *id)
{
	int fd;

	fd = memfd_create("tide-file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return (-1);
	if (write_all(fd, text, len) == -1 || fchmod(fd, 0400) == -1 ||
	    (id->drop && fchown(fd, id->uid, id->gid) == -1) ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

int
handover_copy(int fd, const struct identity *id, char *err, size_t errsize)
{
	char *text;
	size_t len;
	int copy;

	if ((text = read_all(fd, FILE_MAX, &len, err, errsize)) == NULL)
		return (-1);
	if ((copy = memfd_fill(text, len, id)) == -1)
		(void)snprintf(err, errsize, "%s", strerror(errno));
	explicit_bzero(text, len);
	free(text);
	return (copy);
}

/* Takes fd over. */
static int
send_path(struct peer *p, uint16_t type, const char *path, int fd, char *err,
    size_t errsize)
{
	struct msg_path m;
	struct frame f;

	(void)snprintf(m.path, sizeof(m.path), "%s", path);
	m.fd = fd;
	msg_path_put(&f, type, &m);
	if (peer_send(p, &f) == 0)
		return (0);
	(void)snprintf(err, errsize, "%s: cannot be sent: %s", path,
	    strerror(errno));
	return (-1);
}

static int
copy_and_send(struct peer *p, const char *path, int fd,
    const struct identity *id, char *err, size_t errsize)
{
	char why[128];
	int copy;

	copy = handover_copy(fd, id, why, sizeof(why));
	close(fd);
	if (copy == -1) {
		(void)snprintf(err, errsize, "%s: %s", path, why);
		return (-1);
	}
	return (send_path(p, MSG_FILE, path, copy, err, errsize));
}

struct url_files {
	struct peer	*peer;
	const struct identity *who;
	char		*err;
	size_t		 errsize;
};

/* The connection string is root's own word: any path that it names. */
static int
url_file_open(const char *key, const char *path, char *err, size_t errsize)
{
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		(void)snprintf(err, errsize, "%s=%s in the connection string:"
		    " %s", key, path, strerror(errno));
	return (fd);
}

static int
on_parameter(const char *key, const char *value, void *arg)
{
	struct url_files *u = arg;
	int fd;

	if (!pgurl_names_file(key, value))
		return (0);
	if ((fd = url_file_open(key, value, u->err, u->errsize)) == -1)
		return (-1);
	return (copy_and_send(u->peer, value, fd, u->who, u->err,
	    u->errsize));
}

/* Takes fd over. */
static int
fingerprint_file(int fd, const char *path, uint64_t *fingerprint, char *err,
    size_t errsize)
{
	char why[128], *text;
	size_t len;

	text = read_all(fd, FILE_MAX, &len, why, sizeof(why));
	close(fd);
	if (text == NULL) {
		(void)snprintf(err, errsize, "%s: %s", path, why);
		return (-1);
	}
	*fingerprint = digest_add(*fingerprint, text, len);
	explicit_bzero(text, len);
	free(text);
	return (0);
}

int
handover_url_file_read(const char *key, const char *path,
    uint64_t *fingerprint, char *err, size_t errsize)
{
	int fd;

	if ((fd = url_file_open(key, path, err, errsize)) == -1)
		return (-1);
	return (fingerprint_file(fd, path, fingerprint, err, errsize));
}

int
handover_url_files(struct peer *p, const char *url,
    const struct identity *who, char *err, size_t errsize)
{
	struct url_files u = { p, who, err, errsize };

	(void)snprintf(err, errsize,
	    "the connection string is neither a URL nor a list of"
	    " keywords");
	return (pgurl_scan(url, on_parameter, &u));
}

int
handover_file(struct peer *p, const struct option_set *set, const char *path,
    const struct identity *who, char *err, size_t errsize)
{
	int fd;

	fd = beneath_open_read(set, "files.dirs", path, err, errsize);
	if (fd == -1)
		return (-1);
	return (copy_and_send(p, path, fd, who, err, errsize));
}

static int
output_open(const struct option_set *set, const char *path, bool foreground,
    char *err, size_t errsize)
{
	if (strcmp(path, "-") != 0)
		return (beneath_open_append(set, "output.dirs", path, err,
		    errsize));
	if (!foreground) {
		(void)snprintf(err, errsize, "path \"-\": standard output is"
		    " there only with --foreground");
		return (-1);
	}
	return (fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
}

int
handover_output(struct peer *p, const struct option_set *set,
    const char *path, bool foreground, char *err, size_t errsize)
{
	int fd;

	if ((fd = output_open(set, path, foreground, err, errsize)) == -1)
		return (-1);
	return (send_path(p, MSG_OUTPUT, path, fd, err, errsize));
}

int
handover_check(const struct option_set *set, enum ref_kind kind,
    const char *path, bool foreground, uint64_t *fingerprint, char *err,
    size_t errsize)
{
	int fd;

	fd = kind == REF_READ ?
	    beneath_open_read(set, "files.dirs", path, err, errsize) :
	    output_open(set, path, foreground, err, errsize);
	if (fd == -1)
		return (-1);
	if (fingerprint != NULL)
		return (fingerprint_file(fd, path, fingerprint, err,
		    errsize));
	close(fd);
	return (0);
}
