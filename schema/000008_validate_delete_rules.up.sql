-- Old rows are checked under a lock that lets readers and writers go on.
SET LOCAL lock_timeout = '3s';

ALTER TABLE lessons VALIDATE CONSTRAINT lessons_course_id_fkey;

ALTER TABLE progress VALIDATE CONSTRAINT progress_user_id_fkey;

ALTER TABLE progress VALIDATE CONSTRAINT progress_lesson_id_fkey;

ALTER TABLE notifications VALIDATE CONSTRAINT notifications_user_id_fkey;

ALTER TABLE reviews VALIDATE CONSTRAINT reviews_course_id_fkey;

ALTER TABLE assignments VALIDATE CONSTRAINT assignments_course_id_fkey;

ALTER TABLE sessions VALIDATE CONSTRAINT sessions_user_id_fkey;
