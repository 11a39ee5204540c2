# SPDX-License-Identifier: ISC
"""The server under a relay changes: it crashes, a standby takes over, it is
upgraded, or the database comes to another one by dump and restore.

Each time two pipelines have come to different points.  Nothing is lost, and
no identity stands for two events: a sink that drops what it has seen drops
no event.
"""
import json
import os
import shutil
import signal
import subprocess
import time

import psycopg2
import pytest
from conftest import Db
from pgcluster import PgCluster, as_server_user
from tided import free_port, wait_for

from test_delivery import webhook

LONG = bool(os.environ.get("LONG"))
OUTBOX = "orders"
PIPES = ("ahead", "behind")
KEYS = 4
SPEND_XIDS = """DO $$ BEGIN FOR i IN 1..%d LOOP
    PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"""


@pytest.fixture
def make_pg(tmp_path):
    """Servers that end with the test."""
    made = []

    def make(name, start=True, **settings):
        cluster = PgCluster(str(tmp_path / name), settings=settings)
        made.append(cluster)
        if start:
            cluster.start()
        return cluster
    yield make
    for cluster in made:
        cluster.remove()


@pytest.fixture
def pg(make_pg):
    cluster = make_pg("first")
    cluster.install_schema()
    return cluster


def pipelines_make(db, receiver):
    db.q("SELECT tide.outbox_create(%s)", OUTBOX)
    for name in PIPES:
        document = webhook(receiver, url=receiver.url("/" + name), retry={
            "initial_backoff": "50ms", "max_backoff": "300ms"})
        db.q("SELECT tide.relay_set_outbox(%s, %s, 'webhook', %s::jsonb)",
             name, OUTBOX, document)


def start(d, pipes=PIPES):
    d.write_env(WEBHOOK_SECRET="s3cret-canary")
    d.start()
    for name in pipes:
        d.wait_ready(name)
    return d


def publish(db, numbers):
    for n in numbers:
        db.publish(OUTBOX, '{"n": %d}' % n, "k%d" % (n % KEYS))


def committed(db):
    """Identity -> number of every event that the server has."""
    return dict(db.q("SELECT tide.event_identity(%s, id, created_at), "
                     "(payload->>'n')::int FROM tide.events_1", OUTBOX))


class Sink:
    """What one pipeline has delivered, as a deduplicating sink sees it."""

    def __init__(self, receiver, name):
        self.seen = {}
        self.order = []
        self.repeats = 0
        for request in receiver.requests("/" + name):
            if request["answer"].startswith("status/5"):
                continue
            event = json.loads(request["body"])
            number = event["payload"]["n"]
            identity = event["dedup_key"]
            if identity in self.seen:
                assert self.seen[identity] == number, "two events, one name"
                self.repeats += 1
            else:
                self.seen[identity] = number
                self.order.append(number)

    def check_order(self):
        last = {}
        for number in self.order:
            assert last.get(number % KEYS, -1) < number, "inverted"
            last[number % KEYS] = number


def delivered(receiver, name):
    return set(Sink(receiver, name).seen)


def all_arrive(receiver, db, seconds=40, pipes=PIPES):
    want = committed(db)
    for name in pipes:
        wait_for(lambda: set(want) <= delivered(receiver, name), seconds,
                 "all %d events at %s" % (len(want), name), 0.1)
    return want


def two_points(db, receiver, d):
    """One pipeline has 60 events, the other 30 and a destination that is
    away; then 10 more that nobody has seen, as the relay is stopped."""
    pipelines_make(db, receiver)
    start(d)
    publish(db, range(30))
    all_arrive(receiver, db)
    receiver.fault("status/503", path="/behind")
    publish(db, range(30, 60))
    all_arrive(receiver, db, pipes=PIPES[:1])
    d.stop()
    publish(db, range(60, 70))
    receiver.fault("")


def pg_dump_and_restore(old, new):
    dump = old.run("pg_dump", "postgres")
    new.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres",
            input=dump)


@pytest.mark.parametrize("spent", [0, 8000] if LONG else [0],
                         ids=lambda n: "ahead" if n else "behind")
def test_dump_and_restore(pg, make_pg, receiver, make_tided, spent):
    """Into a cluster whose transaction numbers are behind, or far ahead so
    that they say nothing; events are published before anybody calls."""
    db = Db(pg)
    db.q(SPEND_XIDS % 3000)
    two_points(db, receiver, make_tided(start=False))
    new = make_pg("second")
    if spent:
        new.psql(SPEND_XIDS % spent)
    pg_dump_and_restore(pg, new)
    db.conn.close()
    pg.stop()
    db = Db(new)
    db.q("BEGIN")
    db.q("SAVEPOINT s")
    publish(db, range(70, 75))
    db.q("COMMIT")
    before = len(receiver.requests())
    d = make_tided(start=False, url=new.url())
    start(d, ())
    d.wait_log("Call tide.after_restore() once")
    assert len(receiver.requests()) == before
    wait_for(lambda: "after_restore" in json.dumps(d.pipeline("ahead")), 10,
             json.dumps(d.pipeline("ahead")))
    assert db.q("SELECT * FROM tide.after_restore()") == [(OUTBOX, 2, 5)]
    assert db.q("SELECT * FROM tide.after_restore()") == []
    publish(db, range(75, 90))
    want = all_arrive(receiver, db)
    assert len(want) == 90
    for name in PIPES:
        sink = Sink(receiver, name)
        sink.check_order()
        assert sorted(sink.order) == list(range(90))
        assert sink.repeats == 0
    # The next ones come by the new numbers, quickly.
    publish(db, range(90, 95))
    all_arrive(receiver, db, 5)
    wait_for(lambda: db.q("SELECT DISTINCT c.generation, l.lag FROM "
                          "tide.relay_checkpoints c JOIN tide.consumer_lag l"
                          " ON l.consumer_id = c.pipeline") == [(2, 0)], 10,
             "no lag")


def test_restored_twice(pg, make_pg, receiver, make_tided):
    """The second dump holds two generations, and pipelines that are still
    in the first."""
    db = Db(pg)
    db.q(SPEND_XIDS % 3000)
    two_points(db, receiver, make_tided(start=False))
    servers = [pg]
    for turn in range(2):
        servers.append(make_pg("next%d" % turn))
        pg_dump_and_restore(*servers[-2:])
        db.conn.close()
        servers[-2].stop()
        db = Db(servers[-1])
        assert db.q("SELECT generation FROM tide.after_restore()") == [
            (turn + 2,)]
        publish(db, range(70 + 10 * turn, 80 + 10 * turn))
    start(make_tided(start=False, url=servers[-1].url()))
    want = all_arrive(receiver, db)
    assert len(want) == 90
    for name in PIPES:
        sink = Sink(receiver, name)
        sink.check_order()
        assert sink.repeats == 0


def upgrade(old, new):
    """With the server's own programs: same major, other identifier."""
    program = old.program("pg_upgrade")
    if not os.path.exists(program):
        pytest.skip("no pg_upgrade beside this server")
    bindir = os.path.dirname(program)
    new.initialize()
    new.give_away(new.sockets)
    done = subprocess.run(
        [program, "-b", bindir, "-B", bindir, "-d", old.data, "-D", new.data,
         "-U", "postgres", "-s", new.sockets, "-p", str(free_port()), "-P",
         str(free_port())], cwd=new.directory, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, LC_ALL="C"), **as_server_user(), check=False)
    assert done.returncode == 0, done.stdout


def test_pg_upgrade(pg, make_pg, receiver, make_tided):
    db = Db(pg)
    two_points(db, receiver, make_tided(start=False))
    db.conn.close()
    pg.stop()
    new = make_pg("second", start=False)
    upgrade(pg, new)
    new.start()
    d = start(make_tided(start=False, url=new.url()))
    d.wait_log("identifier changed")
    db = Db(new)
    assert db.q("SELECT * FROM tide.after_restore()") == []
    publish(db, range(70, 90))
    assert len(all_arrive(receiver, db)) == 90
    for name in PIPES:
        sink = Sink(receiver, name)
        sink.check_order()
        assert sink.repeats == 0
    # It is said once, not at each start.
    d.stop()
    mark = len(d.log())
    start(d)
    assert "identifier changed" not in d.log()[mark:]


def make_standby(primary, make_pg):
    standby = make_pg("standby", start=False)
    standby.initialize(empty=True)
    subprocess.run(
        [primary.program("pg_basebackup"), "-h", primary.sockets, "-p",
         str(primary.port), "-U", "postgres", "-D", standby.data, "-R", "-c",
         "fast", "-X", "stream", "--no-sync"], check=True, cwd="/",
        **as_server_user())
    standby.start()
    return standby


def standby_has_all(primary, standby):
    goal = primary.psql("SELECT pg_current_wal_insert_lsn()").strip()
    wait_for(lambda: standby.psql(
        "SELECT pg_last_wal_replay_lsn() >= '%s'" % goal).strip() == "t", 20,
             "the standby has everything")


def cut_replication(primary):
    """Nothing more is sent; the process has to be killed by the caller."""
    pid = int(primary.psql("SELECT pid FROM pg_stat_replication"))
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_promotion_of_a_standby(pg, make_pg, receiver, make_tided):
    """Asynchronous: what was committed last is lost, though delivered."""
    standby = make_standby(pg, make_pg)
    db = Db(pg)
    pipelines_make(db, receiver)
    url = "postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres" % (
        pg.port, standby.port)
    d = start(make_tided(start=False, url=url))
    publish(db, range(40))
    all_arrive(receiver, db)
    receiver.fault("status/503", path="/behind")
    publish(db, range(40, 50))
    all_arrive(receiver, db, pipes=PIPES[:1])
    # Progress of both is in the log that the standby gets.
    wait_for(lambda: db.one("SELECT count(DISTINCT coalesce(s2, s1)::text) "
                            "FROM tide.relay_checkpoints") == 2, 10,
             "two points")
    standby_has_all(pg, standby)
    sender = cut_replication(pg)
    # More than a sequence draws ahead of its log: ids will come again.
    publish(db, range(50, 150))
    lost = all_arrive(receiver, db, pipes=PIPES[:1])
    db.conn.close()
    mark = len(d.log())
    pg.stop("kill")
    os.kill(sender, signal.SIGKILL)
    standby.psql("SELECT pg_promote()")
    receiver.fault("")
    db = Db(standby)
    kept = committed(db)
    lost = {k: v for k, v in lost.items() if k not in kept}
    assert sorted(lost.values()) == list(range(50, 150))
    publish(db, range(150, 250))
    all_arrive(receiver, db, 60)
    assert db.one("SELECT min(id) FROM tide.events_1 WHERE "
                  "(payload->>'n')::int = 249") < 250, "no id came again"
    d.wait_log("promoted (timeline 2, was 1)", after=mark)
    for name in PIPES:
        sink = Sink(receiver, name)
        assert set(sink.seen) - set(lost) == set(committed(db))
        sink.check_order()
    assert set(lost) <= delivered(receiver, "ahead")
    d.wait_log("events behind id 50 were delivered", after=mark)
    wait_for(lambda: d.metric("pg_tide_relay_pipeline_errors_total",
                              pipeline="ahead", error_class="lost_tail"),
             10, "the metric")
    rows = db.q("SELECT pipeline_name, new_config->>'last_id', "
                "new_config->>'delivered' FROM tide.relay_config_audit "
                "WHERE op = 'lost_tail'")
    assert [r[:2] for r in rows] == [("ahead", "50")]
    assert rows[0][2] in lost
    # Said once.
    mark = len(d.log())
    d.ctl("restart", "ahead")
    d.wait_log("took over", after=mark)
    assert "were delivered" not in d.log()[mark:]


def test_standby_is_refused_by_name(pg, make_pg, make_tided):
    standby = make_standby(pg, make_pg)
    d = make_tided(url=standby.url())
    d.wait_log("this is a standby")
    assert "name the primary" in d.log()
    assert d.http("/readyz")[0] == 503


class Publisher:
    """Publishes with synchronous_commit = off; keeps what was committed."""

    def __init__(self, pg):
        self.pg = pg
        self.n = 0
        self.sure = []

    def until_it_breaks(self, seconds):
        end = time.monotonic() + seconds
        conn = self.pg.connect(options="-c synchronous_commit=off")
        try:
            with conn.cursor() as c:
                while time.monotonic() < end:
                    c.execute("INSERT INTO plain VALUES (%s)", (self.n,))
                    conn.commit()
                    c.execute("SELECT tide.outbox_publish(%s, "
                              "jsonb_build_object('n', %s), '{}', %s)",
                              (OUTBOX, self.n, "k%d" % (self.n % KEYS)))
                    self.n += 1
                    conn.commit()
                    self.sure.append(self.n - 1)
        except psycopg2.Error:
            pass
        finally:
            conn.close()


def crash(pg, publisher):
    """In the middle of its work, and with a commit that is not durable."""
    conn = pg.connect(options="-c synchronous_commit=off")
    publisher.until_it_breaks(1.0)
    with conn.cursor() as c:
        c.execute("INSERT INTO plain VALUES (-1)")
        conn.commit()
    pg.stop("immediate")
    pg.start()
    conn.close()


def test_immediate_restart_with_asynchronous_publishers(
        make_pg, receiver, make_tided):
    """A commit that did not wait for the log is lost by the crash; one that
    published is not, so that nothing is delivered that then never was."""
    pg = make_pg("lazy", wal_writer_delay="10s")
    pg.install_schema()
    pg.psql("CREATE TABLE plain (n int)")
    db = Db(pg)
    pipelines_make(db, receiver)
    start(make_tided(start=False, url=pg.url()))
    publisher = Publisher(pg)
    receiver.fault("status/503", path="/behind")
    for _ in range(6 if LONG else 2):
        crash(pg, publisher)
    receiver.fault("")
    db.open()
    assert db.one("SELECT count(*) FROM plain WHERE n = -1") == 0, \
        "this server loses nothing, so the test shows nothing"
    publish(db, range(publisher.n, publisher.n + 10))
    want = all_arrive(receiver, db, 60)
    assert set(publisher.sure) <= set(want.values())
    for name in PIPES:
        sink = Sink(receiver, name)
        assert set(sink.seen) == set(want), "delivered, but never there"
        sink.check_order()


def start_pgbouncer(tmp_path, pg):
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    directory = tmp_path / "bouncer"
    directory.mkdir()
    PgCluster.give_away(str(directory))
    port = free_port()
    (directory / "ini").write_text("""[databases]
postgres = host=127.0.0.1 port=%d user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = extra_float_digits,options
""" % (pg.port, port))
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(
            [program, str(directory / "ini")], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, cwd="/", **as_server_user())

    def answers():
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user="postgres",
                             dbname="postgres").close()
            return True
        except psycopg2.OperationalError:
            assert process.poll() is None, (directory / "log").read_text()
            return False
    try:
        wait_for(answers, 10, "pgbouncer answers")
    except AssertionError:
        process.kill()
        raise
    return process, port


def test_transaction_pooler_is_refused_by_name(pg, receiver, make_tided,
                                               tmp_path):
    """Though the relay is its only client, which always gets the same
    server process."""
    db = Db(pg)
    pipelines_make(db, receiver)
    process, port = start_pgbouncer(tmp_path, pg)
    try:
        d = make_tided(
            url="postgres://postgres@127.0.0.1:%d/postgres" % port)
        d.wait_log("a connection pooler stands in between")
        assert d.http("/readyz")[0] == 503
        assert receiver.requests() == []
        d.stop()
    finally:
        process.terminate()
        process.wait(10)
