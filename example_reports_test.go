package elevate_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/elevateforhumanity/elevate"
)

// Rates are in basis points. Give reports a Store on the pool of a replica.
func ExampleStore_CourseReport() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	exampleMust(store.As(elevate.System("demo")).Enroll(ctx, exampleAda, courseID))
	exampleMust(pool.Exec(ctx, `INSERT INTO progress (user_id, lesson_id, completed, completed_at)
		SELECT $1, id, TRUE, now() FROM lessons WHERE course_id = $2 AND "order" = 1`, exampleAda, courseID))

	grace := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	report, err := grace.CourseReport(ctx, courseID)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d enrolled, %d active, average progress %.2f %%\n",
		report.Enrolled, report.Active, float64(report.AverageProgress)/100)

	// Where they stop.
	funnel, err := grace.CourseFunnel(ctx, courseID)
	if err != nil {
		panic(err)
	}
	fmt.Println(funnel.Enrolled, "enrolled,", funnel.Half, "half way,", funnel.Completed, "completed")
	for _, lesson := range funnel.Lessons {
		fmt.Println(lesson.Position, lesson.Title, lesson.Completed)
	}

	// Output:
	// 1 enrolled, 1 active, average progress 50.00 %
	// 1 enrolled, 1 half way, 0 completed
	// 1 Lesson 1 1
	// 2 Lesson 2 0
}

func ExampleStore_RevenueReport() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	exampleMust(pool.Exec(ctx, `INSERT INTO payments (user_id, course_id, amount, currency, status, created_at)
		VALUES ($1, $2, 4900, 'EUR', 'succeeded', '2025-01-31T23:30:00Z')`, exampleAda, courseID))

	lines, err := store.As(elevate.System("books")).RevenueReport(ctx, elevate.RevenueReportParams{
		By:   elevate.ByMonth,
		From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		To:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Zone: "Europe/Rome",
	})
	if err != nil {
		panic(err)
	}
	for _, line := range lines {
		fmt.Println(line.Start.Format("2006-01"), line.Currency, line.Payments, line.Net)
	}

	// Output:
	// 2025-02 EUR 1 4900
}

// The roster, for a spreadsheet.
func ExampleStore_ExportLearners() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	exampleMust(store.As(elevate.System("demo")).Enroll(ctx, exampleAda, courseID))
	exampleMust(pool.Exec(ctx, `UPDATE enrollments SET enrolled_at = '2026-01-15T12:00:00Z'`))

	grace := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	var file strings.Builder // in a handler, the http.ResponseWriter
	if err := grace.ExportLearners(ctx, elevate.ExportLearnersParams{CourseID: courseID}, &file); err != nil {
		panic(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(file.String()), "\r\n") {
		fmt.Println(strings.Join(strings.Split(line, ",")[1:8], " | "))
	}

	// Output:
	// name | email | enrolled_at | completed_at | progress | lessons_completed | lessons_total
	// Ada | ada@example.org | 2026-01-15T12:00:00Z |  | 0 | 0 | 2
}

// A name that a spreadsheet would run as a formula is made harmless.
func ExampleStore_ExportGradebook() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	exampleMust(store.As(elevate.System("demo")).Enroll(ctx, exampleAda, courseID))
	exampleMust(pool.Exec(ctx, `UPDATE users SET name = '=Ada' WHERE id = $1`, exampleAda))
	exampleMust(pool.Exec(ctx, `INSERT INTO assignments (course_id, title, description) VALUES ($1, 'Essay', '')`, courseID))
	exampleMust(pool.Exec(ctx, `INSERT INTO submissions (assignment_id, user_id, content, score, graded_at)
		SELECT id, $1, '', 87, now() FROM assignments`, exampleAda))

	grace := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	var file strings.Builder // in a handler, the http.ResponseWriter
	if err := grace.ExportGradebook(ctx, elevate.ExportGradebookParams{CourseID: courseID}, &file); err != nil {
		panic(err)
	}
	fmt.Print(strings.ReplaceAll(file.String(), "\r\n", "\n"))

	// Output:
	// user_id,name,email,Essay (100),points,points_possible
	// 0197f000-0000-7000-8000-00000000000a,'=Ada,ada@example.org,87,87,100
}
