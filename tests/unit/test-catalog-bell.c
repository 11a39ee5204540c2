/* SPDX-License-Identifier: ISC */
/*
 * The catalog process and its doorbell, against a real server and its
 * advisory locks.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include "tests/unit/catalogtest.h"

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
	wake_all_wait(&d);		/* nobody sleeps without a bell */
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

static int
setup(void **state)
{
	if (catalog_setup(state) == -1)
		return (-1);
	schema_install();
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doorbell),
		cmocka_unit_test(test_publisher_in_flight),
		cmocka_unit_test(test_server_restart)
	};

	return (cmocka_run_group_tests_name("catalog-bell", tests, setup,
	    catalog_teardown));
}
