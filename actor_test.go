package elevate_test

import (
	"testing"

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
