package elevate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestEnrollMany(t *testing.T) {
	t.Parallel()

	t.Run("SaysWhatBecameOfEach", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		already := b.user(t, elevate.RoleUser)
		first, err := b.system.GrantEnrollment(b.ctx, elevate.GrantEnrollmentParams{
			UserID: already, CourseID: b.courseID, Source: "scholarship",
		})
		require.NoError(t, err)
		returning := b.user(t, elevate.RoleUser)
		b.complete(t, returning, b.lessons...)
		erased := b.user(t, elevate.RoleUser)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, erased)
		nobody := uuid.New()

		outcomes, err := b.system.EnrollMany(b.ctx, b.cohort(nobody, erased, returning, already, b.userID, b.userID))
		require.NoError(t, err)
		require.True(t, slices.IsSortedFunc(outcomes, func(x, y elevate.EnrollOutcome) int {
			return strings.Compare(x.UserID.String(), y.UserID.String())
		}))
		got := map[uuid.UUID]elevate.EnrollOutcome{}
		for _, o := range outcomes {
			got[o.UserID] = o
		}
		require.Len(t, outcomes, len(got))
		require.Equal(t, map[uuid.UUID]elevate.EnrollOutcome{
			b.userID:  {UserID: b.userID, EnrollmentID: b.enrollmentID(t, b.userID, b.courseID), Created: true},
			returning: {UserID: returning, EnrollmentID: b.enrollmentID(t, returning, b.courseID), Created: true},
			already:   {UserID: already, EnrollmentID: first.Enrollment.ID},
			erased:    {UserID: erased, Unknown: true},
			nobody:    {UserID: nobody, Unknown: true},
		}, got)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE source = 'company' AND reference = 'ACME'`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE completed_at IS NOT NULL AND user_id = $1`, returning))
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE type = 'enrolled' AND message LIKE '%Course ' || $1 || '%'`, b.courseID.String()))
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		first, err := b.system.EnrollMany(b.ctx, b.cohort(b.userID))
		require.NoError(t, err)
		again, err := b.system.EnrollMany(b.ctx, b.cohort(b.userID))
		require.NoError(t, err)
		first[0].Created = false
		require.Equal(t, first, again)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// In a database without statistics, whose planner expects a handful of rows:
	// a plan that compares each user with each other one would take a minute.
	t.Run("TwentyThousand", func(t *testing.T) {
		t.Parallel()
		for _, mode := range []string{"auto", "force_generic_plan"} {
			b := newGrantBundle(t)
			ids := make([]uuid.UUID, 20_000)
			for i := range ids {
				ids[i] = uuid.Must(uuid.NewV7())
			}
			b.exec(t, `INSERT INTO {s}.users (id, email, password_hash, name)
				SELECT u.id, u.id::text, '!', 'Learner' FROM unnest($1::uuid[]) AS u (id)`, ids)
			tx := b.begin(t)
			_, err := tx.Exec(b.ctx, `SET LOCAL statement_timeout = '30s'`)
			require.NoError(t, err)
			_, err = tx.Exec(b.ctx, `SET LOCAL plan_cache_mode = `+mode)
			require.NoError(t, err)
			outcomes, err := b.system.WithTx(tx).EnrollMany(b.ctx, b.cohort(ids...))
			require.NoError(t, err, mode)
			require.NoError(t, tx.Commit(b.ctx))
			require.Len(t, outcomes, len(ids))
			require.Equal(t, len(ids), b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE lessons_total = 3`))
			require.Equal(t, len(ids), b.count(t, `SELECT count(DISTINCT user_id) FROM {s}.notifications`))
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		params := b.cohort(b.userID)
		params.CourseID = uuid.New()
		_, err := b.system.EnrollMany(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		params = b.cohort(b.courseID)
		params.CourseID = b.userID
		_, err = b.system.EnrollMany(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
	})

	t.Run("ErrorIfNotPublished", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE`)
		_, err := b.system.EnrollMany(b.ctx, b.cohort(b.userID, b.user(t, elevate.RoleUser)))
		require.ErrorIs(t, err, elevate.ErrNotPublished)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		store = store.As(elevate.System("test"))
		var invalid *elevate.ValidationError
		for name, bad := range badGrants() {
			_, err := store.EnrollMany(t.Context(), elevate.EnrollManyParams{
				Source: bad.Source, Reference: bad.Reference, UserIDs: make([]uuid.UUID, 1),
			})
			require.ErrorAs(t, err, &invalid, name)
		}
		for _, n := range []int{0, 20_001} {
			_, err := store.EnrollMany(t.Context(), elevate.EnrollManyParams{Source: "company", UserIDs: make([]uuid.UUID, n)})
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, "UserIDs", invalid.Field)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		params := b.cohort(b.userID)
		params.CourseID = uuid.New()
		_, err := store.EnrollMany(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		outcomes, err := store.EnrollMany(b.ctx, b.cohort(b.userID))
		require.NoError(t, err)
		require.True(t, outcomes[0].Created)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).EnrollMany(b.ctx, b.cohort(b.userID))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// Overlapping cohorts, given in opposite order, while lessons are added and
	// learners enroll on their own. No retries: a deadlock would show.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		pool := b.wide(t)
		store := b.on(t, pool).As(elevate.System("test"))
		ids := make([]uuid.UUID, 200)
		for i := range ids {
			ids[i] = b.user(t, elevate.RoleUser)
		}
		created := make([]int, 32)
		require.NoError(t, race(len(created), func(i int) error {
			switch i % 8 {
			case 0:
				_, err := pool.Exec(b.ctx, b.sql(`INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'Late', $2)`),
					b.courseID, i+10)
				return err
			case 1:
				params := b.grant()
				params.UserID = ids[100+i]
				result, err := store.GrantEnrollment(b.ctx, params)
				if result.Created {
					created[i]++
				}
				return err
			default:
				cohort := slices.Clone(ids[i*2 : i*2+130])
				if i%2 == 0 {
					slices.Reverse(cohort)
				}
				outcomes, err := store.EnrollMany(b.ctx, b.cohort(cohort...))
				for _, o := range outcomes {
					if o.Created {
						created[i]++
					}
				}
				return err
			}
		}))
		n := 0
		for _, c := range created {
			n += c
		}
		require.Equal(t, n, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "each was created by one call, and says so")
		require.Equal(t, n, b.count(t, `SELECT count(*) FROM {s}.notifications`))
		require.Equal(t, n, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE lessons_total = 7`))
		require.Zero(t, b.drift(t))
	})

	// Another transaction has one of two learners first. The other was enrolled
	// by the attempt that lost the race, and is told so.
	t.Run("WaitsForEnroll", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		second := b.user(t, elevate.RoleUser)
		tx := b.begin(t)
		first, err := b.system.WithTx(tx).GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		var outcomes []elevate.EnrollOutcome
		done := make(chan error, 1)
		go func() {
			var err error
			outcomes, err = b.system.EnrollMany(context.WithoutCancel(b.ctx), b.cohort(second, b.userID))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, []elevate.EnrollOutcome{
			{UserID: b.userID, EnrollmentID: first.Enrollment.ID},
			{UserID: second, EnrollmentID: b.enrollmentID(t, second, b.courseID), Created: true},
		}, outcomes)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// The course is taken away before one of two is asked for once more: an
	// ErrNotPublished would say that nobody was enrolled.
	t.Run("UnpublishedBetween", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		second := b.user(t, elevate.RoleUser)
		other := b.begin(t)
		_, err := b.system.WithTx(other).GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		tx := b.begin(t)
		again := &secondPipeline{Tx: tx, before: func() error {
			_, err := b.pool.Exec(b.ctx, b.sql(`DELETE FROM {s}.enrollments`))
			if err == nil {
				_, err = b.pool.Exec(b.ctx, b.sql(`UPDATE {s}.courses SET published = FALSE`))
			}
			return err
		}}
		done := make(chan error, 1)
		go func() {
			_, err := b.system.WithTx(again).EnrollMany(context.WithoutCancel(b.ctx), b.cohort(second, b.userID))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, other.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictRaced})
		require.Equal(t, 2, again.sent)
		require.NoError(t, again.err)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE user_id = $1`, second))
		_, err = b.system.EnrollMany(b.ctx, b.cohort(second, b.userID))
		require.ErrorIs(t, err, elevate.ErrNotPublished)
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.userID)
		require.NoError(t, err)
		var outcomes []elevate.EnrollOutcome
		done := make(chan error, 1)
		go func() {
			var err error
			outcomes, err = b.system.EnrollMany(context.WithoutCancel(b.ctx), b.cohort(b.userID))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, []elevate.EnrollOutcome{{UserID: b.userID, Unknown: true}}, outcomes)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("ConcurrentWithLessons", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.whileLessonIsAdded(t, func(ctx context.Context) error {
			_, err := b.system.EnrollMany(ctx, b.cohort(b.userID))
			return err
		})
	})

	// Whoever adds a lesson may enroll the same learner in that transaction: the
	// cohort has inserted nothing while it waits for the course.
	t.Run("WaitsForLessonAndEnroll", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		var outcomes []elevate.EnrollOutcome
		b.whileLessonIsAdded(t, func(ctx context.Context) (err error) {
			outcomes, err = b.system.EnrollMany(ctx, b.cohort(b.userID))
			return err
		}, func(tx pgx.Tx) {
			_, err := b.system.WithTx(tx).GrantEnrollment(b.ctx, b.grant())
			require.NoError(t, err)
		})
		require.False(t, outcomes[0].Created)
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		second := b.user(t, elevate.RoleUser)
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.system.EnrollMany(ctx, b.cohort(second, b.userID))
			if err == nil {
				_, err = b.pool.Exec(ctx, b.sql(`DELETE FROM {s}.enrollments`))
			}
			return err
		}, locked{"users", b.userID}, locked{"users", second}, locked{"courses", b.courseID})
	})
}

// secondPipeline is a transaction in which something happens before the second
// pipeline.
type secondPipeline struct {
	pgx.Tx

	before func() error
	err    error // of before
	sent   int
}

func (p *secondPipeline) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if p.sent++; p.sent == 2 {
		p.err = p.before()
	}
	return p.Tx.SendBatch(ctx, batch)
}
