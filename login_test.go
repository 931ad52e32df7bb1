package elevate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

const (
	rightPassword = "correct horse"
	wrongPassword = "battery staple"
)

// hashed is a hash as cheap as bcrypt makes them, or of the cost given.
func hashed(t testing.TB, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	require.NoError(t, err)
	return string(hash)
}

// member is a new person with rightPassword, who signs in by the email.
func (b *testBundle) member(t testing.TB) (userID uuid.UUID, email string) {
	t.Helper()
	userID = b.user(t, elevate.RoleUser)
	b.exec(t, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, userID, hashed(t, rightPassword, bcrypt.MinCost))
	return userID, userID.String() + "@example.org"
}

// storeWith is a visitor's store of another configuration.
func (b *testBundle) storeWith(t testing.TB, cfg elevate.Config) *elevate.Store {
	t.Helper()
	cfg.Schema = b.schema
	cfg.MaxAttempts = 1
	if cfg.PasswordCost == 0 {
		cfg.PasswordCost = bcrypt.MinCost
	}
	store, err := elevate.New(b.pool, &cfg)
	require.NoError(t, err)
	return store
}

const (
	sessionCount = `SELECT count(*) FROM {s}.sessions`
	sessionsLive = `SELECT count(*) FROM {s}.sessions WHERE revoked_at IS NULL`
	attemptCount = `SELECT count(*) FROM {s}.attempts`
)

func TestLogin(t *testing.T) {
	t.Parallel()

	type testBundleLogin struct {
		*testBundle

		userID uuid.UUID
		params elevate.LoginParams
	}
	setup := func(t *testing.T) *testBundleLogin {
		t.Helper()
		b := &testBundleLogin{testBundle: newBundle(t)}
		var email string
		b.userID, email = b.member(t)
		b.params = elevate.LoginParams{Email: email, Password: rightPassword}
		return b
	}
	// behind signs in while another transaction holds the person, and returns what
	// came of it after that transaction's commit.
	behind := func(t *testing.T, b *testBundleLogin, sql string, args ...any) error {
		t.Helper()
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(sql), args...)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.store.Login(context.WithoutCancel(b.ctx), b.params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		return <-done
	}

	t.Run("SignsIn", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.Email = " " + strings.ToUpper(b.params.Email)
		b.params.IPAddress, b.params.UserAgent = "::ffff:192.0.2.7", "Browser/1.0"
		result, err := b.store.Login(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, b.userID, result.Session.UserID)
		require.Equal(t, elevate.RoleUser, result.Session.Role)
		require.Equal(t, "192.0.2.7", result.Session.IPAddress)
		require.Equal(t, "Browser/1.0", result.Session.UserAgent)
		require.Equal(t, 30*24*time.Hour, result.Session.ExpiresAt.Sub(result.Session.LastSeenAt))

		sum := sha256.Sum256([]byte(string(result.Token)))
		require.Equal(t, hex.EncodeToString(sum[:]), scan[string](t, b.testBundle, `SELECT token FROM {s}.sessions`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE last_login IS NOT NULL AND updated_at = created_at`))
		require.Zero(t, b.count(t, attemptCount), "a success leaves none")
		session, err := b.store.ValidateSession(b.ctx, result.Token)
		require.NoError(t, err)
		require.Equal(t, result.Session, session)
	})

	// The row of another writer keeps its capitals.
	t.Run("EmailInCapitals", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET email = upper(email) WHERE id = $1`, b.userID)
		_, err := b.store.Login(b.ctx, b.params)
		require.NoError(t, err)
	})

	t.Run("Rehashes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.storeWith(t, elevate.Config{PasswordCost: bcrypt.MinCost + 1})
		for name, test := range map[string]struct {
			cost   int
			prefix string
			want   bool
		}{
			"Cheap": {bcrypt.MinCost, "$2a$", true},
			"Equal": {bcrypt.MinCost + 1, "$2b$", false},
			"PHP":   {bcrypt.MinCost + 1, "$2y$", true},
			"Dear":  {bcrypt.MinCost + 2, "$2y$", false},
		} {
			hash := test.prefix + hashed(t, rightPassword, test.cost)[4:]
			b.exec(t, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, b.userID, hash)
			_, err := store.Login(b.ctx, b.params)
			require.NoError(t, err, name)
			now := scan[string](t, b.testBundle, `SELECT password_hash FROM {s}.users WHERE id = $1`, b.userID)
			require.Equal(t, test.want, now != hash, name)
			if test.want {
				require.True(t, strings.HasPrefix(now, "$2a$05$"), name)
				require.NoError(t, bcrypt.CompareHashAndPassword([]byte(now), []byte(rightPassword)), name)
			}
		}
	})

	// Both have verified the old hash; the second finds the new one of the first.
	t.Run("RehashedAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.storeWith(t, elevate.Config{PasswordCost: bcrypt.MinCost + 1})
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
		require.NoError(t, err)
		done := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := store.Login(context.WithoutCancel(b.ctx), b.params)
				done <- err
			}()
		}
		b.waitUntilBlocked(t, 2)
		require.NoError(t, tx.Rollback(b.ctx))
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		require.Equal(t, 2, b.count(t, sessionsLive))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE password_hash LIKE '$2a$05$%'`))
	})

	t.Run("EndsTheOldest", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.storeWith(t, elevate.Config{SessionLimit: 2})
		var tokens []elevate.Token
		for range 4 {
			result, err := store.Login(b.ctx, b.params)
			require.NoError(t, err)
			tokens = append(tokens, result.Token)
		}
		for i, token := range tokens {
			_, err := store.ValidateSession(b.ctx, token)
			if i < 2 {
				require.ErrorIs(t, err, elevate.ErrInvalidSession)
			} else {
				require.NoError(t, err)
			}
		}
		require.Equal(t, 4, b.count(t, sessionCount), "ended, not deleted")
		// One that has expired counts no more.
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '8 days'
			WHERE id = (SELECT id FROM {s}.sessions ORDER BY created_at DESC LIMIT 1)`)
		_, err := store.Login(b.ctx, b.params)
		require.NoError(t, err)
		_, err = store.ValidateSession(b.ctx, tokens[2])
		require.NoError(t, err, "the older of the two goes on")
	})

	// What a stranger sees of an account: nothing, or that it is disabled once the
	// password was right.
	t.Run("ErrorIfInvalidCredentials", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		watched := &wire{}
		store := b.on(t, watched.pool(t, b.testBundle, 1))
		try := func(email, password string) (string, int64, string) {
			before := watched.ready.Load()
			_, err := store.Login(b.ctx, elevate.LoginParams{Email: email, Password: password})
			require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
			trips := watched.ready.Load() - before
			written := scan[string](t, b.testBundle,
				`SELECT string_agg(format('%s %s', purpose, failures), ', ') FROM {s}.attempts`)
			b.exec(t, `DELETE FROM {s}.attempts`)
			return err.Error(), trips, written
		}
		_, _, _ = try("nobody@example.org", wrongPassword) // prepares
		text, trips, written := try("nobody@example.org", wrongPassword)
		require.Equal(t, "elevate: login: invalid credentials", text)
		require.Equal(t, int64(1), trips)
		require.Equal(t, "sign_in 1", written)

		person := func(change string) string {
			userID, email := b.member(t)
			b.exec(t, `UPDATE {s}.users SET `+change+` WHERE id = $1`, userID)
			return email
		}
		for name, tried := range map[string][2]string{
			"Wrong":         {b.params.Email, wrongPassword},
			"WrongCase":     {b.params.Email, strings.ToUpper(rightPassword)},
			"Longer":        {b.params.Email, rightPassword + " "},
			"NoPassword":    {person(`password_hash = '!'`), "!!!!!!!!"},
			"NotBcrypt":     {person(`password_hash = md5('correct horse')`), rightPassword},
			"Plain":         {person(`password_hash = 'correct horse'`), rightPassword},
			"Exorbitant":    {person(`password_hash = replace(password_hash, '$04$', '$31$')`), rightPassword},
			"Erased":        {person(`erased_at = now()`), rightPassword},
			"DisabledWrong": {person(`disabled_at = now()`), wrongPassword},
		} {
			againText, againTrips, againWritten := try(tried[0], tried[1])
			require.Equal(t, text, againText, name)
			require.Equal(t, trips, againTrips, name)
			require.Equal(t, written, againWritten, name)
		}
		require.Zero(t, b.count(t, sessionCount))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE last_login IS NOT NULL`))
	})

	t.Run("ErrorIfDisabled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET disabled_at = now() WHERE id = $1`, b.userID)
		_, err := b.store.Login(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrUserDisabled)
		require.Zero(t, b.count(t, sessionCount))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, bad := range map[string]struct {
			field string
			spoil func(p *elevate.LoginParams)
		}{
			"NoEmail":    {"Email", func(p *elevate.LoginParams) { p.Email = "" }},
			"Email":      {"Email", func(p *elevate.LoginParams) { p.Email = "ada" }},
			"EmailNUL":   {"Email", func(p *elevate.LoginParams) { p.Email = "a\x00@example.org" }},
			"EmailUTF8":  {"Email", func(p *elevate.LoginParams) { p.Email = "a\xff@example.org" }},
			"NoPassword": {"Password", func(p *elevate.LoginParams) { p.Password = "" }},
			"73Bytes":    {"Password", func(p *elevate.LoginParams) { p.Password = strings.Repeat("x", 73) }},
			"NUL":        {"Password", func(p *elevate.LoginParams) { p.Password = rightPassword + "\x00" }},
			"NotUTF8":    {"Password", func(p *elevate.LoginParams) { p.Password = rightPassword + "\xff" }},
			"IP":         {"IPAddress", func(p *elevate.LoginParams) { p.IPAddress = "192.0.2.7:443" }},
			"IPNUL":      {"IPAddress", func(p *elevate.LoginParams) { p.IPAddress = "::1\x00" }},
		} {
			params := b.params
			bad.spoil(&params)
			_, err := b.store.Login(b.ctx, params)
			requireInvalid(t, err, bad.field, name)
		}
		require.Zero(t, b.count(t, attemptCount), "found before anything is counted")
	})

	t.Run("ErrorIfInTransaction", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.store.WithTx(b.begin(t)).Login(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrInTransaction)
	})

	t.Run("PasswordChangedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := behind(t, b, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`,
			b.userID, hashed(t, wrongPassword, bcrypt.MinCost))
		require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
		require.Zero(t, b.count(t, sessionCount))
	})

	t.Run("DisabledMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := behind(t, b, `UPDATE {s}.users SET disabled_at = now() WHERE id = $1`, b.userID)
		require.ErrorIs(t, err, elevate.ErrUserDisabled)
		require.Zero(t, b.count(t, sessionCount))
	})

	t.Run("ErasedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := behind(t, b, `UPDATE {s}.users SET erased_at = now(), password_hash = '!' WHERE id = $1`, b.userID)
		require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
		require.Zero(t, b.count(t, sessionCount))
	})

	// Attempts are counted before they are judged, so most of 32 at once are sent
	// away until a success has ended the row; they come again.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store, err := elevate.New(b.wide(t), &elevate.Config{
			MaxAttempts: 1, PasswordCost: bcrypt.MinCost, Schema: b.schema, SessionLimit: 5,
		})
		require.NoError(t, err)
		require.NoError(t, race(32, func(int) error {
			for {
				_, err := store.Login(b.ctx, b.params)
				if !errors.Is(err, elevate.ErrBusy) && !errors.Is(err, elevate.ErrTooManyAttempts) {
					return err
				}
			}
		}))
		require.Equal(t, 32, b.count(t, sessionCount))
		require.Equal(t, 5, b.count(t, sessionsLive))
	})

	t.Run("HoldsNoConnectionWhileItHashes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		watched := &wire{}
		pool := watched.pool(t, b.testBundle, 1)
		store := b.on(t, pool)
		release := elevate.HoldHashing(store, false)
		done := make(chan error, 1)
		go func() {
			_, err := store.Login(context.WithoutCancel(b.ctx), b.params)
			done <- err
		}()
		for b.count(t, attemptCount) == 0 {
		}
		_, err := pool.Exec(b.ctx, "SELECT 1")
		require.NoError(t, err)
		release()
		require.NoError(t, <-done)
	})

	t.Run("CancelledWhileItWaits", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		release := elevate.HoldHashing(b.store, false)
		ctx, cancel := context.WithCancel(b.ctx)
		done := make(chan error, 1)
		go func() {
			_, err := b.store.Login(ctx, b.params)
			done <- err
		}()
		for b.count(t, attemptCount) == 0 || b.pool.Stat().AcquiredConns() > 0 {
		}
		cancel()
		err := <-done
		require.ErrorIs(t, err, elevate.ErrBusy)
		require.ErrorIs(t, err, context.Canceled)
		release()
		require.Zero(t, b.count(t, sessionCount))
		require.Zero(t, b.pool.Stat().AcquiredConns())
		_, err = b.store.Login(b.ctx, b.params)
		require.NoError(t, err, "it gave its place back")
	})

	t.Run("BusyIsNotCounted", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		release := elevate.HoldHashing(b.store, true)
		for range 10 {
			_, err := b.store.Login(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrBusy)
		}
		require.Zero(t, b.count(t, attemptCount))
		release()
		_, err := b.store.Login(b.ctx, b.params)
		require.NoError(t, err)
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.store.Login(b.ctx, b.params)
		require.NoError(t, err)
		var log strings.Builder
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("m", "params", b.params, "result", result, "token", result.Token)
		}
		printed := log.String() + fmt.Sprintf("%v %+v %#v %s %q %x", result, result, result, result, result, result) +
			fmt.Sprintf("%v %+v %#v %s", b.params, b.params, b.params, b.params)
		for _, secret := range []string{rightPassword, b.params.Email, string(result.Token)} {
			require.NotContains(t, printed, secret)
		}
		require.Contains(t, printed, result.Session.ID.String())
	})
}
