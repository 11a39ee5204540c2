/* SPDX-License-Identifier: ISC */
/*
 * The file that lines are appended to, whole or not at all.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "plugins/file/output.h"

#define PATIENCE_MS	10000	/* for a pipe that nobody reads */

/*
 * Does it end in the middle of a line, after a crash?  Known only when the
 * descriptor can be read; where it stands does not matter for O_APPEND.
 */
static bool
ends_torn(int fd)
{
	char last;

	return (lseek(fd, -1, SEEK_END) != -1 && read(fd, &last, 1) == 1 &&
	    last != '\n');
}

int
output_init(struct output *o, int fd)
{
	struct stat st;
	int error;

	memset(o, 0, sizeof(*o));
	o->fd = fd;
	if (fstat(fd, &st) == -1) {
		error = errno;
		output_fini(o);
		errno = error;
		return (-1);
	}
	o->regular = S_ISREG(st.st_mode);
	o->created = true;
	o->torn = o->regular && ends_torn(fd);
	return (0);
}

void
output_fini(struct output *o)
{
	if (o->fd != -1)
		(void)close(o->fd);
	o->fd = -1;
}

static int
wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n;

	if ((n = poll(&p, 1, PATIENCE_MS)) == 1)
		return (0);
	if (n == 0)
		errno = EAGAIN;
	return (-1);
}

int
output_append(struct output *o, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(o->fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN && wait_writable(o->fd) == 0)
			continue;
		if (n == -1)
			return (-1);
		data += n;
		len -= (size_t)n;
	}
	return (0);
}

int
output_begin(struct output *o)
{
	if (o->regular && (o->start = lseek(o->fd, 0, SEEK_END)) == -1)
		return (-1);
	o->was_torn = o->torn;
	if (!o->torn)
		return (0);
	if (output_append(o, "\n", 1) == -1)
		return (-1);
	o->torn = false;
	return (0);
}

int
output_commit(struct output *o, bool sync)
{
	int rc;

	if (!sync || !o->regular)
		return (0);
	/* The entry of a new file belongs to what must survive. */
	rc = o->created ? fsync(o->fd) : fdatasync(o->fd);
	if (rc == 0)
		o->created = false;
	return (rc);
}

/*
 * A full disk leaves half a line.  It is taken back; where that is not
 * possible (a pipe, an append-only file) the next group begins with a line
 * break.
 */
void
output_rollback(struct output *o)
{
	o->torn = !o->regular || ftruncate(o->fd, o->start) == -1 ||
	    o->was_torn;
}
