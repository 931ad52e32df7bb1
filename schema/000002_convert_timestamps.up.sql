-- Points in time become timestamptz: a bare timestamp means whatever zone the
-- session that wrote it was in. Old values are taken as UTC; with the session
-- in UTC the conversion changes no stored byte and rewrites no table.
-- squawk-ignore-file changing-column-type
-- (no rewrite in UTC)
SET LOCAL lock_timeout = '3s';
SET LOCAL TIME ZONE 'UTC';

ALTER TABLE users
    ALTER COLUMN created_at TYPE timestamptz,
    ALTER COLUMN updated_at TYPE timestamptz,
    ALTER COLUMN last_login TYPE timestamptz;

ALTER TABLE courses
    ALTER COLUMN created_at TYPE timestamptz,
    ALTER COLUMN updated_at TYPE timestamptz;

ALTER TABLE lessons
    ALTER COLUMN created_at TYPE timestamptz,
    ALTER COLUMN updated_at TYPE timestamptz;

ALTER TABLE enrollments
    ALTER COLUMN enrolled_at TYPE timestamptz,
    ALTER COLUMN completed_at TYPE timestamptz;

ALTER TABLE progress
    ALTER COLUMN completed_at TYPE timestamptz;

ALTER TABLE certificates
    ALTER COLUMN issued_at TYPE timestamptz;

ALTER TABLE payments
    ALTER COLUMN created_at TYPE timestamptz,
    ALTER COLUMN updated_at TYPE timestamptz;

ALTER TABLE notifications
    ALTER COLUMN created_at TYPE timestamptz;

ALTER TABLE reviews
    ALTER COLUMN created_at TYPE timestamptz,
    ALTER COLUMN updated_at TYPE timestamptz;

ALTER TABLE assignments
    ALTER COLUMN due_date TYPE timestamptz,
    ALTER COLUMN created_at TYPE timestamptz;

ALTER TABLE submissions
    ALTER COLUMN submitted_at TYPE timestamptz,
    ALTER COLUMN graded_at TYPE timestamptz;

ALTER TABLE sessions
    ALTER COLUMN expires_at TYPE timestamptz,
    ALTER COLUMN created_at TYPE timestamptz;
