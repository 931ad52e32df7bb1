-- name: UserCreate :one
-- UserCreate registers a person. The id makes a repeat harmless. Both unique
-- indexes on the email arbitrate: of two who race for one, the second waits for
-- the first and makes nothing.
-- Verdicts: created, already, id_taken, email_taken, raced.
WITH created AS (
    INSERT INTO public.users (id, email, password_hash, name, role)
    VALUES (
        sqlc.arg(id)::uuid,
        sqlc.arg(email)::text,
        sqlc.arg(password_hash)::text,
        sqlc.arg(name)::text,
        sqlc.arg(role)::public.user_role
    )
    ON CONFLICT DO NOTHING
    RETURNING id, email, name, bio, avatar_url, role, email_verified, created_at, updated_at, last_login, disabled_at
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN lower(u.email COLLATE "C") = sqlc.arg(email)::text THEN 'already'
        WHEN u.id IS NOT NULL THEN 'id_taken'
        WHEN o.id IS NOT NULL THEN 'email_taken'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(m.email, u.email, '')::text AS email,
    coalesce(m.name, u.name, '')::text AS name,
    coalesce(m.bio, u.bio, '')::text AS bio,
    coalesce(m.avatar_url, u.avatar_url, '')::text AS avatar_url,
    coalesce(m.role, u.role, 'user')::public.user_role AS role,
    coalesce(m.email_verified, u.email_verified, FALSE)::boolean AS email_verified,
    coalesce(m.created_at, u.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, u.updated_at, now())::timestamptz AS updated_at,
    coalesce(m.last_login, u.last_login) AS last_login,
    coalesce(m.disabled_at, u.disabled_at) AS disabled_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(id)::uuid
LEFT JOIN public.users AS o ON lower(o.email COLLATE "C") = sqlc.arg(email)::text
LEFT JOIN created AS m ON TRUE;

-- name: UserLockForSync :exec
-- UserLockForSync is sent before UserSync, and locks only what that will change.
-- FOR UPDATE, because the email is a key: whoever shares the row is waited for
-- before anything else is locked. What another transaction made of the person
-- meanwhile is then in the next statement's snapshot.
SELECT u.id
FROM public.users AS u
WHERE u.id = sqlc.arg(id)::uuid
    AND (u.email, u.name, coalesce(u.avatar_url, ''), u.role) IS DISTINCT FROM (
        sqlc.arg(email)::text,
        sqlc.arg(name)::text,
        sqlc.arg(avatar_url)::text,
        sqlc.arg(role)::public.user_role
    )
FOR UPDATE;

-- name: UserSync :one
-- UserSync copies a person from the host's own accounts, after UserLockForSync.
-- No password can match the hash. Writes nothing where nothing differs. Two
-- people who change to one email at once pass the check both; the second then
-- meets the index.
-- Verdicts: created, updated, unchanged, user_unknown, email_taken, raced.
WITH created AS (
    INSERT INTO public.users (id, email, password_hash, name, avatar_url, role)
    SELECT
        sqlc.arg(id)::uuid,
        sqlc.arg(email)::text,
        '!',
        sqlc.arg(name)::text,
        nullif(sqlc.arg(avatar_url)::text, ''),
        sqlc.arg(role)::public.user_role
    WHERE NOT EXISTS (
        SELECT
        FROM public.users AS u
        WHERE u.id = sqlc.arg(id)::uuid
    )
    ON CONFLICT DO NOTHING
    RETURNING id, email, name, bio, avatar_url, role, email_verified, created_at, updated_at, last_login, disabled_at
), updated AS (
    UPDATE public.users AS u
    SET email = sqlc.arg(email)::text,
        name = sqlc.arg(name)::text,
        avatar_url = nullif(sqlc.arg(avatar_url)::text, ''),
        role = sqlc.arg(role)::public.user_role,
        updated_at = now()
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND (u.email, u.name, coalesce(u.avatar_url, ''), u.role) IS DISTINCT FROM (
            sqlc.arg(email)::text,
            sqlc.arg(name)::text,
            sqlc.arg(avatar_url)::text,
            sqlc.arg(role)::public.user_role
        )
        AND NOT EXISTS (
            SELECT
            FROM public.users AS o
            WHERE lower(o.email COLLATE "C") = sqlc.arg(email)::text AND o.id <> u.id
        )
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
    (CASE
        WHEN m.id IS NOT NULL THEN 'created'
        WHEN n.id IS NOT NULL THEN 'updated'
        WHEN u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN o.id IS NOT NULL THEN 'email_taken'
        WHEN (u.email, u.name, coalesce(u.avatar_url, ''), u.role) = (
            sqlc.arg(email)::text,
            sqlc.arg(name)::text,
            sqlc.arg(avatar_url)::text,
            sqlc.arg(role)::public.user_role
        ) THEN 'unchanged'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    sqlc.arg(email)::text AS email,
    sqlc.arg(name)::text AS name,
    coalesce(m.bio, n.bio, u.bio, '')::text AS bio,
    sqlc.arg(avatar_url)::text AS avatar_url,
    sqlc.arg(role)::public.user_role AS role,
    coalesce(m.email_verified, n.email_verified, u.email_verified, FALSE)::boolean AS email_verified,
    coalesce(m.created_at, n.created_at, u.created_at, now())::timestamptz AS created_at,
    coalesce(m.updated_at, n.updated_at, u.updated_at, now())::timestamptz AS updated_at,
    coalesce(m.last_login, n.last_login, u.last_login) AS last_login,
    coalesce(m.disabled_at, n.disabled_at, u.disabled_at) AS disabled_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(id)::uuid
LEFT JOIN public.users AS o ON lower(o.email COLLATE "C") = sqlc.arg(email)::text AND o.id <> sqlc.arg(id)::uuid
LEFT JOIN created AS m ON TRUE
LEFT JOIN updated AS n ON TRUE;

-- name: UserUpdate :one
-- UserUpdate replaces what people say about themselves. It judges only the row it
-- updates, so it needs no lock before it. Writes nothing where nothing differs.
-- Verdicts: updated, unchanged, user_unknown, raced.
WITH updated AS (
    UPDATE public.users AS u
    SET name = sqlc.arg(name)::text,
        bio = nullif(sqlc.arg(bio)::text, ''),
        avatar_url = nullif(sqlc.arg(avatar_url)::text, ''),
        updated_at = now()
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND (u.name, coalesce(u.bio, ''), coalesce(u.avatar_url, '')) <> (
            sqlc.arg(name)::text,
            sqlc.arg(bio)::text,
            sqlc.arg(avatar_url)::text
        )
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
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
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
    FROM public.users AS u
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN (u.name, coalesce(u.bio, ''), coalesce(u.avatar_url, '')) = (
            sqlc.arg(name)::text,
            sqlc.arg(bio)::text,
            sqlc.arg(avatar_url)::text
        ) THEN 'unchanged'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(u.email, '')::text AS email,
    coalesce(u.name, '')::text AS name,
    coalesce(u.bio, '')::text AS bio,
    coalesce(u.avatar_url, '')::text AS avatar_url,
    coalesce(u.role, 'user')::public.user_role AS role,
    coalesce(u.email_verified, FALSE)::boolean AS email_verified,
    coalesce(u.created_at, now())::timestamptz AS created_at,
    coalesce(u.updated_at, now())::timestamptz AS updated_at,
    u.last_login,
    u.disabled_at
FROM (SELECT) AS one
LEFT JOIN shown AS u ON TRUE
LEFT JOIN updated AS m ON TRUE;

-- name: UserLock :exec
-- UserLock is sent before statements that search what hangs on the person: a
-- sign-in that is making a session meanwhile holds the person too, and so does
-- whoever ends one, makes a token or takes an identity away; they are waited for.
-- The setting says whom it found: someone who was added since is not locked. In a
-- CTE, so that it is set after the wait.
WITH locked AS MATERIALIZED (
    SELECT u.id
    FROM public.users AS u
    WHERE u.id = sqlc.arg(id)::uuid
    FOR NO KEY UPDATE
)
SELECT set_config('elevate.user', k.id::text, TRUE)
FROM locked AS k;

-- name: UserSetRole :one
-- UserSetRole gives a person another role and ends their sessions, after
-- UserLock. Writes nothing where the role is the same.
-- Verdicts: updated, unchanged, user_unknown, raced.
WITH updated AS (
    UPDATE public.users AS u
    SET role = sqlc.arg(role)::public.user_role,
        updated_at = now()
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.id::text = current_setting('elevate.user', TRUE)
        AND u.erased_at IS NULL
        AND u.role <> sqlc.arg(role)::public.user_role
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
    FROM updated AS m
    WHERE s.user_id = m.id AND s.revoked_at IS NULL
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
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
    FROM public.users AS u
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'updated'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN u.role = sqlc.arg(role)::public.user_role THEN 'unchanged'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(u.email, '')::text AS email,
    coalesce(u.name, '')::text AS name,
    coalesce(u.bio, '')::text AS bio,
    coalesce(u.avatar_url, '')::text AS avatar_url,
    coalesce(u.role, 'user')::public.user_role AS role,
    coalesce(u.email_verified, FALSE)::boolean AS email_verified,
    coalesce(u.created_at, now())::timestamptz AS created_at,
    coalesce(u.updated_at, now())::timestamptz AS updated_at,
    u.last_login,
    u.disabled_at
FROM (SELECT) AS one
LEFT JOIN shown AS u ON TRUE
LEFT JOIN updated AS m ON TRUE;

-- name: UserDisable :one
-- UserDisable keeps a person from signing in, after UserLock: their sessions
-- end, and the tokens in their mail that would change the account are void.
-- Someone who is disabled already loses what has come to be since.
-- Verdicts: disabled, already, user_unknown, raced.
WITH target AS MATERIALIZED (
    SELECT u.id
    FROM public.users AS u
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.id::text = current_setting('elevate.user', TRUE)
        AND u.erased_at IS NULL
), updated AS (
    UPDATE public.users AS u
    SET disabled_at = now(),
        updated_at = now()
    FROM target AS t
    WHERE u.id = t.id AND u.disabled_at IS NULL
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
    FROM target AS t
    WHERE s.user_id = t.id AND s.revoked_at IS NULL
), voided AS (
    DELETE FROM public.user_tokens AS k
    USING target AS t
    WHERE k.user_id = t.id AND k.purpose IN ('reset_password', 'change_email')
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
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
    FROM public.users AS u
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'disabled'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN t.id IS NULL THEN 'raced'
        ELSE 'already'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(u.email, '')::text AS email,
    coalesce(u.name, '')::text AS name,
    coalesce(u.bio, '')::text AS bio,
    coalesce(u.avatar_url, '')::text AS avatar_url,
    coalesce(u.role, 'user')::public.user_role AS role,
    coalesce(u.email_verified, FALSE)::boolean AS email_verified,
    coalesce(u.created_at, now())::timestamptz AS created_at,
    coalesce(u.updated_at, now())::timestamptz AS updated_at,
    u.last_login,
    u.disabled_at
FROM (SELECT) AS one
LEFT JOIN shown AS u ON TRUE
LEFT JOIN updated AS m ON TRUE
LEFT JOIN target AS t ON TRUE;

-- name: UserEnable :one
-- UserEnable lets a person sign in again. It judges only the row it updates, so it
-- needs no lock before it.
-- Verdicts: enabled, already, user_unknown, raced.
WITH updated AS (
    UPDATE public.users AS u
    SET disabled_at = NULL,
        updated_at = now()
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND u.disabled_at IS NOT NULL
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
), shown AS (
    SELECT m.*
    FROM updated AS m
    UNION ALL
    SELECT
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
    FROM public.users AS u
    WHERE u.id = sqlc.arg(id)::uuid
        AND u.erased_at IS NULL
        AND NOT EXISTS (SELECT FROM updated)
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'enabled'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN u.disabled_at IS NULL THEN 'already'
        ELSE 'raced'
    END)::text AS verdict,
    sqlc.arg(id)::uuid AS id,
    coalesce(u.email, '')::text AS email,
    coalesce(u.name, '')::text AS name,
    coalesce(u.bio, '')::text AS bio,
    coalesce(u.avatar_url, '')::text AS avatar_url,
    coalesce(u.role, 'user')::public.user_role AS role,
    coalesce(u.email_verified, FALSE)::boolean AS email_verified,
    coalesce(u.created_at, now())::timestamptz AS created_at,
    coalesce(u.updated_at, now())::timestamptz AS updated_at,
    u.last_login,
    u.disabled_at
FROM (SELECT) AS one
LEFT JOIN shown AS u ON TRUE
LEFT JOIN updated AS m ON TRUE;

-- name: UserGet :one
-- UserGet is one person; a tombstone is unknown.
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
FROM public.users AS u
WHERE u.id = sqlc.arg(id)::uuid AND u.erased_at IS NULL;

-- name: UserList :many
-- UserList is everybody, or every learner, in the order of their ids.
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
FROM public.users AS u
WHERE u.id > sqlc.arg(after_id)::uuid
    AND u.erased_at IS NULL
    AND (NOT sqlc.arg(learners)::boolean OR u.role = 'user')
ORDER BY u.id
LIMIT sqlc.arg(row_limit)::integer;

-- name: UserListStaff :many
-- UserListStaff is the instructors or the admins, in the order of their ids. A
-- query of its own, whose second condition repeats the index's: among ten million
-- learners it reads only staff.
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
FROM public.users AS u
WHERE u.role = sqlc.arg(role)::public.user_role
    AND u.role <> 'user'
    AND u.id > sqlc.arg(after_id)::uuid
    AND u.erased_at IS NULL
ORDER BY u.id
LIMIT sqlc.arg(row_limit)::integer;
