package elevate_test

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// An erasure in flight is waited for, and leaves nobody to write for.
func TestProgressWaitsForErasure(t *testing.T) {
	t.Parallel()

	for name, call := range map[string]func(b *lessonBundle) error{
		"CompleteLesson": func(b *lessonBundle) error {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
			return err
		},
		"UncompleteLesson": func(b *lessonBundle) error {
			_, err := b.me.UncompleteLesson(b.ctx, b.userID, b.lessons[0])
			return err
		},
		"RecordStudyTime": func(b *lessonBundle) error {
			_, err := b.me.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
				UserID: b.userID, LessonID: b.lessons[1],
			})
			return err
		},
		"ResetProgress": func(b *lessonBundle) error {
			_, err := b.me.ResetProgress(b.ctx, b.userID, b.courseID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLessonBundle(t)
			b.complete(t, b.userID, b.lessons[0])
			tx := b.begin(t)
			_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
			require.NoError(t, err)
			_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.userID)
			require.NoError(t, err)
			done := later(func() error { return call(b) })
			b.waitUntilBlocked(t, 1)
			require.NoError(t, tx.Commit(b.ctx))
			require.ErrorIs(t, <-done, elevate.ErrNotFound)
			require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress WHERE completed`))
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress`))
		})
	}
}

// Everything that moves the counters, at once, on few learners and courses.
func TestProgressUnderRaces(t *testing.T) {
	t.Parallel()
	b := newLessonBundle(t)
	const writers, calls, learners = 8, 150, 3
	users := make([]uuid.UUID, learners)
	for i := range users {
		users[i] = b.user(t, elevate.RoleUser)
		b.enroll(t, users[i], b.courseID)
	}
	pick := func(ids []uuid.UUID) uuid.UUID { return ids[rand.IntN(len(ids))] }
	var told atomic.Int32
	call := func() error {
		outline, err := b.teacher.CourseOutline(b.ctx, b.courseID, elevate.PageParams{})
		if err != nil {
			return err
		}
		lessons := make([]uuid.UUID, len(outline.Items))
		for i, item := range outline.Items {
			lessons[i] = item.ID
		}
		userID, lessonID := pick(users), pick(lessons)
		switch n := rand.IntN(100); {
		case n < 45:
			result, completeErr := b.system.CompleteLesson(b.ctx, userID, lessonID, time.Second)
			if result.CourseCompleted {
				told.Add(1)
			}
			err = completeErr
		case n < 55:
			_, err = b.system.UncompleteLesson(b.ctx, userID, lessonID)
		case n < 65:
			_, err = b.system.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
				UserID: userID, LessonID: lessonID, TimeSpent: time.Duration(n) * time.Second,
			})
		case n < 70:
			_, err = b.system.ResetProgress(b.ctx, userID, b.courseID)
		case n < 75:
			_, err = b.system.Unenroll(b.ctx, elevate.UnenrollParams{
				UserID: userID, CourseID: b.courseID, DeleteProgress: n%2 == 0,
			})
		case n < 82:
			_, err = b.system.Enroll(b.ctx, userID, b.courseID)
		case n < 88 && len(lessons) < 8:
			_, err = b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
				CourseID: b.courseID, Lessons: newLessons("A", "B")[:1+n%2], Position: n % 4,
			})
		case n < 96:
			err = b.teacher.DeleteLesson(b.ctx, lessonID)
		default:
			rand.Shuffle(len(lessons), func(i, j int) { lessons[i], lessons[j] = lessons[j], lessons[i] })
			err = b.teacher.ReorderLessons(b.ctx, b.courseID, lessons)
		}
		switch {
		case errors.Is(err, elevate.ErrNotFound), errors.Is(err, elevate.ErrNotEnrolled),
			errors.Is(err, elevate.ErrCourseCompleted), isConflict(err, elevate.ConflictLastLesson),
			isConflict(err, elevate.ConflictLessonSet), isConflict(err, elevate.ConflictRaced):
			return nil
		default:
			return err
		}
	}
	for range 5 { // completed courses take no part any more
		require.NoError(t, race(writers, func(int) error {
			for range calls / 5 {
				if err := call(); err != nil {
					return err
				}
			}
			return nil
		}))
		b.order(t, b.courseID)
		require.Zero(t, b.drift(t))
		require.Equal(t, int(told.Load()), b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE type = 'course_completed'`))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments
			WHERE (progress = 100) <> (completed_at IS NOT NULL)`))
		for i := range users {
			users[i] = b.user(t, elevate.RoleUser)
			b.enroll(t, users[i], b.courseID)
		}
	}
}
