# SPDX-License-Identifier: ISC
"""The doorbell's promises: nobody waits for a fallback poll while somebody
rings, and whoever sleeps hears it, whatever becomes of the others.

poll_interval is half a minute here, so that a fallback poll cannot pass for
a bell.
"""
import os
import shutil
import signal
import time

import psycopg2
import pytest
from pgcluster import PgCluster
from tided import PREFIX, wait_for

from test_delivery import set_webhook, started

LOCK = 1953064037
LONG_POLL = "30s"
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def pg(tmp_path_factory):
    cluster = PgCluster(str(tmp_path_factory.mktemp("pg") / "data"),
                        settings={"max_prepared_transactions": "5"})
    cluster.start()
    cluster.install_schema()
    yield cluster
    cluster.stop("immediate")


def sleeper(db, outbox):
    """The backend that holds the outbox's bell, or None."""
    rows = db.q("SELECT l.pid FROM pg_locks l JOIN tide.outboxes o ON "
                "o.id::bigint = l.objid::bigint WHERE l.locktype = 'advisory'"
                " AND l.classid::bigint = %s AND l.objsubid = 2 AND "
                "l.mode = 'ExclusiveLock' AND l.granted AND o.name = %s",
                LOCK, outbox)
    return rows[0][0] if rows else None


def asleep(db, outbox, but=None, seconds=15):
    """Wait until one backend keeps the lock: it is armed no more."""
    since = [None, 0.0]

    def still():
        pid = sleeper(db, outbox)
        if pid is None or pid == but or pid != since[0]:
            since[:] = [pid, time.monotonic()]
        return (pid not in (None, but) and
                time.monotonic() - since[1] > 0.4 and pid)
    return wait_for(still, seconds, "somebody sleeps at " + outbox)


def took(receiver, db, outbox, payload, count=1, seconds=20):
    """Publish; seconds until so many more requests have come."""
    before = len(receiver.requests())
    begin = time.monotonic()
    db.publish(outbox, payload)
    wait_for(lambda: len(receiver.requests()) >= before + count, seconds,
             "%d requests" % count, 0.005)
    return time.monotonic() - begin


def cpu(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pid_of(d, role):
    return [p["pid"] for p in d.processes() if p["role"] == role][0]


def host(pg, make_tided, group, **conf):
    """A relay group of its own, whose sessions bear its name."""
    return started(make_tided, "p",
                   url=pg.url() + "?application_name=" + group,
                   conf=dict(conf, relay_group_id=group))


def test_two_hosts_asleep_hear_one_bell(pg, db, outbox, receiver,
                                        make_tided):
    set_webhook(db, "p", outbox, receiver, poll_interval=LONG_POLL)
    for group in ("one", "two"):
        host(pg, make_tided, group)
    asleep(db, outbox)
    for n in range(5):
        assert took(receiver, db, outbox, '{"n": %d}' % n, 2) < 2
        asleep(db, outbox)


def test_a_sleeper_that_dies_is_replaced(pg, db, outbox, receiver,
                                         make_tided):
    """Events of the time in between reach the survivor when it asks for
    the lock by itself."""
    set_webhook(db, "p", outbox, receiver, poll_interval=LONG_POLL)
    hosts = {group: host(pg, make_tided, group) for group in ("one", "two")}
    backend = asleep(db, outbox)
    dead = db.one("SELECT application_name FROM pg_stat_activity "
                  "WHERE pid = %s", backend)
    hosts[dead].kill()
    wait_for(lambda: sleeper(db, outbox) != backend, 10, "the lock is free")
    assert took(receiver, db, outbox, '{"n": 1}') < 8
    asleep(db, outbox, backend)
    assert took(receiver, db, outbox, '{"n": 2}') < 2


def test_a_forgotten_publisher_delays_nobody(pg, db, outbox, receiver,
                                             make_tided):
    """It holds the shared lock, so nobody can sleep; others' events are
    delivered at once all the same, and waiting for it costs little."""
    set_webhook(db, "p", outbox, receiver, poll_interval=LONG_POLL)
    forgotten = pg.connect()
    with forgotten.cursor() as c:
        c.execute("SELECT tide.outbox_publish(%s, '{\"n\": -1}')", (outbox,))
    try:
        d = started(make_tided, "p")
        assert took(receiver, db, outbox, '{"n": 0}') < 2
        pids = [d.worker_pid("p"), pid_of(d, "catalog"), d.proc.pid]
        before, begin = sum(map(cpu, pids)), time.monotonic()
        times = []
        while time.monotonic() - begin < 4:
            times.append(took(receiver, db, outbox, '{"n": 1}'))
            time.sleep(0.1)
        used = (sum(map(cpu, pids)) - before) / (time.monotonic() - begin)
        assert sleeper(db, outbox) is None
        times.sort()
        print("%.1f ms, CPU %.1f %%" % (times[len(times) // 2] * 1000,
                                        used * 100))
        assert times[len(times) // 2] < 0.1
        assert used < 0.3
    finally:
        forgotten.commit()
        forgotten.close()
    wait_for(lambda: any('"n":-1' in r["body"].replace(" ", "")
                         for r in receiver.requests()), 5,
             "the forgotten event")
    asleep(db, outbox)


def test_two_phase_publishers_without_notify(db, receiver, make_tided):
    """A sleeping relay would make the publisher ring, and PREPARE refuses
    NOTIFY; without notify both phases work and the poll finds the event."""
    db.q("SELECT tide.outbox_create('twophase', notify := false)")
    try:
        set_webhook(db, "p", "twophase", receiver)
        started(make_tided, "p")
        for n in range(3):
            db.q("BEGIN")
            db.publish("twophase", '{"n": %d}' % n)
            db.q("PREPARE TRANSACTION 't%d'" % n)
        assert took(receiver, db, "twophase", '{"n": 3}') < 2
        assert sleeper(db, "twophase") is None
        db.q("ROLLBACK PREPARED 't1'")
        begin = time.monotonic()
        db.q("COMMIT PREPARED 't2'")
        db.q("COMMIT PREPARED 't0'")
        wait_for(lambda: len(receiver.requests()) == 3, 10, "two events")
        assert time.monotonic() - begin < 2
        numbers = [e["payload"]["n"] for e in receiver.accepted()]
        assert numbers[0] == 3 and sorted(numbers[1:]) == [0, 2]
    finally:
        db.q("SELECT tide.relay_delete('p')")
        db.q("SELECT tide.outbox_drop('twophase')")


def test_two_phase_publishers_of_a_sleeping_relay(db, outbox, receiver,
                                                  make_tided):
    """The error that the manual names, with its remedy."""
    set_webhook(db, "p", outbox, receiver, poll_interval=LONG_POLL)
    started(make_tided, "p")
    asleep(db, outbox)
    db.q("BEGIN")
    db.publish(outbox, '{"n": 0}')
    with pytest.raises(psycopg2.Error, match="NOTIFY"):
        db.q("PREPARE TRANSACTION 'refused'")


def removable_catalog(tmp_path):
    """A libexec directory of our own, and its catalog's path."""
    libexec = tmp_path / "libexec"
    shutil.copytree(os.path.join(PREFIX, "libexec", "pg-tided"), libexec)
    path = str(libexec)
    while path not in ("/", "/tmp"):
        if os.stat(path).st_uid == os.geteuid():
            os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)
    return str(libexec), str(libexec / "pg-tide-catalog")


def test_catalog_is_gone_while_workers_sleep(db, outbox, receiver,
                                             make_tided, tmp_path):
    """The lock went with it: nobody rings, so workers poll every 100 ms."""
    libexec, program = removable_catalog(tmp_path)
    set_webhook(db, "p", outbox, receiver, poll_interval=LONG_POLL)
    d = started(make_tided, "p", conf={"libexec_dir": libexec})
    asleep(db, outbox)
    os.rename(program, program + ".away")
    os.kill(pid_of(d, "catalog"), signal.SIGKILL)
    wait_for(lambda: sleeper(db, outbox) is None, 10, "the lock is free")
    for n in range(5):
        assert took(receiver, db, outbox, '{"n": %d}' % n) < 1
        time.sleep(0.3)
    os.rename(program + ".away", program)
    asleep(db, outbox, seconds=40)
    assert took(receiver, db, outbox, '{"n": 9}') < 1


def test_catalog_loses_its_session(db, outbox, receiver, make_tided):
    set_webhook(db, "p", outbox, receiver, poll_interval=LONG_POLL)
    started(make_tided, "p")
    backend = asleep(db, outbox)
    db.q("SELECT pg_terminate_backend(%s)", backend)
    wait_for(lambda: sleeper(db, outbox) != backend, 10, "it has ended")
    for n in range(5):
        assert took(receiver, db, outbox, '{"n": %d}' % n) < 1
    asleep(db, outbox, backend)
    assert took(receiver, db, outbox, '{"n": 9}') < 1
