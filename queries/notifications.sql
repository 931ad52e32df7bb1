-- name: NotificationList :many
-- NotificationList lists a person's notifications, the newest first. No row at all
-- means no such user; one without a notification, none. Bounded by the limit
-- inside.
SELECT
    coalesce(n.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    u.id AS user_id,
    coalesce(n.type, '')::text AS type,
    coalesce(n.title, '')::text AS title,
    coalesce(n.message, '')::text AS message,
    coalesce(n.read, FALSE)::boolean AS read,
    coalesce(n.created_at, now())::timestamptz AS created_at
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT n.id, n.type, n.title, n.message, n.read, n.created_at
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid
        AND (n.created_at, n.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY n.created_at DESC, n.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS n ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
ORDER BY n.created_at DESC, n.id DESC;

-- name: NotificationListUnread :many
-- NotificationListUnread is NotificationList of those that were not read yet.
-- Bounded by the limit inside.
SELECT
    coalesce(n.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    u.id AS user_id,
    coalesce(n.type, '')::text AS type,
    coalesce(n.title, '')::text AS title,
    coalesce(n.message, '')::text AS message,
    coalesce(n.read, FALSE)::boolean AS read,
    coalesce(n.created_at, now())::timestamptz AS created_at
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT n.id, n.type, n.title, n.message, n.read, n.created_at
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid
        AND NOT n.read
        AND (n.created_at, n.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY n.created_at DESC, n.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS n ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
ORDER BY n.created_at DESC, n.id DESC;

-- name: NotificationListUnreadFirst :many
-- NotificationListUnreadFirst is NotificationList in two parts: what was not read
-- yet, and then what was. Each is a range of its own index. The second is only
-- looked at for the rows that the first leaves over: behind many unread ones it
-- begins late. Bounded by the limits inside.
WITH unread AS MATERIALIZED (
    SELECT n.id, n.type, n.title, n.message, n.read, n.created_at
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid
        AND NOT n.read
        AND NOT sqlc.arg(unread_done)::boolean
        AND (n.created_at, n.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY n.created_at DESC, n.id DESC
    LIMIT sqlc.arg(row_limit)::integer
)
SELECT
    coalesce(n.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    u.id AS user_id,
    coalesce(n.type, '')::text AS type,
    coalesce(n.title, '')::text AS title,
    coalesce(n.message, '')::text AS message,
    coalesce(n.read, FALSE)::boolean AS read,
    coalesce(n.created_at, now())::timestamptz AS created_at
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT f.id, f.type, f.title, f.message, f.read, f.created_at
    FROM unread AS f
    UNION ALL
    (
        SELECT n.id, n.type, n.title, n.message, n.read, n.created_at
        FROM public.notifications AS n
        WHERE n.user_id = sqlc.arg(user_id)::uuid
            AND n.read
            AND (
                NOT sqlc.arg(unread_done)::boolean
                OR (n.created_at, n.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
            )
        ORDER BY n.created_at DESC, n.id DESC
        LIMIT sqlc.arg(row_limit)::integer - (SELECT count(*) FROM unread)
    )
) AS n ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
ORDER BY n.read, n.created_at DESC, n.id DESC;

-- name: NotificationCountUnread :one
-- NotificationCountUnread counts what a person has not read, as far as the limit:
-- it is asked for with every page. No row means no such user.
SELECT n.unread::integer AS unread
FROM public.users AS u
CROSS JOIN LATERAL (
    SELECT count(*) AS unread
    FROM (
        SELECT
        FROM public.notifications AS n
        WHERE n.user_id = u.id AND NOT n.read
        LIMIT sqlc.arg(row_limit)::integer
    ) AS n
) AS n
WHERE u.id = sqlc.arg(user_id)::uuid;

-- name: NotificationMarkRead :one
-- NotificationMarkRead marks some of a person's notifications as read. Locks those
-- that are not, by id, so that two calls for the same ones do not deadlock.
-- Verdicts: read, already, notice_unknown.
WITH mine AS MATERIALIZED (
    SELECT n.id
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid
        AND n.id = ANY (sqlc.arg(notification_ids)::uuid[])
        AND NOT n.read
    ORDER BY n.id
    FOR NO KEY UPDATE OF n
), marked AS (
    UPDATE public.notifications AS n
    SET read = TRUE
    FROM mine AS m
    WHERE n.id = m.id AND n.user_id = sqlc.arg(user_id)::uuid AND NOT n.read
    RETURNING n.id
)
SELECT
    (CASE
        WHEN k.marked > 0 THEN 'read'
        WHEN EXISTS (
            SELECT
            FROM public.notifications AS n
            WHERE n.user_id = sqlc.arg(user_id)::uuid
                AND n.id = ANY (sqlc.arg(notification_ids)::uuid[])
        ) THEN 'already'
        ELSE 'notice_unknown'
    END)::text AS verdict,
    k.marked::integer AS marked
FROM (SELECT count(*) AS marked FROM marked) AS k;

-- name: NotificationMarkAllRead :one
-- NotificationMarkAllRead marks as read what a person has not read, up to one of
-- their notifications where one is given. Locks those, by id.
-- Verdicts: read, already, user_unknown,
-- notice_unknown.
WITH newest AS MATERIALIZED (
    SELECT n.created_at, n.id
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid AND n.id = sqlc.narg(up_to)::uuid
    UNION ALL
    SELECT 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    WHERE sqlc.narg(up_to)::uuid IS NULL
), mine AS MATERIALIZED (
    SELECT n.id
    FROM public.notifications AS n
    WHERE n.user_id = sqlc.arg(user_id)::uuid
        AND NOT n.read
        AND (n.created_at, n.id) <= ((SELECT w.created_at FROM newest AS w), (SELECT w.id FROM newest AS w))
    ORDER BY n.id
    FOR NO KEY UPDATE OF n
), marked AS (
    UPDATE public.notifications AS n
    SET read = TRUE
    FROM mine AS m
    WHERE n.id = m.id AND n.user_id = sqlc.arg(user_id)::uuid AND NOT n.read
    RETURNING n.id
)
SELECT
    (CASE
        WHEN k.marked > 0 THEN 'read'
        WHEN u.id IS NULL THEN 'user_unknown'
        WHEN w.id IS NULL THEN 'notice_unknown'
        ELSE 'already'
    END)::text AS verdict,
    k.marked::integer AS marked
FROM (SELECT count(*) AS marked FROM marked) AS k
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN newest AS w ON TRUE;

-- name: AnnouncementCreate :one
-- AnnouncementCreate notifies all learners of a course, once per key. Locks the
-- learners KEY SHARE in the order of their ids, then the course, which waits for
-- the count of them, then the key. Who enrolls meanwhile is not told, who leaves
-- is. How many ids are needed is only known here: each is the given one's time
-- with random bits of its own, so that they lie on few pages of the index.
-- Verdicts: sent, already, course_unknown, key_reused, raced.
WITH target AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND NOT EXISTS (
            SELECT
            FROM public.announcements AS a
            WHERE a.course_id = c.id AND a.key = sqlc.arg(key)::text
        )
), learners AS MATERIALIZED (
    SELECT u.id
    FROM target AS t
    JOIN public.enrollments AS e ON e.course_id = t.id
    JOIN public.users AS u ON u.id = e.user_id
    WHERE u.erased_at IS NULL
    ORDER BY u.id
    FOR KEY SHARE OF u
), course AS MATERIALIZED (
    SELECT c.id, c.title, k.recipients
    FROM target AS t
    CROSS JOIN (SELECT count(*)::integer AS recipients FROM learners) AS k
    JOIN public.courses AS c ON c.id = t.id
    FOR KEY SHARE OF c
), told AS (
    INSERT INTO public.announcements (course_id, key, title, message, recipients)
    SELECT c.id, sqlc.arg(key)::text, sqlc.arg(title)::text, sqlc.arg(message)::text, c.recipients
    FROM course AS c
    ON CONFLICT (course_id, key) DO NOTHING
    RETURNING course_id, recipients
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        (left(sqlc.arg(notification_id)::uuid::text, 15) || substr(gen_random_uuid()::text, 16))::uuid,
        l.id,
        'announcement',
        left(replace(sqlc.arg(title)::text, '{course}', c.title), 255),
        left(replace(sqlc.arg(message)::text, '{course}', c.title), sqlc.arg(longest)::integer)
    FROM told AS m
    CROSS JOIN course AS c
    CROSS JOIN learners AS l
)
SELECT
    (CASE
        WHEN m.course_id IS NOT NULL THEN 'sent'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN a.title = sqlc.arg(title)::text AND a.message = sqlc.arg(message)::text THEN 'already'
        WHEN a.key IS NOT NULL THEN 'key_reused'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.recipients, a.recipients, 0)::integer AS recipients
FROM (SELECT) AS one
LEFT JOIN public.courses AS c
    ON c.id = sqlc.arg(course_id)::uuid
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
LEFT JOIN public.announcements AS a ON a.course_id = c.id AND a.key = sqlc.arg(key)::text
LEFT JOIN told AS m ON TRUE;
