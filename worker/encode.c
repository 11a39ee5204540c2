/* SPDX-License-Identifier: ISC */
/* Native and raw messages, their headers and identity. */
#include "worker/encode.h"

#include <tide/sink.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "worker/parcel.h"
#include "worker/json_scan.h"
#include "worker/slab.h"
#include "worker/text.h"

#define OWN_HEADERS	4	/* id, outbox, created-at, key */
#define TRACEPARENT_LEN	55

/* The fixed text of a native message; quotes, keys and punctuation. */
#define NATIVE_FIXED	256

/* Where the parts go: the event's one piece of memory. */
struct layout {
	char			*p;
	struct pgtide_header	*headers;
	size_t			 nheaders;
};

void
encoder_init(struct encoder *enc, enum wire_format format,
    const char *outbox)
{
	enc->format = format;
	enc->outboxlen = strlen(outbox);
	memcpy(enc->outbox, outbox, enc->outboxlen + 1);
	enc->json_outboxlen = (size_t)(text_json(enc->json_outbox, outbox,
	    enc->outboxlen) - enc->json_outbox);
}

static char *
put_identity(char *p, const struct row *row)
{
	*p++ = ':';
	p = text_int(p, row->id);
	*p++ = ':';
	return (text_base36(p, row->created_us));
}

/* How many members the headers have; -1: they are not an object. */
static int
headers_count(const struct row *row, size_t *n)
{
	struct json_scan	s;
	struct json_member	m;
	int			rc;

	*n = 0;
	if (row->headerslen == 2 && memcmp(row->headers, "{}", 2) == 0)
		return (0);
	json_scan_begin(&s, row->headers, row->headerslen);
	while ((rc = json_scan_next(&s, &m)) == 1)
		(*n)++;
	return (rc);
}

static size_t
bound(const struct encoder *enc, const struct row *row, size_t nheaders)
{
	const size_t	identity = enc->outboxlen + TEXT_INT_MAX +
			    TEXT_BASE36_MAX + 3;
	size_t		len;

	len = (nheaders + OWN_HEADERS) * (sizeof(struct pgtide_header) + 2);
	len += identity + row->keylen + 1 + TEXT_TIME_MAX + 1;
	len += row->headerslen + row->payloadlen + 1;
	if (enc->format == WIRE_NATIVE)
		len += NATIVE_FIXED + 3 * enc->json_outboxlen +
		    TEXT_INT_MAX * 2 + TEXT_BASE36_MAX + TEXT_TIME_MAX +
		    row->headerslen;
	return (len);
}

size_t
encode_bound(const struct encoder *enc, const struct row *row)
{
	size_t	n;

	if (headers_count(row, &n) == -1)
		n = 0;
	return (bound(enc, row, n));
}

static void
header_add(struct layout *l, const char *name, const char *value, size_t len)
{
	struct pgtide_header	*h = &l->headers[l->nheaders++];

	h->name = name;
	h->value = value;
	h->valuelen = len;
}

/* W3C trace context: "00-" 32 "-" 16 "-" 2 hexadecimal digits. */
static bool
is_traceparent(const char *s, size_t len)
{
	size_t	i;

	if (len != TRACEPARENT_LEN)
		return (false);
	for (i = 0; i < len; i++) {
		if (i == 2 || i == 35 || i == 52) {
			if (s[i] != '-')
				return (false);
		} else if (strchr("0123456789abcdef", s[i]) == NULL ||
		    s[i] == '\0')
			return (false);
	}
	return (true);
}

/* Copies without escapes and with a NUL; SIZE_MAX: malformed. */
static size_t
put_string(struct layout *l, const char *s, size_t len, bool escaped)
{
	char	*start = l->p;
	size_t	 n = len;

	if (!escaped)
		l->p = text_put(l->p, s, len);
	else if ((n = json_unescape(start, s, len)) == SIZE_MAX)
		return (SIZE_MAX);
	l->p = start + n;
	*l->p++ = '\0';
	return (n);
}

static int
own_header(struct layout *l, const struct json_member *m, struct parcel *e)
{
	const char	*name = l->p, *value;
	size_t		 namelen, len;

	if ((namelen = put_string(l, m->name, m->namelen, true)) == SIZE_MAX)
		return (-1);
	value = l->p;
	len = put_string(l, m->value, m->valuelen, m->is_string);
	if (len == SIZE_MAX)
		return (-1);
	/* A name with a NUL inside cannot be told from a shorter one. */
	if (namelen == 0 || memchr(name, '\0', namelen) != NULL ||
	    strncmp(name, "tide-", 5) == 0)
		return (0);
	header_add(l, name, value, len);
	if (strcmp(name, "traceparent") == 0 && is_traceparent(value, len))
		e->traceparent = value;
	return (0);
}

static int
put_headers(struct layout *l, const struct row *row, size_t n,
    struct parcel *e)
{
	struct json_scan	s;
	struct json_member	m;

	if (n == 0)
		return (0);
	json_scan_begin(&s, row->headers, row->headerslen);
	while (json_scan_next(&s, &m) == 1)
		if (!m.is_null && own_header(l, &m, e) == -1)
			return (-1);
	return (0);
}

#define PUT(p, literal)	text_put(p, literal, sizeof(literal) - 1)

static char *
put_native(char *p, const struct encoder *enc, const struct row *row)
{
	p = PUT(p, "{\"dedup_key\":\"");
	p = text_put(p, enc->json_outbox, enc->json_outboxlen);
	p = put_identity(p, row);
	p = PUT(p, "\",\"subject\":\"");
	p = text_put(p, enc->json_outbox, enc->json_outboxlen);
	p = PUT(p, ".insert\",\"payload\":");
	p = text_put(p, row->payload, row->payloadlen);
	p = PUT(p, ",\"op\":\"insert\",\"is_full_refresh\":false,"
	    "\"outbox_id\":");
	p = text_int(p, row->id);
	p = PUT(p, ",\"refresh_id\":null,\"outbox_name\":\"");
	p = text_put(p, enc->json_outbox, enc->json_outboxlen);
	p = PUT(p, "\",\"headers\":");
	p = text_put(p, row->headers, row->headerslen);
	p = PUT(p, ",\"created_at\":\"");
	p = text_time(p, row->created_us);
	return (PUT(p, "\"}"));
}

static void
put_value(struct layout *l, const struct encoder *enc, const struct row *row,
    struct parcel *e)
{
	e->value = l->p;
	l->p = enc->format == WIRE_NATIVE ? put_native(l->p, enc, row) :
	    text_put(l->p, row->payload, row->payloadlen);
	e->valuelen = (size_t)(l->p - e->value);
}

/* What every event has: identity, outbox, time, key. */
static void
put_common(struct layout *l, const struct encoder *enc,
    const struct row *row, struct parcel *e)
{
	char	*time;

	e->identity = l->p;
	l->p = text_put(l->p, enc->outbox, enc->outboxlen);
	l->p = put_identity(l->p, row);
	header_add(l, "tide-id", e->identity, (size_t)(l->p - e->identity));
	*l->p++ = '\0';
	header_add(l, "tide-outbox", enc->outbox, enc->outboxlen);
	time = l->p;
	l->p = text_time(l->p, row->created_us);
	header_add(l, "tide-created-at", time, (size_t)(l->p - time));
	*l->p++ = '\0';
	if (row->key == NULL)
		return;
	e->key = l->p;
	e->keylen = row->keylen;
	(void)put_string(l, row->key, row->keylen, false);
	header_add(l, "tide-key", e->key, e->keylen);
}

int
encode_event(const struct encoder *enc, struct slab_pool *slabs,
    const struct row *row, struct parcel *e)
{
	struct layout	 l;
	size_t		 n;
	char		*mem;

	if (headers_count(row, &n) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if ((mem = slab_reserve(slabs, bound(enc, row, n))) == NULL)
		return (-1);
	l.headers = (struct pgtide_header *)(void *)mem;
	l.nheaders = 0;
	l.p = mem + (n + OWN_HEADERS) * sizeof(struct pgtide_header);
	e->id = row->id;
	e->created_us = row->created_us;
	put_common(&l, enc, row, e);
	if (put_headers(&l, row, n, e) == -1) {
		errno = EINVAL;
		return (-1);
	}
	put_value(&l, enc, row, e);
	e->headers = l.headers;
	e->nheaders = l.nheaders;
	e->released = false;
	e->slab = slab_commit(slabs, (size_t)(l.p - mem));
	return (0);
}
