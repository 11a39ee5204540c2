/* SPDX-License-Identifier: ISC */
/* Reading the catalog. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/units.h"
#include "supervisor/catalog/database.h"
#include "supervisor/catalog/pipelines.h"
#include "supervisor/catalog/reconcile.h"
#include "supervisor/catalog/sinktypes.h"

#define SCHEMA_MIN	"0.1.0"

struct reconcile {
	struct pipelines *pipelines;
	reconcile_fn	 fn;
	void		*arg;
	struct database	*db;
	struct sinktypes *types;
	int64_t		 started_us;
	bool		 running, again;
};

/* The columns of rows_sql. */
enum { ROW_NAME, ROW_OUTBOX, ROW_OUTBOX_ID, ROW_SINK, ROW_GENERATION,
	ROW_ENABLED, ROW_NOTIFY, ROW_CONFIG };

static const char check_sql[] =
    "SELECT schema_version, pg_backend_pid() FROM tide.server_check()";
static const char types_sql[] =
    "SELECT name, options::text FROM tide.sink_types";
static const char rows_sql[] =
    "SELECT name, outbox, outbox_id, sink_type, generation, enabled, notify, "
    "config FROM tide.relay_pipelines()";

bool
version_at_least(const char *have, const char *want)
{
	unsigned long h, w;
	char *he, *we;

	do {
		h = strtoul(have, &he, 10);
		w = strtoul(want, &we, 10);
		if (h != w || he == have || we == want)
			return (h > w);
		have = *he == '.' ? he + 1 : "0";
		want = *we == '.' ? we + 1 : "0";
	} while (*he == '.' || *we == '.');
	return (true);
}

struct reconcile *
reconcile_new(struct pipelines *pipelines, reconcile_fn fn, void *arg)
{
	struct reconcile *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->pipelines = pipelines;
	r->fn = fn;
	r->arg = arg;
	return (r);
}

void
reconcile_free(struct reconcile *r)
{
	if (r == NULL)
		return;
	sinktypes_free(r->types);
	free(r);
}

/* False: the reading is over, and why was said. */
static bool
usable(struct reconcile *r, const PGresult *res)
{
	char text[2048];

	if (res == NULL) {
		r->running = false;
		return (false);
	}
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		return (true);
	r->running = false;
	database_explain(r->db, res, text, sizeof(text));
	database_refuse(r->db, text);
	return (false);
}

static void
on_check(const PGresult *res, void *arg)
{
	struct reconcile *r = arg;
	const char *version;
	char text[256];

	if (!usable(r, res))
		return;
	version = PQntuples(res) == 1 ? PQgetvalue(res, 0, 0) : "none";
	if (!version_at_least(version, SCHEMA_MIN)) {
		(void)snprintf(text, sizeof(text), "the schema tide has "
		    "version %s, this pg-tided needs %s or newer: run "
		    "pg-tidectl schema upgrade", version, SCHEMA_MIN);
		database_refuse(r->db, text);
		return;
	}
	if (database_same(r->db, PQgetvalue(res, 0, 1)))
		database_well(r->db);
}

static void
on_types(const PGresult *res, void *arg)
{
	struct reconcile *r = arg;
	char err[512];
	int i;

	if (!usable(r, res))
		return;
	sinktypes_free(r->types);
	if ((r->types = sinktypes_new()) == NULL) {
		database_refuse(r->db, "out of memory");
		return;
	}
	/* A table that is malformed costs only the pipelines that use it. */
	for (i = 0; i < PQntuples(res); i++) {
		if (sinktypes_add(r->types, PQgetvalue(res, i, 0),
		    PQgetvalue(res, i, 1), err, sizeof(err)) == -1)
			log_errorx("%s", err);
	}
}

static bool
is_true(const PGresult *res, int row, int column)
{
	return (PQgetvalue(res, row, column)[0] == 't');
}

static int
row_take(struct reconcile *r, const PGresult *res, int i)
{
	const struct pipeline_row row = {
		.name = PQgetvalue(res, i, ROW_NAME),
		.outbox = PQgetvalue(res, i, ROW_OUTBOX),
		.outbox_id = (uint32_t)strtoul(
		    PQgetvalue(res, i, ROW_OUTBOX_ID), NULL, 10),
		.sink_type = PQgetvalue(res, i, ROW_SINK),
		.generation = strtoull(
		    PQgetvalue(res, i, ROW_GENERATION), NULL, 10),
		.enabled = is_true(res, i, ROW_ENABLED),
		.notify = is_true(res, i, ROW_NOTIFY),
		.config = PQgetvalue(res, i, ROW_CONFIG)
	};

	return (pipelines_row(r->pipelines, &row, r->types));
}

static void
on_rows(const PGresult *res, void *arg)
{
	struct reconcile *r = arg;
	int i;

	if (!usable(r, res))
		return;
	r->running = false;
	pipelines_begin(r->pipelines);
	for (i = 0; i < PQntuples(res); i++) {
		if (row_take(r, res, i) == -1) {
			database_refuse(r->db, "out of memory");
			return;
		}
	}
	if (pipelines_end(r->pipelines) == -1) {
		/* Without its end, nothing is inferred from the list. */
		log_warn("the supervisor did not take the whole list");
		return;
	}
	r->fn(clock_mono_us() - r->started_us, r->arg);
	if (r->again)
		reconcile_start(r, r->db);
}

void
reconcile_start(struct reconcile *r, struct database *db)
{
	static const struct {
		struct pg_command cmd;
		database_fn fn;
	} steps[] = {
		{ { .sql = check_sql, .prepared = "check" }, on_check },
		{ { .sql = types_sql, .prepared = "types" }, on_types },
		{ { .sql = rows_sql, .prepared = "rows" }, on_rows }
	};
	size_t i;

	r->db = db;
	r->again = r->running;
	if (r->running)
		return;
	r->running = true;
	r->started_us = clock_mono_us();
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (database_query(db, &steps[i].cmd, steps[i].fn, r) == -1) {
			database_refuse(db, "out of memory");
			r->running = false;
			return;
		}
	}
}
