package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// A learner enrolls in what is free or paid for. Trusted code may let them in
// without: a scholarship, a company's contract, a subscription.
func ExampleStore_Enroll() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	basics := exampleCourse(pool, "public", "Go basics", 2)
	testing := exampleCourse(pool, "public", "Testing", 1)
	if _, err := pool.Exec(ctx, `UPDATE courses SET price = 4900 WHERE id = $1`, testing); err != nil {
		panic(err)
	}

	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	for range 2 { // a repeat is no error
		result, err := me.Enroll(ctx, exampleAda, basics)
		if err != nil {
			panic(err)
		}
		fmt.Println(result.Created, result.Enrollment.Source)
	}
	_, err := me.Enroll(ctx, exampleAda, testing)
	fmt.Println(errors.Is(err, elevate.ErrPaymentRequired))

	office := store.As(elevate.System("scholarships"))
	granted, err := office.GrantEnrollment(ctx, elevate.GrantEnrollmentParams{
		UserID: exampleAda, CourseID: testing, Source: "scholarship", Reference: "2026-17",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(granted.Created, granted.Enrollment.Source, granted.Enrollment.Reference)

	left, err := me.Unenroll(ctx, elevate.UnenrollParams{UserID: exampleAda, CourseID: basics})
	if err != nil {
		panic(err)
	}
	fmt.Println(left.Removed)
	dashboard, err := me.MyCourses(ctx, exampleAda, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	for _, course := range dashboard.Items {
		fmt.Printf("%s: %d %%, next %q\n", course.Title, course.Enrollment.Progress, course.NextLesson.Title)
	}

	// Output:
	// true free
	// false free
	// true
	// true scholarship 2026-17
	// true
	// Testing: 0 %, next "Lesson 1"
}

// A cohort is one statement, however many they are. Who is unknown, or enrolled
// already, does not hold up the others.
func ExampleStore_EnrollMany() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	nobody := uuid.MustParse("0197f000-0000-7000-8000-00000000000f")

	outcomes, err := store.As(elevate.System("roster-import")).EnrollMany(ctx, elevate.EnrollManyParams{
		CourseID: courseID, Source: "company", UserIDs: []uuid.UUID{exampleAda, nobody},
	})
	if err != nil {
		panic(err)
	}
	for _, outcome := range outcomes {
		fmt.Println(outcome.UserID, outcome.Created, outcome.Unknown)
	}

	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	roster, err := teacher.CourseLearners(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	for _, learner := range roster.Items {
		fmt.Println(learner.Name, learner.Email, learner.Enrollment.Source)
	}

	// Output:
	// 0197f000-0000-7000-8000-00000000000a true false
	// 0197f000-0000-7000-8000-00000000000f false true
	// Ada ada@example.org company
}
