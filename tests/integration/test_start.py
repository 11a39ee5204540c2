# SPDX-License-Identifier: ISC
"""What pg-tided says and does before anything runs: --check-config, and
places that are taken or missing."""
import os
import re
import socket
import subprocess

import pytest

from tided import ROOT, Tided, program

URL = "postgres://relay@127.0.0.1:1/db"


@pytest.fixture
def yard(tmp_path):
    """A directory that the unprivileged children can look into."""
    for place in (tmp_path, *tmp_path.parents):
        if not os.stat(place).st_mode & 0o001:
            os.chmod(place, 0o711)
    return tmp_path


def check(directory, text, mode=0o600):
    """Status and words of --check-config with this file."""
    conf = os.path.join(directory, "c.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write("postgres_url = %s\n" % URL)
        if ROOT:
            f.write("user = nobody\n")
        f.write(text)
    os.chmod(conf, mode)
    environ = {k: v for k, v in os.environ.items()
               if not k.startswith("PG_TIDE_")}
    done = subprocess.run(
        [program("sbin", "pg-tided"), "--check-config", "--config", conf],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, timeout=20, check=False, env=environ)
    return done.returncode, done.stdout


def test_check_config_is_content(yard):
    assert check(yard, "") == (0, "configuration OK\n")


@pytest.mark.parametrize("text, words", [
    ("drain_timeout = 1 minute\n",
     r'c\.conf:%d: drain_timeout: bad value "1 minute", '
     r'expected duration \(0s\.\.1h\)'),
    ("sandbox = maybe\n", r'c\.conf:%d: sandbox: bad value "maybe", expected '
     r'one of required\|best-effort\|off'),
    ("max_pipelines = 99999999999999999999\n",
     r"c\.conf:%d: max_pipelines: .*expected integer \(1\.\.10000\)"),
    ("drain_time = 1s\n", r'c\.conf:%d: unknown option "drain_time", did you '
     r'mean "drain_timeout"\?'),
    ("just words\n", r"c\.conf:%d: expected"),
    ("secrets.dirs = over/there\n", r"c\.conf:%d: secrets\.dirs: .*absolute"),
    ("[pipeline a b]\npostgres_url = x\n", r"c\.conf:.*1 to 63 letters"),
    ("[pipeline a]\npostgres_url = x\n", r"worker of a: .*neither a URL"),
    ("[pipeline a]\npostgres_url = postgres://h/${env:NO}\n",
     r"a: .*\$\{env:NO\}: not allowed: put"),
    ("worker_postgres_url = nonsense\n", r"worker: .*neither a URL"),
    ("postgres_url_file = /nonexistent\n", r"postgres_url_file: /nonexis.*No"),
    ("plugin_dir = /nonexistent\n", r"plugin_dir /nonexistent: No such"),
    ("libexec_dir = /nonexistent\n", r"/nonexistent: No such"),
    ("control_group = no-such-group\n", r'"no-such-group".*groupadd'),
    ("[secrets]\nenv = *\n", r"warn: secrets\.env = \*"),
])
def test_check_config_names_the_fault(yard, text, words):
    status, said = check(yard, text)
    assert status == (0 if words.startswith("warn") else 1)
    if "%d" in words:
        words = words % (3 if ROOT else 2)
    assert re.search(words, said), said


def test_check_config_tells_all_at_once(yard):
    said = check(yard, "plugin_dir = /nowhere/p\nlibexec_dir = /nowhere/l\n"
                 "control_group = no-such-group\n")[1]
    for word in ("/nowhere/p", "/nowhere/l", "no-such-group"):
        assert word in said


def test_check_config_sees_plugins_that_others_can_write(yard):
    plugins = yard / "plugins"
    plugins.mkdir(mode=0o755)
    (plugins / "x.so").write_text("")
    os.chmod(plugins / "x.so", 0o666)
    status, said = check(yard, "plugin_dir = %s\n" % plugins)
    assert status == 1 and "x.so: writable by group or others" in said


def test_configuration_that_others_can_write(yard):
    status, said = check(yard, "", 0o666)
    assert status == 1 and "chmod go-w" in said


def test_missing_directories_are_made(yard):
    """Those of the defaults are not there after an installation."""
    run = yard / "var" / "run" / "pg-tide"
    d = Tided(yard / "d", URL, conf={
        "control_socket": str(run / "control.sock"),
        "pid_file": str(run / "pg-tided.pid")})
    old = os.umask(0o077)
    try:
        d.start()
    finally:
        os.umask(old)
    try:
        for place in (run, run.parent, run.parent.parent):
            assert os.stat(place).st_mode & 0o7777 == 0o755
    finally:
        assert d.stop() == 0
    assert not list(run.iterdir())


def refused(directory, **conf):
    d = Tided(directory, URL, conf=conf)
    d.start(wait=False)
    assert d.proc.wait(20) == 1
    assert not os.path.exists(d.options["pid_file"])
    return d.log()


def test_port_is_taken(yard):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        said = refused(yard / "d", metrics_addr="127.0.0.1:%d" %
                       s.getsockname()[1])
    assert "Address already in use: choose another port, or off" in said
    assert not os.path.exists(yard / "d" / "control.sock")


def test_what_is_no_socket_is_not_removed(yard):
    letter = yard / "letter"
    letter.write_text("dear")
    said = refused(yard / "d", control_socket=str(letter))
    assert "choose another control_socket" in said
    assert letter.read_text() == "dear"
