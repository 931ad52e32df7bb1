-- name: AttemptBegin :one
-- AttemptBegin counts an attempt before it is judged, so that many at once get no
-- more tries than one after the other, and commits whatever becomes of it. From
-- the free ones on, each waits twice as long as the one before, at most a quarter
-- of an hour; a refused one does not prolong the wait. A day without an attempt is
-- forgotten, and a few rows that old are taken away in passing, by a CTE that
-- nothing reads and which therefore runs last: it must hold no rows while the
-- other one waits. An attempt that may go on also gets the account to judge by.
-- Verdicts: allowed, throttled, raced.
WITH forgotten AS (
    DELETE FROM public.attempts AS a
    USING (
        SELECT o.purpose, o.email_hash
        FROM public.attempts AS o
        WHERE o.last_at < statement_timestamp() - interval '1 day'
            AND (o.purpose, o.email_hash) <> (sqlc.arg(purpose)::text, sqlc.arg(email_hash)::bytea)
        ORDER BY o.last_at
        LIMIT 2
        FOR UPDATE SKIP LOCKED
    ) AS o
    WHERE a.purpose = o.purpose AND a.email_hash = o.email_hash
), counted AS (
    INSERT INTO public.attempts AS a (purpose, email_hash, failures, last_at)
    VALUES (sqlc.arg(purpose)::text, sqlc.arg(email_hash)::bytea, 1, statement_timestamp())
    ON CONFLICT (purpose, email_hash) DO UPDATE
    SET failures = CASE
            WHEN a.last_at < excluded.last_at - interval '1 day' THEN 1
            ELSE a.failures + 1
        END,
        last_at = greatest(a.last_at, excluded.last_at)
    WHERE a.failures < sqlc.arg(free)::integer
        OR excluded.last_at >= a.last_at + public.attempts_wait(a.failures - sqlc.arg(free)::integer)
    RETURNING a.failures
)
SELECT
    (CASE
        WHEN m.failures IS NOT NULL THEN 'allowed'
        WHEN a.failures IS NULL OR w.rest <= 0 THEN 'raced'
        ELSE 'throttled'
    END)::text AS verdict,
    coalesce(w.rest, 0)::integer AS retry_after,
    coalesce(u.id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(u.password_hash, '')::text AS password_hash
FROM (SELECT) AS one
LEFT JOIN counted AS m ON TRUE
LEFT JOIN public.users AS u
    ON m.failures IS NOT NULL AND lower(u.email COLLATE "C") = sqlc.arg(email)::text AND u.erased_at IS NULL
LEFT JOIN public.attempts AS a
    ON a.purpose = sqlc.arg(purpose)::text AND a.email_hash = sqlc.arg(email_hash)::bytea
LEFT JOIN LATERAL (
    SELECT ceil(extract(EPOCH FROM
        a.last_at + public.attempts_wait(a.failures - sqlc.arg(free)::integer) - statement_timestamp()
    )) AS rest
) AS w ON TRUE;
