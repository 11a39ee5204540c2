# SPDX-License-Identifier: ISC
"""The pages about SQL: signatures and columns are those of the server, and
the examples run, in the order of the pages, in one database."""
import json
import os
import re
import subprocess
import sys

import pytest

from pgcluster import PgCluster, roles_file

SOURCE = os.environ.get("TIDE_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(SOURCE, "tests", "lint"))
import mdoc  # noqa: E402

PAGES = ("pg_tide.7", "pg-tide-pipeline.5", "pg-tide-file.5",
         "pg-tide-webhook.5")
EXAMPLES = os.path.join(SOURCE, "etc", "examples")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own: the pages make roles."""
    cluster = PgCluster(str(tmp_path_factory.mktemp("pg")),
                        settings={"max_prepared_transactions": "10"})
    cluster.start()
    cluster.install_schema()
    yield cluster
    cluster.remove()


class Reader:
    """Somebody who types the examples in."""

    def __init__(self, cluster):
        self.cluster = cluster

    def psql(self, text):
        return subprocess.run(
            [self.cluster.program("psql"), "-X", "-q", "-v",
             "ON_ERROR_STOP=1", "-d", self.cluster.url()], input=text,
            text=True, capture_output=True, check=False, timeout=60)

    def sql(self, text, _):
        done = self.psql(text)
        assert done.returncode == 0, text + done.stderr

    def roles(self, text, _):
        self.cluster.psql_file(roles_file())
        self.sql(text, None)

    def error(self, text, code):
        """The lines that PostgreSQL says stand below the statement."""
        statement = "\n".join(line for line in text.split("\n")
                              if not re.match("ERROR:|HINT:", line))
        done = self.psql("\\set VERBOSITY verbose\n" + statement)
        assert done.returncode != 0 and code in done.stderr, done.stderr
        told = done.stderr.replace(code + ": ", "")
        for line in re.findall("^(?:ERROR|HINT):.*$", text, re.M):
            assert line in told

    def sink(self, text, _):
        """Members of a document; the page's other ones name the sink."""
        document = json.loads("{%s}" % text)
        document.setdefault("sink_type", "webhook")
        self.sql("SELECT tide.relay_set_outbox('part', 'orders', $d$%s$d$)" %
                 json.dumps(document), None)

    def native(self, text, _):
        """A message as the encoder makes it."""
        message = json.loads(text)
        with open(os.path.join(SOURCE, "worker/encode.c"),
                  encoding="utf-8") as code:
            shape = code.read().split("\nput_native(")[1].split("\n}")[0]
        assert list(message) == re.findall(r'\\"(\w+)\\":', shape)
        assert message["dedup_key"] == self.cluster.psql(
            "SELECT tide.event_identity('%s', %d, '%s')" % (
                message["outbox_name"], message["outbox_id"],
                message["created_at"])).strip()

    def none(self, text, _):
        """Not for a machine: shell, other languages, output."""


def blocks():
    found = []
    for page in PAGES:
        for n, (mark, text) in enumerate(mdoc.literal_blocks(
                mdoc.page(page)), 1):
            found.append(("%s block %d" % (page, n), mark, text))
    return found


def type_in(cluster):
    """The pages' examples, then the files; returns how many there were."""
    reader = Reader(cluster)
    for where, mark, text in blocks():
        assert mark, where + " does not say how it is tested"
        kind, _, argument = mark.partition(" ")
        try:
            getattr(reader, kind)(text, argument)
        except AssertionError as error:
            raise AssertionError("%s: %s" % (where, error)) from None
    names = sorted(os.listdir(EXAMPLES))
    for name in names:
        with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
            text = file.read()
        if name.endswith(".json"):
            text = "SELECT tide.relay_set_outbox_v2($d$%s$d$)" % text
        reader.sql(text, None)
    return len(blocks()), len(names)


@pytest.fixture(scope="module")
def played(server):
    return type_in(server)


def test_examples_run(played):
    assert played[0] > 20 and played[1] > 3


def validate(server, what):
    """As the worker and the sink check a document, without secrets."""
    prefix = os.environ["TIDE_PREFIX"]
    return subprocess.run(
        [os.path.join(prefix, "bin/pg-tidectl"), "validate", what,
         "--postgres-url", server.url(),
         "--libexec-dir", os.path.join(prefix, "libexec/pg-tided"),
         "--plugin-dir", os.path.join(prefix, "lib/pg-tided/plugins")],
        text=True, capture_output=True,
        check=False, timeout=60)


@pytest.mark.skipif(not os.environ.get("TIDE_PREFIX"),
                    reason="needs an installed worker and its plugins")
def test_examples_are_valid_for_the_worker(server, played):
    """What the examples have stored, and the files."""
    assert played
    subjects = server.psql("SELECT name FROM tide.relay_outbox_config").split()
    subjects += [os.path.join(EXAMPLES, name) for name in
                 os.listdir(EXAMPLES) if name.endswith(".json")]
    assert len(subjects) > 8
    for subject in subjects:
        done = validate(server, subject)
        assert done.returncode == 0, done.stdout + done.stderr


def plain(text):
    """A default or type as people write it: no casts, one spelling."""
    return re.sub(r"::[\w ]+(\[\])?", "", text)


def test_signatures_are_those_of_the_server(server):
    """A function with a comment is one that others may call."""
    rows = json.loads(server.psql("""
        SELECT json_agg(json_build_array(p.proname,
            pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)))
        FROM pg_proc p WHERE p.pronamespace = 'tide'::regnamespace
        AND obj_description(p.oid, 'pg_proc') IS NOT NULL"""))
    known = sorted((name, plain(re.sub("TABLE\\(.*", "", arguments)),
                    re.sub(r"\(.*", "", result))
                   for name, arguments, result in rows)
    told = sorted((name, ", ".join(parameters), result)
                  for name, parameters, result
                  in mdoc.functions(mdoc.page("pg_tide.7")))
    assert told == known


def columns(server, relation):
    return server.psql("""
        SELECT attname FROM pg_attribute
        WHERE attrelid = 'tide.%s'::regclass AND attnum > 0
        AND NOT attisdropped""" % relation).split()


def test_columns_are_those_of_the_server(server):
    section = mdoc.section(mdoc.page("pg_tide.7"), "RELATIONS")
    checked = 0
    for name, body in mdoc.items(section, "Ic"):
        assert sorted(mdoc.names(body, "Va")) == sorted(
            columns(server, name)), name
        checked += 1
    assert checked > 9


def test_granted_functions_may_be_called(server):
    """Nobody may execute what has no comment."""
    assert server.psql("""
        SELECT p.proname FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.pronamespace = 'tide'::regnamespace
        AND obj_description(p.oid, 'pg_proc') IS NULL
        AND a.grantee NOT IN (p.proowner, to_regrole('tide_admin'))""") == ""


def test_error_of_two_phase_commit_is_quoted(server):
    """PostgreSQL's words, as a publisher meets a relay that sleeps."""
    sleeper, publisher = server.connect(), server.connect()
    with sleeper.cursor() as c:
        c.execute("SELECT tide.outbox_create_if_not_exists('twophase');"
                  "COMMIT; SELECT pg_advisory_lock(1953064037, id)"
                  " FROM tide.outboxes WHERE name = 'twophase'")
    with pytest.raises(Exception) as caught, publisher.cursor() as c:
        c.execute("SELECT tide.outbox_publish('twophase', '1')")
        c.execute("PREPARE TRANSACTION 'refused'")
    sleeper.close()
    publisher.close()
    text = "ERROR:  %s\n" % caught.value.diag.message_primary
    assert text in mdoc.page("pg_tide.7")
