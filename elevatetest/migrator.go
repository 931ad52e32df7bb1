package elevatetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/peterldowns/pgtestdb"

	"github.com/elevateforhumanity/elevate/schema"
)

// migrator brings a template database to our migrations and then to the host's.
type migrator struct {
	host   pgtestdb.Migrator // nil for none
	major  int
	schema string
}

// Hash names the template: everything that makes a database different from
// another is in it. The server's major version is, because a data directory
// that was upgraded brings its old templates along.
func (m *migrator) Hash() (string, error) {
	hash := sha256.New()
	// The length before each part keeps ("ab", "c") and ("a", "bc") apart.
	add := func(part string) { _, _ = fmt.Fprintf(hash, "%d:%s", len(part), part) }

	names, err := fs.Glob(schema.FS, "*.sql") // sorted
	if err != nil {
		return "", fmt.Errorf("elevate/elevatetest: list the migrations: %w", err)
	}
	for _, name := range names {
		text, err := schema.FS.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("elevate/elevatetest: read migration %s: %w", name, err)
		}
		add(name)
		add(string(text))
	}
	add(m.schema)
	add(fmt.Sprint(m.major))
	if m.host != nil {
		host, err := m.host.Hash()
		if err != nil {
			return "", fmt.Errorf("elevate/elevatetest: hash of the host's migrations: %w", err)
		}
		add(host)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (m *migrator) Migrate(ctx context.Context, db *sql.DB, conf pgtestdb.Config) error {
	config, err := pgx.ParseConfig(conf.URL())
	if err != nil {
		return fmt.Errorf("elevate/elevatetest: parse the URL of the template: %w", err)
	}
	if err := schema.Up(ctx, config, &schema.Config{Schema: m.schema}); err != nil {
		return fmt.Errorf("elevate/elevatetest: migrate the template: %w", err)
	}
	if m.host == nil {
		return nil
	}
	if err := m.host.Migrate(ctx, db, conf); err != nil {
		return fmt.Errorf("elevate/elevatetest: the host's migrations: %w", err)
	}
	return nil
}
