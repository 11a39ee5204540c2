-- SPDX-License-Identifier: ISC
-- A shop with an outbox: run it as the role that owns the schema tide, then
-- store a pipeline, for example
--
--   psql -v ON_ERROR_STOP=1 -v doc="$(cat webhook-signed.json)" shop <<'END'
--   SELECT tide.relay_set_outbox_v2(:'doc');
--   END

SELECT tide.outbox_create_if_not_exists('orders', p_retention_hours => 48,
    p_description => 'what happens to orders of the shop');

-- The application may publish here, and nothing else.
DO $$
BEGIN
	IF to_regrole('shop_app') IS NULL THEN
		CREATE ROLE shop_app LOGIN;
	END IF;
END
$$;
GRANT EXECUTE ON FUNCTION tide.outbox_publish TO shop_app;
SELECT tide.outbox_grant_publish('orders', 'shop_app');

-- Events can also be published by a trigger: in the order of the changes to a
-- row, since each change holds the row's lock until its transaction ends.
CREATE TABLE IF NOT EXISTS shop_orders (
	id	bigint PRIMARY KEY,
	state	text NOT NULL,
	amount	numeric NOT NULL
);

CREATE OR REPLACE FUNCTION shop_orders_publish() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tide.outbox_publish('orders', to_jsonb(NEW),
	    jsonb_build_object('event_type', lower(TG_OP)), NEW.id::text);
	RETURN NULL;
END
$$;

DROP TRIGGER IF EXISTS publish ON shop_orders;
CREATE TRIGGER publish AFTER INSERT OR UPDATE ON shop_orders
    FOR EACH ROW EXECUTE FUNCTION shop_orders_publish();
GRANT SELECT, INSERT, UPDATE ON shop_orders TO shop_app;

-- Try it, as the application.
BEGIN;
SET LOCAL ROLE shop_app;
INSERT INTO shop_orders VALUES (1, 'new', 9.90)
ON CONFLICT (id) DO UPDATE SET state = 'new';
UPDATE shop_orders SET state = 'paid' WHERE id = 1;
COMMIT;
