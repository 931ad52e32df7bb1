package elevate_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestRequestEmailChange(t *testing.T) {
	t.Parallel()

	type testBundleMove struct {
		*testBundle

		userID uuid.UUID
		email  string
		me     *elevate.Store
		params elevate.RequestEmailChangeParams
	}
	setup := func(t *testing.T) *testBundleMove {
		t.Helper()
		b := &testBundleMove{testBundle: newBundle(t)}
		b.userID, b.email = b.person(t)
		b.me = b.as(b.userID, elevate.RoleUser)
		b.params = elevate.RequestEmailChangeParams{
			UserID: b.userID, NewEmail: " Ada@Example.ORG ", Password: goodPassword,
		}
		return b
	}

	t.Run("Keeps", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.me.RequestEmailChange(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, "ada@example.org", result.NewEmail)
		require.Equal(t, b.email, result.OldEmail)
		require.False(t, result.Taken)
		require.WithinDuration(t, time.Now().Add(time.Hour), result.ExpiresAt, time.Minute)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.user_tokens
			WHERE user_id = $1 AND purpose = 'change_email' AND email = 'ada@example.org' AND expires_at = $2
				AND token_hash = sha256(convert_to($3, 'UTF8'))`, b.userID, result.ExpiresAt, string(result.Token)))
		require.Equal(t, b.email, scan[string](t, b.testBundle, `SELECT email FROM {s}.users`), "not before it is confirmed")
		require.Zero(t, b.failures(t, "sign_in", b.email), "a success is forgotten")
		require.Empty(t, b.notices(t, b.userID))
	})

	t.Run("WithoutPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = '!'`)
		b.exec(t, `INSERT INTO {s}.attempts (purpose, email_hash, failures, last_at)
			VALUES ('sign_in', sha256(convert_to($1, 'UTF8')), 9, now())`, b.email)
		b.params.Password, b.params.WithoutPassword = "", true
		for _, store := range []*elevate.Store{b.system, b.as(uuid.New(), elevate.RoleAdmin)} {
			_, err := store.RequestEmailChange(b.ctx, b.params)
			require.NoError(t, err)
		}
		require.Equal(t, 9, b.failures(t, "sign_in", b.email), "nobody has shown the password")
		for _, store := range []*elevate.Store{b.me, b.as(b.userID, elevate.RoleInstructor)} {
			_, err := store.RequestEmailChange(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	// Whoever asks cannot tell whether the address has an account.
	t.Run("AlikeForATakenAddress", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, _ := b.person(t)
		b.exec(t, `UPDATE {s}.users SET email = 'ADA@example.org' WHERE id = $1`, owner)
		result, err := b.me.RequestEmailChange(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Taken)
		require.Equal(t, "ada@example.org", result.NewEmail)
		require.Equal(t, "change_email", b.purposes(t, b.userID))
		require.Empty(t, b.purposes(t, owner))
		_, err = b.store.ConfirmEmailChange(b.ctx, result.Token)
		require.ErrorIs(t, err, elevate.ErrEmailTaken)

		b.exec(t, `UPDATE {s}.users SET email = 'moved@example.org' WHERE id = $1`, owner)
		_, err = b.store.ConfirmEmailChange(b.ctx, result.Token)
		require.NoError(t, err, "free by now")
	})

	t.Run("ErrorIfWrong", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.Password = "wrong horse"
		for n := range 5 {
			b.params.NewEmail = fmt.Sprintf("ada-%d@example.org", n)
			_, err := b.me.RequestEmailChange(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
			require.Equal(t, n+1, b.failures(t, "sign_in", b.email))
		}
		b.params.NewEmail, b.params.Password = "ada@example.org", goodPassword
		b.keepThrottling(t)
		_, err := b.me.RequestEmailChange(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrTooManyAttempts)
		require.Empty(t, b.purposes(t, b.userID))
	})

	t.Run("ErrorIfTooManyToOneAddress", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for range 5 {
			_, err := b.me.RequestEmailChange(b.ctx, b.params)
			require.NoError(t, err)
		}
		b.keepThrottling(t)
		_, err := b.me.RequestEmailChange(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrTooManyAttempts)
		require.Zero(t, b.failures(t, "sign_in", b.email), "the password was right")
		other, _ := b.person(t)
		b.params.UserID = other
		_, err = b.as(other, elevate.RoleUser).RequestEmailChange(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrTooManyAttempts, "whoever asks")
		b.params.NewEmail = "other@example.org"
		_, err = b.as(other, elevate.RoleUser).RequestEmailChange(b.ctx, b.params)
		require.NoError(t, err)
	})

	t.Run("ErrorIfNoPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = '!'`)
		b.params.Password = "!"
		_, err := b.me.RequestEmailChange(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
	})

	t.Run("ErrorIfErasedOrDisabled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		without := b.params
		without.Password, without.WithoutPassword = "", true
		for _, params := range []elevate.RequestEmailChangeParams{b.params, without} {
			b.exec(t, `UPDATE {s}.users SET disabled_at = now()`)
			_, err := b.system.RequestEmailChange(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrUserDisabled)
			b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
			_, err = b.system.RequestEmailChange(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrNotFound)
			b.exec(t, `UPDATE {s}.users SET erased_at = NULL`)
		}
		require.Empty(t, b.purposes(t, b.userID))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, email := range []string{"", "lovelace", "lovelace@exa_mple.org", "lovelace\x00@example.org", "lovelace\xff@example.org"} {
			params := b.params
			params.NewEmail = email
			_, err := b.me.RequestEmailChange(b.ctx, params)
			requireInvalid(t, err, "NewEmail")
			require.NotContains(t, err.Error(), "lovelace")
		}
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range b.strangers() {
			_, err := store.RequestEmailChange(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		params := elevate.RequestEmailChangeParams{UserID: uuid.New(), NewEmail: "ada@example.org", Password: "secret word"}
		result := elevate.EmailChange{NewEmail: "ada@example.org", OldEmail: "ada@example.org", Token: unknownToken}
		printed := fmt.Sprintf("%v %+v %#v %s", params, params, params, params) + params.LogValue().String() +
			fmt.Sprintf("%v %+v %#v %s", result, result, result, result) + result.LogValue().String()
		for _, secret := range []string{"@", "secret word", "AAAA"} {
			require.NotContains(t, printed, secret)
		}
		require.Contains(t, printed, params.UserID.String())
	})

	// Somebody who has stolen the session and the password asks, while the person
	// sets a new one: what they get would outlive it.
	t.Run("ErrorIfPasswordChangedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := b.behind(t, func(ctx context.Context) error {
			_, err := b.me.RequestEmailChange(ctx, b.params)
			return err
		}, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, b.userID, cheapHash(t, "another one"))
		require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
		require.Empty(t, b.purposes(t, b.userID))
	})

	t.Run("RacesResetPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for range 20 {
			userID, email := b.person(t)
			reset, err := b.store.RequestPasswordReset(b.ctx, email)
			require.NoError(t, err)
			require.NoError(t, race(2, func(i int) error {
				if i == 0 {
					_, err := b.store.ResetPassword(b.ctx, reset.Token, "battery staple")
					return err
				}
				var done, refused atomic.Int32
				_, err := b.system.RequestEmailChange(b.ctx, elevate.RequestEmailChangeParams{
					UserID: userID, NewEmail: "new-" + email, Password: goodPassword,
				})
				return tally(err, elevate.ErrInvalidCredentials, &done, &refused)
			}))
			require.Empty(t, b.purposes(t, userID), "nothing that the old password has allowed is left")
		}
	})
}

func TestConfirmEmailChange(t *testing.T) {
	t.Parallel()

	type testBundleConfirm struct {
		*testBundle

		userID uuid.UUID
		email  string
		token  elevate.Token
	}
	request := func(t *testing.T, b *testBundle, userID uuid.UUID, email string) elevate.Token {
		t.Helper()
		result, err := b.system.RequestEmailChange(b.ctx, elevate.RequestEmailChangeParams{
			UserID: userID, NewEmail: email, WithoutPassword: true,
		})
		require.NoError(t, err)
		return result.Token
	}
	setup := func(t *testing.T) *testBundleConfirm {
		t.Helper()
		b := &testBundleConfirm{testBundle: newBundle(t)}
		b.userID, b.email = b.person(t)
		b.token = request(t, b.testBundle, b.userID, "ada@example.org")
		return b
	}
	confirm := func(ctx context.Context, b *testBundleConfirm) error {
		_, err := b.store.ConfirmEmailChange(ctx, b.token)
		return err
	}
	email := func(t *testing.T, b *testBundleConfirm) string {
		t.Helper()
		return scan[string](t, b.testBundle, `SELECT email FROM {s}.users WHERE id = $1`, b.userID)
	}

	t.Run("Changes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other, otherEmail := b.person(t)
		b.mailed(t, other, otherEmail)
		b.someSession(t, b.userID)
		reset, verify, _ := b.mailed(t, b.userID, b.email)
		b.token = request(t, b.testBundle, b.userID, "ada@example.org")
		result, err := b.store.ConfirmEmailChange(b.ctx, b.token)
		require.NoError(t, err)
		require.Equal(t, b.email, result.OldEmail)
		require.Equal(t, "ada@example.org", result.User.Email)
		require.True(t, result.User.EmailVerified)
		got, err := b.system.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, got, result.User)
		require.Empty(t, b.purposes(t, b.userID))
		require.Equal(t, 1, b.openSessions(t, b.userID), "sessions go on")
		require.Equal(t, "email_changed", b.notices(t, b.userID))
		b.requirePassword(t, b.userID, goodPassword)
		_, err = b.store.ResetPassword(b.ctx, reset, "battery staple")
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		_, err = b.store.VerifyEmail(b.ctx, verify)
		require.ErrorIs(t, err, elevate.ErrInvalidToken)

		require.Equal(t, "change_email reset_password verify_email", b.purposes(t, other))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE email_verified`))
	})

	t.Run("MessagesOfTheHost", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store, err := elevate.New(b.pool, &elevate.Config{
			Messages: map[elevate.NotificationType]elevate.Message{
				elevate.NotificationEmailChanged: {Title: "Adresse geändert", Message: "Warst du das?"},
			},
			Schema: b.schema,
		})
		require.NoError(t, err)
		_, err = store.ConfirmEmailChange(b.ctx, b.token)
		require.NoError(t, err)
		require.Equal(t, "Adresse geändert: Warst du das?", scan[string](t, b.testBundle,
			`SELECT title || ': ' || message FROM {s}.notifications`))
	})

	// An adopted account is spelt anew by its own address.
	t.Run("OwnAddress", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET email = 'ADA@Example.org'`)
		result, err := b.store.ConfirmEmailChange(b.ctx, b.token)
		require.NoError(t, err)
		require.Equal(t, "ADA@Example.org", result.OldEmail)
		require.Equal(t, "ada@example.org", email(t, b))
	})

	t.Run("ErrorIfUsed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, confirm(b.ctx, b))
		require.ErrorIs(t, confirm(b.ctx, b), elevate.ErrInvalidToken)
		require.Equal(t, "email_changed", b.notices(t, b.userID))
	})

	t.Run("ErrorIfReplaced", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		request(t, b.testBundle, b.userID, "other@example.org")
		require.ErrorIs(t, confirm(b.ctx, b), elevate.ErrInvalidToken)
	})

	for name, change := range map[string]string{
		"Expired":      `UPDATE {s}.user_tokens SET expires_at = now()`,
		"OtherPurpose": `UPDATE {s}.user_tokens SET purpose = 'verify_email'`,
		"Erased":       `UPDATE {s}.users SET erased_at = now()`,
		"Disabled":     `UPDATE {s}.users SET disabled_at = now()`,
	} {
		t.Run("ErrorIf"+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.exec(t, change)
			require.ErrorIs(t, confirm(b.ctx, b), elevate.ErrInvalidToken)
			require.Equal(t, b.email, email(t, b))
			require.Empty(t, b.notices(t, b.userID))
		})
	}

	t.Run("ErrorIfPasswordChanged", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.system.ChangePassword(b.ctx, elevate.ChangePasswordParams{
			UserID: b.userID, OldPassword: goodPassword, NewPassword: "battery staple",
		}))
		require.ErrorIs(t, confirm(b.ctx, b), elevate.ErrInvalidToken)
	})

	t.Run("ErrorIfTaken", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, _ := b.person(t)
		b.exec(t, `UPDATE {s}.users SET email = 'ADA@example.org' WHERE id = $1`, owner)
		err := confirm(b.ctx, b)
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		require.NotContains(t, err.Error(), "@")
		require.Equal(t, b.email, email(t, b))
		require.Equal(t, "change_email", b.purposes(t, b.userID))
	})

	t.Run("ErrorIfTakenMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.ErrorIs(t, b.behind(t, func(ctx context.Context) error { return confirm(ctx, b) },
			`INSERT INTO {s}.users (email, password_hash, name) VALUES ('ADA@example.org', '!', 'Ada')`),
			elevate.ErrEmailTaken)
		require.Equal(t, b.email, email(t, b))
		require.Equal(t, "change_email", b.purposes(t, b.userID))
		require.Empty(t, b.notices(t, b.userID))
	})

	t.Run("ErrorIfReplacedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.ErrorIs(t, b.behind(t, func(ctx context.Context) error { return confirm(ctx, b) },
			`WITH held AS (SELECT id FROM {s}.users WHERE id = $1 FOR NO KEY UPDATE)
			UPDATE {s}.user_tokens AS t SET token_hash = '\x01' FROM held AS h WHERE t.user_id = h.id`, b.userID),
			elevate.ErrInvalidToken)
		require.Equal(t, b.email, email(t, b))
		require.Equal(t, "change_email", b.purposes(t, b.userID))
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).ConfirmEmailChange(b.ctx, b.token)
		require.ErrorIs(t, err, elevate.ErrInTransaction)
		usable(t, tx)
		require.NoError(t, confirm(b.ctx, b))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t))
		var done, refused atomic.Int32
		require.NoError(t, race(50, func(int) error {
			_, err := store.ConfirmEmailChange(b.ctx, b.token)
			return tally(err, elevate.ErrInvalidToken, &done, &refused)
		}))
		require.Equal(t, int32(1), done.Load())
		require.Equal(t, int32(49), refused.Load())
		require.Equal(t, "email_changed", b.notices(t, b.userID))
	})

	// Eight people confirm one address at once, and somebody registers with it.
	t.Run("ConcurrentForOneAddress", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		store := b.on(t, b.wide(t))
		for n := range 5 {
			address := fmt.Sprintf("ada-%d@example.org", n)
			tokens := make([]elevate.Token, 8)
			for i := range tokens {
				userID, _ := b.person(t)
				b.exec(t, `DELETE FROM {s}.attempts`)
				tokens[i] = request(t, b, userID, address)
			}
			var done, refused atomic.Int32
			require.NoError(t, race(len(tokens)+1, func(i int) error {
				var err error
				if i < len(tokens) {
					_, err = store.ConfirmEmailChange(b.ctx, tokens[i])
				} else {
					_, err = store.RegisterUser(b.ctx, elevate.RegisterUserParams{
						Email: strings.ToUpper(address), Name: "Ada", PasswordHash: someHash,
					})
				}
				return tally(err, elevate.ErrEmailTaken, &done, &refused)
			}))
			require.Equal(t, int32(1), done.Load())
			require.Equal(t, int32(8), refused.Load())
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE email = $1`, address))
		}
	})
}
