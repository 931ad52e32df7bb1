package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/elevateforhumanity/elevate"
)

// A course begins as a draft that only its teacher sees. An edit names the
// version that its author saw, so two authors do not overwrite each other.
func ExampleStore_CreateCourse() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})

	created, err := teacher.CreateCourse(ctx, elevate.CreateCourseParams{
		Slug: "go-basics", Title: "Go basics", Category: "go", Level: elevate.LevelBeginner,
	})
	if err != nil {
		panic(err)
	}
	draft := created.Course
	_, err = store.GetCourse(ctx, draft.ID) // as a visitor
	fmt.Println("visitor:", errors.Is(err, elevate.ErrNotFound))

	edit := elevate.UpdateCourseParams{
		ID: draft.ID, Version: draft.Version,
		Slug: draft.Slug, Title: "Go from scratch", Category: draft.Category, Level: draft.Level,
		Price: 4900, Currency: draft.Currency,
	}
	edited, err := teacher.UpdateCourse(ctx, edit)
	if err != nil {
		panic(err)
	}
	fmt.Println("edited:", edited.Title, edited.Price, edited.Currency)
	edit.Title = "Go in a day" // from another tab, with the version of before
	_, err = teacher.UpdateCourse(ctx, edit)
	if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
		fmt.Println("other tab:", conflict.Reason)
	}

	_, err = teacher.PublishCourse(ctx, draft.ID)
	fmt.Println("without lessons:", errors.Is(err, elevate.ErrCourseEmpty))
	_, err = teacher.AddLessons(ctx, elevate.AddLessonsParams{
		CourseID: draft.ID, Lessons: []elevate.NewLesson{{Title: "Hello"}},
	})
	if err != nil {
		panic(err)
	}
	if _, err := teacher.PublishCourse(ctx, draft.ID); err != nil {
		panic(err)
	}
	found, err := store.GetCourseBySlug(ctx, "go-basics")
	if err != nil {
		panic(err)
	}
	fmt.Println("visitor:", found.Title, found.LessonsTotal)

	// Output:
	// visitor: true
	// edited: Go from scratch 4900 USD
	// other tab: edited since it was read
	// without lessons: true
	// visitor: Go from scratch 1
}

// The catalogue comes in pages. What is taken out of it is a draft again, for its
// teacher alone.
func ExampleStore_ListCourses() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	basics := exampleCourse(pool, "public", "Go basics", 2)
	testing := exampleCourse(pool, "public", "Testing", 1)
	exampleCourse(pool, "public", "Tracing", 1)

	show := func(store *elevate.Store, params elevate.ListCoursesParams) {
		for {
			page, err := store.ListCourses(ctx, params)
			if err != nil {
				panic(err)
			}
			for _, course := range page.Items {
				fmt.Println("-", course.Title)
			}
			if params.Cursor = page.Next; params.Cursor == "" {
				break
			}
			fmt.Println("next page")
		}
	}
	show(store, elevate.ListCoursesParams{PageParams: elevate.PageParams{Limit: 2}, Level: elevate.LevelBeginner})

	if _, err := teacher.UnpublishCourse(ctx, testing); err != nil {
		panic(err)
	}
	fmt.Println("drafts")
	show(teacher, elevate.ListCoursesParams{Drafts: true})

	// Learners are bound to a course that they are enrolled in, so it stays.
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, basics); err != nil {
		panic(err)
	}
	err := teacher.DeleteCourse(ctx, basics)
	if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
		fmt.Println(conflict.Reason, conflict.Count)
	}
	fmt.Println(teacher.DeleteCourse(ctx, testing))

	// Output:
	// - Tracing
	// - Testing
	// next page
	// - Go basics
	// drafts
	// - Testing
	// has enrollments 1
	// <nil>
}
