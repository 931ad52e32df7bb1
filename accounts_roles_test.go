package elevate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// sessionSQL makes a session of a user, as a sign-in does after it has locked the
// user.
const sessionSQL = `INSERT INTO {s}.sessions (user_id, token, expires_at)
	VALUES ($1, gen_random_uuid()::text, now() + interval '1 day')`

const openSessions = `SELECT count(*) FROM {s}.sessions WHERE user_id = $1 AND revoked_at IS NULL`

// testBundleStaff is a user with two sessions and tokens of each purpose, beside
// another who has the same.
type testBundleStaff struct {
	*testBundle

	userID, otherID uuid.UUID
	admin           *elevate.Store
}

func newStaffBundle(t *testing.T) *testBundleStaff {
	t.Helper()
	b := &testBundleStaff{testBundle: newBundle(t)}
	b.userID, b.otherID = b.user(t, elevate.RoleInstructor), b.user(t, elevate.RoleInstructor)
	b.admin = b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin)
	for _, userID := range []uuid.UUID{b.userID, b.otherID} {
		b.exec(t, sessionSQL, userID)
		b.exec(t, sessionSQL, userID)
		b.exec(t, `INSERT INTO {s}.user_tokens (user_id, purpose, token_hash, email, expires_at)
			SELECT $1, p, sha256(gen_random_uuid()::text::bytea), 'ada@example.org', now() + interval '1 hour'
			FROM unnest(ARRAY['reset_password', 'verify_email', 'change_email']) AS p`, userID)
	}
	return b
}

// signIn is a sign-in that has locked the user and made a session, and commits
// once somebody waits for it.
func (b *testBundleStaff) signIn(t *testing.T) (commit func()) {
	t.Helper()
	tx := b.begin(t)
	_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR NO KEY UPDATE`), b.userID)
	require.NoError(t, err)
	_, err = tx.Exec(b.ctx, b.sql(sessionSQL), b.userID)
	require.NoError(t, err)
	return func() {
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
	}
}

// refused is what SetRole, DisableUser and EnableUser refuse alike.
func (b *testBundleStaff) refused(
	t *testing.T, call func(ctx context.Context, s *elevate.Store, userID uuid.UUID) (elevate.UserResult, error),
) {
	t.Helper()
	before := b.fingerprint(t)
	for _, store := range []*elevate.Store{
		b.store, b.as(b.userID, elevate.RoleUser), b.as(b.userID, elevate.RoleInstructor),
	} {
		_, err := call(b.ctx, store, b.userID)
		require.ErrorIs(t, err, elevate.ErrForbidden)
	}
	tx := b.begin(t)
	for _, userID := range []uuid.UUID{uuid.New(), uuid.Nil} {
		_, err := call(b.ctx, b.admin.WithTx(tx), userID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
	}
	require.NoError(t, tx.Rollback(b.ctx))
	require.Equal(t, before, b.fingerprint(t))

	b.exec(t, `UPDATE {s}.users SET erased_at = now(), disabled_at = now() WHERE id = $1`, b.userID)
	before = b.fingerprint(t)
	_, err := call(b.ctx, b.admin, b.userID)
	require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	require.Equal(t, before, b.fingerprint(t))
}

func TestSetRole(t *testing.T) {
	t.Parallel()

	t.Run("Sets", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		before, err := b.admin.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		for _, role := range []elevate.Role{elevate.RoleUser, elevate.RoleAdmin, elevate.RoleInstructor} {
			result, err := b.admin.SetRole(b.ctx, b.userID, role)
			require.NoError(t, err)
			require.True(t, result.Changed)
			require.True(t, result.User.UpdatedAt.After(before.UpdatedAt))
			want := before
			want.Role, want.UpdatedAt = role, result.User.UpdatedAt
			require.Equal(t, want, result.User)
			got, err := b.admin.GetUser(b.ctx, b.userID)
			require.NoError(t, err)
			require.Equal(t, result.User, got)
		}
	})

	t.Run("EndsSessions", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		ended := time.Date(2020, time.May, 1, 0, 0, 0, 0, time.UTC)
		b.exec(t, sessionSQL, b.userID)
		b.exec(t, `UPDATE {s}.sessions SET revoked_at = $1 WHERE id = (
			SELECT id FROM {s}.sessions WHERE user_id = $2 LIMIT 1)`, ended, b.userID)
		_, err := b.admin.SetRole(b.ctx, b.userID, elevate.RoleUser)
		require.NoError(t, err)
		require.Zero(t, b.count(t, openSessions, b.userID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.sessions WHERE revoked_at = $1`, ended))
		require.Equal(t, 2, b.count(t, openSessions, b.otherID), "somebody else's")
		require.Equal(t, 6, b.count(t, `SELECT count(*) FROM {s}.user_tokens`))
	})

	t.Run("AlreadySet", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		before := b.fingerprint(t)
		result, err := b.admin.SetRole(b.ctx, b.userID, elevate.RoleInstructor)
		require.NoError(t, err)
		require.False(t, result.Changed)
		require.Equal(t, elevate.RoleInstructor, result.User.Role)
		require.Equal(t, before, b.fingerprint(t), "sessions go on")
	})

	t.Run("OfTheLastAdmin", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		id := b.user(t, elevate.RoleAdmin)
		_, err := b.as(id, elevate.RoleAdmin).SetRole(b.ctx, id, elevate.RoleUser)
		require.NoError(t, err)
		_, err = b.system.SetRole(b.ctx, id, elevate.RoleAdmin)
		require.NoError(t, err)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		for _, role := range []elevate.Role{elevate.RoleVisitor, elevate.RoleSystem, "root", "user\x00"} {
			_, err := b.admin.SetRole(b.ctx, b.userID, role)
			requireInvalid(t, err, "Role", string(role))
		}
	})

	t.Run("ErrorIfForbiddenOrUnknown", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		b.refused(t, func(ctx context.Context, s *elevate.Store, userID uuid.UUID) (elevate.UserResult, error) {
			return s.SetRole(ctx, userID, elevate.RoleUser)
		})
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		before := b.fingerprint(t)
		tx := b.begin(t)
		result, err := b.admin.WithTx(tx).SetRole(b.ctx, b.userID, elevate.RoleUser)
		require.NoError(t, err)
		require.True(t, result.Changed)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, before, b.fingerprint(t))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var changed atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := store.SetRole(b.ctx, b.userID, elevate.RoleUser)
			if result.Changed {
				changed.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), changed.Load())
		require.Zero(t, b.count(t, openSessions, b.userID))
	})

	// The session that a sign-in was making was made with the old role.
	t.Run("EndsTheSessionOfASignInInFlight", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		commit := b.signIn(t)
		done := make(chan error, 1)
		go func() {
			_, err := b.admin.SetRole(context.WithoutCancel(b.ctx), b.userID, elevate.RoleUser)
			done <- err
		}()
		commit()
		require.NoError(t, <-done)
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.sessions WHERE user_id = $1`, b.userID))
		require.Zero(t, b.count(t, openSessions, b.userID))
	})
}

func TestDisableUser(t *testing.T) {
	t.Parallel()

	t.Run("Disables", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		before, err := b.admin.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Nil(t, before.DisabledAt)
		result, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.True(t, result.Changed)
		require.NotNil(t, result.User.DisabledAt)
		want := before
		want.DisabledAt, want.UpdatedAt = result.User.DisabledAt, result.User.UpdatedAt
		require.Equal(t, want, result.User)
		require.Zero(t, b.count(t, openSessions, b.userID))
		require.Equal(t, 2, b.count(t, openSessions, b.otherID), "somebody else's")
		require.Equal(t, "verify_email", scan[string](t, b.testBundle,
			`SELECT string_agg(purpose, ' ') FROM {s}.user_tokens WHERE user_id = $1`, b.userID))
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.user_tokens WHERE user_id = $1`, b.otherID))
	})

	t.Run("IsRead", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		result, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		got, err := b.admin.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, result.User, got)
		for _, role := range []elevate.Role{"", elevate.RoleInstructor} {
			users, err := b.admin.ListUsers(b.ctx, elevate.ListUsersParams{Role: role})
			require.NoError(t, err)
			require.Contains(t, users.Items, result.User)
		}
		_, err = b.admin.SetRole(b.ctx, b.userID, elevate.RoleUser)
		require.NoError(t, err)
		users, err := b.admin.ListUsers(b.ctx, elevate.ListUsersParams{Role: elevate.RoleUser})
		require.NoError(t, err)
		require.Len(t, users.Items, 1)
		require.Equal(t, result.User.DisabledAt, users.Items[0].DisabledAt)
	})

	// The host's records say who somebody is, not whether they may sign in here.
	t.Run("OutlastsSyncUser", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		disabled, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		params := elevate.SyncUserParams{
			ID: b.userID, Email: disabled.User.Email, Name: disabled.User.Name, Role: elevate.RoleInstructor,
		}
		for _, change := range []func(){
			func() {},
			func() { params.Name, params.Email, params.Role = "Ada", "ada@example.org", elevate.RoleUser },
		} {
			change()
			result, err := b.system.SyncUser(b.ctx, params)
			require.NoError(t, err)
			require.Equal(t, disabled.User.DisabledAt, result.User.DisabledAt)
			got, err := b.system.GetUser(b.ctx, b.userID)
			require.NoError(t, err)
			require.Equal(t, result.User, got)
		}
	})

	t.Run("AlreadyDisabled", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		first, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		before := b.fingerprint(t)
		again, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.False(t, again.Changed)
		require.Equal(t, first.User, again.User)
		require.Equal(t, before, b.fingerprint(t))
		// A writer that does not know the column.
		b.exec(t, sessionSQL, b.userID)
		again, err = b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.False(t, again.Changed)
		require.Zero(t, b.count(t, openSessions, b.userID))
	})

	t.Run("ErrorIfForbiddenOrUnknown", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		b.refused(t, func(ctx context.Context, s *elevate.Store, userID uuid.UUID) (elevate.UserResult, error) {
			return s.DisableUser(ctx, userID)
		})
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		before := b.fingerprint(t)
		tx := b.begin(t)
		_, err := b.admin.WithTx(tx).DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, 2, b.count(t, openSessions, b.userID), "not before the caller commits")
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, before, b.fingerprint(t))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var changed atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := store.DisableUser(b.ctx, b.userID)
			if result.Changed {
				changed.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), changed.Load())
	})

	// Sign-ins lock the user, see whether they are disabled, and make a session.
	t.Run("ConcurrentWithSignIns", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		pool := b.wide(t)
		store := b.on(t, pool).As(elevate.System("test"))
		require.NoError(t, race(32, func(i int) error {
			if i == 16 {
				_, err := store.DisableUser(b.ctx, b.userID)
				return err
			}
			return pgx.BeginFunc(b.ctx, pool, func(tx pgx.Tx) error {
				var disabled bool
				err := tx.QueryRow(b.ctx, b.sql(`SELECT disabled_at IS NOT NULL FROM {s}.users
					WHERE id = $1 FOR NO KEY UPDATE`), b.userID).Scan(&disabled)
				if err == nil && !disabled {
					_, err = tx.Exec(b.ctx, b.sql(sessionSQL), b.userID)
				}
				return err
			})
		}))
		require.Zero(t, b.count(t, openSessions, b.userID))
	})

	t.Run("EndsTheSessionOfASignInInFlight", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		commit := b.signIn(t)
		done := make(chan error, 1)
		go func() {
			_, err := b.admin.DisableUser(context.WithoutCancel(b.ctx), b.userID)
			done <- err
		}()
		commit()
		require.NoError(t, <-done)
		require.Zero(t, b.count(t, openSessions, b.userID))
	})
}

func TestEnableUser(t *testing.T) {
	t.Parallel()

	t.Run("Enables", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		disabled, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		_, err = b.admin.DisableUser(b.ctx, b.otherID)
		require.NoError(t, err)
		result, err := b.admin.EnableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.True(t, result.Changed)
		want := disabled.User
		want.DisabledAt, want.UpdatedAt = nil, result.User.UpdatedAt
		require.Equal(t, want, result.User)
		got, err := b.admin.GetUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.Equal(t, result.User, got)
		require.Zero(t, b.count(t, openSessions, b.userID), "what was ended stays so")
		other, err := b.admin.GetUser(b.ctx, b.otherID)
		require.NoError(t, err)
		require.NotNil(t, other.DisabledAt)
	})

	t.Run("AlreadyEnabled", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		const version = `SELECT ctid::text || ' ' || xmin::text || ' ' || xmax::text FROM {s}.users WHERE id = $1`
		before := scan[string](t, b.testBundle, version, b.userID)
		result, err := b.admin.EnableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.False(t, result.Changed)
		require.Nil(t, result.User.DisabledAt)
		require.Equal(t, before, scan[string](t, b.testBundle, version, b.userID), "writes and locks nothing")
	})

	t.Run("ErrorIfForbiddenOrUnknown", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		b.refused(t, func(ctx context.Context, s *elevate.Store, userID uuid.UUID) (elevate.UserResult, error) {
			return s.EnableUser(ctx, userID)
		})
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		_, err := b.admin.DisableUser(b.ctx, b.userID)
		require.NoError(t, err)
		before := b.fingerprint(t)
		tx := b.begin(t)
		_, err = b.admin.WithTx(tx).EnableUser(b.ctx, b.userID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, before, b.fingerprint(t))
	})

	t.Run("ConcurrentWithDisableUser", func(t *testing.T) {
		t.Parallel()
		b := newStaffBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var disabled, enabled atomic.Int32
		require.NoError(t, race(32, func(i int) error {
			call, changed := store.DisableUser, &disabled
			if i%2 == 0 {
				call, changed = store.EnableUser, &enabled
			}
			result, err := call(b.ctx, b.userID)
			if isConflict(err, elevate.ConflictRaced) {
				return nil
			}
			if result.Changed {
				changed.Add(1)
			}
			return err
		}))
		require.Equal(t, int(disabled.Load()-enabled.Load()),
			b.count(t, `SELECT count(*) FROM {s}.users WHERE disabled_at IS NOT NULL`))
	})
}
