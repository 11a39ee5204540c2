# SPDX-License-Identifier: ISC
"""Events that are large, poisoned, slow or refused, and keys that wait."""
import json
import os
import signal

from test_delivery import set_webhook, started
from test_faults import all_arrive, numbers, publish
from tided import wait_for


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
