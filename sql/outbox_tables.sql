-- SPDX-License-Identifier: ISC
-- Outboxes: their catalog rows, and the DDL of an outbox's event tables.

CREATE SEQUENCE tide.outboxes_id_seq AS integer;

CREATE TABLE tide.outboxes (
	id		integer PRIMARY KEY
	    DEFAULT nextval('tide.outboxes_id_seq'),
	name		text NOT NULL UNIQUE,
	enabled		boolean NOT NULL DEFAULT true,
	notify		boolean NOT NULL DEFAULT true,
	current_part	smallint NOT NULL DEFAULT 0,
	parts		smallint NOT NULL DEFAULT 3 CHECK (parts >= 2),
	generation	integer NOT NULL DEFAULT 1,
	retention_hours	integer NOT NULL DEFAULT 24
	    CHECK (retention_hours BETWEEN 0 AND 876000),
	max_retention	interval CHECK (max_retention > interval '0'),
	on_max_retention text NOT NULL DEFAULT 'keep'
	    CHECK (on_max_retention IN ('keep', 'drop')),
	gap_events	bigint NOT NULL DEFAULT 0,
	restricted	boolean NOT NULL DEFAULT false,
	description	text,
	owner		text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now()
);
ALTER SEQUENCE tide.outboxes_id_seq OWNED BY tide.outboxes.id;
COMMENT ON TABLE tide.outboxes IS
    'One row per outbox; the events of id N live in tide.events_N';
COMMENT ON COLUMN tide.outboxes.gap_events IS
    'Events dropped by max_retention before every pipeline had them';

COMMENT ON COLUMN tide.outboxes.restricted IS
    'Has rows in tide.outbox_publishers; kept here to spare publishers a look';

-- The ring.  closed_at is when the part stopped being the current one: all
-- its events were published before.
CREATE TABLE tide.outbox_parts (
	outbox_id	integer NOT NULL
	    REFERENCES tide.outboxes ON DELETE CASCADE,
	part		smallint NOT NULL,
	opened_at	timestamptz,
	closed_at	timestamptz,
	truncated_at	timestamptz,
	PRIMARY KEY (outbox_id, part)
);
COMMENT ON TABLE tide.outbox_parts IS
    'The ring of each outbox; a part with neither time is empty';

CREATE TABLE tide.outbox_publishers (
	outbox_id	integer NOT NULL
	    REFERENCES tide.outboxes ON DELETE CASCADE,
	role_name	text NOT NULL,
	granted_by	text NOT NULL,
	granted_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (outbox_id, role_name)
);
COMMENT ON TABLE tide.outbox_publishers IS
    'Who may publish; an outbox without a row is open to whoever may execute '
    'tide.outbox_publish';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.outbox_publishers
    FOR EACH STATEMENT EXECUTE FUNCTION tide.guard_table();

-- A trigger, not the grant functions, so that flag and rows cannot disagree.
CREATE FUNCTION tide.publishers_flag() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE tide.outboxes o SET restricted = NOT o.restricted
	WHERE o.restricted <> EXISTS (SELECT FROM tide.outbox_publishers p
	    WHERE p.outbox_id = o.id);
	RETURN NULL;
END
$$;
CREATE TRIGGER flag AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.outbox_publishers
    FOR EACH STATEMENT EXECUTE FUNCTION tide.publishers_flag();

-- Event tables are made after the rights were granted, so a right on "all
-- tables" cannot reach them.  SELECT on this view stands for it: the event
-- tables of every outbox, later ones included, are readable for the same roles.
CREATE VIEW tide.event_tables AS
	SELECT o.name AS outbox, o.id AS outbox_id,
	    format('tide.events_%s', o.id) AS events
	FROM tide.outboxes o;
COMMENT ON VIEW tide.event_tables IS
    'Event table of each outbox; whoever may SELECT here may read the events';

CREATE FUNCTION tide.outbox_current_part(p_outbox_id integer) RETURNS smallint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT current_part FROM tide.outboxes WHERE id = p_outbox_id $$;

CREATE FUNCTION tide.outbox_generation(p_outbox_id integer) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT generation FROM tide.outboxes WHERE id = p_outbox_id $$;

-- The reading rule needs the row's xid to be its transaction's, and taken
-- before the id was drawn.  A row inserted by hand with another xid gets both
-- anew, in that order.
CREATE FUNCTION tide.events_stamp() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.xid := pg_current_xact_id();
	NEW.id := nextval(TG_ARGV[0]::regclass);
	RETURN NEW;
END
$$;

-- Columns stand in the order in which their defaults must be evaluated: xid
-- before id.  CACHE 1: ids drawn ahead would break order within a key.
CREATE FUNCTION tide.events_create(p_id integer, p_parts smallint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_events text := format('tide.events_%s', p_id);
BEGIN
	EXECUTE format('CREATE SEQUENCE %s_seq AS bigint CACHE 1', v_events);
	EXECUTE format($f$
		CREATE TABLE %1$s (
			xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
			id bigint NOT NULL DEFAULT nextval('%1$s_seq'),
			generation integer NOT NULL
			    DEFAULT tide.outbox_generation(%2$s),
			part smallint NOT NULL
			    DEFAULT tide.outbox_current_part(%2$s),
			key text,
			payload jsonb NOT NULL,
			headers jsonb NOT NULL DEFAULT '{}',
			created_at timestamptz NOT NULL
			    DEFAULT clock_timestamp()
		) PARTITION BY LIST (part)$f$, v_events, p_id);
	EXECUTE format('ALTER SEQUENCE %1$s_seq OWNED BY %1$s.id', v_events);
	EXECUTE format('CREATE INDEX events_%s_xid_id ON %s (xid, id)', p_id,
	    v_events);
	EXECUTE format('CREATE UNIQUE INDEX events_%s_id_part ON %s (id, part)',
	    p_id, v_events);
	FOR i IN 0 .. p_parts - 1 LOOP
		EXECUTE format('CREATE TABLE %1$s_%2$s PARTITION OF %1$s'
		    ' FOR VALUES IN (%2$s)', v_events, i);
	END LOOP;
	EXECUTE format('CREATE TRIGGER stamp BEFORE INSERT ON %1$s FOR EACH ROW'
	    ' WHEN (NEW.xid IS DISTINCT FROM pg_current_xact_id())'
	    ' EXECUTE FUNCTION tide.events_stamp(%2$L)', v_events,
	    v_events || '_seq');
	PERFORM tide.events_grant(p_id);
	PERFORM tide.events_adders_create(p_id, p_parts);
END
$$;

-- A statement names the part that it fills, so each part has a function whose
-- INSERT is planned once: half the cost of one that is parsed for each event.
CREATE FUNCTION tide.events_adders_create(p_id integer, p_parts smallint)
    RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	FOR i IN 0 .. p_parts - 1 LOOP
		EXECUTE format($f$
			CREATE FUNCTION tide.events_%1$s_add_%2$s(text, jsonb,
			    jsonb, integer) RETURNS bigint
			LANGUAGE plpgsql AS $b$
			DECLARE
				v_id bigint;
			BEGIN
				INSERT INTO tide.events_%1$s_%2$s (generation,
				    part, key, payload, headers)
				VALUES ($4, %2$s, coalesce($1, $3->>'key'), $2,
				    coalesce($3, '{}'))
				RETURNING id INTO v_id;
				RETURN v_id;
			END
			$b$ $f$, p_id, i);
		EXECUTE format('REVOKE EXECUTE ON FUNCTION'
		    ' tide.events_%s_add_%s FROM PUBLIC', p_id, i);
	END LOOP;
END
$$;

CREATE FUNCTION tide.events_drop(p_id integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_adder regprocedure;
BEGIN
	FOR v_adder IN SELECT oid FROM pg_proc
	    WHERE pronamespace = 'tide'::regnamespace
	    AND proname ~ format('^events_%s_add_[0-9]+$', p_id) LOOP
		EXECUTE format('DROP FUNCTION %s', v_adder);
	END LOOP;
	EXECUTE format('DROP TABLE tide.events_%s', p_id);
END
$$;

-- Readers of tide.event_tables read the parent; rights on a parent reach its
-- parts, those added later too.
CREATE FUNCTION tide.events_grant(p_id integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_grantee text;
BEGIN
	FOR v_grantee IN
		SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC'
		    ELSE quote_ident(pg_get_userbyid(a.grantee)) END
		FROM pg_class c, aclexplode(c.relacl) a
		WHERE c.oid = 'tide.event_tables'::regclass
		AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
	LOOP
		EXECUTE format('GRANT SELECT ON tide.events_%s TO %s', p_id,
		    v_grantee);
	END LOOP;
END
$$;
