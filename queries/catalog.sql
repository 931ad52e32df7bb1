-- name: CourseList :many
-- CourseList is the catalogue, or for trusted code the drafts, the newest first.
-- One state at a time: published comes first in the index. The filters are for
-- drafts, which are few. Here as in the lists below, a limit inside has rows of
-- other tables looked up by their key, however many the planner expects.
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at
FROM public.courses AS c
LEFT JOIN LATERAL (
    SELECT x.rating, x.rating_count
    FROM public.course_stats AS x
    WHERE x.course_id = c.id
    LIMIT 1
) AS s ON TRUE
WHERE c.published = NOT sqlc.arg(drafts)::boolean
    AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
    AND (sqlc.narg(category)::text IS NULL OR c.category = sqlc.narg(category)::text)
    AND (sqlc.narg(level)::public.course_level IS NULL OR c.level = sqlc.narg(level)::public.course_level)
    AND (sqlc.narg(free)::boolean IS NULL OR c.free = sqlc.narg(free)::boolean)
    AND (c.created_at, c.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
ORDER BY c.created_at DESC, c.id DESC
LIMIT sqlc.arg(row_limit)::integer;

-- name: CourseListByLevel :many
-- CourseListByLevel is the catalogue of a level, of what is free or is not, or of
-- both, the newest first. Each level and price is a run of an index; the page is
-- the newest of what the runs begin with, so that a rare one is not searched for.
WITH page AS MATERIALIZED (
    SELECT k.id, k.created_at
    FROM unnest(enum_range(NULL::public.course_level)) AS l (level)
    CROSS JOIN (VALUES (TRUE), (FALSE)) AS f (free)
    CROSS JOIN LATERAL (
        SELECT c.id, c.created_at
        FROM public.courses AS c
        WHERE c.level = l.level
            AND c.free = f.free
            AND c.published
            AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
            AND (c.created_at, c.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
        ORDER BY c.created_at DESC, c.id DESC
        LIMIT sqlc.arg(row_limit)::integer
    ) AS k
    WHERE l.level = coalesce(sqlc.narg(level)::public.course_level, l.level)
        AND f.free = coalesce(sqlc.narg(free)::boolean, f.free)
    ORDER BY k.created_at DESC, k.id DESC
    LIMIT sqlc.arg(row_limit)::integer
)
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at
FROM page AS p
CROSS JOIN LATERAL (
    SELECT x.*
    FROM public.courses AS x
    WHERE x.id = p.id
    LIMIT 1
) AS c
LEFT JOIN LATERAL (
    SELECT x.rating, x.rating_count
    FROM public.course_stats AS x
    WHERE x.course_id = c.id
    LIMIT 1
) AS s ON TRUE
ORDER BY c.created_at DESC, c.id DESC
LIMIT sqlc.arg(row_limit)::integer;

-- name: CourseListByCategory :many
-- CourseListByCategory is CourseListByLevel within a category, all of whose runs
-- are in one index.
WITH page AS MATERIALIZED (
    SELECT k.id, k.created_at
    FROM unnest(enum_range(NULL::public.course_level)) AS l (level)
    CROSS JOIN (VALUES (TRUE), (FALSE)) AS f (free)
    CROSS JOIN LATERAL (
        SELECT c.id, c.created_at
        FROM public.courses AS c
        WHERE c.category = sqlc.arg(category)::text
            AND c.level = l.level
            AND c.free = f.free
            AND c.published
            AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
            AND (c.created_at, c.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
        ORDER BY c.created_at DESC, c.id DESC
        LIMIT sqlc.arg(row_limit)::integer
    ) AS k
    WHERE l.level = coalesce(sqlc.narg(level)::public.course_level, l.level)
        AND f.free = coalesce(sqlc.narg(free)::boolean, f.free)
    ORDER BY k.created_at DESC, k.id DESC
    LIMIT sqlc.arg(row_limit)::integer
)
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at
FROM page AS p
CROSS JOIN LATERAL (
    SELECT x.*
    FROM public.courses AS x
    WHERE x.id = p.id
    LIMIT 1
) AS c
LEFT JOIN LATERAL (
    SELECT x.rating, x.rating_count
    FROM public.course_stats AS x
    WHERE x.course_id = c.id
    LIMIT 1
) AS s ON TRUE
ORDER BY c.created_at DESC, c.id DESC
LIMIT sqlc.arg(row_limit)::integer;

-- name: CourseListByInstructor :many
-- CourseListByInstructor is what an instructor has made, the newest first; drafts
-- only for those who teach them.
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at
FROM public.courses AS c
LEFT JOIN LATERAL (
    SELECT x.rating, x.rating_count
    FROM public.course_stats AS x
    WHERE x.course_id = c.id
    LIMIT 1
) AS s ON TRUE
WHERE c.instructor_id = sqlc.arg(instructor_id)::uuid
    AND (NOT c.published OR NOT sqlc.arg(drafts)::boolean)
    AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
    AND (sqlc.narg(category)::text IS NULL OR c.category = sqlc.narg(category)::text)
    AND (sqlc.narg(level)::public.course_level IS NULL OR c.level = sqlc.narg(level)::public.course_level)
    AND (sqlc.narg(free)::boolean IS NULL OR c.free = sqlc.narg(free)::boolean)
    AND (c.created_at, c.id) < (sqlc.arg(before_at)::timestamptz, sqlc.arg(before_id)::uuid)
ORDER BY c.created_at DESC, c.id DESC
LIMIT sqlc.arg(row_limit)::integer;

-- name: CourseSearch :many
-- CourseSearch is what answers a search, the best first: the catalogue, drafts, or
-- what an instructor has made. The index of words finds; it cannot order, so all
-- that was found is ranked, of which only keys and ranks are kept, and rows are
-- read for the page alone. The query is parsed once. A title that answers it is
-- above every rank, which approaches 1 where a description says the words over and
-- over. A rank is a real, which a double holds exactly: the cursor gives it back bit
-- for bit.
WITH asked AS MATERIALIZED (
    SELECT websearch_to_tsquery(
        public.search_config(sqlc.arg(language)::text), sqlc.arg(query)::text
    ) AS query
), found AS MATERIALIZED (
    SELECT
        c.id,
        c.created_at,
        (
            CASE WHEN ts_filter(c.search, '{a}') @@ (SELECT a.query FROM asked AS a) THEN 2 ELSE 0 END
            + ts_rank(c.search, (SELECT a.query FROM asked AS a))
        )::real::float8 AS rank
    FROM public.courses AS c
    WHERE c.search @@ (SELECT a.query FROM asked AS a)
        AND (NOT c.published OR NOT sqlc.arg(drafts)::boolean)
        AND (c.published OR sqlc.arg(drafts)::boolean OR sqlc.narg(instructor_id)::uuid IS NOT NULL)
        AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
        AND (
            sqlc.narg(instructor_id)::uuid IS NULL
            OR c.instructor_id = sqlc.narg(instructor_id)::uuid
        )
        AND (sqlc.narg(category)::text IS NULL OR c.category = sqlc.narg(category)::text)
        AND (
            sqlc.narg(level)::public.course_level IS NULL
            OR c.level = sqlc.narg(level)::public.course_level
        )
        AND (sqlc.narg(free)::boolean IS NULL OR c.free = sqlc.narg(free)::boolean)
), page AS MATERIALIZED (
    SELECT f.id, f.created_at, f.rank
    FROM found AS f
    WHERE (f.rank, f.created_at, f.id) < (
        sqlc.arg(before_rank)::float8,
        sqlc.arg(before_at)::timestamptz,
        sqlc.arg(before_id)::uuid
    )
    ORDER BY f.rank DESC, f.created_at DESC, f.id DESC
    LIMIT sqlc.arg(row_limit)::integer
)
SELECT
    c.id,
    c.slug,
    c.title,
    c.description,
    c.instructor_id,
    c.category,
    c.level,
    c.price,
    c.currency,
    c.language,
    coalesce(c.thumbnail_url, '')::text AS thumbnail_url,
    coalesce(c.duration, 0)::integer AS duration,
    c.lessons_total,
    coalesce(s.rating, 0)::float8 AS rating,
    coalesce(s.rating_count, 0)::integer AS rating_count,
    c.published,
    c.version,
    c.created_at,
    c.updated_at,
    p.rank::float8 AS rank
FROM page AS p
CROSS JOIN LATERAL (
    SELECT x.*
    FROM public.courses AS x
    WHERE x.id = p.id
    LIMIT 1
) AS c
LEFT JOIN LATERAL (
    SELECT x.rating, x.rating_count
    FROM public.course_stats AS x
    WHERE x.course_id = c.id
    LIMIT 1
) AS s ON TRUE
ORDER BY p.rank DESC, p.created_at DESC, p.id DESC
LIMIT sqlc.arg(row_limit)::integer;

-- name: CourseFacets :many
-- CourseFacets counts the catalogue by category, level and price, each under the
-- filters of the other kinds, and in all. Every published course is looked at, in
-- an index that holds what is counted; the groups are then few. The category that
-- is asked for is among those that are named. Bounded by the limit inside.
WITH found AS MATERIALIZED (
    SELECT
        c.category,
        c.level,
        c.free,
        coalesce(c.category = sqlc.narg(category)::text, TRUE) AS in_category,
        coalesce(c.level = sqlc.narg(level)::public.course_level, TRUE) AS in_level,
        coalesce(c.free = sqlc.narg(free)::boolean, TRUE) AS in_price,
        count(*) AS n
    FROM public.courses AS c
    WHERE c.published
        AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
        AND (
            sqlc.narg(instructor_id)::uuid IS NULL
            OR c.instructor_id = sqlc.narg(instructor_id)::uuid
        )
    GROUP BY c.category, c.level, c.free
), kinds AS (
    (
        SELECT 'category' AS kind, f.category::text AS value, sum(f.n) AS n
        FROM found AS f
        WHERE f.in_level AND f.in_price
        GROUP BY f.category
        ORDER BY f.category = coalesce(sqlc.narg(category)::text, '') DESC, n DESC, value
        LIMIT sqlc.arg(row_limit)::integer
    )
    UNION ALL
    SELECT 'level', f.level::text, sum(f.n)
    FROM found AS f
    WHERE f.in_category AND f.in_price
    GROUP BY f.level
    UNION ALL
    SELECT 'price', CASE WHEN f.free THEN 'free' ELSE 'paid' END, sum(f.n)
    FROM found AS f
    WHERE f.in_category AND f.in_level
    GROUP BY f.free
    UNION ALL
    SELECT 'total', '', coalesce(sum(f.n), 0)
    FROM found AS f
    WHERE f.in_category AND f.in_level AND f.in_price
)
SELECT k.kind::text AS kind, k.value::text AS value, k.n::bigint AS n
FROM kinds AS k
ORDER BY k.kind, k.n DESC, k.value;

-- name: CourseFacetsBySearch :many
-- CourseFacetsBySearch is CourseFacets of what answers a search. Apart, so that it
-- reads the index of words. Bounded by the limit inside.
WITH asked AS MATERIALIZED (
    SELECT websearch_to_tsquery(
        public.search_config(sqlc.arg(language)::text), sqlc.arg(query)::text
    ) AS query
), found AS MATERIALIZED (
    SELECT
        c.category,
        c.level,
        c.free,
        coalesce(c.category = sqlc.narg(category)::text, TRUE) AS in_category,
        coalesce(c.level = sqlc.narg(level)::public.course_level, TRUE) AS in_level,
        coalesce(c.free = sqlc.narg(free)::boolean, TRUE) AS in_price,
        count(*) AS n
    FROM public.courses AS c
    WHERE c.search @@ (SELECT a.query FROM asked AS a)
        AND c.published
        AND public.course_visible(c.id, c.instructor_id, c.published, sqlc.narg(teacher_id)::uuid)
        AND (
            sqlc.narg(instructor_id)::uuid IS NULL
            OR c.instructor_id = sqlc.narg(instructor_id)::uuid
        )
    GROUP BY c.category, c.level, c.free
), kinds AS (
    (
        SELECT 'category' AS kind, f.category::text AS value, sum(f.n) AS n
        FROM found AS f
        WHERE f.in_level AND f.in_price
        GROUP BY f.category
        ORDER BY f.category = coalesce(sqlc.narg(category)::text, '') DESC, n DESC, value
        LIMIT sqlc.arg(row_limit)::integer
    )
    UNION ALL
    SELECT 'level', f.level::text, sum(f.n)
    FROM found AS f
    WHERE f.in_category AND f.in_price
    GROUP BY f.level
    UNION ALL
    SELECT 'price', CASE WHEN f.free THEN 'free' ELSE 'paid' END, sum(f.n)
    FROM found AS f
    WHERE f.in_category AND f.in_level
    GROUP BY f.free
    UNION ALL
    SELECT 'total', '', coalesce(sum(f.n), 0)
    FROM found AS f
    WHERE f.in_category AND f.in_level AND f.in_price
)
SELECT k.kind::text AS kind, k.value::text AS value, k.n::bigint AS n
FROM kinds AS k
ORDER BY k.kind, k.n DESC, k.value;
