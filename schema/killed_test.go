package schema_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate/schema"
)

// victimEnv makes the test binary a migrator that the test can kill.
const victimEnv = "ELEVATE_SCHEMA_VICTIM_URL"

// gatedFiles stop in their second migration, after half of its work, for as
// long as another session holds the table gate. They set no lock_timeout: it is
// the process that has to die.
var gatedFiles = fstest.MapFS{
	"000001_create_gate.up.sql":   {Data: []byte("CREATE TABLE gate (id integer);")},
	"000001_create_gate.down.sql": {Data: []byte("DROP TABLE gate;")},
	"000002_pass_gate.up.sql": {Data: []byte(`
		CREATE TABLE half (id integer);
		INSERT INTO gate (id) VALUES (2);
		CREATE TABLE whole (id integer);`)},
	"000002_pass_gate.down.sql": {Data: []byte("DROP TABLE whole; DELETE FROM gate; DROP TABLE half;")},
}

// victim is the process that is killed.
func victim(url string) int {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := schema.UpFiles(context.Background(), config, nil, gatedFiles, 2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// gate brings the database to version and then keeps table shut until open is
// called.
func gate(t *testing.T, config *pgx.ConnConfig, version uint, files fs.FS, table string) (open func()) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, schema.UpFiles(ctx, config, nil, files, version))
	tx, err := connect(t, config).Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Rollback(ctx)) }
}

// patience bounds one test's waiting: what is awaited may never come.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// blocked is true while some session of the database waits for a table.
const blocked = `
	SELECT EXISTS (
		SELECT
		FROM pg_locks AS l
		JOIN pg_database AS d ON d.oid = l.database
		WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted
	)`

func TestUpInterrupted(t *testing.T) {
	t.Parallel()

	// kill -9 of a migrator whose backend waits for a lock. The backend lives on
	// at first, and holds the migrators' lock.
	t.Run("ProcessKilled", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		open := gate(t, config, 1, gatedFiles, "gate")
		watch := connect(t, config)

		child := exec.CommandContext(ctx, os.Args[0])
		child.Env = append(os.Environ(), victimEnv+"="+connString(config))
		child.Stdout, child.Stderr = os.Stderr, os.Stderr
		require.NoError(t, child.Start())
		require.NoError(t, waitUntil(ctx, watch, blocked))

		err := schema.CheckVersion(ctx, watch, withDefaults(t), 2)
		require.ErrorIs(t, err, schema.ErrSchemaBehind)
		require.ErrorContains(t, err, "is being applied now")

		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
		// Nobody helps the backend along: it notices by itself.
		require.NoError(t, waitUntil(ctx, watch, "SELECT NOT EXISTS (SELECT FROM pg_locks AS l "+
			"JOIN pg_database AS d ON d.oid = l.database "+
			"WHERE d.datname = current_database() AND l.locktype = 'advisory')"))

		err = schema.CheckVersion(ctx, watch, withDefaults(t), 2)
		require.ErrorIs(t, err, schema.ErrSchemaDirty)
		require.EqualError(t, err, `elevate/schema: schema is dirty: migration 2 of schema "public" was interrupted `+
			`by a killed process or a lost connection; nothing of it remained, and schema.Up applies it again`)

		open()
		require.Equal(t, 0, scan[int](t, watch, "SELECT count(*)::integer FROM gate"))
		require.False(t, scan[bool](t, watch, "SELECT to_regclass('half') IS NOT NULL"))

		var log bytes.Buffer
		cfg := &schema.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		require.NoError(t, schema.UpFiles(ctx, config, cfg, gatedFiles, 2))
		require.Contains(t, log.String(), "a migration was interrupted")
		require.Equal(t, 1, scan[int](t, watch, "SELECT count(*)::integer FROM gate"))
		require.NoError(t, schema.CheckVersion(ctx, watch, withDefaults(t), 2))
	})

	// The server ends the session of a real migration.
	t.Run("BackendTerminated", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		watch := connect(t, config)
		require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, 1))
		before := catalog(t, watch, "public")
		open := gate(t, config, 1, schema.FS, "users")

		var migrator errgroup.Group
		migrator.Go(func() error { return schema.Up(ctx, config, nil) })
		require.NoError(t, waitUntil(ctx, watch, blocked))
		execute(t, watch, `
			SELECT pg_terminate_backend(l.pid, 10000)
			FROM pg_locks AS l
			JOIN pg_database AS d ON d.oid = l.database
			WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted`)
		require.ErrorContains(t, migrator.Wait(), "000002_")

		err := schema.Check(ctx, watch, nil)
		require.ErrorIs(t, err, schema.ErrSchemaDirty)
		require.ErrorContains(t, err, "migration 2")
		open()
		require.Equal(t, before, catalog(t, watch, "public"))
		require.NoError(t, schema.Up(ctx, config, nil))
		require.NoError(t, schema.Check(ctx, watch, nil))
	})

	t.Run("DownAfterKill", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		conn := connect(t, config)
		before := outside(t, conn)
		require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, 1))
		execute(t, conn, "UPDATE elevate_schema_migrations SET version = 2, dirty = TRUE")
		require.NoError(t, schema.Down(ctx, config, 0, nil))
		require.Equal(t, before, outside(t, conn))
	})

	t.Run("FirstMigrationKilled", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		conn := connect(t, config)
		execute(t, conn, "CREATE TABLE elevate_schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)")
		execute(t, conn, "INSERT INTO elevate_schema_migrations (version, dirty) VALUES (1, TRUE)")
		require.ErrorIs(t, schema.Check(ctx, conn, nil), schema.ErrSchemaDirty)
		require.NoError(t, schema.Up(ctx, config, nil))
		require.NoError(t, schema.Check(ctx, conn, nil))
	})

	// A downward file is not marked, because until it commits nothing changed.
	t.Run("DownTerminated", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		open := gate(t, config, 2, gatedFiles, "gate")
		watch := connect(t, config)
		var migrator errgroup.Group
		migrator.Go(func() error { return schema.DownFiles(ctx, config, nil, gatedFiles, 1) })
		require.NoError(t, waitUntil(ctx, watch, blocked))
		execute(t, watch, `
			SELECT pg_terminate_backend(l.pid)
			FROM pg_locks AS l
			JOIN pg_database AS d ON d.oid = l.database
			WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted`)
		require.ErrorContains(t, migrator.Wait(), "000002_pass_gate.down.sql")
		require.NoError(t, schema.CheckVersion(ctx, watch, withDefaults(t), 2))
		open()
		require.NoError(t, schema.DownFiles(ctx, config, nil, gatedFiles, 1))
		require.Equal(t, int64(1), scan[int64](t, watch, "SELECT version FROM elevate_schema_migrations WHERE NOT dirty"))
	})

	// A file that fails by itself leaves the version before it, and no mark.
	t.Run("FileFails", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		watch := connect(t, config)
		broken := fstest.MapFS{
			"000001_a.up.sql":   {Data: []byte("CREATE TABLE a (id integer);\n")},
			"000001_a.down.sql": {Data: []byte("DROP TABLE a;\n")},
			"000002_b.up.sql":   {Data: []byte("-- Größe\nCREATE TABLE b (id integer);\nSELECT nonsense;\n")},
			"000002_b.down.sql": {Data: []byte("DROP TABLE b;\n")},
			"000003_c.up.sql":   {Data: []byte("CREATE TABLE c (id integer);\n")},
			"000003_c.down.sql": {Data: []byte("DROP TABLE c;\n")},
		}
		err := schema.UpFiles(ctx, config, nil, broken, 3)
		require.ErrorContains(t, err, "apply 000002_b.up.sql: line 3: ")
		err = schema.CheckVersion(ctx, watch, withDefaults(t), 3)
		require.ErrorIs(t, err, schema.ErrSchemaBehind)
		require.ErrorContains(t, err, "is at version 1")
		require.Equal(t, []string{"a"}, column[string](t, watch, `
			SELECT relname::text FROM pg_class
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND length(relname) = 1`))

		broken["000002_b.up.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE b (id integer);\n")}
		require.NoError(t, schema.UpFiles(ctx, config, nil, broken, 3))
	})

	t.Run("Cancelled", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		open := gate(t, config, 1, gatedFiles, "gate")
		watch := connect(t, config)
		stoppable, stop := context.WithCancel(ctx)
		defer stop()
		var migrator errgroup.Group
		migrator.Go(func() error { return schema.UpFiles(stoppable, config, nil, gatedFiles, 2) })
		require.NoError(t, waitUntil(ctx, watch, blocked))
		stop()
		require.ErrorIs(t, migrator.Wait(), context.Canceled)

		// It has returned: the session has let go, and the gate is still shut.
		require.False(t, scan[bool](t, watch, blocked))
		err := schema.CheckVersion(ctx, watch, withDefaults(t), 2)
		require.ErrorIs(t, err, schema.ErrSchemaBehind)
		open()
		require.NoError(t, schema.UpFiles(ctx, config, nil, gatedFiles, 2))
	})

	t.Run("CancelledWhileWaiting", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		config := newDatabase(t)
		open := gate(t, config, 1, gatedFiles, "gate")
		watch := connect(t, config)
		var first, second errgroup.Group
		first.Go(func() error { return schema.UpFiles(ctx, config, nil, gatedFiles, 2) })
		require.NoError(t, waitUntil(ctx, watch, blocked))

		var log lockedBuffer
		cfg := &schema.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		stoppable, stop := context.WithCancel(ctx)
		defer stop()
		second.Go(func() error { return schema.UpFiles(stoppable, config, cfg, gatedFiles, 2) })
		require.NoError(t, waitUntil(ctx, watch, `
			SELECT EXISTS (
				SELECT
				FROM pg_locks AS l
				JOIN pg_database AS d ON d.oid = l.database
				WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted
			)`))
		require.Contains(t, log.String(), "waiting for another migrator")
		stop()
		require.ErrorIs(t, second.Wait(), context.Canceled)
		open()
		require.NoError(t, first.Wait())
	})

	t.Run("CancelledBefore", func(t *testing.T) {
		t.Parallel()
		ctx := patience(t)
		cancelled, stop := context.WithCancel(ctx)
		stop()
		config := newDatabase(t)
		require.ErrorIs(t, schema.Up(cancelled, config, nil), context.Canceled)
		require.ErrorIs(t, schema.Down(cancelled, config, 0, nil), context.Canceled)
	})
}

func withDefaults(t *testing.T) *schema.Config {
	t.Helper()
	config, err := schema.WithDefaults(nil)
	require.NoError(t, err)
	return config
}

// connString writes config out for another process.
func connString(config *pgx.ConnConfig) string {
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s sslmode=disable",
		config.Host, config.Port, config.User, config.Password, config.Database)
}
