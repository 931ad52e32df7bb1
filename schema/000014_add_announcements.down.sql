-- Which announcements were made is lost; the notices stay.
SET LOCAL lock_timeout = '3s';

DROP TABLE announcements;
