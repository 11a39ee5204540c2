# SPDX-License-Identifier: ISC
"""The reading statements use their indexes, whatever the statistics say.

An empty poll over three million old rows took 528 ms with another plan, so
what is checked is the work done, not the time it took.
"""
import json
import os
import subprocess

import pytest

BUILD = os.environ["TIDE_BUILDDIR"]
ROWS = 200000
# What every worker's session sets.
SETTINGS = """SET enable_seqscan = off; SET enable_bitmapscan = off;
SET plan_cache_mode = force_custom_plan; SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET search_path = pg_catalog, pg_temp"""
STATISTICS = {
    "none": "DELETE FROM pg_statistic WHERE starelid::regclass::text"
            " LIKE 'tide.events%%'",
    "of_an_empty_table": None,
    "fresh": "ANALYZE {events}",
}


def statements(events):
    program = os.path.join(BUILD, "tests", "torture", "queries")
    if not os.path.exists(program):
        subprocess.run(["make", "-s", "-C", BUILD, "tests/torture/queries"],
                       check=True)
    return subprocess.run([program, events], check=True, text=True,
                          capture_output=True).stdout


# At most so many new rows, so many of them, since when, inline limit,
# generation, S2.
POLL = 4096, 500, "-infinity", 1 << 20, 1, None


class Plans:
    """A session like a worker's, and what its statements do."""

    def __init__(self, pg, events):
        self.conn = pg.connect()
        self.conn.autocommit = True
        self.cursor = self.conn.cursor()
        self.cursor.execute(SETTINGS)
        self.cursor.execute(statements(events))

    def work(self, statement, *values):
        """Runs it twice, the second time with a warm catalog."""
        marks = ", ".join(["%s"] * len(values))
        for _ in range(2):
            self.cursor.execute(
                "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)"
                " EXECUTE %s(%s)" % (statement, marks), values)
        plan = self.cursor.fetchone()[0][0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], plan

    def now(self):
        self.cursor.execute("SELECT pg_current_snapshot()::text")
        return self.cursor.fetchone()[0]

    def rows(self, statement, *values):
        marks = ", ".join(["%s"] * len(values))
        self.cursor.execute("EXECUTE %s(%s)" % (statement, marks), values)
        return self.cursor.fetchall()


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def check_plan(plan, sorted_rows):
    for node in nodes(plan):
        assert node["Node Type"] != "Seq Scan", node
        if node["Node Type"] == "Sort":
            assert node["Actual Rows"] <= sorted_rows, node


@pytest.fixture(scope="module", params=sorted(STATISTICS))
def plans(pg, request):
    name = "q_" + request.param
    pg.psql("SELECT tide.outbox_create('%s')" % name)
    events = pg.psql("SELECT events FROM tide.event_tables"
                     " WHERE outbox = '%s'" % name).strip()
    if request.param == "of_an_empty_table":
        pg.psql("ANALYZE " + events)
    # Old rows, then a window of as many.
    # And before them those of another server, with higher numbers.
    pg.psql("SET session_replication_role = replica; INSERT INTO " + events +
            " (xid, generation, payload) SELECT (1000000000 + g)::text::xid8,"
            " 0, '0' FROM generate_series(1, %d) g" % (ROWS // 2))
    fill = ("INSERT INTO " + events + " (key, payload) SELECT (g %% 100)"
            "::text, jsonb_build_object('n', g) FROM generate_series(1, %d)"
            " g" % (ROWS // 2))
    pg.psql(fill)
    middle = pg.psql("SELECT pg_current_snapshot()").strip()
    pg.psql(fill)
    command = STATISTICS[request.param]
    if command:
        pg.psql(command.replace("%%", "%").format(events=events))
    made = Plans(pg, events)
    made.middle = middle
    made.events = events
    yield made
    made.conn.close()


def test_an_empty_poll_costs_next_to_nothing(plans):
    plans.cursor.execute("SELECT pg_current_snapshot()::text,"
                         " pg_snapshot_xmax(pg_current_snapshot())::text")
    now, xmax = plans.cursor.fetchone()
    blocks, plan = plans.work("poll", now, *POLL)
    assert blocks < 100
    check_plan(plan, 1)
    # Also with transactions in progress that wrote no event.
    low = int(xmax)
    late = "%d:%d:%s" % (low, low + 8, ",".join(
        str(low + i) for i in range(8)))
    blocks, plan = plans.work("poll", late, *POLL)
    assert blocks < 300, json.dumps(plan, indent=1)
    check_plan(plan, 1)
    first = plans.rows("poll", now, *POLL)[0]
    assert first[0] is None and first[3] == 0


def test_a_large_window_is_only_counted_to_its_limit(plans):
    blocks, plan = plans.work("poll", plans.middle, 1000, *POLL[1:])
    assert blocks < 3000
    check_plan(plan, 1001)
    rows = plans.rows("poll", plans.middle, 1000, *POLL[1:])
    assert len(rows) == 1 and rows[0][3] == 1001


def test_a_walk_reads_its_chunk(plans):
    now = plans.now()
    (low, high), = plans.rows("bounds", plans.middle, now, 1)
    assert high - low == ROWS // 2 - 1
    check_plan(plans.work("bounds", plans.middle, now, 1)[1], 1)
    last = low + ROWS // 4
    values = (plans.middle, now, last, high, last, 1000, "-infinity",
              1 << 20, 1)
    blocks, plan = plans.work("walk", *values)
    assert blocks < 3000
    check_plan(plan, 1000)
    rows = plans.rows("walk", *values)
    assert [r[0] for r in rows] == list(range(last + 1, last + 1001))


def test_rows_are_found_by_id(plans):
    (low, _), = plans.rows("bounds", plans.middle, plans.now(), 1)
    blocks, plan = plans.work("refetch", "{%d,%d}" % (low, low + 5), 1 << 20)
    assert blocks < 60
    check_plan(plan, 2)
