package elevate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/db"
)

func TestUnenroll(t *testing.T) {
	t.Parallel()

	// setup is a learner who has completed the first of three lessons.
	setup := func(t *testing.T) *grantBundle {
		t.Helper()
		b := newGrantBundle(t)
		b.enroll(t, b.userID, b.courseID)
		b.complete(t, b.userID, b.lessons[0])
		return b
	}
	leave := func(b *grantBundle) elevate.UnenrollParams {
		return elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID}
	}

	t.Run("KeepsProgress", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.me.Unenroll(b.ctx, leave(b))
		require.NoError(t, err)
		require.True(t, result.Removed)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress WHERE completed`))
		again, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		require.True(t, again.Created)
		require.Equal(t, int32(33), again.Enrollment.Progress)
		require.Zero(t, b.drift(t))
	})

	t.Run("DeletesProgress", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.user(t, elevate.RoleUser)
		b.enroll(t, other, b.courseID)
		b.complete(t, other, b.lessons...)
		elsewhere, lessons := b.course(t, courseSeed{lessons: 2, published: true})
		b.enroll(t, b.userID, elsewhere)
		b.complete(t, b.userID, lessons[0])
		b.exec(t, `INSERT INTO {s}.progress (user_id, lesson_id, time_spent) VALUES ($1, $2, 60)`, b.userID, b.lessons[1])

		params := leave(b)
		params.DeleteProgress = true
		result, err := b.me.Unenroll(b.ctx, params)
		require.NoError(t, err)
		require.True(t, result.Removed)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress WHERE user_id = $1 AND lesson_id = ANY ($2)`, b.userID, b.lessons))
		require.Equal(t, 4, b.count(t, `SELECT count(*) FROM {s}.progress`), "the others' and the other course's")
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyLeft", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.me.Unenroll(b.ctx, leave(b))
		require.NoError(t, err)
		params := leave(b)
		params.DeleteProgress = true
		again, err := b.me.Unenroll(b.ctx, params)
		require.NoError(t, err)
		require.False(t, again.Removed)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`), "what was kept stays kept")
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, params := range map[string]elevate.UnenrollParams{
			"User":    {UserID: uuid.New(), CourseID: b.courseID},
			"Course":  {UserID: b.userID, CourseID: uuid.New()},
			"Swapped": {UserID: b.courseID, CourseID: b.userID},
			"Zero":    {},
		} {
			_, err := b.system.Unenroll(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrNotFound, name)
		}
	})

	t.Run("ErrorIfCompleted", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.complete(t, b.userID, b.lessons[1:]...)
		params := leave(b)
		params.DeleteProgress = true
		for range 2 {
			_, err := b.me.Unenroll(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrCourseCompleted)
		}
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		instructorID := scan[uuid.UUID](t, b.testBundle, `SELECT instructor_id FROM {s}.courses`)
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store,
			"Other":   b.as(b.user(t, elevate.RoleUser), elevate.RoleUser),
			"Teacher": b.as(instructorID, elevate.RoleInstructor),
		} {
			_, err := store.Unenroll(b.ctx, leave(b))
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		done, lessons := b.course(t, courseSeed{lessons: 1, published: true})
		b.enroll(t, b.userID, done)
		b.complete(t, b.userID, lessons...)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: done})
		require.ErrorIs(t, err, elevate.ErrCourseCompleted)
		usable(t, tx)
		_, err = store.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: uuid.New()})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		result, err := store.Unenroll(b.ctx, leave(b))
		require.NoError(t, err)
		require.True(t, result.Removed)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		params := leave(b)
		params.DeleteProgress = true
		_, err := b.me.WithTx(tx).Unenroll(b.ctx, params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`))
		require.Zero(t, b.drift(t))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		removed := make([]bool, 32)
		require.NoError(t, race(len(removed), func(i int) error {
			params := leave(b)
			params.DeleteProgress = i%2 == 0
			result, err := store.Unenroll(b.ctx, params)
			removed[i] = result.Removed
			return err
		}))
		require.Equal(t, 1, trues(removed))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	// A lesson is being completed. What it writes goes too: without EnrollmentLock
	// as a message of its own it would stay, unseen by the deletion's snapshot.
	t.Run("WaitsForCompletion", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		params := leave(b)
		params.DeleteProgress = true
		result, err := b.whileCompleting(t, params, b.lessons[1])
		require.NoError(t, err)
		require.True(t, result.Removed)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("WaitsForLastCompletion", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		params := leave(b)
		params.DeleteProgress = true
		_, err := b.whileCompleting(t, params, b.lessons[1], b.lessons[2])
		require.ErrorIs(t, err, elevate.ErrCourseCompleted)
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.progress`))
		require.Zero(t, b.drift(t))
	})

	// Learners who leave, come back and complete lessons at once, without retries.
	t.Run("ConcurrentWithCompletion", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		pool := b.wide(t)
		store := b.on(t, pool).As(elevate.System("test"))
		params := leave(b)
		params.DeleteProgress = true
		for range 12 {
			require.NoError(t, race(32, func(i int) error {
				switch i % 3 {
				case 0:
					_, err := store.Unenroll(b.ctx, params)
					return unlessRaced(err) // nor completed: nobody does the third lesson
				case 1:
					_, err := store.GrantEnrollment(b.ctx, b.grant())
					return unlessRaced(err)
				default:
					return pgx.BeginFunc(b.ctx, pool, func(tx pgx.Tx) error {
						return b.completing(b.ctx, tx, b.lessons[i%2])
					})
				}
			}))
			require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress AS p
				WHERE NOT EXISTS (SELECT FROM {s}.enrollments AS e WHERE e.user_id = p.user_id)`), "orphans")
			require.Zero(t, b.drift(t))
		}
	})

	// An enrollment that is made between the two messages has been locked by
	// neither: what is being written beside it would be missed.
	t.Run("LeavesWhatItHasNotLocked", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		q := db.New(placed{b.begin(t), b.testBundle})
		require.NoError(t, q.EnrollmentLock(b.ctx, db.EnrollmentLockParams{UserID: b.userID, CourseID: b.courseID}))
		b.enroll(t, b.userID, b.courseID)
		verdict, err := q.EnrollmentDelete(b.ctx, db.EnrollmentDeleteParams{
			UserID: b.userID, CourseID: b.courseID, DeleteProgress: true,
		})
		require.NoError(t, err)
		require.Equal(t, "raced", verdict)
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.enrollmentID(t, b.userID, b.courseID)
		b.locksInOrder(t, func(ctx context.Context) error {
			tx, err := b.pool.Begin(ctx)
			if err != nil {
				return err
			}
			_, err = b.me.WithTx(tx).Unenroll(ctx, leave(b))
			return errors.Join(err, tx.Rollback(ctx))
		}, locked{"users", b.userID}, locked{"enrollments", id})
	})
}

// placed runs single statements of an operation where the tables are.
type placed struct {
	pgx.Tx

	b *testBundle
}

func (p placed) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return p.Tx.Exec(ctx, p.b.sql(strings.ReplaceAll(sql, "public.", "{s}.")), args...)
}

func (p placed) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return p.Tx.QueryRow(ctx, p.b.sql(strings.ReplaceAll(sql, "public.", "{s}.")), args...)
}

// unlessRaced is nil for a call that lost too many races, which is the caller's to
// repeat.
func unlessRaced(err error) error {
	var conflict *elevate.ConflictError
	if errors.As(err, &conflict) && conflict.Reason == elevate.ConflictRaced {
		return nil
	}
	return err
}

// completing locks and writes what completing a lesson does.
func (b *grantBundle) completing(ctx context.Context, tx pgx.Tx, lessons ...uuid.UUID) error {
	locked, err := tx.Exec(ctx, b.sql(`SELECT FROM {s}.users AS u JOIN {s}.enrollments AS e ON e.user_id = u.id
		WHERE u.id = $1 AND e.course_id = $2 FOR KEY SHARE OF u FOR NO KEY UPDATE OF e`), b.userID, b.courseID)
	if err != nil || locked.RowsAffected() == 0 {
		return err
	}
	_, err = tx.Exec(ctx, b.sql(`INSERT INTO {s}.progress (user_id, lesson_id, completed, completed_at)
		SELECT $1, l.id, TRUE, now() FROM unnest($2::uuid[]) AS l (id)
		ON CONFLICT (user_id, lesson_id) DO NOTHING`), b.userID, lessons)
	return err
}

// whileCompleting leaves a course beside an uncommitted completion.
func (b *grantBundle) whileCompleting(
	t testing.TB, params elevate.UnenrollParams, lessons ...uuid.UUID,
) (result elevate.UnenrollResult, err error) {
	t.Helper()
	tx := b.begin(t)
	require.NoError(t, b.completing(b.ctx, tx, lessons...))
	done := make(chan error, 1)
	go func() {
		var err error
		result, err = b.me.Unenroll(context.WithoutCancel(b.ctx), params)
		done <- err
	}()
	b.waitUntilBlocked(t, 1)
	require.NoError(t, tx.Commit(b.ctx))
	return result, <-done
}
