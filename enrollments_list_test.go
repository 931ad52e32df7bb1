package elevate_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// enrollAt puts a learner into a course at a time.
func (b *testBundle) enrollAt(t testing.TB, userID, courseID uuid.UUID, at time.Time) {
	t.Helper()
	b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source, enrolled_at) VALUES ($1, $2, 'free', $3)`,
		userID, courseID, at)
}

// walk reads a list in pages of two, with something done between them, and
// returns the keys in the order in which they came.
func walk[T any](
	t testing.TB, read func(elevate.PageParams) (elevate.Page[T], error), key func(T) uuid.UUID, between func(),
) []uuid.UUID {
	t.Helper()
	var (
		keys   []uuid.UUID
		cursor string
	)
	for {
		page, err := read(elevate.PageParams{Cursor: cursor, Limit: 2})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Items), 2)
		for _, item := range page.Items {
			keys = append(keys, key(item))
		}
		if page.Next == "" {
			return keys
		}
		cursor = page.Next
		between()
	}
}

func TestMyCourses(t *testing.T) {
	t.Parallel()

	type myCoursesBundle struct {
		*testBundle

		userID uuid.UUID
		me     *elevate.Store
	}
	setup := func(t *testing.T) *myCoursesBundle {
		t.Helper()
		b := &myCoursesBundle{testBundle: newBundle(t)}
		b.userID = b.user(t, elevate.RoleUser)
		b.me = b.as(b.userID, elevate.RoleUser)
		return b
	}
	courseID := func(c elevate.MyCourse) uuid.UUID { return c.Enrollment.CourseID }

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		older, _ := b.course(t, courseSeed{lessons: 2, published: true})
		newer, _ := b.course(t, courseSeed{published: true})
		others, _ := b.course(t, courseSeed{published: true})
		b.exec(t, `UPDATE {s}.courses SET thumbnail_url = 'https://example.org/' WHERE id = $1`, older)
		now := time.Now()
		b.enrollAt(t, b.userID, newer, now)
		b.enrollAt(t, b.userID, older, now.Add(-time.Hour))
		b.enrollAt(t, b.user(t, elevate.RoleUser), others, now)
		for _, store := range []*elevate.Store{b.me, b.system} {
			page, err := store.MyCourses(b.ctx, b.userID, elevate.PageParams{})
			require.NoError(t, err)
			require.Empty(t, page.Next)
			require.Len(t, page.Items, 2)
			require.Equal(t, newer, page.Items[0].Enrollment.CourseID)
			got := page.Items[1]
			require.Equal(t, elevate.MyCourse{
				Enrollment: elevate.Enrollment{
					ID:           b.enrollmentID(t, b.userID, older),
					UserID:       b.userID,
					CourseID:     older,
					Source:       "free",
					EnrolledAt:   got.Enrollment.EnrolledAt,
					LessonsTotal: 2,
				},
				Slug:         older.String(),
				Title:        "Course " + older.String(),
				ThumbnailURL: "https://example.org/",
				NextLesson:   got.NextLesson,
			}, got)
			require.WithinDuration(t, now.Add(-time.Hour), got.Enrollment.EnrolledAt, time.Microsecond)
		}
	})

	t.Run("NextLesson", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id, lessons := b.course(t, courseSeed{lessons: 3, published: true})
		b.enroll(t, b.userID, id)
		other := b.user(t, elevate.RoleUser)
		b.enroll(t, other, id)
		b.complete(t, other, lessons[0])
		next := func() *elevate.NextLesson {
			page, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{})
			require.NoError(t, err)
			return page.Items[0].NextLesson
		}
		require.Equal(t, &elevate.NextLesson{ID: lessons[0], Title: "Lesson 1", Position: 1}, next(), "another's progress is not mine")
		b.exec(t, `INSERT INTO {s}.progress (user_id, lesson_id, time_spent) VALUES ($1, $2, 60)`, b.userID, lessons[0])
		require.Equal(t, lessons[0], next().ID, "begun is not completed")
		b.complete(t, b.userID, lessons[1])
		require.Equal(t, lessons[0], next().ID, "the first that is missing, not the one after the last")
		b.exec(t, `UPDATE {s}.progress SET completed = TRUE, completed_at = now() WHERE user_id = $1 AND lesson_id = $2`,
			b.userID, lessons[0])
		require.Equal(t, &elevate.NextLesson{ID: lessons[2], Title: "Lesson 3", Position: 3}, next())

		b.exec(t, `INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'Fourth', 4)`, id)
		b.exec(t, `UPDATE {s}.lessons SET "order" = 7 - "order" WHERE course_id = $1 AND "order" > 2`, id)
		require.Equal(t, "Fourth", next().Title, "places count, not the age of lessons")
		b.exec(t, `DELETE FROM {s}.lessons WHERE title = 'Fourth'`)

		b.complete(t, b.userID, lessons[2])
		require.Nil(t, next())
		b.exec(t, `INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'Fifth', 5)`, id)
		require.Nil(t, next(), "a completed course stays completed")
	})

	t.Run("NextLessonOfNone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id, _ := b.course(t, courseSeed{published: true})
		b.enroll(t, b.userID, id)
		page, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Nil(t, page.Items[0].NextLesson)
	})

	t.Run("None", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		page, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Page[elevate.MyCourse]{Items: []elevate.MyCourse{}}, page)
	})

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		now := time.Now()
		var gone uuid.UUID
		for i := range 7 {
			id, _ := b.course(t, courseSeed{lessons: 1, published: true})
			b.enrollAt(t, b.userID, id, now.Add(-time.Duration(i/3)*time.Hour)) // three of one moment
			if i == 6 {
				gone = id
			}
		}
		read := func(page elevate.PageParams) (elevate.Page[elevate.MyCourse], error) {
			return b.me.MyCourses(b.ctx, b.userID, page)
		}
		whole, err := read(elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, whole.Items, 7)
		want := make([]uuid.UUID, 0, 7)
		for _, c := range whole.Items {
			if courseID(c) != gone {
				want = append(want, courseID(c))
			}
		}
		require.Equal(t, want, walk(t, read, courseID, func() {
			id, _ := b.course(t, courseSeed{published: true})
			b.enrollAt(t, b.userID, id, now.Add(time.Hour))
			b.exec(t, `DELETE FROM {s}.enrollments WHERE course_id = $1`, gone)
		}), "rows added meanwhile neither repeat nor skip one")
	})

	t.Run("CapsTheLimit", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `WITH made AS (
				INSERT INTO {s}.courses (title, slug, description, instructor_id, category, level, price, published)
				SELECT 'Course', 'course-' || n, '', $1, 'go', 'beginner', 0, TRUE FROM generate_series(1, 501) AS n
				RETURNING id
			)
			INSERT INTO {s}.enrollments (user_id, course_id) SELECT $2, m.id FROM made AS m`,
			b.user(t, elevate.RoleInstructor), b.userID)
		first, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, first.Items, 50)
		most, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{Limit: 1 << 40})
		require.NoError(t, err)
		require.Len(t, most.Items, 500)
		last, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{Cursor: most.Next})
		require.NoError(t, err)
		require.Len(t, last.Items, 1)
		require.Empty(t, last.Next)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.MyCourses(b.ctx, uuid.New(), elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfInvalidPage", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		instructorID := b.user(t, elevate.RoleInstructor)
		id, _ := b.course(t, courseSeed{instructor: instructorID, published: true})
		for range 2 {
			b.enroll(t, b.user(t, elevate.RoleUser), id)
		}
		roster, err := b.system.CourseLearners(b.ctx, id, elevate.PageParams{Limit: 1})
		require.NoError(t, err)
		require.NotEmpty(t, roster.Next)
		for _, cursor := range []string{"x", "\x00", roster.Next, roster.Next[:8]} {
			_, err = b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{Cursor: cursor})
			require.ErrorIs(t, err, elevate.ErrInvalidCursor)
		}
		var invalid *elevate.ValidationError
		_, err = b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{Limit: -1})
		require.ErrorAs(t, err, &invalid)
		_, err = b.system.CourseLearners(b.ctx, id, elevate.PageParams{Limit: -1})
		require.ErrorAs(t, err, &invalid)
		_, err = b.system.CourseLearners(b.ctx, id, elevate.PageParams{Cursor: "x"})
		require.ErrorIs(t, err, elevate.ErrInvalidCursor)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, store := range map[string]*elevate.Store{
			"Visitor":    b.store,
			"Other":      b.as(b.user(t, elevate.RoleUser), elevate.RoleUser),
			"Instructor": b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor),
		} {
			_, err := store.MyCourses(b.ctx, b.userID, elevate.PageParams{})
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id, _ := b.course(t, courseSeed{lessons: 1, published: true})
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).MyCourses(b.ctx, uuid.New(), elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		_, err = b.me.WithTx(tx).Enroll(b.ctx, b.userID, id)
		require.NoError(t, err)
		page, err := b.me.WithTx(tx).MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	})
}

func TestCourseLearners(t *testing.T) {
	t.Parallel()

	type learnersBundle struct {
		*testBundle

		courseID, teacherID uuid.UUID
		lessons             []uuid.UUID
		teacher             *elevate.Store
	}
	setup := func(t *testing.T) *learnersBundle {
		t.Helper()
		b := &learnersBundle{testBundle: newBundle(t)}
		b.teacherID = b.user(t, elevate.RoleInstructor)
		b.teacher = b.as(b.teacherID, elevate.RoleInstructor)
		b.courseID, b.lessons = b.course(t, courseSeed{instructor: b.teacherID, lessons: 2, published: true})
		return b
	}
	userID := func(l elevate.Learner) uuid.UUID { return l.Enrollment.UserID }

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		older, newer := b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser)
		now := time.Now()
		b.enrollAt(t, newer, b.courseID, now)
		b.enrollAt(t, older, b.courseID, now.Add(-time.Hour))
		elsewhere, _ := b.course(t, courseSeed{instructor: b.teacherID})
		b.enroll(t, older, elsewhere)
		b.complete(t, older, b.lessons[0])
		for _, store := range []*elevate.Store{b.teacher, b.system, b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin)} {
			page, err := store.CourseLearners(b.ctx, b.courseID, elevate.PageParams{})
			require.NoError(t, err)
			require.Empty(t, page.Next)
			require.Len(t, page.Items, 2)
			require.Equal(t, newer, userID(page.Items[0]))
			got := page.Items[1]
			require.Equal(t, elevate.Learner{
				Enrollment: elevate.Enrollment{
					ID:               b.enrollmentID(t, older, b.courseID),
					UserID:           older,
					CourseID:         b.courseID,
					Source:           "free",
					EnrolledAt:       got.Enrollment.EnrolledAt,
					Progress:         50,
					LessonsCompleted: 1,
					LessonsTotal:     2,
				},
				Name:  "Name of " + older.String() + "@example.org",
				Email: older.String() + "@example.org",
			}, got)
		}
	})

	t.Run("None", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		page, err := b.teacher.CourseLearners(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Page[elevate.Learner]{Items: []elevate.Learner{}}, page)
	})

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		now := time.Now()
		for i := range 7 {
			b.enrollAt(t, b.user(t, elevate.RoleUser), b.courseID, now.Add(-time.Duration(i/3)*time.Hour))
		}
		read := func(page elevate.PageParams) (elevate.Page[elevate.Learner], error) {
			return b.teacher.CourseLearners(b.ctx, b.courseID, page)
		}
		whole, err := read(elevate.PageParams{})
		require.NoError(t, err)
		want := make([]uuid.UUID, len(whole.Items))
		for i, l := range whole.Items {
			want[i] = userID(l)
		}
		require.Len(t, want, 7)
		require.Equal(t, want, walk(t, read, userID, func() {
			b.enrollAt(t, b.user(t, elevate.RoleUser), b.courseID, now.Add(time.Hour))
		}), "rows added meanwhile neither repeat nor skip one")
	})

	t.Run("ErrorIfNotTheirs", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		_, err := other.CourseLearners(b.ctx, b.courseID, elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		b.enroll(t, b.user(t, elevate.RoleUser), b.courseID)
		_, err = other.CourseLearners(b.ctx, b.courseID, elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		for _, id := range []uuid.UUID{uuid.New(), uuid.Nil, b.teacherID} {
			_, err = b.system.CourseLearners(b.ctx, id, elevate.PageParams{})
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		learnerID := b.user(t, elevate.RoleUser)
		b.enroll(t, learnerID, b.courseID)
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store,
			"Learner": b.as(learnerID, elevate.RoleUser),
			"Nobody":  b.as(uuid.Nil, elevate.RoleInstructor),
		} {
			_, err := store.CourseLearners(b.ctx, b.courseID, elevate.PageParams{})
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		_, err := store.CourseLearners(b.ctx, uuid.New(), elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		learnerID := b.user(t, elevate.RoleUser)
		_, err = b.system.WithTx(tx).Enroll(b.ctx, learnerID, b.courseID)
		require.NoError(t, err)
		page, err := store.CourseLearners(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	})
}
