# SPDX-License-Identifier: ISC
"""Who may do what: the security guide's grants, the role script, publishers."""
import psycopg2
import pytest

# Word for word, and run before any outbox exists.
GUIDE = [
    "GRANT EXECUTE ON FUNCTION tide.outbox_publish TO app_writer;",
    "GRANT EXECUTE ON FUNCTION tide.inbox_mark_processed TO app_writer;",
    "GRANT SELECT ON tide.inbox_pending TO app_writer;",
    "GRANT ALL ON ALL TABLES IN SCHEMA tide TO relay_worker;",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tide TO relay_worker;",
    "GRANT SELECT ON tide.outbox_status TO monitor;",
    "GRANT SELECT ON tide.relay_dlq TO monitor;",
]
PIPE = ("SELECT tide.relay_set_outbox('p', 'orders', 'webhook', "
        "'{\"url\": \"https://example.com/\"}')")
READABLE = ("SELECT coalesce(array_agg(relname::text ORDER BY relname), '{}') "
            "FROM pg_class WHERE relnamespace = 'tide'::regnamespace "
            "AND relkind IN ('r', 'p', 'v', 'S') "
            "AND (has_table_privilege(%s, oid, 'SELECT') "
            "OR has_table_privilege(%s, oid, 'INSERT') "
            "OR has_table_privilege(%s, oid, 'UPDATE') "
            "OR has_any_column_privilege(%s, oid, 'SELECT'))")
CALLABLE = ("SELECT coalesce(array_agg(DISTINCT proname::text "
            "ORDER BY proname::text), '{}') FROM pg_proc "
            "WHERE pronamespace = 'tide'::regnamespace "
            "AND has_function_privilege(%s, oid, 'EXECUTE')")
GUARDED = {
    "settings": "INSERT INTO tide.settings VALUES "
                "('allow_literal_secrets', 'true')",
    "relay_outbox_config": "UPDATE tide.relay_outbox_config SET config = '{}'",
    "outbox_publishers": "DELETE FROM tide.outbox_publishers",
    "sink_types": "DELETE FROM tide.sink_types",
    "relay_config_audit": "TRUNCATE tide.relay_config_audit",
}


def readable(db, role):
    return db.one(READABLE, role, role, role, role)


def callable_by(db, role):
    return db.one(CALLABLE, role)


def rotate(db, outbox_id=1):
    """As if the current part had been open for long."""
    db.q("UPDATE tide.outbox_parts SET opened_at = now() - interval '1 year' "
         "WHERE outbox_id = %s AND closed_at IS NULL "
         "AND opened_at IS NOT NULL", outbox_id)
    return db.one("SELECT tide.outbox_sweep()")


@pytest.fixture
def guide(db, role):
    """The guide's grants alone, then an outbox and a rotation."""
    for name in ("app_writer", "relay_worker", "monitor"):
        role(name)
    for grant in GUIDE:
        db.q(grant)
    db.q("SELECT tide.outbox_create('orders')")
    db.q(PIPE)
    db.q("SELECT tide.outbox_publish('orders', '0')")
    rotate(db)
    assert db.one("SELECT current_part FROM tide.outboxes") == 1
    yield db
    db.close()


def test_public_may_do_nothing(orders, role):
    role("nobody_at_all")
    assert readable(orders, "nobody_at_all") == []
    assert callable_by(orders, "nobody_at_all") == []
    orders.close()


def test_app_writer_publishes_and_no_more(guide):
    writer = guide.session("app_writer")
    assert guide.one("SELECT tide.outbox_publish('orders', '1', "
                     "'{\"a\": 1}', 'k')", conn=writer) == 2
    assert guide.q("SELECT * FROM tide.inbox_pending", conn=writer) == []
    with guide.refused("TD002", "inbox"):
        guide.q("SELECT tide.inbox_mark_processed('i', 'e')", conn=writer)
    assert readable(guide, "app_writer") == ["inbox_pending"]
    assert callable_by(guide, "app_writer") == ["inbox_mark_processed",
                                                "outbox_publish"]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        guide.q("SELECT * FROM tide.events_1", conn=writer)


def test_monitor_watches_two_relations(guide):
    monitor = guide.session("monitor")
    assert guide.q("SELECT outbox_name, pending_messages, last_id "
                   "FROM tide.outbox_status", conn=monitor) == [
                       ("orders", 1, 1)]
    assert guide.q("SELECT * FROM tide.relay_dlq", conn=monitor) == []
    assert readable(guide, "monitor") == ["outbox_status", "relay_dlq"]
    assert callable_by(guide, "monitor") == []


def test_relay_worker_runs_a_pipeline(guide):
    """Also of an outbox, and after a rotation, later than the grants."""
    guide.q("SELECT tide.outbox_publish('orders', '1')")
    relay = guide.session("relay_worker")
    assert [row[:2] for row in guide.q("SELECT * FROM tide.relay_pipelines()",
                                       conn=relay)] == [("p", "orders")]
    row = guide.attach("p", conn=relay)
    assert guide.q("SELECT id, part FROM %s ORDER BY id" % row["events"],
                   conn=relay) == [(1, 0), (2, 1)]
    guide.checkpoint("p", row["epoch"], conn=relay, last_id=2, delivered=1,
                     held_add=[1], dead='[{"id": 2, "error_class": "poison", '
                     '"error_text": "no", "attempts": 1, '
                     '"first_failed_at_us": 1, "last_failed_at_us": 1}]')
    assert guide.q("SELECT * FROM tide.relay_held('default', 'p', 0)",
                   conn=relay) == [(1,)]
    for call in ("relay_lag('default')", "server_check()", "outbox_sweep()",
                 "relay_dlq_list()", "relay_list_configs()",
                 "outbox_status('orders')"):
        assert guide.q("SELECT * FROM tide." + call, conn=relay)
    for view in ("outbox_status", "outbox_pending", "consumer_lag",
                 "relay_pipeline_status", "sink_types"):
        assert guide.q("SELECT * FROM tide." + view, conn=relay)


@pytest.mark.parametrize("statement", GUARDED.values(), ids=GUARDED.keys())
def test_relay_worker_cannot_write_past_the_checks(guide, statement):
    relay = guide.session("relay_worker")
    with guide.refused("TD003", "owner"):
        guide.q(statement, conn=relay)
    guide.q(statement)


def test_an_ordinary_role_installs_it(cluster, db, role):
    """No superuser anywhere: the installing role owns everything."""
    owner = role("plain_owner")
    for name in ("app_writer", "relay_worker", "monitor"):
        role(name)
    cluster.psql("CREATE DATABASE plain OWNER " + owner)
    try:
        cluster_install(cluster, "plain", owner)
        conn = cluster.connect("plain", owner)
        conn.autocommit = True
        for statement in GUIDE + [
                "SELECT tide.outbox_create('orders')", PIPE,
                "SELECT tide.outbox_publish('orders', '1')",
                "SELECT * FROM tide.outbox_status",
                "SELECT tide.outbox_sweep()"]:
            db.q(statement, conn=conn)
        conn.close()
        relay = cluster.connect("plain", "relay_worker")
        relay.autocommit = True
        row = db.attach("p", conn=relay)
        assert db.one("SELECT count(*) FROM " + row["events"],
                      conn=relay) == 1
        db.checkpoint("p", row["epoch"], conn=relay)
        relay.close()
        assert db.one("SELECT count(*) FROM pg_class WHERE relowner = "
                      "%s::regrole", owner) == 0
    finally:
        cluster.psql("DROP DATABASE plain")


def cluster_install(cluster, dbname, owner):
    import pgcluster
    if cluster.extension:
        conn = cluster.connect(dbname, owner)
        with conn, conn.cursor() as c:
            c.execute("CREATE EXTENSION pg_tide")
        conn.close()
        return
    with open(pgcluster.schema_file(), encoding="utf-8") as text:
        conn = cluster.connect(dbname, owner)
        with conn, conn.cursor() as c:
            c.execute(text.read())
        conn.close()


# Publishers.

def test_open_outbox_needs_execute_alone(orders, role):
    role("writer")
    writer = orders.session("writer")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        orders.q("SELECT tide.outbox_publish('orders', '1')", conn=writer)
    orders.q("GRANT EXECUTE ON FUNCTION tide.outbox_publish TO writer")
    orders.q("SELECT tide.outbox_publish('orders', '1')", conn=writer)
    orders.close()


@pytest.fixture
def closed(orders, role):
    """An outbox that only members of team publish to."""
    for name in ("team", "member", "stranger"):
        role(name)
        orders.q("GRANT EXECUTE ON FUNCTION tide.outbox_publish, "
                 "tide.outbox_publish_batch TO " + name)
    orders.q("GRANT team TO member")
    orders.q("SELECT tide.outbox_grant_publish('orders', 'team')")
    yield orders
    orders.close()


@pytest.mark.parametrize("call", ["publish('orders', '1')",
                                  "publish_batch('orders', '{1}'::jsonb[])"])
def test_closed_outbox_lets_members_in(closed, call):
    closed.q("SELECT tide.outbox_" + call, conn=closed.session("team"))
    closed.q("SELECT tide.outbox_" + call, conn=closed.session("member"))
    with closed.refused("TD005", "stranger", "outbox_grant_publish"):
        closed.q("SELECT tide.outbox_" + call, conn=closed.session("stranger"))


def test_set_role_is_who_publishes(closed):
    """As PostgreSQL's own rights go: by the role that was set."""
    conn = closed.session()
    closed.q("SET ROLE stranger", conn=conn)
    with closed.refused("TD005", "stranger"):
        closed.q("SELECT tide.outbox_publish('orders', '1')", conn=conn)
    closed.q("SET ROLE member", conn=conn)
    closed.q("SELECT tide.outbox_publish('orders', '1')", conn=conn)


def test_behind_a_definer_function_the_login_counts(closed):
    closed.q("CREATE FUNCTION public.by_team() RETURNS bigint LANGUAGE sql "
             "SECURITY DEFINER AS $$ SELECT tide.outbox_publish('orders', "
             "'1') $$; ALTER FUNCTION public.by_team() OWNER TO team; "
             "GRANT EXECUTE ON FUNCTION public.by_team() TO PUBLIC")
    closed.q("SELECT public.by_team()", conn=closed.session("member"))
    with closed.refused("TD005", "stranger"):
        closed.q("SELECT public.by_team()", conn=closed.session("stranger"))


def test_dropped_publisher_opens_nothing(closed):
    closed.q("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tide FROM team")
    closed.q("ALTER ROLE team RENAME TO team_gone")
    try:
        with closed.refused("TD005"):
            closed.q("SELECT tide.outbox_publish('orders', '1')",
                     conn=closed.session("stranger"))
    finally:
        closed.q("ALTER ROLE team_gone RENAME TO team")


def test_last_publisher_goes_only_in_so_many_words(closed):
    with closed.refused("TD004", "last publisher"):
        closed.q("SELECT tide.outbox_revoke_publish('orders', 'team')")
    with closed.refused("42704", "not a publisher"):
        closed.q("SELECT tide.outbox_revoke_publish('orders', 'stranger')")
    closed.q("SELECT tide.outbox_revoke_publish('orders', 'team', true)")
    closed.q("SELECT tide.outbox_publish('orders', '1')",
             conn=closed.session("stranger"))


def test_flag_and_publishers_cannot_disagree(closed):
    closed.q("DELETE FROM tide.outbox_publishers")
    assert not closed.one("SELECT restricted FROM tide.outboxes")


def test_unknown_role_cannot_be_granted(orders):
    with orders.refused("42704", "does not exist"):
        orders.q("SELECT tide.outbox_grant_publish('orders', 'nix')")


# The role script.

@pytest.fixture
def scripted(cluster, orders, roles_script, role):
    """The script, twice, and a login in each role."""
    for _ in range(2):
        cluster.psql_file(roles_script, orders.name)
    names = ("admin", "publisher", "relay", "worker", "operator", "reader")
    for name in names:
        role("login_" + name)
        orders.q("GRANT tide_%s TO login_%s" % (name, name))
    orders.q("SELECT tide.outbox_create('later')")
    orders.q(PIPE)
    yield orders
    orders.close()
    for name in names:
        cluster.psql("DROP OWNED BY tide_" + name, orders.name)
        cluster.psql("DROP ROLE tide_" + name)


def test_worker_role_relays_and_sees_no_configuration(scripted):
    scripted.q("SELECT tide.relay_set_outbox('q', 'later', 'webhook', "
               "'{\"url\": \"https://example.com/\"}')")
    worker = scripted.session("login_worker")
    for pipeline in ("p", "q"):
        row = scripted.attach(pipeline, conn=worker)
        scripted.q("SELECT * FROM " + row["events"], conn=worker)
        scripted.checkpoint(pipeline, row["epoch"], conn=worker)
    assert scripted.one("SELECT tide.event_identity('o', 1, to_timestamp(1))",
                        conn=worker) == "o:1:lfls"
    assert readable(scripted, "login_worker") == ["event_tables", "events_1",
                                                  "events_2"]
    assert callable_by(scripted, "login_worker") == [
        "event_identity", "relay_attach", "relay_checkpoint", "relay_held",
        "schema_version", "server_check"]


def test_relay_role_runs_the_catalog_process(scripted):
    relay = scripted.session("login_relay")
    for call in ("relay_pipelines()", "relay_lag('g')", "server_check()",
                 "outbox_sweep()"):
        assert scripted.q("SELECT * FROM tide." + call, conn=relay)
    scripted.q("SELECT tide.relay_publish_sink_type('extra', '1', '[]')",
               conn=relay)
    row = scripted.attach("p", conn=relay)
    scripted.q("SELECT * FROM " + row["events"], conn=relay)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        scripted.q(PIPE, conn=relay)


def test_other_roles_do_their_work(scripted):
    scripted.q("SELECT tide.outbox_publish('later', '1')",
               conn=scripted.session("login_publisher"))
    reader = scripted.session("login_reader")
    for view in ("outbox_status", "outbox_pending", "consumer_lag",
                 "relay_pipeline_status"):
        assert scripted.q("SELECT * FROM tide." + view, conn=reader)
    operator = scripted.session("login_operator")
    for call in ("relay_disable('p')", "relay_enable('p')",
                 "outbox_disable('later')", "relay_dlq_purge()"):
        scripted.q("SELECT tide." + call, conn=operator)
    for role_name in ("login_operator", "login_reader", "login_publisher"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            scripted.q(PIPE, conn=scripted.session(role_name))
    scripted.q("SELECT tide.outbox_create('made')",
               conn=scripted.session("login_admin"))


def test_worker_of_one_outbox_cannot_touch_another(orders, role):
    role("narrow")
    orders.q(PIPE)
    orders.q("SELECT tide.outbox_create('secret')")
    orders.q("SELECT tide.relay_set_outbox('s', 'secret', 'webhook', "
             "'{\"url\": \"https://example.com/\"}')")
    orders.q("GRANT EXECUTE ON FUNCTION tide.relay_attach, tide.relay_held, "
             "tide.relay_checkpoint TO narrow")
    orders.q("SELECT tide.outbox_grant_read('orders', 'narrow')")
    epoch = orders.attach("s")["epoch"]
    orders.q("SELECT pg_advisory_unlock_all()")
    worker = orders.session("narrow")
    row = orders.attach("p", conn=worker)
    orders.q("SELECT * FROM " + row["events"], conn=worker)
    orders.checkpoint("p", row["epoch"], conn=worker)
    with orders.refused("TD003", "may not read"):
        orders.attach("s", conn=worker)
    with orders.refused("TD003", "may not read"):
        orders.checkpoint("s", epoch, conn=worker)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        orders.q("SELECT * FROM tide.events_2", conn=worker)
    orders.close()
