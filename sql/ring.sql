-- SPDX-License-Identifier: ISC
-- Retention: each outbox is a ring of parts.  Publishers fill the current one;
-- a part whose events everybody has is emptied by TRUNCATE, so that delivery
-- leaves no dead rows.  Nobody waits for it: what is busy is left for later.

-- A reader that still needs events of a part, or NULL.  Judged by the rows and
-- the readers' snapshots: two index look-ups for each reader and any number of
-- rows.  Only a reader that is still in an earlier generation has to be looked
-- for in all rows.
CREATE FUNCTION tide.ring_blocker(p_id integer, p_part smallint) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_name text;
BEGIN
	EXECUTE format($f$
		SELECT p.pipeline FROM tide.lag_points p
		WHERE p.outbox_id = $1 AND p.pipeline IS NOT NULL AND (
		    EXISTS (SELECT FROM tide.events_%1$s_%2$s e
			WHERE e.xid >= pg_snapshot_xmax(p.s1)
			AND e.xid < p.beyond AND e.generation = p.generation)
		    OR EXISTS (SELECT FROM pg_snapshot_xip(p.s1) x(xid)
			JOIN tide.events_%1$s_%2$s e ON e.xid = x.xid
			AND e.generation = p.generation)
		    OR p.generation < p.newest AND EXISTS (
			SELECT FROM tide.events_%1$s_%2$s e
			WHERE e.generation > p.generation)
		    OR EXISTS (SELECT FROM tide.relay_held_events h
			JOIN tide.events_%1$s_%2$s e ON e.id = h.id
			WHERE h.relay_group = p.relay_group
			AND h.pipeline = p.pipeline AND h.shard = p.shard))
		ORDER BY 1 LIMIT 1$f$, p_id, p_part)
	INTO v_name USING p_id;
	RETURN v_name;
END
$$;

-- What max_retention takes from each reader goes on record.
CREATE FUNCTION tide.ring_record_gap(p_id integer, p_part smallint)
    RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox text := (SELECT name FROM tide.outboxes WHERE id = p_id);
	v_gap record;
	v_most bigint := 0;
BEGIN
	FOR v_gap IN EXECUTE format($f$
		SELECT p.pipeline, p.relay_group, count(*) AS events,
		    min(e.id) AS first_id, max(e.id) AS last_id
		FROM tide.lag_points p CROSS JOIN tide.events_%s_%s e
		WHERE p.outbox_id = $1 AND p.pipeline IS NOT NULL
		AND (e.generation > p.generation
		    OR e.generation = p.generation
		    AND NOT pg_visible_in_snapshot(e.xid, p.s1)
		    AND (p.s2 IS NULL OR e.id > p.last_id
			OR NOT pg_visible_in_snapshot(e.xid, p.s2))
		    OR EXISTS (SELECT FROM tide.relay_held_events h
			WHERE h.relay_group = p.relay_group AND h.id = e.id
			AND h.pipeline = p.pipeline AND h.shard = p.shard))
		GROUP BY 1, 2$f$, p_id, p_part) USING p_id
	LOOP
		INSERT INTO tide.relay_config_audit (pipeline_name, op,
		    changed_by, new_config)
		VALUES (v_gap.pipeline, 'gap', tide.caller(),
		    to_jsonb(v_gap) || jsonb_build_object('outbox', v_outbox));
		v_most := greatest(v_most, v_gap.events);
	END LOOP;
	UPDATE tide.outboxes SET gap_events = gap_events + v_most
	WHERE id = p_id;
END
$$;

-- Empties a part if the lock is to be had at once and, in the snapshot of a
-- statement that began under the lock, nobody needs it.  The block's end by an
-- error gives the lock back.
CREATE FUNCTION tide.ring_truncate(p_id integer, p_part smallint,
    p_drop boolean) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_blocker text;
BEGIN
	EXECUTE format('LOCK TABLE ONLY tide.events_%s_%s'
	    ' IN ACCESS EXCLUSIVE MODE NOWAIT', p_id, p_part);
	v_blocker := tide.ring_blocker(p_id, p_part);
	IF v_blocker IS NOT NULL AND NOT p_drop THEN
		RAISE EXCEPTION USING ERRCODE = 'object_in_use',
		    MESSAGE = 'a pipeline still needs this part';
	ELSIF v_blocker IS NOT NULL THEN
		PERFORM tide.ring_record_gap(p_id, p_part);
	END IF;
	EXECUTE format('TRUNCATE ONLY tide.events_%s_%s', p_id, p_part);
	UPDATE tide.outbox_parts SET opened_at = NULL, closed_at = NULL,
	    truncated_at = clock_timestamp()
	WHERE outbox_id = p_id AND part = p_part;
	RETURN CASE WHEN v_blocker IS NULL THEN 'truncated' ELSE 'dropped' END;
EXCEPTION WHEN lock_not_available OR object_in_use THEN
	RETURN 'busy';
END
$$;

-- One closed part: what was done with it, or why nothing was.
CREATE FUNCTION tide.ring_sweep_part(p_outbox tide.outboxes, p_part smallint,
    p_closed_at timestamptz, p_dry_run boolean) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_blocker text;
	v_drop boolean := false;
BEGIN
	IF p_closed_at + make_interval(hours => p_outbox.retention_hours)
	    > clock_timestamp() THEN
		RETURN 'retained';
	END IF;
	v_blocker := tide.ring_blocker(p_outbox.id, p_part);
	IF v_blocker IS NOT NULL THEN
		v_drop := coalesce(p_outbox.on_max_retention = 'drop'
		    AND p_closed_at + p_outbox.max_retention
		    <= clock_timestamp(), false);
		IF NOT v_drop THEN
			RETURN 'needed by ' || v_blocker;
		END IF;
	END IF;
	IF p_dry_run THEN
		RETURN CASE WHEN v_drop THEN 'would be dropped'
		    ELSE 'would be truncated' END;
	END IF;
	RETURN tide.ring_truncate(p_outbox.id, p_part, v_drop);
END
$$;

-- Goes on to the next part when the current one was open for its share of the
-- retention time.  Never onto a part that is not empty.
CREATE FUNCTION tide.ring_rotate(p_id integer, p_dry_run boolean) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox tide.outboxes;
	v_next smallint;
	v_opened timestamptz;
	v_used boolean;
BEGIN
	SELECT * INTO v_outbox FROM tide.outboxes WHERE id = p_id;
	v_next := (v_outbox.current_part + 1) % v_outbox.parts;
	SELECT opened_at INTO v_opened FROM tide.outbox_parts
	WHERE outbox_id = p_id AND part = v_outbox.current_part;
	IF v_opened + greatest(interval '1 minute', make_interval(
	    hours => v_outbox.retention_hours) / (v_outbox.parts - 1))
	    > clock_timestamp() THEN
		RETURN 'current part is young';
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM tide.events_%s_%s)', p_id,
	    v_outbox.current_part) INTO v_used;
	IF NOT v_used THEN
		RETURN 'current part is empty';
	ELSIF EXISTS (SELECT FROM tide.outbox_parts WHERE outbox_id = p_id
	    AND part = v_next AND closed_at IS NOT NULL) THEN
		RETURN 'next part is in use';
	ELSIF p_dry_run THEN
		RETURN 'would be rotated';
	END IF;
	UPDATE tide.outboxes SET current_part = v_next WHERE id = p_id;
	UPDATE tide.outbox_parts SET closed_at = clock_timestamp()
	WHERE outbox_id = p_id AND part = v_outbox.current_part;
	UPDATE tide.outbox_parts SET opened_at = clock_timestamp()
	WHERE outbox_id = p_id AND part = v_next;
	RETURN 'rotated';
END
$$;

CREATE FUNCTION tide.ring_sweep(p_id integer, p_dry_run boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox tide.outboxes;
	v_part record;
	v_done jsonb := '{}';
BEGIN
	SELECT * INTO v_outbox FROM tide.outboxes WHERE id = p_id
	FOR NO KEY UPDATE SKIP LOCKED;
	IF v_outbox.id IS NULL THEN
		RETURN NULL;		-- somebody else sweeps it, or drops it
	ELSIF tide.outbox_origin(v_outbox) = 'restored' THEN
		RETURN jsonb_build_object('outbox', v_outbox.name, 'parts',
		    '{}'::jsonb, 'rotation', 'waits for after_restore()');
	END IF;
	FOR v_part IN SELECT part, closed_at FROM tide.outbox_parts
	    WHERE outbox_id = p_id AND closed_at IS NOT NULL
	    ORDER BY closed_at LOOP
		v_done := v_done || jsonb_build_object(v_part.part,
		    tide.ring_sweep_part(v_outbox, v_part.part,
		    v_part.closed_at,
		    p_dry_run));
	END LOOP;
	RETURN jsonb_build_object('outbox', v_outbox.name, 'parts', v_done,
	    'rotation', tide.ring_rotate(p_id, p_dry_run));
END
$$;

-- Locks of a sweep last to the end of the transaction, so one call takes no
-- more than 50 ms of work; "more" asks to be called again.
CREATE FUNCTION tide.outbox_sweep(p_outbox_name text DEFAULT NULL,
    p_dry_run boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer;
	v_started timestamptz := clock_timestamp();
	v_one jsonb;
	v_swept jsonb := '[]';
	v_more boolean := false;
BEGIN
	PERFORM tide.relay_check_server();
	IF p_outbox_name IS NOT NULL THEN
		PERFORM tide.outbox_id(p_outbox_name);
	END IF;
	PERFORM tide.views_repair();
	FOR v_id IN SELECT id FROM tide.outboxes
	    WHERE p_outbox_name IS NULL OR name = p_outbox_name
	    ORDER BY random() LOOP
		v_more := clock_timestamp() > v_started + interval '50 ms';
		EXIT WHEN v_more;
		v_one := tide.ring_sweep(v_id, p_dry_run);
		IF v_one IS NOT NULL THEN
			v_swept := v_swept || jsonb_build_array(v_one);
		END IF;
	END LOOP;
	RETURN jsonb_build_object('outboxes', v_swept, 'more', v_more);
END
$$;
COMMENT ON FUNCTION tide.outbox_sweep(text, boolean) IS
    'Empty the parts that nobody needs any more and rotate the rings';
