-- Back to the indexes of the specification; nothing is lost.
SET LOCAL lock_timeout = '3s';

DROP INDEX idx_reviews_course;
CREATE INDEX idx_reviews_course ON reviews (course_id);

DROP INDEX idx_reviews_user;
CREATE INDEX idx_reviews_user ON reviews (user_id);

DROP INDEX idx_notifications_read;
CREATE INDEX idx_notifications_read ON notifications (user_id, read);

DROP INDEX idx_notifications_user;
CREATE INDEX idx_notifications_user ON notifications (user_id);

DROP INDEX idx_payments_status;
CREATE INDEX idx_payments_status ON payments (status);

DROP INDEX idx_payments_stripe;
CREATE INDEX idx_payments_stripe ON payments (stripe_payment_id);

DROP INDEX idx_payments_user;
CREATE INDEX idx_payments_user ON payments (user_id);

DROP INDEX idx_certificates_user;
CREATE INDEX idx_certificates_user ON certificates (user_id);

DROP INDEX idx_progress_user;
CREATE INDEX idx_progress_user ON progress (user_id);

DROP INDEX idx_enrollments_course;
CREATE INDEX idx_enrollments_course ON enrollments (course_id);

DROP INDEX idx_enrollments_user;
CREATE INDEX idx_enrollments_user ON enrollments (user_id);

ALTER TABLE lessons DROP CONSTRAINT idx_lessons_order;
CREATE INDEX idx_lessons_order ON lessons (course_id, "order");

DROP INDEX idx_courses_published;
CREATE INDEX idx_courses_published ON courses (published);

DROP INDEX idx_courses_category;
CREATE INDEX idx_courses_category ON courses (category);

DROP INDEX idx_users_role;
CREATE INDEX idx_users_role ON users (role);

ALTER TABLE sessions RENAME CONSTRAINT idx_sessions_token TO sessions_token_key;
CREATE INDEX idx_sessions_token ON sessions (token);

ALTER TABLE certificates RENAME CONSTRAINT idx_certificates_id TO certificates_certificate_id_key;
CREATE INDEX idx_certificates_id ON certificates (certificate_id);

ALTER TABLE courses RENAME CONSTRAINT idx_courses_slug TO courses_slug_key;
CREATE INDEX idx_courses_slug ON courses (slug);

DROP INDEX users_email_lower_key;
ALTER TABLE users RENAME CONSTRAINT idx_users_email TO users_email_key;
CREATE INDEX idx_users_email ON users (email);

ALTER TABLE sessions ALTER COLUMN token TYPE varchar(500) COLLATE "default";
ALTER TABLE certificates ALTER COLUMN certificate_id TYPE varchar(50) COLLATE "default";
ALTER TABLE courses ALTER COLUMN slug TYPE varchar(255) COLLATE "default";
