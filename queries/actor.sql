-- name: ActorSet :exec
-- ActorSet begins an operation outside a caller's transaction: it says who acts,
-- for the triggers. It fails where the role or the database has another default
-- than READ COMMITTED: the statements that follow the locks would not see what
-- they waited for.
SELECT
    set_config('transaction_isolation', 'read committed', TRUE),
    set_config('elevate.actor', sqlc.arg(actor)::text, TRUE),
    set_config('elevate.request', sqlc.arg(request)::text, TRUE);

-- name: ActorSetWithin :exec
-- ActorSetWithin begins an operation in a caller's transaction: it says who acts,
-- for the triggers, and keeps who did before.
SELECT
    set_config('elevate.outer_actor', coalesce(current_setting('elevate.actor', TRUE), ''), TRUE),
    set_config('elevate.outer_request', coalesce(current_setting('elevate.request', TRUE), ''), TRUE),
    set_config('elevate.actor', sqlc.arg(actor)::text, TRUE),
    set_config('elevate.request', sqlc.arg(request)::text, TRUE);

-- name: ActorRestore :exec
-- ActorRestore ends an operation in a caller's transaction: the caller's
-- statements that follow are not the actor's.
SELECT
    set_config('elevate.actor', current_setting('elevate.outer_actor'), TRUE),
    set_config('elevate.request', current_setting('elevate.outer_request'), TRUE);
