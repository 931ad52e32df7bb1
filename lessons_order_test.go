package elevate_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestReorderLessons(t *testing.T) {
	t.Parallel()

	t.Run("Reorders", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		order := []uuid.UUID{b.lessons[2], b.lessons[0], b.lessons[1]}
		require.NoError(t, b.teacher.ReorderLessons(b.ctx, b.courseID, order))
		require.Equal(t, order, b.order(t, b.courseID))
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.lessons
			WHERE course_id = $1 AND version = 1`, b.courseID), "no edit")
		slices.Reverse(order)
		require.NoError(t, b.system.ReorderLessons(b.ctx, b.courseID, order))
		require.Equal(t, order, b.order(t, b.courseID))
	})

	t.Run("AlreadyInOrder", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		const rows = `SELECT string_agg(xmin::text, ',' ORDER BY id) FROM {s}.lessons`
		before := scan[string](t, b.testBundle, rows)
		require.NoError(t, b.teacher.ReorderLessons(b.ctx, b.courseID, b.lessons))
		require.Equal(t, before, scan[string](t, b.testBundle, rows), "nothing is written")
		empty, _ := b.course(t, courseSeed{instructor: b.teacherID})
		require.NoError(t, b.teacher.ReorderLessons(b.ctx, empty, nil))
	})

	t.Run("ClosesGaps", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `UPDATE {s}.lessons SET "order" = 10 * "order" WHERE course_id = $1`, b.courseID)
		require.NoError(t, b.teacher.ReorderLessons(b.ctx, b.courseID, b.lessons))
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	t.Run("ErrorIfSetDiffers", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, others := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1})
		for _, ids := range [][]uuid.UUID{
			{b.lessons[1], b.lessons[0]}, // one is missing
			{b.lessons[1], b.lessons[0], others[0]},
			{b.lessons[1], b.lessons[0], uuid.New()},
			{b.lessons[1], b.lessons[0], b.lessons[2], others[0]}, // one more
			nil,
			others,
		} {
			err := b.teacher.ReorderLessons(b.ctx, b.courseID, ids)
			requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictLessonSet})
		}
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		err := b.teacher.ReorderLessons(b.ctx, b.courseID, []uuid.UUID{b.lessons[0], b.lessons[1], b.lessons[0]})
		requireInvalid(t, err, "LessonIDs")
		err = b.teacher.ReorderLessons(b.ctx, b.courseID, make([]uuid.UUID, 20_001))
		requireInvalid(t, err, "LessonIDs")
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		require.ErrorIs(t, b.teacher.ReorderLessons(b.ctx, uuid.New(), b.lessons), elevate.ErrNotFound)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		require.ErrorIs(t, other.ReorderLessons(b.ctx, b.courseID, b.lessons), elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.me} {
			require.ErrorIs(t, store.ReorderLessons(b.ctx, b.courseID, b.lessons), elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		err := store.ReorderLessons(b.ctx, b.courseID, b.lessons[:1])
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictLessonSet})
		usable(t, tx)
		require.ErrorIs(t, store.ReorderLessons(b.ctx, uuid.New(), b.lessons), elevate.ErrNotFound)
		usable(t, tx)
		order := []uuid.UUID{b.lessons[1], b.lessons[0], b.lessons[2]}
		require.NoError(t, store.ReorderLessons(b.ctx, b.courseID, order))
		require.Equal(t, b.lessons, b.order(t, b.courseID), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, order, b.order(t, b.courseID))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).ReorderLessons(b.ctx, b.courseID,
			[]uuid.UUID{b.lessons[1], b.lessons[0], b.lessons[2]}))
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 50})
		require.NoError(t, race(32, func(i int) error {
			order := slices.Concat(lessons[i:], lessons[:i])
			return b.teacher.ReorderLessons(b.ctx, courseID, order)
		}))
		require.ElementsMatch(t, lessons, b.order(t, courseID))
	})

	// Without the lock the set would be that of before the wait.
	// The index makes each edit write the lesson's place anew, as one does whose
	// page is full: beside a move that is not committed, its place may look taken.
	t.Run("ConcurrentWithEdits", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `CREATE INDEX ON {s}.lessons (title)`)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		require.NoError(t, race(24, func(i int) error {
			for n := range 15 {
				if i%4 == 0 {
					order := slices.Clone(b.lessons)
					if n%2 == 0 {
						slices.Reverse(order)
					}
					if err := store.ReorderLessons(b.ctx, b.courseID, order); err != nil {
						return err
					}
					continue
				}
				view, err := store.GetLesson(b.ctx, b.lessons[i%len(b.lessons)])
				if err != nil {
					return err
				}
				_, err = store.UpdateLesson(b.ctx, elevate.UpdateLessonParams{
					ID: view.Lesson.ID, Version: view.Lesson.Version, Title: strconv.Itoa(i*100 + n),
				})
				var conflict *elevate.ConflictError
				if err != nil && !errors.As(err, &conflict) {
					return err
				}
			}
			return nil
		}))
	})

	t.Run("WaitsForAddedLesson", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: newLessons("A"), Position: 1,
		})
		require.NoError(t, err)
		done := later(func() error {
			return b.teacher.ReorderLessons(b.ctx, b.courseID, []uuid.UUID{b.lessons[1], b.lessons[0], b.lessons[2]})
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictLessonSet})
		require.Equal(t, b.lessons, b.order(t, b.courseID)[1:])
	})

	t.Run("CompletionsAndEnrollmentsGoOn", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		order := []uuid.UUID{b.lessons[1], b.lessons[2], b.lessons[0]}

		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
		require.NoError(t, err)
		require.NoError(t, b.teacher.ReorderLessons(b.soon(t), b.courseID, order), "beside a completion")
		require.NoError(t, tx.Commit(b.ctx))

		tx = b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).ReorderLessons(b.ctx, b.courseID, b.lessons))
		_, err = b.me.CompleteLesson(b.soon(t), b.userID, b.lessons[1], 0)
		require.NoError(t, err, "beside a reorder")
		other := b.user(t, elevate.RoleUser)
		_, err = b.system.Enroll(b.soon(t), other, b.courseID)
		require.NoError(t, err, "beside a reorder")
		require.NoError(t, tx.Commit(b.ctx))
		require.Zero(t, b.drift(t))
	})
}

func TestDeleteLesson(t *testing.T) {
	t.Parallel()

	t.Run("Deletes", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		require.NoError(t, b.teacher.DeleteLesson(b.ctx, b.lessons[0]))
		require.Equal(t, b.lessons[1:], b.order(t, b.courseID))
		require.Equal(t, enrollment{0, 2, 0, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.progress`))
		require.NoError(t, b.system.DeleteLesson(b.ctx, b.lessons[2]))
		require.Equal(t, 1, b.count(t, `SELECT lessons_total FROM {s}.courses WHERE id = $1`, b.courseID))
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyDeleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		require.NoError(t, b.teacher.DeleteLesson(b.ctx, b.lessons[0]))
		require.ErrorIs(t, b.teacher.DeleteLesson(b.ctx, b.lessons[0]), elevate.ErrNotFound)
		require.Equal(t, enrollment{0, 2, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("CompletesWhoLackedIt", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		done := b.user(t, elevate.RoleUser)
		b.enroll(t, done, b.courseID)
		b.complete(t, done, b.lessons...)
		b.complete(t, b.userID, b.lessons[0], b.lessons[2])
		require.NoError(t, b.teacher.DeleteLesson(b.ctx, b.lessons[1]))
		require.Equal(t, enrollment{2, 2, 100, true}, b.enrollment(t, b.userID, b.courseID))
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, done, b.courseID), "completed figures stay")
		require.Zero(t, b.drift(t))
	})

	t.Run("ErrorIfLastOfPublished", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1, published: true})
		err := b.teacher.DeleteLesson(b.ctx, lessons[0])
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictLastLesson})
		require.Len(t, b.order(t, courseID), 1)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE WHERE id = $1`, courseID)
		require.NoError(t, b.teacher.DeleteLesson(b.ctx, lessons[0]))
		require.Empty(t, b.order(t, courseID))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		require.ErrorIs(t, b.teacher.DeleteLesson(b.ctx, b.courseID), elevate.ErrNotFound)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		require.ErrorIs(t, other.DeleteLesson(b.ctx, b.lessons[0]), elevate.ErrNotFound)
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.me} {
			require.ErrorIs(t, store.DeleteLesson(b.ctx, b.lessons[0]), elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, last := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1, published: true})
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		require.ErrorIs(t, store.DeleteLesson(b.ctx, uuid.New()), elevate.ErrNotFound)
		usable(t, tx)
		err := store.DeleteLesson(b.ctx, last[0])
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictLastLesson})
		usable(t, tx)
		require.NoError(t, store.DeleteLesson(b.ctx, b.lessons[0]))
		require.NoError(t, store.DeleteLesson(b.ctx, b.lessons[1]))
		require.Len(t, b.order(t, b.courseID), 3, "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, b.lessons[2:], b.order(t, b.courseID))
		require.Zero(t, b.drift(t))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).DeleteLesson(b.ctx, b.lessons[0]))
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, b.lessons, b.order(t, b.courseID))
		require.Equal(t, enrollment{1, 3, 33, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 32, published: true})
		b.enroll(t, b.userID, courseID)
		refused := make([]bool, len(lessons))
		require.NoError(t, race(len(lessons), func(i int) error {
			err := b.teacher.DeleteLesson(b.ctx, lessons[i])
			if refused[i] = err != nil; refused[i] && !isConflict(err, elevate.ConflictLastLesson) {
				return err
			}
			return nil
		}))
		left := b.order(t, courseID)
		require.Len(t, left, 1)
		require.Equal(t, []int{slices.Index(lessons, left[0])}, indexesOf(refused))
		require.Zero(t, b.drift(t))
	})

	// Without the lock as a message of its own both would see the other's lesson.
	t.Run("LastTwoAtOnce", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 2, published: true})
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).DeleteLesson(b.ctx, lessons[0]))
		done := later(func() error { return b.teacher.DeleteLesson(b.ctx, lessons[1]) })
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictLastLesson})
		require.Equal(t, lessons[1:], b.order(t, courseID))
	})

	t.Run("WaitsForPublishing", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1})
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).PublishCourse(b.ctx, courseID)
		require.NoError(t, err)
		done := later(func() error { return b.teacher.DeleteLesson(b.ctx, lessons[0]) })
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictLastLesson})
	})

	t.Run("PublishingWaits", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1})
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).DeleteLesson(b.ctx, lessons[0]))
		done := later(func() error {
			_, err := b.teacher.PublishCourse(b.ctx, courseID)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrCourseEmpty)
	})

	// The learner completes one of two lessons while the other is deleted: what
	// the deletion counts it has to see after it waited.
	t.Run("WaitsForCompletion", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
		require.NoError(t, err)
		done := later(func() error { return b.teacher.DeleteLesson(b.ctx, b.lessons[2]) })
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, enrollment{2, 2, 100, true}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("WaitsForCompletionOfIt", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
		require.NoError(t, err)
		done := later(func() error { return b.teacher.DeleteLesson(b.ctx, b.lessons[1]) })
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, enrollment{0, 2, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("CompletionOfItWaits", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).DeleteLesson(b.ctx, b.lessons[1]))
		done := later(func() error {
			_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Equal(t, enrollment{0, 2, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})
}

// A writer that moves lessons without locking their course can only be noticed by
// the index, and the caller's transaction survives that.
func TestLessonsMovedByHand(t *testing.T) {
	t.Parallel()

	for name, call := range map[string]func(b *lessonBundle, store *elevate.Store, l []uuid.UUID) error{
		"AddLessons": func(b *lessonBundle, store *elevate.Store, _ []uuid.UUID) error {
			_, err := store.AddLessons(b.ctx, elevate.AddLessonsParams{
				CourseID: b.courseID, Lessons: newLessons("A"), Position: 2,
			})
			return err
		},
		"ReorderLessons": func(b *lessonBundle, store *elevate.Store, l []uuid.UUID) error {
			return store.ReorderLessons(b.ctx, b.courseID, []uuid.UUID{l[0], l[1], l[3], l[2]})
		},
		"DeleteLesson": func(b *lessonBundle, store *elevate.Store, l []uuid.UUID) error {
			return store.DeleteLesson(b.ctx, l[1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newLessonBundle(t)
			b.courseID, b.lessons = b.course(t, courseSeed{instructor: b.teacherID, lessons: 4})
			byHand := b.begin(t)
			_, err := byHand.Exec(b.ctx, b.sql(`UPDATE {s}.lessons SET "order" = 4 - "order"
				WHERE course_id = $1 AND "order" IN (1, 3)`), b.courseID)
			require.NoError(t, err)
			mine := b.begin(t)
			done := later(func() error { return call(b, b.teacher.WithTx(mine), b.lessons) })
			b.waitUntilBlocked(t, 1)
			require.NoError(t, byHand.Commit(b.ctx))
			requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictRaced})
			usable(t, mine)
			require.NoError(t, mine.Commit(b.ctx))
			want := []uuid.UUID{b.lessons[2], b.lessons[1], b.lessons[0], b.lessons[3]}
			require.Equal(t, want, b.order(t, b.courseID))
		})
	}
}

func indexesOf(flags []bool) []int {
	var indexes []int
	for i, flag := range flags {
		if flag {
			indexes = append(indexes, i)
		}
	}
	return indexes
}
