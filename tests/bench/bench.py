#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Speed of the whole relay, as ratios against a baseline of the same run.

usage: bench.py [--builddir DIR] [--events N] [--size BYTES] [--runs N] WHAT

WHAT: drain-file, drain-webhook, latency, publish, idle, all.
Prints one JSON object a measurement; tests/bench/README tells how to read
them.  Needs a staged installation (TIDE_PREFIX) and "make bench-programs".
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from pgcluster import PgCluster  # noqa: E402
from tided import Tided, free_port, wait_for  # noqa: E402

OUTBOX = "bench"


def median3(values):
    return {"median": round(statistics.median(values), 3),
            "min": round(min(values), 3), "max": round(max(values), 3)}


class Bench:
    def __init__(self, opts):
        self.opts = opts
        self.dir = tempfile.mkdtemp(prefix="tide-bench-")
        os.chmod(self.dir, 0o755)
        self.pg = PgCluster(os.path.join(self.dir, "pg"))
        self.count = 0

    def __enter__(self):
        self.pg.start()
        self.conn = self.pg.connect()
        self.conn.autocommit = True
        self.q("ALTER SYSTEM SET shared_buffers = '1GB'")
        self.q("ALTER SYSTEM SET max_wal_size = '8GB'")
        self.conn.close()
        self.pg.restart("fast")
        self.conn = self.pg.connect()
        self.conn.autocommit = True
        self.pg.install_schema()
        return self

    def __exit__(self, *exc):
        self.conn.close()
        self.pg.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)

    def q(self, sql, *args):
        with self.conn.cursor() as c:
            c.execute(sql, args or None)
            return c.fetchall() if c.description else None

    def prog(self, name, *args):
        return [os.path.join(self.opts.builddir, "tests/bench", name),
                *map(str, args)]

    def run(self, name, *args):
        r = subprocess.run(self.prog(name, *args), capture_output=True,
                           text=True, check=True)
        return json.loads(r.stdout)

    def stall(self):
        r = subprocess.run(self.prog("stall", "0.5"), capture_output=True,
                           text=True, check=True)
        return float(r.stdout)

    def report(self, name, **figures):
        figures["stall_percent"] = self.stall()
        print(json.dumps({"bench": name, **figures}), flush=True)

    def tided(self, **conf):
        self.count += 1
        return Tided(os.path.join(self.dir, "tided%d" % self.count),
                     self.pg.url(), conf=dict({"log_level": "info"}, **conf))

    def fill(self, name, events):
        """An outbox with that many events of --size bytes, 1000 keys."""
        self.q("SELECT tide.outbox_create(%s, 24)", name)
        pad = "x" * max(1, self.opts.size - 60)
        for at in range(0, events, 1000):
            n = min(1000, events - at)
            self.q("""SELECT count(*) FROM (SELECT tide.outbox_publish_batch(
                %s, array_agg(jsonb_build_object('n', g, 'pad', %s::text)
                ORDER BY g), NULL, array_agg('k' || (g %% 1000)
                ORDER BY g)) FROM generate_series(%s, %s) g) x""",
                name, pad, at + 1, at + n)
        self.q("VACUUM ANALYZE")
        return self.q("SELECT events FROM tide.event_tables "
                      "WHERE outbox = %s", name)[0][0]

    def http_sink(self, arrivals=None):
        port = free_port()
        args = [port] + ([arrivals] if arrivals else [])
        proc = subprocess.Popen(self.prog("http-sink", *args))
        url = "http://127.0.0.1:%d/" % port

        def count():
            try:
                with urllib.request.urlopen(url + "count", timeout=5) as r:
                    return int(r.read())
            except OSError:
                return None
        wait_for(lambda: count() is not None, 10, "http-sink answers")
        return proc, url, count


def timeline(progress, goal, seconds=600):
    """Sample progress() until goal; rate between first and last sight."""
    points = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        n = progress()
        t = time.monotonic()
        if n and (not points or n != points[-1][1]):
            points.append((t, n))
        if n >= goal:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("only %s of %d" % (points[-1:], goal))
    (t0, n0), (t1, n1) = points[0], points[-1]
    return (n1 - n0) / max(t1 - t0, 1e-9)


class LineCount:
    """How many lines a growing file has; reads only what is new."""
    def __init__(self, path):
        self.path, self.offset, self.lines = path, 0, 0

    def __call__(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.offset)
                while chunk := f.read(1 << 20):
                    self.offset += len(chunk)
                    self.lines += chunk.count(b"\n")
        except FileNotFoundError:
            pass
        return self.lines


def bench_drain_file(b):
    rates, base = [], []
    for run in range(b.opts.runs):
        name = "%s_file%d" % (OUTBOX, run)
        table = b.fill(name, b.opts.events)
        line = os.path.join(b.dir, "base.out")
        base.append(b.run(
            "read-baseline", b.pg.url(),
            "SELECT id, key, payload, headers, created_at FROM %s "
            "ORDER BY id" % table, line)["rows_per_second"])
        os.unlink(line)
        d = b.tided()
        path = os.path.join(d.out, "events.jsonl")
        b.q("SELECT tide.relay_set_outbox(%s, %s, 'file', %s::jsonb)",
            name, name, json.dumps({"path": path, "batch_size": 1000,
                                    "max_inflight": 20000}))
        os.chmod(d.out, 0o777)
        d.start()

        rates.append(timeline(LineCount(path), b.opts.events))
        d.stop()
        b.q("SELECT tide.relay_delete(%s)", name)
        b.q("SELECT tide.outbox_drop(%s)", name)
    b.report("drain-file", events=b.opts.events, size=b.opts.size,
             rate=median3(rates), baseline=median3(base),
             ratio=median3([r / x for r, x in zip(rates, base)]))


def bench_drain_webhook(b):
    rates, base = [], []
    events = min(b.opts.events, 200000)
    for run in range(b.opts.runs):
        name = "%s_hook%d" % (OUTBOX, run)
        b.fill(name, events)
        proc, url, count = b.http_sink()
        base.append(b.run("post-baseline", url, events, b.opts.size + 250,
                          16)["posts_per_second"])
        already = count()
        d = b.tided()
        d.write_env(WEBHOOK_SECRET="secret")
        b.q("SELECT tide.relay_set_outbox(%s, %s, 'webhook', %s::jsonb)",
            name, name, json.dumps({
                "url": url + "hook",
                "allow_private": True, "allow_insecure": True,
                "max_inflight": 2000, "max_connections": 16,
                "signature": {"scheme": "hmac-sha256",
                              "secret": "${env:WEBHOOK_SECRET}"}}))
        d.start()
        rates.append(timeline(lambda: count() - already, events))
        d.stop()
        proc.terminate()
        proc.wait()
        b.q("SELECT tide.relay_delete(%s)", name)
        b.q("SELECT tide.outbox_drop(%s)", name)
    b.report("drain-webhook", events=events, size=b.opts.size,
             rate=median3(rates), baseline=median3(base),
             ratio=median3([r / x for r, x in zip(rates, base)]))


def publish_at(b, name, rate, seconds, committed):
    """Publish from four sessions; committed[id] = wall clock of commit."""
    def one(k):
        conn = b.pg.connect()
        conn.autocommit = True
        cur = conn.cursor()
        start = time.monotonic()
        for i in range(int(rate * seconds / 4)):
            due = start + i * 4 / rate
            time.sleep(max(0, due - time.monotonic()))
            cur.execute("SELECT tide.outbox_publish(%s, %s::jsonb, '{}', %s)",
                        (name, '{"n":%d}' % i, "k%d" % (i * 4 + k)))
            committed[cur.fetchone()[0]] = time.time() * 1e6
        conn.close()
    threads = [threading.Thread(target=one, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def bench_latency(b):
    for rate in (1000,):
        name = "%s_lat%d" % (OUTBOX, rate)
        b.q("SELECT tide.outbox_create(%s, 24)", name)
        arrivals = os.path.join(b.dir, "arrivals")
        proc, url, count = b.http_sink(arrivals)
        d = b.tided()
        b.q("SELECT tide.relay_set_outbox(%s, %s, 'webhook', %s::jsonb)",
            name, name, json.dumps({"url": url + "hook",
                                    "allow_private": True,
                                    "allow_insecure": True}))
        d.start()
        d.wait_ready(name)
        publish_at(b, name, rate, 2, {})
        committed = {}
        publish_at(b, name, rate, b.opts.seconds, committed)
        last = max(committed)
        wait_for(lambda: count() >= last, 30, "all arrived")
        d.stop()
        proc.terminate()
        proc.wait()
        took = []
        with open(arrivals, encoding="utf-8") as f:
            for line in f:
                ident, at = line.split()
                i = int(ident.split(":")[1])
                if i in committed:
                    took.append(max(0.0, (int(at) - committed[i]) / 1000))
        took.sort()
        b.report("latency", rate=rate, events=len(took),
                 p50_ms=round(took[len(took) // 2], 2),
                 p99_ms=round(took[int(len(took) * .99)], 2),
                 max_ms=round(took[-1], 2))


PGBENCH = os.path.join(os.environ.get("PG_BINDIR",
                                      "/usr/lib/postgresql/15/bin"),
                       "pgbench")


def pgbench(b, script, seconds):
    path = os.path.join(b.dir, "script.pgbench")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    r = subprocess.run([PGBENCH, "-n", "-M", "prepared", "-c", "8", "-j", "2",
                        "-T", str(seconds), "-f", path, b.pg.url()],
                       capture_output=True, text=True, check=True)
    for line in r.stdout.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise AssertionError(r.stdout + r.stderr)


def bench_publish(b):
    """Publishing with the relay awake, against the function without bell."""
    b.q("SELECT tide.outbox_create(%s, 24)", OUTBOX + "_bell")
    b.q("SELECT tide.outbox_create(p_name := %s, notify := false)",
        OUTBOX + "_quiet")
    b.q("CREATE TABLE IF NOT EXISTS public.bare (xid xid8 NOT NULL DEFAULT "
        "pg_current_xact_id(), id bigserial, key text, payload jsonb, "
        "headers jsonb, created_at timestamptz DEFAULT clock_timestamp())")
    b.q("CREATE INDEX ON public.bare (xid, id)")
    b.q("CREATE UNIQUE INDEX ON public.bare (id)")
    body = '{"pad":"%s"}' % ("x" * b.opts.size)
    call = ("SELECT tide.outbox_publish('%s', '" + body + "'::jsonb, "
            "'{}'::jsonb, 'k');\n")
    rates = {"bell": [], "quiet": [], "bare": []}
    for _ in range(b.opts.runs):
        rates["bell"].append(pgbench(b, call % (OUTBOX + "_bell"), 4))
        rates["quiet"].append(pgbench(b, call % (OUTBOX + "_quiet"), 4))
        rates["bare"].append(pgbench(
            b, "INSERT INTO public.bare (key, payload, headers) VALUES "
            "('k', '" + body + "'::jsonb, '{}'::jsonb);\n", 4))
    b.report("publish", tps={k: median3(v) for k, v in rates.items()},
             ratio_bell=median3([x / y for x, y in zip(rates["bell"],
                                                       rates["quiet"])]),
             ratio_bare=median3([x / y for x, y in zip(rates["bell"],
                                                       rates["bare"])]))


def rss_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def bench_idle(b):
    name = OUTBOX + "_idle"
    b.q("SELECT tide.outbox_create(%s, 24)", name)
    proc, url, _ = b.http_sink()
    d = b.tided()
    b.q("SELECT tide.relay_set_outbox(%s, %s, 'webhook', %s::jsonb)", name,
        name, json.dumps({"url": url + "hook", "allow_private": True,
                          "allow_insecure": True}))
    d.start()
    d.wait_ready(name)
    time.sleep(3)
    pids = [d.proc.pid] + [p["pid"] for p in d.processes() if p["pid"]]
    pids = list(dict.fromkeys(pids))
    before = sum(cpu_ticks(p) for p in pids)
    queries = d.metric("pg_tide_relay_source_poll_queries_total",
                       pipeline=name) or 0
    time.sleep(b.opts.seconds)
    used = sum(cpu_ticks(p) for p in pids) - before
    queries = (d.metric("pg_tide_relay_source_poll_queries_total",
                        pipeline=name) or 0) - queries
    rss = {str(p["role"]): rss_kib(p["pid"]) for p in d.processes()
           if p["pid"]}
    d.stop()
    proc.terminate()
    proc.wait()
    hz = os.sysconf("SC_CLK_TCK")
    b.report("idle", seconds=b.opts.seconds,
             cpu_percent=round(100 * used / hz / b.opts.seconds, 2),
             queries_per_second=round(queries / b.opts.seconds, 2),
             rss_kib=rss)


BENCHES = {"drain-file": bench_drain_file,
           "drain-webhook": bench_drain_webhook, "latency": bench_latency,
           "publish": bench_publish, "idle": bench_idle}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--builddir", default=".")
    p.add_argument("--events", type=int, default=1000000)
    p.add_argument("--size", type=int, default=400)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--seconds", type=int, default=15)
    p.add_argument("what", choices=[*BENCHES, "all"])
    opts = p.parse_args()
    with Bench(opts) as b:
        for name, fn in BENCHES.items():
            if opts.what in (name, "all"):
                fn(b)


if __name__ == "__main__":
    main()
