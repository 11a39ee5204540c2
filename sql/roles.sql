-- SPDX-License-Identifier: ISC
-- Optional group roles.  Run it as the role that owns the schema tide and may
-- create roles; logins become members: GRANT tide_relay TO my_login.  It may be
-- run again, and then also grants what a newer version has.

DO $$
DECLARE
	v_role text;
BEGIN
	FOREACH v_role IN ARRAY '{tide_admin,tide_publisher,tide_relay,'
	    'tide_worker,tide_operator,tide_reader}'::text[] LOOP
		IF to_regrole(v_role) IS NULL THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
		END IF;
	END LOOP;
END
$$;

-- tide_admin: outboxes, pipelines, rights.  Not the owner: rows of
-- tide.settings stay the owner's.
GRANT SELECT ON ALL TABLES IN SCHEMA tide TO tide_admin;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tide TO tide_admin;

-- tide_publisher: publish; outboxes may be closed to all but some roles.
GRANT EXECUTE ON FUNCTION tide.outbox_publish, tide.outbox_publish_batch
    TO tide_publisher;

-- tide_relay: the relay's catalog process.
GRANT SELECT ON tide.sink_types, tide.outboxes, tide.outbox_parts,
    tide.relay_outbox_config, tide.relay_checkpoints, tide.relay_held_events,
    tide.relay_dlq TO tide_relay;
GRANT EXECUTE ON FUNCTION tide.relay_pipelines, tide.relay_lag,
    tide.server_check, tide.schema_version, tide.relay_publish_sink_type,
    tide.outbox_sweep TO tide_relay;

-- tide_worker: a worker's own session.  It sees no pipeline's configuration.
GRANT SELECT ON tide.event_tables TO tide_worker;
GRANT EXECUTE ON FUNCTION tide.relay_attach, tide.relay_held,
    tide.relay_checkpoint, tide.server_check, tide.schema_version,
    tide.event_identity TO tide_worker;
SELECT tide.events_grant_all();

-- A relay whose workers use its own login needs both.
GRANT tide_worker TO tide_relay;

-- tide_reader: watch.
GRANT SELECT ON tide.outbox_status, tide.outbox_pending, tide.consumer_lag,
    tide.relay_pipeline_status, tide.inbox_pending TO tide_reader;
GRANT EXECUTE ON FUNCTION tide.outbox_status, tide.relay_dlq_stats,
    tide.schema_version TO tide_reader;

-- tide_operator: watch, stop and start, look after dead letters.
GRANT tide_reader TO tide_operator;
GRANT SELECT ON tide.relay_dlq, tide.relay_config_audit TO tide_operator;
GRANT EXECUTE ON FUNCTION tide.relay_enable, tide.relay_disable,
    tide.relay_get_config, tide.relay_list_configs, tide.outbox_enable,
    tide.outbox_disable, tide.outbox_sweep, tide.relay_dlq_list,
    tide.relay_dlq_resolve, tide.relay_dlq_purge TO tide_operator;
