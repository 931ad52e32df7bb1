// Schemagen writes what the code and the docs say about the schema from the
// catalog of a freshly migrated database: db/constraint_names.go, the names of
// all constraints, and docs/schema.md, the diagram. It takes PostgreSQL as tests
// do and is run from the root of the repository. What it writes is the same on
// every major version.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/internal/pgserver"
	"github.com/elevateforhumanity/elevate/schema"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, ".", os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, stderr io.Writer) (err error) {
	server, err := pgserver.Start(ctx, stderr)
	if err != nil {
		return fmt.Errorf("find a server: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	tables, constraints, err := readMigrated(ctx, server.URL)
	if err != nil {
		return err
	}
	names, err := constantsFile(constraints)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"db/constraint_names.go": names,
		"docs/schema.md":         diagramFile(tables),
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// readMigrated reads the catalog of a database that lives only for that.
func readMigrated(ctx context.Context, url string) (tables []table, constraints []constraint, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, fmt.Errorf("parse the server's URL: %w", err)
	}
	admin, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	// Also an interrupted run leaves no database behind.
	tidy := context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, admin.Close(tidy)) }()

	scratch := config.Copy()
	scratch.Database = "elevate_schemagen_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+scratch.Database+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return nil, nil, fmt.Errorf("create a database: %w", err)
	}
	defer func() {
		_, dropErr := admin.Exec(tidy, "DROP DATABASE "+scratch.Database+" WITH (FORCE)")
		err = errors.Join(err, dropErr)
	}()

	if err := schema.Up(ctx, scratch, nil); err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, scratch)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(tidy)) }()
	if tables, err = readTables(ctx, conn); err != nil {
		return nil, nil, err
	}
	if constraints, err = readConstraints(ctx, conn); err != nil {
		return nil, nil, err
	}
	return tables, constraints, nil
}
