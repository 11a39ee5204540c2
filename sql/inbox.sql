-- SPDX-License-Identifier: ISC
-- The inbox's names that grants and applications refer to.  No inbox can exist
-- in this version.

CREATE VIEW tide.inbox_pending AS
	SELECT NULL::text AS inbox_name, NULL::bigint AS id,
	    NULL::text AS event_id, NULL::text AS source,
	    NULL::jsonb AS payload,
	    NULL::jsonb AS headers, NULL::timestamptz AS received_at,
	    NULL::integer AS retry_count
	WHERE false;
COMMENT ON VIEW tide.inbox_pending IS 'Messages that wait to be processed';

CREATE FUNCTION tide.inbox_mark_processed(p_name text, p_event_id text)
    RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'TD002',
	    MESSAGE = format('inbox %s does not exist',
	    coalesce('"' || p_name || '"', 'NULL')),
	    HINT = format('Version %s has no inboxes.', tide.schema_version());
END
$$;
COMMENT ON FUNCTION tide.inbox_mark_processed(text, text) IS
    'Mark a message of an inbox as processed';
