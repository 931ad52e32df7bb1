package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// Who has completed a course has its certificate, once. Anybody who is shown its
// number can verify it, however they type it; a wrong symbol is found
// without a query.
func ExampleStore_IssueCertificate() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}

	params := elevate.IssueCertificateParams{UserID: exampleAda, CourseID: courseID}
	_, err := me.IssueCertificate(ctx, params)
	fmt.Println(errors.Is(err, elevate.ErrCourseIncomplete))

	dashboard, err := me.MyCourses(ctx, exampleAda, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	if _, err := me.CompleteLesson(ctx, exampleAda, dashboard.Items[0].NextLesson.ID, 0); err != nil {
		panic(err)
	}
	issued, err := me.IssueCertificate(ctx, params)
	if err != nil {
		panic(err)
	}
	again, err := me.IssueCertificate(ctx, params)
	if err != nil {
		panic(err)
	}
	number := issued.Certificate.PublicID
	fmt.Println(issued.Issued, again.Issued, again.Certificate.PublicID == number)

	typed := " " + strings.ToLower(strings.ReplaceAll(number, "-", ""))
	verified, err := store.VerifyCertificate(ctx, typed) // as a visitor
	if err != nil {
		panic(err)
	}
	fmt.Println(verified.Valid, verified.HolderName, verified.CourseTitle)

	wrong := "7"
	if number[:1] == wrong {
		wrong = "8"
	}
	_, err = store.VerifyCertificate(ctx, wrong+number[1:])
	_, mistyped := errors.AsType[*elevate.ValidationError](err)
	fmt.Println(mistyped)

	// Output:
	// true
	// true false true
	// true Ada Go basics
	// true
}

// A teacher certifies a cohort, revokes what was a mistake, and takes that back.
func ExampleStore_IssueCertificates() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	outline, err := me.CourseOutline(ctx, courseID, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	if _, err := me.CompleteLesson(ctx, exampleAda, outline.Items[0].ID, 0); err != nil {
		panic(err)
	}

	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	outcomes, err := teacher.IssueCertificates(ctx, elevate.IssueCertificatesParams{
		CourseID: courseID, UserIDs: []uuid.UUID{exampleAda, exampleGrace},
	})
	if err != nil {
		panic(err)
	}
	for _, outcome := range outcomes {
		fmt.Println(outcome.Issued, outcome.Err)
	}

	number := outcomes[0].PublicID
	if _, err := teacher.RevokeCertificate(ctx, number); err != nil {
		panic(err)
	}
	verified, err := store.VerifyCertificate(ctx, number)
	if err != nil {
		panic(err)
	}
	fmt.Println("valid:", verified.Valid)

	if _, err := teacher.ReinstateCertificate(ctx, number); err != nil {
		panic(err)
	}
	mine, err := me.ListCertificates(ctx, exampleAda, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	for _, certificate := range mine.Items {
		fmt.Println(certificate.CourseTitle, "revoked:", certificate.RevokedAt != nil)
	}

	// Output:
	// true <nil>
	// false not enrolled
	// valid: false
	// Go basics revoked: false
}
