package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/peterldowns/pgtestdb"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
	"github.com/elevateforhumanity/elevate/internal/golden"
)

// TestRun checks everything that the program prints, twice: an earlier run is no
// obstacle.
func TestRun(t *testing.T) {
	t.Parallel()
	server := elevatetest.New(t)
	name := databaseName + "_" + uuid.NewString()[:8]
	t.Cleanup(func() {
		_, err := server.Pool.Exec(context.WithoutCancel(t.Context()),
			"DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize())
		require.NoError(t, err)
	})
	for range 2 {
		var out strings.Builder
		require.NoError(t, run(t.Context(), server.URL, name, &out))
		golden.Require(t, "testdata/output.txt", out.String())
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), "", databaseName, &strings.Builder{}), "DATABASE_URL")
}

// shopMigrations are the shop's tables, for the template of the tests.
type shopMigrations struct{}

func (shopMigrations) Hash() (string, error) { return shopTables, nil }

func (shopMigrations) Migrate(ctx context.Context, db *sql.DB, _ pgtestdb.Config) error {
	_, err := db.ExecContext(ctx, shopTables)
	return err
}

type shopBundle struct {
	*elevatetest.DB

	ada    elevate.User
	course elevate.Course // 60.00
	shop   *shop
}

// newBundle is a shop with a single connection: whatever keeps one stops the test.
func newBundle(t *testing.T) *shopBundle {
	t.Helper()
	b := &shopBundle{DB: elevatetest.New(t,
		elevatetest.WithSchema(schoolSchema), elevatetest.WithMigrator(shopMigrations{}))}
	config, err := pgx.ParseConfig(b.URL)
	require.NoError(t, err)
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	b.shop, err = newShop(db)
	require.NoError(t, err)

	b.ada = elevatetest.User(t, b.Store)
	b.course, _ = elevatetest.PublishedCourse(t, b.Store, 1, func(p *elevate.CreateCourseParams) { p.Price = 6000 })
	_, err = b.Pool.Exec(t.Context(), `INSERT INTO public.accounts VALUES ($1, 10000)`, b.ada.ID)
	require.NoError(t, err)
	return b
}

// requireHeld counts from a connection of its own, so it sees what is committed.
func (b *shopBundle) requireHeld(t *testing.T, orders, enrollments, credit int) {
	t.Helper()
	var got [3]int
	row := b.Pool.QueryRow(t.Context(), `
		SELECT
			(SELECT count(*) FROM public.orders),
			(SELECT count(*) FROM school.enrollments),
			(SELECT credit FROM public.accounts)`)
	require.NoError(t, row.Scan(&got[0], &got[1], &got[2]))
	require.Equal(t, [3]int{orders, enrollments, credit}, got)
}

// sale is what the tests do in a transaction: a row of the shop's, and one of
// Elevate's.
func (b *shopBundle) sale(ctx context.Context, tx *sql.Tx, store *elevate.Store) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO public.orders (learner_id) VALUES ($1)`, b.ada.ID); err != nil {
		return err
	}
	_, err := store.GrantEnrollment(ctx, elevate.GrantEnrollmentParams{
		UserID: b.ada.ID, CourseID: b.course.ID, Source: "order",
	})
	return err
}

func TestInTx(t *testing.T) {
	t.Parallel()

	t.Run("BothCommit", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		err := inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
			if err := b.sale(t.Context(), tx, store); err != nil {
				return err
			}
			b.requireHeld(t, 0, 0, 10000) // nobody else sees it yet
			return nil
		})
		require.NoError(t, err)
		b.requireHeld(t, 1, 1, 10000)
	})

	t.Run("BothRollBack", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		changed := errors.New("changed their mind")
		err := inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
			if err := b.sale(t.Context(), tx, store); err != nil {
				return err
			}
			return changed
		})
		require.ErrorIs(t, err, changed)
		b.requireHeld(t, 0, 0, 10000)
	})

	t.Run("BothRollBackWhenTheCommitIsRefused", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, err := b.Pool.Exec(t.Context(), `
			ALTER TABLE public.orders
				ADD CONSTRAINT orders_total_key UNIQUE (total) DEFERRABLE INITIALLY DEFERRED`)
		require.NoError(t, err)
		err = inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
			return errors.Join(b.sale(t.Context(), tx, store), b.sale(t.Context(), tx, store)) // two of total 0
		})
		require.ErrorContains(t, err, "commit: ")
		b.requireHeld(t, 0, 0, 10000)
	})

	t.Run("RefusalLeavesItUsable", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		draft := elevatetest.Course(t, b.Store)
		err := inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
			_, err := store.Enroll(t.Context(), b.ada.ID, draft.ID)
			require.ErrorIs(t, err, elevate.ErrNotPublished)
			_, err = store.Enroll(t.Context(), b.ada.ID, b.course.ID)
			require.ErrorIs(t, err, elevate.ErrPaymentRequired)
			return b.sale(t.Context(), tx, store)
		})
		require.NoError(t, err)
		b.requireHeld(t, 1, 1, 10000)
	})

	// SyncUser works in a savepoint of its own.
	t.Run("RefusalInASavepointLeavesItUsable", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		err := inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
			_, err := store.SyncUser(t.Context(), elevate.SyncUserParams{
				ID: uuid.New(), Email: b.ada.Email, Name: "Another",
			})
			require.ErrorIs(t, err, elevate.ErrEmailTaken)
			return b.sale(t.Context(), tx, store)
		})
		require.NoError(t, err)
		b.requireHeld(t, 1, 1, 10000)
	})

	t.Run("PanicReleasesTheConnection", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		require.PanicsWithValue(t, "boom", func() {
			_ = inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
				if err := b.sale(t.Context(), tx, store); err != nil {
					return err
				}
				panic("boom")
			})
		})
		require.Zero(t, b.shop.db.Stats().InUse)
		b.requireHeld(t, 0, 0, 10000)
		require.NoError(t, inTx(t.Context(), b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
			return b.sale(t.Context(), tx, store)
		}))
		b.requireHeld(t, 1, 1, 10000)
	})

	// Whenever the context ends, nothing is committed and the connection is back.
	for name, test := range map[string]func(ctx context.Context, cancel func(), b *shopBundle, tx *sql.Tx, store *elevate.Store) error{
		"CancelledBetweenTheTwo": func(ctx context.Context, cancel func(), b *shopBundle, tx *sql.Tx, store *elevate.Store) error {
			if _, err := tx.ExecContext(ctx, `INSERT INTO public.orders (learner_id) VALUES ($1)`, b.ada.ID); err != nil {
				return err
			}
			cancel()
			_, err := store.Enroll(ctx, b.ada.ID, b.course.ID)
			return err
		},
		"CancelledAndForgotten": func(ctx context.Context, cancel func(), b *shopBundle, tx *sql.Tx, store *elevate.Store) error {
			err := b.sale(ctx, tx, store)
			cancel()
			return err
		},
		// An operation with a context that goes on is still in the transaction.
		"CancelledForSome": func(ctx context.Context, cancel func(), b *shopBundle, tx *sql.Tx, store *elevate.Store) error {
			cancel()
			return b.sale(context.WithoutCancel(ctx), tx, store)
		},
		"CancelledWhileItWaits": func(ctx context.Context, cancel func(), b *shopBundle, tx *sql.Tx, store *elevate.Store) error {
			other, err := b.Pool.Begin(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
			if _, err := other.Exec(ctx, `SELECT FROM school.users WHERE id = $1 FOR UPDATE`, b.ada.ID); err != nil {
				return err
			}
			cancelled := make(chan error, 1)
			go func() { cancelled <- b.whenBlocked(context.WithoutCancel(ctx), cancel) }()
			return errors.Join(b.sale(ctx, tx, store), <-cancelled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := inTx(ctx, b.shop.db, b.shop.store, func(tx *sql.Tx, store *elevate.Store) error {
				return test(ctx, cancel, b, tx, store)
			})
			require.ErrorIs(t, err, context.Canceled)
			require.Zero(t, b.shop.db.Stats().InUse)
			b.requireHeld(t, 0, 0, 10000)

			_, err = b.shop.order(t.Context(), b.ada.ID, b.course.ID)
			require.NoError(t, err)
			b.requireHeld(t, 1, 1, 4000)
		})
	}

	t.Run("CancelledBefore", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := inTx(ctx, b.shop.db, b.shop.store, func(*sql.Tx, *elevate.Store) error {
			return errors.New("began")
		})
		require.ErrorIs(t, err, context.Canceled)
	})

	t.Run("ErrorIfAnotherDriver", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		db := sql.OpenDB(wrapped{b.shop.db.Driver(), b.URL})
		defer func() { require.NoError(t, db.Close()) }()
		err := inTx(t.Context(), db, b.shop.store, func(*sql.Tx, *elevate.Store) error {
			return errors.New("began")
		})
		require.ErrorContains(t, err, "is no connection of pgx")
		require.Zero(t, db.Stats().InUse)
	})
}

// whenBlocked calls cancel once a session of the database waits for a lock.
func (b *shopBundle) whenBlocked(ctx context.Context, cancel func()) error {
	defer cancel() // whatever happens, or the test would wait for ever
	for {
		var blocked bool
		row := b.Pool.QueryRow(ctx, `
			SELECT EXISTS (
				SELECT
				FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event_type = 'Lock'
			)`)
		if err := row.Scan(&blocked); err != nil {
			return fmt.Errorf("look for the blocked session: %w", err)
		}
		if blocked {
			return nil
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()

	t.Run("Sells", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		free, _ := elevatetest.PublishedCourse(t, b.Store, 1)
		number, err := b.shop.order(t.Context(), b.ada.ID, b.course.ID, free.ID)
		require.NoError(t, err)
		b.requireHeld(t, 1, 2, 4000)

		var sources string
		row := b.Pool.QueryRow(t.Context(), `
			SELECT string_agg(source || coalesce(' ' || reference, ''), ', ' ORDER BY source)
			FROM school.enrollments`)
		require.NoError(t, row.Scan(&sources))
		require.Equal(t, fmt.Sprintf("free, order %d", number), sources)
	})

	t.Run("OwnedIsNotPaidAgain", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		for range 2 {
			_, err := b.shop.order(t.Context(), b.ada.ID, b.course.ID, b.course.ID)
			require.NoError(t, err)
		}
		b.requireHeld(t, 2, 1, 4000)
	})

	t.Run("ErrorIfNoCredit", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		dear, _ := elevatetest.PublishedCourse(t, b.Store, 1, func(p *elevate.CreateCourseParams) { p.Price = 4001 })
		_, err := b.shop.order(t.Context(), b.ada.ID, b.course.ID, dear.ID)
		require.ErrorIs(t, err, errNoCredit)
		b.requireHeld(t, 0, 0, 10000)
	})

	t.Run("ErrorIfUnknownCourse", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, err := b.shop.order(t.Context(), b.ada.ID, b.course.ID, uuid.Max)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		b.requireHeld(t, 0, 0, 10000)
	})
}

// wrapped is a driver around pgx's, as tracing ones are.
type wrapped struct {
	inner driver.Driver
	url   string
}

func (w wrapped) Connect(context.Context) (driver.Conn, error) {
	conn, err := w.inner.Open(w.url)
	return struct{ driver.Conn }{conn}, err
}

func (w wrapped) Driver() driver.Driver { return w.inner }
