package elevate_test

import (
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
