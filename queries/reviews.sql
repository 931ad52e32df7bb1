-- name: ReviewPut :one
-- ReviewPut writes the one review that a learner has of a course, or replaces it.
-- Locks the user, the course and the enrollment KEY SHARE: an erasure and an
-- unenrollment in flight are waited for. The unique index finds the review; the
-- same again changes nothing. A transaction may be older than the review: its
-- last change does not go back. Triggers then count, in the row of the course's
-- figures, which is last in the lock order. To whoever is not enrolled, a course
-- that they do not see is unknown.
-- Verdicts: created, updated, unchanged, user_unknown, course_unknown,
-- not_enrolled, raced.
WITH target AS MATERIALIZED (
    SELECT u.id AS user_id, c.id AS course_id
    FROM public.users AS u
    CROSS JOIN public.courses AS c
    JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND c.id = sqlc.arg(course_id)::uuid
    FOR KEY SHARE OF u
    FOR KEY SHARE OF c
    FOR KEY SHARE OF e
), put AS (
    INSERT INTO public.reviews AS r (id, user_id, course_id, rating, comment)
    SELECT
        sqlc.arg(id)::uuid,
        t.user_id,
        t.course_id,
        sqlc.arg(rating)::integer,
        nullif(sqlc.arg(comment)::text, '')
    FROM target AS t
    ON CONFLICT (user_id, course_id) DO UPDATE
    SET rating = excluded.rating,
        comment = excluded.comment,
        updated_at = greatest(r.updated_at, excluded.updated_at)
    WHERE (r.rating, r.comment) IS DISTINCT FROM (excluded.rating, excluded.comment)
    RETURNING r.id, r.created_at, r.updated_at
)
SELECT
    (CASE
        WHEN m.id = sqlc.arg(id)::uuid THEN 'created'
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN e.id IS NULL AND NOT public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
            THEN 'course_unknown'
        WHEN e.id IS NULL THEN 'not_enrolled'
        WHEN NOT EXISTS (SELECT FROM target) THEN 'raced'
        WHEN r.rating = sqlc.arg(rating)::integer
            AND coalesce(r.comment, '') = sqlc.arg(comment)::text THEN 'unchanged'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.id, r.id, sqlc.arg(id)::uuid)::uuid AS id,
    coalesce(u.name, '')::text AS name,
    coalesce(m.created_at, r.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, r.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN public.reviews AS r ON r.user_id = u.id AND r.course_id = c.id
LEFT JOIN put AS m ON TRUE;

-- name: ReviewDelete :one
-- ReviewDelete removes a learner's review of a course. One that its snapshot has
-- and that it could not remove has gone meanwhile, and may have been written anew.
-- Verdicts: deleted, already, user_unknown, course_unknown, raced.
WITH gone AS (
    DELETE FROM public.reviews AS r
    WHERE r.user_id = sqlc.arg(user_id)::uuid AND r.course_id = sqlc.arg(course_id)::uuid
    RETURNING r.id
)
SELECT
    (CASE
        WHEN g.id IS NOT NULL THEN 'deleted'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN r.id IS NOT NULL THEN 'raced'
        WHEN e.id IS NULL AND NOT public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
            THEN 'course_unknown'
        ELSE 'already'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN public.reviews AS r ON r.user_id = u.id AND r.course_id = c.id
LEFT JOIN gone AS g ON TRUE;

-- name: ReviewListByCourse :many
-- ReviewListByCourse is the reviews of a course, the newest first, for whoever may
-- see the course. No row at all means no such course for this reader; one without
-- a review, no reviews. Bounded by the limit inside.
SELECT
    coalesce(r.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(r.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(r.name, '')::text AS name,
    coalesce(r.rating, 0)::integer AS rating,
    coalesce(r.comment, '')::text AS comment,
    coalesce(r.created_at, now())::timestamptz AS created_at,
    coalesce(r.updated_at, now())::timestamptz AS updated_at
FROM public.courses AS c
LEFT JOIN LATERAL (
    SELECT r.id, r.user_id, u.name, r.rating, r.comment, r.created_at, r.updated_at
    FROM public.reviews AS r
    JOIN public.users AS u ON u.id = r.user_id
    WHERE r.course_id = sqlc.arg(course_id)::uuid
        AND (r.created_at, r.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY r.created_at DESC, r.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS r ON TRUE
WHERE c.id = sqlc.arg(course_id)::uuid
    AND (
        public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = sqlc.arg(reader_id)::uuid AND e.course_id = c.id
        )
    )
ORDER BY r.created_at DESC, r.id DESC;
