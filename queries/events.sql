-- name: EventList :many
-- EventList is the feed of events after a position, in the order of eras, clocks
-- and ids. A clock is not less than its transaction, and transactions below the
-- snapshot's xmin have all ended: what is below it is complete. An event of an
-- earlier era came with a restore, whatever its clock. There is one row at least,
-- which says where the feed stands; its id is 0 when no event follows. A position
-- that this database has not reached is from another one.
-- Bounded by the limit inside.
SELECT
    (
        (sqlc.arg(after_era)::integer, sqlc.arg(after_clock)::bigint)
        >= (public.event_era(), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    )::boolean AS ahead,
    public.event_era()::integer AS now_era,
    (pg_snapshot_xmin(pg_current_snapshot())::text::bigint)::bigint AS now_clock,
    coalesce(e.era, 0)::integer AS era,
    coalesce(e.clock, 0)::bigint AS clock,
    coalesce(e.id, 0)::bigint AS id,
    coalesce(e.type, '')::text AS type,
    coalesce(e.user_id, '00000000-0000-0000-0000-000000000000')::uuid AS user_id,
    coalesce(e.course_id, '00000000-0000-0000-0000-000000000000')::uuid AS course_id,
    coalesce(e.subject_id, '00000000-0000-0000-0000-000000000000')::uuid AS subject_id,
    coalesce(e.at, now())::timestamptz AS at
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT e.era, e.clock, e.id, e.type, e.user_id, e.course_id, e.subject_id, e.at
    FROM public.events AS e
    WHERE (e.era, e.clock, e.id) > (
            sqlc.arg(after_era)::integer,
            sqlc.arg(after_clock)::bigint,
            sqlc.arg(after_id)::bigint
        )
        AND (e.era, e.clock) < (
            public.event_era(),
            pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        )
    ORDER BY e.era, e.clock, e.id
    LIMIT sqlc.arg(row_limit)::integer
) AS e ON TRUE
ORDER BY e.era, e.clock, e.id;
