-- Takes the counters away. Progress and completion keep their last values, and
-- nothing keeps them right any more.
SET LOCAL lock_timeout = '3s';

DROP FUNCTION recount_course(uuid);

DROP TRIGGER enrollments_count_trg ON enrollments;
DROP FUNCTION enrollments_count();

DROP TRIGGER lessons_count_trg ON lessons;
DROP FUNCTION lessons_count();

DROP TRIGGER lessons_guard_trg ON lessons;
DROP FUNCTION lessons_guard();

DROP TRIGGER progress_discount_trg ON progress;
DROP FUNCTION progress_discount();

DROP TRIGGER progress_count_update_trg ON progress;
DROP TRIGGER progress_count_insert_trg ON progress;
DROP FUNCTION progress_count();

ALTER TABLE enrollments
    DROP COLUMN lessons_total,
    DROP COLUMN lessons_completed;

ALTER TABLE courses
    DROP COLUMN lessons_total;
