-- SPDX-License-Identifier: ISC
-- Who changed which pipeline when, with literal secrets masked.

CREATE SEQUENCE tide.relay_config_audit_id_seq;

CREATE TABLE tide.relay_config_audit (
	id		bigint PRIMARY KEY
	    DEFAULT nextval('tide.relay_config_audit_id_seq'),
	pipeline_name	text NOT NULL,
	pipeline_type	text NOT NULL DEFAULT 'outbox',
	op		text NOT NULL,
	changed_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	changed_by	text NOT NULL,
	session_role	text NOT NULL DEFAULT session_user,
	old_config	jsonb,
	new_config	jsonb
);
ALTER SEQUENCE tide.relay_config_audit_id_seq
    OWNED BY tide.relay_config_audit.id;
CREATE INDEX relay_config_audit_pipeline
    ON tide.relay_config_audit (pipeline_name, id);
COMMENT ON TABLE tide.relay_config_audit IS
    'Every change of a pipeline; a gap is an event dropped by max_retention, '
    'a lost_tail what was delivered before a promotion that lost it';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.relay_config_audit
    FOR EACH STATEMENT EXECUTE FUNCTION tide.guard_table();

-- Text in a place meant for secrets stays only if it is all references, an
-- authentication scheme before them aside.
CREATE FUNCTION tide.mask_secret(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN p_text ~* ('^\s*(bearer|basic|token)?\s*'
	    '(\$\{(env|file):[^}]+\}\s*)+$') THEN p_text ELSE '***' END
$$;

-- Passwords and keys inside URLs.
CREATE FUNCTION tide.mask_text(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT regexp_replace(regexp_replace(p_text,
	    '(://[^/@\s:]*:)(?!\$\{(?:env|file):[^}]+\}@)[^@\s]+@', '\1***@',
	    'g'),
	    '([?&][^=&]*(?:token|key|secret|passw|sig)[^=&]*=)(?!\$\{)[^&\s]+',
	    '\1***', 'gi')
$$;

-- p_secrets are the dotted names of the options that hold secrets.  Whatever
-- is called like a secret is taken for one, options or not: headers, say.
CREATE FUNCTION tide.mask_json(p_doc jsonb, p_name text, p_secret boolean,
    p_secrets text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	p_secret := p_secret OR p_name = ANY (p_secrets) OR p_name ~*
	    '(passw|secret|token|authorization|api[-_]?key|credential|cookie)';
	CASE jsonb_typeof(p_doc)
	WHEN 'object' THEN
		RETURN (SELECT coalesce(jsonb_object_agg(m.key, tide.mask_json(
		    m.value, ltrim(p_name || '.' || m.key, '.'),
		    p_secret, p_secrets)), '{}') FROM jsonb_each(p_doc) m);
	WHEN 'array' THEN
		RETURN (SELECT coalesce(jsonb_agg(tide.mask_json(
		    e.value, p_name, p_secret, p_secrets) ORDER BY e.n), '[]')
		    FROM jsonb_array_elements(p_doc) WITH ORDINALITY
		    e(value, n));
	WHEN 'string' THEN
		RETURN to_jsonb(CASE WHEN p_secret
		    THEN tide.mask_secret(p_doc #>> '{}')
		    ELSE tide.mask_text(p_doc #>> '{}') END);
	ELSE
		RETURN p_doc;
	END CASE;
END
$$;

CREATE FUNCTION tide.config_mask(p_config jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p_config || jsonb_build_object('sink',
	    tide.mask_json(p_config->'sink', '', false,
	    (SELECT coalesce(array_agg(o->>'name'), '{}')
	    FROM tide.sink_types t, jsonb_array_elements(t.options) o
	    WHERE t.name = p_config->>'sink_type' AND o->>'type' = 'secret')))
$$;

CREATE FUNCTION tide.config_audit(p_name text, p_op text, p_old jsonb,
    p_new jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO tide.relay_config_audit (pipeline_name, op, changed_by,
	    old_config, new_config)
	VALUES (p_name, p_op, tide.caller(), tide.config_mask(p_old),
	    tide.config_mask(p_new))
$$;
