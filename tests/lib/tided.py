# SPDX-License-Identifier: ISC
"""A real pg-tided from a staged installation, for process tests.

TIDE_PREFIX names the staged prefix (bin, sbin, libexec, lib/pg-tided/plugins).
"""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

PREFIX = os.environ.get("TIDE_PREFIX", "/usr/local")
ROOT = os.geteuid() == 0


class Timeout(AssertionError):
    """A condition did not come true before its deadline."""


def wait_for(cond, seconds=20, what="condition", step=0.02):
    """Return cond()'s first true value; raise Timeout after the deadline."""
    end = time.monotonic() + seconds
    while True:
        val = cond()
        if val:
            return val
        if time.monotonic() > end:
            raise Timeout("not within %gs: %s" % (seconds, what))
        time.sleep(step)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(*parts):
    return os.path.join(PREFIX, *parts)


class Tided:
    """One supervisor with its children, in a directory of its own."""

    def __init__(self, directory, url, user="nobody", conf=None, env=None,
                 args=(), command=None, wrap=()):
        """command: instead of the program with our configuration; wrap:
        words that stand before it."""
        self.dir = str(directory)
        os.makedirs(self.dir, mode=0o755, exist_ok=True)
        os.chmod(self.dir, 0o755)
        self.url = url
        self.port = free_port()
        self.socket = os.path.join(self.dir, "control.sock")
        self.conf_path = os.path.join(self.dir, "pg-tided.conf")
        self.log_path = os.path.join(self.dir, "log")
        self.env_path = os.path.join(self.dir, "env")
        self.secrets = os.path.join(self.dir, "secrets")
        self.out = os.path.join(self.dir, "out")
        for d in (self.secrets, self.out):
            os.makedirs(d, exist_ok=True)
            os.chmod(d, 0o755)
        self.options = {
            "postgres_url": url,
            "metrics_addr": "127.0.0.1:%d" % self.port,
            "control_socket": self.socket,
            "pid_file": os.path.join(self.dir, "pid"),
            "environment_file": self.env_path,
            "secrets.dirs": self.secrets,
            "output.dirs": self.out,
            "files.dirs": self.dir,
            "log_level": "debug",
        }
        if ROOT:
            self.options["user"] = user
        self.options.update(conf or {})
        self.env = dict(env or {})
        self.args = list(args)
        self.wrap = list(wrap)
        self.command = command or [program("sbin", "pg-tided"),
                                   "--foreground", "--config",
                                   self.conf_path]
        self.proc = None

    def write_conf(self):
        """Write the configuration; dotted names become sections."""
        top, sections = [], {}
        for name, value in self.options.items():
            sect, _, key = name.rpartition(".")
            line = "%s = %s\n" % (key, value)
            if sect:
                sections.setdefault(sect, []).append(line)
            else:
                top.append(line)
        tmp = self.conf_path + ".new"
        with open(tmp, "w", encoding="utf-8") as f:
            f.writelines(top)
            for sect, lines in sections.items():
                f.write("\n[%s]\n" % sect)
                f.writelines(lines)
        os.chmod(tmp, 0o600)
        os.rename(tmp, self.conf_path)

    def write_env(self, **names):
        with open(self.env_path, "w", encoding="utf-8") as f:
            for name, value in names.items():
                f.write("%s=%s\n" % (name, value))
        os.chmod(self.env_path, 0o600)

    def write_secret(self, name, value):
        path = os.path.join(self.secrets, name)
        tmp = path + ".new"
        with open(tmp, "w", encoding="utf-8") as f:
            f.write(value)
        os.chmod(tmp, 0o600)
        os.rename(tmp, path)
        return path

    def start(self, wait=True):
        if not os.path.exists(self.env_path):
            self.write_env()
        self.write_conf()
        environ = dict(os.environ, **self.env)
        with open(self.log_path, "ab") as log:
            self.proc = subprocess.Popen(
                self.wrap + self.command + self.args,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environ, cwd="/", start_new_session=True)
        if wait:
            self.wait_live()
        return self

    def wait_live(self, seconds=20):
        def live():
            if self.proc.poll() is not None:
                raise AssertionError("pg-tided ended with %s:\n%s" % (
                    self.proc.returncode, self.log()[-4000:]))
            try:
                return self.http("/livez")[0] == 200
            except OSError:
                return False
        wait_for(live, seconds, "/livez answers")

    def http(self, path, headers=None):
        req = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path),
            headers=headers or {})
        try:
            with urllib.request.urlopen(req, timeout=5) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name, **labels):
        """Sum of the samples of name whose labels match; None if absent."""
        total = None
        for line in self.http("/metrics")[1].splitlines():
            if not line.startswith(name) or line.startswith("#"):
                continue
            if line[len(name)] not in " {":
                continue
            if all('%s="%s"' % kv in line for kv in labels.items()):
                total = (total or 0.0) + float(line.rsplit(" ", 1)[1])
        return total

    def ctl(self, *args, check=True, env=None):
        r = subprocess.run(
            [program("bin", "pg-tidectl"), "--socket", self.socket,
             *args], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, env=dict(os.environ, **(env or {})))
        if check and r.returncode != 0:
            raise AssertionError("pg-tidectl %s: status %d\n%s%s" % (
                " ".join(args), r.returncode, r.stdout, r.stderr))
        return r

    def processes(self):
        doc = json.loads(self.ctl("show", "processes", "--json").stdout)
        return doc["data"]["processes"]

    def pipeline(self, name):
        """The pipeline's row of "status --json", or None."""
        doc = json.loads(self.ctl("status", "--json").stdout)
        for row in doc["data"]["pipelines"]:
            if row["pipeline"] == name:
                return row
        return None

    def worker_pid(self, name):
        for row in self.processes():
            if row["role"] == "worker" and row["pipeline"] == name:
                return row["pid"] or None
        return None

    def wait_ready(self, name, seconds=20):
        def ready():
            for row in self.processes():
                if row["role"] == "worker" and row["pipeline"] == name:
                    return row["pid"] and row["state"] == "ready"
            return False
        try:
            wait_for(ready, seconds, "worker %s is ready" % name)
        except Timeout as e:
            raise Timeout("%s\n%s" % (e, self.log()[-4000:])) from None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_log(self, text, seconds=20, after=0):
        wait_for(lambda: text in self.log()[after:], seconds,
                 "log says %r; it says:\n%s" % (text, self.log()[-3000:]))

    def signal(self, sig):
        self.proc.send_signal(sig)

    def stop(self, seconds=40):
        """SIGTERM; returns the exit status."""
        if self.proc is None:
            return None
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        try:
            return self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("pg-tided did not stop in %ds:\n%s" % (
                seconds, self.log()[-4000:])) from None

    def kill(self):
        if self.proc is not None and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
