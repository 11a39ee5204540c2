-- SPDX-License-Identifier: ISC
-- What can be watched.  Views call no function of this schema, because a view
-- checks its functions' rights as the reader, who has none.  What a view
-- cannot look up by a computed name, the events of each outbox, is therefore
-- written out, once per outbox, into the views event_heads and event_lag.

-- One row for each reader of an outbox, and one for an outbox without any.
-- Events of the reader's generation have numbers below "beyond", which keeps
-- those of an old one with high numbers out of an index scan.
CREATE VIEW tide.lag_points AS
	SELECT o.id AS outbox_id, p.name AS pipeline, c.relay_group, c.shard,
	    coalesce(c.generation, p.start_generation, 1) AS generation,
	    o.generation AS newest,
	    CASE WHEN coalesce(c.generation, p.start_generation, 1)
		< o.generation THEN '18446744073709551615'::xid8
		ELSE pg_snapshot_xmax(pg_current_snapshot()) END AS beyond,
	    coalesce(c.s1, p.start_snapshot, '3:3:') AS s1, c.s2,
	    coalesce(c.last_id, 0) AS last_id,
	    coalesce(c.start_at, p.start_at, '-infinity') AS start_at
	FROM tide.outboxes o
	LEFT JOIN tide.relay_outbox_config p ON p.outbox_id = o.id
	LEFT JOIN tide.relay_checkpoints c ON c.pipeline = p.name
	    AND c.outbox_id = o.id;
COMMENT ON VIEW tide.lag_points IS
    'Where each reader of an outbox is (internal to the views)';

CREATE FUNCTION tide.view_heads_branch(p_id integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $fn$
	SELECT format($f$
		SELECT %1$s, CASE WHEN s.is_called THEN s.last_value ELSE 0 END,
		    (SELECT min(e.id) FROM tide.events_%1$s e),
		    (SELECT e.created_at FROM tide.events_%1$s e
		    ORDER BY e.id LIMIT 1),
		    (SELECT sum(pg_total_relation_size(i.inhrelid))::bigint
		    FROM pg_inherits i
		    WHERE i.inhparent = 'tide.events_%1$s'::regclass)
		FROM tide.events_%1$s_seq s$f$, p_id)
$fn$;

-- Counts stop at 100 001 rows looked at; beyond, lag is estimated from ids.
-- The first two branches are the two index ranges of "not visible in S1", the
-- third are later generations, for a reader that is not there yet, the last
-- are the held events, which the checkpoint has passed.
CREATE FUNCTION tide.view_lag_branch(p_id integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $fn$
	SELECT format($f$
		SELECT p.outbox_id, p.pipeline, p.relay_group, p.shard,
		    w.looked_at, w.pending, w.oldest_at
		FROM tide.lag_points p
		CROSS JOIN LATERAL (SELECT count(*) AS looked_at,
		    count(*) FILTER (WHERE n.pending) AS pending,
		    min(n.created_at) FILTER (WHERE n.pending) AS oldest_at
		    FROM (SELECT e.created_at,
		    e.held OR e.created_at >= p.start_at
			AND (e.later OR p.s2 IS NULL OR e.id > p.last_id
			OR NOT pg_visible_in_snapshot(e.xid, p.s2)) AS pending
			FROM (
			(SELECT r.xid, r.id, r.created_at, false AS held,
			    false AS later
			FROM tide.events_%1$s r
			WHERE r.xid >= pg_snapshot_xmax(p.s1)
			AND r.xid < p.beyond AND r.generation = p.generation
			ORDER BY r.xid LIMIT 100001)
			UNION ALL
			(SELECT l.xid, l.id, l.created_at, false, false
			FROM pg_snapshot_xip(p.s1) x(xid)
			JOIN tide.events_%1$s l ON l.xid = x.xid
			AND l.generation = p.generation LIMIT 100001)
			UNION ALL
			(SELECT n.xid, n.id, n.created_at, false, true
			FROM tide.events_%1$s n WHERE p.generation < p.newest
			AND n.generation > p.generation LIMIT 100001)
			UNION ALL
			(SELECT d.xid, d.id, d.created_at, true, false
			FROM tide.relay_held_events h
			JOIN tide.events_%1$s d ON d.id = h.id
			WHERE h.relay_group = p.relay_group
			AND h.pipeline = p.pipeline AND h.shard = p.shard
			LIMIT 100001)
			) e) n) w
		WHERE p.outbox_id = %1$s$f$, p_id)
$fn$;

-- The lock lets one rebuild see what the one before it committed; publishers
-- and readers are not in its way.
CREATE FUNCTION tide.views_rebuild() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_heads text := 'SELECT NULL::integer, NULL::bigint, NULL::bigint,'
	    ' NULL::timestamptz, NULL::bigint WHERE false';
	v_lag text := 'SELECT NULL::integer, NULL::text, NULL::text,'
	    ' NULL::integer, NULL::bigint, NULL::bigint, NULL::timestamptz'
	    ' WHERE false';
	v_id integer;
BEGIN
	LOCK TABLE tide.outboxes IN SHARE UPDATE EXCLUSIVE MODE;
	FOR v_id IN SELECT id FROM tide.outboxes ORDER BY id LOOP
		v_heads := v_heads || ' UNION ALL'
		    ' ' || tide.view_heads_branch(v_id);
		v_lag := v_lag || ' UNION ALL ' || tide.view_lag_branch(v_id);
	END LOOP;
	EXECUTE 'CREATE OR REPLACE VIEW tide.event_heads (outbox_id, head_id,'
	    ' first_id, first_at, retained_bytes) AS ' || v_heads;
	EXECUTE 'CREATE OR REPLACE VIEW tide.event_lag (outbox_id, pipeline,'
	    ' relay_group, shard, looked_at, pending, oldest_at) AS ' || v_lag;
END
$$;
SELECT tide.views_rebuild();
COMMENT ON VIEW tide.event_heads IS
    'First and last id of each outbox (made anew with every outbox)';
COMMENT ON VIEW tide.event_lag IS
    'Undelivered events of each reader (made anew with every outbox)';

-- A dump of the extension holds the views as they were installed, so a
-- restored database has outboxes that they do not know yet.  Asked of the
-- catalog: a look at the view would wait for a part that is being emptied.
CREATE FUNCTION tide.views_repair() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM tide.outboxes o WHERE NOT EXISTS (
	    SELECT FROM pg_rewrite r
	    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
		AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
	    WHERE r.ev_class = 'tide.event_lag'::regclass
	    AND d.refobjid = to_regclass(format('tide.events_%s', o.id)))) THEN
		PERFORM tide.views_rebuild();
	END IF;
END
$$;

CREATE VIEW tide.reader_lag AS
	SELECT l.outbox_id, l.pipeline, l.relay_group, l.shard, h.head_id,
	    l.looked_at > 100000 AS estimated,
	    CASE WHEN l.looked_at > 100000 THEN greatest(l.pending,
		h.head_id - greatest(p.last_id, h.first_id - 1))
	    ELSE l.pending END AS lag_events,
	    l.oldest_at,
	    CASE WHEN l.oldest_at IS NULL THEN 0 ELSE greatest(0,
		extract(epoch FROM clock_timestamp() - l.oldest_at))::
		double precision END AS lag_seconds
	FROM tide.event_lag l
	JOIN tide.event_heads h ON h.outbox_id = l.outbox_id
	JOIN tide.lag_points p ON p.outbox_id = l.outbox_id
	    AND p.pipeline IS NOT DISTINCT FROM l.pipeline
	    AND p.relay_group IS NOT DISTINCT FROM l.relay_group
	    AND p.shard IS NOT DISTINCT FROM l.shard;
COMMENT ON VIEW tide.reader_lag IS
    'Lag of each reader, exact up to 100 000 events (internal to the views)';

CREATE VIEW tide.outbox_pending AS
	SELECT o.name AS outbox_name, coalesce(max(l.lag_events), 0)
	    AS pending_count, coalesce(bool_or(l.estimated),
	    false) AS estimated,
	    min(l.oldest_at) AS oldest_at, max(l.head_id) AS max_id
	FROM tide.outboxes o LEFT JOIN tide.reader_lag l ON l.outbox_id = o.id
	GROUP BY o.id;
COMMENT ON VIEW tide.outbox_pending IS
    'Events that the slowest pipeline of each outbox has not delivered';

CREATE VIEW tide.outbox_status AS
	SELECT o.name AS outbox_name, o.enabled, o.notify, o.retention_hours,
	    o.max_retention, o.on_max_retention,
	    (SELECT count(*) FROM tide.relay_outbox_config c
	    WHERE c.outbox_id = o.id) AS pipelines,
	    p.pending_count AS pending_messages, p.estimated,
	    p.oldest_at AS oldest_pending_at,
	    extract(epoch FROM clock_timestamp() - p.oldest_at)::
		double precision AS oldest_pending_age_seconds,
	    h.head_id AS last_id, h.first_id AS first_retained_id,
	    h.retained_bytes, o.parts, o.current_part,
	    (SELECT count(*) FROM tide.outbox_parts r WHERE r.outbox_id = o.id
	    AND r.closed_at + o.max_retention <= now()) AS overdue_parts,
	    o.gap_events, o.description, o.owner, o.created_at
	FROM tide.outboxes o
	JOIN tide.outbox_pending p ON p.outbox_name = o.name
	LEFT JOIN tide.event_heads h ON h.outbox_id = o.id;
COMMENT ON VIEW tide.outbox_status IS 'How each outbox is doing';

CREATE VIEW tide.consumer_lag AS
	SELECT l.relay_group AS group_name, o.name AS outbox_name,
	    l.pipeline AS consumer_id, c.last_id AS committed_offset,
	    l.lag_events AS lag, l.estimated, l.lag_seconds,
	    c.updated_at AS last_heartbeat
	FROM tide.reader_lag l
	JOIN tide.outboxes o ON o.id = l.outbox_id
	LEFT JOIN tide.relay_checkpoints c ON c.relay_group = l.relay_group
	    AND c.pipeline = l.pipeline AND c.shard = l.shard
	WHERE l.pipeline IS NOT NULL;
COMMENT ON VIEW tide.consumer_lag IS
    'How far each pipeline is behind; group_name is NULL before its first'
    ' start';

CREATE VIEW tide.relay_pipeline_status AS
	SELECT c.name AS pipeline_name, o.name AS outbox_name,
	    c.config->>'sink_type' AS sink_type, c.enabled, c.generation,
	    c.tenant_name, k.relay_group, k.shard, k.instance, k.epoch,
	    k.updated_at AS last_checkpoint_at, k.last_id, k.delivered, k.dead,
	    l.lag_events, l.estimated, l.lag_seconds,
	    (SELECT count(*) FROM tide.relay_held_events h
	    WHERE h.relay_group = k.relay_group AND h.pipeline = c.name
	    AND h.shard = k.shard) AS held_events,
	    (SELECT count(*) FROM tide.relay_dlq q
	    WHERE q.pipeline_name = c.name AND NOT q.resolved)
		AS unresolved_dlq_depth
	FROM tide.relay_outbox_config c
	JOIN tide.outboxes o ON o.id = c.outbox_id
	LEFT JOIN tide.relay_checkpoints k ON k.pipeline = c.name
	LEFT JOIN tide.reader_lag l ON l.pipeline = c.name
	    AND l.relay_group IS NOT DISTINCT FROM k.relay_group
	    AND l.shard IS NOT DISTINCT FROM k.shard;
COMMENT ON VIEW tide.relay_pipeline_status IS
    'How each pipeline is doing, one row per relay group';

CREATE FUNCTION tide.outbox_status(p_name text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tide.outbox_id(p_name);
	RETURN (SELECT to_jsonb(s) FROM tide.outbox_status s
	    WHERE s.outbox_name = p_name);
END
$$;
COMMENT ON FUNCTION tide.outbox_status(text) IS
    'The row of view tide.outbox_status as JSON';

-- A group that never ran a pipeline which others run has no checkpoint to count
-- from: everything retained is before it.
CREATE FUNCTION tide.relay_lag(p_group text) RETURNS TABLE (pipeline text,
    outbox text, lag_events bigint, estimated boolean,
    lag_seconds double precision, dlq_depth bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.name, o.name,
	    coalesce(l.lag_events, h.head_id - h.first_id + 1, 0),
	    coalesce(l.estimated, h.first_id IS NOT NULL, false),
	    coalesce(l.lag_seconds, extract(epoch FROM clock_timestamp()
		- h.first_at)::double precision, 0),
	    (SELECT count(*) FROM tide.relay_dlq q
	    WHERE q.pipeline_name = c.name AND q.relay_group = p_group
	    AND NOT q.resolved)
	FROM tide.relay_outbox_config c
	JOIN tide.outboxes o ON o.id = c.outbox_id
	LEFT JOIN tide.event_heads h ON h.outbox_id = o.id
	LEFT JOIN tide.reader_lag l ON l.pipeline = c.name
	    AND (l.relay_group = p_group OR l.relay_group IS NULL)
	ORDER BY c.name
$$;
COMMENT ON FUNCTION tide.relay_lag(text) IS
    'Lag of each pipeline in a relay group, exact up to 100 000 events';
