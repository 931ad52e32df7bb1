package elevate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestGradebook(t *testing.T) {
	t.Parallel()

	t.Run("Reads", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		second := b.assign(t, elevate.CreateAssignmentParams{MaxScore: 50})
		first := b.assign(t, elevate.CreateAssignmentParams{
			DueDate: ago(time.Hour), AllowLate: true, LatePenalty: 10,
		})
		other := b.learner(t)
		idle := b.learner(t)
		gone := b.learner(t)

		late := b.submit(t, b.userID, first.ID)
		b.grade(t, late, 85)
		waiting := b.submit(t, b.userID, second.ID)
		b.submit(t, other, second.ID) // superseded
		best := b.submit(t, other, second.ID)
		b.grade(t, best, 50)
		b.grade(t, b.submit(t, gone, second.ID), 50)
		_, err := b.system.Unenroll(b.ctx, elevate.UnenrollParams{UserID: gone, CourseID: b.courseID})
		require.NoError(t, err)

		book, err := b.teacher.Gradebook(b.ctx, elevate.GradebookParams{CourseID: b.courseID})
		require.NoError(t, err)
		require.Equal(t, []elevate.GradebookAssignment{
			{ID: first.ID, Title: "Essay", MaxScore: 100},
			{ID: second.ID, Title: "Essay", MaxScore: 50},
		}, book.Assignments)
		require.Empty(t, book.Next)
		require.Len(t, book.Rows, 3)
		for i := range book.Rows {
			require.Equal(t, scan[string](t, b.testBundle, `SELECT name FROM {s}.users WHERE id = $1`,
				book.Rows[i].UserID), book.Rows[i].Name)
			book.Rows[i].Name = ""
		}
		require.Equal(t, []elevate.GradebookRow{
			{
				UserID: idle,
				Scores: make([]elevate.GradebookScore, 2),
				Total:  elevate.GradebookTotal{PointsPossible: 150},
			},
			{
				UserID: other,
				Scores: []elevate.GradebookScore{{}, {SubmissionID: best.ID, Graded: true, Score: 50}},
				Total:  elevate.GradebookTotal{Points: 50, PointsGraded: 50, PointsPossible: 150, Percent: 33},
			},
			{
				UserID: b.userID,
				Scores: []elevate.GradebookScore{
					{SubmissionID: late.ID, Graded: true, Late: true, Score: 76},
					{SubmissionID: waiting.ID},
				},
				Total: elevate.GradebookTotal{Points: 76, PointsGraded: 100, PointsPossible: 150, Percent: 50},
			},
		}, book.Rows)
	})

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		b.assign(t, elevate.CreateAssignmentParams{})
		seen := map[string]bool{}
		for range 4 {
			b.learner(t)
		}
		params := elevate.GradebookParams{CourseID: b.courseID, PageParams: elevate.PageParams{Limit: 2}}
		for _, rows := range []int{2, 2, 1} {
			book, err := b.teacher.Gradebook(b.ctx, params)
			require.NoError(t, err)
			require.Len(t, book.Assignments, 1)
			require.Len(t, book.Rows, rows)
			for _, row := range book.Rows {
				require.False(t, seen[row.UserID.String()])
				seen[row.UserID.String()] = true
			}
			params.Cursor = book.Next
		}
		require.Empty(t, params.Cursor)
	})

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		book, err := b.teacher.Gradebook(b.ctx, elevate.GradebookParams{CourseID: b.courseID})
		require.NoError(t, err)
		require.Empty(t, book.Assignments)
		require.Len(t, book.Rows, 1)
		require.Empty(t, book.Rows[0].Scores)

		empty, _ := b.course(t, courseSeed{instructor: b.teacherID})
		book, err = b.teacher.Gradebook(b.ctx, elevate.GradebookParams{CourseID: empty})
		require.NoError(t, err)
		require.Empty(t, book.Rows)
	})
}
