# SPDX-License-Identifier: ISC
"""outbox_publish and outbox_publish_batch: what is stored, what is refused."""
import select

import psycopg2
import pytest

LOCK = 1953064037
BAD_BATCHES = [
    ("'{}'::jsonb[]", "array['{}','{}']::jsonb[]", "NULL", "22023"),
    ("array['1','2']::jsonb[]", "NULL", "array['a']", "22023"),
    ("array['1']::jsonb[]", "array['[]']::jsonb[]", "NULL", "22023"),
    ("array['1',NULL]::jsonb[]", "NULL", "NULL", "22004"),
    ("array[array['1']]::jsonb[]", "NULL", "NULL", "22023"),
    ("NULL", "NULL", "NULL", "22004"),
]


def events(db):
    return db.q("SELECT id, key, payload, headers, part, generation "
                "FROM tide.events_1 ORDER BY id")


def test_event_is_stored_whole(orders):
    assert orders.one("SELECT tide.outbox_publish('orders', '{\"a\": 1}', "
                      "'{\"h\": \"v\"}', 'k')") == 1
    assert events(orders) == [(1, "k", {"a": 1}, {"h": "v"}, 0, 1)]


def test_headers_and_key_may_be_left_out(orders):
    orders.q("SELECT tide.outbox_publish('orders', '[]')")
    orders.q("SELECT tide.outbox_publish('orders', 'null', NULL, NULL)")
    assert events(orders) == [(1, None, [], {}, 0, 1),
                              (2, None, None, {}, 0, 1)]


def test_key_comes_from_the_header_else(orders):
    for key in ("NULL", "'given'"):
        orders.q("SELECT tide.outbox_publish('orders', '1', "
                 "'{\"key\": \"header\"}', %s)" % key)
    assert [row[1] for row in events(orders)] == ["header", "given"]


def test_null_payload_is_refused(orders):
    with orders.refused("22004", "payload is NULL", "orders"):
        orders.q("SELECT tide.outbox_publish('orders', NULL)")


def test_headers_that_are_no_object_are_refused(orders):
    with orders.refused("22023", "no JSON object"):
        orders.q("SELECT tide.outbox_publish('orders', '1', '[1]')")


@pytest.mark.parametrize("function", ["publish('%s', '1')",
                                      "publish_batch('%s', array['1']::"
                                      "jsonb[])"])
def test_unknown_and_disabled_outboxes_are_refused(orders, function):
    with orders.refused("TD002", "does not exist", "outbox_create"):
        orders.q("SELECT tide.outbox_" + function % "nix")
    orders.q("SELECT tide.outbox_disable('orders')")
    with orders.refused("TD002", "disabled", "outbox_enable"):
        orders.q("SELECT tide.outbox_" + function % "orders")
    orders.q("SELECT tide.outbox_enable('orders')")
    orders.q("SELECT tide.outbox_" + function % "orders")


def test_null_name_is_refused(orders):
    with orders.refused("TD002", "NULL"):
        orders.q("SELECT tide.outbox_publish(NULL, '1')")


def test_rolled_back_event_is_gone(orders):
    conn = orders.session(autocommit=False)
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=conn)
    conn.rollback()
    assert not events(orders)


def test_batch_keeps_order_and_returns_ids(orders):
    ids = orders.one("SELECT tide.outbox_publish_batch('orders', "
                     "array['10','20','30']::jsonb[], "
                     "array['{\"key\": \"h\"}',NULL,'{}']::jsonb[], "
                     "array[NULL,'b','c'])")
    assert ids == [1, 2, 3]
    assert [row[:4] for row in events(orders)] == [
        (1, "h", 10, {"key": "h"}), (2, "b", 20, {}), (3, "c", 30, {})]


def test_batch_of_a_thousand_is_in_order(orders):
    ids = orders.one("SELECT tide.outbox_publish_batch('orders', "
                     "array_agg(to_jsonb(g) ORDER BY g)) "
                     "FROM generate_series(1, 1000) g")
    assert ids == list(range(1, 1001))
    assert [row[2] for row in events(orders)] == ids


def test_empty_batch_publishes_nothing(orders):
    assert orders.one("SELECT tide.outbox_publish_batch('orders', '{}')") == []
    assert not events(orders)


@pytest.mark.parametrize("payloads,headers,keys,code", BAD_BATCHES)
def test_malformed_batches_are_refused(orders, payloads, headers, keys, code):
    with orders.refused(code, "orders"):
        orders.q("SELECT tide.outbox_publish_batch('orders', %s, %s, %s)" %
                 (payloads, headers, keys))
    assert not events(orders)


def test_xid_is_taken_before_the_id(orders):
    """Whoever has the smaller id must not have the later transaction."""
    orders.q("SELECT tide.outbox_publish('orders', '1')")
    assert orders.q("SELECT attname FROM pg_attribute WHERE attrelid = "
                    "'tide.events_1'::regclass AND attnum IN (1, 2) "
                    "ORDER BY attnum") == [("xid",), ("id",)]
    assert orders.one("SELECT seqcache FROM pg_sequence WHERE seqrelid = "
                      "'tide.events_1_seq'::regclass") == 1


def test_xid_written_by_hand_is_corrected(orders):
    conn = orders.session(autocommit=False)
    orders.q("INSERT INTO tide.events_1 (xid, payload) VALUES ('5', '1'), "
             "(DEFAULT, '2')", conn=conn)
    own = orders.one("SELECT pg_current_xact_id()::text", conn=conn)
    assert orders.q("SELECT DISTINCT xid::text FROM tide.events_1",
                    conn=conn) == [(own,)]
    conn.commit()


def test_created_at_is_the_time_of_the_call(orders):
    conn = orders.session(autocommit=False)
    for _ in range(2):
        orders.q("SELECT tide.outbox_publish('orders', '1')", conn=conn)
    times = orders.one("SELECT count(DISTINCT created_at) FROM tide.events_1",
                       conn=conn)
    assert times == 2


@pytest.mark.parametrize("before,after", [("off", "local"), ("on", "on"),
                                          ("local", "local"),
                                          ("remote_apply", "remote_apply")])
def test_synchronous_commit_off_becomes_local(orders, before, after):
    conn = orders.session(autocommit=False)
    orders.q("SET synchronous_commit = " + before, conn=conn)
    conn.commit()
    orders.q("SAVEPOINT a", conn=conn)
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=conn)
    orders.q("RELEASE a", conn=conn)
    assert orders.one("SHOW synchronous_commit", conn=conn) == after
    conn.commit()
    assert orders.one("SHOW synchronous_commit", conn=conn) == before


def notified(conn, until):
    """What arrives, up to and with the notification that marks the end."""
    seen = []
    while until not in seen:
        assert select.select([conn], [], [], 10)[0], seen
        conn.poll()
        seen += [n.payload for n in conn.notifies]
        conn.notifies.clear()
    return seen


@pytest.mark.parametrize("call", ["publish('orders', '1')",
                                  "publish_batch('orders', '{1,2}'::jsonb[])"])
def test_doorbell_rings_only_for_a_sleeper(orders, call):
    listener = orders.session()
    orders.q("LISTEN tide_outbox_new", conn=listener)
    orders.q("SELECT tide.outbox_" + call)
    orders.q("NOTIFY tide_outbox_new, 'mark'")
    assert notified(listener, "mark") == ["mark"]
    orders.q("SELECT pg_advisory_lock(%s, 1)", LOCK, conn=listener)
    orders.q("SELECT tide.outbox_" + call)
    orders.q("NOTIFY tide_outbox_new, 'mark'")
    assert notified(listener, "mark") == ["orders", "mark"]


def test_sleeper_cannot_lie_down_beside_an_open_publisher(orders):
    publisher = orders.session(autocommit=False)
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=publisher)
    try_lock = "SELECT pg_try_advisory_lock(%s, 1)" % LOCK
    assert not orders.one(try_lock)
    publisher.commit()
    assert orders.one(try_lock)


def test_outbox_without_notify_never_rings(db):
    db.q("SELECT tide.outbox_create('quiet', notify := false)")
    db.q("SELECT pg_advisory_lock(%s, 1)", LOCK)
    publisher = db.session(autocommit=False)
    db.q("SELECT tide.outbox_publish('quiet', '1')", conn=publisher)
    db.q("PREPARE TRANSACTION 'two-phase'", conn=publisher)
    db.q("COMMIT PREPARED 'two-phase'")
    assert db.one("SELECT count(*) FROM tide.events_1") == 1


def test_two_phase_publisher_meets_a_sleeper(orders):
    """What the manual says of outboxes that notify."""
    sleeper = orders.session()
    orders.q("SELECT pg_advisory_lock(%s, 1)", LOCK, conn=sleeper)
    publisher = orders.session(autocommit=False)
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=publisher)
    with pytest.raises(psycopg2.errors.FeatureNotSupported):
        orders.q("PREPARE TRANSACTION 'refused'", conn=publisher)


def test_at_most_three_look_ups(orders):
    """Index scans that one publish makes on the tables of the schema."""
    orders.q("SELECT tide.outbox_publish('orders', '1')")
    orders.q("SELECT tide.outbox_grant_publish('orders', 'postgres')")
    conn = orders.session(autocommit=False)
    count = ("SELECT coalesce(sum(pg_stat_get_xact_numscans(indexrelid)), 0) "
             "+ (SELECT sum(pg_stat_get_xact_numscans(oid)) FROM pg_class "
             "WHERE relnamespace = 'tide'::regnamespace AND relkind = 'r') "
             "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
             "WHERE c.relnamespace = 'tide'::regnamespace")
    before = orders.one(count, conn=conn)
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=conn)
    assert orders.one(count, conn=conn) - before <= 3
