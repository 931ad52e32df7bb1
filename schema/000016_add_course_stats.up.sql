-- Ratings are counted by the database, whoever writes reviews, so that a page of
-- courses shows them without reading a review. In a table of their own: the row
-- of a course is wide, and a review must not wait for its author's edit.
-- The triggers hold writers off until the end of this file, which is what makes
-- the backfill exact.
SET LOCAL lock_timeout = '3s';

-- A course without a row never had a review. The average is rounded to two
-- decimals, and NULL while there is nothing to average. Figures that a restore of
-- data alone has left wrong must not stop a writer: hence the least, and the
-- greatest below.
CREATE TABLE course_stats (
    course_id uuid NOT NULL,
    rating_count integer NOT NULL DEFAULT 0,
    rating_sum bigint NOT NULL DEFAULT 0,
    rating numeric(3, 2) GENERATED ALWAYS AS (
        CASE WHEN rating_count > 0 THEN least(5, round(rating_sum::numeric / rating_count, 2)) END
    ) STORED,
    CONSTRAINT course_stats_pkey PRIMARY KEY (course_id),
    CONSTRAINT course_stats_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT course_stats_rating_count_check CHECK (rating_count >= 0),
    CONSTRAINT course_stats_rating_sum_check CHECK (rating_sum >= 0)
)
WITH (fillfactor = 85);

-- Statement level, so that an import of many reviews touches each course once.
-- Runs after the foreign keys of the reviews have locked user and course, and by
-- course, so that two imports do not lock each other out. The row it adds to is
-- the newest one, whatever the snapshot: it needs no lock before it.
CREATE FUNCTION reviews_count()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    INSERT INTO course_stats AS s (course_id, rating_count, rating_sum)
    SELECT n.course_id, count(*)::integer, sum(n.rating)
    FROM new_rows AS n
    GROUP BY n.course_id
    ORDER BY n.course_id
    ON CONFLICT (course_id) DO UPDATE
    SET rating_count = s.rating_count + excluded.rating_count,
        rating_sum = s.rating_sum + excluded.rating_sum;
    RETURN NULL;
END
$$;

CREATE TRIGGER reviews_count_trg
    AFTER INSERT ON reviews
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION reviews_count();

-- Reviews that go with their course find no row here: it has gone before them.
CREATE FUNCTION reviews_discount()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT o.course_id, count(*)::integer AS n, sum(o.rating) AS stars
        FROM old_rows AS o
        GROUP BY o.course_id
        ORDER BY o.course_id
    LOOP
        UPDATE course_stats AS s
        SET rating_count = greatest(0, s.rating_count - d.n),
            rating_sum = greatest(0, s.rating_sum - d.stars)
        WHERE s.course_id = d.course_id;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER reviews_discount_trg
    AFTER DELETE ON reviews
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION reviews_discount();

-- Another rating, or another course: what the statement left less what it found.
-- An edit of comments alone touches nothing.
CREATE FUNCTION reviews_recount()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT x.course_id, sum(x.n)::integer AS n, sum(x.n * x.rating) AS stars
        FROM (
            SELECT o.course_id, o.rating, -1 AS n
            FROM old_rows AS o
            UNION ALL
            SELECT r.course_id, r.rating, 1 AS n
            FROM new_rows AS r
        ) AS x
        GROUP BY x.course_id
        HAVING sum(x.n) <> 0 OR sum(x.n * x.rating) <> 0
        ORDER BY x.course_id
    LOOP
        IF d.n > 0 THEN
            INSERT INTO course_stats (course_id)
            VALUES (d.course_id)
            ON CONFLICT DO NOTHING;
        END IF;

        UPDATE course_stats AS s
        SET rating_count = greatest(0, s.rating_count + d.n),
            rating_sum = greatest(0, s.rating_sum + d.stars)
        WHERE s.course_id = d.course_id;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER reviews_recount_trg
    AFTER UPDATE ON reviews
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION reviews_recount();

-- Repair of one course, as recount_course is for lessons. Locks first, counts after:
-- the course against new reviews, then the reviews against changes and deletions.
-- Those add to the row of the figures and pass by one that is missing, so one that
-- was not waited for would not know of the row made here. Whoever waits for this
-- adds to what is found here. A statement that changes several reviews of the course
-- in another order than that of their ids can meet a deadlock.
-- Returns how many rows were wrong; 0 is the healthy answer.
CREATE FUNCTION recount_ratings(course uuid)
RETURNS integer
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    wrong integer;
BEGIN
    PERFORM
    FROM courses AS c
    WHERE c.id = course
    FOR UPDATE;

    PERFORM
    FROM reviews AS r
    WHERE r.course_id = course
    ORDER BY r.id
    FOR NO KEY UPDATE;

    PERFORM
    FROM course_stats AS s
    WHERE s.course_id = course
    FOR UPDATE;

    INSERT INTO course_stats AS s (course_id, rating_count, rating_sum)
    SELECT c.id, x.n, x.stars
    FROM courses AS c
    CROSS JOIN LATERAL (
        SELECT count(*)::integer AS n, coalesce(sum(r.rating), 0) AS stars
        FROM reviews AS r
        WHERE r.course_id = c.id
    ) AS x
    LEFT JOIN course_stats AS o ON o.course_id = c.id
    WHERE c.id = course
        AND (coalesce(o.rating_count, 0), coalesce(o.rating_sum, 0)) IS DISTINCT FROM (x.n, x.stars)
    ON CONFLICT (course_id) DO UPDATE
    SET rating_count = excluded.rating_count,
        rating_sum = excluded.rating_sum;
    GET DIAGNOSTICS wrong = ROW_COUNT;
    RETURN wrong;
END
$$;

INSERT INTO course_stats (course_id, rating_count, rating_sum)
SELECT r.course_id, count(*)::integer, sum(r.rating)
FROM reviews AS r
GROUP BY r.course_id;
