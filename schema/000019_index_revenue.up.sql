-- A report on the revenue of a month finds its payments by when something happened
-- to them, in a table that grows for ever.
-- squawk-ignore-file require-concurrent-index-creation
-- (a file is one transaction; both tables have a row or two for each sale)
SET LOCAL lock_timeout = '3s';

-- Of those that brought money: the pending ones have an index of their own, which
-- a plan for these would otherwise leave for this one.
CREATE INDEX payments_created_at_idx ON payments (created_at)
WHERE status IN ('succeeded', 'refunded');

-- The last change dates a refund of which no event tells.
CREATE INDEX payments_updated_at_idx ON payments (updated_at)
WHERE refunded_amount > 0 OR status = 'refunded';

CREATE INDEX payment_events_received_at_idx ON payment_events (received_at)
WHERE outcome = 'applied';
