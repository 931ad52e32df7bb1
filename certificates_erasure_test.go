package elevate_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// A learner completes the course while the call waits for another, and is being
// erased when it goes on: nothing may keep their name.
func TestIssueCertificatesWaitsForErasure(t *testing.T) {
	t.Parallel()
	b := newLessonBundle(t)
	first := b.user(t, elevate.RoleUser)
	b.enroll(t, first, b.courseID)
	b.complete(t, first, b.lessons...)
	holding, erasing := b.begin(t), b.begin(t)
	_, err := holding.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), first)
	require.NoError(t, err)
	var outcomes []elevate.CertificateOutcome
	issuing := later(func() (err error) {
		outcomes, err = b.teacher.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{
			CourseID: b.courseID, UserIDs: []uuid.UUID{first, b.userID},
		})
		return err
	})
	b.waitUntilBlocked(t, 1)
	b.complete(t, b.userID, b.lessons...)
	_, err = erasing.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
	require.NoError(t, err)
	_, err = erasing.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now(), name = 'Erased' WHERE id = $1`), b.userID)
	require.NoError(t, err)
	require.NoError(t, holding.Rollback(b.ctx))
	const waits = `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND $1::integer = ANY (pg_blocking_pids(pid))`
	for b.count(t, waits, erasing.Conn().PgConn().PID()) == 0 {
	}
	require.NoError(t, erasing.Commit(b.ctx))
	require.NoError(t, <-issuing)
	require.Len(t, outcomes, 2)
	for _, outcome := range outcomes {
		if outcome.UserID == first {
			require.True(t, outcome.Issued)
		} else {
			require.ErrorIs(t, outcome.Err, elevate.ErrNotFound)
		}
	}
	require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.certificates WHERE user_id = $1`, b.userID))
	require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE user_id = $1`, b.userID))
}
