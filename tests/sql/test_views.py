# SPDX-License-Identifier: ISC
"""Views and lag: right numbers, also for open windows and held events."""
import pytest

HOOK = '{"sink_type": "webhook", "url": "https://example.com/"}'


@pytest.fixture
def pipe(orders):
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', %s::jsonb)", HOOK)
    return orders


def publish(db, count, conn=None):
    return db.one("SELECT tide.outbox_publish_batch('orders', "
                  "array_agg(to_jsonb(g))) FROM generate_series(1, %s) g",
                  count, conn=conn)


def lag(db, group="default"):
    return db.q("SELECT lag_events, estimated, lag_seconds > 0 "
                "FROM tide.relay_lag(%s) WHERE pipeline = 'p'", group)[0]


def test_outbox_without_pipelines_counts_what_it_holds(orders):
    publish(orders, 3)
    assert orders.q("SELECT outbox_name, pending_count, max_id, "
                    "oldest_at IS NOT NULL FROM tide.outbox_pending") == [
                        ("orders", 3, 3, True)]


def test_empty_outbox_has_no_lag(pipe):
    assert lag(pipe) == (0, False, False)
    assert pipe.q("SELECT pending_messages, last_id, first_retained_id "
                  "FROM tide.outbox_status") == [(0, 0, None)]


def test_lag_of_a_pipeline_that_never_ran(pipe):
    publish(pipe, 5)
    assert lag(pipe) == (5, False, True)
    assert pipe.q("SELECT group_name, consumer_id, lag "
                  "FROM tide.consumer_lag") == [(None, "p", 5)]


def test_lag_after_a_checkpoint(pipe):
    publish(pipe, 5)
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, last_id=5)
    assert lag(pipe) == (0, False, False)
    publish(pipe, 2)
    assert lag(pipe) == (2, False, True)


def test_another_group_has_its_own_lag(pipe):
    """A group that never ran has everything before it."""
    publish(pipe, 5)
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, last_id=5)
    assert lag(pipe, "other") == (5, True, True)


def test_lag_within_an_open_window_and_with_held_events(pipe):
    publish(pipe, 6)
    row = pipe.attach("p")
    s2 = pipe.one("SELECT pg_current_snapshot()::text")
    pipe.checkpoint("p", row["epoch"], s1=row["s1"], s2=s2, last_id=4,
                    held_add=[2])
    publish(pipe, 1)
    assert lag(pipe) == (4, False, True)
    pipe.checkpoint("p", row["epoch"], last_id=7)
    assert lag(pipe) == (1, False, True)
    assert pipe.one("SELECT held_events FROM tide.relay_pipeline_status") == 1
    pipe.checkpoint("p", row["epoch"], last_id=7, held_del=[2])
    assert lag(pipe) == (0, False, False)


def test_late_commit_counts(pipe):
    """Its id is small and the snapshot is past it, but it was in progress."""
    late = pipe.session(autocommit=False)
    publish(pipe, 1, conn=late)
    publish(pipe, 1)
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, last_id=2)
    assert lag(pipe) == (0, False, False)
    late.commit()
    assert lag(pipe) == (1, False, True)


def test_lag_beyond_a_hundred_thousand_is_estimated(pipe):
    pipe.q("INSERT INTO tide.events_1 (payload) "
           "SELECT '1' FROM generate_series(1, 100000)")
    assert lag(pipe)[:2] == (100000, False)
    publish(pipe, 50)
    assert lag(pipe)[:2] == (100050, True)


def test_start_now_leaves_out_the_past(orders):
    publish(orders, 3)
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
             "'{\"url\": \"https://example.com/\", \"start\": \"now\"}')")
    publish(orders, 2)
    assert lag(orders) == (2, False, True)
    row = orders.attach("p")
    assert orders.one("SELECT array_agg(id ORDER BY id) FROM tide.events_1 "
                      "WHERE NOT pg_visible_in_snapshot(xid, %s)",
                      row["s1"]) == [4, 5]


def test_start_now_sees_its_own_transactions_later_events(orders):
    conn = orders.session(autocommit=False)
    publish(orders, 1, conn=conn)
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
             "'{\"url\": \"https://example.com/\", \"start\": \"now\"}')",
             conn=conn)
    publish(orders, 1, conn=conn)
    conn.commit()
    row = orders.attach("p")
    assert orders.one("SELECT count(*) FROM tide.events_1 WHERE id = 2 AND "
                      "NOT pg_visible_in_snapshot(xid, %s)", row["s1"]) == 1


def test_start_at_a_time(orders):
    publish(orders, 3)
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
             "jsonb_build_object('url', 'https://example.com/', 'start', "
             "clock_timestamp()))")
    publish(orders, 2)
    assert lag(orders) == (2, False, True)
    row = orders.attach("p")
    assert row["s1"] == "3:3:"
    assert orders.one("SELECT count(*) FROM tide.events_1 "
                      "WHERE created_at >= %s", row["start_at"]) == 2


def test_status_function_is_the_views_row(orders):
    publish(orders, 1)
    status = orders.one("SELECT tide.outbox_status('orders')")
    assert status["outbox_name"] == "orders"
    assert status["pending_messages"] == 1
    with orders.refused("TD002"):
        orders.q("SELECT tide.outbox_status('nix')")


def test_views_follow_create_and_drop(orders):
    for n in (1, 2):
        orders.q("SELECT tide.outbox_create(%s)", "more%d" % n)
    assert orders.q("SELECT outbox_name FROM tide.outbox_status "
                    "ORDER BY 1") == [("more1",), ("more2",), ("orders",)]
    orders.q("SELECT tide.outbox_drop('more1')")
    assert orders.q("SELECT outbox_name, pending_messages "
                    "FROM tide.outbox_status ORDER BY 1") == [
                        ("more2", 0), ("orders", 0)]


def test_lag_uses_the_index(pipe):
    """A look at an idle pipeline must not read what was delivered."""
    pipe.q("INSERT INTO tide.events_1 (payload) "
           "SELECT '1' FROM generate_series(1, 50000)")
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, last_id=50000)
    pipe.q("ANALYZE")
    plan = pipe.one("EXPLAIN (ANALYZE, FORMAT JSON) "
                    "SELECT * FROM tide.event_lag")

    def rows(node):
        own = node["Actual Rows"] * node["Actual Loops"]
        if "events_1_" not in node.get("Relation Name", ""):
            own = 0
        own += node.get("Rows Removed by Filter", 0)
        return own + sum(rows(n) for n in node.get("Plans", []))
    assert rows(plan[0]["Plan"]) < 10
