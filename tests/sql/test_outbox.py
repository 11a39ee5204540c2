# SPDX-License-Identifier: ISC
"""Making, changing and dropping outboxes."""
import concurrent.futures
import time

import psycopg2
import pytest


def test_create_and_defaults(db):
    db.q("SELECT tide.outbox_create('orders')")
    assert db.q("SELECT outbox_name, enabled, notify, retention_hours, "
                "max_retention, on_max_retention, parts, current_part, owner "
                "FROM tide.outbox_status") == [
                    ("orders", True, True, 24, None, "keep", 3, 0,
                     "postgres")]
    assert db.one("SELECT events FROM tide.event_tables") == "tide.events_1"


def test_create_with_everything(db):
    db.q("SELECT tide.outbox_create('o', 48, 10000, 'none', notify := false, "
         "max_retention := '7 days', on_max_retention := 'drop', "
         "p_description := 'text')")
    assert db.q("SELECT retention_hours, notify, max_retention::text, "
                "on_max_retention, description FROM tide.outbox_status") == [
                    (48, False, "7 days", "drop", "text")]


def test_parameters_without_effect_say_so(db):
    db.q("SELECT tide.outbox_create('o', 24, 5, 'daily')")
    assert "no effect" in db.conn.notices[-1]


def test_create_twice(orders):
    with orders.refused("42710", "already exists", "outbox_alter"):
        orders.q("SELECT tide.outbox_create('orders')")
    assert not orders.one("SELECT tide.outbox_create_if_not_exists('orders', "
                          "24, NULL)")
    assert orders.one("SELECT tide.outbox_create_if_not_exists('more', "
                      "NULL, NULL)")


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.b", "a" * 64, "ä",
                                  "a\"b", "a'b", None])
def test_bad_names(db, name):
    with db.refused("42602", "invalid outbox name"):
        db.q("SELECT tide.outbox_create(%s)", name)


@pytest.mark.parametrize("name", ["a", "_", "My-Outbox_1", "a" * 63,
                                  "select"])
def test_good_names(db, name):
    db.q("SELECT tide.outbox_create(%s)", name)
    assert db.one("SELECT tide.outbox_publish(%s, '1')", name) == 1


@pytest.mark.parametrize("arguments,word", [
    ("-1", "0 to 876000"), ("876001", "0 to 876000"),
    ("24, max_retention := '1 hour'", "shorter"),
    ("0, max_retention := '0'", "shorter"),
    ("24, on_max_retention := 'x'", "keep")])
def test_bad_retention(db, arguments, word):
    with db.refused("22023", word):
        db.q("SELECT tide.outbox_create('o', %s)" % arguments)


def test_alter_keeps_what_is_left_out(orders):
    orders.q("SELECT tide.outbox_alter('orders', 12, false, '2 days', 'drop',"
             " 'words')")
    orders.q("SELECT tide.outbox_alter('orders')")
    state = ("SELECT retention_hours, notify, max_retention::text, "
             "on_max_retention, description FROM tide.outboxes")
    assert orders.q(state) == [(12, False, "2 days", "drop", "words")]
    orders.q("SELECT tide.outbox_alter('orders', max_retention := '0')")
    assert orders.q(state) == [(12, False, None, "drop", "words")]
    with orders.refused("TD002"):
        orders.q("SELECT tide.outbox_alter('nix')")
    with orders.refused("22023"):
        orders.q("SELECT tide.outbox_alter('orders', p_retention_hours := -1)")


def test_drop_takes_everything_along(orders):
    count = ("SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = "
             "'tide'::regnamespace) + (SELECT count(*) FROM pg_proc WHERE "
             "pronamespace = 'tide'::regnamespace)")
    before = orders.one(count)
    orders.q("SELECT tide.outbox_create('more')")
    orders.q("SELECT tide.outbox_publish('more', '1')")
    assert orders.one(count) > before
    orders.q("SELECT tide.outbox_drop('more')")
    assert orders.one(count) == before
    with orders.refused("TD002"):
        orders.q("SELECT tide.outbox_drop('more')")
    orders.q("SELECT tide.outbox_drop('more', true)")


def test_drop_is_refused_while_a_pipeline_reads(orders):
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
             "'{\"url\": \"https://example.com/\"}')")
    with orders.refused("2BP01", "p", "relay_delete"):
        orders.q("SELECT tide.outbox_drop('orders')")
    orders.q("SELECT tide.relay_delete('p')")
    orders.q("SELECT tide.outbox_drop('orders')")


def test_id_of_a_dropped_outbox_is_not_used_again(orders):
    orders.q("SELECT tide.outbox_drop('orders')")
    orders.q("SELECT tide.outbox_create('orders')")
    assert orders.one("SELECT id FROM tide.outboxes") == 2


def test_two_creators_at_once(db):
    first = db.session(autocommit=False)
    db.q("SELECT tide.outbox_create('a')", conn=first)
    db.q("SET lock_timeout = '200ms'")
    with pytest.raises(psycopg2.errors.LockNotAvailable):
        db.q("SELECT tide.outbox_create_if_not_exists('a')")
    first.commit()
    assert not db.one("SELECT tide.outbox_create_if_not_exists('a')")


def test_views_know_outboxes_made_at_once(db):
    first, second = (db.session(autocommit=False) for _ in range(2))
    db.q("SELECT tide.outbox_create('a')", conn=first)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waits = pool.submit(db.q, "SELECT tide.outbox_create('b')",
                            conn=second)
        deadline = time.monotonic() + 20
        while not db.one("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < deadline and not waits.done()
        first.commit()
        waits.result(20)
    second.commit()
    assert db.q("SELECT outbox_name, last_id FROM tide.outbox_status "
                "ORDER BY 1") == [("a", 0), ("b", 0)]


def test_drop_does_not_queue_behind_publishers(orders):
    """Monitors would queue behind it."""
    publisher, dropper = (orders.session(autocommit=False) for _ in range(2))
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=publisher)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        drops = pool.submit(orders.q, "SELECT tide.outbox_drop('orders')",
                            conn=dropper)
        while not drops.done():
            assert orders.one("SELECT count(*) FROM pg_locks "
                              "WHERE NOT granted") == 0
            orders.q("SELECT * FROM tide.outbox_status")
        with orders.refused("55006", "being used", "outbox_disable"):
            drops.result()
    dropper.rollback()
    publisher.commit()
    orders.q("SELECT tide.outbox_drop('orders')")


def test_drop_does_not_hold_events_while_it_waits_for_views(orders):
    """A reader locks the view first, then the events."""
    reader = orders.session(autocommit=False)
    orders.q("COMMENT ON VIEW tide.event_heads IS 'locked'", conn=reader)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        drops = pool.submit(orders.q, "SELECT tide.outbox_drop('orders')")
        watch = orders.session()
        deadline = time.monotonic() + 20
        while not orders.one("SELECT count(*) FROM pg_locks WHERE NOT granted "
                             "AND relation = 'tide.event_heads'::regclass",
                             conn=watch):
            assert time.monotonic() < deadline and not drops.done()
        assert orders.q("SELECT * FROM tide.events_1", conn=reader) == []
        reader.rollback()
        drops.result()
    assert orders.one("SELECT count(*) FROM tide.outboxes") == 0


def test_inbox_names_are_there_for_the_grants(db):
    assert db.q("SELECT * FROM tide.inbox_pending") == []
    with db.refused("TD002", "inbox", "no inboxes"):
        db.q("SELECT tide.inbox_mark_processed('i', 'e')")


def test_version(db):
    assert db.one("SELECT tide.schema_version()") == "0.1.0"
    assert db.one("SELECT installed_as FROM tide.extension_version") == (
        "extension" if db.cluster.extension else "schema")


def test_every_public_function_is_described(db):
    """Functions that users call have a comment; psql's \\df+ shows it."""
    bare = db.q("SELECT proname FROM pg_proc p WHERE pronamespace = "
                "'tide'::regnamespace AND (proname ~ '^(outbox|relay|inbox)_' "
                "AND prosecdef) AND obj_description(p.oid, 'pg_proc') IS NULL "
                "AND proname NOT IN ('outbox_current_part', "
                "'outbox_generation')")
    assert bare == []


def test_definer_functions_lock_their_search_path(db):
    assert db.q("SELECT proname FROM pg_proc WHERE pronamespace = "
                "'tide'::regnamespace AND prosecdef AND NOT ("
                "'search_path=pg_catalog, pg_temp' = ANY "
                "(coalesce(proconfig, '{}')))") == []
