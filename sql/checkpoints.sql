-- SPDX-License-Identifier: ISC
-- A relay's progress: checkpoints, held events, fencing.

-- S1 is the set of transactions whose events are all delivered.  While S2 is
-- not NULL a window is open: of what S2 sees and S1 does not, everything up to
-- last_id is settled, except for the held events.  All of it is of one
-- generation: earlier ones are done, later ones have not begun.
CREATE TABLE tide.relay_checkpoints (
	relay_group	text NOT NULL,
	pipeline	text NOT NULL,
	shard		integer NOT NULL,
	outbox_id	integer NOT NULL
	    REFERENCES tide.outboxes ON DELETE CASCADE,
	epoch		bigint NOT NULL,
	s1		pg_snapshot NOT NULL,
	s2		pg_snapshot,
	last_id		bigint NOT NULL DEFAULT 0,
	start_at	timestamptz,
	generation	integer NOT NULL,
	system_identifier text,
	timeline	integer,
	instance	text,
	delivered	bigint NOT NULL DEFAULT 0,
	dead		bigint NOT NULL DEFAULT 0,
	updated_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (relay_group, pipeline, shard)
) WITH (fillfactor = 50);
CREATE INDEX relay_checkpoints_outbox ON tide.relay_checkpoints (outbox_id);
COMMENT ON TABLE tide.relay_checkpoints IS
    'How far each relay group has come with each pipeline';

CREATE TABLE tide.relay_held_events (
	relay_group	text NOT NULL,
	pipeline	text NOT NULL,
	shard		integer NOT NULL,
	id		bigint NOT NULL,
	PRIMARY KEY (relay_group, pipeline, shard, id),
	FOREIGN KEY (relay_group, pipeline, shard)
	    REFERENCES tide.relay_checkpoints ON DELETE CASCADE
);
COMMENT ON TABLE tide.relay_held_events IS
    'Events that the checkpoint has passed and that are still being retried';

-- Drawn anew by each attach, never reset: no two owners share an epoch.
CREATE SEQUENCE tide.relay_epoch_seq;

-- Snapshots mean what they say on the primary and with a new one for each
-- statement alone.
CREATE FUNCTION tide.relay_check_server() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pg_is_in_recovery() THEN
		RAISE EXCEPTION USING ERRCODE = 'TD006',
		    MESSAGE = 'this server is a standby',
		    HINT = 'A standby does not know which transactions are in'
		    ' progress, so events would be lost: connect to the'
		    ' primary.';
	ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION USING ERRCODE = 'TD006',
		    MESSAGE = format('isolation level "%s" cannot be used here',
		    current_setting('transaction_isolation')),
		    HINT = 'Use READ COMMITTED: an old snapshot misses events.';
	END IF;
END
$$;

-- Whoever may not read an outbox's events may not touch its progress either.
CREATE FUNCTION tide.relay_check_reader(p_outbox_id integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT has_table_privilege(tide.caller(),
	    format('tide.events_%s', p_outbox_id), 'SELECT') THEN
		RAISE EXCEPTION USING ERRCODE = 'TD003',
		    MESSAGE = format('role "%s" may not read the events of this'
		    ' pipeline''s outbox', tide.caller()),
		    HINT = format('GRANT SELECT ON tide.event_tables and call'
		    ' tide.events_grant_all(), or GRANT SELECT ON'
		    ' tide.events_%s.',
		    p_outbox_id);
	END IF;
END
$$;

CREATE FUNCTION tide.relay_check_lock(p_group text, p_pipeline text,
    p_shard integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_key bigint := hashtextextended(format('pg_tide:%s:%s:%s', p_group,
	    p_pipeline, p_shard), 0);
BEGIN
	IF NOT EXISTS (SELECT FROM pg_locks l
	    WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid()
	    AND l.granted AND l.mode = 'ExclusiveLock' AND l.objsubid = 1
	    AND l.classid::bigint = (v_key >> 32) & 4294967295
	    AND l.objid::bigint = v_key & 4294967295) THEN
		RAISE EXCEPTION USING ERRCODE = 'TD003',
		    MESSAGE = format('this session does not hold the lock of'
		    ' pipeline "%s", shard %s, in relay group "%s"', p_pipeline,
		    p_shard, p_group),
		    HINT = 'Another relay owns it, or a transaction pooler gave'
		    ' the session to another client: relays need sessions of'
		    ' their own.';
	END IF;
END
$$;

-- A promoted server may lack what the former primary had committed last, and
-- a relay had delivered.  Returns the highest id before the event that was
-- delivered last, NULL if that one is here.  Lost ids may have come again, so
-- the time tells, too.  An event that retention has taken is not lost.
CREATE FUNCTION tide.relay_lost_tail(p_outbox_id integer, p_id bigint,
    p_created_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_last bigint;
BEGIN
	EXECUTE format($f$
		SELECT coalesce((SELECT max(e.id) FROM tide.events_%1$s e
		    WHERE e.id < $1 AND e.created_at <= $2), 0)
		WHERE NOT EXISTS (SELECT FROM tide.events_%1$s e
		    WHERE e.id = $1 AND e.created_at = $2)
		AND NOT EXISTS (SELECT FROM tide.outbox_parts p
		    WHERE p.outbox_id = %1$s AND p.truncated_at > $2)$f$,
	    p_outbox_id)
	INTO v_last USING p_id, p_created_at;
	RETURN v_last;
END
$$;

-- What was delivered before and is lost now goes on record, once: the next
-- worker's message is of the new timeline.
CREATE FUNCTION tide.relay_note_lost(p_row tide.relay_checkpoints,
    p_delivered bigint[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_at timestamptz := 'epoch'::timestamptz
	    + p_delivered[3] * interval '1 microsecond';
	v_last bigint;
BEGIN
	IF p_delivered IS NULL OR p_delivered[1] <> p_row.outbox_id
	    OR p_delivered[4] = tide.timeline()
	    OR p_delivered[5]::text <> tide.system_identifier() THEN
		RETURN NULL;
	END IF;
	v_last := tide.relay_lost_tail(p_row.outbox_id, p_delivered[2], v_at);
	IF v_last IS NOT NULL THEN
		INSERT INTO tide.relay_config_audit (pipeline_name, op,
		    changed_by, new_config)
		SELECT p_row.pipeline, 'lost_tail', tide.caller(),
		    jsonb_build_object('outbox', o.name, 'relay_group',
			p_row.relay_group, 'last_id', v_last, 'delivered_id',
			p_delivered[2], 'delivered', tide.event_identity(
			o.name, p_delivered[2], v_at), 'timeline',
			tide.timeline())
		FROM tide.outboxes o WHERE o.id = p_row.outbox_id;
	END IF;
	RETURN v_last;
END
$$;

-- Takes a pipeline over: after this no former owner's checkpoint is accepted.
-- A pipeline that was pointed to another outbox begins there anew.
-- p_delivered is the highest event that a former worker of the same host has
-- delivered: outbox, id, microseconds since 1970 and the server where it was,
-- that is, timeline and system identifier.
CREATE FUNCTION tide.relay_attach(p_group text, p_pipeline text,
    p_shard integer, p_instance text, p_delivered bigint[] DEFAULT NULL)
    RETURNS TABLE (epoch bigint, outbox_id integer, outbox text,
    events text, notify boolean, enabled boolean, generation integer,
    s1 text, s2 text, last_id bigint, held bigint, start_at timestamptz,
    system_identifier text, timeline integer, newest_generation integer,
    lost_after bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v_config tide.relay_outbox_config;
	v_row tide.relay_checkpoints;
	v_lost bigint;
BEGIN
	PERFORM tide.relay_check_server();
	SELECT * INTO v_config FROM tide.relay_outbox_config c
	WHERE c.name = p_pipeline FOR SHARE;
	IF v_config.name IS NULL THEN
		PERFORM tide.pipeline_missing(p_pipeline);
	END IF;
	PERFORM tide.relay_check_reader(v_config.outbox_id);
	PERFORM tide.relay_check_lock(p_group, p_pipeline, p_shard);
	PERFORM tide.outbox_check_origin(v_config.outbox_id);
	PERFORM tide.views_repair();
	DELETE FROM tide.relay_checkpoints c
	WHERE c.relay_group = p_group AND c.pipeline = p_pipeline
	AND c.shard = p_shard AND c.outbox_id <> v_config.outbox_id;
	INSERT INTO tide.relay_checkpoints AS c (relay_group, pipeline, shard,
	    outbox_id, epoch, s1, start_at, generation, instance)
	VALUES (p_group, p_pipeline, p_shard, v_config.outbox_id,
	    nextval('tide.relay_epoch_seq'), v_config.start_snapshot,
	    v_config.start_at, v_config.start_generation, p_instance)
	ON CONFLICT (relay_group, pipeline, shard) DO UPDATE SET
	    epoch = nextval('tide.relay_epoch_seq'), instance = p_instance,
	    updated_at = now()
	RETURNING * INTO v_row;
	v_lost := tide.relay_note_lost(v_row, p_delivered);
	RETURN QUERY
	SELECT c.epoch, o.id, o.name, format('tide.events_%s', o.id), o.notify,
	    v_config.enabled, c.generation, c.s1::text, c.s2::text, c.last_id,
	    (SELECT count(*) FROM tide.relay_held_events h
	    WHERE h.relay_group = p_group AND h.pipeline = p_pipeline
	    AND h.shard = p_shard),
	    c.start_at, c.system_identifier, c.timeline, o.generation, v_lost
	FROM tide.relay_checkpoints c JOIN tide.outboxes o ON o.id = c.outbox_id
	WHERE c.relay_group = p_group AND c.pipeline = p_pipeline
	AND c.shard = p_shard;
	UPDATE tide.relay_checkpoints c
	SET system_identifier = tide.system_identifier(),
	    timeline = tide.timeline()
	WHERE c.relay_group = p_group AND c.pipeline = p_pipeline
	AND c.shard = p_shard;
END
$$;
COMMENT ON FUNCTION tide.relay_attach(text, text, integer, text, bigint[]) IS
    'Take a pipeline over and read its checkpoint';

CREATE FUNCTION tide.relay_held(p_group text, p_pipeline text,
    p_shard integer) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tide.relay_check_reader(c.outbox_id)
	FROM tide.relay_checkpoints c
	WHERE c.relay_group = p_group AND c.pipeline = p_pipeline
	AND c.shard = p_shard;
	RETURN QUERY SELECT h.id FROM tide.relay_held_events h
	WHERE h.relay_group = p_group AND h.pipeline = p_pipeline
	AND h.shard = p_shard ORDER BY h.id;
END
$$;
COMMENT ON FUNCTION tide.relay_held(text, text, integer) IS
    'Events that the checkpoint has passed and that are still being retried';

CREATE FUNCTION tide.relay_fenced(p_pipeline text, p_epoch bigint)
    RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'TD001',
	    MESSAGE = format('epoch %s of pipeline "%s" is over', p_epoch,
	    p_pipeline),
	    HINT = 'Another relay took the pipeline over, or it was deleted:'
	    ' stop delivering.';
END
$$;

-- Progress, held events and dead letters move together or not at all.
CREATE FUNCTION tide.relay_checkpoint(p_group text, p_pipeline text,
    p_shard integer, p_epoch bigint, p_s1 text, p_s2 text, p_last_id bigint,
    p_held_add bigint[], p_held_del bigint[], p_dead jsonb,
    p_delivered bigint, p_generation integer DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox integer;
BEGIN
	UPDATE tide.relay_checkpoints c SET s1 = p_s1::pg_snapshot,
	    s2 = p_s2::pg_snapshot, last_id = p_last_id,
	    generation = coalesce(p_generation, c.generation),
	    delivered = c.delivered + coalesce(p_delivered, 0),
	    dead = c.dead + jsonb_array_length(coalesce(p_dead, '[]')),
	    updated_at = clock_timestamp()
	WHERE c.relay_group = p_group AND c.pipeline = p_pipeline
	AND c.shard = p_shard AND c.epoch = p_epoch
	RETURNING c.outbox_id INTO v_outbox;
	IF v_outbox IS NULL THEN
		PERFORM tide.relay_fenced(p_pipeline, p_epoch);
	END IF;
	PERFORM tide.relay_check_reader(v_outbox);
	IF cardinality(p_held_add) > 0 THEN
		INSERT INTO tide.relay_held_events
		SELECT p_group, p_pipeline, p_shard, unnest(p_held_add)
		ON CONFLICT DO NOTHING;
	END IF;
	IF cardinality(p_held_del) > 0 THEN
		DELETE FROM tide.relay_held_events h
		WHERE h.relay_group = p_group AND h.pipeline = p_pipeline
		AND h.shard = p_shard AND h.id = ANY (p_held_del);
	END IF;
	IF jsonb_array_length(p_dead) > 0 THEN
		PERFORM tide.dead_letters_add(p_group, p_pipeline, v_outbox,
		    p_dead);
	END IF;
END
$$;
COMMENT ON FUNCTION tide.relay_checkpoint(text, text, integer, bigint, text,
    text, bigint, bigint[], bigint[], jsonb, bigint, integer) IS
    'Write a pipeline''s progress; refused for a former owner''s epoch';

CREATE FUNCTION tide.server_check() RETURNS TABLE (system_identifier text,
    timeline integer, in_recovery boolean, server_version integer,
    schema_version text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tide.system_identifier(), tide.timeline(), pg_is_in_recovery(),
	    current_setting('server_version_num')::integer,
	    tide.schema_version()
$$;
COMMENT ON FUNCTION tide.server_check() IS
    'Which server this is, for a relay that reconnects';
