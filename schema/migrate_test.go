package schema_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate/schema"
)

func TestUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("ThenCheckIsContent", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		require.ErrorIs(t, schema.Check(ctx, conn, nil), schema.ErrSchemaBehind)
		require.NoError(t, schema.Up(ctx, config, nil))
		require.NoError(t, schema.Check(ctx, conn, nil))
		require.NoError(t, schema.Up(ctx, config, nil), "again")
		require.NoError(t, schema.Check(ctx, conn, nil))
	})

	t.Run("LeavesConfigAlone", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		before := config.Copy()
		require.NoError(t, schema.Up(ctx, config, nil))
		require.Equal(t, before.RuntimeParams, config.RuntimeParams)
		require.Equal(t, before.DefaultQueryExecMode, config.DefaultQueryExecMode)
	})

	t.Run("AcceptsKeywordsAndURLs", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		for _, text := range []string{
			fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s sslmode=disable",
				config.Host, config.Port, config.User, config.Password, config.Database),
			fmt.Sprintf("host=%s,%s port=1,%d user=%s password='%s' dbname=%s sslmode=disable",
				config.Host, config.Host, config.Port, config.User, config.Password, config.Database),
		} {
			require.NoError(t, schema.Up(ctx, parse(t, text), nil))
		}
		require.NoError(t, schema.Check(ctx, connect(t, config), nil))
	})

	t.Run("IgnoresWhatTheRoleIsSetTo", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		maps.Copy(config.RuntimeParams, map[string]string{
			"default_transaction_deferrable":      "on",
			"default_transaction_isolation":       "serializable",
			"default_transaction_read_only":       "on",
			"idle_in_transaction_session_timeout": "1ms",
			"lock_timeout":                        "1ms",
			"search_path":                         "pg_catalog",
			"statement_timeout":                   "500ms",
		})
		slow := fstest.MapFS{
			"000001_a.up.sql":   {Data: []byte("CREATE TABLE a (id integer); SELECT pg_sleep(0.7);")},
			"000001_a.down.sql": {Data: []byte("DROP TABLE a; SELECT pg_sleep(0.7);")},
		}
		require.NoError(t, schema.UpFiles(ctx, config, nil, slow, 1))
		require.NoError(t, schema.DownFiles(ctx, config, nil, slow, 0))
	})

	t.Run("NeedsNoSuperuser", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		admin := connect(t, config)
		role := config.Database + "_role"
		execute(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'")
		t.Cleanup(func() {
			execute(t, admin, "DROP OWNED BY "+role+"; DROP ROLE "+role)
		})
		execute(t, admin, "GRANT CREATE ON DATABASE "+config.Database+" TO "+role)
		plain := config.Copy()
		plain.User, plain.Password = role, "secret"
		require.NoError(t, schema.Up(ctx, plain, &schema.Config{Schema: "school"}))

		// In a schema that exists the right to create schemas is not asked for.
		execute(t, admin, "CREATE SCHEMA club")
		execute(t, admin, "GRANT USAGE, CREATE ON SCHEMA club TO "+role)
		execute(t, admin, "REVOKE CREATE ON DATABASE "+config.Database+" FROM "+role)
		require.NoError(t, schema.Up(ctx, plain, &schema.Config{Schema: "club"}))
		require.NoError(t, schema.Up(ctx, plain, &schema.Config{Schema: "club"}))
	})

	t.Run("SchemaOfAnyName", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		before := outside(t, conn)
		for _, name := range []string{"school", `Größe "7", 'x'; --`, "select", strings.Repeat("n", 63)} {
			cfg := &schema.Config{Schema: name}
			require.NoError(t, schema.Up(ctx, config, cfg), name)
			require.NoError(t, schema.Check(ctx, conn, cfg), name)
			require.NoError(t, schema.Down(ctx, config, 0, cfg), name)
			require.Equal(t, before, outside(t, conn), name)
		}
		for _, name := range []string{"$user", strings.Repeat("n", 64), "a\x00b"} {
			require.Error(t, schema.Up(ctx, config, &schema.Config{Schema: name}), name)
			require.Error(t, schema.Check(ctx, conn, &schema.Config{Schema: name}), name)
		}
	})

	t.Run("ErrorIfNotUTF8", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		name := config.Database + "_ascii"
		admin := connect(t, parse(t, serverURL))
		execute(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
		t.Cleanup(func() { execute(t, connect(t, parse(t, serverURL)), "DROP DATABASE "+name+" WITH (FORCE)") })
		config.Database = name
		err := schema.Up(ctx, config, nil)
		require.ErrorContains(t, err, "UTF8")
		require.ErrorIs(t, schema.Check(ctx, connect(t, config), nil), schema.ErrSchemaBehind)
	})

	t.Run("ErrorIfTablesOfAnotherAreInTheWay", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		execute(t, conn, "CREATE TABLE users (id bigint PRIMARY KEY)")
		err := schema.Up(ctx, config, nil)
		require.ErrorContains(t, err, "000001_initial.up.sql")
		require.ErrorContains(t, err, "Config.Schema")
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused)
		require.ErrorIs(t, schema.Check(ctx, conn, nil), schema.ErrSchemaBehind)
		require.Equal(t, []string{"elevate_schema_migrations", "users"},
			column[string](t, conn, `SELECT relname::text FROM pg_class
				WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname`))
	})

	t.Run("ErrorIfNoConfiguration", func(t *testing.T) {
		t.Parallel()
		require.Error(t, schema.Up(ctx, nil, nil))
	})

	t.Run("ErrorIfServerIsAway", func(t *testing.T) {
		t.Parallel()
		err := schema.Up(ctx, parse(t, "host=127.0.0.1 port=1 user=nobody password=geheim dbname=none"), nil)
		require.ErrorContains(t, err, "elevate/schema: connect")
		require.NotContains(t, err.Error(), "geheim")
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		var log lockedBuffer
		cfg := &schema.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Schema: "school"}
		start := make(chan struct{})
		var group errgroup.Group
		for range 6 {
			group.Go(func() error {
				<-start
				return schema.Up(ctx, config, cfg)
			})
		}
		close(start)
		require.NoError(t, group.Wait())
		require.NoError(t, schema.Check(ctx, connect(t, config), cfg))
		require.Equal(t, int(schema.Version()), strings.Count(log.String(), "migration applied"), "each file once")
	})

	t.Run("ConcurrentInTwoSchemas", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		var group errgroup.Group
		for _, name := range []string{"north", "south"} {
			group.Go(func() error {
				return schema.Up(ctx, config, &schema.Config{Schema: name})
			})
		}
		require.NoError(t, group.Wait())
		conn := connect(t, config)
		require.Equal(t, catalog(t, conn, "north"), catalog(t, conn, "south"))
	})

	t.Run("ErrorIfAhead", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		require.NoError(t, schema.Up(ctx, config, nil))
		for _, dirty := range []string{"FALSE", "TRUE"} {
			execute(t, conn, "UPDATE elevate_schema_migrations SET version = 999, dirty = "+dirty)
			for _, err := range []error{
				schema.Up(ctx, config, nil),
				schema.Down(ctx, config, 0, nil),
				schema.Check(ctx, conn, nil),
			} {
				require.ErrorIs(t, err, schema.ErrSchemaAhead)
				require.ErrorContains(t, err, "999")
				require.ErrorContains(t, err, fmt.Sprint(schema.Version()))
			}
		}
	})

	t.Run("ErrorIfMarkIsNotOurs", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		require.NoError(t, schema.Up(ctx, config, nil))
		execute(t, conn, "UPDATE elevate_schema_migrations SET version = -1, dirty = TRUE")
		require.ErrorIs(t, schema.Up(ctx, config, nil), schema.ErrSchemaDirty)
		require.ErrorIs(t, schema.Down(ctx, config, 0, nil), schema.ErrSchemaDirty)
	})
}

func TestDown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	// Every file's way back is exact, not only the way back of all of them.
	for _, name := range []string{"public", "school"} {
		t.Run("EachFileRestores/"+name, func(t *testing.T) {
			t.Parallel()
			config := newDatabase(t)
			conn := connect(t, config)
			// Tables of the host's own, by the names of ours.
			if name != "public" {
				execute(t, conn, `
					CREATE TYPE user_role AS ENUM ('guest');
					CREATE TABLE users (id bigint PRIMARY KEY, role user_role);
					CREATE TABLE courses (id bigint PRIMARY KEY, teacher bigint REFERENCES users (id));
					CREATE FUNCTION progress_percent(done integer, total integer) RETURNS integer
						LANGUAGE sql RETURN 7;`)
			}
			cfg := &schema.Config{Schema: name}
			before := outside(t, conn)

			var at []string
			for version := uint(1); version <= schema.Version(); version++ {
				require.NoError(t, schema.UpFiles(ctx, config, cfg, schema.FS, version))
				require.Equal(t, int64(version), scan[int64](t, conn,
					"SELECT version FROM "+name+".elevate_schema_migrations WHERE NOT dirty"))
				at = append(at, catalog(t, conn, name))
			}
			for version := schema.Version(); version >= 1; version-- {
				require.NoError(t, schema.Down(ctx, config, version, cfg))
				// What was checked once cannot be made unchecked again.
				require.Equal(t, strings.ReplaceAll(at[version-1], " NOT VALID", ""),
					strings.ReplaceAll(catalog(t, conn, name), " NOT VALID", ""), "back at version %d", version)
			}
			require.NoError(t, schema.Down(ctx, config, 0, cfg))
			require.Equal(t, before, outside(t, conn), "nothing of ours stays, nothing of the host's goes")
			require.NoError(t, schema.Down(ctx, config, 0, cfg), "again")

			require.NoError(t, schema.Up(ctx, config, cfg))
			require.Equal(t, at[len(at)-1], catalog(t, conn, name))
		})
	}

	t.Run("SameInEverySchema", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		require.NoError(t, schema.Up(ctx, config, nil))
		require.NoError(t, schema.Up(ctx, config, &schema.Config{Schema: "school"}))
		require.Equal(t, catalog(t, conn, "public"), catalog(t, conn, "school"))
	})

	t.Run("KeepsSchemaOfTheHost", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		cfg := &schema.Config{Schema: "school"}
		execute(t, conn, "CREATE SCHEMA school")
		require.NoError(t, schema.Up(ctx, config, cfg))
		require.NoError(t, schema.Down(ctx, config, 0, cfg))
		require.True(t, scan[bool](t, conn, "SELECT to_regnamespace('school') IS NOT NULL"), "made by the host")

		execute(t, conn, "DROP SCHEMA school")
		require.NoError(t, schema.Up(ctx, config, cfg))
		execute(t, conn, "CREATE TABLE school.canteen (id bigint)")
		require.NoError(t, schema.Down(ctx, config, 0, cfg))
		require.Equal(t, []string{"canteen"}, column[string](t, conn,
			"SELECT relname::text FROM pg_class WHERE relnamespace = 'school'::regnamespace"))
	})

	t.Run("ErrorIfBelow", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		require.ErrorIs(t, schema.Down(ctx, config, 1, nil), schema.ErrSchemaBehind)
		require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, 1))
		require.NoError(t, schema.Down(ctx, config, 1, nil))
		require.ErrorIs(t, schema.Down(ctx, config, 2, nil), schema.ErrSchemaBehind)
	})

	t.Run("ErrorIfNoSuchVersion", func(t *testing.T) {
		t.Parallel()
		require.ErrorContains(t, schema.Down(ctx, newDatabase(t), 998, nil), "no version 998")
	})

	t.Run("ErrorIfHostHangsOnUs", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, 1))
		execute(t, conn, "CREATE TABLE badges (user_id uuid REFERENCES users (id))")
		require.ErrorContains(t, schema.Down(ctx, config, 0, nil), "badges")
		require.Equal(t, int64(1), scan[int64](t, conn, "SELECT version FROM elevate_schema_migrations WHERE NOT dirty"))
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("NamesVersionsAndWayOut", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, 3))
		err := schema.Check(ctx, conn, nil)
		require.ErrorIs(t, err, schema.ErrSchemaBehind)
		require.EqualError(t, err, fmt.Sprintf(
			`elevate/schema: schema is behind: schema "public" is at version 3, this release needs %d; run schema.Up`,
			schema.Version()))
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, newDatabase(t))
		tx, err := conn.Begin(ctx)
		require.NoError(t, err)
		require.ErrorIs(t, schema.Check(ctx, tx, nil), schema.ErrSchemaBehind)
		_, err = tx.Exec(ctx, "SELECT 1")
		require.NoError(t, err)
		require.NoError(t, tx.Commit(ctx))
	})

	t.Run("EmptyTableIsBehind", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		conn := connect(t, config)
		execute(t, conn, "CREATE TABLE elevate_schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)")
		require.ErrorIs(t, schema.Check(ctx, conn, nil), schema.ErrSchemaBehind)
		require.NoError(t, schema.Up(ctx, config, nil), "made by another migrator")
	})

	t.Run("AllExecModes", func(t *testing.T) {
		t.Parallel()
		config := newDatabase(t)
		for _, mode := range []pgx.QueryExecMode{
			pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
			pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
		} {
			config.DefaultQueryExecMode = mode
			require.NoError(t, schema.Up(ctx, config, nil), mode)
			conn := connect(t, config)
			require.NoError(t, schema.Check(ctx, conn, nil), mode)
			execute(t, conn, fmt.Sprintf("UPDATE elevate_schema_migrations SET version = %d, dirty = TRUE", schema.Version()))
			require.ErrorIs(t, schema.Check(ctx, conn, nil), schema.ErrSchemaDirty, mode)
			execute(t, conn, "UPDATE elevate_schema_migrations SET dirty = FALSE")
		}
	})

	t.Run("ErrorIfCancelled", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, newDatabase(t))
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, schema.Check(cancelled, conn, nil), context.Canceled)
	})
}

// lockedBuffer collects the log of several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
