-- SPDX-License-Identifier: ISC
-- Extension only: what pg_dump takes along.  Event tables are no members and
-- are dumped like any table.

SELECT pg_extension_config_dump('tide.settings', '');
SELECT pg_extension_config_dump('tide.sink_types', 'WHERE NOT builtin');
SELECT pg_extension_config_dump('tide.outboxes', '');
SELECT pg_extension_config_dump('tide.outbox_generations', '');
SELECT pg_extension_config_dump('tide.outbox_parts', '');
SELECT pg_extension_config_dump('tide.outbox_publishers', '');
SELECT pg_extension_config_dump('tide.relay_outbox_config', '');
SELECT pg_extension_config_dump('tide.relay_checkpoints', '');
SELECT pg_extension_config_dump('tide.relay_held_events', '');
SELECT pg_extension_config_dump('tide.relay_dlq', '');
SELECT pg_extension_config_dump('tide.relay_config_audit', '');
SELECT pg_extension_config_dump('tide.outboxes_id_seq', '');
SELECT pg_extension_config_dump('tide.relay_generation_seq', '');
SELECT pg_extension_config_dump('tide.relay_epoch_seq', '');
SELECT pg_extension_config_dump('tide.relay_dlq_id_seq', '');
SELECT pg_extension_config_dump('tide.relay_config_audit_id_seq', '');
