-- name: EnrollmentCreate :one
-- EnrollmentCreate enrolls a learner in a published course that is free or paid
-- for. Locks the user and the course KEY SHARE, so that the lessons it copies
-- the total of stay as many, and one succeeded payment SHARE, so that it waits
-- for a refund in flight. Progress kept from an earlier enrollment counts: its
-- lessons are locked KEY SHARE, because one that was deleted while this statement
-- waited would still be in its snapshot. What completes the course is then only
-- foretold here, and written by the trigger.
-- Verdicts: created, already, user_unknown, course_unknown, not_published,
-- payment_required, raced.
WITH target AS MATERIALIZED (
    SELECT u.id AS user_id, c.id AS course_id, c.title, c.price, c.lessons_total
    FROM public.users AS u
    CROSS JOIN public.courses AS c
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND c.id = sqlc.arg(course_id)::uuid
        AND public.course_open(c.id, c.instructor_id, c.published)
        AND NOT EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = u.id AND e.course_id = c.id
        )
    FOR KEY SHARE OF u
    FOR KEY SHARE OF c
), paid AS MATERIALIZED (
    SELECT x.id
    FROM target AS t
    JOIN public.payments AS x ON x.user_id = t.user_id AND x.course_id = t.course_id
    WHERE t.price > 0 AND x.status = 'succeeded'
    ORDER BY x.id
    LIMIT 1
    FOR SHARE OF x
), mine AS MATERIALIZED (
    SELECT p.lesson_id
    FROM target AS t
    JOIN public.progress AS p ON p.user_id = t.user_id AND p.completed
    WHERE t.course_id = (
        SELECT l.course_id
        FROM public.lessons AS l
        WHERE l.id = p.lesson_id
    )
), kept AS MATERIALIZED (
    SELECT l.id
    FROM mine AS m
    JOIN public.lessons AS l ON l.id = m.lesson_id
    ORDER BY l.id
    FOR KEY SHARE OF l
), created AS (
    INSERT INTO public.enrollments (
        id, user_id, course_id, source, lessons_total, lessons_completed, progress
    )
    SELECT
        sqlc.arg(id)::uuid,
        t.user_id,
        t.course_id,
        CASE WHEN t.price > 0 THEN 'payment' ELSE 'free' END,
        t.lessons_total,
        k.done,
        public.progress_percent(k.done, t.lessons_total)
    FROM target AS t
    CROSS JOIN (SELECT count(*)::integer AS done FROM kept) AS k
    WHERE t.price = 0 OR EXISTS (SELECT FROM paid)
    ON CONFLICT (user_id, course_id) DO NOTHING
    RETURNING id, user_id, source, enrolled_at, completed_at, progress, lessons_completed, lessons_total
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        m.user_id,
        'enrolled',
        left(replace(sqlc.arg(notice_title)::text, '{course}', t.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', t.title)
    FROM created AS m
    CROSS JOIN target AS t
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN e.id IS NOT NULL THEN 'already'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN NOT public.course_open(c.id, c.instructor_id, c.published) THEN 'not_published'
        WHEN t.price > 0 AND NOT EXISTS (SELECT FROM paid) THEN 'payment_required'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.id, e.id, sqlc.arg(id)::uuid)::uuid AS id,
    coalesce(m.source, e.source, '')::text AS source,
    coalesce(e.reference, '')::text AS reference,
    coalesce(m.enrolled_at, e.enrolled_at, now())::timestamptz AS enrolled_at,
    coalesce(
        m.completed_at,
        CASE WHEN m.lessons_total > 0 AND m.lessons_completed >= m.lessons_total THEN now() END,
        e.completed_at
    ) AS completed_at,
    coalesce(m.progress, e.progress, 0)::integer AS progress,
    coalesce(m.lessons_completed, e.lessons_completed, 0)::integer AS lessons_completed,
    coalesce(m.lessons_total, e.lessons_total, 0)::integer AS lessons_total
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN target AS t ON TRUE
LEFT JOIN created AS m ON TRUE;

-- name: EnrollmentGrant :one
-- EnrollmentGrant enrolls without payment, for trusted code. An enrollment that a
-- payment gave becomes the grant's, so that a later refund no longer takes it
-- away. Locks the user, the course and the lessons of kept progress KEY SHARE, as
-- EnrollmentCreate does, then the enrollment.
-- Verdicts: created, granted, already, user_unknown, course_unknown,
-- not_published, raced.
WITH target AS MATERIALIZED (
    SELECT u.id AS user_id, c.id AS course_id, c.title, c.lessons_total
    FROM public.users AS u
    CROSS JOIN public.courses AS c
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND c.id = sqlc.arg(course_id)::uuid
        AND public.course_open(c.id, c.instructor_id, c.published)
        AND NOT EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = u.id
                AND e.course_id = c.id
                AND e.source NOT IN ('payment', 'unknown')
        )
    FOR KEY SHARE OF u
    FOR KEY SHARE OF c
), mine AS MATERIALIZED (
    SELECT p.lesson_id
    FROM target AS t
    JOIN public.progress AS p ON p.user_id = t.user_id AND p.completed
    WHERE t.course_id = (
        SELECT l.course_id
        FROM public.lessons AS l
        WHERE l.id = p.lesson_id
    )
), kept AS MATERIALIZED (
    SELECT l.id
    FROM mine AS m
    JOIN public.lessons AS l ON l.id = m.lesson_id
    ORDER BY l.id
    FOR KEY SHARE OF l
), put AS (
    INSERT INTO public.enrollments AS e (
        id, user_id, course_id, source, reference, lessons_total, lessons_completed, progress
    )
    SELECT
        sqlc.arg(id)::uuid,
        t.user_id,
        t.course_id,
        sqlc.arg(source)::text,
        sqlc.narg(reference)::text,
        t.lessons_total,
        k.done,
        public.progress_percent(k.done, t.lessons_total)
    FROM target AS t
    CROSS JOIN (SELECT count(*)::integer AS done FROM kept) AS k
    ON CONFLICT (user_id, course_id) DO UPDATE
    SET source = excluded.source,
        reference = excluded.reference
    WHERE e.source IN ('payment', 'unknown')
    RETURNING e.id, e.user_id, e.source, e.reference, e.enrolled_at, e.completed_at, e.progress,
        e.lessons_completed, e.lessons_total
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        m.user_id,
        'enrolled',
        left(replace(sqlc.arg(notice_title)::text, '{course}', t.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', t.title)
    FROM put AS m
    CROSS JOIN target AS t
    WHERE m.id = sqlc.arg(id)::uuid
)
SELECT
    (CASE
        WHEN m.id = sqlc.arg(id)::uuid THEN 'created'
        WHEN m.id IS NOT NULL THEN 'granted'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN e.source NOT IN ('payment', 'unknown') THEN 'already'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN NOT public.course_open(c.id, c.instructor_id, c.published) THEN 'not_published'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.id, e.id, sqlc.arg(id)::uuid)::uuid AS id,
    coalesce(m.source, e.source, '')::text AS source,
    coalesce(m.reference, e.reference, '')::text AS reference,
    coalesce(m.enrolled_at, e.enrolled_at, now())::timestamptz AS enrolled_at,
    coalesce(
        m.completed_at,
        CASE WHEN m.lessons_total > 0 AND m.lessons_completed >= m.lessons_total THEN now() END,
        e.completed_at
    ) AS completed_at,
    coalesce(m.progress, e.progress, 0)::integer AS progress,
    coalesce(m.lessons_completed, e.lessons_completed, 0)::integer AS lessons_completed,
    coalesce(m.lessons_total, e.lessons_total, 0)::integer AS lessons_total
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN put AS m ON TRUE;

-- name: EnrollmentCreateMany :many
-- EnrollmentCreateMany enrolls a cohort without payment; one verdict per user,
-- as many as were asked for. The three arrays run in step. Locks the users KEY
-- SHARE in the order of their ids, then the course: the count makes it wait until
-- all of them are. Kept progress is counted by the trigger. An enrollment with the
-- id that was asked for is this call's, from before it lost a race over another
-- user. The cost is the cohort's, however few rows the planner expects: LIMIT has
-- each user looked up by index, and IN, which hashes, finds what was created;
-- IS TRUE keeps the planner from making a join of it, which would loop.
-- Bounded by the users asked for.
-- Verdicts: created, already, user_unknown, course_unknown, not_published, raced.
WITH asked AS MATERIALIZED (
    SELECT DISTINCT ON (a.user_id) a.user_id, a.id, a.notification_id
    FROM ROWS FROM (
        unnest(sqlc.arg(user_ids)::uuid[]),
        unnest(sqlc.arg(ids)::uuid[]),
        unnest(sqlc.arg(notification_ids)::uuid[])
    ) AS a (user_id, id, notification_id)
    ORDER BY a.user_id, a.id
), known AS MATERIALIZED (
    SELECT u.id AS user_id, a.id, a.notification_id
    FROM asked AS a
    JOIN public.users AS u ON u.id = a.user_id
    LEFT JOIN LATERAL (
        SELECT e.id
        FROM public.enrollments AS e
        WHERE e.user_id = a.user_id AND e.course_id = sqlc.arg(course_id)::uuid
        LIMIT 1
    ) AS e ON TRUE
    WHERE u.erased_at IS NULL AND e.id IS NULL
    ORDER BY u.id
    FOR KEY SHARE OF u
), course AS MATERIALIZED (
    SELECT c.id, c.title, c.lessons_total, public.course_open(c.id, c.instructor_id, c.published) AS open
    FROM public.courses AS c
    CROSS JOIN (SELECT count(*) AS n FROM known) AS k
    WHERE c.id = sqlc.arg(course_id)::uuid
    FOR KEY SHARE OF c
), created AS (
    INSERT INTO public.enrollments (id, user_id, course_id, source, reference, lessons_total)
    SELECT k.id, k.user_id, c.id, sqlc.arg(source)::text, sqlc.narg(reference)::text, c.lessons_total
    FROM known AS k
    CROSS JOIN course AS c
    WHERE c.open
    ORDER BY k.user_id
    ON CONFLICT (user_id, course_id) DO NOTHING
    RETURNING id
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        k.notification_id,
        k.user_id,
        'enrolled',
        left(replace(sqlc.arg(notice_title)::text, '{course}', c.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', c.title)
    FROM known AS k
    CROSS JOIN course AS c
    WHERE (k.id IN (SELECT m.id FROM created AS m)) IS TRUE
)
SELECT
    (CASE
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN a.id IN (SELECT m.id FROM created AS m) OR e.id = a.id THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN e.id IS NOT NULL THEN 'already'
        WHEN NOT c.open THEN 'not_published'
        ELSE 'raced'
    END)::text AS verdict,
    a.user_id::uuid AS user_id,
    coalesce(e.id, a.id)::uuid AS id
FROM asked AS a
LEFT JOIN course AS c ON TRUE
LEFT JOIN LATERAL (
    SELECT u.id, u.erased_at
    FROM public.users AS u
    WHERE u.id = a.user_id
    LIMIT 1
) AS u ON TRUE
LEFT JOIN LATERAL (
    SELECT e.id
    FROM public.enrollments AS e
    WHERE e.user_id = a.user_id AND e.course_id = sqlc.arg(course_id)::uuid
    LIMIT 1
) AS e ON TRUE
ORDER BY a.user_id;

-- name: EnrollmentLock :exec
-- EnrollmentLock is sent before EnrollmentDelete and ProgressReset. FOR UPDATE,
-- so that it also waits for those who share the enrollment's key: what they wrote
-- is then in the next statement's snapshot. The setting says which enrollment it
-- found: one that was made since has not been waited for.
SELECT set_config('elevate.enrollment', e.id::text, TRUE)
FROM public.users AS u
JOIN public.enrollments AS e ON e.user_id = u.id
WHERE u.id = sqlc.arg(user_id)::uuid AND e.course_id = sqlc.arg(course_id)::uuid
FOR KEY SHARE OF u
FOR UPDATE OF e;

-- name: EnrollmentDelete :one
-- EnrollmentDelete removes an enrollment that is not completed and that
-- EnrollmentLock has locked: beside any other, a completion in flight would leave
-- its progress. Progress stays unless it is to go too; the next enrollment counts
-- what stayed.
-- Verdicts: deleted, already, user_unknown, course_unknown, completed, raced.
WITH gone AS (
    DELETE FROM public.enrollments AS e
    WHERE e.user_id = sqlc.arg(user_id)::uuid
        AND e.course_id = sqlc.arg(course_id)::uuid
        AND e.id::text = current_setting('elevate.enrollment', TRUE)
        AND e.completed_at IS NULL
    RETURNING e.id, e.user_id, e.course_id
), wiped AS (
    DELETE FROM public.progress AS p
    USING gone AS g, public.lessons AS l
    WHERE sqlc.arg(delete_progress)::boolean
        AND l.course_id = g.course_id
        AND p.lesson_id = l.id
        AND p.user_id = g.user_id
)
SELECT
    (CASE
        WHEN g.id IS NOT NULL THEN 'deleted'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN e.id IS NULL THEN 'already'
        WHEN e.completed_at IS NOT NULL THEN 'completed'
        ELSE 'raced'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN gone AS g ON TRUE;

-- name: EnrollmentListByUser :many
-- EnrollmentListByUser is the learner's dashboard, the newest enrollment first,
-- each with the first lesson that is not completed. A completed course has no
-- next lesson, whatever was added since. No row at all means no such user; one
-- without an enrollment, no enrollments. Bounded by the limit inside.
SELECT
    coalesce(e.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(e.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(e.source, '')::text AS source,
    coalesce(e.reference, '')::text AS reference,
    coalesce(e.enrolled_at, now())::timestamptz AS enrolled_at,
    e.completed_at,
    coalesce(e.progress, 0)::integer AS progress,
    coalesce(e.lessons_completed, 0)::integer AS lessons_completed,
    coalesce(e.lessons_total, 0)::integer AS lessons_total,
    coalesce(e.slug, '')::text AS slug,
    coalesce(e.title, '')::text AS title,
    coalesce(e.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(n.id, '00000000-0000-0000-0000-000000000000')::uuid AS next_lesson_id,
    coalesce(n.title, '')::text AS next_lesson_title,
    coalesce(n.position, 0)::integer AS next_lesson_position
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT
        e.id,
        e.course_id,
        e.source,
        e.reference,
        e.enrolled_at,
        e.completed_at,
        e.progress,
        e.lessons_completed,
        e.lessons_total,
        c.slug,
        c.title,
        c.thumbnail_url
    FROM public.enrollments AS e
    JOIN public.courses AS c ON c.id = e.course_id
    WHERE e.user_id = sqlc.arg(user_id)::uuid
        AND (e.enrolled_at, e.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY e.enrolled_at DESC, e.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS e ON TRUE
LEFT JOIN LATERAL (
    SELECT l.id, l.title, l."order" AS position
    FROM public.lessons AS l
    WHERE l.course_id = e.course_id
        AND e.completed_at IS NULL
        AND NOT EXISTS (
            SELECT
            FROM public.progress AS p
            WHERE p.user_id = sqlc.arg(user_id)::uuid AND p.lesson_id = l.id AND p.completed
        )
    ORDER BY l."order"
    LIMIT 1
) AS n ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
ORDER BY e.enrolled_at DESC, e.id DESC;

-- name: EnrollmentListByCourse :many
-- EnrollmentListByCourse is the roster of a course, the newest enrollment first.
-- No row at all means no such course, or another teacher's; one without an
-- enrollment, no learners. Bounded by the limit inside.
SELECT
    coalesce(e.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(e.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(e.source, '')::text AS source,
    coalesce(e.reference, '')::text AS reference,
    coalesce(e.enrolled_at, now())::timestamptz AS enrolled_at,
    e.completed_at,
    coalesce(e.progress, 0)::integer AS progress,
    coalesce(e.lessons_completed, 0)::integer AS lessons_completed,
    coalesce(e.lessons_total, 0)::integer AS lessons_total,
    coalesce(e.name, '')::text AS name,
    coalesce(e.email, '')::text AS email
FROM public.courses AS c
LEFT JOIN LATERAL (
    SELECT
        e.id,
        e.user_id,
        e.source,
        e.reference,
        e.enrolled_at,
        e.completed_at,
        e.progress,
        e.lessons_completed,
        e.lessons_total,
        u.name,
        u.email
    FROM public.enrollments AS e
    JOIN public.users AS u ON u.id = e.user_id
    WHERE e.course_id = sqlc.arg(course_id)::uuid
        AND (e.enrolled_at, e.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY e.enrolled_at DESC, e.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS e ON TRUE
WHERE c.id = sqlc.arg(course_id)::uuid
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
ORDER BY e.enrolled_at DESC, e.id DESC;
