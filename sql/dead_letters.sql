-- SPDX-License-Identifier: ISC
-- Dead letters: whole events that could not be delivered, and why.

-- Base 36 of a number that is not negative.
CREATE FUNCTION tide.base36(p_number bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_digits text := '0123456789abcdefghijklmnopqrstuvwxyz';
	v_text text := '';
BEGIN
	LOOP
		v_text := substr(v_digits, (p_number % 36)::integer + 1, 1)
		    || v_text;
		p_number := p_number / 36;
		EXIT WHEN p_number = 0;
	END LOOP;
	RETURN v_text;
END
$$;

CREATE FUNCTION tide.event_identity(outbox text, id bigint,
    created_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT outbox || ':' || id || ':' || tide.base36(
	    (extract(epoch FROM created_at) * 1000000)::bigint)
$$;
COMMENT ON FUNCTION tide.event_identity(text, bigint, timestamptz) IS
    'Identity of an event, everywhere and for ever';

CREATE SEQUENCE tide.relay_dlq_id_seq;

CREATE TABLE tide.relay_dlq (
	id		bigint PRIMARY KEY
	    DEFAULT nextval('tide.relay_dlq_id_seq'),
	relay_group	text NOT NULL,
	pipeline_name	text NOT NULL,
	outbox_name	text NOT NULL,
	event_id	bigint NOT NULL,
	dedup_key	text NOT NULL,
	key		text,
	payload		jsonb,
	headers		jsonb,
	created_at	timestamptz,
	error_kind	text NOT NULL CHECK (error_kind IN ('permanent',
	    'too_large', 'poison', 'max_attempts', 'max_age', 'crash')),
	error_code	integer,
	error_message	text,
	attempt_count	integer NOT NULL DEFAULT 1,
	first_failed_at	timestamptz NOT NULL,
	last_failed_at	timestamptz NOT NULL,
	resolved	boolean NOT NULL DEFAULT false,
	resolved_at	timestamptz,
	resolved_by	text
);
ALTER SEQUENCE tide.relay_dlq_id_seq OWNED BY tide.relay_dlq.id;
CREATE UNIQUE INDEX relay_dlq_open ON tide.relay_dlq (pipeline_name,
    dedup_key, relay_group) WHERE NOT resolved;
CREATE INDEX relay_dlq_resolved ON tide.relay_dlq (resolved_at)
    WHERE resolved;
COMMENT ON TABLE tide.relay_dlq IS 'Events that could not be delivered';
COMMENT ON COLUMN tide.relay_dlq.payload IS
    'NULL if the event was gone from the outbox';

-- A relay that crashed may report an event again; that is the same letter.
CREATE FUNCTION tide.dead_letters_add(p_group text, p_pipeline text,
    p_outbox_id integer, p_dead jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($f$
		INSERT INTO tide.relay_dlq AS q (relay_group, pipeline_name,
		    outbox_name, event_id, dedup_key, key, payload, headers,
		    created_at, error_kind, error_code, error_message,
		    attempt_count, first_failed_at, last_failed_at)
		SELECT $1, $2, o.name, d.id,
		    coalesce(tide.event_identity(o.name, d.id, e.created_at),
			o.name || ':' || d.id),
		    e.key, e.payload, e.headers, e.created_at, d.error_class,
		    d.error_code, left(d.error_text, 8192),
		    coalesce(d.attempts, 1),
		    to_timestamp(d.first_failed_at_us / 1000000.0),
		    to_timestamp(d.last_failed_at_us / 1000000.0)
		FROM tide.outboxes o, jsonb_to_recordset($4) AS d(id bigint,
		    error_class text, error_code integer, error_text text,
		    attempts integer, first_failed_at_us bigint,
		    last_failed_at_us bigint)
		LEFT JOIN tide.events_%s e ON e.id = d.id
		WHERE o.id = $3
		ON CONFLICT (pipeline_name, dedup_key, relay_group)
		WHERE NOT resolved DO UPDATE SET
		    error_kind = EXCLUDED.error_kind,
		    error_code = EXCLUDED.error_code,
		    error_message = EXCLUDED.error_message,
		    attempt_count = EXCLUDED.attempt_count,
		    last_failed_at = EXCLUDED.last_failed_at$f$, p_outbox_id)
	USING p_group, p_pipeline, p_outbox_id, p_dead;
END
$$;

CREATE FUNCTION tide.relay_dlq_list(p_pipeline text DEFAULT NULL)
    RETURNS SETOF tide.relay_dlq
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT * FROM tide.relay_dlq q
	WHERE NOT q.resolved AND (p_pipeline IS NULL
	    OR q.pipeline_name = p_pipeline)
	ORDER BY q.first_failed_at, q.id
$$;
COMMENT ON FUNCTION tide.relay_dlq_list(text) IS
    'Dead letters that nobody has resolved, of one pipeline or of all';

CREATE FUNCTION tide.relay_dlq_resolve(p_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE tide.relay_dlq SET resolved = true, resolved_at = now(),
	    resolved_by = tide.caller()
	WHERE id = p_id AND NOT resolved;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'no_data_found',
		    MESSAGE = format('there is no unresolved dead letter %s',
		    coalesce(p_id::text, 'NULL')),
		    HINT = 'tide.relay_dlq_list() lists them.';
	END IF;
END
$$;
COMMENT ON FUNCTION tide.relay_dlq_resolve(bigint) IS
    'Mark a dead letter as dealt with';

CREATE FUNCTION tide.relay_dlq_purge(p_retention_days integer DEFAULT 30,
    p_pipeline text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_count bigint;
BEGIN
	IF p_retention_days < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
		    MESSAGE = format('retention of %s days is out of range',
		    p_retention_days), HINT = 'Allowed are 0 days or more.';
	END IF;
	DELETE FROM tide.relay_dlq q
	WHERE q.resolved AND q.resolved_at <= now()
	    - make_interval(days => coalesce(p_retention_days, 30))
	AND (p_pipeline IS NULL OR q.pipeline_name = p_pipeline);
	GET DIAGNOSTICS v_count = ROW_COUNT;
	RETURN v_count;
END
$$;
COMMENT ON FUNCTION tide.relay_dlq_purge(integer, text) IS
    'Delete dead letters that were resolved that many days ago';

CREATE FUNCTION tide.relay_dlq_stats() RETURNS TABLE (pipeline_name text,
    error_kind text, total bigint, unresolved bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT q.pipeline_name, q.error_kind, count(*),
	    count(*) FILTER (WHERE NOT q.resolved)
	FROM tide.relay_dlq q GROUP BY 1, 2 ORDER BY 1, 2
$$;
COMMENT ON FUNCTION tide.relay_dlq_stats() IS
    'Dead letters by pipeline and kind of error';
