# SPDX-License-Identifier: ISC
"""A private PostgreSQL with the schema, and pg-tided on it."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from pgcluster import PgCluster  # noqa: E402
from receiving import Receiver  # noqa: E402
from tided import Tided  # noqa: E402


@pytest.fixture(scope="module")
def pg(tmp_path_factory):
    """One server a module; a test that breaks it repairs it."""
    directory = tmp_path_factory.mktemp("pg")
    cluster = PgCluster(str(directory / "data"))
    cluster.start()
    cluster.install_schema()
    yield cluster
    cluster.stop("immediate")


class Db:
    """Autocommit session that calls the tide functions."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.open()

    def open(self):
        self.conn = self.cluster.connect()
        self.conn.autocommit = True

    def q(self, sql, *args):
        with self.conn.cursor() as c:
            c.execute(sql, args or None)
            return c.fetchall() if c.description else []

    def one(self, sql, *args):
        return self.q(sql, *args)[0][0]

    def publish(self, outbox, payload, key=None, headers="{}"):
        return self.one("SELECT tide.outbox_publish(%s, %s::jsonb, "
                        "%s::jsonb, %s)", outbox, payload, headers, key)


@pytest.fixture
def db(pg):
    session = Db(pg)
    yield session
    session.conn.close()


@pytest.fixture
def outbox(db, request):
    """A fresh outbox named after the test; gone afterwards."""
    name = "o_" + request.node.name.replace("[", "_").replace("]", "")
    name = "".join(c if c.isalnum() else "_" for c in name)[:40].lower()
    db.q("SELECT tide.outbox_create(%s)", name)
    yield name
    if db.conn.closed:
        db.open()
    for (pipe,) in db.q("SELECT name FROM tide.relay_outbox_config"):
        db.q("SELECT tide.relay_delete(%s)", pipe)
    db.q("SELECT tide.outbox_drop(%s)", name)


@pytest.fixture
def receiver(tmp_path):
    r = Receiver(str(tmp_path / "received.jsonl"))
    r.start()
    yield r
    r.stop()


@pytest.fixture
def make_tided(pg, tmp_path):
    """Start pg-tided; everything that was started ends with the test."""
    # Workers run as another user: every folder on the way must let them by.
    path = str(tmp_path)
    while len(path) > 4 and path.startswith("/tmp"):
        if os.stat(path).st_uid == os.geteuid() and path != "/tmp":
            os.chmod(path, 0o755)
        path = os.path.dirname(path)
    made = []

    def make(start=True, **kw):
        d = Tided(tmp_path / ("tided%d" % len(made)),
                  kw.pop("url", None) or pg.url(), **kw)
        made.append(d)
        if start:
            d.start()
        return d
    yield make
    for d in made:
        d.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the daemon's last words beside a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        base = item.funcargs.get("tmp_path")
        for log in sorted(base.glob("tided*/log")) if base else []:
            text = log.read_text(errors="replace")[-6000:]
            report.sections.append((str(log), text))
