# SPDX-License-Identifier: ISC
"""Nothing is lost and no key is out of order, whatever is killed.

TIDE_TORTURE_SECONDS stretches each run (default 6), TIDE_TORTURE_SEED
repeats one.
"""
import os
import random
import time

import pytest

from oracle import arrived
from tided import wait_for

SECONDS = int(os.environ.get("TIDE_TORTURE_SECONDS", "6"))
SEED = int(os.environ.get("TIDE_TORTURE_SEED") or
           random.SystemRandom().randrange(1, 1 << 31))
# What a crash may repeat: what was delivered since the last checkpoint,
# which is at most its interval (200 ms) and one write old, and what was in
# flight; events a second times one second is far above that.
MAX_INFLIGHT = 1000


def tell(verdict, **more):
    print("seed %d: %s %s" % (SEED, verdict, more or ""))


def test_undisturbed_delivery_is_exact(make_run):
    run = make_run()
    run.tided.start()
    run.tided.wait_ready(run.name)
    run.finish(run.publish(SECONDS, SEED))
    verdict = run.verdict()
    tell(verdict)
    assert verdict.sound, str(verdict)
    assert verdict.duplicates == 0


@pytest.mark.parametrize("options", [
    {}, {"max_inflight": 16}, {"ordering": "none"},
    {"max_inflight": 1, "checkpoint_interval": "10ms"},
], ids=["default", "walking", "unordered", "one_by_one"])
def test_killed_workers_lose_nothing(make_run, killer, options):
    """A small max_inflight makes every window one that is walked."""
    run = make_run(**options)
    run.tided.start()
    run.tided.wait_ready(run.name)
    begin = time.monotonic()
    shots = killer(run, SEED)
    run.finish(run.publish(SECONDS, SEED))
    wait_for(lambda: shots.kills >= 3, 60, "three kills")
    shots.stop()
    rate = len(run.committed()) / (time.monotonic() - begin)
    verdict = run.verdict(180)
    tell(verdict, kills=shots.kills, rate=int(rate))
    if options.get("ordering") == "none":
        verdict.inversions.clear()
    assert verdict.sound, str(verdict)
    assert verdict.duplicates <= shots.kills * (MAX_INFLIGHT + rate)


def test_backlog_while_publishers_go_on(make_run, killer):
    """The first start finds a backlog, and late committers in it."""
    run = make_run(max_inflight=100)
    publishers = run.publish(SECONDS, SEED)
    wait_for(lambda: run.published() > 1000, 60, "a backlog")
    run.tided.start()
    shots = killer(run, SEED)
    run.finish(publishers)
    shots.stop()
    verdict = run.verdict(120)
    tell(verdict, kills=shots.kills)
    assert verdict.sound, str(verdict)


def test_server_restarts_in_immediate_mode(make_run, pg):
    run = make_run()
    run.tided.start()
    run.tided.wait_ready(run.name)
    for turn in range(2):
        publishers = run.publish(SECONDS, SEED + turn)
        wait_for(lambda: run.published() > 500 * (turn + 1), 60,
                 "events")
        pg.restart("immediate")
        publishers.communicate(timeout=60)
        run.conn.close()
        run.conn = pg.connect()
        run.conn.autocommit = True
    run.finish(run.publish(2, SEED))
    verdict = run.verdict(60)
    tell(verdict)
    assert verdict.sound, str(verdict)


def outages(run, times, events):
    """Stop the relay until so many events wait, and start it again."""
    for turn in range(times):
        publishers = run.publish(60, SEED + turn)
        wait_for(lambda: run.published() > 500, 30, "events")
        run.tided.stop()
        before = run.published()
        wait_for(lambda: run.published() > before + events, 60, "a backlog")
        run.tided.start()
        run.tided.wait_ready(run.name)
        publishers.terminate()
        publishers.communicate(timeout=60)
        run.wait_still(30)


def test_outages_leave_large_windows(make_run):
    """More than the reader sorts: these windows are walked by id."""
    run = make_run()
    run.tided.start()
    run.tided.wait_ready(run.name)
    outages(run, 2, 6000)
    verdict = run.verdict()
    tell(verdict)
    assert verdict.sound, str(verdict)
    assert verdict.duplicates == 0


@pytest.mark.parametrize("program", ["worker-last-id", "worker-by-xid"])
def test_the_oracle_sees_mistakes(make_run, mutant, killer, program):
    run = make_run(mutant(program))
    run.tided.start()
    run.tided.wait_ready(run.name)
    shots = killer(run, SEED)
    run.finish(run.publish(SECONDS, SEED))
    shots.stop()
    verdict = run.verdict(30, complete=False)
    tell(verdict)
    assert verdict.lines > 100, "the mutant does not even run"
    assert not verdict.sound, "%s passed: %s" % (program, verdict)


def small_id_behind_the_position(run, pg):
    """
    A transaction that is in progress while the position S1 is taken, has a
    number at or above xmax(S1), and has drawn a smaller id than one that S1
    shows; then so much that the window is walked.  Returns the event's id.
    """
    first, second = pg.connect(), pg.connect()
    with first.cursor() as a, second.cursor() as b:
        b.execute("SELECT pg_current_xact_id()")
        a.execute("SELECT pg_current_xact_id()::text::bigint,"
                  " tide.outbox_publish(%s, '{}')", (run.name,))
        xid, low = a.fetchone()
        b.execute("SELECT tide.outbox_publish(%s, '{}')", (run.name,))
        second.commit()
        wait_for(lambda: arrived(run.path) == run.published(), 20, "events")
        run.tided.stop()
        xmax = run.q("SELECT pg_snapshot_xmax(coalesce(s2, s1))::text::bigint"
                     " FROM tide.relay_checkpoints WHERE pipeline = %s",
                     run.name)[0][0]
        run.q("SELECT count(*) FROM (SELECT tide.outbox_publish(%s, '{}')"
              " FROM generate_series(1, 5000)) p", run.name)
        first.commit()
    first.close()
    second.close()
    run.tided.start()
    return low if xid >= xmax else None


def late_small_id(run, pg):
    """Others' transactions may spoil an attempt; they rarely do."""
    run.tided.start()
    run.tided.wait_ready(run.name)
    for _ in range(10):
        low = small_id_behind_the_position(run, pg)
        if low is not None:
            return
        run.wait_still(10)
    raise AssertionError("no position was as it should be")


def test_small_ids_may_come_late(make_run, pg):
    run = make_run()
    late_small_id(run, pg)
    verdict = run.verdict()
    tell(verdict)
    assert verdict.sound, str(verdict)
    assert verdict.duplicates == 0


def test_the_oracle_sees_a_wrong_bound(make_run, mutant, pg):
    run = make_run(mutant("worker-bound"))
    late_small_id(run, pg)
    verdict = run.verdict(30, complete=False)
    tell(verdict)
    assert verdict.lines > 100, "the mutant does not even run"
    assert verdict.lost, str(verdict)
