-- Loses currencies, versions, sources of access, positions, revocations, partial
-- refunds, attempts' order, last-seen times and all payment events. Rows that
-- only these columns set apart (a revoked certificate, a superseded submission)
-- look like valid ones again; where they are not the only ones of their learner,
-- this file does not go up again before they are deleted.
SET LOCAL lock_timeout = '3s';

ALTER TABLE progress RESET (
    autovacuum_vacuum_insert_scale_factor,
    autovacuum_analyze_scale_factor
);
ALTER TABLE notifications RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE sessions RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE enrollments RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE users RESET (fillfactor);

DROP TABLE payment_events;

ALTER TABLE sessions
    DROP COLUMN last_seen_at,
    DROP COLUMN revoked_at;

DROP INDEX submissions_assignment_id_user_id_key;
ALTER TABLE submissions
    DROP COLUMN superseded_at;

ALTER TABLE payments
    DROP COLUMN refunded_amount;

DROP INDEX certificates_user_id_course_id_key;
ALTER TABLE certificates
    DROP COLUMN revoked_at,
    DROP COLUMN holder_name,
    DROP COLUMN course_title;

ALTER TABLE progress
    DROP COLUMN position;

ALTER TABLE enrollments
    DROP COLUMN source,
    DROP COLUMN reference;

ALTER TABLE lessons
    DROP COLUMN version;

ALTER TABLE courses
    DROP COLUMN currency,
    DROP COLUMN version;

ALTER TABLE users
    DROP COLUMN erased_at;
