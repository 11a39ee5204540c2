# SPDX-License-Identifier: ISC
"""pg-tided on PostgreSQL logins that may do no more than they need: the
security guide's grants, the group roles, a login for each pipeline."""
import json
import signal

import psycopg2
import pytest

from pgcluster import roles_file
from test_delivery import set_webhook, started
from tided import wait_for

# Run before any outbox exists; the security guide's words, and LOGIN.
GUIDE = """
CREATE ROLE app_writer LOGIN;
GRANT USAGE ON SCHEMA tide TO app_writer;
GRANT EXECUTE ON FUNCTION tide.outbox_publish TO app_writer;
GRANT EXECUTE ON FUNCTION tide.inbox_mark_processed TO app_writer;
GRANT SELECT ON tide.inbox_pending TO app_writer;
CREATE ROLE relay_worker LOGIN;
GRANT USAGE ON SCHEMA tide TO relay_worker;
GRANT ALL ON ALL TABLES IN SCHEMA tide TO relay_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tide TO relay_worker;
CREATE ROLE monitor LOGIN;
GRANT USAGE ON SCHEMA tide TO monitor;
GRANT SELECT ON tide.outbox_status TO monitor;
GRANT SELECT ON tide.relay_dlq TO monitor;
"""
# As pg_tide(7) gives it to a worker's login that relays one outbox.
ONE_OUTBOX = """
CREATE ROLE {login} LOGIN;
SELECT tide.outbox_grant_read('{outbox}', '{login}');
GRANT EXECUTE ON FUNCTION tide.relay_attach, tide.relay_held,
    tide.relay_checkpoint, tide.server_check, tide.schema_version,
    tide.event_identity TO {login};
"""


@pytest.fixture(scope="module", autouse=True)
def logins(pg):
    pg.psql(GUIDE)
    pg.psql_file(roles_file())
    pg.psql("CREATE ROLE narrow_relay LOGIN IN ROLE tide_relay; "
            "CREATE ROLE narrow_worker LOGIN IN ROLE tide_worker")


class Session:
    """An autocommit session of a login."""

    def __init__(self, pg, user):
        self.conn = pg.connect(user=user)
        self.conn.autocommit = True

    def q(self, sql, *args):
        with self.conn.cursor() as c:
            c.execute(sql, args or None)
            return c.fetchall() if c.description else []

    def refused(self, sql):
        """The SQLSTATE of the refusal; what went through is a failure."""
        try:
            rows = self.q(sql)
        except psycopg2.Error as e:
            return e.pgcode
        raise AssertionError("%s: went through: %r" % (sql, rows))


@pytest.fixture
def login(pg):
    made = []

    def make(user):
        made.append(Session(pg, user))
        return made[-1]
    yield make
    for s in made:
        s.conn.close()


def arrived(receiver):
    return [e["payload"]["n"] for e in receiver.accepted()]


def arrives(receiver, n):
    wait_for(lambda: n in arrived(receiver), 30, "event %d" % n)


def rotate(db, outbox):
    """As if the current part had been open for long."""
    before = db.one("SELECT current_part FROM tide.outboxes WHERE name = %s",
                    outbox)
    db.q("UPDATE tide.outbox_parts SET opened_at = now() - interval '1 year' "
         "WHERE closed_at IS NULL AND opened_at IS NOT NULL")
    db.q("SELECT tide.outbox_sweep()")
    assert db.one("SELECT current_part FROM tide.outboxes WHERE name = %s",
                  outbox) != before


def backends(db):
    """login of each process's session: {"catalog": .., "worker": {..}}"""
    rows = db.q("SELECT application_name, usename::text FROM "
                "pg_stat_activity WHERE application_name LIKE 'pg-tide-%'")
    return {"catalog": [u for a, u in rows if a == "pg-tide-catalog"],
            "worker": {u for a, u in rows if a == "pg-tide-worker"}}


def permission_errors(pg, mark):
    return [x for x in pg.logs()[mark:].splitlines()
            if "ERROR:" in x]


def test_guides_grants_run_everything(pg, db, outbox, receiver, make_tided,
                                      login):
    """Outbox, ring parts and pipelines are all made after the grants."""
    mark = len(pg.logs())
    set_webhook(db, "guide", outbox, receiver)
    d = started(make_tided, "guide", url=pg.url("relay_worker"))
    writer = login("app_writer")
    for n in range(3):
        writer.q("SELECT tide.outbox_publish(%s, %s)", outbox,
                 '{"n": %d}' % n)
        arrives(receiver, n)
        if n < 2:
            rotate(db, outbox)
    db.q("SELECT tide.outbox_create('made_later')")
    set_webhook(db, "later", "made_later", receiver)
    d.wait_ready("later")
    writer.q("SELECT tide.outbox_publish('made_later', '{\"n\": 10}')")
    arrives(receiver, 10)
    receiver.fault("status/422", times=1)
    writer.q("SELECT tide.outbox_publish(%s, '{\"n\": 11}')", outbox)
    monitor = login("monitor")
    wait_for(lambda: monitor.q("SELECT 1 FROM tide.relay_dlq WHERE "
                               "payload->>'n' = '11'"), 10, "a dead letter")
    assert monitor.q("SELECT outbox_name FROM tide.outbox_status "
                     "WHERE outbox_name = %s", outbox) == [(outbox,)]
    assert writer.refused("SELECT * FROM tide.relay_dlq") == "42501"
    assert monitor.refused("SELECT * FROM tide.event_tables") == "42501"
    wait_for(lambda: d.metric("pg_tide_relay_consumer_lag",
                              pipeline="guide") == 0, 20, "lag is known")
    assert backends(db) == {"catalog": ["relay_worker"],
                            "worker": {"relay_worker"}}
    d.stop()
    # Nothing was refused but what this test was.
    refused = permission_errors(pg, mark)
    assert len(refused) == 2, refused
    assert "42501" not in d.log()
    db.q("SELECT tide.relay_delete('later')")
    db.q("SELECT tide.outbox_drop('made_later')")
    db.q("DELETE FROM tide.relay_dlq")


def test_worker_has_a_login_of_its_own(pg, db, outbox, receiver, make_tided):
    set_webhook(db, "own", outbox, receiver)
    d = started(make_tided, "own", url=pg.url("narrow_relay"),
                conf={"worker_postgres_url": pg.url("narrow_worker")})
    mark = len(pg.logs())
    for n in range(2):
        db.publish(outbox, '{"n": %d}' % n)
        arrives(receiver, n)
        rotate(db, outbox)
    assert backends(db) == {"catalog": ["narrow_relay"],
                            "worker": {"narrow_worker"}}
    assert permission_errors(pg, mark) == []
    # Events that are held are read again with the same rights.
    receiver.fault("status/500")
    db.publish(outbox, '{"n": 2}', "k")
    wait_for(lambda: receiver.requests()[-1]["answer"] == "status/500", 20,
             "it is refused")
    d.ctl("restart", "own")
    receiver.fault("")
    arrives(receiver, 2)
    assert permission_errors(pg, mark) == []


# What a worker that was taken over may try with its session: SQL, SQLSTATE.
PROBES = {
    "read configuration": ("SELECT config FROM tide.relay_outbox_config",
                           "42501"),
    "read configuration by function": ("SELECT tide.relay_get_config('mine')",
                                       "42501"),
    "list configurations": ("SELECT tide.relay_list_configs()", "42501"),
    "list pipelines": ("SELECT * FROM tide.relay_pipelines()", "42501"),
    "rewrite a destination": (
        "UPDATE tide.relay_outbox_config SET config = '{}'", "42501"),
    "rewrite it by function": (
        "SELECT tide.relay_set_outbox('other', 'other', 'webhook', "
        "'{\"url\": \"https://evil.example/\"}')", "42501"),
    "rewrite it by the other function": (
        "SELECT tide.relay_set_outbox_v2('{}')", "42501"),
    "add a pipeline": ("INSERT INTO tide.relay_outbox_config (name) "
                       "VALUES ('x')", "42501"),
    "delete a pipeline": ("SELECT tide.relay_delete('other')", "42501"),
    "disable a pipeline": ("SELECT tide.relay_disable('other')", "42501"),
    "describe a sink": ("SELECT tide.relay_publish_sink_type('webhook', '1', "
                        "'[]')", "42501"),
    "publish": ("SELECT tide.outbox_publish('other', '{}')", "42501"),
    "insert an event": ("INSERT INTO <own> (payload) VALUES ('{}')",
                        "42501"),
    "change an event": ("UPDATE <own> SET payload = '{}'", "42501"),
    "remove events": ("DELETE FROM <own>", "42501"),
    "truncate": ("TRUNCATE <own>", "42501"),
    "drop an outbox": ("SELECT tide.outbox_drop('other')", "42501"),
    "read dead letters": ("SELECT * FROM tide.relay_dlq", "42501"),
    "read checkpoints": ("SELECT * FROM tide.relay_checkpoints", "42501"),
    "move a checkpoint": ("UPDATE tide.relay_checkpoints SET last_id = 9",
                          "42501"),
    "read settings": ("SELECT * FROM tide.settings", "42501"),
    "read the audit": ("SELECT * FROM tide.relay_config_audit", "42501"),
    "grant itself an outbox": (
        "SELECT tide.outbox_grant_read('other', current_user)", "42501"),
    "become another": ("SET ROLE postgres", "42501"),
    "become the relay": ("SET ROLE narrow_relay", "42501"),
    "make a function": ("CREATE FUNCTION tide.f() RETURNS int LANGUAGE sql "
                        "AS 'SELECT 1'", "42501"),
    "run a program": ("COPY (SELECT 1) TO PROGRAM 'true'", "42501"),
    "read a file": ("SELECT pg_read_file('/etc/passwd')", "42501"),
    "switch triggers off": ("SET session_replication_role = replica",
                            "42501"),
}
# The same, about an outbox that its login was not granted.
FOREIGN = {
    "read another outbox": ("SELECT * FROM <other>", "42501"),
    "read a part of it": ("SELECT * FROM <other>_0", "42501"),
    "list outboxes": ("SELECT * FROM tide.event_tables", "42501"),
    "take its pipeline over": (
        "SELECT pg_advisory_lock(hashtextextended("
        "'pg_tide:g:other:0', 0)); "
        "SELECT * FROM tide.relay_attach('g', 'other', 0, 'x')", "TD003"),
    "move its checkpoint": (
        "SELECT tide.relay_checkpoint('default', 'other', 0, <epoch>, "
        "'9:9:', NULL, 9, '{}', '{}', '[]', 0)", "TD003"),
    "see what it holds": (
        "SELECT * FROM tide.relay_held('default', 'other', 0)", "TD003"),
}


def fill(sql, names):
    for name, value in names.items():
        sql = sql.replace("<%s>" % name, str(value))
    return sql


@pytest.fixture
def two(pg, db, outbox, receiver, make_tided):
    """Two outboxes, "mine" on the first, each relayed by its own login."""
    db.q("SELECT tide.outbox_create('other')")
    set_webhook(db, "mine", outbox, receiver)
    set_webhook(db, "other", "other", receiver)
    for name, box in (("login_mine", outbox), ("login_other", "other")):
        pg.psql(ONE_OUTBOX.format(login=name, outbox=box))
    d = started(make_tided, url=pg.url("narrow_relay"), conf={
        "worker_postgres_url": pg.url("narrow_worker"),
        "pipeline mine.postgres_url": pg.url("login_mine"),
        "pipeline other.postgres_url": pg.url("login_other")})
    d.wait_ready("mine")
    d.wait_ready("other")
    yield d
    d.stop()
    if db.one("SELECT count(*) FROM tide.relay_outbox_config "
              "WHERE name = 'other'"):
        db.q("SELECT tide.relay_delete('other')")
    db.q("SELECT tide.outbox_drop('other')")
    for name in ("login_mine", "login_other"):
        pg.psql("DROP OWNED BY %s; DROP ROLE %s" % (name, name))


def table(db, outbox):
    return db.one("SELECT events FROM tide.event_tables WHERE outbox = %s",
                  outbox)


def test_pipelines_have_logins_of_their_own(pg, db, outbox, receiver, two):
    mark = len(pg.logs())
    for n in range(2):
        db.publish(outbox, '{"n": %d}' % n)
        db.publish("other", '{"n": %d}' % (10 + n))
        arrives(receiver, n)
        arrives(receiver, 10 + n)
        rotate(db, outbox)
    assert backends(db) == {"catalog": ["narrow_relay"],
                            "worker": {"login_mine", "login_other"}}
    assert permission_errors(pg, mark) == []
    config = json.loads(two.ctl("show", "config", "--json").stdout)
    assert "pipeline mine.postgres_url" in json.dumps(config)


def test_a_taken_over_worker_reaches_nothing_else(db, outbox, receiver, two,
                                                  login):
    db.publish("other", '{"n": 1}')
    arrives(receiver, 1)
    names = {"own": table(db, outbox), "other": table(db, "other"),
             "epoch": db.one("SELECT epoch FROM tide.relay_checkpoints "
                             "WHERE pipeline = 'other'")}
    taken = login("login_mine")
    wrong = {}
    for what, (sql, state) in {**PROBES, **FOREIGN}.items():
        got = taken.refused(fill(sql, names))
        if got != state:
            wrong[what] = got
    assert not wrong
    # The twin of these: what it is for, it can do.
    assert taken.q("SELECT count(*) FROM " + names["own"]) == [(0,)]
    assert taken.q("SELECT tide.schema_version()")
    # And the other pipeline goes on.
    db.publish("other", '{"n": 2}')
    arrives(receiver, 2)


def test_the_shared_worker_role_sees_no_configuration(db, outbox, receiver,
                                                      two, login):
    """It may read every outbox, and still write none of them."""
    names = {"own": table(db, outbox)}
    taken = login("narrow_worker")
    wrong = {what: state for what, (sql, state) in PROBES.items()
             if taken.refused(fill(sql, names)) != state}
    assert not wrong
    assert taken.q("SELECT count(*) FROM " + table(db, "other")) == [(0,)]


def test_reload_of_one_login(pg, db, outbox, receiver, two):
    """Only its pipeline starts again; without a section, the shared login
    counts."""
    catalog = [p["pid"] for p in two.processes() if p["role"] == "catalog"]
    pids = {n: two.worker_pid(n) for n in ("mine", "other")}
    del two.options["pipeline other.postgres_url"]
    two.write_conf()
    two.signal(signal.SIGHUP)
    wait_for(lambda: two.worker_pid("other") not in (None, pids["other"]),
             20, "a new worker")
    two.wait_ready("other")
    assert two.worker_pid("mine") == pids["mine"]
    assert [p["pid"] for p in two.processes()
            if p["role"] == "catalog"] == catalog
    db.publish("other", '{"n": 1}')
    arrives(receiver, 1)
    assert backends(db)["worker"] == {"login_mine", "narrow_worker"}


def test_a_login_without_the_right_is_named(pg, db, outbox, receiver, two):
    """Which role, which grant; the other pipeline is not touched, and the
    grant is enough to mend it."""
    pid = two.worker_pid("mine")
    pg.psql("CREATE ROLE poor LOGIN; GRANT EXECUTE ON FUNCTION "
            "tide.relay_attach, tide.relay_held, tide.relay_checkpoint, "
            "tide.server_check TO poor")
    two.options["pipeline other.postgres_url"] = pg.url("poor")
    two.write_conf()
    two.ctl("reload")
    two.wait_log('role "poor" may not read the events')
    line = [x for x in two.log().splitlines() if 'role "poor"' in x][0]
    assert "pipeline=other" in line
    assert two.worker_pid("mine") == pid
    db.publish(outbox, '{"n": 1}')
    arrives(receiver, 1)
    db.q("SELECT tide.outbox_grant_read('other', 'poor')")
    db.publish("other", '{"n": 2}')
    arrives(receiver, 2)
    two.stop()
    pg.psql("DROP OWNED BY poor; DROP ROLE poor")


def test_nonsense_in_a_section_keeps_running(pg, db, outbox, receiver, two):
    pid = two.worker_pid("mine")
    two.options["pipeline mine.postgres_ulr"] = "x"
    two.write_conf()
    mark = len(two.log())
    two.signal(signal.SIGHUP)
    two.wait_log('[pipeline mine]: unknown option "postgres_ulr", did you '
                 'mean "postgres_url"?', after=mark)
    two.wait_log("the running configuration stays", after=mark)
    assert two.worker_pid("mine") == pid
