package schema

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// nilVersion is golang-migrate's word for no migration applied.
const nilVersion int64 = -1

// tidyTimeout bounds what is still done once ctx is over: roll back, unlock,
// say goodbye to the server.
const tidyTimeout = 5 * time.Second

// createdComment marks a schema that Up created, so that Down takes back what
// Up made and nothing that was there before.
const createdComment = "Created by Elevate's migrations, which remove it with their last table."

// migrator is one migrating session: a connection of its own that holds the
// lock, and golang-migrate above it.
type migrator struct {
	config  *Config
	driver  *driver
	files   files
	migrate *migrate.Migrate
}

func up(ctx context.Context, conn *pgx.ConnConfig, cfg *Config, fsys fs.FS, target uint) (err error) {
	defer func() { err = stopped(ctx, err) }()
	m, err := open(ctx, conn, cfg, fsys)
	if err != nil {
		return err
	}
	defer m.close()

	if err := m.ensure(ctx); err != nil {
		return err
	}
	at, err := m.heal(ctx)
	if err != nil {
		return err
	}
	for at < int64(target) {
		if at, err = m.step(ctx, at, 1); err != nil {
			return err
		}
	}
	return nil
}

func down(ctx context.Context, conn *pgx.ConnConfig, cfg *Config, fsys fs.FS, target uint) (err error) {
	defer func() { err = stopped(ctx, err) }()
	m, err := open(ctx, conn, cfg, fsys)
	if err != nil {
		return err
	}
	defer m.close()

	floor := int64(target)
	if target == 0 {
		floor = nilVersion
	} else if _, ok := m.files.find(floor); !ok {
		return fmt.Errorf("elevate/schema: there is no version %d to go down to", target)
	}

	_, exists, err := m.exists(ctx)
	if err != nil {
		return err
	}
	at := nilVersion
	if exists {
		if at, err = m.heal(ctx); err != nil {
			return err
		}
	}
	if at < floor {
		return fmt.Errorf("elevate/schema: %w: schema %q is at version %d, which is below %d",
			ErrSchemaBehind, m.config.Schema, max(at, 0), target)
	}
	for at > floor {
		if at, err = m.step(ctx, at, -1); err != nil {
			return err
		}
	}
	if exists && floor == nilVersion {
		return m.remove(ctx)
	}
	return nil
}

// stopped adds the context's own error where the server reports that it was
// asked to stop and pgx does not say by whom.
func stopped(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", err, ctx.Err())
}

// open connects and takes the lock. It creates nothing.
func open(ctx context.Context, conn *pgx.ConnConfig, cfg *Config, fsys fs.FS) (*migrator, error) {
	if conn == nil {
		return nil, errors.New("elevate/schema: no connection configuration")
	}
	config, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	list, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}

	// pgx would close the connection when ctx ends and leave the server to find
	// out. A cancel request stops the file and keeps the connection, so that the
	// rollback and the unlock are done when we return.
	connConfig := conn.Copy()
	connConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	connConfig.BuildContextWatcherHandler = func(pgConn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: pgConn, DeadlineDelay: tidyTimeout}
	}
	connection, err := pgx.ConnectConfig(ctx, connConfig)
	if err != nil {
		return nil, fmt.Errorf("elevate/schema: connect: %w", err)
	}
	m := &migrator{
		config: config,
		driver: &driver{config: config, conn: connection, ctx: ctx, files: list},
		files:  list,
	}
	if err := m.start(ctx, fsys); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *migrator) start(ctx context.Context, fsys fs.FS) error {
	conn := m.driver.conn

	// The files bound their own waiting. What the role's or the database's
	// settings allow a request of the application must not end a migration, and
	// pg_temp comes last so that no temporary table can pose as one of ours.
	// transaction_timeout is not known before PostgreSQL 17.
	_, err := conn.Exec(ctx, `
		SELECT set_config(s.name, v.value, FALSE)
		FROM (
			VALUES
				('default_transaction_isolation', 'read committed'),
				('default_transaction_read_only', 'off'),
				('idle_in_transaction_session_timeout', '0'),
				('idle_session_timeout', '0'),
				('lock_timeout', '0'),
				('search_path', $1::text),
				('statement_timeout', '0'),
				('transaction_timeout', '0')
		) AS v (name, value)
		JOIN pg_catalog.pg_settings AS s ON s.name = v.name`,
		pgx.Identifier{m.config.Schema}.Sanitize()+", pg_temp")
	if err != nil {
		return fmt.Errorf("elevate/schema: prepare the session: %w", err)
	}

	// A backend that waits for a table's lock does not notice that its client
	// was killed, and would go on holding the migrators' lock.
	if _, err := conn.Exec(ctx, `SET client_connection_check_interval = '1s'`); err != nil {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || ctx.Err() != nil {
			return fmt.Errorf("elevate/schema: prepare the session: %w", err)
		}
		m.config.Logger.DebugContext(ctx, "the server cannot watch for a killed migrator", "error", err)
	}

	source, err := iofs.New(fsys, ".")
	if err != nil {
		return fmt.Errorf("elevate/schema: read migrations: %w", err)
	}
	m.migrate, err = migrate.NewWithInstance("iofs", source, "pgx5", m.driver)
	if err != nil {
		return fmt.Errorf("elevate/schema: %w", err)
	}

	var name string
	if err := conn.QueryRow(ctx, `SELECT current_database()::text`).Scan(&name); err != nil {
		return fmt.Errorf("elevate/schema: read the database's name: %w", err)
	}
	if m.driver.key, err = lockKey(name, m.config); err != nil {
		return err
	}
	return m.driver.lock(ctx)
}

// close ends the session, and with it the lock.
func (m *migrator) close() {
	if m.migrate == nil {
		_ = m.driver.Close()
		return
	}
	_, _ = m.migrate.Close()
}

// exists says whether the schema and the version table do.
func (m *migrator) exists(ctx context.Context) (schema, table bool, err error) {
	err = m.driver.conn.QueryRow(ctx, `
		SELECT
			EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1::text),
			to_regclass($2::text) IS NOT NULL`,
		m.config.Schema, m.config.versionTable()).Scan(&schema, &table)
	if err != nil {
		return false, false, fmt.Errorf("elevate/schema: look for %s: %w", m.config.versionTable(), err)
	}
	return schema, table, nil
}

// ensure creates the schema and the version table where they are missing. It
// looks first: IF NOT EXISTS asks for the right to create even when it has
// nothing to do.
func (m *migrator) ensure(ctx context.Context) error {
	schema, table, err := m.exists(ctx)
	if err != nil {
		return err
	}
	sql := ""
	if !schema {
		name := pgx.Identifier{m.config.Schema}.Sanitize()
		sql += `CREATE SCHEMA ` + name + `; COMMENT ON SCHEMA ` + name + ` IS '` + quoted(createdComment) + `';`
	}
	if !table {
		sql += versionTableSQL(m.config.versionTable())
	}
	if sql == "" {
		return nil
	}
	if err := m.driver.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql)
		return err
	}); err != nil {
		return fmt.Errorf("elevate/schema: create %s: %w", m.config.versionTable(), err)
	}
	return nil
}

// heal returns the version that the database is at, after clearing the mark
// that a killed migrator left. Only an upward file is ever marked, and only
// its own transaction clears the mark: a mark means that the version before it
// is what stands.
func (m *migrator) heal(ctx context.Context) (int64, error) {
	at, err := readVersion(ctx, m.driver.conn, m.config)
	if err != nil {
		return 0, err
	}
	if at.version > int64(m.files.newest()) {
		return 0, errAhead(m.config, at.version, m.files.newest())
	}
	previous, known := m.files.before(at.version)
	switch {
	case at.version == nilVersion && !at.dirty:
		return nilVersion, nil
	case !known:
		return 0, fmt.Errorf("elevate/schema: %w: %s says version %d, dirty %t, which this package never writes; "+
			"set it to the version that the tables are at", ErrSchemaDirty, m.config.versionTable(), at.version, at.dirty)
	case !at.dirty:
		return at.version, nil
	}
	m.config.Logger.WarnContext(ctx,
		"a migration was interrupted; nothing of it remained, going on from the version before",
		"interrupted", at.version, "schema", m.config.Schema, "version", max(previous, 0))
	if err := m.driver.replace(ctx, previous, false); err != nil {
		return 0, err
	}
	return previous, nil
}

// step applies one file up (by 1) or down (by -1) and returns the version
// reached. One at a time, because golang-migrate reads ahead in goroutines that
// never end when a file fails before their turn.
func (m *migrator) step(ctx context.Context, at int64, by int) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("elevate/schema: stopped at version %d: %w", max(at, 0), err)
	}
	if err := m.migrate.Steps(by); err != nil {
		return 0, fmt.Errorf("elevate/schema: %w", err)
	}
	reached, err := readVersion(ctx, m.driver.conn, m.config)
	if err != nil {
		return 0, err
	}
	return reached.version, nil
}

// remove takes away what ensure made.
func (m *migrator) remove(ctx context.Context) error {
	err := m.driver.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DROP TABLE `+m.config.versionTable()); err != nil {
			return err
		}
		var ours bool
		err := tx.QueryRow(ctx, `
			SELECT coalesce(obj_description(n.oid, 'pg_namespace') = $2::text, FALSE)
			FROM pg_catalog.pg_namespace AS n
			WHERE n.nspname = $1::text`, m.config.Schema, createdComment).Scan(&ours)
		if err != nil || !ours {
			return err
		}
		// A host may have put things of its own beside ours: then it stays.
		err = pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error {
			_, err := savepoint.Exec(ctx, `DROP SCHEMA `+pgx.Identifier{m.config.Schema}.Sanitize())
			return err
		})
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "2BP01" {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("elevate/schema: remove %s: %w", m.config.versionTable(), err)
	}
	return nil
}
