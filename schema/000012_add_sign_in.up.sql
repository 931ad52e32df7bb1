-- What signing in needs: identities of other providers, tokens that are sent by
-- mail, attempts that are counted, and accounts that are closed for a while.
SET LOCAL lock_timeout = '3s';

-- Set while the person may not sign in. Their records stay as they are.
ALTER TABLE users
    ADD COLUMN disabled_at timestamptz;

-- How another provider, or the host's own records, name a person.
CREATE TABLE identities (
    provider text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT identities_pkey PRIMARY KEY (provider, subject),
    CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX identities_user_id_idx ON identities (user_id, provider, subject);

-- A token that was sent to an address, as its SHA-256. One of each purpose per
-- person, so a new one voids the older; using it deletes it. The email is the one
-- that the token was sent to: what it proves.
CREATE TABLE user_tokens (
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    token_hash bytea NOT NULL,
    email varchar(255) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT user_tokens_pkey PRIMARY KEY (user_id, purpose),
    CONSTRAINT user_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT user_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_tokens_purpose_check CHECK (purpose IN ('reset_password', 'verify_email', 'change_email'))
);

-- Attempts in a row, of accounts that exist and of those that do not alike: the
-- key is the SHA-256 of the email. A success deletes the row, and so does age.
CREATE TABLE attempts (
    purpose text NOT NULL,
    email_hash bytea NOT NULL,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (purpose, email_hash),
    CONSTRAINT attempts_purpose_check CHECK (purpose IN ('sign_in', 'reset_password', 'send_mail'))
);

CREATE INDEX attempts_last_at_idx ON attempts (last_at);

-- How long to wait after so many attempts beyond the free ones: 1 s, 2 s, 4 s, at
-- most a quarter of an hour. Without SET search_path, so that it can be inlined.
CREATE FUNCTION attempts_wait(beyond integer)
RETURNS interval
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN CASE
    WHEN beyond < 0 THEN interval '0 seconds'
    WHEN beyond < 10 THEN interval '1 second' * (1 << beyond)
    ELSE interval '15 minutes'
END;
