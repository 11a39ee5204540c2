/* SPDX-License-Identifier: ISC */
/*
 * The catalog process, locked down as in production, against a real server,
 * with the test in the supervisor's place.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/units.h"
#include "tests/unit/childdriver.h"
#include "tests/unit/pgserver.h"

#define PROGRAM		"supervisor/catalog/pg-tide-catalog"
#define PATIENCE_MS	20000

static struct pgserver *pg;
static char url[256];

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

static void
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

static void
schema_install(void)
{
	sql_file("top_builddir", "sql/schema.sql");
	sql_file("top_srcdir", "sql/roles.sql");
	sql("GRANT tide_relay TO relay");
	sql("SELECT tide.outbox_create('orders')");
}

static void
pipeline_set(const char *name, const char *path)
{
	char text[512];

	snprintf(text, sizeof(text), "SELECT tide.relay_set_outbox('%s', "
	    "'orders', 'file', '{\"path\":\"%s\"}')", name, path);
	sql(text);
}

/* Wait until a query says true. */
static void
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

/* One list, up to its end. */
struct list {
	int	wanted, kept, gone, refs;
	struct msg_pipeline pipelines[8];
	struct msg_pipeline_ref ref[8];
	char	kept_name[MSG_NAME_MAX], gone_name[MSG_NAME_MAX];
	char	document[8][2048];
};

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

static void
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

static const struct msg_pipeline *
list_find(const struct list *l, const char *name)
{
	int i;

	for (i = 0; i < l->wanted; i++) {
		if (strcmp(l->pipelines[i].name, name) == 0)
			return (&l->pipelines[i]);
	}
	return (NULL);
}

/* Lists until one has this pipeline with another generation. */
static uint64_t
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

/* The state of a pipeline ("": the catalog's) with this health. */
static void
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
wake_wait(struct driver *d)
{
	char outbox[MSG_NAME_MAX];
	struct frame f;

	if (!driver_find(d->sup, MSG_WAKE, &f, PATIENCE_MS))
		fail_msg("no WAKE came");
	assert_int_equal(msg_str_get(&f, outbox, sizeof(outbox)), 0);
	assert_string_equal(outbox, "orders");
}

static void
worker_say(struct driver *d, const char *name, enum child_state state)
{
	struct msg_worker_state m = { .state = (uint8_t)state };
	struct frame f;

	snprintf(m.name, sizeof(m.name), "%s", name);
	msg_worker_state_put(&f, &m);
	driver_say(d, &f);
}

static void
idle_say(struct driver *d, const char *name)
{
	struct msg_idle m = { .outbox = "orders", .outbox_id = 1, .xmax = 5 };
	struct frame f;

	snprintf(m.name, sizeof(m.name), "%s", name);
	msg_idle_put(&f, &m);
	driver_say(d, &f);
}

static void
catalog_start(struct driver *d, const char *conninfo)
{
	const char *settings[] = { "relay_group_id", "default", NULL };

	driver_start(d, PROGRAM);
	driver_lock(d, settings, 0);
	driver_secret(d, "postgres_url", conninfo);
	driver_go(d);
}

/* --- the tests --------------------------------------------------------- */

static void
test_schema_missing(void **state)
{
	struct driver d;
	struct list l;

	(void)state;
	catalog_start(&d, url);
	state_wait(&d, "", HEALTH_RETRYING, "pg-tidectl schema install");
	schema_install();
	state_wait(&d, "", HEALTH_OK, "");
	list_read(&d, &l);
	assert_int_equal(l.wanted, 0);
	assert_int_equal(driver_stop(&d), 0);
}

static void
test_list(void **state)
{
	const struct msg_pipeline *m;
	struct driver d;
	struct list l;

	(void)state;
	pipeline_set("good", "/var/lib/pg-tide/out/a");
	pipeline_set("broken", "/var/lib/pg-tide/out/b");
	pipeline_set("off", "/var/lib/pg-tide/out/c");
	sql("SELECT tide.relay_disable('off')");
	sql("SELECT tide.relay_set_outbox('hook', 'orders', '{\"sink_type\":"
	    "\"webhook\",\"url\":\"https://h/\",\"signature\":{\"scheme\":"
	    "\"hmac-sha256\",\"secret\":\"${env:KEY}\"}}'::jsonb)");
	sql("ALTER TABLE tide.relay_outbox_config DISABLE TRIGGER USER;"
	    "UPDATE tide.relay_outbox_config SET config = jsonb_set(config, "
	    "'{sink,colour}', '\"blue\"') WHERE name = 'broken';"
	    "ALTER TABLE tide.relay_outbox_config ENABLE TRIGGER USER");
	catalog_start(&d, url);
	list_read(&d, &l);
	assert_int_equal(l.wanted, 2);
	assert_int_equal(l.kept, 1);
	assert_string_equal(l.kept_name, "broken");
	state_wait(&d, "broken", HEALTH_FAILED, "$.sink.colour");

	m = list_find(&l, "good");
	assert_non_null(m);
	assert_string_equal(m->outbox, "orders");
	assert_string_equal(m->plugin, "file");
	assert_int_equal(m->nrefs, 1);
	assert_non_null(strstr(l.document[m - l.pipelines],
	    "/var/lib/pg-tide/out/a"));
	m = list_find(&l, "hook");
	assert_non_null(m);
	assert_int_equal(m->nrefs, 1);
	assert_int_equal(l.refs, 2);
	assert_int_equal(l.ref[0].kind, REF_OUTPUT);
	assert_string_equal(l.ref[0].value, "/var/lib/pg-tide/out/a");
	assert_int_equal(l.ref[1].kind, REF_ENV);
	assert_string_equal(l.ref[1].value, "KEY");
	assert_string_equal(l.ref[1].name, "hook");
	assert_int_equal(driver_stop(&d), 0);
	sql("SELECT tide.relay_delete(name) FROM (VALUES ('broken'), "
	    "('off'), ('hook')) v(name)");
}

static void
test_changes(void **state)
{
	uint64_t generation;
	struct driver d;
	struct list l;

	(void)state;
	catalog_start(&d, url);
	generation = list_until_changed(&d, "good", 0);
	pipeline_set("good", "/var/lib/pg-tide/out/z");
	generation = list_until_changed(&d, "good", generation);
	/* A row that turns bad: the last good document stays. */
	sql("ALTER TABLE tide.relay_outbox_config DISABLE TRIGGER USER;"
	    "UPDATE tide.relay_outbox_config SET config = config - "
	    "'schema_version', generation = generation + 1000;"
	    "ALTER TABLE tide.relay_outbox_config ENABLE TRIGGER USER");
	driver_say_empty(&d, MSG_RELOAD);
	state_wait(&d, "good", HEALTH_FAILED, "schema_version");
	list_read(&d, &l);
	assert_non_null(list_find(&l, "good"));
	assert_int_equal(list_find(&l, "good")->generation, generation);
	pipeline_set("good", "/var/lib/pg-tide/out/y");
	state_wait(&d, "good", HEALTH_OK, "");
	sql("SELECT tide.relay_delete('good')");
	do
		list_read(&d, &l);
	while (l.gone == 0);
	assert_string_equal(l.gone_name, "good");
	assert_int_equal(driver_stop(&d), 0);
}

#define LOCKED	"SELECT count(*) = 1 FROM pg_locks WHERE classid = " \
		"1953064037 AND objid = 1 AND mode = 'ExclusiveLock' AND " \
		"granted"
#define FREE	"SELECT count(*) = 0 FROM pg_locks WHERE classid = " \
		"1953064037 AND objid = 1"

static void
test_doorbell(void **state)
{
	struct driver d;
	struct list l;

	(void)state;
	pipeline_set("good", "/var/lib/pg-tide/out/a");
	catalog_start(&d, url);
	worker_say(&d, "good", CHILD_READY);
	list_read(&d, &l);
	idle_say(&d, "good");
	wake_wait(&d);			/* once more, under the lock */
	idle_say(&d, "good");
	sql_until(LOCKED);
	sql("SELECT tide.outbox_publish('orders', '{}')");
	wake_wait(&d);
	sql_until(FREE);
	sql("SELECT tide.outbox_publish('orders', '{}')");
	idle_say(&d, "good");
	wake_wait(&d);
	idle_say(&d, "good");
	sql_until(LOCKED);
	worker_say(&d, "good", CHILD_GONE);
	sql_until(FREE);
	assert_int_equal(driver_stop(&d), 0);
}

/* A publisher in flight keeps the bell from being armed. */
static void
test_publisher_in_flight(void **state)
{
	struct driver d;
	struct list l;
	PGconn *conn;
	int i;

	(void)state;
	catalog_start(&d, url);
	worker_say(&d, "good", CHILD_READY);
	list_read(&d, &l);
	conn = pgserver_connect(pg);
	PQclear(PQexec(conn, "BEGIN; SELECT tide.outbox_publish('orders', "
	    "'{}')"));
	for (i = 0; i < 5; i++) {
		idle_say(&d, "good");
		wake_wait(&d);
	}
	sql_until("SELECT count(*) = 0 FROM pg_locks WHERE classid = "
	    "1953064037 AND objid = 1 AND mode = 'ExclusiveLock'");
	PQclear(PQexec(conn, "COMMIT"));
	idle_say(&d, "good");
	wake_wait(&d);
	idle_say(&d, "good");
	sql_until(LOCKED);
	PQfinish(conn);
	assert_int_equal(driver_stop(&d), 0);
}

static void
test_server_restart(void **state)
{
	struct driver d;
	struct list l;

	(void)state;
	catalog_start(&d, url);
	worker_say(&d, "good", CHILD_READY);
	list_read(&d, &l);
	idle_say(&d, "good");
	wake_wait(&d);
	idle_say(&d, "good");
	sql_until(LOCKED);
	assert_int_equal(pgserver_kill(pg), 0);
	wake_wait(&d);			/* nobody sleeps without a bell */
	state_wait(&d, "", HEALTH_RETRYING, "");
	assert_int_equal(pgserver_start(pg), 0);
	state_wait(&d, "", HEALTH_OK, "");
	list_read(&d, &l);
	assert_non_null(list_find(&l, "good"));
	idle_say(&d, "good");
	wake_wait(&d);
	idle_say(&d, "good");
	sql_until(LOCKED);
	assert_int_equal(driver_stop(&d), 0);
}

static void
test_chores(void **state)
{
	struct metric_sample sample;
	struct metric_frame head;
	struct driver d;
	struct frame f;
	bool found = false;

	(void)state;
	catalog_start(&d, url);
	while (!found) {
		if (!driver_find(d.ctl, MSG_METRICS, &f, PATIENCE_MS))
			fail_msg("no lag came");
		assert_int_equal(metrics_frame_begin(&f, &head), 0);
		while (metrics_frame_next(&f, &sample) == 1)
			found |= strcmp(head.pipeline, "good") == 0 &&
			    sample.id == METRIC_LAG && sample.value >= 3;
	}
	sql_until("SELECT count(*) = 1 FROM pg_stat_user_functions WHERE "
	    "funcname = 'outbox_sweep' AND calls > 0");
	assert_int_equal(driver_stop(&d), 0);
}

/* By name: the question goes to the resolver's channel. */
static void
test_name(void **state)
{
	struct msg_answer answer = { .naddrs = 1,
	    .addrs = { { 4, { 127, 0, 0, 1 } } } };
	struct msg_lookup question;
	struct driver d;
	struct list l;
	struct frame f;
	char info[256];

	(void)state;
	snprintf(info, sizeof(info), "host=db.example port=%d user=relay "
	    "dbname=postgres", pgserver_port(pg));
	catalog_start(&d, info);
	assert_true(driver_find(d.res, MSG_LOOKUP, &f, PATIENCE_MS));
	assert_int_equal(msg_lookup_get(&f, &question), 0);
	assert_string_equal(question.host, "db.example");
	answer.id = question.id;
	msg_answer_put(&f, &answer);
	assert_int_equal(frame_send(d.res, &f), 0);
	list_read(&d, &l);
	assert_int_equal(driver_stop(&d), 0);
}

static int
memfd_of(const char *path)
{
	int from = open(path, O_RDONLY), to = memfd_create("file", 0);
	char buf[8192];
	ssize_t n;

	assert_true(from != -1 && to != -1);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, (size_t)n), n);
	close(from);
	return (to);
}

/* The locked-down process verifies the server by a file that it cannot
 * open by name. */
static void
test_tls(void **state)
{
	char cmd[1024], path[128], info[512];
	struct driver d;
	struct list l;

	(void)state;
	snprintf(cmd, sizeof(cmd), "cd %s/data && openssl req -x509 -newkey "
	    "ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
	    "/CN=localhost -addext subjectAltName=DNS:localhost "
	    "-keyout server.key -out server.crt 2>/dev/null && chmod 600 "
	    "server.key && { test $(id -u) != 0 || chown postgres server.*; }",
	    pgserver_dir(pg));
	if (system(cmd) != 0)
		skip();
	assert_int_equal(pgserver_kill(pg), 0);
	assert_int_equal(pgserver_set(pg, "ssl = on"), 0);
	assert_int_equal(pgserver_start(pg), 0);
	snprintf(path, sizeof(path), "%s/data/server.crt", pgserver_dir(pg));
	snprintf(info, sizeof(info), "host=localhost hostaddr=127.0.0.1 "
	    "port=%d user=relay dbname=postgres sslmode=verify-full "
	    "sslrootcert=%s", pgserver_port(pg), path);
	driver_start(&d, PROGRAM);
	driver_lock(&d, NULL, 0);
	driver_secret(&d, "postgres_url", info);
	driver_file(&d, path, memfd_of(path));
	driver_go(&d);
	list_read(&d, &l);
	sql_until("SELECT count(*) = 1 FROM pg_stat_ssl s JOIN "
	    "pg_stat_activity a USING (pid) WHERE s.ssl AND "
	    "a.application_name = 'pg-tide-catalog'");
	assert_int_equal(driver_stop(&d), 0);
}

/* What it is told to be wrong with, it says before it ends. */
static void
test_bad_url(void **state)
{
	struct driver d;
	struct frame f;
	uint32_t cause;

	(void)state;
	driver_start(&d, PROGRAM);
	driver_lock(&d, NULL, 0);
	driver_secret(&d, "postgres_url", "postgres://relay:pw@h:port/x");
	driver_say_empty(&d, MSG_GO);
	assert_true(driver_find(d.sup, MSG_FATAL, &f, PATIENCE_MS));
	assert_int_equal(msg_u32_get(&f, &cause), 0);
	assert_int_equal(cause, CAUSE_CONFIG);
	assert_int_not_equal(driver_end(&d), 0);
}

static int
setup(void **state)
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

static int
teardown(void **state)
{
	(void)state;
	pgserver_free(pg);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_missing),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_doorbell),
		cmocka_unit_test(test_publisher_in_flight),
		cmocka_unit_test(test_server_restart),
		cmocka_unit_test(test_chores),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_bad_url)
	};

	return (cmocka_run_group_tests_name("catalog", tests, setup,
	    teardown));
}
