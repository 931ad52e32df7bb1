package elevate_test

import (
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// notices is how many completions the learner was told of.
func (b *lessonBundle) notices(t testing.TB) int {
	t.Helper()
	return b.count(t, `SELECT count(*) FROM {s}.notifications
		WHERE user_id = $1 AND type = 'course_completed'`, b.userID)
}

// timeSpent is what is kept of a lesson, in seconds.
func (b *lessonBundle) timeSpent(t testing.TB, lessonID uuid.UUID) int {
	t.Helper()
	return b.count(t, `SELECT time_spent FROM {s}.progress WHERE user_id = $1 AND lesson_id = $2`, b.userID, lessonID)
}

// untouched proves that a transaction has written and locked no row.
func untouched(t testing.TB, tx pgx.Tx) {
	t.Helper()
	var id *string
	require.NoError(t, tx.QueryRow(t.Context(), "SELECT pg_current_xact_id_if_assigned()::text").Scan(&id))
	require.Nil(t, id, "the transaction has an id")
}

func TestCompleteLesson(t *testing.T) {
	t.Parallel()

	t.Run("Completes", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		result, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], 90*time.Second+time.Millisecond)
		require.NoError(t, err)
		require.True(t, result.Completed)
		require.False(t, result.CourseCompleted)
		require.Equal(t, int32(33), result.Progress)
		kept := scan[time.Time](t, b.testBundle, `SELECT completed_at FROM {s}.progress WHERE completed`)
		require.True(t, result.CompletedAt.Equal(kept))
		require.Equal(t, 90, b.timeSpent(t, b.lessons[0]))
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.notices(t))
	})

	t.Run("CompletesCourse", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		title := strings.Repeat("ü", 250)
		b.exec(t, `UPDATE {s}.courses SET title = $2 WHERE id = $1`, b.courseID, title)
		store, err := elevate.New(b.pool, &elevate.Config{
			MaxAttempts: 1,
			Messages: map[elevate.NotificationType]elevate.Message{
				elevate.NotificationCourseCompleted: {Title: "Done: {course}", Message: "{course}, {course}!"},
			},
			Schema: b.schema,
		})
		require.NoError(t, err)
		store = store.As(elevate.System("test"))
		for i, lessonID := range b.lessons {
			result, err := store.CompleteLesson(b.ctx, b.userID, lessonID, 0)
			require.NoError(t, err)
			require.True(t, result.Completed)
			require.Equal(t, i == 2, result.CourseCompleted)
			require.Equal(t, int32(100*(i+1)/3), result.Progress)
		}
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, b.userID, b.courseID))
		require.Equal(t, 1, b.notices(t))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE title = $1 AND message = $2`,
			"Done: "+title[:2*249], title+", "+title+"!"))
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyCompleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{lessons: 1, published: true})
		b.enroll(t, b.userID, courseID)
		first, err := b.me.CompleteLesson(b.ctx, b.userID, lessons[0], time.Minute)
		require.NoError(t, err)
		require.True(t, first.CourseCompleted)
		again, err := b.me.CompleteLesson(b.ctx, b.userID, lessons[0], time.Minute)
		require.NoError(t, err)
		require.Equal(t, elevate.CompleteLessonResult{Progress: 100, CompletedAt: first.CompletedAt}, again)
		require.Equal(t, 1, b.notices(t))
	})

	// A replay in the caller's transaction leaves no trace in it.
	t.Run("ReplayLocksNothing", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Minute)
		require.NoError(t, err)
		tx := b.begin(t)
		result, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Minute)
		require.NoError(t, err)
		require.False(t, result.Completed)
		untouched(t, tx)
		_, err = tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.enrollments FOR UPDATE`))
		require.NoError(t, err)
		_, err = b.me.CompleteLesson(b.soon(t), b.userID, b.lessons[0], time.Minute)
		require.NoError(t, err, "beside whoever holds the enrollment")
	})

	t.Run("ReplayRaisesTime", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, sent := range []struct{ seconds, kept int }{{60, 60}, {30, 60}, {90, 90}, {90, 90}} {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Duration(sent.seconds)*time.Second)
			require.NoError(t, err)
			require.Equal(t, sent.kept, b.timeSpent(t, b.lessons[0]))
		}
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
		b.exec(t, `DELETE FROM {s}.enrollments`)
		_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Hour)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		require.Equal(t, 90, b.timeSpent(t, b.lessons[0]), "a refusal raises nothing")
	})

	t.Run("KeepsStudyTime", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
			UserID: b.userID, LessonID: b.lessons[0], TimeSpent: time.Minute, Position: time.Second,
		})
		require.NoError(t, err)
		result, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Second)
		require.NoError(t, err)
		require.True(t, result.Completed)
		require.Equal(t, 60, b.timeSpent(t, b.lessons[0]))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.progress WHERE position = 1`))
	})

	t.Run("AfterCourseCompleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, lessonID := range b.lessons {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, lessonID, 0)
			require.NoError(t, err)
		}
		results, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: newLessons("New"),
		})
		require.NoError(t, err)
		result, err := b.me.CompleteLesson(b.ctx, b.userID, results[0].Lesson.ID, 0)
		require.NoError(t, err)
		require.True(t, result.Completed)
		require.False(t, result.CourseCompleted)
		require.Equal(t, int32(100), result.Progress)
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, b.userID, b.courseID))
		require.Equal(t, 1, b.notices(t))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, timeSpent := range []time.Duration{-1, math.MinInt64, (math.MaxInt32 + 1) * time.Second, math.MaxInt64} {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], timeSpent)
			requireInvalid(t, err, "TimeSpent")
		}
		_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], math.MaxInt32*time.Second)
		require.NoError(t, err)
	})

	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, lessons := b.course(t, courseSeed{lessons: 1, published: true})
		_, err := b.me.CompleteLesson(b.ctx, b.userID, lessons[0], 0)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.CompleteLesson(b.ctx, b.userID, uuid.New(), 0)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.CompleteLesson(b.ctx, uuid.New(), b.lessons[0], 0)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.CompleteLesson(b.ctx, b.lessons[0], b.userID, 0)
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.system.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		other := b.as(b.user(t, elevate.RoleUser), elevate.RoleUser)
		for _, store := range []*elevate.Store{b.store, b.teacher, other} {
			_, err := store.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, others := b.course(t, courseSeed{lessons: 1, published: true})
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.CompleteLesson(b.ctx, b.userID, others[0], 0)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		usable(t, tx)
		_, err = store.CompleteLesson(b.ctx, b.userID, uuid.New(), 0)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		for i, lessonID := range b.lessons {
			result, err := store.CompleteLesson(b.ctx, b.userID, lessonID, 0)
			require.NoError(t, err)
			require.Equal(t, i == 2, result.CourseCompleted)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		for _, lessonID := range b.lessons {
			_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, lessonID, 0)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.notices(t))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		var completed atomic.Int32
		require.NoError(t, race(32, func(i int) error {
			result, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Duration(i)*time.Second)
			if result.Completed {
				completed.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), completed.Load())
		require.Equal(t, 31, b.timeSpent(t, b.lessons[0]))
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.drift(t))
	})

	// Without the lock on the enrollment neither would see the other's lesson, and
	// nobody would tell the learner.
	t.Run("LastTwoAtOnce", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		result, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
		require.NoError(t, err)
		require.Equal(t, int32(66), result.Progress)
		done := later(func() (err error) {
			result, err = b.me.CompleteLesson(b.ctx, b.userID, b.lessons[2], 0)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.True(t, result.CourseCompleted)
		require.Equal(t, int32(100), result.Progress)
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, b.userID, b.courseID))
		require.Equal(t, 1, b.notices(t))
	})

	t.Run("LastTwoAtOnceManyTimes", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		const rounds = 1000
		courses, lessons := b.courses(t, rounds, 2)
		completed := make([][2]bool, rounds)
		for i := range rounds {
			require.NoError(t, race(2, func(n int) error {
				result, err := b.me.CompleteLesson(b.ctx, b.userID, lessons[2*i+n], 0)
				completed[i][n] = result.CourseCompleted
				return err
			}))
			require.NotEqual(t, completed[i][0], completed[i][1], "exactly one completes the course")
		}
		require.Equal(t, rounds, b.count(t, `SELECT count(*) FROM {s}.enrollments
			WHERE course_id = ANY ($1) AND progress = 100 AND completed_at IS NOT NULL`, courses))
		require.Equal(t, rounds, b.notices(t))
		require.Zero(t, b.drift(t))
	})

	t.Run("WaitsForAddedLesson", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[1])
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: newLessons("New"),
		})
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
		require.Equal(t, int32(75), result.Progress)
		require.Equal(t, enrollment{3, 4, 75, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.notices(t))
	})

	t.Run("WaitsForUnenroll", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotEnrolled)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
	})

	t.Run("UnenrollWaits", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
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

	// All courses are in the same tables, whose indexes are as high for each of
	// them, and all calls run the same plan: what is left to differ is the course.
	t.Run("CostsTheSameInLargeCourses", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		const learners = 300
		b.exec(t, `INSERT INTO {s}.users (email, password_hash, name)
			SELECT n || '@example.org', '!', 'Name' FROM generate_series(1, $1::integer) AS n`, learners)
		start := func(size int) []uuid.UUID {
			courseID, lessons := b.course(t, courseSeed{lessons: size, published: true})
			b.complete(t, b.userID, lessons[:size/2]...) // before the enrollment, which then counts them once
			b.exec(t, `ANALYZE`)
			b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id) SELECT u.id, $1 FROM {s}.users AS u`, courseID)
			return lessons[size/2:]
		}
		warm, small, large := start(20), start(10), start(10_000)
		b.exec(t, `VACUUM (ANALYZE)`)
		tx := b.begin(t)
		pages := func(lessonID uuid.UUID) int {
			var before, after int
			const fetched = `SELECT sum(pg_stat_get_xact_blocks_fetched(c.oid))::integer
				FROM pg_class AS c WHERE c.relnamespace = '{s}'::regnamespace`
			require.NoError(t, tx.QueryRow(b.ctx, b.sql(fetched)).Scan(&before))
			result, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, lessonID, 0)
			require.NoError(t, err)
			require.True(t, result.Completed)
			require.NoError(t, tx.QueryRow(b.ctx, b.sql(fetched)).Scan(&after))
			return after - before
		}
		for _, lessonID := range warm[1:] { // until the plans are cached
			pages(lessonID)
		}
		ofSmall, ofLarge := pages(small[0]), pages(large[0])
		require.Positive(t, ofSmall)
		require.InDelta(t, ofSmall, ofLarge, 10, "but for pages of indexes that are split")
		require.NoError(t, tx.Commit(b.ctx))
		require.Zero(t, b.drift(t))
	})
}

// courses are n published courses of size lessons each, in which the learner is
// enrolled; made set-wise.
func (b *lessonBundle) courses(t testing.TB, n, size int) (courses, lessons []uuid.UUID) {
	t.Helper()
	courses, lessons = make([]uuid.UUID, n), make([]uuid.UUID, n*size)
	for i := range courses {
		courses[i] = uuid.Must(uuid.NewV7())
	}
	for i := range lessons {
		lessons[i] = uuid.Must(uuid.NewV7())
	}
	b.exec(t, `INSERT INTO {s}.courses (id, title, slug, description, instructor_id, category, level, price, published)
		SELECT c.id, 'Course', c.id::text, 'About it', $2, 'go', 'beginner', 0, TRUE FROM unnest($1::uuid[]) AS c (id)`,
		courses, b.teacherID)
	b.exec(t, `INSERT INTO {s}.lessons (id, course_id, title, "order")
		SELECT l.id, ($2::uuid[])[(l.nth - 1) / $3 + 1], 'Lesson', (l.nth - 1) % $3 + 1
		FROM unnest($1::uuid[]) WITH ORDINALITY AS l (id, nth)`, lessons, courses, size)
	b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source)
		SELECT $2, c.id, 'free' FROM unnest($1::uuid[]) AS c (id)`, courses, b.userID)
	return courses, lessons
}
