package elevate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestSubmit(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(-time.Hour), AllowLate: true, LatePenalty: 10})
		result, err := b.me.Submit(b.ctx, elevate.SubmitParams{
			UserID: b.userID, AssignmentID: made.ID, Content: "Written.", FileURL: "https://example.org/f",
		})
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, elevate.Submission{
			ID: result.Submission.ID, AssignmentID: made.ID, UserID: b.userID, Attempt: 1,
			Content: "Written.", FileURL: "https://example.org/f", SubmittedAt: result.Submission.SubmittedAt,
		}, result.Submission)
		require.False(t, result.Submission.SubmittedAt.IsZero())
		kept, err := b.me.GetSubmission(b.ctx, result.Submission.ID)
		require.NoError(t, err)
		require.Equal(t, result.Submission, kept)
	})

	t.Run("KeepsEachAttempt", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		first := b.submit(t, b.userID, made.ID)
		second := b.submit(t, b.userID, made.ID)
		require.Equal(t, int32(2), second.Attempt)
		kept, err := b.me.GetSubmission(b.ctx, first.ID)
		require.NoError(t, err)
		require.NotNil(t, kept.SupersededAt)
		kept.SupersededAt = nil
		require.Equal(t, first, kept)
	})

	// A clock that was set back, too.
	t.Run("LaterThanTheOneBefore", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		first := b.submit(t, b.userID, made.ID)
		b.exec(t, `UPDATE {s}.submissions SET submitted_at = submitted_at + interval '1 hour'`)
		second := b.submit(t, b.userID, made.ID)
		require.Equal(t, first.SubmittedAt.Add(time.Hour+time.Microsecond), second.SubmittedAt)
		first, err := b.me.GetSubmission(b.ctx, first.ID)
		require.NoError(t, err)
		require.Equal(t, &second.SubmittedAt, first.SupersededAt)
		graded := b.grade(t, second, 7)
		require.False(t, graded.GradedAt.Before(second.SubmittedAt))
		again := b.grade(t, second, 8)
		require.True(t, again.GradedAt.After(graded.GradedAt))
		b.requireSound(t)
	})

	t.Run("FileOnly", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		_, err := b.me.Submit(b.ctx, elevate.SubmitParams{
			UserID: b.userID, AssignmentID: made.ID, FileURL: "https://example.org/f",
		})
		require.NoError(t, err)
	})

	t.Run("Repeat", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		params := elevate.SubmitParams{ID: uuid.New(), UserID: b.userID, AssignmentID: made.ID, Content: "Written."}
		first, err := b.me.Submit(b.ctx, params)
		require.NoError(t, err)
		again, err := b.me.Submit(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, elevate.SubmitResult{Submission: first.Submission}, again)

		// Superseded, graded and past due, it is still that attempt.
		last := b.submit(t, b.userID, made.ID)
		b.grade(t, last, 5)
		b.exec(t, `UPDATE {s}.assignments SET due_date = now() - interval '1 hour'`)
		again, err = b.me.Submit(b.ctx, params)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, int32(1), again.Submission.Attempt)
		require.NotNil(t, again.Submission.SupersededAt)
		params.ID = last.ID
		again, err = b.me.Submit(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, int32(5), again.Submission.Score)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.submissions`))
	})

	t.Run("Late", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(time.Hour), AllowLate: true, LatePenalty: 10})
		sent := b.submit(t, b.userID, made.ID)
		require.True(t, sent.Late)
		require.Equal(t, int32(10), sent.LatePenalty)

		// A later edit does not change what was handed in.
		params := edited(made)
		params.LatePenalty, params.DueDate = 90, nil
		_, err := b.teacher.UpdateAssignment(b.ctx, params)
		require.NoError(t, err)
		result := b.grade(t, sent, 85)
		require.Equal(t, int32(85), result.RawScore)
		require.Equal(t, int32(76), result.Score, "76.5 rounded down")
	})

	t.Run("ErrorIfPastDue", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(0)})
		_, err := b.me.Submit(b.ctx, elevate.SubmitParams{UserID: b.userID, AssignmentID: made.ID, Content: "x"})
		require.ErrorIs(t, err, elevate.ErrPastDue)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.submissions`))
	})

	// Not the time of a transaction that has stood open since before.
	t.Run("JudgedByTheStatement", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		tx := b.begin(t)
		usable(t, tx)
		b.exec(t, `UPDATE {s}.assignments SET due_date = clock_timestamp()`)
		_, err := b.me.WithTx(tx).Submit(b.ctx, elevate.SubmitParams{
			UserID: b.userID, AssignmentID: made.ID, Content: "x",
		})
		require.ErrorIs(t, err, elevate.ErrPastDue)
	})

	t.Run("ErrorIfGraded", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.grade(t, b.submit(t, b.userID, made.ID), 1)
		_, err := b.me.Submit(b.ctx, elevate.SubmitParams{UserID: b.userID, AssignmentID: made.ID, Content: "x"})
		require.ErrorIs(t, err, elevate.ErrGraded)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.submissions WHERE superseded_at IS NULL`))
	})

	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		userID := b.user(t, elevate.RoleUser)
		_, err := b.as(userID, elevate.RoleUser).Submit(b.ctx, elevate.SubmitParams{
			UserID: userID, AssignmentID: made.ID, Content: "x",
		})
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.me.Submit(b.ctx, elevate.SubmitParams{UserID: b.userID, AssignmentID: made.ID, Content: "x"})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfIDTaken", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		other := b.submit(t, b.learner(t), made.ID)
		mine := b.submit(t, b.userID, made.ID)
		for _, params := range []elevate.SubmitParams{
			{ID: other.ID, UserID: b.userID, AssignmentID: made.ID, Content: "x"},
			{ID: mine.ID, UserID: b.userID, AssignmentID: b.assign(t, elevate.CreateAssignmentParams{}).ID, Content: "x"},
		} {
			_, err := b.me.Submit(b.ctx, params)
			requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
		}
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		first := b.submit(t, b.userID, made.ID)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Submit(b.ctx, elevate.SubmitParams{
			UserID: b.userID, AssignmentID: made.ID, Content: "x",
		})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		kept, err := b.me.GetSubmission(b.ctx, first.ID)
		require.NoError(t, err)
		require.Equal(t, first, kept)
	})
}

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

// attemptIDs are the ids of a page's lines.
func attemptIDs(lines []elevate.SubmissionLine) []uuid.UUID {
	ids := make([]uuid.UUID, len(lines))
	for i, line := range lines {
		ids[i] = line.ID
	}
	return ids
}

func TestListSubmissions(t *testing.T) {
	t.Parallel()

	t.Run("UngradedFirst", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		other := b.assign(t, elevate.CreateAssignmentParams{})
		sent := make([]elevate.Submission, 6)
		for i := range sent {
			userID := b.learner(t)
			b.submit(t, userID, made.ID)
			b.submit(t, userID, other.ID)
			sent[i] = b.submit(t, userID, made.ID)
		}
		b.grade(t, sent[0], 1)
		b.grade(t, sent[3], 1)
		want := []uuid.UUID{sent[1].ID, sent[2].ID, sent[4].ID, sent[5].ID, sent[0].ID, sent[3].ID}
		for limit := 1; limit <= 6; limit++ {
			var got []uuid.UUID
			page := elevate.PageParams{Limit: limit}
			for {
				lines, err := b.teacher.ListSubmissions(b.ctx, made.ID, page)
				require.NoError(t, err)
				got = append(got, attemptIDs(lines.Items)...)
				if page.Cursor = lines.Next; page.Cursor == "" {
					break
				}
			}
			require.Equal(t, want, got, "pages of %d", limit)
		}
		lines, err := b.teacher.ListSubmissions(b.ctx, made.ID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.SubmissionLine{
			ID: sent[1].ID, CourseID: b.courseID, AssignmentID: made.ID, AssignmentTitle: "Essay", UserID: sent[1].UserID,
			Name:    scan[string](t, b.testBundle, `SELECT name FROM {s}.users WHERE id = $1`, sent[1].UserID),
			Attempt: 2, SubmittedAt: sent[1].SubmittedAt,
		}, lines.Items[0])
	})

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		lines, err := b.teacher.ListSubmissions(b.ctx, made.ID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Page[elevate.SubmissionLine]{Items: []elevate.SubmissionLine{}}, lines)
	})
}

func TestListAttempts(t *testing.T) {
	t.Parallel()

	b := newAssignmentBundle(t)
	made := b.assign(t, elevate.CreateAssignmentParams{})
	params := elevate.ListAttemptsParams{UserID: b.userID, AssignmentID: made.ID}
	empty, err := b.me.ListAttempts(b.ctx, params)
	require.NoError(t, err)
	require.Empty(t, empty.Items)
	b.submit(t, b.learner(t), made.ID)
	var want []uuid.UUID
	for range 3 {
		want = append([]uuid.UUID{b.submit(t, b.userID, made.ID).ID}, want...)
	}
	for name, store := range map[string]*elevate.Store{"learner": b.me, "teacher": b.teacher} {
		var got []uuid.UUID
		params := params
		params.Limit = 2
		for {
			lines, err := store.ListAttempts(b.ctx, params)
			require.NoError(t, err, name)
			got = append(got, attemptIDs(lines.Items)...)
			if params.Cursor = lines.Next; params.Cursor == "" {
				break
			}
		}
		require.Equal(t, want, got, name)
	}
	// An instructor who teaches another course, and learns in this one.
	other := b.user(t, elevate.RoleInstructor)
	b.enroll(t, other, b.courseID)
	_, err = b.as(other, elevate.RoleInstructor).ListAttempts(b.ctx, params)
	require.ErrorIs(t, err, elevate.ErrNotFound)
	params.UserID = other
	_, err = b.as(other, elevate.RoleInstructor).ListAttempts(b.ctx, params)
	require.NoError(t, err)
	// Who is no learner of the course is as unknown to its teacher as nobody.
	params.UserID = b.user(t, elevate.RoleUser)
	_, err = b.teacher.ListAttempts(b.ctx, params)
	require.ErrorIs(t, err, elevate.ErrNotFound)
	empty, err = b.system.ListAttempts(b.ctx, params)
	require.NoError(t, err)
	require.Empty(t, empty.Items)
}

func TestListAttemptsAtAllAssignments(t *testing.T) {
	t.Parallel()

	// list reads all pages of two.
	list := func(t *testing.T, b *assignmentBundle, store *elevate.Store) []uuid.UUID {
		t.Helper()
		ids := []uuid.UUID{}
		params := elevate.ListAttemptsParams{UserID: b.userID, PageParams: elevate.PageParams{Limit: 2}}
		for {
			lines, err := store.ListAttempts(b.ctx, params)
			require.NoError(t, err)
			ids = append(ids, attemptIDs(lines.Items)...)
			if params.Cursor = lines.Next; params.Cursor == "" {
				return ids
			}
		}
	}

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		rivalID := b.user(t, elevate.RoleInstructor)
		rival := b.as(rivalID, elevate.RoleInstructor)
		courseID, _ := b.course(t, courseSeed{instructor: rivalID, published: true})
		b.enroll(t, b.userID, courseID)
		foreign, err := rival.CreateAssignment(b.ctx, elevate.CreateAssignmentParams{
			CourseID: courseID, Title: "Poem", Description: "Rhyme.",
		})
		require.NoError(t, err)
		made, other := b.assign(t, elevate.CreateAssignmentParams{}), b.assign(t, elevate.CreateAssignmentParams{})
		b.submit(t, b.learner(t), made.ID)
		var all, here, there []uuid.UUID
		for _, assignmentID := range []uuid.UUID{
			made.ID, other.ID, foreign.Assignment.ID, made.ID, foreign.Assignment.ID, other.ID, other.ID,
		} {
			id := b.submit(t, b.userID, assignmentID).ID
			all = append(all, id)
			if assignmentID == foreign.Assignment.ID {
				there = append(there, id)
			} else {
				here = append(here, id)
			}
		}
		for _, ids := range [][]uuid.UUID{all, here, there} {
			slices.Reverse(ids)
		}
		require.Equal(t, all, list(t, b, b.me), "the learner's own")
		require.Equal(t, all, list(t, b, b.system))
		require.Equal(t, here, list(t, b, b.teacher), "those in the teacher's courses")
		require.Equal(t, there, list(t, b, rival))

		lines, err := b.me.ListAttempts(b.ctx, elevate.ListAttemptsParams{UserID: b.userID})
		require.NoError(t, err)
		require.Equal(t, elevate.SubmissionLine{
			ID: there[0], CourseID: courseID, AssignmentID: foreign.Assignment.ID, AssignmentTitle: "Poem", UserID: b.userID,
			Name:    scan[string](t, b.testBundle, `SELECT name FROM {s}.users WHERE id = $1`, b.userID),
			Attempt: 2, SubmittedAt: lines.Items[2].SubmittedAt,
		}, lines.Items[2])

		// Who has left a course, and who teaches it, see what was handed in there.
		b.exec(t, `DELETE FROM {s}.enrollments`)
		require.Equal(t, all, list(t, b, b.me))
		require.Equal(t, here, list(t, b, b.teacher))
	})

	// Who is no learner of theirs is as unknown to a teacher as nobody.
	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		require.Empty(t, list(t, b, b.me))
		require.Empty(t, list(t, b, b.system))
		require.Empty(t, list(t, b, b.teacher), "of a learner")
		b.exec(t, `DELETE FROM {s}.enrollments`)
		require.Empty(t, list(t, b, b.me))
		require.Empty(t, list(t, b, b.system))
		_, err := b.teacher.ListAttempts(b.ctx, elevate.ListAttemptsParams{UserID: b.userID})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Permissions", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		b.submit(t, b.userID, b.assign(t, elevate.CreateAssignmentParams{}).ID)
		params := elevate.ListAttemptsParams{UserID: b.userID}
		for _, store := range []*elevate.Store{b.store, b.as(b.learner(t), elevate.RoleUser)} {
			_, err := store.ListAttempts(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
		_, err := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor).ListAttempts(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin).ListAttempts(b.ctx, params)
		require.NoError(t, err)
	})

	t.Run("ErrorIfCursorOfOneAssignment", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.submit(t, b.userID, made.ID)
		b.submit(t, b.userID, made.ID)
		one := elevate.ListAttemptsParams{
			UserID: b.userID, AssignmentID: made.ID, PageParams: elevate.PageParams{Limit: 1},
		}
		all := elevate.ListAttemptsParams{UserID: b.userID, PageParams: elevate.PageParams{Limit: 1}}
		ofOne, err := b.me.ListAttempts(b.ctx, one)
		require.NoError(t, err)
		ofAll, err := b.me.ListAttempts(b.ctx, all)
		require.NoError(t, err)
		one.Cursor, all.Cursor = ofAll.Next, ofOne.Next
		for _, params := range []elevate.ListAttemptsParams{one, all} {
			require.NotEmpty(t, params.Cursor)
			_, err := b.me.ListAttempts(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrInvalidCursor)
		}
	})
}

func TestGetSubmissionOfAnotherLearner(t *testing.T) {
	t.Parallel()

	b := newAssignmentBundle(t)
	sent := b.submit(t, b.learner(t), b.assign(t, elevate.CreateAssignmentParams{}).ID)
	_, err := b.me.GetSubmission(b.ctx, sent.ID)
	require.ErrorIs(t, err, elevate.ErrNotFound)
	_, err = b.store.GetSubmission(b.ctx, sent.ID)
	require.ErrorIs(t, err, elevate.ErrNotFound)
	got, err := b.teacher.GetSubmission(b.ctx, sent.ID)
	require.NoError(t, err)
	require.Equal(t, sent, got)
}
