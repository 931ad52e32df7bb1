package elevate_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
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

// comeback enrolls a learner who may have kept progress, in each way there is.
func comeback() map[string]func(ctx context.Context, b *testBundle, userID, courseID uuid.UUID) error {
	// What is answered is what the row holds.
	same := func(ctx context.Context, b *testBundle, got elevate.Enrollment) error {
		courses, err := b.system.MyCourses(ctx, got.UserID, elevate.PageParams{})
		if err == nil && !reflect.DeepEqual(courses.Items[0].Enrollment, got) {
			return fmt.Errorf("answered %+v, holds %+v", got, courses.Items[0].Enrollment)
		}
		return err
	}
	return map[string]func(ctx context.Context, b *testBundle, userID, courseID uuid.UUID) error{
		"Enroll": func(ctx context.Context, b *testBundle, userID, courseID uuid.UUID) error {
			result, err := b.system.Enroll(ctx, userID, courseID)
			if err != nil {
				return err
			}
			return same(ctx, b, result.Enrollment)
		},
		"GrantEnrollment": func(ctx context.Context, b *testBundle, userID, courseID uuid.UUID) error {
			result, err := b.system.GrantEnrollment(ctx, elevate.GrantEnrollmentParams{
				UserID: userID, CourseID: courseID, Source: "scholarship",
			})
			if err != nil {
				return err
			}
			return same(ctx, b, result.Enrollment)
		},
		"EnrollMany": func(ctx context.Context, b *testBundle, userID, courseID uuid.UUID) error {
			_, err := b.system.EnrollMany(ctx, elevate.EnrollManyParams{
				UserIDs: []uuid.UUID{userID}, CourseID: courseID, Source: "company",
			})
			return err
		},
		"ApplyPaymentEvent": func(ctx context.Context, b *testBundle, userID, courseID uuid.UUID) error {
			var id uuid.UUID
			err := b.pool.QueryRow(ctx, b.sql(`INSERT INTO {s}.payments (user_id, course_id, amount, status)
				VALUES ($1, $2, 100, 'pending') RETURNING id`), userID, courseID).Scan(&id)
			if err != nil {
				return err
			}
			_, err = b.system.ApplyPaymentEvent(ctx, eventOf(
				elevate.Payment{ID: id, Amount: 100, Currency: "USD"}, elevate.PaymentSucceeded))
			return err
		},
	}
}

func TestKeptProgress(t *testing.T) {
	t.Parallel()

	for name, enroll := range comeback() {
		t.Run(name+"CompletesTheCourse", func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			userID := b.user(t, elevate.RoleUser)
			courseID, lessons := b.course(t, courseSeed{lessons: 2, published: true})
			b.complete(t, userID, lessons...)
			require.NoError(t, enroll(b.ctx, b, userID, courseID))
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments
				WHERE completed_at IS NOT NULL AND progress = 100 AND lessons_completed = 2 AND lessons_total = 2`))
		})

		// The first of two lessons, the only one that was completed, is deleted
		// while they enroll.
		t.Run(name+"RacesDeletedLesson", func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			userID := b.user(t, elevate.RoleUser)
			courseID, lessons := b.course(t, courseSeed{lessons: 2, published: true})
			b.complete(t, userID, lessons[0])
			tx := b.begin(t)
			require.NoError(t, b.system.WithTx(tx).DeleteLesson(b.ctx, lessons[0]))
			done := make(chan error, 1)
			go func() { done <- enroll(context.WithoutCancel(b.ctx), b, userID, courseID) }()
			b.waitUntilBlocked(t, 1)
			require.NoError(t, tx.Commit(b.ctx))
			require.NoError(t, <-done)
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments
				WHERE completed_at IS NULL AND progress = 0 AND lessons_completed = 0 AND lessons_total = 1`))
			require.Zero(t, b.drift(t))
		})
	}
}
