package elevate_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestEnroll(t *testing.T) {
	t.Parallel()

	type testBundleEnroll struct {
		*testBundle

		userID, freeID, paidID uuid.UUID
		me                     *elevate.Store
	}
	setup := func(t *testing.T) *testBundleEnroll {
		t.Helper()
		b := &testBundleEnroll{testBundle: newBundle(t)}
		b.userID = b.user(t, elevate.RoleUser)
		b.freeID, _ = b.course(t, courseSeed{lessons: 3, published: true})
		b.paidID, _ = b.course(t, courseSeed{lessons: 1, price: 4900, published: true})
		b.me = b.as(b.userID, elevate.RoleUser)
		return b
	}

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.me.Enroll(b.ctx, b.userID, b.freeID)
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, b.userID, result.Enrollment.UserID)
		require.Equal(t, b.freeID, result.Enrollment.CourseID)
		require.Equal(t, "free", result.Enrollment.Source)
		require.Equal(t, int32(3), result.Enrollment.LessonsTotal)
		require.Zero(t, result.Enrollment.Progress)
		require.Nil(t, result.Enrollment.CompletedAt)
		require.Equal(t, result.Enrollment.ID, scan[uuid.UUID](t, b.testBundle, `SELECT id FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE user_id = $1 AND type = 'enrolled' AND message LIKE '%Course ' || $2 || '%'`, b.userID, b.freeID.String()))
	})

	t.Run("AlreadyEnrolled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, err := b.me.Enroll(b.ctx, b.userID, b.freeID)
		require.NoError(t, err)
		again, err := b.me.Enroll(b.ctx, b.userID, b.freeID)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, first.Enrollment, again.Enrollment)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("CountsKeptProgress", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		courseID, lessons := b.course(t, courseSeed{lessons: 3, published: true})
		b.complete(t, b.userID, lessons[0], lessons[1])
		result, err := b.me.Enroll(b.ctx, b.userID, courseID)
		require.NoError(t, err)
		require.Equal(t, int32(2), result.Enrollment.LessonsCompleted)
		require.Equal(t, int32(66), result.Enrollment.Progress)
		require.Zero(t, b.drift(t))
	})

	t.Run("WithPayment", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.me.Enroll(b.ctx, b.userID, b.paidID)
		require.ErrorIs(t, err, elevate.ErrPaymentRequired)
		b.pay(t, b.userID, b.paidID, 4900)
		result, err := b.me.Enroll(b.ctx, b.userID, b.paidID)
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, "payment", result.Enrollment.Source)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.Enroll(b.ctx, uuid.New(), b.freeID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.me.Enroll(b.ctx, b.userID, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.Enroll(b.ctx, b.freeID, b.userID)
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
	})

	t.Run("ErrorIfNotPublished", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		draft, _ := b.course(t, courseSeed{lessons: 1})
		_, err := b.me.Enroll(b.ctx, b.userID, draft)
		require.ErrorIs(t, err, elevate.ErrNotPublished)
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.me.Enroll(b.ctx, b.userID, b.freeID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.Enroll(b.ctx, b.userID, b.paidID)
		require.ErrorIs(t, err, elevate.ErrPaymentRequired)
		usable(t, tx)
		result, err := store.Enroll(b.ctx, b.userID, b.freeID)
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Enroll(b.ctx, b.userID, b.freeID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		created := make([]bool, 32)
		require.NoError(t, race(len(created), func(i int) error {
			result, err := b.me.Enroll(b.ctx, b.userID, b.freeID)
			created[i] = result.Created
			return err
		}))
		n := 0
		for _, c := range created {
			if c {
				n++
			}
		}
		require.Equal(t, 1, n)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// The total that an enrollment copies is right although lessons are being
	// added: without the lock on the course it would be a snapshot's.
	t.Run("ConcurrentWithLessons", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'Late', 4)`), b.freeID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.Enroll(b.ctx, b.userID, b.freeID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, 4, b.count(t, `SELECT lessons_total FROM {s}.enrollments`))
		require.Zero(t, b.drift(t))
	})

	t.Run("WaitsForRefund", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.pay(t, b.userID, b.paidID, 4900)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`UPDATE {s}.payments SET status = 'refunded', refunded_amount = amount`))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.Enroll(context.WithoutCancel(b.ctx), b.userID, b.paidID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrPaymentRequired)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})
}
