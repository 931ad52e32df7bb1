package elevate_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestRequestEmailVerification(t *testing.T) {
	t.Parallel()

	t.Run("Keeps", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, email := b.person(t)
		for _, store := range []*elevate.Store{
			b.as(userID, elevate.RoleUser), b.as(uuid.New(), elevate.RoleAdmin), b.system,
		} {
			result, err := store.RequestEmailVerification(b.ctx, userID)
			require.NoError(t, err)
			require.Equal(t, email, result.Email)
			require.False(t, result.Verified)
			require.WithinDuration(t, time.Now().Add(24*time.Hour), result.ExpiresAt, time.Minute)
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.user_tokens
				WHERE user_id = $1 AND purpose = 'verify_email' AND email = $2 AND expires_at = $3
					AND token_hash = sha256(convert_to($4, 'UTF8'))`,
				userID, email, result.ExpiresAt, string(result.Token)))
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.user_tokens`))
	})

	t.Run("AlreadyVerified", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, email := b.person(t)
		b.exec(t, `UPDATE {s}.users SET email_verified = TRUE`)
		result, err := b.system.RequestEmailVerification(b.ctx, userID)
		require.NoError(t, err)
		require.Equal(t, elevate.EmailVerification{Email: email, Verified: true}, result)
		require.Empty(t, b.purposes(t, userID))
		require.Zero(t, b.failures(t, "send_mail", email))
	})

	t.Run("VerifiedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, _ := b.person(t)
		var result elevate.EmailVerification
		require.NoError(t, b.behind(t, func(ctx context.Context) (err error) {
			result, err = b.system.RequestEmailVerification(ctx, userID)
			return err
		}, `UPDATE {s}.users SET email_verified = TRUE`))
		require.True(t, result.Verified)
		require.Empty(t, result.Token)
		require.Empty(t, b.purposes(t, userID))
	})

	t.Run("ErrorIfTooMany", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, _ := b.person(t)
		b.exec(t, `UPDATE {s}.users SET email = 'ADA@Example.org'`)
		for range 5 {
			_, err := b.system.RequestEmailVerification(b.ctx, userID)
			require.NoError(t, err)
		}
		b.keepThrottling(t)
		_, err := b.system.RequestEmailVerification(b.ctx, userID)
		require.ErrorIs(t, err, elevate.ErrTooManyAttempts)
		require.Equal(t, 5, b.failures(t, "send_mail", "ada@example.org"))
		_, err = b.store.RequestPasswordReset(b.ctx, "ada@example.org")
		require.NoError(t, err, "is counted apart")
	})

	t.Run("ErrorIfErasedOrDisabled", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, _ := b.person(t)
		b.exec(t, `UPDATE {s}.users SET disabled_at = now()`)
		_, err := b.system.RequestEmailVerification(b.ctx, userID)
		require.ErrorIs(t, err, elevate.ErrUserDisabled)
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		_, err = b.system.RequestEmailVerification(b.ctx, userID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Empty(t, b.purposes(t, userID))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, _ := b.person(t)
		for _, store := range b.strangers() {
			_, err := store.RequestEmailVerification(b.ctx, userID)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		result := elevate.EmailVerification{Email: "ada@example.org", Token: unknownToken}
		printed := fmt.Sprintf("%v %+v %#v %s", result, result, result, result) + result.LogValue().String()
		require.NotContains(t, printed, "AAAA")
		require.NotContains(t, printed, "@")
	})
}

func TestVerifyEmail(t *testing.T) {
	t.Parallel()

	type testBundleVerify struct {
		*testBundle

		userID uuid.UUID
		email  string
		token  elevate.Token
	}
	setup := func(t *testing.T) *testBundleVerify {
		t.Helper()
		b := &testBundleVerify{testBundle: newBundle(t)}
		b.userID, b.email = b.person(t)
		result, err := b.system.RequestEmailVerification(b.ctx, b.userID)
		require.NoError(t, err)
		b.token = result.Token
		return b
	}

	t.Run("Verifies", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.person(t)
		b.someSession(t, b.userID)
		reset, err := b.store.RequestPasswordReset(b.ctx, b.email)
		require.NoError(t, err)
		user, err := b.store.VerifyEmail(b.ctx, b.token)
		require.NoError(t, err)
		require.True(t, user.EmailVerified)
		got, err := b.system.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, got, user)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE email_verified`))
		require.Equal(t, 1, b.openSessions(t, b.userID))
		_, err = b.store.ResetPassword(b.ctx, reset.Token, "battery staple")
		require.NoError(t, err, "what else was mailed to the address stays good")
	})

	t.Run("ErrorIfUsed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.store.VerifyEmail(b.ctx, b.token)
		require.NoError(t, err)
		_, err = b.store.VerifyEmail(b.ctx, b.token)
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
	})

	for name, change := range map[string]string{
		"Expired":      `UPDATE {s}.user_tokens SET expires_at = now()`,
		"OtherPurpose": `UPDATE {s}.user_tokens SET purpose = 'reset_password'`,
		"EmailChanged": `UPDATE {s}.users SET email = 'new@example.org'`,
		"Erased":       `UPDATE {s}.users SET erased_at = now()`,
		"Disabled":     `UPDATE {s}.users SET disabled_at = now()`,
	} {
		t.Run("ErrorIf"+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.exec(t, change)
			_, err := b.store.VerifyEmail(b.ctx, b.token)
			require.ErrorIs(t, err, elevate.ErrInvalidToken)
			require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE email_verified`))
		})
	}

	t.Run("ErrorIfEmailChangedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := b.behind(t, func(ctx context.Context) error {
			_, err := b.store.VerifyEmail(ctx, b.token)
			return err
		}, `UPDATE {s}.users SET email = 'new@example.org'`)
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE email_verified`))
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).VerifyEmail(b.ctx, b.token)
		require.ErrorIs(t, err, elevate.ErrInTransaction)
		usable(t, tx)
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t))
		var done, refused atomic.Int32
		require.NoError(t, race(50, func(int) error {
			_, err := store.VerifyEmail(b.ctx, b.token)
			return tally(err, elevate.ErrInvalidToken, &done, &refused)
		}))
		require.Equal(t, int32(1), done.Load())
		require.Equal(t, int32(49), refused.Load())
	})
}
