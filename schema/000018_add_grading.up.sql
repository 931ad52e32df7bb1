-- What grading needs: edits that are noticed, late work and what it costs, the
-- number of an attempt, and every grade that was ever given.
-- squawk-ignore-file constraint-missing-not-valid
-- (columns new in this file)
SET LOCAL lock_timeout = '3s';

-- Late work is refused, or taken less a percentage of the score that it is given.
ALTER TABLE assignments
    ADD COLUMN allow_late boolean NOT NULL DEFAULT FALSE,
    ADD COLUMN late_penalty integer NOT NULL DEFAULT 0,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
    ADD CONSTRAINT assignments_late_penalty_check CHECK (late_penalty BETWEEN 0 AND 100);

UPDATE assignments
SET updated_at = created_at;

CREATE TRIGGER assignments_move_version_trg
    BEFORE UPDATE ON assignments
    FOR EACH ROW
    WHEN (
        (OLD.title, OLD.description, OLD.due_date, OLD.max_score, OLD.allow_late, OLD.late_penalty)
        IS DISTINCT FROM
        (NEW.title, NEW.description, NEW.due_date, NEW.max_score, NEW.allow_late, NEW.late_penalty)
    )
    EXECUTE FUNCTION version_move();

-- Late and late_penalty are those of the moment the attempt was handed in: a later
-- edit of the assignment changes no score. Score is what counts, raw_score what
-- was given before the penalty.
ALTER TABLE submissions
    ADD COLUMN attempt integer NOT NULL DEFAULT 1,
    ADD COLUMN late boolean NOT NULL DEFAULT FALSE,
    ADD COLUMN late_penalty integer NOT NULL DEFAULT 0,
    ADD COLUMN raw_score integer,
    ADD CONSTRAINT submissions_attempt_check CHECK (attempt >= 1),
    ADD CONSTRAINT submissions_late_penalty_check CHECK (late_penalty BETWEEN 0 AND 100),
    ADD CONSTRAINT submissions_raw_score_check CHECK (raw_score >= 0);

UPDATE submissions
SET raw_score = score
WHERE score IS NOT NULL;

UPDATE submissions AS s
SET attempt = n.attempt
FROM (
    SELECT
        s.id,
        row_number() OVER (
            PARTITION BY s.assignment_id, s.user_id
            ORDER BY s.superseded_at IS NULL, s.submitted_at, s.id
        ) AS attempt
    FROM submissions AS s
) AS n
WHERE n.id = s.id AND n.attempt > 1;

-- What is left of a score after the penalty, rounded down. Without SET search_path,
-- so that it can be inlined.
CREATE FUNCTION late_score(score integer, penalty integer)
RETURNS integer
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN (score::bigint * (100 - penalty) / 100)::integer;

-- A writer that does not know raw_score gives the score that counts, and so both.
CREATE FUNCTION submissions_fill_raw_score()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    NEW.raw_score := NEW.score;
    RETURN NEW;
END
$$;

CREATE TRIGGER submissions_fill_raw_score_insert_trg
    BEFORE INSERT ON submissions
    FOR EACH ROW
    WHEN (NEW.score IS NOT NULL AND NEW.raw_score IS NULL)
    EXECUTE FUNCTION submissions_fill_raw_score();

CREATE TRIGGER submissions_fill_raw_score_trg
    BEFORE UPDATE ON submissions
    FOR EACH ROW
    WHEN (
        NEW.score IS DISTINCT FROM OLD.score
        AND NEW.raw_score IS NOT DISTINCT FROM OLD.raw_score
        AND NEW.score IS DISTINCT FROM late_score(NEW.raw_score, NEW.late_penalty)
    )
    EXECUTE FUNCTION submissions_fill_raw_score();

-- Every grade that was given, whoever gave it; the submission has the last one.
-- graded_by is the person that elevate.actor names, NULL for the host's own code
-- and for other programs. It is no foreign key: an admin of the host's may have
-- no account here.
CREATE TABLE grades (
    submission_id uuid NOT NULL,
    nth integer NOT NULL,
    raw_score integer,
    score integer,
    feedback text,
    graded_at timestamptz NOT NULL,
    graded_by uuid,
    CONSTRAINT grades_pkey PRIMARY KEY (submission_id, nth),
    CONSTRAINT grades_submission_id_fkey
        FOREIGN KEY (submission_id) REFERENCES submissions (id) ON DELETE CASCADE
);

INSERT INTO grades (submission_id, nth, raw_score, score, feedback, graded_at)
SELECT s.id, 1, s.raw_score, s.score, s.feedback, s.graded_at
FROM submissions AS s
WHERE s.graded_at IS NOT NULL;

-- The submission is locked by the write that fires this, so no other grade takes
-- the number.
CREATE FUNCTION submissions_keep_grade()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

CREATE TRIGGER submissions_keep_grade_insert_trg
    AFTER INSERT ON submissions
    FOR EACH ROW
    WHEN (NEW.graded_at IS NOT NULL)
    EXECUTE FUNCTION submissions_keep_grade();

-- Feedback that is emptied while graded_at stays is a person's erasure, and no grade.
CREATE TRIGGER submissions_keep_grade_trg
    AFTER UPDATE ON submissions
    FOR EACH ROW
    WHEN (
        NEW.graded_at IS NOT NULL
        AND (
            (OLD.graded_at, OLD.raw_score, OLD.score)
            IS DISTINCT FROM (NEW.graded_at, NEW.raw_score, NEW.score)
            OR (NEW.feedback IS DISTINCT FROM OLD.feedback AND coalesce(NEW.feedback, '') <> '')
        )
    )
    EXECUTE FUNCTION submissions_keep_grade();

-- A grade is another one also where the penalty leaves the same score of it; who
-- gives one without the feedback it had moves graded_at.
CREATE OR REPLACE TRIGGER submissions_grade_trg
    AFTER UPDATE ON submissions
    FOR EACH ROW
    WHEN (
        NEW.graded_at IS NOT NULL
        AND (
            OLD.graded_at IS NULL
            OR (OLD.raw_score, OLD.score) IS DISTINCT FROM (NEW.raw_score, NEW.score)
            OR (
                NEW.feedback IS DISTINCT FROM OLD.feedback
                AND (coalesce(NEW.feedback, '') <> '' OR NEW.graded_at <> OLD.graded_at)
            )
        )
    )
    EXECUTE FUNCTION event_record('submission.graded', 'assignment');

-- A teacher's list, and what waits in it for a grade. A partial index does not
-- cover the foreign key.
DROP INDEX idx_submissions_assignment;
CREATE INDEX idx_submissions_assignment ON submissions (assignment_id, submitted_at, id);
CREATE INDEX submissions_ungraded_idx ON submissions (assignment_id, submitted_at, id)
WHERE superseded_at IS NULL AND graded_at IS NULL;

-- A learner's attempts, at all assignments and at one: the others are passed over
-- within the index.
DROP INDEX idx_submissions_user;
CREATE INDEX idx_submissions_user ON submissions (user_id, submitted_at DESC, id DESC, assignment_id);
