-- Identities, tokens and attempts are lost, and closed accounts open again.
SET LOCAL lock_timeout = '3s';

DROP FUNCTION attempts_wait(integer);
DROP TABLE attempts;
DROP TABLE user_tokens;
DROP TABLE identities;

ALTER TABLE users
    DROP COLUMN disabled_at;
