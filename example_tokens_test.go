package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// A person has forgotten their password. Whoever asks gets the same answer,
// whether the address has an account or not; only the mail tells.
func ExampleStore_RequestPasswordReset() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	var outbox []elevate.Token
	forgot := func(email string) {
		reset, err := store.RequestPasswordReset(ctx, email)
		switch {
		case errors.Is(err, elevate.ErrTooManyAttempts): // also the same for both
		case err != nil:
			panic(err)
		case reset.UserID != uuid.Nil:
			outbox = append(outbox, reset.Token) // a host mails it, in the background
		}
		fmt.Println("If there is an account, a mail is on its way.")
	}
	forgot("ada@example.org")
	forgot("nobody@example.org")
	fmt.Println("mails:", len(outbox))

	// The link in the mail leads to a form for the new password.
	ada, err := store.ResetPassword(ctx, outbox[0], "analytical engine")
	if err != nil {
		panic(err)
	}
	fmt.Println(ada.Name, "has a new password; address verified:", ada.EmailVerified)
	_, err = store.ResetPassword(ctx, outbox[0], "difference engine")
	fmt.Println("again:", errors.Is(err, elevate.ErrInvalidToken))

	// Output:
	// If there is an account, a mail is on its way.
	// If there is an account, a mail is on its way.
	// mails: 1
	// Ada has a new password; address verified: true
	// again: true
}

// A person moves to another address: it counts once they have read mail there,
// and the old one is told.
func ExampleStore_RequestEmailChange() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	mail := func(to, text string) { fmt.Println(to+":", text) }

	// Ada has no password here: she signs in by a provider, who has just said that
	// it is her. With one, she would act herself and give it.
	job := store.As(elevate.System("email-form"))
	for _, address := range []string{"grace@example.org", "lovelace@example.org"} {
		change, err := job.RequestEmailChange(ctx, elevate.RequestEmailChangeParams{
			UserID: exampleAda, NewEmail: address, WithoutPassword: true,
		})
		if err != nil {
			panic(err)
		}
		// The form says the same: look into your mail.
		if change.Taken {
			mail(change.NewEmail, "somebody wants your address; you have an account already")
			continue
		}
		mail(change.NewEmail, "follow this link")
		changed, err := store.ConfirmEmailChange(ctx, change.Token)
		if err != nil {
			panic(err)
		}
		mail(changed.OldEmail, "your address is no longer this one")
		fmt.Println(changed.User.Email, changed.User.EmailVerified)
	}

	// Output:
	// grace@example.org: somebody wants your address; you have an account already
	// lovelace@example.org: follow this link
	// ada@example.org: your address is no longer this one
	// lovelace@example.org true
}

// A person who registers shows that mail to the address reaches them.
func ExampleStore_RequestEmailVerification() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	alan, err := store.RegisterUser(ctx, elevate.RegisterUserParams{
		Email: "alan@example.org", Name: "Alan", Password: "enigma machine",
	})
	if err != nil {
		panic(err)
	}
	me := store.As(elevate.Actor{UserID: alan.ID, Role: alan.Role})
	verification, err := me.RequestEmailVerification(ctx, alan.ID)
	if err != nil {
		panic(err)
	}
	fmt.Println("mail to", verification.Email)

	// The link in the mail. Nobody needs to be signed in for it.
	alan, err = store.VerifyEmail(ctx, verification.Token)
	if err != nil {
		panic(err)
	}
	fmt.Println("verified:", alan.EmailVerified)
	verification, err = me.RequestEmailVerification(ctx, alan.ID)
	if err != nil {
		panic(err)
	}
	fmt.Println("nothing to mail:", verification.Verified)

	// Output:
	// mail to alan@example.org
	// verified: true
	// nothing to mail: true
}

// A person sets another password: the other devices are signed out.
func ExampleStore_ChangePassword() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	alan, err := store.RegisterUser(ctx, elevate.RegisterUserParams{
		Email: "alan@example.org", Name: "Alan", Password: "enigma machine",
	})
	if err != nil {
		panic(err)
	}
	var devices []elevate.SessionResult
	for range 2 {
		device, err := store.Login(ctx, elevate.LoginParams{Email: "alan@example.org", Password: "enigma machine"})
		if err != nil {
			panic(err)
		}
		devices = append(devices, device)
	}

	me := store.As(devices[0].Session.Actor())
	change := elevate.ChangePasswordParams{
		UserID: alan.ID, Keep: devices[0].Session.ID,
		OldPassword: "a guess of somebody's", NewPassword: "universal machine",
	}
	fmt.Println("wrong:", errors.Is(me.ChangePassword(ctx, change), elevate.ErrInvalidCredentials))
	change.OldPassword = "enigma machine"
	if err := me.ChangePassword(ctx, change); err != nil {
		panic(err)
	}
	for _, device := range devices {
		_, err := store.ValidateSession(ctx, device.Token)
		fmt.Println("signed out:", errors.Is(err, elevate.ErrInvalidSession))
	}

	// Output:
	// wrong: true
	// signed out: false
	// signed out: true
}
