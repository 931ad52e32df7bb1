-- What a teacher has told all learners of a course, once per key. The notices
-- themselves are notifications.
SET LOCAL lock_timeout = '3s';

CREATE TABLE announcements (
    course_id uuid NOT NULL,
    key varchar(255) COLLATE "C" NOT NULL,
    title varchar(255) NOT NULL,
    message text NOT NULL,
    recipients integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT announcements_pkey PRIMARY KEY (course_id, key),
    CONSTRAINT announcements_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT announcements_recipients_check CHECK (recipients >= 0)
);
