# SPDX-License-Identifier: ISC
"""Keys whose destination is down: they hold back themselves and nobody
else, and a crash does not repeat what the others have done."""
import json
import os
import signal

from oracle import arrived, judge
from test_torture import SECONDS, SEED, tell
from tided import wait_for

RETRY = {"initial_backoff": "50ms", "max_backoff": "500ms"}


def webhook_run(make_run, picky, **options):
    run = make_run(sink={"sink_type": "webhook", "url": picky.url(),
                         "allow_insecure": True, "allow_private": True,
                         "max_connections": 8}, retry=RETRY, **options)
    run.path = picky.path
    return run


def held(run):
    return run.q("SELECT count(*) FROM tide.relay_held_events"
                 " WHERE pipeline = %s", run.name)[0][0]


def others(run, down):
    return sum(1 for key, _ in run.committed().values()
               if key is None or int(key[1:]) not in down)


def kill_and_wait(run):
    pid = run.worker()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: run.worker() not in (None, pid), 20, "a new worker")
    run.tided.wait_ready(run.name)


def test_stuck_keys_hold_themselves_only(make_run, picky, killer):
    run = webhook_run(make_run, picky, max_inflight=64)
    picky.down = {1, 2, 3}
    run.tided.start()
    run.tided.wait_ready(run.name)
    shots = killer(run, SEED, 1.0, 2.5)
    run.finish(run.publish(SECONDS, SEED, clients=6))
    shots.stop()
    wanted = others(run, picky.down)
    wait_for(lambda: arrived(run.path) >= wanted, 90,
             "the other keys' %d events" % wanted, 0.2)
    stuck = len(run.committed()) - wanted
    wait_for(lambda: held(run) == stuck, 30, "%d held events" % stuck)
    row = run.tided.pipeline(run.name)
    assert row["health"] != "ok" and 'key "k' in json.dumps(
        row).replace('\\', ""), row
    # A quiet moment: the checkpoint knows it all, so a crash repeats nothing.
    lines = judge(run.committed(), run.path).lines
    kill_and_wait(run)
    before = picky.refused
    wait_for(lambda: picky.refused > before + 3, 30, "the stuck keys' probes")
    assert judge(run.committed(), run.path).lines == lines
    picky.down = set()
    verdict = run.verdict()
    tell(verdict, kills=shots.kills + 1, stuck=stuck)
    assert verdict.sound, str(verdict)
    assert held(run) == 0


def test_keys_come_and_go(make_run, picky, killer):
    """Keys go down and heal while publishers and kills go on."""
    run = webhook_run(make_run, picky, max_inflight=32)
    run.tided.start()
    run.tided.wait_ready(run.name)
    shots = killer(run, SEED, 1.0, 2.5)
    publishers = run.publish(SECONDS + 2, SEED, clients=6)
    turn = 0
    while publishers.poll() is None:
        picky.down = {1 + (turn + i) % 24 for i in range(8)}
        turn += 5
        before = picky.refused
        wait_for(lambda: picky.refused > before + 40 or
                 publishers.poll() is not None, 30, "refusals")
    run.finish(publishers)
    shots.stop()
    picky.down = set()
    verdict = run.verdict(120)
    tell(verdict, kills=shots.kills, refused=picky.refused)
    assert verdict.sound, str(verdict)


def test_all_down_holds_nothing(make_run, picky):
    """It is the destination, not a key: memory fills, and reading stops."""
    run = webhook_run(make_run, picky, max_inflight=64)
    picky.down = set(range(1, 25)) | {None}
    run.tided.start()
    run.tided.wait_ready(run.name)
    run.finish(run.publish(3, SEED, clients=6))
    before = picky.refused
    wait_for(lambda: picky.refused > before + 100, 30, "more refusals")
    assert held(run) == 0
    picky.down = set()
    verdict = run.verdict()
    tell(verdict)
    assert verdict.sound, str(verdict)
    assert verdict.duplicates == 0


def test_a_clean_stop_repeats_nothing(make_run, picky):
    """Also when a key is stuck and others were delivered out of turn."""
    run = webhook_run(make_run, picky, max_inflight=64)
    picky.down = {1}
    run.tided.start()
    run.tided.wait_ready(run.name)
    publishers = run.publish(SECONDS, SEED, clients=6)
    for _ in range(2):
        before = arrived(run.path)
        wait_for(lambda: arrived(run.path) > before + 50, 30, "events")
        assert run.tided.stop() == 0
        run.tided.start()
    run.finish(publishers)
    picky.down = set()
    verdict = run.verdict()
    tell(verdict)
    assert verdict.sound, str(verdict)
    assert verdict.duplicates == 0
