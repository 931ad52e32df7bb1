-- What the operations keep beyond the specification. Every column is nullable
-- or has a default, so that writers which do not know it go on working.
-- squawk-ignore-file constraint-missing-not-valid
-- (columns new in this file)
SET LOCAL lock_timeout = '3s';

-- Set once the person is a tombstone, who can no longer enroll, learn, submit
-- or sign in.
ALTER TABLE users
    ADD COLUMN erased_at timestamptz;

-- Version counts the edits, for optimistic updates.
ALTER TABLE courses
    ADD COLUMN currency varchar(3) NOT NULL DEFAULT 'USD',
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT courses_currency_check CHECK (currency ~ '^[A-Z]{3}$');

ALTER TABLE lessons
    ADD COLUMN version integer NOT NULL DEFAULT 1;

-- What gave access: free and payment are written by the library, unknown by
-- writers that do not know the column, any other word names a grant of trusted
-- code, whose reference says which. A refund takes back only what payment or
-- unknown gave.
ALTER TABLE enrollments
    ADD COLUMN source text NOT NULL DEFAULT 'unknown',
    ADD COLUMN reference text,
    ADD CONSTRAINT enrollments_source_check CHECK (source ~ '^[a-z][a-z0-9_]{0,31}$');

-- Where the learner stopped in the lesson, in seconds.
ALTER TABLE progress
    ADD COLUMN position integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT progress_position_check CHECK (position >= 0);

-- A revoked certificate stays, so that its public id answers revoked and not
-- unknown. Names are those of the day it was issued.
ALTER TABLE certificates
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN holder_name varchar(255),
    ADD COLUMN course_title varchar(255);

UPDATE certificates AS x
SET holder_name = u.name,
    course_title = c.title
FROM users AS u
CROSS JOIN courses AS c
WHERE u.id = x.user_id AND c.id = x.course_id;

-- One valid certificate per learner and course. Partial, so it cannot also
-- cover the foreign key: idx_certificates_user does.
CREATE UNIQUE INDEX certificates_user_id_course_id_key ON certificates (user_id, course_id)
WHERE revoked_at IS NULL;

-- Refunded so far, in minor units: a partial refund leaves the payment succeeded.
ALTER TABLE payments
    ADD COLUMN refunded_amount integer NOT NULL DEFAULT 0;

UPDATE payments
SET refunded_amount = amount
WHERE status = 'refunded';

ALTER TABLE payments
    ADD CONSTRAINT payments_refunded_amount_check CHECK (refunded_amount BETWEEN 0 AND amount);

-- Every attempt is kept; all but the latest are superseded.
ALTER TABLE submissions
    ADD COLUMN superseded_at timestamptz;

CREATE UNIQUE INDEX submissions_assignment_id_user_id_key ON submissions (assignment_id, user_id)
WHERE superseded_at IS NULL;

-- A session that was ended is listed until it is purged.
ALTER TABLE sessions
    ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN revoked_at timestamptz;

-- Every event of a payment provider that named a payment of ours, with what
-- became of it. The primary key makes a redelivery harmless.
CREATE TABLE payment_events (
    provider text NOT NULL,
    event_id text NOT NULL,
    payment_id uuid NOT NULL,
    kind payment_status NOT NULL,
    amount integer NOT NULL,
    currency varchar(3) NOT NULL,
    refunded_amount integer NOT NULL DEFAULT 0,
    outcome text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_events_pkey PRIMARY KEY (provider, event_id),
    CONSTRAINT payment_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT payment_events_amount_check CHECK (amount >= 0),
    CONSTRAINT payment_events_refunded_amount_check CHECK (refunded_amount >= 0),
    CONSTRAINT payment_events_outcome_check CHECK (outcome IN ('applied', 'ignored', 'quarantined'))
);

CREATE INDEX payment_events_payment_id_idx ON payment_events (payment_id, received_at);

-- Room for HOT updates. They last only while no index mentions progress,
-- lessons_completed, lessons_total or last_seen_at.
ALTER TABLE users SET (fillfactor = 90);
ALTER TABLE enrollments SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE sessions SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE notifications SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE progress SET (
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);
