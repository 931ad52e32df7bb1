package elevate_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// wide is a pool with a connection for each of 32 goroutines. All are made before
// it is used: those who had to connect first would come one after the other.
func (b *testBundle) wide(t testing.TB) *pgxpool.Pool {
	t.Helper()
	cfg := b.pool.Config()
	cfg.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(b.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	for range cfg.MaxConns {
		conn, err := pool.Acquire(b.ctx)
		require.NoError(t, err)
		defer conn.Release() // not before all are made
	}
	return pool
}

func (b *testBundle) enrollmentID(t testing.TB, userID, courseID uuid.UUID) uuid.UUID {
	t.Helper()
	return scan[uuid.UUID](t, b, `SELECT id FROM {s}.enrollments WHERE user_id = $1 AND course_id = $2`, userID, courseID)
}

// locked is a row that an operation locks.
type locked struct {
	table string
	id    uuid.UUID
}

// locksInOrder proves that call locks the rows in their order: while it waits for
// one of them, those after it are free. Whoever keeps the order cannot deadlock.
func (b *testBundle) locksInOrder(t testing.TB, call func(ctx context.Context) error, rows ...locked) {
	t.Helper()
	for i, first := range rows {
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.`+first.table+` WHERE id = $1 FOR UPDATE`), first.id)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- call(context.WithoutCancel(b.ctx)) }()
		b.waitUntilBlocked(t, 1)
		for _, later := range rows[i+1:] {
			_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.`+later.table+` WHERE id = $1 FOR UPDATE NOWAIT`), later.id)
			require.NoError(t, err, "%s locked before %s", later.table, first.table)
		}
		require.NoError(t, tx.Rollback(b.ctx))
		require.NoError(t, <-done)
	}
}
