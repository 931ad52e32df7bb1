-- Back to foreign keys that refuse every deletion of a parent.
SET LOCAL lock_timeout = '3s';

ALTER TABLE lessons
    DROP CONSTRAINT lessons_course_id_fkey,
    ADD CONSTRAINT lessons_course_id_fkey
        FOREIGN KEY (course_id) REFERENCES courses (id);

ALTER TABLE progress
    DROP CONSTRAINT progress_user_id_fkey,
    ADD CONSTRAINT progress_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id);

ALTER TABLE progress
    DROP CONSTRAINT progress_lesson_id_fkey,
    ADD CONSTRAINT progress_lesson_id_fkey
        FOREIGN KEY (lesson_id) REFERENCES lessons (id);

ALTER TABLE notifications
    DROP CONSTRAINT notifications_user_id_fkey,
    ADD CONSTRAINT notifications_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id);

ALTER TABLE reviews
    DROP CONSTRAINT reviews_course_id_fkey,
    ADD CONSTRAINT reviews_course_id_fkey
        FOREIGN KEY (course_id) REFERENCES courses (id);

ALTER TABLE assignments
    DROP CONSTRAINT assignments_course_id_fkey,
    ADD CONSTRAINT assignments_course_id_fkey
        FOREIGN KEY (course_id) REFERENCES courses (id);

ALTER TABLE sessions
    DROP CONSTRAINT sessions_user_id_fkey,
    ADD CONSTRAINT sessions_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users (id);
