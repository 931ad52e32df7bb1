package elevate_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestUncompleteLesson(t *testing.T) {
	t.Parallel()

	t.Run("Uncompletes", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		done, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Minute)
		require.NoError(t, err)
		_, err = b.me.CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
		require.NoError(t, err)
		result, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.NoError(t, err)
		require.Equal(t, elevate.UncompleteLessonResult{Uncompleted: true, Progress: 33}, result)
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
		require.Equal(t, 60, b.timeSpent(t, b.lessons[0]))
		view, err := b.me.GetLesson(b.ctx, b.lessons[0])
		require.NoError(t, err)
		require.False(t, view.Completed)
		mine, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, b.lessons[0], mine.Items[0].NextLesson.ID)
		again, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
		require.NoError(t, err)
		require.True(t, again.Completed)
		require.Equal(t, done.CompletedAt, again.CompletedAt, "the first time is kept")
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyUncompleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		_, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.NoError(t, err)
		for _, lessonID := range []uuid.UUID{b.lessons[0], b.lessons[2]} {
			tx := b.begin(t)
			result, err := b.me.WithTx(tx).UncompleteLesson(b.ctx, b.userID, lessonID)
			require.NoError(t, err)
			require.Equal(t, elevate.UncompleteLessonResult{Progress: 33}, result)
			untouched(t, tx)
			require.NoError(t, tx.Rollback(b.ctx))
		}
	})

	// What kept the completion time does not count as completed.
	t.Run("StaysUncompleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		_, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.NoError(t, err)
		require.Zero(t, b.drift(t))
		require.NoError(t, b.teacher.DeleteLesson(b.ctx, b.lessons[0]))
		require.Equal(t, enrollment{1, 2, 50, false}, b.enrollment(t, b.userID, b.courseID))
		_, err = b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[1])
		require.NoError(t, err)
		_, err = b.me.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		result, err := b.me.Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Zero(t, result.Enrollment.LessonsCompleted)
		require.Zero(t, b.drift(t))
	})

	t.Run("CompletedCourseStays", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, lessonID := range b.lessons {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, lessonID, 0)
			require.NoError(t, err)
		}
		result, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.NoError(t, err)
		require.Equal(t, elevate.UncompleteLessonResult{Uncompleted: true, Progress: 100}, result)
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, b.userID, b.courseID))
		again, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
		require.NoError(t, err)
		require.False(t, again.CourseCompleted)
		require.Equal(t, 1, b.notices(t))
	})

	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		b.exec(t, `DELETE FROM {s}.enrollments`)
		_, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress WHERE completed`))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.UncompleteLesson(b.ctx, b.userID, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.UncompleteLesson(b.ctx, b.lessons[0], b.userID)
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err = b.system.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.teacher} {
			_, err := store.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, others := b.course(t, courseSeed{lessons: 1, published: true})
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.UncompleteLesson(b.ctx, b.userID, others[0])
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		usable(t, tx)
		result, err := store.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.NoError(t, err)
		require.True(t, result.Uncompleted)
		require.Equal(t, 33, b.enrollment(t, b.userID, b.courseID).progress, "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).UncompleteLesson(b.ctx, b.userID, b.lessons[0])
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		var uncompleted atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
			if result.Uncompleted {
				uncompleted.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), uncompleted.Load())
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	// What it says of the progress is foretold from the enrollment, which has to
	// be that of after the wait.
	t.Run("WaitsForCompletion", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
		require.NoError(t, err)
		var result elevate.UncompleteLessonResult
		done := later(func() (err error) {
			result, err = b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, elevate.UncompleteLessonResult{Uncompleted: true, Progress: 33}, result)
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
	})
}

// The lesson itself is not locked: an open enrollment is waited for, of a
// completed one the progress row.
func TestUncompleteLessonBesideDeletion(t *testing.T) {
	t.Parallel()

	for name, completed := range map[string]int{"OfOpenEnrollment": 2, "OfCompletedEnrollment": 3} {
		t.Run("Waits"+name, func(t *testing.T) {
			t.Parallel()
			b := newLessonBundle(t)
			b.complete(t, b.userID, b.lessons[:completed]...)
			tx := b.begin(t)
			require.NoError(t, b.teacher.WithTx(tx).DeleteLesson(b.ctx, b.lessons[0]))
			done := later(func() error {
				_, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
				return err
			})
			b.waitUntilBlocked(t, 1)
			require.NoError(t, tx.Commit(b.ctx))
			require.ErrorIs(t, <-done, elevate.ErrNotFound)
			require.Zero(t, b.drift(t))
		})

		t.Run("IsWaitedFor"+name, func(t *testing.T) {
			t.Parallel()
			b := newLessonBundle(t)
			b.complete(t, b.userID, b.lessons[:completed]...)
			tx := b.begin(t)
			result, err := b.me.WithTx(tx).UncompleteLesson(b.ctx, b.userID, b.lessons[0])
			require.NoError(t, err)
			require.True(t, result.Uncompleted)
			done := later(func() error { return b.teacher.DeleteLesson(b.ctx, b.lessons[0]) })
			b.waitUntilBlocked(t, 1)
			require.NoError(t, tx.Commit(b.ctx))
			require.NoError(t, <-done)
			require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress WHERE lesson_id = $1`, b.lessons[0]))
			require.Zero(t, b.drift(t))
		})
	}
}

func TestResetProgress(t *testing.T) {
	t.Parallel()

	t.Run("Resets", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		otherID, others := b.course(t, courseSeed{lessons: 2, published: true})
		other := b.user(t, elevate.RoleUser)
		b.enroll(t, b.userID, otherID)
		b.enroll(t, other, b.courseID)
		b.complete(t, b.userID, others[0])
		b.complete(t, other, b.lessons[0])
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		_, err := b.me.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
			UserID: b.userID, LessonID: b.lessons[2], TimeSpent: time.Minute,
		})
		require.NoError(t, err)
		result, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Equal(t, int32(3), result.Removed)
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
		require.Equal(t, enrollment{1, 2, 50, false}, b.enrollment(t, b.userID, otherID), "another course")
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, other, b.courseID), "another learner")
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyReset", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		result, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Zero(t, result.Removed)
	})

	t.Run("ErrorIfCompleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons...)
		_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrCourseCompleted)
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		b.exec(t, `DELETE FROM {s}.enrollments`)
		_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.ResetProgress(b.ctx, b.userID, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.ResetProgress(b.ctx, b.courseID, b.userID)
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err = b.system.ResetProgress(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.teacher} {
			_, err := store.ResetProgress(b.ctx, b.userID, b.courseID)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		otherID, _ := b.course(t, courseSeed{lessons: 1, published: true})
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.ResetProgress(b.ctx, b.userID, otherID)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		usable(t, tx)
		result, err := store.ResetProgress(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Equal(t, int32(1), result.Removed)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).ResetProgress(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		var removed atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
			removed.Add(result.Removed)
			return err
		}))
		require.Equal(t, int32(2), removed.Load())
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	// Without the lock as a message of its own the row that was waited for would
	// stay, or the last completion would be undone.
	t.Run("WaitsForCompletion", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("WaitsForLastCompletion", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[2], 0)
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrCourseCompleted)
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.progress WHERE completed`))
	})

	t.Run("WaitsForStudyTime", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
			UserID: b.userID, LessonID: b.lessons[0], TimeSpent: time.Minute,
		})
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("CompletionWaits", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).ResetProgress(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		var result elevate.CompleteLessonResult
		done := later(func() (err error) {
			result, err = b.me.CompleteLesson(b.ctx, b.userID, b.lessons[2], 0)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.False(t, result.CourseCompleted)
		require.Equal(t, int32(33), result.Progress)
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.notices(t))
	})
}
