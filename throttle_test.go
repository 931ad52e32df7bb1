package elevate_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

func TestThrottle(t *testing.T) {
	t.Parallel()

	const free = 5
	type testBundleAttempts struct {
		*testBundle

		email string
	}
	setup := func(t *testing.T) *testBundleAttempts {
		t.Helper()
		b := &testBundleAttempts{testBundle: newBundle(t)}
		_, b.email = b.member(t)
		return b
	}
	login := func(b *testBundleAttempts, email, password string) error {
		_, err := b.store.Login(b.ctx, elevate.LoginParams{Email: email, Password: password})
		return err
	}
	age := func(t *testing.T, b *testBundleAttempts, interval string) {
		t.Helper()
		b.exec(t, `UPDATE {s}.attempts SET last_at = now() - $1::text::interval`, interval)
	}
	requireThrottled := func(t *testing.T, err error, most time.Duration) {
		t.Helper()
		require.ErrorIs(t, err, elevate.ErrTooManyAttempts)
		var throttle *elevate.ThrottleError
		require.ErrorAs(t, err, &throttle)
		require.Positive(t, throttle.RetryAfter)
		require.LessOrEqual(t, throttle.RetryAfter, most)
		require.Zero(t, throttle.RetryAfter%time.Second)
	}

	// The waits are longer than the test runs: the last attempt lies ahead.
	t.Run("ThrottleAfterTheFreeOnes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, email := range []string{b.email, "nobody@example.org"} {
			for range free {
				require.ErrorIs(t, login(b, email, wrongPassword), elevate.ErrInvalidCredentials)
			}
			age(t, b, "-1 hour")
			requireThrottled(t, login(b, email, wrongPassword), time.Hour+time.Second)
			requireThrottled(t, login(b, email, rightPassword), time.Hour+time.Second)
			require.Equal(t, free, b.count(t, `SELECT failures FROM {s}.attempts`), "a refused one is not counted")
			b.exec(t, `DELETE FROM {s}.attempts`)
		}
	})

	t.Run("WaitsDouble", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for failures, wait := range map[int]time.Duration{
			5: time.Second, 6: 2 * time.Second, 7: 4 * time.Second, 14: 512 * time.Second,
			15: 15 * time.Minute, 16: 15 * time.Minute, 1 << 30: 15 * time.Minute,
		} {
			b.exec(t, `DELETE FROM {s}.attempts`)
			sum := sha256.Sum256([]byte(b.email))
			b.exec(t, `INSERT INTO {s}.attempts (purpose, email_hash, failures, last_at)
				VALUES ('sign_in', $1, $2, now() + interval '1 hour')`, sum[:], failures)
			err := login(b, b.email, rightPassword)
			requireThrottled(t, err, time.Hour+wait)
			var throttle *elevate.ThrottleError
			require.ErrorAs(t, err, &throttle)
			require.Greater(t, throttle.RetryAfter, 30*time.Minute+wait)

			b.exec(t, `UPDATE {s}.attempts SET last_at = now() - $1::float * interval '1 second'`, wait.Seconds())
			require.ErrorIs(t, login(b, b.email, wrongPassword), elevate.ErrInvalidCredentials, "after the wait")
			require.Equal(t, failures+1, b.count(t, `SELECT failures FROM {s}.attempts`))
		}
	})

	t.Run("SuccessAfterTheWaitForgets", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for range free {
			require.ErrorIs(t, login(b, b.email, wrongPassword), elevate.ErrInvalidCredentials)
		}
		age(t, b, "1 second")
		require.NoError(t, login(b, b.email, rightPassword))
		require.Zero(t, b.count(t, attemptCount))
	})

	t.Run("ADayForgets", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for i := range 4 {
			require.ErrorIs(t, login(b, fmt.Sprintf("nobody%d@example.org", i), wrongPassword), elevate.ErrInvalidCredentials)
		}
		require.ErrorIs(t, login(b, b.email, wrongPassword), elevate.ErrInvalidCredentials)
		b.exec(t, `UPDATE {s}.attempts SET failures = 100`)
		age(t, b, "1 day 1 second")
		require.ErrorIs(t, login(b, b.email, wrongPassword), elevate.ErrInvalidCredentials)
		require.Equal(t, 3, b.count(t, attemptCount), "two others are gone")
		require.Equal(t, 1, b.count(t, `SELECT min(failures) FROM {s}.attempts`), "its own begins anew")
		require.Equal(t, 100, b.count(t, `SELECT max(failures) FROM {s}.attempts`))
	})

	// Of 50 guesses at once no more are judged than of 50 one after the other.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"Known", "Unknown"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				if name == "Unknown" {
					b.email = "nobody@example.org"
				}
				store, err := elevate.New(b.wide(t), &elevate.Config{
					MaxAttempts: 1, PasswordCost: bcrypt.MinCost, Schema: b.schema,
				})
				require.NoError(t, err)
				var judged, throttled atomic.Int32
				begun := time.Now()
				require.NoError(t, race(50, func(int) error {
					for {
						_, err := store.Login(b.ctx, elevate.LoginParams{Email: b.email, Password: wrongPassword})
						switch {
						case errors.Is(err, elevate.ErrBusy):
							continue
						case errors.Is(err, elevate.ErrInvalidCredentials):
							judged.Add(1)
							return nil
						case errors.Is(err, elevate.ErrTooManyAttempts):
							throttled.Add(1)
							return nil
						default:
							return fmt.Errorf("unexpected: %w", err)
						}
					}
				}))
				most := int32(free)
				for wait, rest := time.Second, time.Since(begun); rest >= wait; wait *= 2 {
					most++
					rest -= wait
				}
				require.GreaterOrEqual(t, judged.Load(), int32(free))
				require.LessOrEqual(t, judged.Load(), most)
				require.Equal(t, int32(50), judged.Load()+throttled.Load())
				require.Equal(t, int(judged.Load()), b.count(t, `SELECT failures FROM {s}.attempts`))
			})
		}
	})

	// An attempt takes away others' rows. Held while it waits for its own, they
	// could be those of others who wait for it.
	t.Run("HoldsNothingWhileItWaits", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, email := range []string{b.email, "nobody@example.org"} {
			require.ErrorIs(t, login(b, email, wrongPassword), elevate.ErrInvalidCredentials)
		}
		age(t, b, "2 days")
		mine := sha256.Sum256([]byte(b.email))
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.attempts WHERE email_hash = $1 FOR UPDATE`), mine[:])
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			params := elevate.LoginParams{Email: b.email, Password: wrongPassword}
			_, err := b.store.Login(context.WithoutCancel(b.ctx), params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		_, err = tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.attempts FOR UPDATE NOWAIT`))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrInvalidCredentials)
		require.Equal(t, 1, b.count(t, attemptCount))
	})
}
