-- SPDX-License-Identifier: ISC
-- Making, changing and dropping outboxes, and the right to publish.

CREATE FUNCTION tide.check_name(p_what text, p_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_name IS NULL OR p_name !~ '^[A-Za-z_][A-Za-z0-9_-]{0,62}$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name',
		    MESSAGE = format('invalid %s name %s', p_what,
		    coalesce(quote_literal(p_name), 'NULL')),
		    HINT = 'A name has 1 to 63 characters: a letter or'
		    ' underscore, then letters, digits, underscores, hyphens.';
	END IF;
END
$$;

CREATE FUNCTION tide.outbox_id(p_name text) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer;
BEGIN
	SELECT id INTO v_id FROM tide.outboxes WHERE name = p_name;
	IF v_id IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'TD002',
		    MESSAGE = format('outbox %s does not exist',
		    coalesce('"' || p_name || '"', 'NULL')),
		    HINT = 'Create it with tide.outbox_create(), or see'
		    ' tide.outbox_status for the existing ones.';
	END IF;
	RETURN v_id;
END
$$;

CREATE FUNCTION tide.check_retention(p_hours integer, p_max interval,
    p_on_max text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p_hours NOT BETWEEN 0 AND 876000 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
		    MESSAGE = format('retention of %s hours is out of range',
		    p_hours), HINT = 'Allowed are 0 to 876000 hours.';
	ELSIF p_max < make_interval(hours => p_hours)
	    OR p_max <= interval '0' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
		    MESSAGE = format('max_retention %s is shorter than the'
		    ' retention of %s hours', p_max, p_hours),
		    HINT = 'Leave max_retention out to keep events until every'
		    ' pipeline has them.';
	ELSIF p_on_max NOT IN ('keep', 'drop') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
		    MESSAGE = format('on_max_retention %L is unknown',
		    p_on_max),
		    HINT = 'Allowed are "keep" and "drop".';
	END IF;
END
$$;

-- Returns the new outbox's id, or NULL if the name is taken.
CREATE FUNCTION tide.outbox_make(p_name text, p_retention_hours integer,
    p_inline_threshold integer, p_partition_strategy text, p_notify boolean,
    p_max_retention interval, p_on_max_retention text, p_description text)
    RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_outbox tide.outboxes;
BEGIN
	PERFORM tide.check_name('outbox', p_name);
	PERFORM tide.check_retention(coalesce(p_retention_hours, 24),
	    p_max_retention, coalesce(p_on_max_retention, 'keep'));
	IF p_partition_strategy <> 'none' OR p_inline_threshold <> 10000 THEN
		RAISE NOTICE USING MESSAGE = 'p_inline_threshold and'
		    ' p_partition_strategy have no effect: every outbox is a'
		    ' ring of parts';
	END IF;
	INSERT INTO tide.outboxes (name, retention_hours, notify,
	    max_retention, on_max_retention, description, owner)
	VALUES (p_name, coalesce(p_retention_hours, 24),
	    coalesce(p_notify, true), p_max_retention,
	    coalesce(p_on_max_retention, 'keep'), p_description, tide.caller())
	ON CONFLICT (name) DO NOTHING
	RETURNING * INTO v_outbox;
	IF v_outbox.id IS NULL THEN
		RETURN NULL;
	END IF;
	INSERT INTO tide.outbox_parts (outbox_id, part, opened_at)
	SELECT v_outbox.id, i, CASE i WHEN 0 THEN now() END
	FROM generate_series(0, v_outbox.parts - 1) i;
	PERFORM tide.generation_here(v_outbox.id, v_outbox.generation);
	PERFORM tide.events_create(v_outbox.id, v_outbox.parts);
	PERFORM tide.views_rebuild();
	RETURN v_outbox.id;
END
$$;

CREATE FUNCTION tide.outbox_create(p_name text,
    p_retention_hours integer DEFAULT 24,
    p_inline_threshold integer DEFAULT 10000,
    p_partition_strategy text DEFAULT 'none', notify boolean DEFAULT true,
    max_retention interval DEFAULT NULL, on_max_retention text DEFAULT 'keep',
    p_description text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF tide.outbox_make(p_name, p_retention_hours, p_inline_threshold,
	    p_partition_strategy, notify, max_retention, on_max_retention,
	    p_description) IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
		    MESSAGE = format('outbox "%s" already exists', p_name),
		    HINT = 'Change it with tide.outbox_alter(), or call'
		    ' tide.outbox_create_if_not_exists().';
	END IF;
END
$$;
COMMENT ON FUNCTION tide.outbox_create(text, integer, integer, text, boolean,
    interval, text, text) IS 'Create an outbox and its event tables';

CREATE FUNCTION tide.outbox_create_if_not_exists(p_name text,
    p_retention_hours integer DEFAULT 24,
    p_inline_threshold integer DEFAULT 10000,
    p_partition_strategy text DEFAULT 'none', notify boolean DEFAULT true,
    max_retention interval DEFAULT NULL, on_max_retention text DEFAULT 'keep',
    p_description text DEFAULT NULL) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tide.outbox_make(p_name, p_retention_hours, p_inline_threshold,
	    p_partition_strategy, notify, max_retention, on_max_retention,
	    p_description) IS NOT NULL
$$;
COMMENT ON FUNCTION tide.outbox_create_if_not_exists(text, integer, integer,
    text, boolean, interval, text, text) IS
    'Create an outbox unless it exists; true: it was created';

-- A parameter that is left out (NULL) keeps its value; max_retention '0'
-- takes the bound away.
CREATE FUNCTION tide.outbox_alter(p_name text,
    p_retention_hours integer DEFAULT NULL, notify boolean DEFAULT NULL,
    max_retention interval DEFAULT NULL, on_max_retention text DEFAULT NULL,
    p_description text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	v_id integer := tide.outbox_id(p_name);
	v_old tide.outboxes;
	v_new tide.outboxes;
BEGIN
	SELECT * INTO v_old FROM tide.outboxes WHERE id = v_id FOR UPDATE;
	v_new := v_old;
	v_new.retention_hours := coalesce(p_retention_hours,
	    v_old.retention_hours);
	v_new.notify := coalesce(outbox_alter.notify, v_old.notify);
	v_new.max_retention := CASE
	    WHEN outbox_alter.max_retention = interval '0' THEN NULL
	    ELSE coalesce(outbox_alter.max_retention, v_old.max_retention) END;
	v_new.on_max_retention := coalesce(outbox_alter.on_max_retention,
	    v_old.on_max_retention);
	PERFORM tide.check_retention(v_new.retention_hours,
	    v_new.max_retention, v_new.on_max_retention);
	UPDATE tide.outboxes SET retention_hours = v_new.retention_hours,
	    notify = v_new.notify, max_retention = v_new.max_retention,
	    on_max_retention = v_new.on_max_retention,
	    description = coalesce(p_description, v_old.description)
	WHERE id = v_id;
	IF v_new.notify IS DISTINCT FROM v_old.notify THEN
		PERFORM tide.pipelines_touch(p_name);
	END IF;
END
$$;
COMMENT ON FUNCTION tide.outbox_alter(text, integer, boolean, interval, text,
    text) IS 'Change an outbox; what is left out stays';

-- Never queues for the lock: whoever reads a view of all outboxes would queue
-- behind us, for as long as one publisher leaves its transaction open.  Nor
-- waits for the views with the lock in hand: their readers lock the view first
-- and the events next, the other way round.
CREATE FUNCTION tide.events_lock(p_id integer, p_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET lock_timeout = '20ms'
AS $$
BEGIN
	FOR i IN 1 .. 100 LOOP
		BEGIN
			EXECUTE format('LOCK TABLE tide.events_%s'
			    ' IN ACCESS EXCLUSIVE MODE NOWAIT', p_id);
			PERFORM tide.views_rebuild();
			RETURN;
		EXCEPTION WHEN lock_not_available THEN
			PERFORM pg_sleep(0.02);
		END;
	END LOOP;
	RAISE EXCEPTION USING ERRCODE = 'object_in_use',
	    MESSAGE = format('outbox "%s" is being used', p_name),
	    HINT = 'Call tide.outbox_disable() and try again when the'
	    ' transactions that published to it have ended.';
END
$$;

CREATE FUNCTION tide.outbox_drop(p_name text, p_if_exists boolean DEFAULT false)
    RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer;
	v_pipelines text;
BEGIN
	IF p_if_exists AND NOT EXISTS (SELECT FROM tide.outboxes
	    WHERE name = p_name) THEN
		RETURN;
	END IF;
	v_id := tide.outbox_id(p_name);
	SELECT string_agg(quote_ident(name), ', ' ORDER BY name)
	INTO v_pipelines FROM tide.relay_outbox_config WHERE outbox_id = v_id;
	IF v_pipelines IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
		    MESSAGE = format('outbox "%s" is read by pipelines: %s',
		    p_name, v_pipelines),
		    HINT = 'Delete them first with tide.relay_delete().';
	END IF;
	DELETE FROM tide.outboxes WHERE id = v_id;
	PERFORM tide.events_lock(v_id, p_name);
	PERFORM tide.events_drop(v_id);
END
$$;
COMMENT ON FUNCTION tide.outbox_drop(text, boolean) IS
    'Drop an outbox with its events; refused while a pipeline reads it';

CREATE FUNCTION tide.outbox_switch(p_name text, p_enabled boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer := tide.outbox_id(p_name);
BEGIN
	UPDATE tide.outboxes SET enabled = p_enabled WHERE id = v_id;
END
$$;

CREATE FUNCTION tide.outbox_enable(p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT tide.outbox_switch(p_name, true) $$;
COMMENT ON FUNCTION tide.outbox_enable(text) IS 'Let publishers in again';

CREATE FUNCTION tide.outbox_disable(p_name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT tide.outbox_switch(p_name, false) $$;
COMMENT ON FUNCTION tide.outbox_disable(text) IS
    'Refuse publishers; what is in the outbox is still relayed';

CREATE FUNCTION tide.check_role(p_role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regrole(quote_ident(p_role)) IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
		    MESSAGE = format('role %s does not exist',
		    coalesce('"' || p_role || '"', 'NULL')),
		    HINT = 'Create the role first, and give its name as it is'
		    ' stored (lower case unless it was quoted).';
	END IF;
END
$$;

CREATE FUNCTION tide.outbox_grant_publish(p_outbox text, p_role text)
    RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer := tide.outbox_id(p_outbox);
BEGIN
	PERFORM tide.check_role(p_role);
	INSERT INTO tide.outbox_publishers (outbox_id, role_name, granted_by)
	VALUES (v_id, p_role, tide.caller()) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tide.outbox_grant_publish(text, text) IS
    'Let a role and its members publish; closes the outbox to all others';

-- The last publisher's row goes only together with a new one or with the
-- outbox: without rows the outbox would be open to everybody.
CREATE FUNCTION tide.outbox_revoke_publish(p_outbox text, p_role text,
    p_open boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer := tide.outbox_id(p_outbox);
BEGIN
	PERFORM FROM tide.outboxes WHERE id = v_id FOR UPDATE;
	IF NOT p_open AND (SELECT array_agg(role_name) = ARRAY[p_role]
	    FROM tide.outbox_publishers WHERE outbox_id = v_id) THEN
		RAISE EXCEPTION USING ERRCODE = 'TD004',
		    MESSAGE = format('role "%s" is the last publisher of outbox'
		    ' "%s"', p_role, p_outbox),
		    HINT = 'Without publishers the outbox is open to whoever'
		    ' may execute tide.outbox_publish: grant another role'
		    ' first, call tide.outbox_disable(), or pass'
		    ' p_open := true.';
	END IF;
	DELETE FROM tide.outbox_publishers
	WHERE outbox_id = v_id AND role_name = p_role;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
		    MESSAGE = format('role "%s" is not a publisher of outbox'
		    ' "%s"', p_role, p_outbox),
		    HINT = 'tide.outbox_publishers lists them.';
	END IF;
END
$$;
COMMENT ON FUNCTION tide.outbox_revoke_publish(text, text, boolean) IS
    'Take the right to publish away again';
