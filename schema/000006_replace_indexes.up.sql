-- Each index serves a query of the library, and no two serve the same one.
-- Plain indexes that doubled a unique constraint give it their names.
-- squawk-ignore-file changing-column-type, constraint-missing-not-valid
-- (no rewrite; EXCLUDE has no NOT VALID)
SET LOCAL lock_timeout = '3s';

DROP INDEX idx_users_email;
ALTER TABLE users RENAME CONSTRAINT users_email_key TO idx_users_email;
CREATE UNIQUE INDEX users_email_lower_key ON users (lower(email COLLATE "C"));

DROP INDEX idx_courses_slug;
ALTER TABLE courses RENAME CONSTRAINT courses_slug_key TO idx_courses_slug;

DROP INDEX idx_certificates_id;
ALTER TABLE certificates RENAME CONSTRAINT certificates_certificate_id_key TO idx_certificates_id;

DROP INDEX idx_sessions_token;
ALTER TABLE sessions RENAME CONSTRAINT sessions_token_key TO idx_sessions_token;

-- Byte order for what is only ever compared for equality: such an index also
-- survives an upgrade of the operating system's locales.
ALTER TABLE courses ALTER COLUMN slug TYPE varchar(255) COLLATE "C";
ALTER TABLE certificates ALTER COLUMN certificate_id TYPE varchar(50) COLLATE "C";
ALTER TABLE sessions ALTER COLUMN token TYPE varchar(500) COLLATE "C";

-- Staff are few; a learner's row pays for no index of roles.
DROP INDEX idx_users_role;
CREATE INDEX idx_users_role ON users (role, id)
WHERE role <> 'user';

DROP INDEX idx_courses_category;
CREATE INDEX idx_courses_category ON courses (category, created_at DESC, id DESC)
WHERE published;

DROP INDEX idx_courses_published;
CREATE INDEX idx_courses_published ON courses (published, created_at DESC, id DESC);

-- One lesson per place. EXCLUDE, not UNIQUE: even a deferrable unique index
-- makes "order" a key column, and a reorder would wait for every completion in
-- flight and hold up new ones. Deferrable, so that places can be swapped.
DROP INDEX idx_lessons_order;
ALTER TABLE lessons
    ADD CONSTRAINT idx_lessons_order
        EXCLUDE USING btree (course_id WITH =, "order" WITH =)
        DEFERRABLE INITIALLY IMMEDIATE;

DROP INDEX idx_enrollments_user;
CREATE INDEX idx_enrollments_user ON enrollments (user_id, enrolled_at DESC, id DESC);

DROP INDEX idx_enrollments_course;
CREATE INDEX idx_enrollments_course ON enrollments (course_id, enrolled_at DESC, id DESC);

-- The unique index covers the foreign key; this one finds what is unfinished.
DROP INDEX idx_progress_user;
CREATE INDEX idx_progress_user ON progress (user_id)
WHERE NOT completed;

DROP INDEX idx_certificates_user;
CREATE INDEX idx_certificates_user ON certificates (user_id, issued_at DESC, id DESC);

DROP INDEX idx_payments_user;
CREATE INDEX idx_payments_user ON payments (user_id, course_id);

-- One reference of the provider is one payment.
DROP INDEX idx_payments_stripe;
CREATE UNIQUE INDEX idx_payments_stripe ON payments (stripe_payment_id);

DROP INDEX idx_payments_status;
CREATE INDEX idx_payments_status ON payments (status, created_at)
WHERE status = 'pending';

DROP INDEX idx_notifications_user;
CREATE INDEX idx_notifications_user ON notifications (user_id, created_at DESC, id DESC);

DROP INDEX idx_notifications_read;
CREATE INDEX idx_notifications_read ON notifications (user_id, read, created_at DESC, id DESC)
WHERE NOT read;

DROP INDEX idx_reviews_user;
CREATE INDEX idx_reviews_user ON reviews (user_id)
WHERE comment IS NOT NULL;

DROP INDEX idx_reviews_course;
CREATE INDEX idx_reviews_course ON reviews (course_id, created_at DESC, id DESC);
