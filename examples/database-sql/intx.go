package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/elevateforhumanity/elevate"
)

// inTx runs fn in one READ COMMITTED transaction that database/sql and Elevate
// share, and commits when it returns nil. On an error, a panic and a context that
// has ended it rolls back. Copy it: it knows nothing of the shop.
//
// Both work on one connection, so fn closes its rows before it calls an operation,
// and starts no goroutine that uses either. It leaves commit and rollback to inTx:
// after them each operation would be a transaction of its own.
//
// A sql.Tx that was begun elsewhere cannot be joined: it does not say which
// connection it is on.
//
// Nothing is tried again. A deadlock, SQLSTATE 40P01, is the caller's to repeat,
// from its begin.
func inTx(
	ctx context.Context, db *sql.DB, store *elevate.Store, fn func(tx *sql.Tx, store *elevate.Store) error,
) error {
	// A connection of our own, to know which one the transaction is on.
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer func() { _ = conn.Close() }() // gives it back
	pgxConn, err := below(conn)
	if err != nil {
		return err
	}

	// With ctx, database/sql would roll back on its own when ctx ends, at the same
	// time as an operation is on the connection, and a later operation would not be
	// in the transaction any more. The statements have ctx, and end with it.
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no-op after the commit; runs on a panic too

	if err := fn(tx, store.WithTx(pgxConn)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before the commit: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// below is the connection of pgx that a connection of database/sql is made of.
//
// The documentation of Raw asks not to use it outside of the function, because
// database/sql could use it at the same time. It does not here: conn is ours until
// it is closed, and the transaction has no context whose end makes database/sql
// act. To stay inside would be worse: on a connection that has a transaction, a
// statement on the sql.Tx and a panic would wait for ever there.
func below(conn *sql.Conn) (pgxConn *pgx.Conn, err error) {
	err = conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("a %T is no connection of pgx", driverConn)
		}
		pgxConn = c.Conn()
		return nil
	})
	return pgxConn, err
}
