# SPDX-License-Identifier: ISC
"""Pipelines: every spelling, what is stored, what is refused, the audit."""
import json
import select

import pytest

URL = "https://example.com/hook"
FLAT = {"sink_type": "webhook", "url": URL, "batch_size": 50,
        "retry": {"max_attempts": 3}, "retry.max_age": "1h",
        "signature": {"scheme": "hmac-sha256",
                      "secret": "${env:WEBHOOK_SECRET}",
                      "header": "X-Signature-256"}}
CANONICAL = {"schema_version": 1, "name": "p", "source_type": "outbox",
             "source": {"outbox": "orders"}, "sink_type": "webhook",
             "sink": {"url": URL, "signature": FLAT["signature"]},
             "batch_size": 50,
             "retry": {"max_attempts": 3, "max_age": "1h"}}


def stored(db, name="p"):
    return db.one("SELECT config FROM tide.relay_outbox_config "
                  "WHERE name = %s", name)


def moved(document, *members):
    """The flat document with its sink's options in a nested object."""
    out = {k: v for k, v in document.items() if k not in ("url", "signature")}
    out[members[0]] = {k: document[k] for k in ("url", "signature")}
    return out


def dotted(document):
    """The nested object's members under dotted names."""
    out = {k: v for k, v in document.items() if k != "signature"}
    out.update(("signature." + k, v)
               for k, v in document["signature"].items())
    return out


def put(db, document):
    db.q("SELECT tide.relay_set_outbox('p', 'orders', %s::jsonb)",
         json.dumps(document))


@pytest.mark.parametrize("document", [
    FLAT, moved(FLAT, "sink"), moved(FLAT, "config"), CANONICAL,
    dict(FLAT, schema_version=1, name="p", outbox="orders"),
    dotted(FLAT),
], ids=["flat", "sink", "config", "canonical", "envelope", "dotted"])
def test_spellings_become_one_document(orders, document):
    put(orders, document)
    assert stored(orders) == CANONICAL


def test_uncast_third_argument_is_a_document(orders):
    """As the security guide writes it, without the cast."""
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', ' %s')" %
             json.dumps(FLAT))
    assert stored(orders) == CANONICAL


@pytest.mark.parametrize("cast", ["::jsonb", "", "::text", "::varchar"])
def test_three_arguments_with_each_type(orders, cast):
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', %s" + cast + ")",
             json.dumps(FLAT))
    assert stored(orders) == CANONICAL


@pytest.mark.parametrize("cast", ["::jsonb", "::text::jsonb", ""])
def test_four_arguments(orders, cast):
    rest = {k: v for k, v in FLAT.items() if k != "sink_type"}
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', %s" +
             cast + ")", json.dumps(rest))
    assert stored(orders) == CANONICAL


@pytest.mark.parametrize("arguments,values", [
    ("$1, $2, $3", ["p", "orders", json.dumps(FLAT)]),
    ("$1, $2, $3, $4", ["p", "orders", "webhook", json.dumps(
        {k: v for k, v in FLAT.items() if k != "sink_type"})]),
])
def test_bound_parameters_of_unknown_type(orders, arguments, values):
    """What a driver sends that leaves the types to the server."""
    orders.q("PREPARE set_it AS SELECT tide.relay_set_outbox(%s)" % arguments)
    marks = ", ".join(["%s"] * len(values))
    orders.q("EXECUTE set_it(%s)" % marks, *values)
    assert stored(orders) == CANONICAL


@pytest.mark.parametrize("call", [
    "p_name => 'p', p_outbox => 'orders', p_config => %s",
    "p_name => 'p', p_outbox => 'orders', p_sink => %s",
    "p_outbox => 'orders', p_name => 'p', p_sink => 'webhook', "
    "p_config => %s",
    "'p', 'orders', p_sink => 'webhook', p_config => %s, "
    "p_enabled => true, p_batch_size => 100"])
def test_named_arguments(orders, call):
    orders.q("SELECT tide.relay_set_outbox(%s)" % call, json.dumps(FLAT))
    assert stored(orders) == CANONICAL


@pytest.mark.parametrize("document", [
    dict(FLAT, name="p", outbox="orders"),
    dict(moved(FLAT, "config"), name="p", outbox="orders"), CANONICAL])
def test_one_document(orders, document):
    orders.q("SELECT tide.relay_set_outbox_v2(%s)", json.dumps(document))
    assert stored(orders) == CANONICAL


def test_what_is_given_back_can_be_set_again(orders):
    put(orders, dict(FLAT, enabled=False))
    orders.q("SELECT tide.relay_set_outbox_v2(tide.relay_get_config('p'))")
    assert stored(orders) == CANONICAL
    assert orders.q("SELECT enabled FROM tide.relay_outbox_config") == [
        (False,)]


def test_batch_size_and_enabled_arguments(orders):
    orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', %s, "
             "7, false)", json.dumps({"url": URL}))
    assert stored(orders)["batch_size"] == 7
    assert not orders.one("SELECT enabled FROM tide.relay_outbox_config")
    with orders.refused("TD004", "batch_size", "twice"):
        orders.q("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', %s, "
                 "7)", json.dumps({"url": URL, "batch_size": 8}))


def test_change_keeps_a_pipeline_disabled(orders):
    put(orders, FLAT)
    orders.q("SELECT tide.relay_disable('p')")
    put(orders, FLAT)
    assert not orders.one("SELECT enabled FROM tide.relay_outbox_config")


# What is refused: document, words of message and hint.
REFUSED = [
    ({"sink_type": "kafka", "brokers": "b"}, ["kafka", "file, webhook"]),
    ({"url": URL}, ["sink_type", "NULL"]),
    ({"sink_type": 5}, ["$.sink_type", "string"]),
    ({"urll": URL}, ["$.urll", "unknown", "url"]),
    ({"sink": {"urll": URL}}, ["$.sink.urll", "unknown"]),
    ({"signature": {"schema": "x"}}, ["$.signature.schema",
                                      "signature.scheme"]),
    ({"signature": 5}, ["$.signature", "object"]),
    ({"signature": {"scheme": "md5"}}, ["$.signature.scheme", "hmac-sha256"]),
    ({"signature": {"secret": "abc"}}, ["$.signature.secret", "literal",
                                        "${env:NAME}"]),
    ({"signature": {"secret": "$${env:X}"}}, ["literal"]),
    ({"signature": {"extra_secrets": ["${env:A}", "abc"]}},
     ["$.signature.extra_secrets[1]", "literal"]),
    ({"url": "https://${env:A B}/"}, ["$.url", "malformed", "$${"]),
    ({"url": "https://${vault:A}/"}, ["$.url", "malformed"]),
    ({"url": "https://${file:relative}/"}, ["$.url", "malformed"]),
    ({"url": ""}, ["$.url", "empty"]),
    ({"url": None}, ["$.url", "string"]),
    ({"headers": ["a"]}, ["$.headers", "object"]),
    ({"headers": {"X-A": 5}}, ["$.headers.X-A", "string"]),
    ({"batch": "yes"}, ["$.batch", "boolean", "true, false"]),
    ({"batch_size": 0}, ["$.batch_size", "1 to 10000"]),
    ({"batch_size": 10001}, ["$.batch_size", "1 to 10000"]),
    ({"batch_size": 1.5}, ["$.batch_size", "integer"]),
    ({"batch_size": "5"}, ["$.batch_size", "integer"]),
    ({"ack_timeout": "999ms"}, ["$.ack_timeout", "range", "1000 to"]),
    ({"ack_timeout": "5 s"}, ["$.ack_timeout", "duration", "200ms"]),
    ({"ack_timeout": -5}, ["$.ack_timeout", "range"]),
    ({"ack_timeout": []}, ["$.ack_timeout", "duration"]),
    ({"max_event_size": "1XB"}, ["$.max_event_size", "size", "16MiB"]),
    ({"max_event_size": "2GiB"}, ["$.max_event_size", "range"]),
    ({"wire_format": "xml"}, ["$.wire_format", "native, raw"]),
    ({"retry": {"max_retries": 5}}, ["$.retry.max_retries",
                                     "retry.max_attempts"]),
    ({"start": "yesterday-ish"}, ["$.start", "earliest"]),
    ({"schema_version": 2}, ["$.schema_version"]),
    ({"source_type": "kafka"}, ["$.source_type", "outbox"]),
    ({"source": {"outbox": "orders", "x": 1}}, ["$.source"]),
    ({"source": {"outbox": "else"}}, ["$.outbox"]),
    ({"name": "q"}, ["$.name"]),
    ({"enabled": "yes"}, ["$.enabled"]),
    ({"sink": {}, "config": {}}, ["$.sink and $.config"]),
    ({"sink": {"url": URL}}, ["$.url", "twice"]),
]


@pytest.mark.parametrize("change,words", REFUSED,
                         ids=[json.dumps(c)[:40] for c, _ in REFUSED])
def test_refused(orders, change, words):
    document = dict({"sink_type": "webhook", "url": URL}, **change)
    if change.get("sink", {"url": URL}) != {"url": URL}:
        del document["url"]             # else: the same option twice
    if change == {"url": URL}:
        del document["sink_type"]
    with orders.refused("TD004", *words):
        put(orders, document)
    assert orders.q("SELECT * FROM tide.relay_outbox_config") == []


def test_missing_required_option(orders):
    with orders.refused("TD004", "$.sink.url", "missing"):
        put(orders, {"sink_type": "webhook"})


@pytest.mark.parametrize("call,code,word", [
    ("relay_set_outbox('p', 'orders', '{\"a\":')", "TD004", "no JSON"),
    ("relay_set_outbox('p', 'orders', '[]'::jsonb)", "TD004", "no object"),
    ("relay_set_outbox('p', 'orders', NULL::jsonb)", "TD004", "no object"),
    ("relay_set_outbox('p', 'orders', 'webhook', '[]')", "TD004",
     "no object"),
    ("relay_set_outbox('p', 'orders', '{}', '{}')", "TD004", "both"),
    ("relay_set_outbox('p', 'nix', 'webhook', '{}')", "TD002", "nix"),
    ("relay_set_outbox('p p', 'orders', 'webhook', '{}')", "42602", "p p"),
    ("relay_set_outbox(NULL, 'orders', 'webhook', '{}')", "42602", "NULL"),
    ("relay_set_outbox_v2('{}')", "TD004", "$.name"),
    ("relay_set_outbox_v2('{\"name\": \"p\"}')", "TD004", "$.outbox"),
    ("relay_enable('nix')", "TD002", "nix"),
    ("relay_disable('nix')", "TD002", "nix"),
    ("relay_delete('nix')", "TD002", "nix"),
    ("relay_get_config('nix')", "TD002", "nix"),
])
def test_bad_calls(orders, call, code, word):
    with orders.refused(code, word):
        orders.q("SELECT tide." + call)


@pytest.mark.parametrize("value", ["5s", 5000, "0.5m", "5000ms", "1h",
                                   "${env:TIMEOUT}"])
def test_durations(orders, value):
    put(orders, {"sink_type": "webhook", "url": URL, "ack_timeout": value})
    assert stored(orders)["ack_timeout"] == value


@pytest.mark.parametrize("value", ["64KiB", 65536, "1MB", "1G", "4GiB"])
def test_sizes(orders, value):
    put(orders, {"sink_type": "webhook", "url": URL,
                 "max_inflight_bytes": value})
    assert stored(orders)["max_inflight_bytes"] == value


def test_literal_secrets_can_be_allowed_and_are_masked(orders):
    orders.q("INSERT INTO tide.settings VALUES ('allow_literal_secrets', "
             "'true')")
    put(orders, {"sink_type": "webhook",
                 "url": "https://user:hunter2@example.com/?token=hunter2&a=b",
                 "headers": {"Authorization": "Bearer hunter2",
                             "X-Api-Key": "${env:KEY}", "X-Plain": "plain"},
                 "signature": {"scheme": "hmac-sha256", "secret": "hunter2"},
                 "bearer_token": "Bearer ${env:TOKEN}"})
    orders.q("SELECT tide.relay_disable('p')")
    assert stored(orders)["sink"]["signature"]["secret"] == "hunter2"
    for shown in ("SELECT tide.relay_get_config('p')",
                  "SELECT tide.relay_list_configs()",
                  "SELECT jsonb_agg(a) FROM tide.relay_config_audit a"):
        text = json.dumps(orders.one(shown))
        assert "hunter2" not in text
        for kept in ("https://user:***@example.com/?token=***&a=b",
                     "${env:KEY}", "Bearer ${env:TOKEN}", "plain"):
            assert kept in text


def test_audit_and_announcement_of_each_change(orders):
    orders.q("LISTEN tide_relay_config")
    put(orders, FLAT)
    put(orders, dict(FLAT, batch_size=60))
    assert orders.one("SELECT tide.relay_disable('p')")
    assert not orders.one("SELECT tide.relay_disable('p')")
    assert orders.one("SELECT tide.relay_enable('p')")
    orders.q("SELECT tide.relay_delete('p')")
    rows = orders.q("SELECT op, changed_by, old_config->'batch_size', "
                    "new_config->'batch_size' FROM tide.relay_config_audit "
                    "ORDER BY id")
    assert rows == [("set", "postgres", None, 50), ("set", "postgres", 50, 60),
                    ("disable", "postgres", 60, 60),
                    ("enable", "postgres", 60, 60),
                    ("delete", "postgres", 60, None)]
    heard = []
    while len(heard) < 5:
        orders.conn.poll()
        heard += [json.loads(n.payload) for n in orders.conn.notifies]
        orders.conn.notifies.clear()
        if len(heard) < 5:
            assert select.select([orders.conn], [], [], 10)[0]
    assert heard == [{"name": "p", "op": op} for op in
                     ("set", "set", "disable", "enable", "delete")]


def test_each_change_raises_the_generation(orders):
    seen = []
    for step in ("relay_set_outbox('p', 'orders', 'webhook', "
                 "'{\"url\": \"https://example.com/\"}')",) * 2 + (
                     "relay_disable('p')", "relay_enable('p')",
                     "outbox_alter('orders', notify := false)"):
        orders.q("SELECT tide." + step)
        seen += orders.q("SELECT generation, notify "
                         "FROM tide.relay_pipelines()")
    numbers = [row[0] for row in seen]
    assert numbers == sorted(set(numbers))
    assert [row[1] for row in seen] == [True] * 4 + [False]


def test_a_sink_that_a_host_publishes_is_known(orders):
    table = [{"name": "broker", "type": "endpoint", "flags": ["required"],
              "help": "Where"}]
    publish = "SELECT tide.relay_publish_sink_type('kafka', '1', %s)"
    assert orders.one(publish, json.dumps(table))
    assert not orders.one(publish, json.dumps(table))
    put(orders, {"sink_type": "kafka", "broker": "b:9092"})
    for bad in ("{}", '[{"name": "x"}]', '[{"name": "X", "type": "int"}]',
                '[{"name": "x", "type": "float"}]', "[5]"):
        with orders.refused("TD004", "malformed"):
            orders.q(publish, bad)


def test_listing(orders):
    assert orders.one("SELECT tide.relay_list_configs()") == []
    put(orders, FLAT)
    assert orders.one("SELECT tide.relay_list_configs()") == [
        {"name": "p", "direction": "outbox", "enabled": True,
         "config": CANONICAL}]
