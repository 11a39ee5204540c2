# SPDX-License-Identifier: ISC
"""Compares what was committed with what arrived.

What arrived is a file of native messages, one a line, in the order of
arrival.  A first delivery counts for the order; every later one of the same
identity is a duplicate.
"""
import json


class Verdict:
    def __init__(self, committed):
        self.committed = committed
        self.lines = 0
        self.duplicates = 0
        self.inversions = []
        self.unknown = []
        self.lost = set(committed)

    def __str__(self):
        return ("%d committed, %d arrived: %d lost, %d duplicates, "
                "%d inversions, %d unknown" %
                (len(self.committed), self.lines, len(self.lost),
                 self.duplicates, len(self.inversions), len(self.unknown)))

    @property
    def sound(self):
        return not (self.lost or self.inversions or self.unknown)


def read_committed(cursor, events, outbox):
    """Identity -> (key, number) of every committed event."""
    cursor.execute(
        "SELECT tide.event_identity(%s, id, created_at), key,"
        " (payload->>'s')::bigint FROM " + events, (outbox,))
    return {row[0]: (row[1], row[2]) for row in cursor}


def whole_lines(path):
    """Lines that are complete; the last may still be being written."""
    try:
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.endswith("\n"):
                    yield line
    except FileNotFoundError:
        return


def judge(committed, path):
    verdict = Verdict(committed)
    seen = set()
    last = {}
    for line in whole_lines(path):
        verdict.lines += 1
        identity = json.loads(line)["dedup_key"]
        if identity not in committed:
            verdict.unknown.append(identity)
        elif identity in seen:
            verdict.duplicates += 1
        else:
            seen.add(identity)
            verdict.lost.discard(identity)
            key, number = committed[identity]
            if key is not None:
                if number <= last.get(key, 0):
                    verdict.inversions.append((key, last[key], number))
                last[key] = max(number, last.get(key, 0))
    return verdict


def arrived(path):
    """How many different events are there by now."""
    return len({json.loads(line)["dedup_key"] for line in whole_lines(path)})
