-- The platform's specification to the letter: its tables, columns, constraints
-- and index names, so that a database which already runs it can be adopted as
-- it stands. Whatever we would do differently is a later file.
-- The linter's wish for timestamptz is the next one's.
-- squawk-ignore-file prefer-timestamp-tz
SET LOCAL lock_timeout = '3s';

CREATE TYPE user_role AS ENUM ('user', 'instructor', 'admin');
CREATE TYPE course_level AS ENUM ('beginner', 'intermediate', 'advanced');
CREATE TYPE payment_status AS ENUM ('pending', 'succeeded', 'failed', 'refunded');

CREATE TABLE users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email varchar(255) NOT NULL,
    password_hash varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    bio text,
    avatar_url varchar(500),
    role user_role NOT NULL DEFAULT 'user',
    email_verified boolean DEFAULT FALSE,
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    last_login timestamp,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email)
);

CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_role ON users (role);

CREATE TABLE courses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    title varchar(255) NOT NULL,
    slug varchar(255) NOT NULL,
    description text NOT NULL,
    instructor_id uuid,
    category varchar(100) NOT NULL,
    level course_level NOT NULL,
    price integer NOT NULL,
    thumbnail_url varchar(500),
    duration integer,
    published boolean DEFAULT FALSE,
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    CONSTRAINT courses_pkey PRIMARY KEY (id),
    CONSTRAINT courses_slug_key UNIQUE (slug),
    CONSTRAINT courses_instructor_id_fkey FOREIGN KEY (instructor_id) REFERENCES users (id)
);

CREATE INDEX idx_courses_instructor ON courses (instructor_id);
CREATE INDEX idx_courses_category ON courses (category);
CREATE INDEX idx_courses_published ON courses (published);
CREATE INDEX idx_courses_slug ON courses (slug);

CREATE TABLE lessons (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    course_id uuid,
    title varchar(255) NOT NULL,
    description text,
    content text,
    video_url varchar(500),
    duration integer,
    "order" integer NOT NULL,
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    CONSTRAINT lessons_pkey PRIMARY KEY (id),
    CONSTRAINT lessons_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id)
);

CREATE INDEX idx_lessons_course ON lessons (course_id);
CREATE INDEX idx_lessons_order ON lessons (course_id, "order");

CREATE TABLE enrollments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    course_id uuid,
    enrolled_at timestamp DEFAULT now(),
    completed_at timestamp,
    progress integer DEFAULT 0,
    CONSTRAINT enrollments_pkey PRIMARY KEY (id),
    CONSTRAINT enrollments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT enrollments_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id)
);

CREATE INDEX idx_enrollments_user ON enrollments (user_id);
CREATE INDEX idx_enrollments_course ON enrollments (course_id);
CREATE UNIQUE INDEX idx_enrollments_unique ON enrollments (user_id, course_id);

CREATE TABLE progress (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    lesson_id uuid,
    completed boolean DEFAULT FALSE,
    completed_at timestamp,
    time_spent integer DEFAULT 0,
    CONSTRAINT progress_pkey PRIMARY KEY (id),
    CONSTRAINT progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT progress_lesson_id_fkey FOREIGN KEY (lesson_id) REFERENCES lessons (id)
);

CREATE INDEX idx_progress_user ON progress (user_id);
CREATE INDEX idx_progress_lesson ON progress (lesson_id);
CREATE UNIQUE INDEX idx_progress_unique ON progress (user_id, lesson_id);

CREATE TABLE certificates (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    certificate_id varchar(50) NOT NULL,
    user_id uuid,
    course_id uuid,
    issued_at timestamp DEFAULT now(),
    certificate_url varchar(500),
    CONSTRAINT certificates_pkey PRIMARY KEY (id),
    CONSTRAINT certificates_certificate_id_key UNIQUE (certificate_id),
    CONSTRAINT certificates_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT certificates_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id)
);

CREATE INDEX idx_certificates_user ON certificates (user_id);
CREATE INDEX idx_certificates_course ON certificates (course_id);
CREATE INDEX idx_certificates_id ON certificates (certificate_id);

CREATE TABLE payments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    course_id uuid,
    amount integer NOT NULL,
    currency varchar(3) DEFAULT 'USD',
    status payment_status NOT NULL,
    stripe_payment_id varchar(255),
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT payments_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id)
);

CREATE INDEX idx_payments_user ON payments (user_id);
CREATE INDEX idx_payments_course ON payments (course_id);
CREATE INDEX idx_payments_status ON payments (status);
CREATE INDEX idx_payments_stripe ON payments (stripe_payment_id);

CREATE TABLE notifications (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    type varchar(50) NOT NULL,
    title varchar(255) NOT NULL,
    message text NOT NULL,
    read boolean DEFAULT FALSE,
    created_at timestamp DEFAULT now(),
    CONSTRAINT notifications_pkey PRIMARY KEY (id),
    CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX idx_notifications_user ON notifications (user_id);
CREATE INDEX idx_notifications_read ON notifications (user_id, read);

CREATE TABLE reviews (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    course_id uuid,
    rating integer NOT NULL,
    comment text,
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now(),
    CONSTRAINT reviews_pkey PRIMARY KEY (id),
    CONSTRAINT reviews_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT reviews_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id),
    CONSTRAINT reviews_rating_check CHECK (rating BETWEEN 1 AND 5)
);

CREATE INDEX idx_reviews_user ON reviews (user_id);
CREATE INDEX idx_reviews_course ON reviews (course_id);
CREATE UNIQUE INDEX idx_reviews_unique ON reviews (user_id, course_id);

CREATE TABLE assignments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    course_id uuid,
    title varchar(255) NOT NULL,
    description text NOT NULL,
    due_date timestamp,
    max_score integer DEFAULT 100,
    created_at timestamp DEFAULT now(),
    CONSTRAINT assignments_pkey PRIMARY KEY (id),
    CONSTRAINT assignments_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id)
);

CREATE INDEX idx_assignments_course ON assignments (course_id);

CREATE TABLE submissions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    assignment_id uuid,
    user_id uuid,
    content text NOT NULL,
    file_url varchar(500),
    score integer,
    feedback text,
    submitted_at timestamp DEFAULT now(),
    graded_at timestamp,
    CONSTRAINT submissions_pkey PRIMARY KEY (id),
    CONSTRAINT submissions_assignment_id_fkey FOREIGN KEY (assignment_id) REFERENCES assignments (id),
    CONSTRAINT submissions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX idx_submissions_assignment ON submissions (assignment_id);
CREATE INDEX idx_submissions_user ON submissions (user_id);

CREATE TABLE sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    token varchar(500) NOT NULL,
    expires_at timestamp NOT NULL,
    created_at timestamp DEFAULT now(),
    ip_address varchar(45),
    user_agent text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_token_key UNIQUE (token),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX idx_sessions_user ON sessions (user_id);
CREATE INDEX idx_sessions_token ON sessions (token);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);
