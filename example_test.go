package elevate_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/schema"
)

// The first program: a learner completes a course and gets its certificate. The
// ids are chosen, so a repeat changes nothing: it may run twice on one database.
func Example() {
	defer exampleEnvironment()() // sets DATABASE_URL
	ctx := context.Background()
	pool := must(pgxpool.New(ctx, os.Getenv("DATABASE_URL")))
	defer pool.Close()
	if err := schema.Up(ctx, pool.Config().ConnConfig, nil); err != nil { // creates the tables
		panic(err)
	}
	school := must(elevate.New(pool, nil)).As(elevate.System("first-program"))

	grace := must(school.SyncUser(ctx, elevate.SyncUserParams{
		ID: idOf("grace"), Email: "grace@example.org", Name: "Grace", Role: elevate.RoleInstructor,
	})).User
	ada := must(school.SyncUser(ctx, elevate.SyncUserParams{
		ID: idOf("ada"), Email: "ada@example.org", Name: "Ada", Role: elevate.RoleUser,
	})).User
	course := must(school.CreateCourse(ctx, elevate.CreateCourseParams{
		ID: idOf("course"), InstructorID: grace.ID,
		Slug: "go-basics", Title: "Go basics", Category: "go", Level: elevate.LevelBeginner,
	})).Course
	lessons := must(school.AddLessons(ctx, elevate.AddLessonsParams{
		CourseID: course.ID, Lessons: []elevate.NewLesson{{ID: idOf("lesson"), Title: "Hello"}},
	}))
	must(school.PublishCourse(ctx, course.ID))

	me := school.As(elevate.Actor{UserID: ada.ID, Role: ada.Role}) // what a request of hers does
	must(me.Enroll(ctx, ada.ID, course.ID))
	done := must(me.CompleteLesson(ctx, ada.ID, lessons[0].Lesson.ID, 5*time.Minute))
	issued := must(me.IssueCertificate(ctx, elevate.IssueCertificateParams{UserID: ada.ID, CourseID: course.ID}))
	fmt.Println(done.Progress, "%,", issued.Certificate.HolderName, "has completed", issued.Certificate.CourseTitle)

	// Output:
	// 100 %, Ada has completed Go basics
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func idOf(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)) }
