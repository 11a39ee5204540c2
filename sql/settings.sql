-- SPDX-License-Identifier: ISC
-- Version row, settings, the caller of a function, and the guard of tables
-- that are written through functions only.

-- EXECUTE is nobody's before the last file has run; the tables below have no
-- public rights anyhow.  Whoever may use a function or a view is told there.
GRANT USAGE ON SCHEMA tide TO PUBLIC;

CREATE TABLE tide.extension_version (
	version		text PRIMARY KEY,
	installed_as	text NOT NULL
	    CHECK (installed_as IN ('extension', 'schema')),
	installed_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tide.extension_version IS
    'Which version of the SQL surface this is, and how it was installed';

CREATE FUNCTION tide.schema_version() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT version FROM tide.extension_version
	ORDER BY installed_at DESC, version DESC LIMIT 1
$$;
COMMENT ON FUNCTION tide.schema_version() IS 'Version of the SQL surface';

CREATE TABLE tide.settings (
	name		text PRIMARY KEY
	    CHECK (name IN ('allow_literal_secrets')),
	value		jsonb NOT NULL,
	updated_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tide.settings IS
    'Switches of this database; a name without a row has its default';

CREATE FUNCTION tide.setting_on(p_name text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT s.value = 'true'::jsonb FROM tide.settings s
	    WHERE s.name = p_name), false)
$$;

-- Who calls: the role that SET ROLE chose, else the one that logged in.
-- current_user would be the definer here.  Behind an application's own
-- SECURITY DEFINER function only the login can be seen.
CREATE FUNCTION tide.caller() RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE current_setting('role') WHEN 'none' THEN session_user
	    ELSE current_setting('role')::name END
$$;

-- A grant on all tables, which the security guide gives to the relay, would
-- otherwise let its holder change these rows past every check.
CREATE FUNCTION tide.guard_table() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_owner oid;
BEGIN
	SELECT relowner INTO v_owner FROM pg_class WHERE oid = TG_RELID;
	IF NOT pg_has_role(current_user, v_owner, 'USAGE') THEN
		RAISE EXCEPTION USING ERRCODE = 'TD003',
		    MESSAGE = format('table tide.%I is written by its owner'
		    ' alone',
		    TG_TABLE_NAME),
		    HINT = 'Use the functions of schema tide, or act as the'
		    ' role that installed it.';
	END IF;
	RETURN NULL;
END
$$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.settings FOR EACH STATEMENT EXECUTE FUNCTION tide.guard_table();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON tide.extension_version
    FOR EACH STATEMENT EXECUTE FUNCTION tide.guard_table();
