/* SPDX-License-Identifier: ISC */
/*
 * A plugin's option table, copied and checked, and what it can ask about it.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "worker/sinkopt_i.h"

#define OPTIONS_MAX	256
#define FILE_MAX	(4 * 1024 * 1024)
#define FLAGS_KNOWN	(PGTIDE_OPTF_REQUIRED | PGTIDE_OPTF_LIST |	\
			    PGTIDE_OPTF_RELOAD | PGTIDE_OPTF_MAP |	\
			    PGTIDE_OPTF_ADVANCED)

void
entry_clear(struct entry *e)
{
	size_t i;

	for (i = 0; i < e->nraws; i++) {
		free(e->raws[i].path);
		free(e->raws[i].key);
		free(e->raws[i].text);
	}
	for (i = 0; i < e->nvalues; i++)
		free(e->values[i].owned);
	free(e->raws);
	free(e->values);
	free(e->bytes);
	memset(e, 0, sizeof(*e));
	e->fd = -1;
}

void
sinkopt_free(struct sinkopt *o)
{
	size_t i;

	if (o == NULL)
		return;
	for (i = 0; o->entries != NULL && i < o->n; i++)
		entry_clear(&o->entries[i]);
	free(o->entries);
	free(o->defs);
	free(o->table);
	free(o);
}

static int
check_row(const struct pgtide_option *row, char *err, size_t errsize)
{
	const char *wrong = NULL;

	if (row->name == NULL || *row->name == '\0' ||
	    strlen(row->name) > SINKOPT_PATH / 2)
		wrong = "has no usable name";
	else if (row->type < PGTIDE_OPT_STRING ||
	    row->type > PGTIDE_OPT_OUTPUT)
		wrong = "has a type that this version does not know";
	else if ((row->flags & ~FLAGS_KNOWN) != 0)
		wrong = "has flags that this version does not know";
	else if (row->type == PGTIDE_OPT_ENUM && row->choices == NULL)
		wrong = "is an enum without choices";
	else if (row->help == NULL)
		wrong = "has no help text";
	else if ((row->flags & PGTIDE_OPTF_REQUIRED) != 0 &&
	    row->dflt != NULL)
		wrong = "is required and has a default";
	else if (row->min > row->max)
		wrong = "has bounds the wrong way round";
	if (wrong == NULL)
		return (0);
	snprintf(err, errsize, "option \"%.64s\" %s",
	    row->name != NULL ? row->name : "", wrong);
	return (-1);
}

/* The plugin counts durations in milliseconds, common/option in
 * microseconds. */
static int
def_fill(struct option_def *def, const struct pgtide_option *row)
{
	def->name = row->name;
	def->type = (enum option_type)row->type;
	def->flags = row->flags;
	def->dflt = row->dflt;
	def->min = row->min;
	def->max = row->max;
	def->choices = row->choices;
	def->help = row->help;
	if (row->type != PGTIDE_OPT_DURATION)
		return (0);
	return (__builtin_mul_overflow(row->min, 1000, &def->min) ||
	    __builtin_mul_overflow(row->max, 1000, &def->max) ? -1 : 0);
}

static int
check_default(const struct option_def *def, char *err, size_t errsize)
{
	int64_t number;

	if (def->dflt == NULL)
		return (0);
	return (option_check(def, def->dflt, &number, err, errsize));
}

static int
fill_row(struct sinkopt *o, size_t i, char *err, size_t errsize)
{
	size_t j;

	if (check_row(&o->table[i], err, errsize) == -1)
		return (-1);
	for (j = 0; j < i; j++)
		if (strcmp(o->table[j].name, o->table[i].name) == 0) {
			snprintf(err, errsize, "option \"%.64s\" is there "
			    "twice", o->table[i].name);
			return (-1);
		}
	if (def_fill(&o->defs[i], &o->table[i]) == -1) {
		snprintf(err, errsize, "option \"%.64s\" has bounds that "
		    "are too large", o->table[i].name);
		return (-1);
	}
	return (check_default(&o->defs[i], err, errsize));
}

static struct sinkopt *
sinkopt_alloc(size_t n)
{
	struct sinkopt *o;
	size_t i;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	o->n = n;
	o->table = calloc(n + 1, sizeof(*o->table));
	o->defs = calloc(n + 1, sizeof(*o->defs));
	o->entries = calloc(n + 1, sizeof(*o->entries));
	if (o->table == NULL || o->defs == NULL || o->entries == NULL) {
		sinkopt_free(o);
		return (NULL);
	}
	for (i = 0; i < n; i++)
		o->entries[i].fd = -1;
	return (o);
}

struct sinkopt *
sinkopt_new(const struct pgtide_option *options, size_t n, size_t stride,
    char *err, size_t errsize)
{
	const char *p = (const char *)options;
	struct sinkopt *o;
	size_t i, copy;

	/* ABI 1.0 ended with help; newer plugins may say more per option. */
	copy = stride < sizeof(*options) ? stride : sizeof(*options);
	if (n > OPTIONS_MAX || (n > 0 && (options == NULL || stride <
	    offsetof(struct pgtide_option, help) + sizeof(char *)))) {
		snprintf(err, errsize, "option table of impossible size");
		return (NULL);
	}
	if ((o = sinkopt_alloc(n)) == NULL) {
		snprintf(err, errsize, "%s", strerror(errno));
		return (NULL);
	}
	for (i = 0; i < n; i++) {
		memcpy(&o->table[i], p + i * stride, copy);
		if (fill_row(o, i, err, errsize) == -1) {
			sinkopt_free(o);
			return (NULL);
		}
	}
	return (o);
}

const struct pgtide_option *
sinkopt_table(const struct sinkopt *o, size_t *n)
{
	*n = o->n;
	return (o->table);
}

static const struct entry *
entry_find(const struct sinkopt *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (strcmp(o->table[i].name, name) == 0)
			return (&o->entries[i]);
	return (NULL);
}

const struct sinkopt_value *
sinkopt_value(const struct sinkopt *o, const char *name, size_t i)
{
	const struct entry *e = entry_find(o, name);

	return (e != NULL && i < e->nvalues ? &e->values[i].v : NULL);
}

const void *
sinkopt_bytes(const struct sinkopt *o, const char *name, size_t *len)
{
	const struct entry *e = entry_find(o, name);

	if (e == NULL || e->bytes == NULL)
		return (NULL);
	*len = e->nbytes;
	return (e->bytes);
}

int
sinkopt_fd(const struct sinkopt *o, const char *name)
{
	const struct entry *e = entry_find(o, name);

	return (e != NULL ? e->fd : -1);
}

size_t
sinkopt_ports(const struct sinkopt *o, uint16_t *ports, size_t max)
{
	size_t i, j, n = 0;

	for (i = 0; i < o->n; i++) {
		if (o->table[i].type != PGTIDE_OPT_ENDPOINT)
			continue;
		for (j = 0; j < o->entries[i].nvalues && n < max; j++)
			ports[n++] = o->entries[i].values[j].v.port;
	}
	return (n);
}

static int
read_all(int fd, char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, buf + done, size - done, (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		done += (size_t)n;
	}
	return (0);
}

static int
entry_read_file(struct entry *e, struct child *child, char *err,
    size_t errsize)
{
	const char *path = e->values[0].v.text;
	struct stat st;
	int fd;

	if ((fd = child_file(child, path)) == -1) {
		snprintf(err, errsize, "%s: %s was not handed over by the "
		    "supervisor: is it below files.dirs?", e->raws[0].path,
		    path);
		return (-1);
	}
	if (fstat(fd, &st) == -1 || st.st_size < 0 ||
	    st.st_size > FILE_MAX) {
		snprintf(err, errsize, "%s: %s is larger than %d bytes",
		    e->raws[0].path, path, FILE_MAX);
		return (-1);
	}
	free(e->bytes);
	e->nbytes = (size_t)st.st_size;
	if ((e->bytes = calloc(1, e->nbytes + 1)) == NULL ||
	    read_all(fd, e->bytes, e->nbytes) == -1) {
		snprintf(err, errsize, "%s: cannot read %s: %s",
		    e->raws[0].path, path, strerror(errno));
		return (-1);
	}
	return (0);
}

static int
entry_find_output(struct entry *e, struct child *child, char *err,
    size_t errsize)
{
	const char *path = e->values[0].v.text;

	e->fd = child_output(child, path);
	if (e->fd == -1 && strcmp(path, "-") == 0)
		e->fd = STDOUT_FILENO;
	if (e->fd != -1)
		return (0);
	snprintf(err, errsize, "%s: %s was not opened by the supervisor: is "
	    "it below output.dirs?", e->raws[0].path, path);
	return (-1);
}

int
sinkopt_resolve(struct sinkopt *o, struct secretmem *arena,
    struct child *child, char *err, size_t errsize)
{
	struct entry *e;
	size_t i;
	int rc;

	if (sinkopt_build(o, arena, err, errsize) == -1)
		return (-1);
	for (i = 0; i < o->n; i++) {
		e = &o->entries[i];
		if (e->nvalues == 0)
			continue;
		rc = 0;
		if (o->table[i].type == PGTIDE_OPT_FILE)
			rc = entry_read_file(e, child, err, errsize);
		else if (o->table[i].type == PGTIDE_OPT_OUTPUT)
			rc = entry_find_output(e, child, err, errsize);
		if (rc == -1)
			return (-1);
	}
	return (0);
}

int
sinkopt_reopen(struct sinkopt *o, const char *path, int fd)
{
	const struct entry *e;
	size_t i;
	int error = 0, found = 0;

	for (i = 0; i < o->n; i++) {
		e = &o->entries[i];
		if (o->table[i].type != PGTIDE_OPT_OUTPUT || e->fd == -1 ||
		    e->fd == STDOUT_FILENO || e->nvalues == 0 ||
		    strcmp(e->values[0].v.text, path) != 0)
			continue;
		/* The plugin keeps its number. */
		if (dup3(fd, e->fd, O_CLOEXEC) == -1)
			error = errno;
		else
			found = 1;
	}
	close(fd);
	if (found && error == 0)
		return (0);
	errno = error != 0 ? error : ENOENT;
	return (-1);
}
