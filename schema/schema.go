// Package schema holds the migrations of Elevate's tables and brings a database
// to them, or back.
//
// The migrations live in a schema of their own choosing next to whatever else
// the database holds, and are recorded in the table elevate_schema_migrations
// there. A program migrates before it starts, or lets a deploy step do it, and
// asks [Check] at its start:
//
//	config, err := pgx.ParseConfig(os.Getenv("DATABASE_URL"))
//	…
//	err = schema.Up(ctx, config, nil)
//
// One file is one transaction that also records its version. Whatever happens
// to the process, a file is in the database as a whole or not at all, and
// calling [Up] again goes on from there.
//
// A host with a migrator of its own takes our files by [Export].
package schema

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// FS holds the migrations, NNNNNN_verb_noun.up.sql and .down.sql. Their names
// are unqualified: they run with search_path set to the schema they are for.
//
//go:embed *.sql
var FS embed.FS

// DefaultSchema is where the tables are when [Config] names no schema.
const DefaultSchema = "public"

// VersionTable records the version of the schema it is in, in the form of
// golang-migrate: one row, or none before the first migration.
const VersionTable = "elevate_schema_migrations"

var (
	// ErrSchemaBehind says that migrations of this release are missing, all of
	// them perhaps; [Up] applies them. It is returned by [Check], and by [Down]
	// for a version above the database's own.
	ErrSchemaBehind = errors.New("schema is behind")

	// ErrSchemaAhead says that a newer release has migrated the database. A
	// release works on later versions up to the next minor release, so a caller
	// who rolls a program back within that may go on; migrating is left to the
	// newer release. It is returned by [Check], [Up] and [Down].
	ErrSchemaAhead = errors.New("schema is ahead")

	// ErrSchemaDirty says that the process which applied a migration was killed
	// midway. Nothing of that file remained, and [Up] applies it again. It is
	// returned by [Check]; [Up] and [Down] return it only for a mark that
	// another tool left, which they cannot judge.
	ErrSchemaDirty = errors.New("schema is dirty")
)

// Config says where the tables are and who hears about migrations. A nil
// Config means the defaults.
type Config struct {
	// Logger hears of each migration, of waiting for another migrator and of
	// going on after a killed one. Defaults to none.
	Logger *slog.Logger

	// Schema holds the tables. [Up] creates it where it is missing. Defaults to
	// "public".
	Schema string
}

// withDefaults returns a copy with every field filled.
func (c *Config) withDefaults() (*Config, error) {
	config := Config{}
	if c != nil {
		config = *c
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Schema == "" {
		config.Schema = DefaultSchema
	}
	// PostgreSQL cuts a longer name off, and then two schools share a schema;
	// in a search_path "$user" is whoever is connected, quoted or not.
	if len(config.Schema) > 63 || config.Schema == "$user" || strings.ContainsRune(config.Schema, 0) {
		return nil, fmt.Errorf("elevate/schema: %q is no name for a schema", config.Schema)
	}
	return &config, nil
}

// versionTable is the quoted name of the table that records the version.
func (c *Config) versionTable() string {
	return pgx.Identifier{c.Schema, VersionTable}.Sanitize()
}

// Version is the newest version among the migrations of this release.
func Version() uint {
	files, err := readFiles(FS)
	if err != nil {
		// The files are compiled in and a test reads them.
		panic(err)
	}
	return files.newest()
}

// Up applies every migration that the database lacks.
//
// It opens one connection of its own by a copy of conn, so TLS, passwords and
// fallback hosts are conn's. The connection must reach the server itself, or a
// pooler in session mode: it holds an advisory lock and a search_path. The
// role needs CREATE on the schema, or on the database where the schema is
// missing, and nothing more.
//
// Two calls at once, from any number of processes, wait for each other and
// both succeed. A file that fails leaves nothing behind and the files before it
// in place; the error names file and line. Cancelling ctx stops the running
// file and rolls it back.
//
// It fails with [ErrSchemaAhead] on the database of a newer release.
func Up(ctx context.Context, conn *pgx.ConnConfig, cfg *Config) error {
	return up(ctx, conn, cfg, FS, Version())
}

// Down takes migrations back until the database is at version; 0 takes back
// all, the version table and a schema that [Up] created included. What is in
// the tables that go is lost: the first line of each .down.sql file says what
// its data becomes.
//
// It connects, waits and fails as [Up] does. A database below version is
// [ErrSchemaBehind]; one at version is left as it is.
func Down(ctx context.Context, conn *pgx.ConnConfig, version uint, cfg *Config) error {
	return down(ctx, conn, cfg, FS, version)
}

// Querier is what [Check] reads through: a *pgxpool.Pool, a *pgx.Conn or a
// pgx.Tx.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Check answers whether the database is at this release's version: nil, or
// [ErrSchemaBehind], [ErrSchemaAhead] or [ErrSchemaDirty] with a text that
// names the versions and the way out. It reads only, needs SELECT on the
// version table, and leaves a transaction usable.
func Check(ctx context.Context, q Querier, cfg *Config) error {
	config, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	return check(ctx, q, config, Version())
}

func check(ctx context.Context, q Querier, config *Config, newest uint) error {
	// Asked first, because reading a missing table would abort the caller's
	// transaction.
	var exists bool
	err := q.QueryRow(ctx, `SELECT to_regclass($1::text) IS NOT NULL`, config.versionTable()).Scan(&exists)
	if err != nil {
		return fmt.Errorf("elevate/schema: look for %s: %w", config.versionTable(), err)
	}
	if !exists {
		return fmt.Errorf("elevate/schema: %w: schema %q holds no Elevate tables, "+
			"this release needs version %d; run schema.Up", ErrSchemaBehind, config.Schema, newest)
	}

	at, err := readVersion(ctx, q, config)
	if err != nil {
		return err
	}
	if at.dirty && at.version <= int64(newest) {
		running, err := migratorRunning(ctx, q, config)
		if err != nil {
			return err
		}
		// Read again: a migrator may have ended between the two questions.
		if !running {
			if at, err = readVersion(ctx, q, config); err != nil {
				return err
			}
		}
		switch {
		case at.dirty && running:
			return fmt.Errorf("elevate/schema: %w: migration %d of schema %q is being applied now, "+
				"this release needs version %d", ErrSchemaBehind, at.version, config.Schema, newest)
		case at.dirty:
			return fmt.Errorf("elevate/schema: %w: migration %d of schema %q was interrupted "+
				"by a killed process or a lost connection; nothing of it remained, and schema.Up applies it again",
				ErrSchemaDirty, at.version, config.Schema)
		}
	}
	switch {
	case at.version < int64(newest):
		return fmt.Errorf("elevate/schema: %w: schema %q is at version %d, this release needs %d; run schema.Up",
			ErrSchemaBehind, config.Schema, max(at.version, 0), newest)
	case at.version > int64(newest):
		return errAhead(config, at.version, newest)
	}
	return nil
}

func errAhead(config *Config, version int64, newest uint) error {
	return fmt.Errorf("elevate/schema: %w: schema %q is at version %d, "+
		"this release knows migrations up to %d; run a newer release", ErrSchemaAhead, config.Schema, version, newest)
}

// recorded is the row of the version table; nilVersion stands for no row.
type recorded struct {
	version int64
	dirty   bool
}

func readVersion(ctx context.Context, q Querier, config *Config) (recorded, error) {
	var at recorded
	err := q.QueryRow(ctx, `SELECT version, dirty FROM `+config.versionTable()+` ORDER BY version DESC LIMIT 1`).
		Scan(&at.version, &at.dirty)
	if errors.Is(err, pgx.ErrNoRows) {
		return recorded{version: nilVersion}, nil
	}
	if err != nil {
		return recorded{}, fmt.Errorf("elevate/schema: read %s: %w", config.versionTable(), err)
	}
	return at, nil
}

// migratorRunning tells a file that is being applied from one that a killed
// process left: a living migrator holds the lock.
func migratorRunning(ctx context.Context, q Querier, config *Config) (bool, error) {
	var database string
	if err := q.QueryRow(ctx, `SELECT current_database()::text`).Scan(&database); err != nil {
		return false, fmt.Errorf("elevate/schema: read the database's name: %w", err)
	}
	key, err := lockKey(database, config)
	if err != nil {
		return false, err
	}
	var running bool
	err = q.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_catalog.pg_locks AS l
			JOIN pg_catalog.pg_database AS d ON d.oid = l.database
			WHERE l.locktype = 'advisory'
				AND d.datname = current_database()
				AND l.classid::bigint = $1::bigint >> 32
				AND l.objid::bigint = $1::bigint & 4294967295
				AND l.objsubid = 1
				AND l.granted
		)`, key).Scan(&running)
	if err != nil {
		return false, fmt.Errorf("elevate/schema: look for a running migrator: %w", err)
	}
	return running, nil
}

// file is one migration: up and down are the names of its two files.
type file struct {
	version  uint
	up, down string
}

// files are the migrations by rising version.
type files []file

func (f files) newest() uint {
	return f[len(f)-1].version
}

// before is the version that stands once version is taken back.
func (f files) before(version int64) (int64, bool) {
	previous := nilVersion
	for _, m := range f {
		if int64(m.version) == version {
			return previous, true
		}
		previous = int64(m.version)
	}
	return 0, false
}

func (f files) find(version int64) (file, bool) {
	for _, m := range f {
		if int64(m.version) == version {
			return m, true
		}
	}
	return file{}, false
}

// readFiles lists the migrations of fsys. Every one has both directions.
func readFiles(fsys fs.FS) (files, error) {
	names, err := fs.Glob(fsys, "*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("elevate/schema: list migrations: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("elevate/schema: no migrations")
	}
	var list files
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("elevate/schema: migration %s has no number: %w", name, err)
		}
		back := strings.TrimSuffix(name, ".up.sql") + ".down.sql"
		if _, err := fs.Stat(fsys, back); err != nil {
			return nil, fmt.Errorf("elevate/schema: migration %s has no way back: %w", name, err)
		}
		list = append(list, file{version: uint(version), up: name, down: back})
	}
	return list, nil
}
