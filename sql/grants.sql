-- SPDX-License-Identifier: ISC
-- Rights: nobody but the owner may do anything until it is granted.

-- Event tables that were made before SELECT on tide.event_tables was granted.
CREATE FUNCTION tide.events_grant_all() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT tide.events_grant(o.id) FROM tide.outboxes o $$;
COMMENT ON FUNCTION tide.events_grant_all() IS
    'Let readers of tide.event_tables read the event tables made before';

CREATE FUNCTION tide.outbox_grant_read(p_outbox text, p_role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v_id integer := tide.outbox_id(p_outbox);
BEGIN
	PERFORM tide.check_role(p_role);
	EXECUTE format('GRANT SELECT ON tide.events_%s TO %I', v_id, p_role);
END
$$;
COMMENT ON FUNCTION tide.outbox_grant_read(text, text) IS
    'Let a worker''s role read and relay this outbox and no other';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tide FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA tide FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA tide FROM PUBLIC;
