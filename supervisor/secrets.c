/* SPDX-License-Identifier: ISC */
/* Read the values of references, and hand them to a child. */
#include "config.h"

#include "supervisor/secrets.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/peer.h"
#include "common/secretref.h"
#include "supervisor/beneath.h"
#include "supervisor/envfile.h"
#include "supervisor/trust.h"

#define URL_MAX		MSG_SECRET_MAX

void
secret_wipe(struct secret *s)
{
	if (s->value != NULL)
		explicit_bzero(s->value, s->len);
	free(s->value);
	s->value = NULL;
	s->len = 0;
}

static int
complain(char *err, size_t errsize, const char *name, const char *why)
{
	(void)snprintf(err, errsize, "%s: %s", name, why);
	return (-1);
}

/* White space at both ends is an editor's, not the secret's. */
static void
trim(struct secret *s)
{
	size_t skip = 0;

	while (s->len > 0 && isspace((unsigned char)s->value[s->len - 1]))
		s->value[--s->len] = '\0';
	while (skip < s->len && isspace((unsigned char)s->value[skip]))
		skip++;
	s->len -= skip;
	memmove(s->value, s->value + skip, s->len + 1);
	explicit_bzero(s->value + s->len + 1, skip);
}

static int
value_check(struct secret *s, const char *name, char *err, size_t errsize)
{
	const char *why = NULL;

	if (s->len == 0)
		why = "is empty";
	else if (memchr(s->value, '\0', s->len) != NULL)
		why = "holds a NUL byte";
	else if (s->len > MSG_SECRET_MAX)
		why = "is larger than 64 KiB";
	if (why == NULL)
		return (0);
	secret_wipe(s);
	return (complain(err, errsize, name, why));
}

static int
read_file(int fd, const char *path, struct secret *s, char *err,
    size_t errsize)
{
	char why[128];

	s->value = read_all(fd, MSG_SECRET_MAX, &s->len, why, sizeof(why));
	close(fd);
	if (s->value == NULL)
		return (complain(err, errsize, path, why));
	trim(s);
	return (value_check(s, path, err, errsize));
}

int
secret_read(const struct option_set *set, enum ref_kind kind,
    const char *name, struct secret *s, char *err, size_t errsize)
{
	int fd;

	s->value = NULL;
	s->len = 0;
	if (kind == REF_FILE) {
		fd = beneath_open_read(set, "secrets.dirs", name, err,
		    errsize);
		return (fd == -1 ? -1 : read_file(fd, name, s, err, errsize));
	}
	s->value = env_lookup(set, name, &s->len, err, errsize);
	return (s->value == NULL ? -1 : value_check(s, name, err, errsize));
}

/* References in the URL; values live until the whole is put together. */
struct expansion {
	const struct option_set *set;
	struct secret	 values[16];
	size_t		 n;
	char		*err;
	size_t		 errsize;
};

static const void *
look(enum ref_kind kind, const char *name, size_t *len, void *arg)
{
	struct expansion *x = arg;
	struct secret *s;

	if (x->n == sizeof(x->values) / sizeof(x->values[0])) {
		(void)complain(x->err, x->errsize, name,
		    "too many references in one connection string");
		return (NULL);
	}
	s = &x->values[x->n];
	if (secret_read(x->set, kind, name, s, x->err, x->errsize) == -1)
		return (NULL);
	x->n++;
	*len = s->len;
	return (s->value);
}

static int
expand(const struct option_set *set, const char *text, struct secret *out,
    char *err, size_t errsize)
{
	struct expansion x = { .set = set, .err = err, .errsize = errsize };
	char syntax[128];
	int ret;

	if ((out->value = malloc(URL_MAX + 1)) == NULL)
		return (complain(err, errsize, "postgres_url",
		    "out of memory"));
	err[0] = '\0';
	ret = secretref_expand(text, strlen(text), look, &x, out->value,
	    URL_MAX, &out->len, syntax, sizeof(syntax));
	/* The look-up knows more than "has no value". */
	if (ret == -1 && err[0] == '\0')
		(void)complain(err, errsize, "postgres_url", syntax);
	while (x.n > 0)
		secret_wipe(&x.values[--x.n]);
	if (ret == 0)
		return (0);
	out->len = URL_MAX;
	secret_wipe(out);
	return (-1);
}

static int
url_from_file(const struct option_set *set, struct secret *out, char *err,
    size_t errsize)
{
	const char *path = option_str(set, "postgres_url_file");
	struct secret text = { NULL, 0 };
	char why[128];
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return (complain(err, errsize, path, strerror(errno)));
	if (trust_check(fd, why, sizeof(why)) == -1) {
		close(fd);
		return (complain(err, errsize, path, why));
	}
	if (read_file(fd, path, &text, err, errsize) == -1)
		return (-1);
	ret = expand(set, text.value, out, err, errsize);
	secret_wipe(&text);
	return (ret);
}

int
secret_url(const struct option_set *set, enum role role, struct secret *out,
    char *err, size_t errsize)
{
	const char *own = option_str(set, "worker_postgres_url");

	out->value = NULL;
	out->len = 0;
	if (role == ROLE_WORKER && own != NULL)
		return (expand(set, own, out, err, errsize));
	if (!option_is_default(set, "postgres_url_file"))
		return (url_from_file(set, out, err, errsize));
	return (expand(set, option_str(set, "postgres_url"), out, err,
	    errsize));
}

int
secret_send(struct peer *p, uint8_t kind, const char *name,
    const struct secret *s)
{
	struct msg_secret *m;
	struct frame f;
	size_t at = 0;
	int ret;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (-1);
	m->kind = kind;
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	m->total = (uint32_t)s->len;
	do {
		m->offset = (uint32_t)at;
		m->data = s->value + at;
		m->len = s->len - at < MSG_SECRET_CHUNK ? s->len - at :
		    MSG_SECRET_CHUNK;
		msg_secret_put(&f, m);
		ret = peer_send(p, &f);
		frame_clear(&f);
		at += m->len;
	} while (ret == 0 && at < s->len);
	free(m);
	return (ret);
}
