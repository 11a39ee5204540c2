-- SPDX-License-Identifier: ISC
-- Publishing: the only code on an application's own path, so it is short.

-- Rows of tide.outbox_publishers close an outbox to all but the members of the
-- roles they name.  A role that was dropped opens nothing.
CREATE FUNCTION tide.may_publish(p_outbox_id integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM tide.outbox_publishers p
	    WHERE p.outbox_id = p_outbox_id AND pg_has_role(tide.caller(),
	    to_regrole(quote_ident(p.role_name)), 'USAGE'))
$$;

-- Both publish functions end here with what they do not accept.
CREATE FUNCTION tide.publish_refuse(p_name text, p_problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_enabled boolean;
BEGIN
	PERFORM tide.outbox_id(p_name);
	SELECT enabled INTO v_enabled FROM tide.outboxes WHERE name = p_name;
	IF NOT v_enabled THEN
		RAISE EXCEPTION USING ERRCODE = 'TD002',
		    MESSAGE = format('outbox "%s" is disabled', p_name),
		    HINT = 'tide.outbox_enable() lets publishers in again.';
	ELSIF p_problem IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'TD005',
		    MESSAGE = format('role "%s" may not publish to outbox "%s"',
		    tide.caller(), p_name),
		    HINT = 'tide.outbox_grant_publish(outbox, role) gives the'
		    ' right.';
	ELSIF p_problem LIKE '% is NULL' THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
		    MESSAGE = format('%s, in a call to publish to outbox "%s"',
		    p_problem, p_name),
		    HINT = 'Publish the JSON value null (''null''::jsonb) if an'
		    ' empty event is meant.';
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
	    MESSAGE = format('%s, in a call to publish to outbox "%s"',
	    p_problem, p_name),
	    HINT = 'Headers are a JSON object; a batch has arrays of one'
	    ' dimension and of the same length.';
END
$$;

-- The way of a publisher that does not find everything plain: refused, or its
-- commit made durable.  An event must not be seen, and delivered, before it is:
-- a crash would take it back and give its id to another.
CREATE FUNCTION tide.publish_check(p_name text, p_may boolean,
    p_problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_may IS NOT TRUE THEN
		PERFORM tide.publish_refuse(p_name, NULL);
	ELSIF p_problem IS NOT NULL THEN
		PERFORM tide.publish_refuse(p_name, p_problem);
	ELSIF current_setting('synchronous_commit') = 'off' THEN
		PERFORM set_config('synchronous_commit', 'local', true);
	END IF;
END
$$;

-- Each expression here costs a publisher a microsecond, so one statement asks
-- for all that the plain case needs to know: one index look-up.
--
-- The shared lock says that a publisher is under way.  The relay holds it
-- exclusively only while it sleeps; then it wants to be rung.
CREATE FUNCTION tide.outbox_publish(p_name text, p_payload jsonb,
    p_headers jsonb DEFAULT '{}', p_key text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_call text;
	v_may boolean;
	v_plain boolean;
	v_ring boolean;
	v_id bigint;
BEGIN
	SELECT format('SELECT tide.events_%s_add_%s($1, $2, $3, %s)', o.id,
		o.current_part, o.generation),
	    o.enabled AND CASE WHEN o.restricted THEN tide.may_publish(o.id)
		ELSE true END,
	    p_payload IS NOT NULL
		AND coalesce(jsonb_typeof(p_headers), 'object') = 'object'
		AND current_setting('synchronous_commit') <> 'off',
	    o.notify AND NOT pg_try_advisory_xact_lock_shared(1953064037, o.id)
	INTO v_call, v_may, v_plain, v_ring
	FROM tide.outboxes o WHERE o.name = p_name;
	IF (v_may AND v_plain) IS NOT TRUE THEN
		PERFORM tide.publish_check(p_name, v_may, CASE
		    WHEN p_payload IS NULL THEN 'the payload is NULL'
		    WHEN jsonb_typeof(p_headers) <> 'object'
		    THEN 'headers are no JSON object' END);
	END IF;
	EXECUTE v_call INTO v_id USING p_key, p_payload, p_headers;
	IF v_ring THEN
		PERFORM pg_notify('tide_outbox_new', p_name);
	END IF;
	RETURN v_id;
END
$$;
COMMENT ON FUNCTION tide.outbox_publish(text, jsonb, jsonb, text) IS
    'Publish one event in the caller''s transaction; returns its id';

-- p_headers and p_keys are NULL or as long as p_payloads; their elements may
-- be NULL.  Ids come back in the order of the payloads.
CREATE FUNCTION tide.outbox_publish_batch(p_name text, p_payloads jsonb[],
    p_headers jsonb[] DEFAULT NULL, p_keys text[] DEFAULT NULL)
    RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox tide.outboxes;
	v_ids bigint[];
BEGIN
	SELECT * INTO v_outbox FROM tide.outboxes WHERE name = p_name;
	PERFORM tide.publish_check(p_name, v_outbox.enabled AND (NOT
	    v_outbox.restricted OR tide.may_publish(v_outbox.id)),
	    tide.batch_problem(p_payloads, p_headers, p_keys));
	IF cardinality(p_payloads) = 0 THEN
		RETURN '{}';
	END IF;
	IF v_outbox.notify THEN
		v_outbox.notify := NOT pg_try_advisory_xact_lock_shared(
		    1953064037, v_outbox.id);
	END IF;
	EXECUTE format($f$
		WITH added AS (
			INSERT INTO tide.events_%s_%s (generation, part, key,
			    payload, headers)
			SELECT $1, $2, coalesce(e.key, e.headers->>'key'),
			    e.payload, coalesce(e.headers, '{}')
			FROM unnest($3, $4, $5) WITH ORDINALITY
			    AS e(payload, headers, key, n)
			ORDER BY e.n RETURNING id)
		SELECT array_agg(id ORDER BY id) FROM added$f$,
	    v_outbox.id, v_outbox.current_part)
	INTO v_ids USING v_outbox.generation, v_outbox.current_part, p_payloads,
	    coalesce(p_headers, '{}'), coalesce(p_keys, '{}');
	IF v_outbox.notify THEN
		PERFORM pg_notify('tide_outbox_new', p_name);
	END IF;
	RETURN v_ids;
END
$$;
COMMENT ON FUNCTION tide.outbox_publish_batch(text, jsonb[], jsonb[], text[])
    IS 'Publish many events in one call; returns their ids in order';

CREATE FUNCTION tide.batch_problem(p_payloads jsonb[], p_headers jsonb[],
    p_keys text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_n integer := cardinality(p_payloads);
	v_at integer;
BEGIN
	IF p_payloads IS NULL THEN
		RETURN 'the array of payloads is NULL';
	ELSIF array_ndims(p_payloads) > 1 THEN
		RETURN 'p_payloads has more than one dimension';
	ELSIF cardinality(p_headers) <> v_n OR array_ndims(p_headers) > 1 THEN
		RETURN format('p_headers has %s elements for %s payloads',
		    cardinality(p_headers), v_n);
	ELSIF cardinality(p_keys) <> v_n OR array_ndims(p_keys) > 1 THEN
		RETURN format('p_keys has %s elements for %s payloads',
		    cardinality(p_keys), v_n);
	END IF;
	SELECT min(n) INTO v_at FROM unnest(p_payloads) WITH ORDINALITY e(v, n)
	WHERE v IS NULL;
	IF v_at IS NOT NULL THEN
		RETURN format('payload %s of the batch is NULL', v_at);
	END IF;
	SELECT min(n) INTO v_at FROM unnest(p_headers) WITH ORDINALITY e(v, n)
	WHERE jsonb_typeof(v) <> 'object';
	RETURN CASE WHEN v_at IS NOT NULL THEN
	    format('headers %s of the batch are no JSON object', v_at) END;
END
$$;
