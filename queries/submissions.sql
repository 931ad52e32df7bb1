-- name: SubmissionLock :exec
-- SubmissionLock is sent before SubmissionPut. Locks the user and the assignment
-- KEY SHARE, and the enrollment NO KEY UPDATE: what one learner hands in at once
-- comes one after the other, and who is leaving the course is waited for. The
-- setting says what it found: an assignment or an enrollment that was made since
-- has not been waited for. In a CTE, so that it is set after the wait.
WITH locked AS MATERIALIZED (
    SELECT a.id AS assignment_id, e.id AS enrollment_id
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.assignments AS a ON a.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid AND a.id = sqlc.arg(assignment_id)::uuid
    FOR KEY SHARE OF u
    FOR KEY SHARE OF a
    FOR NO KEY UPDATE OF e
)
SELECT set_config('elevate.submission', k.assignment_id::text || ' ' || k.enrollment_id::text, TRUE)
FROM locked AS k;

-- name: SubmissionPut :one
-- SubmissionPut hands in an attempt, after SubmissionLock, and supersedes the one
-- before. That one is locked, so that a grade in flight is waited for and judged.
-- The INSERT joins the counts, and so runs after the UPDATE. Whether the attempt is
-- late, and what that costs, is settled here, by the statement's time. That becomes
-- its submitted_at, unless it is not later than that of the attempt before: a batch
-- of the simple protocol has the time from before it waited for the enrollment, and
-- a clock may be set back. The id makes a repeat harmless, whatever became of the
-- attempt since.
-- Verdicts: created, already, id_taken, user_unknown, assignment_unknown,
-- not_enrolled, past_due, graded, raced.
WITH known AS MATERIALIZED (
    SELECT
        s.id,
        s.assignment_id,
        s.user_id,
        s.attempt,
        s.content,
        s.file_url,
        s.late,
        s.late_penalty,
        s.submitted_at,
        s.superseded_at,
        s.graded_at,
        s.raw_score,
        s.score,
        s.feedback
    FROM public.submissions AS s
    WHERE s.id = sqlc.arg(id)::uuid
), target AS MATERIALIZED (
    SELECT
        a.id AS assignment_id,
        u.id AS user_id,
        a.allow_late,
        a.late_penalty,
        coalesce(a.due_date < statement_timestamp(), FALSE) AS late,
        coalesce(
            current_setting('elevate.submission', TRUE) = a.id::text || ' ' || e.id::text, FALSE
        ) AS held
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.assignments AS a ON a.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND a.id = sqlc.arg(assignment_id)::uuid
), latest AS MATERIALIZED (
    SELECT
        s.id,
        s.attempt,
        s.graded_at,
        greatest(statement_timestamp(), s.submitted_at + interval '1 microsecond') AS next_at
    FROM target AS t
    JOIN public.submissions AS s ON s.assignment_id = t.assignment_id AND s.user_id = t.user_id
    WHERE t.held
        AND (t.allow_late OR NOT t.late)
        AND s.superseded_at IS NULL
        AND NOT EXISTS (SELECT FROM known)
    FOR NO KEY UPDATE OF s
), superseded AS (
    UPDATE public.submissions AS s
    SET superseded_at = r.next_at
    FROM latest AS r
    WHERE s.id = r.id AND r.graded_at IS NULL
    RETURNING s.id
), put AS (
    INSERT INTO public.submissions (
        id, assignment_id, user_id, attempt, content, file_url, late, late_penalty, submitted_at
    )
    SELECT
        sqlc.arg(id)::uuid,
        t.assignment_id,
        t.user_id,
        r.attempt + 1,
        sqlc.arg(content)::text,
        sqlc.narg(file_url)::text,
        t.late,
        CASE WHEN t.late THEN t.late_penalty ELSE 0 END,
        r.next_at
    FROM target AS t
    CROSS JOIN (
        SELECT
            count(*) AS n,
            coalesce(max(r.attempt), 0) AS attempt,
            coalesce(max(r.next_at), statement_timestamp()) AS next_at
        FROM latest AS r
    ) AS r
    CROSS JOIN (SELECT count(*) AS n FROM superseded) AS d
    WHERE t.held
        AND (t.allow_late OR NOT t.late)
        AND r.n = d.n
        AND NOT EXISTS (SELECT FROM known)
    ON CONFLICT (assignment_id, user_id) WHERE superseded_at IS NULL DO NOTHING
    RETURNING
        id,
        assignment_id,
        user_id,
        attempt,
        content,
        file_url,
        late,
        late_penalty,
        submitted_at,
        superseded_at,
        graded_at,
        raw_score,
        score,
        feedback
), shown AS (
    SELECT n.*
    FROM put AS n
    UNION ALL
    SELECT k.*
    FROM known AS k
)
SELECT
    (CASE
        WHEN n.id IS NOT NULL THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN s.user_id = u.id AND s.assignment_id = a.id THEN 'already'
        WHEN a.id IS NULL THEN 'assignment_unknown'
        WHEN s.id IS NOT NULL THEN 'id_taken'
        WHEN t.assignment_id IS NULL THEN 'not_enrolled'
        WHEN NOT t.held THEN 'raced'
        WHEN t.late AND NOT t.allow_late THEN 'past_due'
        WHEN r.graded_at IS NOT NULL THEN 'graded'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    sqlc.arg(assignment_id)::uuid AS assignment_id,
    sqlc.arg(user_id)::uuid AS user_id,
    coalesce(s.attempt, 0)::integer AS attempt,
    coalesce(s.content, '')::text AS content,
    coalesce(s.file_url, '')::text AS file_url,
    coalesce(s.late, FALSE)::boolean AS late,
    coalesce(s.late_penalty, 0)::integer AS late_penalty,
    coalesce(s.submitted_at, now())::timestamptz AS submitted_at,
    s.superseded_at,
    s.graded_at,
    coalesce(s.raw_score, 0)::integer AS raw_score,
    coalesce(s.score, 0)::integer AS score,
    coalesce(s.feedback, '')::text AS feedback
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.assignments AS a ON a.id = sqlc.arg(assignment_id)::uuid
LEFT JOIN target AS t ON TRUE
LEFT JOIN latest AS r ON TRUE
LEFT JOIN put AS n ON TRUE
LEFT JOIN shown AS s ON TRUE;

-- name: SubmissionGrade :one
-- SubmissionGrade grades the attempt that the teacher saw, if it is still the
-- latest, and notifies the learner. Locks the user KEY SHARE, the assignment
-- SHARE, which keeps its maximum still, and the attempt NO KEY UPDATE: another
-- attempt in flight is waited for, and takes the row away. Whether the grade differs
-- is asked of the locked row: the UPDATE itself would first ask the version that
-- its snapshot has, and take a grade given anew for a repeat. A grade is never older
-- than the attempt, and newer than the one before, whatever the clock says. The
-- trigger on submissions keeps the grade. A title may hold a placeholder, so the
-- notice is split at one of them and gets the other title before it is joined.
-- Verdicts: graded, unchanged, submission_unknown, superseded,
-- score_out_of_range, raced.
WITH target AS MATERIALIZED (
    SELECT
        s.id,
        u.id AS user_id,
        a.title AS assignment_title,
        c.title AS course_title,
        sqlc.arg(score)::integer <= a.max_score AS in_range,
        s.raw_score,
        s.score,
        s.graded_at,
        greatest(
            statement_timestamp(), s.submitted_at, s.graded_at + interval '1 microsecond'
        ) AS next_at,
        s.graded_at IS NULL
            OR (s.raw_score, s.score, s.feedback)
                IS DISTINCT FROM (
                    sqlc.arg(score)::integer,
                    public.late_score(sqlc.arg(score)::integer, s.late_penalty),
                    sqlc.narg(feedback)::text
                ) AS differs
    FROM public.users AS u
    JOIN public.submissions AS s ON s.user_id = u.id
    JOIN public.assignments AS a ON a.id = s.assignment_id
    JOIN public.courses AS c ON c.id = a.course_id
    WHERE s.id = sqlc.arg(submission_id)::uuid
        AND s.assignment_id = sqlc.arg(assignment_id)::uuid
        AND s.user_id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND s.superseded_at IS NULL
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
    FOR KEY SHARE OF u
    FOR SHARE OF a
    FOR NO KEY UPDATE OF s
), graded AS (
    UPDATE public.submissions AS s
    SET raw_score = sqlc.arg(score)::integer,
        score = public.late_score(sqlc.arg(score)::integer, s.late_penalty),
        feedback = sqlc.narg(feedback)::text,
        graded_at = t.next_at
    FROM target AS t
    WHERE s.id = t.id AND t.in_range AND t.differs
    RETURNING s.id, s.raw_score, s.score, s.graded_at
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        t.user_id,
        'graded',
        left(
            array_to_string(
                ARRAY(
                    SELECT replace(p.part, '{course}', t.course_title)
                    FROM unnest(string_to_array(sqlc.arg(notice_title)::text, '{assignment}'))
                        WITH ORDINALITY AS p (part, nth)
                    ORDER BY p.nth
                ),
                t.assignment_title
            ),
            255
        ),
        array_to_string(
            ARRAY(
                SELECT replace(p.part, '{course}', t.course_title)
                FROM unnest(string_to_array(sqlc.arg(notice)::text, '{assignment}'))
                    WITH ORDINALITY AS p (part, nth)
                ORDER BY p.nth
            ),
            t.assignment_title
        )
    FROM graded AS g
    CROSS JOIN target AS t
)
SELECT
    (CASE
        WHEN g.id IS NOT NULL THEN 'graded'
        WHEN c.id IS NULL OR u.erased_at IS NOT NULL THEN 'submission_unknown'
        WHEN NOT t.in_range THEN 'score_out_of_range'
        WHEN t.id IS NOT NULL THEN 'unchanged'
        WHEN s.superseded_at IS NOT NULL THEN 'superseded'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(g.graded_at, t.graded_at, now())::timestamptz AS graded_at,
    coalesce(g.raw_score, t.raw_score, 0)::integer AS raw_score,
    coalesce(g.score, t.score, 0)::integer AS score
FROM (SELECT) AS one
LEFT JOIN public.submissions AS s
    ON s.id = sqlc.arg(submission_id)::uuid
    AND s.assignment_id = sqlc.arg(assignment_id)::uuid
    AND s.user_id = sqlc.arg(user_id)::uuid
LEFT JOIN public.users AS u ON u.id = s.user_id
LEFT JOIN public.assignments AS a ON a.id = s.assignment_id
LEFT JOIN public.courses AS c
    ON c.id = a.course_id
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
LEFT JOIN target AS t ON TRUE
LEFT JOIN graded AS g ON TRUE;

-- name: SubmissionGet :one
-- SubmissionGet is an attempt with its texts, for the learner and those who teach
-- the course.
SELECT
    s.id,
    s.assignment_id,
    s.user_id,
    s.attempt,
    s.content,
    coalesce(s.file_url, '')::text AS file_url,
    s.late,
    s.late_penalty,
    s.submitted_at,
    s.superseded_at,
    s.graded_at,
    coalesce(s.raw_score, 0)::integer AS raw_score,
    coalesce(s.score, 0)::integer AS score,
    coalesce(s.feedback, '')::text AS feedback
FROM public.submissions AS s
JOIN public.assignments AS a ON a.id = s.assignment_id
JOIN public.courses AS c ON c.id = a.course_id
WHERE s.id = sqlc.arg(id)::uuid
    AND (
        s.user_id = sqlc.arg(reader_id)::uuid
        OR public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
    );

-- name: SubmissionListByAssignment :many
-- SubmissionListByAssignment is the latest attempt of each learner without its
-- text, what waits for a grade first, the oldest of it first. Each half is a range
-- of an index. No row at all means no such assignment, or another teacher's; one
-- without a submission, no submissions. Bounded by the limits inside.
SELECT
    coalesce(s.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    a.course_id,
    sqlc.arg(assignment_id)::uuid AS assignment_id,
    a.title AS assignment_title,
    coalesce(s.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(u.name, '')::text AS name,
    coalesce(s.attempt, 0)::integer AS attempt,
    coalesce(s.file_url, '')::text AS file_url,
    coalesce(s.late, FALSE)::boolean AS late,
    coalesce(s.late_penalty, 0)::integer AS late_penalty,
    coalesce(s.submitted_at, now())::timestamptz AS submitted_at,
    s.superseded_at,
    s.graded_at,
    coalesce(s.raw_score, 0)::integer AS raw_score,
    coalesce(s.score, 0)::integer AS score,
    coalesce(s.feedback, '')::text AS feedback
FROM public.assignments AS a
JOIN public.courses AS c ON c.id = a.course_id
LEFT JOIN LATERAL (
    SELECT s.*
    FROM (
        (
            SELECT s.*
            FROM public.submissions AS s
            WHERE s.assignment_id = sqlc.arg(assignment_id)::uuid
                AND s.superseded_at IS NULL
                AND s.graded_at IS NULL
                AND NOT sqlc.arg(graded)::boolean
                AND (s.submitted_at, s.id) > (sqlc.arg(after_at)::timestamptz, sqlc.arg(after_id)::uuid)
            ORDER BY s.submitted_at, s.id
            LIMIT sqlc.arg(row_limit)::integer
        )
        UNION ALL
        (
            SELECT s.*
            FROM public.submissions AS s
            WHERE s.assignment_id = sqlc.arg(assignment_id)::uuid
                AND s.superseded_at IS NULL
                AND s.graded_at IS NOT NULL
                AND (s.submitted_at, s.id) > (
                    CASE
                        WHEN sqlc.arg(graded)::boolean THEN sqlc.arg(after_at)::timestamptz
                        ELSE '-infinity'
                    END,
                    sqlc.arg(after_id)::uuid
                )
            ORDER BY s.submitted_at, s.id
            LIMIT sqlc.arg(row_limit)::integer
        )
    ) AS s
    ORDER BY s.graded_at IS NOT NULL, s.submitted_at, s.id
    LIMIT sqlc.arg(row_limit)::integer
) AS s ON TRUE
LEFT JOIN public.users AS u ON u.id = s.user_id
WHERE a.id = sqlc.arg(assignment_id)::uuid
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
ORDER BY s.graded_at IS NOT NULL, s.submitted_at, s.id;

-- name: SubmissionListAttempts :many
-- SubmissionListAttempts is all attempts of a learner at an assignment without
-- their texts, the newest first, for the learner and those who teach the course. No
-- row at all means no such assignment for this reader, or, but for trusted actors,
-- who have no teacher_id, a user who is no learner there: nobody learns which ids
-- exist. One without a submission, no attempts.
-- Bounded by the limit inside.
SELECT
    coalesce(s.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    a.course_id,
    sqlc.arg(assignment_id)::uuid AS assignment_id,
    a.title AS assignment_title,
    sqlc.arg(user_id)::uuid AS user_id,
    u.name,
    coalesce(s.attempt, 0)::integer AS attempt,
    coalesce(s.file_url, '')::text AS file_url,
    coalesce(s.late, FALSE)::boolean AS late,
    coalesce(s.late_penalty, 0)::integer AS late_penalty,
    coalesce(s.submitted_at, now())::timestamptz AS submitted_at,
    s.superseded_at,
    s.graded_at,
    coalesce(s.raw_score, 0)::integer AS raw_score,
    coalesce(s.score, 0)::integer AS score,
    coalesce(s.feedback, '')::text AS feedback
FROM public.users AS u
CROSS JOIN public.assignments AS a
JOIN public.courses AS c ON c.id = a.course_id
LEFT JOIN LATERAL (
    SELECT s.*
    FROM public.submissions AS s
    WHERE s.user_id = sqlc.arg(user_id)::uuid
        AND s.assignment_id = sqlc.arg(assignment_id)::uuid
        AND (s.submitted_at, s.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY s.submitted_at DESC, s.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS s ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
    AND a.id = sqlc.arg(assignment_id)::uuid
    AND (
        u.id = sqlc.arg(reader_id)::uuid
        OR public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
    )
    AND (
        s.id IS NOT NULL
        OR sqlc.narg(teacher_id)::uuid IS NULL
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            WHERE e.user_id = sqlc.arg(user_id)::uuid AND e.course_id = c.id
        )
    )
ORDER BY s.submitted_at DESC, s.id DESC;

-- name: SubmissionListByUser :many
-- SubmissionListByUser is all attempts of a learner, at whatever assignment,
-- without their texts, the newest first: all that there are for the learner, and
-- those in their own courses for who teaches. No row at all means no such user, or
-- for a teacher one who never handed in and is not enrolled in a course of theirs;
-- one without a submission, no attempts. Bounded by the limit inside.
SELECT
    coalesce(s.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(s.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(s.assignment_id, '00000000-0000-0000-0000-000000000000')::uuid AS assignment_id,
    coalesce(s.assignment_title, '')::text AS assignment_title,
    sqlc.arg(user_id)::uuid AS user_id,
    u.name,
    coalesce(s.attempt, 0)::integer AS attempt,
    coalesce(s.file_url, '')::text AS file_url,
    coalesce(s.late, FALSE)::boolean AS late,
    coalesce(s.late_penalty, 0)::integer AS late_penalty,
    coalesce(s.submitted_at, now())::timestamptz AS submitted_at,
    s.superseded_at,
    s.graded_at,
    coalesce(s.raw_score, 0)::integer AS raw_score,
    coalesce(s.score, 0)::integer AS score,
    coalesce(s.feedback, '')::text AS feedback
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT s.*, a.course_id, a.title AS assignment_title
    FROM public.submissions AS s
    JOIN public.assignments AS a ON a.id = s.assignment_id
    JOIN public.courses AS c ON c.id = a.course_id
    WHERE s.user_id = sqlc.arg(user_id)::uuid
        AND (s.submitted_at, s.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
        AND (
            s.user_id = sqlc.arg(reader_id)::uuid
            OR public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        )
    ORDER BY s.submitted_at DESC, s.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS s ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
    AND (
        s.id IS NOT NULL
        OR u.id = sqlc.arg(reader_id)::uuid
        OR sqlc.narg(teacher_id)::uuid IS NULL
        OR EXISTS (
            SELECT
            FROM public.enrollments AS e
            JOIN public.courses AS c ON c.id = e.course_id
            WHERE e.user_id = sqlc.arg(user_id)::uuid
                AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        )
    )
ORDER BY s.submitted_at DESC, s.id DESC;

-- name: GradeList :many
-- GradeList is every grade that a submission was given, in that order. A number is
-- one grade's, so the order is total. No row at all means no such submission, or
-- another teacher's; one without a grade, no grades. Bounded by the limit inside.
SELECT
    coalesce(g.nth, 0)::integer AS nth,
    coalesce(g.raw_score, 0)::integer AS raw_score,
    coalesce(g.score, 0)::integer AS score,
    coalesce(g.feedback, '')::text AS feedback,
    coalesce(g.graded_at, now())::timestamptz AS graded_at,
    coalesce(g.graded_by, '00000000-0000-0000-0000-000000000000')::uuid AS graded_by
FROM public.submissions AS s
JOIN public.assignments AS a ON a.id = s.assignment_id
JOIN public.courses AS c ON c.id = a.course_id
LEFT JOIN LATERAL (
    SELECT g.nth, g.raw_score, g.score, g.feedback, g.graded_at, g.graded_by
    FROM public.grades AS g
    WHERE g.submission_id = sqlc.arg(submission_id)::uuid AND g.nth > sqlc.arg(after)::integer
    ORDER BY g.nth
    LIMIT sqlc.arg(row_limit)::integer
) AS g ON TRUE
WHERE s.id = sqlc.arg(submission_id)::uuid
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
ORDER BY g.nth;

-- name: GradebookRead :many
-- GradebookRead is a page of the learners of a course, the newest enrollment
-- first, and their latest attempts at its assignments, in arrays that run in step.
-- The first row, which is no learner's, has the assignments. No row at all means
-- no such course, or another teacher's. LIMIT has each attempt looked up by index,
-- however few rows the planner expects. Bounded by the limit of learners and by the
-- course's assignments.
WITH course AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), asked AS MATERIALIZED (
    SELECT
        a.id,
        a.title,
        a.max_score,
        row_number() OVER (ORDER BY a.due_date, a.id) AS place
    FROM course AS c
    JOIN public.assignments AS a ON a.course_id = c.id
), learner AS MATERIALIZED (
    SELECT e.id, e.user_id, e.enrolled_at
    FROM public.enrollments AS e
    WHERE e.course_id = sqlc.arg(course_id)::uuid
        AND EXISTS (SELECT FROM course)
        AND (e.enrolled_at, e.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY e.enrolled_at DESC, e.id DESC
    LIMIT sqlc.arg(row_limit)::integer
), line AS (
    SELECT
        TRUE AS heading,
        '00000000-0000-0000-0000-000000000000'::uuid AS id,
        '00000000-0000-0000-0000-000000000000'::uuid AS user_id,
        now() AS enrolled_at,
        array_agg(a.id ORDER BY a.place) AS ids,
        array_agg(a.title ORDER BY a.place) AS titles,
        array_agg(a.max_score ORDER BY a.place) AS scores,
        NULL::boolean[] AS graded,
        NULL::boolean[] AS late
    FROM asked AS a
    UNION ALL
    SELECT
        FALSE,
        e.id,
        e.user_id,
        e.enrolled_at,
        array_agg(coalesce(s.id, '00000000-0000-0000-0000-000000000000') ORDER BY a.place)
            FILTER (WHERE a.id IS NOT NULL),
        NULL,
        array_agg(coalesce(s.score, 0) ORDER BY a.place) FILTER (WHERE a.id IS NOT NULL),
        array_agg(s.graded_at IS NOT NULL ORDER BY a.place) FILTER (WHERE a.id IS NOT NULL),
        array_agg(coalesce(s.late, FALSE) ORDER BY a.place) FILTER (WHERE a.id IS NOT NULL)
    FROM learner AS e
    LEFT JOIN asked AS a ON TRUE
    LEFT JOIN LATERAL (
        SELECT s.id, s.score, s.graded_at, s.late
        FROM public.submissions AS s
        WHERE s.assignment_id = a.id AND s.user_id = e.user_id AND s.superseded_at IS NULL
        LIMIT 1
    ) AS s ON TRUE
    GROUP BY e.id, e.user_id, e.enrolled_at
)
SELECT
    e.id::uuid AS id,
    e.user_id::uuid AS user_id,
    coalesce(u.name, '')::text AS name,
    coalesce(u.email, '')::text AS email,
    e.enrolled_at::timestamptz AS enrolled_at,
    coalesce(e.ids, '{}')::uuid[] AS ids,
    coalesce(e.titles, '{}')::text[] AS titles,
    coalesce(e.scores, '{}')::integer[] AS scores,
    coalesce(e.graded, '{}')::boolean[] AS graded,
    coalesce(e.late, '{}')::boolean[] AS late
FROM course AS c
JOIN line AS e ON TRUE
LEFT JOIN public.users AS u ON u.id = e.user_id
ORDER BY e.heading DESC, e.enrolled_at DESC, e.id DESC;
