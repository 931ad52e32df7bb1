-- name: PasswordGet :one
-- PasswordGet is what a person's password is checked against, and the email that
-- their tries are counted for, spelt as a sign-in spells it.
SELECT
    lower(u.email COLLATE "C")::text AS email,
    u.password_hash
FROM public.users AS u
WHERE u.id = sqlc.arg(user_id)::uuid AND u.erased_at IS NULL;

-- name: PasswordChange :one
-- PasswordChange replaces the hash that the old password was checked against,
-- after UserLock, and ends the other sessions. Tokens that would undo the
-- change are void: those that reset the password, and those that move the
-- account to another address.
-- Verdicts: updated, moved, disabled, user_unknown.
WITH changed AS (
    UPDATE public.users AS u
    SET password_hash = sqlc.arg(new_hash)::text,
        updated_at = now()
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.password_hash = sqlc.arg(old_hash)::text
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
    RETURNING u.id
), ended AS (
    UPDATE public.sessions AS s
    SET revoked_at = statement_timestamp()
    FROM changed AS m
    WHERE s.user_id = m.id AND s.id <> sqlc.arg(keep)::uuid AND s.revoked_at IS NULL
), voided AS (
    DELETE FROM public.user_tokens AS t
    USING changed AS m
    WHERE t.user_id = m.id AND t.purpose IN ('reset_password', 'change_email')
), forgotten AS (
    DELETE FROM public.attempts AS a
    USING changed AS m
    WHERE a.purpose = 'sign_in' AND a.email_hash = sqlc.arg(email_hash)::bytea
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        m.id,
        'password_changed',
        sqlc.arg(notice_title)::text,
        sqlc.arg(notice)::text
    FROM changed AS m
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN u.disabled_at IS NOT NULL THEN 'disabled'
        ELSE 'moved'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN changed AS m ON TRUE;

-- name: PasswordResetRequest :one
-- PasswordResetRequest keeps the token of a reset, in place of an older one. The
-- address is the account's own, not the one that was typed: the token goes to
-- whoever the account belongs to. Where there is no account that may sign in,
-- nothing is kept, and the row of the attempt is written once more: either way
-- the statement costs a write and its commit.
-- Verdicts: created, user_unknown.
WITH target AS MATERIALIZED (
    SELECT u.id, u.email
    FROM public.users AS u
    WHERE lower(u.email COLLATE "C") = sqlc.arg(email)::text
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
    FOR NO KEY UPDATE OF u
), put AS (
    INSERT INTO public.user_tokens AS t (user_id, purpose, token_hash, email, expires_at)
    SELECT
        g.id,
        'reset_password',
        sqlc.arg(token_hash)::bytea,
        g.email,
        statement_timestamp() + sqlc.arg(valid_seconds)::integer * interval '1 second'
    FROM target AS g
    ON CONFLICT (user_id, purpose) DO UPDATE
    SET token_hash = excluded.token_hash,
        email = excluded.email,
        created_at = excluded.created_at,
        expires_at = excluded.expires_at
    RETURNING t.user_id, t.email
), alike AS (
    UPDATE public.attempts AS a
    SET failures = a.failures
    WHERE a.purpose = 'reset_password'
        AND a.email_hash = sqlc.arg(email_hash)::bytea
        AND NOT EXISTS (SELECT FROM target)
)
SELECT
    (CASE WHEN p.user_id IS NOT NULL THEN 'created' ELSE 'user_unknown' END)::text AS verdict,
    coalesce(p.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(p.email, sqlc.arg(email)::text)::text AS email,
    (statement_timestamp() + sqlc.arg(valid_seconds)::integer * interval '1 second')::timestamptz AS expires_at
FROM (SELECT) AS one
LEFT JOIN put AS p ON TRUE;

-- name: PasswordResetGet :one
-- PasswordResetGet is the address that a token was sent to, spelt as a sign-in
-- spells it. It only spares the hashing of a password for a token that is no good;
-- whether it is good is decided by PasswordReset.
SELECT lower(t.email COLLATE "C")::text AS email
FROM public.user_tokens AS t
WHERE t.token_hash = sqlc.arg(token_hash)::bytea
    AND t.purpose = 'reset_password'
    AND t.expires_at > statement_timestamp();

-- name: PasswordReset :one
-- PasswordReset uses up a token and sets the password, after TokenLock. The mail
-- has reached the person, so the address is verified, if it is still theirs. All
-- sessions end, and so does whatever else was mailed to the address or would move
-- the account to another one. Where this is the first proof of the address,
-- whoever registered with it may be somebody else, who would come back by an
-- identity: those that are linked go.
-- Verdicts: reset, token_unknown.
WITH used AS (
    DELETE FROM public.user_tokens AS t
    USING public.users AS u
    WHERE t.token_hash = sqlc.arg(token_hash)::bytea
        AND t.purpose = 'reset_password'
        AND t.expires_at > statement_timestamp()
        AND u.id = t.user_id
        AND u.email = t.email
        AND u.erased_at IS NULL
        AND u.disabled_at IS NULL
    RETURNING t.user_id
), changed AS (
    UPDATE public.users AS u
    SET password_hash = sqlc.arg(new_hash)::text,
        email_verified = TRUE,
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
), ended AS (
    UPDATE public.sessions AS s
    SET revoked_at = statement_timestamp()
    FROM changed AS m
    WHERE s.user_id = m.id AND s.revoked_at IS NULL
), unlinked AS (
    DELETE FROM public.identities AS i
    USING used AS d, public.users AS u
    WHERE i.user_id = d.user_id AND u.id = d.user_id AND NOT u.email_verified
), voided AS (
    DELETE FROM public.user_tokens AS t
    USING changed AS m
    WHERE t.user_id = m.id AND t.purpose <> 'reset_password'
), forgotten AS (
    DELETE FROM public.attempts AS a
    USING changed AS m
    WHERE a.purpose IN ('sign_in', 'reset_password') AND a.email_hash = sqlc.arg(email_hash)::bytea
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        m.id,
        'password_changed',
        sqlc.arg(notice_title)::text,
        sqlc.arg(notice)::text
    FROM changed AS m
)
SELECT
    (CASE WHEN m.id IS NOT NULL THEN 'reset' ELSE 'token_unknown' END)::text AS verdict,
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
