-- name: TokenLock :exec
-- TokenLock is sent before PasswordReset and EmailVerify. It locks the user whom
-- a token is of, as whoever writes a person's tokens does. What was made of the
-- account, the token and the sessions meanwhile is then in the next statement's
-- snapshot. A token that is good is always found here: nobody has it before it is
-- committed.
SELECT u.id
FROM public.user_tokens AS t
JOIN public.users AS u ON u.id = t.user_id
WHERE t.token_hash = sqlc.arg(token_hash)::bytea AND t.purpose = sqlc.arg(purpose)::text
FOR NO KEY UPDATE OF u;

-- name: TokenLockForEmail :exec
-- TokenLockForEmail is sent before EmailChange. It is TokenLock FOR UPDATE,
-- because the email is a key: whoever shares the row is waited for before
-- anything else is locked.
SELECT u.id
FROM public.user_tokens AS t
JOIN public.users AS u ON u.id = t.user_id
WHERE t.token_hash = sqlc.arg(token_hash)::bytea AND t.purpose = 'change_email'
FOR UPDATE OF u;
