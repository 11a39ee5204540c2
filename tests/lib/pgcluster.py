# SPDX-License-Identifier: ISC
"""A private PostgreSQL server for tests, and ways to put the schema into it.

TIDE_PG_BINDIR (or PG_BINDIR) names the server's programs; TIDE_PREFIX or
TIDE_BUILDDIR the tree that holds schema.sql and the extension's files.
TIDE_EXTENSION=1 installs the schema as an extension.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2

BINDIR = (os.environ.get("TIDE_PG_BINDIR") or os.environ.get("PG_BINDIR") or
          "/usr/lib/postgresql/15/bin")
SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT,
           "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
START_SECONDS = 30
STOP_SECONDS = 30


def as_server_user():
    """Arguments of subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def built_file(installed, built):
    """A file from the staged installation, else from the build tree."""
    places = []
    if os.environ.get("TIDE_PREFIX"):
        places.append(os.path.join(os.environ["TIDE_PREFIX"], installed))
    if os.environ.get("TIDE_BUILDDIR"):
        places.append(os.path.join(os.environ["TIDE_BUILDDIR"], built))
    for place in places:
        if os.path.exists(place):
            return place
    raise FileNotFoundError("neither TIDE_PREFIX nor TIDE_BUILDDIR has it: " +
                            ", ".join(places or [installed]))


def schema_file():
    return built_file("share/pg-tided/schema.sql", "sql/schema.sql")


def roles_file():
    path = "share/pg-tided/roles.sql"
    try:
        return built_file(path, "sql/roles.sql")
    except FileNotFoundError:
        return os.path.join(os.environ["TIDE_SRCDIR"], "sql/roles.sql")


def extension_files():
    """Control file and script; both need a staged or built tree."""
    script = built_file("share/pg-tided/extension/pg_tide--0.1.0.sql",
                        "sql/pg_tide--0.1.0.sql")
    try:
        control = built_file("share/pg-tided/extension/pg_tide.control",
                             "sql/pg_tide.control")
    except FileNotFoundError:
        control = os.path.join(os.environ["TIDE_SRCDIR"],
                               "sql/pg_tide.control")
    return [control, script]


def share_directory(bindir):
    base = os.path.dirname(bindir)
    for place in (os.path.join("/usr/share/postgresql",
                               os.path.basename(base)),
                  os.path.join(base, "share/postgresql"),
                  os.path.join(base, "share")):
        if os.path.isdir(os.path.join(place, "extension")):
            return place
    raise FileNotFoundError("no share directory for " + bindir)


def link_all(source, target, leave_out=()):
    os.makedirs(target)
    for name in os.listdir(source):
        if name not in leave_out:
            os.symlink(os.path.join(source, name), os.path.join(target, name))


def with_extension(bindir, root):
    """Programs that find our extension: PostgreSQL looks for its files
    relative to its own place, so a tree of links with copied programs and
    one more extension needs no right to write beside the real one."""
    bindir = os.path.realpath(bindir)
    share = share_directory(bindir)
    new_bin = root + bindir
    link_all(os.path.dirname(bindir), os.path.dirname(new_bin),
             ("bin", "share"))
    os.makedirs(new_bin)
    for name in os.listdir(bindir):
        shutil.copy2(os.path.join(bindir, name), new_bin)
    if os.path.dirname(bindir) != os.path.dirname(share):
        link_all(share, root + share, ("extension",))
    link_all(os.path.join(share, "extension"), root + share + "/extension")
    for path in extension_files():
        shutil.copy(path, root + share + "/extension")
    return new_bin


class PgCluster:
    """One server. Its directory and its socket's are its own."""

    def __init__(self, directory, bindir=None, settings=None,
                 extension=os.environ.get("TIDE_EXTENSION") == "1"):
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.log_path = os.path.join(directory, "log")
        self.bindir = bindir or BINDIR
        self.extension = extension
        self.settings = {"fsync": "off", "max_connections": "100",
                         "log_min_messages": "warning"}
        self.settings.update(settings or {})
        self.process = None
        self.port = None
        self.sockets = None

    def program(self, name):
        """Client programs may be missing beside a server: then the path's."""
        for directory in (self.bindir, BINDIR):
            path = os.path.join(directory, name)
            if os.path.exists(path):
                return path
        return name

    @staticmethod
    def give_away(path):
        os.chmod(path, 0o755)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)

    def initialize(self, empty=False):
        """Make the directories; empty: and leave the data to others."""
        os.makedirs(self.directory, exist_ok=True)
        if self.extension:
            self.bindir = with_extension(self.bindir,
                                         os.path.join(self.directory, "tree"))
        self.sockets = tempfile.mkdtemp(prefix="tpg.")
        self.give_away(self.directory)
        path = self.directory
        while os.geteuid() == 0 and os.path.dirname(path) != path:
            if path.startswith("/tmp/"):
                os.chmod(path, os.stat(path).st_mode | 0o055)
            path = os.path.dirname(path)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        if empty:
            return
        subprocess.run([os.path.join(self.bindir, "initdb"), "-D", self.data,
                        "-A", "trust", "-U", "postgres", "-E", "UTF8",
                        "--no-locale", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd="/", **as_server_user())

    def start(self):
        if not os.path.exists(self.data):
            self.initialize()
        os.makedirs(self.sockets, exist_ok=True)
        self.give_away(self.sockets)
        command = [os.path.join(self.bindir, "postgres"), "-D", self.data,
                   "-p", str(self.port), "-k", self.sockets,
                   "-h", "127.0.0.1"]
        for name, value in self.settings.items():
            command += ["-c", "%s=%s" % (name, value)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd="/", start_new_session=True, **as_server_user())
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except psycopg2.OperationalError:
                if (self.process.poll() is not None or
                        time.monotonic() > deadline):
                    raise RuntimeError("no server:\n" + self.logs()) from None
            time.sleep(0.02)

    def stop(self, mode="fast"):
        if self.process is None:
            return
        self.process.send_signal(SIGNALS[mode])
        self.process.wait(STOP_SECONDS)
        self.process = None
        shutil.rmtree(self.sockets, ignore_errors=True)

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def remove(self):
        """The end of server and files."""
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, dbname="postgres", user="postgres", **parameters):
        return psycopg2.connect(host=self.sockets, port=self.port,
                                dbname=dbname, user=user, **parameters)

    def url(self, user="postgres", host=True, dbname="postgres"):
        """host: by TCP to 127.0.0.1, else by the Unix socket."""
        if host:
            return "postgres://%s@127.0.0.1:%d/%s" % (user, self.port, dbname)
        return "postgres://%s@/%s?host=%s&port=%d" % (
            user, dbname, self.sockets, self.port)

    def run(self, name, *arguments, **parameters):
        """Run a client program against the server; returns what it says."""
        done = subprocess.run(
            [self.program(name), "-h", self.sockets, "-p", str(self.port),
             "-U", "postgres", *arguments], check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **parameters)
        if done.returncode != 0:
            raise RuntimeError("%s: %s" % (name, done.stderr))
        return done.stdout

    def psql(self, sql, dbname="postgres"):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v",
                        "ON_ERROR_STOP=1", "-d", dbname, "-c", sql)

    def psql_file(self, path, dbname="postgres", *arguments):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v",
                        "ON_ERROR_STOP=1", "-d", dbname, *arguments, "-f",
                        path)

    def install_schema(self, dbname="postgres"):
        if self.extension:
            self.psql("CREATE EXTENSION pg_tide", dbname)
        else:
            self.psql_file(schema_file(), dbname, "-1")

    def logs(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()
