-- Which announcements were made is lost; the notices stay. Nobody listens any
-- more.
SET LOCAL lock_timeout = '3s';

DROP TRIGGER notifications_tell_trg ON notifications;
DROP FUNCTION notifications_tell();
DROP FUNCTION notifications_channel(uuid);
DROP TABLE listeners;

ALTER TABLE notifications
    DROP COLUMN txid;

DROP TABLE announcements;
