package elevate_test

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestTransferCourses(t *testing.T) {
	t.Parallel()

	type testBundleTransfer struct {
		*testBundle

		from, to, third uuid.UUID
		courses         []uuid.UUID // of from, by id
	}
	// setup is a teacher with three courses, the first of which lies behind the
	// others in the table.
	setup := func(t *testing.T) *testBundleTransfer {
		t.Helper()
		b := &testBundleTransfer{testBundle: newBundle(t)}
		b.from, b.to, b.third = b.user(t, elevate.RoleInstructor), b.user(t, elevate.RoleInstructor), b.user(t, elevate.RoleAdmin)
		for i := range 3 {
			courseID, _ := b.course(t, courseSeed{instructor: b.from, lessons: 1, published: i == 0})
			b.courses = append(b.courses, courseID)
		}
		b.exec(t, `UPDATE {s}.courses SET instructor_id = $1 WHERE id = $2`, b.third, b.courses[0])
		b.exec(t, `UPDATE {s}.courses SET instructor_id = $1 WHERE id = $2`, b.from, b.courses[0])
		b.exec(t, `UPDATE {s}.courses SET version = 1`)
		b.course(t, courseSeed{instructor: b.third})
		return b
	}
	transfer := func(ctx context.Context, s *elevate.Store, from, to uuid.UUID) (int, error) {
		return s.TransferCourses(ctx, elevate.TransferCoursesParams{From: from, To: to})
	}
	const taught = `SELECT count(*) FROM {s}.courses WHERE instructor_id = $1`

	t.Run("Moves", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		learner := b.user(t, elevate.RoleUser)
		b.enroll(t, learner, b.courses[0])
		before, err := b.system.GetCourse(b.ctx, b.courses[0])
		require.NoError(t, err)
		moved, err := transfer(b.ctx, b.as(uuid.New(), elevate.RoleAdmin), b.from, b.to)
		require.NoError(t, err)
		require.Equal(t, 3, moved)
		require.Zero(t, b.count(t, taught, b.from))
		require.Equal(t, 3, b.count(t, taught, b.to))
		require.Equal(t, 1, b.count(t, taught, b.third), "somebody else's")
		after, err := b.system.GetCourse(b.ctx, b.courses[0])
		require.NoError(t, err)
		require.True(t, after.UpdatedAt.After(before.UpdatedAt))
		want := before
		want.InstructorID, want.Version, want.UpdatedAt = b.to, before.Version+1, after.UpdatedAt
		require.Equal(t, want, after)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		// The new teacher works in them, the old one no more.
		_, err = b.as(b.from, elevate.RoleInstructor).GetCourse(b.ctx, b.courses[1])
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.as(b.to, elevate.RoleInstructor).PublishCourse(b.ctx, b.courses[1])
		require.NoError(t, err)
	})

	t.Run("AlreadyMoved", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := transfer(b.ctx, b.system, b.from, b.to)
		require.NoError(t, err)
		before := b.fingerprint(t)
		moved, err := transfer(b.ctx, b.system, b.from, b.to)
		require.NoError(t, err)
		require.Zero(t, moved)
		require.Equal(t, before, b.fingerprint(t))
	})

	// Whoever leaves is demoted, disabled or erased first, or afterwards.
	t.Run("FromSomebodyWhoHasLeft", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.SetRole(b.ctx, b.from, elevate.RoleUser)
		require.NoError(t, err)
		_, err = b.system.DisableUser(b.ctx, b.from)
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.from)
		moved, err := transfer(b.ctx, b.system, b.from, b.to)
		require.NoError(t, err)
		require.Equal(t, 3, moved)
	})

	t.Run("ToAnAdmin", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		moved, err := transfer(b.ctx, b.system, b.from, b.third)
		require.NoError(t, err)
		require.Equal(t, 3, moved)
		require.Equal(t, 4, b.count(t, taught, b.third))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, pair := range [][2]uuid.UUID{{b.from, uuid.New()}, {uuid.New(), b.to}, {b.from, uuid.Nil}, {uuid.New(), uuid.New()}} {
			_, err := transfer(b.ctx, b.system, pair[0], pair[1])
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.to)
		_, err := transfer(b.ctx, b.system, b.from, b.to)
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
		require.Equal(t, 3, b.count(t, taught, b.from))
	})

	t.Run("ErrorIfNotInstructor", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := transfer(b.ctx, b.system, b.from, b.user(t, elevate.RoleUser))
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictNotInstructor})
		require.Equal(t, 3, b.count(t, taught, b.from))
	})

	t.Run("ErrorIfOnePerson", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := transfer(b.ctx, b.system, b.from, b.from)
		requireInvalid(t, err, "To")
	})

	// A teacher gives nothing away and takes nothing.
	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range []*elevate.Store{
			b.store, b.as(b.from, elevate.RoleInstructor), b.as(b.to, elevate.RoleInstructor), b.as(b.to, elevate.RoleUser),
		} {
			_, err := transfer(b.ctx, store, b.from, b.to)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		learner := b.user(t, elevate.RoleUser)
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		_, err := transfer(b.ctx, store, b.from, learner)
		require.Error(t, err)
		usable(t, tx)
		moved, err := transfer(b.ctx, store, b.from, b.to)
		require.NoError(t, err)
		require.Equal(t, 3, moved)
		_, err = store.SetRole(b.ctx, b.from, elevate.RoleUser)
		require.NoError(t, err)
		require.Equal(t, 3, b.count(t, taught, b.from), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 3, b.count(t, taught, b.to))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		before := b.fingerprint(t)
		tx := b.begin(t)
		_, err := transfer(b.ctx, b.system.WithTx(tx), b.from, b.to)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, before, b.fingerprint(t))
	})

	// From one to many, and back: no course is lost or moved by two at once.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var moved atomic.Int64
		require.NoError(t, race(32, func(i int) error {
			people := [][2]uuid.UUID{{b.from, b.to}, {b.from, b.third}, {b.third, b.to}, {b.to, b.from}}[i%4]
			n, err := transfer(b.ctx, store, people[0], people[1])
			moved.Add(int64(n))
			return err
		}))
		require.Equal(t, 4, b.count(t, `SELECT count(*) FROM {s}.courses WHERE instructor_id IN ($1, $2, $3)`,
			b.from, b.to, b.third))
		require.Equal(t, int(moved.Load()), b.count(t, `SELECT sum(version - 1) FROM {s}.courses`))
	})

	// Courses that are being made meanwhile are moved or stay: a second call finds
	// the rest.
	t.Run("ConcurrentWithCreateCourse", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var moved atomic.Int64
		require.NoError(t, race(32, func(i int) error {
			if i%4 == 0 {
				n, err := transfer(b.ctx, store, b.from, b.to)
				moved.Add(int64(n))
				return err
			}
			_, err := store.CreateCourse(b.ctx, elevate.CreateCourseParams{
				InstructorID: b.from, Slug: "c-" + uuid.NewString(), Title: "Go", Category: "go", Level: elevate.LevelBeginner,
			})
			return err
		}))
		rest, err := transfer(b.ctx, b.system, b.from, b.to)
		require.NoError(t, err)
		require.Equal(t, 27, rest+int(moved.Load()))
		require.Equal(t, 27, b.count(t, taught, b.to))
		require.Equal(t, 27, b.count(t, `SELECT sum(version - 1) FROM {s}.courses`))
	})

	// What was written while the course was waited for stays.
	t.Run("WaitsForAnEdit", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`UPDATE {s}.courses SET title = 'Edited', price = 4900 WHERE id = $1`), b.courses[1])
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := transfer(context.WithoutCancel(b.ctx), b.system, b.from, b.to)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses
			WHERE title = 'Edited' AND price = 4900 AND version = 3 AND instructor_id = $1`, b.to))
	})

	// A course that somebody else got meanwhile stays theirs.
	t.Run("WaitsForAnotherTransfer", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`UPDATE {s}.courses SET instructor_id = $1 WHERE id = $2`), b.third, b.courses[1])
		require.NoError(t, err)
		var moved int
		done := make(chan error, 1)
		go func() {
			var err error
			moved, err = transfer(context.WithoutCancel(b.ctx), b.system, b.from, b.to)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, 2, moved)
		require.Equal(t, 2, b.count(t, taught, b.to))
		require.Equal(t, 2, b.count(t, taught, b.third))
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		commit := b.erase(t, b.to)
		done := make(chan error, 1)
		go func() {
			_, err := transfer(context.WithoutCancel(b.ctx), b.system, b.from, b.to)
			done <- err
		}()
		commit()
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Equal(t, 3, b.count(t, taught, b.from))
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, people := range [][2]uuid.UUID{{b.from, b.to}, {b.to, b.from}} {
			users := slices.Clone(people[:])
			slices.SortFunc(users, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
			rows := []locked{{"users", users[0]}, {"users", users[1]}}
			for _, courseID := range b.courses {
				rows = append(rows, locked{"courses", courseID})
			}
			b.locksInOrder(t, func(ctx context.Context) error {
				tx, err := b.pool.Begin(ctx)
				if err != nil {
					return err
				}
				_, err = transfer(ctx, b.system.WithTx(tx), people[0], people[1])
				if err == nil {
					err = tx.Rollback(ctx) // for the next row to find it as it was
				}
				return err
			}, rows...)
			_, err := transfer(b.ctx, b.system, people[0], people[1])
			require.NoError(t, err)
		}
	})
}
