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
