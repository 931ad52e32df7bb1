package elevate

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// wholeRate is the number of basis points of all.
const wholeRate = 10_000

// longestMedian is what a duration holds, in seconds.
const longestMedian = float64(math.MaxInt64 / time.Second)

// CourseReport is how a course does. Everybody who is enrolled counts, erased
// people too; those who have left do not.
type CourseReport struct {
	CourseID uuid.UUID

	Enrolled int64

	// Active are those of them who in the last 720 hours, which are 30 days, have
	// enrolled, completed a lesson for the first time, or completed the course.
	// Taking a completion back does not undo that. Time spent without completing
	// has no date, and does not count.
	Active int64

	Completed int64

	// CompletionRate is Completed of Enrolled in basis points, which are
	// hundredths of a percent, rounded down: 5250 is 52.5 percent. 0 while nobody
	// is enrolled.
	CompletionRate int32

	// AverageProgress is the mean of [Enrollment.Progress], also in basis points
	// and rounded down.
	AverageProgress int32

	// MedianToComplete is the median of the time from enrollment to completion,
	// of those who have completed, in whole seconds; 0 while there are none.
	MedianToComplete time.Duration

	// Rating is the average of the reviews, 1 to 5, rounded to two decimals; 0
	// while there are none.
	Rating      float64
	RatingCount int64

	// Revenue is a line for each currency, in the order of their codes.
	Revenue []CourseRevenue
}

// CourseRevenue is what a course has brought in so far, in one currency. Amounts
// are in minor units.
type CourseRevenue struct {
	Currency string

	// Payments are those that succeeded, refunded ones included.
	Payments int64

	// Gross is what was paid, Refunded what of it was given back, and Net the rest.
	Gross    int64
	Refunded int64
	Net      int64
}

// CourseReport is the figures of a course as they are now. It reads all
// enrollments of the course, and the progress in its lessons. The actor teaches the
// course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's.
//
// Writes nothing: a replica serves it.
func (s *Store) CourseReport(ctx context.Context, courseID uuid.UUID) (report CourseReport, err error) {
	defer wrap(&err, "report on course %s", courseID)
	if err := s.actor.mayTeach(); err != nil {
		return CourseReport{}, err
	}
	row, err := s.reader().CourseReportRead(ctx, db.CourseReportReadParams{
		CourseID:  courseID,
		TeacherID: s.actor.teacher(),
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return CourseReport{}, ErrNotFound
	case err != nil:
		return CourseReport{}, err
	}
	report = CourseReport{
		CourseID:         courseID,
		Enrolled:         row.Enrolled,
		Active:           row.Active,
		Completed:        row.Completed,
		MedianToComplete: time.Duration(min(row.Median, longestMedian)) * time.Second,
		Rating:           row.Rating,
		RatingCount:      row.Reviews,
		Revenue:          make([]CourseRevenue, len(row.Currencies)),
	}
	if row.Enrolled > 0 {
		report.CompletionRate = int32(wholeRate * row.Completed / row.Enrolled)       //nolint:gosec // at most all
		report.AverageProgress = int32(wholeRate / 100 * row.Progress / row.Enrolled) //nolint:gosec // likewise
	}
	for i, currency := range row.Currencies {
		report.Revenue[i] = CourseRevenue{
			Currency: currency,
			Payments: row.Payments[i],
			Gross:    row.Gross[i],
			Refunded: row.Refunded[i],
			Net:      row.Gross[i] - row.Refunded[i],
		}
	}
	return report, nil
}

// CourseFunnel is how far those who are enrolled in a course have come. Each step
// counts some of those of the step before.
type CourseFunnel struct {
	CourseID uuid.UUID

	Enrolled int64

	// Started are those who have completed a lesson, or spent time in one.
	// Taking the completion back does not undo that.
	Started int64

	// Half are those with a progress of 50 percent or more, and those who have
	// completed the course.
	Half int64

	Completed int64

	// Certified are those who have completed the course, and have a certificate
	// that is not revoked.
	Certified int64

	// Lessons are all lessons of the course in order; never nil.
	Lessons []LessonReach
}

// LessonReach is how many of those who are enrolled have come to a lesson.
type LessonReach struct {
	LessonID uuid.UUID
	Title    string
	Position int32 // 1 is the first

	// Started are those who have completed the lesson, or spent time in it, as in
	// [CourseFunnel].
	Started   int64
	Completed int64
}

// CourseFunnel tells where learners of a course stop. It reads all enrollments of
// the course and all progress in its lessons, and returns all lessons at once. The
// actor teaches the course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's.
//
// Writes nothing: a replica serves it.
func (s *Store) CourseFunnel(ctx context.Context, courseID uuid.UUID) (funnel CourseFunnel, err error) {
	defer wrap(&err, "funnel of course %s", courseID)
	if err := s.actor.mayTeach(); err != nil {
		return CourseFunnel{}, err
	}
	rows, err := s.reader().CourseFunnelRead(ctx, db.CourseFunnelReadParams{
		CourseID:  courseID,
		TeacherID: s.actor.teacher(),
	})
	if err != nil {
		return CourseFunnel{}, err
	}
	if len(rows) == 0 {
		return CourseFunnel{}, ErrNotFound
	}
	totals := rows[0]
	funnel = CourseFunnel{
		CourseID:  courseID,
		Enrolled:  totals.Enrolled,
		Started:   totals.Started,
		Half:      totals.Half,
		Completed: totals.Completed,
		Certified: totals.Certified,
		Lessons:   make([]LessonReach, 0, len(rows)),
	}
	if totals.LessonID == uuid.Nil {
		return funnel, nil
	}
	for _, row := range rows {
		funnel.Lessons = append(funnel.Lessons, LessonReach{
			LessonID:  row.LessonID,
			Title:     row.Title,
			Position:  row.Position,
			Started:   row.LessonStarted,
			Completed: row.LessonCompleted,
		})
	}
	return funnel, nil
}
