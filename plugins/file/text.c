/* SPDX-License-Identifier: ISC */
/*
 * Lines being put together, and JSON laid out for people.
 */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/file/text.h"

#define INDENT_MAX	64	/* deeper levels are not indented further */

void
text_fini(struct text *t)
{
	free(t->data);
	memset(t, 0, sizeof(*t));
}

int
text_put(struct text *t, const void *data, size_t len)
{
	size_t need, size;
	char *p;

	if (__builtin_add_overflow(t->len, len, &need))
		return (-1);
	if (need > t->size) {
		size = need < 4096 ? 4096 : need;
		if (__builtin_add_overflow(size, size / 2, &size) ||
		    (p = realloc(t->data, size)) == NULL)
			return (-1);
		t->data = p;
		t->size = size;
	}
	if (len > 0)
		memcpy(t->data + t->len, data, len);
	t->len = need;
	return (0);
}

static int
put_break(struct text *t, size_t depth)
{
	static const char two[] = "  ";
	size_t i;
	int rc;

	rc = text_put(t, "\n", 1);
	for (i = 0; i < depth && i < INDENT_MAX && rc == 0; i++)
		rc = text_put(t, two, 2);
	return (rc);
}

/* The length of the string that begins at json[0], quotes included. */
static size_t
string_length(const char *json, size_t len)
{
	size_t i;

	for (i = 1; i < len; i++) {
		if (json[i] == '\\')
			i++;
		else if (json[i] == '"')
			return (i + 1);
	}
	return (len);
}

static bool
is_space(char c)
{
	return (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}

/* {} and [] stay together. */
static bool
closes_at_once(const char *json, size_t len)
{
	size_t i;

	for (i = 1; i < len && is_space(json[i]); i++)
		;
	return (i < len && (json[i] == '}' || json[i] == ']'));
}

/* Put the token at json[0]; its length into n. */
static int
put_token(struct text *t, const char *json, size_t len, size_t *depth,
    bool *empty, size_t *n)
{
	*n = 1;
	switch (*json) {
	case '"':
		*n = string_length(json, len);
		return (text_put(t, json, *n));
	case '{':
	case '[':
		++*depth;
		*empty = closes_at_once(json, len);
		if (text_put(t, json, 1) == -1)
			return (-1);
		return (*empty ? 0 : put_break(t, *depth));
	case '}':
	case ']':
		if (*depth > 0)
			--*depth;
		if (!*empty && put_break(t, *depth) == -1)
			return (-1);
		*empty = false;
		return (text_put(t, json, 1));
	case ',':
		if (text_put(t, ",", 1) == -1)
			return (-1);
		return (put_break(t, *depth));
	case ':':
		return (text_put(t, ": ", 2));
	default:
		return (is_space(*json) ? 0 : text_put(t, json, 1));
	}
}

int
text_put_pretty(struct text *t, const char *json, size_t len)
{
	size_t depth = 0, n, before = t->len;
	bool empty = false;

	for (; len > 0; json += n, len -= n)
		if (put_token(t, json, len, &depth, &empty, &n) == -1) {
			t->len = before;
			return (-1);
		}
	return (0);
}
