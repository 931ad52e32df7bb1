-- name: CertificateIssueLock :exec
-- CertificateIssueLock is sent before CertificateIssue: whoever issues another
-- certificate of this learner for this course has finished, and one that was
-- issued and revoked meanwhile is in the next statement's snapshot. Locks the
-- user and the course KEY SHARE and the completed enrollment NO KEY UPDATE;
-- nothing where there is a valid certificate, so that a repeat locks nothing.
SELECT e.id
FROM public.users AS u
JOIN public.enrollments AS e ON e.user_id = u.id
JOIN public.courses AS c ON c.id = e.course_id
WHERE u.id = sqlc.arg(user_id)::uuid
    AND u.erased_at IS NULL
    AND c.id = sqlc.arg(course_id)::uuid
    AND e.completed_at IS NOT NULL
    AND NOT EXISTS (
        SELECT
        FROM public.certificates AS x
        WHERE x.user_id = u.id AND x.course_id = c.id AND x.revoked_at IS NULL
    )
FOR KEY SHARE OF u
FOR KEY SHARE OF c
FOR NO KEY UPDATE OF e;

-- name: CertificateIssue :one
-- CertificateIssue issues the certificate of a completed course, after
-- CertificateIssueLock, with the names of holder and course as they are today.
-- Without an arbiter, ON CONFLICT also turns a clash of public ids into raced:
-- make a new one and send again. After a revocation only reissue, for trusted
-- code, issues another. Locks the revoked ones NO KEY UPDATE, so that none of
-- them is reinstated meanwhile; joining their count has it done before the
-- INSERT.
-- Verdicts: issued, already, revoked, user_unknown, course_unknown, not_enrolled,
-- incomplete, raced.
WITH target AS MATERIALIZED (
    SELECT u.id AS user_id, u.name, c.id AS course_id, c.title
    FROM public.users AS u
    JOIN public.enrollments AS e ON e.user_id = u.id
    JOIN public.courses AS c ON c.id = e.course_id
    WHERE u.id = sqlc.arg(user_id)::uuid
        AND u.erased_at IS NULL
        AND c.id = sqlc.arg(course_id)::uuid
        AND e.completed_at IS NOT NULL
        AND NOT EXISTS (
            SELECT
            FROM public.certificates AS x
            WHERE x.user_id = u.id AND x.course_id = c.id AND x.revoked_at IS NULL
        )
    FOR KEY SHARE OF u
    FOR KEY SHARE OF c
    FOR KEY SHARE OF e
), revoked AS MATERIALIZED (
    SELECT x.id
    FROM target AS t
    JOIN public.certificates AS x ON x.user_id = t.user_id AND x.course_id = t.course_id
    WHERE x.revoked_at IS NOT NULL
    ORDER BY x.id
    FOR NO KEY UPDATE OF x
), issued AS (
    INSERT INTO public.certificates (
        id, certificate_id, user_id, course_id, holder_name, course_title, certificate_url
    )
    SELECT
        sqlc.arg(id)::uuid,
        sqlc.arg(certificate_id)::text,
        t.user_id,
        t.course_id,
        t.name,
        t.title,
        sqlc.narg(url)::text
    FROM target AS t
    CROSS JOIN (SELECT count(*) AS n FROM revoked) AS r
    WHERE r.n = 0 OR sqlc.arg(reissue)::boolean
    ON CONFLICT DO NOTHING
    RETURNING id, certificate_id, user_id, holder_name, course_title, certificate_url, issued_at
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        sqlc.arg(notification_id)::uuid,
        m.user_id,
        'certificate_issued',
        left(replace(sqlc.arg(notice_title)::text, '{course}', t.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', t.title)
    FROM issued AS m
    CROSS JOIN target AS t
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'issued'
        WHEN u.id IS NULL OR u.erased_at IS NOT NULL THEN 'user_unknown'
        WHEN x.id IS NOT NULL THEN 'already'
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN e.id IS NULL THEN 'not_enrolled'
        WHEN e.completed_at IS NULL THEN 'incomplete'
        WHEN NOT sqlc.arg(reissue)::boolean AND EXISTS (SELECT FROM revoked) THEN 'revoked'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(m.id, x.id, sqlc.arg(id)::uuid)::uuid AS id,
    coalesce(m.certificate_id, x.certificate_id, '')::text AS certificate_id,
    coalesce(m.holder_name, x.holder_name, u.name, '')::text AS holder_name,
    coalesce(m.course_title, x.course_title, c.title, '')::text AS course_title,
    coalesce(m.certificate_url, x.certificate_url, '')::text AS url,
    coalesce(m.issued_at, x.issued_at, now())::timestamptz AS issued_at
FROM (SELECT) AS one
LEFT JOIN public.users AS u ON u.id = sqlc.arg(user_id)::uuid
LEFT JOIN public.courses AS c ON c.id = sqlc.arg(course_id)::uuid
LEFT JOIN public.enrollments AS e ON e.user_id = u.id AND e.course_id = c.id
LEFT JOIN public.certificates AS x ON x.user_id = u.id AND x.course_id = c.id AND x.revoked_at IS NULL
LEFT JOIN issued AS m ON TRUE;

-- name: CertificateIssueManyLock :exec
-- CertificateIssueManyLock is CertificateIssueLock for a cohort, sent before
-- CertificateIssueMany. Locks the users KEY SHARE by id, then the course, then
-- the completed enrollments NO KEY UPDATE by id: each lock waits for the count of
-- those before it. Who has a certificate, revoked or not, gets none and is not
-- locked.
WITH ready AS MATERIALIZED (
    SELECT e.id, e.user_id
    FROM unnest(sqlc.arg(user_ids)::uuid[]) AS a (user_id)
    CROSS JOIN LATERAL (
        SELECT e.id, e.user_id
        FROM public.enrollments AS e
        WHERE e.user_id = a.user_id
            AND e.course_id = sqlc.arg(course_id)::uuid
            AND e.completed_at IS NOT NULL
        LIMIT 1
    ) AS e
    LEFT JOIN LATERAL (
        SELECT x.id
        FROM public.certificates AS x
        WHERE x.user_id = a.user_id AND x.course_id = sqlc.arg(course_id)::uuid
        ORDER BY x.issued_at DESC, x.id DESC
        LIMIT 1
    ) AS x ON TRUE
    WHERE x.id IS NULL
        AND EXISTS (
            SELECT
            FROM public.courses AS c
            WHERE c.id = sqlc.arg(course_id)::uuid
                AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        )
), known AS MATERIALIZED (
    SELECT u.id
    FROM ready AS r
    JOIN public.users AS u ON u.id = r.user_id
    WHERE u.erased_at IS NULL
    ORDER BY u.id
    FOR KEY SHARE OF u
), course AS MATERIALIZED (
    SELECT c.id
    FROM public.courses AS c
    CROSS JOIN (SELECT count(*) AS n FROM known) AS k
    WHERE c.id = sqlc.arg(course_id)::uuid AND k.n > 0
    FOR KEY SHARE OF c
), seats AS MATERIALIZED (
    SELECT e.id
    FROM course AS c
    CROSS JOIN ready AS r
    JOIN public.enrollments AS e ON e.id = r.id
    ORDER BY e.id
    FOR NO KEY UPDATE OF e
)
SELECT count(*)::integer AS locked
FROM seats;

-- name: CertificateIssueMany :many
-- CertificateIssueMany issues the certificates of a cohort, after
-- CertificateIssueManyLock; one verdict per user, as many as were asked for. The
-- four arrays run in step. A certificate with the id that was asked for is this
-- call's, from before it lost a race over another user. Nobody who has a
-- certificate gets one, so there are none to lock. Users are locked again, for
-- those who completed the course since: one who is being erased cannot be waited
-- for behind the course, and is raced. LIMIT, IN and IS TRUE are those of
-- EnrollmentCreateMany.
-- Bounded by the users asked for.
-- Verdicts: issued, already, revoked, user_unknown, course_unknown, not_enrolled,
-- incomplete, raced.
WITH asked AS MATERIALIZED (
    SELECT DISTINCT ON (a.user_id) a.user_id, a.id, a.certificate_id, a.notification_id
    FROM ROWS FROM (
        unnest(sqlc.arg(user_ids)::uuid[]),
        unnest(sqlc.arg(ids)::uuid[]),
        unnest(sqlc.arg(certificate_ids)::text[]),
        unnest(sqlc.arg(notification_ids)::uuid[])
    ) AS a (user_id, id, certificate_id, notification_id)
    ORDER BY a.user_id, a.id
), course AS MATERIALIZED (
    SELECT c.id, c.title
    FROM public.courses AS c
    WHERE c.id = sqlc.arg(course_id)::uuid
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
), standing AS MATERIALIZED (
    SELECT
        a.user_id,
        a.id,
        a.certificate_id,
        a.notification_id,
        u.name,
        e.id AS enrollment_id,
        e.completed_at,
        v.id AS valid_id,
        v.certificate_id AS valid_certificate_id,
        r.id AS revoked_id
    FROM asked AS a
    LEFT JOIN LATERAL (
        SELECT u.name
        FROM public.users AS u
        WHERE u.id = a.user_id AND u.erased_at IS NULL
        LIMIT 1
    ) AS u ON TRUE
    LEFT JOIN LATERAL (
        SELECT e.id, e.completed_at
        FROM public.enrollments AS e
        WHERE e.user_id = a.user_id AND e.course_id = sqlc.arg(course_id)::uuid
        LIMIT 1
    ) AS e ON TRUE
    LEFT JOIN LATERAL (
        SELECT x.id, x.certificate_id
        FROM public.certificates AS x
        WHERE x.user_id = a.user_id
            AND x.course_id = sqlc.arg(course_id)::uuid
            AND x.revoked_at IS NULL
        LIMIT 1
    ) AS v ON TRUE
    LEFT JOIN LATERAL (
        SELECT x.id
        FROM public.certificates AS x
        WHERE x.user_id = a.user_id
            AND x.course_id = sqlc.arg(course_id)::uuid
            AND x.revoked_at IS NOT NULL
        ORDER BY x.issued_at DESC, x.id DESC
        LIMIT 1
    ) AS r ON TRUE
), known AS MATERIALIZED (
    SELECT s.id, s.certificate_id, s.user_id, u.name, c.id AS course_id, c.title
    FROM standing AS s
    CROSS JOIN course AS c
    JOIN public.users AS u ON u.id = s.user_id
    WHERE u.erased_at IS NULL
        AND s.completed_at IS NOT NULL
        AND s.valid_id IS NULL
        AND s.revoked_id IS NULL
    ORDER BY u.id
    FOR KEY SHARE OF u SKIP LOCKED
), issued AS (
    INSERT INTO public.certificates (id, certificate_id, user_id, course_id, holder_name, course_title)
    SELECT k.id, k.certificate_id, k.user_id, k.course_id, k.name, k.title
    FROM known AS k
    ORDER BY k.user_id
    ON CONFLICT DO NOTHING
    RETURNING id
), noted AS (
    INSERT INTO public.notifications (id, user_id, type, title, message)
    SELECT
        s.notification_id,
        s.user_id,
        'certificate_issued',
        left(replace(sqlc.arg(notice_title)::text, '{course}', c.title), 255),
        replace(sqlc.arg(notice)::text, '{course}', c.title)
    FROM standing AS s
    CROSS JOIN course AS c
    WHERE (s.id IN (SELECT m.id FROM issued AS m)) IS TRUE
)
SELECT
    (CASE
        WHEN c.id IS NULL THEN 'course_unknown'
        WHEN s.id IN (SELECT m.id FROM issued AS m) OR s.valid_id = s.id THEN 'issued'
        WHEN s.name IS NULL THEN 'user_unknown'
        WHEN s.valid_id IS NOT NULL THEN 'already'
        WHEN s.enrollment_id IS NULL THEN 'not_enrolled'
        WHEN s.completed_at IS NULL THEN 'incomplete'
        WHEN s.revoked_id IS NOT NULL THEN 'revoked'
        ELSE 'raced'
    END)::text AS verdict,
    s.user_id::uuid AS user_id,
    coalesce(s.valid_certificate_id, s.certificate_id)::text AS certificate_id
FROM standing AS s
LEFT JOIN course AS c ON TRUE
ORDER BY s.user_id;

-- name: CertificateRevoke :one
-- CertificateRevoke ends a certificate; it stays and verifies as revoked. Locks
-- the certificate. Names that were written before there were columns for them
-- are today's, here and below.
-- Verdicts: revoked, already, certificate_unknown, raced.
WITH revoked AS (
    UPDATE public.certificates AS x
    SET revoked_at = now()
    FROM public.courses AS c
    WHERE x.certificate_id = sqlc.arg(certificate_id)::text
        AND x.revoked_at IS NULL
        AND c.id = x.course_id
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
    RETURNING x.id, x.revoked_at
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'revoked'
        WHEN x.id IS NULL THEN 'certificate_unknown'
        WHEN x.revoked_at IS NOT NULL THEN 'already'
        ELSE 'raced'
    END)::text AS verdict,
    coalesce(x.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(x.certificate_id, '')::text AS certificate_id,
    coalesce(x.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(x.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(x.holder_name, '')::text AS holder_name,
    coalesce(x.course_title, '')::text AS course_title,
    coalesce(x.certificate_url, '')::text AS url,
    coalesce(x.issued_at, now())::timestamptz AS issued_at,
    coalesce(m.revoked_at, x.revoked_at) AS revoked_at
FROM (SELECT) AS one
LEFT JOIN (
    SELECT
        x.id,
        x.certificate_id,
        x.user_id,
        x.course_id,
        coalesce(x.holder_name, u.name) AS holder_name,
        coalesce(x.course_title, c.title) AS course_title,
        x.certificate_url,
        x.issued_at,
        x.revoked_at
    FROM public.certificates AS x
    JOIN public.users AS u ON u.id = x.user_id
    JOIN public.courses AS c ON c.id = x.course_id
    WHERE x.certificate_id = sqlc.arg(certificate_id)::text
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
) AS x ON TRUE
LEFT JOIN revoked AS m ON TRUE;

-- name: CertificateLock :exec
-- CertificateLock is sent before CertificateReinstate: all certificates of this
-- learner for this course, so that reinstating one cannot meet another that is
-- being issued or reinstated and fail on the unique index. Locks the user and
-- the course KEY SHARE, then the certificates NO KEY UPDATE by id.
SELECT x.id
FROM public.certificates AS w
JOIN public.users AS u ON u.id = w.user_id
JOIN public.courses AS c ON c.id = w.course_id
JOIN public.certificates AS x ON x.user_id = w.user_id AND x.course_id = w.course_id
WHERE w.certificate_id = sqlc.arg(certificate_id)::text
    AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
ORDER BY x.id
FOR KEY SHARE OF u
FOR KEY SHARE OF c
FOR NO KEY UPDATE OF x;

-- name: CertificateReinstate :one
-- CertificateReinstate undoes a revocation, after CertificateLock, unless
-- another certificate of the course has been issued since.
-- Verdicts: reinstated, already, superseded, certificate_unknown.
WITH reinstated AS (
    UPDATE public.certificates AS x
    SET revoked_at = NULL
    FROM public.courses AS c
    WHERE x.certificate_id = sqlc.arg(certificate_id)::text
        AND x.revoked_at IS NOT NULL
        AND c.id = x.course_id
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
        AND NOT EXISTS (
            SELECT
            FROM public.certificates AS o
            WHERE o.user_id = x.user_id AND o.course_id = x.course_id AND o.revoked_at IS NULL
        )
    RETURNING x.id
)
SELECT
    (CASE
        WHEN m.id IS NOT NULL THEN 'reinstated'
        WHEN x.id IS NULL THEN 'certificate_unknown'
        WHEN x.revoked_at IS NULL THEN 'already'
        ELSE 'superseded'
    END)::text AS verdict,
    coalesce(x.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(x.certificate_id, '')::text AS certificate_id,
    coalesce(x.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(x.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(x.holder_name, '')::text AS holder_name,
    coalesce(x.course_title, '')::text AS course_title,
    coalesce(x.certificate_url, '')::text AS url,
    coalesce(x.issued_at, now())::timestamptz AS issued_at
FROM (SELECT) AS one
LEFT JOIN (
    SELECT
        x.id,
        x.certificate_id,
        x.user_id,
        x.course_id,
        coalesce(x.holder_name, u.name) AS holder_name,
        coalesce(x.course_title, c.title) AS course_title,
        x.certificate_url,
        x.issued_at,
        x.revoked_at
    FROM public.certificates AS x
    JOIN public.users AS u ON u.id = x.user_id
    JOIN public.courses AS c ON c.id = x.course_id
    WHERE x.certificate_id = sqlc.arg(certificate_id)::text
        AND public.can_teach(c.id, c.instructor_id, sqlc.narg(teacher_id)::uuid)
) AS x ON TRUE
LEFT JOIN reinstated AS m ON TRUE;

-- name: CertificateListByUser :many
-- CertificateListByUser is a learner's certificates, the newest first, revoked
-- ones too. No row at all means no such user; one without a certificate, no
-- certificates. Bounded by the limit inside.
SELECT
    coalesce(x.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
    coalesce(x.certificate_id, '')::text AS certificate_id,
    coalesce(x.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(x.holder_name, u.name)::text AS holder_name,
    coalesce(x.course_title, '')::text AS course_title,
    coalesce(x.certificate_url, '')::text AS url,
    coalesce(x.issued_at, now())::timestamptz AS issued_at,
    x.revoked_at
FROM public.users AS u
LEFT JOIN LATERAL (
    SELECT
        x.id,
        x.certificate_id,
        x.course_id,
        x.holder_name,
        coalesce(x.course_title, c.title) AS course_title,
        x.certificate_url,
        x.issued_at,
        x.revoked_at
    FROM public.certificates AS x
    JOIN public.courses AS c ON c.id = x.course_id
    WHERE x.user_id = sqlc.arg(user_id)::uuid
        AND (x.issued_at, x.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
    ORDER BY x.issued_at DESC, x.id DESC
    LIMIT sqlc.arg(row_limit)::integer
) AS x ON TRUE
WHERE u.id = sqlc.arg(user_id)::uuid
ORDER BY x.issued_at DESC, x.id DESC;

-- name: CertificateGetByPublicID :one
-- CertificateGetByPublicID is what anybody may know who holds the public id.
SELECT
    x.certificate_id,
    coalesce(x.holder_name, u.name)::text AS holder_name,
    coalesce(x.course_title, c.title)::text AS course_title,
    x.issued_at,
    x.revoked_at
FROM public.certificates AS x
JOIN public.users AS u ON u.id = x.user_id
JOIN public.courses AS c ON c.id = x.course_id
WHERE x.certificate_id = sqlc.arg(certificate_id)::text;
