-- What belongs to a parent goes with it: lessons and their progress, reviews,
-- assignments, notices and sessions. Enrollments, payments, certificates and
-- submissions never do: while one exists, its user and course stay.
-- Not yet checked against old rows: that scan is the next file's.
SET LOCAL lock_timeout = '3s';

ALTER TABLE lessons
    DROP CONSTRAINT lessons_course_id_fkey,
    ADD CONSTRAINT lessons_course_id_fkey
        FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE progress
    DROP CONSTRAINT progress_user_id_fkey,
    ADD CONSTRAINT progress_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE progress
    DROP CONSTRAINT progress_lesson_id_fkey,
    ADD CONSTRAINT progress_lesson_id_fkey
        FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE notifications
    DROP CONSTRAINT notifications_user_id_fkey,
    ADD CONSTRAINT notifications_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE reviews
    DROP CONSTRAINT reviews_course_id_fkey,
    ADD CONSTRAINT reviews_course_id_fkey
        FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE assignments
    DROP CONSTRAINT assignments_course_id_fkey,
    ADD CONSTRAINT assignments_course_id_fkey
        FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE sessions
    DROP CONSTRAINT sessions_user_id_fkey,
    ADD CONSTRAINT sessions_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID;
