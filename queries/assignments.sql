-- name: AssignmentCreate :one
-- AssignmentCreate adds an assignment to a course. Locks the course KEY SHARE: a
-- deletion in flight is waited for. The id makes a repeat harmless.
-- Verdicts: created, already, id_taken, course_unknown, raced.
WITH course AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND NOT EXISTS (
            SELECT
            FROM public.assignments AS a
            WHERE a.id = sqlc.arg(id)::uuid
        )
    FOR KEY SHARE OF c
), created AS (
    INSERT INTO public.assignments (
        id, course_id, title, description, due_date, max_score, allow_late, late_penalty
    )
    SELECT
        sqlc.arg(id)::uuid,
        c.id,
        sqlc.arg(title)::text,
        sqlc.arg(description)::text,
        sqlc.narg(due_date)::timestamptz,
        sqlc.arg(max_score)::integer,
        sqlc.arg(allow_late)::boolean,
        sqlc.arg(late_penalty)::integer
    FROM course AS c
    ON CONFLICT (id) DO NOTHING
    RETURNING
        id,
        course_id,
        title,
        description,
        due_date,
        max_score,
        allow_late,
        late_penalty,
        version,
        created_at,
        updated_at
), shown AS (
    SELECT m.*
    FROM created AS m
    UNION ALL
    SELECT
        a.id,
        a.course_id,
        a.title,
        a.description,
        a.due_date,
        a.max_score,
        a.allow_late,
        a.late_penalty,
        a.version,
        a.created_at,
        a.updated_at
    FROM public.assignments AS a
    WHERE a.id = sqlc.arg(id)::uuid
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN a.course_id = c.id THEN 'already'
        WHEN a.id IS NOT NULL THEN 'id_taken'
        ELSE 'raced'
    END)::text AS verdict,
    0::integer AS bound,
    sqlc.arg(id)::uuid AS id,
    sqlc.arg(course_id)::uuid AS course_id,
    coalesce(a.title, '')::text AS title,
    coalesce(a.description, '')::text AS description,
    a.due_date,
    coalesce(a.max_score, 0)::integer AS max_score,
    coalesce(a.allow_late, FALSE)::boolean AS allow_late,
    coalesce(a.late_penalty, 0)::integer AS late_penalty,
    coalesce(a.version, 0)::integer AS version,
    coalesce(a.created_at, now())::timestamptz AS created_at,
    coalesce(a.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN public.courses AS c
    ON c.id = sqlc.arg(course_id)::uuid
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
LEFT JOIN shown AS a ON TRUE
LEFT JOIN created AS m ON TRUE;

-- name: AssignmentLock :exec
-- AssignmentLock is sent before AssignmentUpdate: grades, which share the
-- assignment, wait or are waited for, submissions are not. The setting says which
-- assignment is locked: one that was made since is not. In a CTE, so that it is
-- set after the wait.
WITH locked AS MATERIALIZED (
    SELECT a.id
    FROM public.assignments AS a
    WHERE a.id = sqlc.arg(id)::uuid
    FOR NO KEY UPDATE
)
SELECT set_config('elevate.assignment', k.id::text, TRUE)
FROM locked AS k;

-- name: AssignmentUpdate :one
-- AssignmentUpdate replaces what is edited, if the version is still the one that
-- the editor saw, after AssignmentLock: no grade is given meanwhile, so the scores
-- that a lower maximum is held against are all there are. A repeat finds its own
-- values one version later.
-- Verdicts: updated, unchanged, assignment_unknown, conflict, score_given, raced.
WITH target AS MATERIALIZED (
    SELECT
        a.id,
        coalesce(a.id::text = current_setting('elevate.assignment', TRUE), FALSE) AS held,
        (
            SELECT count(*)
            FROM public.submissions AS s
            WHERE s.assignment_id = a.id
                AND sqlc.arg(max_score)::integer < a.max_score
                AND s.raw_score > sqlc.arg(max_score)::integer
        )::integer AS above
    FROM public.assignments AS a
    JOIN public.courses AS c ON c.id = a.course_id
    WHERE a.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), updated AS (
    UPDATE public.assignments AS a
    SET title = sqlc.arg(title)::text,
        description = sqlc.arg(description)::text,
        due_date = sqlc.narg(due_date)::timestamptz,
        max_score = sqlc.arg(max_score)::integer,
        allow_late = sqlc.arg(allow_late)::boolean,
        late_penalty = sqlc.arg(late_penalty)::integer
    FROM target AS t
    WHERE a.id = t.id
        AND t.held
        AND t.above = 0
        AND a.version = sqlc.arg(version)::integer
        AND (a.title, a.description, a.due_date, a.max_score, a.allow_late, a.late_penalty)
            IS DISTINCT FROM (
                sqlc.arg(title)::text,
                sqlc.arg(description)::text,
                sqlc.narg(due_date)::timestamptz,
                sqlc.arg(max_score)::integer,
                sqlc.arg(allow_late)::boolean,
                sqlc.arg(late_penalty)::integer
            )
    RETURNING
        a.id,
        a.course_id,
        a.title,
        a.description,
        a.due_date,
        a.max_score,
        a.allow_late,
        a.late_penalty,
        a.version,
        a.created_at,
        a.updated_at
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
        a.id,
        a.course_id,
        a.title,
        a.description,
        a.due_date,
        a.max_score,
        a.allow_late,
        a.late_penalty,
        a.version,
        a.created_at,
        a.updated_at
    FROM target AS t
    JOIN public.assignments AS a ON a.id = t.id
    WHERE NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN t.id IS NULL THEN 'assignment_unknown'
        WHEN NOT t.held THEN 'raced'
        WHEN a.version - sqlc.arg(version)::integer IN (0, 1)
            AND (a.title, a.description, a.due_date, a.max_score, a.allow_late, a.late_penalty)
                IS NOT DISTINCT FROM (
                    sqlc.arg(title)::text,
                    sqlc.arg(description)::text,
                    sqlc.narg(due_date)::timestamptz,
                    sqlc.arg(max_score)::integer,
                    sqlc.arg(allow_late)::boolean,
                    sqlc.arg(late_penalty)::integer
                ) THEN 'unchanged'
        WHEN a.version <> sqlc.arg(version)::integer THEN 'conflict'
        WHEN t.above > 0 THEN 'score_given'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(t.above, 0)::integer AS bound,
    sqlc.arg(id)::uuid AS id,
    coalesce(a.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(a.title, '')::text AS title,
    coalesce(a.description, '')::text AS description,
    a.due_date,
    coalesce(a.max_score, 0)::integer AS max_score,
    coalesce(a.allow_late, FALSE)::boolean AS allow_late,
    coalesce(a.late_penalty, 0)::integer AS late_penalty,
    coalesce(a.version, 0)::integer AS version,
    coalesce(a.created_at, now())::timestamptz AS created_at,
    coalesce(a.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN target AS t ON TRUE
LEFT JOIN shown AS a ON TRUE
LEFT JOIN updated AS m ON TRUE;

-- name: AssignmentLockToDelete :exec
-- AssignmentLockToDelete is sent before AssignmentDelete. FOR UPDATE, so that it
-- also waits for submissions in flight, which share the key: they are then in the
-- next statement's snapshot. The setting is that of AssignmentLock.
WITH locked AS MATERIALIZED (
    SELECT a.id
    FROM public.assignments AS a
    WHERE a.id = sqlc.arg(id)::uuid
    FOR UPDATE
)
SELECT set_config('elevate.assignment', k.id::text, TRUE)
FROM locked AS k;

-- name: AssignmentDelete :one
-- AssignmentDelete removes an assignment for which nothing was handed in, after
-- AssignmentLockToDelete: nothing can be any more, so the counts stay true.
-- Verdicts: deleted, assignment_unknown, has_grades, has_submissions, raced.
WITH target AS MATERIALIZED (
    SELECT
        a.id,
        coalesce(a.id::text = current_setting('elevate.assignment', TRUE), FALSE) AS held,
        k.submissions,
        k.grades
    FROM public.assignments AS a
    JOIN public.courses AS c ON c.id = a.course_id
    CROSS JOIN LATERAL (
        SELECT
            count(*)::integer AS submissions,
            (count(*) FILTER (WHERE s.graded_at IS NOT NULL))::integer AS grades
        FROM public.submissions AS s
        WHERE s.assignment_id = a.id
    ) AS k
    WHERE a.id = sqlc.arg(id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), gone AS (
    DELETE FROM public.assignments AS a
    USING target AS t
    WHERE a.id = t.id AND t.held AND t.submissions = 0
    RETURNING a.id
)
SELECT
    (CASE
        WHEN g.id IS NOT NULL THEN 'deleted'
        WHEN t.id IS NULL THEN 'assignment_unknown'
        WHEN t.grades > 0 THEN 'has_grades'
        WHEN t.submissions > 0 THEN 'has_submissions'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(nullif(t.grades, 0), t.submissions, 0)::integer AS bound
FROM (SELECT) AS one
LEFT JOIN target AS t ON TRUE
LEFT JOIN gone AS g ON TRUE;

-- name: AssignmentGet :one
-- AssignmentGet is an assignment and the reader's own latest attempt, for those
-- who are enrolled in the course or teach it.
SELECT
    a.id,
    a.course_id,
    a.title,
    a.description,
    a.due_date,
    a.max_score,
    a.allow_late,
    a.late_penalty,
    a.version,
    a.created_at,
    a.updated_at,
    coalesce(s.id, '00000000-0000-0000-0000-000000000000')::uuid AS submission_id,
    coalesce(s.attempt, 0)::integer AS attempt,
    coalesce(s.content, '')::text AS content,
    coalesce(s.file_url, '')::text AS file_url,
    coalesce(s.late, FALSE)::boolean AS late,
    coalesce(s.late_penalty, 0)::integer AS submission_late_penalty,
    coalesce(s.submitted_at, now())::timestamptz AS submitted_at,
    s.graded_at,
    coalesce(s.raw_score, 0)::integer AS raw_score,
    coalesce(s.score, 0)::integer AS score,
    coalesce(s.feedback, '')::text AS feedback
FROM public.assignments AS a
JOIN public.courses AS c ON c.id = a.course_id
LEFT JOIN public.submissions AS s
    ON s.assignment_id = a.id
    AND s.user_id = sqlc.arg(reader_id)::uuid
    AND s.superseded_at IS NULL
WHERE a.id = sqlc.arg(id)::uuid
    AND (
        public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = sqlc.arg(reader_id)::uuid AND e.course_id = c.id
        )
    );

-- name: AssignmentListByCourse :many
-- AssignmentListByCourse is the assignments of a course without their texts, what
-- is due first first, each with the reader's own latest attempt. Those without a
-- date come last, as if they were due on the last day that a cursor knows. No row
-- at all means no such course for this reader; one without an assignment, no
-- assignments. Bounded by the limit inside.
SELECT
    coalesce(a.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(a.title, '')::text AS title,
    a.due_date,
    coalesce(a.max_score, 0)::integer AS max_score,
    coalesce(a.allow_late, FALSE)::boolean AS allow_late,
    coalesce(a.late_penalty, 0)::integer AS late_penalty,
    coalesce(a.submission_id, '00000000-0000-0000-0000-000000000000')::uuid AS submission_id,
    coalesce(a.attempt, 0)::integer AS attempt,
    coalesce(a.late, FALSE)::boolean AS late,
    a.submitted_at,
    a.graded_at,
    coalesce(a.score, 0)::integer AS score,
    coalesce(a.due_by, now())::timestamptz AS due_by
FROM public.courses AS c
LEFT JOIN LATERAL (
    SELECT
        a.id,
        a.title,
        a.due_date,
        a.max_score,
        a.allow_late,
        a.late_penalty,
        s.id AS submission_id,
        s.attempt,
        s.late,
        s.submitted_at,
        s.graded_at,
        s.score,
        least(a.due_date, '9999-12-31 00:00:00+00'::timestamptz) AS due_by
    FROM public.assignments AS a
    LEFT JOIN public.submissions AS s
        ON s.assignment_id = a.id
        AND s.user_id = sqlc.arg(reader_id)::uuid
        AND s.superseded_at IS NULL
    WHERE a.course_id = sqlc.arg(course_id)::uuid
        AND (least(a.due_date, '9999-12-31 00:00:00+00'::timestamptz), a.id)
            > (sqlc.arg(after_at)::timestamptz, sqlc.arg(after_id)::uuid)
    ORDER BY due_by, a.id
    LIMIT sqlc.arg(row_limit)::integer
) AS a ON TRUE
WHERE c.id = sqlc.arg(course_id)::uuid
    AND (
        public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = sqlc.arg(reader_id)::uuid AND e.course_id = c.id
        )
    )
ORDER BY a.due_by, a.id;
