package schema_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/elevateforhumanity/elevate/internal/pgserver"
)

// serverURL is the server that all tests of the package share.
var serverURL string

func TestMain(m *testing.M) {
	// A test that kills a migrator starts this binary again as the victim.
	if url := os.Getenv(victimEnv); url != "" {
		os.Exit(victim(url))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	server, err := pgserver.Start(context.Background(), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	serverURL = server.URL
	before := goleak.IgnoreCurrent()
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(before); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// newDatabase creates an empty database that lives as long as the test, or, so
// that one can look, longer when the test fails. Its sessions are in an odd
// time zone: whoever forgets zones is found out.
func newDatabase(t testing.TB) *pgx.ConnConfig {
	t.Helper()
	ctx := context.Background()
	name := "elevate_schema_" + strings.ToLower(rand.Text())
	admin := connect(t, parse(t, serverURL))
	_, err := admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	require.NoError(t, err)
	config := parse(t, serverURL)
	config.Database = name
	config.RuntimeParams["timezone"] = "Canada/Newfoundland"
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("kept for a look: database %s of %s:%d", name, config.Host, config.Port)
			return
		}
		_, err := connect(t, parse(t, serverURL)).Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		require.NoError(t, err)
	})
	return config
}

func parse(t testing.TB, url string) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	return config
}

func connect(t testing.TB, config *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// execute runs statements without arguments.
func execute(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	_, err := conn.Exec(context.Background(), sql)
	require.NoError(t, err, sql)
}

// scan reads one value.
func scan[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, conn.QueryRow(context.Background(), sql, args...).Scan(&value), sql)
	return value
}

// column reads one column.
func column[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql, args...)
	require.NoError(t, err, sql)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return values
}

// waitUntil asks the server until the answer is true: no test sleeps.
func waitUntil(ctx context.Context, conn *pgx.Conn, sql string) error {
	for {
		var yes bool
		if err := conn.QueryRow(ctx, sql).Scan(&yes); err != nil {
			return fmt.Errorf("wait until %s: %w", sql, err)
		}
		if yes {
			return nil
		}
		if _, err := conn.Exec(ctx, "SELECT pg_sleep(0.01)"); err != nil {
			return fmt.Errorf("wait until %s: %w", sql, err)
		}
	}
}
