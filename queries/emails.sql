-- name: EmailGet :one
-- EmailGet is the address that a verification would be sent to, spelt as others
-- would type it, and whether there is any need.
SELECT
    u.email,
    lower(u.email COLLATE "C")::text AS lower_email,
    u.email_verified
FROM public.users AS u
WHERE u.id = sqlc.arg(user_id)::uuid AND u.erased_at IS NULL;

-- name: EmailVerificationRequest :one
-- EmailVerificationRequest keeps a token for the address of the account, in place
-- of an older one.
-- Verdicts: created, already, disabled, user_unknown, raced.
WITH target AS MATERIALIZED (
    SELECT u.id, u.email
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
        AND NOT u.email_verified
    FOR NO KEY UPDATE OF u
), put AS (
    INSERT INTO public.user_tokens AS t (user_id, purpose, token_hash, email, expires_at)
    SELECT
        g.id,
        'verify_email',
        sqlc.arg(token_hash)::bytea,
        g.email,
        statement_timestamp() + sqlc.arg(valid_seconds)::integer * interval '1 second'
    FROM target AS g
    ON CONFLICT (user_id, purpose) DO UPDATE
    SET token_hash = excluded.token_hash,
        email = excluded.email,
        created_at = excluded.created_at,
        expires_at = excluded.expires_at
    RETURNING t.user_id, t.email, t.expires_at
)
SELECT
    (CASE
        WHEN p.user_id IS NOT NULL THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN u.email_verified THEN 'already'
        WHEN u.disabled_at IS NOT NULL THEN 'disabled'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(p.email, u.email, '')::text AS email,
    coalesce(p.expires_at, now())::timestamptz AS expires_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN put AS p ON TRUE;

-- name: EmailVerify :one
-- EmailVerify uses up a token, after TokenLock, and believes that the address is
-- the person's, if it is still the account's.
-- Verdicts: updated, token_unknown.
WITH used AS (
    DELETE FROM public.user_tokens AS t
    USING public.users AS u
    WHERE t.token_hash = sqlc.arg(token_hash)::bytea
        AND t.purpose = 'verify_email'
        AND t.expires_at > statement_timestamp()
        AND u.id = t.user_id
        AND u.email = t.email
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
    RETURNING t.user_id
), changed AS (
    UPDATE public.users AS u
    SET email_verified = TRUE,
        updated_at = now()
    FROM used AS d
    WHERE u.id = d.user_id
    RETURNING
        u.id,
        u.email,
        u.name,
        u.bio,
        u.avatar_url,
        u.role,
        u.email_verified,
        u.created_at,
        u.updated_at,
        u.last_login,
        u.disabled_at
)
SELECT
    (CASE WHEN m.id IS NOT NULL THEN 'updated' ELSE 'token_unknown' END)::text AS verdict,
    coalesce(m.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(m.email, '')::text AS email,
    coalesce(m.name, '')::text AS name,
    coalesce(m.bio, '')::text AS bio,
    coalesce(m.avatar_url, '')::text AS avatar_url,
    coalesce(m.role, 'user')::public.user_role AS role,
    coalesce(m.email_verified, FALSE)::boolean AS email_verified,
    coalesce(m.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, now())::timestamptz AS updated_at,
    m.last_login,
    m.disabled_at
FROM (SELECT) AS one
LEFT JOIN changed AS m ON TRUE;

-- name: EmailChangeRequest :one
-- EmailChangeRequest keeps a token for a new address, in place of an older one;
-- the account keeps its address. The password that was given must still be the
-- account's: one that was replaced meanwhile has voided what it allowed. An address
-- of somebody else costs the same, and is found out by EmailChange.
-- Verdicts: created, moved, disabled, user_unknown, raced.
WITH target AS MATERIALIZED (
    SELECT u.id, u.email
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
        AND (sqlc.narg(old_hash)::text IS NULL OR u.password_hash = sqlc.narg(old_hash)::text)
    FOR NO KEY UPDATE OF u
), put AS (
    INSERT INTO public.user_tokens AS t (user_id, purpose, token_hash, email, expires_at)
    SELECT
        g.id,
        'change_email',
        sqlc.arg(token_hash)::bytea,
        sqlc.arg(new_email)::text,
        statement_timestamp() + sqlc.arg(valid_seconds)::integer * interval '1 second'
    FROM target AS g
    ON CONFLICT (user_id, purpose) DO UPDATE
    SET token_hash = excluded.token_hash,
        email = excluded.email,
        created_at = excluded.created_at,
        expires_at = excluded.expires_at
    RETURNING t.user_id, t.expires_at
), forgotten AS (
    DELETE FROM public.attempts AS a
    USING target AS g
    WHERE a.purpose = 'sign_in'
        AND a.email_hash = sqlc.narg(email_hash)::bytea
)
SELECT
    (CASE
        WHEN p.user_id IS NOT NULL THEN 'created'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN u.disabled_at IS NOT NULL THEN 'disabled'
        WHEN u.password_hash <> sqlc.narg(old_hash)::text THEN 'moved'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(g.email, u.email, '')::text AS old_email,
    coalesce(p.expires_at, now())::timestamptz AS expires_at,
    (o.id IS NOT NULL)::boolean AS taken
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.users AS o
    ON lower(o.email COLLATE "C") = sqlc.arg(new_email)::text AND o.id <> sqlc.arg(user_id)::uuid
LEFT JOIN target AS g ON TRUE
LEFT JOIN put AS p ON TRUE;

-- name: EmailChange :one
-- EmailChange gives the account the address that a token was sent to, after
-- TokenLockForEmail, and voids all tokens of the person: the others were sent to
-- the old address. A token for an address that is somebody else's stays, as it may
-- become free. Two people who confirm one address at once pass the check both; the
-- second then meets the index.
-- Verdicts: updated, token_unknown, email_taken.
WITH due AS MATERIALIZED (
    SELECT u.id, u.email AS old_email, t.email, o.id IS NOT NULL AS taken
    FROM public.user_tokens AS t
    JOIN public.users AS u ON u.id = t.user_id
    LEFT JOIN public.users AS o ON lower(o.email COLLATE "C") = t.email AND o.id <> u.id
    WHERE t.token_hash = sqlc.arg(token_hash)::bytea
        AND t.purpose = 'change_email'
        AND t.expires_at > statement_timestamp()
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
), changed AS (
    UPDATE public.users AS u
    SET email = d.email,
        email_verified = TRUE,
        updated_at = now()
    FROM due AS d
    WHERE u.id = d.id AND NOT d.taken
    RETURNING
        u.id,
        u.email,
        u.name,
        u.bio,
        u.avatar_url,
        u.role,
        u.email_verified,
        u.created_at,
        u.updated_at,
        u.last_login,
        u.disabled_at
), voided AS (
    DELETE FROM public.user_tokens AS t
    USING changed AS m
    WHERE t.user_id = m.id
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        m.id,
        'email_changed',
        sqlc.arg(notice_title)::text,
        sqlc.arg(notice)::text
    FROM changed AS m
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN d.taken THEN 'email_taken'
        ELSE 'token_unknown'
    END)::text AS verdict,
    coalesce(m.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(m.email, '')::text AS email,
    coalesce(m.name, '')::text AS name,
    coalesce(m.bio, '')::text AS bio,
    coalesce(m.avatar_url, '')::text AS avatar_url,
    coalesce(m.role, 'user')::public.user_role AS role,
    coalesce(m.email_verified, FALSE)::boolean AS email_verified,
    coalesce(m.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, now())::timestamptz AS updated_at,
    m.last_login,
    m.disabled_at,
    coalesce(d.old_email, '')::text AS old_email
FROM (SELECT) AS one
LEFT JOIN due AS d ON TRUE
LEFT JOIN changed AS m ON TRUE;
