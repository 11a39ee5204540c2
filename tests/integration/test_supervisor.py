# SPDX-License-Identifier: ISC
"""The supervisor against children that misbehave: tests/integration/fakechild
plays catalog and workers; control and resolver are the real ones."""
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from tided import PREFIX, ROOT, Tided, program, wait_for

BUILD = os.environ["TIDE_BUILDDIR"]
FAKE = os.path.join(BUILD, "tests", "integration", "fakechild")
URL = "postgres://relay:s3cret-pw@127.0.0.1:1/db"


class House(Tided):
    """pg-tided with fake children and a plan for the catalog."""

    def __init__(self, directory, conf=None, args=()):
        options = {
            "libexec_dir": os.path.join(directory, "libexec"),
            "plugin_dir": os.path.join(directory, "plugins"),
            "drain_timeout": "2s",
        }
        options.update(conf or {})
        super().__init__(directory, URL, conf=options, args=args)
        for name in ("libexec", "plugins"):
            os.makedirs(os.path.join(self.dir, name))
            os.chmod(os.path.join(self.dir, name), 0o755)
        for role in ("catalog", "worker"):
            self.put(FAKE, "libexec/pg-tide-" + role)
        for role in ("control", "resolver"):
            self.put(os.path.join(PREFIX, "libexec/pg-tided/pg-tide-" + role),
                     "libexec/pg-tide-" + role)
        with open(os.path.join(self.dir, "plugins/fake.so"), "w",
                  encoding="utf-8"):
            pass
        os.chmod(os.path.join(self.dir, "plugins/fake.so"), 0o644)
        self.mark = 0

    def put(self, source, name):
        shutil.copy(source, os.path.join(self.dir, name))
        os.chmod(os.path.join(self.dir, name), 0o755)

    def plan(self, *lines):
        """What the catalog says from now on, at once."""
        tmp = os.path.join(self.dir, "plan.new")
        with open(tmp, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        os.chmod(tmp, 0o644)
        self.mark = len(self.log())
        os.rename(tmp, os.path.join(self.dir, "plan"))

    def says(self, text, seconds=20):
        """Since the last plan, the log holds this; returns what follows."""
        self.wait_log(text, seconds, self.mark)
        return self.log()[self.mark:].split(text, 1)[1]

    def silent(self, text):
        assert text not in self.log()[self.mark:]

    def row(self, name, role="worker"):
        for row in self.processes():
            if row["role"] == role and (row["pipeline"] or "") == name:
                return row
        return None


@pytest.fixture
def yard(tmp_path):
    """A directory that the unprivileged catalog can look into."""
    for place in (tmp_path, *tmp_path.parents):
        if not os.stat(place).st_mode & 0o001:
            os.chmod(place, 0o711)
    return tmp_path


@pytest.fixture
def house(yard):
    made = []

    def build(**kw):
        h = House(str(yard / ("tided%d" % len(made))), **kw)
        made.append(h)
        return h.start()

    yield build
    for h in made:
        h.kill()


def test_life_of_a_worker(house):
    """Born with nothing, gets what is its own after attestation, drains."""
    h = house()
    secret = h.write_secret("token", " t0ken \n")
    h.write_env(NAME="from env file")
    out = os.path.join(h.out, "lines")
    h.plan("wanted birth box fake 7 1:NAME 2:%s 4:%s" % (secret, out), "end")
    h.says("worker birth is ready")
    log = h.log()
    fds = sorted(re.findall(r"born fd=(\d+) (\S+)", log))
    assert [n for n, _ in fds] == ["0", "1", "2", "3", "4", "5"]
    assert fds[0][1] == "/dev/nul"
    assert "born cwd=/ environ=empty sid=own" in log
    assert "born signals blocked" in log
    if ROOT:
        assert "uid=0" not in re.search(r"born cwd=.*", log).group()
    assert "document generation=7 flags=0 nsecrets=2 offset=0" in log
    assert "secret 1 NAME=from env file" in log
    assert "secret 2 %s=t0ken" % secret in log
    assert "secret 0 postgres_url=%s" % URL in log
    row = h.row("birth")
    assert row["state"] == "ready" and row["plugin"] == "fake"
    with open(out, encoding="utf-8") as f:
        assert f.read() == "written by generation 7\n"
    assert h.stop() == 0
    assert "drain 2000 ms" in h.log()
    assert not os.path.exists(h.socket)
    assert not os.path.exists(h.options["pid_file"])


@pytest.mark.parametrize("behaviour, why", [
    ("early", "READY (5) in state config: not in this state"),
    ("twice", "STAGE1 (2) in state stage1: not in this state"),
    ("toolong", "truncated record or too many descriptors"),
    ("twofds", "truncated record or too many descriptors"),
    ("nofilter", "no system call filter is in force"),
    ("threads", "it has more than one thread"),
    ("protocol", "it is of another version"),
    ("wrongbox", "IDLE (46) in state ready: malformed body"),
])
def test_offences(house, behaviour, why):
    """The offender dies, is throttled, and nobody else notices."""
    h = house()
    h.plan("wanted good box fake 1", "wanted %s box fake 1" % behaviour,
           "end")
    h.says("worker good is ready")
    line = h.says("worker %s (pid" % behaviour).split("\n")[0]
    assert "is killed" in line and why in line
    pid = h.worker_pid("good")
    wait_for(lambda: h.row(behaviour)["restarts"] >= 2, what="restarts")
    assert h.worker_pid("good") == pid
    assert h.stop() == 0


def test_sealed_documents_only(house):
    h = house()
    h.plan("raw", "wanted p box fake 1", "end")
    h.says("its document is not a sealed memfd")
    h.says("catalog has ended: protocol")
    assert h.row("p") is None


@pytest.mark.parametrize("behaviour, cause", [
    ("spin", "exit"), ("crash", "crash"), ("sigsys", "syscall")])
def test_throttle(house, behaviour, cause):
    """Ends are counted by cause, and delays grow."""
    h = house()
    h.plan("wanted %s box fake 1" % behaviour, "end")
    end = "worker %s has ended: %s" % (behaviour, cause)
    wait_for(lambda: h.log().count(end) >= 4, what=end)
    times = [float(t.replace("Z", "")) for t in re.findall(
        r"T\d\d:(?:\d\d):([\d.]+)Z [^\n]*" + end, h.log())]
    # 0.2, 0.4, 0.8 s, of which at least half: never faster.
    gap = (times[3] - times[0]) % 60
    assert gap >= 0.7 - 0.05
    row = h.row(behaviour)
    assert row["restarts"] >= 4 and row["last_end"] == cause


def test_silence_is_death(house):
    h = house()
    h.plan("wanted silent box fake 1", "end")
    h.says("worker silent is ready")
    begin = time.monotonic()
    h.says("no sign of life for 10 seconds", 20)
    assert 8 <= time.monotonic() - begin < 16
    h.says("worker silent has ended: silent")


def test_deaf_worker_is_killed_after_the_deadline(house):
    h = house(conf={"drain_timeout": "1s"})
    h.plan("wanted deaf box fake 1", "end")
    h.says("worker deaf is ready")
    begin = time.monotonic()
    h.plan("gone deaf")
    h.says("worker deaf has ended: deadline")
    assert 1.5 < time.monotonic() - begin < 8
    wait_for(lambda: h.row("deaf") is None, what="its row is gone")


def test_replacement_and_fall_back(house):
    """Generation 2 is refused by the worker, 1 comes back, 3 is taken."""
    h = house()
    h.plan("wanted badconfig box fake 1", "end")
    h.says("worker badconfig is ready")
    h.plan("wanted badconfig box fake 2")
    h.says("told badconfig generation=2 state=gone cause=config")
    h.says("worker badconfig is ready")
    h.says("document generation=1")
    assert h.row("badconfig")["state"] == "ready"
    h.plan("wanted badconfig box fake 2")     # said again: no new try
    h.says("said the plan")
    h.plan("wanted badconfig box fake 3")
    h.says("document generation=3")
    h.says("worker badconfig is ready")


def test_wrong_from_the_start_waits_for_a_change(house):
    h = house()
    h.plan("wanted badconfig box fake 2", "end")
    h.says("worker badconfig has ended: config")
    time.sleep(1.5)       # it must not happen: nothing to wait for
    assert h.log().count("worker badconfig has ended") == 1
    h.plan("wanted badconfig box fake 3")
    h.says("worker badconfig is ready")


def test_refused_references(house):
    """One pipeline waits for its secret; the other runs all the while."""
    h = house()
    h.plan("wanted good-a box fake 1",
           "wanted good-b box fake 1 2:/etc/shadow",
           "wanted good-c box fake 1 1:HOME",
           "wanted good-d box fake 1 2:%s/missing" % h.secrets,
           "wanted good-e box fake 1 4:/etc/cron.d/x",
           "wanted good-f box nosuch 1", "end")
    h.says("worker good-a is ready")
    h.says("worker good-b is not started: /etc/shadow: not allowed: it is in"
           " none of the directories of secrets.dirs")
    h.says("worker good-c is not started: ${env:HOME}: not allowed")
    h.says("worker good-d is not started: %s/missing: No such file" %
           h.secrets)
    h.says("worker good-e is not started: /etc/cron.d/x: not allowed")
    h.says("worker good-f is not started: sink type \"nosuch\"")
    assert h.row("good-b")["last_end"] == "secret"
    h.write_secret("missing", "here now")
    assert h.ctl("reload").returncode == 0
    h.says("worker good-d is ready")
    h.says("=here now")


def test_old_worker_goes_on_while_the_new_secret_is_missing(house):
    h = house()
    h.plan("wanted good box fake 1", "end")
    h.says("worker good is ready")
    pid = h.worker_pid("good")
    h.plan("wanted good box fake 2 2:%s/later" % h.secrets)
    h.says("worker good goes on as it is")
    h.says("told good generation=2 state=ready cause=secret")
    assert h.worker_pid("good") == pid
    h.write_secret("later", "v")
    h.signal(signal.SIGHUP)
    h.says("document generation=2")


def test_kill_each_core_process(house):
    """Workers are untouched, channels are made anew, lists are said again."""
    h = house()
    h.plan("wanted good box fake 1", "wanted other box fake 1", "end")
    h.says("worker good is ready")
    h.says("worker other is ready")
    pid = h.worker_pid("good")
    for role in ("resolver", "control", "catalog"):
        old = h.row("", role)["pid"]
        mark = len(h.log())
        os.kill(old, signal.SIGKILL)
        h.wait_log("%s has ended: killed" % role, after=mark)
        h.wait_log("%s is ready" % role, after=mark)
        if role == "resolver":
            h.wait_log("resolver is away", after=mark)
            h.wait_log("resolver is there", after=mark)
        if role == "catalog":
            h.wait_log("said the plan", after=mark)
        wait_for(lambda r=role, o=old: h.row("", r)["pid"] not in (0, o),
                 what="a new " + role)
    assert h.worker_pid("good") == pid
    # A log line still finds its way through the new control process.
    h.ctl("restart", "good")
    wait_for(lambda: h.worker_pid("good") not in (None, pid),
             what="a new worker")
    # What the new catalog does not name is gone.
    h.plan("wanted good box fake 1", "end")
    os.kill(h.row("", "catalog")["pid"], signal.SIGKILL)
    h.says("pipeline other is gone from the catalog")
    wait_for(lambda: h.row("other") is None, what="its row is gone")


def test_idle_and_wake_pass_through(house):
    h = house()
    h.plan("wanted idle-1 box fake 1", "wanted good box2 fake 1", "end")
    h.says("idle idle-1 on box xmax=42")      # not the name it forged
    h.says("pipeline=idle-1 wake box")
    h.silent("pipeline=good wake")


def test_pause_restart_resume(house):
    h = house()
    h.plan("wanted good box fake 1", "end")
    h.says("worker good is ready")
    pid = h.worker_pid("good")
    h.ctl("restart", "good")
    wait_for(lambda: h.worker_pid("good") not in (None, pid), what="restart")
    h.ctl("pause", "good")
    wait_for(lambda: h.worker_pid("good") is None, what="pause")
    assert h.pipeline("good")["paused"]
    h.ctl("resume", "good")
    h.wait_ready("good")
    r = h.ctl("restart", "nobody", check=False)
    assert r.returncode != 0 and "no pipeline" in r.stdout + r.stderr


def test_reload(house):
    h = house()
    h.plan("wanted good box fake 1", "end")
    h.says("worker good is ready")
    pid = h.worker_pid("good")
    h.options["log_level"] = "loud"
    h.write_conf()
    r = h.ctl("reload", check=False)
    assert r.returncode != 0
    assert re.search(r"pg-tided.conf:\d+: log_level: bad value \"loud\"",
                     r.stdout + r.stderr)
    h.says("the running configuration stays as it is")
    h.options["log_level"] = "info"
    h.options["metrics_addr"] = "127.0.0.1:1"
    h.write_conf()
    h.ctl("reload")
    h.says("metrics_addr has changed: it counts when pg-tided is restarted")
    h.says("reload")
    assert h.worker_pid("good") == pid
    assert '"info"' in h.ctl("show", "config", "--json").stdout
    h.options["worker_postgres_url"] = URL + "?application_name=x"
    h.write_conf()
    h.ctl("reload")
    h.says("application_name=x")


def test_reload_takes_new_secrets(house):
    """Only the worker whose secret has changed is started again."""
    h = house()
    path = h.write_secret("token", "first")
    h.plan("wanted good-a box fake 1 2:%s" % path,
           "wanted good-b box fake 1", "end")
    h.says("worker good-a is ready")
    h.says("worker good-b is ready")
    other = h.worker_pid("good-b")
    h.write_secret("token", "second")
    h.ctl("reload")
    h.says("worker good-a starts again: a secret or file")
    h.says("%s=second" % path)
    h.wait_ready("good-a")
    mark = len(h.log())
    os.unlink(path)
    h.ctl("reload")                    # missing is no reason to stop
    h.wait_log("reading the configuration again", after=mark)
    assert "has changed" not in h.log()[mark:]
    assert h.worker_pid("good-b") == other


def test_passwords_do_not_show(house):
    h = house(args=["--set", "worker_postgres_url=" + URL])
    h.plan("wanted good box fake 1", "end")
    h.says("worker good is ready")
    with open("/proc/%d/cmdline" % h.proc.pid, "rb") as f:
        assert b"s3cret" not in f.read()
    assert "a password was given on the command line" in h.log()
    shown = h.ctl("show", "config").stdout
    assert "s3cret" not in shown and "relay:***@127.0.0.1" in shown
    for row in h.processes():
        with open("/proc/%d/cmdline" % row["pid"], "rb") as f:
            assert b"s3cret" not in f.read()


def test_reopen(house):
    h = house()
    out = os.path.join(h.out, "log")
    h.plan("wanted good box fake 1 4:%s" % out, "end")
    h.says("worker good is ready")
    os.rename(out, out + ".1")
    h.signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(out) and os.path.getsize(out) > 0,
             what="the new file")
    with open(out, encoding="utf-8") as f:
        assert f.read() == "written after reopen\n"


def test_only_one_instance(house):
    h = house()
    r = subprocess.run([program("sbin", "pg-tided"), "-f", "--config",
                        h.conf_path], capture_output=True, text=True,
                       timeout=20, check=False, stdin=subprocess.DEVNULL)
    assert r.returncode == 1
    assert "another pg-tided (process %d) runs" % h.proc.pid in r.stderr
    assert h.http("/livez")[0] == 200


def test_second_signal_ends_at_once(house):
    h = house(conf={"drain_timeout": "60s"})
    h.plan("wanted deaf box fake 1", "end")
    h.says("worker deaf is ready")
    h.signal(signal.SIGTERM)
    h.says("drain 60000 ms")
    h.signal(signal.SIGTERM)
    assert h.proc.wait(10) == 0


def test_children_die_with_the_supervisor(house):
    h = house()
    h.plan("wanted deaf box fake 1", "end")
    h.says("worker deaf is ready")
    pids = [row["pid"] for row in h.processes()]
    assert len(pids) == 4
    h.kill()

    def gone(pid):
        try:
            with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    wait_for(lambda: all(gone(pid) for pid in pids), what="all are gone")


def test_stale_socket_and_restart(house):
    """What a killed instance left behind does not stop the next one."""
    h = house()
    h.kill()
    assert os.path.exists(h.socket)
    h.start()
    assert h.stop() == 0


@pytest.mark.skipif(not ROOT, reason="the kernel shows descriptors of a "
                    "process that is not dumpable to root alone")
def test_descriptors_do_not_leak(house):
    """Restarts of all kinds leave the supervisor's table as it was."""
    h = house()
    h.plan("wanted good box fake 1", "wanted spin box fake 1", "end")
    h.says("worker good is ready")

    def count():
        return len(os.listdir("/proc/%d/fd" % h.proc.pid))

    h.plan("gone spin")
    wait_for(lambda: h.row("spin") is None, what="spin is gone")
    h.wait_ready("good")
    before = count()
    for n in range(5):
        old = h.worker_pid("good")
        h.plan("wanted good box fake %d" % (n + 2))
        wait_for(lambda o=old: h.worker_pid("good") not in (None, o),
                 what="replaced")
        h.wait_ready("good")
        control = h.row("", "control")["pid"]
        os.kill(control, signal.SIGKILL)
        wait_for(lambda c=control: live(h) and
                 h.row("", "control")["pid"] not in (0, c),
                 what="a new control process")
    # The pair to a new control is made when it is ready.
    wait_for(lambda: count() <= before, what="%d descriptors" % before)


def live(h):
    return h.ctl("show", "processes", check=False).returncode == 0


def test_daemon_mode(yard):
    """The parent returns when the daemon runs; the pid file tells whom."""
    h = House(str(yard / "d"), conf={"log_target": "stderr"})
    h.write_env()
    h.write_conf()
    with open(h.log_path, "ab") as log:
        r = subprocess.run([program("sbin", "pg-tided"), "--config",
                            h.conf_path], stdin=subprocess.DEVNULL,
                           stdout=log, stderr=log, timeout=20, check=False)
    assert r.returncode == 0
    with open(h.options["pid_file"], encoding="utf-8") as f:
        pid = int(f.read())
    try:
        h.wait_log("control is ready")
        with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        assert int(fields[3]) == pid        # a session of its own
        assert fields[4] == "0"             # no terminal
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not os.path.exists(h.options["pid_file"]),
             what="the daemon has stopped")


@pytest.mark.parametrize("conf, why", [
    ({"metrics_addr": "192.0.2.77:1"}, "not an address of this host; it has"),
    ({"metrics_addr": "localhost:9090"}, "expected a numeric ADDRESS:PORT"),
    ({"control_socket": "/" + "x" * 200}, "longer than a socket's path"),
    ({"control_group": "no-such-group"}, "there is no such group"),
    ({"environment_file": "/nonexistent/env"}, "No such file"),
    ({"libexec_dir": "/nonexistent"}, "/nonexistent: No such file"),
])
def test_does_not_start(yard, conf, why):
    h = House(str(yard / "d"), conf=conf)
    h.start(wait=False)
    assert h.proc.wait(20) == 1
    assert why in h.log()


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_unprivileged(yard):
    """Started by an ordinary user it runs as well, with everything kept."""
    h = House(str(yard / "d"))
    del h.options["user"]
    h.write_env()
    with open(h.log_path, "w", encoding="utf-8"):
        pass
    h.plan("wanted birth box fake 1", "end")
    h.write_conf()
    subprocess.run(["chown", "-R", "nobody", h.dir], check=True)
    with open(h.log_path, "ab") as log:
        h.proc = subprocess.Popen(
            ["setpriv", "--reuid=nobody", "--regid=nogroup",
             "--clear-groups", program("sbin", "pg-tided"), "-f",
             "--config", h.conf_path], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, cwd="/")
    try:
        h.wait_log("worker birth is ready")
        assert "born cwd=/ environ=empty sid=own uid=65534" in h.log()
        assert h.stop() == 0
    finally:
        h.kill()
