# SPDX-License-Identifier: ISC
"""The probe and liars inside the real pg-tided."""
import json
import os
import re
import shutil

import pytest

from probing import BUILD
from tided import free_port, program, wait_for

PROBE_OPTIONS = json.dumps([{
    "name": "target", "type": "endpoint", "flags": ["required"],
    "help": "Where it may connect to"}])


def root_file(source, directory, name):
    path = os.path.join(directory, name)
    shutil.copy(source, path)
    os.chmod(path, 0o755)
    return path


@pytest.fixture
def plugin_dir(tmp_path, db):
    directory = tmp_path / "plugins"
    directory.mkdir(mode=0o755)
    os.chmod(directory, 0o755)
    root_file(os.path.join(BUILD, ".libs", "probe.so"), directory,
              "probe.so")
    db.q("INSERT INTO tide.sink_types (name, version, builtin, options) "
         "VALUES ('probe', '1', false, %s::jsonb) "
         "ON CONFLICT (name) DO NOTHING", PROBE_OPTIONS)
    return directory


def start_probe(tided, db, outbox, plugin_dir, text):
    """Write what to attempt, then have the supervisor start the worker."""
    path = plugin_dir / "probe.act"
    path.write_text(text + "\n")
    os.chmod(path, 0o644)
    db.q("SELECT tide.relay_set_outbox('probing', %s, 'probe', %s::jsonb)",
         outbox, json.dumps({"target": "127.0.0.1:%d" % free_port()}))
    db.publish(outbox, '{"n": 1}', "k")


def outcome(tided, moment, act):
    pattern = re.compile(r"probe %s %s: ([^\n\"\\]*)" % (moment, act))
    return wait_for(lambda: pattern.search(tided.log()), 20,
                    "the probe speaks:\n" + tided.log()).group(1).strip()


def killed_by_filter(tided):
    name = "pg_tide_relay_worker_sandbox_kills_total"
    return wait_for(lambda: tided.metric(name, pipeline="probing"), 20,
                    name + " counts:\n" + tided.log()[-3000:])


@pytest.mark.parametrize("moment,act,expected", [
    ("constructor", "open /etc/passwd", "EACCES"),
    ("deliver", "open /etc/passwd", "EACCES"),
    ("deliver", "unix /run/nothing", "EACCES"),
    ("deliver", "tcp @pg", "ok"),
    ("deliver", "tcp @other", "EACCES"),
    ("deliver", "open /proc/@supervisor/mem", "EACCES"),
    ("thread", "epoll", "ok"),
])
def test_probe_answered(make_tided, pg, db, outbox, plugin_dir, moment, act,
                        expected):
    d = make_tided(conf={"plugin_dir": str(plugin_dir)})
    text = act.replace("@supervisor", str(d.proc.pid))
    text = text.replace("@pg", str(pg.port))
    text = text.replace("@other", str(d.port))
    start_probe(d, db, outbox, plugin_dir, moment + " " + text)
    assert outcome(d, moment, act.split()[0]) == expected


@pytest.mark.parametrize("moment,act", [
    ("constructor", "fork"),
    ("prepare", "exec /bin/true"),
    ("deliver", "kill @supervisor"),
    ("deliver", "udp @other"),
    ("thread", "ptrace @supervisor"),
])
def test_probe_killed(make_tided, db, outbox, plugin_dir, moment, act):
    d = make_tided(conf={"plugin_dir": str(plugin_dir)})
    text = act.replace("@supervisor", str(d.proc.pid))
    text = text.replace("@other", str(d.port))
    start_probe(d, db, outbox, plugin_dir, moment + " " + text)
    assert killed_by_filter(d) >= 1
    assert "probe %s %s:" % (moment, act.split()[0]) not in d.log()
    assert d.proc.poll() is None


def test_descriptors(make_tided, db, outbox, plugin_dir):
    """What is open when a plugin delivers: no file, and no surprise."""
    d = make_tided(conf={"plugin_dir": str(plugin_dir)})
    start_probe(d, db, outbox, plugin_dir, "deliver fds")
    fds = dict(pair.split("=") for pair in
               outcome(d, "deliver", "fds").split())
    assert [fds.pop(n) for n in "012345"] == \
        ["device", "pipe", "pipe", "socket", "socket", "socket"]
    rest = sorted(fds.values())
    # The session with PostgreSQL; the loop's own pipe for signals, its
    # epoll and timer and the host's events.
    assert rest.count("socket") == 1, fds
    assert rest.count("pipe") == 2, fds
    assert set(rest) == {"socket", "pipe", "other"}, fds


@pytest.fixture
def liars(tmp_path, plugin_dir):
    """A directory of programs whose worker is the liar."""
    directory = tmp_path / "libexec"
    directory.mkdir()
    os.chmod(directory, 0o755)
    source = program("libexec", "pg-tided")
    for name in ("pg-tide-catalog", "pg-tide-control", "pg-tide-resolver"):
        root_file(os.path.join(source, name), directory, name)
    root_file(os.path.join(BUILD, "liar"), directory, "pg-tide-worker")
    return directory


@pytest.mark.parametrize("name,refusal", [
    ("honest", None),
    ("liar_stage1", "no system call filter is in force"),
    ("liar_threads", "it has more than one thread"),
])
def test_attestation(make_tided, db, outbox, plugin_dir, liars, name,
                     refusal):
    """No secret reaches a worker that only says that it is locked down."""
    d = make_tided(conf={"plugin_dir": str(plugin_dir),
                         "libexec_dir": str(liars)})
    db.q("SELECT tide.relay_set_outbox(%s, %s, 'probe', %s::jsonb)",
         name, outbox, '{"target": "127.0.0.1:9"}')
    given = name + " was given secrets"
    if refusal is None:
        d.wait_log(given)
        return
    d.wait_log(refusal)
    assert given not in d.log()


def test_trap_names_the_call(make_tided, db, outbox, plugin_dir):
    d = make_tided(conf={"plugin_dir": str(plugin_dir),
                         "sandbox_action": "trap"})
    start_probe(d, db, outbox, plugin_dir, "deliver udp %d" % d.port)
    d.wait_log("sandbox: system call socket number")


def test_off_needs_a_second_word(make_tided, db, outbox, plugin_dir):
    """As root; and then nothing is in the way of the probe."""
    if os.geteuid() != 0:
        pytest.skip("only root has to say it twice")
    d = make_tided(start=False, conf={"plugin_dir": str(plugin_dir),
                                      "sandbox": "off"})
    d.start(wait=False)
    assert d.proc.wait(20) != 0
    assert "allow_sandbox_off_as_root" in d.log()
    d.options["allow_sandbox_off_as_root"] = "yes"
    d.start()
    start_probe(d, db, outbox, plugin_dir, "deliver open /etc/passwd")
    assert outcome(d, "deliver", "open") == "ok"
    assert "nothing confines the plugin" in d.log()
