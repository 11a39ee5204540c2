# SPDX-License-Identifier: ISC
"""Publishers, a relay under fire, and an oracle."""
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
from oracle import arrived, judge, read_committed  # noqa: E402
from pgcluster import PgCluster  # noqa: E402
from picky import Picky  # noqa: E402
from tided import PREFIX, Tided, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["TIDE_BUILDDIR"]
SCHEMA = """
CREATE SCHEMA torture;
CREATE TABLE torture.noise (k int);
CREATE TABLE torture.account (key int PRIMARY KEY,
    seq bigint NOT NULL DEFAULT 0) WITH (fillfactor = 20);
INSERT INTO torture.account SELECT generate_series(1, 24);
"""


def open_to_children(path):
    """Workers run as another user: every folder on the way lets them by."""
    while path not in ("/", "/tmp"):
        if os.stat(path).st_uid == os.geteuid():
            os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)


class Killer(threading.Thread):
    """Kills the worker, again and again, at moments that a seed decides."""

    def __init__(self, run, seed, shortest, longest):
        super().__init__(daemon=True)
        self.run_ = run
        self.random = random.Random(seed)
        self.bounds = shortest, longest
        self.over = threading.Event()
        self.kills = 0
        self.error = None

    def run(self):
        try:
            while not self.over.wait(self.random.uniform(*self.bounds)):
                pid = self.run_.worker()
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    self.kills += 1
        except Exception as e:  # pylint: disable=broad-except
            self.error = e

    def stop(self):
        self.over.set()
        self.join(30)
        if self.error is not None:
            raise self.error


class Run:
    """One outbox, one pipeline, into a file unless a sink is given."""

    def __init__(self, pg, directory, name, libexec=None, sink=None,
                 **options):
        self.pg = pg
        self.name = name
        self.conn = pg.connect()
        self.conn.autocommit = True
        self.q("SELECT tide.outbox_create(%s)", name)
        self.events = self.q("SELECT events FROM tide.event_tables"
                             " WHERE outbox = %s", name)[0][0]
        conf = {"libexec_dir": libexec} if libexec else {}
        self.tided = Tided(directory / "tided", pg.url(),
                           conf=dict(conf, log_level="info"))
        open_to_children(self.tided.out)
        os.chmod(self.tided.out, 0o777)
        self.path = os.path.join(self.tided.out, "events.jsonl")
        document = sink or {"sink_type": "file", "path": self.path}
        document.update(options)
        with self.conn.cursor() as c:
            from psycopg2.extras import Json
            c.execute("SELECT tide.relay_set_outbox(%s, %s, %s)",
                      (name, name, Json(document)))

    def q(self, sql, *args):
        with self.conn.cursor() as c:
            c.execute(sql, args or None)
            return c.fetchall() if c.description else []

    def worker(self):
        """The worker's pid, found without asking anybody."""
        mine = str(self.tided.proc.pid)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid, encoding="utf-8",
                          errors="replace") as f:
                    name, rest = f.read().rsplit(")", 1)
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    title = f.read()
            except OSError:
                continue
            if rest.split()[1] == mine and b"worker" in title:
                return int(pid)
        return None

    def publish(self, seconds, seed, clients=32):
        """Publishers that run now; wait for them with finish()."""
        script = os.path.join(self.tided.dir, "publish.pgbench")
        with open(os.path.join(HERE, "publish.pgbench"),
                  encoding="utf-8") as f:
            text = f.read().replace("OUTBOX", self.name)
        with open(script, "w", encoding="utf-8") as f:
            f.write(text)
        return subprocess.Popen(
            [self.pg.program("pgbench"), "-n", "-h", self.pg.sockets,
             "-p", str(self.pg.port), "-U", "postgres", "-c", str(clients),
             "-j", "2", "-T", str(seconds), "--random-seed=%d" % seed,
             "-f", script, "postgres"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def finish(publishers, seconds=120):
        text, _ = publishers.communicate(timeout=seconds)
        assert publishers.returncode == 0, text

    def published(self):
        return self.q("SELECT count(*) FROM " + self.events)[0][0]

    def committed(self):
        with self.conn.cursor() as c:
            return read_committed(c, self.events, self.name)

    def verdict(self, seconds=60, complete=True):
        """Wait until everything arrived, stop the relay, then judge."""
        committed = self.committed()
        assert committed
        if complete:
            wait_for(lambda: arrived(self.path) >= len(committed), seconds,
                     "all %d events arrive" % len(committed), 0.2)
        else:
            self.wait_still(seconds)
        self.tided.stop()
        return judge(committed, self.path)

    def wait_still(self, seconds):
        """Until nothing has arrived for two seconds."""
        end = time.monotonic() + seconds
        last, since = -1, time.monotonic()
        while time.monotonic() < end:
            now = arrived(self.path)
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > 2:
                return
            time.sleep(0.2)

    def close(self):
        self.tided.stop()
        self.conn.close()


@pytest.fixture(scope="session")
def pg(tmp_path_factory):
    cluster = PgCluster(str(tmp_path_factory.mktemp("pg") / "data"))
    cluster.start()
    cluster.install_schema()
    cluster.psql(SCHEMA)
    yield cluster
    cluster.stop("immediate")


@pytest.fixture
def make_run(pg, tmp_path, request):
    made = []

    def make(libexec=None, sink=None, **options):
        name = "t%d_%s" % (len(made), "".join(
            c if c.isalnum() else "_" for c in request.node.name)[:40])
        pg.psql("UPDATE torture.account SET seq = 0")
        made.append(Run(pg, tmp_path, name.lower(), libexec, sink,
                        **options))
        return made[-1]
    yield make
    for run in made:
        run.close()


@pytest.fixture
def picky(tmp_path):
    receiver = Picky(str(tmp_path / "picky.jsonl"))
    yield receiver
    receiver.close()


@pytest.fixture
def mutant(tmp_path):
    """A libexec directory whose worker has a mistake in it."""
    def make(program):
        built = os.path.join(BUILD, "tests", "torture", program)
        if not os.path.exists(built):
            subprocess.run(["make", "-s", "-C", BUILD,
                            "tests/torture/" + program], check=True)
        directory = tmp_path / "libexec"
        shutil.copytree(os.path.join(PREFIX, "libexec", "pg-tided"),
                        directory)
        shutil.copy(built, directory / "pg-tide-worker")
        open_to_children(str(directory))
        return str(directory)
    return make


@pytest.fixture
def killer():
    made = []

    def make(run, seed, shortest=0.4, longest=1.5):
        made.append(Killer(run, seed, shortest, longest))
        made[-1].start()
        return made[-1]
    yield make
    for thread in made:
        thread.over.set()
