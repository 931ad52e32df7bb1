package elevate_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// requireEffects compares what the operations said they did with what the tables
// hold.
func (r *stress) requireEffects(t *testing.T, a *arena, said effects) {
	t.Helper()
	want := effects{}
	unsure := func(e effect) bool { return said[effect{effectUnsure, e.userID, e.courseID}] > 0 }
	for e, n := range said {
		as := func(what string) effect { return effect{what, e.userID, e.courseID} }
		switch e.what {
		case effectEmailChanged:
			want[as("email_changed notice")] += n
		case effectEnrolled:
			want[as("enrolled notice")] += n
			want[as("enrollment")] += n
		case effectInserted:
			want[as("enrollment")] += n
		case effectUnenrolled:
			want[as("enrollment")] -= n
		case effectCompleted:
			want[as("course_completed notice")] += n
			want[as("completion")] += n
		case effectIssued:
			want[as("certificate_issued notice")] += n
			want[as("certificate")] += n
			want[as("valid certificate")] += n
		case effectGraded:
			want[as("graded notice")] += n
		case effectRevoked:
			want[as("valid certificate")] -= n
		case effectReinstated:
			want[as("valid certificate")] += n
		}
	}

	rows, err := r.pool.Query(r.ctx, r.sql(`
		SELECT n.type || ' notice', n.user_id,
			coalesce(substring(n.message FROM '[0-9a-f]{8}-[0-9a-f-]{27}')::uuid, $2) AS course_id, count(*)::integer
		FROM {s}.notifications AS n
		WHERE n.user_id = ANY($1) AND n.type <> 'announcement'
		GROUP BY n.type, n.user_id, course_id
		UNION ALL
		SELECT 'enrollment', e.user_id, e.course_id, 1
		FROM {s}.enrollments AS e
		WHERE e.user_id = ANY($1)
		UNION ALL
		SELECT 'completion', c.user_id, c.course_id, count(*)::integer
		FROM {s}.stress_completions AS c
		WHERE c.user_id = ANY($1) AND c.request = 'CompleteLesson'
		GROUP BY c.user_id, c.course_id
		UNION ALL
		SELECT k.kind, x.user_id, x.course_id, count(*)::integer
		FROM {s}.certificates AS x
		JOIN (VALUES ('certificate', TRUE), ('valid certificate', FALSE)) AS k (kind, every)
			ON k.every OR x.revoked_at IS NULL
		WHERE x.user_id = ANY($1)
		GROUP BY k.kind, x.user_id, x.course_id`), a.learners, uuid.Nil)
	require.NoError(t, err)
	held := effects{}
	var (
		e effect
		n int
	)
	_, err = pgx.ForEachRow(rows, []any{&e.what, &e.userID, &e.courseID, &n}, func() error {
		held[e] = n
		return nil
	})
	require.NoError(t, err)
	var wrong []string
	for e := range maps.Keys(want.plus(held)) {
		if want[e] != held[e] && !unsure(e) {
			wrong = append(wrong, fmt.Sprintf("%s of user %s, course %s: operations said %d, there are %d",
				e.what, e.userID, e.courseID, want[e], held[e]))
		}
	}
	slices.Sort(wrong)
	require.Empty(t, wrong)
}

// requireConsistent looks for rows that contradict each other.
func (r *stress) requireConsistent(t *testing.T) {
	t.Helper()
	require.Zero(t, r.drift(t), "recount_course finds counters wrong")
	r.requireSound(t)
	for what, sql := range map[string]string{
		"open enrollments whose figures are not those of the progress": `
			SELECT e.*
			FROM {s}.enrollments AS e
			CROSS JOIN LATERAL (
				SELECT count(*) AS total, count(p.id) AS done
				FROM {s}.lessons AS l
				LEFT JOIN {s}.progress AS p ON p.lesson_id = l.id AND p.user_id = e.user_id AND p.completed
				WHERE l.course_id = e.course_id
			) AS k
			WHERE e.completed_at IS NULL
				AND ((e.lessons_total, e.lessons_completed, e.progress)
						<> (k.total, k.done, CASE WHEN k.total = 0 THEN 0 ELSE floor(100.0 * k.done / k.total) END)
					OR k.total > 0 AND k.done = k.total)`,
		"completed enrollments below 100 percent": `
			SELECT e.*
			FROM {s}.enrollments AS e
			WHERE e.completed_at IS NOT NULL
				AND (e.progress <> 100 OR e.lessons_completed <> e.lessons_total OR e.lessons_total = 0)`,
		"courses whose lessons are not counted right": `
			SELECT c.*
			FROM {s}.courses AS c
			WHERE c.lessons_total <> (SELECT count(*) FROM {s}.lessons AS l WHERE l.course_id = c.id)`,
		"courses with gaps between the places of their lessons": `
			SELECT l.course_id
			FROM {s}.lessons AS l
			GROUP BY l.course_id
			HAVING min(l."order") <> 1 OR max(l."order") <> count(*) OR count(DISTINCT l."order") <> count(*)`,
		"enrollments of which the last event says otherwise": `
			SELECT k.*
			FROM (
				SELECT DISTINCT ON (x.user_id, x.course_id) x.*
				FROM {s}.events AS x
				WHERE x.type LIKE 'enrollment.%'
				ORDER BY x.user_id, x.course_id, x.clock DESC, x.id DESC
			) AS k
			FULL JOIN {s}.enrollments AS e ON e.user_id = k.user_id AND e.course_id = k.course_id
			WHERE CASE k.type WHEN 'enrollment.created' THEN k.subject_id END IS DISTINCT FROM e.id`,
		// Not the other way: a lesson that is deleted takes its completions along
		// without an event, and here lessons come back under the ids they had.
		"completed lessons of which the last event says otherwise": `
			SELECT p.*
			FROM {s}.progress AS p
			LEFT JOIN LATERAL (
				SELECT x.type
				FROM {s}.events AS x
				WHERE x.type LIKE 'lesson.%' AND x.user_id = p.user_id AND x.subject_id = p.lesson_id
				ORDER BY x.clock DESC, x.id DESC
				LIMIT 1
			) AS k ON TRUE
			WHERE p.completed AND k.type IS DISTINCT FROM 'lesson.completed'`,
		"completions of courses without their event": `
			SELECT s.user_id, s.course_id, count(*)
			FROM {s}.stress_completions AS s
			GROUP BY s.user_id, s.course_id
			EXCEPT
			SELECT x.user_id, x.course_id, count(*)
			FROM {s}.events AS x
			WHERE x.type = 'course.completed'
			GROUP BY x.user_id, x.course_id`,
		"learners with more sessions than the limit": `
			SELECT s.user_id
			FROM {s}.sessions AS s
			WHERE s.revoked_at IS NULL
			GROUP BY s.user_id
			HAVING count(*) > ` + strconv.Itoa(stressSessionLimit),
		"sessions of those who are disabled": `
			SELECT s.*
			FROM {s}.sessions AS s
			JOIN {s}.users AS u ON u.id = s.user_id
			WHERE s.revoked_at IS NULL AND u.disabled_at IS NOT NULL`,
		"announcements that have not reached as many as they say": `
			SELECT a.*
			FROM {s}.announcements AS a
			LEFT JOIN (
				SELECT n.message, count(*) AS told, count(DISTINCT n.user_id) AS learners
				FROM {s}.notifications AS n
				WHERE n.type = 'announcement'
				GROUP BY n.message
			) AS k ON k.message = a.message
			WHERE (a.recipients, a.recipients) <> (coalesce(k.told, 0), coalesce(k.learners, 0))`,
		"published courses without lessons": `
			SELECT c.*
			FROM {s}.courses AS c
			WHERE c.published AND c.lessons_total = 0`,
		"progress in lessons that are gone": `
			SELECT p.*
			FROM {s}.progress AS p
			WHERE NOT EXISTS (SELECT FROM {s}.lessons AS l WHERE l.id = p.lesson_id)`,
		"progress left behind by those who forgot it": `
			SELECT p.*
			FROM {s}.progress AS p
			JOIN {s}.lessons AS l ON l.id = p.lesson_id
			WHERE l.course_id IN (SELECT k.course_id FROM {s}.stress_tidy AS k)
				AND NOT EXISTS (
					SELECT
					FROM {s}.enrollments AS e
					WHERE e.user_id = p.user_id AND e.course_id = l.course_id
				)`,
		"learners with several valid certificates for a course": `
			SELECT x.user_id
			FROM {s}.certificates AS x
			WHERE x.revoked_at IS NULL
			GROUP BY x.user_id, x.course_id
			HAVING count(*) > 1`,
		"certificates without a completed enrollment": `
			SELECT x.*
			FROM {s}.certificates AS x
			WHERE NOT EXISTS (
				SELECT
				FROM {s}.enrollments AS e
				WHERE e.user_id = x.user_id AND e.course_id = x.course_id AND e.completed_at IS NOT NULL
			)`,
	} {
		require.Zero(t, r.count(t, `SELECT count(*) FROM (`+sql+`) AS wrong`), what)
	}
}
