package elevatetest_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/peterldowns/pgtestdb"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
	"github.com/elevateforhumanity/elevate/internal/pgserver"
	"github.com/elevateforhumanity/elevate/schema"
)

// envSchema lets a test tell a process of its own which schema to use.
const envSchema = "ELEVATETEST_SCHEMA"

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("Migrated", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)

		require.Equal(t, "public", db.Schema)
		require.NoError(t, schema.Check(t.Context(), db.Pool, nil))
		_, err := db.Store.As(elevate.System("test")).Enroll(t.Context(), uuid.New(), uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Isolated", func(t *testing.T) {
		t.Parallel()
		one, two := elevatetest.New(t), elevatetest.New(t)

		insertUser(t, one)
		require.Equal(t, 1, query[int](t, one.Pool, "SELECT count(*) FROM users"))
		require.Zero(t, query[int](t, two.Pool, "SELECT count(*) FROM users"))
	})

	t.Run("OddTimeZone", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)

		require.Equal(t, "Canada/Newfoundland", query[string](t, db.Pool, "SHOW timezone"))
		conn, err := pgx.Connect(t.Context(), db.URL)
		require.NoError(t, err)
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		var zone string
		require.NoError(t, conn.QueryRow(t.Context(), "SHOW timezone").Scan(&zone))
		require.Equal(t, "Canada/Newfoundland", zone)
	})

	t.Run("InSchema", func(t *testing.T) {
		t.Parallel()
		name := cmp.Or(os.Getenv(envSchema), "school")
		db := elevatetest.New(t, elevatetest.WithSchema(name))

		require.Equal(t, name, db.Schema)
		require.NoError(t, schema.Check(t.Context(), db.Pool, &schema.Config{Schema: name}))
		require.True(t, query[bool](t, db.Pool, "SELECT to_regclass('public.users') IS NULL"))
		_, err := db.Store.As(elevate.System("test")).Enroll(t.Context(), uuid.New(), uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("InSchemaOfConfig", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t, elevatetest.WithConfig(elevate.Config{Schema: "school"}))

		require.Equal(t, "school", db.Schema)
		require.NoError(t, schema.Check(t.Context(), db.Pool, &schema.Config{Schema: "school"}))
	})

	t.Run("PoolOfFour", func(t *testing.T) {
		t.Parallel()
		require.EqualValues(t, 4, elevatetest.New(t).Pool.Config().MaxConns)
	})

	t.Run("PoolAsAsked", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t, elevatetest.WithMaxConns(1), elevatetest.WithPool(func(c *pgxpool.Config) {
			c.ConnConfig.RuntimeParams["application_name"] = "asked"
		}))

		require.EqualValues(t, 1, db.Pool.Config().MaxConns)
		require.Equal(t, "asked", query[string](t, db.Pool, "SHOW application_name"))
	})

	t.Run("BesideHostMigrations", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t, elevatetest.WithSchema("school"), elevatetest.WithMigrator(shopMigrations{}))

		require.NoError(t, schema.Check(t.Context(), db.Pool, &schema.Config{Schema: "school"}))
		require.Zero(t, query[int](t, db.Pool, "SELECT count(*) FROM public.users AS u WHERE u.id = 1::bigint"))
	})

	t.Run("MigratedOnce", func(t *testing.T) {
		t.Parallel()
		outer := elevatetest.New(t)
		host := &countingMigrator{name: uuid.NewString()}
		var group errgroup.Group
		for range 4 {
			group.Go(func() error {
				elevatetest.New(t, elevatetest.WithMigrator(host))
				return nil
			})
		}
		require.NoError(t, group.Wait())
		require.EqualValues(t, 1, host.migrated.Load())
		dropTemplate(t, outer, elevatetest.New(t, elevatetest.WithMigrator(host)).URL)
	})

	t.Run("MigratedOnceForAllProcesses", func(t *testing.T) {
		t.Parallel()
		outer := elevatetest.New(t)
		name := "race_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		var group errgroup.Group
		for range 3 {
			group.Go(func() error {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNew$/^InSchema$", "-test.v")
				cmd.Env = append(os.Environ(), envSchema+"="+name)
				out, err := cmd.CombinedOutput()
				if err != nil || !bytes.Contains(out, []byte("--- PASS: TestNew/InSchema")) {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		dropTemplate(t, outer, elevatetest.New(t, elevatetest.WithSchema(name)).URL)
	})

	t.Run("GoneAfterwards", func(t *testing.T) {
		t.Parallel()
		outer := elevatetest.New(t)
		inner := &endedTest{TB: t}
		name := databaseOf(t, elevatetest.New(inner).URL)

		require.Equal(t, 1, query[int](t, outer.Pool, "SELECT count(*) FROM pg_database WHERE datname = $1", name))
		inner.end()
		require.Zero(t, query[int](t, outer.Pool, "SELECT count(*) FROM pg_database WHERE datname = $1", name))
	})

	t.Run("KeptAfterFailure", func(t *testing.T) {
		t.Parallel()
		outer := elevatetest.New(t)
		inner := &endedTest{TB: t, failed: true}
		db := elevatetest.New(inner)
		insertUser(t, db)
		inner.end()

		require.Contains(t, inner.log.String(), "is kept: "+db.URL)
		conn, err := pgx.Connect(t.Context(), db.URL)
		require.NoError(t, err)
		var users int
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM users").Scan(&users))
		require.Equal(t, 1, users)
		require.NoError(t, conn.Close(t.Context()))
		_, err = outer.Pool.Exec(t.Context(), "DROP DATABASE "+pgx.Identifier{databaseOf(t, db.URL)}.Sanitize())
		require.NoError(t, err)
	})

	t.Run("ErrorIfHostMigrationFails", func(t *testing.T) {
		t.Parallel()
		outer := elevatetest.New(t)
		inner := &endedTest{TB: t}
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			elevatetest.New(inner, elevatetest.WithMigrator(&countingMigrator{
				name: uuid.NewString(), err: errors.New("no such column"),
			}))
		}()
		<-stopped
		require.Contains(t, inner.log.String(), "the host's migrations: no such column")

		// What is left of the template is not one.
		name := regexp.MustCompile(`testdb_tpl_\w+`).FindString(inner.log.String())
		require.False(t, query[bool](t, outer.Pool, "SELECT datistemplate FROM pg_database WHERE datname = $1", name))
		dropTemplate(t, outer, "/"+name)
	})

	t.Run("ErrorIfRoleIsNoSuperuser", func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t)
		role := "elevate_weak_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		_, err := db.Pool.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %s LOGIN CREATEDB PASSWORD 'weak'", role))
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := db.Pool.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+role)
			require.NoError(t, err)
		})

		u, err := url.Parse(os.Getenv(pgserver.EnvURL))
		require.NoError(t, err)
		u.User = url.UserPassword(role, "weak")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNew$/^Migrated$")
		cmd.Env = append(os.Environ(), pgserver.EnvURL+"="+u.String())
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), role)
		require.Contains(t, string(out), "is no superuser")
	})
}

// BenchmarkNew measures what a test pays for its database.
func BenchmarkNew(b *testing.B) {
	elevatetest.New(b) // the template
	for b.Loop() {
		inner := &endedTest{TB: b}
		elevatetest.New(inner)
		inner.end()
	}
}

// endedTest is a test that ends when it is told to, and as it is told to.
type endedTest struct {
	testing.TB

	cleanups []func()
	failed   bool
	log      strings.Builder
}

func (e *endedTest) Cleanup(f func()) { e.cleanups = append(e.cleanups, f) }
func (e *endedTest) Failed() bool     { return e.failed }
func (e *endedTest) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(&e.log, format+"\n", args...)
}

// Fatalf ends the goroutine, as that of a real test does.
func (e *endedTest) Fatalf(format string, args ...any) {
	e.Logf(format, args...)
	runtime.Goexit()
}

func (e *endedTest) end() {
	for _, cleanup := range slices.Backward(e.cleanups) {
		cleanup()
	}
}

// countingMigrator counts how often it was asked to migrate.
type countingMigrator struct {
	err      error
	migrated atomic.Int32
	name     string
}

func (m *countingMigrator) Hash() (string, error) { return m.name, nil }

func (m *countingMigrator) Migrate(context.Context, *sql.DB, pgtestdb.Config) error {
	m.migrated.Add(1)
	return m.err
}

func query[T any](t *testing.T, pool *pgxpool.Pool, sql string, args ...any) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var value T
	require.NoError(t, pool.QueryRow(ctx, sql, args...).Scan(&value))
	return value
}

func insertUser(t *testing.T, db *elevatetest.DB) {
	t.Helper()
	_, err := db.Pool.Exec(t.Context(),
		"INSERT INTO users (email, password_hash, name) VALUES ('a@example.org', '!', 'A')")
	require.NoError(t, err)
}

// dropTemplate keeps the templates of this run from piling up on a server that
// outlives it.
func dropTemplate(t *testing.T, db *elevatetest.DB, dsn string) {
	t.Helper()
	name, _, _ := strings.Cut(databaseOf(t, dsn), "_inst_")
	for _, sql := range []string{
		"ALTER DATABASE %s IS_TEMPLATE false",
		"DROP DATABASE %s",
	} {
		_, err := db.Pool.Exec(t.Context(), fmt.Sprintf(sql, pgx.Identifier{name}.Sanitize()))
		require.NoError(t, err)
	}
}

func databaseOf(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	return strings.TrimPrefix(u.Path, "/")
}
