package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elevateforhumanity/elevate"
)

// Learners hand in as often as they like, until an attempt is graded. A grade is
// for the attempt that the teacher saw.
func ExampleStore_Submit() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}

	due := time.Now().Add(-time.Hour)
	created, err := teacher.CreateAssignment(ctx, elevate.CreateAssignmentParams{
		CourseID: courseID, Title: "Quicksort", Description: "Write one.",
		DueDate: &due, AllowLate: true, LatePenalty: 10,
	})
	if err != nil {
		panic(err)
	}
	assignmentID := created.Assignment.ID
	submit := func(content string) elevate.Submission {
		result, err := me.Submit(ctx, elevate.SubmitParams{
			UserID: exampleAda, AssignmentID: assignmentID, Content: content,
		})
		if err != nil {
			panic(err)
		}
		return result.Submission
	}
	grade := func(attempt elevate.Submission, score int32) (elevate.GradeResult, error) {
		return teacher.Grade(ctx, elevate.GradeParams{
			UserID: exampleAda, AssignmentID: assignmentID, SubmissionID: attempt.ID, Score: score,
		})
	}

	first := submit("func sort() {}")
	second := submit("func sort(n []int) {}")
	fmt.Println("attempt", second.Attempt, "late", second.Late)

	_, err = grade(first, 50)
	if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
		fmt.Println(conflict.Reason)
	}
	graded, err := grade(second, 85)
	if err != nil {
		panic(err)
	}
	fmt.Println(graded.RawScore, "less 10 % is", graded.Score)

	_, err = me.Submit(ctx, elevate.SubmitParams{UserID: exampleAda, AssignmentID: assignmentID, Content: "better"})
	fmt.Println(errors.Is(err, elevate.ErrGraded))

	// Output:
	// attempt 2 late true
	// superseded
	// 85 less 10 % is 76
	// true
}

// A page of the gradebook is some learners and all assignments.
func ExampleStore_Gradebook() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	for _, title := range []string{"Quicksort", "Mergesort"} {
		_, err := teacher.CreateAssignment(ctx, elevate.CreateAssignmentParams{
			CourseID: courseID, Title: title, Description: "Write one.",
		})
		if err != nil {
			panic(err)
		}
	}
	assignments, err := me.ListAssignments(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	sent, err := me.Submit(ctx, elevate.SubmitParams{
		UserID: exampleAda, AssignmentID: assignments.Items[0].ID, Content: "func sort() {}",
	})
	if err != nil {
		panic(err)
	}
	_, err = teacher.Grade(ctx, elevate.GradeParams{
		UserID: exampleAda, AssignmentID: sent.Submission.AssignmentID, SubmissionID: sent.Submission.ID, Score: 90,
	})
	if err != nil {
		panic(err)
	}

	book, err := teacher.Gradebook(ctx, elevate.GradebookParams{CourseID: courseID})
	if err != nil {
		panic(err)
	}
	for _, row := range book.Rows {
		fmt.Println(row.Name)
		for i, score := range row.Scores {
			fmt.Println(" ", book.Assignments[i].Title, score.Graded, score.Score)
		}
		fmt.Println("  total", row.Total.Points, "of", row.Total.PointsPossible)
	}

	// Output:
	// Ada
	//   Quicksort true 90
	//   Mergesort false 0
	//   total 90 of 200
}

// A page of a learner's own work, and what a teacher sees at one assignment.
func ExampleStore_ListAttempts() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	for _, title := range []string{"Quicksort", "Mergesort"} {
		courseID := exampleCourse(pool, "public", title+" basics", 1)
		if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
			panic(err)
		}
		created, err := teacher.CreateAssignment(ctx, elevate.CreateAssignmentParams{
			CourseID: courseID, Title: title, Description: "Write one.",
		})
		if err != nil {
			panic(err)
		}
		for _, content := range []string{"func sort() {}", "func sort(n []int) {}"} {
			_, err := me.Submit(ctx, elevate.SubmitParams{
				UserID: exampleAda, AssignmentID: created.Assignment.ID, Content: content,
			})
			if err != nil {
				panic(err)
			}
		}
	}

	work, err := me.ListAttempts(ctx, elevate.ListAttemptsParams{UserID: exampleAda}) // at all assignments
	if err != nil {
		panic(err)
	}
	for _, line := range work.Items {
		fmt.Println(line.AssignmentTitle, "attempt", line.Attempt, "latest", line.SupersededAt == nil)
	}
	seen, err := teacher.ListAttempts(ctx, elevate.ListAttemptsParams{
		UserID: exampleAda, AssignmentID: work.Items[0].AssignmentID,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(seen.Items), "at", seen.Items[0].AssignmentTitle)

	// Output:
	// Mergesort attempt 2 latest true
	// Mergesort attempt 1 latest false
	// Quicksort attempt 2 latest true
	// Quicksort attempt 1 latest false
	// 2 at Mergesort
}

// A teacher works through what waits for a grade, and gives one anew. What was
// handed in, and each grade, stays.
func ExampleStore_GradeHistory() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	created, err := teacher.CreateAssignment(ctx, elevate.CreateAssignmentParams{
		CourseID: courseID, Title: "Quicksort", Description: "Write one.",
	})
	if err != nil {
		panic(err)
	}
	assignmentID := created.Assignment.ID
	for _, content := range []string{"func sort() {}", "func sort(n []int) {}"} {
		_, err := me.Submit(ctx, elevate.SubmitParams{
			UserID: exampleAda, AssignmentID: assignmentID, Content: content,
		})
		if err != nil {
			panic(err)
		}
	}

	waiting, err := teacher.ListSubmissions(ctx, assignmentID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	latest, err := teacher.GetSubmission(ctx, waiting.Items[0].ID) // lists are without the content
	if err != nil {
		panic(err)
	}
	fmt.Println(waiting.Items[0].Name, "attempt", latest.Attempt, latest.Content)
	for _, score := range []int32{70, 85} {
		_, err := teacher.Grade(ctx, elevate.GradeParams{
			UserID: exampleAda, AssignmentID: assignmentID, SubmissionID: latest.ID, Score: score,
		})
		if err != nil {
			panic(err)
		}
	}
	history, err := teacher.GradeHistory(ctx, latest.ID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	for _, grade := range history.Items {
		fmt.Println("grade", grade.Number, grade.Score)
	}

	// What the learner sees.
	view, err := me.GetAssignment(ctx, assignmentID)
	if err != nil {
		panic(err)
	}
	attempts, err := me.ListAttempts(ctx, elevate.ListAttemptsParams{UserID: exampleAda, AssignmentID: assignmentID})
	if err != nil {
		panic(err)
	}
	fmt.Println(view.Assignment.Title, view.Submission.Score, "of", view.Assignment.MaxScore)
	fmt.Println(len(attempts.Items), "attempts")

	_, err = teacher.UpdateAssignment(ctx, elevate.UpdateAssignmentParams{
		ID: assignmentID, Version: view.Assignment.Version,
		Title: "Quicksort", Description: "Write one.", MaxScore: 80,
	})
	if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
		fmt.Println("not lowered:", conflict.Reason)
	}
	err = teacher.DeleteAssignment(ctx, assignmentID)
	if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
		fmt.Println("not deleted:", conflict.Reason)
	}

	// Output:
	// Ada attempt 2 func sort(n []int) {}
	// grade 1 70
	// grade 2 85
	// Quicksort 85 of 100
	// 2 attempts
	// not lowered: score given above the maximum
	// not deleted: has grades
}
