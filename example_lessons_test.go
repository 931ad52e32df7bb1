package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// Lessons are added as one set, at the end or at a place, and keep their places
// without gaps.
func ExampleStore_AddLessons() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	show := func() {
		outline, err := teacher.CourseOutline(ctx, courseID, elevate.PageParams{})
		if err != nil {
			panic(err)
		}
		var titles []string
		for _, lesson := range outline.Items {
			titles = append(titles, lesson.Title)
		}
		fmt.Println(strings.Join(titles, ", "))
	}

	added, err := teacher.AddLessons(ctx, elevate.AddLessonsParams{
		CourseID: courseID,
		Position: 1,
		Lessons:  []elevate.NewLesson{{Title: "Hello"}, {Title: "Loops"}},
	})
	if err != nil {
		panic(err)
	}
	show()

	// An order is that of all lessons of the course.
	hello, loops := added[0].Lesson, added[1].Lesson
	err = teacher.ReorderLessons(ctx, courseID, []uuid.UUID{loops.ID, hello.ID})
	if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
		fmt.Println(conflict.Reason)
	}
	outline, err := teacher.CourseOutline(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	last := outline.Items[2].ID
	if err := teacher.ReorderLessons(ctx, courseID, []uuid.UUID{loops.ID, hello.ID, last}); err != nil {
		panic(err)
	}
	show()

	if err := teacher.DeleteLesson(ctx, hello.ID); err != nil {
		panic(err)
	}
	show()

	// Output:
	// Hello, Loops, Lesson 1
	// not the set of lessons
	// Loops, Hello, Lesson 1
	// Loops, Lesson 1
}

// Everybody may read the outline of a published course; what a lesson teaches is
// for those who are enrolled.
func ExampleStore_GetLesson() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})

	outline, err := store.CourseOutline(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	lessonID := outline.Items[0].ID
	_, err = teacher.UpdateLesson(ctx, elevate.UpdateLessonParams{
		ID: lessonID, Version: 1, Title: "Hello", Content: "package main", Duration: 5 * time.Minute,
	})
	if err != nil {
		panic(err)
	}

	_, err = me.GetLesson(ctx, lessonID)
	fmt.Println(errors.Is(err, elevate.ErrNotFound))
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	view, err := me.GetLesson(ctx, lessonID)
	if err != nil {
		panic(err)
	}
	fmt.Println(view.Lesson.Title, view.Lesson.Duration, view.Completed)
	fmt.Println(view.Lesson.Content)

	// Output:
	// true
	// Hello 5m0s false
	// package main
}
