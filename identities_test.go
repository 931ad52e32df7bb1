package elevate_test

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// identity links one as the code of a host did.
func (b *testBundle) identity(t testing.TB, userID uuid.UUID, provider, subject string) {
	t.Helper()
	b.exec(t, `INSERT INTO {s}.identities (provider, subject, user_id) VALUES ($1, $2, $3)`, provider, subject, userID)
}

// erase makes somebody a tombstone, in a transaction that goes on.
func (b *testBundle) erase(t testing.TB, userID uuid.UUID) (commit func()) {
	t.Helper()
	tx := b.begin(t)
	_, err := tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now(), email = 'gone', name = 'gone'
		WHERE id = $1`), userID)
	require.NoError(t, err)
	return func() {
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
	}
}

func TestLinkIdentity(t *testing.T) {
	t.Parallel()

	type testBundleLink struct {
		*testBundle

		params elevate.LinkIdentityParams
	}
	setup := func(t *testing.T) *testBundleLink {
		t.Helper()
		b := &testBundleLink{testBundle: newBundle(t)}
		b.params = elevate.LinkIdentityParams{
			Provider: "google", Subject: "AbC-110169484474386276334", UserID: b.user(t, elevate.RoleUser),
		}
		return b
	}

	t.Run("Links", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.system.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Linked)
		require.NotZero(t, result.Identity.LinkedAt)
		require.Equal(t, elevate.Identity{
			Provider: "google", Subject: b.params.Subject, UserID: b.params.UserID, LinkedAt: result.Identity.LinkedAt,
		}, result.Identity)
		listed, err := b.system.ListIdentities(b.ctx, b.params.UserID)
		require.NoError(t, err)
		require.Equal(t, []elevate.Identity{result.Identity}, listed)
	})

	t.Run("AlreadyLinked", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, err := b.system.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		again, err := b.system.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.False(t, again.Linked)
		require.Equal(t, first.Identity, again.Identity)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	// What differs in case, space or composition is another subject: a provider may
	// tell them apart.
	t.Run("ComparesBytes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, subject := range []string{"abc", "ABC", " abc", "\u00e9", "e\u0301", "a'; --"} {
			b.params.Subject = subject
			b.params.UserID = b.user(t, elevate.RoleUser)
			result, err := b.system.LinkIdentity(b.ctx, b.params)
			require.NoError(t, err, subject)
			require.True(t, result.Linked, subject)
			user, err := b.system.UserByIdentity(b.ctx, "google", subject)
			require.NoError(t, err, subject)
			require.Equal(t, b.params.UserID, user.ID, subject)
		}
	})

	t.Run("ErrorIfTaken", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		owner := b.params.UserID
		b.params.UserID = b.user(t, elevate.RoleUser)
		_, err = b.system.LinkIdentity(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrIdentityTaken)
		require.NotContains(t, err.Error(), b.params.Subject)
		require.NotContains(t, err.Error(), owner.String())
		b.params.Provider = "github"
		_, err = b.system.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err, "the subject of another provider")
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		erased := b.params.UserID
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		for _, userID := range []uuid.UUID{erased, uuid.New(), uuid.Nil} {
			b.params.UserID = userID
			_, err := b.system.LinkIdentity(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, bad := range map[string]struct {
			field string
			spoil func(p *elevate.LinkIdentityParams)
		}{
			"NoProvider":      {"Provider", func(p *elevate.LinkIdentityParams) { p.Provider = "" }},
			"ProviderUpper":   {"Provider", func(p *elevate.LinkIdentityParams) { p.Provider = "Google" }},
			"ProviderNewline": {"Provider", func(p *elevate.LinkIdentityParams) { p.Provider = "google\n" }},
			"ProviderLong":    {"Provider", func(p *elevate.LinkIdentityParams) { p.Provider = strings.Repeat("a", 33) }},
			"NoSubject":       {"Subject", func(p *elevate.LinkIdentityParams) { p.Subject = "" }},
			"SubjectSpace":    {"Subject", func(p *elevate.LinkIdentityParams) { p.Subject = " " }},
			"SubjectNUL":      {"Subject", func(p *elevate.LinkIdentityParams) { p.Subject = "a\x00" }},
			"SubjectUTF8":     {"Subject", func(p *elevate.LinkIdentityParams) { p.Subject = "a\xff" }},
			"SubjectLong":     {"Subject", func(p *elevate.LinkIdentityParams) { p.Subject = strings.Repeat("a", 256) }},
		} {
			params := b.params
			bad.spoil(&params)
			_, err := b.system.LinkIdentity(b.ctx, params)
			requireInvalid(t, err, bad.field, name)
			_, err = b.system.UnlinkIdentity(b.ctx, elevate.UnlinkIdentityParams(params))
			requireInvalid(t, err, bad.field, name)
			_, err = b.system.UserByIdentity(b.ctx, params.Provider, params.Subject)
			requireInvalid(t, err, bad.field, name)
		}
		b.params.Provider, b.params.Subject = "a"+strings.Repeat("1", 31), strings.Repeat("é", 255)
		_, err := b.system.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err, "the longest")
	})

	// A learner says nothing of who they are elsewhere, and an admin does not make
	// themselves somebody else.
	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, role := range []elevate.Role{
			elevate.RoleVisitor, elevate.RoleUser, elevate.RoleInstructor, elevate.RoleAdmin,
		} {
			_, err := b.as(b.params.UserID, role).LinkIdentity(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden, role)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.identity(t, b.user(t, elevate.RoleUser), "google", "taken")
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		taken := b.params
		taken.Subject = "taken"
		_, err := store.LinkIdentity(b.ctx, taken)
		require.ErrorIs(t, err, elevate.ErrIdentityTaken)
		usable(t, tx)
		result, err := store.LinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Linked)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).LinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		users := make([]uuid.UUID, 32)
		for i := range users {
			users[i] = b.user(t, elevate.RoleUser)
		}
		for round := range 20 { // the first only prepares the statements, one after the other
			b.params.Subject = strconv.Itoa(round)
			var linked, taken atomic.Int32
			require.NoError(t, race(len(users), func(i int) error {
				params := b.params
				params.UserID = users[i]
				_, err := store.LinkIdentity(b.ctx, params)
				return tally(err, elevate.ErrIdentityTaken, &linked, &taken)
			}))
			require.Equal(t, int32(1), linked.Load())
			require.Equal(t, int32(31), taken.Load())
		}
		require.Equal(t, 20, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("ConcurrentRepeats", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		var linked atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := store.LinkIdentity(b.ctx, b.params)
			if result.Linked {
				linked.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), linked.Load())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	// The primary key makes the second wait for the first, whoever that links it to.
	t.Run("WaitsForAnother", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			sameUser, rolledBack bool

			want error
		}{
			"Somebody":           {want: elevate.ErrIdentityTaken},
			"Oneself":            {sameUser: true},
			"SomebodyWhoGivesUp": {rolledBack: true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				first := b.params
				if !test.sameUser {
					first.UserID = b.user(t, elevate.RoleUser)
				}
				tx := b.begin(t)
				_, err := b.system.WithTx(tx).LinkIdentity(b.ctx, first)
				require.NoError(t, err)
				var result elevate.LinkIdentityResult
				done := make(chan error, 1)
				go func() {
					var err error
					result, err = b.system.LinkIdentity(context.WithoutCancel(b.ctx), b.params)
					done <- err
				}()
				b.waitUntilBlocked(t, 1)
				if test.rolledBack {
					require.NoError(t, tx.Rollback(b.ctx))
				} else {
					require.NoError(t, tx.Commit(b.ctx))
				}
				require.ErrorIs(t, <-done, test.want)
				require.Equal(t, test.rolledBack, result.Linked)
				require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
			})
		}
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		commit := b.erase(t, b.params.UserID)
		done := make(chan error, 1)
		go func() {
			_, err := b.system.LinkIdentity(context.WithoutCancel(b.ctx), b.params)
			done <- err
		}()
		commit()
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})
}

func TestUnlinkIdentity(t *testing.T) {
	t.Parallel()

	type testBundleUnlink struct {
		*testBundle

		params elevate.UnlinkIdentityParams
		me     *elevate.Store
	}
	// setup is somebody without a password who has two identities.
	setup := func(t *testing.T) *testBundleUnlink {
		t.Helper()
		b := &testBundleUnlink{testBundle: newBundle(t)}
		userID := b.user(t, elevate.RoleUser)
		b.params = elevate.UnlinkIdentityParams{Provider: "google", Subject: "1", UserID: userID}
		b.me = b.as(userID, elevate.RoleUser)
		b.identity(t, userID, "google", "1")
		b.identity(t, userID, "google", "2")
		return b
	}
	last := elevate.ConflictError{Reason: elevate.ConflictLastSignIn}

	t.Run("Unlinks", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		result, err := b.me.UnlinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Removed)
		require.Equal(t, "2", scan[string](t, b.testBundle, `SELECT subject FROM {s}.identities`))
		_, err = b.system.UserByIdentity(b.ctx, "google", "1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("AlreadyUnlinked", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, want := range []bool{true, false, false} {
			result, err := b.me.UnlinkIdentity(b.ctx, b.params)
			require.NoError(t, err)
			require.Equal(t, want, result.Removed)
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("LastOneBesideAPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = $1`, string(someHash))
		for _, subject := range []string{"1", "2"} {
			b.params.Subject = subject
			result, err := b.me.UnlinkIdentity(b.ctx, b.params)
			require.NoError(t, err)
			require.True(t, result.Removed)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("ErrorIfLast", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.me.UnlinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		b.params.Subject = "2"
		for _, store := range []*elevate.Store{b.me, b.system, b.as(uuid.New(), elevate.RoleAdmin)} {
			_, err := store.UnlinkIdentity(b.ctx, b.params)
			requireConflict(t, err, last)
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
		// Another one first, and it goes.
		b.identity(t, b.params.UserID, "github", "2")
		result, err := b.me.UnlinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Removed)
	})

	// Neither taken away nor told apart from one that there is not.
	t.Run("LeavesSomebodyElses", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.user(t, elevate.RoleUser)
		b.identity(t, other, "google", "3")
		b.identity(t, other, "google", "4")
		for _, subject := range []string{"3", "5"} {
			b.params.Subject = subject
			result, err := b.me.UnlinkIdentity(b.ctx, b.params)
			require.NoError(t, err)
			require.False(t, result.Removed)
		}
		require.Equal(t, 4, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		erased := b.params.UserID
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		for _, userID := range []uuid.UUID{erased, uuid.New(), uuid.Nil} {
			b.params.UserID = userID
			_, err := b.system.UnlinkIdentity(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range b.strangers() {
			_, err := store.UnlinkIdentity(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.UnlinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		second := b.params
		second.Subject = "2"
		_, err = store.UnlinkIdentity(b.ctx, second)
		requireConflict(t, err, last)
		usable(t, tx)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.identities`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).UnlinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})

	// Each takes another of 32, all at once: one stays.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.Actor{UserID: b.params.UserID, Role: elevate.RoleUser})
		for range 20 { // the first only prepares the statements, one after the other
			b.exec(t, `INSERT INTO {s}.identities (provider, subject, user_id)
				SELECT 'google', n::text, $1 FROM generate_series(1, 32) AS n
				ON CONFLICT DO NOTHING`, b.params.UserID)
			var removed, refused atomic.Int32
			require.NoError(t, race(32, func(i int) error {
				params := b.params
				params.Subject = strconv.Itoa(i + 1)
				result, err := store.UnlinkIdentity(b.ctx, params)
				switch {
				case result.Removed:
					removed.Add(1)
				case isConflict(err, elevate.ConflictLastSignIn):
					refused.Add(1)
					return nil
				}
				return err
			}))
			require.Equal(t, int32(31), removed.Load())
			require.Equal(t, int32(1), refused.Load())
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
		}
	})

	// The second has waited, and sees what the first left.
	t.Run("LastTwoAtOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).UnlinkIdentity(b.ctx, b.params)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			second := b.params
			second.Subject = "2"
			_, err := b.me.UnlinkIdentity(context.WithoutCancel(b.ctx), second)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, last)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.identities`))
	})
}

func TestUserByIdentity(t *testing.T) {
	t.Parallel()

	t.Run("Gets", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleInstructor)
		b.identity(t, userID, "google", "1")
		b.identity(t, b.user(t, elevate.RoleUser), "github", "1")
		b.exec(t, `UPDATE {s}.users SET bio = 'Teaches', avatar_url = '/a.png' WHERE id = $1`, userID)
		want, err := b.system.GetUser(b.ctx, userID)
		require.NoError(t, err)
		for _, store := range []*elevate.Store{b.system, b.as(uuid.New(), elevate.RoleAdmin)} {
			user, err := store.UserByIdentity(b.ctx, "google", "1")
			require.NoError(t, err)
			require.Equal(t, want, user)
		}
	})

	t.Run("Disabled", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		b.identity(t, userID, "google", "1")
		_, err := b.system.DisableUser(b.ctx, userID)
		require.NoError(t, err)
		user, err := b.system.UserByIdentity(b.ctx, "google", "1")
		require.NoError(t, err)
		require.NotNil(t, user.DisabledAt)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.identity(t, b.user(t, elevate.RoleUser), "google", "AbC")
		for _, subject := range []string{"abc", "AbC ", "other"} {
			_, err := b.system.UserByIdentity(b.ctx, "google", subject)
			require.ErrorIs(t, err, elevate.ErrNotFound)
			require.NotContains(t, err.Error(), subject)
		}
		_, err := b.system.UserByIdentity(b.ctx, "github", "AbC")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		_, err = b.system.UserByIdentity(b.ctx, "google", "AbC")
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	})
}

func TestListIdentities(t *testing.T) {
	t.Parallel()

	t.Run("Lists", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		me := b.as(userID, elevate.RoleUser)
		none, err := me.ListIdentities(b.ctx, userID)
		require.NoError(t, err)
		require.NotNil(t, none)
		require.Empty(t, none)
		b.identity(t, userID, "google", "b")
		b.identity(t, userID, "google", "B")
		b.identity(t, userID, "github", "z")
		b.identity(t, b.user(t, elevate.RoleUser), "github", "a")
		identities, err := me.ListIdentities(b.ctx, userID)
		require.NoError(t, err)
		var names []string
		for _, identity := range identities {
			require.Equal(t, userID, identity.UserID)
			require.NotZero(t, identity.LinkedAt)
			names = append(names, identity.Provider+" "+identity.Subject)
		}
		require.Equal(t, []string{"github z", "google B", "google b"}, names)
	})

	t.Run("IsBounded", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		b.exec(t, `INSERT INTO {s}.identities (provider, subject, user_id)
			SELECT 'google', n::text, $1 FROM generate_series(1, 501) AS n`, userID)
		identities, err := b.system.ListIdentities(b.ctx, userID)
		require.NoError(t, err)
		require.Len(t, identities, 500)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		b.identity(t, userID, "google", "1")
		_, err := b.system.ListIdentities(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		_, err = b.system.ListIdentities(b.ctx, userID)
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	})
}
