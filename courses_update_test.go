package elevate_test

import (
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestUpdateCourse(t *testing.T) {
	t.Parallel()

	t.Run("Updates", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		course, update := b.mine(t)
		update.Category = "databases"
		update.Currency = "CHF"
		update.Description = ""
		update.Duration = 0
		update.Language = "german"
		update.Level = elevate.LevelAdvanced
		update.Price = 0
		update.Slug = "postgres"
		update.ThumbnailURL = ""
		update.Title = "Postgres"
		updated, err := b.me.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.True(t, updated.UpdatedAt.After(course.UpdatedAt))
		require.Equal(t, elevate.Course{
			ID:           course.ID,
			Slug:         "postgres",
			Title:        "Postgres",
			InstructorID: b.instructorID,
			Category:     "databases",
			Level:        elevate.LevelAdvanced,
			Currency:     "CHF",
			Language:     "german",
			Version:      2,
			CreatedAt:    course.CreatedAt,
			UpdatedAt:    updated.UpdatedAt,
		}, updated)
		got, err := b.me.GetCourse(b.ctx, course.ID)
		require.NoError(t, err)
		require.Equal(t, updated, got)
	})

	t.Run("EachColumnMovesTheVersion", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		for name, change := range map[string]func(){
			"Category":    func() { update.Category = "x" },
			"Currency":    func() { update.Currency = "GBP" },
			"Description": func() { update.Description = "x" },
			"Duration":    func() { update.Duration = time.Second },
			"Level":       func() { update.Level = elevate.LevelBeginner },
			"Price":       func() { update.Price = 1 },
			"Slug":        func() { update.Slug = "x" },
			"Thumbnail":   func() { update.ThumbnailURL = "/x" },
			"Title":       func() { update.Title = "x" },
		} {
			change()
			updated, err := b.system.UpdateCourse(b.ctx, update)
			require.NoError(t, err, name)
			require.Equal(t, update.Version+1, updated.Version, name)
			got, err := b.me.GetCourse(b.ctx, update.ID)
			require.NoError(t, err)
			require.Equal(t, updated, got, name)
			update.Version++
		}
	})

	t.Run("Unchanged", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		course, update := b.mine(t)
		same, err := b.me.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.Equal(t, course, same)
		// Empty and absent are the same to a reader.
		b.exec(t, `UPDATE {s}.courses SET thumbnail_url = '', duration = NULL`)
		update.ThumbnailURL, update.Duration, update.Version = "", 0, 2
		same, err = b.me.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.Equal(t, int32(2), same.Version)
	})

	t.Run("AlreadyUpdated", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		update.Title, update.Slug = "Go in three weeks", "go-in-3-weeks"
		first, err := b.me.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		again, err := b.me.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.Equal(t, first, again)
	})

	t.Run("ErrorIfVersionMoved", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		for name, edit := range map[string]string{
			"PlainSQL":  `UPDATE {s}.courses SET title = title || '!'`,
			"Published": `UPDATE {s}.courses SET published = NOT published`,
		} {
			b.exec(t, edit)
			update.Title = name
			_, err := b.me.UpdateCourse(b.ctx, update)
			requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
			update.Version++
		}
		update.Version = math.MaxInt32
		_, err := b.me.UpdateCourse(b.ctx, update)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
	})

	t.Run("LessonsAreNoEdit", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		b.exec(t, `INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'One', 1)`, update.ID)
		update.Title = "Go in three weeks"
		updated, err := b.me.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.Equal(t, int32(1), updated.LessonsTotal)
	})

	t.Run("ErrorIfSlugTaken", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		taken, _ := b.course(t, courseSeed{})
		update.Slug = taken.String()
		_, err := b.me.UpdateCourse(b.ctx, update)
		require.ErrorIs(t, err, elevate.ErrSlugTaken)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		_, err := b.other.UpdateCourse(b.ctx, update)
		require.ErrorIs(t, err, elevate.ErrNotFound, "another instructor's")
		update.Title = "Go in three weeks"
		_, err = b.other.UpdateCourse(b.ctx, update)
		require.ErrorIs(t, err, elevate.ErrNotFound, "another instructor's, with a change")
		update.ID = uuid.New()
		_, err = b.system.UpdateCourse(b.ctx, update)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		for name, bad := range invalidCourses {
			params := b.params
			bad.spoil(&params)
			spoilt := update
			spoilt.Category, spoilt.Currency, spoilt.Description = params.Category, params.Currency, params.Description
			spoilt.Duration, spoilt.Level, spoilt.Price = params.Duration, params.Level, params.Price
			spoilt.Slug, spoilt.ThumbnailURL, spoilt.Title = params.Slug, params.ThumbnailURL, params.Title
			_, err := b.me.UpdateCourse(b.ctx, spoilt)
			requireInvalid(t, err, bad.field, name)
		}
		for _, version := range []int32{0, -1, math.MinInt32} {
			update.Version = version
			_, err := b.me.UpdateCourse(b.ctx, update)
			requireInvalid(t, err, "Version", "Version")
		}
		update.Version, update.Currency = 1, ""
		_, err := b.me.UpdateCourse(b.ctx, update)
		requireInvalid(t, err, "Currency", "no default")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		for _, store := range b.learners(t) {
			_, err := store.UpdateCourse(b.ctx, update)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		taken, _ := b.course(t, courseSeed{})
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		refused := update
		refused.Slug = taken.String()
		_, err := store.UpdateCourse(b.ctx, refused)
		require.ErrorIs(t, err, elevate.ErrSlugTaken)
		usable(t, tx)
		refused.Version = 7
		_, err = store.UpdateCourse(b.ctx, refused)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
		usable(t, tx)
		update.Title = "Go in three weeks"
		_, err = store.UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, "Go in three weeks", scan[string](t, b.testBundle, `SELECT title FROM {s}.courses WHERE id = $1`, update.ID))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		course, update := b.mine(t)
		tx := b.begin(t)
		update.Title = "Go in three weeks"
		_, err := b.me.WithTx(tx).UpdateCourse(b.ctx, update)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		got, err := b.me.GetCourse(b.ctx, course.ID)
		require.NoError(t, err)
		require.Equal(t, course, got)
	})

	// Both have passed the check; the index refuses the second, in a savepoint.
	t.Run("RefusedByIndexInCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, one := b.mine(t)
		b.params.Slug = "other"
		_, two := b.mine(t)
		one.Slug, two.Slug = "wanted", "wanted"
		first, second := b.begin(t), b.begin(t)
		_, err := b.me.WithTx(first).UpdateCourse(b.ctx, one)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.WithTx(second).UpdateCourse(b.ctx, two)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, first.Commit(b.ctx))
		err = <-done
		require.ErrorIs(t, err, elevate.ErrSlugTaken)
		var cause *pgconn.PgError
		require.ErrorAs(t, err, &cause)
		usable(t, second)
		two.Slug = "free"
		_, err = b.me.WithTx(second).UpdateCourse(b.ctx, two)
		require.NoError(t, err)
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		var updated, refused atomic.Int32
		require.NoError(t, race(32, func(i int) error {
			params := update
			params.Title = strings.Repeat("!", i+1)
			_, err := b.me.UpdateCourse(b.ctx, params)
			if c, ok := conflictOf(err); ok && c.Reason == elevate.ConflictVersion {
				refused.Add(1)
				return nil
			}
			updated.Add(1)
			return err
		}))
		require.Equal(t, int32(1), updated.Load())
		require.Equal(t, int32(31), refused.Load())
		require.Equal(t, 2, b.count(t, `SELECT version FROM {s}.courses`))
	})

	t.Run("ConcurrentRepeats", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, update := b.mine(t)
		update.Title = "Go in three weeks"
		require.NoError(t, race(32, func(int) error {
			_, err := b.me.UpdateCourse(b.ctx, update)
			return err
		}))
		require.Equal(t, 2, b.count(t, `SELECT version FROM {s}.courses`))
	})
}
