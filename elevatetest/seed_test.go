package elevatetest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
)

// TestDashboard runs the Example.
func TestDashboard(t *testing.T) { testDashboard(t) } //nolint:paralleltest // the Example is parallel

func TestSeeds(t *testing.T) {
	t.Parallel()

	t.Run("User", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		one, two := elevatetest.User(t, db.Store), elevatetest.User(t, db.Store)

		require.Equal(t, elevate.RoleUser, one.Role)
		require.NotEqual(t, one.ID, two.ID)
		require.NotEqual(t, one.Email, two.Email)
		require.NotEqual(t, one.Name, two.Name)
		require.Equal(t, 2, query[int](t, db.Pool, "SELECT count(*) FROM users"))
	})

	t.Run("UserAsAsked", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		id := uuid.New()
		grace := elevatetest.User(t, db.Store,
			func(p *elevate.SyncUserParams) { p.ID, p.Name = id, "Grace" },
			func(p *elevate.SyncUserParams) { p.Role = elevate.RoleInstructor },
		)

		require.Equal(t, id, grace.ID)
		require.Equal(t, "Grace", grace.Name)
		require.Equal(t, elevate.RoleInstructor, grace.Role)
	})

	t.Run("Course", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		one, two := elevatetest.Course(t, db.Store), elevatetest.Course(t, db.Store)

		require.NotEqual(t, one.Slug, two.Slug)
		require.NotEqual(t, one.InstructorID, two.InstructorID)
		require.Zero(t, one.Price)
		require.Zero(t, one.LessonsTotal)
		require.False(t, one.Published)
	})

	t.Run("CourseAsAsked", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		first := elevatetest.Course(t, db.Store)
		course := elevatetest.Course(t, db.Store, func(p *elevate.CreateCourseParams) {
			p.InstructorID, p.Price = first.InstructorID, 4900
		})

		require.Equal(t, first.InstructorID, course.InstructorID)
		require.EqualValues(t, 4900, course.Price)
		require.Equal(t, 1, query[int](t, db.Pool, "SELECT count(*) FROM users"), "no instructor that nobody needs")
	})

	t.Run("Lessons", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		course := elevatetest.Course(t, db.Store)
		require.Empty(t, elevatetest.Lessons(t, db.Store, course.ID, 0))
		lessons := elevatetest.Lessons(t, db.Store, course.ID, 1001) // more than one call adds

		require.Len(t, lessons, 1001)
		for i, lesson := range lessons {
			require.EqualValues(t, i+1, lesson.Position)
		}
		require.Equal(t, "Lesson 1001", lessons[1000].Title)
		require.NotEmpty(t, lessons[0].Content)
		require.Equal(t, 10*time.Minute, lessons[0].Duration)
	})

	t.Run("PublishedCourse", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		course, lessons := elevatetest.PublishedCourse(t, db.Store, 3, func(p *elevate.CreateCourseParams) {
			p.Title = "Go basics"
		})

		require.True(t, course.Published)
		require.Equal(t, "Go basics", course.Title)
		require.EqualValues(t, 3, course.LessonsTotal)
		require.Len(t, lessons, 3)
	})

	t.Run("Enrollment", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		ada := elevatetest.User(t, db.Store)
		course, _ := elevatetest.PublishedCourse(t, db.Store, 2, func(p *elevate.CreateCourseParams) { p.Price = 4900 })
		enrollment := elevatetest.Enrollment(t, db.Store, ada.ID, course.ID)

		require.Equal(t, "elevatetest", enrollment.Source)
		require.Zero(t, enrollment.Progress)
		require.Equal(t, enrollment, elevatetest.Enrollment(t, db.Store, ada.ID, course.ID))
	})

	t.Run("CompletedEnrollment", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		ada := elevatetest.User(t, db.Store)
		course, _ := elevatetest.PublishedCourse(t, db.Store, 51) // more than a page
		enrollment := elevatetest.CompletedEnrollment(t, db.Store, ada.ID, course.ID,
			func(p *elevate.GrantEnrollmentParams) { p.Source = "scholarship" })

		require.Equal(t, "scholarship", enrollment.Source)
		require.EqualValues(t, 51, enrollment.LessonsCompleted)
		require.EqualValues(t, 100, enrollment.Progress)
		require.NotNil(t, enrollment.CompletedAt)
	})

	t.Run("Certificate", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		ada := elevatetest.User(t, db.Store)
		course, _ := elevatetest.PublishedCourse(t, db.Store, 1)
		certificate := elevatetest.Certificate(t, db.Store, ada.ID, course.ID,
			func(p *elevate.IssueCertificateParams) { p.URL = "https://example.org/1.pdf" })

		require.Equal(t, ada.Name, certificate.HolderName)
		require.Equal(t, "https://example.org/1.pdf", certificate.URL)
		verification, err := db.Store.VerifyCertificate(t.Context(), certificate.PublicID)
		require.NoError(t, err)
		require.True(t, verification.Valid)
	})

	t.Run("AnyActor", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		ada := elevatetest.User(t, db.Store)
		me := db.Store.As(elevate.Actor{UserID: ada.ID, Role: ada.Role})
		course, _ := elevatetest.PublishedCourse(t, me, 1)
		elevatetest.Certificate(t, me, ada.ID, course.ID)
	})

	t.Run("InSchema", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t, elevatetest.WithSchema("school"))
		course, _ := elevatetest.PublishedCourse(t, db.Store, 1)
		elevatetest.Certificate(t, db.Store, elevatetest.User(t, db.Store).ID, course.ID)
		require.Equal(t, 1, query[int](t, db.Pool, "SELECT count(*) FROM school.certificates"))
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t, elevatetest.WithMaxConns(1)) // a second connection would wait for ever
		tx, err := db.Pool.Begin(t.Context())
		require.NoError(t, err)
		store := db.Store.WithTx(tx)
		course, _ := elevatetest.PublishedCourse(t, store, 2)
		elevatetest.Certificate(t, store, elevatetest.User(t, store).ID, course.ID)
		require.NoError(t, tx.Rollback(t.Context()))

		require.Zero(t, query[int](t, db.Pool, `SELECT (SELECT count(*) FROM users)
			+ (SELECT count(*) FROM courses) + (SELECT count(*) FROM certificates)`))
	})

	t.Run("ErrorEndsTheTest", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		for name, seed := range map[string]func(*endedTest){
			"Email": func(t *endedTest) {
				elevatetest.User(t, db.Store, func(p *elevate.SyncUserParams) { p.Email = "nobody" })
			},
			"Slug": func(t *endedTest) {
				elevatetest.Course(t, db.Store, func(p *elevate.CreateCourseParams) { p.Slug = "" })
			},
			"add 1 lessons": func(t *endedTest) { elevatetest.Lessons(t, db.Store, uuid.New(), 1) },
			"no lessons":    func(t *endedTest) { elevatetest.PublishedCourse(t, db.Store, 0) },
			"grant user":    func(t *endedTest) { elevatetest.Enrollment(t, db.Store, uuid.New(), uuid.New()) },
		} {
			inner := &endedTest{TB: t}
			ended := make(chan bool)
			go func() {
				defer close(ended)
				seed(inner)
				ended <- false // not reached
			}()
			_, goesOn := <-ended
			require.False(t, goesOn, name)
			require.True(t, strings.HasPrefix(inner.log.String(), "elevate/elevatetest: "), name)
			require.Contains(t, inner.log.String(), name)
		}
	})
}
