# SPDX-License-Identifier: ISC
"""The control process alone, with a supervisor that is played."""
import http.client
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import time

import pytest
from prometheus_client.openmetrics import parser as openmetrics

import playing
from playing import Played, metrics, state
from tided import PREFIX, free_port, wait_for

PUBLISHED, LATENCY, LAG, FAILURES = 1, 24, 16, 5
DEADLINE, SYSCALL, NOT_OWNER, SECRET = 12, 14, 7, 17


def control_program():
    built = os.path.join(os.environ.get("TIDE_BUILDDIR", ""),
                         "supervisor/control/pg-tide-control")
    staged = os.path.join(PREFIX, "libexec/pg-tided/pg-tide-control")
    return staged if os.path.exists(staged) else built


def ctl_program():
    staged = os.path.join(PREFIX, "bin/pg-tidectl")
    built = os.path.join(os.environ.get("TIDE_BUILDDIR", ""),
                         "ctl/pg-tidectl")
    return staged if os.path.exists(staged) else built


class Control(Played):
    """With both listeners and the processes that are always there."""

    def __init__(self, directory, settings=None):
        values = {"relay_group_id": "default", "sandbox": "best-effort",
                  "sandbox_action": "kill", "control_group": ""}
        values.update(settings or {})
        super().__init__(control_program(), str(directory / "log"), values)
        self.path = str(directory / "control.sock")
        self.port = free_port()

    def start(self):
        super().start()
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", self.port))
        tcp.listen(128)
        self.listener(2, tcp)
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(self.path)
        unix.listen(64)
        self.listener(1, unix)
        os.chmod(self.path, 0o666)
        self.proc_row("catalog", generation=2, pid=11)
        self.proc_row("resolver", generation=3, pid=12)
        self.catalog = self.channel("catalog", generation=2, pid=11)
        playing.send(self.catalog, playing.STATE, state("", "ok"))
        wait_for(lambda: self.get("/readyz")[0] == 200, 10, "ready")
        return self

    def get(self, path, method="GET", headers=None):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        conn.request(method, path, headers=headers or {})
        reply = conn.getresponse()
        body = reply.read().decode()
        conn.close()
        return reply.status, body, reply.headers

    def page(self):
        return self.get("/metrics")[1]

    def wait_sample(self, line):
        wait_for(lambda: line in self.page().splitlines(), 10,
                 "the page has %r; it has\n%s" % (line, self.page()))

    def worker(self, name="orders", generation=10, pid=100, **row):
        self.proc_row("worker", name, "webhook", generation, pid, **row)
        return self.channel("worker", name, generation, pid)

    def ask(self, text, shut=False):
        """A request on the socket as it is; the reply document."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(self.path)
            s.sendall(text if isinstance(text, bytes) else text.encode())
            if shut:
                s.shutdown(socket.SHUT_WR)
            data = b""
            while True:
                more = s.recv(65536)
                if not more:
                    break
                data += more
        return json.loads(data) if data else None

    def command(self, name, **members):
        return self.ask(json.dumps(dict(members, command=name)) + "\n")

    def pipeline(self, name="orders"):
        for row in self.command("status")["data"]["pipelines"]:
            if row["pipeline"] == name:
                return row
        return None

    def ctl(self, *args):
        return subprocess.run(
            [ctl_program(), "--socket", self.path, *args], text=True,
            capture_output=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL)


@pytest.fixture
def control(tmp_path):
    child = Control(tmp_path).start()
    yield child
    assert child.stop() == 0


def sample(name, value, **labels):
    inner = ",".join('%s="%s"' % kv for kv in labels.items())
    return "pg_tide_relay_%s%s %s" % (name, "{%s}" % inner if inner else "",
                                      value)


def test_counters_survive_the_restart_of_a_worker(control):
    first = control.worker()
    playing.send(first, playing.METRICS, metrics("orders", [
        (PUBLISHED, (), 5.0), (LATENCY, (), [1, 0, 2] + [0] * 7, 0.25)]))
    control.wait_sample(sample("messages_published_total", 5,
                               pipeline="orders"))
    first.close()
    control.proc_row("worker", "orders", "webhook", 10, 0, cause=13)
    second = control.worker(generation=11, pid=101, cause=13, restarts=1)
    playing.send(second, playing.METRICS, metrics("orders", [
        (PUBLISHED, (), 2.0), (LATENCY, (), [0, 1] + [0] * 8, 0.5)]))
    control.wait_sample(sample("messages_published_total", 7,
                               pipeline="orders"))
    page = control.page()
    assert sample("delivery_latency_seconds_bucket", 4, pipeline="orders",
                  le="+Inf") in page
    assert sample("delivery_latency_seconds_sum", 0.75,
                  pipeline="orders") in page
    assert sample("worker_restarts_total", 1, pipeline="orders",
                  cause="crash") in page


def test_gauges_go_with_their_process_and_pipelines_with_their_row(control):
    worker = control.worker()
    inflight = metrics("orders", [(27, (), 9.0), (PUBLISHED, (), 1.0)])
    playing.send(worker, playing.METRICS, inflight)
    control.wait_sample(sample("inflight_events", 9, pipeline="orders"))
    worker.close()
    wait_for(lambda: "inflight_events" not in control.page(), 10, "no gauge")
    assert sample("messages_published_total", 1,
                  pipeline="orders") in control.page()
    assert "pipeline_heartbeat_age_seconds{" in control.page()
    control.proc_row("worker", "orders", removed=1)
    wait_for(lambda: 'pipeline="orders"' not in control.page(), 10, "gone")


def test_counts_forced_ends_and_kills_by_the_filter(control):
    for generation, cause in ((10, DEADLINE), (11, SYSCALL)):
        control.worker(generation=generation).close()
        control.proc_row("worker", "orders", "webhook", generation, 0,
                         cause=cause)
    control.wait_sample(sample("worker_sandbox_kills_total", 1,
                               pipeline="orders"))
    assert sample("forced_shutdown_total", 1,
                  pipeline="orders") in control.page()


def test_both_formats_are_well_formed(control):
    worker = control.worker('we"ird\\')
    playing.send(worker, playing.METRICS, metrics('we"ird\\', [
        (PUBLISHED, (), 3.0), (LATENCY, (), [1] * 10, 0.125),
        (FAILURES, ("line\nfeed", "timeout", "transient"), 1.0)]))
    escaped = 'pipeline="we\\"ird\\\\"'
    wait_for(lambda: escaped in control.page(), 10, "the label")
    assert 'connector="line\\nfeed"' in control.page()
    status, page, headers = control.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"],
                                 input=page, text=True, capture_output=True,
                                 check=False)
        assert (checked.returncode, checked.stdout + checked.stderr) == \
            (0, "")
    _, page, headers = control.get("/metrics", headers={
        "Accept": "application/openmetrics-text;version=1.0.0,"
                  "text/plain;version=0.0.4;q=0.5"})
    assert headers["Content-Type"].startswith(
        "application/openmetrics-text; version=1.0.0")
    assert page.endswith("# EOF\n")
    assert "# TYPE pg_tide_relay_messages_published counter\n" in page
    assert 'le="1.0"' in page
    assert list(openmetrics.text_string_to_metric_families(page))


def test_plugin_metrics_are_named_after_the_plugin(control):
    worker = control.worker()
    playing.send(worker, playing.METRIC_DEF, struct.pack("<HB", 1000, 1) +
                 playing.text("connections") + playing.text("Opened"))
    playing.send(worker, playing.METRICS,
                 metrics("orders", [(1000, (), 4.0)]))
    wait_for(lambda: 'pg_tide_sink_webhook_connections_total'
                     '{pipeline="orders"} 4' in control.page(), 10, "it")
    playing.send(worker, playing.METRIC_DEF, struct.pack("<HB", 1001, 2) +
                 playing.text("insecure") + playing.text("Unsafe"))
    playing.send(worker, playing.METRICS,
                 metrics("orders", [(1001, (), 1.0)]))
    control.wait_sample(sample("pipeline_insecure", 1, pipeline="orders"))
    assert "without encryption" in control.ctl("status").stdout


def test_a_worker_speaks_of_its_own_pipeline_only(control):
    worker = control.worker()
    playing.send(worker, playing.METRICS,
                 metrics("other", [(PUBLISHED, (), 3.0)]))
    control.wait_log("its channel is closed")
    assert 'pipeline="other"' not in control.page()
    assert worker.recv(1) == b""


def test_what_is_no_count_is_not_counted(control):
    worker = control.worker()
    for bad in (float("nan"), -1.0, float("inf")):
        playing.send(worker, playing.METRICS,
                     metrics("orders", [(PUBLISHED, (), bad)]))
    for i in range(80):
        playing.send(worker, playing.METRICS, metrics("orders", [
            (FAILURES, ("c%d" % i, "x", "y"), 1.0)]))
    playing.send(worker, playing.METRICS, metrics("orders", [
        (27, (), 1.0)]))
    control.wait_sample(sample("inflight_events", 1, pipeline="orders"))
    page = control.page()
    assert "messages_published_total{" not in page
    assert page.count("connector_failures_total{") == 64
    control.wait_log("is not counted")


def test_readiness_names_no_secret_and_knows_every_state(control):
    assert control.get("/livez")[:2] == (200, "alive\n")
    worker = control.worker()
    assert control.get("/readyz")[:2] == (200, "ready\n")
    for health, status in (("retrying", 200), ("alarm", 503), ("ok", 200),
                           ("failed", 503), ("standby", 200),
                           ("paused", 503)):
        playing.send(worker, playing.STATE,
                     state("orders", health, "host db7 refused"))
        wait_for(lambda h=health: control.pipeline()["health"] == h, 10,
                 health)
        assert control.get("/readyz")[0] == status, health
        assert control.get("/health")[0] == status
        assert (sample("pipeline_healthy", int(status == 200),
                       pipeline="orders") in control.page())
    code, body, headers = control.get("/healthz")
    doc = json.loads(body)
    assert code == 503 and headers["Content-Type"] == "application/json"
    assert doc["pipelines"][0]["health"] == "paused"
    assert "db7" not in body
    assert control.pipeline()["last_error"] == "host db7 refused"


def test_readiness_follows_the_table_of_processes(control):
    for row, status, word in (
            ({"pid": 0, "cause": NOT_OWNER}, 200, "standby"),
            ({"pid": 0, "cause": SECRET, "words": "no"}, 503, "failed"),
            ({"pid": 0, "cause": SECRET, "paused": 1}, 200, "paused"),
            ({"pid": 5, "life": "locked"}, 503, "starting"),
            ({"pid": 5, "life": "ready"}, 200, "running"),
            ({"pid": 5, "life": "draining"}, 503, "draining")):
        control.proc_row("worker", "orders", "webhook", 10, **row)
        wait_for(lambda w=word: (control.pipeline() or {}).get("state") == w,
                 10, word)
        assert control.get("/readyz")[0] == status, word
    control.proc_row("worker", "orders", removed=1)
    wait_for(lambda: control.pipeline() is None, 10, "removed")
    playing.send(control.catalog, playing.STATE,
                 state("broken", "failed", "unknown key"))
    wait_for(lambda: control.get("/readyz")[0] == 503, 10, "refused document")
    assert control.pipeline("broken")["last_error"] == "unknown key"
    playing.send(control.catalog, playing.STATE, state("broken", "ok"))
    wait_for(lambda: control.get("/readyz")[0] == 200, 10, "repaired")
    control.proc_row("catalog", generation=2, pid=0, cause=13)
    wait_for(lambda: control.get("/readyz")[0] == 503, 10, "no catalog")


def test_http_takes_get_and_head_only(control):
    assert control.get("/nothing")[0] == 404
    status, body, headers = control.get("/livez", "HEAD")
    assert (status, body) == (200, "")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert control.get("/livez", method)[0] == 405
    assert control.get("/livez", headers={"X": "y" * 20000})[0] == 431
    assert headers["Connection"] == "close"


def test_slow_and_many_http_clients_do_not_hurt(control):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(10000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200),
                                                hard))
    crowd = []
    try:
        for _ in range(wanted):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", control.port))
            crowd.append(s)
        crowd[0].setblocking(True)
        assert control.command("status")["ok"]
        if os.geteuid() == 0:   # the process is not dumpable
            descriptors = os.listdir("/proc/%d/fd" % control.proc.pid)
            assert len(descriptors) < 200
        # One byte a second is not enough to stay.
        slow, begin = crowd[0], time.monotonic()
        slow.settimeout(1)
        cut = False
        while not cut and time.monotonic() - begin < 20:
            try:
                slow.send(b"G")
                cut = slow.recv(1) in (b"",)
            except socket.timeout:
                continue
            except OSError:
                cut = True
        assert cut and time.monotonic() - begin < 15
    finally:
        for s in crowd:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def served():
        try:
            return control.get("/livez")[0] == 200
        except OSError:
            return False
    wait_for(served, 30, "served again")


def test_control_socket_refuses_what_it_must(control):
    assert control.ask("nonsense\n")["error"]["code"] == "bad_request"
    assert control.ask("[]\n")["error"]["code"] == "bad_request"
    assert control.ask("{}\n")["error"]["code"] == "bad_request"
    deep = "[" * 100 + "]" * 100
    assert control.ask(deep + "\n")["error"]["code"] == "bad_request"
    assert control.ask("x" * 70000)["error"]["code"] == "bad_request"
    assert control.command("explode")["error"]["code"] == "unknown_command"
    assert control.command("restart")["error"]["code"] == "bad_request"
    unknown = control.command("restart", pipeline="nobody")
    assert unknown["error"]["code"] == "unknown_pipeline"
    assert control.ask("", shut=True) is None
    begin = time.monotonic()
    assert control.ask('{"command"') is None
    assert 4 < time.monotonic() - begin < 10


def test_control_socket_has_room_for_32(control):
    crowd = []
    for _ in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(control.path)
        crowd.append(s)
    crowd[39].sendall(b'{"command":"config"}\n')
    assert json.loads(crowd[39].recv(65536))["ok"]
    for s in crowd:
        s.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_only_some_may_change(control):
    def as_nobody(command):
        code = ("import socket,sys;s=socket.socket(socket.AF_UNIX);"
                "s.connect(sys.argv[1]);s.sendall(sys.argv[2].encode());"
                "print(s.makefile().read())")
        parent = os.path.dirname(control.path)
        while parent != "/":
            os.chmod(parent, os.stat(parent).st_mode | 0o111)
            parent = os.path.dirname(parent)
        done = subprocess.run(
            ["/usr/bin/python3", "-c", code, control.path, command + "\n"],
            user="nobody", group="nogroup", extra_groups=[], text=True,
            capture_output=True, check=True, timeout=20, cwd="/")
        return json.loads(done.stdout)

    assert as_nobody('{"command":"status"}')["ok"]
    refused = as_nobody('{"command":"stop"}')
    assert refused["error"]["code"] == "not_permitted"


def test_changes_go_to_the_supervisor(control):
    control.worker("orders")
    wait_for(lambda: control.pipeline() is not None, 10, "the row")
    for args, verb, arg, name in (
            (("reload",), 1, 0, ""), (("stop",), 2, 0, ""),
            (("restart", "orders"), 3, 0, "orders"),
            (("pause", "orders"), 4, 0, "orders"),
            (("resume", "orders"), 5, 0, "orders"),
            (("log-level", "debug"), 6, 3, ""), (("reopen",), 7, 0, "")):
        ok = verb % 2
        with subprocess.Popen(
                [ctl_program(), "--socket", control.path, *args], text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as run:
            body = control.wait_for_frame(playing.REQUEST)
            ident, *rest = struct.unpack_from("<IBI", body)
            assert rest == [verb, arg]
            assert playing.get_text(body, 9)[0] == name
            control.send(playing.REPLY, struct.pack("<IB", ident, ok) +
                         playing.text("so be it"))
            out, err = run.communicate(timeout=20)
        assert run.returncode == (0 if ok else 1)
        assert "so be it" in (out if ok else err)


def test_a_silent_supervisor_is_not_waited_for(control):
    begin = time.monotonic()
    assert control.command("reload")["error"]["code"] == "timeout"
    assert time.monotonic() - begin < 15


def test_prints_what_workers_say_under_their_names(control):
    worker = control.worker()
    playing.send(worker, playing.LOG, b"\x01" + playing.text("careful\x1b["))
    out = control.output("orders", pid=4711)
    os.write(out, b"half a line")
    os.write(out, b" and the rest\nassert failed")
    os.close(out)
    control.wait_log("half a line and the rest")
    control.wait_log("assert failed")
    out = control.output("orders", pid=4712)
    os.write(out, b"2026-01-01T00:00:00.000Z pg-tide-worker[4712]: error: "
             b"pipeline=orders from a thread\n")
    os.write(out, b"2026-01-01T00:00:00.000Z pg-tide-worker[1]: error: "
             b"pipeline=orders forged\n")
    os.close(out)
    control.wait_log("pg-tide-worker[4712]: error: pipeline=orders from a")
    control.wait_log("warn: pipeline=orders 2026-01-01T00:00:00.000Z pg-tide")
    log = control.log()
    assert "\x1b" not in log and "careful" in log
    line = [x for x in log.splitlines() if "half a line" in x][0]
    assert "pipeline=orders" in line and "4711" in line


def test_a_chatty_worker_is_cut_short(control):
    out = control.output("orders")
    for i in range(2000):
        os.write(out, b"noise %d\n" % i)
    wait_for(lambda: control.get("/livez")[0] == 200, 10, "alive")
    time_was = time.monotonic()

    def told():
        os.write(out, b"more\n")
        return "lines suppressed" in control.log()
    wait_for(told, 10, "the number of lines that were dropped", step=0.2)
    os.close(out)
    assert time.monotonic() - time_was < 10
    assert control.log().count("noise") < 500


def test_status_tables_and_documents(control):
    worker = control.worker()
    playing.send(worker, playing.METRICS, metrics("orders", [
        (PUBLISHED, (), 12.0), (34, ("files",), 1.0), (34, ("net",), 0.0)]))
    playing.send(control.catalog, playing.METRICS,
                 metrics("orders", [(LAG, (), 3.0)]))
    wait_for(lambda: (control.pipeline() or {}).get("consumer_lag") == 3, 10,
             "the lag")
    row = control.pipeline()
    assert (row["published"], row["consumer_lag"]) == (12, 3)
    assert row["retries"] == "unknown"
    text = control.ctl("status").stdout
    assert "group default" in text and "orders" in text
    doc = json.loads(control.ctl("status", "--json").stdout)
    assert doc["schema_version"] == 1 and doc["ok"]
    assert doc["command"] == "status"
    doc = json.loads(control.ctl("show", "config", "--json").stdout)
    assert {"name": "sandbox", "value": "best-effort", "origin": "test"} in \
        doc["data"]["settings"]
    assert "catalog" in control.ctl("show", "processes").stdout
    assert "orders" in control.ctl("pipelines").stdout
    doc = json.loads(control.ctl("show", "sandbox", "orders",
                                 "--json").stdout)
    assert doc["data"]["layers"] == {"files": True, "net": False}
    assert doc["data"]["attested"]
    assert control.ctl("show", "sandbox", "nobody").returncode == 1


def test_settings_are_shown_as_last_told(control):
    control.send(playing.RELOAD)
    control.send(playing.SETTING, playing.text("sandbox") +
                 playing.text("required") + playing.text("file:3"))
    control.send(playing.CONFIG, playing.text("") * 3 +
                 struct.pack("<QII", 0, 0, 0))
    wait_for(lambda: control.command("config")["data"]["settings"] == [
        {"name": "sandbox", "value": "required", "origin": "file:3"}], 10,
             "the new settings")


def test_every_counter_of_the_table_has_a_legal_name(control):
    families = [x for x in control.page().splitlines()
                if x.startswith("# TYPE")]
    assert sample("build_info", 1, version=control.command("status")["data"]
                  ["version"]) in control.page()
    for line in families:
        _, _, name, kind = line.split()
        assert name.endswith("_total") == (kind == "counter"), name
