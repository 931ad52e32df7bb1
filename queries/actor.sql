-- name: ActorSet :exec
-- ActorSet says who acts, for the triggers of this transaction, and keeps who
-- did before.
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
