-- The tables at the newest version, as the catalog has them. Regenerate with
-- go test ./schema -run TestHeadIsGolden -update

-- types

CREATE TYPE course_level AS ENUM ('beginner', 'intermediate', 'advanced');

CREATE TYPE payment_status AS ENUM ('pending', 'succeeded', 'failed', 'refunded');

CREATE TYPE user_role AS ENUM ('user', 'instructor', 'admin');

-- tables

CREATE TABLE announcements (
    course_id uuid NOT NULL,
    key character varying(255) COLLATE "C" NOT NULL,
    title character varying(255) NOT NULL,
    message text NOT NULL,
    recipients integer NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE assignments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    course_id uuid NOT NULL,
    title character varying(255) NOT NULL,
    description text NOT NULL,
    due_date timestamp with time zone,
    max_score integer NOT NULL DEFAULT 100,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    allow_late boolean NOT NULL DEFAULT false,
    late_penalty integer NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    updated_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE attempts (
    purpose text NOT NULL,
    email_hash bytea NOT NULL,
    failures integer NOT NULL,
    last_at timestamp with time zone NOT NULL
);

CREATE TABLE certificates (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    certificate_id character varying(50) COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    course_id uuid NOT NULL,
    issued_at timestamp with time zone NOT NULL DEFAULT now(),
    certificate_url character varying(500),
    revoked_at timestamp with time zone,
    holder_name character varying(255),
    course_title character varying(255)
);

CREATE TABLE course_stats (
    course_id uuid NOT NULL,
    rating_count integer NOT NULL DEFAULT 0,
    rating_sum bigint NOT NULL DEFAULT 0,
    rating numeric(3,2) GENERATED ALWAYS AS 
CASE
    WHEN rating_count > 0 THEN LEAST(5::numeric, round(rating_sum::numeric / rating_count::numeric, 2))
    ELSE NULL::numeric
END
) WITH (fillfactor=85);

CREATE TABLE courses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    title character varying(255) NOT NULL,
    slug character varying(255) COLLATE "C" NOT NULL,
    description text NOT NULL,
    instructor_id uuid NOT NULL,
    category character varying(100) NOT NULL,
    level course_level NOT NULL,
    price integer NOT NULL,
    thumbnail_url character varying(500),
    duration integer,
    published boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    currency character varying(3) NOT NULL DEFAULT 'USD'::character varying,
    version integer NOT NULL DEFAULT 1,
    lessons_total integer NOT NULL DEFAULT 0,
    language text NOT NULL DEFAULT 'english'::text,
    free boolean NOT NULL GENERATED ALWAYS AS price = 0,
    search tsvector NOT NULL GENERATED ALWAYS AS search_document(language, title::text, description)
);

CREATE TABLE enrollments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    course_id uuid NOT NULL,
    enrolled_at timestamp with time zone NOT NULL DEFAULT now(),
    completed_at timestamp with time zone,
    progress integer NOT NULL DEFAULT 0,
    source text NOT NULL DEFAULT 'unknown'::text,
    reference text,
    lessons_total integer NOT NULL DEFAULT 0,
    lessons_completed integer NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor=0.02, fillfactor=85);

CREATE TABLE events (
    clock bigint NOT NULL DEFAULT GREATEST(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1),
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL DEFAULT now(),
    era integer NOT NULL DEFAULT event_era(),
    type text NOT NULL,
    user_id uuid,
    course_id uuid,
    subject_id uuid NOT NULL
) WITH (autovacuum_analyze_scale_factor=0.02, autovacuum_vacuum_insert_scale_factor=0.05);

CREATE TABLE grades (
    submission_id uuid NOT NULL,
    nth integer NOT NULL,
    raw_score integer,
    score integer,
    feedback text,
    graded_at timestamp with time zone NOT NULL,
    graded_by uuid
);

CREATE TABLE identities (
    provider text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    linked_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE lessons (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    course_id uuid NOT NULL,
    title character varying(255) NOT NULL,
    description text,
    content text,
    video_url character varying(500),
    duration integer,
    "order" integer NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1
);

CREATE UNLOGGED TABLE listeners (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    expires_at timestamp with time zone NOT NULL
) WITH (fillfactor=50);

CREATE TABLE notifications (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    type character varying(50) NOT NULL,
    title character varying(255) NOT NULL,
    message text NOT NULL,
    read boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    txid xid8 DEFAULT pg_current_xact_id()
) WITH (autovacuum_vacuum_scale_factor=0.02);

CREATE TABLE payment_events (
    provider text NOT NULL,
    event_id text NOT NULL,
    payment_id uuid NOT NULL,
    kind payment_status NOT NULL,
    amount integer NOT NULL,
    currency character varying(3) NOT NULL,
    refunded_amount integer NOT NULL DEFAULT 0,
    outcome text NOT NULL,
    received_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE payments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    course_id uuid NOT NULL,
    amount integer NOT NULL,
    currency character varying(3) NOT NULL DEFAULT 'USD'::character varying,
    status payment_status NOT NULL,
    stripe_payment_id character varying(255),
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    refunded_amount integer NOT NULL DEFAULT 0,
    idempotency_key character varying(255) COLLATE "C"
);

CREATE TABLE progress (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    completed boolean NOT NULL DEFAULT false,
    completed_at timestamp with time zone,
    time_spent integer NOT NULL DEFAULT 0,
    "position" integer NOT NULL DEFAULT 0
) WITH (autovacuum_analyze_scale_factor=0.02, autovacuum_vacuum_insert_scale_factor=0.05);

CREATE TABLE reviews (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    course_id uuid NOT NULL,
    rating integer NOT NULL,
    comment text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    token character varying(500) COLLATE "C" NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    ip_address character varying(45),
    user_agent text,
    last_seen_at timestamp with time zone NOT NULL DEFAULT now(),
    revoked_at timestamp with time zone
) WITH (autovacuum_vacuum_scale_factor=0.02, fillfactor=85);

CREATE TABLE submissions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    assignment_id uuid NOT NULL,
    user_id uuid NOT NULL,
    content text NOT NULL,
    file_url character varying(500),
    score integer,
    feedback text,
    submitted_at timestamp with time zone NOT NULL DEFAULT now(),
    graded_at timestamp with time zone,
    superseded_at timestamp with time zone,
    attempt integer NOT NULL DEFAULT 1,
    late boolean NOT NULL DEFAULT false,
    late_penalty integer NOT NULL DEFAULT 0,
    raw_score integer
);

CREATE TABLE user_tokens (
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    token_hash bytea NOT NULL,
    email character varying(255) NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email character varying(255) NOT NULL,
    password_hash character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    bio text,
    avatar_url character varying(500),
    role user_role NOT NULL DEFAULT 'user'::user_role,
    email_verified boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    last_login timestamp with time zone,
    erased_at timestamp with time zone,
    disabled_at timestamp with time zone
) WITH (fillfactor=90);

-- other relations

CREATE RELATION events_id_seq; -- S

-- constraints

ALTER TABLE announcements ADD CONSTRAINT announcements_recipients_check
    CHECK (recipients >= 0);

ALTER TABLE announcements ADD CONSTRAINT announcements_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id) ON DELETE CASCADE;

ALTER TABLE announcements ADD CONSTRAINT announcements_pkey
    PRIMARY KEY (course_id, key);

ALTER TABLE assignments ADD CONSTRAINT assignments_late_penalty_check
    CHECK (late_penalty >= 0 AND late_penalty <= 100);

ALTER TABLE assignments ADD CONSTRAINT assignments_max_score_check
    CHECK (max_score > 0);

ALTER TABLE assignments ADD CONSTRAINT assignments_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id) ON DELETE CASCADE;

ALTER TABLE assignments ADD CONSTRAINT assignments_pkey
    PRIMARY KEY (id);

ALTER TABLE attempts ADD CONSTRAINT attempts_purpose_check
    CHECK (purpose = ANY (ARRAY['sign_in'::text, 'reset_password'::text, 'send_mail'::text]));

ALTER TABLE attempts ADD CONSTRAINT attempts_pkey
    PRIMARY KEY (purpose, email_hash);

ALTER TABLE certificates ADD CONSTRAINT certificates_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id);

ALTER TABLE certificates ADD CONSTRAINT certificates_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE certificates ADD CONSTRAINT certificates_pkey
    PRIMARY KEY (id);

ALTER TABLE certificates ADD CONSTRAINT idx_certificates_id
    UNIQUE (certificate_id);

ALTER TABLE course_stats ADD CONSTRAINT course_stats_rating_count_check
    CHECK (rating_count >= 0);

ALTER TABLE course_stats ADD CONSTRAINT course_stats_rating_sum_check
    CHECK (rating_sum >= 0);

ALTER TABLE course_stats ADD CONSTRAINT course_stats_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id) ON DELETE CASCADE;

ALTER TABLE course_stats ADD CONSTRAINT course_stats_pkey
    PRIMARY KEY (course_id);

ALTER TABLE courses ADD CONSTRAINT courses_currency_check
    CHECK (currency::text ~ '^[A-Z]{3}$'::text);

ALTER TABLE courses ADD CONSTRAINT courses_duration_check
    CHECK (duration >= 0);

ALTER TABLE courses ADD CONSTRAINT courses_language_check
    CHECK (language = ANY (ARRAY['arabic'::text, 'armenian'::text, 'basque'::text, 'catalan'::text, 'danish'::text, 'dutch'::text, 'english'::text, 'finnish'::text, 'french'::text, 'german'::text, 'greek'::text, 'hindi'::text, 'hungarian'::text, 'indonesian'::text, 'irish'::text, 'italian'::text, 'lithuanian'::text, 'nepali'::text, 'norwegian'::text, 'portuguese'::text, 'romanian'::text, 'russian'::text, 'serbian'::text, 'simple'::text, 'spanish'::text, 'swedish'::text, 'tamil'::text, 'turkish'::text, 'yiddish'::text]));

ALTER TABLE courses ADD CONSTRAINT courses_lessons_total_check
    CHECK (lessons_total >= 0);

ALTER TABLE courses ADD CONSTRAINT courses_price_check
    CHECK (price >= 0);

ALTER TABLE courses ADD CONSTRAINT courses_instructor_id_fkey
    FOREIGN KEY (instructor_id) REFERENCES users(id);

ALTER TABLE courses ADD CONSTRAINT courses_pkey
    PRIMARY KEY (id);

ALTER TABLE courses ADD CONSTRAINT idx_courses_slug
    UNIQUE (slug);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_lessons_completed_check
    CHECK (lessons_completed >= 0);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_lessons_total_check
    CHECK (lessons_total >= 0);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_progress_check
    CHECK (progress >= 0 AND progress <= 100);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_source_check
    CHECK (source ~ '^[a-z][a-z0-9_]{0,31}$'::text);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE enrollments ADD CONSTRAINT enrollments_pkey
    PRIMARY KEY (id);

ALTER TABLE events ADD CONSTRAINT events_pkey
    PRIMARY KEY (era, clock, id);

ALTER TABLE grades ADD CONSTRAINT grades_submission_id_fkey
    FOREIGN KEY (submission_id) REFERENCES submissions(id) ON DELETE CASCADE;

ALTER TABLE grades ADD CONSTRAINT grades_pkey
    PRIMARY KEY (submission_id, nth);

ALTER TABLE identities ADD CONSTRAINT identities_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE identities ADD CONSTRAINT identities_pkey
    PRIMARY KEY (provider, subject);

ALTER TABLE lessons ADD CONSTRAINT lessons_duration_check
    CHECK (duration >= 0);

ALTER TABLE lessons ADD CONSTRAINT lessons_order_check
    CHECK ("order" >= 1);

ALTER TABLE lessons ADD CONSTRAINT lessons_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id) ON DELETE CASCADE;

ALTER TABLE lessons ADD CONSTRAINT lessons_pkey
    PRIMARY KEY (id);

ALTER TABLE lessons ADD CONSTRAINT idx_lessons_order
    EXCLUDE USING btree (course_id WITH =, "order" WITH =) DEFERRABLE;

ALTER TABLE listeners ADD CONSTRAINT listeners_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE listeners ADD CONSTRAINT listeners_pkey
    PRIMARY KEY (user_id, id);

ALTER TABLE notifications ADD CONSTRAINT notifications_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE notifications ADD CONSTRAINT notifications_pkey
    PRIMARY KEY (id);

ALTER TABLE payment_events ADD CONSTRAINT payment_events_amount_check
    CHECK (amount >= 0);

ALTER TABLE payment_events ADD CONSTRAINT payment_events_outcome_check
    CHECK (outcome = ANY (ARRAY['applied'::text, 'ignored'::text, 'quarantined'::text]));

ALTER TABLE payment_events ADD CONSTRAINT payment_events_refunded_amount_check
    CHECK (refunded_amount >= 0);

ALTER TABLE payment_events ADD CONSTRAINT payment_events_payment_id_fkey
    FOREIGN KEY (payment_id) REFERENCES payments(id);

ALTER TABLE payment_events ADD CONSTRAINT payment_events_pkey
    PRIMARY KEY (provider, event_id);

ALTER TABLE payments ADD CONSTRAINT payments_amount_check
    CHECK (amount >= 0);

ALTER TABLE payments ADD CONSTRAINT payments_currency_check
    CHECK (currency::text ~ '^[A-Z]{3}$'::text);

ALTER TABLE payments ADD CONSTRAINT payments_refunded_amount_check
    CHECK (refunded_amount >= 0 AND refunded_amount <= amount);

ALTER TABLE payments ADD CONSTRAINT payments_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id);

ALTER TABLE payments ADD CONSTRAINT payments_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE payments ADD CONSTRAINT payments_pkey
    PRIMARY KEY (id);

ALTER TABLE progress ADD CONSTRAINT progress_position_check
    CHECK ("position" >= 0);

ALTER TABLE progress ADD CONSTRAINT progress_time_spent_check
    CHECK (time_spent >= 0);

ALTER TABLE progress ADD CONSTRAINT progress_lesson_id_fkey
    FOREIGN KEY (lesson_id) REFERENCES lessons(id) ON DELETE CASCADE;

ALTER TABLE progress ADD CONSTRAINT progress_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE progress ADD CONSTRAINT progress_pkey
    PRIMARY KEY (id);

ALTER TABLE reviews ADD CONSTRAINT reviews_rating_check
    CHECK (rating >= 1 AND rating <= 5);

ALTER TABLE reviews ADD CONSTRAINT reviews_course_id_fkey
    FOREIGN KEY (course_id) REFERENCES courses(id) ON DELETE CASCADE;

ALTER TABLE reviews ADD CONSTRAINT reviews_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE reviews ADD CONSTRAINT reviews_pkey
    PRIMARY KEY (id);

ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE sessions ADD CONSTRAINT sessions_pkey
    PRIMARY KEY (id);

ALTER TABLE sessions ADD CONSTRAINT idx_sessions_token
    UNIQUE (token);

ALTER TABLE submissions ADD CONSTRAINT submissions_attempt_check
    CHECK (attempt >= 1);

ALTER TABLE submissions ADD CONSTRAINT submissions_late_penalty_check
    CHECK (late_penalty >= 0 AND late_penalty <= 100);

ALTER TABLE submissions ADD CONSTRAINT submissions_raw_score_check
    CHECK (raw_score >= 0);

ALTER TABLE submissions ADD CONSTRAINT submissions_score_check
    CHECK (score >= 0);

ALTER TABLE submissions ADD CONSTRAINT submissions_assignment_id_fkey
    FOREIGN KEY (assignment_id) REFERENCES assignments(id);

ALTER TABLE submissions ADD CONSTRAINT submissions_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE submissions ADD CONSTRAINT submissions_pkey
    PRIMARY KEY (id);

ALTER TABLE user_tokens ADD CONSTRAINT user_tokens_purpose_check
    CHECK (purpose = ANY (ARRAY['reset_password'::text, 'verify_email'::text, 'change_email'::text]));

ALTER TABLE user_tokens ADD CONSTRAINT user_tokens_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE user_tokens ADD CONSTRAINT user_tokens_pkey
    PRIMARY KEY (user_id, purpose);

ALTER TABLE user_tokens ADD CONSTRAINT user_tokens_token_hash_key
    UNIQUE (token_hash);

ALTER TABLE users ADD CONSTRAINT users_pkey
    PRIMARY KEY (id);

ALTER TABLE users ADD CONSTRAINT idx_users_email
    UNIQUE (email);

-- indexes

CREATE INDEX idx_assignments_course ON assignments USING btree (course_id);

CREATE INDEX attempts_last_at_idx ON attempts USING btree (last_at);

CREATE UNIQUE INDEX certificates_user_id_course_id_key ON certificates USING btree (user_id, course_id) WHERE revoked_at IS NULL;

CREATE INDEX idx_certificates_course ON certificates USING btree (course_id);

CREATE INDEX idx_certificates_user ON certificates USING btree (user_id, issued_at DESC, id DESC);

CREATE INDEX courses_level_idx ON courses USING btree (level, free, created_at DESC, id DESC) WHERE published;

CREATE INDEX courses_search_idx ON courses USING gin (search);

CREATE INDEX idx_courses_category ON courses USING btree (category, level, free, created_at DESC, id DESC) INCLUDE (instructor_id) WHERE published;

CREATE INDEX idx_courses_instructor ON courses USING btree (instructor_id);

CREATE INDEX idx_courses_published ON courses USING btree (published, created_at DESC, id DESC);

CREATE INDEX idx_enrollments_course ON enrollments USING btree (course_id, enrolled_at DESC, id DESC);

CREATE UNIQUE INDEX idx_enrollments_unique ON enrollments USING btree (user_id, course_id);

CREATE INDEX idx_enrollments_user ON enrollments USING btree (user_id, enrolled_at DESC, id DESC);

CREATE INDEX identities_user_id_idx ON identities USING btree (user_id, provider, subject);

CREATE INDEX idx_lessons_course ON lessons USING btree (course_id);

CREATE INDEX idx_notifications_read ON notifications USING btree (user_id, read, created_at DESC, id DESC) WHERE NOT read;

CREATE INDEX idx_notifications_user ON notifications USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX payment_events_payment_id_idx ON payment_events USING btree (payment_id, received_at);

CREATE INDEX payment_events_received_at_idx ON payment_events USING btree (received_at) WHERE outcome = 'applied'::text;

CREATE INDEX idx_payments_course ON payments USING btree (course_id);

CREATE INDEX idx_payments_status ON payments USING btree (status, created_at) WHERE status = 'pending'::payment_status;

CREATE UNIQUE INDEX idx_payments_stripe ON payments USING btree (stripe_payment_id);

CREATE INDEX idx_payments_user ON payments USING btree (user_id, course_id);

CREATE INDEX payments_created_at_idx ON payments USING btree (created_at) WHERE status = ANY (ARRAY['succeeded'::payment_status, 'refunded'::payment_status]);

CREATE INDEX payments_updated_at_idx ON payments USING btree (updated_at) WHERE refunded_amount > 0 OR status = 'refunded'::payment_status;

CREATE UNIQUE INDEX payments_user_id_idempotency_key_key ON payments USING btree (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX idx_progress_lesson ON progress USING btree (lesson_id);

CREATE UNIQUE INDEX idx_progress_unique ON progress USING btree (user_id, lesson_id);

CREATE INDEX idx_progress_user ON progress USING btree (user_id) WHERE NOT completed;

CREATE INDEX idx_reviews_course ON reviews USING btree (course_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX idx_reviews_unique ON reviews USING btree (user_id, course_id);

CREATE INDEX idx_reviews_user ON reviews USING btree (user_id) WHERE comment IS NOT NULL;

CREATE INDEX idx_sessions_expires ON sessions USING btree (expires_at);

CREATE INDEX idx_sessions_user ON sessions USING btree (user_id);

CREATE INDEX idx_submissions_assignment ON submissions USING btree (assignment_id, submitted_at, id);

CREATE INDEX idx_submissions_user ON submissions USING btree (user_id, submitted_at DESC, id DESC, assignment_id);

CREATE UNIQUE INDEX submissions_assignment_id_user_id_key ON submissions USING btree (assignment_id, user_id) WHERE superseded_at IS NULL;

CREATE INDEX submissions_ungraded_idx ON submissions USING btree (assignment_id, submitted_at, id) WHERE superseded_at IS NULL AND graded_at IS NULL;

CREATE INDEX idx_users_role ON users USING btree (role, id) WHERE role <> 'user'::user_role;

CREATE UNIQUE INDEX users_email_lower_key ON users USING btree (lower(email::text COLLATE "C"));

-- functions

CREATE OR REPLACE FUNCTION attempts_wait(beyond integer)
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (beyond < 0) THEN '00:00:00'::interval WHEN (beyond < 10) THEN ('00:00:01'::interval * ((1 << beyond))::double precision) ELSE '00:15:00'::interval END;

CREATE OR REPLACE FUNCTION can_teach(course uuid, instructor uuid, teacher uuid)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((teacher IS NULL) OR ((course IS NOT NULL) AND (instructor = teacher)));

CREATE OR REPLACE FUNCTION certificates_name()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    SELECT coalesce(NEW.holder_name, u.name)
    INTO NEW.holder_name
    FROM users AS u
    WHERE u.id = NEW.user_id;

    SELECT coalesce(NEW.course_title, c.title)
    INTO NEW.course_title
    FROM courses AS c
    WHERE c.id = NEW.course_id;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION course_open(course uuid, instructor uuid, published boolean)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN course_visible(course, instructor, published, '00000000-0000-0000-0000-000000000000'::uuid);

CREATE OR REPLACE FUNCTION course_visible(course uuid, instructor uuid, published boolean, teacher uuid)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (published OR can_teach(course, instructor, teacher));

CREATE OR REPLACE FUNCTION enrollments_count()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    WITH counted AS MATERIALIZED (
        SELECT
            n.id,
            n.lessons_total AS written_total,
            n.lessons_completed AS written_done,
            c.lessons_total AS total,
            (
                SELECT count(*)::integer
                FROM progress AS p
                WHERE p.user_id = n.user_id
                    AND p.completed
                    AND n.course_id = (
                        SELECT l.course_id
                        FROM lessons AS l
                        WHERE l.id = p.lesson_id
                    )
            ) AS done
        FROM new_rows AS n
        JOIN courses AS c ON c.id = n.course_id
        WHERE n.completed_at IS NULL
    )
    UPDATE enrollments AS e
    SET lessons_total = x.total,
        lessons_completed = x.done,
        progress = progress_percent(x.done, x.total),
        completed_at = CASE WHEN x.total > 0 AND x.done >= x.total THEN now() END
    FROM counted AS x
    WHERE e.id = x.id
        AND (
            (x.written_total, x.written_done) IS DISTINCT FROM (x.total, x.done)
            OR (x.total > 0 AND x.done >= x.total)
        );
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION event_era()
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN 0;

CREATE OR REPLACE FUNCTION event_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'DELETE' THEN
        NEW := OLD;
    END IF;
    CASE TG_ARGV[1]
        WHEN 'own' THEN
            INSERT INTO events (type, user_id, course_id, subject_id)
            VALUES (TG_ARGV[0], NEW.user_id, NEW.course_id, NEW.id);
        WHEN 'lesson' THEN
            INSERT INTO events (type, user_id, course_id, subject_id)
            SELECT TG_ARGV[0], NEW.user_id, l.course_id, l.id
            FROM lessons AS l
            WHERE l.id = NEW.lesson_id;
        WHEN 'course of learner' THEN
            INSERT INTO events (type, user_id, course_id, subject_id)
            VALUES (TG_ARGV[0], NEW.user_id, NEW.course_id, NEW.course_id);
        WHEN 'user' THEN
            INSERT INTO events (type, user_id, subject_id)
            VALUES (TG_ARGV[0], NEW.id, NEW.id);
        WHEN 'course' THEN
            INSERT INTO events (type, course_id, subject_id)
            VALUES (TG_ARGV[0], NEW.id, NEW.id);
        WHEN 'assignment' THEN
            INSERT INTO events (type, user_id, course_id, subject_id)
            SELECT TG_ARGV[0], NEW.user_id, a.course_id, NEW.id
            FROM assignments AS a
            WHERE a.id = NEW.assignment_id;
        WHEN 'payment' THEN
            INSERT INTO events (type, user_id, course_id, subject_id)
            SELECT TG_ARGV[0], x.user_id, x.course_id, x.id
            FROM payments AS x
            WHERE x.id = NEW.payment_id;
    END CASE;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION keys_freeze()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'the parents of a row cannot be changed'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_ARGV[0];
END
$function$;

CREATE OR REPLACE FUNCTION late_score(score integer, penalty integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((((score)::bigint * (100 - penalty)) / 100))::integer;

CREATE OR REPLACE FUNCTION lessons_count()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT n.course_id, count(*)::integer AS n
        FROM new_rows AS n
        GROUP BY n.course_id
        ORDER BY n.course_id
    LOOP
        UPDATE courses AS c
        SET lessons_total = c.lessons_total + d.n
        WHERE c.id = d.course_id;

        -- By id, like every other writer of several enrollments.
        PERFORM
        FROM enrollments AS e
        WHERE e.course_id = d.course_id AND e.completed_at IS NULL
        ORDER BY e.id
        FOR NO KEY UPDATE;

        UPDATE enrollments AS e
        SET lessons_total = e.lessons_total + d.n,
            progress = progress_percent(e.lessons_completed, e.lessons_total + d.n)
        WHERE e.course_id = d.course_id AND e.completed_at IS NULL;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION lessons_guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM
        FROM courses AS c
        WHERE c.id = NEW.course_id
        FOR UPDATE;
        RETURN NEW;
    END IF;

    PERFORM
    FROM courses AS c
    WHERE c.id = OLD.course_id
    FOR UPDATE;

    PERFORM
    FROM enrollments AS e
    WHERE e.course_id = OLD.course_id AND e.completed_at IS NULL
    ORDER BY e.id
    FOR NO KEY UPDATE;

    UPDATE courses AS c
    SET lessons_total = greatest(0, c.lessons_total - 1)
    WHERE c.id = OLD.course_id;

    UPDATE enrollments AS e
    SET lessons_total = x.total,
        lessons_completed = x.done,
        progress = progress_percent(x.done, x.total),
        completed_at = CASE WHEN x.total > 0 AND x.done >= x.total THEN now() END
    FROM (
        SELECT
            o.id,
            greatest(0, o.lessons_total - 1) AS total,
            greatest(0, o.lessons_completed - count(p.id)::integer) AS done
        FROM enrollments AS o
        LEFT JOIN progress AS p ON p.user_id = o.user_id AND p.lesson_id = OLD.id AND p.completed
        WHERE o.course_id = OLD.course_id AND o.completed_at IS NULL
        GROUP BY o.id
    ) AS x
    WHERE e.id = x.id;
    RETURN OLD;
END
$function$;

CREATE OR REPLACE FUNCTION notifications_channel(listener uuid)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN ((('elevate_'::text || ('notifications'::regclass)::oid) || '_'::text) || listener);

CREATE OR REPLACE FUNCTION notifications_tell()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM new_rows) THEN
        RETURN NULL;
    END IF;

    PERFORM pg_notify(notifications_channel(l.user_id), '')
    FROM listeners AS l
    WHERE l.user_id IN (SELECT n.user_id FROM new_rows AS n)
        AND l.expires_at > statement_timestamp();
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION payment_rank(status payment_status)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE status WHEN 'pending'::payment_status THEN 0 WHEN 'failed'::payment_status THEN 1 WHEN 'succeeded'::payment_status THEN 2 WHEN 'refunded'::payment_status THEN 3 ELSE NULL::integer END;

CREATE OR REPLACE FUNCTION progress_count()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    n integer := CASE WHEN NEW.completed THEN 1 ELSE -1 END;
BEGIN
    UPDATE enrollments AS e
    SET lessons_completed = greatest(0, e.lessons_completed + n),
        progress = progress_percent(greatest(0, e.lessons_completed + n), e.lessons_total),
        completed_at = CASE WHEN n > 0 AND e.lessons_completed + n >= e.lessons_total THEN now() END
    WHERE e.user_id = NEW.user_id
        AND e.course_id = (
            SELECT l.course_id
            FROM lessons AS l
            WHERE l.id = NEW.lesson_id
        )
        AND e.completed_at IS NULL;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION progress_discount()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    UPDATE enrollments AS e
    SET lessons_completed = greatest(0, e.lessons_completed - d.n),
        progress = progress_percent(greatest(0, e.lessons_completed - d.n), e.lessons_total)
    FROM (
        SELECT o.user_id, l.course_id, count(*)::integer AS n
        FROM old_rows AS o
        JOIN lessons AS l ON l.id = o.lesson_id
        WHERE o.completed
        GROUP BY o.user_id, l.course_id
    ) AS d
    WHERE e.user_id = d.user_id AND e.course_id = d.course_id AND e.completed_at IS NULL;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION progress_percent(done integer, total integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (total > 0) THEN (LEAST((100)::bigint, ((100 * (done)::bigint) / total)))::integer ELSE 0 END;

CREATE OR REPLACE FUNCTION recount_course(course uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    wrong integer;
    more integer;
BEGIN
    PERFORM
    FROM courses AS c
    WHERE c.id = course
    FOR UPDATE;

    PERFORM
    FROM enrollments AS e
    WHERE e.course_id = course AND e.completed_at IS NULL
    ORDER BY e.id
    FOR NO KEY UPDATE;

    UPDATE courses AS c
    SET lessons_total = k.total
    FROM (
        SELECT count(*)::integer AS total
        FROM lessons AS l
        WHERE l.course_id = course
    ) AS k
    WHERE c.id = course AND c.lessons_total <> k.total;
    GET DIAGNOSTICS wrong = ROW_COUNT;

    UPDATE enrollments AS e
    SET lessons_total = x.total,
        lessons_completed = x.done,
        progress = progress_percent(x.done, x.total),
        completed_at = CASE WHEN x.total > 0 AND x.done >= x.total THEN now() END
    FROM (
        SELECT o.id, c.lessons_total AS total, coalesce(k.done, 0) AS done
        FROM enrollments AS o
        JOIN courses AS c ON c.id = o.course_id
        LEFT JOIN (
            SELECT p.user_id, count(*)::integer AS done
            FROM lessons AS l
            JOIN progress AS p ON p.lesson_id = l.id AND p.completed
            WHERE l.course_id = course
            GROUP BY p.user_id
        ) AS k ON k.user_id = o.user_id
        WHERE o.course_id = course AND o.completed_at IS NULL
    ) AS x
    WHERE e.id = x.id
        AND (
            (e.lessons_total, e.lessons_completed, e.progress)
                IS DISTINCT FROM (x.total, x.done, progress_percent(x.done, x.total))
            OR (x.total > 0 AND x.done >= x.total)
        );
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN wrong + more;
END
$function$;

CREATE OR REPLACE FUNCTION recount_ratings(course uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    wrong integer;
BEGIN
    PERFORM
    FROM courses AS c
    WHERE c.id = course
    FOR UPDATE;

    PERFORM
    FROM reviews AS r
    WHERE r.course_id = course
    ORDER BY r.id
    FOR NO KEY UPDATE;

    PERFORM
    FROM course_stats AS s
    WHERE s.course_id = course
    FOR UPDATE;

    INSERT INTO course_stats AS s (course_id, rating_count, rating_sum)
    SELECT c.id, x.n, x.stars
    FROM courses AS c
    CROSS JOIN LATERAL (
        SELECT count(*)::integer AS n, coalesce(sum(r.rating), 0) AS stars
        FROM reviews AS r
        WHERE r.course_id = c.id
    ) AS x
    LEFT JOIN course_stats AS o ON o.course_id = c.id
    WHERE c.id = course
        AND (coalesce(o.rating_count, 0), coalesce(o.rating_sum, 0)) IS DISTINCT FROM (x.n, x.stars)
    ON CONFLICT (course_id) DO UPDATE
    SET rating_count = excluded.rating_count,
        rating_sum = excluded.rating_sum;
    GET DIAGNOSTICS wrong = ROW_COUNT;
    RETURN wrong;
END
$function$;

CREATE OR REPLACE FUNCTION reviews_count()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO course_stats AS s (course_id, rating_count, rating_sum)
    SELECT n.course_id, count(*)::integer, sum(n.rating)
    FROM new_rows AS n
    GROUP BY n.course_id
    ORDER BY n.course_id
    ON CONFLICT (course_id) DO UPDATE
    SET rating_count = s.rating_count + excluded.rating_count,
        rating_sum = s.rating_sum + excluded.rating_sum;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION reviews_discount()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT o.course_id, count(*)::integer AS n, sum(o.rating) AS stars
        FROM old_rows AS o
        GROUP BY o.course_id
        ORDER BY o.course_id
    LOOP
        UPDATE course_stats AS s
        SET rating_count = greatest(0, s.rating_count - d.n),
            rating_sum = greatest(0, s.rating_sum - d.stars)
        WHERE s.course_id = d.course_id;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION reviews_recount()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT x.course_id, sum(x.n)::integer AS n, sum(x.n * x.rating) AS stars
        FROM (
            SELECT o.course_id, o.rating, -1 AS n
            FROM old_rows AS o
            UNION ALL
            SELECT r.course_id, r.rating, 1 AS n
            FROM new_rows AS r
        ) AS x
        GROUP BY x.course_id
        HAVING sum(x.n) <> 0 OR sum(x.n * x.rating) <> 0
        ORDER BY x.course_id
    LOOP
        IF d.n > 0 THEN
            INSERT INTO course_stats (course_id)
            VALUES (d.course_id)
            ON CONFLICT DO NOTHING;
        END IF;

        UPDATE course_stats AS s
        SET rating_count = greatest(0, s.rating_count + d.n),
            rating_sum = greatest(0, s.rating_sum + d.stars)
        WHERE s.course_id = d.course_id;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION search_config(language text)
 RETURNS regconfig
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE language WHEN 'arabic'::text THEN 'arabic'::regconfig WHEN 'armenian'::text THEN 'armenian'::regconfig WHEN 'basque'::text THEN 'basque'::regconfig WHEN 'catalan'::text THEN 'catalan'::regconfig WHEN 'danish'::text THEN 'danish'::regconfig WHEN 'dutch'::text THEN 'dutch'::regconfig WHEN 'english'::text THEN 'english'::regconfig WHEN 'finnish'::text THEN 'finnish'::regconfig WHEN 'french'::text THEN 'french'::regconfig WHEN 'german'::text THEN 'german'::regconfig WHEN 'greek'::text THEN 'greek'::regconfig WHEN 'hindi'::text THEN 'hindi'::regconfig WHEN 'hungarian'::text THEN 'hungarian'::regconfig WHEN 'indonesian'::text THEN 'indonesian'::regconfig WHEN 'irish'::text THEN 'irish'::regconfig WHEN 'italian'::text THEN 'italian'::regconfig WHEN 'lithuanian'::text THEN 'lithuanian'::regconfig WHEN 'nepali'::text THEN 'nepali'::regconfig WHEN 'norwegian'::text THEN 'norwegian'::regconfig WHEN 'portuguese'::text THEN 'portuguese'::regconfig WHEN 'romanian'::text THEN 'romanian'::regconfig WHEN 'russian'::text THEN 'russian'::regconfig WHEN 'serbian'::text THEN 'serbian'::regconfig WHEN 'spanish'::text THEN 'spanish'::regconfig WHEN 'swedish'::text THEN 'swedish'::regconfig WHEN 'tamil'::text THEN 'tamil'::regconfig WHEN 'turkish'::text THEN 'turkish'::regconfig WHEN 'yiddish'::text THEN 'yiddish'::regconfig ELSE 'simple'::regconfig END;

CREATE OR REPLACE FUNCTION search_document(language text, title text, description text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (setweight(to_tsvector(search_config(language), search_text(title)), 'A'::"char") || setweight(to_tsvector(search_config(language), search_text("left"(description, 50000))), 'D'::"char"));

CREATE OR REPLACE FUNCTION search_text(text text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(NORMALIZE(text, NFC), ((((('[\u0001-/:-@\[-`{-\u00A9\u00AB-\u00AC\u00AE-\u00B1\u00B4\u00B6-\u00B8'::text || '\u00BB\u00BF\u00D7\u00F7\u055A-\u055F\u0589-\u058A\u05BE\u05C0\u05C3'::text) || '\u05F3-\u05F4\u060C-\u060D\u061B\u061D-\u061F\u066A-\u066D\u06D4'::text) || '\u0964-\u0965\u1680\u2000-\u200A\u2010-\u2029\u202F-\u205F\u20A0-\u20CF'::text) || '\u2122\u2190-\u245F\u2500-\u2BFF\u3000-\u3004\u3008-\u3020\u30FB'::text) || '\uFE30-\uFE4F\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text), ' '::text, 'g'::text);

CREATE OR REPLACE FUNCTION submissions_fill_raw_score()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    NEW.raw_score := NEW.score;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION submissions_keep_grade()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO grades (submission_id, nth, raw_score, score, feedback, graded_at, graded_by)
    SELECT
        NEW.id,
        1 + coalesce(max(g.nth), 0),
        NEW.raw_score,
        NEW.score,
        NEW.feedback,
        NEW.graded_at,
        substring(
            current_setting('elevate.actor', TRUE)
            FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        )::uuid
    FROM grades AS g
    WHERE g.submission_id = NEW.id;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION version_move()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END
$function$;

-- triggers

CREATE TRIGGER assignments_move_version_trg BEFORE UPDATE ON assignments FOR EACH ROW WHEN (old.title::text IS DISTINCT FROM new.title::text OR old.description IS DISTINCT FROM new.description OR old.due_date IS DISTINCT FROM new.due_date OR old.max_score IS DISTINCT FROM new.max_score OR old.allow_late IS DISTINCT FROM new.allow_late OR old.late_penalty IS DISTINCT FROM new.late_penalty) EXECUTE FUNCTION version_move();

CREATE TRIGGER certificates_issue_trg AFTER INSERT ON certificates FOR EACH ROW EXECUTE FUNCTION event_record('certificate.issued', 'own');

CREATE TRIGGER certificates_name_trg BEFORE INSERT ON certificates FOR EACH ROW WHEN (new.holder_name IS NULL OR new.course_title IS NULL) EXECUTE FUNCTION certificates_name();

CREATE TRIGGER certificates_reinstate_trg AFTER UPDATE ON certificates FOR EACH ROW WHEN (new.revoked_at IS NULL AND old.revoked_at IS NOT NULL) EXECUTE FUNCTION event_record('certificate.reinstated', 'own');

CREATE TRIGGER certificates_revoke_trg AFTER UPDATE ON certificates FOR EACH ROW WHEN (new.revoked_at IS NOT NULL AND old.revoked_at IS NULL) EXECUTE FUNCTION event_record('certificate.revoked', 'own');

CREATE TRIGGER courses_delete_trg AFTER DELETE ON courses FOR EACH ROW EXECUTE FUNCTION event_record('course.deleted', 'course');

CREATE TRIGGER courses_move_version_trg BEFORE UPDATE ON courses FOR EACH ROW WHEN (old.title::text IS DISTINCT FROM new.title::text OR old.slug::text IS DISTINCT FROM new.slug::text OR old.description IS DISTINCT FROM new.description OR old.instructor_id IS DISTINCT FROM new.instructor_id OR old.category::text IS DISTINCT FROM new.category::text OR old.level IS DISTINCT FROM new.level OR old.price IS DISTINCT FROM new.price OR old.currency::text IS DISTINCT FROM new.currency::text OR old.thumbnail_url::text IS DISTINCT FROM new.thumbnail_url::text OR old.duration IS DISTINCT FROM new.duration OR old.published IS DISTINCT FROM new.published OR old.language IS DISTINCT FROM new.language) EXECUTE FUNCTION version_move();

CREATE TRIGGER courses_publish_insert_trg AFTER INSERT ON courses FOR EACH ROW WHEN (new.published) EXECUTE FUNCTION event_record('course.published', 'course');

CREATE TRIGGER courses_publish_trg AFTER UPDATE ON courses FOR EACH ROW WHEN (new.published AND NOT old.published) EXECUTE FUNCTION event_record('course.published', 'course');

CREATE TRIGGER courses_unpublish_trg AFTER UPDATE ON courses FOR EACH ROW WHEN (old.published AND NOT new.published) EXECUTE FUNCTION event_record('course.unpublished', 'course');

CREATE TRIGGER enrollments_begin_trg AFTER INSERT ON enrollments FOR EACH ROW EXECUTE FUNCTION event_record('enrollment.created', 'own');

CREATE TRIGGER enrollments_complete_insert_trg AFTER INSERT ON enrollments FOR EACH ROW WHEN (new.completed_at IS NOT NULL) EXECUTE FUNCTION event_record('course.completed', 'course of learner');

CREATE TRIGGER enrollments_complete_trg AFTER UPDATE ON enrollments FOR EACH ROW WHEN (new.completed_at IS NOT NULL AND old.completed_at IS NULL) EXECUTE FUNCTION event_record('course.completed', 'course of learner');

CREATE TRIGGER enrollments_count_trg AFTER INSERT ON enrollments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION enrollments_count();

CREATE TRIGGER enrollments_end_trg AFTER DELETE ON enrollments FOR EACH ROW EXECUTE FUNCTION event_record('enrollment.deleted', 'own');

CREATE TRIGGER enrollments_freeze_keys_trg BEFORE UPDATE ON enrollments FOR EACH ROW WHEN (new.user_id IS DISTINCT FROM old.user_id OR new.course_id IS DISTINCT FROM old.course_id) EXECUTE FUNCTION keys_freeze('enrollments_user_id_course_id_frozen');

CREATE TRIGGER lessons_count_trg AFTER INSERT ON lessons REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION lessons_count();

CREATE TRIGGER lessons_freeze_keys_trg BEFORE UPDATE ON lessons FOR EACH ROW WHEN (new.course_id IS DISTINCT FROM old.course_id) EXECUTE FUNCTION keys_freeze('lessons_course_id_frozen');

CREATE TRIGGER lessons_guard_trg BEFORE INSERT OR DELETE ON lessons FOR EACH ROW EXECUTE FUNCTION lessons_guard();

CREATE TRIGGER lessons_move_version_trg BEFORE UPDATE ON lessons FOR EACH ROW WHEN (old.title::text IS DISTINCT FROM new.title::text OR old.description IS DISTINCT FROM new.description OR old.content IS DISTINCT FROM new.content OR old.video_url::text IS DISTINCT FROM new.video_url::text OR old.duration IS DISTINCT FROM new.duration) EXECUTE FUNCTION version_move();

CREATE TRIGGER notifications_tell_trg AFTER INSERT ON notifications REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION notifications_tell();

CREATE TRIGGER payment_events_quarantine_trg AFTER INSERT ON payment_events FOR EACH ROW WHEN (new.outcome = 'quarantined'::text) EXECUTE FUNCTION event_record('payment.quarantined', 'payment');

CREATE TRIGGER payments_fail_insert_trg AFTER INSERT ON payments FOR EACH ROW WHEN (new.status = 'failed'::payment_status) EXECUTE FUNCTION event_record('payment.failed', 'own');

CREATE TRIGGER payments_fail_trg AFTER UPDATE ON payments FOR EACH ROW WHEN (new.status = 'failed'::payment_status AND old.status <> 'failed'::payment_status) EXECUTE FUNCTION event_record('payment.failed', 'own');

CREATE TRIGGER payments_pay_insert_trg AFTER INSERT ON payments FOR EACH ROW WHEN (new.status = 'succeeded'::payment_status) EXECUTE FUNCTION event_record('payment.succeeded', 'own');

CREATE TRIGGER payments_pay_trg AFTER UPDATE ON payments FOR EACH ROW WHEN (new.status = 'succeeded'::payment_status AND old.status <> 'succeeded'::payment_status) EXECUTE FUNCTION event_record('payment.succeeded', 'own');

CREATE TRIGGER payments_refund_insert_trg AFTER INSERT ON payments FOR EACH ROW WHEN (new.status = 'refunded'::payment_status OR new.refunded_amount > 0) EXECUTE FUNCTION event_record('payment.refunded', 'own');

CREATE TRIGGER payments_refund_trg AFTER UPDATE ON payments FOR EACH ROW WHEN (new.refunded_amount > old.refunded_amount OR new.status = 'refunded'::payment_status AND old.status <> 'refunded'::payment_status) EXECUTE FUNCTION event_record('payment.refunded', 'own');

CREATE TRIGGER progress_complete_insert_trg AFTER INSERT ON progress FOR EACH ROW WHEN (new.completed) EXECUTE FUNCTION event_record('lesson.completed', 'lesson');

CREATE TRIGGER progress_complete_trg AFTER UPDATE ON progress FOR EACH ROW WHEN (new.completed AND NOT old.completed) EXECUTE FUNCTION event_record('lesson.completed', 'lesson');

CREATE TRIGGER progress_count_insert_trg AFTER INSERT ON progress FOR EACH ROW WHEN (new.completed) EXECUTE FUNCTION progress_count();

CREATE TRIGGER progress_count_update_trg AFTER UPDATE ON progress FOR EACH ROW WHEN (new.completed IS DISTINCT FROM old.completed) EXECUTE FUNCTION progress_count();

CREATE TRIGGER progress_discount_trg AFTER DELETE ON progress REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION progress_discount();

CREATE TRIGGER progress_freeze_keys_trg BEFORE UPDATE ON progress FOR EACH ROW WHEN (new.user_id IS DISTINCT FROM old.user_id OR new.lesson_id IS DISTINCT FROM old.lesson_id) EXECUTE FUNCTION keys_freeze('progress_user_id_lesson_id_frozen');

CREATE TRIGGER progress_uncomplete_delete_trg AFTER DELETE ON progress FOR EACH ROW WHEN (old.completed) EXECUTE FUNCTION event_record('lesson.uncompleted', 'lesson');

CREATE TRIGGER progress_uncomplete_trg AFTER UPDATE ON progress FOR EACH ROW WHEN (old.completed AND NOT new.completed) EXECUTE FUNCTION event_record('lesson.uncompleted', 'lesson');

CREATE TRIGGER reviews_count_trg AFTER INSERT ON reviews REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reviews_count();

CREATE TRIGGER reviews_discount_trg AFTER DELETE ON reviews REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reviews_discount();

CREATE TRIGGER reviews_recount_trg AFTER UPDATE ON reviews REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reviews_recount();

CREATE TRIGGER submissions_fill_raw_score_insert_trg BEFORE INSERT ON submissions FOR EACH ROW WHEN (new.score IS NOT NULL AND new.raw_score IS NULL) EXECUTE FUNCTION submissions_fill_raw_score();

CREATE TRIGGER submissions_fill_raw_score_trg BEFORE UPDATE ON submissions FOR EACH ROW WHEN (new.score IS DISTINCT FROM old.score AND NOT new.raw_score IS DISTINCT FROM old.raw_score AND new.score IS DISTINCT FROM late_score(new.raw_score, new.late_penalty)) EXECUTE FUNCTION submissions_fill_raw_score();

CREATE TRIGGER submissions_grade_trg AFTER UPDATE ON submissions FOR EACH ROW WHEN (new.graded_at IS NOT NULL AND (old.graded_at IS NULL OR old.raw_score IS DISTINCT FROM new.raw_score OR old.score IS DISTINCT FROM new.score OR new.feedback IS DISTINCT FROM old.feedback AND (COALESCE(new.feedback, ''::text) <> ''::text OR new.graded_at <> old.graded_at))) EXECUTE FUNCTION event_record('submission.graded', 'assignment');

CREATE TRIGGER submissions_keep_grade_insert_trg AFTER INSERT ON submissions FOR EACH ROW WHEN (new.graded_at IS NOT NULL) EXECUTE FUNCTION submissions_keep_grade();

CREATE TRIGGER submissions_keep_grade_trg AFTER UPDATE ON submissions FOR EACH ROW WHEN (new.graded_at IS NOT NULL AND (old.graded_at IS DISTINCT FROM new.graded_at OR old.raw_score IS DISTINCT FROM new.raw_score OR old.score IS DISTINCT FROM new.score OR new.feedback IS DISTINCT FROM old.feedback AND COALESCE(new.feedback, ''::text) <> ''::text)) EXECUTE FUNCTION submissions_keep_grade();

CREATE TRIGGER submissions_submit_trg AFTER INSERT ON submissions FOR EACH ROW EXECUTE FUNCTION event_record('submission.submitted', 'assignment');

CREATE TRIGGER users_change_email_trg AFTER UPDATE ON users FOR EACH ROW WHEN (new.email::text IS DISTINCT FROM old.email::text AND new.erased_at IS NULL) EXECUTE FUNCTION event_record('user.email_changed', 'user');

CREATE TRIGGER users_change_role_trg AFTER UPDATE ON users FOR EACH ROW WHEN (new.role IS DISTINCT FROM old.role AND new.erased_at IS NULL) EXECUTE FUNCTION event_record('user.role_changed', 'user');

CREATE TRIGGER users_delete_trg AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION event_record('user.deleted', 'user');

CREATE TRIGGER users_disable_trg AFTER UPDATE ON users FOR EACH ROW WHEN (new.disabled_at IS NOT NULL AND old.disabled_at IS NULL AND new.erased_at IS NULL) EXECUTE FUNCTION event_record('user.disabled', 'user');

CREATE TRIGGER users_enable_trg AFTER UPDATE ON users FOR EACH ROW WHEN (new.disabled_at IS NULL AND old.disabled_at IS NOT NULL AND new.erased_at IS NULL) EXECUTE FUNCTION event_record('user.enabled', 'user');

CREATE TRIGGER users_erase_trg AFTER UPDATE ON users FOR EACH ROW WHEN (new.erased_at IS NOT NULL AND old.erased_at IS NULL) EXECUTE FUNCTION event_record('user.erased', 'user');

CREATE TRIGGER users_register_trg AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION event_record('user.registered', 'user');

CREATE TRIGGER users_verify_email_trg AFTER UPDATE ON users FOR EACH ROW WHEN (new.email_verified AND NOT old.email_verified AND new.erased_at IS NULL) EXECUTE FUNCTION event_record('user.email_verified', 'user');

