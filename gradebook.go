package elevate

import (
	"context"
	"math"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// GradebookParams says which course, and which page of its learners.
type GradebookParams struct {
	PageParams

	CourseID uuid.UUID
}

// Gradebook is a page of a course's learners against all of its assignments.
type Gradebook struct {
	// Assignments are in the order of [Store.ListAssignments].
	Assignments []GradebookAssignment

	// Rows are the learners, the newest enrollment first.
	Rows []GradebookRow

	// Next is the cursor of the next page, empty on the last one.
	Next string
}

// GradebookAssignment is the head of a column.
type GradebookAssignment struct {
	ID       uuid.UUID
	Title    string
	MaxScore int32
}

// GradebookRow is a learner.
type GradebookRow struct {
	UserID uuid.UUID
	Name   string

	// Scores are as many as the assignments, in their order.
	Scores []GradebookScore

	Total GradebookTotal
}

// GradebookScore is a learner's latest attempt at an assignment.
type GradebookScore struct {
	// SubmissionID is zero where nothing was handed in.
	SubmissionID uuid.UUID

	// Graded says that Score is a score, and not zero for lack of one.
	Graded bool

	// Late says that it was handed in after the due date.
	Late bool

	// Score is what counts, the penalty for late work taken off.
	Score int32
}

// GradebookTotal adds up a learner's scores.
type GradebookTotal struct {
	// Points are those of the graded attempts.
	Points int64

	// PointsGraded is the sum of the best scores of the assignments that are
	// graded for this learner, PointsPossible that of all of the course.
	PointsGraded   int64
	PointsPossible int64

	// Percent is Points of PointsPossible, rounded down; 0 without assignments,
	// and above 100 only by the scores of other programs.
	Percent int32
}

// Gradebook is the learners who are enrolled in a course and what they have
// scored in each of its assignments. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown course and for another instructor's.
func (s *Store) Gradebook(ctx context.Context, params GradebookParams) (book Gradebook, err error) {
	defer wrap(&err, "gradebook of course %s", params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return Gradebook{}, err
	}
	before, limit, err := params.newestFirst(listGradebook)
	if err != nil {
		return Gradebook{}, err
	}
	rows, err := s.reader().GradebookRead(ctx, db.GradebookReadParams{
		CourseID:  params.CourseID,
		TeacherID: s.actor.teacher(),
		BeforeAt:  before.at,
		BeforeID:  before.id,
		RowLimit:  limit,
	})
	if err != nil {
		return Gradebook{}, err
	}
	if len(rows) == 0 {
		return Gradebook{}, ErrNotFound
	}
	heading := rows[0]
	book.Assignments = make([]GradebookAssignment, len(heading.IDs))
	for i, id := range heading.IDs {
		book.Assignments[i] = GradebookAssignment{ID: id, Title: heading.Titles[i], MaxScore: heading.Scores[i]}
	}
	page := pageOf(rows[1:], limit, listGradebook,
		func(row db.GradebookReadRow) GradebookRow { return gradebookRow(row, book.Assignments) },
		func(row db.GradebookReadRow) position { return position{at: row.EnrolledAt, id: row.ID} })
	book.Rows, book.Next = page.Items, page.Next
	return book, nil
}

func gradebookRow(row db.GradebookReadRow, assignments []GradebookAssignment) GradebookRow {
	learner := GradebookRow{
		UserID: row.UserID,
		Name:   row.Name,
		Scores: make([]GradebookScore, len(assignments)),
	}
	total := &learner.Total
	for i, assignment := range assignments {
		score := GradebookScore{SubmissionID: row.IDs[i], Graded: row.Graded[i], Late: row.Late[i]}
		total.PointsPossible += int64(assignment.MaxScore)
		if score.Graded {
			score.Score = row.Scores[i]
			total.Points += int64(score.Score)
			total.PointsGraded += int64(assignment.MaxScore)
		}
		learner.Scores[i] = score
	}
	if total.PointsPossible > 0 {
		percent := min(100*total.Points/total.PointsPossible, math.MaxInt32)
		total.Percent = int32(percent) //nolint:gosec // bounded above
	}
	return learner
}
