package elevate_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

// someHash has the shape of a bcrypt hash, and spares a test the hashing.
var someHash = elevate.PasswordHash("$2a$12$" + strings.Repeat("a", 53))

// tally counts a success or the one refusal that is expected.
func tally(err, refusal error, done, refused *atomic.Int32) error {
	switch {
	case err == nil:
		done.Add(1)
		return nil
	case errors.Is(err, refusal):
		refused.Add(1)
		return nil
	default:
		return err
	}
}

func TestRegisterUser(t *testing.T) {
	t.Parallel()

	type testBundleRegister struct {
		*testBundle

		params elevate.RegisterUserParams
	}
	setup := func(t *testing.T) *testBundleRegister {
		t.Helper()
		return &testBundleRegister{
			testBundle: newBundle(t),
			params: elevate.RegisterUserParams{
				Email:        "ada@example.org",
				Name:         "Ada",
				PasswordHash: someHash,
			},
		}
	}

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.Email = " Ada@Example.ORG "
		user, err := b.store.RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		require.NotZero(t, user.ID)
		require.Equal(t, "ada@example.org", user.Email)
		require.Equal(t, "Ada", user.Name)
		require.Equal(t, elevate.RoleUser, user.Role)
		require.False(t, user.EmailVerified)
		require.Nil(t, user.LastLogin)
		require.NotZero(t, user.CreatedAt)
		require.Equal(t, string(someHash), scan[string](t, b.testBundle, `SELECT password_hash FROM {s}.users`))
		got, err := b.system.GetUser(b.ctx, user.ID)
		require.NoError(t, err)
		require.Equal(t, user, got)
	})

	t.Run("WithPassword", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.PasswordHash, b.params.Password = "", "correct horse"
		_, err := b.store.RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		hash := scan[string](t, b.testBundle, `SELECT password_hash FROM {s}.users`)
		require.NoError(t, bcrypt.CompareHashAndPassword([]byte(hash), []byte("correct horse")))
	})

	t.Run("WithRole", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.Role = elevate.RoleInstructor
		user, err := b.as(uuid.New(), elevate.RoleAdmin).RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, elevate.RoleInstructor, user.Role)
	})

	t.Run("AlreadyRegistered", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.ID = uuid.New()
		first, err := b.store.RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, b.params.ID, first.ID)
		b.params.Email = "ADA@example.org"
		again, err := b.store.RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, first, again)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("ErrorIfEmailTaken", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.store.RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		b.params.Email = "ADA@EXAMPLE.ORG"
		_, err = b.store.RegisterUser(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		require.NotContains(t, err.Error(), "@")
	})

	// A row of another writer keeps its capitals.
	t.Run("ErrorIfEmailTakenInCapitals", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `INSERT INTO {s}.users (email, password_hash, name) VALUES ('ADA@Example.org', '!', 'Ada')`)
		_, err := b.store.RegisterUser(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("ErrorIfIDTaken", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.ID = b.user(t, elevate.RoleUser)
		_, err := b.store.RegisterUser(b.ctx, b.params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, bad := range map[string]struct {
			field string
			spoil func(p *elevate.RegisterUserParams)
		}{
			"Email":       {"Email", func(p *elevate.RegisterUserParams) { p.Email = "ada" }},
			"EmailNUL":    {"Email", func(p *elevate.RegisterUserParams) { p.Email = "a\x00@example.org" }},
			"EmailUTF8":   {"Email", func(p *elevate.RegisterUserParams) { p.Email = "a\xff@example.org" }},
			"EmailLong":   {"Email", func(p *elevate.RegisterUserParams) { p.Email = strings.Repeat("a", 255) + "@b.c" }},
			"NoName":      {"Name", func(p *elevate.RegisterUserParams) { p.Name = " " }},
			"NameNUL":     {"Name", func(p *elevate.RegisterUserParams) { p.Name = "a\x00" }},
			"NameUTF8":    {"Name", func(p *elevate.RegisterUserParams) { p.Name = "a\xff" }},
			"NameLong":    {"Name", func(p *elevate.RegisterUserParams) { p.Name = strings.Repeat("é", 256) }},
			"Both":        {"Password", func(p *elevate.RegisterUserParams) { p.Password = "correct horse" }},
			"Neither":     {"Password", func(p *elevate.RegisterUserParams) { p.PasswordHash = "" }},
			"Short":       {"Password", func(p *elevate.RegisterUserParams) { p.Password, p.PasswordHash = "1234567", "" }},
			"PlainText":   {"PasswordHash", func(p *elevate.RegisterUserParams) { p.PasswordHash = "correct horse" }},
			"Unusable":    {"PasswordHash", func(p *elevate.RegisterUserParams) { p.PasswordHash = "!" }},
			"Exorbitant":  {"PasswordHash", func(p *elevate.RegisterUserParams) { p.PasswordHash = "$2a$31$" + someHash[7:] }},
			"Cut":         {"PasswordHash", func(p *elevate.RegisterUserParams) { p.PasswordHash = someHash[:59] }},
			"WithNewline": {"PasswordHash", func(p *elevate.RegisterUserParams) { p.PasswordHash = someHash + "\n" }},
			"SystemRole":  {"Role", func(p *elevate.RegisterUserParams) { p.Role = elevate.RoleSystem }},
			"RoleUnknown": {"Role", func(p *elevate.RegisterUserParams) { p.Role = "root" }},
		} {
			params := b.params
			bad.spoil(&params)
			_, err := b.system.RegisterUser(b.ctx, params)
			requireInvalid(t, err, bad.field, name)
		}
		// What the test kit allows, nothing else does.
		dear, err := elevate.New(b.pool, &elevate.Config{Schema: b.schema})
		require.NoError(t, err)
		params := b.params
		params.PasswordHash = "$2a$09$" + someHash[7:]
		_, err = dear.RegisterUser(b.ctx, params)
		requireInvalid(t, err, "PasswordHash")
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range b.strangers() {
			for _, role := range []elevate.Role{elevate.RoleInstructor, elevate.RoleAdmin, elevate.RoleSystem} {
				b.params.Role = role
				_, err := store.RegisterUser(b.ctx, b.params)
				require.ErrorIs(t, err, elevate.ErrForbidden)
			}
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `INSERT INTO {s}.users (email, password_hash, name) VALUES ('eve@example.org', '!', 'Eve')`)
		tx := b.begin(t)
		store := b.store.WithTx(tx)

		taken := b.params
		taken.Email = "eve@example.org"
		_, err := store.RegisterUser(b.ctx, taken)
		require.ErrorIs(t, err, elevate.ErrEmailTaken)
		usable(t, tx)

		slow := b.params
		slow.PasswordHash, slow.Password = "", "correct horse"
		_, err = store.RegisterUser(b.ctx, slow)
		require.ErrorIs(t, err, elevate.ErrInTransaction)
		usable(t, tx)

		_, err = store.RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var created, taken atomic.Int32
		require.NoError(t, race(32, func(i int) error {
			params := b.params
			if i%2 == 0 {
				params.Email = strings.ToUpper(params.Email)
			}
			_, err := b.store.RegisterUser(b.ctx, params)
			return tally(err, elevate.ErrEmailTaken, &created, &taken)
		}))
		require.Equal(t, int32(1), created.Load())
		require.Equal(t, int32(31), taken.Load())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("ConcurrentRepeats", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.ID = uuid.New()
		require.NoError(t, race(32, func(int) error {
			_, err := b.store.RegisterUser(b.ctx, b.params)
			return err
		}))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.users`))
	})

	t.Run("WaitsForRegistration", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).RegisterUser(b.ctx, b.params)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.store.RegisterUser(b.ctx, b.params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrEmailTaken)
	})
}

func TestGetUser(t *testing.T) {
	t.Parallel()

	t.Run("Gets", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		id := b.user(t, elevate.RoleInstructor)
		b.exec(t, `UPDATE {s}.users SET bio = 'Teaches', avatar_url = '/a.png', email_verified = TRUE, last_login = now()`)
		for _, store := range []*elevate.Store{
			b.system, b.as(id, elevate.RoleInstructor), b.as(uuid.New(), elevate.RoleAdmin),
		} {
			user, err := store.GetUser(b.ctx, id)
			require.NoError(t, err)
			require.Equal(t, id, user.ID)
			require.Equal(t, "Teaches", user.Bio)
			require.Equal(t, "/a.png", user.AvatarURL)
			require.Equal(t, elevate.RoleInstructor, user.Role)
			require.True(t, user.EmailVerified)
			require.NotNil(t, user.LastLogin)
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, err := b.system.GetUser(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		id := b.user(t, elevate.RoleUser)
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		_, err = b.system.GetUser(b.ctx, id)
		require.ErrorIs(t, err, elevate.ErrNotFound, "erased")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		id := b.user(t, elevate.RoleUser)
		for _, store := range []*elevate.Store{
			b.store, b.as(uuid.New(), elevate.RoleUser), b.as(uuid.New(), elevate.RoleInstructor),
			b.as(id, elevate.RoleVisitor),
		} {
			_, err := store.GetUser(b.ctx, id)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).GetUser(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
	})
}

func TestListUsers(t *testing.T) {
	t.Parallel()

	type testBundleList struct {
		*testBundle

		learners, instructors, admins []uuid.UUID
	}
	setup := func(t *testing.T) *testBundleList {
		t.Helper()
		b := &testBundleList{testBundle: newBundle(t)}
		for range 5 {
			b.learners = append(b.learners, b.user(t, elevate.RoleUser))
			b.instructors = append(b.instructors, b.user(t, elevate.RoleInstructor))
			b.admins = append(b.admins, b.user(t, elevate.RoleAdmin))
		}
		return b
	}
	// all reads every page.
	all := func(t *testing.T, b *testBundleList, params elevate.ListUsersParams) []uuid.UUID {
		t.Helper()
		var ids []uuid.UUID
		for {
			page, err := b.system.ListUsers(b.ctx, params)
			require.NoError(t, err)
			for _, user := range page.Items {
				ids = append(ids, user.ID)
			}
			if page.Next == "" {
				return ids
			}
			require.Len(t, page.Items, params.Limit)
			params.Cursor = page.Next
		}
	}

	t.Run("Lists", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		byID := func(ids ...[]uuid.UUID) []uuid.UUID {
			sorted := slices.Concat(ids...)
			slices.SortFunc(sorted, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
			return sorted
		}
		for _, limit := range []int{1, 2, 5, 100} {
			page := elevate.PageParams{Limit: limit}
			for role, want := range map[elevate.Role][]uuid.UUID{
				"":                     byID(b.learners, b.instructors, b.admins),
				elevate.RoleUser:       byID(b.learners),
				elevate.RoleInstructor: byID(b.instructors),
				elevate.RoleAdmin:      byID(b.admins),
			} {
				require.Equal(t, want, all(t, b, elevate.ListUsersParams{PageParams: page, Role: role}), "%s by %d", role, limit)
			}
		}
	})

	t.Run("LeavesOutErased", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now()`)
		for _, role := range []elevate.Role{"", elevate.RoleUser, elevate.RoleAdmin} {
			page, err := b.system.ListUsers(b.ctx, elevate.ListUsersParams{Role: role})
			require.NoError(t, err)
			require.NotNil(t, page.Items)
			require.Empty(t, page.Items)
		}
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.system.ListUsers(b.ctx, elevate.ListUsersParams{Role: elevate.RoleSystem})
		requireInvalid(t, err, "Role", "Role")
		_, err = b.system.ListUsers(b.ctx, elevate.ListUsersParams{PageParams: elevate.PageParams{Limit: -1}})
		requireInvalid(t, err, "Limit", "Limit")
		b.course(t, courseSeed{published: true})
		b.course(t, courseSeed{published: true})
		foreign, err := b.system.ListCourses(b.ctx, elevate.ListCoursesParams{PageParams: elevate.PageParams{Limit: 1}})
		require.NoError(t, err)
		require.NotEmpty(t, foreign.Next)
		for _, cursor := range []string{"x", foreign.Next} {
			_, err = b.system.ListUsers(b.ctx, elevate.ListUsersParams{PageParams: elevate.PageParams{Cursor: cursor}})
			require.ErrorIs(t, err, elevate.ErrInvalidCursor)
		}
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range []*elevate.Store{
			b.store, b.as(b.learners[0], elevate.RoleUser), b.as(b.instructors[0], elevate.RoleInstructor),
		} {
			_, err := store.ListUsers(b.ctx, elevate.ListUsersParams{})
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
		_, err := b.as(b.admins[0], elevate.RoleAdmin).ListUsers(b.ctx, elevate.ListUsersParams{})
		require.NoError(t, err)
	})
}
