package elevate_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestEnrollManyRaces(t *testing.T) {
	t.Parallel()

	// One learner is enrolled by somebody else meanwhile, so the cohort is asked
	// for again.
	t.Run("TellsWhomItEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		courseID, _ := b.course(t, courseSeed{lessons: 1, published: true})
		users := []uuid.UUID{b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser)}
		slices.SortFunc(users, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.enrollments (user_id, course_id) VALUES ($1, $2)`),
			users[1], courseID)
		require.NoError(t, err)
		var outcomes []elevate.EnrollOutcome
		done := make(chan error, 1)
		go func() {
			var err error
			outcomes, err = b.system.EnrollMany(context.WithoutCancel(b.ctx), elevate.EnrollManyParams{
				CourseID: courseID, Source: "company", UserIDs: users,
			})
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Len(t, outcomes, len(users))
		for i, userID := range users {
			require.Equal(t, elevate.EnrollOutcome{
				UserID: userID, EnrollmentID: b.enrollmentID(t, userID, courseID), Created: i != 1,
			}, outcomes[i])
			require.Equal(t, i != 1, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE user_id = $1`, userID) == 1)
		}
	})
}
