/* SPDX-License-Identifier: ISC */
/* What the tests of the catalog process share. */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"
#include "tests/unit/catalogtest.h"

struct pgserver *pg;
char url[256];

/* --- the database ----------------------------------------------------- */

static char *
file_read(const char *root, const char *name)
{
	const char *dir = getenv(root);
	char path[512], *text = NULL, buf[4096];
	size_t size = 0, n;
	FILE *in, *out;

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : ".", name);
	if ((in = fopen(path, "r")) == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	out = open_memstream(&text, &size);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		fwrite(buf, 1, n, out);
	fclose(in);
	fclose(out);
	return (text);
}

void
sql(const char *text)
{
	assert_int_equal(pgserver_sql(pg, text), 0);
}

static void
sql_file(const char *root, const char *name)
{
	char *text = file_read(root, name);

	sql(text);
	free(text);
}

void
schema_install(void)
{
	sql_file("top_builddir", "sql/schema.sql");
	sql_file("top_srcdir", "sql/roles.sql");
	sql("GRANT tide_relay TO relay");
	sql("SELECT tide.outbox_create('orders')");
}

void
pipeline_set(const char *name, const char *path)
{
	char text[512];

	snprintf(text, sizeof(text), "SELECT tide.relay_set_outbox('%s', "
	    "'orders', 'file', '{\"path\":\"%s\"}')", name, path);
	sql(text);
}

void
sql_until(const char *query)
{
	int64_t end = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
	bool yes = false;
	char *value;

	while (!yes) {
		value = pgserver_value(pg, query);
		yes = value != NULL && strcmp(value, "t") == 0;
		free(value);
		if (!yes && clock_mono_us() > end)
			fail_msg("never true: %s", query);
	}
}

/* --- what the catalog says -------------------------------------------- */

static void
document_read(struct list *l, const struct msg_pipeline *m)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE;
	ssize_t n;

	assert_int_equal(fcntl(m->fd, F_GET_SEALS) & seals, seals);
	n = pread(m->fd, l->document[l->wanted],
	    sizeof(l->document[0]) - 1, 0);
	assert_true(n > 0);
	close(m->fd);
}

static void
list_frame(struct list *l, struct frame *f)
{
	assert_true(l->wanted < 8 && l->refs < 8);
	switch (f->type) {
	case MSG_PIPELINE:
		assert_int_equal(msg_pipeline_get(f,
		    &l->pipelines[l->wanted]), 0);
		document_read(l, &l->pipelines[l->wanted]);
		l->wanted++;
		break;
	case MSG_PIPELINE_REF:
		assert_int_equal(msg_pipeline_ref_get(f, &l->ref[l->refs]),
		    0);
		l->refs++;
		break;
	case MSG_PIPELINE_KEEP:
		l->kept++;
		assert_int_equal(msg_str_get(f, l->kept_name,
		    sizeof(l->kept_name)), 0);
		break;
	case MSG_PIPELINE_GONE:
		l->gone++;
		assert_int_equal(msg_str_get(f, l->gone_name,
		    sizeof(l->gone_name)), 0);
		break;
	}
}

void
list_read(struct driver *d, struct list *l)
{
	struct frame f;

	memset(l, 0, sizeof(*l));
	for (;;) {
		if (!driver_next(d->sup, &f, PATIENCE_MS))
			fail_msg("no list came");
		if (f.type == MSG_LIST_END)
			return;
		list_frame(l, &f);
		frame_clear(&f);
	}
}

const struct msg_pipeline *
list_find(const struct list *l, const char *name)
{
	int i;

	for (i = 0; i < l->wanted; i++) {
		if (strcmp(l->pipelines[i].name, name) == 0)
			return (&l->pipelines[i]);
	}
	return (NULL);
}

uint64_t
list_until_changed(struct driver *d, const char *name, uint64_t generation)
{
	const struct msg_pipeline *m;
	struct list l;

	do {
		list_read(d, &l);
		m = list_find(&l, name);
	} while (m == NULL || m->generation == generation);
	return (m->generation);
}

void
state_wait(struct driver *d, const char *name, enum health health,
    const char *words)
{
	struct msg_state m;
	struct frame f;

	do {
		if (!driver_find(d->ctl, MSG_STATE, &f, PATIENCE_MS))
			fail_msg("no state %d of \"%s\"", health, name);
		assert_int_equal(msg_state_get(&f, &m), 0);
	} while (strcmp(m.name, name) != 0 || m.health != health);
	if (strstr(m.text, words) == NULL)
		fail_msg("state of \"%s\": %s", name, m.text);
}

static void
wake_of(struct driver *d, const char *want)
{
	char outbox[MSG_NAME_MAX];
	struct frame f;

	if (!driver_find(d->sup, MSG_WAKE, &f, PATIENCE_MS))
		fail_msg("no WAKE came");
	assert_int_equal(msg_str_get(&f, outbox, sizeof(outbox)), 0);
	assert_string_equal(outbox, want);
}

void
wake_wait(struct driver *d)
{
	wake_of(d, "orders");
}

void
wake_all_wait(struct driver *d)
{
	wake_of(d, "");
}

void
worker_say(struct driver *d, const char *name, enum child_state state)
{
	struct msg_worker_state m = { .state = (uint8_t)state };
	struct frame f;

	snprintf(m.name, sizeof(m.name), "%s", name);
	msg_worker_state_put(&f, &m);
	driver_say(d, &f);
}

void
idle_say(struct driver *d, const char *name)
{
	struct msg_idle m = { .outbox = "orders", .outbox_id = 1, .xmax = 5 };
	struct frame f;

	snprintf(m.name, sizeof(m.name), "%s", name);
	msg_idle_put(&f, &m);
	driver_say(d, &f);
}

void
catalog_start(struct driver *d, const char *conninfo)
{
	const char *settings[] = { "relay_group_id", "default", NULL };

	driver_start(d, PROGRAM);
	driver_lock(d, settings, 0);
	driver_secret(d, "postgres_url", conninfo);
	driver_go(d);
}

int
catalog_setup(void **state)
{
	const char *why;

	(void)state;
	log_init("test", 2, LOG_FMT_TEXT, LOG_LVL_ERROR);
	if ((pg = pgserver_new(NULL, &why)) == NULL) {
		fprintf(stderr, "# %s\n", why);
		return (-1);
	}
	snprintf(url, sizeof(url), "postgres://relay@127.0.0.1:%d/postgres",
	    pgserver_port(pg));
	return (pgserver_sql(pg, "CREATE ROLE relay LOGIN;"
	    "ALTER DATABASE postgres SET track_functions = pl"));
}

int
catalog_teardown(void **state)
{
	(void)state;
	pgserver_free(pg);
	return (0);
}
