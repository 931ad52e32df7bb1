-- name: IdentityCreate :one
-- IdentityCreate links an identity that nobody has to a person. Locks the person
-- KEY SHARE: an erasure in flight is waited for, and what it left is judged. The
-- primary key arbitrates: of two who race for one identity, the second waits for
-- the first and makes nothing.
-- Verdicts: linked, already, user_unknown, identity_taken, raced.
WITH target AS MATERIALIZED (
    SELECT u.id
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND NOT EXISTS (
            SELECT
            FROM public.identities AS i
            WHERE i.provider = sqlc.arg(provider)::text AND i.subject = sqlc.arg(subject)::text
        )
    FOR KEY SHARE OF u
), linked AS (
    INSERT INTO public.identities (provider, subject, user_id)
    SELECT sqlc.arg(provider)::text, sqlc.arg(subject)::text, t.id
    FROM target AS t
    ON CONFLICT (provider, subject) DO NOTHING
    RETURNING user_id, linked_at
)
SELECT
    (CASE
        WHEN m.user_id IS NOT NULL THEN 'linked'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN i.user_id = u.id THEN 'already'
        WHEN i.user_id IS NOT NULL THEN 'identity_taken'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.linked_at, i.linked_at, now())::timestamptz AS linked_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.identities AS i
    ON i.provider = sqlc.arg(provider)::text AND i.subject = sqlc.arg(subject)::text
LEFT JOIN linked AS m ON TRUE;

-- name: IdentityDelete :one
-- IdentityDelete unlinks an identity of a person, after UserLock: of two who
-- unlink their last two identities at once, the second sees what the first
-- left. Without a password the last one stays. Somebody else's identity is none
-- of theirs.
-- Verdicts: unlinked, already, user_unknown, last_sign_in, raced.
WITH target AS MATERIALIZED (
    SELECT
        u.id,
        coalesce(u.id::text = current_setting('elevate.user', TRUE), FALSE) AS held,
        u.password_hash = '!'
            AND NOT EXISTS (
                SELECT
                FROM public.identities AS o
                WHERE o.user_id = u.id
                    AND (o.provider, o.subject) <> (sqlc.arg(provider)::text, sqlc.arg(subject)::text)
            ) AS last
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid AND u.erased_at IS NULL
), unlinked AS (
    DELETE FROM public.identities AS i
    USING target AS t
    WHERE i.provider = sqlc.arg(provider)::text
        AND i.subject = sqlc.arg(subject)::text
        AND i.user_id = t.id
        AND t.held
        AND NOT t.last
    RETURNING i.user_id
)
SELECT
    (CASE
        WHEN m.user_id IS NOT NULL THEN 'unlinked'
        WHEN t.id IS NULL THEN 'user_unknown'
        WHEN i.user_id IS NULL THEN 'already'
        WHEN NOT t.held THEN 'raced'
        WHEN t.last THEN 'last_sign_in'
        ELSE 'raced'
    END)::text AS verdict
FROM (SELECT) AS one
LEFT JOIN target AS t ON TRUE
LEFT JOIN public.identities AS i
    ON i.provider = sqlc.arg(provider)::text AND i.subject = sqlc.arg(subject)::text AND i.user_id = t.id
LEFT JOIN unlinked AS m ON TRUE;

-- name: IdentityListByUser :many
-- IdentityListByUser is what is linked to a person. No row at all means no such
-- user; one without a provider, no identities. Bounded by the limit inside.
SELECT
    coalesce(i.provider, '')::text AS provider,
    coalesce(i.subject, '')::text AS subject,
    coalesce(i.linked_at, now())::timestamptz AS linked_at
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT i.provider, i.subject, i.linked_at
    FROM public.identities AS i
    WHERE i.user_id = sqlc.arg(user_id)::uuid
    ORDER BY i.provider, i.subject
    LIMIT sqlc.arg(row_limit)::integer
) AS i ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid AND u.erased_at IS NULL
ORDER BY i.provider, i.subject;

-- name: UserGetByIdentity :one
-- UserGetByIdentity is the person whom an identity is linked to.
SELECT
    u.id,
    u.email,
    u.name,
    coalesce(u.bio, '')::text AS bio,
    coalesce(u.avatar_url, '')::text AS avatar_url,
    u.role,
    u.email_verified,
    u.created_at,
    u.updated_at,
    u.last_login,
    u.disabled_at
FROM public.identities AS i
JOIN public.users AS u ON u.id = i.user_id
WHERE i.provider = sqlc.arg(provider)::text
    AND i.subject = sqlc.arg(subject)::text
    AND u.erased_at IS NULL;
