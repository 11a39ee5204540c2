# SPDX-License-Identifier: ISC
"""pg-tidectl: arguments, exit statuses, envelopes, database commands."""
import json
import os
import re
import socket
import subprocess
import threading

import pytest

from pgcluster import PgCluster
from tided import PREFIX

OK, FAILED, USAGE, INVALID, UNREACHABLE = range(5)
BUILD = os.environ.get("TIDE_BUILDDIR", "")


def staged(installed, built):
    path = os.path.join(PREFIX, installed)
    return path if os.path.exists(path) else os.path.join(BUILD, built)


CTL = staged("bin/pg-tidectl", "ctl/pg-tidectl")


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    data = os.path.join(PREFIX, "share/pg-tided")
    if not os.path.exists(os.path.join(data, "schema.sql")):
        env["PG_TIDE_DATADIR"] = os.path.join(BUILD, "sql")
    env.update(more)
    return env


class Database:
    """A new database of a server, without the schema."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        cluster.psql("CREATE DATABASE " + name)

    def url(self):
        return self.cluster.url(dbname=self.name)

    def psql(self, sql):
        return self.cluster.psql(sql, self.name)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    cluster = PgCluster(str(tmp_path_factory.mktemp("pg") / "data"))
    cluster.start()
    yield cluster
    cluster.stop("immediate")


@pytest.fixture
def pg_empty(server, request):
    return Database(server, "d%d" % abs(hash(request.node.name)))


def ctl(*args, **more):
    return subprocess.run([CTL, *args], text=True, capture_output=True,
                          timeout=60, check=False, env=environment(**more),
                          stdin=subprocess.DEVNULL)


def envelope(run):
    doc = json.loads(run.stdout)
    assert list(doc) == ["schema_version", "command", "ok", "observed_at",
                         "data", "error"]
    assert doc["schema_version"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        doc["observed_at"])
    if doc["ok"]:
        assert doc["error"] is None
    else:
        assert doc["data"] is None
        assert list(doc["error"]) == ["code", "component", "message",
                                      "likely_cause", "next_action"]
    assert run.stderr == ""
    return doc


def commands():
    """Names of --help, with the words that follow a name."""
    text = ctl("help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    return {m[1]: m[2].strip() for m in
            re.finditer(r"^  ([a-z-]+)((?: [^ \n]+)*)", text, re.M)}


def test_every_command_has_help_and_refuses_too_many_arguments():
    for name in commands():
        run = ctl("help", name)
        assert run.returncode == OK and name in run.stdout
        run = ctl(name, "a", "b", "c", "d")
        assert run.returncode == USAGE, name
        assert run.stdout == "" and "usage" in run.stderr


@pytest.mark.parametrize("args", [
    (), ("explode",), ("--explode", "status"), ("restart",), ("show",),
    ("show", "nothing"), ("show", "sandbox"), ("show", "config", "x"),
    ("status", "--key", "k"), ("describe", "source", "x"),
    ("describe", "sink", "../../etc/passwd"), ("schema", "drop"),
    ("publish", "o", "{}", "--header", "nothing"), ("help", "explode"),
    ("schema", "status", "--postgres-url", "postgres://%zz"),
    ("schema", "status", "--postgres-url-file", "/nonexistent")])
def test_usage(args):
    run = ctl(*args)
    assert run.returncode == USAGE
    assert run.stdout == ""
    assert run.stderr


def test_errors_as_documents():
    doc = envelope(ctl("--json", "explode"))
    assert (doc["ok"], doc["error"]["code"]) == (False, "usage")
    run = ctl("status", "--json", "--socket", "/nonexistent/s")
    assert run.returncode == UNREACHABLE
    assert envelope(run)["error"]["code"] == "daemon_unreachable"
    run = ctl("status", PG_TIDE_SOCKET="/nonexistent/t")
    assert run.returncode == UNREACHABLE and "/nonexistent/t" in run.stderr
    run = ctl("status", "--socket", "/" + "x" * 200)
    assert run.returncode == UNREACHABLE
    assert envelope(ctl("version", "--json"))["data"]["version"]
    assert ctl("--version").stdout == ctl("version").stdout


class Daemon(threading.Thread):
    """A control socket that gives one prepared answer."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.request = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.start()

    def run(self):
        conn, _ = self.listener.accept()
        with conn:
            self.request = json.loads(conn.makefile().readline())
            conn.sendall(self.answer)
        self.listener.close()


@pytest.mark.parametrize("answer", [
    b"", b"garbage", b"[]", b"{}", b'{"ok":true}', b'{"ok":true,"data":null}',
    b'{"ok":false,"error":null}'])
def test_answers_that_are_none(tmp_path, answer):
    path = str(tmp_path / "s")
    Daemon(path, answer)
    run = ctl("reload", "--socket", path)
    assert run.returncode in (FAILED, UNREACHABLE)
    assert run.stderr


def test_what_the_daemon_says_cannot_steer_the_terminal(tmp_path):
    path = str(tmp_path / "s")
    daemon = Daemon(path, json.dumps({"ok": False, "error": {
        "code": "refused", "component": "control",
        "message": "no\x1b]0;title\x07\nway", "likely_cause": "",
        "next_action": ""}}).encode())
    run = ctl("pause", "orders", "--socket", path)
    assert run.returncode == FAILED
    assert "\x1b" not in run.stderr and "no?]0;title??way" in run.stderr
    daemon.join(5)
    assert daemon.request == {"command": "pause", "pipeline": "orders"}


def test_output_that_nobody_takes_is_an_error():
    with open("/dev/full", "w", encoding="ascii") as full:
        run = subprocess.run([CTL, "help"], stdout=full, check=False,
                             stderr=subprocess.PIPE, env=environment())
    assert run.returncode == FAILED


def test_password_is_in_no_message():
    for url in ("postgres://u:s3cr3t@127.0.0.1:1/db",
                "host=127.0.0.1 port=1 password=s3cr3t",
                "postgres://u:s3cr3t@127.0.0.1:1/db?nonsense=1"):
        for args in (("schema", "status"), ("publish", "o", "{}")):
            run = ctl(*args, "--postgres-url", url)
            assert run.returncode in (UNREACHABLE, USAGE)
            assert "s3cr3t" not in run.stderr + run.stdout


def test_schema_life_and_publishing(pg_empty, tmp_path):
    url = pg_empty.url()
    run = ctl("schema", "status", "--json", "--postgres-url", url)
    assert run.returncode == INVALID
    assert envelope(run)["data"]["installed_version"] is None
    assert ctl("schema", "upgrade", "--postgres-url", url).returncode == 1
    run = ctl("publish", "orders", "{}", "--postgres-url", url)
    assert run.returncode == FAILED
    for _ in range(2):
        run = ctl("schema", "install", "--postgres-url", url)
        assert run.returncode == OK, run.stderr
    name = tmp_path / "url"
    name.write_text("  %s  \n" % url, encoding="ascii")
    run = ctl("schema", "status", "--postgres-url-file", str(name))
    assert run.returncode == OK and "up to date" in run.stdout
    assert ctl("schema", "upgrade", PG_TIDE_POSTGRES_URL=url).returncode == 0
    run = ctl("schema", "install", "--roles", "--postgres-url", url)
    assert run.returncode == OK, run.stderr
    assert "tide_relay" in pg_empty.psql("SELECT rolname FROM pg_roles")

    pg_empty.psql("SELECT tide.outbox_create('orders')")
    run = ctl("publish", "orders", '{"n": 1}', "--key", "k1", "--header",
              "a=b=c", "--header", "d=", "--postgres-url", url, "--json")
    assert run.returncode == OK, run.stderr
    ident = envelope(run)["data"]["id"]
    rows = pg_empty.psql("SELECT e.id, e.key, e.payload, e.headers "
                         "FROM tide.events_1 e")
    assert str(ident) in rows and "k1" in rows
    assert '"a": "b=c"' in rows
    run = ctl("publish", "orders", "not json", "--postgres-url", url)
    assert run.returncode == FAILED and "json" in run.stderr
    run = ctl("publish", "nobody", "{}", "--postgres-url", url)
    assert run.returncode == FAILED and "what to do" in run.stderr


def test_libpq_environment_is_honoured(pg_empty, tmp_path):
    service = tmp_path / "services"
    service.write_text(
        "[mine]\nhost=127.0.0.1\nport=%d\nuser=postgres\ndbname=%s\n" % (
            pg_empty.cluster.port, pg_empty.name), encoding="ascii")
    run = ctl("schema", "status", PGSERVICEFILE=str(service),
              PGSERVICE="mine")
    assert run.returncode in (OK, INVALID), run.stderr
    run = ctl("schema", "status", "--postgres-url", "service=mine",
              PGSERVICEFILE=str(service))
    assert run.returncode in (OK, INVALID), run.stderr


def test_a_script_that_fails_leaves_no_trace(pg_empty, tmp_path):
    (tmp_path / "schema.sql").write_text(
        "CREATE SCHEMA tide; CREATE TABLE tide.t (); SELECT 1/0;",
        encoding="ascii")
    run = ctl("schema", "install", "--postgres-url", pg_empty.url(),
              PG_TIDE_DATADIR=str(tmp_path))
    assert run.returncode == FAILED and "division by zero" in run.stderr
    assert "0" in pg_empty.psql("SELECT count(*) FROM pg_namespace "
                                "WHERE nspname = 'tide'")
    run = ctl("schema", "install", "--postgres-url", pg_empty.url(),
              PG_TIDE_DATADIR="/nonexistent")
    assert run.returncode == FAILED and "/nonexistent" in run.stderr


FAKE_WORKER = """#!/bin/sh
[ "$1" = --plugin-dir ] && shift 2
case $1 in
--describe)
    case $2 in
    good|@pipeline) ;;
    *) echo "no plugin $2" >&2; exit 1;;
    esac
    [ "$3" = --json ] && echo '[{"name":"url"}]' || echo "url  string";;
--validate) grep -q good "$2" && exit 0
    echo "the document is bad" >&2; exit 3;;
esac
"""


@pytest.fixture
def fake_worker(tmp_path):
    path = tmp_path / "pg-tide-worker"
    path.write_text(FAKE_WORKER, encoding="ascii")
    path.chmod(0o755)
    return ("--libexec-dir", str(tmp_path), "--plugin-dir", str(tmp_path))


def test_describe_asks_the_worker_program(fake_worker):
    run = ctl("describe", "sink", "good", *fake_worker)
    assert (run.returncode, run.stdout) == (OK, "url  string\n")
    doc = envelope(ctl("describe", "sink", "good", "--json", *fake_worker))
    assert doc["data"] == {"options": [{"name": "url"}]}
    assert ctl("describe", "pipeline", *fake_worker).returncode == OK
    run = ctl("describe", "sink", "bad", *fake_worker)
    assert run.returncode == FAILED and "no plugin" in run.stderr
    run = ctl("describe", "sink", "good", "--libexec-dir", "/nonexistent")
    assert run.returncode == FAILED and "/nonexistent" in run.stderr


def test_validate_a_file(fake_worker, tmp_path):
    path = tmp_path / "doc.json"
    for text, status in (('{"a":"good"}', OK), ('{"a":"b"}', INVALID),
                         ("{", INVALID), ("[]", INVALID), ("", INVALID)):
        path.write_text(text, encoding="ascii")
        assert ctl("validate", str(path), *fake_worker).returncode == status
    path.write_text('{"a":"b"}', encoding="ascii")
    doc = envelope(ctl("validate", str(path), "--json", *fake_worker))
    assert doc["error"]["code"] == "invalid"
    assert doc["error"]["message"] == "the document is bad"


def test_validate_a_stored_pipeline(pg_empty, fake_worker):
    url = ("--postgres-url", pg_empty.url())
    assert ctl("schema", "install", *url).returncode == OK
    pg_empty.psql("SELECT tide.outbox_create('stored')")
    pg_empty.psql("SELECT tide.relay_set_outbox('good', 'stored', "
                  "'{\"sink_type\":\"file\",\"path\":\"/tmp/good\"}'::jsonb)")
    run = ctl("validate", "good", *url, *fake_worker)
    assert run.returncode == OK, run.stderr
    run = ctl("validate", "missing", *url, *fake_worker)
    assert run.returncode == FAILED


def real_worker():
    return staged("libexec/pg-tided/pg-tide-worker", "worker/pg-tide-worker")


def plugin_dir():
    return staged("lib/pg-tided/plugins", "plugins/webhook/.libs")


DOCUMENT = {"schema_version": 1, "name": "p", "source_type": "outbox",
            "source": {"outbox": "orders"}, "sink_type": "webhook",
            "sink": {"url": "https://example.com/hook"}}


@pytest.mark.parametrize("change,status,word", [
    ({}, OK, "valid"), ({"enabled": True}, OK, "valid"),
    ({"batch_size": 0}, INVALID, "batch_size"),
    ({"sink": {}}, INVALID, "url"), ({"nonsense": 1}, INVALID, "nonsense"),
    ({"sink": {"url": "https://a.example/", "colour": "red"}}, INVALID,
     "colour"),
    ({"sink_type": "nosuch"}, INVALID, "nosuch")])
def test_validate_with_the_real_worker(tmp_path, change, status, word):
    args = ("--libexec-dir", os.path.dirname(real_worker()),
            "--plugin-dir", plugin_dir())
    path = tmp_path / "doc.json"
    path.write_text(json.dumps(dict(DOCUMENT, **change)), encoding="ascii")
    path.chmod(0o600)
    run = ctl("validate", str(path), *args)
    assert run.returncode == status, run.stdout + run.stderr
    assert "/proc/self" not in run.stderr
    assert word in run.stdout + run.stderr


def test_describe_with_the_real_worker():
    args = ("--libexec-dir", os.path.dirname(real_worker()),
            "--plugin-dir", plugin_dir(), "--json")
    for subject, name in ((("sink", "webhook"), "url"),
                          (("pipeline",), "batch_size")):
        doc = envelope(ctl("describe", *subject, *args))
        assert name in [o["name"] for o in doc["data"]["options"]]
    assert ctl("describe", "sink", "nosuch", *args).returncode in (FAILED,
                                                                   INVALID)
