package elevate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

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
		for age, touched := range map[string]bool{"50 seconds": false, "61 seconds": true, "6 days": true} {
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
			`UPDATE {s}.sessions SET last_seen_at = now() - interval '168 hours'`:    `UPDATE {s}.sessions SET last_seen_at = now()`,
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
