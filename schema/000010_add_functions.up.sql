-- The rules that several queries and triggers share, each written once.
SET LOCAL lock_timeout = '3s';

-- Percent done, rounded down. Without SET search_path, like the other functions
-- of this file with a RETURN body: a SET would keep the planner from inlining
-- them, and their names were resolved when they were made.
CREATE FUNCTION progress_percent(done integer, total integer)
RETURNS integer
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN CASE
    WHEN total > 0 THEN least(100, 100 * done::bigint / total)::integer
    ELSE 0
END;

-- Who may work in a course: the one who teaches it, and trusted code, for whom
-- the teacher is NULL. The course is a parameter for the day on which a course
-- has several teachers.
CREATE FUNCTION can_teach(course uuid, instructor uuid, teacher uuid)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN teacher IS NULL OR (course IS NOT NULL AND instructor = teacher);

-- The state of a payment only rises, so the order in which a provider delivers
-- its events, and how often, does not matter.
CREATE FUNCTION payment_rank(status payment_status)
RETURNS integer
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN CASE status
    WHEN 'pending' THEN 0
    WHEN 'failed' THEN 1
    WHEN 'succeeded' THEN 2
    WHEN 'refunded' THEN 3
END;

-- A row that moved to another parent would have to be counted twice; nothing in
-- the domain moves one. The argument names the constraint, not TG_TABLE_NAME: a
-- shard of a table has another name.
CREATE FUNCTION keys_freeze()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    RAISE EXCEPTION 'the parents of a row cannot be changed'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_ARGV[0];
END
$$;

CREATE TRIGGER lessons_freeze_keys_trg
    BEFORE UPDATE ON lessons
    FOR EACH ROW
    WHEN (NEW.course_id IS DISTINCT FROM OLD.course_id)
    EXECUTE FUNCTION keys_freeze('lessons_course_id_frozen');

CREATE TRIGGER progress_freeze_keys_trg
    BEFORE UPDATE ON progress
    FOR EACH ROW
    WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.lesson_id IS DISTINCT FROM OLD.lesson_id)
    EXECUTE FUNCTION keys_freeze('progress_user_id_lesson_id_frozen');

CREATE TRIGGER enrollments_freeze_keys_trg
    BEFORE UPDATE ON enrollments
    FOR EACH ROW
    WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.course_id IS DISTINCT FROM OLD.course_id)
    EXECUTE FUNCTION keys_freeze('enrollments_user_id_course_id_frozen');

-- The version moves with every edit, whoever makes it: an optimistic update must
-- also notice what was changed by plain SQL. Counters are no edit.
CREATE FUNCTION version_move()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER courses_move_version_trg
    BEFORE UPDATE ON courses
    FOR EACH ROW
    WHEN (
        (OLD.title, OLD.slug, OLD.description, OLD.instructor_id, OLD.category, OLD.level,
            OLD.price, OLD.currency, OLD.thumbnail_url, OLD.duration, OLD.published)
        IS DISTINCT FROM
        (NEW.title, NEW.slug, NEW.description, NEW.instructor_id, NEW.category, NEW.level,
            NEW.price, NEW.currency, NEW.thumbnail_url, NEW.duration, NEW.published)
    )
    EXECUTE FUNCTION version_move();

CREATE TRIGGER lessons_move_version_trg
    BEFORE UPDATE ON lessons
    FOR EACH ROW
    WHEN (
        (OLD.title, OLD.description, OLD.content, OLD.video_url, OLD.duration)
        IS DISTINCT FROM
        (NEW.title, NEW.description, NEW.content, NEW.video_url, NEW.duration)
    )
    EXECUTE FUNCTION version_move();

-- Names for certificates of writers that do not know the two columns.
CREATE FUNCTION certificates_name()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
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
$$;

CREATE TRIGGER certificates_name_trg
    BEFORE INSERT ON certificates
    FOR EACH ROW
    WHEN (NEW.holder_name IS NULL OR NEW.course_title IS NULL)
    EXECUTE FUNCTION certificates_name();
