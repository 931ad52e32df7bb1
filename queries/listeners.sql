-- name: ListenerPut :one
-- ListenerPut registers a connection that waits for a person's notifications, or
-- renews it. Listeners whose connections are gone are removed when one comes; row
-- by row, past those that another is removing. Live says that the listener was
-- there all the time: if not, what was written meanwhile has told nobody. No row
-- means no such user.
WITH known AS MATERIALIZED (
    SELECT u.id
    FROM public.users AS u
    WHERE u.id = sqlc.arg(user_id)::uuid AND u.erased_at IS NULL
    FOR KEY SHARE OF u
), before AS MATERIALIZED (
    SELECT l.id
    FROM public.listeners AS l
    WHERE l.user_id = sqlc.arg(user_id)::uuid
        AND l.id = sqlc.arg(id)::uuid
        AND l.expires_at > statement_timestamp()
), dead AS MATERIALIZED (
    SELECT l.user_id, l.id
    FROM public.listeners AS l
    WHERE l.expires_at <= statement_timestamp()
        AND l.id <> sqlc.arg(id)::uuid
        AND NOT EXISTS (SELECT FROM before)
    ORDER BY l.user_id, l.id
    LIMIT 100
    FOR UPDATE OF l SKIP LOCKED
), removed AS (
    DELETE FROM public.listeners AS l
    USING dead AS d
    WHERE l.user_id = d.user_id AND l.id = d.id
), put AS (
    INSERT INTO public.listeners AS l (user_id, id, expires_at)
    SELECT k.id, sqlc.arg(id)::uuid, statement_timestamp() + sqlc.arg(seconds)::integer * interval '1 second'
    FROM known AS k
    ON CONFLICT (user_id, id) DO UPDATE
    SET expires_at = excluded.expires_at
    RETURNING l.user_id
)
SELECT
    public.notifications_channel(p.user_id)::text AS channel,
    (EXISTS (SELECT FROM before))::boolean AS live
FROM put AS p;

-- name: ListenerDelete :exec
-- ListenerDelete is sent by a connection that no longer waits.
DELETE FROM public.listeners AS l
WHERE l.user_id = sqlc.arg(user_id)::uuid AND l.id = sqlc.arg(id)::uuid;

-- name: NotificationListSince :many
-- NotificationListSince is what was committed after one snapshot and, where it is
-- given, before another, in the order of its times; and the snapshot that this
-- statement itself has. The order of times is not that of the commits: what a
-- snapshot did not see is found by its transaction, however old it says it is. A
-- day bounds that, for the index, and for what a restored dump says about
-- transactions of another server. Each snapshot in a SELECT of its own is read
-- once, not for each row. One row at least, without a notification if there is
-- none. Bounded by the limit inside.
SELECT
    pg_current_snapshot()::text AS snapshot,
    statement_timestamp()::timestamptz AS looked_at,
    coalesce(n.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    sqlc.arg(user_id)::uuid AS user_id,
    coalesce(n.type, '')::text AS type,
    coalesce(n.title, '')::text AS title,
    coalesce(n.message, '')::text AS message,
    coalesce(n.read, FALSE)::boolean AS read,
    coalesce(n.created_at, now())::timestamptz AS created_at
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT n.id, n.type, n.title, n.message, n.read, n.created_at
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid
        AND n.created_at > sqlc.arg(since_at)::timestamptz - interval '1 day'
        AND (n.created_at, n.id) > (sqlc.arg(after_at)::timestamptz, sqlc.arg(after_id)::uuid)
        AND NOT pg_visible_in_snapshot(n.txid, (SELECT sqlc.narg(since)::text::pg_snapshot))
        AND (
            sqlc.narg(until)::text IS NULL
            OR pg_visible_in_snapshot(n.txid, (SELECT sqlc.narg(until)::text::pg_snapshot))
        )
    ORDER BY n.created_at, n.id
    LIMIT sqlc.arg(row_limit)::integer
) AS n ON TRUE
ORDER BY n.created_at, n.id;
