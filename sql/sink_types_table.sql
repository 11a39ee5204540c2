-- SPDX-License-Identifier: ISC
-- Which sinks exist and which options they take: what a pipeline's document is
-- checked against.

CREATE TABLE tide.sink_types (
	name		text PRIMARY KEY,
	version		text NOT NULL,
	builtin		boolean NOT NULL DEFAULT false,
	options		jsonb NOT NULL CHECK (jsonb_typeof(options) = 'array'),
	updated_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tide.sink_types IS
    'Option tables of the sinks that hosts can load; the row "@pipeline" holds '
    'the options of every pipeline';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.sink_types FOR EACH STATEMENT EXECUTE FUNCTION tide.guard_table();

-- Hosts publish what their plugins say of themselves.  Returns whether
-- anything is new.
CREATE FUNCTION tide.relay_publish_sink_type(p_name text, p_version text,
    p_options jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_types text[] := '{string,bool,int,size,duration,enum,endpoint,file,'
	    'secret,output}';
BEGIN
	IF p_name <> '@pipeline' THEN
		PERFORM tide.check_name('sink type', p_name);
	END IF;
	IF jsonb_typeof(p_options) IS DISTINCT FROM 'array' OR EXISTS (
	    SELECT FROM jsonb_array_elements(CASE jsonb_typeof(p_options)
		WHEN 'array' THEN p_options ELSE '[]' END) o
	    WHERE jsonb_typeof(o) <> 'object'
	    OR (o->>'name' ~ '^[a-z][a-z0-9_.]*$'
		AND o->>'type' = ANY (v_types)) IS NOT TRUE) THEN
		RAISE EXCEPTION USING ERRCODE = 'TD004',
		    MESSAGE = format('the option table of sink type "%s" is'
		    ' malformed', p_name),
		    HINT = 'It is a JSON array of objects with "name", "type"'
		    ' and'
		    ' the fields that the type needs.';
	END IF;
	INSERT INTO tide.sink_types AS t (name, version, options)
	VALUES (p_name, p_version, p_options)
	ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version,
	    options = EXCLUDED.options, updated_at = now()
	WHERE (t.version, t.options) IS DISTINCT FROM
	    (EXCLUDED.version, EXCLUDED.options);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION tide.relay_publish_sink_type(text, text, jsonb) IS
    'Publish the option table of a sink plugin';
