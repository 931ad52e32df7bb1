package elevate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

// leaks collects everything that a secret could have leaked into.
type leaks struct {
	mu   sync.Mutex
	text bytes.Buffer // rows, log and errors
	wire bytes.Buffer // what went to the server
}

// Write is where the logger writes to.
func (l *leaks) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *leaks) sent(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wire.Write(p)
}

// failed keeps how an error prints.
func (l *leaks) failed(err error) {
	for ; err != nil; err = errors.Unwrap(err) {
		_, _ = fmt.Fprintf(l, "%v\n%+v\n%#v\n", err, err, err)
	}
}

// pool is a pool whose every byte to the server is kept: what is not sent cannot
// be in the server's log.
func (l *leaks) pool(t testing.TB, b *testBundle, settings map[string]string) *pgxpool.Pool {
	t.Helper()
	return b.poolWith(t, func(cfg *pgxpool.Config) {
		maps.Copy(cfg.ConnConfig.RuntimeParams, settings)
		dial := cfg.ConnConfig.DialFunc
		cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return tappedConn{conn, l}, nil
		}
	})
}

type tappedConn struct {
	net.Conn

	leaks *leaks
}

func (c tappedConn) Write(p []byte) (int, error) {
	c.leaks.sent(p)
	return c.Conn.Write(p)
}

// dump keeps all rows of all tables.
func (l *leaks) dump(t testing.TB, b *testBundle) {
	t.Helper()
	tables := scan[[]string](t, b, `SELECT array_agg(c.relname ORDER BY c.relname) FROM pg_class AS c
		WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')`, b.schema)
	require.Contains(t, tables, "sessions")
	for _, table := range tables {
		rows := scan[string](t, b, fmt.Sprintf(`SELECT coalesce(string_agg(r::text, E'\n'), '') FROM {s}.%s AS r`, table))
		_, _ = fmt.Fprintf(l, "%s\n%s\n", table, rows)
	}
}

// TestSecrets looks for what nobody but its owner may have, after every use of
// it: in all rows of all tables, in all that went to the server, in the log of the
// library and in its errors. An operation that takes or makes a secret adds it to
// the canaries.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const (
		password = "canary-password-5cd1f0"
		guess    = "canary-guess-b3e77a"
	)
	b := newBundle(t)
	l := &leaks{}
	store := func(settings map[string]string) *elevate.Store {
		store, err := elevate.New(l.pool(t, b, settings), &elevate.Config{
			Logger:      slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})),
			MaxAttempts: 3, PasswordCost: bcrypt.MinCost + 1, Schema: b.schema,
		})
		require.NoError(t, err)
		return store
	}
	visitor, hasty := store(nil), store(map[string]string{"lock_timeout": "1ms"})
	canaries := map[string]string{"password": password, "guess": guess}
	canary := func(name string, token elevate.Token) {
		require.NotEmpty(t, token)
		canaries[name] = string(token)
	}
	refused := func(err error, want error) {
		t.Helper()
		require.ErrorIs(t, err, want)
		l.failed(err)
	}

	user, err := visitor.RegisterUser(b.ctx, elevate.RegisterUserParams{
		Email: "ada@example.org", Name: "Ada", Password: password,
	})
	require.NoError(t, err)
	_, err = visitor.RegisterUser(b.ctx, elevate.RegisterUserParams{
		Email: "ada@example.org", Name: "Ada", Password: password,
	})
	refused(err, elevate.ErrEmailTaken)
	b.exec(t, `UPDATE {s}.users SET password_hash = $1`, hashed(t, password, bcrypt.MinCost)) // to be hashed anew
	login := elevate.LoginParams{Email: user.Email, Password: password, UserAgent: "Browser/1.0", IPAddress: "192.0.2.1"}
	result, err := visitor.Login(b.ctx, login)
	require.NoError(t, err)
	canary("session", result.Token)
	b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
	session, err := visitor.ValidateSession(b.ctx, result.Token)
	require.NoError(t, err)
	made, err := visitor.As(elevate.System("test")).CreateSession(b.ctx, elevate.CreateSessionParams{UserID: user.ID})
	require.NoError(t, err)
	canary("made", made.Token)
	_, err = visitor.As(session.Actor()).RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: user.ID})
	require.NoError(t, err)
	for _, token := range []elevate.Token{result.Token, made.Token, result.Token + "A"} {
		_, err = visitor.ValidateSession(b.ctx, token)
		refused(err, elevate.ErrInvalidSession)
	}

	const typed = "canary-typed"
	maps.Copy(canaries, useMailedTokens(t, b, visitor, l, typed))

	// Refused in every way, and with retries that are logged.
	wrong := login
	wrong.Password = guess
	_, err = visitor.Login(b.ctx, wrong)
	refused(err, elevate.ErrInvalidCredentials)
	tx := b.begin(t)
	_, err = tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users FOR UPDATE`))
	require.NoError(t, err)
	_, err = hasty.Login(b.ctx, login)
	require.Error(t, err)
	l.failed(err)
	require.NoError(t, tx.Rollback(b.ctx))
	b.exec(t, `UPDATE {s}.users SET disabled_at = now()`)
	_, err = visitor.Login(b.ctx, login)
	refused(err, elevate.ErrUserDisabled)
	cancelled, cancel := context.WithCancel(b.ctx)
	cancel()
	_, err = visitor.Login(cancelled, login)
	refused(err, context.Canceled)
	b.exec(t, `UPDATE {s}.attempts SET failures = 9, last_at = now() + interval '1 hour'`)
	_, err = visitor.Login(b.ctx, login)
	refused(err, elevate.ErrTooManyAttempts)
	wrong.Password = strings.Repeat(guess, 10)
	_, err = visitor.Login(b.ctx, wrong)
	l.failed(err)

	l.dump(t, b)
	require.NotContains(t, l.text.String(), typed, "an address that is no account's")
	found := l.text.String() + l.wire.String()
	require.Contains(t, found, typed, "where only the server has it")
	require.Contains(t, found, "elevate: retry")
	require.Contains(t, found, "SessionCreate")
	require.Contains(t, found, "ada@example.org", "where the rows are")
	sum := sha256.Sum256([]byte(canaries["session"]))
	require.Contains(t, found, hex.EncodeToString(sum[:]), "what stands for a token")
	for name, secret := range canaries {
		require.NotContains(t, found, secret, name)
	}
}

// useMailedTokens uses each of the tokens that are mailed, in time and too late,
// and returns them and the passwords that were given with them. The word is part of
// addresses that come to nothing.
func useMailedTokens(t testing.TB, b *testBundle, visitor *elevate.Store, l *leaks, word string) map[string]string {
	t.Helper()
	const (
		wrong = "canary-wrong-02d1ee"
		never = "canary-never-7f10c3"
		reset = "canary-reset-918a4b"
		last  = "canary-last-e6d05c"
	)
	refused := func(err, want error) {
		t.Helper()
		require.ErrorIs(t, err, want)
		l.failed(err)
	}
	userID, email := b.person(t)
	me := visitor.As(elevate.Actor{UserID: userID, Role: elevate.RoleUser})
	first, err := visitor.RequestPasswordReset(b.ctx, email)
	require.NoError(t, err)
	second, err := visitor.RequestPasswordReset(b.ctx, email)
	require.NoError(t, err)
	verify, err := me.RequestEmailVerification(b.ctx, userID)
	require.NoError(t, err)
	change, err := me.RequestEmailChange(b.ctx, elevate.RequestEmailChangeParams{
		UserID: userID, NewEmail: "new-" + email, Password: goodPassword,
	})
	require.NoError(t, err)
	l.dump(t, b) // with the tokens that are kept

	_, err = visitor.ResetPassword(b.ctx, first.Token, never)
	refused(err, elevate.ErrInvalidToken)
	refused(me.ChangePassword(b.ctx, elevate.ChangePasswordParams{
		UserID: userID, OldPassword: wrong, NewPassword: never,
	}), elevate.ErrInvalidCredentials)
	_, err = me.RequestEmailChange(b.ctx, elevate.RequestEmailChangeParams{
		UserID: userID, NewEmail: word + "@example.org", Password: wrong,
	})
	refused(err, elevate.ErrInvalidCredentials)
	_, err = visitor.RequestPasswordReset(b.ctx, word+"@nowhere@example.org")
	requireInvalid(t, err, "Email")
	l.failed(err)
	_, err = visitor.VerifyEmail(b.ctx, change.Token)
	refused(err, elevate.ErrInvalidToken)
	_, err = visitor.VerifyEmail(b.ctx, verify.Token)
	require.NoError(t, err)
	_, err = visitor.VerifyEmail(b.ctx, verify.Token)
	refused(err, elevate.ErrInvalidToken)
	_, err = visitor.ResetPassword(b.ctx, second.Token, reset)
	require.NoError(t, err)
	require.NoError(t, me.ChangePassword(b.ctx, elevate.ChangePasswordParams{
		UserID: userID, OldPassword: reset, NewPassword: last,
	}))
	_, err = visitor.ConfirmEmailChange(b.ctx, change.Token)
	refused(err, elevate.ErrInvalidToken)
	moved, err := me.RequestEmailChange(b.ctx, elevate.RequestEmailChangeParams{
		UserID: userID, NewEmail: "moved-" + email, Password: last,
	})
	require.NoError(t, err)
	_, err = visitor.ConfirmEmailChange(b.ctx, moved.Token)
	require.NoError(t, err)
	return map[string]string{
		"wrong password": wrong, "new password that was refused": never, "password by reset": reset,
		"changed password": last, "password that was reset": goodPassword,
		"voided reset": string(first.Token), "reset": string(second.Token), "verification": string(verify.Token),
		"voided change": string(change.Token), "change": string(moved.Token),
	}
}
