package elevate_test

// manyRows fill every table as a site of some age does. The planner scales its
// statistics by the size of the file, so the rows are real; the keys are made of
// numbers, so that they are the same each time. A person and a course have
// several rows each, or indexes would look alike to the planner.
var manyRows = []string{
	`INSERT INTO {s}.users (id, email, password_hash, name, role, created_at)
		SELECT md5('u' || i)::uuid, i || '@example.org', '!', 'N',
			(CASE WHEN i % 100 = 0 THEN 'instructor' ELSE 'user' END)::{s}.user_role,
			timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.courses (id, title, slug, description, instructor_id, category, level, price, published, lessons_total, created_at)
		SELECT md5('c' || i)::uuid, 'Course w' || i % 997, 'c' || i, repeat(' About what is learned.', 40),
			md5('u' || i % 500 * 100)::uuid, 'category ' || i % 50,
			(enum_range(NULL::{s}.course_level))[1 + i % 3], i % 10 * 100, i % 10 <> 0, 5,
			timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 9999) AS i`,
	`INSERT INTO {s}.course_stats (course_id, rating_count, rating_sum)
		SELECT md5('c' || i)::uuid, 3, 12 FROM generate_series(0, 9999) AS i`,
	`INSERT INTO {s}.lessons (id, course_id, title, "order")
		SELECT md5('l' || i)::uuid, md5('c' || i % 5000)::uuid, 'L', 1 + i / 5000
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.assignments (id, course_id, title, description)
		SELECT md5('a' || i)::uuid, md5('c' || i % 5000)::uuid, 'A', 'D'
		FROM generate_series(0, 19999) AS i`,
	`INSERT INTO {s}.announcements (course_id, key, title, message, recipients)
		SELECT md5('c' || i % 5000)::uuid, 'k' || i, 'T', 'M', 5
		FROM generate_series(0, 19999) AS i`,
	`INSERT INTO {s}.enrollments (id, user_id, course_id, enrolled_at, lessons_total)
		SELECT md5('e' || i)::uuid, md5('u' || i % 5000)::uuid, md5('c' || (i * 7 + i / 5000) % 5000)::uuid,
			timestamptz '2024-01-01' + i * interval '1 minute', 5
		FROM generate_series(0, 69999) AS i`,
	`INSERT INTO {s}.progress (id, user_id, lesson_id, completed, completed_at)
		SELECT md5('p' || i)::uuid, md5('u' || i % 2500)::uuid, md5('l' || (i * 7 + i / 2500) % 5000)::uuid,
			i % 5 <> 0, CASE WHEN i % 5 <> 0 THEN now() END
		FROM generate_series(0, 69999) AS i`,
	`INSERT INTO {s}.certificates (id, certificate_id, user_id, course_id, issued_at, revoked_at, holder_name, course_title)
		SELECT md5('f' || i)::uuid, 'C' || i, md5('u' || i % 5000)::uuid, md5('c' || (i * 7 + i / 5000) % 5000)::uuid,
			timestamptz '2024-01-01' + i * interval '1 minute', CASE WHEN i % 100 = 0 THEN now() END, 'H', 'T'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.payments (id, user_id, course_id, amount, status, stripe_payment_id, idempotency_key, created_at)
		SELECT md5('x' || i)::uuid, md5('u' || i % 5000)::uuid, md5('c' || (i * 7 + i / 5000) % 5000)::uuid, 100,
			(CASE i % 100 WHEN 0 THEN 'pending' WHEN 1 THEN 'refunded' ELSE 'succeeded' END)::{s}.payment_status, 's' || i, 'k' || i,
			timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.payment_events (provider, event_id, payment_id, kind, amount, currency, outcome, received_at)
		SELECT 'stripe', 'e' || i, md5('x' || i % 25000)::uuid, 'succeeded', 100, 'USD', 'applied',
			timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.notifications (id, user_id, type, title, message, read, created_at)
		SELECT md5('n' || i)::uuid, md5('u' || i % 2000)::uuid, 'course', 'T', 'M', i / 2000 % 10 <> 0,
			timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 69999) AS i`,
	`INSERT INTO {s}.listeners (user_id, id, expires_at)
		SELECT md5('u' || i)::uuid, md5('h' || i)::uuid, now() + (i - 999) * interval '1 second'
		FROM generate_series(0, 19999) AS i`,
	`INSERT INTO {s}.reviews (id, user_id, course_id, rating, comment, created_at)
		SELECT md5('r' || i)::uuid, md5('u' || i % 5000)::uuid, md5('c' || (i * 7 + i / 5000) % 5000)::uuid, 1 + i % 5,
			CASE WHEN i % 2 = 0 THEN 'C' END, timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.sessions (id, user_id, token, expires_at, created_at, last_seen_at)
		SELECT md5('s' || i)::uuid, md5('u' || i % 10000)::uuid, md5('t' || i),
			now() + (i - 9999) * interval '1 second', timestamptz '2024-01-01' + i * interval '1 minute',
			now() - i * interval '1 second'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.submissions (id, assignment_id, user_id, content, submitted_at, graded_at, score, raw_score, superseded_at)
		SELECT md5('w' || i)::uuid, md5('a' || i % 5000)::uuid, md5('u' || (i * 7 + i / 5000) % 10000)::uuid, 'W',
			timestamptz '2024-01-01' + i * interval '1 minute',
			CASE WHEN i % 10 <> 0 THEN now() END, 50, 50, CASE WHEN i % 4 = 0 THEN now() END
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.grades (submission_id, nth, score, graded_at)
		SELECT md5('w' || i % 25000)::uuid, 1 + i / 25000, 50, now() FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.identities (provider, subject, user_id)
		SELECT 'google', 's' || i, md5('u' || i % 25000)::uuid FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.user_tokens (user_id, purpose, token_hash, email, expires_at)
		SELECT md5('u' || i)::uuid, 'verify_email', decode(md5('v' || i), 'hex'), i || '@example.org', now()
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.attempts (purpose, email_hash, failures, last_at)
		SELECT 'sign_in', decode(md5('m' || i), 'hex'), 1, timestamptz '2024-01-01' + i * interval '1 minute'
		FROM generate_series(0, 49999) AS i`,
	`INSERT INTO {s}.events (clock, type, subject_id)
		SELECT i / 3, 'test.plan', md5('x' || i)::uuid FROM generate_series(0, 69999) AS i`,
}
