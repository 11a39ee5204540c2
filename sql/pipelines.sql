-- SPDX-License-Identifier: ISC
-- Pipelines: the rows that relays run, and the functions that change them.

CREATE SEQUENCE tide.relay_generation_seq;

CREATE TABLE tide.relay_outbox_config (
	name		text PRIMARY KEY,
	enabled		boolean NOT NULL DEFAULT true,
	config		jsonb NOT NULL,
	generation	bigint NOT NULL
	    DEFAULT nextval('tide.relay_generation_seq'),
	outbox_id	integer NOT NULL REFERENCES tide.outboxes,
	start		text NOT NULL DEFAULT 'earliest',
	start_at	timestamptz,
	start_generation integer NOT NULL DEFAULT 1,
	start_snapshot	pg_snapshot NOT NULL DEFAULT '3:3:',
	owner		text NOT NULL,
	tenant_name	text NOT NULL DEFAULT 'default',
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX relay_outbox_config_outbox ON tide.relay_outbox_config (outbox_id);
COMMENT ON TABLE tide.relay_outbox_config IS
    'Pipelines from an outbox to a sink; written by tide.relay_set_outbox()';
COMMENT ON COLUMN tide.relay_outbox_config.start_snapshot IS
    'Transactions whose events a new checkpoint counts as delivered';
COMMENT ON COLUMN tide.relay_outbox_config.start_generation IS
    'Whose numbers these are; events of earlier generations count, too';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.relay_outbox_config
    FOR EACH STATEMENT EXECUTE FUNCTION tide.guard_table();

-- A snapshot to be kept.  pg_current_snapshot() leaves the caller's own
-- transaction out of the list in progress, so what it publishes later would
-- count as delivered.
CREATE FUNCTION tide.snapshot_take() RETURNS pg_snapshot
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_now pg_snapshot := pg_current_snapshot();
	v_own xid8 := pg_current_xact_id_if_assigned();
BEGIN
	IF v_own IS NULL OR v_own >= pg_snapshot_xmax(v_now)
	    OR NOT pg_visible_in_snapshot(v_own, v_now) THEN
		RETURN v_now;
	END IF;
	RETURN (SELECT format('%s:%s:%s', least(pg_snapshot_xmin(v_now)::text::
	    numeric, v_own::text::numeric), pg_snapshot_xmax(v_now),
	    string_agg(x::text, ',' ORDER BY x::text::numeric))
	    FROM (SELECT pg_snapshot_xip(v_now) UNION SELECT v_own) s(x))::
	    pg_snapshot;
END
$$;

CREATE FUNCTION tide.parse_start(p_start text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_start IN ('earliest', 'now') THEN
		RETURN NULL;
	END IF;
	RETURN p_start::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow
    OR invalid_parameter_value THEN
	PERFORM tide.document_refuse('$.start is no time',
	    'Allowed: earliest, now, or a time like "2026-11-23T12:00:00Z".');
END
$$;

CREATE FUNCTION tide.config_announce(p_name text, p_op text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pg_notify('tide_relay_config',
	    json_build_object('name', p_name, 'op', p_op)::text)
$$;

-- A new generation for every pipeline of an outbox: relays read them again.
CREATE FUNCTION tide.pipelines_touch(p_outbox text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE tide.relay_outbox_config SET
	    generation = nextval('tide.relay_generation_seq')
	WHERE outbox_id = tide.outbox_id(p_outbox);
	SELECT tide.config_announce(c.name, 'set')
	FROM tide.relay_outbox_config c
	WHERE c.outbox_id = tide.outbox_id(p_outbox)
$$;

-- p_enabled NULL: what the document says, else what was, else true.
CREATE FUNCTION tide.pipeline_put(p_name text, p_outbox text, p_doc jsonb,
    p_enabled boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_new tide.relay_outbox_config;
	v_old tide.relay_outbox_config;
BEGIN
	PERFORM tide.check_name('pipeline', p_name);
	v_new.outbox_id := tide.outbox_id(p_outbox);
	v_new.config := tide.document_canonical(p_name, p_outbox, p_doc);
	v_new.start := coalesce(v_new.config->>'start', 'earliest');
	v_new.start_at := tide.parse_start(v_new.start);
	v_new.start_snapshot := '3:3:';
	v_new.start_generation := 1;
	IF v_new.start = 'now' THEN
		v_new.start_snapshot := tide.snapshot_take();
		v_new.start_generation := tide.outbox_generation(
		    v_new.outbox_id);
	END IF;
	v_new.enabled := coalesce(p_enabled, (p_doc->>'enabled')::boolean);
	INSERT INTO tide.relay_outbox_config (name, enabled, config, outbox_id,
	    start, start_at, start_generation, start_snapshot, owner)
	VALUES (p_name, coalesce(v_new.enabled, true), v_new.config,
	    v_new.outbox_id, v_new.start, v_new.start_at,
	    v_new.start_generation, v_new.start_snapshot, tide.caller())
	ON CONFLICT (name) DO NOTHING;
	IF NOT FOUND THEN
		SELECT * INTO v_old FROM tide.relay_outbox_config
		WHERE name = p_name FOR UPDATE;
		UPDATE tide.relay_outbox_config c SET config = v_new.config,
		    enabled = coalesce(v_new.enabled, c.enabled),
		    outbox_id = v_new.outbox_id,
		    generation = nextval('tide.relay_generation_seq'),
		    updated_at = now()
		WHERE c.name = p_name;
		IF (v_old.start, v_old.outbox_id) <>
		    (v_new.start, v_new.outbox_id) THEN
			UPDATE tide.relay_outbox_config c
			SET start = v_new.start,
			    start_at = v_new.start_at,
			    start_generation = v_new.start_generation,
			    start_snapshot = v_new.start_snapshot
			WHERE c.name = p_name;
		END IF;
	END IF;
	PERFORM tide.config_audit(p_name, 'set', v_old.config, v_new.config);
	PERFORM tide.config_announce(p_name, 'set');
END
$$;

CREATE FUNCTION tide.parse_document(p_text text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN p_text::jsonb;
EXCEPTION WHEN invalid_text_representation THEN
	PERFORM tide.document_refuse('the pipeline''s document is no JSON',
	    SQLERRM);
END
$$;

CREATE FUNCTION tide.relay_set_outbox(p_name text, p_outbox text,
    p_config jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT tide.pipeline_put(p_name, p_outbox, p_config, NULL) $$;
COMMENT ON FUNCTION tide.relay_set_outbox(text, text, jsonb) IS
    'Make or change a pipeline; the document names the sink';

-- An uncast third literal comes here, as text prefers text: it is a document
-- if it begins like one.
CREATE FUNCTION tide.relay_set_outbox(p_name text, p_outbox text, p_sink text,
    p_config jsonb DEFAULT NULL, p_batch_size integer DEFAULT 100,
    p_enabled boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_doc jsonb := coalesce(p_config, '{}');
BEGIN
	IF p_sink ~ '^\s*\{' THEN
		IF p_config IS NOT NULL THEN
			PERFORM tide.document_refuse('both p_sink and p_config'
			    ' hold a document', 'Give the sink''s name third,'
			    ' or the whole document and no fourth argument.');
		END IF;
		v_doc := tide.parse_document(p_sink);
		IF v_doc ? 'enabled' AND p_enabled THEN
			p_enabled := NULL;	-- the document says more
		END IF;
	ELSIF jsonb_typeof(v_doc) <> 'object' THEN
		PERFORM tide.document_refuse('$ is no object',
		    'The fourth argument is the sink''s {"option": value,'
		    ' ...}.');
	ELSIF v_doc->>'sink_type' <> p_sink THEN
		PERFORM tide.document_refuse('$.sink_type differs from the'
		    ' third argument', 'Leave it out.');
	ELSE
		v_doc := v_doc || jsonb_build_object('sink_type', p_sink);
	END IF;
	IF p_batch_size <> 100 AND v_doc ? 'batch_size' THEN
		PERFORM tide.document_refuse('$.batch_size is given twice',
		    'Leave p_batch_size out, or the member of the document.');
	ELSIF p_batch_size <> 100 THEN
		v_doc := v_doc || jsonb_build_object('batch_size',
		    p_batch_size);
	END IF;
	PERFORM tide.pipeline_put(p_name, p_outbox, v_doc, p_enabled);
END
$$;
COMMENT ON FUNCTION tide.relay_set_outbox(text, text, text, jsonb, integer,
    boolean) IS 'Make or change a pipeline; the sink''s type third';

CREATE FUNCTION tide.relay_set_outbox_v2(p_config jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox text := coalesce(p_config->>'outbox',
	    p_config#>>'{source,outbox}');
BEGIN
	IF jsonb_typeof(p_config->'name') IS DISTINCT FROM 'string' THEN
		PERFORM tide.document_refuse('$.name is missing',
		    'The document names the pipeline: {"name": "...", ...}.');
	ELSIF v_outbox IS NULL THEN
		PERFORM tide.document_refuse('$.outbox is missing',
		    'The document names the outbox: {"outbox": "...", ...}.');
	END IF;
	PERFORM tide.pipeline_put(p_config->>'name', v_outbox, p_config, NULL);
END
$$;
COMMENT ON FUNCTION tide.relay_set_outbox_v2(jsonb) IS
    'Make or change a pipeline; one document that says all';

CREATE FUNCTION tide.pipeline_missing(p_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'TD002',
	    MESSAGE = format('pipeline %s does not exist',
	    coalesce('"' || p_name || '"', 'NULL')),
	    HINT = 'tide.relay_list_configs() lists the pipelines.';
END
$$;

CREATE FUNCTION tide.pipeline_lock(p_name text) RETURNS tide.relay_outbox_config
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_row tide.relay_outbox_config;
BEGIN
	SELECT * INTO v_row FROM tide.relay_outbox_config
	WHERE name = p_name FOR UPDATE;
	IF v_row.name IS NULL THEN
		PERFORM tide.pipeline_missing(p_name);
	END IF;
	RETURN v_row;
END
$$;

CREATE FUNCTION tide.pipeline_switch(p_name text, p_enabled boolean)
    RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_row tide.relay_outbox_config := tide.pipeline_lock(p_name);
	v_op text := CASE WHEN p_enabled THEN 'enable' ELSE 'disable' END;
BEGIN
	IF v_row.enabled = p_enabled THEN
		RETURN false;
	END IF;
	UPDATE tide.relay_outbox_config SET enabled = p_enabled,
	    generation = nextval('tide.relay_generation_seq'),
	    updated_at = now()
	WHERE name = p_name;
	PERFORM tide.config_audit(p_name, v_op, v_row.config, v_row.config);
	PERFORM tide.config_announce(p_name, v_op);
	RETURN true;
END
$$;

CREATE FUNCTION tide.relay_enable(p_name text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT tide.pipeline_switch(p_name, true) $$;
COMMENT ON FUNCTION tide.relay_enable(text) IS
    'Start a pipeline; true: it was disabled';

CREATE FUNCTION tide.relay_disable(p_name text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT tide.pipeline_switch(p_name, false) $$;
COMMENT ON FUNCTION tide.relay_disable(text) IS
    'Stop a pipeline, its progress kept; true: it was enabled';

-- Progress goes with the pipeline, so that it holds no events back; its dead
-- letters stay.
CREATE FUNCTION tide.relay_delete(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_row tide.relay_outbox_config := tide.pipeline_lock(p_name);
BEGIN
	DELETE FROM tide.relay_checkpoints WHERE pipeline = p_name;
	DELETE FROM tide.relay_outbox_config WHERE name = p_name;
	PERFORM tide.config_audit(p_name, 'delete', v_row.config, NULL);
	PERFORM tide.config_announce(p_name, 'delete');
END
$$;
COMMENT ON FUNCTION tide.relay_delete(text) IS
    'Delete a pipeline and its progress';

CREATE FUNCTION tide.relay_get_config(p_name text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_config jsonb;
BEGIN
	SELECT tide.config_mask(c.config)
	    || jsonb_build_object('enabled', c.enabled)
	INTO v_config FROM tide.relay_outbox_config c WHERE c.name = p_name;
	IF v_config IS NULL THEN
		PERFORM tide.pipeline_missing(p_name);
	END IF;
	RETURN v_config;
END
$$;
COMMENT ON FUNCTION tide.relay_get_config(text) IS
    'The stored document of a pipeline, literal secrets masked';

CREATE FUNCTION tide.relay_list_configs() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name,
	    'direction', 'outbox', 'enabled', c.enabled,
	    'config', tide.config_mask(c.config)) ORDER BY c.name), '[]')
	FROM tide.relay_outbox_config c
$$;
COMMENT ON FUNCTION tide.relay_list_configs() IS
    'All pipelines, literal secrets masked';

CREATE FUNCTION tide.relay_pipelines() RETURNS TABLE (name text, outbox text,
    outbox_id integer, sink_type text, generation bigint, enabled boolean,
    notify boolean, config text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.name, o.name, o.id, c.config->>'sink_type', c.generation,
	    c.enabled, o.notify, c.config::text
	FROM tide.relay_outbox_config c JOIN tide.outboxes o
	    ON o.id = c.outbox_id
	ORDER BY c.name
$$;
COMMENT ON FUNCTION tide.relay_pipelines() IS
    'What a relay runs: every pipeline with its whole document';
