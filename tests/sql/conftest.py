# SPDX-License-Identifier: ISC
"""One server for the suite; a database of its own for each test."""
import contextlib
import itertools
import os
import sys

import psycopg2
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from pgcluster import PgCluster, roles_file  # noqa: E402

NUMBER = itertools.count(1)
TEMPLATE = "tide_template"


class Database:
    """A database with the schema, and sessions in it."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.sessions = []
        self.conn = self.session()

    def session(self, user="postgres", autocommit=True):
        conn = self.cluster.connect(self.name, user)
        conn.autocommit = autocommit
        self.sessions.append(conn)
        return conn

    def q(self, sql, *args, conn=None):
        with (conn or self.conn).cursor() as c:
            c.execute(sql, args or None)
            return c.fetchall() if c.description else []

    def one(self, sql, *args, conn=None):
        return self.q(sql, *args, conn=conn)[0][0]

    @contextlib.contextmanager
    def refused(self, code, *words):
        """What is inside fails with this SQLSTATE, words and a HINT."""
        with pytest.raises(psycopg2.Error) as caught:
            yield
        diag = caught.value.diag
        assert diag.sqlstate == code, caught.value
        text = "%s %s" % (diag.message_primary, diag.message_hint)
        for word in words:
            assert word in text
        if code[:2] in ("TD", "22"):
            assert diag.message_hint

    def attach(self, pipeline, group="default", conn=None):
        """Own a pipeline in a session; returns its attach row."""
        self.q("SELECT pg_advisory_lock(hashtextextended("
               "'pg_tide:' || %s || ':' || %s || ':0', 0))", group, pipeline,
               conn=conn)
        with (conn or self.conn).cursor() as c:
            c.execute("SELECT * FROM tide.relay_attach(%s, %s, 0, 'test')",
                      (group, pipeline))
            return dict(zip([d.name for d in c.description], c.fetchone()))

    def checkpoint(self, pipeline, epoch, s1=None, group="default", conn=None,
                   **more):
        """Write a checkpoint; without s1, everything is delivered."""
        s1 = s1 or self.one("SELECT pg_current_snapshot()::text", conn=conn)
        given = {"s2": None, "last_id": 0, "held_add": [], "held_del": [],
                 "dead": "[]", "delivered": 0}
        given.update(more)
        self.q("SELECT tide.relay_checkpoint(%s, %s, 0, %s, %s, %s, %s, %s, "
               "%s, %s, %s)", group, pipeline, epoch, s1, given["s2"],
               given["last_id"], given["held_add"], given["held_del"],
               given["dead"], given["delivered"], conn=conn)

    def close(self):
        for conn in self.sessions:
            conn.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    server = PgCluster(str(tmp_path_factory.mktemp("pg")),
                       settings={"max_prepared_transactions": "10"})
    server.start()
    server.psql("CREATE DATABASE " + TEMPLATE)
    server.install_schema(TEMPLATE)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def admin(cluster):
    """Creates and drops databases quicker than a program each time."""
    conn = cluster.connect()
    conn.autocommit = True
    yield conn.cursor()
    conn.close()


@pytest.fixture
def db(cluster, admin):
    name = "t%d" % next(NUMBER)
    admin.execute("CREATE DATABASE %s TEMPLATE %s" % (name, TEMPLATE))
    database = Database(cluster, name)
    yield database
    database.close()
    admin.execute("DROP DATABASE %s" % name)


@pytest.fixture
def orders(db):
    """A database with an outbox."""
    db.q("SELECT tide.outbox_create('orders')")
    return db


@pytest.fixture
def role(cluster):
    """Make login roles that end with the test, whatever they were given."""
    made = []

    def make(name):
        cluster.psql("CREATE ROLE %s LOGIN" % name)
        made.append(name)
        return name
    yield make
    for name in reversed(made):
        for row in cluster.psql("SELECT datname FROM pg_database "
                                "WHERE datallowconn").split():
            cluster.psql("DROP OWNED BY %s" % name, row)
        cluster.psql("DROP ROLE %s" % name)


@pytest.fixture
def roles_script():
    return roles_file()
