package elevate_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestRecordStudyTime(t *testing.T) {
	t.Parallel()

	message := func(b *lessonBundle, timeSpent, position int) elevate.RecordStudyTimeParams {
		return elevate.RecordStudyTimeParams{
			UserID:    b.userID,
			LessonID:  b.lessons[0],
			TimeSpent: time.Duration(timeSpent) * time.Second,
			Position:  time.Duration(position) * time.Second,
		}
	}

	t.Run("Records", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, m := range []struct {
			timeSpent, position    int
			keptTime, keptPosition int
			recorded               bool
		}{
			{30, 25, 30, 25, true},
			{60, 10, 60, 10, true},
			{60, 99, 60, 10, false},
			{45, 99, 60, 10, false},
			{61, 0, 61, 0, true},
		} {
			params := message(b, m.timeSpent, m.position)
			params.TimeSpent += time.Millisecond
			studied, err := b.me.RecordStudyTime(b.ctx, params)
			require.NoError(t, err)
			require.Equal(t, elevate.StudyTime{
				TimeSpent: time.Duration(m.keptTime) * time.Second,
				Position:  time.Duration(m.keptPosition) * time.Second,
				Recorded:  m.recorded,
			}, studied)
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress
			WHERE NOT completed AND completed_at IS NULL AND time_spent = 61`))
	})

	t.Run("RecordsNothingYet", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		studied, err := b.me.RecordStudyTime(b.ctx, message(b, 0, 5))
		require.NoError(t, err)
		require.Equal(t, elevate.StudyTime{Position: 5 * time.Second, Recorded: true}, studied)
		studied, err = b.me.RecordStudyTime(b.ctx, message(b, 0, 5))
		require.NoError(t, err)
		require.Equal(t, elevate.StudyTime{Position: 5 * time.Second}, studied)
	})

	t.Run("AlreadyRecorded", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.RecordStudyTime(b.ctx, message(b, 60, 50))
		require.NoError(t, err)
		tx := b.begin(t)
		studied, err := b.me.WithTx(tx).RecordStudyTime(b.ctx, message(b, 60, 50))
		require.NoError(t, err)
		require.False(t, studied.Recorded)
		untouched(t, tx)
	})

	// The enrollment's row is not even written: its xmin stays.
	t.Run("CountsNothing", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[1])
		const row = `SELECT ctid::text || xmin::text FROM {s}.enrollments`
		before := scan[string](t, b.testBundle, row)
		for n := range 3 {
			_, err := b.me.RecordStudyTime(b.ctx, message(b, n, n))
			require.NoError(t, err)
		}
		params := message(b, 90, 0)
		params.LessonID = b.lessons[1]
		_, err := b.me.RecordStudyTime(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, before, scan[string](t, b.testBundle, row))
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.drift(t))
	})

	t.Run("LaterOnesLockNoParents", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.RecordStudyTime(b.ctx, message(b, 1, 1))
		require.NoError(t, err)
		tx := b.begin(t)
		for _, table := range []string{"users", "courses", "lessons", "enrollments"} {
			_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.`+table+` FOR UPDATE`))
			require.NoError(t, err)
		}
		studied, err := b.me.RecordStudyTime(b.soon(t), message(b, 2, 2))
		require.NoError(t, err)
		require.True(t, studied.Recorded)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, bad := range []time.Duration{-1, math.MinInt64, (math.MaxInt32 + 1) * time.Second, math.MaxInt64} {
			params := message(b, 1, 1)
			params.TimeSpent = bad
			_, err := b.me.RecordStudyTime(b.ctx, params)
			requireInvalid(t, err, "TimeSpent", "")
			params = message(b, 1, 1)
			params.Position = bad
			_, err = b.me.RecordStudyTime(b.ctx, params)
			requireInvalid(t, err, "Position", "")
		}
		_, err := b.me.RecordStudyTime(b.ctx, message(b, math.MaxInt32, math.MaxInt32))
		require.NoError(t, err)
	})

	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.RecordStudyTime(b.ctx, message(b, 1, 1))
		require.NoError(t, err)
		b.exec(t, `DELETE FROM {s}.enrollments`)
		_, err = b.me.RecordStudyTime(b.ctx, message(b, 2, 2))
		require.ErrorIs(t, err, elevate.ErrNotEnrolled, "a later message")
		require.Equal(t, 1, b.timeSpent(t, b.lessons[0]))
		params := message(b, 1, 1)
		params.LessonID = b.lessons[1]
		_, err = b.me.RecordStudyTime(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled, "the first message")
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		params := message(b, 1, 1)
		params.LessonID = b.courseID
		_, err := b.me.RecordStudyTime(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		params = message(b, 1, 1)
		params.UserID, params.LessonID = params.LessonID, params.UserID
		_, err = b.system.RecordStudyTime(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err = b.system.RecordStudyTime(b.ctx, message(b, 1, 1))
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.teacher} {
			_, err := store.RecordStudyTime(b.ctx, message(b, 1, 1))
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		params := message(b, 1, 1)
		params.LessonID = b.courseID
		_, err := store.RecordStudyTime(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		for n := range 3 {
			_, err = store.RecordStudyTime(b.ctx, message(b, n, n))
			require.NoError(t, err)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 2, b.timeSpent(t, b.lessons[0]))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).RecordStudyTime(b.ctx, message(b, 1, 1))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		require.NoError(t, race(32, func(i int) error {
			_, err := b.me.RecordStudyTime(b.ctx, message(b, i, 2*i))
			return err
		}))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress WHERE time_spent = 31 AND position = 62`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	// Both begin the lesson: whoever waits for the index takes the greater total.
	t.Run("FirstMessagesAtOnce", func(t *testing.T) {
		t.Parallel()
		for _, late := range []int{10, 30} {
			b := newLessonBundle(t)
			tx := b.begin(t)
			_, err := b.me.WithTx(tx).RecordStudyTime(b.ctx, message(b, 20, 20))
			require.NoError(t, err)
			var studied elevate.StudyTime
			done := later(func() (err error) {
				studied, err = b.me.RecordStudyTime(b.ctx, message(b, late, late))
				return err
			})
			b.waitUntilBlocked(t, 1)
			require.NoError(t, tx.Commit(b.ctx))
			require.NoError(t, <-done)
			require.Equal(t, late > 20, studied.Recorded)
			require.Equal(t, time.Duration(max(20, late))*time.Second, studied.TimeSpent)
			require.Equal(t, max(20, late), b.count(t, `SELECT position FROM {s}.progress`))
		}
	})

	t.Run("WaitsForDeletion", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).DeleteLesson(b.ctx, b.lessons[0]))
		done := later(func() error {
			_, err := b.me.RecordStudyTime(b.ctx, message(b, 1, 1))
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
	})

	// Without the lock on the enrollment the row would outlive it.
	t.Run("UnenrollWaits", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).RecordStudyTime(b.ctx, message(b, 1, 1))
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.Unenroll(b.ctx, elevate.UnenrollParams{
				UserID: b.userID, CourseID: b.courseID, DeleteProgress: true,
			})
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})
}
