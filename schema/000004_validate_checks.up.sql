-- Old rows are checked under a lock that lets readers and writers go on.
SET LOCAL lock_timeout = '3s';

ALTER TABLE users
    VALIDATE CONSTRAINT users_email_verified_not_null_check,
    VALIDATE CONSTRAINT users_created_at_not_null_check,
    VALIDATE CONSTRAINT users_updated_at_not_null_check;

ALTER TABLE courses
    VALIDATE CONSTRAINT courses_instructor_id_not_null_check,
    VALIDATE CONSTRAINT courses_published_not_null_check,
    VALIDATE CONSTRAINT courses_created_at_not_null_check,
    VALIDATE CONSTRAINT courses_updated_at_not_null_check,
    VALIDATE CONSTRAINT courses_price_check,
    VALIDATE CONSTRAINT courses_duration_check;

ALTER TABLE lessons
    VALIDATE CONSTRAINT lessons_course_id_not_null_check,
    VALIDATE CONSTRAINT lessons_created_at_not_null_check,
    VALIDATE CONSTRAINT lessons_updated_at_not_null_check,
    VALIDATE CONSTRAINT lessons_duration_check,
    VALIDATE CONSTRAINT lessons_order_check;

ALTER TABLE enrollments
    VALIDATE CONSTRAINT enrollments_user_id_not_null_check,
    VALIDATE CONSTRAINT enrollments_course_id_not_null_check,
    VALIDATE CONSTRAINT enrollments_enrolled_at_not_null_check,
    VALIDATE CONSTRAINT enrollments_progress_not_null_check,
    VALIDATE CONSTRAINT enrollments_progress_check;

ALTER TABLE progress
    VALIDATE CONSTRAINT progress_user_id_not_null_check,
    VALIDATE CONSTRAINT progress_lesson_id_not_null_check,
    VALIDATE CONSTRAINT progress_completed_not_null_check,
    VALIDATE CONSTRAINT progress_time_spent_not_null_check,
    VALIDATE CONSTRAINT progress_time_spent_check;

ALTER TABLE certificates
    VALIDATE CONSTRAINT certificates_user_id_not_null_check,
    VALIDATE CONSTRAINT certificates_course_id_not_null_check,
    VALIDATE CONSTRAINT certificates_issued_at_not_null_check;

ALTER TABLE payments
    VALIDATE CONSTRAINT payments_user_id_not_null_check,
    VALIDATE CONSTRAINT payments_course_id_not_null_check,
    VALIDATE CONSTRAINT payments_currency_not_null_check,
    VALIDATE CONSTRAINT payments_created_at_not_null_check,
    VALIDATE CONSTRAINT payments_updated_at_not_null_check,
    VALIDATE CONSTRAINT payments_amount_check,
    VALIDATE CONSTRAINT payments_currency_check;

ALTER TABLE notifications
    VALIDATE CONSTRAINT notifications_user_id_not_null_check,
    VALIDATE CONSTRAINT notifications_read_not_null_check,
    VALIDATE CONSTRAINT notifications_created_at_not_null_check;

ALTER TABLE reviews
    VALIDATE CONSTRAINT reviews_user_id_not_null_check,
    VALIDATE CONSTRAINT reviews_course_id_not_null_check,
    VALIDATE CONSTRAINT reviews_created_at_not_null_check,
    VALIDATE CONSTRAINT reviews_updated_at_not_null_check;

ALTER TABLE assignments
    VALIDATE CONSTRAINT assignments_course_id_not_null_check,
    VALIDATE CONSTRAINT assignments_max_score_not_null_check,
    VALIDATE CONSTRAINT assignments_created_at_not_null_check,
    VALIDATE CONSTRAINT assignments_max_score_check;

ALTER TABLE submissions
    VALIDATE CONSTRAINT submissions_assignment_id_not_null_check,
    VALIDATE CONSTRAINT submissions_user_id_not_null_check,
    VALIDATE CONSTRAINT submissions_submitted_at_not_null_check,
    VALIDATE CONSTRAINT submissions_score_check;

ALTER TABLE sessions
    VALIDATE CONSTRAINT sessions_user_id_not_null_check,
    VALIDATE CONSTRAINT sessions_created_at_not_null_check;
