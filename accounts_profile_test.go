package elevate_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestUpdateProfile(t *testing.T) {
	t.Parallel()

	type testBundleProfile struct {
		*testBundle

		params elevate.UpdateProfileParams
		me     *elevate.Store
	}
	setup := func(t *testing.T) *testBundleProfile {
		t.Helper()
		b := &testBundleProfile{testBundle: newBundle(t)}
		userID := b.user(t, elevate.RoleUser)
		b.exec(t, `UPDATE {s}.users SET email_verified = TRUE, last_login = now()`)
		b.params = elevate.UpdateProfileParams{
			AvatarURL: "https://example.org/ada.png", Bio: "Wrote the first program", Name: "Ada", UserID: userID,
		}
		b.me = b.as(userID, elevate.RoleUser)
		return b
	}

	t.Run("Updates", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.user(t, elevate.RoleUser)
		before, err := b.me.GetUser(b.ctx, b.params.UserID)
		require.NoError(t, err)
		updated, err := b.me.UpdateProfile(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, updated.UpdatedAt.After(before.UpdatedAt))
		want := before
		want.Name, want.Bio, want.AvatarURL = b.params.Name, b.params.Bio, b.params.AvatarURL
		want.UpdatedAt = updated.UpdatedAt
		require.Equal(t, want, updated)
		got, err := b.me.GetUser(b.ctx, b.params.UserID)
		require.NoError(t, err)
		require.Equal(t, updated, got)
		require.Equal(t, "Name of "+other.String()+"@example.org",
			scan[string](t, b.testBundle, `SELECT name FROM {s}.users WHERE id = $1`, other))
	})

	t.Run("Empties", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.me.UpdateProfile(b.ctx, b.params)
		require.NoError(t, err)
		b.params.Bio, b.params.AvatarURL = "", ""
		user, err := b.me.UpdateProfile(b.ctx, b.params)
		require.NoError(t, err)
		require.Empty(t, user.Bio)
		require.Empty(t, user.AvatarURL)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE bio IS NULL AND avatar_url IS NULL`))
	})

	t.Run("AlreadyUpdated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		const version = `SELECT ctid::text || ' ' || xmin::text || ' ' || xmax::text FROM {s}.users`
		for _, params := range []elevate.UpdateProfileParams{b.params, {Name: "Ada", UserID: b.params.UserID}} {
			first, err := b.me.UpdateProfile(b.ctx, params)
			require.NoError(t, err)
			before := scan[string](t, b.testBundle, version)
			again, err := b.me.UpdateProfile(b.ctx, params)
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Equal(t, before, scan[string](t, b.testBundle, version), "writes and locks nothing")
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now(), name = 'gone'`)
		for _, userID := range []uuid.UUID{b.params.UserID, uuid.New(), uuid.Nil} {
			params := b.params
			params.UserID = userID
			_, err := b.system.UpdateProfile(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		require.Equal(t, "gone", scan[string](t, b.testBundle, `SELECT name FROM {s}.users`))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, bad := range map[string]struct {
			field string
			spoil func(p *elevate.UpdateProfileParams)
		}{
			"NoName":     {"Name", func(p *elevate.UpdateProfileParams) { p.Name = "\t" }},
			"NameNUL":    {"Name", func(p *elevate.UpdateProfileParams) { p.Name = "a\x00" }},
			"NameUTF8":   {"Name", func(p *elevate.UpdateProfileParams) { p.Name = "a\xff" }},
			"NameLong":   {"Name", func(p *elevate.UpdateProfileParams) { p.Name = strings.Repeat("é", 256) }},
			"BioNUL":     {"Bio", func(p *elevate.UpdateProfileParams) { p.Bio = "a\x00" }},
			"BioUTF8":    {"Bio", func(p *elevate.UpdateProfileParams) { p.Bio = "a\xff" }},
			"BioLong":    {"Bio", func(p *elevate.UpdateProfileParams) { p.Bio = strings.Repeat("é", 10_001) }},
			"AvatarNUL":  {"AvatarURL", func(p *elevate.UpdateProfileParams) { p.AvatarURL = "/a\x00" }},
			"AvatarLong": {"AvatarURL", func(p *elevate.UpdateProfileParams) { p.AvatarURL = strings.Repeat("a", 501) }},
			"AvatarCode": {"AvatarURL", func(p *elevate.UpdateProfileParams) { p.AvatarURL = "javascript:alert(1)" }},
		} {
			params := b.params
			bad.spoil(&params)
			_, err := b.me.UpdateProfile(b.ctx, params)
			requireInvalid(t, err, bad.field, name)
		}
		b.params.Name, b.params.Bio = strings.Repeat("é", 255), strings.Repeat("é", 10_000)
		_, err := b.me.UpdateProfile(b.ctx, b.params)
		require.NoError(t, err, "the longest")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range b.strangers() {
			_, err := store.UpdateProfile(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		unknown := b.params
		unknown.UserID = uuid.New()
		_, err := b.system.WithTx(tx).UpdateProfile(b.ctx, unknown)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		_, err = b.me.WithTx(tx).UpdateProfile(b.ctx, b.params)
		require.NoError(t, err)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE name = 'Ada'`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE name = 'Ada'`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).UpdateProfile(b.ctx, b.params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users WHERE name = 'Ada'`))
	})

	// Whoever comes last has replaced all of it: no mixture is left.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		me := b.on(t, b.wide(t)).As(elevate.Actor{UserID: b.params.UserID, Role: elevate.RoleUser})
		require.NoError(t, race(32, func(i int) error {
			params := b.params
			params.Name, params.Bio, params.AvatarURL = strconv.Itoa(i), strconv.Itoa(i), strconv.Itoa(i)
			_, err := me.UpdateProfile(b.ctx, params)
			return err
		}))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users WHERE name = bio AND bio = avatar_url`))
	})

	t.Run("ConcurrentRepeats", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		me := b.on(t, b.wide(t)).As(elevate.Actor{UserID: b.params.UserID, Role: elevate.RoleUser})
		users := make([]elevate.User, 32)
		require.NoError(t, race(len(users), func(i int) (err error) {
			users[i], err = me.UpdateProfile(b.ctx, b.params)
			return err
		}))
		for _, user := range users {
			require.Equal(t, users[0], user, "one has written")
		}
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		commit := b.erase(t, b.params.UserID)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.UpdateProfile(context.WithoutCancel(b.ctx), b.params)
			done <- err
		}()
		commit()
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Equal(t, "gone", scan[string](t, b.testBundle, `SELECT name FROM {s}.users`))
	})
}
