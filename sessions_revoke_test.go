package elevate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

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
