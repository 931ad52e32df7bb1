package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/elevateforhumanity/elevate"
)

// feedTable holds where each reader of the feed is.
const feedTable = `CREATE TABLE IF NOT EXISTS ` + schemaName + `.feeds (
	name text PRIMARY KEY,
	cursor text NOT NULL
)`

const (
	defaultBatch = 100
	pause        = 100 * time.Millisecond
)

// feed makes jobs of events. Any number of processes may run the same one.
type feed struct {
	name  string // of its cursor
	pool  *pgxpool.Pool
	store *elevate.Store
	jobs  *river.Client[pgx.Tx]
	types []elevate.EventType // those to make jobs of
	batch int                 // defaults to 100
}

// begin notes, the first time, that the feed is read from now on.
func (f *feed) begin(ctx context.Context) error {
	now, err := f.store.Events(ctx, elevate.EventsParams{FromNow: true})
	if err != nil {
		return err
	}
	_, err = f.pool.Exec(ctx, `INSERT INTO `+schemaName+`.feeds (name, cursor) VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING`, f.name, now.Next)
	if err != nil {
		return fmt.Errorf("begin feed %s: %w", f.name, err)
	}
	return nil
}

// run reads until it is done, or the context is.
func (f *feed) run(ctx context.Context, done func() bool) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for !done() {
		var more bool
		err := pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) (err error) {
			more, err = f.step(ctx, tx)
			return err
		})
		if err != nil {
			return err // a server would log it, and go on after a pause
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// step makes jobs of the next events, and notes in the same transaction that it
// has: whatever fails, all of it happened or nothing. It reports whether there are
// more events already.
func (f *feed) step(ctx context.Context, tx pgx.Tx) (more bool, err error) {
	// The lock comes first: who has waited for another process goes on behind what
	// that has read.
	var cursor string
	row := tx.QueryRow(ctx, `SELECT cursor FROM `+schemaName+`.feeds WHERE name = $1 FOR UPDATE`, f.name)
	if err := row.Scan(&cursor); err != nil {
		return false, fmt.Errorf("lock feed %s: %w", f.name, err)
	}
	limit := f.batch
	if limit == 0 {
		limit = defaultBatch
	}
	result, err := f.store.WithTx(tx).Events(ctx, elevate.EventsParams{
		PageParams: elevate.PageParams{Cursor: cursor, Limit: limit},
	})
	if err != nil {
		return false, err
	}
	var jobs []river.InsertManyParams
	for _, event := range result.Events {
		if slices.Contains(f.types, event.Type) {
			jobs = append(jobs, river.InsertManyParams{Args: webhookArgs{Event: event}})
		}
	}
	if len(jobs) > 0 {
		if _, err := f.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
			return false, fmt.Errorf("insert %d jobs: %w", len(jobs), err)
		}
	}
	if result.Next == cursor {
		return false, nil
	}
	_, err = tx.Exec(ctx, `UPDATE `+schemaName+`.feeds SET cursor = $2 WHERE name = $1`, f.name, result.Next)
	if err != nil {
		return false, fmt.Errorf("move feed %s: %w", f.name, err)
	}
	return result.More, nil
}
