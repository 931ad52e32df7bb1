-- Every change of state that others react to is a row here, written in the
-- transaction of the change by triggers, whoever makes it: this library, an ORM,
-- psql.
SET LOCAL lock_timeout = '3s';

-- Which life of the database this is. Transaction ids begin anew in a database
-- that was restored from a dump, and run a second time after a recovery to an
-- earlier moment; events made since must still come after all others. Whoever
-- restores replaces this function by one with a greater number. Inlined into
-- plans, which follow when it is replaced.
CREATE FUNCTION event_era()
RETURNS integer
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN 0;

-- Ids only: what else there is to know stands in the rows, for those who may
-- read them. No foreign keys: an event outlives its rows, and no writer should
-- wait for it. The order of columns leaves no gaps between them.
-- The clock counts in transaction ids: that of the event's own transaction, or
-- the newest that had ended when the event was written, whichever is greater. Not
-- less than its own, so that below the oldest running transaction the feed is
-- complete. Not less than those that had ended, because ids are given when a
-- transaction begins to write: one may wait for a row that a younger one changes
-- first, and what the younger one did must come before.
CREATE TABLE events (
    clock bigint NOT NULL DEFAULT greatest(
        pg_current_xact_id()::text::bigint,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1
    ),
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    era integer NOT NULL DEFAULT event_era(),
    type text NOT NULL,
    user_id uuid,
    course_id uuid,
    subject_id uuid NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (era, clock, id)
);

ALTER TABLE events SET (
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);

-- Writes one event. The arguments are its type, and how the row names user,
-- course and subject; not TG_TABLE_NAME, for a shard of a table has another name.
-- Other tables are read without a lock. A completion that goes with its lesson
-- finds no course any more, and is no event.
CREATE FUNCTION event_record()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

-- One trigger for each way that a change can happen: its WHEN lets only the change
-- through, so a replay, and an update of other columns, calls nothing. Triggers of
-- one statement fire in the order of their names, which is the order of events
-- that happen together: completing a lesson comes before progress_count_…, which
-- completes the course, a payment before its refund.

CREATE TRIGGER users_register_trg
    AFTER INSERT ON users
    FOR EACH ROW
    EXECUTE FUNCTION event_record('user.registered', 'user');

-- Erasure overwrites the other columns too, and is one event.
CREATE TRIGGER users_change_email_trg
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN (NEW.email IS DISTINCT FROM OLD.email AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION event_record('user.email_changed', 'user');

CREATE TRIGGER users_change_role_trg
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN (NEW.role IS DISTINCT FROM OLD.role AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION event_record('user.role_changed', 'user');

CREATE TRIGGER users_disable_trg
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN (NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION event_record('user.disabled', 'user');

CREATE TRIGGER users_enable_trg
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN (NEW.disabled_at IS NULL AND OLD.disabled_at IS NOT NULL AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION event_record('user.enabled', 'user');

CREATE TRIGGER users_erase_trg
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN (NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL)
    EXECUTE FUNCTION event_record('user.erased', 'user');

CREATE TRIGGER users_verify_email_trg
    AFTER UPDATE ON users
    FOR EACH ROW
    WHEN (NEW.email_verified AND NOT OLD.email_verified AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION event_record('user.email_verified', 'user');

CREATE TRIGGER users_delete_trg
    AFTER DELETE ON users
    FOR EACH ROW
    EXECUTE FUNCTION event_record('user.deleted', 'user');

CREATE TRIGGER courses_publish_insert_trg
    AFTER INSERT ON courses
    FOR EACH ROW
    WHEN (NEW.published)
    EXECUTE FUNCTION event_record('course.published', 'course');

CREATE TRIGGER courses_publish_trg
    AFTER UPDATE ON courses
    FOR EACH ROW
    WHEN (NEW.published AND NOT OLD.published)
    EXECUTE FUNCTION event_record('course.published', 'course');

CREATE TRIGGER courses_unpublish_trg
    AFTER UPDATE ON courses
    FOR EACH ROW
    WHEN (OLD.published AND NOT NEW.published)
    EXECUTE FUNCTION event_record('course.unpublished', 'course');

CREATE TRIGGER courses_delete_trg
    AFTER DELETE ON courses
    FOR EACH ROW
    EXECUTE FUNCTION event_record('course.deleted', 'course');

CREATE TRIGGER enrollments_begin_trg
    AFTER INSERT ON enrollments
    FOR EACH ROW
    EXECUTE FUNCTION event_record('enrollment.created', 'own');

CREATE TRIGGER enrollments_complete_insert_trg
    AFTER INSERT ON enrollments
    FOR EACH ROW
    WHEN (NEW.completed_at IS NOT NULL)
    EXECUTE FUNCTION event_record('course.completed', 'course of learner');

CREATE TRIGGER enrollments_complete_trg
    AFTER UPDATE ON enrollments
    FOR EACH ROW
    WHEN (NEW.completed_at IS NOT NULL AND OLD.completed_at IS NULL)
    EXECUTE FUNCTION event_record('course.completed', 'course of learner');

CREATE TRIGGER enrollments_end_trg
    AFTER DELETE ON enrollments
    FOR EACH ROW
    EXECUTE FUNCTION event_record('enrollment.deleted', 'own');

CREATE TRIGGER progress_complete_insert_trg
    AFTER INSERT ON progress
    FOR EACH ROW
    WHEN (NEW.completed)
    EXECUTE FUNCTION event_record('lesson.completed', 'lesson');

CREATE TRIGGER progress_complete_trg
    AFTER UPDATE ON progress
    FOR EACH ROW
    WHEN (NEW.completed AND NOT OLD.completed)
    EXECUTE FUNCTION event_record('lesson.completed', 'lesson');

CREATE TRIGGER progress_uncomplete_trg
    AFTER UPDATE ON progress
    FOR EACH ROW
    WHEN (OLD.completed AND NOT NEW.completed)
    EXECUTE FUNCTION event_record('lesson.uncompleted', 'lesson');

CREATE TRIGGER progress_uncomplete_delete_trg
    AFTER DELETE ON progress
    FOR EACH ROW
    WHEN (OLD.completed)
    EXECUTE FUNCTION event_record('lesson.uncompleted', 'lesson');

CREATE TRIGGER certificates_issue_trg
    AFTER INSERT ON certificates
    FOR EACH ROW
    EXECUTE FUNCTION event_record('certificate.issued', 'own');

CREATE TRIGGER certificates_revoke_trg
    AFTER UPDATE ON certificates
    FOR EACH ROW
    WHEN (NEW.revoked_at IS NOT NULL AND OLD.revoked_at IS NULL)
    EXECUTE FUNCTION event_record('certificate.revoked', 'own');

CREATE TRIGGER certificates_reinstate_trg
    AFTER UPDATE ON certificates
    FOR EACH ROW
    WHEN (NEW.revoked_at IS NULL AND OLD.revoked_at IS NOT NULL)
    EXECUTE FUNCTION event_record('certificate.reinstated', 'own');

CREATE TRIGGER payments_fail_insert_trg
    AFTER INSERT ON payments
    FOR EACH ROW
    WHEN (NEW.status = 'failed')
    EXECUTE FUNCTION event_record('payment.failed', 'own');

CREATE TRIGGER payments_fail_trg
    AFTER UPDATE ON payments
    FOR EACH ROW
    WHEN (NEW.status = 'failed' AND OLD.status <> 'failed')
    EXECUTE FUNCTION event_record('payment.failed', 'own');

CREATE TRIGGER payments_pay_insert_trg
    AFTER INSERT ON payments
    FOR EACH ROW
    WHEN (NEW.status = 'succeeded')
    EXECUTE FUNCTION event_record('payment.succeeded', 'own');

CREATE TRIGGER payments_pay_trg
    AFTER UPDATE ON payments
    FOR EACH ROW
    WHEN (NEW.status = 'succeeded' AND OLD.status <> 'succeeded')
    EXECUTE FUNCTION event_record('payment.succeeded', 'own');

-- A writer that does not know refunded_amount only sets the status.
CREATE TRIGGER payments_refund_insert_trg
    AFTER INSERT ON payments
    FOR EACH ROW
    WHEN (NEW.status = 'refunded' OR NEW.refunded_amount > 0)
    EXECUTE FUNCTION event_record('payment.refunded', 'own');

CREATE TRIGGER payments_refund_trg
    AFTER UPDATE ON payments
    FOR EACH ROW
    WHEN (
        NEW.refunded_amount > OLD.refunded_amount
        OR (NEW.status = 'refunded' AND OLD.status <> 'refunded')
    )
    EXECUTE FUNCTION event_record('payment.refunded', 'own');

CREATE TRIGGER payment_events_quarantine_trg
    AFTER INSERT ON payment_events
    FOR EACH ROW
    WHEN (NEW.outcome = 'quarantined')
    EXECUTE FUNCTION event_record('payment.quarantined', 'payment');

CREATE TRIGGER submissions_submit_trg
    AFTER INSERT ON submissions
    FOR EACH ROW
    EXECUTE FUNCTION event_record('submission.submitted', 'assignment');

-- Also when a grade is changed.
CREATE TRIGGER submissions_grade_trg
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
