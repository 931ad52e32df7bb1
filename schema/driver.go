package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// driver is golang-migrate's view of the database. Its own pgx driver runs a
// file and records the version in two transactions, so that a mark left by a
// killed process may mean either; it waits for its lock without end and takes
// a connection string of its own.
type driver struct {
	config *Config
	conn   *pgx.Conn
	ctx    context.Context //nolint:containedctx // golang-migrate's interface passes none
	files  files
	key    int64

	// from and to are the step under way; done says that Run has recorded it.
	from, to int64
	done     bool
}

var _ database.Driver = (*driver)(nil)

// lockKey is the key of golang-migrate's own driver, so that its command line,
// pointed at our table, and we keep out of each other's way.
func lockKey(databaseName string, config *Config) (int64, error) {
	id, err := database.GenerateAdvisoryLockId(databaseName, config.Schema, VersionTable)
	if err != nil {
		return 0, fmt.Errorf("elevate/schema: name the lock: %w", err)
	}
	key, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("elevate/schema: name the lock: %w", err)
	}
	return key, nil
}

// Open is not how a driver of ours comes to be.
func (d *driver) Open(string) (database.Driver, error) {
	return nil, errors.New("elevate/schema: opened by configuration only")
}

// Close ends the connection.
func (d *driver) Close() error {
	ctx, cancel := d.tidy()
	defer cancel()
	// The server ends the session, and with it the lock, some time after it was
	// told to; Check would say meanwhile that a migrator is at work.
	_, _ = d.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	if err := d.conn.Close(ctx); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// Lock takes the lock once more: the session has held it since it began, and
// gives it up only by ending, so that no other migrator comes between two
// files.
func (d *driver) Lock() error {
	return d.lock(d.ctx)
}

// lock waits for every other migrator of this schema, for as long as ctx says.
func (d *driver) lock(ctx context.Context) error {
	var free bool
	if err := d.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::bigint)`, d.key).Scan(&free); err != nil {
		return fmt.Errorf("elevate/schema: lock: %w", err)
	}
	if free {
		return nil
	}
	d.config.Logger.InfoContext(ctx, "waiting for another migrator", "schema", d.config.Schema)
	if _, err := d.conn.Exec(ctx, `SELECT pg_advisory_lock($1::bigint)`, d.key); err != nil {
		return fmt.Errorf("elevate/schema: wait for another migrator: %w", err)
	}
	return nil
}

// Unlock undoes Lock. A connection that is lost has lost its locks with it.
func (d *driver) Unlock() error {
	if d.conn.IsClosed() {
		return nil
	}
	ctx, cancel := d.tidy()
	defer cancel()
	if _, err := d.conn.Exec(ctx, `SELECT pg_advisory_unlock($1::bigint)`, d.key); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// SetVersion is called before a file (dirty) and after it (not dirty).
//
// Before, it marks an upward step, so that [Check] can say what was interrupted
// instead of leaving a guess. A downward step is not marked: until it commits,
// the version it starts from is the truth. After, there is nothing left to do,
// because Run has recorded the version together with the file.
func (d *driver) SetVersion(version int, dirty bool) error {
	if !dirty {
		if d.done && d.to == int64(version) {
			return nil
		}
		return d.replace(d.ctx, int64(version), false)
	}
	at, err := readVersion(d.ctx, d.conn, d.config)
	if err != nil {
		return err
	}
	d.from, d.to, d.done = at.version, int64(version), false
	if d.to < d.from {
		return nil
	}
	return d.replace(d.ctx, d.to, true)
}

// Run applies a file and records its version in one transaction.
func (d *driver) Run(migration io.Reader) error {
	content, err := io.ReadAll(migration)
	if err != nil {
		return fmt.Errorf("read migration: %w", err)
	}
	name := d.fileName()
	err = d.inTx(d.ctx, func(tx pgx.Tx) error {
		// Without arguments pgx sends the text as one simple query, so a file
		// holds any number of statements.
		if _, err := tx.Exec(d.ctx, string(content)); err != nil {
			return explain(err, name, string(content))
		}
		_, err := tx.Exec(d.ctx, replaceSQL(d.config.versionTable(), d.to, false))
		return err
	})
	if err == nil {
		d.done = true
		d.config.Logger.InfoContext(d.ctx, "migration applied", "file", name, "schema", d.config.Schema)
		return nil
	}

	// A file that failed, and did not die, left nothing to heal.
	if d.to > d.from && !d.conn.IsClosed() {
		ctx, cancel := d.tidy()
		defer cancel()
		err = errors.Join(err, d.replace(ctx, d.from, false))
	}
	return fmt.Errorf("apply %s: %w", name, err)
}

// Version is the recorded version.
func (d *driver) Version() (version int, dirty bool, err error) {
	at, err := readVersion(d.ctx, d.conn, d.config)
	return int(at.version), at.dirty, err
}

// Drop would delete tables that are not ours; nothing here calls it.
func (d *driver) Drop() error {
	return errors.New("elevate/schema: dropping everything is not supported")
}

// tidy is a context for what must be done after ctx is over.
func (d *driver) tidy() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(d.ctx), tidyTimeout)
}

// inTx is a transaction whatever the role's defaults are, rolled back also
// when ctx is over.
func (d *driver) inTx(ctx context.Context, work func(tx pgx.Tx) error) error {
	tx, err := d.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := work(tx); err != nil {
		tidy, cancel := d.tidy()
		defer cancel()
		_ = tx.Rollback(tidy)
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// replace records version in a transaction of its own: a simple query with two
// statements is one.
func (d *driver) replace(ctx context.Context, version int64, dirty bool) error {
	if _, err := d.conn.Exec(ctx, replaceSQL(d.config.versionTable(), version, dirty)); err != nil {
		return fmt.Errorf("record version %d: %w", max(version, 0), err)
	}
	return nil
}

// fileName names the file of the step under way.
func (d *driver) fileName() string {
	if d.to > d.from {
		f, _ := d.files.find(d.to)
		return f.up
	}
	f, _ := d.files.find(d.from)
	return f.down
}

// versionTableSQL creates the version table, given its quoted name.
func versionTableSQL(table string) string {
	return "CREATE TABLE " + table + " (\n" +
		"    version bigint NOT NULL,\n" +
		"    dirty boolean NOT NULL,\n" +
		"    CONSTRAINT " + VersionTable + "_pkey PRIMARY KEY (version)\n" +
		");\n"
}

// replaceSQL records version. DELETE, not TRUNCATE, whose lock would keep
// [Check] waiting for the rest of the file's transaction.
func replaceSQL(table string, version int64, dirty bool) string {
	sql := "DELETE FROM " + table + ";\n"
	if version == nilVersion {
		return sql
	}
	return sql + fmt.Sprintf("INSERT INTO %s (version, dirty)\nVALUES (%d, %s);\n",
		table, version, strings.ToUpper(strconv.FormatBool(dirty)))
}

// explain adds to a failed file's error where it failed, and in the commonest
// case why.
func explain(err error, name, content string) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Detail != "" {
		err = fmt.Errorf("%w: %s", err, refused.Detail)
	}
	if line := lineAt(content, int(refused.Position)); line > 0 {
		err = fmt.Errorf("line %d: %w", line, err)
	}
	if strings.HasPrefix(name, "000001_") && (refused.Code == "42P07" || refused.Code == "42710") {
		err = fmt.Errorf("%w: the schema already holds tables of these names; "+
			"choose another Config.Schema", err)
	}
	return err
}

// lineAt is the line of the position-th character, both counted from 1; 0 when
// the server named none.
func lineAt(content string, position int) int {
	if position < 1 || position > utf8.RuneCountInString(content) {
		return 0
	}
	runes := []rune(content)[:position-1]
	return 1 + strings.Count(string(runes), "\n")
}

// quoted doubles the quotes of a string literal's content.
func quoted(text string) string {
	return strings.ReplaceAll(text, "'", "''")
}
