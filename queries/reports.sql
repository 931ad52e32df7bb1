-- name: CourseReportRead :one
-- CourseReportRead is the figures of one course. No row means no such course, or
-- another teacher's. Who was active is found by grouping and not by a join, whose
-- cost would depend on how many rows the planner expects of a course that has few
-- or very many. A lesson that is no longer completed keeps the time when it was.
-- Completed before enrolled, which other programs write, counts as at once.
WITH course AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), learners AS (
    SELECT
        count(*) AS enrolled,
        count(e.completed_at) AS completed,
        sum(e.progress) AS progress,
        percentile_cont(0.5) WITHIN GROUP (
            ORDER BY greatest(0, extract(epoch FROM e.completed_at - e.enrolled_at))::double precision
        ) FILTER (WHERE e.completed_at IS NOT NULL) AS median
    FROM public.enrollments AS e
    WHERE e.course_id = sqlc.arg(course_id)::uuid AND EXISTS (SELECT FROM course)
), seen AS (
    SELECT
        e.user_id,
        TRUE AS enrolled,
        greatest(e.enrolled_at, e.completed_at) >= statement_timestamp() - interval '720 hours' AS active
    FROM public.enrollments AS e
    WHERE e.course_id = sqlc.arg(course_id)::uuid AND EXISTS (SELECT FROM course)
    UNION ALL
    SELECT p.user_id, FALSE, TRUE
    FROM public.lessons AS l
    JOIN public.progress AS p ON p.lesson_id = l.id
    WHERE l.course_id = sqlc.arg(course_id)::uuid
        AND p.completed_at >= statement_timestamp() - interval '720 hours'
        AND EXISTS (SELECT FROM course)
), present AS (
    SELECT count(*) AS active
    FROM (
        SELECT s.user_id
        FROM seen AS s
        GROUP BY s.user_id
        HAVING bool_or(s.enrolled) AND bool_or(s.active)
    ) AS s
), paid AS (
    SELECT
        x.currency,
        count(*) AS payments,
        sum(x.amount) AS gross,
        sum(CASE WHEN x.status = 'refunded' THEN x.amount ELSE x.refunded_amount END) AS refunded
    FROM public.payments AS x
    WHERE x.course_id = sqlc.arg(course_id)::uuid
        AND x.status IN ('succeeded', 'refunded')
        AND EXISTS (SELECT FROM course)
    GROUP BY x.currency
), money AS (
    SELECT
        array_agg(m.currency ORDER BY m.currency) AS currencies,
        array_agg(m.payments ORDER BY m.currency) AS payments,
        array_agg(m.gross ORDER BY m.currency) AS gross,
        array_agg(m.refunded ORDER BY m.currency) AS refunded
    FROM paid AS m
)
SELECT
    e.enrolled::bigint AS enrolled,
    a.active::bigint AS active,
    e.completed::bigint AS completed,
    coalesce(e.progress, 0)::bigint AS progress,
    coalesce(e.median, 0)::double precision AS median,
    coalesce(s.rating_count, 0)::bigint AS reviews,
    coalesce(s.rating, 0)::double precision AS rating,
    coalesce(m.currencies, '{}')::text[] AS currencies,
    coalesce(m.payments, '{}')::bigint[] AS payments,
    coalesce(m.gross, '{}')::bigint[] AS gross,
    coalesce(m.refunded, '{}')::bigint[] AS refunded
FROM course AS c
CROSS JOIN learners AS e
CROSS JOIN present AS a
CROSS JOIN money AS m
LEFT JOIN public.course_stats AS s ON s.course_id = c.id;

-- name: CourseFunnelRead :many
-- CourseFunnelRead is how far the learners of a course have come: a row for each
-- lesson in order, and in each of them the totals. No row at all means no such
-- course, or another teacher's; one without a lesson, no lessons. A completion that
-- was taken back keeps its time, and one that another program wrote may have none.
-- The progress of whoever has completed no lesson is looked up, by a subquery with
-- LIMIT, which is never hashed: a hash of all progress has no bound. Bounded by the
-- course's lessons.
WITH course AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), reached AS MATERIALIZED (
    SELECT
        count(*) AS enrolled,
        count(*) FILTER (
            WHERE e.completed_at IS NOT NULL
                OR e.progress >= 50
                OR e.lessons_completed > 0
                OR coalesce((
                    SELECT TRUE
                    FROM public.progress AS p
                    JOIN public.lessons AS l ON l.id = p.lesson_id
                    WHERE p.user_id = e.user_id
                        AND l.course_id = e.course_id
                        AND (p.completed OR p.completed_at IS NOT NULL OR p.time_spent > 0)
                    LIMIT 1
                ), FALSE)
        ) AS started,
        count(*) FILTER (WHERE e.completed_at IS NOT NULL OR e.progress >= 50) AS half,
        count(e.completed_at) AS completed
    FROM public.enrollments AS e
    WHERE e.course_id = sqlc.arg(course_id)::uuid AND EXISTS (SELECT FROM course)
), proven AS MATERIALIZED (
    SELECT count(*) AS certified
    FROM public.certificates AS k
    JOIN public.enrollments AS e ON e.user_id = k.user_id AND e.course_id = k.course_id
    WHERE k.course_id = sqlc.arg(course_id)::uuid
        AND k.revoked_at IS NULL
        AND e.completed_at IS NOT NULL
        AND EXISTS (SELECT FROM course)
), reach AS (
    SELECT
        l.id,
        l.title,
        l."order",
        count(e.id) FILTER (
            WHERE p.completed OR p.completed_at IS NOT NULL OR p.time_spent > 0
        ) AS started,
        count(e.id) FILTER (WHERE p.completed) AS completed
    FROM public.lessons AS l
    LEFT JOIN public.progress AS p ON p.lesson_id = l.id
    LEFT JOIN public.enrollments AS e
        ON e.user_id = p.user_id AND e.course_id = sqlc.arg(course_id)::uuid
    WHERE l.course_id = sqlc.arg(course_id)::uuid AND EXISTS (SELECT FROM course)
    GROUP BY l.id
)
SELECT
    t.enrolled::bigint AS enrolled,
    t.started::bigint AS started,
    t.half::bigint AS half,
    t.completed::bigint AS completed,
    k.certified::bigint AS certified,
    coalesce(l.id, '00000000-0000-0000-0000-000000000000')::uuid AS lesson_id,
    coalesce(l.title, '')::text AS title,
    coalesce(l."order", 0)::integer AS position,
    coalesce(l.started, 0)::bigint AS lesson_started,
    coalesce(l.completed, 0)::bigint AS lesson_completed
FROM course AS c
CROSS JOIN reached AS t
CROSS JOIN proven AS k
LEFT JOIN reach AS l ON TRUE
ORDER BY l."order", l.id;

-- name: RevenueRead :many
-- RevenueRead is the money that came and went between two times, in the periods
-- that begin at starts, the first of which is the earlier time: of one course, of
-- an instructor's courses or, with whole, of all. No row at all means no such
-- course or instructor, or another teacher's course; one of period 0, no money.
-- Payments are found first, by the course or by when something happened to them;
-- then, for each alone, what happened. A report that is applied moves updated_at,
-- so nothing has happened since to a payment that was made and changed before. A
-- payment succeeded when the provider's report was applied, else when it was made.
-- Each report of a refund says how much was refunded so far, so what was given back
-- is the step from the next smaller one; what no report tells of was given back at
-- the last change. LIMIT has each payment looked up by index, however few rows the
-- planner expects. Bounded by periods and currencies.
WITH course AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.narg(course_id)::uuid
        AND (sqlc.narg(instructor_id)::uuid IS NULL OR c.instructor_id = sqlc.narg(instructor_id)::uuid)
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
    UNION ALL
    SELECT c.id
    FROM public.courses AS c
    WHERE sqlc.narg(course_id)::uuid IS NULL
        AND c.instructor_id = sqlc.narg(instructor_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), touched AS MATERIALIZED (
    SELECT x.id
    FROM course AS c
    JOIN public.payments AS x ON x.course_id = c.id
    WHERE x.created_at < sqlc.arg(until)::timestamptz
        AND greatest(x.created_at, x.updated_at) >= sqlc.arg(since)::timestamptz
    UNION
    SELECT x.id
    FROM public.payments AS x
    WHERE sqlc.arg(whole)::boolean
        AND x.created_at >= sqlc.arg(since)::timestamptz
        AND x.created_at < sqlc.arg(until)::timestamptz
        AND x.status IN ('succeeded', 'refunded')
    UNION
    SELECT x.id
    FROM public.payments AS x
    WHERE sqlc.arg(whole)::boolean
        AND x.updated_at >= sqlc.arg(since)::timestamptz
        AND x.updated_at < sqlc.arg(until)::timestamptz
        AND (x.refunded_amount > 0 OR x.status = 'refunded')
    UNION
    SELECT v.payment_id
    FROM public.payment_events AS v
    WHERE sqlc.arg(whole)::boolean
        AND v.received_at >= sqlc.arg(since)::timestamptz
        AND v.received_at < sqlc.arg(until)::timestamptz
        AND v.outcome = 'applied'
), paid AS MATERIALIZED (
    SELECT
        x.id,
        x.currency,
        x.amount,
        CASE WHEN x.status = 'refunded' THEN x.amount ELSE x.refunded_amount END AS refunded,
        x.created_at,
        x.updated_at
    FROM touched AS t
    CROSS JOIN LATERAL (
        SELECT o.*
        FROM public.payments AS o
        WHERE o.id = t.id
        LIMIT 1
    ) AS x
    WHERE x.status IN ('succeeded', 'refunded')
), moves AS (
    SELECT
        x.currency,
        coalesce(m.at, CASE WHEN m.what = 'paid' THEN x.created_at ELSE x.updated_at END) AS at,
        CASE WHEN m.what = 'paid' THEN 1 ELSE 0 END AS payments,
        CASE WHEN m.what = 'paid' THEN x.amount ELSE 0 END AS gross,
        CASE WHEN m.what = 'rest' THEN x.refunded - m.refunded ELSE m.refunded END AS refunded
    FROM paid AS x
    CROSS JOIN LATERAL (
        SELECT 'paid' AS what, min(v.received_at) AS at, 0 AS refunded
        FROM public.payment_events AS v
        WHERE v.payment_id = x.id AND v.kind = 'succeeded' AND v.outcome = 'applied'
        UNION ALL
        SELECT
            'refunded',
            v.received_at,
            v.refunded_amount - lag(v.refunded_amount, 1, 0) OVER (
                ORDER BY v.refunded_amount, v.received_at, v.provider, v.event_id
            )
        FROM public.payment_events AS v
        WHERE v.payment_id = x.id
            AND v.kind = 'refunded'
            AND v.outcome = 'applied'
            AND x.refunded > 0
        UNION ALL
        SELECT 'rest', NULL, coalesce(max(v.refunded_amount), 0)
        FROM public.payment_events AS v
        WHERE v.payment_id = x.id
            AND v.kind = 'refunded'
            AND v.outcome = 'applied'
            AND x.refunded > 0
    ) AS m
    WHERE m.what <> 'rest' OR x.refunded > m.refunded
), lines AS (
    SELECT
        width_bucket(m.at, sqlc.arg(starts)::timestamptz[]) AS period,
        m.currency,
        sum(m.payments) AS payments,
        sum(m.gross) AS gross,
        sum(m.refunded) AS refunded
    FROM moves AS m
    WHERE m.at >= sqlc.arg(since)::timestamptz AND m.at < sqlc.arg(until)::timestamptz
    GROUP BY period, m.currency
)
SELECT
    coalesce(m.period, 0)::integer AS period,
    coalesce(m.currency, '')::text AS currency,
    coalesce(m.payments, 0)::bigint AS payments,
    coalesce(m.gross, 0)::bigint AS gross,
    coalesce(m.refunded, 0)::bigint AS refunded
FROM (SELECT) AS one
LEFT JOIN lines AS m ON TRUE
WHERE sqlc.arg(whole)::boolean
    OR EXISTS (SELECT FROM course)
    OR (
        sqlc.narg(course_id)::uuid IS NULL
        AND EXISTS (
            SELECT
            FROM public.users AS u
            WHERE u.id = sqlc.narg(instructor_id)::uuid
        )
    )
ORDER BY m.period, m.currency;
