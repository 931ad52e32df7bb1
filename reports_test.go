package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// reportBundle is a course with four lessons.
type reportBundle struct {
	*testBundle

	courseID, teacherID uuid.UUID
	lessons             []uuid.UUID
	teacher             *elevate.Store
}

func newReportBundle(t *testing.T) *reportBundle {
	t.Helper()
	b := &reportBundle{testBundle: newBundle(t)}
	b.teacherID = b.user(t, elevate.RoleInstructor)
	b.teacher = b.as(b.teacherID, elevate.RoleInstructor)
	b.courseID, b.lessons = b.course(t, courseSeed{instructor: b.teacherID, lessons: 4, published: true})
	return b
}

// learner is a new person who has enrolled so long ago and completed the first
// lessons, the same time ago.
func (b *reportBundle) learner(t *testing.T, ago time.Duration, completed int) uuid.UUID {
	t.Helper()
	userID := b.user(t, elevate.RoleUser)
	b.enrollAt(t, userID, b.courseID, time.Now().Add(-ago))
	b.complete(t, userID, b.lessons[:completed]...)
	b.exec(t, `UPDATE {s}.progress SET completed_at = completed_at - $2::interval WHERE user_id = $1`, userID, ago)
	return userID
}

const (
	day  = 24 * time.Hour
	long = 60 * day
)

func TestCourseReport(t *testing.T) {
	t.Parallel()

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		report, err := b.teacher.CourseReport(b.ctx, b.courseID)
		require.NoError(t, err)
		require.Equal(t, elevate.CourseReport{CourseID: b.courseID, Revenue: []elevate.CourseRevenue{}}, report)
	})

	t.Run("Figures", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.learner(t, long, 0)
		b.learner(t, long, 1)
		b.learner(t, day, 0) // active
		returned := b.learner(t, long, 1)
		b.complete(t, returned, b.lessons[1]) // active
		undone := b.learner(t, long, 1)
		b.complete(t, undone, b.lessons[1]) // active, though it is taken back
		_, err := b.system.UncompleteLesson(b.ctx, undone, b.lessons[1])
		require.NoError(t, err)
		for _, days := range []int{2, 4, 10} {
			userID := b.learner(t, long, 4)
			b.exec(t, `UPDATE {s}.enrollments SET completed_at = enrolled_at + $2::integer * interval '24 hours'
				WHERE user_id = $1`, userID, days)
			b.exec(t, `INSERT INTO {s}.reviews (user_id, course_id, rating) VALUES ($1, $2, $3)`,
				userID, b.courseID, min(days, 5))
		}
		// None of these counts: who has left, another course, study time.
		left := b.user(t, elevate.RoleUser)
		b.complete(t, left, b.lessons[0])
		other, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1})
		b.enroll(t, left, other)
		b.complete(t, left, lessons[0])
		studied := b.learner(t, long, 0)
		b.enrollAt(t, studied, other, time.Now())
		b.complete(t, studied, lessons[0])
		b.exec(t, `INSERT INTO {s}.progress (user_id, lesson_id, time_spent) VALUES ($1, $2, 60)`, studied, b.lessons[0])
		b.pay(t, left, other, 70)

		b.pay(t, left, b.courseID, 100)
		b.exec(t, `INSERT INTO {s}.payments (user_id, course_id, amount, currency, status, refunded_amount) VALUES
			($1, $2, 2000000000, 'EUR', 'succeeded', 0),
			($1, $2, 2000000000, 'EUR', 'succeeded', 500),
			($1, $2, 300, 'EUR', 'refunded', 0),
			($1, $2, 700, 'CHF', 'pending', 0),
			($1, $2, 700, 'CHF', 'failed', 0)`, left, b.courseID)

		want := elevate.CourseReport{
			CourseID:         b.courseID,
			Enrolled:         9,
			Active:           3,
			Completed:        3,
			CompletionRate:   3333,
			AverageProgress:  (25 + 50 + 25 + 300) * 100 / 9,
			MedianToComplete: 4 * day,
			Rating:           3.67,
			RatingCount:      3,
			Revenue: []elevate.CourseRevenue{
				{Currency: "EUR", Payments: 3, Gross: 4_000_000_300, Refunded: 800, Net: 3_999_999_500},
				{Currency: "USD", Payments: 1, Gross: 100, Refunded: 0, Net: 100},
			},
		}
		for _, store := range []*elevate.Store{b.teacher, b.system} {
			report, err := store.CourseReport(b.ctx, b.courseID)
			require.NoError(t, err)
			require.Equal(t, want, report)
		}
	})

	t.Run("CompletedLatelyIsActive", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		userID := b.learner(t, long, 4) // completed_at is now
		report, err := b.teacher.CourseReport(b.ctx, b.courseID)
		require.NoError(t, err)
		require.EqualValues(t, 1, report.Active)
		b.exec(t, `UPDATE {s}.enrollments SET completed_at = now() - interval '721 hours' WHERE user_id = $1`, userID)
		report, err = b.teacher.CourseReport(b.ctx, b.courseID)
		require.NoError(t, err)
		require.Zero(t, report.Active)
	})

	t.Run("CompletedBeforeEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		userID := b.learner(t, day, 4)
		b.exec(t, `UPDATE {s}.enrollments SET completed_at = enrolled_at - interval '1 day' WHERE user_id = $1`, userID)
		report, err := b.teacher.CourseReport(b.ctx, b.courseID)
		require.NoError(t, err)
		require.Zero(t, report.MedianToComplete)
	})
}

func TestCourseFunnel(t *testing.T) {
	t.Parallel()

	t.Run("Steps", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.learner(t, 0, 0)
		studied := b.learner(t, 0, 0)
		b.exec(t, `INSERT INTO {s}.progress (user_id, lesson_id, time_spent) VALUES ($1, $2, 60)`, studied, b.lessons[2])
		b.learner(t, 0, 1)
		b.learner(t, 0, 2)
		certified := b.learner(t, 0, 4)
		revoked := b.learner(t, 0, 4)
		for _, userID := range []uuid.UUID{certified, revoked} {
			_, err := b.system.IssueCertificate(b.ctx, elevate.IssueCertificateParams{UserID: userID, CourseID: b.courseID})
			require.NoError(t, err)
		}
		b.exec(t, `UPDATE {s}.certificates SET revoked_at = now() WHERE user_id = $1`, revoked)
		// Progress of those who have left, and what learners did in other courses.
		left := b.user(t, elevate.RoleUser)
		b.complete(t, left, b.lessons...)
		other, lessons := b.course(t, courseSeed{lessons: 1})
		idle := b.learner(t, 0, 0)
		b.enroll(t, idle, other)
		b.complete(t, idle, lessons[0])
		// Who opened a lesson and spent no time in it has not started; who took a
		// completion back has.
		_, err := b.system.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{UserID: idle, LessonID: b.lessons[0]})
		require.NoError(t, err)
		undone := b.learner(t, 0, 0)
		_, err = b.system.CompleteLesson(b.ctx, undone, b.lessons[1], 0)
		require.NoError(t, err)
		_, err = b.system.UncompleteLesson(b.ctx, undone, b.lessons[1])
		require.NoError(t, err)
		// Another program need not say when.
		b.exec(t, `UPDATE {s}.progress SET completed_at = NULL WHERE user_id = $1`, certified)

		reach := func(position int32, started, completed int64) elevate.LessonReach {
			return elevate.LessonReach{
				LessonID: b.lessons[position-1], Title: fmt.Sprintf("Lesson %d", position), Position: position,
				Started: started, Completed: completed,
			}
		}
		funnel, err := b.teacher.CourseFunnel(b.ctx, b.courseID)
		require.NoError(t, err)
		require.Equal(t, elevate.CourseFunnel{
			CourseID:  b.courseID,
			Enrolled:  8,
			Started:   6,
			Half:      3,
			Completed: 2,
			Certified: 1,
			Lessons:   []elevate.LessonReach{reach(1, 4, 4), reach(2, 4, 3), reach(3, 3, 2), reach(4, 2, 2)},
		}, funnel)
	})

	t.Run("NoLessons", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		id, _ := b.course(t, courseSeed{instructor: b.teacherID})
		b.enroll(t, b.teacherID, id)
		funnel, err := b.teacher.CourseFunnel(b.ctx, id)
		require.NoError(t, err)
		require.Equal(t, elevate.CourseFunnel{CourseID: id, Enrolled: 1, Lessons: []elevate.LessonReach{}}, funnel)
	})
}

// reports runs each of them once.
func (b *reportBundle) reports(store *elevate.Store) map[string]func() error {
	revenue := func(courseID, instructorID uuid.UUID) func() error {
		return func() error {
			_, err := store.RevenueReport(b.ctx, elevate.RevenueReportParams{
				CourseID: courseID, InstructorID: instructorID,
				From: time.Now().Add(-day), To: time.Now().Add(time.Hour),
			})
			return err
		}
	}
	return map[string]func() error{
		"CourseReport": func() error {
			_, err := store.CourseReport(b.ctx, b.courseID)
			return err
		},
		"CourseFunnel": func() error {
			_, err := store.CourseFunnel(b.ctx, b.courseID)
			return err
		},
		"RevenueOfCourse":     revenue(b.courseID, uuid.Nil),
		"RevenueOfInstructor": revenue(uuid.Nil, b.teacherID),
		"RevenueOfAll":        revenue(uuid.Nil, uuid.Nil),
		"ExportLearners": func() error {
			return store.ExportLearners(b.ctx, elevate.ExportLearnersParams{CourseID: b.courseID}, io.Discard)
		},
		"ExportGradebook": func() error {
			return store.ExportGradebook(b.ctx, elevate.ExportGradebookParams{CourseID: b.courseID}, io.Discard)
		},
	}
}

// A replica refuses whatever would write.
func TestReportsOnAReplica(t *testing.T) {
	t.Parallel()

	b := newReportBundle(t)
	b.learner(t, 0, 2)
	b.pay(t, b.learner(t, 0, 4), b.courseID, 100)
	pool := b.poolWith(t, func(cfg *pgxpool.Config) {
		cfg.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	})
	replica := b.on(t, pool).As(elevate.System("test"))
	_, err := replica.Enroll(b.ctx, b.teacherID, b.courseID)
	require.ErrorContains(t, err, "25006", "it refuses writes")
	for name, report := range b.reports(replica) {
		require.NoError(t, report(), name)
	}
	tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) }()
	for name, report := range b.reports(b.system.WithTx(tx)) {
		require.NoError(t, report(), name)
	}
	usable(t, tx)
}

// failing is a writer that takes so many bytes.
type failing struct {
	left int
}

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errFull
	}
	f.left -= len(p)
	return len(p), nil
}
