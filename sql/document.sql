-- SPDX-License-Identifier: ISC
-- A pipeline's document: the spellings users write, checked against the option
-- tables and turned into the one form that is stored.

CREATE FUNCTION tide.document_refuse(p_message text, p_hint text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'TD004', MESSAGE = p_message,
	    HINT = p_hint;
END
$$;

-- Milliseconds: a number of them, or text like 200ms, 1.5s, 5m.  NULL if it is
-- no duration.
CREATE FUNCTION tide.parse_duration(p_value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
	    WHEN jsonb_typeof(p_value) = 'number'
	    THEN (p_value #>> '{}')::numeric
	    WHEN p_value #>> '{}' = '0' THEN 0
	    WHEN p_value #>> '{}'
	    ~ '^[0-9]{1,15}(\.[0-9]{1,6})?(us|ms|s|m|h|d)$'
	    THEN substring(p_value #>> '{}', '^[0-9.]+')::numeric
		* CASE substring(p_value #>> '{}', '[a-z]+$')
		WHEN 'us' THEN 0.001 WHEN 'ms' THEN 1 WHEN 's' THEN 1000
		WHEN 'm' THEN 60000 WHEN 'h' THEN 3600000 ELSE 86400000 END
	    END
$$;

-- Bytes: a number of them, or text like 64KiB, 16MiB, 1GB.
CREATE FUNCTION tide.parse_size(p_value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
	    WHEN jsonb_typeof(p_value) = 'number'
	    THEN (p_value #>> '{}')::numeric
	    WHEN p_value #>> '{}' ~ '^[0-9]{1,15}([KMGT]i?)?B?$'
	    THEN substring(p_value #>> '{}', '^[0-9]+')::numeric
		* CASE substring(p_value #>> '{}', '[KMGT]i?')
		WHEN 'K' THEN 1e3 WHEN 'Ki' THEN 1024
		WHEN 'M' THEN 1e6 WHEN 'Mi' THEN 1048576
		WHEN 'G' THEN 1e9 WHEN 'Gi' THEN 1073741824
		WHEN 'T' THEN 1e12 WHEN 'Ti' THEN 1099511627776
		ELSE 1 END
	    END
$$;

-- "$${" is a literal "${", so a reference is not preceded by a dollar sign.
CREATE FUNCTION tide.has_reference(p_text text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT p_text ~ '(^|[^$])\$\{(env|file):[^}]+\}' $$;

-- What is wrong with the references in a string; NULL if nothing is.
CREATE FUNCTION tide.reference_problem(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $fn$
	SELECT 'has a malformed reference'
	WHERE regexp_replace(replace(p_text, '$${', ''),
	    '\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^}]+)\}', '', 'g') ~ '\$\{'
$fn$;

CREATE FUNCTION tide.range_problem(p_option jsonb, p_number numeric)
    RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_min numeric := (p_option->>'min')::numeric;
	v_max numeric := (p_option->>'max')::numeric;
BEGIN
	IF v_min = 0 AND v_max = 0 THEN		-- the tables' "no bounds"
		v_min := NULL;
		v_max := NULL;
	END IF;
	IF p_number < v_min OR p_number > v_max OR p_number < 0 AND
	    p_option->>'type' <> 'int' THEN
		RETURN 'is out of range';
	END IF;
	RETURN NULL;
END
$$;

-- What is wrong with one value of an option; NULL if nothing is.  Text with a
-- reference is resolved, and checked again, by the relay alone.
CREATE FUNCTION tide.value_problem(p_option jsonb, p_value jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_type text := p_option->>'type';
	v_text text := p_value #>> '{}';
	v_kind text := jsonb_typeof(p_value);
	v_number numeric;
BEGIN
	IF v_kind = 'string' AND tide.reference_problem(v_text) IS NOT NULL THEN
		RETURN tide.reference_problem(v_text);
	ELSIF v_kind = 'string' AND tide.has_reference(v_text) THEN
		RETURN NULL;
	END IF;
	CASE v_type
	WHEN 'bool' THEN
		RETURN CASE WHEN v_kind <> 'boolean' THEN 'is no boolean' END;
	WHEN 'int' THEN
		IF v_kind <> 'number' OR v_text::numeric % 1 <> 0 THEN
			RETURN 'is no integer';
		END IF;
		v_number := v_text::numeric;
	WHEN 'size', 'duration' THEN
		IF v_kind IN ('string', 'number') THEN
			v_number := CASE v_type WHEN 'size'
			    THEN tide.parse_size(p_value)
			    ELSE tide.parse_duration(p_value) END;
		END IF;
		IF v_number IS NULL THEN
			RETURN format('is no %s', v_type);
		END IF;
	ELSE
		IF v_kind <> 'string' THEN
			RETURN 'is no string';
		ELSIF v_type = 'enum' AND NOT p_option->'choices' ? v_text THEN
			RETURN 'has an unknown value';
		ELSIF v_text = '' AND v_type NOT IN ('string', 'enum') THEN
			RETURN 'is empty';
		ELSIF v_type = 'secret'
		    AND NOT tide.setting_on('allow_literal_secrets') THEN
			RETURN 'holds a literal secret';
		END IF;
		RETURN NULL;
	END CASE;
	RETURN tide.range_problem(p_option, v_number);
END
$$;

-- What a user may write there instead.
CREATE FUNCTION tide.option_hint(p_option jsonb, p_problem text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $fn$
	SELECT CASE WHEN p_problem = 'holds a literal secret' THEN
	    'Write ${env:NAME} or ${file:/path} and keep the secret with the'
	    ' relay; the row allow_literal_secrets of tide.settings permits'
	    ' literals.'
	WHEN p_problem = 'has a malformed reference' THEN
	    'References are ${env:NAME} and ${file:/path}; write $${ for a'
	    ' literal ${.'
	ELSE
	    CASE p_option->>'type'
	    WHEN 'enum' THEN 'Allowed: ' || (SELECT string_agg(c, ', ')
		FROM jsonb_array_elements_text(p_option->'choices') c)
	    WHEN 'bool' THEN 'Allowed: true, false'
	    WHEN 'int' THEN 'Allowed: an integer'
	    WHEN 'size' THEN
		'Allowed: a number of bytes, or text like "64KiB", "16MiB",'
		' "1GB"'
	    WHEN 'duration' THEN 'Allowed: a number of milliseconds, or text'
		' like "200ms", "5s", "1m"'
	    ELSE 'Allowed: a string that is not empty' END
	    || CASE WHEN (p_option->>'min')::numeric = 0
		AND (p_option->>'max')::numeric = 0 THEN ''
	    WHEN p_option ? 'min' AND p_option ? 'max' THEN
		format(', from %s to %s%s', p_option->>'min', p_option->>'max',
		CASE p_option->>'type' WHEN 'size' THEN ' bytes'
		WHEN 'duration' THEN ' ms' ELSE '' END) ELSE '' END || '.'
	END
$fn$;

CREATE FUNCTION tide.option_check(p_option jsonb, p_value jsonb, p_path text)
    RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_item record;
	v_problem text;
BEGIN
	IF p_option->'flags' ? 'map' THEN
		IF jsonb_typeof(p_value) <> 'object' THEN
			PERFORM tide.document_refuse(p_path || ' is no object',
			    'Write it as {"name": "value", ...}.');
		END IF;
		FOR v_item IN SELECT * FROM jsonb_each(p_value) LOOP
			PERFORM tide.option_check(p_option #- '{flags}',
			    v_item.value, p_path || '.' || v_item.key);
		END LOOP;
		RETURN;
	ELSIF p_option->'flags' ? 'list'
	    AND jsonb_typeof(p_value) = 'array' THEN
		FOR v_item IN SELECT * FROM jsonb_array_elements(p_value)
		    WITH ORDINALITY e(value, n) LOOP
			PERFORM tide.option_check(p_option #- '{flags}',
			    v_item.value,
			    format('%s[%s]', p_path, v_item.n - 1));
		END LOOP;
		RETURN;
	END IF;
	v_problem := tide.value_problem(p_option, p_value);
	IF v_problem IS NOT NULL THEN
		PERFORM tide.document_refuse(p_path || ' ' || v_problem,
		    tide.option_hint(p_option, v_problem));
	END IF;
END
$$;

CREATE FUNCTION tide.options_of(p_sink_type text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_options jsonb;
BEGIN
	SELECT options INTO v_options FROM tide.sink_types
	WHERE name = p_sink_type;
	IF v_options IS NULL THEN
		PERFORM tide.document_refuse(
		    format('$.sink_type: unknown sink type %s',
		    coalesce('"' || p_sink_type || '"', 'NULL')),
		    (SELECT 'Known sink types: ' || string_agg(name, ', '
		    ORDER BY name) FROM tide.sink_types
		    WHERE name <> '@pipeline')
		    || '. A relay publishes those of its further plugins when'
		    ' it starts.');
	END IF;
	RETURN v_options;
END
$$;

CREATE FUNCTION tide.option_find(p_options jsonb, p_name text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o FROM jsonb_array_elements(p_options) o
	WHERE o->>'name' = p_name
$$;

CREATE FUNCTION tide.option_group(p_options jsonb, p_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM jsonb_array_elements(p_options) o
	    WHERE starts_with(o->>'name', p_name || '.'))
$$;

CREATE FUNCTION tide.document_put(p_doc jsonb, p_path text[], p_value jsonb)
    RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p_doc || jsonb_build_object(p_path[1],
	    CASE cardinality(p_path) WHEN 1 THEN p_value
	    ELSE tide.document_put(coalesce(p_doc->p_path[1], '{}'), p_path[2:],
	    p_value) END)
$$;

-- Checks each member of p_doc against an option table and adds it to p_into,
-- dotted names as nested objects.  p_prefix is the dotted name of p_doc itself.
CREATE FUNCTION tide.options_take(p_doc jsonb, p_options jsonb, p_into jsonb,
    p_prefix text, p_path text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_member record;
	v_option jsonb;
	v_name text;
	v_at text;
BEGIN
	IF jsonb_typeof(p_doc) <> 'object' THEN
		PERFORM tide.document_refuse(p_path || ' is no object',
		    'Write it as {"option": value, ...}.');
	END IF;
	FOR v_member IN SELECT * FROM jsonb_each(p_doc) LOOP
		v_name := p_prefix || v_member.key;
		v_at := p_path || '.' || v_member.key;
		v_option := tide.option_find(p_options, v_name);
		IF v_option IS NOT NULL THEN
			PERFORM tide.option_check(v_option, v_member.value,
			    v_at);
			IF p_into #> string_to_array(v_name, '.')
			    IS NOT NULL THEN
				PERFORM tide.document_refuse(
				    v_at || ' is given twice',
				    'Keep one of the two spellings.');
			END IF;
			p_into := tide.document_put(p_into,
			    string_to_array(v_name, '.'), v_member.value);
		ELSIF tide.option_group(p_options, v_name) THEN
			p_into := tide.options_take(v_member.value, p_options,
			    p_into, v_name || '.', v_at);
		ELSE
			PERFORM tide.document_refuse(v_at || ' is unknown',
			    'Known here: '
			    || (SELECT string_agg(o->>'name', ', ')
			    FROM jsonb_array_elements(p_options) o
			    WHERE starts_with(o->>'name', p_prefix)) || '.');
		END IF;
	END LOOP;
	RETURN p_into;
END
$$;

CREATE FUNCTION tide.options_required(p_doc jsonb, p_options jsonb,
    p_sink_type text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_name text;
BEGIN
	SELECT o->>'name' INTO v_name FROM jsonb_array_elements(p_options) o
	WHERE o->'flags' ? 'required'
	AND p_doc #> string_to_array(o->>'name', '.') IS NULL LIMIT 1;
	IF v_name IS NOT NULL THEN
		PERFORM tide.document_refuse(
		    '$.sink.' || v_name || ' is missing',
		    format('Sink "%s" needs it: %s.', p_sink_type,
		    tide.option_find(p_options, v_name)->>'help'));
	END IF;
END
$$;

-- The members of p_doc that belong to the pipeline itself (p_own) or, in the
-- flat spelling, to its sink.
CREATE FUNCTION tide.document_part(p_doc jsonb, p_own boolean) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}')
	FROM jsonb_each(p_doc) m, tide.sink_types t
	WHERE t.name = '@pipeline'
	AND m.key <> ALL ('{schema_version,name,outbox,enabled,source_type,'
	    'source,sink_type,sink,config}'::text[])
	AND (tide.option_find(t.options, m.key) IS NOT NULL
	    OR tide.option_group(t.options, m.key)) = p_own
$$;

-- Members that say who the pipeline is must agree with the arguments.
CREATE FUNCTION tide.document_envelope(p_doc jsonb, p_name text, p_outbox text)
    RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_doc->'schema_version' <> '1' THEN
		PERFORM tide.document_refuse('$.schema_version is unknown',
		    'Allowed: 1.');
	ELSIF p_doc->'source_type' <> '"outbox"' THEN
		PERFORM tide.document_refuse(
		    '$.source_type has an unknown value',
		    'Allowed: outbox.');
	ELSIF p_doc->>'name' <> p_name THEN
		PERFORM tide.document_refuse(
		    '$.name differs from the pipeline''s name',
		    'Leave it out.');
	ELSIF p_doc->>'outbox' <> p_outbox
	    OR p_doc#>>'{source,outbox}' <> p_outbox THEN
		PERFORM tide.document_refuse(
		    '$.outbox differs from the pipeline''s outbox',
		    'Leave it out.');
	ELSIF jsonb_typeof(p_doc->'source') <> 'object'
	    OR (p_doc->'source') - 'outbox' <> '{}' THEN
		PERFORM tide.document_refuse('$.source is malformed',
		    'Allowed: {"outbox": "name"}.');
	ELSIF jsonb_typeof(p_doc->'enabled') <> 'boolean' THEN
		PERFORM tide.document_refuse('$.enabled is no boolean',
		    'Allowed: true, false.');
	ELSIF p_doc ? 'sink' AND p_doc ? 'config' THEN
		PERFORM tide.document_refuse(
		    '$.sink and $.config are both given',
		    'They mean the same: keep one.');
	ELSIF jsonb_typeof(p_doc->'sink_type') <> 'string' THEN
		PERFORM tide.document_refuse('$.sink_type is no string',
		    'Write it as "webhook".');
	END IF;
END
$$;

-- The stored form: {schema_version, name, source_type, source, sink_type,
-- sink, and the pipeline's own options}.
CREATE FUNCTION tide.document_canonical(p_name text, p_outbox text,
    p_doc jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_nested text := CASE WHEN p_doc ? 'config' THEN 'config'
	    ELSE 'sink' END;
	v_options jsonb;
	v_sink jsonb := '{}';
	v_own jsonb;
BEGIN
	IF jsonb_typeof(p_doc) IS DISTINCT FROM 'object' THEN
		PERFORM tide.document_refuse('$ is no object',
		    'A pipeline is {"sink_type": "...", ...}.');
	END IF;
	PERFORM tide.document_envelope(p_doc, p_name, p_outbox);
	v_options := tide.options_of(p_doc->>'sink_type');
	IF p_doc ? v_nested THEN
		v_sink := tide.options_take(p_doc->v_nested, v_options, v_sink,
		    '', '$.' || v_nested);
	END IF;
	v_sink := tide.options_take(tide.document_part(p_doc, false), v_options,
	    v_sink, '', '$');
	PERFORM tide.options_required(v_sink, v_options, p_doc->>'sink_type');
	v_own := tide.options_take(tide.document_part(p_doc, true),
	    tide.options_of('@pipeline'), '{}', '', '$');
	RETURN jsonb_build_object('schema_version', 1, 'name', p_name,
	    'source_type', 'outbox', 'source',
	    jsonb_build_object('outbox', p_outbox),
	    'sink_type', p_doc->>'sink_type', 'sink', v_sink) || v_own;
END
$$;
