package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/elevateforhumanity/elevate"
)

// A learner reviews a course. Its average comes with the course, also in lists.
func ExampleStore_PutReview() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})

	review := elevate.PutReviewParams{UserID: exampleAda, CourseID: courseID, Rating: 3, Comment: "Too short."}
	_, err := me.PutReview(ctx, review)
	fmt.Println("before enrolling:", errors.Is(err, elevate.ErrNotEnrolled))

	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	for _, rating := range []int32{3, 5} { // she changes her mind
		review.Rating = rating
		result, err := me.PutReview(ctx, review)
		if err != nil {
			panic(err)
		}
		fmt.Println("created:", result.Created)
	}

	course, err := store.GetCourse(ctx, courseID) // as a visitor
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s: %.2f of %d\n", course.Title, course.Rating, course.RatingCount)
	page, err := store.ListReviews(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	for _, review := range page.Items {
		fmt.Println(review.Name, review.Rating, review.Comment)
	}

	moderator := store.As(elevate.System("moderation"))
	deleted, err := moderator.DeleteReview(ctx, exampleAda, courseID)
	if err != nil {
		panic(err)
	}
	fmt.Println("removed:", deleted.Removed)

	// Output:
	// before enrolling: true
	// created: true
	// created: false
	// Go basics: 5.00 of 1
	// Ada 5 Too short.
	// removed: true
}
