package elevate_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestSyncUser(t *testing.T) {
	t.Parallel()

	type testBundleSync struct {
		*testBundle

		params elevate.SyncUserParams
	}
	setup := func(t *testing.T) *testBundleSync {
		t.Helper()
		return &testBundleSync{
			testBundle: newBundle(t),
			params: elevate.SyncUserParams{
				ID:        uuid.NewSHA1(uuid.NameSpaceOID, []byte("42")),
				Email:     "Ada@example.org",
				Name:      "Ada",
				AvatarURL: "https://example.org/ada.png",
				Role:      elevate.RoleInstructor,
			},
		}
	}
	// version names the row's physical place: it moves when anything is written.
	const version = `SELECT ctid::text || ' ' || xmin::text FROM {s}.users WHERE id = $1`

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, b.params.ID, result.User.ID)
		require.Equal(t, "ada@example.org", result.User.Email)
		require.Equal(t, "https://example.org/ada.png", result.User.AvatarURL)
		require.Equal(t, elevate.RoleInstructor, result.User.Role)
		require.Equal(t, "!", scan[string](t, b.testBundle, `SELECT password_hash FROM {s}.users`))
		got, err := b.system.GetUser(b.ctx, b.params.ID)
		require.NoError(t, err)
		require.Equal(t, result.User, got)
	})

	t.Run("AlreadySynced", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		before := scan[string](t, b.testBundle, version, b.params.ID)
		again, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, first.User, again.User)
		require.Equal(t, before, scan[string](t, b.testBundle, version, b.params.ID))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE xmax <> 0`), "takes no lock")
	})

	t.Run("Updates", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.users SET bio = 'Wrote the first program', password_hash = 'kept'`)
		for name, change := range map[string]func(){
			"Email":    func() { b.params.Email = "countess@example.org" },
			"Capitals": func() { b.exec(t, `UPDATE {s}.users SET email = upper(email)`) },
			"Name":     func() { b.params.Name = "Ada Lovelace" },
			"Avatar":   func() { b.params.AvatarURL = "" },
			"Role":     func() { b.params.Role = "" },
		} {
			change()
			before := scan[string](t, b.testBundle, version, b.params.ID)
			result, err := b.system.SyncUser(b.ctx, b.params)
			require.NoError(t, err, name)
			require.False(t, result.Created, name)
			require.Equal(t, b.params.Name, result.User.Name)
			require.Equal(t, b.params.AvatarURL, result.User.AvatarURL)
			require.True(t, result.User.UpdatedAt.After(first.User.UpdatedAt), name)
			require.Equal(t, first.User.CreatedAt, result.User.CreatedAt)
			require.Equal(t, "Wrote the first program", result.User.Bio)
			require.NotEqual(t, before, scan[string](t, b.testBundle, version, b.params.ID), name)
			got, err := b.system.GetUser(b.ctx, b.params.ID)
			require.NoError(t, err)
			require.Equal(t, result.User, got, name)
		}
		require.Equal(t, "kept", scan[string](t, b.testBundle, `SELECT password_hash FROM {s}.users`))
	})

	t.Run("ErrorIfEmailTaken", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		other := b.params
		other.ID, other.Email = uuid.New(), "ADA@example.org"
		_, err = b.system.SyncUser(b.ctx, other)
		require.ErrorIs(t, err, elevate.ErrEmailTaken, "new")
		other.Email = "eve@example.org"
		_, err = b.system.SyncUser(b.ctx, other)
		require.NoError(t, err)
		other.Email = "ada@example.org"
		_, err = b.system.SyncUser(b.ctx, other)
		require.ErrorIs(t, err, elevate.ErrEmailTaken, "changed")
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.users SET erased_at = now(), email = 'gone', name = 'gone'`)
		_, err = b.system.SyncUser(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Equal(t, "gone", scan[string](t, b.testBundle, `SELECT name FROM {s}.users`))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, bad := range map[string]struct {
			field string
			spoil func(p *elevate.SyncUserParams)
		}{
			"ZeroID":     {"ID", func(p *elevate.SyncUserParams) { p.ID = uuid.Nil }},
			"Email":      {"Email", func(p *elevate.SyncUserParams) { p.Email = "" }},
			"NoName":     {"Name", func(p *elevate.SyncUserParams) { p.Name = "" }},
			"NameNUL":    {"Name", func(p *elevate.SyncUserParams) { p.Name = "a\x00" }},
			"NameUTF8":   {"Name", func(p *elevate.SyncUserParams) { p.Name = "a\xff" }},
			"NameLong":   {"Name", func(p *elevate.SyncUserParams) { p.Name = strings.Repeat("a", 256) }},
			"AvatarNUL":  {"AvatarURL", func(p *elevate.SyncUserParams) { p.AvatarURL = "/a\x00" }},
			"AvatarLong": {"AvatarURL", func(p *elevate.SyncUserParams) { p.AvatarURL = strings.Repeat("a", 501) }},
			"AvatarCode": {"AvatarURL", func(p *elevate.SyncUserParams) { p.AvatarURL = "javascript:alert(1)" }},
			"Role":       {"Role", func(p *elevate.SyncUserParams) { p.Role = elevate.RoleSystem }},
		} {
			params := b.params
			bad.spoil(&params)
			_, err := b.system.SyncUser(b.ctx, params)
			requireInvalid(t, err, bad.field, name)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, role := range []elevate.Role{
			elevate.RoleVisitor, elevate.RoleUser, elevate.RoleInstructor, elevate.RoleAdmin,
		} {
			_, err := b.as(b.params.ID, role).SyncUser(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden, role)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `INSERT INTO {s}.users (email, password_hash, name) VALUES ('eve@example.org', '!', 'Eve')`)
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		taken := b.params
		taken.Email = "eve@example.org"
		_, err := store.SyncUser(b.ctx, taken)
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		usable(t, tx)
		result, err := store.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Created)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var created atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := b.system.SyncUser(b.ctx, b.params)
			if result.Created {
				created.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), created.Load())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("ConcurrentForOneEmail", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ids := make([]uuid.UUID, 16)
		for i := range ids {
			ids[i] = b.user(t, elevate.RoleUser)
		}
		var changed, taken atomic.Int32
		require.NoError(t, race(len(ids), func(i int) error {
			params := b.params
			params.ID = ids[i]
			_, err := b.system.SyncUser(b.ctx, params)
			return tally(err, elevate.ErrEmailTaken, &changed, &taken)
		}))
		require.Equal(t, int32(1), changed.Load())
		require.Equal(t, int32(15), taken.Load())
	})

	// Both have passed the check; the index refuses the second, in a savepoint.
	t.Run("RefusedByIndexInCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		one, two := b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser)
		first, second := b.begin(t), b.begin(t)
		b.params.ID = one
		_, err := b.system.WithTx(first).SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			params := b.params
			params.ID = two
			_, err := b.system.WithTx(second).SyncUser(b.ctx, params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, first.Commit(b.ctx))
		err = <-done
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		var cause *pgconn.PgError
		require.ErrorAs(t, err, &cause)
		usable(t, second)
	})

	// What was committed while the lock was waited for is judged, not met by an
	// index.
	t.Run("WaitsForTheUser", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		tx := b.begin(t)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET name = 'Augusta'`))
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.users (email, password_hash, name)
			VALUES ('countess@example.org', '!', 'Eve')`))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			params := b.params
			params.Email = "countess@example.org"
			_, err := b.system.SyncUser(b.ctx, params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		err = <-done
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		var cause *pgconn.PgError
		require.NotErrorAs(t, err, &cause)
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.SyncUser(b.ctx, b.params)
		require.NoError(t, err)
		tx := b.begin(t)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now(), email = 'gone', name = 'gone'`))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			params := b.params
			params.Name = "Augusta"
			_, err := b.system.SyncUser(b.ctx, params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Equal(t, "gone", scan[string](t, b.testBundle, `SELECT name FROM {s}.users`))
	})
}
