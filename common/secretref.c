/* SPDX-License-Identifier: ISC */
/* Find and replace ${env:NAME} and ${file:/path}. */
#include "common/secretref.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct scheme {
	const char	*prefix;
	enum ref_kind	 kind;
	bool		(*name_ok)(const char *, size_t);
};

/* A piece of the string: literal text, or a reference. */
struct piece {
	const char	*text;		/* of the literal, or the name */
	size_t		 len;
	const struct scheme *scheme;	/* NULL: a literal */
	size_t		 next;		/* offset behind it */
};

static bool
env_name_ok(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || isdigit((unsigned char)s[0]))
		return (false);
	for (i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return (false);
	}
	return (true);
}

static bool
file_name_ok(const char *s, size_t len)
{
	size_t i;

	if (len < 2 || s[0] != '/')
		return (false);
	for (i = 0; i < len; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return (false);
	}
	return (true);
}

static const struct scheme schemes[] = {
	{ "env:", REF_ENV, env_name_ok },
	{ "file:", REF_FILE, file_name_ok }
};

static const struct scheme *
scheme_find(const char *s, size_t len)
{
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		n = strlen(schemes[i].prefix);
		if (len >= n && memcmp(s, schemes[i].prefix, n) == 0)
			return (&schemes[i]);
	}
	return (NULL);
}

static int
complain(const char *what, size_t offset, char *err, size_t errsize)
{
	(void)snprintf(err, errsize, "reference at offset %zu: %s", offset,
	    what);
	return (-1);
}

/* s[at] is the '$' of "${". */
static int
piece_reference(const char *s, size_t len, size_t at, struct piece *p,
    char *err, size_t errsize)
{
	const char *inner = s + at + 2, *brace;
	size_t n = len - at - 2, prefix;

	if ((brace = memchr(inner, '}', n)) == NULL)
		return (complain("no closing brace", at, err, errsize));
	n = (size_t)(brace - inner);
	if ((p->scheme = scheme_find(inner, n)) == NULL)
		return (complain("it must be ${env:NAME} or ${file:/path}"
		    " (write $${ for a literal ${)", at, err, errsize));
	prefix = strlen(p->scheme->prefix);
	p->text = inner + prefix;
	p->len = n - prefix;
	p->next = at + 2 + n + 1;
	if (!p->scheme->name_ok(p->text, p->len))
		return (complain(p->scheme->kind == REF_ENV ?
		    "bad environment name (letters, digits, underscore)" :
		    "bad path (it must be absolute)", at, err, errsize));
	if (p->len >= MSG_REF_MAX)
		return (complain("name too long", at, err, errsize));
	return (0);
}

static bool
starts_at(const char *s, size_t len, size_t at, const char *what)
{
	size_t n = strlen(what);

	return (len - at >= n && memcmp(s + at, what, n) == 0);
}

/* The next piece from offset at, which is before the end. */
static int
piece_next(const char *s, size_t len, size_t at, struct piece *p, char *err,
    size_t errsize)
{
	size_t i;

	if (starts_at(s, len, at, "${"))
		return (piece_reference(s, len, at, p, err, errsize));
	p->scheme = NULL;
	if (starts_at(s, len, at, "$${")) {
		p->text = s + at + 1;
		p->len = 2;
		p->next = at + 3;
		return (0);
	}
	for (i = at + 1; i < len && !starts_at(s, len, i, "${") &&
	    !starts_at(s, len, i, "$${"); i++)
		continue;
	p->text = s + at;
	p->len = i - at;
	p->next = i;
	return (0);
}

int
secretref_scan(const char *s, size_t len, secretref_fn fn, void *arg,
    char *err, size_t errsize)
{
	struct piece p;
	size_t at;

	for (at = 0; at < len; at = p.next) {
		if (piece_next(s, len, at, &p, err, errsize) == -1)
			return (-1);
		if (p.scheme != NULL &&
		    fn(p.scheme->kind, p.text, p.len, arg) == -1)
			return (complain("refused", at, err, errsize));
	}
	return (0);
}

/* Find the value of a reference. */
static int
piece_resolve(struct piece *p, secretref_look_fn look, void *arg, size_t at,
    char *err, size_t errsize)
{
	char name[MSG_REF_MAX];
	size_t len = 0;

	memcpy(name, p->text, p->len);
	name[p->len] = '\0';
	p->text = look(p->scheme->kind, name, &len, arg);
	if (p->text == NULL) {
		(void)snprintf(err, errsize,
		    "reference at offset %zu: ${%s%s} has no value", at,
		    p->scheme->prefix, name);
		return (-1);
	}
	p->len = len;
	return (0);
}

int
secretref_expand(const char *s, size_t len, secretref_look_fn look, void *arg,
    char *dst, size_t size, size_t *outlen, char *err, size_t errsize)
{
	struct piece p;
	size_t at, out = 0;

	for (at = 0; at < len; at = p.next) {
		if (piece_next(s, len, at, &p, err, errsize) == -1)
			return (-1);
		if (p.scheme != NULL &&
		    piece_resolve(&p, look, arg, at, err, errsize) == -1)
			return (-1);
		if (__builtin_add_overflow(out, p.len, &out) ||
		    (dst != NULL && out > size)) {
			(void)snprintf(err, errsize,
			    "the expanded value is too long");
			return (-1);
		}
		if (dst != NULL && p.len > 0)
			memcpy(dst + out - p.len, p.text, p.len);
	}
	if (dst != NULL)
		dst[out] = '\0';
	*outlen = out;
	return (0);
}
