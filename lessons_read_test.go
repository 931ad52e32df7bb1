package elevate_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestCourseOutline(t *testing.T) {
	t.Parallel()

	t.Run("ListsWithProgress", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `UPDATE {s}.lessons SET description = 'About it', duration = 90, content = 'secret'
			WHERE id = $1`, b.lessons[1])
		_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Minute)
		require.NoError(t, err)
		_, err = b.me.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
			UserID: b.userID, LessonID: b.lessons[1], TimeSpent: 30 * time.Second, Position: 25 * time.Second,
		})
		require.NoError(t, err)
		page, err := b.me.CourseOutline(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Empty(t, page.Next)
		require.Equal(t, []elevate.OutlineLesson{
			{ID: b.lessons[0], Title: "Lesson 1", Position: 1, Completed: true, TimeSpent: time.Minute},
			{
				ID:          b.lessons[1],
				Title:       "Lesson 2",
				Description: "About it",
				Duration:    90 * time.Second,
				Position:    2,
				TimeSpent:   30 * time.Second,
				ResumeAt:    25 * time.Second,
			},
			{ID: b.lessons[2], Title: "Lesson 3", Position: 3},
		}, page.Items)
		page, err = b.store.CourseOutline(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.False(t, page.Items[0].Completed, "a visitor has no progress")
	})

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{lessons: 7, published: true})
		var seen []uuid.UUID
		params := elevate.PageParams{Limit: 3}
		for {
			page, err := b.store.CourseOutline(b.ctx, courseID, params)
			require.NoError(t, err)
			for _, item := range page.Items {
				seen = append(seen, item.ID)
			}
			if params.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		require.Equal(t, lessons, seen)
	})

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, _ := b.course(t, courseSeed{instructor: b.teacherID})
		page, err := b.teacher.CourseOutline(b.ctx, courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.NotNil(t, page.Items)
		require.Empty(t, page.Items)
	})

	t.Run("UnpublishedIsForThoseInIt", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE WHERE id = $1`, b.courseID)
		admin := b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin)
		for _, store := range []*elevate.Store{b.me, b.teacher, b.system, admin} {
			page, err := store.CourseOutline(b.ctx, b.courseID, elevate.PageParams{})
			require.NoError(t, err)
			require.Len(t, page.Items, 3)
		}
		for _, store := range []*elevate.Store{
			b.store,
			b.as(b.user(t, elevate.RoleUser), elevate.RoleUser),
			b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor),
			b.as(uuid.Nil, elevate.RoleUser),
		} {
			_, err := store.CourseOutline(b.ctx, b.courseID, elevate.PageParams{})
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		_, err := b.system.CourseOutline(b.ctx, uuid.New(), elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.me.CourseOutline(b.ctx, b.courseID, elevate.PageParams{Limit: -1})
		requireInvalid(t, err, "Limit", "")
		_, err = b.me.CourseOutline(b.ctx, b.courseID, elevate.PageParams{Cursor: "x"})
		require.ErrorIs(t, err, elevate.ErrInvalidCursor)
		b.enroll(t, b.userID, first(b.course(t, courseSeed{lessons: 1})))
		foreign, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{Limit: 1})
		require.NoError(t, err)
		require.NotEmpty(t, foreign.Next)
		_, err = b.me.CourseOutline(b.ctx, b.courseID, elevate.PageParams{Cursor: foreign.Next})
		require.ErrorIs(t, err, elevate.ErrInvalidCursor)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		require.NoError(t, store.DeleteLesson(b.ctx, b.lessons[0]))
		page, err := store.CourseOutline(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, page.Items, 2)
		_, err = store.CourseOutline(b.ctx, uuid.New(), elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
	})
}

func first[A, B any](a A, _ B) A { return a }

func TestGetLesson(t *testing.T) {
	t.Parallel()

	t.Run("WithProgress", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `UPDATE {s}.lessons SET content = 'All of it', video_url = 'https://example.org/v'
			WHERE id = $1`, b.lessons[0])
		_, err := b.me.RecordStudyTime(b.ctx, elevate.RecordStudyTimeParams{
			UserID: b.userID, LessonID: b.lessons[0], TimeSpent: 30 * time.Second, Position: 25 * time.Second,
		})
		require.NoError(t, err)
		_, err = b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], time.Minute)
		require.NoError(t, err)
		view, err := b.me.GetLesson(b.ctx, b.lessons[0])
		require.NoError(t, err)
		require.Equal(t, b.courseID, view.Lesson.CourseID)
		require.Equal(t, "All of it", view.Lesson.Content)
		require.Equal(t, "https://example.org/v", view.Lesson.VideoURL)
		require.Equal(t, int32(1), view.Lesson.Position)
		require.True(t, view.Completed)
		require.Equal(t, time.Minute, view.TimeSpent)
		require.Equal(t, 25*time.Second, view.ResumeAt)
	})

	// The content of a paid course is for those who paid.
	t.Run("OnlyForThoseInIt", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, lessons := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1, price: 4900, published: true})
		for _, store := range []*elevate.Store{
			b.store,
			b.me,
			b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor),
			b.as(uuid.Nil, elevate.RoleInstructor),
		} {
			_, err := store.GetLesson(b.ctx, lessons[0])
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		b.enroll(t, b.userID, courseID)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE WHERE id = $1`, courseID)
		admin := b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin)
		for _, store := range []*elevate.Store{b.me, b.teacher, b.system, admin} {
			view, err := store.GetLesson(b.ctx, lessons[0])
			require.NoError(t, err)
			require.Equal(t, lessons[0], view.Lesson.ID)
			require.False(t, view.Completed)
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).GetLesson(b.ctx, b.courseID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
	})
}
