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

/* Why nothing is made of this frame; NULL when it is in order. */
static const char *
objection(const struct msg_pipeline *m)
{
	if (!name_ok(m->name))
		return ("bad name");
	if (!plugin_ok(m->plugin))
		return ("bad name of a sink type");
	if (!memfd_ok(m->fd))
		return ("its document is not a sealed memfd of 1 byte to"
		    " 1 MiB");
	if (m->nrefs > REFS_MAX)
		return ("more than 256 references");
	return (NULL);
}

static struct document *
document_alloc(size_t nrefs)
{
	struct document *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	d->users = 1;
	d->expected = nrefs;
	if ((d->refs = calloc(nrefs + 1, sizeof(*d->refs))) != NULL)
		return (d);
	free(d);
	return (NULL);
}

struct document *
document_new(const struct msg_pipeline *m, char *err, size_t errsize)
{
	const char *why = objection(m);
	struct document *d = NULL;

	if (why == NULL && (d = document_alloc(m->nrefs)) == NULL)
		why = "out of memory";
	if (d == NULL) {
		(void)snprintf(err, errsize, "%s", why);
		close(m->fd);
		return (NULL);
	}
	memcpy(d->name, m->name, sizeof(d->name));
	memcpy(d->outbox, m->outbox, sizeof(d->outbox));
	memcpy(d->plugin, m->plugin, sizeof(d->plugin));
	d->generation = m->generation;
	d->fd = m->fd;
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
