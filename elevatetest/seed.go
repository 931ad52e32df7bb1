package elevatetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// seeder is the actor of the seeds, and the source of the enrollments they grant.
const seeder = "elevatetest"

// maxLessons is how many lessons one call adds.
const maxLessons = 1000

// as is the store as the seeds use it: whatever it acts as, and in the same
// transaction.
func as(store *elevate.Store) *elevate.Store {
	return store.As(elevate.System(seeder))
}

// must ends a test whose seed was refused.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("elevate/elevatetest: %s", err)
	}
}

// User is a new user: a learner with a name and an email of their own. They have
// no password, whose hash would take a quarter of a second.
func User(t testing.TB, store *elevate.Store, change ...func(*elevate.SyncUserParams)) elevate.User {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	params := elevate.SyncUserParams{
		Email: "user-" + id.String() + "@example.org",
		ID:    id,
		Name:  "User " + short(id),
		Role:  elevate.RoleUser,
	}
	for _, f := range change {
		f(&params)
	}
	result, err := as(store).SyncUser(t.Context(), params)
	must(t, err)
	return result.User
}

// Course is a new course: free, without lessons and not published, of a new
// instructor unless a change names one.
func Course(t testing.TB, store *elevate.Store, change ...func(*elevate.CreateCourseParams)) elevate.Course {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	params := elevate.CreateCourseParams{
		Category:    "example",
		Description: "A course for a test.",
		ID:          id,
		Level:       elevate.LevelBeginner,
		Slug:        "course-" + id.String(),
		Title:       "Course " + short(id),
	}
	for _, f := range change {
		f(&params)
	}
	if params.InstructorID == uuid.Nil {
		params.InstructorID = User(t, store, func(p *elevate.SyncUserParams) { p.Role = elevate.RoleInstructor }).ID
	}
	result, err := as(store).CreateCourse(t.Context(), params)
	must(t, err)
	return result.Course
}

// Lessons are n new lessons at the end of a course, in order, each with content
// and of ten minutes.
func Lessons(t testing.TB, store *elevate.Store, courseID uuid.UUID, n int) []elevate.Lesson {
	t.Helper()
	var lessons []elevate.Lesson
	for len(lessons) < n {
		add := make([]elevate.NewLesson, min(n-len(lessons), maxLessons))
		for i := range add {
			number := len(lessons) + i + 1
			add[i] = elevate.NewLesson{
				Content:  fmt.Sprintf("What lesson %d teaches.", number),
				Duration: 10 * time.Minute,
				Title:    fmt.Sprintf("Lesson %d", number),
			}
		}
		results, err := as(store).AddLessons(t.Context(), elevate.AddLessonsParams{CourseID: courseID, Lessons: add})
		must(t, err)
		for _, result := range results {
			lessons = append(lessons, result.Lesson)
		}
	}
	return lessons
}

// PublishedCourse is a [Course] with [Lessons], at least one, in the catalogue.
func PublishedCourse(
	t testing.TB, store *elevate.Store, lessons int, change ...func(*elevate.CreateCourseParams),
) (elevate.Course, []elevate.Lesson) {
	t.Helper()
	course := Course(t, store, change...)
	added := Lessons(t, store, course.ID, lessons)
	course, err := as(store).PublishCourse(t.Context(), course.ID)
	must(t, err)
	return course, added
}

// Enrollment puts a learner into a published course, whatever it costs: it is a
// grant, of the source "elevatetest". One that is there already is returned as
// it is.
func Enrollment(
	t testing.TB, store *elevate.Store, userID, courseID uuid.UUID, change ...func(*elevate.GrantEnrollmentParams),
) elevate.Enrollment {
	t.Helper()
	params := elevate.GrantEnrollmentParams{CourseID: courseID, Source: seeder, UserID: userID}
	for _, f := range change {
		f(&params)
	}
	result, err := as(store).GrantEnrollment(t.Context(), params)
	must(t, err)
	return result.Enrollment
}

// CompletedEnrollment is an [Enrollment] of a learner who has completed every
// lesson, each in a call of its own.
func CompletedEnrollment(
	t testing.TB, store *elevate.Store, userID, courseID uuid.UUID, change ...func(*elevate.GrantEnrollmentParams),
) elevate.Enrollment {
	t.Helper()
	Enrollment(t, store, userID, courseID, change...)
	for page := (elevate.PageParams{}); ; {
		outline, err := as(store).CourseOutline(t.Context(), courseID, page)
		must(t, err)
		for _, lesson := range outline.Items {
			_, err := as(store).CompleteLesson(t.Context(), userID, lesson.ID, lesson.Duration)
			must(t, err)
		}
		if page.Cursor = outline.Next; page.Cursor == "" {
			break
		}
	}
	return Enrollment(t, store, userID, courseID, change...)
}

// Certificate is the certificate of a learner for a course, which they complete
// for it where they have not.
func Certificate(
	t testing.TB, store *elevate.Store, userID, courseID uuid.UUID, change ...func(*elevate.IssueCertificateParams),
) elevate.Certificate {
	t.Helper()
	CompletedEnrollment(t, store, userID, courseID)
	params := elevate.IssueCertificateParams{CourseID: courseID, UserID: userID}
	for _, f := range change {
		f(&params)
	}
	result, err := as(store).IssueCertificate(t.Context(), params)
	must(t, err)
	return result.Certificate
}

// short is enough of an id to tell a few names apart: its random end.
func short(id uuid.UUID) string {
	s := id.String()
	return s[len(s)-6:]
}
