-- What notifications need to reach people: notices to all learners of a course,
-- once per key, and live delivery of every notice.
SET LOCAL lock_timeout = '3s';

-- The texts are kept as they were given, to tell a repeat from another notice
-- under the same key. What learners read are notifications.
CREATE TABLE announcements (
    course_id uuid NOT NULL,
    key varchar(255) COLLATE "C" NOT NULL,
    title varchar(255) NOT NULL,
    message text NOT NULL,
    recipients integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT announcements_pkey PRIMARY KEY (course_id, key),
    CONSTRAINT announcements_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT announcements_recipients_check CHECK (recipients >= 0)
);

-- The transaction that wrote the notice: with a snapshot it tells what was
-- committed since, in whatever order. NULL for older rows, which nobody waits for.
-- The default comes in a statement of its own, or the table would be rewritten.
ALTER TABLE notifications
    ADD COLUMN txid xid8;

ALTER TABLE notifications
    ALTER COLUMN txid SET DEFAULT pg_current_xact_id();

-- Who waits for notices, on which connection. Unlogged: a crash ends the
-- connections too. Renewed every few seconds, so there is room for HOT updates,
-- which last only while no index mentions expires_at.
CREATE UNLOGGED TABLE listeners (
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT listeners_pkey PRIMARY KEY (user_id, id),
    CONSTRAINT listeners_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- The channel of one person in this schema: others share the database. The
-- table's number, because the schema's name might be too long.
CREATE FUNCTION notifications_channel(listener uuid)
RETURNS text
LANGUAGE sql
STABLE
PARALLEL SAFE
RETURN 'elevate_' || 'notifications'::regclass::oid || '_' || listener;

-- Tells those who listen, and only them: a transaction that notifies holds a lock
-- of the whole database while it commits. For each statement, so that a notice
-- to 10,000 learners looks up once who listens. Most find nobody, and many insert
-- nothing: those do not touch the table of listeners at all.
CREATE FUNCTION notifications_tell()
RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM new_rows) THEN
        RETURN NULL;
    END IF;

    PERFORM pg_notify(notifications_channel(l.user_id), '')
    FROM listeners AS l
    WHERE l.user_id IN (SELECT n.user_id FROM new_rows AS n)
        AND l.expires_at > statement_timestamp();
    RETURN NULL;
END
$$;

CREATE TRIGGER notifications_tell_trg
    AFTER INSERT ON notifications
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT
    EXECUTE FUNCTION notifications_tell();
