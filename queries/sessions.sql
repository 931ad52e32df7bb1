-- name: SessionCreate :one
-- SessionCreate signs a person in, after UserLock: it ends the oldest live
-- sessions beyond the limit, the new one counted. Of a sign-in by password it
-- gets the hash that the password was found to be of, which must still be the
-- person's, perhaps a better one to put in its place, and the attempts to
-- forget. Whether the account is disabled, only somebody learns who had the
-- password.
-- Verdicts: created, user_unknown, moved, disabled, raced.
WITH target AS MATERIALIZED (
    SELECT u.id
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.id::text = current_setting('elevate.user', TRUE)
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
        AND u.password_hash = coalesce(sqlc.narg(password_hash)::text, u.password_hash)
), ended AS (
    UPDATE public.sessions AS s
    SET revoked_at = statement_timestamp()
    FROM (
        SELECT o.id
        FROM target AS t
        JOIN public.sessions AS o ON o.user_id = t.id
        WHERE o.revoked_at IS NULL
            AND o.expires_at > statement_timestamp()
            AND o.last_seen_at > statement_timestamp() - sqlc.arg(idle)::integer * interval '1 second'
        ORDER BY o.created_at DESC, o.id DESC
        OFFSET sqlc.arg(session_limit)::integer - 1
    ) AS o
    WHERE s.id = o.id AND s.revoked_at IS NULL
), signed AS (
    UPDATE public.users AS u
    SET last_login = now(),
        password_hash = coalesce(sqlc.narg(new_hash)::text, u.password_hash)
    FROM target AS t
    WHERE u.id = t.id
), forgotten AS (
    DELETE FROM public.attempts AS a
    USING target AS t
    WHERE a.purpose = 'sign_in' AND a.email_hash = sqlc.narg(email_hash)::bytea
), created AS (
    INSERT INTO public.sessions (id, user_id, token, expires_at, last_seen_at, ip_address, user_agent)
    SELECT
        sqlc.arg(id)::uuid,
        t.id,
        sqlc.arg(token_hash)::text,
        statement_timestamp() + sqlc.arg(lifetime)::integer * interval '1 second',
        statement_timestamp(),
        sqlc.narg(ip_address)::text,
        sqlc.narg(user_agent)::text
    FROM target AS t
    RETURNING id, created_at, expires_at, last_seen_at
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN u.password_hash <> sqlc.narg(password_hash)::text THEN 'moved'
        WHEN u.disabled_at IS NOT NULL THEN 'disabled'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(u.role, 'user')::public.user_role AS role,
    coalesce(u.password_hash, '')::text AS password_hash,
    coalesce(m.created_at, now())::timestamptz AS created_at,
    coalesce(m.expires_at, now())::timestamptz AS expires_at,
    coalesce(m.last_seen_at, now())::timestamptz AS last_seen_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN created AS m ON TRUE;

-- name: SessionGetByToken :one
-- SessionGetByToken is the live session of a token, and the person's role as it
-- stands. Locks nothing and writes nothing, so it never waits; it says when
-- last_seen_at is due to be kept by SessionTouch, which a read-only transaction
-- cannot. Judged by statement_timestamp(): now() stands still in a long
-- transaction.
SELECT
    s.id,
    s.user_id,
    u.role,
    s.created_at,
    s.expires_at,
    s.last_seen_at,
    coalesce(s.ip_address, '')::text AS ip_address,
    coalesce(s.user_agent, '')::text AS user_agent,
    (s.last_seen_at <= statement_timestamp() - sqlc.arg(touch_after)::integer * interval '1 second'
        AND NOT current_setting('transaction_read_only')::boolean)::boolean AS stale
FROM public.sessions AS s
JOIN public.users AS u ON u.id = s.user_id
WHERE s.token = sqlc.arg(token_hash)::text
    AND s.revoked_at IS NULL
    AND s.expires_at > statement_timestamp()
    AND s.last_seen_at > statement_timestamp() - sqlc.arg(idle)::integer * interval '1 second'
    AND u.disabled_at IS NULL
    AND u.erased_at IS NULL;

-- name: SessionTouch :one
-- SessionTouch keeps when a session was seen. It never waits: whoever holds the
-- row either does the same or ends the session. Of many who validate at once, one
-- writes.
-- Verdicts: recorded, unchanged.
WITH target AS MATERIALIZED (
    SELECT s.id
    FROM public.sessions AS s
    WHERE s.id = sqlc.arg(id)::uuid
        AND s.revoked_at IS NULL
        AND s.last_seen_at <= statement_timestamp() - sqlc.arg(touch_after)::integer * interval '1 second'
    FOR NO KEY UPDATE SKIP LOCKED
), touched AS (
    UPDATE public.sessions AS s
    SET last_seen_at = statement_timestamp()
    FROM target AS t
    WHERE s.id = t.id
    RETURNING s.last_seen_at
)
SELECT
    (CASE WHEN m.last_seen_at IS NOT NULL THEN 'recorded' ELSE 'unchanged' END)::text AS verdict,
    coalesce(m.last_seen_at, now())::timestamptz AS last_seen_at
FROM (SELECT) AS one
LEFT JOIN touched AS m ON TRUE;

-- name: SessionListByUser :many
-- SessionListByUser is a person's live sessions, the newest first. No row at all
-- means no such person; one without a session, no sessions. Bounded by the limit
-- inside.
SELECT
    coalesce(s.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    u.id AS user_id,
    u.role,
    coalesce(s.created_at, now())::timestamptz AS created_at,
    coalesce(s.expires_at, now())::timestamptz AS expires_at,
    coalesce(s.last_seen_at, now())::timestamptz AS last_seen_at,
    coalesce(s.ip_address, '')::text AS ip_address,
    coalesce(s.user_agent, '')::text AS user_agent
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT s.id, s.created_at, s.expires_at, s.last_seen_at, s.ip_address, s.user_agent
    FROM public.sessions AS s
    WHERE s.user_id = u.id
        AND s.revoked_at IS NULL
        AND s.expires_at > statement_timestamp()
        AND s.last_seen_at > statement_timestamp() - sqlc.arg(idle)::integer * interval '1 second'
        AND u.disabled_at IS NULL
    ORDER BY s.created_at DESC, s.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS s ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid AND u.erased_at IS NULL
ORDER BY s.created_at DESC, s.id DESC;

-- name: SessionRevoke :one
-- SessionRevoke ends one session of the person, after UserLock; a foreign
-- session is unknown.
-- Verdicts: revoked, already, session_unknown.
WITH revoked AS (
    UPDATE public.sessions AS s
    SET revoked_at = statement_timestamp()
    WHERE s.id = sqlc.arg(id)::uuid
        AND s.user_id = sqlc.arg(user_id)::uuid
        AND s.revoked_at IS NULL
    RETURNING s.id
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'revoked'
        WHEN s.id IS NOT NULL THEN 'already'
        ELSE 'session_unknown'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN public.sessions AS s ON s.id = sqlc.arg(id)::uuid AND s.user_id = sqlc.arg(user_id)::uuid
LEFT JOIN revoked AS m ON TRUE;

-- name: SessionRevokeAll :one
-- SessionRevokeAll ends a person's sessions but for one, after UserLock.
-- Sessions that nobody has used for too long end as well, or a longer idle time
-- would bring them back, but are not counted.
-- Verdicts: revoked, user_unknown, raced.
WITH target AS MATERIALIZED (
    SELECT u.id
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.id::text = current_setting('elevate.user', TRUE)
        AND u.erased_at IS NULL
), revoked AS (
    UPDATE public.sessions AS s
    SET revoked_at = statement_timestamp()
    FROM target AS t
    WHERE s.user_id = t.id
        AND s.id <> sqlc.arg(except_id)::uuid
        AND s.revoked_at IS NULL
    RETURNING s.expires_at, s.last_seen_at
)
SELECT
    (CASE
        WHEN t.id IS NOT NULL THEN 'revoked'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        ELSE 'raced'
    END)::text AS verdict,
    (
        SELECT count(*)
        FROM revoked AS m
        WHERE m.expires_at > statement_timestamp()
            AND m.last_seen_at > statement_timestamp() - sqlc.arg(idle)::integer * interval '1 second'
    )::integer AS sessions
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN target AS t ON TRUE;
