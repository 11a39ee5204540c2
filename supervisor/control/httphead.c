/* SPDX-License-Identifier: ISC */
/*
 * Reading a request head.  Strict: whoever sends control characters, folded
 * lines or another protocol than HTTP/1 is turned away.
 */
#include "config.h"

#include "supervisor/control/httphead.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* A piece of the request; nothing is terminated in there. */
struct span {
	const char	*p;
	size_t		 len;
};

static const char token_chars[] = "!#$%&'*+-.^_`|~0123456789"
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

size_t
http_head_length(const char *s, size_t len)
{
	size_t i, line = 0;

	for (i = 0; i < len; i++) {
		if (s[i] != '\n')
			continue;
		if (i == line || (i == line + 1 && s[line] == '\r'))
			return (i + 1);
		line = i + 1;
	}
	return (0);
}

/* The next line without its end; false at the empty line. */
static bool
next_line(struct span *rest, struct span *line)
{
	const char *nl = memchr(rest->p, '\n', rest->len);

	if (nl == NULL)
		return (false);
	line->p = rest->p;
	line->len = (size_t)(nl - rest->p);
	rest->p += line->len + 1;
	rest->len -= line->len + 1;
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return (line->len > 0);
}

static bool
printable(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') ||
		    s.p[i] == 0x7f)
			return (false);
	return (true);
}

static bool
is_token(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] == '\0' || strchr(token_chars, s.p[i]) == NULL)
			return (false);
	return (s.len > 0);
}

static bool
equals(struct span s, const char *text)
{
	return (s.len == strlen(text) && memcmp(s.p, text, s.len) == 0);
}

/* Up to the next space, which is taken off as well. */
static struct span
word(struct span *line)
{
	const char *space = memchr(line->p, ' ', line->len);
	struct span w = *line;

	if (space == NULL) {
		line->len = 0;
		return (w);
	}
	w.len = (size_t)(space - line->p);
	line->p += w.len + 1;
	line->len -= w.len + 1;
	return (w);
}

static void
copy(char *to, struct span s)
{
	memcpy(to, s.p, s.len);
	to[s.len] = '\0';
}

static int
parse_target(struct span target, struct http_head *h)
{
	const char *query = memchr(target.p, '?', target.len);

	if (target.len == 0 || target.p[0] != '/')
		return (400);
	if (query != NULL)
		target.len = (size_t)(query - target.p);
	if (target.len >= sizeof(h->path))
		return (414);
	copy(h->path, target);
	return (200);
}

static int
parse_request_line(struct span line, struct http_head *h)
{
	struct span method, target, version = line;

	method = word(&version);
	target = word(&version);
	if (!is_token(method))
		return (400);
	if (!equals(version, "HTTP/1.1") && !equals(version, "HTTP/1.0"))
		return (version.len > 5 && memcmp(version.p, "HTTP/", 5) == 0 ?
		    505 : 400);
	h->method = equals(method, "GET") ? HTTP_GET :
	    equals(method, "HEAD") ? HTTP_HEAD : HTTP_OTHER;
	if (h->method == HTTP_OTHER)
		return (200);	/* its target may have any form */
	return (parse_target(target, h));
}

static int
parse_field(struct span line, struct http_head *h)
{
	const char *colon = memchr(line.p, ':', line.len);
	struct span name = line, value;

	if (colon == NULL)
		return (400);
	name.len = (size_t)(colon - line.p);
	if (!is_token(name))
		return (400);
	if (name.len != 6 || strncasecmp(name.p, "accept", 6) != 0)
		return (200);
	value.p = colon + 1;
	value.len = line.len - name.len - 1;
	/* One that is too long to be meant is as good as none. */
	if (value.len < sizeof(h->accept))
		copy(h->accept, value);
	return (200);
}

int
http_head_parse(const char *s, size_t len, struct http_head *h)
{
	struct span rest = { s, len }, line;
	int status;

	memset(h, 0, sizeof(*h));
	if (!next_line(&rest, &line) || !printable(line))
		return (400);
	status = parse_request_line(line, h);
	while (status == 200 && next_line(&rest, &line)) {
		if (!printable(line))
			return (400);
		status = parse_field(line, h);
	}
	return (status);
}
