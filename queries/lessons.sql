-- name: LessonCreateMany :many
-- LessonCreateMany adds lessons to a course, after CourseLock: to the place
-- given and the ones after it, or to the end; the lessons from there on move up
-- once. Lessons that the course has already stay where they are. An id of another
-- course's lesson holds up the whole set. The arrays run in step. Triggers move
-- the totals and the progress of open enrollments. Bounded by the lessons asked
-- for.
-- Verdicts: created, already, id_taken, course_unknown, raced.
WITH asked AS MATERIALIZED (
    SELECT a.id, a.title, a.description, a.content, a.video_url, a.duration, a.place
    FROM ROWS FROM (
        unnest(sqlc.arg(ids)::uuid[]),
        unnest(sqlc.arg(titles)::text[]),
        unnest(sqlc.arg(descriptions)::text[]),
        unnest(sqlc.arg(contents)::text[]),
        unnest(sqlc.arg(video_urls)::text[]),
        unnest(sqlc.arg(durations)::integer[])
    ) WITH ORDINALITY AS a (id, title, description, content, video_url, duration, place)
), course AS MATERIALIZED (
    SELECT c.id, coalesce(c.id::text = current_setting('elevate.course', TRUE), FALSE) AS held
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), lacking AS MATERIALIZED (
    SELECT a.id, (row_number() OVER (ORDER BY a.place))::integer AS nth
    FROM asked AS a
    WHERE NOT EXISTS (
        SELECT
        FROM public.lessons AS l
        WHERE l.id = a.id
    )
), target AS MATERIALIZED (
    SELECT
        c.id AS course_id,
        k.n,
        least(
            nullif(sqlc.arg(position)::integer, 0),
            1 + coalesce((
                SELECT max(l."order")
                FROM public.lessons AS l
                WHERE l.course_id = c.id
            ), 0)
        ) AS place
    FROM course AS c
    CROSS JOIN (SELECT count(*)::integer AS n FROM lacking) AS k
    WHERE c.held
        AND k.n > 0
        AND NOT EXISTS (
            SELECT
            FROM asked AS a
            JOIN public.lessons AS l ON l.id = a.id
            WHERE l.course_id <> c.id
        )
), shifted AS (
    UPDATE public.lessons AS l
    SET "order" = l."order" + t.n
    FROM target AS t
    WHERE l.course_id = t.course_id AND l."order" >= t.place
    RETURNING l.id, l."order" AS position
), created AS (
    INSERT INTO public.lessons (id, course_id, title, description, content, video_url, duration, "order")
    SELECT
        a.id,
        t.course_id,
        a.title,
        nullif(a.description, ''),
        nullif(a.content, ''),
        nullif(a.video_url, ''),
        nullif(a.duration, 0),
        t.place + k.nth - 1
    FROM target AS t
    CROSS JOIN lacking AS k
    JOIN asked AS a ON a.id = k.id
    ORDER BY k.nth
    RETURNING
        id,
        title,
        description,
        content,
        video_url,
        duration,
        "order" AS position,
        version,
        created_at,
        updated_at
)
SELECT
    (CASE
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN NOT c.held THEN 'raced'
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN l.id IS NOT NULL THEN 'already'
        ELSE 'id_taken'
    END)::text AS verdict,
    a.id::uuid AS id,
    coalesce(m.title, l.title, '')::text AS title,
    coalesce(m.description, l.description, '')::text AS description,
    coalesce(m.content, l.content, '')::text AS content,
    coalesce(m.video_url, l.video_url, '')::text AS video_url,
    coalesce(m.duration, l.duration, 0)::integer AS duration,
    coalesce(m.position, s.position, l."order", 0)::integer AS position,
    coalesce(m.version, l.version, 0)::integer AS version,
    coalesce(m.created_at, l.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, l.updated_at, now())::timestamptz AS updated_at
FROM asked AS a
LEFT JOIN course AS c ON TRUE
LEFT JOIN created AS m ON m.id = a.id
LEFT JOIN shifted AS s ON s.id = a.id
LEFT JOIN public.lessons AS l ON l.id = a.id AND l.course_id = c.id
ORDER BY a.place;

-- name: LessonUpdate :one
-- LessonUpdate replaces what is edited, if the version is still the one that the
-- editor saw: an edit that it waited for has moved the version. A repeat finds its
-- own values one version later. Places are LessonReorder's. The course is locked
-- SHARE, which waits for whoever moves lessons: an update whose row goes to
-- another page checks its place anew, waits for the lesson that is moving there,
-- and would itself be waited for.
-- Verdicts: updated, unchanged, conflict, lesson_unknown, raced.
WITH target AS MATERIALIZED (
    SELECT l.id
    FROM public.lessons AS l
    JOIN public.courses AS c ON c.id = l.course_id
    WHERE l.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND l.version = sqlc.arg(version)::integer
        AND (l.title, l.description, l.content, l.video_url, l.duration)
            IS DISTINCT FROM (
                sqlc.arg(title)::text,
                sqlc.narg(description)::text,
                sqlc.narg(content)::text,
                sqlc.narg(video_url)::text,
                sqlc.narg(duration)::integer
            )
    FOR SHARE OF c
), updated AS (
    UPDATE public.lessons AS l
    SET title = sqlc.arg(title)::text,
        description = sqlc.narg(description)::text,
        content = sqlc.narg(content)::text,
        video_url = sqlc.narg(video_url)::text,
        duration = sqlc.narg(duration)::integer
    FROM target AS t
    WHERE l.id = t.id AND l.version = sqlc.arg(version)::integer
    RETURNING l.id, l."order" AS position, l.version, l.updated_at
)
SELECT
    (CASE
        WHEN c.id IS NULL THEN 'lesson_unknown'
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN l.version - sqlc.arg(version)::integer IN (0, 1)
            AND (l.title, l.description, l.content, l.video_url, l.duration)
                IS NOT DISTINCT FROM (
                    sqlc.arg(title)::text,
                    sqlc.narg(description)::text,
                    sqlc.narg(content)::text,
                    sqlc.narg(video_url)::text,
                    sqlc.narg(duration)::integer
                ) THEN 'unchanged'
        WHEN l.version <> sqlc.arg(version)::integer THEN 'conflict'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(c.id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(m.position, l."order", 0)::integer AS position,
    coalesce(m.version, l.version, 0)::integer AS version,
    coalesce(l.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, l.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN public.lessons AS l ON l.id = sqlc.arg(id)::uuid
LEFT JOIN public.courses AS c
    ON c.id = l.course_id
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
LEFT JOIN updated AS m ON TRUE;

-- name: LessonLockOrder :exec
-- LessonLockOrder is sent before LessonReorder. No totals change, so it holds off
-- other structure changes only: enrollments and completions go on. The setting is
-- that of CourseLock.
WITH locked AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
    FOR NO KEY UPDATE
)
SELECT set_config('elevate.course', k.id::text, TRUE)
FROM locked AS k;

-- name: LessonReorder :one
-- LessonReorder gives the lessons of a course the order of the array, after
-- LessonLockOrder. The array has no repeats and must be the whole set: a missing
-- or foreign id changes nothing. Places are checked at the end of the statement,
-- so lessons can swap them; completions neither wait nor are waited for.
-- Verdicts: reordered, unchanged, set_differs, course_unknown, raced.
WITH asked AS MATERIALIZED (
    SELECT a.id, a.place::integer AS place
    FROM unnest(sqlc.arg(lesson_ids)::uuid[]) WITH ORDINALITY AS a (id, place)
), target AS MATERIALIZED (
    SELECT
        c.id AS course_id,
        coalesce(c.id::text = current_setting('elevate.course', TRUE), FALSE) AS held,
        k.n = (
            SELECT count(*)
            FROM public.lessons AS l
            WHERE l.course_id = c.id
        )
            AND k.n = (
                SELECT count(*)
                FROM asked AS a
                JOIN public.lessons AS l ON l.id = a.id
                WHERE l.course_id = c.id
            ) AS same_set
    FROM public.courses AS c
    CROSS JOIN (SELECT count(*) AS n FROM asked) AS k
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), moved AS (
    UPDATE public.lessons AS l
    SET "order" = a.place
    FROM target AS t
    CROSS JOIN asked AS a
    WHERE t.held AND t.same_set AND l.id = a.id AND l."order" <> a.place
    RETURNING l.id
)
SELECT
    (CASE
        WHEN t.course_id IS NULL THEN 'course_unknown'
        WHEN NOT t.held THEN 'raced'
        WHEN NOT t.same_set THEN 'set_differs'
        WHEN EXISTS (SELECT FROM moved) THEN 'reordered'
        ELSE 'unchanged'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN target AS t ON TRUE;

-- name: LessonLockCourseOf :exec
-- LessonLockCourseOf is sent before LessonDelete, which would otherwise lock the
-- lesson before a trigger could lock its course. The setting is that of
-- CourseLock.
WITH locked AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = (
        SELECT l.course_id
        FROM public.lessons AS l
        WHERE l.id = sqlc.arg(lesson_id)::uuid
    )
    FOR UPDATE
)
SELECT set_config('elevate.course', k.id::text, TRUE)
FROM locked AS k;

-- name: LessonDelete :one
-- LessonDelete removes a lesson and its progress, after LessonLockCourseOf, and
-- closes the gap. Triggers move the totals; whoever lacked only this lesson has
-- then completed the course. A published course keeps its last lesson: publishing
-- and every change of the lessons wait for the lock, so what is seen here stays. A
-- lesson that was added since the lock was looked for had none to find.
-- Verdicts: deleted, last_lesson, lesson_unknown, raced.
WITH target AS MATERIALIZED (
    SELECT
        l.id,
        l.course_id,
        l."order" AS place,
        coalesce(c.id::text = current_setting('elevate.course', TRUE), FALSE) AS held,
        c.published
            AND NOT EXISTS (
                SELECT
                FROM public.lessons AS o
                WHERE o.course_id = l.course_id AND o.id <> l.id
            ) AS last
    FROM public.lessons AS l
    JOIN public.courses AS c ON c.id = l.course_id
    WHERE l.id = sqlc.arg(lesson_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), gone AS (
    DELETE FROM public.lessons AS l
    USING target AS t
    WHERE l.id = t.id AND t.held AND NOT t.last
    RETURNING l.id
), shifted AS (
    UPDATE public.lessons AS l
    SET "order" = l."order" - 1
    FROM gone AS g
    JOIN target AS t ON t.id = g.id
    WHERE l.course_id = t.course_id AND l."order" > t.place
)
SELECT
    (CASE
        WHEN g.id IS NOT NULL THEN 'deleted'
        WHEN NOT t.held THEN 'raced'
        WHEN t.last THEN 'last_lesson'
        ELSE 'lesson_unknown'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN target AS t ON TRUE
LEFT JOIN gone AS g ON TRUE;

-- name: LessonListByCourse :many
-- LessonListByCourse is the outline of a course in order, without the lessons'
-- content, each with the reader's own progress. A place is one lesson's, so the
-- order is total. No row at all means no such course for this reader; one without
-- a lesson, no lessons. Bounded by the limit inside.
SELECT
    coalesce(l.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(l.title, '')::text AS title,
    coalesce(l.description, '')::text AS description,
    coalesce(l.duration, 0)::integer AS duration,
    coalesce(l.position, 0)::integer AS position,
    coalesce(l.completed, FALSE)::boolean AS completed,
    coalesce(l.time_spent, 0)::integer AS time_spent,
    coalesce(l.resume_at, 0)::integer AS resume_at
FROM public.courses AS c
LEFT JOIN LATERAL (
    SELECT
        l.id,
        l.title,
        l.description,
        l.duration,
        l."order" AS position,
        p.completed,
        p.time_spent,
        p.position AS resume_at
    FROM public.lessons AS l
    LEFT JOIN public.progress AS p ON p.user_id = sqlc.arg(reader_id)::uuid AND p.lesson_id = l.id
    WHERE l.course_id = sqlc.arg(course_id)::uuid AND l."order" > sqlc.arg(after)::integer
    ORDER BY l."order"
    LIMIT sqlc.arg(row_limit)::integer
) AS l ON TRUE
WHERE c.id = sqlc.arg(course_id)::uuid
    AND (
        public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = sqlc.arg(reader_id)::uuid AND e.course_id = c.id
        )
    )
ORDER BY l.position;

-- name: LessonGet :one
-- LessonGet is a lesson with its content and the reader's own progress, for those
-- who are enrolled in the course or teach it.
SELECT
    l.id,
    l.course_id,
    l.title,
    coalesce(l.description, '')::text AS description,
    coalesce(l.content, '')::text AS content,
    coalesce(l.video_url, '')::text AS video_url,
    coalesce(l.duration, 0)::integer AS duration,
    l."order" AS position,
    l.version,
    l.created_at,
    l.updated_at,
    coalesce(p.completed, FALSE)::boolean AS completed,
    coalesce(p.time_spent, 0)::integer AS time_spent,
    coalesce(p.position, 0)::integer AS resume_at
FROM public.lessons AS l
JOIN public.courses AS c ON c.id = l.course_id
LEFT JOIN public.progress AS p ON p.user_id = sqlc.arg(reader_id)::uuid AND p.lesson_id = l.id
WHERE l.id = sqlc.arg(id)::uuid
    AND (
        public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = sqlc.arg(reader_id)::uuid AND e.course_id = c.id
        )
    );
