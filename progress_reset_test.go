package elevate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// The enrollment that a reset waits for is ended and made anew. Nobody has been
// waited for there, so a completion of the course could come in between, and its
// progress be lost.
func TestResetProgressOfNewEnrollment(t *testing.T) {
	t.Parallel()
	b := newLessonBundle(t)
	b.complete(t, b.userID, b.lessons[0], b.lessons[1])
	anew, studying := b.begin(t), b.begin(t)
	_, err := studying.Exec(b.ctx, b.sql(`SELECT FROM {s}.progress WHERE lesson_id = $1 FOR UPDATE`), b.lessons[0])
	require.NoError(t, err)
	store := b.system.WithTx(anew)
	_, err = store.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
	require.NoError(t, err)
	_, err = store.Enroll(b.ctx, b.userID, b.courseID)
	require.NoError(t, err)
	resetting := later(func() error {
		_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
		return err
	})
	b.waitUntilBlocked(t, 1)
	require.NoError(t, anew.Commit(b.ctx))
	const waits = `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND $1::integer = ANY (pg_blocking_pids(pid))`
	for b.count(t, waits, studying.Conn().PgConn().PID()) == 0 {
	}
	completing := later(func() error {
		_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[2], 0)
		return err
	})
	const settled = `SELECT (SELECT count(*) FROM {s}.enrollments WHERE completed_at IS NOT NULL) +
		(SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`
	for b.count(t, settled) < 2 {
	}
	require.NoError(t, studying.Rollback(b.ctx))
	require.NoError(t, <-resetting)
	require.NoError(t, <-completing)
	require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
	require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`))
	require.Zero(t, b.drift(t))
}
