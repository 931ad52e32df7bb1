-- The key under which a client asked for a payment, so that asking again makes no
-- second one. NULL for payments of writers that do not know the column.
SET LOCAL lock_timeout = '3s';

ALTER TABLE payments
    ADD COLUMN idempotency_key varchar(255) COLLATE "C";

CREATE UNIQUE INDEX payments_user_id_idempotency_key_key ON payments (user_id, idempotency_key)
WHERE idempotency_key IS NOT NULL;
