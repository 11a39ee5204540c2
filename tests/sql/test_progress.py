# SPDX-License-Identifier: ISC
"""Checkpoints, fencing, held events and dead letters."""
import json
import subprocess

import psycopg2
import pytest

HOOK = '{"url": "https://example.com/"}'
LOCK = ("SELECT pg_try_advisory_lock(hashtextextended("
        "'pg_tide:default:p:0', 0))")


@pytest.fixture
def pipe(orders):
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', %s)",
             HOOK)
    for key in ("a", "b", "c"):
        orders.q("SELECT tide.outbox_publish('orders', '{\"n\": 1}', "
                 "'{\"h\": 1}', %s)", key)
    return orders


def letter(event, **more):
    out = {"id": event, "error_class": "permanent", "error_code": 422,
           "error_text": "refused", "attempts": 3,
           "first_failed_at_us": 1790000000000001,
           "last_failed_at_us": 1790000000000002}
    out.update(more)
    return out


def row(db):
    return db.q("SELECT epoch, s1::text, s2::text, last_id, delivered, dead "
                "FROM tide.relay_checkpoints")[0]


def test_attach_makes_the_first_checkpoint(pipe):
    got = pipe.attach("p")
    assert got == {
        "epoch": got["epoch"], "outbox_id": 1, "outbox": "orders",
        "events": "tide.events_1", "notify": True, "enabled": True,
        "generation": 1, "s1": "3:3:", "s2": None, "last_id": 0, "held": 0,
        "start_at": None, "system_identifier": None,
        "timeline": None, "newest_generation": 1, "lost_after": None}
    assert pipe.one("SELECT instance FROM tide.relay_checkpoints") == "test"
    again = pipe.attach("p")
    assert again["epoch"] > got["epoch"]
    assert again["system_identifier"] == pipe.one(
        "SELECT system_identifier FROM tide.server_check()")


def test_attach_needs_the_lock(pipe):
    attach = "SELECT * FROM tide.relay_attach('default', 'p', 0, 'i')"
    with pipe.refused("TD003", "does not hold the lock"):
        pipe.q(attach)
    other = pipe.session()
    assert pipe.one(LOCK, conn=other)
    with pipe.refused("TD003", "does not hold the lock"):
        pipe.q(attach)
    pipe.q(attach, conn=other)
    pipe.q("SELECT pg_advisory_unlock_all()", conn=other)
    pipe.q(LOCK.replace("lock(", "lock_shared("), conn=other)
    with pipe.refused("TD003", "does not hold the lock"):
        pipe.q(attach, conn=other)


@pytest.mark.parametrize("group,pipeline,shard", [
    ("default", "p", 1), ("other", "p", 0)])
def test_the_lock_is_of_group_and_shard(pipe, group, pipeline, shard):
    assert pipe.one(LOCK)
    with pipe.refused("TD003"):
        pipe.q("SELECT * FROM tide.relay_attach(%s, %s, %s, 'i')", group,
               pipeline, shard)


def test_attach_to_an_unknown_pipeline(pipe):
    with pipe.refused("TD002", "nix"):
        pipe.attach("nix")


def test_attach_is_refused_outside_read_committed(pipe):
    conn = pipe.session(autocommit=False)
    conn.set_session(isolation_level="REPEATABLE READ")
    with pipe.refused("TD006", "READ COMMITTED"):
        pipe.attach("p", conn=conn)


def test_progress_is_kept_and_counted(pipe):
    got = pipe.attach("p")
    s2 = pipe.one("SELECT pg_current_snapshot()::text")
    pipe.checkpoint("p", got["epoch"], s1="3:3:", s2=s2, last_id=2,
                    delivered=2)
    assert row(pipe) == (got["epoch"], "3:3:", s2, 2, 2, 0)
    pipe.checkpoint("p", got["epoch"], s1=s2, s2=None, last_id=3, delivered=1,
                    dead=json.dumps([letter(3)]))
    again = pipe.attach("p")
    assert (again["s1"], again["s2"], again["last_id"]) == (s2, None, 3)
    assert row(pipe)[4:] == (3, 1)


def test_former_owner_is_fenced(pipe):
    old = pipe.attach("p")["epoch"]
    pipe.q("SELECT pg_advisory_unlock_all()")
    new = pipe.attach("p", conn=pipe.session())["epoch"]
    with pipe.refused("TD001", "epoch %d" % old):
        pipe.checkpoint("p", old, last_id=3, held_add=[1],
                        dead=json.dumps([letter(2)]))
    assert row(pipe)[:4] == (new, "3:3:", None, 0)
    assert pipe.q("SELECT * FROM tide.relay_held_events") == []
    assert pipe.q("SELECT * FROM tide.relay_dlq") == []


def test_deleted_pipeline_fences_its_owner(pipe):
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, held_add=[1])
    pipe.q("SELECT tide.relay_delete('p')")
    with pipe.refused("TD001", "deleted"):
        pipe.checkpoint("p", epoch)
    pipe.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', %s)", HOOK)
    with pipe.refused("TD001"):
        pipe.checkpoint("p", epoch)
    again = pipe.attach("p")
    assert (again["s1"], again["held"]) == ("3:3:", 0)
    assert again["epoch"] > epoch


def test_held_events(pipe):
    epoch = pipe.attach("p")["epoch"]
    held = "SELECT array_agg(h) FROM tide.relay_held('default', 'p', 0) h"
    pipe.checkpoint("p", epoch, held_add=[3, 1, 2])
    pipe.checkpoint("p", epoch, held_add=[3], held_del=[1])
    assert pipe.one(held) == [2, 3]
    assert pipe.attach("p")["held"] == 2


def test_malformed_snapshot_is_refused(pipe):
    epoch = pipe.attach("p")["epoch"]
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
        pipe.checkpoint("p", epoch, s1="10:5:")
    assert row(pipe)[1] == "3:3:"


def test_pipeline_pointed_to_another_outbox_begins_anew(pipe):
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, last_id=3, held_add=[1])
    pipe.q("SELECT tide.outbox_create('other')")
    pipe.q("SELECT tide.relay_set_outbox('p', 'other', 'webhook', %s)", HOOK)
    got = pipe.attach("p")
    assert (got["outbox"], got["s1"], got["held"], got["last_id"]) == (
        "other", "3:3:", 0, 0)


def test_dead_letter_is_the_whole_event(pipe):
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, dead=json.dumps([letter(2)]))
    assert pipe.q(
        "SELECT d.pipeline_name, d.outbox_name, d.event_id, d.dedup_key = "
        "tide.event_identity('orders', e.id, e.created_at), d.key, d.payload, "
        "d.headers, d.created_at = e.created_at, d.error_kind, d.error_code, "
        "d.error_message, d.attempt_count, "
        "extract(microseconds FROM d.last_failed_at - d.first_failed_at)::int,"
        " d.resolved FROM tide.relay_dlq_list('p') d "
        "JOIN tide.events_1 e ON e.id = d.event_id") == [
            ("p", "orders", 2, True, "b", {"n": 1}, {"h": 1}, True,
             "permanent", 422, "refused", 3, 1, False)]


def test_checkpoint_and_letters_are_one_transaction(pipe):
    epoch = pipe.attach("p")["epoch"]
    with pytest.raises(psycopg2.errors.CheckViolation):
        pipe.checkpoint("p", epoch, last_id=3, held_add=[1], dead=json.dumps(
            [letter(1), letter(2, error_class="unheard of")]))
    assert row(pipe)[3:] == (0, 0, 0)
    assert pipe.q("SELECT * FROM tide.relay_dlq") == []
    assert pipe.q("SELECT * FROM tide.relay_held_events") == []


def test_letter_reported_twice_is_one(pipe):
    for attempts in (3, 5):
        epoch = pipe.attach("p")["epoch"]
        pipe.checkpoint("p", epoch,
                        dead=json.dumps([letter(2, attempts=attempts)]))
    assert pipe.q("SELECT event_id, attempt_count FROM tide.relay_dlq") == [
        (2, 5)]


def test_letter_of_an_event_that_is_gone(pipe):
    epoch = pipe.attach("p")["epoch"]
    pipe.q("TRUNCATE tide.events_1")
    pipe.checkpoint("p", epoch, dead=json.dumps([letter(2)]))
    assert pipe.q("SELECT dedup_key, payload FROM tide.relay_dlq") == [
        ("orders:2", None)]


def test_letters_are_resolved_counted_and_purged(pipe):
    epoch = pipe.attach("p")["epoch"]
    pipe.checkpoint("p", epoch, dead=json.dumps(
        [letter(1), letter(2), letter(3, error_class="poison")]))
    first = pipe.one("SELECT id FROM tide.relay_dlq WHERE event_id = 1")
    pipe.q("SELECT tide.relay_dlq_resolve(%s)", first)
    with pipe.refused("P0002", "no unresolved dead letter"):
        pipe.q("SELECT tide.relay_dlq_resolve(%s)", first)
    assert pipe.q("SELECT event_id FROM tide.relay_dlq_list()") == [
        (2,), (3,)]
    assert pipe.q("SELECT event_id FROM tide.relay_dlq_list('q')") == []
    assert pipe.q("SELECT * FROM tide.relay_dlq_stats()") == [
        ("p", "permanent", 2, 1), ("p", "poison", 1, 1)]
    assert pipe.one("SELECT tide.relay_dlq_purge()") == 0
    with pipe.refused("22023", "-1 days"):
        pipe.q("SELECT tide.relay_dlq_purge(-1)")
    assert pipe.one("SELECT tide.relay_dlq_purge(0, 'q')") == 0
    assert pipe.one("SELECT tide.relay_dlq_purge(0)") == 1
    assert pipe.one("SELECT count(*) FROM tide.relay_dlq") == 2
    assert pipe.one("SELECT dlq_depth FROM tide.relay_lag('default')") == 2


@pytest.mark.parametrize("moment,identity", [
    ("1970-01-01 00:00:00+00", "o:7:0"),
    ("1970-01-01 00:00:00.000035+00", "o:7:z"),
    ("1970-01-01 00:00:00.000036+00", "o:7:10"),
    ("2026-11-23 12:34:56.789012+00", None),
    ("2199-12-31 23:59:59.999999+00", None)])
def test_identity(db, moment, identity):
    """As every other program computes it: microseconds in base 36."""
    got = db.one("SELECT tide.event_identity('o', 7, %s)", moment)
    micros = db.one("SELECT (extract(epoch FROM date_trunc('second', %s::"
                    "timestamptz))::bigint * 1000000 + extract(microseconds "
                    "FROM %s::timestamptz)::bigint %% 1000000)::text",
                    moment, moment)
    assert int(got.split(":")[2], 36) == int(micros)
    if identity:
        assert got == identity


def test_server_check(pipe):
    told = pipe.q("SELECT * FROM tide.server_check()")[0]
    assert told[1:3] == (1, False)
    assert told[3] == pipe.conn.server_version
    assert told[4] == "0.1.0"


def test_standby_is_refused(cluster, pipe, tmp_path):
    """A standby's snapshots list nothing in progress: events would be lost."""
    from pgcluster import PgCluster, as_server_user
    standby = PgCluster(str(tmp_path / "standby"), extension=False)
    standby.initialize(empty=True)
    try:
        subprocess.run(
            [cluster.program("pg_basebackup"), "-h", cluster.sockets, "-p",
             str(cluster.port), "-U", "postgres", "-D", standby.data, "-R",
             "-c", "fast", "--no-sync"], check=True, cwd="/",
            **as_server_user())
        standby.settings["max_prepared_transactions"] = "10"
        standby.start()
        conn = standby.connect(pipe.name)
        conn.autocommit = True
        with pipe.refused("TD006", "standby", "primary"):
            pipe.attach("p", conn=conn)
        assert pipe.one("SELECT in_recovery FROM tide.server_check()",
                        conn=conn)
        conn.close()
    finally:
        standby.remove()
