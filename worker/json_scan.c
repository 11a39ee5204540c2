/* SPDX-License-Identifier: ISC */
/* A small reader of JSON objects, one member at a time. */
#include "worker/json_scan.h"

#include <stdint.h>
#include <string.h>

#define DEPTH_MAX	64u

void
json_scan_begin(struct json_scan *s, const char *text, size_t len)
{
	s->p = text;
	s->end = text + len;
	s->begun = false;
}

static void
space_skip(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
	    *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool
take(struct json_scan *s, char c)
{
	space_skip(s);
	if (s->p == s->end || *s->p != c)
		return (false);
	s->p++;
	return (true);
}

/* Behind the opening quote; ends behind the closing one. */
static bool
string_skip(struct json_scan *s, const char **text, size_t *len)
{
	for (*text = s->p; s->p < s->end; s->p++) {
		if (*s->p == '"') {
			*len = (size_t)(s->p++ - *text);
			return (true);
		}
		if (*s->p == '\\' && ++s->p == s->end)
			return (false);
	}
	return (false);
}

/* Anything that is not a string: until the comma or brace that ends it. */
static bool
value_skip(struct json_scan *s)
{
	const char	*text;
	size_t		 len;
	unsigned int	 depth = 0;

	for (; s->p < s->end; s->p++) {
		switch (*s->p) {
		case '"':
			s->p++;
			if (!string_skip(s, &text, &len))
				return (false);
			s->p--;
			break;
		case '{': case '[':
			if (++depth > DEPTH_MAX)
				return (false);
			break;
		case '}': case ']':
			if (depth == 0)
				return (*s->p == '}');
			depth--;
			break;
		case ',':
			if (depth == 0)
				return (true);
			break;
		default:
			break;
		}
	}
	return (false);
}

static bool
value_get(struct json_scan *s, struct json_member *m)
{
	m->is_null = false;
	if ((m->is_string = take(s, '"')))
		return (string_skip(s, &m->value, &m->valuelen));
	m->value = s->p;
	if (!value_skip(s))
		return (false);
	m->valuelen = (size_t)(s->p - m->value);
	while (m->valuelen > 0 && strchr(" \t\r\n",
	    m->value[m->valuelen - 1]) != NULL)
		m->valuelen--;
	m->is_null = m->valuelen == 4 && memcmp(m->value, "null", 4) == 0;
	return (m->valuelen > 0);
}

int
json_scan_next(struct json_scan *s, struct json_member *m)
{
	bool	first = !s->begun;

	if (first && !take(s, '{'))
		return (-1);
	s->begun = true;
	if (take(s, '}')) {
		space_skip(s);
		return (s->p == s->end ? 0 : -1);
	}
	if (!first && !take(s, ','))
		return (-1);
	if (!take(s, '"') || !string_skip(s, &m->name, &m->namelen) ||
	    !take(s, ':') || !value_get(s, m))
		return (-1);
	return (1);
}

static bool
hex4(const char *p, const char *end, unsigned int *v)
{
	int	i;

	if (end - p < 4)
		return (false);
	for (*v = 0, i = 0; i < 4; i++) {
		const char c = p[i];

		*v <<= 4;
		if (c >= '0' && c <= '9')
			*v |= (unsigned int)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*v |= (unsigned int)((c | 0x20) - 'a') + 10;
		else
			return (false);
	}
	return (true);
}

static size_t
put_utf8(char *d, unsigned int c)
{
	if (c < 0x80) {
		d[0] = (char)c;
		return (1);
	}
	if (c < 0x800) {
		d[0] = (char)(0xc0 | c >> 6);
		d[1] = (char)(0x80 | (c & 0x3f));
		return (2);
	}
	if (c < 0x10000) {
		d[0] = (char)(0xe0 | c >> 12);
		d[1] = (char)(0x80 | (c >> 6 & 0x3f));
		d[2] = (char)(0x80 | (c & 0x3f));
		return (3);
	}
	d[0] = (char)(0xf0 | c >> 18);
	d[1] = (char)(0x80 | (c >> 12 & 0x3f));
	d[2] = (char)(0x80 | (c >> 6 & 0x3f));
	d[3] = (char)(0x80 | (c & 0x3f));
	return (4);
}

/* Behind "\u": one code point, of two halves where it must. */
static size_t
unicode_get(char *d, const char **p, const char *end)
{
	unsigned int	hi, lo;

	if (!hex4(*p, end, &hi))
		return (0);
	*p += 4;
	if (hi >= 0xdc00 && hi <= 0xdfff)
		return (0);
	if (hi < 0xd800 || hi > 0xdbff)
		return (put_utf8(d, hi));
	if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' ||
	    !hex4(*p + 2, end, &lo) || lo < 0xdc00 || lo > 0xdfff)
		return (0);
	*p += 6;
	return (put_utf8(d, 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00)));
}

static size_t
escape_get(char *d, const char **p, const char *end)
{
	static const char	from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char		*at;

	if (*p == end)
		return (0);
	if (**p == 'u') {
		(*p)++;
		return (unicode_get(d, p, end));
	}
	if (**p == '\0' || (at = strchr(from, **p)) == NULL)
		return (0);
	*d = to[at - from];
	(*p)++;
	return (1);
}

size_t
json_unescape(char *dst, const char *p, size_t n)
{
	const char	*end = p + n;
	char		*d = dst;
	size_t		 made;

	while (p < end) {
		if (*p != '\\') {
			*d++ = *p++;
			continue;
		}
		p++;
		if ((made = escape_get(d, &p, end)) == 0)
			return (SIZE_MAX);
		d += made;
	}
	return ((size_t)(d - dst));
}
