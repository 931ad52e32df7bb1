package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// stressAssignments has few assignments, that come and go while nothing is handed
// in, with maximums that are below some of the scores.
func stressAssignments() []stressOperation {
	// one is an assignment of a course, there or not.
	one := func(d *draw) (courseID, assignmentID uuid.UUID) {
		courseID = d.course()
		return courseID, pick(d, d.assignments[courseID])
	}
	maximum := func(d *draw) int32 { return 60 + 20*d.Int32N(3) }
	due := func(d *draw) *time.Time { return ago(time.Duration(d.IntN(3)-1) * time.Hour) }
	return []stressOperation{
		{
			name:   "CreateAssignment",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				courseID, id := one(d)
				_, err := d.teacher(s).CreateAssignment(ctx, elevate.CreateAssignmentParams{
					ID: id, CourseID: courseID, Title: "Essay", Description: "Write.", MaxScore: maximum(d),
					DueDate: due(d), AllowLate: true, LatePenalty: 10,
				})
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "UpdateAssignment",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, id := one(d)
				view, err := d.teacher(s).GetAssignment(ctx, id)
				if err != nil {
					return err
				}
				params := edited(view.Assignment)
				params.MaxScore, params.DueDate, params.AllowLate = maximum(d), due(d), d.IntN(4) > 0
				_, err = d.teacher(s).UpdateAssignment(ctx, params)
				return err
			},
			refusals: []error{
				elevate.ErrNotFound, conflict(elevate.ConflictVersion), conflict(elevate.ConflictScoreGiven),
			},
		},
		{
			name:   "DeleteAssignment",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, id := one(d)
				return d.teacher(s).DeleteAssignment(ctx, id)
			},
			refusals: []error{
				elevate.ErrNotFound, conflict(elevate.ConflictHasSubmissions), conflict(elevate.ConflictHasGrades),
			},
		},
		{
			name:   "Submit",
			weight: 12,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				_, id := one(d)
				_, err := d.actor(s, userID).Submit(ctx, elevate.SubmitParams{
					UserID: userID, AssignmentID: id, Content: "Written.",
				})
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrNotEnrolled, elevate.ErrPastDue, elevate.ErrGraded},
		},
		{
			name:   "Grade",
			weight: 8,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				courseID, id := one(d)
				lines, err := d.teacher(s).ListSubmissions(ctx, id, elevate.PageParams{})
				if err != nil || len(lines.Items) == 0 {
					return err
				}
				line := pick(d, lines.Items)
				score := 50 + 10*d.Int32N(6)
				result, err := d.teacher(s).Grade(ctx, elevate.GradeParams{
					UserID: line.UserID, AssignmentID: id, SubmissionID: line.ID, Score: score,
				})
				if _, ok := errors.AsType[*elevate.ValidationError](err); ok {
					return nil // the maximum is lower
				}
				if err == nil && result.Changed {
					d.note(effectGraded, line.UserID, courseID)
				}
				if err == nil && (result.RawScore != score || result.Score != score*(100-line.LatePenalty)/100) {
					return fmt.Errorf("graded %d: %+v", score, result)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictSuperseded)},
		},
		{
			name:   "ListAssignments",
			weight: 1,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.actor(s, d.learner()).ListAssignments(ctx, d.course(), d.page())
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "ListAttempts",
			weight: 1,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, id := one(d)
				attempts, err := d.teacher(s).ListAttempts(ctx, elevate.ListAttemptsParams{
					UserID: d.learner(), AssignmentID: id,
				})
				for i, line := range attempts.Items {
					if (i == 0) != (line.SupersededAt == nil) {
						return fmt.Errorf("attempt %d of %d is %+v", i+1, len(attempts.Items), line)
					}
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "Gradebook",
			weight: 1,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				book, err := d.teacher(s).Gradebook(ctx, elevate.GradebookParams{CourseID: d.course()})
				for _, row := range book.Rows {
					if row.Total.Points > row.Total.PointsGraded {
						return fmt.Errorf("more than is possible: %+v", row)
					}
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
	}
}

// gradingWrong are queries for rows that no operation may leave behind, by what
// they are.
var gradingWrong = map[string]string{
	"learners without exactly one latest attempt, or whose numbers have gaps": `
		SELECT s.assignment_id
		FROM {s}.submissions AS s
		GROUP BY s.assignment_id, s.user_id
		HAVING count(*) FILTER (WHERE s.superseded_at IS NULL) <> 1
			OR max(s.attempt) <> count(*)
			OR count(DISTINCT s.attempt) <> count(*)
			OR max(s.attempt) FILTER (WHERE s.superseded_at IS NULL) <> count(*)`,
	"attempts that did not end when the next began": `
		SELECT s.*
		FROM {s}.submissions AS s
		LEFT JOIN {s}.submissions AS n
			ON n.assignment_id = s.assignment_id AND n.user_id = s.user_id AND n.attempt = s.attempt + 1
		WHERE s.superseded_at IS DISTINCT FROM n.submitted_at OR s.superseded_at <= s.submitted_at`,
	"graded attempts that are superseded": `
		SELECT s.*
		FROM {s}.submissions AS s
		WHERE s.superseded_at IS NOT NULL AND s.graded_at IS NOT NULL`,
	"grades that are older than what they are for": `
		SELECT s.*
		FROM {s}.submissions AS s
		WHERE s.graded_at < s.submitted_at`,
	"scores above the maximum": `
		SELECT s.*
		FROM {s}.submissions AS s
		JOIN {s}.assignments AS a ON a.id = s.assignment_id
		WHERE s.raw_score > a.max_score`,
	"scores that are not what the penalty leaves": `
		SELECT s.*
		FROM {s}.submissions AS s
		WHERE s.score <> floor(s.raw_score * (100 - s.late_penalty) / 100.0)`,
	"submissions whose last grade is another": `
		SELECT s.*
		FROM {s}.submissions AS s
		LEFT JOIN LATERAL (
			SELECT g.score, g.nth, count(*) OVER () AS n
			FROM {s}.grades AS g
			WHERE g.submission_id = s.id
			ORDER BY g.nth DESC
			LIMIT 1
		) AS g ON TRUE
		WHERE s.graded_at IS NOT NULL AND (g.score, g.nth) IS DISTINCT FROM (s.score, g.n)`,
}
