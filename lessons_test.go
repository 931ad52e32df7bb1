package elevate_test

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// lessonBundle is a published course of three lessons with its teacher and an
// enrolled learner.
type lessonBundle struct {
	*testBundle

	teacherID, userID, courseID uuid.UUID
	lessons                     []uuid.UUID
	teacher, me                 *elevate.Store
}

func newLessonBundle(t *testing.T) *lessonBundle {
	t.Helper()
	b := &lessonBundle{testBundle: newBundle(t)}
	b.teacherID = b.user(t, elevate.RoleInstructor)
	b.userID = b.user(t, elevate.RoleUser)
	b.courseID, b.lessons = b.course(t, courseSeed{instructor: b.teacherID, lessons: 3, published: true})
	b.enroll(t, b.userID, b.courseID)
	b.teacher = b.as(b.teacherID, elevate.RoleInstructor)
	b.me = b.as(b.userID, elevate.RoleUser)
	return b
}

// order is the lessons of a course in order; their places have no gap.
func (b *testBundle) order(t testing.TB, courseID uuid.UUID) []uuid.UUID {
	t.Helper()
	require.Zero(t, b.count(t, `SELECT count(*) FROM (
			SELECT l."order", row_number() OVER (ORDER BY l."order") AS nth FROM {s}.lessons AS l WHERE l.course_id = $1
		) AS l WHERE l."order" <> l.nth`, courseID), "places with a gap")
	return scan[[]uuid.UUID](t, b, `SELECT coalesce(array_agg(l.id ORDER BY l."order"), '{}')
		FROM {s}.lessons AS l WHERE l.course_id = $1`, courseID)
}

// enrollment is what the counters say of a learner in a course.
type enrollment struct {
	done, total, progress int
	completed             bool
}

func (b *testBundle) enrollment(t testing.TB, userID, courseID uuid.UUID) enrollment {
	t.Helper()
	var e enrollment
	require.NoError(t, b.pool.QueryRow(b.ctx, b.sql(`
		SELECT lessons_completed, lessons_total, progress, completed_at IS NOT NULL
		FROM {s}.enrollments WHERE user_id = $1 AND course_id = $2`), userID, courseID).
		Scan(&e.done, &e.total, &e.progress, &e.completed))
	return e
}

// later runs call in the background; the channel gets its error.
func later(call func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	return done
}

// soon is a context for what must not wait for a lock.
func (b *testBundle) soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func newLessons(titles ...string) []elevate.NewLesson {
	lessons := make([]elevate.NewLesson, len(titles))
	for i, title := range titles {
		lessons[i] = elevate.NewLesson{ID: uuid.Must(uuid.NewV7()), Title: title}
	}
	return lessons
}

func TestAddLessons(t *testing.T) {
	t.Parallel()

	t.Run("CreatesAtEnd", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		results, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID,
			Lessons: []elevate.NewLesson{
				{
					Title:       "Pointers",
					Description: "What they are",
					Content:     "A pointer points.",
					VideoURL:    "https://example.org/v/1",
					Duration:    90*time.Second + time.Millisecond,
				},
				{Title: "Slices"},
			},
		})
		require.NoError(t, err)
		require.Len(t, results, 2)
		first := results[0].Lesson
		require.True(t, results[0].Created)
		require.True(t, results[1].Created)
		require.Equal(t, b.courseID, first.CourseID)
		require.Equal(t, "Pointers", first.Title)
		require.Equal(t, "What they are", first.Description)
		require.Equal(t, "A pointer points.", first.Content)
		require.Equal(t, "https://example.org/v/1", first.VideoURL)
		require.Equal(t, 90*time.Second, first.Duration)
		require.Equal(t, int32(4), first.Position)
		require.Equal(t, int32(1), first.Version)
		require.False(t, first.CreatedAt.IsZero())
		require.Equal(t, int32(5), results[1].Lesson.Position)
		require.Equal(t, append(b.lessons, first.ID, results[1].Lesson.ID), b.order(t, b.courseID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.lessons WHERE title = 'Slices'
			AND num_nulls(description, content, video_url, duration) = 4`))
		require.Equal(t, enrollment{0, 5, 0, false}, b.enrollment(t, b.userID, b.courseID))
		view, err := b.teacher.GetLesson(b.ctx, first.ID)
		require.NoError(t, err)
		require.Equal(t, first, view.Lesson)
	})

	t.Run("CreatesAtPosition", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons[0])
		fresh := newLessons("A", "B")
		results, err := b.system.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: fresh, Position: 2,
		})
		require.NoError(t, err)
		require.Equal(t, int32(2), results[0].Lesson.Position)
		want := []uuid.UUID{b.lessons[0], fresh[0].ID, fresh[1].ID, b.lessons[1], b.lessons[2]}
		require.Equal(t, want, b.order(t, b.courseID))
		require.Equal(t, enrollment{1, 5, 20, false}, b.enrollment(t, b.userID, b.courseID))
		past := newLessons("C")
		results, err = b.system.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: past, Position: math.MaxInt32,
		})
		require.NoError(t, err)
		require.Equal(t, int32(6), results[0].Lesson.Position)
		require.Equal(t, past[0].ID, b.order(t, b.courseID)[5])
	})

	t.Run("CreatesInEmptyCourse", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		courseID, _ := b.course(t, courseSeed{instructor: b.teacherID})
		lessons := make([]elevate.NewLesson, 1000)
		for i := range lessons {
			lessons[i].Title = "One of many"
		}
		results, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: courseID, Lessons: lessons})
		require.NoError(t, err)
		require.Equal(t, int32(1000), results[999].Lesson.Position)
		require.Len(t, b.order(t, courseID), 1000)
		require.Equal(t, 1000, b.count(t, `SELECT lessons_total FROM {s}.courses WHERE id = $1`, courseID))
	})

	t.Run("CompletedStaysCompleted", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.complete(t, b.userID, b.lessons...)
		_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: b.courseID, Lessons: newLessons("A")})
		require.NoError(t, err)
		require.Equal(t, enrollment{3, 3, 100, true}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.drift(t))
	})

	t.Run("AlreadyAdded", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		params := elevate.AddLessonsParams{CourseID: b.courseID, Lessons: newLessons("A", "B"), Position: 1}
		first, err := b.teacher.AddLessons(b.ctx, params)
		require.NoError(t, err)
		again, err := b.teacher.AddLessons(b.ctx, params)
		require.NoError(t, err)
		for i := range first {
			require.False(t, again[i].Created)
			require.Equal(t, first[i].Lesson, again[i].Lesson)
		}
		require.Len(t, b.order(t, b.courseID), 5)
		require.Equal(t, enrollment{0, 5, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("AddsWhatIsMissing", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		lessons := newLessons("A", "B", "C")
		_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: b.courseID, Lessons: lessons[1:2]})
		require.NoError(t, err)
		results, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: lessons, Position: 1,
		})
		require.NoError(t, err)
		require.True(t, results[0].Created)
		require.False(t, results[1].Created)
		require.True(t, results[2].Created)
		require.Equal(t, int32(6), results[1].Lesson.Position, "it was moved up by the call")
		want := append([]uuid.UUID{lessons[0].ID, lessons[2].ID}, b.lessons...)
		require.Equal(t, append(want, lessons[1].ID), b.order(t, b.courseID))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		twice := newLessons("A", "A")
		twice[1].ID = twice[0].ID
		whole := make([]elevate.NewLesson, 65)
		for i := range whole {
			whole[i] = elevate.NewLesson{Title: "A", Content: strings.Repeat("a", 1<<20)}
		}
		long := strings.Repeat("a", 1<<20+1)
		one := func(lesson elevate.NewLesson) []elevate.NewLesson {
			lesson.Title = "A"
			return []elevate.NewLesson{lesson}
		}
		cases := map[string]struct {
			field    string
			position int
			lessons  []elevate.NewLesson
		}{
			"NegativePosition": {"Position", -1, newLessons("A")},
			"HugePosition":     {"Position", math.MaxInt32 + 1, newLessons("A")},
			"NoLessons":        {"Lessons", 0, nil},
			"TooManyLessons":   {"Lessons", 0, make([]elevate.NewLesson, 1001)},
			"TooLongTogether":  {"Lessons", 0, whole},
			"RepeatedID":       {"Lessons[1].ID", 0, twice},
			"EmptyTitle":       {"Lessons[1].Title", 0, newLessons("A", " ")},
			"LongTitle":        {"Lessons[0].Title", 0, newLessons(strings.Repeat("ä", 256))},
			"NULInTitle":       {"Lessons[0].Title", 0, newLessons("a\x00b")},
			"InvalidUTF8":      {"Lessons[0].Description", 0, one(elevate.NewLesson{Description: "\xff"})},
			"LongContent":      {"Lessons[0].Content", 0, one(elevate.NewLesson{Content: long})},
			"ScriptURL":        {"Lessons[0].VideoURL", 0, one(elevate.NewLesson{VideoURL: "javascript:alert(1)"})},
			"LongURL":          {"Lessons[0].VideoURL", 0, one(elevate.NewLesson{VideoURL: strings.Repeat("a", 501)})},
			"NegativeDuration": {"Lessons[0].Duration", 0, one(elevate.NewLesson{Duration: -1})},
			"HugeDuration":     {"Lessons[0].Duration", 0, one(elevate.NewLesson{Duration: math.MaxInt64})},
		}
		for name, c := range cases {
			_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
				CourseID: b.courseID, Lessons: c.lessons, Position: c.position,
			})
			requireInvalid(t, err, c.field, name)
		}
		require.Len(t, b.order(t, b.courseID), 3)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: uuid.New(), Lessons: newLessons("A")})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		_, err = other.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: newLessons("A"), Position: 1,
		})
		require.ErrorIs(t, err, elevate.ErrNotFound, "another instructor's")
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	t.Run("ErrorIfIDTaken", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, others := b.course(t, courseSeed{instructor: b.teacherID, lessons: 1})
		lessons := newLessons("A", "B", "C")
		lessons[1].ID = others[0]
		_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: lessons, Position: 1,
		})
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	// Only the index can refuse an id that two courses are given at once.
	t.Run("ErrorIfIDTakenAtOnce", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		otherID, _ := b.course(t, courseSeed{instructor: b.teacherID})
		lessons := newLessons("A")
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: otherID, Lessons: lessons})
		require.NoError(t, err)
		mine := b.begin(t)
		done := later(func() error {
			_, err := b.teacher.WithTx(mine).AddLessons(b.ctx, elevate.AddLessonsParams{
				CourseID: b.courseID, Lessons: lessons, Position: 1,
			})
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
		usable(t, mine)
		require.NoError(t, mine.Commit(b.ctx))
		require.Equal(t, b.lessons, b.order(t, b.courseID))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.me} {
			_, err := store.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: b.courseID, Lessons: newLessons("A")})
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, others := b.course(t, courseSeed{lessons: 1})
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		_, err := store.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: uuid.New(), Lessons: newLessons("A")})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		_, err = store.AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: []elevate.NewLesson{{ID: others[0], Title: "A"}},
		})
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
		usable(t, tx)
		_, err = store.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: b.courseID, Lessons: newLessons("A")})
		require.NoError(t, err)
		require.Len(t, b.order(t, b.courseID), 3, "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Len(t, b.order(t, b.courseID), 4)
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).AddLessons(b.ctx, elevate.AddLessonsParams{
			CourseID: b.courseID, Lessons: newLessons("A"), Position: 1,
		})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, b.lessons, b.order(t, b.courseID))
		require.Equal(t, enrollment{0, 3, 0, false}, b.enrollment(t, b.userID, b.courseID))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		same := newLessons("Same")
		created := make([]int, 32)
		require.NoError(t, race(len(created), func(i int) error {
			own := newLessons("Own")
			_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
				CourseID: b.courseID, Lessons: own, Position: i % 4,
			})
			if err != nil {
				return err
			}
			results, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{
				CourseID: b.courseID, Lessons: same, Position: i % 4,
			})
			if err == nil && results[0].Created {
				created[i]++
			}
			return err
		}))
		n := 0
		for _, c := range created {
			n += c
		}
		require.Equal(t, 1, n)
		require.Len(t, b.order(t, b.courseID), 36)
		require.Equal(t, enrollment{0, 36, 0, false}, b.enrollment(t, b.userID, b.courseID))
		require.Zero(t, b.drift(t))
	})

	// Without the lock as a message of its own the second would place its lesson
	// by what it saw before it waited.
	t.Run("WaitsForOther", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		first, second := newLessons("A"), newLessons("B")
		_, err := b.teacher.WithTx(tx).AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: b.courseID, Lessons: first})
		require.NoError(t, err)
		done := later(func() error {
			_, err := b.teacher.AddLessons(b.ctx, elevate.AddLessonsParams{CourseID: b.courseID, Lessons: second})
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, append(b.lessons, first[0].ID, second[0].ID), b.order(t, b.courseID))
	})
}

func TestUpdateLesson(t *testing.T) {
	t.Parallel()

	edit := func(id uuid.UUID) elevate.UpdateLessonParams {
		return elevate.UpdateLessonParams{
			ID:          id,
			Version:     1,
			Title:       "Edited",
			Description: "Better",
			Content:     "Much better",
			VideoURL:    "https://example.org/v/2",
			Duration:    time.Minute + time.Millisecond,
		}
	}

	t.Run("Updates", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		lesson, err := b.teacher.UpdateLesson(b.ctx, edit(b.lessons[1]))
		require.NoError(t, err)
		require.Equal(t, int32(2), lesson.Version)
		require.Equal(t, int32(2), lesson.Position)
		require.Equal(t, time.Minute, lesson.Duration)
		view, err := b.teacher.GetLesson(b.ctx, b.lessons[1])
		require.NoError(t, err)
		require.Equal(t, view.Lesson, lesson)
		emptied, err := b.system.UpdateLesson(b.ctx, elevate.UpdateLessonParams{
			ID: b.lessons[1], Version: 2, Title: "Bare",
		})
		require.NoError(t, err)
		require.Equal(t, int32(3), emptied.Version)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.lessons WHERE title = 'Bare'
			AND num_nulls(description, content, video_url, duration) = 4`))
	})

	t.Run("AlreadyUpdated", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		first, err := b.teacher.UpdateLesson(b.ctx, edit(b.lessons[0]))
		require.NoError(t, err)
		again, err := b.teacher.UpdateLesson(b.ctx, edit(b.lessons[0]))
		require.NoError(t, err)
		require.Equal(t, first, again)
		same := edit(b.lessons[0])
		same.Version = 2
		again, err = b.teacher.UpdateLesson(b.ctx, same)
		require.NoError(t, err)
		require.Equal(t, first, again, "values that are there already are no edit")
	})

	t.Run("ErrorIfEdited", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		b.exec(t, `UPDATE {s}.lessons SET title = 'By hand' WHERE id = $1`, b.lessons[0])
		_, err := b.teacher.UpdateLesson(b.ctx, edit(b.lessons[0]))
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
		ahead := edit(b.lessons[1])
		ahead.Version = 9
		_, err = b.teacher.UpdateLesson(b.ctx, ahead)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.lessons WHERE title = 'Edited'`))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		cases := map[string]func(*elevate.UpdateLessonParams){
			"Version":     func(p *elevate.UpdateLessonParams) { p.Version = 0 },
			"Title":       func(p *elevate.UpdateLessonParams) { p.Title = "\x00" },
			"Description": func(p *elevate.UpdateLessonParams) { p.Description = "\xff" },
			"Content":     func(p *elevate.UpdateLessonParams) { p.Content = strings.Repeat("a", 1<<20+1) },
			"VideoURL":    func(p *elevate.UpdateLessonParams) { p.VideoURL = "data:text/html,x" },
			"Duration":    func(p *elevate.UpdateLessonParams) { p.Duration = -time.Second },
		}
		for field, spoil := range cases {
			params := edit(b.lessons[0])
			spoil(&params)
			_, err := b.teacher.UpdateLesson(b.ctx, params)
			requireInvalid(t, err, field, field)
		}
		params := edit(b.lessons[0])
		params.Version = math.MinInt32
		_, err := b.teacher.UpdateLesson(b.ctx, params)
		requireInvalid(t, err, "Version")
		params.Version = math.MaxInt32
		_, err = b.teacher.UpdateLesson(b.ctx, params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		_, err := b.teacher.UpdateLesson(b.ctx, edit(b.courseID))
		require.ErrorIs(t, err, elevate.ErrNotFound)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		_, err = other.UpdateLesson(b.ctx, edit(b.lessons[0]))
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		for _, store := range []*elevate.Store{b.store, b.me} {
			_, err := store.UpdateLesson(b.ctx, edit(b.lessons[0]))
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		_, err := store.UpdateLesson(b.ctx, edit(uuid.New()))
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		_, err = store.UpdateLesson(b.ctx, edit(b.lessons[0]))
		require.NoError(t, err)
		stale := edit(b.lessons[0])
		stale.Title = "Another"
		_, err = store.UpdateLesson(b.ctx, stale)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
		usable(t, tx)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.lessons WHERE title = 'Edited'`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).UpdateLesson(b.ctx, edit(b.lessons[0]))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.lessons WHERE title = 'Edited'`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		outcomes := make([]error, 32)
		require.NoError(t, race(len(outcomes), func(i int) error {
			params := edit(b.lessons[0])
			params.Title = "Editor " + strconv.Itoa(i)
			_, outcomes[i] = b.teacher.UpdateLesson(b.ctx, params)
			return nil
		}))
		won := 0
		for _, err := range outcomes {
			if err == nil {
				won++
				continue
			}
			requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
		}
		require.Equal(t, 1, won)
		require.Equal(t, 2, b.count(t, `SELECT version FROM {s}.lessons WHERE id = $1`, b.lessons[0]))
	})

	t.Run("CompletionsGoOn", func(t *testing.T) {
		t.Parallel()
		b := newLessonBundle(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).UpdateLesson(b.ctx, edit(b.lessons[0]))
		require.NoError(t, err)
		_, err = b.me.CompleteLesson(b.soon(t), b.userID, b.lessons[0], 0)
		require.NoError(t, err)
	})
}
