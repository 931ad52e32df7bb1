-- Takes the shared rules away; versions and names stay as they are.
SET LOCAL lock_timeout = '3s';

DROP TRIGGER certificates_name_trg ON certificates;
DROP FUNCTION certificates_name();

DROP TRIGGER lessons_move_version_trg ON lessons;
DROP TRIGGER courses_move_version_trg ON courses;
DROP FUNCTION version_move();

DROP TRIGGER enrollments_freeze_keys_trg ON enrollments;
DROP TRIGGER progress_freeze_keys_trg ON progress;
DROP TRIGGER lessons_freeze_keys_trg ON lessons;
DROP FUNCTION keys_freeze();

DROP FUNCTION payment_rank(payment_status);
DROP FUNCTION can_teach(uuid, uuid, uuid);
DROP FUNCTION progress_percent(integer, integer);
