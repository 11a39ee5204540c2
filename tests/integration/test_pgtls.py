# SPDX-License-Identifier: ISC
"""TLS to PostgreSQL: what is verified, what is said when it fails, and that
what is mended is noticed."""
import os
import pwd
import shutil
import socket
import threading

import pytest

from certs import PAST, Authority, openssl
from pgcluster import PgCluster, roles_file
from receiving import Receiver
from test_delivery import set_webhook, started
from tided import wait_for

PASSWORD = "canary-pa55"
HBA = """
local all all trust
hostssl all cert_login all cert
hostssl all scram_login all scram-sha-256
hostssl all tls_login all trust
host all any_login all trust
"""
LOGINS = {"cert_login": None, "scram_login": PASSWORD, "tls_login": None,
          "any_login": None}


def put(source, target, mode=0o600, owner=None):
    """Replace a file by renaming over it."""
    shutil.copy(source, target + ".new")
    os.chmod(target + ".new", mode)
    if owner and os.geteuid() == 0:
        user = pwd.getpwnam(owner)
        os.chown(target + ".new", user.pw_uid, user.pw_gid)
    os.rename(target + ".new", target)


class TlsCluster(PgCluster):
    """A server whose certificate can be changed while it runs."""

    def __init__(self, directory):
        super().__init__(str(directory / "pg"))
        self.good = Authority(directory / "good", "good authority")
        self.other = Authority(directory / "other", "another authority")
        self.server = {
            "good": self.good.issue("server", "DNS:localhost"),
            "name": self.good.issue("server", "DNS:db.example.org"),
            "expired": self.good.issue("server", "DNS:localhost", PAST),
            "other": self.other.issue("server", "DNS:localhost")}
        self.client = self.good.issue("cert_login")
        self.alien = self.other.issue("cert_login")

    def begin(self):
        self.initialize()
        self.settings["log_connections"] = "on"
        for name in ("cert", "key", "ca"):
            self.settings["ssl_%s_file" % name] = self.file(name)
        self.serve("good")
        put(self.good.ca, self.file("ca"), owner="postgres")
        with open(os.path.join(self.data, "pg_hba.conf"), "w",
                  encoding="ascii") as f:
            f.write(HBA)
        self.start()
        self.sql("ALTER SYSTEM SET ssl = on")
        self.install_schema()
        self.psql_file(roles_file())
        for name, password in LOGINS.items():
            self.sql("CREATE ROLE %s LOGIN IN ROLE tide_relay%s" % (
                name, " PASSWORD '%s'" % password if password else ""))
        self.serve("good")

    def file(self, name):
        return os.path.join(self.directory, "server." + name)

    def sql(self, text):
        conn = self.connect()
        conn.autocommit = True
        with conn.cursor() as c:
            c.execute(text)
        conn.close()

    def serve(self, which):
        """Use that certificate, or none ("off")."""
        if which != "off":
            put(self.server[which].cert, self.file("cert"), owner="postgres")
            put(self.server[which].key, self.file("key"), owner="postgres")
        if self.process:
            self.sql("ALTER SYSTEM SET ssl = " + (
                "off" if which == "off" else "on"))
            self.sql("SELECT pg_reload_conf()")

    def wait_attempts(self, count):
        """So many more connections began."""
        mark = self.logs().count("connection received")
        wait_for(lambda: self.logs().count("connection received") >=
                 mark + count, 40, "%d more attempts" % count)

    def drop_sessions(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE application_name LIKE 'pg-tide-%'")


@pytest.fixture(scope="module")
def pg(tmp_path_factory):
    cluster = TlsCluster(tmp_path_factory.mktemp("tls"))
    cluster.begin()
    yield cluster
    cluster.remove()


@pytest.fixture
def files(pg, tmp_path):
    """Where the daemon finds the authority and its own certificate."""
    directory = tmp_path / "certs"
    directory.mkdir()

    class Files:
        ca = str(directory / "ca.pem")
        cert = str(directory / "client.pem")
        key = str(directory / "client.key")
        othercert = str(directory / "other.pem")
        otherkey = str(directory / "other.key")
        aliencert = str(directory / "alien.pem")
        alienkey = str(directory / "alien.key")
        lockedkey = str(directory / "locked.key")
    put(pg.good.ca, Files.ca)
    put(pg.client.cert, Files.cert)
    put(pg.client.key, Files.key)
    put(pg.server["good"].cert, Files.othercert)
    put(pg.server["good"].key, Files.otherkey)
    put(pg.alien.cert, Files.aliencert)
    put(pg.alien.key, Files.alienkey)
    openssl("pkey", "-in", Files.key, "-aes256", "-passout",
            "pass:" + PASSWORD, "-out", Files.lockedkey)
    yield Files
    pg.serve("good")


def url(pg, query, user="tls_login", host="localhost", password=None):
    return "postgres://%s%s@%s:%d/postgres?%s" % (
        user, ":" + password if password else "", host, pg.port, query)


def delivers(d, db, outbox, receiver, n):
    d.wait_ready("tls", 40)
    db.publish(outbox, '{"n": %d}' % n)
    wait_for(lambda: any(e["payload"]["n"] == n for e in receiver.accepted()),
             30, "event %d arrives" % n)


def sessions(db):
    """(name, login, protocol) of the daemon's sessions."""
    return db.q("SELECT application_name, usename::text, s.version "
                "FROM pg_stat_activity JOIN pg_stat_ssl s USING (pid) "
                "WHERE application_name LIKE 'pg-tide-%' ORDER BY 1")


@pytest.mark.parametrize("query", [
    "sslmode=require", "sslmode=prefer",
    "sslmode=verify-ca&sslrootcert={ca}",
    "sslmode=verify-full&sslrootcert={ca}",
    "sslmode=require&channel_binding=require"])
def test_encrypted(pg, db, outbox, receiver, make_tided, files, query):
    set_webhook(db, "tls", outbox, receiver)
    user = "scram_login" if "binding" in query else "tls_login"
    d = started(make_tided, "tls", url=url(
        pg, query.format(ca=files.ca), user, password=PASSWORD))
    delivers(d, db, outbox, receiver, 1)
    assert sessions(db) == [("pg-tide-catalog", user, "TLSv1.3"),
                            ("pg-tide-worker", user, "TLSv1.3")]
    assert PASSWORD not in d.log()


def test_client_certificate(pg, db, outbox, receiver, make_tided, files):
    set_webhook(db, "tls", outbox, receiver)
    d = started(make_tided, "tls", url=url(
        pg, "sslmode=verify-full&sslrootcert=%s&sslcert=%s&sslkey=%s" % (
            files.ca, files.cert, files.key), "cert_login"))
    delivers(d, db, outbox, receiver, 1)
    assert db.q("SELECT DISTINCT client_dn FROM pg_stat_ssl WHERE "
                "client_dn IS NOT NULL") == [("/CN=cert_login",)]


# What is wrong: the server's certificate, the login, the parameters, what
# the line says (host, rule, remedy), and the parameters that mend it; without
# these it is the server that is mended.
FULL = "sslmode=verify-full&sslrootcert={ca}"
CLIENT = FULL + "&sslcert={cert}&sslkey={key}"
BOUND = "sslmode=require&channel_binding=require"
FAULTS = {
    "wrong authority": ("other", "tls_login", FULL, [
        "certificate verify failed", "sslrootcert"], None),
    "wrong name": ("name", "tls_login", FULL, [
        "does not match host name \"localhost\"", "the name that"], None),
    "expired": ("expired", "tls_login", FULL, [
        "certificate verify failed", "expired"], None),
    "no TLS": ("off", "tls_login", "sslmode=require", [
        "server does not support SSL", "ssl = on"], None),
    "no TLS to bind to": ("off", "any_login",
                          "sslmode=prefer&channel_binding=require", [
                              "channel binding", "sslmode=require"],
                          "sslmode=require"),
    "nothing to bind to": ("good", "tls_login", BOUND, [
        "channel binding", "scram-sha-256"], "sslmode=require"),
    "no authority": ("good", "tls_login", "sslmode=verify-full", [
        "verify-full", "sslrootcert=/"], FULL),
    "system authority": ("good", "tls_login",
                         "sslmode=verify-full&sslrootcert=system", [
                             "sslrootcert", "an absolute path"], FULL),
    "not an authority": ("good", "tls_login",
                         "sslmode=verify-full&sslrootcert={key}", [
                             "root certificate file", "client.key"], FULL),
    "no client certificate": ("good", "cert_login", FULL, [
        "valid client certificate", "sslcert"], CLIENT),
    "wrong key": ("good", "cert_login",
                  FULL + "&sslcert={cert}&sslkey={otherkey}", [
                      "is not the key of sslcert", "other.key"], CLIENT),
    "no passphrase": ("good", "cert_login",
                      FULL + "&sslcert={cert}&sslkey={lockedkey}", [
                          "could not load private key file", "locked.key",
                          "sslpassword"],
                      FULL + "&sslcert={cert}&sslkey={lockedkey}"
                      "&sslpassword=" + PASSWORD),
    "client of another authority": (
        "good", "cert_login", FULL + "&sslcert={aliencert}&sslkey={alienkey}",
        ["unknown ca", "ssl_ca_file"], CLIENT),
    "somebody else's certificate": (
        "good", "cert_login",
        FULL + "&sslcert={othercert}&sslkey={otherkey}", [
            "certificate authentication failed", "pg_hba.conf"], CLIENT),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_and_mended(pg, db, outbox, receiver, make_tided,
                                   files, fault):
    """One line that says which host, which rule, which remedy; no password;
    and once it is mended, no restart is needed."""
    serve, user, query, words, mend = FAULTS[fault]
    set_webhook(db, "tls", outbox, receiver)
    pg.serve(serve)
    d = make_tided(start=False)
    d.write_env(WEBHOOK_SECRET="s3cret-canary")

    def write(query):
        return d.write_secret("url", url(pg, query.format(
            **vars(files)), user, password=PASSWORD))
    d.options["postgres_url"] = "${file:%s}" % write(query)
    d.start()

    def lines():
        return [x for x in d.log().splitlines() if "warn: database: " in x]
    wait_for(lines, 20, "a line of the catalog")
    for word in ["localhost:%d" % pg.port] + words:
        assert word in lines()[0], word
    assert "/proc/self/fd" not in lines()[0]
    # It keeps trying, and does not fill the log.
    if fault not in ("no authority", "system authority"):
        pg.wait_attempts(3)
    assert len(lines()) == 1, lines()
    if mend:
        write(mend)
    pg.serve("good")
    delivers(d, db, outbox, receiver, 1)
    assert PASSWORD not in d.log()


@pytest.mark.parametrize("form", ["${file:}", "${env:}", "file"])
def test_wrong_password_is_replaced(pg, db, outbox, receiver, make_tided,
                                    form):
    set_webhook(db, "tls", outbox, receiver)
    d = make_tided(start=False)

    def write(password):
        d.write_env(WEBHOOK_SECRET="s3cret-canary", RELAY_PW=password)
        d.write_secret("pw", password)
        d.write_secret("url", url(pg, "sslmode=require", "scram_login",
                                  password=password))
    where = {"${file:}": "${file:%s/pw}" % d.secrets,
             "${env:}": "${env:RELAY_PW}"}
    write("wrong-" + PASSWORD)
    if form == "file":
        del d.options["postgres_url"]
        d.args = ["--postgres-url-file", d.secrets + "/url"]
    else:
        d.options["postgres_url"] = url(pg, "sslmode=require", "scram_login",
                                        password=where[form])
    d.start()
    d.wait_log("password authentication failed for user \"scram_login\"")
    d.wait_log("check user, password and pg_hba.conf")
    write(PASSWORD)
    delivers(d, db, outbox, receiver, 1)
    assert PASSWORD not in d.log()


def test_authority_is_replaced_while_running(pg, db, outbox, receiver,
                                             make_tided, files):
    """The server moves to another authority; the file follows by rename."""
    set_webhook(db, "tls", outbox, receiver)
    d = started(make_tided, "tls", url=url(
        pg, "sslmode=verify-full&sslrootcert=" + files.ca))
    delivers(d, db, outbox, receiver, 1)
    pg.serve("other")
    put(pg.other.ca, files.ca)
    d.wait_log("catalog starts again")
    d.wait_log("worker tls starts again")
    delivers(d, db, outbox, receiver, 2)
    # The other way round, the old file has no chance for a while.
    pg.serve("good")
    pg.drop_sessions()
    d.wait_log("certificate verify failed")
    put(pg.good.ca, files.ca)
    delivers(d, db, outbox, receiver, 3)
    # Nothing has changed since: nothing starts again.
    pids = [p["pid"] for p in d.processes()]
    mark = len(d.log())
    put(pg.good.ca, files.ca)
    d.ctl("reload")
    delivers(d, db, outbox, receiver, 4)
    assert [p["pid"] for p in d.processes()] == pids
    assert "starts again" not in d.log()[mark:]


def test_missing_authority_stops_nobody(pg, db, outbox, receiver, make_tided,
                                        files):
    """A file that vanishes is complained of by name; what runs goes on."""
    set_webhook(db, "tls", outbox, receiver)
    d = started(make_tided, "tls", url=url(
        pg, "sslmode=verify-full&sslrootcert=" + files.ca))
    pid = d.worker_pid("tls")
    os.rename(files.ca, files.ca + ".away")
    for who in ("catalog", "worker tls"):
        d.wait_log("%s goes on as it is" % who)
    line = [x for x in d.log().splitlines() if "catalog goes on" in x][0]
    assert "sslrootcert=%s" % files.ca in line
    assert "No such file" in line
    delivers(d, db, outbox, receiver, 1)
    # A restart meanwhile waits for the file, and starts once it is there.
    d.ctl("restart", "tls")
    d.wait_log("worker tls is not started: sslrootcert=%s" % files.ca)
    os.rename(files.ca + ".away", files.ca)
    delivers(d, db, outbox, receiver, 2)
    assert d.worker_pid("tls") != pid


def swap(target, link):
    """Replace a symbolic link by renaming over it."""
    os.symlink(target, link + ".new")
    os.rename(link + ".new", link)


def test_mounted_secret_is_swapped(pg, db, outbox, receiver, make_tided):
    """As Kubernetes does it; only who uses the secret starts again."""
    set_webhook(db, "tls", outbox, receiver)
    set_webhook(db, "other", outbox, receiver)
    d = make_tided(start=False)
    mount = os.path.join(d.secrets, "mount")
    for version, password in (("..1", "old"), ("..2", PASSWORD)):
        os.makedirs(os.path.join(mount, version))
        path = os.path.join(mount, version, "pw")
        with open(path, "w", encoding="ascii") as f:
            f.write(password + "\n")
    swap("..1", os.path.join(mount, "..data"))
    swap("..data/pw", os.path.join(mount, "pw"))
    pg.sql("ALTER ROLE scram_login PASSWORD 'old'")
    d.write_env(WEBHOOK_SECRET="s3cret-canary")
    d.options["postgres_url"] = url(pg, "sslmode=require")
    d.options["pipeline tls.postgres_url"] = url(
        pg, BOUND, "scram_login", password="${file:%s/pw}" % mount)
    d.start()
    delivers(d, db, outbox, receiver, 1)
    d.wait_ready("other")
    pids = {p["pipeline"] or p["role"]: p["pid"] for p in d.processes()}
    pg.sql("ALTER ROLE scram_login PASSWORD '%s'" % PASSWORD)
    swap("..2", os.path.join(mount, "..data"))
    wait_for(lambda: d.worker_pid("tls") not in (None, pids["tls"]), 10,
             "a new worker")
    delivers(d, db, outbox, receiver, 2)
    now = {p["pipeline"] or p["role"]: p["pid"] for p in d.processes()}
    assert now.pop("tls") != pids.pop("tls")
    assert now == pids
    assert ("pg-tide-worker", "scram_login", "TLSv1.3") in sessions(db)


def test_environment_file_restarts_who_uses_it(pg, db, outbox, receiver,
                                               make_tided):
    set_webhook(db, "tls", outbox, receiver)
    set_webhook(db, "other", outbox, receiver, signature={
        "scheme": "hmac-sha256", "secret": "${env:OTHER_SECRET}"})
    d = make_tided(start=False, url=url(pg, "sslmode=require"))
    d.write_env(WEBHOOK_SECRET="one", OTHER_SECRET="two")
    d.start()
    d.wait_ready("tls")
    d.wait_ready("other")
    pids = {p["pipeline"] or p["role"]: p["pid"] for p in d.processes()}
    d.write_env(WEBHOOK_SECRET="one", OTHER_SECRET="three")
    wait_for(lambda: d.worker_pid("other") not in (None, pids["other"]), 10,
             "a new worker")
    d.wait_ready("other")
    now = {p["pipeline"] or p["role"]: p["pid"] for p in d.processes()}
    assert now.pop("other") != pids.pop("other")
    assert now == pids


class Silent:
    """Accepts connections and never says a word."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.taken = []
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()
        return self

    def accept(self):
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        for s in self.taken:
            s.close()


def test_first_host_is_silent(pg, db, outbox, receiver, make_tided, files):
    """Each host has a time of its own; the next one is tried after it."""
    set_webhook(db, "tls", outbox, receiver)
    with Silent() as silent:
        d = started(make_tided, url=(
            "postgres://tls_login@127.0.0.1:%d,localhost:%d/postgres"
            "?connect_timeout=2&sslmode=verify-full&sslrootcert=%s" % (
                silent.port, pg.port, files.ca)))
        delivers(d, db, outbox, receiver, 1)
        assert len(silent.taken) >= 2
    assert [row[2] for row in sessions(db)] == ["TLSv1.3", "TLSv1.3"]


def test_all_hosts_fail(pg, db, outbox, receiver, make_tided, files):
    """One line names each of them, and why."""
    set_webhook(db, "tls", outbox, receiver)
    pg.serve("expired")
    with Silent() as silent, socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
        free.close()
        d = started(make_tided, url=(
            "postgres://tls_login@127.0.0.1:%d,127.0.0.1:%d,localhost:%d/"
            "postgres?connect_timeout=1&sslmode=verify-full&sslrootcert=%s" %
            (silent.port, closed, pg.port, files.ca)))
        d.wait_log("warn: database: ")
        line = [x for x in d.log().splitlines() if "database: " in x][0]
        for words in ("127.0.0.1:%d: no answer in time" % silent.port,
                      "127.0.0.1:%d: " % closed, "nothing listens there",
                      "localhost:%d: " % pg.port, "expired"):
            assert words in line, line
        pg.serve("good")
        delivers(d, db, outbox, receiver, 1)


def everything_shown(d):
    """argv and environment of the daemon and its children."""
    text = b""
    for pid in [d.proc.pid] + [p["pid"] for p in d.processes() if p["pid"]]:
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (pid, name), "rb") as f:
                text += f.read()
    return text.decode(errors="replace")


@pytest.mark.parametrize("how", ["flag", "flag=", "set", "environment"])
def test_password_disappears(pg, db, outbox, receiver, make_tided, how):
    set_webhook(db, "tls", outbox, receiver)
    pg.sql("ALTER ROLE scram_login PASSWORD '%s'" % PASSWORD)
    text = url(pg, "sslmode=require", "scram_login", password=PASSWORD)
    args = {"flag": ["--postgres-url", text],
            "flag=": ["--postgres-url=" + text],
            "set": ["--set", "postgres_url=" + text], "environment": []}
    env = {"PG_TIDE_POSTGRES_URL": text} if how == "environment" else {}
    d = make_tided(start=False, args=args[how], env=env)
    del d.options["postgres_url"]
    d.write_env(WEBHOOK_SECRET="s3cret-canary")
    d.start(wait=False)

    def cmdline():
        with open("/proc/%d/cmdline" % d.proc.pid, "rb") as f:
            return f.read()
    # Long before it listens or has children.
    wait_for(lambda: b"pg-tided" in cmdline() and
             PASSWORD.encode() not in cmdline(), 2, "argv is scrubbed", 0)
    d.wait_live()
    delivers(d, db, outbox, receiver, 1)
    shown = everything_shown(d) + d.log()
    shown += d.ctl("show", "config").stdout
    shown += d.ctl("status", "--json").stdout
    assert PASSWORD not in shown
    if how != "environment":
        assert "a password was given on the command line" in d.log()


def test_unknown_host(pg, db, outbox, receiver, make_tided):
    set_webhook(db, "tls", outbox, receiver)
    d = make_tided(start=False)
    d.write_env(WEBHOOK_SECRET="s3cret-canary")
    path = d.write_secret("url", url(pg, "", host="no-such-host.invalid"))
    d.options["postgres_url"] = "${file:%s}" % path
    d.start()
    d.wait_log("warn: database: no-such-host.invalid:%d: " % pg.port, 30)
    d.write_secret("url", url(pg, "sslmode=require"))
    delivers(d, db, outbox, receiver, 1)


@pytest.fixture
def https(pg, tmp_path):
    """A receiver whose certificate the good authority signed."""
    pair = pg.good.issue("receiver", "IP:127.0.0.1")
    r = Receiver(str(tmp_path / "https.jsonl"), "--tls-cert", pair.cert,
                 "--tls-key", pair.key)
    r.start()
    yield r
    r.stop()


def test_files_of_a_sink(pg, db, outbox, receiver, https, make_tided, files):
    """A certificate that the sink refuses, or that others may write, stops
    its pipeline until the file is another; a new one restarts only it."""
    set_webhook(db, "other", outbox, receiver)
    d = started(make_tided, "other", url=url(pg, "sslmode=require"))
    other = d.worker_pid("other")
    ca = os.path.join(d.dir, "sink-ca.pem")
    put(files.key, ca)
    set_webhook(db, "tls", outbox, https, tls={"ca_file": ca},
                url="https://127.0.0.1:%d/" % https.port)
    d.wait_log("worker tls has ended: config")
    put(pg.good.ca, ca, 0o666)
    d.wait_log("sink-ca.pem: writable by group or others")
    os.chmod(ca, 0o644)
    delivers(d, db, outbox, https, 1)
    put(pg.other.ca, ca)
    d.wait_log("worker tls starts again")
    db.publish(outbox, '{"n": 2}')
    d.wait_log("certificate")
    put(pg.good.ca, ca)
    delivers(d, db, outbox, https, 3)
    assert 2 in [e["payload"]["n"] for e in https.accepted()]
    assert d.worker_pid("other") == other
