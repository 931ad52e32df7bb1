package elevate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestGrade(t *testing.T) {
	t.Parallel()

	t.Run("Grades", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{MaxScore: 20})
		sent := b.submit(t, b.userID, made.ID)
		params := gradeOf(sent, 20)
		params.Feedback = "Well done."
		result, err := b.teacher.Grade(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, elevate.GradeResult{Changed: true, GradedAt: result.GradedAt, RawScore: 20, Score: 20}, result)
		kept, err := b.me.GetSubmission(b.ctx, sent.ID)
		require.NoError(t, err)
		sent.GradedAt, sent.RawScore, sent.Score, sent.Feedback = &result.GradedAt, 20, 20, "Well done."
		require.Equal(t, sent, kept)
		title := scan[string](t, b.testBundle, `SELECT title FROM {s}.courses WHERE id = $1`, b.courseID)
		require.Equal(t, "Your work was graded|Your work on Essay in "+title+" was graded.", scan[string](t, b.testBundle,
			`SELECT title || '|' || message FROM {s}.notifications WHERE user_id = $1 AND type = 'graded'`, b.userID))
	})

	// What stands in a title is never a placeholder.
	t.Run("TitlesWithPlaceholders", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		sent := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		b.exec(t, `UPDATE {s}.assignments SET title = 'Use {course} and {assignment}'`)
		b.exec(t, `UPDATE {s}.courses SET title = 'Learn {assignment} and {course}'`)
		store, err := elevate.New(b.pool, &elevate.Config{
			Messages: map[elevate.NotificationType]elevate.Message{elevate.NotificationGraded: {
				Title:   "{course}{assignment} {course}" + strings.Repeat("x", 200),
				Message: "{assignment} in {course} {assi{course}gnment} {assignment}",
			}},
			Schema: b.schema,
		})
		require.NoError(t, err)
		_, err = store.As(elevate.System("test")).Grade(b.ctx, gradeOf(sent, 7))
		require.NoError(t, err)
		const assignment, course = "Use {course} and {assignment}", "Learn {assignment} and {course}"
		title := scan[string](t, b.testBundle, `SELECT title FROM {s}.notifications WHERE type = 'graded'`)
		require.Equal(t, (course + assignment + " " + course + strings.Repeat("x", 200))[:255], title)
		message := scan[string](t, b.testBundle, `SELECT message FROM {s}.notifications WHERE type = 'graded'`)
		require.Equal(t, assignment+" in "+course+" {assi"+course+"gnment} "+assignment, message)
	})

	t.Run("Repeat", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		sent := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		first := b.grade(t, sent, 7)
		again := b.grade(t, sent, 7)
		require.False(t, again.Changed)
		first.Changed = false
		require.Equal(t, first, again)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.grades`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'graded'`))
	})

	t.Run("KeepsEachGrade", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(time.Hour), AllowLate: true, LatePenalty: 50})
		sent := b.submit(t, b.userID, made.ID)
		b.grade(t, sent, 7)
		again := gradeOf(sent, 7)
		again.Feedback = "Late."
		_, err := b.system.Grade(b.ctx, again)
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.submissions SET score = 9, graded_at = now() WHERE id = $1`, sent.ID)
		grades, err := b.teacher.GradeHistory(b.ctx, sent.ID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, grades.Items, 3)
		for i := range grades.Items {
			require.False(t, grades.Items[i].GradedAt.IsZero())
			grades.Items[i].GradedAt = time.Time{}
		}
		require.Equal(t, []elevate.GivenGrade{
			{Number: 1, RawScore: 7, Score: 3, GradedBy: b.teacherID},
			{Number: 2, RawScore: 7, Score: 3, Feedback: "Late."},
			{Number: 3, RawScore: 9, Score: 9, Feedback: "Late."},
		}, grades.Items)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'graded'`))
	})

	// A score of another program counts as it is, until it is given here.
	t.Run("OverridesAnotherProgram", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(time.Hour), AllowLate: true, LatePenalty: 50})
		sent := b.submit(t, b.userID, made.ID)
		b.exec(t, `UPDATE {s}.submissions SET score = 8, graded_at = now() WHERE id = $1`, sent.ID)
		result := b.grade(t, sent, 8)
		require.True(t, result.Changed)
		require.Equal(t, int32(4), result.Score)
		require.Equal(t, int32(8), result.RawScore)
	})

	// It may also write a submission and its score at once, and correct it.
	t.Run("KeepsGradesOfAnotherProgram", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		id := scan[uuid.UUID](t, b.testBundle, `INSERT INTO {s}.submissions (assignment_id, user_id, content, score, graded_at)
			VALUES ($1, $2, 'Written.', 8, now()) RETURNING id`, made.ID, b.userID)
		b.exec(t, `UPDATE {s}.submissions SET score = 9`)
		b.exec(t, `UPDATE {s}.submissions SET content = 'Edited.'`) // no grade
		sent, err := b.me.GetSubmission(b.ctx, id)
		require.NoError(t, err)
		require.Equal(t, int32(9), sent.RawScore)
		grades, err := b.teacher.GradeHistory(b.ctx, id, elevate.PageParams{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, int32(8), grades.Items[0].RawScore)
		grades, err = b.teacher.GradeHistory(b.ctx, id, elevate.PageParams{Limit: 1, Cursor: grades.Next})
		require.NoError(t, err)
		require.Equal(t, int32(9), grades.Items[0].Score)
		require.Equal(t, int32(2), grades.Items[0].Number)
		require.Empty(t, grades.Next)
	})

	// Feedback that an erasure empties is no grade; what a teacher takes back is one,
	// within one transaction too.
	t.Run("WithoutTheFeedback", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		sent := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		params := gradeOf(sent, 7)
		tx := b.begin(t)
		for _, params.Feedback = range []string{"Well done.", "", "Good."} {
			result, err := b.teacher.WithTx(tx).Grade(b.ctx, params)
			require.NoError(t, err)
			require.True(t, result.Changed)
		}
		require.NoError(t, tx.Commit(b.ctx))
		b.exec(t, `UPDATE {s}.grades SET feedback = NULL`)
		b.exec(t, `UPDATE {s}.submissions SET feedback = ''`)
		b.exec(t, `UPDATE {s}.submissions SET feedback = NULL`)
		grades, err := b.teacher.GradeHistory(b.ctx, sent.ID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, grades.Items, 3)
	})

	// Who reads what an erased person did reads on, and nothing more is written
	// about them.
	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		sent := b.submit(t, b.userID, made.ID)
		b.grade(t, sent, 7)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		for _, score := range []int32{7, 8} {
			_, err := b.teacher.Grade(b.ctx, gradeOf(sent, score))
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.grades`))

		kept, err := b.teacher.GetSubmission(b.ctx, sent.ID)
		require.NoError(t, err)
		require.Equal(t, int32(7), kept.Score)
		lines, err := b.teacher.ListSubmissions(b.ctx, made.ID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, lines.Items, 1)
		lines, err = b.teacher.ListAttempts(b.ctx, elevate.ListAttemptsParams{UserID: b.userID, AssignmentID: made.ID})
		require.NoError(t, err)
		require.Len(t, lines.Items, 1)
		grades, err := b.teacher.GradeHistory(b.ctx, sent.ID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, grades.Items, 1)
		book, err := b.teacher.Gradebook(b.ctx, elevate.GradebookParams{CourseID: b.courseID})
		require.NoError(t, err)
		require.Len(t, book.Rows, 1)
	})

	// An erasure in flight is waited for.
	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		sent := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now(), email = id || '@erased.invalid'
			WHERE id = $1`), b.userID)
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.teacher.Grade(b.ctx, gradeOf(sent, 7))
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
	})

	// Not the time of a transaction that has stood open since before.
	t.Run("GradedByTheStatement", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		tx := b.begin(t)
		usable(t, tx)
		sent := b.submit(t, b.userID, made.ID)
		first, err := b.teacher.WithTx(tx).Grade(b.ctx, gradeOf(sent, 7))
		require.NoError(t, err)
		require.True(t, first.GradedAt.After(sent.SubmittedAt))
		second, err := b.teacher.WithTx(tx).Grade(b.ctx, gradeOf(sent, 8))
		require.NoError(t, err)
		require.True(t, second.GradedAt.After(first.GradedAt))
	})

	t.Run("ErrorIfSuperseded", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		seen := b.submit(t, b.userID, made.ID)
		b.submit(t, b.userID, made.ID)
		_, err := b.teacher.Grade(b.ctx, gradeOf(seen, 1))
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictSuperseded})
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.grades`))
	})

	t.Run("ErrorIfOutOfRange", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		sent := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{MaxScore: 20}).ID)
		_, err := b.teacher.Grade(b.ctx, gradeOf(sent, 21))
		requireInvalid(t, err, "Score")
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'graded'`))
	})

	t.Run("ErrorIfAnotherTeachers", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		sent := b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		_, err := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor).Grade(b.ctx, gradeOf(sent, 1))
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ScoresOfHugeAssignments", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		const huge = 1<<31 - 1
		made := b.assign(t, elevate.CreateAssignmentParams{
			MaxScore: huge, DueDate: ago(time.Hour), AllowLate: true, LatePenalty: 1,
		})
		require.Equal(t, int32(huge*99/100), b.grade(t, b.submit(t, b.userID, made.ID), huge).Score)
		b.grade(t, b.submit(t, b.learner(t), b.assign(t, elevate.CreateAssignmentParams{MaxScore: huge}).ID), huge)
		_, err := b.teacher.Gradebook(b.ctx, elevate.GradebookParams{CourseID: b.courseID})
		require.NoError(t, err)
	})
}
