# SPDX-License-Identifier: ISC
"""The snippets of the reference's security guide, word for word, and what
each of them does here.

Commands run in a house of their own, where the database is called db and
listens on port 5432, partner.example.com is a host on the Internet, and files
lie where the guide has them.
"""
import hashlib
import hmac
import json
import os
import signal
import subprocess

import psycopg2
import pytest

import house
from certs import Authority
from receiving import Receiver
from test_pgtls import TlsCluster, put
from tided import Tided, program, wait_for

HBA = """
local all all trust
hostssl mydb relay all scram-sha-256
"""
PARTNER = "192.0.32.10"    # not a private one; nothing leaves the house

# --- SQL ------------------------------------------------------------------

GRANTS = """
-- Application role: can publish to outbox and read inbox
CREATE ROLE app_writer;
GRANT USAGE ON SCHEMA tide TO app_writer;
GRANT EXECUTE ON FUNCTION tide.outbox_publish TO app_writer;
GRANT EXECUTE ON FUNCTION tide.inbox_mark_processed TO app_writer;
GRANT SELECT ON tide.inbox_pending TO app_writer;

-- Relay role: needs full access to catalog and outbox/inbox tables
CREATE ROLE relay_worker;
GRANT USAGE ON SCHEMA tide TO relay_worker;
GRANT ALL ON ALL TABLES IN SCHEMA tide TO relay_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tide TO relay_worker;

-- Read-only monitoring role
CREATE ROLE monitor;
GRANT USAGE ON SCHEMA tide TO monitor;
GRANT SELECT ON tide.outbox_status TO monitor;
GRANT SELECT ON tide.relay_dlq TO monitor;
"""
KAFKA = """
SELECT tide.relay_set_outbox('my-pipeline', 'events', '{
    "sink_type": "kafka",
    "brokers": "${env:KAFKA_BROKERS}",
    "sasl_username": "${env:KAFKA_USER}",
    "sasl_password": "${env:KAFKA_PASS}"
}'::jsonb);
"""
NATS = """
SELECT tide.relay_set_outbox('orders-nats','orders','nats',
  '{"url":"nats://localhost:4222","subject":"orders.events"}'::jsonb)
"""
NATS_UNCAST = NATS.replace("::jsonb", "")
WEBHOOK = """{
  "sink_type": "webhook",
  "url": "https://partner.example.com/events",
  "signature": {
    "scheme": "hmac-sha256",
    "secret": "${env:WEBHOOK_SECRET}",
    "header": "X-Signature-256"
  }
}"""
INCOMING = """{
  "source_type": "webhook",
  "signature_scheme": "stripe",
  "signature_secret": "${env:STRIPE_WEBHOOK_SECRET}"
}"""
HARDCODED = WEBHOOK.replace("${env:WEBHOOK_SECRET}", "hunter2-canary")
KNOWN = "Known sink types: file, webhook"
# Snippet, SQLSTATE of the refusal (None: accepted), words of its message.
SQL = {
    # There is no such sink yet: refused when it is set, and not later.
    "kafka": (KAFKA, "TD004", ['unknown sink type "kafka"', KNOWN]),
    "nats": (NATS, "TD004", ['unknown sink type "nats"', KNOWN]),
    "nats, as a client sends it": (
        NATS_UNCAST, "TD004", ['unknown sink type "nats"', KNOWN]),
    # The signature of outgoing webhooks, in each form of the call.
    "webhook, three arguments": (
        "SELECT tide.relay_set_outbox('my-pipeline', 'events', '%s'::jsonb)"
        % WEBHOOK, None, []),
    "webhook, uncast": (
        "SELECT tide.relay_set_outbox('my-pipeline', 'events', '%s')"
        % WEBHOOK, None, []),
    "webhook, four arguments": (
        "SELECT tide.relay_set_outbox('my-pipeline', 'events', 'webhook', "
        "'%s'::jsonb)" % WEBHOOK, None, []),
    "webhook, one document": (
        'SELECT tide.relay_set_outbox_v2(\'{"name":"my-pipeline",'
        '"outbox":"events","sink_type":"webhook","config":%s}\')' %
        WEBHOOK.replace('"sink_type": "webhook",', ""), None, []),
    # "Never hardcode secrets": refused, with what to write instead.
    "a secret in the catalog": (
        "SELECT tide.relay_set_outbox('my-pipeline', 'events', '%s')"
        % HARDCODED, "TD004", ["secret", "${env:", "${file:"]),
    # Incoming webhooks are not there yet, and not silently accepted.
    "incoming webhook": (
        "SELECT tide.relay_set_inbox('hook', 'inbox', '%s'::jsonb)"
        % INCOMING, "42883", ["relay_set_inbox"]),
}


class GuideCluster(TlsCluster):
    """Database mydb, login relay with password pass, certificate for db."""

    def __init__(self, directory):
        super().__init__(directory)
        self.server["good"] = self.good.issue("db", "DNS:db")

    def begin(self):
        self.initialize()
        for name in ("cert", "key", "ca"):
            self.settings["ssl_%s_file" % name] = self.file(name)
        put(self.good.ca, self.file("ca"), owner="postgres")
        self.serve("good")
        with open(os.path.join(self.data, "pg_hba.conf"), "w",
                  encoding="ascii") as f:
            f.write(HBA)
        self.start()
        self.sql("ALTER SYSTEM SET ssl = on")
        self.serve("good")
        self.sql("CREATE DATABASE mydb")
        self.install_schema("mydb")
        self.psql(GRANTS, "mydb")
        self.sql("CREATE ROLE relay LOGIN PASSWORD 'pass' "
                 "IN ROLE relay_worker")
        for box in ("events", "orders"):
            self.psql("SELECT tide.outbox_create('%s')" % box, "mydb")

    def connect(self, dbname="mydb", user="postgres", **more):
        if self.process and dbname == "mydb" and not self.has_mydb():
            dbname = "postgres"
        return super().connect(dbname, user, **more)

    def has_mydb(self):
        conn = super().connect("postgres")
        with conn.cursor() as c:
            c.execute("SELECT 1 FROM pg_database WHERE datname = 'mydb'")
            found = c.fetchone()
        conn.close()
        return found is not None


@pytest.fixture(scope="module")
def pg(tmp_path_factory):
    cluster = GuideCluster(tmp_path_factory.mktemp("guide"))
    cluster.begin()
    yield cluster
    cluster.remove()


@pytest.fixture
def events(db):
    """No pipeline yet."""
    yield db
    for (name,) in db.q("SELECT name FROM tide.relay_outbox_config"):
        db.q("SELECT tide.relay_delete(%s)", name)


@pytest.mark.parametrize("name", SQL)
def test_sql(events, name):
    text, state, words = SQL[name]
    if state is None:
        events.q(text)
        stored = events.one("SELECT config::text FROM "
                            "tide.relay_outbox_config "
                            "WHERE name = 'my-pipeline'")
        assert "${env:WEBHOOK_SECRET}" in stored
        return
    with pytest.raises(psycopg2.Error) as e:
        events.q(text)
    assert e.value.pgcode == state
    for word in words:
        assert word in str(e.value), str(e.value)
    assert "canary" not in str(e.value)


# What each role of the guide may do afterwards: SQL, and whether it may.
RIGHTS = {
    "app_writer": [
        ("SELECT tide.outbox_publish('orders', '{}')", True),
        ("SELECT * FROM tide.inbox_pending", True),
        ("SELECT * FROM tide.relay_dlq", False),
        ("SELECT * FROM tide.event_tables", False),
        ("SELECT tide.relay_list_configs()", False)],
    "relay_worker": [
        ("SELECT * FROM tide.relay_pipelines()", True),
        ("SELECT * FROM tide.event_tables", True),
        ("SELECT tide.relay_lag('default')", True)],
    "monitor": [
        ("SELECT * FROM tide.outbox_status", True),
        ("SELECT * FROM tide.relay_dlq", True),
        ("SELECT * FROM tide.outbox_pending", False),
        ("SELECT tide.outbox_publish('orders', '{}')", False)]}


@pytest.mark.parametrize("role", RIGHTS)
def test_grants(events, role):
    events.q("SET ROLE " + role)
    for sql, allowed in RIGHTS[role]:
        if allowed:
            events.q(sql)
            continue
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            events.q(sql)
    events.q("RESET ROLE")


# --- commands -------------------------------------------------------------

needs_house = pytest.mark.skipif(
    not house.available(), reason="it takes root to make a network")


@pytest.fixture(scope="module")
def partner(tmp_path_factory):
    """Signs the certificate of partner.example.com."""
    return Authority(tmp_path_factory.mktemp("partner") / "ca")


@pytest.fixture(scope="module")
def home(pg, partner, tmp_path_factory):
    if not house.available():
        pytest.skip("it takes root to make a network")

    def text(path):
        with open(path, encoding="ascii") as f:
            return f.read()
    h = house.House(
        tmp_path_factory.mktemp("house"),
        addresses=[PARTNER, "10.0.0.0"],
        hosts={"db": "127.0.0.1", "partner.example.com": PARTNER},
        files={"/certs/ca.pem": text(pg.good.ca),
               "/run/secrets/db-password": "  pass\n",
               "/etc/ssl/certs/ca-certificates.crt": text(partner.ca)})
    h.database = h.forward(("127.0.0.1", 5432), ("127.0.0.1", pg.port))
    yield h
    h.close()


@pytest.fixture
def run(home, tmp_path):
    """pg-tide with these arguments, in the house."""
    made = []
    for path in [tmp_path, *tmp_path.parents][:-2]:
        os.chmod(path, 0o755)

    def start(*args, env=None):
        d = Tided(tmp_path / ("tided%d" % len(made)), None, args=args,
                  command=[program("sbin", "pg-tide")], wrap=home.wrap,
                  env=env)
        made.append(d)
        # The guide's words are about defaults.
        for name in ("postgres_url", "metrics_addr", "secrets.dirs"):
            del d.options[name]
        d.env["PG_TIDE_CONFIG"] = d.conf_path
        d.start(wait=False)
        return d
    yield start
    for d in made:
        d.stop()


REQUIRE = "postgres://relay:pass@db:5432/mydb?sslmode=require"
VERIFY = ("postgres://relay:pass@db:5432/mydb?sslmode=verify-full"
          "&sslrootcert=/certs/ca.pem")


@needs_house
@pytest.mark.parametrize("text", [REQUIRE, VERIFY])
def test_connection(db, run, text):
    """It connects with TLS; the password was readable for a moment, of
    which it warns, and is not any more."""
    d = run("--postgres-url", text)
    d.wait_log("database: connected to db:5432/mydb as relay")
    assert db.q("SELECT usename::text, s.version FROM pg_stat_activity "
                "JOIN pg_stat_ssl s USING (pid) "
                "WHERE application_name = 'pg-tide-catalog'") == [
                    ("relay", "TLSv1.3")]
    d.wait_log("a password was given on the command line")
    with open("/proc/%d/cmdline" % d.proc.pid, "rb") as f:
        assert b"pass" not in f.read().replace(b"--postgres-url", b"")


@needs_house
def test_strict_verification_is_strict(pg, run):
    """The same command, and a server that somebody else certified."""
    pg.server["stranger"] = pg.other.issue("db", "DNS:db")
    pg.serve("stranger")
    d = run("--postgres-url", VERIFY)
    d.wait_log("database: db:5432: ")
    d.wait_log("certificate verify failed")
    pg.serve("good")
    d.wait_log("database: connected to db:5432/mydb as relay")


@needs_house
def test_file_secret(db, run):
    """${file:/run/secrets/db-password}: read there by default, trimmed."""
    d = run("--postgres-url", REQUIRE.replace(
        "pass@", "${file:/run/secrets/db-password}@"))
    d.wait_log("database: connected to db:5432/mydb as relay")
    assert "a password was given" not in d.log()


@needs_house
def test_metrics_address(home, run):
    """--metrics-addr "10.0.0.0:9090", on a host that has this address."""
    d = run("--postgres-url", REQUIRE, "--metrics-addr", "10.0.0.0:9090")
    d.wait_log("control is ready")
    assert "200 OK" in home.http(("10.0.0.0", 9090), "/livez")
    assert "pg_tide_relay_" in home.http(("10.0.0.0", 9090), "/metrics")
    with pytest.raises(ConnectionRefusedError):
        home.http(("127.0.0.1", 9090), "/livez")


@needs_house
def test_metrics_are_not_exposed_by_default(home, run):
    d = run("--postgres-url", REQUIRE)
    d.wait_log("control is ready")
    assert "200 OK" in home.http(("127.0.0.1", 9090), "/livez")
    with pytest.raises(ConnectionRefusedError):
        home.http(("10.0.0.0", 9090), "/livez")


def test_metrics_address_of_another_host(tmp_path):
    """The same elsewhere: an error that says which addresses there are."""
    conf = tmp_path / "conf"
    conf.write_text("control_socket = %s/s\npid_file = %s/p\nuser = nobody\n"
                    "environment_file = %s/e\n" % ((tmp_path,) * 3))
    conf.chmod(0o600)
    (tmp_path / "e").touch(0o600)
    done = subprocess.run(
        [program("sbin", "pg-tide"), "--postgres-url", REQUIRE,
         "--metrics-addr", "10.0.0.0:9090"], check=False, timeout=20,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={"PG_TIDE_CONFIG": str(conf)})
    assert done.returncode != 0
    line = [x for x in done.stderr.splitlines() if "10.0.0.0" in x][0]
    assert "127.0.0.1" in line


@pytest.fixture
def hook(home, partner, tmp_path):
    """https://partner.example.com/, which refuses what is not signed."""
    pair = partner.issue("partner", "DNS:partner.example.com")
    r = Receiver(str(tmp_path / "received"), "--tls-cert", pair.cert,
                 "--tls-key", pair.key, "--secret", "s3cret-canary",
                 "--strict")
    r.start()
    way = home.forward((PARTNER, 443), ("127.0.0.1", r.port))
    yield r
    way.close()
    home.forwarders.remove(way)
    r.stop()


@needs_house
def test_signed_webhook(events, run, hook):
    """The guide's outgoing webhook, secret in the daemon's environment: the
    refusal says which line allows it, and with that line events arrive,
    signed, over verified TLS."""
    events.q("SELECT tide.relay_set_outbox('my-pipeline', 'events', "
             "'%s'::jsonb)" % WEBHOOK)
    d = run("--postgres-url", VERIFY, env={"WEBHOOK_SECRET": "s3cret-canary"})
    d.wait_log("${env:WEBHOOK_SECRET}: not allowed")
    line = [x for x in d.log().splitlines() if "not allowed: put" in x][0]
    assert '"env = WEBHOOK_SECRET" below [secrets] in pg-tided.conf' in line
    d.options["secrets.env"] = "WEBHOOK_SECRET"
    d.write_conf()
    d.signal(signal.SIGHUP)
    d.wait_ready("my-pipeline")
    events.publish("events", '{"n": 1}')
    got = wait_for(hook.requests, 20, "a request")[0]
    assert got["path"] == "/events" and got["verified"]
    mac = hmac.new(b"s3cret-canary", got["body"].encode(), hashlib.sha256)
    assert got["headers"]["x-signature-256"] == "sha256=" + mac.hexdigest()
    assert json.loads(got["body"])["payload"] == {"n": 1}
    assert "s3cret-canary" not in d.log()
