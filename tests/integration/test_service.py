# SPDX-License-Identifier: ISC
"""pg-tided as a service: systemd's protocol, the init script, instances."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from tided import PREFIX, ROOT, Tided, program, wait_for


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.sock.settimeout(20)
        self.path = path

    def next(self, word):
        """The next datagram that has this word; others are passed over."""
        while True:
            text = self.sock.recv(4096).decode()
            if word in text.split("\n"):
                return text
            if any(line.startswith(word) for line in text.split("\n")):
                return text

    def close(self):
        self.sock.close()


@pytest.fixture
def manager(tmp_path):
    m = Manager(str(tmp_path / "notify"))
    yield m
    m.close()


def test_the_service_manager_is_told(manager, make_tided):
    d = make_tided(env={"NOTIFY_SOCKET": manager.path,
                        "WATCHDOG_USEC": "4000000"})
    manager.next("READY=1")
    manager.next("WATCHDOG=1")
    d.signal(signal.SIGHUP)
    text = manager.next("RELOADING=1")
    assert re.search(r"^MONOTONIC_USEC=\d+$", text, re.M)
    manager.next("READY=1")
    d.signal(signal.SIGTERM)
    manager.next("STOPPING=1")
    assert d.proc.wait(20) == 0


def test_refused_reload_is_over_too(manager, make_tided):
    d = make_tided(env={"NOTIFY_SOCKET": manager.path})
    manager.next("READY=1")
    with open(d.conf_path, "a", encoding="utf-8") as f:
        f.write("\n[nonsense]\nkey = 1\n")
    d.signal(signal.SIGHUP)
    manager.next("RELOADING=1")
    manager.next("READY=1")
    d.write_conf()


def test_no_notify_socket_reaches_a_child(manager, make_tided):
    d = make_tided(env={"NOTIFY_SOCKET": manager.path})
    manager.next("READY=1")
    for row in d.processes():
        if row["pid"]:
            with open("/proc/%d/environ" % row["pid"], "rb") as f:
                assert b"NOTIFY_SOCKET" not in f.read()


def test_unit_is_valid(tmp_path):
    unit = os.path.join(PREFIX, "share/pg-tided/examples/pg-tided.service")
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "pg-tided.service"
    shutil.copy(unit, copy)
    r = subprocess.run([analyze, "verify", "--man=no", str(copy)],
                       capture_output=True, text=True, timeout=60)
    wrong = [line for line in r.stderr.splitlines()
             if "pg-tided.service" in line]
    assert wrong == [] and r.returncode == 0, r.stderr


def run(*args):
    """The daemon keeps its log open: a pipe would never end."""
    with tempfile.TemporaryFile("w+") as out, \
            tempfile.TemporaryFile("w+") as err:
        r = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=out,
                           stderr=err, timeout=90, check=False)
        out.seek(0)
        err.seek(0)
        r.stdout, r.stderr = out.read(), err.read()
    return r


@pytest.fixture
def installed(pg, tmp_path):
    """The init script on a staged confdir and rundir, as an instance."""
    if not ROOT:
        pytest.skip("the init script is root's")
    name = "t%d" % os.getpid()
    source = os.path.join(PREFIX, "share/pg-tided/examples/pg-tided.init")
    with open(source, encoding="utf-8") as f:
        text = f.read()
    confdir = re.search(r"^\tconf=(.*)/\$instance.conf$", text, re.M)[1]
    rundir = re.search(r"^\trundir=(.*)/\$instance$", text, re.M)[1]
    script = tmp_path / ("pg-tided-" + name)
    script.write_text(text)
    script.chmod(0o755)
    os.makedirs(confdir, exist_ok=True)
    d = Tided(tmp_path / "d", pg.url())
    d.write_env()
    del d.options["control_socket"], d.options["pid_file"]
    d.options["log_target"] = "stderr"
    d.conf_path = os.path.join(confdir, name + ".conf")
    d.socket = os.path.join(rundir, name, "control.sock")
    d.write_conf()
    yield str(script), name, os.path.join(rundir, name), d
    run(str(script), "stop")
    os.unlink(d.conf_path)
    shutil.rmtree(os.path.join(rundir, name), ignore_errors=True)


def test_init_script(installed):
    script, name, rundir, d = installed
    assert run(script, "status").returncode == 3
    assert run(script, "reload").returncode == 7
    r = run(script, "start")
    assert r.returncode == 0, r.stderr
    assert run(script, "status").returncode == 0
    assert run(script, "start").returncode == 0, "already running"
    pidfile = os.path.join(rundir, "pg-tided.pid")
    with open(pidfile, encoding="ascii") as f:
        pid = int(f.read())
    assert run(program("bin", "pg-tidectl"), "--instance", name,
               "status").returncode == 0
    assert run(script, "reload").returncode == 0
    with open(d.conf_path, "a", encoding="utf-8") as f:
        f.write("\n[nonsense]\nkey = 1\n")
    assert run(script, "reload").returncode == 1
    assert run(script, "restart").returncode == 1, "it must keep running"
    assert os.path.exists("/proc/%d" % pid)
    d.write_conf()
    assert run(script, "restart").returncode == 0
    assert run(script, "try-restart").returncode == 0
    with open(pidfile, encoding="ascii") as f:
        pid = int(f.read())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: run(script, "status").returncode == 1, 20,
             "dead, with a pid file")
    assert run(script, "start").returncode == 0
    assert run(script, "stop").returncode == 0
    assert run(script, "status").returncode == 3
    assert run(script, "stop").returncode == 0, "stopped already"
    assert run(script, "frobnicate").returncode == 2


@pytest.mark.parametrize("name", ["../x", "", "a b", "x" * 33, "-a"])
def test_names_of_instances_are_checked(name):
    r = run(program("sbin", "pg-tided"), "--instance", name,
            "--check-config")
    assert r.returncode == 2 and "instance" in r.stderr


def test_pg_tide_stays_in_the_foreground(pg, tmp_path):
    d = Tided(tmp_path / "fg", pg.url())
    d.write_env()
    d.write_conf()
    with open(d.log_path, "ab") as log:
        d.proc = subprocess.Popen(
            [program("sbin", "pg-tide"), "--config", d.conf_path],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        d.wait_live()
        assert d.proc.poll() is None
    finally:
        assert d.stop() == 0
