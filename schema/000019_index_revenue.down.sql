-- Loses nothing but the indexes.
SET LOCAL lock_timeout = '3s';

DROP INDEX payment_events_received_at_idx;
DROP INDEX payments_updated_at_idx;
DROP INDEX payments_created_at_idx;
