-- Lessons are counted by the database, so that no writer (this library, an old
-- binary, an ORM, psql) can make an enrollment's progress wrong, and so that a
-- completion costs the same in a course of 10 and of 10,000 lessons.
-- Adding columns and triggers holds writers off until the end of this file,
-- which is what makes the backfill exact. Expect some 5 s per 100,000
-- enrollments.
-- squawk-ignore-file constraint-missing-not-valid
-- (columns new in this file)
SET LOCAL lock_timeout = '3s';

-- NOT NULL DEFAULT: writers that do not know the columns go on working. No CHECK
-- against lessons_total: counters freeze when the course is completed.
ALTER TABLE courses
    ADD COLUMN lessons_total integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT courses_lessons_total_check CHECK (lessons_total >= 0);

ALTER TABLE enrollments
    ADD COLUMN lessons_total integer NOT NULL DEFAULT 0,
    ADD COLUMN lessons_completed integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT enrollments_lessons_total_check CHECK (lessons_total >= 0),
    ADD CONSTRAINT enrollments_lessons_completed_check CHECK (lessons_completed >= 0);

-- One lesson of one learner was completed, or no longer is. Touches the
-- enrollment once: a second UPDATE of a row in one transaction fires its foreign
-- keys again and would lock user and course after the enrollment.
CREATE FUNCTION progress_count()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

-- Row level with WHEN: a statement trigger would also run, with no rows, for
-- every replay of a completion. Foreign keys are checked by triggers whose names
-- begin with RI_; triggers of one kind fire in the order of their names, so these
-- run after them.
CREATE TRIGGER progress_count_insert_trg
    AFTER INSERT ON progress
    FOR EACH ROW
    WHEN (NEW.completed)
    EXECUTE FUNCTION progress_count();

CREATE TRIGGER progress_count_update_trg
    AFTER UPDATE ON progress
    FOR EACH ROW
    WHEN (NEW.completed IS DISTINCT FROM OLD.completed)
    EXECUTE FUNCTION progress_count();

-- Statement level, so that an enrollment is touched once however many rows go.
-- Rows that go with their lesson find no lesson here: lessons_guard has counted
-- them.
CREATE FUNCTION progress_discount()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

CREATE TRIGGER progress_discount_trg
    AFTER DELETE ON progress
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION progress_discount();

-- The structure of a course changes behind its row lock. BEFORE, because the
-- foreign key would lock the course only after the lesson is written. Each
-- statement here has its own snapshot, taken after the locks above it, so the
-- count sees every completion that was committed while we waited.
-- Removing the lesson that was missing completes the course.
CREATE FUNCTION lessons_guard()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

CREATE TRIGGER lessons_guard_trg
    BEFORE INSERT OR DELETE ON lessons
    FOR EACH ROW
    EXECUTE FUNCTION lessons_guard();

-- Statement level: an import of many lessons touches each enrollment once.
CREATE FUNCTION lessons_count()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

CREATE TRIGGER lessons_count_trg
    AFTER INSERT ON lessons
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION lessons_count();

-- Writes only where the writer did not know better: a foreign writer, progress
-- kept from an earlier enrollment, a lesson added meanwhile. Also completes the
-- course of those who had completed its lessons before: a completion stays, and
-- only a snapshot from after the locks is sure of it. Runs after the foreign key
-- has locked the course, so the total can no longer move. Counts from the
-- learner's completions, each by the key of its lesson: a new learner costs one
-- probe of an index, and stale statistics cannot turn it into a join of the whole
-- course.
CREATE FUNCTION enrollments_count()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

CREATE TRIGGER enrollments_count_trg
    AFTER INSERT ON enrollments
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION enrollments_count();

-- Repair of one course: after TRUNCATE or a restore of data alone, which pass
-- the triggers by, and for adoption. Locks first, counts after. Returns how many
-- rows were wrong, the course's own included; 0 is the healthy answer.
CREATE FUNCTION recount_course(course uuid)
RETURNS integer
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

UPDATE courses AS c
SET lessons_total = k.total
FROM (
    SELECT l.course_id, count(*)::integer AS total
    FROM lessons AS l
    GROUP BY l.course_id
) AS k
WHERE c.id = k.course_id;

-- A completed enrollment gets its figures and stays as it is. An open one whose
-- lessons are all done was completed when the last of them was.
UPDATE enrollments AS e
SET lessons_total = x.total,
    lessons_completed = x.done,
    progress = CASE
        WHEN e.completed_at IS NULL THEN progress_percent(x.done, x.total)
        ELSE e.progress
    END,
    completed_at = CASE
        WHEN e.completed_at IS NULL AND x.total > 0 AND x.done >= x.total
            THEN coalesce(x.last_at, now())
        ELSE e.completed_at
    END
FROM (
    SELECT o.id, c.lessons_total AS total, coalesce(k.done, 0) AS done, k.last_at
    FROM enrollments AS o
    JOIN courses AS c ON c.id = o.course_id
    LEFT JOIN (
        SELECT p.user_id, l.course_id, count(*)::integer AS done, max(p.completed_at) AS last_at
        FROM progress AS p
        JOIN lessons AS l ON l.id = p.lesson_id
        WHERE p.completed
        GROUP BY p.user_id, l.course_id
    ) AS k ON k.user_id = o.user_id AND k.course_id = o.course_id
) AS x
WHERE e.id = x.id;
