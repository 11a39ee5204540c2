/* SPDX-License-Identifier: ISC */
/*
 * Frames: the only thing that pg-tided's processes say to each other.
 *
 * A frame is one SOCK_SEQPACKET record: a header of FRAME_HEADER bytes
 * (type u16, flags u16, body length u32, generation u64, little-endian), a
 * body of at most FRAME_BODY_MAX bytes and at most one descriptor.  Bodies
 * are built and taken apart with bounded put and get functions; errors are
 * sticky, so a caller checks once at the end.  No native struct ever goes
 * over the wire.  No threads, no allocation.
 */
#ifndef TIDE_COMMON_FRAME_H
#define TIDE_COMMON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER	16
#define FRAME_BODY_MAX	16384

/* One frame on its way in or out. */
struct frame {
	uint16_t	type;
	uint16_t	flags;
	uint32_t	len;		/* bytes used of body */
	uint64_t	gen;
	int		fd;		/* owned by the frame; -1: none */
	bool		bad;		/* a put or get went out of bounds */
	uint32_t	pos;		/* next byte to get */
	uint8_t		body[FRAME_BODY_MAX];
};

/* Building.  Strings are sent as u16 length and bytes, without a NUL. */
void	frame_start(struct frame *, uint16_t type, uint64_t gen);
void	frame_put_u8(struct frame *, uint8_t);
void	frame_put_u16(struct frame *, uint16_t);
void	frame_put_u32(struct frame *, uint32_t);
void	frame_put_u64(struct frame *, uint64_t);
void	frame_put_i64(struct frame *, int64_t);
void	frame_put_f64(struct frame *, double);
void	frame_put_str(struct frame *, const char *);
void	frame_put_bytes(struct frame *, const void *, size_t); /* u32 length */
void	frame_put_fd(struct frame *, int fd);	/* takes ownership */
size_t	frame_room(const struct frame *);

/*
 * Taking apart, from the start of the body.  After an error everything
 * reads as zero or empty.
 */
uint8_t	frame_get_u8(struct frame *);
uint16_t frame_get_u16(struct frame *);
uint32_t frame_get_u32(struct frame *);
uint64_t frame_get_u64(struct frame *);
int64_t	frame_get_i64(struct frame *);
double	frame_get_f64(struct frame *);
/* Copies and terminates; too long for dst, or a NUL inside, is an error. */
void	frame_get_str(struct frame *, char *dst, size_t dstsize);
/* Points into the frame. */
const void *frame_get_bytes(struct frame *, size_t *len);
/* Hands the descriptor over; -1 and an error when there is none. */
int	frame_get_fd(struct frame *);
/* 0 when nothing went wrong and nothing is left over, else -1. */
int	frame_end(struct frame *);

/* Close a descriptor that nobody took; wipe the body. */
void	frame_clear(struct frame *);

/*
 * One system call each, on a SOCK_SEQPACKET socket; they never block
 * (poll(2) first to wait).
 * frame_send() returns 0, or -1 with errno (EAGAIN: try later); the
 * descriptor is closed here only on success.
 * frame_recv() returns 1 for a frame, 0 at end of file, -1 with errno;
 * EBADMSG is a record that is truncated, malformed or carries more than
 * one descriptor (all of them are closed).
 */
int	frame_send(int sock, struct frame *);
int	frame_recv(int sock, struct frame *);

#endif
