-- name: CourseCreate :one
-- CourseCreate adds an unpublished course. Locks the instructor KEY SHARE: an
-- erasure in flight is waited for, and what it left is judged. The id makes a
-- repeat harmless, the unique index on the slug arbitrates.
-- Verdicts: created, already, id_taken, user_unknown, not_instructor, slug_taken,
-- raced.
WITH instructor AS MATERIALIZED (
    SELECT u.id, u.role IN ('instructor', 'admin') AS teaches
    FROM public.users AS u
    WHERE u.id = sqlc.arg(instructor_id)::uuid
        AND u.erased_at IS NULL
    FOR KEY SHARE OF u
), created AS (
    INSERT INTO public.courses (
        id, slug, title, description, instructor_id, category, level, price, currency, language, thumbnail_url,
        duration
    )
    SELECT
        sqlc.arg(id)::uuid,
        sqlc.arg(slug)::text,
        sqlc.arg(title)::text,
        sqlc.arg(description)::text,
        i.id,
        sqlc.arg(category)::text,
        sqlc.arg(level)::public.course_level,
        sqlc.arg(price)::integer,
        sqlc.arg(currency)::text,
        sqlc.arg(language)::text,
        nullif(sqlc.arg(thumbnail_url)::text, ''),
        nullif(sqlc.arg(duration)::integer, 0)
    FROM instructor AS i
    WHERE i.teaches
    ON CONFLICT DO NOTHING
    RETURNING
        id,
        slug,
        title,
        description,
        instructor_id,
        category,
        level,
        price,
        currency,
        language,
        thumbnail_url,
        duration,
        lessons_total,
        published,
        version,
        created_at,
        updated_at
), shown AS (
    SELECT m.*
    FROM created AS m
    UNION ALL
    SELECT
        c.id,
        c.slug,
        c.title,
        c.description,
        c.instructor_id,
        c.category,
        c.level,
        c.price,
        c.currency,
        c.language,
        c.thumbnail_url,
        c.duration,
        c.lessons_total,
        c.published,
        c.version,
        c.created_at,
        c.updated_at
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(id)::uuid
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN c.instructor_id = sqlc.arg(instructor_id)::uuid THEN 'already'
        WHEN c.id IS NOT NULL THEN 'id_taken'
        WHEN NOT EXISTS (SELECT FROM instructor) THEN 'user_unknown'
        WHEN NOT EXISTS (SELECT FROM instructor AS i WHERE i.teaches) THEN 'not_instructor'
        WHEN o.id IS NOT NULL THEN 'slug_taken'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(c.slug, '')::text AS slug,
    coalesce(c.title, '')::text AS title,
    coalesce(c.description, '')::text AS description,
    sqlc.arg(instructor_id)::uuid AS instructor_id,
    coalesce(c.category, '')::text AS category,
    coalesce(c.level, 'beginner')::public.course_level AS level,
    coalesce(c.price, 0)::integer AS price,
    coalesce(c.currency, '')::text AS currency,
    coalesce(c.language, '')::text AS language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    coalesce(c.lessons_total, 0)::integer AS lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    coalesce(c.published, FALSE)::boolean AS published,
    coalesce(c.version, 0)::integer AS version,
    coalesce(c.created_at, now())::timestamptz AS created_at,
    coalesce(c.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN shown AS c ON TRUE
LEFT JOIN public.course_stats AS s ON s.course_id = c.id
LEFT JOIN created AS m ON TRUE
LEFT JOIN public.courses AS o ON o.slug = sqlc.arg(slug)::text;

-- name: CourseUpdate :one
-- CourseUpdate replaces what is edited, if the version is still the one that the
-- editor saw. It judges only the row it updates, so it needs no lock before it:
-- an edit that it waited for has moved the version. A repeat finds its own values
-- one version later. Without a language, the course keeps its own. Two courses
-- that change to one slug at once pass the check both; the second then meets the
-- index.
-- Verdicts: updated, unchanged, course_unknown, conflict, slug_taken, raced.
WITH updated AS (
    UPDATE public.courses AS c
    SET slug = sqlc.arg(slug)::text,
        title = sqlc.arg(title)::text,
        description = sqlc.arg(description)::text,
        category = sqlc.arg(category)::text,
        level = sqlc.arg(level)::public.course_level,
        price = sqlc.arg(price)::integer,
        currency = sqlc.arg(currency)::text,
        language = coalesce(sqlc.narg(language)::text, c.language),
        thumbnail_url = nullif(sqlc.arg(thumbnail_url)::text, ''),
        duration = nullif(sqlc.arg(duration)::integer, 0)
    WHERE c.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND c.version = sqlc.arg(version)::integer
        AND (
            c.slug,
            c.title,
            c.description,
            c.category,
            c.level,
            c.price,
            c.currency,
            c.language,
            coalesce(c.thumbnail_url, ''),
            coalesce(c.duration, 0)
        ) <> (
            sqlc.arg(slug)::text,
            sqlc.arg(title)::text,
            sqlc.arg(description)::text,
            sqlc.arg(category)::text,
            sqlc.arg(level)::public.course_level,
            sqlc.arg(price)::integer,
            sqlc.arg(currency)::text,
            coalesce(sqlc.narg(language)::text, c.language),
            sqlc.arg(thumbnail_url)::text,
            sqlc.arg(duration)::integer
        )
        AND NOT EXISTS (
            SELECT
            FROM public.courses AS o
            WHERE o.slug = sqlc.arg(slug)::text AND o.id <> c.id
        )
    RETURNING
        c.id,
        c.slug,
        c.title,
        c.description,
        c.instructor_id,
        c.category,
        c.level,
        c.price,
        c.currency,
        c.language,
        c.thumbnail_url,
        c.duration,
        c.lessons_total,
        c.published,
        c.version,
        c.created_at,
        c.updated_at
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
        c.id,
        c.slug,
        c.title,
        c.description,
        c.instructor_id,
        c.category,
        c.level,
        c.price,
        c.currency,
        c.language,
        c.thumbnail_url,
        c.duration,
        c.lessons_total,
        c.published,
        c.version,
        c.created_at,
        c.updated_at
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN c.version - sqlc.arg(version)::integer IN (0, 1)
            AND (
                c.slug,
                c.title,
                c.description,
                c.category,
                c.level,
                c.price,
                c.currency,
                c.language,
                coalesce(c.thumbnail_url, ''),
                coalesce(c.duration, 0)
            ) = (
                sqlc.arg(slug)::text,
                sqlc.arg(title)::text,
                sqlc.arg(description)::text,
                sqlc.arg(category)::text,
                sqlc.arg(level)::public.course_level,
                sqlc.arg(price)::integer,
                sqlc.arg(currency)::text,
                coalesce(sqlc.narg(language)::text, c.language),
                sqlc.arg(thumbnail_url)::text,
                sqlc.arg(duration)::integer
            ) THEN 'unchanged'
        WHEN c.version <> sqlc.arg(version)::integer THEN 'conflict'
        WHEN o.id IS NOT NULL THEN 'slug_taken'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(c.slug, '')::text AS slug,
    coalesce(c.title, '')::text AS title,
    coalesce(c.description, '')::text AS description,
    coalesce(c.instructor_id, '00000000-0000-0000-0000-000000000000')::uuid AS instructor_id,
    coalesce(c.category, '')::text AS category,
    coalesce(c.level, 'beginner')::public.course_level AS level,
    coalesce(c.price, 0)::integer AS price,
    coalesce(c.currency, '')::text AS currency,
    coalesce(c.language, '')::text AS language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    coalesce(c.lessons_total, 0)::integer AS lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    coalesce(c.published, FALSE)::boolean AS published,
    coalesce(c.version, 0)::integer AS version,
    coalesce(c.created_at, now())::timestamptz AS created_at,
    coalesce(c.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN shown AS c ON TRUE
LEFT JOIN public.course_stats AS s ON s.course_id = c.id
LEFT JOIN updated AS m ON TRUE
LEFT JOIN public.courses AS o ON o.slug = sqlc.arg(slug)::text AND o.id <> sqlc.arg(id)::uuid;

-- name: CoursePublish :one
-- CoursePublish publishes a course that has lessons, or takes it back. The count
-- of lessons is a column of the row it updates, so after waiting for someone who
-- deletes the last lesson it judges what they left. Learners keep their places in
-- a course that was taken back.
-- Verdicts: updated, already, course_unknown, empty, raced.
WITH updated AS (
    UPDATE public.courses AS c
    SET published = sqlc.arg(published)::boolean
    WHERE c.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND c.published <> sqlc.arg(published)::boolean
        AND (c.lessons_total > 0 OR NOT sqlc.arg(published)::boolean)
    RETURNING
        c.id,
        c.slug,
        c.title,
        c.description,
        c.instructor_id,
        c.category,
        c.level,
        c.price,
        c.currency,
        c.language,
        c.thumbnail_url,
        c.duration,
        c.lessons_total,
        c.published,
        c.version,
        c.created_at,
        c.updated_at
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
        c.id,
        c.slug,
        c.title,
        c.description,
        c.instructor_id,
        c.category,
        c.level,
        c.price,
        c.currency,
        c.language,
        c.thumbnail_url,
        c.duration,
        c.lessons_total,
        c.published,
        c.version,
        c.created_at,
        c.updated_at
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN c.published = sqlc.arg(published)::boolean THEN 'already'
        WHEN c.lessons_total = 0 AND NOT c.published THEN 'empty'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(c.slug, '')::text AS slug,
    coalesce(c.title, '')::text AS title,
    coalesce(c.description, '')::text AS description,
    coalesce(c.instructor_id, '00000000-0000-0000-0000-000000000000')::uuid AS instructor_id,
    coalesce(c.category, '')::text AS category,
    coalesce(c.level, 'beginner')::public.course_level AS level,
    coalesce(c.price, 0)::integer AS price,
    coalesce(c.currency, '')::text AS currency,
    coalesce(c.language, '')::text AS language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    coalesce(c.lessons_total, 0)::integer AS lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    coalesce(c.published, FALSE)::boolean AS published,
    coalesce(c.version, 0)::integer AS version,
    coalesce(c.created_at, now())::timestamptz AS created_at,
    coalesce(c.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN shown AS c ON TRUE
LEFT JOIN public.course_stats AS s ON s.course_id = c.id
LEFT JOIN updated AS m ON TRUE;

-- name: CourseLock :exec
-- CourseLock is sent before lessons are added and before a course is deleted:
-- enrollments and structure changes wait, lessons being completed do not. The
-- setting says which course is locked: one that was made since is not. In a CTE,
-- so that it is set after the wait.
WITH locked AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
    FOR UPDATE
)
SELECT set_config('elevate.course', k.id::text, TRUE)
FROM locked AS k;

-- name: AssignmentLockByCourse :exec
-- AssignmentLockByCourse is sent between CourseLock and CourseDelete. A
-- submission shares its assignment, not the course: one that is in flight, of a
-- writer who asks for no enrollment, is waited for and then counted.
SELECT a.id
FROM public.assignments AS a
WHERE a.course_id = sqlc.arg(course_id)::uuid
ORDER BY a.id
FOR UPDATE;

-- name: CourseDelete :one
-- CourseDelete removes a course that nobody is, or has been, bound to, after
-- CourseLock and AssignmentLockByCourse: nothing can be added to it any more, so
-- the counts stay true. Lessons and their progress, reviews and assignments go
-- with it.
-- Verdicts: deleted, course_unknown, has_enrollments, has_payments,
-- has_certificates, has_submissions, raced.
WITH target AS MATERIALIZED (
    SELECT
        c.id,
        coalesce(c.id::text = current_setting('elevate.course', TRUE), FALSE) AS held,
        (
            SELECT count(*)
            FROM public.enrollments AS e
            WHERE e.course_id = c.id
        )::integer AS enrollments,
        (
            SELECT count(*)
            FROM public.payments AS x
            WHERE x.course_id = c.id
        )::integer AS payments,
        (
            SELECT count(*)
            FROM public.certificates AS f
            WHERE f.course_id = c.id
        )::integer AS certificates,
        (
            SELECT count(*)
            FROM public.assignments AS a
            JOIN public.submissions AS s ON s.assignment_id = a.id
            WHERE a.course_id = c.id
        )::integer AS submissions
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), gone AS (
    DELETE FROM public.courses AS c
    USING target AS t
    WHERE c.id = t.id
        AND t.held
        AND t.enrollments = 0
        AND t.payments = 0
        AND t.certificates = 0
        AND t.submissions = 0
    RETURNING c.id
)
SELECT
    (CASE
        WHEN g.id IS NOT NULL THEN 'deleted'
        WHEN t.enrollments > 0 THEN 'has_enrollments'
        WHEN t.payments > 0 THEN 'has_payments'
        WHEN t.certificates > 0 THEN 'has_certificates'
        WHEN t.submissions > 0 THEN 'has_submissions'
        WHEN NOT t.held THEN 'raced'
        ELSE 'course_unknown'
    END)::text AS verdict,
    coalesce(
        nullif(t.enrollments, 0), nullif(t.payments, 0), nullif(t.certificates, 0), t.submissions, 0
    )::integer AS bound
FROM (SELECT) AS one
LEFT JOIN target AS t ON TRUE
LEFT JOIN gone AS g ON TRUE;

-- name: CourseTransfer :one
-- CourseTransfer gives all courses of one person to another. Locks both KEY SHARE,
-- so that nobody who is being erased gets any, then the courses by id. What it
-- judges and moves are rows that it has locked itself, so it needs no statement
-- before it. A course that is being made meanwhile may stay behind.
-- Verdicts: moved, user_unknown, not_instructor.
WITH locked AS MATERIALIZED (
    SELECT u.id, u.role, u.erased_at
    FROM public.users AS u
    WHERE u.id IN (sqlc.arg(from_id)::uuid, sqlc.arg(to_id)::uuid)
    ORDER BY u.id
    FOR KEY SHARE OF u
), pair AS MATERIALIZED (
    SELECT
        count(*) FILTER (
            WHERE k.id = sqlc.arg(from_id)::uuid OR k.erased_at IS NULL
        ) = 2 AS known,
        count(*) FILTER (
            WHERE k.id = sqlc.arg(to_id)::uuid AND k.role IN ('instructor', 'admin')
        ) = 1 AS teaches
    FROM locked AS k
), taught AS MATERIALIZED (
    SELECT c.id
    FROM pair AS p
    JOIN public.courses AS c ON c.instructor_id = sqlc.arg(from_id)::uuid
    WHERE p.known AND p.teaches
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
), moved AS (
    UPDATE public.courses AS c
    SET instructor_id = sqlc.arg(to_id)::uuid
    FROM taught AS t
    WHERE c.id = t.id
    RETURNING c.id
)
SELECT
    (CASE
        WHEN NOT p.known THEN 'user_unknown'
        WHEN NOT p.teaches THEN 'not_instructor'
        ELSE 'moved'
    END)::text AS verdict,
    (SELECT count(*) FROM moved)::integer AS courses
FROM pair AS p;

-- name: CourseGet :one
-- CourseGet is a course that is published, or that the reader teaches.
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at
FROM public.courses AS c
LEFT JOIN public.course_stats AS s ON s.course_id = c.id
WHERE c.id = sqlc.arg(id)::uuid
    AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid);

-- name: CourseGetBySlug :one
-- CourseGetBySlug is CourseGet by the course's name in URLs.
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at
FROM public.courses AS c
LEFT JOIN public.course_stats AS s ON s.course_id = c.id
WHERE c.slug = sqlc.arg(slug)::text
    AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid);
