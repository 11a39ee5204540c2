# SPDX-License-Identifier: ISC
"""Retention: parts are emptied only when nobody needs them; nobody waits."""
import pytest

YEAR = "interval '1 year'"


@pytest.fixture
def pipe(orders):
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
             "'{\"url\": \"https://example.com/\"}')")
    orders.epoch = orders.attach("p")["epoch"]
    return orders


def publish(db, conn=None):
    return db.one("SELECT tide.outbox_publish('orders', '1')", conn=conn)


def age(db):
    """As if the ring's last movements had been a year ago."""
    db.q("UPDATE tide.outbox_parts SET opened_at = opened_at - %s, "
         "closed_at = closed_at - %s" % (YEAR, YEAR))


def sweep(db, conn=None):
    """One sweep: what became of each closed part, and of the rotation."""
    done = db.one("SELECT tide.outbox_sweep()", conn=conn)
    assert not done["more"]
    return done["outboxes"][0]["parts"], done["outboxes"][0]["rotation"]


def delivered(db, **more):
    db.checkpoint("p", db.epoch, **more)


def part(db):
    return db.one("SELECT current_part FROM tide.outboxes")


def parts_of(db):
    return db.q("SELECT id, part FROM tide.events_1 ORDER BY id")


def closed_part(db):
    """One event in part 0, long closed; publishers are on part 1."""
    publish(db)
    age(db)
    assert sweep(db) == ({}, "rotated")
    age(db)


def test_ring_goes_round(pipe):
    for turn in range(7):
        assert part(pipe) == turn % 3
        publish(pipe)
        delivered(pipe)
        age(pipe)
        swept, rotation = sweep(pipe)
        assert rotation == "rotated"
        assert set(swept.values()) <= {"truncated"}
    assert parts_of(pipe) == [(7, 0)]
    assert pipe.one("SELECT pg_relation_size('tide.events_1_2')") == 0


def test_never_onto_a_part_that_is_needed(pipe):
    for _ in range(3):
        publish(pipe)
        age(pipe)
        sweep(pipe)
    assert part(pipe) == 2
    for _ in range(2):
        publish(pipe)
        age(pipe)
        assert sweep(pipe) == ({"0": "needed by p", "1": "needed by p"},
                               "next part is in use")
    assert part(pipe) == 2
    assert len(parts_of(pipe)) == 5
    delivered(pipe)
    age(pipe)
    assert sweep(pipe) == ({"0": "truncated", "1": "truncated"}, "rotated")
    assert part(pipe) == 0


def test_young_and_empty_parts_stay(pipe):
    publish(pipe)
    assert sweep(pipe) == ({}, "current part is young")
    pipe.q("DELETE FROM tide.events_1")
    age(pipe)
    assert sweep(pipe) == ({}, "current part is empty")


def test_retention_time_is_kept(pipe):
    publish(pipe)
    delivered(pipe)
    age(pipe)
    assert sweep(pipe) == ({}, "rotated")
    assert sweep(pipe)[0] == {"0": "retained"}
    pipe.q("SELECT tide.outbox_alter('orders', p_retention_hours := 0)")
    assert sweep(pipe)[0] == {"0": "truncated"}


def test_every_group_must_have_passed(pipe):
    closed_part(pipe)
    other = pipe.session()
    epoch = pipe.attach("p", group="other", conn=other)["epoch"]
    delivered(pipe)
    assert sweep(pipe)[0] == {"0": "needed by p"}
    pipe.checkpoint("p", epoch, group="other", conn=other)
    assert sweep(pipe)[0] == {"0": "truncated"}


def test_pipeline_that_never_ran_needs_everything(pipe):
    closed_part(pipe)
    delivered(pipe)
    pipe.q("SELECT tide.relay_set_outbox('q', 'orders', 'webhook', "
           "'{\"url\": \"https://example.com/\"}')")
    pipe.q("SELECT tide.relay_disable('q')")
    assert sweep(pipe)[0] == {"0": "needed by q"}
    pipe.q("SELECT tide.relay_delete('q')")
    assert sweep(pipe)[0] == {"0": "truncated"}


def test_open_window_needs_its_events(pipe):
    closed_part(pipe)
    delivered(pipe, s1="3:3:",
              s2=pipe.one("SELECT pg_current_snapshot()::text"), last_id=1)
    assert sweep(pipe)[0] == {"0": "needed by p"}


def test_held_event_keeps_its_part(pipe):
    closed_part(pipe)
    delivered(pipe, held_add=[1])
    assert sweep(pipe)[0] == {"0": "needed by p"}
    delivered(pipe, held_del=[1])
    assert sweep(pipe)[0] == {"0": "truncated"}


def test_open_publisher_makes_it_wait_for_another_time(pipe):
    """And its event is needed once it commits, past a checkpoint though."""
    late = pipe.session(autocommit=False)
    publish(pipe, conn=late)
    closed_part(pipe)
    delivered(pipe)
    pipe.q("SET statement_timeout = '5s'")
    assert sweep(pipe)[0] == {"0": "busy"}
    late.commit()
    assert sweep(pipe)[0] == {"0": "needed by p"}
    assert parts_of(pipe) == [(1, 0), (2, 0)]
    delivered(pipe)
    assert sweep(pipe)[0] == {"0": "truncated"}


def test_reader_is_left_in_peace(pipe):
    closed_part(pipe)
    delivered(pipe)
    reader = pipe.session(autocommit=False)
    pipe.q("SELECT * FROM tide.events_1", conn=reader)
    pipe.q("SET statement_timeout = '5s'")
    assert sweep(pipe)[0] == {"0": "busy"}
    pipe.q("SELECT * FROM tide.events_1", conn=reader)
    reader.commit()
    assert sweep(pipe)[0] == {"0": "truncated"}


def test_busy_part_gives_its_lock_back(pipe):
    """What was found to be needed under the lock must not stay locked."""
    closed_part(pipe)
    conn = pipe.session(autocommit=False)
    assert pipe.one("SELECT tide.ring_truncate(1, 0::smallint, false)",
                    conn=conn) == "busy"
    pipe.q("SET lock_timeout = '1s'")
    assert parts_of(pipe) == [(1, 0)]
    conn.rollback()


def test_publisher_is_not_stopped_by_a_rotation(pipe):
    publisher = pipe.session(autocommit=False)
    publish(pipe, conn=publisher)
    publish(pipe)
    age(pipe)
    pipe.q("SET statement_timeout = '5s'")
    assert sweep(pipe)[1] == "rotated"
    publish(pipe, conn=publisher)
    publisher.commit()
    assert parts_of(pipe) == [(1, 0), (2, 0), (3, 1)]


def test_late_arrival_in_an_emptied_part_is_read(pipe):
    """A publisher that had looked up the part before it was closed."""
    closed_part(pipe)
    delivered(pipe)
    assert sweep(pipe)[0] == {"0": "truncated"}
    pipe.q("SELECT tide.events_1_add_0(NULL, '1', '{}', 1)")
    assert pipe.one("SELECT lag_events FROM tide.relay_lag('default')") == 1
    assert parts_of(pipe) == [(2, 0)]


@pytest.mark.parametrize("policy,outcome,gap", [("keep", "needed by p", 0),
                                                ("drop", "dropped", 1)])
def test_max_retention(pipe, policy, outcome, gap):
    pipe.q("SELECT tide.outbox_alter('orders', max_retention := '48 hours', "
           "on_max_retention := %s)", policy)
    closed_part(pipe)
    assert pipe.one("SELECT overdue_parts FROM tide.outbox_status") == 1
    assert sweep(pipe)[0] == {"0": outcome}
    assert pipe.one("SELECT gap_events FROM tide.outbox_status") == gap
    rows = pipe.q("SELECT new_config FROM tide.relay_config_audit "
                  "WHERE op = 'gap'")
    assert rows == [({"pipeline": "p", "relay_group": "default",
                      "outbox": "orders", "events": 1, "first_id": 1,
                      "last_id": 1},)] * gap


def test_drop_waits_for_max_retention(pipe):
    pipe.q("SELECT tide.outbox_alter('orders', max_retention := '3 years', "
           "on_max_retention := 'drop')")
    closed_part(pipe)
    assert sweep(pipe)[0] == {"0": "needed by p"}


def test_dry_run_changes_nothing(pipe):
    closed_part(pipe)
    delivered(pipe)
    publish(pipe)
    done = pipe.one("SELECT tide.outbox_sweep('orders', true)")
    assert done["outboxes"][0] == {"outbox": "orders", "rotation":
                                   "would be rotated",
                                   "parts": {"0": "would be truncated"}}
    assert parts_of(pipe) == [(1, 0), (2, 1)]
    assert part(pipe) == 1


def test_two_sweeps_do_not_meet(pipe):
    closed_part(pipe)
    delivered(pipe)
    conn = pipe.session(autocommit=False)
    assert sweep(pipe, conn=conn)[0] == {"0": "truncated"}
    pipe.q("SET statement_timeout = '5s'")
    done = pipe.one("SELECT tide.outbox_sweep()")
    assert done["outboxes"] == []
    conn.commit()


def test_sweep_needs_fresh_snapshots(pipe):
    conn = pipe.session(autocommit=False)
    conn.set_session(isolation_level="REPEATABLE READ")
    with pipe.refused("TD006", "READ COMMITTED"):
        pipe.q("SELECT tide.outbox_sweep()", conn=conn)


def test_unknown_outbox(pipe):
    with pipe.refused("TD002", "nix"):
        pipe.q("SELECT tide.outbox_sweep('nix')")
