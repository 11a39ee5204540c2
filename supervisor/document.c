/* SPDX-License-Identifier: ISC */
/* Take pipelines' documents from the catalog, which we do not trust. */
#include "config.h"

#include "supervisor/document.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"

#define REFS_MAX	256
#define SEALS		(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* It becomes an argument, a log context and a label. */
static bool
name_ok(const char *s)
{
	const char *p;

	if (*s == '\0' || *s == '-' || !utf8_valid(s, strlen(s)))
		return (false);
	for (p = s; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return (false);
	}
	return (true);
}

/* It becomes a path below plugin_dir. */
static bool
plugin_ok(const char *s)
{
	return (*s != '\0' && *s != '-' && s[strspn(s,
	    "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0');
}

/* Nobody may change it or cut it while a worker reads it. */
static bool
memfd_ok(int fd)
{
	struct stat st;
	int seals;

	if ((seals = fcntl(fd, F_GET_SEALS)) == -1 ||
	    (seals & SEALS) != SEALS || fstat(fd, &st) == -1)
		return (false);
	return (S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= MSG_CONFIG_MAX);
}

struct document *
document_new(const struct msg_pipeline *m, char *err, size_t errsize)
{
	const char *why = NULL;
	struct document *d = NULL;

	if (!name_ok(m->name))
		why = "bad name";
	else if (!plugin_ok(m->plugin))
		why = "bad name of a sink type";
	else if (!memfd_ok(m->fd))
		why = "its document is not a sealed memfd of 1 byte to 1 MiB";
	else if (m->nrefs > REFS_MAX)
		why = "more than 256 references";
	else if ((d = calloc(1, sizeof(*d))) == NULL ||
	    (d->refs = calloc(m->nrefs + 1, sizeof(*d->refs))) == NULL)
		why = "out of memory";
	if (why != NULL) {
		(void)snprintf(err, errsize, "%s", why);
		close(m->fd);
		free(d);
		return (NULL);
	}
	d->users = 1;
	memcpy(d->name, m->name, sizeof(d->name));
	memcpy(d->outbox, m->outbox, sizeof(d->outbox));
	memcpy(d->plugin, m->plugin, sizeof(d->plugin));
	d->generation = m->generation;
	d->fd = m->fd;
	d->expected = m->nrefs;
	return (d);
}

int
document_add(struct document *d, const struct msg_pipeline_ref *m)
{
	struct reference *r = &d->refs[d->nrefs];

	if (d->nrefs == d->expected || strcmp(m->name, d->name) != 0 ||
	    m->kind < REF_ENV || m->kind > REF_OUTPUT || m->value[0] == '\0')
		return (-1);
	if ((r->name = strdup(m->value)) == NULL)
		return (-1);
	r->kind = (enum ref_kind)m->kind;
	d->nrefs++;
	return (0);
}

bool
document_is_complete(const struct document *d)
{
	return (d->nrefs == d->expected);
}

struct document *
document_hold(struct document *d)
{
	d->users++;
	return (d);
}

void
document_drop(struct document *d)
{
	size_t i;

	if (d == NULL || --d->users > 0)
		return;
	for (i = 0; i < d->nrefs; i++)
		free(d->refs[i].name);
	free(d->refs);
	close(d->fd);
	free(d);
}
