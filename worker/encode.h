/* SPDX-License-Identifier: ISC */
/*
 * From a row to the bytes that a sink sees, written once, into a slab.
 *
 * The payload is spliced in as PostgreSQL printed it, never decoded.
 * Besides the event's own headers each carries tide-id, tide-outbox,
 * tide-created-at and, when it has one, tide-key.  Loop thread only.
 */
#ifndef TIDE_WORKER_ENCODE_H
#define TIDE_WORKER_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "worker/pipeline.h"

struct parcel;
struct slab_pool;

/* A row as it came; the bytes are borrowed. */
struct row {
	int64_t		 id;
	int64_t		 created_us;	/* since 1970 */
	const char	*key;		/* NULL: none */
	size_t		 keylen;
	const char	*payload;	/* JSON text */
	size_t		 payloadlen;
	const char	*headers;	/* JSON text, an object */
	size_t		 headerslen;
};

struct encoder {
	enum wire_format format;
	char		 outbox[64];
	size_t		 outboxlen;
	char		 json_outbox[64 * 6];	/* escaped */
	size_t		 json_outboxlen;
};

void	encoder_init(struct encoder *, enum wire_format, const char *outbox);
/*
 * Fill in the event's id, creation time and bytes.  0, or -1 with errno:
 * ENOBUFS the slabs are full, ENOMEM, EINVAL the headers are not an object
 * (a poison row).
 */
int	encode_event(const struct encoder *, struct slab_pool *,
	    const struct row *, struct parcel *);
/* Upper bound of what encode_event() reserves, for callers that plan. */
size_t	encode_bound(const struct encoder *, const struct row *);

#endif
