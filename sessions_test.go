package elevate_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// sessionBundle has a person with one session.
type sessionBundle struct {
	*testBundle

	userID  uuid.UUID
	me      *elevate.Store
	session elevate.Session
	token   elevate.Token
}

func newSessionBundle(t *testing.T) *sessionBundle {
	t.Helper()
	b := &sessionBundle{testBundle: newBundle(t)}
	b.userID = b.user(t, elevate.RoleUser)
	b.me = b.as(b.userID, elevate.RoleUser)
	result := b.another(t, b.userID)
	b.session, b.token = result.Session, result.Token
	return b
}

// another is one more session.
func (b *sessionBundle) another(t *testing.T, userID uuid.UUID) elevate.SessionResult {
	t.Helper()
	result, err := b.system.CreateSession(b.ctx, elevate.CreateSessionParams{
		UserID: userID, IPAddress: "2001:DB8::1", UserAgent: "Browser/1.0",
	})
	require.NoError(t, err)
	return result
}

// requireValid checks whether a session is valid still.
func (b *sessionBundle) requireValid(t *testing.T, token elevate.Token, want bool) {
	t.Helper()
	_, err := b.store.ValidateSession(b.ctx, token)
	if want {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, elevate.ErrInvalidSession)
	}
}

func TestCreateSession(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		require.Equal(t, b.userID, b.session.UserID)
		require.Equal(t, "2001:db8::1", b.session.IPAddress, "in its one spelling")
		require.Equal(t, elevate.Actor{UserID: b.userID, Role: elevate.RoleUser}, b.session.Actor())
		require.Len(t, string(b.token), 43)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE last_login IS NOT NULL`))
		session, err := b.store.ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		require.Equal(t, b.session, session)
	})

	t.Run("AnotherEachTime", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		again := b.another(t, b.userID)
		require.NotEqual(t, b.token, again.Token)
		require.NotEqual(t, b.session.ID, again.Session.ID)
		b.requireValid(t, b.token, true)
	})

	t.Run("WhereFrom", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for name, test := range map[string]struct{ address, agent, wantAddress, wantAgent string }{
			"Nothing": {},
			"Mapped":  {address: "::ffff:192.0.2.1", wantAddress: "192.0.2.1"},
			"Zone":    {address: "fe80::1%" + strings.Repeat("e", 100), wantAddress: "fe80::1"},
			"Longest": {
				address:     "2001:db8:1111:2222:3333:4444:5555:6666",
				wantAddress: "2001:db8:1111:2222:3333:4444:5555:6666",
			},
			"NUL":     {agent: "a\x00b", wantAgent: "ab"},
			"NotUTF8": {agent: "a\xffb\xc3", wantAgent: "ab"},
			"Cut":     {agent: strings.Repeat("é", 600), wantAgent: strings.Repeat("é", 512)},
			"CutRune": {agent: "a" + strings.Repeat("é", 600), wantAgent: "a" + strings.Repeat("é", 511)},
			"Megabyte": {
				agent:     strings.Repeat("\x00", 1<<20),
				wantAgent: "",
			},
		} {
			result, err := b.system.CreateSession(b.ctx, elevate.CreateSessionParams{
				UserID: b.userID, IPAddress: test.address, UserAgent: test.agent,
			})
			require.NoError(t, err, name)
			require.Equal(t, test.wantAddress, result.Session.IPAddress, name)
			require.Equal(t, test.wantAgent, result.Session.UserAgent, name)
			session, err := b.store.ValidateSession(b.ctx, result.Token)
			require.NoError(t, err, name)
			require.Equal(t, result.Session, session, name)
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: uuid.New()})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err = b.system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfDisabled", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.users SET disabled_at = now() WHERE id = $1`, b.userID)
		_, err := b.system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
		require.ErrorIs(t, err, elevate.ErrUserDisabled)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for _, address := range []string{"192.0.2.1:80", "example.org", "192.0.2.1\x00", "1.2.3", "\xff", " ::1"} {
			_, err := b.system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID, IPAddress: address})
			requireInvalid(t, err, "IPAddress", address)
		}
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for _, store := range []*elevate.Store{b.store, b.me, b.as(uuid.New(), elevate.RoleAdmin)} {
			_, err := store.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		_, err := store.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: uuid.New()})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		result, err := store.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
		require.NoError(t, err)
		b.requireValid(t, result.Token, false)
		_, err = store.ValidateSession(b.ctx, result.Token)
		require.NoError(t, err)
		require.NoError(t, tx.Commit(b.ctx))
		b.requireValid(t, result.Token, true)
	})

	// All of one transaction have one time of creation.
	t.Run("EndsTheOldestInCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		store := b.storeWith(t, elevate.Config{SessionLimit: 2}).As(elevate.System("test"))
		var tokens []elevate.Token
		require.NoError(t, store.InTx(b.ctx, func(store *elevate.Store) error {
			for range 4 {
				result, err := store.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
				if err != nil {
					return err
				}
				tokens = append(tokens, result.Token)
			}
			return nil
		}))
		for i, token := range append([]elevate.Token{b.token}, tokens...) {
			b.requireValid(t, token, i >= 3)
		}
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.users SET last_login = NULL`)
		tx := b.begin(t)
		store := b.storeWith(t, elevate.Config{SessionLimit: 1}).As(elevate.System("test"))
		_, err := store.WithTx(tx).CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		b.requireValid(t, b.token, true)
		require.Equal(t, 1, b.count(t, sessionCount))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE last_login IS NOT NULL`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		store, err := elevate.New(b.wide(t), &elevate.Config{MaxAttempts: 1, Schema: b.schema, SessionLimit: 5})
		require.NoError(t, err)
		require.NoError(t, race(32, func(int) error {
			_, err := store.As(elevate.System("test")).CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
			return err
		}))
		require.Equal(t, 33, b.count(t, sessionCount))
		require.Equal(t, 5, b.count(t, sessionsLive))
	})
}

func TestListSessions(t *testing.T) {
	t.Parallel()

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		second := b.another(t, b.userID).Session
		third := b.another(t, b.userID).Session
		b.another(t, b.user(t, elevate.RoleUser))
		sessions, err := b.me.ListSessions(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, []elevate.Session{third, second, b.session}, sessions)
	})

	t.Run("ValidOnes", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for _, over := range []string{
			`revoked_at = now()`, `expires_at = now()`, `last_seen_at = now() - interval '168 hours'`,
		} {
			b.exec(t, `UPDATE {s}.sessions SET `+over+` WHERE id = $1`, b.another(t, b.userID).Session.ID)
		}
		sessions, err := b.me.ListSessions(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, []elevate.Session{b.session}, sessions)
		b.exec(t, `UPDATE {s}.users SET disabled_at = now()`)
		sessions, err = b.me.ListSessions(b.ctx, b.userID)
		require.NoError(t, err)
		require.Empty(t, sessions)
		require.NotNil(t, sessions)
	})

	t.Run("IsBounded", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `INSERT INTO {s}.sessions (user_id, token, expires_at)
			SELECT $1, n::text, now() + interval '1 day' FROM generate_series(1, 200) AS n`, b.userID)
		sessions, err := b.me.ListSessions(b.ctx, b.userID)
		require.NoError(t, err)
		require.Len(t, sessions, 100)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.system.ListSessions(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.as(uuid.New(), elevate.RoleInstructor).ListSessions(b.ctx, b.userID)
		require.ErrorIs(t, err, elevate.ErrForbidden)
	})
}
