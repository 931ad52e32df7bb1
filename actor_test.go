package elevate_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// TestDemotedInstructor: the courses still name them, their role no longer opens
// the drafts.
func TestDemotedInstructor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newBundle(t))
	demoted := w.as(w.teacher, elevate.RoleUser)

	_, err := demoted.GetCourse(w.ctx, w.draft)
	require.ErrorIs(t, err, elevate.ErrNotFound)
	_, err = demoted.GetCourseBySlug(w.ctx, w.draft.String())
	require.ErrorIs(t, err, elevate.ErrNotFound)
	_, err = demoted.CourseOutline(w.ctx, w.draft, elevate.PageParams{})
	require.ErrorIs(t, err, elevate.ErrNotFound)
	_, err = demoted.GetLesson(w.ctx, w.lessons[0])
	require.ErrorIs(t, err, elevate.ErrNotFound)
	page, err := demoted.ListCourses(w.ctx, elevate.ListCoursesParams{InstructorID: w.teacher})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, w.course, page.Items[0].ID)
}

// TestHiddenIDs tries the ids of a draft, and some that nothing has, as a learner
// who is not in it. Those that answer otherwise than ErrNotFound are the exceptions
// of docs/actors.md.
func TestHiddenIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newBundle(t))
	made, err := w.system.CreateAssignment(w.ctx, elevate.CreateAssignmentParams{
		CourseID: w.draft, Title: "Essay", Description: "Write one.",
	})
	require.NoError(t, err)
	for name, who := range map[string]elevate.Actor{
		"Learner": {UserID: w.stranger, Role: elevate.RoleUser},
		"Rival":   {UserID: w.rival, Role: elevate.RoleInstructor},
		"Demoted": {UserID: w.teacher, Role: elevate.RoleUser},
	} {
		me := w.store.As(who)
		try := func(operation string, want error, id uuid.UUID, call func(id uuid.UUID) error) {
			t.Helper()
			require.ErrorIs(t, call(id), want, "%s as %s", operation, name)
			require.ErrorIs(t, call(uuid.New()), elevate.ErrNotFound, "%s as %s", operation, name)
		}
		try("GetCourse", elevate.ErrNotFound, w.draft, func(id uuid.UUID) error {
			_, err := me.GetCourse(w.ctx, id)
			return err
		})
		try("CourseOutline", elevate.ErrNotFound, w.draft, func(id uuid.UUID) error {
			_, err := me.CourseOutline(w.ctx, id, elevate.PageParams{})
			return err
		})
		try("GetLesson", elevate.ErrNotFound, w.draftLesson, func(id uuid.UUID) error {
			_, err := me.GetLesson(w.ctx, id)
			return err
		})
		try("ListAssignments", elevate.ErrNotFound, w.draft, func(id uuid.UUID) error {
			_, err := me.ListAssignments(w.ctx, id, elevate.PageParams{})
			return err
		})
		try("GetAssignment", elevate.ErrNotFound, made.Assignment.ID, func(id uuid.UUID) error {
			_, err := me.GetAssignment(w.ctx, id)
			return err
		})
		try("ListReviews", elevate.ErrNotFound, w.draft, func(id uuid.UUID) error {
			_, err := me.ListReviews(w.ctx, id, elevate.PageParams{})
			return err
		})
		try("PutReview", elevate.ErrNotFound, w.draft, func(id uuid.UUID) error {
			_, err := me.PutReview(w.ctx, elevate.PutReviewParams{UserID: who.UserID, CourseID: id, Rating: 3})
			return err
		})
		try("DeleteReview", elevate.ErrNotFound, w.draft, func(id uuid.UUID) error {
			_, err := me.DeleteReview(w.ctx, who.UserID, id)
			return err
		})
		try("Enroll", elevate.ErrNotPublished, w.draft, func(id uuid.UUID) error {
			_, err := me.Enroll(w.ctx, who.UserID, id)
			return err
		})
		try("CreatePayment", elevate.ErrNotPublished, w.draft, func(id uuid.UUID) error {
			_, err := me.CreatePayment(w.ctx, elevate.CreatePaymentParams{UserID: who.UserID, CourseID: id, IdempotencyKey: "order"})
			return err
		})
		try("CompleteLesson", elevate.ErrNotEnrolled, w.draftLesson, func(id uuid.UUID) error {
			_, err := me.CompleteLesson(w.ctx, who.UserID, id, 0)
			return err
		})
		try("UncompleteLesson", elevate.ErrNotEnrolled, w.draftLesson, func(id uuid.UUID) error {
			_, err := me.UncompleteLesson(w.ctx, who.UserID, id)
			return err
		})
		try("RecordStudyTime", elevate.ErrNotEnrolled, w.draftLesson, func(id uuid.UUID) error {
			_, err := me.RecordStudyTime(w.ctx, elevate.RecordStudyTimeParams{UserID: who.UserID, LessonID: id})
			return err
		})
		try("ResetProgress", elevate.ErrNotEnrolled, w.draft, func(id uuid.UUID) error {
			_, err := me.ResetProgress(w.ctx, who.UserID, id)
			return err
		})
		try("Submit", elevate.ErrNotEnrolled, made.Assignment.ID, func(id uuid.UUID) error {
			_, err := me.Submit(w.ctx, elevate.SubmitParams{UserID: who.UserID, AssignmentID: id, Content: "Mine."})
			return err
		})
		try("IssueCertificate", elevate.ErrNotEnrolled, w.draft, func(id uuid.UUID) error {
			_, err := me.IssueCertificate(w.ctx, elevate.IssueCertificateParams{UserID: who.UserID, CourseID: id})
			return err
		})
		try("Unenroll", nil, w.draft, func(id uuid.UUID) error {
			_, err := me.Unenroll(w.ctx, elevate.UnenrollParams{UserID: who.UserID, CourseID: id})
			return err
		})
	}
}
