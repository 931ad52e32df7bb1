package elevate_test

import (
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestPublishCourse(t *testing.T) {
	t.Parallel()

	t.Run("Publishes", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		course, err := b.me.PublishCourse(b.ctx, id)
		require.NoError(t, err)
		require.True(t, course.Published)
		require.Equal(t, int32(1), course.LessonsTotal)
		require.Equal(t, int32(2), course.Version)
		got, err := b.store.GetCourse(b.ctx, id)
		require.NoError(t, err)
		require.Equal(t, course, got)
	})

	t.Run("AlreadyPublished", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		first, err := b.me.PublishCourse(b.ctx, id)
		require.NoError(t, err)
		again, err := b.system.PublishCourse(b.ctx, id)
		require.NoError(t, err)
		require.Equal(t, first, again)
	})

	t.Run("ErrorIfEmpty", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		course, _ := b.mine(t)
		_, err := b.me.PublishCourse(b.ctx, course.ID)
		require.ErrorIs(t, err, elevate.ErrCourseEmpty)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		_, err := b.other.PublishCourse(b.ctx, id)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.PublishCourse(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.False(t, scan[bool](t, b.testBundle, `SELECT published FROM {s}.courses`))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		for _, store := range b.learners(t) {
			_, err := store.PublishCourse(b.ctx, uuid.New())
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		empty, _ := b.mine(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.PublishCourse(b.ctx, empty.ID)
		require.ErrorIs(t, err, elevate.ErrCourseEmpty)
		usable(t, tx)
		_, err = store.PublishCourse(b.ctx, id)
		require.NoError(t, err)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses WHERE published`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses WHERE published`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).PublishCourse(b.ctx, id)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses WHERE published`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		require.NoError(t, race(32, func(int) error {
			_, err := b.me.PublishCourse(b.ctx, id)
			return err
		}))
		require.Equal(t, 2, b.count(t, `SELECT version FROM {s}.courses`), "one of them published it")
	})

	// Whoever removes the last lesson holds the course; what they leave decides.
	t.Run("WaitsForTheLastLesson", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1})
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`DELETE FROM {s}.lessons`))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.PublishCourse(b.ctx, id)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrCourseEmpty)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses WHERE published`))
	})
}

func TestUnpublishCourse(t *testing.T) {
	t.Parallel()

	t.Run("Unpublishes", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1, published: true})
		learner := b.user(t, elevate.RoleUser)
		b.enroll(t, learner, id)
		course, err := b.me.UnpublishCourse(b.ctx, id)
		require.NoError(t, err)
		require.False(t, course.Published)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "learners keep their places")
		_, err = b.store.GetCourse(b.ctx, id)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("AlreadyUnpublished", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		course, _ := b.mine(t)
		again, err := b.me.UnpublishCourse(b.ctx, course.ID)
		require.NoError(t, err, "without lessons too")
		require.Equal(t, course, again)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, published: true})
		_, err := b.other.UnpublishCourse(b.ctx, id)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.UnpublishCourse(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		for _, store := range b.learners(t) {
			_, err := store.UnpublishCourse(b.ctx, uuid.New())
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, published: true})
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).UnpublishCourse(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		_, err = b.me.WithTx(tx).UnpublishCourse(b.ctx, id)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses WHERE published`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 1, published: true})
		require.NoError(t, race(32, func(int) error {
			_, err := b.me.UnpublishCourse(b.ctx, id)
			return err
		}))
		require.Equal(t, 2, b.count(t, `SELECT version FROM {s}.courses`), "one of them unpublished it")
	})
}

func TestDeleteCourse(t *testing.T) {
	t.Parallel()

	type testBundleDelete struct {
		*testBundleCourse

		courseID, learnerID uuid.UUID
		lessons             []uuid.UUID
	}
	setup := func(t *testing.T) *testBundleDelete {
		t.Helper()
		b := &testBundleDelete{testBundleCourse: newBundleCourse(t)}
		b.courseID, b.lessons = b.course(t, courseSeed{instructor: b.instructorID, lessons: 3, published: true})
		b.learnerID = b.user(t, elevate.RoleUser)
		return b
	}
	exists := func(t *testing.T, b *testBundleDelete) bool {
		t.Helper()
		return scan[bool](t, b.testBundle, `SELECT EXISTS (SELECT FROM {s}.courses WHERE id = $1)`, b.courseID)
	}
	const (
		assign = `INSERT INTO {s}.assignments (course_id, title, description) VALUES ($1, 'Essay', 'Write')`
		submit = `INSERT INTO {s}.submissions (assignment_id, user_id, content)
			SELECT a.id, $2, 'Written' FROM {s}.assignments AS a WHERE a.course_id = $1`
	)

	t.Run("Deletes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		kept, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 2})
		b.complete(t, b.learnerID, b.lessons...)
		b.exec(t, `INSERT INTO {s}.reviews (user_id, course_id, rating) VALUES ($1, $2, 5)`, b.learnerID, b.courseID)
		b.exec(t, assign, b.courseID)
		require.NoError(t, b.me.DeleteCourse(b.ctx, b.courseID))
		require.False(t, exists(t, b))
		for _, table := range []string{"progress", "reviews", "assignments"} {
			require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.`+table), table)
		}
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.lessons WHERE course_id = $1`, kept))
		require.Zero(t, b.drift(t))
	})

	t.Run("ErrorIfBound", func(t *testing.T) {
		t.Parallel()
		for name, bound := range map[string]struct {
			reason elevate.ConflictReason
			bind   string
		}{
			"Enrollments": {elevate.ConflictHasEnrollments,
				`INSERT INTO {s}.enrollments (course_id, user_id) VALUES ($1, $2)`},
			"Payments": {elevate.ConflictHasPayments,
				`INSERT INTO {s}.payments (course_id, user_id, amount, status) VALUES ($1, $2, 1, 'failed')`},
			"Certificates": {elevate.ConflictHasCertificates,
				`INSERT INTO {s}.certificates (course_id, user_id, certificate_id, revoked_at) VALUES ($1, $2, gen_random_uuid(), now())`},
			"Submissions": {elevate.ConflictHasSubmissions, submit},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.exec(t, assign, b.courseID)
				b.exec(t, bound.bind, b.courseID, b.learnerID)
				b.exec(t, bound.bind, b.courseID, b.user(t, elevate.RoleUser))
				for _, store := range []*elevate.Store{b.me, b.system} {
					err := store.DeleteCourse(b.ctx, b.courseID)
					requireConflict(t, err, elevate.ConflictError{Reason: bound.reason, Count: 2})
				}
				require.True(t, exists(t, b))
			})
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.ErrorIs(t, b.other.DeleteCourse(b.ctx, b.courseID), elevate.ErrNotFound)
		b.enroll(t, b.learnerID, b.courseID)
		require.ErrorIs(t, b.other.DeleteCourse(b.ctx, b.courseID), elevate.ErrNotFound, "nor how many learn there")
		require.ErrorIs(t, b.system.DeleteCourse(b.ctx, uuid.New()), elevate.ErrNotFound)
		require.True(t, exists(t, b))
	})

	t.Run("ErrorIfDeleted", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.me.DeleteCourse(b.ctx, b.courseID))
		require.ErrorIs(t, b.me.DeleteCourse(b.ctx, b.courseID), elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range b.learners(t) {
			require.ErrorIs(t, store.DeleteCourse(b.ctx, b.courseID), elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		bound, _ := b.course(t, courseSeed{instructor: b.instructorID})
		b.enroll(t, b.learnerID, bound)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		err := store.DeleteCourse(b.ctx, bound)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictHasEnrollments, Count: 1})
		usable(t, tx)
		require.NoError(t, store.DeleteCourse(b.ctx, b.courseID))
		require.True(t, exists(t, b), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.False(t, exists(t, b))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		require.NoError(t, b.me.WithTx(tx).DeleteCourse(b.ctx, b.courseID))
		require.NoError(t, tx.Rollback(b.ctx))
		require.True(t, exists(t, b))
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.lessons`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var deleted, unknown atomic.Int32
		require.NoError(t, race(32, func(int) error {
			return tally(b.me.DeleteCourse(b.ctx, b.courseID), elevate.ErrNotFound, &deleted, &unknown)
		}))
		require.Equal(t, int32(1), deleted.Load())
		require.Equal(t, int32(31), unknown.Load())
	})

	t.Run("ConcurrentWithEnroll", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		learners := make([]uuid.UUID, 16)
		for i := range learners {
			learners[i] = b.user(t, elevate.RoleUser)
		}
		var enrolled, refused, deleted, kept atomic.Int32
		require.NoError(t, race(2*len(learners), func(i int) error {
			if i%2 == 0 {
				id := learners[i/2]
				_, err := b.as(id, elevate.RoleUser).Enroll(b.ctx, id, b.courseID)
				return tally(err, elevate.ErrNotFound, &enrolled, &refused)
			}
			err := b.me.DeleteCourse(b.ctx, b.courseID)
			if c, ok := conflictOf(err); ok && c.Reason == elevate.ConflictHasEnrollments {
				kept.Add(1)
				return nil
			}
			return tally(err, elevate.ErrNotFound, &deleted, &kept)
		}))
		require.Equal(t, int(enrolled.Load()), b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		if exists(t, b) {
			require.Zero(t, deleted.Load())
			require.Equal(t, int32(16), enrolled.Load())
		} else {
			require.Equal(t, int32(1), deleted.Load())
			require.Zero(t, enrolled.Load())
		}
	})

	// Each of them shares the course, or an assignment of it, until it commits;
	// without the lock before it the count would not have seen it.
	t.Run("WaitsFor", func(t *testing.T) {
		t.Parallel()
		for name, bound := range map[string]struct {
			reason elevate.ConflictReason
			bind   string
		}{
			"Enrollment": {elevate.ConflictHasEnrollments,
				`INSERT INTO {s}.enrollments (course_id, user_id) VALUES ($1, $2)`},
			"Payment": {elevate.ConflictHasPayments,
				`INSERT INTO {s}.payments (course_id, user_id, amount, status) VALUES ($1, $2, 1, 'pending')`},
			"Submission": {elevate.ConflictHasSubmissions, submit},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.exec(t, assign, b.courseID)
				tx := b.begin(t)
				_, err := tx.Exec(b.ctx, b.sql(bound.bind), b.courseID, b.learnerID)
				require.NoError(t, err)
				done := make(chan error, 1)
				go func() { done <- b.me.DeleteCourse(b.ctx, b.courseID) }()
				b.waitUntilBlocked(t, 1)
				require.NoError(t, tx.Commit(b.ctx))
				requireConflict(t, <-done, elevate.ConflictError{Reason: bound.reason, Count: 1})
				require.True(t, exists(t, b))
			})
		}
	})

	t.Run("WaitsForLesson", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'Late', 4)`), b.courseID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- b.me.DeleteCourse(b.ctx, b.courseID) }()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.lessons`))
	})
}
