package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elevateforhumanity/elevate"
)

// The last lesson completes the course, once. Time spent is a running total, so a
// repeat adds nothing.
func ExampleStore_CompleteLesson() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	outline, err := me.CourseOutline(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	first, second := outline.Items[0].ID, outline.Items[1].ID

	_, err = me.CompleteLesson(ctx, exampleAda, first, 5*time.Minute)
	fmt.Println(errors.Is(err, elevate.ErrNotEnrolled))
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	for range 2 {
		done, err := me.CompleteLesson(ctx, exampleAda, first, 5*time.Minute)
		if err != nil {
			panic(err)
		}
		fmt.Println(done.Completed, done.Progress, done.CourseCompleted)
	}
	undone, err := me.UncompleteLesson(ctx, exampleAda, first)
	if err != nil {
		panic(err)
	}
	fmt.Println(undone.Uncompleted, undone.Progress)

	if _, err := me.CompleteLesson(ctx, exampleAda, first, 5*time.Minute); err != nil {
		panic(err)
	}
	done, err := me.CompleteLesson(ctx, exampleAda, second, 8*time.Minute)
	if err != nil {
		panic(err)
	}
	fmt.Println(done.Completed, done.Progress, done.CourseCompleted)

	// Output:
	// true
	// true 50 false
	// false 50 false
	// true 0
	// true 100 true
}

// A player sends its total every few seconds, and messages may come late, twice
// and in any order: the greatest total wins, and brings the point to resume at.
func ExampleStore_RecordStudyTime() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	outline, err := me.CourseOutline(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}

	for _, total := range []time.Duration{30 * time.Second, 90 * time.Second, 60 * time.Second} {
		studied, err := me.RecordStudyTime(ctx, elevate.RecordStudyTimeParams{
			UserID: exampleAda, LessonID: outline.Items[0].ID, TimeSpent: total, Position: total / 2,
		})
		if err != nil {
			panic(err)
		}
		fmt.Println(studied.Recorded, studied.TimeSpent, studied.Position)
	}

	// Begin anew.
	reset, err := me.ResetProgress(ctx, exampleAda, courseID)
	if err != nil {
		panic(err)
	}
	fmt.Println("lessons reset:", reset.Removed)

	// Output:
	// true 30s 15s
	// true 1m30s 45s
	// false 1m30s 45s
	// lessons reset: 1
}
