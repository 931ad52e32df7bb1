package elevate_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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

func TestValidateSession(t *testing.T) {
	t.Parallel()

	t.Run("Fresh", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		tx := b.begin(t)
		for range 3 {
			session, err := b.store.WithTx(tx).ValidateSession(b.ctx, b.token)
			require.NoError(t, err)
			require.Equal(t, b.session, session)
		}
		var writes bool
		require.NoError(t, tx.QueryRow(b.ctx, `SELECT pg_current_xact_id_if_assigned() IS NOT NULL`).Scan(&writes))
		require.False(t, writes)
	})

	t.Run("KeepsWhenItWasSeen", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for age, touched := range map[string]bool{"59 seconds": false, "61 seconds": true, "6 days": true} {
			before := scan[time.Time](t, b.testBundle,
				`UPDATE {s}.sessions SET last_seen_at = now() - $1::text::interval RETURNING last_seen_at`, age).UTC()
			session, err := b.store.ValidateSession(b.ctx, b.token)
			require.NoError(t, err)
			require.Equal(t, touched, session.LastSeenAt.After(before), age)
			require.Equal(t, session.LastSeenAt, scan[time.Time](t, b.testBundle, `SELECT last_seen_at FROM {s}.sessions`).UTC())
			require.Equal(t, b.session.ExpiresAt, session.ExpiresAt)
		}
		// A tenth of the idle time, where that is shorter.
		store := b.storeWith(t, elevate.Config{SessionIdle: 100 * time.Second})
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '11 seconds'`)
		session, err := store.ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		require.Less(t, time.Since(session.LastSeenAt), 10*time.Second)
	})

	// Keeping the time makes no index entry, so that once a minute is cheap.
	t.Run("KeepsItInPlace", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		var updated, inPlace int
		require.NoError(t, tx.QueryRow(b.ctx, b.sql(`SELECT pg_stat_get_xact_tuples_updated(t.oid),
			pg_stat_get_xact_tuples_hot_updated(t.oid)
			FROM pg_class AS t WHERE t.oid = '{s}.sessions'::regclass`)).Scan(&updated, &inPlace))
		require.Positive(t, updated)
		require.Equal(t, updated, inPlace)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		other, err := elevate.New(nil, nil) // malformed ones never get to a database
		require.NoError(t, err)
		token := string(b.token)
		for name, bad := range map[string]string{
			"Empty": "", "Short": token[1:], "Long": token + "A", "NUL": token[1:] + "\x00", "NotUTF8": token[1:] + "\xff",
			"Padded": token[1:] + "=", "Standard": token[1:] + "+", "Newline": token[1:] + "\n", "Bits": token[:42] + "B",
			"Hash": scan[string](t, b.testBundle, `SELECT token FROM {s}.sessions`),
		} {
			_, err := other.ValidateSession(b.ctx, elevate.Token(bad))
			require.ErrorIs(t, err, elevate.ErrInvalidSession, name)
			require.Equal(t, "elevate: validate session: invalid session", err.Error(), name)
		}
		_, err = b.store.ValidateSession(b.ctx, elevate.Token(strings.Repeat("A", 43)))
		require.ErrorIs(t, err, elevate.ErrInvalidSession)
		require.Equal(t, "elevate: validate session: invalid session", err.Error())
	})

	t.Run("ErrorIfOver", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for over, back := range map[string]string{
			`UPDATE {s}.sessions SET expires_at = now()`:                             `UPDATE {s}.sessions SET expires_at = now() + interval '1 day'`,
			`UPDATE {s}.sessions SET last_seen_at = now() - interval '7 days'`:       `UPDATE {s}.sessions SET last_seen_at = now()`,
			`UPDATE {s}.sessions SET revoked_at = now()`:                             `UPDATE {s}.sessions SET revoked_at = NULL`,
			`UPDATE {s}.users SET disabled_at = now()`:                               `UPDATE {s}.users SET disabled_at = NULL`,
			`UPDATE {s}.users SET erased_at = now()`:                                 `UPDATE {s}.users SET erased_at = NULL`,
			`UPDATE {s}.sessions SET token = upper(token) || '0'`:                    `UPDATE {s}.sessions SET token = lower(left(token, 64))`,
			`UPDATE {s}.sessions SET revoked_at = now(), last_seen_at = '-infinity'`: `UPDATE {s}.sessions SET revoked_at = NULL, last_seen_at = now()`,
		} {
			b.exec(t, over)
			b.requireValid(t, b.token, false)
			b.exec(t, back)
			b.requireValid(t, b.token, true)
		}
	})

	// Expiry is judged by the clock, not by the beginning of the transaction.
	t.Run("ExpiresInALongTransaction", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		tx := b.begin(t)
		usable(t, tx)
		b.exec(t, `UPDATE {s}.sessions SET expires_at = statement_timestamp()`)
		_, err := b.store.WithTx(tx).ValidateSession(b.ctx, b.token)
		require.ErrorIs(t, err, elevate.ErrInvalidSession)
		usable(t, tx)
	})

	t.Run("RoleAsItIsNow", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.users SET role = 'instructor'`)
		session, err := b.store.ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		require.Equal(t, elevate.RoleInstructor, session.Actor().Role)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
		tx := b.begin(t)
		session, err := b.store.WithTx(tx).ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		require.Less(t, time.Since(session.LastSeenAt), time.Minute)
		_, err = b.store.WithTx(tx).ValidateSession(b.ctx, elevate.Token(strings.Repeat("A", 43)))
		require.ErrorIs(t, err, elevate.ErrInvalidSession)
		usable(t, tx)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions WHERE last_seen_at < now() - interval '1 minute'`))
	})

	t.Run("InAReadOnlyTx", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
		tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
		require.NoError(t, err)
		t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) })
		_, err = b.store.WithTx(tx).ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		usable(t, tx)
	})

	// A revocation under way is not waited for, whether the validation would write
	// or not; acknowledged, it counts.
	t.Run("NeverWaits", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		for _, age := range []string{"0 seconds", "1 hour"} {
			fresh := b.another(t, b.userID)
			b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - $1::text::interval`, age)
			tx := b.begin(t)
			result, err := b.me.WithTx(tx).RevokeSession(b.ctx, b.userID, fresh.Session.ID)
			require.NoError(t, err)
			require.True(t, result.Revoked)
			_, err = b.store.WithTx(tx).ValidateSession(b.ctx, fresh.Token)
			require.ErrorIs(t, err, elevate.ErrInvalidSession)
			b.requireValid(t, fresh.Token, true)
			require.NoError(t, tx.Commit(b.ctx))
			b.requireValid(t, fresh.Token, false)
		}
	})

	// The other way round: between the two statements of a validation the session
	// ends, and the second brings nothing back.
	t.Run("EndedBetweenItsStatements", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
		paused := &pausedTx{Tx: b.begin(t), query: "ActorSetWithin", pause: func() {
			b.exec(t, `UPDATE {s}.sessions SET revoked_at = now()`)
		}}
		_, err := b.store.WithTx(paused).ValidateSession(b.ctx, b.token)
		require.NoError(t, err)
		require.Nil(t, paused.pause, "there was no pause")
		require.NoError(t, paused.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions
			WHERE revoked_at IS NOT NULL AND last_seen_at < now() - interval '30 minutes'`))
		b.requireValid(t, b.token, false)
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
		before := scan[uint32](t, b.testBundle, `SELECT xmin::text::bigint FROM {s}.sessions`)
		store := b.on(t, b.wide(t))
		require.NoError(t, race(32, func(int) error {
			_, err := store.ValidateSession(b.ctx, b.token)
			return err
		}))
		require.NotEqual(t, before, scan[uint32](t, b.testBundle, `SELECT xmin::text::bigint FROM {s}.sessions`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions WHERE last_seen_at > now() - interval '1 minute'`))
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
			`revoked_at = now()`, `expires_at = now()`, `last_seen_at = now() - interval '7 days'`,
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

func TestRevokeSession(t *testing.T) {
	t.Parallel()

	t.Run("Revokes", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		other := b.another(t, b.userID)
		result, err := b.me.RevokeSession(b.ctx, b.userID, b.session.ID)
		require.NoError(t, err)
		require.True(t, result.Revoked)
		b.requireValid(t, b.token, false)
		b.requireValid(t, other.Token, true)
	})

	t.Run("AlreadyRevoked", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.me.RevokeSession(b.ctx, b.userID, b.session.ID)
		require.NoError(t, err)
		when := scan[time.Time](t, b.testBundle, `SELECT revoked_at FROM {s}.sessions`)
		result, err := b.me.RevokeSession(b.ctx, b.userID, b.session.ID)
		require.NoError(t, err)
		require.False(t, result.Revoked)
		require.Equal(t, when, scan[time.Time](t, b.testBundle, `SELECT revoked_at FROM {s}.sessions`))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		stranger := b.user(t, elevate.RoleUser)
		for _, ids := range [][2]uuid.UUID{
			{b.userID, uuid.New()}, {stranger, b.session.ID}, {b.session.ID, b.userID}, {uuid.New(), b.session.ID},
		} {
			_, err := b.system.RevokeSession(b.ctx, ids[0], ids[1])
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		_, err := b.as(stranger, elevate.RoleUser).RevokeSession(b.ctx, stranger, b.session.ID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		b.requireValid(t, b.token, true)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.as(uuid.New(), elevate.RoleUser).RevokeSession(b.ctx, b.userID, b.session.ID)
		require.ErrorIs(t, err, elevate.ErrForbidden)
		b.requireValid(t, b.token, true)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.RevokeSession(b.ctx, b.userID, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		_, err = store.RevokeSession(b.ctx, b.userID, b.session.ID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		b.requireValid(t, b.token, true)
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		var revoked atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := b.me.RevokeSession(b.ctx, b.userID, b.session.ID)
			if result.Revoked {
				revoked.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), revoked.Load())
	})
}

func TestRevokeAllSessions(t *testing.T) {
	t.Parallel()

	t.Run("Revokes", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		second, stranger := b.another(t, b.userID), b.another(t, b.user(t, elevate.RoleUser))
		revoked, err := b.me.RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: b.userID})
		require.NoError(t, err)
		require.Equal(t, 2, revoked)
		b.requireValid(t, b.token, false)
		b.requireValid(t, second.Token, false)
		b.requireValid(t, stranger.Token, true)
		revoked, err = b.me.RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: b.userID})
		require.NoError(t, err)
		require.Zero(t, revoked, "a repeat")
	})

	t.Run("Except", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		second, third := b.another(t, b.userID), b.another(t, b.userID)
		params := elevate.RevokeAllSessionsParams{UserID: b.userID, ExceptID: second.Session.ID}
		revoked, err := b.me.RevokeAllSessions(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, 2, revoked)
		b.requireValid(t, second.Token, true)
		b.requireValid(t, third.Token, false)
		// Another person's session saves none.
		params.ExceptID = b.another(t, b.user(t, elevate.RoleUser)).Session.ID
		revoked, err = b.me.RevokeAllSessions(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, 1, revoked)
	})

	// Those that lie idle end too, or a longer idle time would bring them back.
	t.Run("IdleOnes", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '8 days'`)
		revoked, err := b.me.RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: b.userID})
		require.NoError(t, err)
		require.Zero(t, revoked)
		_, err = b.storeWith(t, elevate.Config{SessionIdle: 24 * 24 * time.Hour}).ValidateSession(b.ctx, b.token)
		require.ErrorIs(t, err, elevate.ErrInvalidSession)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.system.RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: uuid.New()})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		_, err := b.as(uuid.New(), elevate.RoleUser).RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: b.userID})
		require.ErrorIs(t, err, elevate.ErrForbidden)
		b.requireValid(t, b.token, true)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: uuid.New()})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		revoked, err := b.me.WithTx(tx).RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: b.userID})
		require.NoError(t, err)
		require.Equal(t, 1, revoked)
		b.requireValid(t, b.token, true)
		require.NoError(t, tx.Commit(b.ctx))
		b.requireValid(t, b.token, false)
	})

	// A sign-in that has made its session and not committed is waited for, and its
	// session ends.
	t.Run("WaitsForSignIn", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		tx := b.begin(t)
		late, err := b.system.WithTx(tx).CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
		require.NoError(t, err)
		type outcome struct {
			revoked int
			err     error
		}
		done := make(chan outcome, 1)
		go func() {
			revoked, err := b.me.RevokeAllSessions(context.WithoutCancel(b.ctx), elevate.RevokeAllSessionsParams{UserID: b.userID})
			done <- outcome{revoked, err}
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, outcome{2, nil}, <-done)
		b.requireValid(t, late.Token, false)
	})

	// Everything at once: nobody deadlocks, and what is left is within the limit.
	t.Run("ConcurrentWithAll", func(t *testing.T) {
		t.Parallel()
		b := newSessionBundle(t)
		store, err := elevate.New(b.wide(t), &elevate.Config{MaxAttempts: 1, Schema: b.schema, SessionLimit: 3})
		require.NoError(t, err)
		me, system := store.As(elevate.Actor{UserID: b.userID, Role: elevate.RoleUser}), store.As(elevate.System("test"))
		for range 10 {
			b.exec(t, `UPDATE {s}.sessions SET last_seen_at = now() - interval '1 hour'`)
			require.NoError(t, race(24, func(i int) error {
				switch i % 4 {
				case 0:
					_, err := me.RevokeAllSessions(b.ctx, elevate.RevokeAllSessionsParams{UserID: b.userID})
					return err
				case 1:
					result, err := system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
					if err != nil {
						return err
					}
					_, err = me.RevokeSession(b.ctx, b.userID, result.Session.ID)
					return err
				case 2:
					_, err := system.CreateSession(b.ctx, elevate.CreateSessionParams{UserID: b.userID})
					return err
				default:
					_, err := store.ValidateSession(b.ctx, b.token)
					if errors.Is(err, elevate.ErrInvalidSession) {
						return nil
					}
					return err
				}
			}))
			require.LessOrEqual(t, b.count(t, sessionsLive), 3)
		}
	})
}

// TestSessionsBehindTheLock has somebody registered after the lock has found
// nobody to hold: what it holds off is not held off, so it must go back.
func TestSessionsBehindTheLock(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(ctx context.Context, s *elevate.Store, userID uuid.UUID) error{
		"CreateSession": func(ctx context.Context, s *elevate.Store, userID uuid.UUID) error {
			_, err := s.CreateSession(ctx, elevate.CreateSessionParams{UserID: userID})
			return err
		},
		"RevokeAllSessions": func(ctx context.Context, s *elevate.Store, userID uuid.UUID) error {
			_, err := s.RevokeAllSessions(ctx, elevate.RevokeAllSessionsParams{UserID: userID})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			userID := uuid.New()
			paused := &pausedTx{Tx: b.begin(t), query: "UserLock", pause: func() {
				b.exec(t, `INSERT INTO {s}.users (id, email, password_hash, name) VALUES ($1, 'late@example.org', '!', 'Late')`, userID)
			}}
			require.NoError(t, call(b.ctx, b.system.WithTx(paused), userID))
			require.Nil(t, paused.pause, "there was no pause")
			require.Equal(t, 2, paused.sent, "worked without the lock")
		})
	}
}
