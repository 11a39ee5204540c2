# SPDX-License-Identifier: ISC
"""Dump and restore, and both ways to install: the same objects."""
import pytest

import pgcluster
from pgcluster import PgCluster

# Names, columns, bodies and rights of everything in the schema.
OBJECTS = """
SELECT 'relation', c.relname::text, c.relkind::text, (SELECT string_agg(
    a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' ||
    a.attnotnull || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), ''), ','
    ORDER BY a.attnum) FROM pg_attribute a LEFT JOIN pg_attrdef d
    ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0)
    || coalesce(pg_get_viewdef(c.oid), '')
FROM pg_class c WHERE c.relnamespace = 'tide'::regnamespace
UNION ALL
SELECT 'function', p.oid::regprocedure::text, has_function_privilege(
    'public', p.oid, 'EXECUTE')::text, pg_get_functiondef(p.oid)
FROM pg_proc p WHERE p.pronamespace = 'tide'::regnamespace
UNION ALL
SELECT 'trigger', t.tgrelid::regclass::text, t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'tide'::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT 'constraint', n.conrelid::regclass::text, n.conname,
    pg_get_constraintdef(n.oid)
FROM pg_constraint n WHERE n.connamespace = 'tide'::regnamespace
UNION ALL
SELECT 'schema', nspname, '', nspacl::text FROM pg_namespace
WHERE nspname = 'tide'
ORDER BY 1, 2, 3, 4
"""
FILL = [
    "SELECT tide.outbox_create('orders')",
    "SELECT tide.outbox_create('gone')",
    "SELECT tide.outbox_create('Second-One', notify := false)",
    "SELECT tide.outbox_drop('gone')",
    "SELECT tide.outbox_publish('orders', to_jsonb(g), '{\"h\": 1}', 'k') "
    "FROM generate_series(1, 5) g",
    "UPDATE tide.outbox_parts SET opened_at = now() - interval '1 year' "
    "WHERE outbox_id = 1 AND part = 0",
    "SELECT tide.outbox_sweep()",
    "SELECT tide.outbox_publish('orders', '6')",
    "SELECT tide.outbox_grant_publish('Second-One', 'postgres')",
    "SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
    "'{\"url\": \"https://example.com/\"}')",
    "SELECT tide.relay_publish_sink_type('extra', '1', '[]')",
    "INSERT INTO tide.settings VALUES ('allow_literal_secrets', 'true')",
]
TABLES = ["outboxes", "outbox_parts", "outbox_publishers", "settings",
          "relay_outbox_config", "relay_checkpoints", "relay_held_events",
          "relay_dlq", "relay_config_audit", "events_1", "events_3",
          "events_1_0", "events_1_1"]


def make_server(tmp_path_factory, extension):
    made = PgCluster(str(tmp_path_factory.mktemp("pg")), extension=extension)
    made.start()
    made.psql("CREATE ROLE reader LOGIN")
    made.psql("CREATE DATABASE before")
    made.install_schema("before")
    return made


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """One with the extension's files and one without."""
    made = [make_server(tmp_path_factory, way) for way in (False, True)]
    yield made
    for one in made:
        one.remove()


@pytest.fixture(params=["schema", "extension"])
def server(request, servers):
    return servers[request.param == "extension"]


@pytest.fixture
def extended(servers):
    return servers[True]


def rows(conn, sql):
    with conn.cursor() as c:
        c.execute(sql)
        return c.fetchall()


def contents(conn):
    found = {table: rows(conn, "SELECT t::text FROM tide.%s t ORDER BY 1" %
                         table) for table in TABLES}
    # Built-in rows come with the installation, not with the dump.
    found["sink_types"] = rows(conn, "SELECT name, version, builtin, options "
                               "FROM tide.sink_types ORDER BY name")
    return found


def fill(server):
    conn = server.connect("before")
    conn.autocommit = True
    with conn.cursor() as c:
        c.execute("GRANT SELECT ON tide.event_tables TO reader")
        for statement in FILL:
            c.execute(statement)
        c.execute("SELECT pg_advisory_lock(hashtextextended("
                  "'pg_tide:default:p:0', 0))")
        c.execute("SELECT tide.relay_checkpoint('default', 'p', 0, epoch, "
                  "pg_current_snapshot()::text, NULL, 5, '{3}', '{}', "
                  "'[{\"id\": 2, \"error_class\": \"poison\", "
                  "\"first_failed_at_us\": 1, \"last_failed_at_us\": 1}]', 4) "
                  "FROM tide.relay_attach('default', 'p', 0, 'i')")
    return conn


def restored(server, dump):
    """The dumped database under another name."""
    server.psql("CREATE DATABASE after")
    server.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "after",
               input=dump)
    conn = server.connect("after")
    conn.autocommit = True
    return conn


def test_dump_and_restore(server):
    before = fill(server)
    dump = server.run("pg_dump", "before")
    after = restored(server, dump)
    assert contents(after) == contents(before)
    # The first attach puts right what a dump of an extension leaves out.
    rows(after, "SELECT pg_advisory_lock(hashtextextended("
         "'pg_tide:default:p:0', 0))")
    got = rows(after, "SELECT epoch, last_id, held, system_identifier "
               "FROM tide.relay_attach('default', 'p', 0, 'i')")[0]
    first = rows(before, "SELECT epoch, system_identifier "
                 "FROM tide.relay_checkpoints")[0]
    assert got[0] > first[0]
    assert got[1:] == (5, 1, first[1])
    assert rows(after, OBJECTS) == rows(before, OBJECTS)
    status = "SELECT to_jsonb(s) - 'oldest_pending_age_seconds' " \
        "FROM tide.outbox_status s ORDER BY outbox_name"
    assert rows(after, status) == rows(before, status)
    assert rows(after, "SELECT tide.outbox_publish('orders', '7')") == [(7,)]
    assert rows(after, "SELECT id, part FROM tide.events_1 WHERE id > 5") == [
        (6, 1), (7, 1)]
    rows(after, "SELECT tide.outbox_create('new')")
    assert rows(after, "SELECT max(id) FROM tide.outboxes") == [(4,)]
    reader = server.connect("after", "reader")
    assert rows(reader, "SELECT count(*) FROM tide.events_1") == [(7,)]
    for conn in (before, after, reader):
        conn.close()


def test_event_tables_are_no_members(server):
    conn = server.connect("before")
    members = rows(conn, "SELECT pg_describe_object(classid, objid, objsubid) "
                   "FROM pg_depend WHERE deptype = 'e' "
                   "AND refclassid = 'pg_extension'::regclass AND "
                   "refobjid IN (SELECT oid FROM pg_extension "
                   "WHERE extname = 'pg_tide')")
    assert bool(members) == server.extension
    assert not [m for m in members if "events_1" in m[0]]
    assert "schema tide" not in [m[0] for m in members]
    conn.close()


def test_both_ways_make_the_same_objects(extended):
    for name in ("one", "two"):
        extended.psql("CREATE DATABASE " + name)
    extended.install_schema("one")
    extended.psql_file(pgcluster.schema_file(), "two", "-1")
    one, two = extended.connect("one"), extended.connect("two")
    assert rows(one, OBJECTS) == rows(two, OBJECTS)
    assert rows(one, "SELECT installed_as FROM tide.extension_version") == [
        ("extension",)]
    assert rows(two, "SELECT installed_as FROM tide.extension_version") == [
        ("schema",)]
    one.close()
    two.close()


def test_extension_comes_and_goes(extended):
    extended.psql("CREATE DATABASE brief")
    extended.install_schema("brief")
    extended.psql("SELECT tide.outbox_create('orders')", "brief")
    extended.psql("SELECT tide.outbox_drop('orders')", "brief")
    extended.psql("DROP EXTENSION pg_tide", "brief")
    assert extended.psql("SELECT count(*) FROM pg_proc WHERE pronamespace = "
                       "'tide'::regnamespace", "brief").strip() == "0"


def test_a_second_installation_is_refused(server):
    with pytest.raises(RuntimeError, match="already exists"):
        server.psql_file(pgcluster.schema_file(), "before", "-1")
    assert server.psql("SELECT count(*) FROM tide.extension_version",
                       "before").strip() == "1"
