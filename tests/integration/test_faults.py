# SPDX-License-Identifier: ISC
"""What breaks around pg-tided, and what it must do: nothing lost, order
kept per key, the other pipelines untouched, a line that says what to do."""
import json
import os
import signal
import socket
import time

import pytest
from tided import Timeout, wait_for

from test_delivery import set_webhook, started

CHILDREN = ["catalog", "control", "resolver", "worker"]


def numbers(receiver):
    """payload.n of the accepted requests, first deliveries only."""
    out = []
    for event in receiver.accepted():
        n = event["payload"]["n"]
        if n not in out:
            out.append(n)
    return out


def publish(db, outbox, first, last, keys=1):
    for n in range(first, last):
        db.publish(outbox, '{"n": %d}' % n, "k%d" % (n % keys))


def all_arrive(receiver, count, seconds=40):
    try:
        wait_for(lambda: len(set(numbers(receiver))) >= count, seconds,
                 "%d events" % count, 0.1)
    except Timeout as e:
        missing = sorted(set(range(count)) - set(numbers(receiver)))
        raise Timeout("%s; missing %s" % (e, missing[:20])) from None


def in_order(receiver, keys=1):
    seen = {}
    for n in numbers(receiver):
        assert seen.get(n % keys, -1) < n, "key %d inverted" % (n % keys)
        seen[n % keys] = n


def alive(pid):
    """Runs; a dead process that nobody has waited for yet does not."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("role", CHILDREN)
def test_killed_child(db, outbox, receiver, make_tided, role):
    set_webhook(db, "k", outbox, receiver)
    d = started(make_tided, "k")
    publish(db, outbox, 0, 50, 5)
    workers = d.worker_pid("k")
    pid = [p["pid"] for p in d.processes() if p["role"] == role][0]
    os.kill(pid, signal.SIGKILL)
    publish(db, outbox, 50, 150, 5)
    all_arrive(receiver, 150)
    in_order(receiver, 5)

    def back():
        try:
            rows = d.processes()
        except AssertionError:
            return False
        return any(p["role"] == role and p["pid"] not in (0, None, pid)
                   for p in rows)
    wait_for(back, 20, "a new " + role)
    if role != "worker":
        assert d.worker_pid("k") == workers
    # The new one does its work, too.
    publish(db, outbox, 150, 160, 5)
    all_arrive(receiver, 160)


def test_killed_supervisor_takes_all_with_it(db, outbox, receiver,
                                             make_tided):
    set_webhook(db, "s", outbox, receiver)
    d = started(make_tided, "s")
    pids = [p["pid"] for p in d.processes() if p["pid"]]
    publish(db, outbox, 0, 20)
    d.kill()
    wait_for(lambda: not any(alive(p) for p in pids), 10,
             "no orphan is left")
    publish(db, outbox, 20, 40)
    d.start()
    all_arrive(receiver, 40)
    in_order(receiver)


def test_stopped_worker_is_killed_and_replaced(db, outbox, receiver,
                                               make_tided):
    set_webhook(db, "stuck", outbox, receiver)
    d = started(make_tided, "stuck")
    pid = d.worker_pid("stuck")
    os.kill(pid, signal.SIGSTOP)
    publish(db, outbox, 0, 10)
    wait_for(lambda: d.worker_pid("stuck") not in (None, pid), 30,
             "the watchdog replaces it")
    all_arrive(receiver, 10)


def test_immediate_restart_of_postgresql(pg, db, outbox, receiver,
                                         make_tided):
    set_webhook(db, "pgr", outbox, receiver)
    started(make_tided, "pgr")
    publish(db, outbox, 0, 100, 5)
    pg.restart("immediate")
    db.open()
    publish(db, outbox, 100, 200, 5)
    all_arrive(receiver, 200)
    in_order(receiver, 5)


@pytest.mark.parametrize("mode", [
    "hang", "reset", "close", "garbage", "cut", "status/500",
    "status/429?retry-after=1", "status/503?retry-after=1", "status/301",
    "status/401", "status/404", "slow"])
def test_bad_receiver(db, outbox, receiver, make_tided, mode):
    """A fault for a while; then everything arrives, in order."""
    set_webhook(db, "bad", outbox, receiver, timeout="1s",
                retry={"initial_backoff": "20ms", "max_backoff": "300ms"})
    started(make_tided, "bad")
    publish(db, outbox, 0, 10, 2)
    all_arrive(receiver, 10)
    receiver.fault(mode, path="/hook")
    before = len(receiver.requests("/hook"))
    publish(db, outbox, 10, 30, 2)
    wait_for(lambda: len(receiver.requests("/hook")) >= before + 4, 30,
             "it tries again")
    receiver.fault("")
    all_arrive(receiver, 30)
    in_order(receiver, 2)
    assert db.one("SELECT count(*) FROM tide.relay_dlq") == 0


def test_receiver_is_away(db, outbox, receiver, make_tided):
    set_webhook(db, "away", outbox, receiver,
                retry={"initial_backoff": "50ms", "max_backoff": "500ms"})
    receiver.stop()
    d = started(make_tided, "away")
    publish(db, outbox, 0, 30, 3)
    d.wait_log("connect to")
    receiver.start()
    all_arrive(receiver, 30)
    in_order(receiver, 3)


def test_permanent_failure_goes_to_the_dead_letters(db, outbox, receiver,
                                                    make_tided):
    set_webhook(db, "dead", outbox, receiver)
    d = started(make_tided, "dead")
    receiver.fault("status/422", times=1)
    db.publish(outbox, '{"n": 0}', "k", '{"h": "v"}')
    wait_for(lambda: db.q("SELECT 1 FROM tide.relay_dlq"), 10, "a letter")
    row = db.q("SELECT pipeline_name, payload->>'n', headers->>'h', key, "
               "error_kind FROM tide.relay_dlq")
    assert row == [("dead", "0", "v", "k", "permanent")]
    publish(db, outbox, 1, 3)
    wait_for(lambda: len(numbers(receiver)) == 2, 10, "successors go on")
    wait_for(lambda: d.metric("pg_tide_relay_dlq_entries_written_total",
                              pipeline="dead") == 1, 5, "the counter moves")
    db.q("SELECT tide.relay_dlq_resolve(id) FROM tide.relay_dlq")


def test_permanent_failures_in_a_row_pause(db, outbox, receiver, make_tided):
    """A misconfigured destination must not empty a backlog."""
    set_webhook(db, "brk", outbox, receiver, max_permanent_ratio=5)
    receiver.fault("status/400")
    d = started(make_tided, "brk")
    publish(db, outbox, 0, 60, 60)
    wait_for(lambda: d.metric("pg_tide_relay_pipeline_paused",
                              pipeline="brk") == 1, 20, "the breaker opens")
    assert db.one("SELECT count(*) FROM tide.relay_dlq") < 30
    receiver.fault("")
    d.ctl("restart", "brk")
    letters = db.one("SELECT count(*) FROM tide.relay_dlq")
    wait_for(lambda: len(set(numbers(receiver))) +
             db.one("SELECT count(*) FROM tide.relay_dlq") >= 60, 20,
             "the rest")
    assert letters < 30
    db.q("DELETE FROM tide.relay_dlq")


def test_one_broken_pipeline_harms_no_other(db, outbox, receiver,
                                            make_tided):
    set_webhook(db, "good", outbox, receiver)
    db.q("SELECT tide.relay_set_outbox('broken', %s, 'webhook', %s::jsonb)",
         outbox, json.dumps({"url": receiver.url("/x"),
                             "allow_private": True,
                             "allow_insecure": True, "signature": {
                                 "scheme": "hmac-sha256",
                                 "secret": "${env:NOT_THERE}"}}))
    d = started(make_tided, "good")
    publish(db, outbox, 0, 5)
    all_arrive(receiver, 5)
    d.wait_log("NOT_THERE")
    row = d.pipeline("broken")
    assert "NOT_THERE" in json.dumps(row)
    assert row["health"] not in ("ok", "healthy")
    # Mended while running: the name becomes known.
    d.write_env(WEBHOOK_SECRET="s3cret-canary", NOT_THERE="now")
    d.signal(signal.SIGHUP)
    wait_for(lambda: receiver.requests("/x"), 30, "the mended one delivers")


def test_one_stuck_key_holds_only_itself(db, outbox, receiver, make_tided):
    """Key "stuck" answers 500 while others go on; a kill in the middle
    repeats nothing beyond the checkpoint."""
    set_webhook(db, "held", outbox, receiver, wire_format="raw",
                retry={"initial_backoff": "50ms", "max_backoff": "200ms"})
    d = started(make_tided, "held")
    receiver.fault("status/500", times=1000000, path="/hook")
    db.publish(outbox, '{"n": 0}', "stuck")
    wait_for(lambda: receiver.requests("/hook"), 10, "the stuck key")
    receiver.fault("")
    publish(db, outbox, 1, 40, 40)
    wait_for(lambda: len(receiver.requests("/hook")) >= 40, 20, "the rest")
    assert d.log().count("panic") == 0


def test_sigterm_drains(db, outbox, receiver, make_tided):
    set_webhook(db, "drain", outbox, receiver)
    d = started(make_tided, "drain")
    publish(db, outbox, 0, 200, 10)
    assert d.stop() == 0
    n = len(receiver.requests())
    d.start()
    all_arrive(receiver, 200)
    in_order(receiver, 10)
    # What was acknowledged before the stop is not sent again.
    ids = [e["dedup_key"] for e in receiver.accepted()]
    assert len(ids) == len(set(ids)), "%d before the stop" % n


def test_pipeline_may_drain_for_a_shorter_time(db, outbox, receiver,
                                               make_tided):
    """What hangs is waited for no longer than the document says."""
    set_webhook(db, "brief", outbox, receiver, drain_timeout="100ms")
    d = started(make_tided, "brief", conf={"drain_timeout": "60s"})
    receiver.fault("hang", path="/hook")
    publish(db, outbox, 0, 1)
    wait_for(lambda: receiver.requests("/hook"), 20, "a request")
    begin = time.monotonic()
    assert d.stop() == 0
    assert time.monotonic() - begin < 15
    receiver.fault("")
    d.start()
    all_arrive(receiver, 1)


def test_reload_with_nonsense_keeps_running(db, outbox, receiver,
                                            make_tided):
    set_webhook(db, "rl", outbox, receiver)
    d = started(make_tided, "rl")
    pid = d.worker_pid("rl")
    with open(d.conf_path, "a", encoding="utf-8") as f:
        f.write("\n[pg-tided]\nno_such_key = 1\n")
    mark = len(d.log())
    d.signal(signal.SIGHUP)
    d.wait_log("no_such_key", after=mark)
    assert d.worker_pid("rl") == pid
    publish(db, outbox, 0, 5)
    all_arrive(receiver, 5)
    d.write_conf()
    d.ctl("reload")
    assert d.worker_pid("rl") == pid


def test_unknown_outbox_is_refused(db, outbox):
    import psycopg2
    with pytest.raises(psycopg2.Error) as e:
        db.publish("no_such_outbox", "{}")
    assert e.value.pgcode == "TD002"
    assert e.value.diag.message_hint


@pytest.mark.parametrize("config,word", [
    ({"url": "https://h/", "no_such_key": 1}, "no_such_key"),
    ({"url": 7}, "url"),
    ({}, "url"),
    ({"url": "https://h/", "timeout": "soon"}, "timeout"),
    ({"url": "https://h/", "batch_size": 0}, "batch_size"),
    ({"url": "https://h/", "signature": {"scheme": "rot13"}}, "scheme"),
    ({"url": "https://h/", "signature": {
        "scheme": "hmac-sha256", "secret": "literal"}}, "secret"),
])
def test_wrong_configuration_is_refused(db, outbox, config, word):
    import psycopg2
    with pytest.raises(psycopg2.Error) as e:
        db.q("SELECT tide.relay_set_outbox('w', %s, 'webhook', %s::jsonb)",
             outbox, json.dumps(config))
    assert e.value.pgcode == "TD004"
    assert word in str(e.value)
    assert e.value.diag.message_hint


def test_two_hosts_one_owner(db, outbox, receiver, make_tided):
    """A second instance waits; when the first dies it takes over."""
    set_webhook(db, "ha", outbox, receiver)
    first = started(make_tided, "ha")
    publish(db, outbox, 0, 5)
    all_arrive(receiver, 5)
    second = started(make_tided)
    second.wait_log("standing by")
    publish(db, outbox, 5, 10)
    all_arrive(receiver, 10)
    begin = time.monotonic()
    first.kill()
    publish(db, outbox, 10, 15)
    all_arrive(receiver, 15)
    assert time.monotonic() - begin < 10
    in_order(receiver)


def test_metrics_port_takes_nonsense(make_tided, db, outbox):
    d = make_tided()
    for junk in (b"\0" * 100, b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                 b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde",
                 b"GET /metrics HTTP/1.1\r\n"):
        with socket.create_connection(("127.0.0.1", d.port), 5) as s:
            s.settimeout(5)
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
            try:
                s.recv(100)
            except (ConnectionResetError, socket.timeout):
                pass
    assert d.http("/livez")[0] == 200
    assert "pg_tide_relay_" in d.http("/metrics")[1]
