package elevate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate/db"
	"github.com/elevateforhumanity/elevate/internal/hashcost"
)

// Config changes what [New] does by default. The zero value, and a nil *Config,
// mean the defaults.
type Config struct {
	// Listen opens a connection for [Store.Subscribe] to keep, which closes it. A
	// host whose pool goes through PgBouncer in transaction mode passes it by
	// here: a LISTEN needs a session. Defaults to a connection with the pool's
	// configuration, outside of the pool.
	Listen func(ctx context.Context) (*pgx.Conn, error)

	// Logger gets a record for each retry, each unknown outcome and each lost
	// connection of a subscription, never what a person typed. Defaults to a
	// logger that discards.
	Logger *slog.Logger

	// MaxAttempts is how often an operation outside a caller's transaction, or
	// the function given to [Store.InTx], is tried when it meets a
	// serialization failure, a deadlock, a lock timeout, an internal error of
	// the server's multixact bookkeeping, or a connection that was lost before
	// anything was sent. 1 turns retries off. Defaults to 5.
	MaxAttempts int

	// Messages are the texts of notifications, by type; types that are missing
	// keep their default. They are stored as they are written, so a host that
	// speaks several languages makes a Store for each of them, on one pool, and
	// takes the one of the person who is notified; or it shows texts of its own,
	// by [Notification.Type]. Defaults to English texts.
	Messages map[NotificationType]Message

	// PasswordCost is the bcrypt cost of new hashes, 12 to 15: each step doubles
	// the time. A sign-in rehashes a password whose hash is cheaper. Defaults to
	// 12. Only the test kit may go lower.
	PasswordCost int

	// Schema is the PostgreSQL schema that holds the tables. It is quoted as it
	// stands, so its case matters. Defaults to "public".
	Schema string

	// SearchLanguage is that of new courses and of searches that name none:
	// english, german or another of PostgreSQL's own text search configurations,
	// or simple, which cuts no endings and suits other languages that put spaces
	// between words. Defaults to "english".
	SearchLanguage string

	// SessionIdle is how long a session lasts without use. It may end up to a tenth
	// of that sooner, because not every use is written down. Defaults to 7 days.
	SessionIdle time.Duration

	// SessionLifetime is how long after the sign-in a session ends, used or not.
	// Defaults to 30 days.
	SessionLifetime time.Duration

	// SessionLimit is how many sessions a person may have at once, at most 100;
	// one more ends the oldest. Defaults to 10.
	SessionLimit int
}

const (
	defaultSessionIdle     = 7 * 24 * time.Hour
	defaultSessionLifetime = 30 * 24 * time.Hour
	defaultSessionLimit    = 10

	mostSessions = 100

	defaultSearchLanguage = "english"

	dearestPasswordCost = 15
)

// maxIdentifier is the length in bytes at which PostgreSQL cuts a name short.
const maxIdentifier = 63

// Tx is what a [Store] needs of a connection that is inside a transaction. A
// [pgx.Tx] and a [pgx.Conn] have it.
type Tx interface {
	db.DBTX
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Store is where all operations are methods. It is made by [New], safe for
// concurrent use and cheap to copy: [Store.As] and [Store.WithTx] return bound
// copies, and all copies share one pool and one configuration.
//
// A Store acts as a visitor until [Store.As] says otherwise.
type Store struct {
	core  *core
	tx    Tx // the caller's transaction, or nil
	actor Actor
}

// core is what all copies of a Store share.
type core struct {
	pool         *pgxpool.Pool // nil for hosts that only ever use WithTx
	listen       func(ctx context.Context) (*pgx.Conn, error)
	schema       schemaName
	logger       *slog.Logger
	lookEvery    time.Duration
	maxAttempts  int
	messages     map[NotificationType]Message
	passwordCost int
	hashing      *workers

	searchLanguage string

	sessionIdle     time.Duration
	sessionLifetime time.Duration
	sessionLimit    int
}

// New makes a Store on a pool. It checks the configuration and never dials. A
// nil pool is for hosts that only ever use [Store.WithTx]; any other operation
// on such a Store is ErrNoPool.
//
// Errors: *ValidationError.
func New(pool *pgxpool.Pool, cfg *Config) (*Store, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	core := &core{
		pool:        pool,
		listen:      cfg.Listen,
		logger:      cfg.Logger,
		lookEvery:   lookEvery,
		maxAttempts: cfg.MaxAttempts,
		messages:    defaultMessages(),
		hashing:     newWorkers(runtime.GOMAXPROCS(0)),

		passwordCost:    cmp.Or(cfg.PasswordCost, hashcost.Default),
		searchLanguage:  cmp.Or(cfg.SearchLanguage, defaultSearchLanguage),
		sessionIdle:     cmp.Or(cfg.SessionIdle, defaultSessionIdle),
		sessionLifetime: cmp.Or(cfg.SessionLifetime, defaultSessionLifetime),
		sessionLimit:    cmp.Or(cfg.SessionLimit, defaultSessionLimit),
	}
	if core.logger == nil {
		core.logger = slog.New(slog.DiscardHandler)
	}
	if core.maxAttempts == 0 {
		core.maxAttempts = 5
	}
	schema := cfg.Schema
	if schema == "" {
		schema = "public"
	}
	for kind, message := range cfg.Messages {
		if err := message.validate(kind); err != nil {
			return nil, fmt.Errorf("elevate: new: %w", err)
		}
	}
	maps.Copy(core.messages, cfg.Messages)
	err := errors.Join(
		within("MaxAttempts", core.maxAttempts, 1, 100),
		within("PasswordCost", core.passwordCost, hashcost.Least(), dearestPasswordCost),
		text("Schema", schema, 1, maxIdentifier),
		language("SearchLanguage", core.searchLanguage),
		age("SessionIdle", core.sessionIdle),
		age("SessionLifetime", core.sessionLifetime),
		within("SessionLimit", core.sessionLimit, 1, mostSessions),
	)
	switch {
	case err != nil:
	case len(schema) > maxIdentifier:
		err = invalid("Schema", "is longer than 63 bytes")
	case schema == "$user":
		err = invalid("Schema", "names no schema, quoted as it is")
	}
	if err != nil {
		return nil, fmt.Errorf("elevate: new: %w", err)
	}
	core.schema.place(schema)
	return &Store{core: core}, nil
}

// As returns a copy of the Store that acts as the given actor.
func (s *Store) As(actor Actor) *Store {
	bound := *s
	bound.actor = actor
	return &bound
}

// WithTx returns a copy of the Store whose operations run in the transaction
// that the caller has begun on tx. Nothing is committed, rolled back or retried
// there, and a refusal leaves the transaction usable.
//
// The operations are made for READ COMMITTED. Under REPEATABLE READ and
// SERIALIZABLE a lost race is SQLSTATE 40001, and the retry is the caller's, of
// the whole transaction; an operation that locks first and then looks, as
// [Store.Unenroll] does, does not see there what was committed while it waited.
//
// A tx that is not in a transaction is a mistake that PostgreSQL cannot always
// see: each operation would then be a transaction of its own.
func (s *Store) WithTx(tx Tx) *Store {
	bound := *s
	bound.tx = tx
	return &bound
}

// rollbackTimeout bounds the rollback that follows a failure. It has a context
// of its own, because the failure may be that the caller's is cancelled.
const rollbackTimeout = 5 * time.Second

// InTx runs fn in one READ COMMITTED transaction and commits when it returns
// nil. The store that fn gets is bound to the transaction; name it store, so
// that the outer one is out of reach. When the transaction meets a
// serialization failure, a deadlock or a lock timeout, it is rolled back and fn
// runs again, so fn must have no effects outside the transaction.
//
// On a Store that is bound to a transaction already, InTx is a savepoint: an
// error from fn undoes what fn did and nothing else, and there are no retries.
//
// Errors: what fn returns; ErrCommitUnknown when the connection was lost during
// the commit; ErrNoPool.
func (s *Store) InTx(ctx context.Context, fn func(store *Store) error) error {
	if s.tx != nil {
		return s.inSavepoint(ctx, fn)
	}
	if s.core.pool == nil {
		return fmt.Errorf("elevate: in transaction: %w", ErrNoPool)
	}
	return s.core.retry(ctx, func() error {
		// READ COMMITTED whatever the role's default is: the operations count
		// on it.
		tx, err := s.core.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
		if err != nil {
			return fmt.Errorf("elevate: begin: %w", err)
		}
		defer func() { _ = undo(ctx, tx.Rollback) }() // no-op after the commit; runs on a panic too
		if err := fn(s.WithTx(tx)); err != nil {
			return err
		}
		if err := tx.Commit(ctx); err != nil {
			if outcomeUnknown(err) {
				err = &unknownOutcomeError{cause: err}
			}
			return fmt.Errorf("elevate: commit: %w", err)
		}
		return nil
	})
}

// inSavepoint needs one name only: a savepoint hides an outer one of its name
// until it is released.
func (s *Store) inSavepoint(ctx context.Context, fn func(store *Store) error) (err error) {
	if _, err := s.tx.Exec(ctx, "SAVEPOINT elevate_in_tx"); err != nil {
		return fmt.Errorf("elevate: begin savepoint: %w", err)
	}
	done := false
	defer func() {
		if !done {
			_ = undo(ctx, s.rollBackToSavepoint)
		}
	}()
	if err := fn(s); err != nil {
		return err
	}
	done = true
	if _, err := s.tx.Exec(ctx, "RELEASE SAVEPOINT elevate_in_tx"); err != nil {
		return fmt.Errorf("elevate: release savepoint: %w", err)
	}
	return nil
}

func (s *Store) rollBackToSavepoint(ctx context.Context) error {
	_, err := s.tx.Exec(ctx, "ROLLBACK TO SAVEPOINT elevate_in_tx")
	if err == nil {
		_, err = s.tx.Exec(ctx, "RELEASE SAVEPOINT elevate_in_tx")
	}
	return err
}

// undo runs a rollback that outlives the caller's context.
func undo(ctx context.Context, rollback func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	return rollback(ctx)
}

// newID makes the id of a row. Time-ordered, so that rows made together lie on
// few pages of an index.
func newID() uuid.UUID {
	return uuid.Must(uuid.NewV7()) // fails only when the system has no randomness
}

// newIDs makes n ids, in ascending order.
func newIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = newID()
	}
	return ids
}

// reader is the accessors of a read: one query, on the pool or in the caller's
// transaction.
func (s *Store) reader() *db.Queries {
	return db.New(placedReader{s})
}

// placedReader is the db.DBTX of a read.
type placedReader struct {
	store *Store
}

func (r placedReader) conn() db.DBTX {
	switch {
	case r.store.tx != nil:
		return r.store.tx
	case r.store.core.pool != nil:
		return r.store.core.pool
	default:
		return nil
	}
}

// Exec is here for the interface: no read uses it.
func (r placedReader) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errSent
}

func (r placedReader) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn := r.conn()
	if conn == nil {
		return nil, ErrNoPool
	}
	rows, err := conn.Query(ctx, r.store.core.schema.qualify(sql), args...)
	if err != nil {
		return nil, err
	}
	return utcRows{rows}, nil
}

func (r placedReader) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	conn := r.conn()
	if conn == nil {
		return pipelineRow{err: ErrNoPool}
	}
	return utcRow{conn.QueryRow(ctx, r.store.core.schema.qualify(sql), args...)}
}

// utcRows and utcRow read times in UTC: pgx reads them in the zone of the
// process.
type utcRows struct {
	pgx.Rows
}

func (r utcRows) Scan(dest ...any) error { return scanUTC(r.Rows, dest) }

type utcRow struct {
	row pgx.Row
}

func (r utcRow) Scan(dest ...any) error { return scanUTC(r.row, dest) }

// scanUTC scans a row, or the row that rows are at.
func scanUTC(row pgx.Row, dest []any) error {
	if err := row.Scan(dest...); err != nil {
		return err
	}
	for _, d := range dest {
		switch d := d.(type) {
		case *time.Time:
			*d = d.UTC()
		case **time.Time:
			if *d != nil {
				**d = (*d).UTC()
			}
		}
	}
	return nil
}
