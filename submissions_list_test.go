package elevate_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

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
