-- name: LessonComplete :one
-- LessonComplete marks a lesson done. The trigger on progress moves the counters;
-- what it will write is foretold from the enrollment, which is locked first, so
-- that its columns are fresh however long that took. Time spent is the client's
-- running total for the lesson, so a retry adds nothing. Locks the user and the
-- lesson KEY SHARE, the enrollment NO KEY UPDATE. A replay locks nothing, and
-- writes only a greater time. The first completion time is kept.
-- Verdicts: course_completed (once per enrollment), completed, already,
-- user_unknown, lesson_unknown, not_enrolled, raced.
WITH target AS MATERIALIZED (
    SELECT
        u.id AS user_id,
        l.id AS lesson_id,
        e.course_id,
        e.completed_at,
        e.progress,
        e.lessons_completed,
        e.lessons_total
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.lessons AS l ON l.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND l.id = sqlc.arg(lesson_id)::uuid
        AND NOT EXISTS (
            SELECT
            FROM public.progress AS p
            WHERE p.user_id = u.id AND p.lesson_id = l.id AND p.completed
        )
    FOR KEY SHARE OF u
    FOR KEY SHARE OF l
    FOR NO KEY UPDATE OF e
), marked AS (
    INSERT INTO public.progress AS p (id, user_id, lesson_id, completed, completed_at, time_spent)
    SELECT
        sqlc.arg(id)::uuid,
        t.user_id,
        t.lesson_id,
        TRUE,
        now(),
        sqlc.arg(time_spent)::integer
    FROM target AS t
    ON CONFLICT (user_id, lesson_id) DO UPDATE
    SET completed = TRUE,
        completed_at = coalesce(p.completed_at, excluded.completed_at),
        time_spent = greatest(p.time_spent, excluded.time_spent)
    WHERE NOT p.completed
    RETURNING p.completed_at
), raised AS (
    UPDATE public.progress AS p
    SET time_spent = sqlc.arg(time_spent)::integer
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.lessons AS l ON l.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND l.id = sqlc.arg(lesson_id)::uuid
        AND p.user_id = u.id
        AND p.lesson_id = l.id
        AND p.completed
        AND p.time_spent < sqlc.arg(time_spent)::integer
), outcome AS (
    SELECT
        t.user_id,
        t.course_id,
        m.completed_at,
        t.completed_at IS NULL AND t.lessons_completed + 1 >= t.lessons_total AS course_completed,
        CASE
            WHEN t.completed_at IS NULL
                THEN public.progress_percent(t.lessons_completed + 1, t.lessons_total)
            ELSE t.progress
        END AS progress
    FROM target AS t
    CROSS JOIN marked AS m
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        o.user_id,
        'course_completed',
        left(replace(sqlc.arg(notice_title)::text, '{course}', c.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', c.title)
    FROM outcome AS o
    JOIN public.courses AS c ON c.id = o.course_id
    WHERE o.course_completed
)
SELECT
    (CASE
        WHEN o.course_completed THEN 'course_completed'
        WHEN o.user_id IS NOT NULL THEN 'completed'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN l.id IS NULL THEN 'lesson_unknown'
        WHEN e.id IS NULL THEN 'not_enrolled'
        WHEN p.completed THEN 'already'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(o.progress, e.progress, 0)::integer AS progress,
    coalesce(o.completed_at, p.completed_at) AS completed_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.lessons AS l ON l.id = sqlc.arg(lesson_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = l.course_id
LEFT JOIN public.progress AS p ON p.user_id = u.id AND p.lesson_id = l.id
LEFT JOIN outcome AS o ON TRUE;

-- name: LessonUncomplete :one
-- LessonUncomplete takes a completion back; the trigger on progress counts it off
-- unless the enrollment is completed. The first completion time stays, for the
-- day the lesson is completed again. Locks the user KEY SHARE and the enrollment
-- NO KEY UPDATE, which the trigger would lock only after the progress row; the
-- lesson needs none, for nothing new refers to it.
-- Verdicts: uncompleted, already, user_unknown, lesson_unknown, not_enrolled,
-- raced.
WITH target AS MATERIALIZED (
    SELECT
        u.id AS user_id,
        l.id AS lesson_id,
        e.completed_at,
        e.progress,
        e.lessons_completed,
        e.lessons_total
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.lessons AS l ON l.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND l.id = sqlc.arg(lesson_id)::uuid
        AND EXISTS (
            SELECT
            FROM public.progress AS p
            WHERE p.user_id = u.id AND p.lesson_id = l.id AND p.completed
        )
    FOR KEY SHARE OF u
    FOR NO KEY UPDATE OF e
), unmarked AS (
    UPDATE public.progress AS p
    SET completed = FALSE
    FROM target AS t
    WHERE p.user_id = t.user_id AND p.lesson_id = t.lesson_id AND p.completed
    RETURNING p.id
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'uncompleted'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN l.id IS NULL THEN 'lesson_unknown'
        WHEN e.id IS NULL THEN 'not_enrolled'
        WHEN p.completed THEN 'raced'
        ELSE 'already'
    END)::text AS verdict,
    (CASE
        WHEN m.id IS NOT NULL AND t.completed_at IS NULL
            THEN public.progress_percent(greatest(0, t.lessons_completed - 1), t.lessons_total)
        ELSE coalesce(t.progress, e.progress, 0)
    END)::integer AS progress
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.lessons AS l ON l.id = sqlc.arg(lesson_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = l.course_id
LEFT JOIN public.progress AS p ON p.user_id = u.id AND p.lesson_id = l.id
LEFT JOIN target AS t ON TRUE
LEFT JOIN unmarked AS m ON TRUE;

-- name: StudyTimeRecord :one
-- StudyTimeRecord keeps the client's running total of seconds for a lesson, with
-- the position it was sent from: the greater total wins, so repeated and late
-- messages change nothing. It never completes a lesson. A row that exists is
-- updated without locking its parents; only the first message of a lesson
-- inserts, behind KEY SHARE of user, lesson and enrollment: whoever removes the
-- enrollment with its progress waits, and then sees it.
-- Verdicts: recorded, unchanged, user_unknown, lesson_unknown, not_enrolled,
-- raced.
WITH grown AS (
    UPDATE public.progress AS p
    SET time_spent = sqlc.arg(time_spent)::integer,
        position = sqlc.arg(position)::integer
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.lessons AS l ON l.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND l.id = sqlc.arg(lesson_id)::uuid
        AND p.user_id = u.id
        AND p.lesson_id = l.id
        AND p.time_spent < sqlc.arg(time_spent)::integer
    RETURNING p.id
), target AS MATERIALIZED (
    SELECT u.id AS user_id, l.id AS lesson_id
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.lessons AS l ON l.course_id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND l.id = sqlc.arg(lesson_id)::uuid
        AND NOT EXISTS (
            SELECT
            FROM public.progress AS p
            WHERE p.user_id = u.id AND p.lesson_id = l.id
        )
    FOR KEY SHARE OF u
    FOR KEY SHARE OF l
    FOR KEY SHARE OF e
), begun AS (
    INSERT INTO public.progress AS p (id, user_id, lesson_id, time_spent, position)
    SELECT
        sqlc.arg(id)::uuid,
        t.user_id,
        t.lesson_id,
        sqlc.arg(time_spent)::integer,
        sqlc.arg(position)::integer
    FROM target AS t
    ON CONFLICT (user_id, lesson_id) DO UPDATE
    SET time_spent = excluded.time_spent,
        position = excluded.position
    WHERE p.time_spent < excluded.time_spent
    RETURNING p.id
), recorded AS (
    SELECT g.id
    FROM grown AS g
    UNION ALL
    SELECT b.id
    FROM begun AS b
)
SELECT
    (CASE
        WHEN r.id IS NOT NULL THEN 'recorded'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN l.id IS NULL THEN 'lesson_unknown'
        WHEN e.id IS NULL THEN 'not_enrolled'
        WHEN p.time_spent >= sqlc.arg(time_spent)::integer THEN 'unchanged'
        ELSE 'raced'
    END)::text AS verdict,
    (CASE
        WHEN r.id IS NOT NULL THEN sqlc.arg(time_spent)::integer
        ELSE coalesce(p.time_spent, 0)
    END)::integer AS time_spent,
    (CASE
        WHEN r.id IS NOT NULL THEN sqlc.arg(position)::integer
        ELSE coalesce(p.position, 0)
    END)::integer AS position
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.lessons AS l ON l.id = sqlc.arg(lesson_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = l.course_id
LEFT JOIN public.progress AS p ON p.user_id = u.id AND p.lesson_id = l.id
LEFT JOIN recorded AS r ON TRUE;

-- name: ProgressReset :one
-- ProgressReset forgets what a learner did in a course that is not completed,
-- after EnrollmentLock: completions and first messages of study time wait for it,
-- or it for them, and what they wrote goes too. Beside an enrollment that was made
-- since, and is not locked, the course could be completed meanwhile. The trigger
-- on progress counts the lessons off.
-- Verdicts: reset, user_unknown, course_unknown, not_enrolled, completed, raced.
WITH target AS MATERIALIZED (
    SELECT u.id AS user_id, e.course_id
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND e.course_id = sqlc.arg(course_id)::uuid
        AND e.id::text = current_setting('elevate.enrollment', TRUE)
        AND e.completed_at IS NULL
), wiped AS (
    DELETE FROM public.progress AS p
    USING target AS t, public.lessons AS l
    WHERE l.course_id = t.course_id
        AND p.lesson_id = l.id
        AND p.user_id = t.user_id
    RETURNING p.id
)
SELECT
    (CASE
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN e.id IS NULL THEN 'not_enrolled'
        WHEN e.completed_at IS NOT NULL THEN 'completed'
        WHEN t.user_id IS NULL THEN 'raced'
        ELSE 'reset'
    END)::text AS verdict,
    (SELECT count(*) FROM wiped)::integer AS removed
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN target AS t ON TRUE;
