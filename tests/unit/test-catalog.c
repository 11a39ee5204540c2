/* SPDX-License-Identifier: ISC */
/*
 * The catalog process, locked down as in production, against a real server,
 * with the test in the supervisor's place: the list of pipelines, chores,
 * and ways to connect.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/metrics.h"
#include "tests/unit/catalogtest.h"

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

static void
test_chores(void **state)
{
	struct metric_sample sample;
	struct metric_frame head;
	struct driver d;
	struct frame f;
	bool found = false;

	(void)state;
	pipeline_set("good", "/var/lib/pg-tide/out/a");
	sql("SELECT tide.outbox_publish('orders', '{}') "
	    "FROM generate_series(1, 3)");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema_missing),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_chores),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_bad_url)
	};

	return (cmocka_run_group_tests_name("catalog", tests, catalog_setup,
	    catalog_teardown));
}
