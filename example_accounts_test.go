package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// Anybody registers, as a learner; the host's own code gives other roles. A
// password is hashed before a transaction begins, because that takes a quarter
// of a second.
func ExampleStore_RegisterUser() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()

	// The sign-up form acts as nobody yet.
	signUp := elevate.RegisterUserParams{Email: " Alan@Example.ORG ", Name: "Alan", Password: "morphogenesis"}
	alan, err := store.RegisterUser(ctx, signUp)
	if err != nil {
		panic(err)
	}
	fmt.Println(alan.Name, alan.Email, alan.Role)
	_, err = store.RegisterUser(ctx, signUp)
	fmt.Println(errors.Is(err, elevate.ErrEmailTaken))

	// A job of the host makes a teacher and her first course, or neither.
	school := store.As(elevate.System("staff-import"))
	hash, err := school.HashPassword(ctx, "nanoseconds")
	if err != nil {
		panic(err)
	}
	err = school.InTx(ctx, func(store *elevate.Store) error {
		mary, err := store.RegisterUser(ctx, elevate.RegisterUserParams{
			Email: "mary@example.org", Name: "Mary", PasswordHash: hash, Role: elevate.RoleInstructor,
		})
		if err != nil {
			return err
		}
		_, err = store.CreateCourse(ctx, elevate.CreateCourseParams{
			InstructorID: mary.ID, Slug: "optics", Title: "Optics", Category: "physics", Level: elevate.LevelBeginner,
		})
		return err
	})
	if err != nil {
		panic(err)
	}
	staff, err := school.ListUsers(ctx, elevate.ListUsersParams{Role: elevate.RoleInstructor})
	if err != nil {
		panic(err)
	}
	for _, user := range staff.Items {
		fmt.Println(user.Name, user.Role)
	}

	// Output:
	// Alan alan@example.org user
	// true
	// Grace instructor
	// Mary instructor
}

// A host that has users of its own copies them, whenever they change or all of
// them every night. The host's id, here a bigint, makes the user's.
func ExampleStore_SyncUser() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	namespace := uuid.MustParse("6c1f40a1-93c2-4a39-8f0e-3a6b7a2a4b11") // the host's, made once
	userID := func(id int64) uuid.UUID {
		return uuid.NewSHA1(namespace, fmt.Append(nil, id))
	}

	job := store.As(elevate.System("user-sync"))
	for _, name := range []string{"Alan", "Alan", "Alan Turing"} {
		result, err := job.SyncUser(ctx, elevate.SyncUserParams{ID: userID(7), Email: "alan@example.org", Name: name})
		if err != nil {
			panic(err)
		}
		fmt.Println(result.Created, result.User.Name)
	}

	me := store.As(elevate.Actor{UserID: userID(7), Role: elevate.RoleUser})
	alan, err := me.GetUser(ctx, userID(7))
	if err != nil {
		panic(err)
	}
	fmt.Println(alan.Name, alan.Email, alan.Role)

	// Output:
	// true Alan
	// false Alan
	// false Alan Turing
	// Alan Turing alan@example.org user
}

// A teacher leaves: the account is closed, and somebody else gets the courses, in
// one transaction, which locks users before courses.
func ExampleStore_DisableUser() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	exampleCourse(pool, "public", "Algebra", 1)
	school := store.As(elevate.System("staff-import"))
	mary, err := school.SyncUser(ctx, elevate.SyncUserParams{
		ID: uuid.New(), Email: "mary@example.org", Name: "Mary", Role: elevate.RoleInstructor,
	})
	if err != nil {
		panic(err)
	}

	err = school.InTx(ctx, func(store *elevate.Store) error {
		if _, err := store.SetRole(ctx, exampleGrace, elevate.RoleUser); err != nil {
			return err
		}
		disabled, err := store.DisableUser(ctx, exampleGrace)
		if err != nil {
			return err
		}
		fmt.Println(disabled.User.Name, disabled.User.Role, "disabled:", disabled.User.DisabledAt != nil)
		courses, err := store.TransferCourses(ctx, elevate.TransferCoursesParams{From: exampleGrace, To: mary.User.ID})
		fmt.Println("courses moved:", courses)
		return err
	})
	if err != nil {
		panic(err)
	}

	// Output:
	// Grace user disabled: true
	// courses moved: 1
}

// An account is closed for a while: whoever has its password is told so, and can
// sign in again once it is opened.
func ExampleStore_EnableUser() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	alan, err := store.RegisterUser(ctx, elevate.RegisterUserParams{
		Email: "alan@example.org", Name: "Alan", Password: "enigma machine",
	})
	if err != nil {
		panic(err)
	}
	office := store.As(elevate.System("front-office"))
	signIn := elevate.LoginParams{Email: "alan@example.org", Password: "enigma machine"}

	if _, err := office.DisableUser(ctx, alan.ID); err != nil {
		panic(err)
	}
	_, err = store.Login(ctx, signIn)
	fmt.Println("closed:", errors.Is(err, elevate.ErrUserDisabled))

	enabled, err := office.EnableUser(ctx, alan.ID)
	if err != nil {
		panic(err)
	}
	fmt.Println("opened:", enabled.Changed)
	_, err = store.Login(ctx, signIn)
	fmt.Println("signed in:", err == nil)

	// Output:
	// closed: true
	// opened: true
	// signed in: true
}

// A form of what people say about themselves. What it leaves out is emptied.
func ExampleStore_UpdateProfile() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	ada, err := me.UpdateProfile(ctx, elevate.UpdateProfileParams{
		UserID: exampleAda, Name: "Ada Lovelace", Bio: "Writes programs.",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(ada.Name, "-", ada.Bio)

	_, err = me.UpdateProfile(ctx, elevate.UpdateProfileParams{UserID: exampleGrace, Name: "Ada"})
	fmt.Println(errors.Is(err, elevate.ErrForbidden))

	// Output:
	// Ada Lovelace - Writes programs.
	// true
}
