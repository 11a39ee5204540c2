# SPDX-License-Identifier: ISC
"""Events that are large, poisoned, slow or refused, and keys that wait."""
import json
import os
import signal

from pgcluster import roles_file
from tided import wait_for

from test_delivery import set_webhook, started
from test_faults import all_arrive, numbers, publish


def letters(db):
    return db.q("SELECT error_kind, payload->>'n', key, attempt_count"
                " FROM tide.relay_dlq WHERE NOT resolved ORDER BY id")


def events_table(db, outbox):
    return db.one("SELECT events FROM tide.event_tables WHERE outbox = %s",
                  outbox)


def big(n, size):
    return json.dumps({"n": n, "pad": "x" * size})


def rss(pid, field="VmHWM"):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    raise AssertionError("no " + field)


def test_large_events_keep_their_place(db, outbox, receiver, make_tided):
    """Larger than a megabyte, than all of max_inflight_bytes, and small
    ones, all of one key."""
    set_webhook(db, "large", outbox, receiver, max_inflight_bytes="1MiB")
    sizes = [10, 2_000_000, 10, 900_000, 5_000_000, 300_000, 10, 1_100_000]
    for n, size in enumerate(sizes):
        db.publish(outbox, big(n, size), "k")
    started(make_tided, "large")
    all_arrive(receiver, len(sizes))
    assert numbers(receiver) == list(range(len(sizes)))
    for event in receiver.accepted():
        assert len(event["payload"]["pad"]) == sizes[event["payload"]["n"]]


def test_too_large_events_are_dead_letters(db, outbox, receiver,
                                           make_tided):
    set_webhook(db, "toolarge", outbox, receiver, max_event_size="100KiB")
    db.publish(outbox, big(0, 10), "k")
    db.publish(outbox, big(1, 200_000), "k")
    db.publish(outbox, big(2, 3_000_000), "k")
    db.publish(outbox, big(3, 10), "k")
    d = started(make_tided, "toolarge")
    wait_for(lambda: numbers(receiver) == [0, 3], 20, "the small ones")
    wait_for(lambda: len(letters(db)) == 2, 10, "two letters")
    assert letters(db) == [("too_large", "1", "k", 0),
                           ("too_large", "2", "k", 0)]
    wait_for(lambda: d.metric("pg_tide_relay_dlq_entries_written_total",
                              pipeline="toolarge") == 2, 5, "the counter")
    db.q("DELETE FROM tide.relay_dlq")


def test_poison_rows_are_dead_letters(db, outbox, receiver, make_tided):
    set_webhook(db, "poison", outbox, receiver)
    db.q("INSERT INTO " + events_table(db, outbox) + " (key, payload, headers)"
         " VALUES ('k', '{\"n\": 0}', '[1]'), ('k', '{\"n\": 1}', '{}')")
    started(make_tided, "poison")
    wait_for(lambda: numbers(receiver) == [1], 20, "the sound one")
    wait_for(lambda: letters(db) == [("poison", "0", "k", 0)], 10, "a letter")
    db.q("DELETE FROM tide.relay_dlq")


def test_attempts_are_limited_where_wanted(db, outbox, receiver, make_tided):
    set_webhook(db, "limit", outbox, receiver,
                retry={"initial_backoff": "10ms", "max_backoff": "20ms",
                       "max_attempts": 3})
    started(make_tided, "limit")
    receiver.fault("status/503", times=3, path="/hook")
    publish(db, outbox, 0, 2)
    wait_for(lambda: letters(db) == [("max_attempts", "0", "k0", 3)], 20,
             "a letter")
    wait_for(lambda: numbers(receiver) == [1], 10, "the successor")
    db.q("DELETE FROM tide.relay_dlq")


def test_without_dead_letters_all_is_retried(db, outbox, receiver,
                                             make_tided):
    set_webhook(db, "nodlq", outbox, receiver, dlq={"enabled": False},
                retry={"initial_backoff": "10ms", "max_backoff": "20ms"})
    started(make_tided, "nodlq")
    receiver.fault("status/422", times=5, path="/hook")
    publish(db, outbox, 0, 3)
    all_arrive(receiver, 3)
    assert numbers(receiver) == [0, 1, 2]
    assert letters(db) == []


def test_a_parked_key_waits_for_its_letter(db, outbox, receiver, make_tided):
    """Also over a restart; other keys go on."""
    set_webhook(db, "park", outbox, receiver, on_dead_letter="park_key",
                retry={"initial_backoff": "10ms", "max_backoff": "300ms"})
    d = started(make_tided, "park")
    receiver.fault("status/422", path="/hook")
    db.publish(outbox, '{"n": 0}', "k0")
    wait_for(lambda: len(letters(db)) == 1, 10, "the letter")
    receiver.fault("")
    publish(db, outbox, 1, 9, 4)
    all_arrive(receiver, 9)
    order = [n for n in numbers(receiver) if n % 4 == 0]
    assert order == [0, 4, 8]
    assert d.worker_pid("park")
    db.q("DELETE FROM tide.relay_dlq")


def test_ack_timeout_begins_again(db, outbox, receiver, make_tided):
    set_webhook(db, "ack", outbox, receiver, timeout="60s", ack_timeout="1s")
    d = started(make_tided, "ack")
    receiver.fault("hang", times=1, path="/hook")
    publish(db, outbox, 0, 3)
    d.wait_log("ack_timeout")
    all_arrive(receiver, 3)
    assert numbers(receiver) == [0, 1, 2]


def test_memory_is_bounded(db, outbox, receiver, make_tided):
    """A stalled sink, a backlog of 100 MB."""
    set_webhook(db, "mem", outbox, receiver, timeout="60s",
                max_inflight_bytes="8MiB", max_inflight=100000)
    receiver.fault("hang", path="/hook")
    db.q("SELECT count(*) FROM (SELECT tide.outbox_publish(%s,"
         " jsonb_build_object('n', g, 'pad', (SELECT string_agg(md5(i::text),"
         " '') FROM generate_series(1, 1000 + g %% 17 * 2000) i)))"
         " FROM generate_series(1, 200) g) s", outbox)
    d = started(make_tided, "mem")
    wait_for(lambda: receiver.requests("/hook"), 20, "the first requests")
    wait_for(lambda: (d.metric("pg_tide_relay_inflight_bytes",
                               pipeline="mem") or 0) > 4 << 20, 20,
             "memory fills")
    assert d.metric("pg_tide_relay_inflight_bytes",
                    pipeline="mem") <= 8 << 20
    assert rss(d.worker_pid("mem")) < (64 << 20) + (8 << 20)


def test_a_minute_of_nothing_costs_few_queries(db, outbox, receiver,
                                               make_tided):
    set_webhook(db, "idle", outbox, receiver)
    d = started(make_tided, "idle")
    publish(db, outbox, 0, 3)
    all_arrive(receiver, 3)

    def polls():
        return d.metric("pg_tide_relay_source_poll_queries_total",
                        pipeline="idle")
    wait_for(lambda: d.metric("pg_tide_relay_doorbell_wakeups_total",
                              reason="arming"), 10, "the bell is armed")
    # Counters come once a second: take the steps between two of them.
    first = wait_for(polls, 5, "polls")
    second = wait_for(lambda: polls() > first and polls(), 10, "polls")
    third = wait_for(lambda: polls() > second and polls(), 10, "polls")
    assert third - second <= 2


def test_killed_in_the_middle_of_a_large_event(db, outbox, receiver,
                                               make_tided):
    set_webhook(db, "bigkill", outbox, receiver)
    d = started(make_tided, "bigkill")
    receiver.fault("hang", path="/hook")
    db.publish(outbox, big(0, 4_000_000), "k")
    db.publish(outbox, big(1, 10), "k")
    wait_for(lambda: receiver.requests("/hook"), 20, "the request")
    os.kill(d.worker_pid("bigkill"), signal.SIGKILL)
    receiver.fault("")
    all_arrive(receiver, 2)
    assert numbers(receiver) == [0, 1]


def test_one_hanging_request_stops_nobody(db, outbox, receiver, make_tided):
    """Each event is a window of its own; the first is never answered.  The
    checkpoint goes on, so a crash repeats nothing but that one."""
    set_webhook(db, "slow", outbox, receiver, timeout="100s",
                ack_timeout="100s", max_inflight=50)
    d = started(make_tided, "slow")
    receiver.fault("hang", times=1, path="/hook")
    db.publish(outbox, '{"n": 0}', "k0")
    wait_for(lambda: receiver.requests("/hook"), 20, "the request")
    publish(db, outbox, 1, 3000, 1000)
    wait_for(lambda: len(receiver.requests()) >= 2998, 60, "the others", 0.2)
    assert not {0, 1000, 2000} & set(numbers(receiver))
    wait_for(lambda: db.one("SELECT delivered FROM tide.relay_checkpoints"
                            " WHERE pipeline = 'slow'") == 2997, 20,
             "the checkpoint goes on")
    os.kill(d.worker_pid("slow"), signal.SIGKILL)
    wait_for(lambda: len(receiver.requests()) >= 3001, 60, "the rest", 0.2)
    d.wait_ready("slow")
    assert len(receiver.requests()) == 3001
    assert len(numbers(receiver)) == 3000


def test_a_former_owner_is_fenced(db, outbox, receiver, make_tided):
    set_webhook(db, "fence", outbox, receiver)
    d = started(make_tided, "fence")
    publish(db, outbox, 0, 3)
    all_arrive(receiver, 3)
    old = d.worker_pid("fence")
    db.q("UPDATE tide.relay_checkpoints SET epoch = epoch + 1000000"
         " WHERE pipeline = 'fence'")
    publish(db, outbox, 3, 6)
    d.wait_log("another relay took the pipeline over")
    wait_for(lambda: d.worker_pid("fence") not in (None, old), 20,
             "a new worker")
    publish(db, outbox, 6, 9)
    all_arrive(receiver, 9)
    assert numbers(receiver) == list(range(9))


def test_a_terminated_session_is_replaced(db, outbox, receiver, make_tided):
    set_webhook(db, "term", outbox, receiver)
    d = started(make_tided, "term")
    for turn in range(3):
        publish(db, outbox, turn * 5, turn * 5 + 5)
        all_arrive(receiver, turn * 5 + 5)
        at = len(d.log())
        assert db.one("SELECT pg_terminate_backend(pid) FROM"
                      " pg_stat_activity WHERE application_name ="
                      " 'pg-tide-worker'")
        d.wait_log("is ready", after=at)
    assert numbers(receiver) == list(range(15))


def test_a_restored_dump_is_not_read(db, outbox, receiver, make_tided):
    """The checkpoint is of another cluster, whose numbers ran further."""
    set_webhook(db, "restored", outbox, receiver)
    d = started(make_tided, "restored")
    publish(db, outbox, 0, 2)
    all_arrive(receiver, 2)
    d.stop()
    before = db.q("SELECT s1::text, system_identifier FROM"
                  " tide.relay_checkpoints WHERE pipeline = 'restored'")[0]
    db.q("UPDATE tide.relay_checkpoints SET system_identifier = '17',"
         " s1 = '999999999:999999999:' WHERE pipeline = 'restored'")
    publish(db, outbox, 2, 4)
    d.start()
    d.wait_log("tide.after_restore()")
    assert numbers(receiver) == [0, 1]
    d.stop()
    # pg_upgrade: a new identifier, the numbers went on.
    db.q("UPDATE tide.relay_checkpoints SET s1 = %s::pg_snapshot"
         " WHERE pipeline = 'restored'", before[0])
    d.start()
    d.wait_log("pg_upgrade")
    all_arrive(receiver, 4)
    assert db.one("SELECT system_identifier FROM tide.relay_checkpoints"
                  " WHERE pipeline = 'restored'") == before[1]


def test_where_a_pipeline_begins(db, outbox, receiver, make_tided):
    publish(db, outbox, 0, 3)
    middle = db.one("SELECT clock_timestamp()::text")
    publish(db, outbox, 3, 6)
    set_webhook(db, "now", outbox, receiver, start="now")
    d = started(make_tided, "now")
    publish(db, outbox, 6, 9)
    wait_for(lambda: numbers(receiver) == [6, 7, 8], 20, "the new ones")
    db.q("SELECT tide.relay_delete('now')")
    set_webhook(db, "since", outbox, receiver, start=middle)
    d.wait_ready("since")
    wait_for(lambda: set(numbers(receiver)) == set(range(3, 9)), 20,
             "those since then")


def test_a_worker_needs_little(pg, db, outbox, receiver, make_tided):
    """Its own login may read events and write its progress, no more."""
    pg.psql_file(roles_file())
    if not db.q("SELECT 1 FROM pg_roles WHERE rolname = 'narrow'"):
        db.q("CREATE ROLE narrow LOGIN IN ROLE tide_worker")
    set_webhook(db, "narrow", outbox, receiver)
    d = make_tided(start=False, conf={"worker_postgres_url":
                                      pg.url(user="narrow")})
    d.write_env(WEBHOOK_SECRET="s3cret-canary")
    d.start()
    d.wait_ready("narrow")
    receiver.fault("status/422", times=1, path="/hook")
    publish(db, outbox, 0, 3)
    wait_for(lambda: len(numbers(receiver)) == 2 and len(letters(db)) == 1,
             20, "two events and a letter")
    assert db.one("SELECT usename FROM pg_stat_activity WHERE"
                  " application_name = 'pg-tide-worker'") == "narrow"
    db.q("DELETE FROM tide.relay_dlq")
