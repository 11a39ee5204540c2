/* SPDX-License-Identifier: ISC */
/*
 * The header lines of one request, and which names may be among them.
 */
#include <string.h>
#include <strings.h>

#include "plugins/webhook/headers.h"
#include "plugins/webhook/text.h"

/* A star stands for anything. */
static const char *const reserved[] = {
	"Connection", "Content-Encoding", "Content-Length", "Expect", "Host",
	"Idempotency-Key", "Keep-Alive", "TE", "Trailer",
	"Transfer-Encoding", "Upgrade", "webhook-*"
};
static const char *const private[] = {
	"Accept*", "Authorization", "Content-Type", "Cookie*", "Date",
	"Forwarded", "Proxy-*", "Sec-*", "Set-Cookie*", "traceparent",
	"User-Agent", "Via", "X-Forwarded-*", "X-Real-IP"
};

static bool
name_matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return (strncasecmp(pattern, name, len - 1) == 0);
	return (strcasecmp(pattern, name) == 0);
}

static bool
name_among(const char *const *table, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (name_matches(table[i], name))
			return (true);
	return (false);
}

bool
header_is_reserved(const char *name)
{
	return (name_among(reserved, sizeof(reserved) / sizeof(reserved[0]),
	    name));
}

bool
header_is_private(const char *name)
{
	return (header_is_reserved(name) ||
	    name_among(private, sizeof(private) / sizeof(private[0]), name));
}

void
headers_begin(struct headers *h)
{
	h->n = 0;
	h->used = 0;
}

/* libcurl takes "Name:" as an order to leave it out, "Name;" is empty. */
int
headers_add(struct headers *h, const char *name, const void *value,
    size_t len)
{
	size_t namelen = strlen(name), need;
	char *p = h->bytes + h->used;

	if (!text_is_token(name, namelen) || !text_is_field(value, len) ||
	    len > HEADERS_BYTES || namelen > HEADERS_BYTES)
		return (-1);
	need = namelen + 2 + len + 1;
	if (h->n == HEADERS_MAX || need > HEADERS_BYTES - h->used)
		return (-1);
	h->nodes[h->n++].data = p;
	memcpy(p, name, namelen);
	p += namelen;
	if (len == 0)
		*p++ = ';';
	else {
		*p++ = ':';
		*p++ = ' ';
		memcpy(p, value, len);
		p += len;
	}
	*p = '\0';
	h->used += need;
	return (0);
}

int
headers_add_text(struct headers *h, const char *name, const char *value)
{
	return (headers_add(h, name, value, strlen(value)));
}

struct curl_slist *
headers_end(struct headers *h, struct curl_slist *rest)
{
	size_t i;

	if (h->n == 0)
		return (rest);
	for (i = 0; i + 1 < h->n; i++)
		h->nodes[i].next = &h->nodes[i + 1];
	h->nodes[i].next = rest;
	return (h->nodes);
}
