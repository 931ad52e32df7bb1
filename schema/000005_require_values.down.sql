-- Back to nullable columns, behind checks that say what the columns said.
SET LOCAL lock_timeout = '3s';

ALTER TABLE users
    ALTER COLUMN email_verified DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP NOT NULL,
    ADD CONSTRAINT users_email_verified_not_null_check CHECK (email_verified IS NOT NULL),
    ADD CONSTRAINT users_created_at_not_null_check CHECK (created_at IS NOT NULL),
    ADD CONSTRAINT users_updated_at_not_null_check CHECK (updated_at IS NOT NULL);

ALTER TABLE courses
    ALTER COLUMN instructor_id DROP NOT NULL,
    ALTER COLUMN published DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP NOT NULL,
    ADD CONSTRAINT courses_instructor_id_not_null_check CHECK (instructor_id IS NOT NULL),
    ADD CONSTRAINT courses_published_not_null_check CHECK (published IS NOT NULL),
    ADD CONSTRAINT courses_created_at_not_null_check CHECK (created_at IS NOT NULL),
    ADD CONSTRAINT courses_updated_at_not_null_check CHECK (updated_at IS NOT NULL);

ALTER TABLE lessons
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP NOT NULL,
    ADD CONSTRAINT lessons_course_id_not_null_check CHECK (course_id IS NOT NULL),
    ADD CONSTRAINT lessons_created_at_not_null_check CHECK (created_at IS NOT NULL),
    ADD CONSTRAINT lessons_updated_at_not_null_check CHECK (updated_at IS NOT NULL);

ALTER TABLE enrollments
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN enrolled_at DROP NOT NULL,
    ALTER COLUMN progress DROP NOT NULL,
    ADD CONSTRAINT enrollments_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT enrollments_course_id_not_null_check CHECK (course_id IS NOT NULL),
    ADD CONSTRAINT enrollments_enrolled_at_not_null_check CHECK (enrolled_at IS NOT NULL),
    ADD CONSTRAINT enrollments_progress_not_null_check CHECK (progress IS NOT NULL);

ALTER TABLE progress
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN lesson_id DROP NOT NULL,
    ALTER COLUMN completed DROP NOT NULL,
    ALTER COLUMN time_spent DROP NOT NULL,
    ADD CONSTRAINT progress_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT progress_lesson_id_not_null_check CHECK (lesson_id IS NOT NULL),
    ADD CONSTRAINT progress_completed_not_null_check CHECK (completed IS NOT NULL),
    ADD CONSTRAINT progress_time_spent_not_null_check CHECK (time_spent IS NOT NULL);

ALTER TABLE certificates
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN issued_at DROP NOT NULL,
    ADD CONSTRAINT certificates_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT certificates_course_id_not_null_check CHECK (course_id IS NOT NULL),
    ADD CONSTRAINT certificates_issued_at_not_null_check CHECK (issued_at IS NOT NULL);

ALTER TABLE payments
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN currency DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP NOT NULL,
    ADD CONSTRAINT payments_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT payments_course_id_not_null_check CHECK (course_id IS NOT NULL),
    ADD CONSTRAINT payments_currency_not_null_check CHECK (currency IS NOT NULL),
    ADD CONSTRAINT payments_created_at_not_null_check CHECK (created_at IS NOT NULL),
    ADD CONSTRAINT payments_updated_at_not_null_check CHECK (updated_at IS NOT NULL);

ALTER TABLE notifications
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN read DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ADD CONSTRAINT notifications_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT notifications_read_not_null_check CHECK (read IS NOT NULL),
    ADD CONSTRAINT notifications_created_at_not_null_check CHECK (created_at IS NOT NULL);

ALTER TABLE reviews
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ALTER COLUMN updated_at DROP NOT NULL,
    ADD CONSTRAINT reviews_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT reviews_course_id_not_null_check CHECK (course_id IS NOT NULL),
    ADD CONSTRAINT reviews_created_at_not_null_check CHECK (created_at IS NOT NULL),
    ADD CONSTRAINT reviews_updated_at_not_null_check CHECK (updated_at IS NOT NULL);

ALTER TABLE assignments
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN max_score DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ADD CONSTRAINT assignments_course_id_not_null_check CHECK (course_id IS NOT NULL),
    ADD CONSTRAINT assignments_max_score_not_null_check CHECK (max_score IS NOT NULL),
    ADD CONSTRAINT assignments_created_at_not_null_check CHECK (created_at IS NOT NULL);

ALTER TABLE submissions
    ALTER COLUMN assignment_id DROP NOT NULL,
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN submitted_at DROP NOT NULL,
    ADD CONSTRAINT submissions_assignment_id_not_null_check CHECK (assignment_id IS NOT NULL),
    ADD CONSTRAINT submissions_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT submissions_submitted_at_not_null_check CHECK (submitted_at IS NOT NULL);

ALTER TABLE sessions
    ALTER COLUMN user_id DROP NOT NULL,
    ALTER COLUMN created_at DROP NOT NULL,
    ADD CONSTRAINT sessions_user_id_not_null_check CHECK (user_id IS NOT NULL),
    ADD CONSTRAINT sessions_created_at_not_null_check CHECK (created_at IS NOT NULL);
