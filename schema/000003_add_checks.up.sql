-- The domain's rules become constraints, not yet checked against old rows: that
-- takes a scan, which the next file does without holding writers off.
SET LOCAL lock_timeout = '3s';

ALTER TABLE users
    ADD CONSTRAINT users_email_verified_not_null_check CHECK (email_verified IS NOT NULL) NOT VALID,
    ADD CONSTRAINT users_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT users_updated_at_not_null_check CHECK (updated_at IS NOT NULL) NOT VALID;

ALTER TABLE courses
    ADD CONSTRAINT courses_instructor_id_not_null_check CHECK (instructor_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT courses_published_not_null_check CHECK (published IS NOT NULL) NOT VALID,
    ADD CONSTRAINT courses_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT courses_updated_at_not_null_check CHECK (updated_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT courses_price_check CHECK (price >= 0) NOT VALID,
    ADD CONSTRAINT courses_duration_check CHECK (duration >= 0) NOT VALID;

ALTER TABLE lessons
    ADD CONSTRAINT lessons_course_id_not_null_check CHECK (course_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT lessons_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT lessons_updated_at_not_null_check CHECK (updated_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT lessons_duration_check CHECK (duration >= 0) NOT VALID,
    ADD CONSTRAINT lessons_order_check CHECK ("order" >= 1) NOT VALID;

ALTER TABLE enrollments
    ADD CONSTRAINT enrollments_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT enrollments_course_id_not_null_check CHECK (course_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT enrollments_enrolled_at_not_null_check CHECK (enrolled_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT enrollments_progress_not_null_check CHECK (progress IS NOT NULL) NOT VALID,
    ADD CONSTRAINT enrollments_progress_check CHECK (progress BETWEEN 0 AND 100) NOT VALID;

ALTER TABLE progress
    ADD CONSTRAINT progress_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT progress_lesson_id_not_null_check CHECK (lesson_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT progress_completed_not_null_check CHECK (completed IS NOT NULL) NOT VALID,
    ADD CONSTRAINT progress_time_spent_not_null_check CHECK (time_spent IS NOT NULL) NOT VALID,
    ADD CONSTRAINT progress_time_spent_check CHECK (time_spent >= 0) NOT VALID;

ALTER TABLE certificates
    ADD CONSTRAINT certificates_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT certificates_course_id_not_null_check CHECK (course_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT certificates_issued_at_not_null_check CHECK (issued_at IS NOT NULL) NOT VALID;

ALTER TABLE payments
    ADD CONSTRAINT payments_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT payments_course_id_not_null_check CHECK (course_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT payments_currency_not_null_check CHECK (currency IS NOT NULL) NOT VALID,
    ADD CONSTRAINT payments_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT payments_updated_at_not_null_check CHECK (updated_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT payments_amount_check CHECK (amount >= 0) NOT VALID,
    ADD CONSTRAINT payments_currency_check CHECK (currency ~ '^[A-Z]{3}$') NOT VALID;

ALTER TABLE notifications
    ADD CONSTRAINT notifications_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT notifications_read_not_null_check CHECK (read IS NOT NULL) NOT VALID,
    ADD CONSTRAINT notifications_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID;

ALTER TABLE reviews
    ADD CONSTRAINT reviews_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT reviews_course_id_not_null_check CHECK (course_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT reviews_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT reviews_updated_at_not_null_check CHECK (updated_at IS NOT NULL) NOT VALID;

ALTER TABLE assignments
    ADD CONSTRAINT assignments_course_id_not_null_check CHECK (course_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT assignments_max_score_not_null_check CHECK (max_score IS NOT NULL) NOT VALID,
    ADD CONSTRAINT assignments_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT assignments_max_score_check CHECK (max_score > 0) NOT VALID;

ALTER TABLE submissions
    ADD CONSTRAINT submissions_assignment_id_not_null_check CHECK (assignment_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT submissions_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT submissions_submitted_at_not_null_check CHECK (submitted_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT submissions_score_check CHECK (score >= 0) NOT VALID;

ALTER TABLE sessions
    ADD CONSTRAINT sessions_user_id_not_null_check CHECK (user_id IS NOT NULL) NOT VALID,
    ADD CONSTRAINT sessions_created_at_not_null_check CHECK (created_at IS NOT NULL) NOT VALID;
