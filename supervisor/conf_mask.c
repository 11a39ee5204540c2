/* SPDX-License-Identifier: ISC */
/* Show connection strings without their passwords. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/conf.h"

/* Stands for a byte of a reference, which is kept as it is. */
#define REFERENCE	'\001'

struct masking {
	const char	*text;
	char		*shape;		/* text, references blotted out */
	size_t		 len;
	char		*dst;
	size_t		 size, out;
};

static void
emit(struct masking *m, const char *s, size_t n)
{
	if (n > m->size - 1 - m->out)
		n = m->size - 1 - m->out;
	memcpy(m->dst + m->out, s, n);
	m->out += n;
	m->dst[m->out] = '\0';
}

/* A password that is nothing but references tells nothing. */
static void
emit_password(struct masking *m, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to && m->shape[i] == REFERENCE; i++)
		continue;
	if (i == to)
		emit(m, m->text + from, to - from);
	else
		emit(m, "***", 3);
}

/* Paths inside of references hold the very characters we look for. */
static void
blot_references(struct masking *m)
{
	char *p, *end;

	for (p = m->shape; (p = strstr(p, "${")) != NULL; p = end + 1) {
		if ((end = strchr(p, '}')) == NULL)
			return;
		memset(p, REFERENCE, (size_t)(end - p) + 1);
	}
}

/* Where the password of "scheme://user:password@" lies; false: none. */
static bool
find_userinfo(const struct masking *m, size_t *from, size_t *to)
{
	const char *authority, *end, *at = NULL, *p, *colon;

	if ((authority = strstr(m->shape, "://")) == NULL)
		return (false);
	authority += 3;
	end = authority + strcspn(authority, "?#");
	/* The last one: a password that was not encoded may hold others. */
	for (p = authority; p < end; p++) {
		if (*p == '@')
			at = p;
	}
	if (at == NULL)
		return (false);
	colon = memchr(authority, ':', (size_t)(at - authority));
	if (colon == NULL)
		return (false);
	*from = (size_t)(colon + 1 - m->shape);
	*to = (size_t)(at - m->shape);
	return (true);
}

/* "password=x" among parameters or keywords, quoted or not. */
static size_t
value_end(const char *shape, size_t at, bool url)
{
	size_t i = at;

	if (!url && shape[i] == '\'') {
		for (i++; shape[i] != '\0' && shape[i] != '\''; i++) {
			if (shape[i] == '\\' && shape[i + 1] != '\0')
				i++;
		}
		return (shape[i] == '\'' ? i + 1 : i);
	}
	return (at + strcspn(shape + at, url ? "&#" : " \t"));
}

static void
emit_rest(struct masking *m, size_t from, bool url)
{
	const char *hit;
	size_t at, end;

	while ((hit = strstr(m->shape + from, "password")) != NULL) {
		at = (size_t)(hit - m->shape) + strlen("password");
		at += strspn(m->shape + at, " \t");
		if (m->shape[at] != '=') {
			emit(m, m->text + from, at - from);
			from = at;
			continue;
		}
		at += 1 + strspn(m->shape + at + 1, " \t");
		emit(m, m->text + from, at - from);
		end = value_end(m->shape, at, url);
		emit_password(m, at, end);
		from = end;
	}
	emit(m, m->text + from, m->len - from);
}

char *
conf_mask_url(const char *url, char *dst, size_t size)
{
	struct masking m = { .text = url, .dst = dst, .size = size };
	size_t from, to;
	bool is_url = strstr(url, "://") != NULL;

	dst[0] = '\0';
	if ((m.shape = strdup(url)) == NULL) {
		(void)snprintf(dst, size, "***");
		return (dst);
	}
	m.len = strlen(url);
	blot_references(&m);
	if (find_userinfo(&m, &from, &to)) {
		emit(&m, url, from);
		emit_password(&m, from, to);
		emit_rest(&m, to, is_url);
	} else {
		emit_rest(&m, 0, is_url);
	}
	free(m.shape);
	return (dst);
}

char *
conf_masked(const struct option_set *set, const struct option_def *def,
    char *dst, size_t size)
{
	const char *text = option_str(set, def->name);

	if (text == NULL)
		text = "";
	if ((def->flags & OPTION_MASK) != 0)
		return (conf_mask_url(text, dst, size));
	(void)snprintf(dst, size, "%s", text);
	return (dst);
}
