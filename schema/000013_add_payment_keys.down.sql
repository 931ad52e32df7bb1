-- Idempotency keys are lost.
SET LOCAL lock_timeout = '3s';

DROP INDEX payments_user_id_idempotency_key_key;

ALTER TABLE payments
    DROP COLUMN idempotency_key;
