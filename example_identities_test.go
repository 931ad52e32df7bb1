package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// The code behind a sign-in with a provider: it has verified the provider's
// answer, which names the person by a subject. A new one is an account and its
// identity, or neither.
func ExampleStore_LinkIdentity() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	site := store.As(elevate.System("oauth-callback"))

	signIn := func(subject, email, name string) (elevate.User, error) {
		user, err := site.UserByIdentity(ctx, "google", subject)
		if !errors.Is(err, elevate.ErrNotFound) {
			return user, err
		}
		err = site.InTx(ctx, func(store *elevate.Store) error {
			// Somebody who has the email already is ErrEmailTaken: let them sign in
			// the way they know, and link the identity then.
			synced, err := store.SyncUser(ctx, elevate.SyncUserParams{ID: uuid.New(), Email: email, Name: name})
			if err != nil {
				return err
			}
			user = synced.User
			_, err = store.LinkIdentity(ctx, elevate.LinkIdentityParams{
				Provider: "google", Subject: subject, UserID: user.ID,
			})
			return err
		})
		return user, err
	}
	for _, email := range []string{"alan@example.org", "alan@bletchley.example"} { // changed there, not here
		alan, err := signIn("110169484474386276334", email, "Alan")
		fmt.Println(alan.Name, alan.Email, err)
	}
	_, err := signIn("999", "ada@example.org", "Eve")
	fmt.Println("Ada's email:", errors.Is(err, elevate.ErrEmailTaken))

	// Output:
	// Alan alan@example.org <nil>
	// Alan alan@example.org <nil>
	// Ada's email: true
}

// What a page of connected accounts shows. The last way to sign in stays.
func ExampleStore_UnlinkIdentity() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	site := store.As(elevate.System("oauth-callback"))
	for _, provider := range []string{"google", "github"} {
		_, err := site.LinkIdentity(ctx, elevate.LinkIdentityParams{Provider: provider, Subject: "42", UserID: exampleAda})
		if err != nil {
			panic(err)
		}
	}

	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	identities, err := me.ListIdentities(ctx, exampleAda)
	if err != nil {
		panic(err)
	}
	for _, identity := range identities {
		result, err := me.UnlinkIdentity(ctx, elevate.UnlinkIdentityParams{
			Provider: identity.Provider, Subject: identity.Subject, UserID: exampleAda,
		})
		if conflict, ok := errors.AsType[*elevate.ConflictError](err); ok {
			fmt.Println(identity.Provider, "stays:", conflict.Reason)
			continue
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(identity.Provider, "removed:", result.Removed)
	}

	// Output:
	// github removed: true
	// google stays: last way to sign in
}
