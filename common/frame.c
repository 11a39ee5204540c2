/* SPDX-License-Identifier: ISC */
/* Frames: bounded bodies, and one record per system call. */
#include "common/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * Room for more descriptors than are allowed: one that is cut off by the
 * kernel sets MSG_CTRUNC, but those before it are already ours to close.
 */
#define FRAME_FDS	8

void
frame_start(struct frame *f, uint16_t type, uint64_t gen)
{
	f->type = type;
	f->flags = 0;
	f->len = 0;
	f->gen = gen;
	f->fd = -1;
	f->bad = false;
	f->pos = 0;
}

size_t
frame_room(const struct frame *f)
{
	return (f->bad ? 0 : sizeof(f->body) - f->len);
}

static uint8_t *
frame_grow(struct frame *f, size_t n)
{
	uint8_t *p;

	if (n > frame_room(f)) {
		f->bad = true;
		return (NULL);
	}
	p = f->body + f->len;
	f->len += (uint32_t)n;
	return (p);
}

static void
le_put(uint8_t *p, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		*p++ = (uint8_t)(v & 0xff);
}

static uint64_t
le_get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n > 0)
		v = v << 8 | p[--n];
	return (v);
}

static void
frame_put_int(struct frame *f, uint64_t v, size_t n)
{
	uint8_t *p;

	if ((p = frame_grow(f, n)) != NULL)
		le_put(p, v, n);
}

void
frame_put_u8(struct frame *f, uint8_t v)
{
	frame_put_int(f, v, sizeof(v));
}

void
frame_put_u16(struct frame *f, uint16_t v)
{
	frame_put_int(f, v, sizeof(v));
}

void
frame_put_u32(struct frame *f, uint32_t v)
{
	frame_put_int(f, v, sizeof(v));
}

void
frame_put_u64(struct frame *f, uint64_t v)
{
	frame_put_int(f, v, sizeof(v));
}

void
frame_put_i64(struct frame *f, int64_t v)
{
	frame_put_int(f, (uint64_t)v, sizeof(v));
}

void
frame_put_f64(struct frame *f, double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	frame_put_u64(f, u);
}

static void
frame_put_raw(struct frame *f, const void *src, size_t n)
{
	uint8_t *p;

	if ((p = frame_grow(f, n)) != NULL && n > 0)
		memcpy(p, src, n);
}

void
frame_put_str(struct frame *f, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		f->bad = true;
		return;
	}
	frame_put_u16(f, (uint16_t)n);
	frame_put_raw(f, s, n);
}

void
frame_put_bytes(struct frame *f, const void *src, size_t n)
{
	if (n > FRAME_BODY_MAX) {
		f->bad = true;
		return;
	}
	frame_put_u32(f, (uint32_t)n);
	frame_put_raw(f, src, n);
}

void
frame_put_fd(struct frame *f, int fd)
{
	if (fd == -1 || f->fd != -1) {
		f->bad = true;
		if (fd != -1)
			close(fd);
		return;
	}
	f->fd = fd;
}

static const uint8_t *
frame_take(struct frame *f, size_t n)
{
	const uint8_t *p;

	if (f->bad || n > f->len - f->pos) {
		f->bad = true;
		return (NULL);
	}
	p = f->body + f->pos;
	f->pos += (uint32_t)n;
	return (p);
}

static uint64_t
frame_get_int(struct frame *f, size_t n)
{
	const uint8_t *p;

	return ((p = frame_take(f, n)) == NULL ? 0 : le_get(p, n));
}

uint8_t
frame_get_u8(struct frame *f)
{
	return ((uint8_t)frame_get_int(f, sizeof(uint8_t)));
}

uint16_t
frame_get_u16(struct frame *f)
{
	return ((uint16_t)frame_get_int(f, sizeof(uint16_t)));
}

uint32_t
frame_get_u32(struct frame *f)
{
	return ((uint32_t)frame_get_int(f, sizeof(uint32_t)));
}

uint64_t
frame_get_u64(struct frame *f)
{
	return (frame_get_int(f, sizeof(uint64_t)));
}

int64_t
frame_get_i64(struct frame *f)
{
	return ((int64_t)frame_get_int(f, sizeof(uint64_t)));
}

double
frame_get_f64(struct frame *f)
{
	uint64_t u = frame_get_u64(f);
	double v;

	memcpy(&v, &u, sizeof(v));
	return (v);
}

void
frame_get_str(struct frame *f, char *dst, size_t dstsize)
{
	const uint8_t *p;
	size_t n = frame_get_u16(f);

	dst[0] = '\0';
	if ((p = frame_take(f, n)) == NULL)
		return;
	if (n >= dstsize || memchr(p, '\0', n) != NULL) {
		f->bad = true;
		return;
	}
	memcpy(dst, p, n);
	dst[n] = '\0';
}

const void *
frame_get_bytes(struct frame *f, size_t *len)
{
	const uint8_t *p;
	size_t n = frame_get_u32(f);

	p = frame_take(f, n);
	*len = p == NULL ? 0 : n;
	return (p);
}

int
frame_get_fd(struct frame *f)
{
	int fd = f->fd;

	if (fd == -1)
		f->bad = true;
	f->fd = -1;
	return (fd);
}

int
frame_end(struct frame *f)
{
	if (f->pos != f->len || f->fd != -1)
		f->bad = true;
	return (f->bad ? -1 : 0);
}

void
frame_clear(struct frame *f)
{
	if (f->fd != -1)
		close(f->fd);
	explicit_bzero(f->body, f->len);
	frame_start(f, 0, 0);
}

static void
header_put(uint8_t *h, const struct frame *f)
{
	le_put(h, f->type, 2);
	le_put(h + 2, f->flags, 2);
	le_put(h + 4, f->len, 4);
	le_put(h + 8, f->gen, 8);
}

static void
header_get(const uint8_t *h, struct frame *f)
{
	f->type = (uint16_t)le_get(h, 2);
	f->flags = (uint16_t)le_get(h + 2, 2);
	f->len = (uint32_t)le_get(h + 4, 4);
	f->gen = le_get(h + 8, 8);
}

/* Control data for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr	hdr;
	char		buf[CMSG_SPACE(sizeof(int) * FRAME_FDS)];
};

static void
control_put(struct msghdr *msg, union control *c, int fd)
{
	memset(c, 0, sizeof(*c));
	msg->msg_control = c->buf;
	msg->msg_controllen = CMSG_SPACE(sizeof(int));
	c->hdr.cmsg_level = SOL_SOCKET;
	c->hdr.cmsg_type = SCM_RIGHTS;
	c->hdr.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c->hdr), &fd, sizeof(fd));
}

int
frame_send(int sock, struct frame *f)
{
	uint8_t header[FRAME_HEADER];
	union control c;
	struct iovec iov[2] = { { header, sizeof(header) },
	    { f->body, f->len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (f->bad) {
		errno = EINVAL;
		return (-1);
	}
	header_put(header, f);
	if (f->fd != -1)
		control_put(&msg, &c, f->fd);
	if (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		return (-1);
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
	return (0);
}

/* Collect the first descriptor, close others; returns how many there were. */
static size_t
control_get(struct msghdr *msg, int *fd)
{
	struct cmsghdr *c;
	size_t i, n, total = 0;
	int one;

	*fd = -1;
	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(one));
			if (total++ == 0)
				*fd = one;
			else
				close(one);
		}
	}
	return (total);
}

static int
frame_accept(struct frame *f, const struct msghdr *msg, const uint8_t *header,
    size_t got, size_t nfds)
{
	if ((msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && nfds <= 1 &&
	    got >= FRAME_HEADER) {
		header_get(header, f);
		if (f->len == got - FRAME_HEADER)
			return (1);
	}
	f->len = sizeof(f->body);	/* wipe all of it */
	frame_clear(f);
	errno = EBADMSG;
	return (-1);
}

int
frame_recv(int sock, struct frame *f)
{
	uint8_t header[FRAME_HEADER];
	union control c;
	struct iovec iov[2] = { { header, sizeof(header) },
	    { f->body, sizeof(f->body) } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2,
	    .msg_control = c.buf, .msg_controllen = sizeof(c.buf) };
	ssize_t got;
	size_t nfds;

	frame_start(f, 0, 0);
	got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got == -1)
		return (-1);
	nfds = control_get(&msg, &f->fd);
	if (got == 0 && nfds == 0)
		return (0);
	return (frame_accept(f, &msg, header, (size_t)got, nfds));
}
