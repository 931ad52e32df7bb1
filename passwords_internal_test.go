package elevate

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate/internal/hashcost"
)

func TestHashPassword(t *testing.T) {
	t.Parallel()

	setup := func(t *testing.T) *Store {
		t.Helper()
		store, err := New(nil, nil)
		require.NoError(t, err)
		return store
	}

	t.Run("Hashes", func(t *testing.T) {
		t.Parallel()
		store := setup(t)
		for name, password := range map[string]string{
			"Shortest":     "12345678",
			"Longest":      strings.Repeat("x", 72),
			"EightLetters": "пароль☺☺",
			"Spaces":       "        ",
		} {
			hash, err := store.HashPassword(t.Context(), password)
			require.NoError(t, err, name)
			require.Regexp(t, bcryptHash, string(hash))
			cost, err := bcrypt.Cost([]byte(hash))
			require.NoError(t, err)
			require.Equal(t, 12, cost)
			require.NoError(t, bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)), name)
		}
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		store := setup(t)
		for name, password := range map[string]string{
			"Empty":        "",
			"SevenLetters": "пароль☺",
			"TooManyBytes": strings.Repeat("é", 37),
			"NUL":          "1234567\x008",
			"NotUTF8":      "12345678\xff",
		} {
			_, err := store.HashPassword(t.Context(), password)
			var refused *ValidationError
			require.ErrorAs(t, err, &refused, name)
			require.Equal(t, "Password", refused.Field, name)
		}
	})

	// The bound is the semaphore: full, it lets nobody in until one comes out.
	t.Run("ErrorIfBusy", func(t *testing.T) {
		t.Parallel()
		store := setup(t)
		hashing := store.core.hashing
		for range cap(hashing.running) {
			hashing.running <- struct{}{}
			hashing.waiting <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := store.HashPassword(ctx, "correct horse")
		require.ErrorIs(t, err, ErrBusy)
		require.ErrorIs(t, err, context.Canceled)

		done := make(chan error, 1)
		go func() {
			_, err := store.HashPassword(context.WithoutCancel(ctx), "correct horse")
			done <- err
		}()
		<-hashing.running
		require.NoError(t, <-done)
		require.Len(t, hashing.running, cap(hashing.running)-1, "gives its place back")

		// Too many wait already: nobody waits behind them.
		for len(hashing.waiting) < cap(hashing.waiting) {
			hashing.waiting <- struct{}{}
		}
		_, err = store.HashPassword(t.Context(), "correct horse")
		require.ErrorIs(t, err, ErrBusy)
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		store := setup(t)
		hash, err := store.HashPassword(t.Context(), "correct horse")
		require.NoError(t, err)
		params := RegisterUserParams{Email: "ada@example.org", Name: "Ada", Password: "correct horse", PasswordHash: hash}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "hash", hash, "params", params)
		printed := log.String() + fmt.Sprintf("%s %v %+v %#v %q %x %d", hash, hash, hash, hash, hash, hash, hash) +
			fmt.Sprintf("%s %v %+v %#v", params, params, params, params)
		for _, secret := range []string{string(hash), "$2a$", "correct horse", "ada@", "Ada"} {
			require.NotContains(t, printed, secret)
		}
		require.Contains(t, printed, redacted)
	})
}

func TestMatches(t *testing.T) {
	t.Parallel()
	hashcost.Lower()
	store, err := New(nil, &Config{PasswordCost: 5})
	require.NoError(t, err)
	hash, err := store.hash(t.Context(), "correct horse")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		hash     PasswordHash
		password string
		want     bool
	}{
		"Right":      {hash, "correct horse", true},
		"2b":         {"$2b$" + hash[4:], "correct horse", true},
		"2y":         {"$2y$" + hash[4:], "correct horse", true},
		"Wrong":      {hash, "battery staple", false},
		"Longer":     {hash, "correct horse!", false},
		"Empty":      {hash, "", false},
		"Unusable":   {"!", "!", false},
		"None":       {"", "", false},
		"Decoy":      {decoy(5), "correct horse", false},
		"OtherMajor": {"$3a$" + hash[4:], "correct horse", false},
		"Exorbitant": {"$2a$31$" + hash[7:], "correct horse", false},
		"Cut":        {hash[:59], "correct horse", false},
	} {
		match, err := store.matches(t.Context(), test.hash, test.password)
		require.NoError(t, err, name)
		require.Equal(t, test.want, match, name)
	}
}
