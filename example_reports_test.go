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

	// Output:
	// 1 enrolled, 1 active, average progress 50.00 %
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

// A name that a spreadsheet would run as a formula is made harmless.
func ExampleStore_ExportGradebook() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	exampleMust(store.As(elevate.System("demo")).Enroll(ctx, exampleAda, courseID))
	exampleMust(pool.Exec(ctx, `UPDATE users SET name = '=Ada' WHERE id = $1`, exampleAda))
	exampleMust(pool.Exec(ctx, `INSERT INTO assignments (course_id, title, description) VALUES ($1, 'Essay', '')`, courseID))
	exampleMust(pool.Exec(ctx, `INSERT INTO submissions (assignment_id, user_id, content, score)
		SELECT id, $1, '', 87 FROM assignments`, exampleAda))

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
