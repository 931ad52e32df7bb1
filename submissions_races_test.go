package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// raceRounds is how often a pair of operations is let loose on each other.
const raceRounds = 32

// requireSound holds after every race.
func (b *testBundle) requireSound(t testing.TB) {
	t.Helper()
	for what, sql := range gradingWrong {
		require.Zero(t, b.count(t, `SELECT count(*) FROM (`+sql+`) AS wrong`), what)
	}
}

// allow is nil for an error that is one of those.
func allow(err error, allowed ...error) error {
	for _, a := range allowed {
		if errors.Is(err, a) {
			return nil
		}
	}
	return err
}

func TestSubmitRaces(t *testing.T) {
	t.Parallel()

	t.Run("OneLearner", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		attempts := make([]int32, 32)
		require.NoError(t, race(len(attempts), func(i int) error {
			result, err := store.Submit(b.ctx, elevate.SubmitParams{
				UserID: b.userID, AssignmentID: made.ID, Content: fmt.Sprint(i),
			})
			attempts[i] = result.Submission.Attempt
			return err
		}))
		want := make([]int32, len(attempts))
		for i := range want {
			want[i] = int32(i + 1)
		}
		require.ElementsMatch(t, want, attempts)
		b.requireSound(t)
	})

	// A batch of the simple protocol is one message, whose time is from before the
	// wait.
	t.Run("LaterIsNewer", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		pool := b.poolWith(t, func(cfg *pgxpool.Config) {
			cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		})
		store := b.on(t, pool).As(elevate.System("test"))
		params := elevate.SubmitParams{UserID: b.userID, AssignmentID: made.ID, Content: "x"}
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.enrollments WHERE user_id = $1 FOR NO KEY UPDATE`), b.userID)
		require.NoError(t, err)
		done := later(func() error {
			_, err := store.Submit(b.ctx, params)
			return err
		})
		b.waitUntilBlocked(t, 1)
		_, err = b.system.WithTx(tx).Submit(b.ctx, params)
		require.NoError(t, err)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		lines, err := b.me.ListAttempts(b.ctx, elevate.ListAttemptsParams{UserID: b.userID, AssignmentID: made.ID})
		require.NoError(t, err)
		require.Equal(t, int32(2), lines.Items[0].Attempt)
		b.requireSound(t)
	})

	t.Run("OneID", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.submit(t, b.userID, made.ID)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		params := elevate.SubmitParams{ID: uuid.New(), UserID: b.userID, AssignmentID: made.ID, Content: "x"}
		created := make([]bool, 16)
		require.NoError(t, race(len(created), func(i int) error {
			result, err := store.Submit(b.ctx, params)
			created[i] = result.Created
			return err
		}))
		require.Len(t, only(created), 1)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.submissions`))
		b.requireSound(t)
	})

	// Two learners choose one id at once. The second waits for the first, and
	// keeps the attempt that it would have superseded.
	t.Run("OneIDOfTwoLearners", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.submit(t, b.userID, made.ID)
		params := elevate.SubmitParams{ID: uuid.New(), UserID: b.learner(t), AssignmentID: made.ID, Content: "x"}
		first := b.begin(t)
		_, err := b.system.WithTx(first).Submit(b.ctx, params)
		require.NoError(t, err)
		second := b.begin(t)
		params.UserID = b.userID
		done := later(func() error {
			_, err := b.system.WithTx(second).Submit(b.ctx, params)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, first.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
		usable(t, second)
		require.NoError(t, second.Commit(b.ctx))
		b.requireSound(t)
	})

	t.Run("Grade", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		for range raceRounds {
			seen := b.submit(t, b.learner(t), made.ID)
			var submitted, graded bool
			require.NoError(t, race(2, func(i int) error {
				if i == 0 {
					_, err := store.Submit(b.ctx, elevate.SubmitParams{
						UserID: seen.UserID, AssignmentID: made.ID, Content: "Again.",
					})
					submitted = err == nil
					return allow(err, elevate.ErrGraded)
				}
				_, err := store.Grade(b.ctx, gradeOf(seen, 50))
				graded = err == nil
				if isConflict(err, elevate.ConflictSuperseded) {
					return nil
				}
				return err
			}))
			require.NotEqual(t, submitted, graded)
		}
		b.requireSound(t)
		require.Equal(t, b.count(t, `SELECT count(*) FROM {s}.submissions WHERE graded_at IS NOT NULL`),
			b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'graded'`))
	})

	// A grade in flight is waited for and judged.
	t.Run("WaitsForGrade", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		seen := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).Grade(b.ctx, gradeOf(seen, 50))
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.Submit(b.ctx, elevate.SubmitParams{
				UserID: b.userID, AssignmentID: seen.AssignmentID, Content: "x",
			})
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrGraded)
		b.requireSound(t)
	})

	t.Run("DeleteAssignment", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		for range raceRounds {
			made := b.assign(t, elevate.CreateAssignmentParams{})
			var submitted, deleted bool
			require.NoError(t, race(2, func(i int) error {
				if i == 0 {
					_, err := store.Submit(b.ctx, elevate.SubmitParams{
						UserID: b.userID, AssignmentID: made.ID, Content: "x",
					})
					submitted = err == nil
					return allow(err, elevate.ErrNotFound)
				}
				err := store.DeleteAssignment(b.ctx, made.ID)
				deleted = err == nil
				if isConflict(err, elevate.ConflictHasSubmissions) {
					return nil
				}
				return err
			}))
			require.NotEqual(t, submitted, deleted)
		}
		b.requireSound(t)
	})

	// A submission in flight is waited for and counted.
	t.Run("DeleteAssignmentWaits", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Submit(b.ctx, elevate.SubmitParams{
			UserID: b.userID, AssignmentID: made.ID, Content: "x",
		})
		require.NoError(t, err)
		done := later(func() error { return b.teacher.DeleteAssignment(b.ctx, made.ID) })
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictHasSubmissions, Count: 1})
	})

	t.Run("Unenroll", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.Submit(b.ctx, elevate.SubmitParams{
				UserID: b.userID, AssignmentID: made.ID, Content: "x",
			})
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotEnrolled)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.submissions`))
	})

	// An edit neither waits for submissions nor holds them up.
	t.Run("GoesOnBesideAnEdit", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		tx := b.begin(t)
		params := edited(made)
		params.Title = "Poem"
		_, err := b.teacher.WithTx(tx).UpdateAssignment(b.ctx, params)
		require.NoError(t, err)
		_, err = b.me.Submit(b.soon(t), elevate.SubmitParams{
			UserID: b.userID, AssignmentID: made.ID, Content: "x",
		})
		require.NoError(t, err)
	})

	t.Run("LockOrder", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.me.Submit(ctx, elevate.SubmitParams{UserID: b.userID, AssignmentID: made.ID, Content: "x"})
			return err
		},
			locked{"users", b.userID}, locked{"assignments", made.ID},
			locked{"enrollments", b.enrollmentID(t, b.userID, b.courseID)})
	})

	t.Run("Cancelled", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		seen := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).Grade(b.ctx, gradeOf(seen, 50))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(b.ctx)
		done := later(func() error {
			_, err := b.me.Submit(ctx, elevate.SubmitParams{
				UserID: b.userID, AssignmentID: seen.AssignmentID, Content: "x",
			})
			return err
		})
		b.waitUntilBlocked(t, 1)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.NoError(t, tx.Rollback(b.ctx))
		b.requireSound(t)
		b.submit(t, b.userID, seen.AssignmentID)
		b.requireSound(t)
	})
}

func TestGradeRaces(t *testing.T) {
	t.Parallel()

	t.Run("Regrade", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(time.Hour), AllowLate: true, LatePenalty: 50})
		seen := b.submit(t, b.userID, made.ID)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var scores [32]int32
		for i := range scores {
			scores[i] = int32(i)
		}
		require.NoError(t, race(len(scores), func(i int) error {
			score := scores[i]
			result, err := store.Grade(b.ctx, gradeOf(seen, score))
			if err == nil && (!result.Changed || result.RawScore != score || result.Score != score/2) {
				return fmt.Errorf("graded %d: %+v", score, result)
			}
			return err
		}))
		require.Equal(t, 32, b.count(t, `SELECT count(DISTINCT raw_score) FROM {s}.grades`))
		require.Equal(t, 32, b.count(t, `SELECT max(nth) FROM {s}.grades`))
		require.Equal(t, 32, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'graded'`))
		b.requireSound(t)
	})

	t.Run("Repeats", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		seen := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		changed := make([]bool, 32)
		require.NoError(t, race(len(changed), func(i int) error {
			result, err := store.Grade(b.ctx, gradeOf(seen, 50))
			changed[i] = result.Changed
			return err
		}))
		require.Len(t, only(changed), 1)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'graded'`))
		b.requireSound(t)
	})

	// Somebody takes a grade back and is not done when somebody else gives it
	// anew: it is no repeat.
	t.Run("GivenAnew", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		seen := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		b.grade(t, seen, 70)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).Grade(b.ctx, gradeOf(seen, 50))
		require.NoError(t, err)
		var result elevate.GradeResult
		done := later(func() (err error) {
			result, err = b.teacher.Grade(b.ctx, gradeOf(seen, 70))
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.True(t, result.Changed)
		require.Equal(t, 70, b.count(t, `SELECT score FROM {s}.submissions`))
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.grades`))
		b.requireSound(t)
	})

	t.Run("LowerMaximum", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		for range raceRounds {
			made := b.assign(t, elevate.CreateAssignmentParams{})
			seen := b.submit(t, b.userID, made.ID)
			var lowered, graded bool
			require.NoError(t, race(2, func(i int) error {
				if i == 0 {
					params := edited(made)
					params.MaxScore = 50
					_, err := store.UpdateAssignment(b.ctx, params)
					lowered = err == nil
					if isConflict(err, elevate.ConflictScoreGiven) {
						return nil
					}
					return err
				}
				_, err := store.Grade(b.ctx, gradeOf(seen, 90))
				graded = err == nil
				if _, ok := errors.AsType[*elevate.ValidationError](err); ok {
					return nil
				}
				return err
			}))
			require.NotEqual(t, lowered, graded)
		}
		b.requireSound(t)
	})

	// A grade in flight is waited for; so is a lower maximum.
	t.Run("LowerMaximumWaits", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		seen := b.submit(t, b.userID, made.ID)
		params := edited(made)
		params.MaxScore = 50
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).Grade(b.ctx, gradeOf(seen, 90))
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.teacher.UpdateAssignment(b.ctx, params)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictScoreGiven, Count: 1})

		params.MaxScore = 90
		tx = b.begin(t)
		_, err = b.teacher.WithTx(tx).UpdateAssignment(b.ctx, params)
		require.NoError(t, err)
		done = later(func() error {
			_, err := b.teacher.Grade(b.ctx, gradeOf(seen, 91))
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireInvalid(t, <-done, "Score")
		b.requireSound(t)
	})

	t.Run("LockOrder", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		seen := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.teacher.Grade(ctx, gradeOf(seen, 50))
			return err
		},
			locked{"users", b.userID}, locked{"assignments", seen.AssignmentID}, locked{"submissions", seen.ID})
	})
}
