-- Loses all grades but the last of each submission, what was given before a
-- penalty, which attempts were late and their numbers, and the rules for late
-- work.
SET LOCAL lock_timeout = '3s';

DROP INDEX idx_submissions_user;
CREATE INDEX idx_submissions_user ON submissions (user_id);

DROP INDEX submissions_ungraded_idx;
DROP INDEX idx_submissions_assignment;
CREATE INDEX idx_submissions_assignment ON submissions (assignment_id);

CREATE OR REPLACE TRIGGER submissions_grade_trg
    AFTER UPDATE ON submissions
    FOR EACH ROW
    WHEN (
        NEW.graded_at IS NOT NULL
        AND (
            OLD.graded_at IS NULL
            OR (NEW.score, NEW.feedback) IS DISTINCT FROM (OLD.score, OLD.feedback)
        )
    )
    EXECUTE FUNCTION event_record('submission.graded', 'assignment');

DROP TRIGGER submissions_keep_grade_trg ON submissions;
DROP TRIGGER submissions_keep_grade_insert_trg ON submissions;
DROP FUNCTION submissions_keep_grade;
DROP TABLE grades;

DROP TRIGGER submissions_fill_raw_score_trg ON submissions;
DROP TRIGGER submissions_fill_raw_score_insert_trg ON submissions;
DROP FUNCTION submissions_fill_raw_score;
DROP FUNCTION late_score;

ALTER TABLE submissions
    DROP COLUMN attempt,
    DROP COLUMN late,
    DROP COLUMN late_penalty,
    DROP COLUMN raw_score;

DROP TRIGGER assignments_move_version_trg ON assignments;

ALTER TABLE assignments
    DROP COLUMN allow_late,
    DROP COLUMN late_penalty,
    DROP COLUMN version,
    DROP COLUMN updated_at;
