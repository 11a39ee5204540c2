/* SPDX-License-Identifier: ISC */
/* Connection strings: where they come from, how references are replaced. */
#include "config.h"

#include "supervisor/login.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/secretref.h"
#include "supervisor/bindings.h"
#include "supervisor/super.h"
#include "supervisor/trust.h"

#define URL_MAX		MSG_SECRET_MAX
#define REFS_MAX	16
/* Stands for a byte of a reference while places are looked for. */
#define BLOT		'\001'

enum place {
	PLACE_ANY,		/* goes in as it is: may be syntax */
	PLACE_URL,		/* user, password, value of a parameter */
	PLACE_KEYWORD		/* value of a keyword */
};

/* One string on its way to libpq. */
struct expansion {
	const struct super *super;
	enum place	 places[REFS_MAX];
	struct secret	 values[REFS_MAX];
	size_t		 nplaces, nvalues;
	const char	*text;
	char		*shape;		/* text, its references blotted out */
	char		*err;
	size_t		 errsize;
};

void
login_find(const struct super *s, enum role role, const char *pipeline,
    struct login *l)
{
	l->file = NULL;
	l->option = "postgres_url in [pipeline]";
	l->text = role == ROLE_WORKER ?
	    bindings_str(s->bindings, pipeline, "postgres_url") : NULL;
	if (l->text == NULL && role == ROLE_WORKER) {
		l->option = "worker_postgres_url";
		l->text = option_str(s->conf, l->option);
	}
	if (l->text != NULL)
		return;
	l->option = "postgres_url_file";
	l->file = option_str(s->conf, l->option);
	if (l->file != NULL)
		return;
	l->option = "postgres_url";
	l->text = option_str(s->conf, l->option);
}

static int
complain(char *err, size_t errsize, const char *option, const char *why)
{
	(void)snprintf(err, errsize, "%s: %s", option, why);
	return (-1);
}

static int
text_copy(const struct login *l, struct secret *out, char *err,
    size_t errsize)
{
	if ((out->value = strdup(l->text)) == NULL)
		return (complain(err, errsize, l->option, "out of memory"));
	out->len = strlen(l->text);
	return (0);
}

int
login_text(const struct login *l, struct secret *out, char *err,
    size_t errsize)
{
	char why[512];
	int fd;

	out->value = NULL;
	out->len = 0;
	if (l->file == NULL)
		return (text_copy(l, out, err, errsize));
	fd = open(l->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		(void)snprintf(why, sizeof(why), "%s: %s", l->file,
		    strerror(errno));
	else if (trust_check(fd, why, sizeof(why)) == -1) {
		(void)snprintf(err, errsize, "%s: %s: %s", l->option, l->file,
		    why);
		close(fd);
		return (-1);
	} else if (secret_take(fd, l->file, out, why, sizeof(why)) == 0)
		return (0);
	return (complain(err, errsize, l->option, why));
}

static bool
is_url(const char *text)
{
	return (strncmp(text, "postgres://", 11) == 0 ||
	    strncmp(text, "postgresql://", 13) == 0);
}

/* In the user's part, or right behind the = of a parameter. */
static enum place
place_in_url(const char *shape, size_t at)
{
	const char *authority = strstr(shape, "://") + 3;
	const char *end = authority + strcspn(authority, "/?"), *p;

	for (p = end; p > authority && p[-1] != '@'; p--)
		continue;
	if (shape + at < p)
		return (PLACE_URL);
	if ((p = strchr(end, '?')) == NULL || shape + at < p)
		return (PLACE_ANY);
	for (p = shape + at; strchr("?&=", *p) == NULL; p--)
		continue;
	return (*p == '=' ? PLACE_URL : PLACE_ANY);
}

/* Behind "name =", with or without a quote. */
static enum place
place_in_keywords(const char *shape, size_t at)
{
	bool value = false, quoted = false;
	size_t i;

	for (i = 0; i < at; i++) {
		if (value && shape[i] == '\\' && i + 1 < at)
			i++;
		else if (shape[i] == '\'' && value)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (shape[i] == '=')
			value = true;
		else if (isspace((unsigned char)shape[i]) && value &&
		    shape[i - 1] != '=' &&
		    !isspace((unsigned char)shape[i - 1]))
			value = false;
	}
	return (value ? PLACE_KEYWORD : PLACE_ANY);
}

/* secretref_scan: name lies in the text, behind "${env:" or "${file:". */
static int
blot(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	struct expansion *x = arg;
	size_t at = (size_t)(name - x->text) -
	    strlen(kind == REF_ENV ? "${env:" : "${file:");

	(void)memset(x->shape + at, BLOT, (size_t)(name - x->text) + len + 1 -
	    at);
	return (0);
}

static int
place_note(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	struct expansion *x = arg;
	size_t at = (size_t)(name - x->text);

	(void)kind;
	(void)len;
	if (x->nplaces == REFS_MAX)
		return (-1);
	x->places[x->nplaces++] = is_url(x->text) ?
	    place_in_url(x->shape, at) : place_in_keywords(x->shape, at);
	return (0);
}

static bool
is_encoded(const char *s)
{
	return (s[0] == '%' && isxdigit((unsigned char)s[1]) &&
	    isxdigit((unsigned char)s[2]));
}

static size_t
encode(char *dst, enum place place, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c = (unsigned char)*s;
	size_t n = 0;

	if (place == PLACE_URL && !isalnum(c) && strchr("-._~", c) == NULL &&
	    !is_encoded(s)) {
		dst[n++] = '%';
		dst[n++] = hex[c >> 4];
		dst[n++] = hex[c & 15];
		return (n);
	}
	if (place == PLACE_KEYWORD &&
	    (c == '\'' || c == '\\' || isspace(c)))
		dst[n++] = '\\';
	dst[n++] = (char)c;
	return (n);
}

/* In its place, no character of the value is anything but itself. */
static int
value_encode(struct secret *s, enum place place)
{
	char *encoded;
	size_t i, n = 0;

	if (place == PLACE_ANY)
		return (0);
	if ((encoded = malloc(3 * s->len + 1)) == NULL)
		return (-1);
	for (i = 0; i < s->len; i++)
		n += encode(encoded + n, place, s->value + i);
	encoded[n] = '\0';
	secret_wipe(s);
	s->value = encoded;
	s->len = n;
	return (0);
}

static const void *
look(enum ref_kind kind, const char *name, size_t *len, void *arg)
{
	struct expansion *x = arg;
	struct secret *s = &x->values[x->nvalues];

	if (secret_read(x->super->conf, kind, name, s, x->err, x->errsize) ==
	    -1)
		return (NULL);
	x->nvalues++;
	if (value_encode(s, x->places[x->nvalues - 1]) == -1) {
		(void)snprintf(x->err, x->errsize, "out of memory");
		return (NULL);
	}
	*len = s->len;
	return (s->value);
}

static int
places_find(struct expansion *x, size_t len, char *err, size_t errsize)
{
	if (secretref_scan(x->text, len, blot, x, err, errsize) == -1)
		return (-1);
	if (secretref_scan(x->text, len, place_note, x, err, errsize) == 0)
		return (0);
	(void)snprintf(err, errsize, "more than %d references", REFS_MAX);
	return (-1);
}

int
login_expand(const struct super *super, const struct login *l,
    const struct secret *text, struct secret *out, char *err, size_t errsize)
{
	char why[512] = "", syntax[128];
	struct expansion x = { .super = super, .text = text->value,
	    .shape = strdup(text->value), .err = why,
	    .errsize = sizeof(why) };
	int ret = -1;

	if ((out->value = malloc(URL_MAX + 1)) == NULL || x.shape == NULL)
		(void)snprintf(syntax, sizeof(syntax), "out of memory");
	else if (places_find(&x, text->len, syntax, sizeof(syntax)) == 0)
		ret = secretref_expand(text->value, text->len, look, &x,
		    out->value, URL_MAX, &out->len, syntax, sizeof(syntax));
	/* The look-up knows more than "has no value". */
	if (ret == -1)
		(void)complain(err, errsize, l->option,
		    why[0] != '\0' ? why : syntax);
	while (x.nvalues > 0)
		secret_wipe(&x.values[--x.nvalues]);
	if (x.shape != NULL)
		explicit_bzero(x.shape, strlen(x.shape));
	free(x.shape);
	if (ret == 0)
		return (0);
	out->len = out->value != NULL ? URL_MAX : 0;
	secret_wipe(out);
	return (-1);
}

int
login_url(const struct super *s, enum role role, const char *pipeline,
    struct secret *out, char *err, size_t errsize)
{
	struct secret text;
	struct login l;
	int ret;

	out->value = NULL;
	out->len = 0;
	login_find(s, role, pipeline, &l);
	if (login_text(&l, &text, err, errsize) == -1)
		return (-1);
	ret = login_expand(s, &l, &text, out, err, errsize);
	secret_wipe(&text);
	return (ret);
}
