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

func TestRequestPasswordReset(t *testing.T) {
	t.Parallel()

	t.Run("Keeps", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, email := b.person(t)
		result, err := b.store.RequestPasswordReset(b.ctx, " "+strings.ToUpper(email))
		require.NoError(t, err)
		require.Equal(t, email, result.Email)
		require.Equal(t, userID, result.UserID)
		require.WithinDuration(t, time.Now().Add(time.Hour), result.ExpiresAt, time.Minute)
		require.Equal(t, time.UTC, result.ExpiresAt.Location())
		require.Equal(t, result.ExpiresAt, scan[time.Time](t, b, `SELECT expires_at FROM {s}.user_tokens
			WHERE user_id = $1 AND purpose = 'reset_password' AND email = $2 AND token_hash = sha256(convert_to($3, 'UTF8'))`,
			userID, email, string(result.Token)).UTC())
		b.requirePassword(t, userID, goodPassword)
	})

	// The mail goes where the account's mail goes, not to what was typed.
	t.Run("ToTheStoredSpelling", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, _ := b.person(t)
		b.exec(t, `UPDATE {s}.users SET email = 'ADA@Example.org'`)
		result, err := b.store.RequestPasswordReset(b.ctx, "ada@example.org")
		require.NoError(t, err)
		require.Equal(t, "ADA@Example.org", result.Email)
		require.Equal(t, userID, result.UserID)
		user, err := b.store.ResetPassword(b.ctx, result.Token, "battery staple")
		require.NoError(t, err)
		require.True(t, user.EmailVerified)
		require.Zero(t, b.failures(t, "reset_password", "ada@example.org"))
	})

	t.Run("AlikeForNobody", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		known, knownEmail := b.person(t)
		erased, erasedEmail := b.person(t)
		disabled, disabledEmail := b.person(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, erased)
		b.exec(t, `UPDATE {s}.users SET disabled_at = now() WHERE id = $1`, disabled)
		b.exec(t, `CREATE TABLE {s}.writes (transaction xid8)`)
		b.exec(t, `CREATE FUNCTION {s}.note_write() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				INSERT INTO {s}.writes VALUES (pg_current_xact_id());
				RETURN NULL;
			END $$`)
		for _, table := range []string{"attempts", "user_tokens"} {
			b.exec(t, `CREATE TRIGGER note AFTER INSERT OR UPDATE ON {s}.`+table+`
				FOR EACH ROW EXECUTE FUNCTION {s}.note_write()`)
		}
		watched := &wire{}
		store := b.on(t, watched.pool(t, b, 1))
		_, err := store.RequestPasswordReset(b.ctx, "warm-up@example.org")
		require.NoError(t, err)
		for _, email := range []string{knownEmail, erasedEmail, disabledEmail, "nobody@example.org"} {
			b.exec(t, `DELETE FROM {s}.writes`)
			trips := watched.ready.Load()
			result, err := store.RequestPasswordReset(b.ctx, email)
			require.NoError(t, err)
			require.Equal(t, int64(2), watched.ready.Load()-trips, email)
			require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.writes`), "rows written for %s", email)
			require.Equal(t, 2, b.count(t, `SELECT count(DISTINCT transaction) FROM {s}.writes`))
			require.Equal(t, email, result.Email)
			require.Len(t, string(result.Token), 43)
			require.WithinDuration(t, time.Now().Add(time.Hour), result.ExpiresAt, time.Minute)
			require.Equal(t, email == knownEmail, result.UserID == known)
			require.Equal(t, email != knownEmail, result.UserID == uuid.Nil)
			require.Equal(t, 1, b.failures(t, "reset_password", email))
			_, err = store.ResetPassword(b.ctx, result.Token, "battery staple")
			require.Equal(t, email == knownEmail, err == nil)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.user_tokens`))
	})

	t.Run("VoidsTheOlder", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, email := b.person(t)
		older, err := b.store.RequestPasswordReset(b.ctx, email)
		require.NoError(t, err)
		newer, err := b.store.RequestPasswordReset(b.ctx, email)
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.user_tokens`))
		_, err = b.store.ResetPassword(b.ctx, older.Token, "battery staple")
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		_, err = b.store.ResetPassword(b.ctx, newer.Token, "battery staple")
		require.NoError(t, err)
	})

	t.Run("ErrorIfTooMany", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, known := b.person(t)
		for _, email := range []string{known, "nobody@example.org"} {
			for range 5 {
				_, err := b.store.RequestPasswordReset(b.ctx, email)
				require.NoError(t, err)
			}
			b.keepThrottling(t)
			_, err := b.store.RequestPasswordReset(b.ctx, strings.ToUpper(email))
			require.ErrorIs(t, err, elevate.ErrTooManyAttempts)
			var throttled *elevate.ThrottleError
			require.ErrorAs(t, err, &throttled)
			require.Greater(t, throttled.RetryAfter, time.Hour-time.Minute)
			require.NotContains(t, err.Error(), "@")
		}
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		for _, email := range []string{"", "ada", "ada@example.org\x00", "ada\xff@example.org"} {
			_, err := b.store.RequestPasswordReset(b.ctx, email)
			requireInvalid(t, err, "Email")
		}
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		reset := elevate.PasswordReset{Email: "ada@example.org", Token: unknownToken, UserID: uuid.New()}
		printed := fmt.Sprintf("%v %+v %#v %s", reset, reset, reset, reset) + reset.LogValue().String()
		require.NotContains(t, printed, "AAAA")
		require.NotContains(t, printed, "@")
		require.Contains(t, printed, reset.UserID.String())
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, email := b.person(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).RequestPasswordReset(b.ctx, email)
		require.ErrorIs(t, err, elevate.ErrInTransaction)
		usable(t, tx)
		require.Zero(t, b.failures(t, "reset_password", email))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		for range 10 {
			userID, email := b.person(t)
			tokens := make([]elevate.Token, 4)
			require.NoError(t, race(len(tokens), func(i int) error {
				result, err := b.store.RequestPasswordReset(b.ctx, email)
				tokens[i] = result.Token
				return err
			}))
			require.Equal(t, "reset_password", b.purposes(t, userID))
			good := 0
			for _, token := range tokens {
				_, err := b.store.ResetPassword(b.ctx, token, "battery staple")
				if err == nil {
					good++
				} else {
					require.ErrorIs(t, err, elevate.ErrInvalidToken)
				}
			}
			require.Equal(t, 1, good)
		}
	})

	// Whoever has moved to another address is not found by the old one.
	t.Run("EmailChangedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, email := b.person(t)
		var result elevate.PasswordReset
		require.NoError(t, b.behind(t, func(ctx context.Context) (err error) {
			result, err = b.store.RequestPasswordReset(ctx, email)
			return err
		}, `UPDATE {s}.users SET email = 'new@example.org' WHERE id = $1`, userID))
		require.Zero(t, result.UserID)
		require.Empty(t, b.purposes(t, userID))
	})
}

func TestResetPassword(t *testing.T) {
	t.Parallel()

	type testBundleReset struct {
		*testBundle

		userID uuid.UUID
		email  string
		token  elevate.Token
	}
	setup := func(t *testing.T) *testBundleReset {
		t.Helper()
		b := &testBundleReset{testBundle: newBundle(t)}
		b.userID, b.email = b.person(t)
		result, err := b.store.RequestPasswordReset(b.ctx, b.email)
		require.NoError(t, err)
		b.token = result.Token
		return b
	}
	reset := func(ctx context.Context, b *testBundleReset) error {
		_, err := b.store.ResetPassword(ctx, b.token, "battery staple")
		return err
	}

	t.Run("Resets", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other, otherEmail := b.person(t)
		b.mailed(t, other, otherEmail)
		b.someSession(t, other)
		b.someSession(t, b.userID)
		b.someSession(t, b.userID)
		token, _, _ := b.mailed(t, b.userID, b.email)
		b.exec(t, `INSERT INTO {s}.attempts (purpose, email_hash, failures, last_at)
			VALUES ('sign_in', sha256(convert_to($1, 'UTF8')), 9, now()), ('sign_in', sha256(convert_to($2, 'UTF8')), 9, now())`,
			b.email, otherEmail)
		user, err := b.store.ResetPassword(b.ctx, token, "battery staple")
		require.NoError(t, err)
		require.Equal(t, b.userID, user.ID)
		require.Equal(t, b.email, user.Email)
		require.True(t, user.EmailVerified)
		got, err := b.system.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, got, user)
		b.requirePassword(t, b.userID, "battery staple")
		require.Zero(t, b.openSessions(t, b.userID))
		require.Empty(t, b.purposes(t, b.userID), "nothing else that was mailed is good")
		require.Zero(t, b.failures(t, "sign_in", b.email))
		require.Zero(t, b.failures(t, "reset_password", b.email))
		require.Equal(t, "password_changed", b.notices(t, b.userID))

		b.requirePassword(t, other, goodPassword)
		require.Equal(t, 1, b.openSessions(t, other))
		require.Equal(t, "change_email reset_password verify_email", b.purposes(t, other))
		require.Equal(t, 9, b.failures(t, "sign_in", otherEmail))
		require.Empty(t, b.notices(t, other))
	})

	t.Run("SetsTheFirstPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = '!'`)
		require.NoError(t, reset(b.ctx, b))
		b.requirePassword(t, b.userID, "battery staple")
	})

	// Somebody else may have registered with the address, and wait for its owner
	// with an identity of their own.
	t.Run("UnlinksWhatCameBeforeTheProof", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		link := func(subject string, userID uuid.UUID) {
			t.Helper()
			_, err := b.system.LinkIdentity(b.ctx, elevate.LinkIdentityParams{
				Provider: "google", Subject: subject, UserID: userID,
			})
			require.NoError(t, err)
		}
		linked := func(userID uuid.UUID) int {
			t.Helper()
			identities, err := b.system.ListIdentities(b.ctx, userID)
			require.NoError(t, err)
			return len(identities)
		}
		other, _ := b.person(t)
		b.exec(t, `UPDATE {s}.users SET email_verified = FALSE`)
		link("1", b.userID)
		link("2", b.userID)
		link("3", other)
		require.NoError(t, reset(b.ctx, b))
		require.Zero(t, linked(b.userID))
		_, err := b.system.UserByIdentity(b.ctx, "google", "1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Equal(t, 1, linked(other))

		// The owner's own, once the address is known to be theirs.
		link("1", b.userID)
		again, err := b.store.RequestPasswordReset(b.ctx, b.email)
		require.NoError(t, err)
		_, err = b.store.ResetPassword(b.ctx, again.Token, "another staple")
		require.NoError(t, err)
		require.Equal(t, 1, linked(b.userID))
	})

	t.Run("ErrorIfUsed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, reset(b.ctx, b))
		_, err := b.store.ResetPassword(b.ctx, b.token, "another staple")
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		b.requirePassword(t, b.userID, "battery staple")
	})

	for name, change := range map[string]string{
		"Expired":      `UPDATE {s}.user_tokens SET expires_at = now()`,
		"OtherPurpose": `UPDATE {s}.user_tokens SET purpose = 'verify_email'`,
		"EmailChanged": `UPDATE {s}.users SET email = 'new@example.org'`,
		"Erased":       `UPDATE {s}.users SET erased_at = now()`,
		"Disabled":     `UPDATE {s}.users SET disabled_at = now()`,
	} {
		t.Run("ErrorIf"+name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.someSession(t, b.userID)
			b.exec(t, change)
			require.ErrorIs(t, reset(b.ctx, b), elevate.ErrInvalidToken)
			b.requirePassword(t, b.userID, goodPassword)
			require.Equal(t, 1, b.openSessions(t, b.userID))
			require.Empty(t, b.notices(t, b.userID))
		})

		// The same, decided while the reset waits for whoever decides it.
		t.Run("ErrorIf"+name+"Meanwhile", func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.someSession(t, b.userID)
			err := b.behind(t, func(ctx context.Context) error { return reset(ctx, b) },
				`WITH held AS (SELECT FROM {s}.users FOR NO KEY UPDATE), counted AS (SELECT count(*) FROM held) `+
					change+` WHERE (SELECT count FROM counted) > 0`)
			require.ErrorIs(t, err, elevate.ErrInvalidToken)
			b.requirePassword(t, b.userID, goodPassword)
			require.Equal(t, 1, b.openSessions(t, b.userID))
		})
	}

	t.Run("CostsNoHashForStrangers", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		watched := &wire{}
		store := b.on(t, watched.pool(t, b.testBundle, 1))
		_, err := store.ResetPassword(b.ctx, unknownToken, "battery staple")
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		before := watched.ready.Load()
		_, err = store.ResetPassword(b.ctx, unknownToken, "battery staple")
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		require.Equal(t, int64(1), watched.ready.Load()-before)
		_, err = store.ResetPassword(b.ctx, "garbage", "battery staple")
		require.ErrorIs(t, err, elevate.ErrInvalidToken)
		require.Equal(t, int64(1), watched.ready.Load()-before, "what is no token is not looked up")
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, password := range []string{"1234567", strings.Repeat("x", 73), "12345678\x00", "12345678\xff"} {
			_, err := b.store.ResetPassword(b.ctx, b.token, password)
			requireInvalid(t, err, "Password")
		}
		require.NoError(t, reset(b.ctx, b), "the token is as good as it was")
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).ResetPassword(b.ctx, b.token, "battery staple")
		require.ErrorIs(t, err, elevate.ErrInTransaction)
		usable(t, tx)
		require.NoError(t, reset(b.ctx, b))
	})

	t.Run("Cancelled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		require.ErrorIs(t, reset(ctx, b), context.Canceled)
		require.NoError(t, reset(b.ctx, b))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.someSession(t, b.userID)
		store := b.on(t, b.wide(t))
		passwords := make([]string, 50)
		var done, refused atomic.Int32
		var winner atomic.Int64
		require.NoError(t, race(len(passwords), func(i int) error {
			passwords[i] = fmt.Sprintf("battery staple %d", i)
			err := notBusy(func() error {
				_, err := store.ResetPassword(b.ctx, b.token, passwords[i])
				return err
			})
			if err == nil {
				winner.Store(int64(i))
			}
			return tally(err, elevate.ErrInvalidToken, &done, &refused)
		}))
		require.Equal(t, int32(1), done.Load())
		require.Equal(t, int32(49), refused.Load())
		b.requirePassword(t, b.userID, passwords[winner.Load()])
		require.Equal(t, "password_changed", b.notices(t, b.userID))
		require.Zero(t, b.openSessions(t, b.userID))
	})

	// The worst case of 50 at once: all of them have found the token to be good.
	t.Run("ConcurrentBehindOne", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t))
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users FOR UPDATE`))
		require.NoError(t, err)
		var done, refused atomic.Int32
		finished := make(chan error, 1)
		go func() {
			finished <- race(16, func(int) error {
				_, err := store.ResetPassword(context.WithoutCancel(b.ctx), b.token, "battery staple")
				return tally(err, elevate.ErrInvalidToken, &done, &refused)
			})
		}()
		b.waitUntilBlocked(t, 16)
		require.NoError(t, tx.Rollback(b.ctx))
		require.NoError(t, <-finished)
		require.Equal(t, int32(1), done.Load())
		require.Equal(t, int32(15), refused.Load())
	})

	t.Run("EndsASessionInFlight", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.behind(t, func(ctx context.Context) error { return reset(ctx, b) }, signedIn, b.userID))
		require.Zero(t, b.openSessions(t, b.userID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions`))
	})

	// Each voids the token of the other: a reset of somebody whose address is
	// moving away leaves the account where it is, and the other way round.
	t.Run("RacesConfirmEmailChange", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for range 20 {
			userID, email := b.person(t)
			token, _, change := b.mailed(t, userID, email)
			var done, refused atomic.Int32
			require.NoError(t, race(2, func(i int) error {
				var err error
				if i == 0 {
					_, err = b.store.ResetPassword(b.ctx, token, "battery staple")
				} else {
					_, err = b.store.ConfirmEmailChange(b.ctx, change)
				}
				return tally(err, elevate.ErrInvalidToken, &done, &refused)
			}))
			require.Equal(t, int32(1), done.Load())
			require.Equal(t, int32(1), refused.Load())
			require.Empty(t, b.purposes(t, userID))
			moved := scan[string](t, b.testBundle, `SELECT email FROM {s}.users WHERE id = $1`, userID) != email
			if moved {
				b.requirePassword(t, userID, goodPassword)
				require.Equal(t, "email_changed", b.notices(t, userID))
			} else {
				b.requirePassword(t, userID, "battery staple")
				require.Equal(t, "password_changed", b.notices(t, userID))
			}
		}
	})
}
