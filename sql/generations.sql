-- SPDX-License-Identifier: ISC
-- Whose transaction numbers the rows bear.  Within one cluster they only
-- grow; a database that was dumped and restored elsewhere has rows whose
-- numbers belong to the old cluster, and new ones whose numbers do not fit.
-- So rows and checkpoints have a generation, and within each the numbers and
-- the snapshots belong together.

CREATE TABLE tide.outbox_generations (
	outbox_id	integer NOT NULL
	    REFERENCES tide.outboxes ON DELETE CASCADE,
	generation	integer NOT NULL,
	system_identifier text NOT NULL,
	row_xmin	bigint,
	started_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (outbox_id, generation)
);
COMMENT ON TABLE tide.outbox_generations IS
    'Which cluster the transaction numbers of an outbox''s events are of';
COMMENT ON COLUMN tide.outbox_generations.row_xmin IS
    'xmin of this very row: a copy made by pg_upgrade keeps it, a restored '
    'one cannot';

CREATE FUNCTION tide.system_identifier() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT system_identifier::text FROM pg_control_system() $$;

-- The control file tells the timeline of the last checkpoint, which a server
-- that was just promoted has not made yet.
CREATE FUNCTION tide.timeline() RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN pg_is_in_recovery() THEN c.timeline_id
	    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::
		bit(32)::integer END
	FROM pg_control_checkpoint() c
$$;

-- Says that the numbers of this generation are of this cluster.  The second
-- UPDATE writes down what the row has got from the first.
CREATE FUNCTION tide.generation_here(p_id integer, p_generation integer)
    RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO tide.outbox_generations AS g (outbox_id, generation,
	    system_identifier)
	VALUES (p_id, p_generation, tide.system_identifier())
	ON CONFLICT (outbox_id, generation) DO UPDATE SET
	    system_identifier = EXCLUDED.system_identifier, row_xmin = NULL;
	UPDATE tide.outbox_generations g SET row_xmin = g.xmin::text::bigint
	WHERE g.outbox_id = p_id AND g.generation = p_generation;
END
$$;

-- "here"; "upgraded": another identifier, but the very same rows, and no
-- number is beyond the next one; else "restored".
CREATE FUNCTION tide.outbox_origin(p_outbox tide.outboxes) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_row record;
	v_beyond boolean;
BEGIN
	SELECT g.system_identifier = tide.system_identifier() AS here,
	    g.row_xmin = g.xmin::text::bigint AS same INTO v_row
	FROM tide.outbox_generations g WHERE g.outbox_id = p_outbox.id
	AND g.generation = p_outbox.generation;
	IF v_row.here THEN
		RETURN 'here';
	ELSIF v_row.same IS NOT TRUE THEN
		RETURN 'restored';
	END IF;
	EXECUTE format($f$
		SELECT EXISTS (SELECT FROM tide.events_%s e
		    WHERE e.generation = $2
		    AND e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
		OR EXISTS (SELECT FROM tide.relay_checkpoints c
		    WHERE c.outbox_id = $1 AND c.generation = $2
		    AND (pg_snapshot_xmax(c.s1) > pg_snapshot_xmax(s.now)
			OR pg_snapshot_xmax(c.s2) > pg_snapshot_xmax(s.now)))
		FROM (SELECT pg_current_snapshot()) s(now)$f$, p_outbox.id)
	INTO v_beyond USING p_outbox.id, p_outbox.generation;
	RETURN CASE WHEN v_beyond THEN 'restored' ELSE 'upgraded' END;
END
$$;

-- Nobody reads an outbox whose numbers would mislead.
CREATE FUNCTION tide.outbox_check_origin(p_id integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox tide.outboxes;
BEGIN
	SELECT * INTO v_outbox FROM tide.outboxes WHERE id = p_id;
	CASE tide.outbox_origin(v_outbox)
	WHEN 'restored' THEN
		RAISE EXCEPTION USING ERRCODE = 'TD006',
		    MESSAGE = format('outbox "%s" was restored from another'
		    ' server', v_outbox.name),
		    HINT = 'Call tide.after_restore() once in this database:'
		    ' each pipeline then goes on where it was.';
	WHEN 'upgraded' THEN
		PERFORM tide.generation_here(p_id, v_outbox.generation);
	ELSE
		NULL;
	END CASE;
END
$$;

-- Events published here since the restore have taken the old generation for
-- theirs.  Theirs are the numbers behind that of the restored row of the
-- generation, not behind the one that their row was written by: that may be
-- a subtransaction of it.
CREATE FUNCTION tide.generation_adopt(p_outbox tide.outboxes,
    p_generation integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_now numeric := pg_current_xact_id()::text::numeric;
	v_restored xid8;
	v_count bigint;
BEGIN
	SELECT (v_now - age(g.xmin))::text::xid8 INTO v_restored
	FROM tide.outbox_generations g WHERE g.outbox_id = p_outbox.id
	AND g.generation = p_outbox.generation;
	EXECUTE format($f$
		UPDATE tide.events_%s e SET generation = $1
		WHERE e.generation = $2 AND e.xid > $3
		AND e.xid <= pg_current_xact_id()
		AND ($4 - age(e.xmin))::text::xid8 >= e.xid$f$, p_outbox.id)
	USING p_generation, p_outbox.generation, v_restored, v_now;
	GET DIAGNOSTICS v_count = ROW_COUNT;
	RETURN v_count;
END
$$;

-- A publisher with a snapshot from before would still use the old generation;
-- the constraint refuses its event, once, rather than lose it.
CREATE FUNCTION tide.generation_begin(p_outbox tide.outboxes,
    p_generation integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_adopted bigint := tide.generation_adopt(p_outbox, p_generation);
BEGIN
	EXECUTE format('ALTER TABLE tide.events_%1$s DROP CONSTRAINT IF EXISTS'
	    ' events_%1$s_generation, ADD CONSTRAINT events_%1$s_generation'
	    ' CHECK (generation >= %2$s) NOT VALID', p_outbox.id,
	    p_generation);
	UPDATE tide.outboxes SET generation = p_generation
	WHERE id = p_outbox.id;
	PERFORM tide.generation_here(p_outbox.id, p_generation);
	RETURN v_adopted;
END
$$;

-- Every owner is fenced: it may have begun to read by the old numbers.
CREATE FUNCTION tide.after_restore() RETURNS TABLE (outbox text,
    generation integer, published_since bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v_outbox tide.outboxes;
BEGIN
	PERFORM tide.relay_check_server();
	LOCK TABLE tide.outboxes IN ACCESS EXCLUSIVE MODE;
	FOR v_outbox IN SELECT * FROM tide.outboxes ORDER BY id LOOP
		CONTINUE WHEN tide.outbox_origin(v_outbox) <> 'restored';
		outbox := v_outbox.name;
		generation := v_outbox.generation + 1;
		published_since := tide.generation_begin(v_outbox, generation);
		UPDATE tide.relay_checkpoints c SET
		    epoch = nextval('tide.relay_epoch_seq')
		WHERE c.outbox_id = v_outbox.id;
		PERFORM tide.pipelines_touch(v_outbox.name);
		RETURN NEXT;
	END LOOP;
	PERFORM tide.views_repair();
END
$$;
COMMENT ON FUNCTION tide.after_restore() IS
    'Once after a dump was restored into another server: let pipelines go on';
