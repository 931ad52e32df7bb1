package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

const goodPassword = "correct horse"

// cheapHash is a hash of a password, which spares a test the hashing.
func cheapHash(t testing.TB, password string) string {
	t.Helper()
	if password == goodPassword {
		return goodHash()
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return string(hash)
}

var goodHash = sync.OnceValue(func() string {
	hash, err := bcrypt.GenerateFromPassword([]byte(goodPassword), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return string(hash)
})

// setPassword gives a person goodPassword.
func (b *testBundle) setPassword(t testing.TB, userID uuid.UUID) {
	t.Helper()
	b.exec(t, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, userID, cheapHash(t, goodPassword))
}

// person is a new learner with goodPassword, and their email.
func (b *testBundle) person(t testing.TB) (uuid.UUID, string) {
	t.Helper()
	id := b.user(t, elevate.RoleUser)
	b.setPassword(t, id)
	return id, id.String() + "@example.org"
}

// requirePassword checks which password the account has.
func (b *testBundle) requirePassword(t testing.TB, userID uuid.UUID, password string) {
	t.Helper()
	hash := scan[string](t, b, `SELECT password_hash FROM {s}.users WHERE id = $1`, userID)
	require.NoError(t, bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)))
}

// someSession is a new session.
func (b *testBundle) someSession(t testing.TB, userID uuid.UUID) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	b.exec(t, `INSERT INTO {s}.sessions (id, user_id, token, expires_at)
		VALUES ($1, $2, $3, now() + interval '1 day')`, id, userID, id.String())
	return id
}

// openSessions is how many sessions have not ended.
func (b *testBundle) openSessions(t testing.TB, userID uuid.UUID) int {
	t.Helper()
	return b.count(t, `SELECT count(*) FROM {s}.sessions WHERE user_id = $1 AND revoked_at IS NULL`, userID)
}

// purposes are those of a person's tokens, in order.
func (b *testBundle) purposes(t testing.TB, userID uuid.UUID) string {
	t.Helper()
	return scan[string](t, b, `SELECT coalesce(string_agg(purpose, ' ' ORDER BY purpose), '')
		FROM {s}.user_tokens WHERE user_id = $1`, userID)
}

// notices are the types of a person's notifications, in order.
func (b *testBundle) notices(t testing.TB, userID uuid.UUID) string {
	t.Helper()
	return scan[string](t, b, `SELECT coalesce(string_agg(type, ' ' ORDER BY created_at, id), '')
		FROM {s}.notifications WHERE user_id = $1`, userID)
}

// failures are how many attempts of an email are counted.
func (b *testBundle) failures(t testing.TB, purpose, email string) int {
	t.Helper()
	return b.count(t, `SELECT coalesce(sum(failures), 0)::integer FROM {s}.attempts
		WHERE purpose = $1 AND email_hash = sha256(convert_to($2, 'UTF8'))`, purpose, email)
}

// mailed makes one token of each purpose.
func (b *testBundle) mailed(t testing.TB, userID uuid.UUID, email string) (reset, verify, change elevate.Token) {
	t.Helper()
	r, err := b.store.RequestPasswordReset(b.ctx, email)
	require.NoError(t, err)
	v, err := b.system.RequestEmailVerification(b.ctx, userID)
	require.NoError(t, err)
	c, err := b.system.RequestEmailChange(b.ctx, elevate.RequestEmailChangeParams{
		UserID: userID, NewEmail: "new-" + email, WithoutPassword: true,
	})
	require.NoError(t, err)
	return r.Token, v.Token, c.Token
}

// behind runs a call that has to wait for what change has written in a
// transaction, which is committed once it waits.
func (b *testBundle) behind(t testing.TB, call func(ctx context.Context) error, change string, args ...any) error {
	t.Helper()
	tx := b.begin(t)
	_, err := tx.Exec(b.ctx, b.sql(change), args...)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- call(context.WithoutCancel(b.ctx)) }()
	b.waitUntilBlocked(t, 1)
	require.NoError(t, tx.Commit(b.ctx))
	return <-done
}

// signedIn is what a sign-in writes that nobody else has seen yet.
const signedIn = `WITH seen AS (UPDATE {s}.users SET last_login = now() WHERE id = $1)
	INSERT INTO {s}.sessions (user_id, token, expires_at) VALUES ($1, 'late', now() + interval '1 day')`

func TestChangePassword(t *testing.T) {
	t.Parallel()

	type testBundleChange struct {
		*testBundle

		userID uuid.UUID
		email  string
		me     *elevate.Store
		params elevate.ChangePasswordParams
	}
	setup := func(t *testing.T) *testBundleChange {
		t.Helper()
		b := &testBundleChange{testBundle: newBundle(t)}
		b.userID, b.email = b.person(t)
		b.me = b.as(b.userID, elevate.RoleUser)
		b.params = elevate.ChangePasswordParams{
			UserID: b.userID, OldPassword: goodPassword, NewPassword: "battery staple",
		}
		return b
	}

	t.Run("Changes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other, _ := b.person(t)
		b.someSession(t, other)
		b.params.Keep = b.someSession(t, b.userID)
		b.someSession(t, b.userID)
		b.someSession(t, b.userID)
		b.mailed(t, b.userID, b.email)
		b.exec(t, `UPDATE {s}.users SET updated_at = '2024-01-01'`)
		require.NoError(t, b.me.ChangePassword(b.ctx, b.params))
		b.requirePassword(t, b.userID, "battery staple")
		b.requirePassword(t, other, goodPassword)
		require.Equal(t, b.params.Keep, scan[uuid.UUID](t, b.testBundle,
			`SELECT id FROM {s}.sessions WHERE user_id = $1 AND revoked_at IS NULL`, b.userID))
		require.Equal(t, 1, b.openSessions(t, other))
		require.Equal(t, "verify_email", b.purposes(t, b.userID))
		require.Equal(t, "password_changed", b.notices(t, b.userID))
		require.Empty(t, b.notices(t, other))
		require.Zero(t, b.failures(t, "sign_in", b.email), "a success is forgotten")
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE updated_at > '2024-01-01'`))
	})

	t.Run("EndsAllSessionsWithoutKeep", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.someSession(t, b.userID)
		b.exec(t, `UPDATE {s}.sessions SET revoked_at = '2024-01-01'`)
		b.someSession(t, b.userID)
		require.NoError(t, b.system.ChangePassword(b.ctx, b.params))
		require.Zero(t, b.openSessions(t, b.userID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions WHERE revoked_at = '2024-01-01'`),
			"what had ended already stays as it is")
	})

	// Another platform had shorter passwords.
	t.Run("OldPasswordOfOtherRules", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, b.userID, cheapHash(t, "1234"))
		b.params.OldPassword = "1234"
		require.NoError(t, b.me.ChangePassword(b.ctx, b.params))
	})

	t.Run("AdminOfThemself", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.as(b.userID, elevate.RoleAdmin).ChangePassword(b.ctx, b.params))
	})

	t.Run("ErrorIfWrong", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.someSession(t, b.userID)
		b.params.OldPassword = "wrong horse"
		for n := range 5 {
			require.ErrorIs(t, b.me.ChangePassword(b.ctx, b.params), elevate.ErrInvalidCredentials)
			require.Equal(t, n+1, b.failures(t, "sign_in", b.email))
		}
		// A stolen session guesses no more than a sign-in would.
		b.params.OldPassword = goodPassword
		b.keepThrottling(t)
		err := b.me.ChangePassword(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrTooManyAttempts)
		var throttled *elevate.ThrottleError
		require.ErrorAs(t, err, &throttled)
		require.Positive(t, throttled.RetryAfter)
		b.requirePassword(t, b.userID, goodPassword)
		require.Equal(t, 1, b.openSessions(t, b.userID))
		require.Empty(t, b.notices(t, b.userID))
	})

	// What the capitals of an adopted account hide from a sign-in, they hide here.
	t.Run("CountsForTheSpellingOfASignIn", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET email = 'ADA@Example.org' WHERE id = $1`, b.userID)
		b.params.OldPassword = "wrong horse"
		require.ErrorIs(t, b.me.ChangePassword(b.ctx, b.params), elevate.ErrInvalidCredentials)
		require.Equal(t, 1, b.failures(t, "sign_in", "ada@example.org"))
	})

	t.Run("ErrorIfNoPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = '!'`)
		for _, old := range []string{"!", goodPassword} {
			b.params.OldPassword = old
			require.ErrorIs(t, b.system.ChangePassword(b.ctx, b.params), elevate.ErrInvalidCredentials)
		}
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		require.ErrorIs(t, b.me.ChangePassword(b.ctx, b.params), elevate.ErrNotFound)
	})

	t.Run("ErrorIfDisabled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET disabled_at = now()`)
		require.ErrorIs(t, b.me.ChangePassword(b.ctx, b.params), elevate.ErrUserDisabled)
		b.requirePassword(t, b.userID, goodPassword)
		b.params.OldPassword = "wrong horse"
		require.ErrorIs(t, b.me.ChangePassword(b.ctx, b.params), elevate.ErrInvalidCredentials)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for password, field := range map[string]string{
			"1234567":               "NewPassword",
			strings.Repeat("x", 73): "NewPassword",
			"12345678\x00":          "NewPassword",
			"12345678\xff":          "NewPassword",
		} {
			b.params.NewPassword = password
			requireInvalid(t, b.me.ChangePassword(b.ctx, b.params), field)
		}
		b.params.OldPassword = strings.Repeat("x", 73)
		requireInvalid(t, b.me.ChangePassword(b.ctx, b.params), "OldPassword")
		require.Zero(t, b.failures(t, "sign_in", b.email))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		for _, store := range []*elevate.Store{
			b.store, b.as(uuid.New(), elevate.RoleUser), b.as(uuid.New(), elevate.RoleInstructor),
			b.as(uuid.New(), elevate.RoleAdmin), b.as(b.userID, elevate.RoleVisitor),
		} {
			require.ErrorIs(t, store.ChangePassword(b.ctx, b.params), elevate.ErrForbidden)
			require.ErrorIs(t, store.WithTx(tx).ChangePassword(b.ctx, b.params), elevate.ErrForbidden)
		}
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		p := elevate.ChangePasswordParams{UserID: uuid.New(), OldPassword: "old secret", NewPassword: "new secret"}
		printed := fmt.Sprintf("%v %+v %#v %s", p, p, p, p) + p.LogValue().String()
		require.NotContains(t, printed, "secret")
		require.Contains(t, printed, p.UserID.String())
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var changed, refused atomic.Int32
		require.NoError(t, race(5, func(i int) error {
			params := b.params
			params.NewPassword = fmt.Sprintf("battery staple %d", i)
			return tally(b.me.ChangePassword(b.ctx, params), elevate.ErrInvalidCredentials, &changed, &refused)
		}))
		require.Equal(t, int32(1), changed.Load())
		require.Equal(t, int32(4), refused.Load())
		require.Equal(t, "password_changed", b.notices(t, b.userID))
	})

	t.Run("EndsASessionInFlight", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.behind(t, func(ctx context.Context) error {
			return b.me.ChangePassword(ctx, b.params)
		}, signedIn, b.userID))
		require.Zero(t, b.openSessions(t, b.userID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions`))
	})

	t.Run("ErrorIfChangedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.someSession(t, b.userID)
		err := b.behind(t, func(ctx context.Context) error { return b.me.ChangePassword(ctx, b.params) },
			`UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, b.userID, cheapHash(t, "another one"))
		require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
		b.requirePassword(t, b.userID, "another one")
		require.Equal(t, 1, b.openSessions(t, b.userID))
	})

	// A sign-in hashes the same password again, where its hash was too cheap.
	t.Run("HashedAnewMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		anew, err := bcrypt.GenerateFromPassword([]byte(goodPassword), bcrypt.MinCost)
		require.NoError(t, err)
		require.NoError(t, b.behind(t, func(ctx context.Context) error { return b.me.ChangePassword(ctx, b.params) },
			`UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, b.userID, string(anew)))
		b.requirePassword(t, b.userID, "battery staple")
	})

	t.Run("Cancelled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		require.ErrorIs(t, b.me.ChangePassword(ctx, b.params), context.Canceled)
		b.requirePassword(t, b.userID, goodPassword)
	})
}

// TestTokensAreForOnePurpose tries each token where another one belongs.
func TestTokensAreForOnePurpose(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	userID, email := b.person(t)
	reset, verify, change := b.mailed(t, userID, email)
	made, err := b.system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: userID})
	require.NoError(t, err)
	tokens := map[string]elevate.Token{"reset": reset, "verify": verify, "change": change, "session": made.Token}
	for purpose, call := range map[string]func(token elevate.Token) error{
		"reset": func(token elevate.Token) error {
			_, err := b.store.ResetPassword(b.ctx, token, "battery staple")
			return err
		},
		"verify": func(token elevate.Token) error {
			_, err := b.store.VerifyEmail(b.ctx, token)
			return err
		},
		"change": func(token elevate.Token) error {
			_, err := b.store.ConfirmEmailChange(b.ctx, token)
			return err
		},
		"session": func(token elevate.Token) error {
			_, err := b.store.ValidateSession(b.ctx, token)
			return err
		},
	} {
		want := elevate.ErrInvalidToken
		if purpose == "session" {
			want = elevate.ErrInvalidSession
		}
		for name, token := range tokens {
			if name != purpose {
				require.ErrorIs(t, call(token), want, "%s for %s", name, purpose)
			}
		}
	}
	require.Equal(t, "change_email reset_password verify_email", b.purposes(t, userID), "none is used up")
	require.Equal(t, 1, b.openSessions(t, userID))
	b.requirePassword(t, userID, goodPassword)
}

// notBusy calls again while the processors are busy with other passwords.
func notBusy(call func() error) error {
	for {
		if err := call(); !errors.Is(err, elevate.ErrBusy) {
			return err
		}
	}
}
