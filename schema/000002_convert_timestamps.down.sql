-- Back to bare timestamps, which then hold UTC.
SET LOCAL lock_timeout = '3s';
SET LOCAL TIME ZONE 'UTC';

ALTER TABLE users
    ALTER COLUMN created_at TYPE timestamp,
    ALTER COLUMN updated_at TYPE timestamp,
    ALTER COLUMN last_login TYPE timestamp;

ALTER TABLE courses
    ALTER COLUMN created_at TYPE timestamp,
    ALTER COLUMN updated_at TYPE timestamp;

ALTER TABLE lessons
    ALTER COLUMN created_at TYPE timestamp,
    ALTER COLUMN updated_at TYPE timestamp;

ALTER TABLE enrollments
    ALTER COLUMN enrolled_at TYPE timestamp,
    ALTER COLUMN completed_at TYPE timestamp;

ALTER TABLE progress
    ALTER COLUMN completed_at TYPE timestamp;

ALTER TABLE certificates
    ALTER COLUMN issued_at TYPE timestamp;

ALTER TABLE payments
    ALTER COLUMN created_at TYPE timestamp,
    ALTER COLUMN updated_at TYPE timestamp;

ALTER TABLE notifications
    ALTER COLUMN created_at TYPE timestamp;

ALTER TABLE reviews
    ALTER COLUMN created_at TYPE timestamp,
    ALTER COLUMN updated_at TYPE timestamp;

ALTER TABLE assignments
    ALTER COLUMN due_date TYPE timestamp,
    ALTER COLUMN created_at TYPE timestamp;

ALTER TABLE submissions
    ALTER COLUMN submitted_at TYPE timestamp,
    ALTER COLUMN graded_at TYPE timestamp;

ALTER TABLE sessions
    ALTER COLUMN expires_at TYPE timestamp,
    ALTER COLUMN created_at TYPE timestamp;
