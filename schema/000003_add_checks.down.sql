-- Takes the constraints of this file away; nothing is lost.
SET LOCAL lock_timeout = '3s';

ALTER TABLE users
    DROP CONSTRAINT users_email_verified_not_null_check,
    DROP CONSTRAINT users_created_at_not_null_check,
    DROP CONSTRAINT users_updated_at_not_null_check;

ALTER TABLE courses
    DROP CONSTRAINT courses_instructor_id_not_null_check,
    DROP CONSTRAINT courses_published_not_null_check,
    DROP CONSTRAINT courses_created_at_not_null_check,
    DROP CONSTRAINT courses_updated_at_not_null_check,
    DROP CONSTRAINT courses_price_check,
    DROP CONSTRAINT courses_duration_check;

ALTER TABLE lessons
    DROP CONSTRAINT lessons_course_id_not_null_check,
    DROP CONSTRAINT lessons_created_at_not_null_check,
    DROP CONSTRAINT lessons_updated_at_not_null_check,
    DROP CONSTRAINT lessons_duration_check,
    DROP CONSTRAINT lessons_order_check;

ALTER TABLE enrollments
    DROP CONSTRAINT enrollments_user_id_not_null_check,
    DROP CONSTRAINT enrollments_course_id_not_null_check,
    DROP CONSTRAINT enrollments_enrolled_at_not_null_check,
    DROP CONSTRAINT enrollments_progress_not_null_check,
    DROP CONSTRAINT enrollments_progress_check;

ALTER TABLE progress
    DROP CONSTRAINT progress_user_id_not_null_check,
    DROP CONSTRAINT progress_lesson_id_not_null_check,
    DROP CONSTRAINT progress_completed_not_null_check,
    DROP CONSTRAINT progress_time_spent_not_null_check,
    DROP CONSTRAINT progress_time_spent_check;

ALTER TABLE certificates
    DROP CONSTRAINT certificates_user_id_not_null_check,
    DROP CONSTRAINT certificates_course_id_not_null_check,
    DROP CONSTRAINT certificates_issued_at_not_null_check;

ALTER TABLE payments
    DROP CONSTRAINT payments_user_id_not_null_check,
    DROP CONSTRAINT payments_course_id_not_null_check,
    DROP CONSTRAINT payments_currency_not_null_check,
    DROP CONSTRAINT payments_created_at_not_null_check,
    DROP CONSTRAINT payments_updated_at_not_null_check,
    DROP CONSTRAINT payments_amount_check,
    DROP CONSTRAINT payments_currency_check;

ALTER TABLE notifications
    DROP CONSTRAINT notifications_user_id_not_null_check,
    DROP CONSTRAINT notifications_read_not_null_check,
    DROP CONSTRAINT notifications_created_at_not_null_check;

ALTER TABLE reviews
    DROP CONSTRAINT reviews_user_id_not_null_check,
    DROP CONSTRAINT reviews_course_id_not_null_check,
    DROP CONSTRAINT reviews_created_at_not_null_check,
    DROP CONSTRAINT reviews_updated_at_not_null_check;

ALTER TABLE assignments
    DROP CONSTRAINT assignments_course_id_not_null_check,
    DROP CONSTRAINT assignments_max_score_not_null_check,
    DROP CONSTRAINT assignments_created_at_not_null_check,
    DROP CONSTRAINT assignments_max_score_check;

ALTER TABLE submissions
    DROP CONSTRAINT submissions_assignment_id_not_null_check,
    DROP CONSTRAINT submissions_user_id_not_null_check,
    DROP CONSTRAINT submissions_submitted_at_not_null_check,
    DROP CONSTRAINT submissions_score_check;

ALTER TABLE sessions
    DROP CONSTRAINT sessions_user_id_not_null_check,
    DROP CONSTRAINT sessions_created_at_not_null_check;
