-- The events so far are lost, and nothing tells of further ones.
SET LOCAL lock_timeout = '3s';

DROP TRIGGER submissions_grade_trg ON submissions;
DROP TRIGGER submissions_submit_trg ON submissions;
DROP TRIGGER payment_events_quarantine_trg ON payment_events;
DROP TRIGGER payments_refund_trg ON payments;
DROP TRIGGER payments_refund_insert_trg ON payments;
DROP TRIGGER payments_pay_trg ON payments;
DROP TRIGGER payments_pay_insert_trg ON payments;
DROP TRIGGER payments_fail_trg ON payments;
DROP TRIGGER payments_fail_insert_trg ON payments;
DROP TRIGGER certificates_reinstate_trg ON certificates;
DROP TRIGGER certificates_revoke_trg ON certificates;
DROP TRIGGER certificates_issue_trg ON certificates;
DROP TRIGGER progress_uncomplete_delete_trg ON progress;
DROP TRIGGER progress_uncomplete_trg ON progress;
DROP TRIGGER progress_complete_trg ON progress;
DROP TRIGGER progress_complete_insert_trg ON progress;
DROP TRIGGER enrollments_end_trg ON enrollments;
DROP TRIGGER enrollments_complete_trg ON enrollments;
DROP TRIGGER enrollments_complete_insert_trg ON enrollments;
DROP TRIGGER enrollments_begin_trg ON enrollments;
DROP TRIGGER courses_delete_trg ON courses;
DROP TRIGGER courses_unpublish_trg ON courses;
DROP TRIGGER courses_publish_trg ON courses;
DROP TRIGGER courses_publish_insert_trg ON courses;
DROP TRIGGER users_delete_trg ON users;
DROP TRIGGER users_verify_email_trg ON users;
DROP TRIGGER users_erase_trg ON users;
DROP TRIGGER users_enable_trg ON users;
DROP TRIGGER users_disable_trg ON users;
DROP TRIGGER users_change_role_trg ON users;
DROP TRIGGER users_change_email_trg ON users;
DROP TRIGGER users_register_trg ON users;

DROP FUNCTION event_record();
DROP TABLE events;
DROP FUNCTION event_era();
