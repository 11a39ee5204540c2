# SPDX-License-Identifier: ISC
"""From a commit in PostgreSQL to a signed request or a line in a file."""
import hashlib
import hmac
import json

from tided import wait_for


def webhook(receiver, **more):
    return json.dumps(dict({
        "url": receiver.url("/hook"),
        "allow_private": True, "allow_insecure": True,
        "signature": {"scheme": "hmac-sha256",
                      "secret": "${env:WEBHOOK_SECRET}",
                      "header": "X-Signature-256"}}, **more))


def set_webhook(db, name, outbox, receiver, **more):
    db.q("SELECT tide.relay_set_outbox(%s, %s, 'webhook', %s::jsonb)",
         name, outbox, webhook(receiver, **more))


def started(make_tided, name=None, **kw):
    d = make_tided(start=False, **kw)
    d.write_env(WEBHOOK_SECRET="s3cret-canary")
    d.start()
    if name:
        d.wait_ready(name)
    return d


def test_committed_events_arrive_signed(db, outbox, receiver, make_tided):
    set_webhook(db, "p1", outbox, receiver)
    started(make_tided, "p1")
    db.q("BEGIN")
    db.publish(outbox, '{"n": 0}', "k")
    db.q("ROLLBACK")
    eid = db.publish(outbox, '{"n": 1, "text": "gr\\u00fc\\u00df"}', "k",
                     '{"event_type": "made", "traceparent": "00-%s-%s-01"}'
                     % ("a" * 32, "b" * 16))
    got = wait_for(receiver.requests, 10, "a request")
    assert len(got) == 1
    req = got[0]
    body = req["body"].encode()
    want = hmac.new(b"s3cret-canary", body, hashlib.sha256).hexdigest()
    assert req["headers"]["x-signature-256"] == "sha256=" + want
    event = json.loads(body)
    assert event["payload"] == {"n": 1, "text": "gr\u00fc\u00df"}
    assert set(event) == {"dedup_key", "subject", "payload", "op",
                          "is_full_refresh", "outbox_id", "refresh_id",
                          "outbox_name", "headers", "created_at"}
    assert event["outbox_name"] == outbox
    assert event["outbox_id"] == eid
    table = db.one("SELECT events FROM tide.event_tables WHERE outbox = %s",
                   outbox)
    ident = db.one("SELECT tide.event_identity(%s, id, created_at) FROM " +
                   table + " WHERE id = %s", outbox, eid)
    assert event["dedup_key"] == ident
    assert req["headers"]["idempotency-key"] == ident
    assert req["headers"]["webhook-id"] == ident
    assert req["headers"]["traceparent"].startswith("00-aaaa")


def test_raw_format_sends_the_payload(db, outbox, receiver, make_tided):
    set_webhook(db, "raw", outbox, receiver, wire_format="raw")
    started(make_tided, "raw")
    db.publish(outbox, '{"b": [1, 2.50, "x"]}')
    got = wait_for(receiver.requests, 10, "a request")
    assert json.loads(got[0]["body"]) == {"b": [1, 2.50, "x"]}


def test_order_within_a_key(db, outbox, receiver, make_tided):
    set_webhook(db, "order", outbox, receiver)
    started(make_tided, "order")
    for n in range(300):
        db.publish(outbox, '{"n": %d}' % n, "key%d" % (n % 7))
    wait_for(lambda: len(receiver.requests()) >= 300, 20, "300 requests")
    seen = {}
    for req in receiver.requests():
        event = json.loads(req["body"])
        n = event["payload"]["n"]
        assert seen.get(n % 7, -1) < n
        seen[n % 7] = n


def test_backlog_then_live(db, outbox, receiver, make_tided):
    """Events from before the first start come first, all of them."""
    for n in range(50):
        db.publish(outbox, '{"n": %d}' % n, "k")
    set_webhook(db, "backlog", outbox, receiver)
    started(make_tided, "backlog")
    wait_for(lambda: len(receiver.requests()) == 50, 10, "the backlog")
    db.publish(outbox, '{"n": 50}', "k")
    wait_for(lambda: len(receiver.requests()) == 51, 10, "the live event")
    got = [json.loads(r["body"])["payload"]["n"] for r in
           receiver.requests()]
    assert got == list(range(51))


def test_file_sink(db, outbox, make_tided):
    d = make_tided(start=False)
    path = d.out + "/events.jsonl"
    db.q("SELECT tide.relay_set_outbox('f', %s, 'file', %s::jsonb)", outbox,
         json.dumps({"path": path}))
    d.start()
    d.wait_ready("f")
    for n in range(20):
        db.publish(outbox, '{"n": %d}' % n, "k")

    def lines():
        with open(path, encoding="utf-8") as f:
            return f.read().splitlines()
    wait_for(lambda: len(lines()) == 20, 10, "20 lines")
    assert [json.loads(x)["payload"]["n"] for x in lines()] == list(range(20))


def test_restart_does_not_repeat_settled_events(db, outbox, receiver,
                                                make_tided):
    set_webhook(db, "again", outbox, receiver)
    d = started(make_tided, "again")
    for n in range(30):
        db.publish(outbox, '{"n": %d}' % n)
    wait_for(lambda: len(receiver.requests()) == 30, 10, "30 requests")
    assert d.stop() == 0
    d.start()
    d.wait_ready("again")
    db.publish(outbox, '{"n": 30}')
    wait_for(lambda: any('"n": 30' in r["body"] or '"n":30' in r["body"]
                         for r in receiver.requests()), 10, "the new event")
    assert len(receiver.requests()) == 31


def test_metrics_move(db, outbox, receiver, make_tided):
    set_webhook(db, "m", outbox, receiver)
    d = started(make_tided, "m")
    for n in range(10):
        db.publish(outbox, '{"n": %d}' % n)
    name = "pg_tide_relay_messages_published_total"
    wait_for(lambda: d.metric(name, pipeline="m") == 10, 10, name)
    assert d.metric("pg_tide_relay_delivery_latency_seconds_count",
                    pipeline="m") == 10
    assert d.metric("pg_tide_relay_pipeline_healthy", pipeline="m") == 1
    wait_for(lambda: d.metric("pg_tide_relay_consumer_lag",
                              pipeline="m") == 0, 15, "lag is known")


def test_counters_survive_a_worker(db, outbox, receiver, make_tided):
    set_webhook(db, "c", outbox, receiver)
    d = started(make_tided, "c")
    name = "pg_tide_relay_messages_published_total"
    for n in range(5):
        db.publish(outbox, '{"n": %d}' % n)
    wait_for(lambda: d.metric(name, pipeline="c") == 5, 10, name)
    old = d.worker_pid("c")
    d.ctl("restart", "c")
    wait_for(lambda: d.worker_pid("c") not in (None, old), 15, "a new pid")
    d.wait_ready("c")
    for n in range(5):
        db.publish(outbox, '{"n": %d}' % n)
    wait_for(lambda: d.metric(name, pipeline="c") == 10, 10, "the sum")


def test_change_while_running(db, outbox, receiver, make_tided):
    set_webhook(db, "ch", outbox, receiver)
    d = started(make_tided, "ch")
    pid = d.worker_pid("ch")
    set_webhook(db, "ch", outbox, receiver, headers={"X-New": "yes"})
    wait_for(lambda: d.worker_pid("ch") not in (None, pid), 15,
             "a new worker")
    d.wait_ready("ch")
    db.publish(outbox, '{"n": 1}')
    got = wait_for(receiver.requests, 10, "a request")
    assert got[0]["headers"]["x-new"] == "yes"


def test_disable_and_enable(db, outbox, receiver, make_tided):
    set_webhook(db, "de", outbox, receiver)
    d = started(make_tided, "de")
    db.q("SELECT tide.relay_disable('de')")
    wait_for(lambda: d.worker_pid("de") is None, 15, "the worker is gone")
    db.publish(outbox, '{"n": 1}')
    assert receiver.requests() == []
    db.q("SELECT tide.relay_enable('de')")
    wait_for(receiver.requests, 15, "the event after enabling")
