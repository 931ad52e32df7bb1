-- name: PaymentCreate :one
-- PaymentCreate asks for the money for a course, once for each key of the
-- learner's: the unique index arbitrates. What was asked for under the key is
-- looked up first, so a repeat finds its payment whatever became of it and of the
-- course. Amount and currency are the course's unless they are given; an amount
-- of 0 is none. Locks the user and the course KEY SHARE; a repeat locks nothing. A
-- payment that succeeds at the same moment may go unseen: two payments for one
-- course are one enrollment.
-- Verdicts: created, already, key_reused, user_unknown, course_unknown,
-- not_published, course_free, paid, raced.
WITH target AS MATERIALIZED (
    SELECT u.id AS user_id, c.id AS course_id, c.price, c.currency
    FROM public.users AS u
    CROSS JOIN public.courses AS c
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND c.id = sqlc.arg(course_id)::uuid
        AND c.published
        AND c.price > 0
        AND NOT EXISTS (
            SELECT
            FROM public.payments AS k
            WHERE k.user_id = u.id AND k.idempotency_key = sqlc.arg(idempotency_key)::text
        )
        AND NOT EXISTS (
            SELECT
            FROM public.payments AS o
            WHERE o.user_id = u.id AND o.course_id = c.id AND o.status = 'succeeded'
        )
    FOR KEY SHARE OF u
    FOR KEY SHARE OF c
), created AS (
    INSERT INTO public.payments (id, user_id, course_id, amount, currency, status, idempotency_key)
    SELECT
        sqlc.arg(id)::uuid,
        t.user_id,
        t.course_id,
        coalesce(nullif(sqlc.arg(amount)::integer, 0), t.price),
        coalesce(nullif(sqlc.arg(currency)::text, ''), t.currency),
        'pending',
        sqlc.arg(idempotency_key)::text
    FROM target AS t
    ON CONFLICT (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, user_id, course_id, amount, currency, status, refunded_amount, created_at, updated_at
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN k.course_id <> sqlc.arg(course_id)::uuid
            OR (sqlc.arg(amount)::integer > 0
                AND (k.amount, k.currency) <> (sqlc.arg(amount)::integer, sqlc.arg(currency)::text))
            THEN 'key_reused'
        WHEN k.id IS NOT NULL THEN 'already'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN NOT c.published THEN 'not_published'
        WHEN c.price = 0 THEN 'course_free'
        WHEN EXISTS (
            SELECT
            FROM public.payments AS o
            WHERE o.user_id = u.id AND o.course_id = c.id AND o.status = 'succeeded'
        ) THEN 'paid'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.id, k.id, sqlc.arg(id)::uuid)::uuid AS id,
    sqlc.arg(user_id)::uuid AS user_id,
    sqlc.arg(course_id)::uuid AS course_id,
    coalesce(m.amount, k.amount, 0)::integer AS amount,
    coalesce(m.currency, k.currency, '')::text AS currency,
    coalesce(m.status, k.status, 'pending')::public.payment_status AS status,
    coalesce(m.refunded_amount, k.refunded_amount, 0)::integer AS refunded_amount,
    coalesce(k.stripe_payment_id, '')::text AS reference,
    coalesce(m.created_at, k.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, k.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.payments AS k
    ON k.user_id = u.id AND k.idempotency_key = sqlc.arg(idempotency_key)::text
LEFT JOIN created AS m ON TRUE;

-- name: PaymentLock :exec
-- PaymentLock is sent before PaymentEventApply: all payments of this learner for
-- this course. One is not enough: two refunds of two payments would each see the
-- other as paid. Locks the user and the course KEY SHARE before them, as the
-- enrollment would, so that lessons come and go before or after. The setting says
-- which payment it found: one that was made since has not been waited for.
SELECT set_config('elevate.payment', x.id::text, TRUE)
FROM public.payments AS x
JOIN public.users AS u ON u.id = x.user_id
JOIN public.courses AS c ON c.id = x.course_id
JOIN public.payments AS o ON o.user_id = x.user_id AND o.course_id = x.course_id
WHERE x.id = coalesce(sqlc.narg(id)::uuid, (
    SELECT r.id
    FROM public.payments AS r
    WHERE r.stripe_payment_id = sqlc.arg(reference)::text
))
ORDER BY o.id
FOR KEY SHARE OF u
FOR KEY SHARE OF c
FOR NO KEY UPDATE OF o;

-- name: PaymentEventApply :one
-- PaymentEventApply stores an event of a provider and applies it to a payment that
-- PaymentLock has locked. The status only rises and the refunded amount only
-- grows, so order, repeats and delays do not matter. A refund says how much was
-- refunded so far: less than all of it proves that the payment had succeeded. The
-- step into succeeded enrolls, whether or not the course is still published, but
-- nobody who was erased; the trigger counts progress that was kept. The step into
-- refunded ends an enrollment that is not completed, that payment gave and that no
-- other payment holds up; progress stays. A wrong amount or currency is stored and
-- not applied. An unknown payment is not stored. The reference is kept by the
-- first payment that it came with. A transaction may be older than the payment, and
-- than one that it waited for. The event is not from before the payment was made,
-- and the last change not from before one of an event that was applied: RevenueRead
-- goes by them to find what happened when.
-- Verdicts: applied, ignored, quarantined, duplicate, key_reused,
-- payment_unknown, raced.
WITH found AS MATERIALIZED (
    SELECT
        x.id,
        x.user_id,
        x.course_id,
        x.amount,
        x.currency,
        x.status AS was,
        x.refunded_amount,
        x.stripe_payment_id,
        x.created_at,
        x.updated_at,
        c.title,
        c.lessons_total,
        u.erased_at,
        x.id::text IS NOT DISTINCT FROM current_setting('elevate.payment', TRUE) AS locked,
        (CASE
            WHEN sqlc.arg(kind)::public.payment_status = 'refunded'
                AND sqlc.arg(refunded_amount)::integer < x.amount THEN 'succeeded'
            ELSE sqlc.arg(kind)::public.payment_status
        END) AS proves
    FROM public.payments AS x
    JOIN public.users AS u ON u.id = x.user_id
    JOIN public.courses AS c ON c.id = x.course_id
    WHERE x.id = coalesce(sqlc.narg(id)::uuid, (
        SELECT r.id
        FROM public.payments AS r
        WHERE r.stripe_payment_id = sqlc.arg(reference)::text
    ))
), target AS MATERIALIZED (
    SELECT
        f.*,
        (CASE
            WHEN public.payment_rank(f.proves) > public.payment_rank(f.was) THEN f.proves
            ELSE f.was
        END) AS becomes,
        (CASE
            WHEN (f.amount, f.currency) <> (sqlc.arg(amount)::integer, sqlc.arg(currency)::text)
                OR sqlc.arg(refunded_amount)::integer > f.amount THEN 'quarantined'
            WHEN public.payment_rank(f.proves) > public.payment_rank(f.was)
                OR sqlc.arg(refunded_amount)::integer > f.refunded_amount THEN 'applied'
            ELSE 'ignored'
        END) AS outcome,
        (CASE
            WHEN f.stripe_payment_id IS NULL
                AND NOT EXISTS (
                    SELECT
                    FROM public.payments AS r
                    WHERE r.stripe_payment_id = sqlc.arg(reference)::text
                ) THEN nullif(sqlc.arg(reference)::text, '')
            ELSE f.stripe_payment_id
        END) AS reference
    FROM found AS f
    WHERE f.locked
), stored AS (
    INSERT INTO public.payment_events (
        provider, event_id, payment_id, kind, amount, currency, refunded_amount, outcome, received_at
    )
    SELECT
        sqlc.arg(provider)::text,
        sqlc.arg(event_id)::text,
        t.id,
        sqlc.arg(kind)::public.payment_status,
        sqlc.arg(amount)::integer,
        sqlc.arg(currency)::text,
        sqlc.arg(refunded_amount)::integer,
        t.outcome,
        greatest(t.created_at, now())
    FROM target AS t
    ON CONFLICT (provider, event_id) DO NOTHING
    RETURNING outcome
), moved AS (
    UPDATE public.payments AS x
    SET status = t.becomes,
        refunded_amount = greatest(t.refunded_amount, sqlc.arg(refunded_amount)::integer),
        stripe_payment_id = t.reference,
        updated_at = greatest(x.updated_at, now())
    FROM target AS t
    CROSS JOIN stored AS v
    WHERE x.id = t.id
        AND (
            v.outcome = 'applied'
            OR (v.outcome = 'ignored' AND t.reference IS DISTINCT FROM t.stripe_payment_id)
        )
    RETURNING x.status, x.refunded_amount, x.stripe_payment_id, x.updated_at
), enrolled AS (
    INSERT INTO public.enrollments (id, user_id, course_id, source, lessons_total)
    SELECT sqlc.arg(enrollment_id)::uuid, t.user_id, t.course_id, 'payment', t.lessons_total
    FROM target AS t
    CROSS JOIN stored AS v
    WHERE v.outcome = 'applied'
        AND t.becomes = 'succeeded'
        AND t.was <> 'succeeded'
        AND t.erased_at IS NULL
    ON CONFLICT (user_id, course_id) DO NOTHING
    RETURNING user_id
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        n.user_id,
        'enrolled',
        left(replace(sqlc.arg(notice_title)::text, '{course}', t.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', t.title)
    FROM enrolled AS n
    CROSS JOIN target AS t
), unenrolled AS (
    DELETE FROM public.enrollments AS e
    USING target AS t, stored AS v
    WHERE v.outcome = 'applied'
        AND t.becomes = 'refunded'
        AND t.was <> 'refunded'
        AND e.user_id = t.user_id
        AND e.course_id = t.course_id
        AND e.completed_at IS NULL
        AND e.source IN ('payment', 'unknown')
        AND NOT EXISTS (
            SELECT
            FROM public.payments AS o
            WHERE o.user_id = t.user_id
                AND o.course_id = t.course_id
                AND o.status = 'succeeded'
                AND o.id <> t.id
        )
    RETURNING e.id
)
SELECT
    (CASE
        WHEN v.outcome = 'applied' THEN 'applied'
        WHEN v.outcome = 'ignored' THEN 'ignored'
        WHEN v.outcome = 'quarantined' THEN 'quarantined'
        WHEN f.id IS NULL THEN 'payment_unknown'
        WHEN (d.payment_id, d.kind, d.amount, d.currency, d.refunded_amount) = (
            f.id,
            sqlc.arg(kind)::public.payment_status,
            sqlc.arg(amount)::integer,
            sqlc.arg(currency)::text,
            sqlc.arg(refunded_amount)::integer
        ) THEN 'duplicate'
        WHEN d.payment_id IS NOT NULL THEN 'key_reused'
        ELSE 'raced'
    END)::text AS verdict,
    EXISTS (SELECT FROM enrolled)::boolean AS enrolled,
    EXISTS (SELECT FROM unenrolled)::boolean AS unenrolled,
    coalesce(f.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(f.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(f.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(f.amount, 0)::integer AS amount,
    coalesce(f.currency, '')::text AS currency,
    coalesce(m.status, f.was, 'pending')::public.payment_status AS status,
    coalesce(m.refunded_amount, f.refunded_amount, 0)::integer AS refunded_amount,
    coalesce(m.stripe_payment_id, f.stripe_payment_id, '')::text AS reference,
    coalesce(f.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, f.updated_at, now())::timestamptz AS updated_at
FROM (SELECT) AS one
LEFT JOIN found AS f ON TRUE
LEFT JOIN stored AS v ON TRUE
LEFT JOIN moved AS m ON TRUE
LEFT JOIN public.payment_events AS d
    ON d.provider = sqlc.arg(provider)::text AND d.event_id = sqlc.arg(event_id)::text;

-- name: PaymentGet :one
-- PaymentGet is one payment, of the owner alone unless that is NULL: another's is
-- unknown.
SELECT
    x.id,
    x.user_id,
    x.course_id,
    x.amount,
    x.currency,
    x.status,
    x.refunded_amount,
    coalesce(x.stripe_payment_id, '')::text AS reference,
    x.created_at,
    x.updated_at
FROM public.payments AS x
WHERE x.id = sqlc.arg(id)::uuid
    AND (sqlc.narg(owner_id)::uuid IS NULL OR x.user_id = sqlc.narg(owner_id)::uuid);

-- name: PaymentListByUser :many
-- PaymentListByUser is a learner's payments, the newest first. A person has few,
-- so they are found by the index on user and course and sorted. No row at all
-- means no such user; one without a payment, no payments. Bounded by the limit
-- inside.
SELECT
    coalesce(x.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    u.id AS user_id,
    coalesce(x.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(x.amount, 0)::integer AS amount,
    coalesce(x.currency, '')::text AS currency,
    coalesce(x.status, 'pending')::public.payment_status AS status,
    coalesce(x.refunded_amount, 0)::integer AS refunded_amount,
    coalesce(x.stripe_payment_id, '')::text AS reference,
    coalesce(x.created_at, now())::timestamptz AS created_at,
    coalesce(x.updated_at, now())::timestamptz AS updated_at
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT
        x.id,
        x.course_id,
        x.amount,
        x.currency,
        x.status,
        x.refunded_amount,
        x.stripe_payment_id,
        x.created_at,
        x.updated_at
    FROM public.payments AS x
    WHERE x.user_id = sqlc.arg(user_id)::uuid
        AND (x.created_at, x.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY x.created_at DESC, x.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS x ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
ORDER BY x.created_at DESC, x.id DESC;

-- name: PaymentListStale :many
-- PaymentListStale is the payments that have been pending for so many seconds, the
-- oldest first, by the index on those that are pending.
SELECT
    x.id,
    x.user_id,
    x.course_id,
    x.amount,
    x.currency,
    x.status,
    x.refunded_amount,
    coalesce(x.stripe_payment_id, '')::text AS reference,
    x.created_at,
    x.updated_at
FROM public.payments AS x
WHERE x.status = 'pending'
    AND x.created_at <= statement_timestamp() - sqlc.arg(older)::integer * interval '1 second'
    AND (x.created_at, x.id) > (sqlc.arg(after_at)::timestamptz, sqlc.arg(after_id)::uuid)
ORDER BY x.created_at, x.id
LIMIT sqlc.arg(row_limit)::integer;
