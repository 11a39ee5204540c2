/* SPDX-License-Identifier: ISC */
/* Read the values of references, and hand them to a child. */
#include "config.h"

#include "supervisor/secrets.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/peer.h"
#include "supervisor/beneath.h"
#include "supervisor/envfile.h"
#include "supervisor/trust.h"

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

int
secret_take(int fd, const char *path, struct secret *s, char *err,
    size_t errsize)
{
	char why[128];

	s->len = 0;
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
		return (fd == -1 ? -1 : secret_take(fd, name, s, err, errsize));
	}
	s->value = env_lookup(set, name, &s->len, err, errsize);
	return (s->value == NULL ? -1 : value_check(s, name, err, errsize));
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
