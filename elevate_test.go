package elevate_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/elevateforhumanity/elevate"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestNew(t *testing.T) {
	t.Parallel()

	for name, cfg := range map[string]*elevate.Config{
		"Attempts":       {MaxAttempts: -1},
		"SchemaTooLong":  {Schema: strings.Repeat("s", 64)},
		"SchemaLongUTF8": {Schema: strings.Repeat("é", 32)},
		"SchemaWithNUL":  {Schema: "a\x00"},
		"MessageType":    {Messages: map[elevate.NotificationType]elevate.Message{"other": {Title: "T", Message: "M"}}},
		"MessageTitle":   {Messages: map[elevate.NotificationType]elevate.Message{elevate.NotificationEnrolled: {Message: "M"}}},
	} {
		t.Run("ErrorIf"+name, func(t *testing.T) {
			t.Parallel()
			_, err := elevate.New(nil, cfg)
			var invalid *elevate.ValidationError
			require.ErrorAs(t, err, &invalid)
		})
	}

	t.Run("KeepsItsMessages", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		messages := map[elevate.NotificationType]elevate.Message{
			elevate.NotificationEnrolled: {Title: "Willkommen in {course}" + strings.Repeat("!", 230), Message: "{course}: los!"},
		}
		store, err := elevate.New(b.pool, &elevate.Config{Messages: messages, Schema: b.schema})
		require.NoError(t, err)
		delete(messages, elevate.NotificationEnrolled)
		_, err = store.As(elevate.System("test")).Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Equal(t, "Course "+b.courseID.String()+": los!", scan[string](t, b.testBundle, `SELECT message FROM {s}.notifications`))
		require.Equal(t, 255, b.count(t, `SELECT length(title) FROM {s}.notifications`))
	})
}

func TestInTx(t *testing.T) {
	t.Parallel()

	boom := errors.New("boom")
	enrollments := `SELECT count(*) FROM {s}.enrollments`

	t.Run("Commits", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		second, _ := b.course(t, courseSeed{lessons: 1, published: true})
		require.NoError(t, b.me.InTx(b.ctx, func(store *elevate.Store) error {
			if _, err := store.Enroll(b.ctx, b.userID, b.courseID); err != nil {
				return err
			}
			_, err := store.Enroll(b.ctx, b.userID, second)
			return err
		}))
		require.Equal(t, 2, b.count(t, enrollments))
	})

	t.Run("RollsBack", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		require.ErrorIs(t, b.me.InTx(b.ctx, func(store *elevate.Store) error {
			_, err := store.Enroll(b.ctx, b.userID, b.courseID)
			return errors.Join(err, boom)
		}), boom)
		require.Zero(t, b.count(t, enrollments))
		require.Zero(t, b.pool.Stat().AcquiredConns())
	})

	t.Run("RollsBackOnPanic", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		require.PanicsWithValue(t, "boom", func() {
			_ = b.me.InTx(b.ctx, func(store *elevate.Store) error {
				_, _ = store.Enroll(b.ctx, b.userID, b.courseID)
				panic("boom")
			})
		})
		require.Zero(t, b.count(t, enrollments))
		require.Zero(t, b.pool.Stat().AcquiredConns())
	})

	t.Run("RollsBackWhenCancelled", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		ctx, cancel := context.WithCancel(b.ctx)
		require.ErrorIs(t, b.me.InTx(ctx, func(store *elevate.Store) error {
			_, err := store.Enroll(ctx, b.userID, b.courseID)
			cancel()
			return err
		}), context.Canceled)
		b.waitUntilIdle(t)
		require.Zero(t, b.count(t, enrollments))
	})

	t.Run("RefusalLeavesItUsable", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		require.NoError(t, b.me.InTx(b.ctx, func(store *elevate.Store) error {
			_, err := store.Enroll(b.ctx, b.userID, uuid.New())
			if !errors.Is(err, elevate.ErrNotFound) {
				return errors.New("expected a refusal")
			}
			_, err = store.Enroll(b.ctx, b.userID, b.courseID)
			return err
		}))
		require.Equal(t, 1, b.count(t, enrollments))
	})

	t.Run("NestedIsASavepoint", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		second, _ := b.course(t, courseSeed{lessons: 1, published: true})
		third, _ := b.course(t, courseSeed{lessons: 1, published: true})
		require.NoError(t, b.me.InTx(b.ctx, func(store *elevate.Store) error {
			if _, err := store.Enroll(b.ctx, b.userID, b.courseID); err != nil {
				return err
			}
			err := store.InTx(b.ctx, func(store *elevate.Store) error {
				_, err := store.Enroll(b.ctx, b.userID, second)
				inner := store.InTx(b.ctx, func(store *elevate.Store) error {
					_, err := store.Enroll(b.ctx, b.userID, third)
					return err
				})
				return errors.Join(err, inner, boom)
			})
			if !errors.Is(err, boom) {
				return errors.New("expected the error of the savepoint")
			}
			return nil
		}))
		require.Equal(t, b.courseID, scan[uuid.UUID](t, b.testBundle, `SELECT course_id FROM {s}.enrollments`))
	})

	t.Run("ReadCommittedWhateverTheDefault", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		pool := b.poolWith(t, func(cfg *pgxpool.Config) {
			cfg.ConnConfig.RuntimeParams["default_transaction_isolation"] = "serializable"
		})
		require.NoError(t, b.on(t, pool).As(elevate.System("test")).InTx(b.ctx, func(store *elevate.Store) error {
			// A snapshot of the transaction would not see what is enrolled beside it.
			if _, err := store.MyCourses(b.ctx, b.userID, elevate.PageParams{}); err != nil {
				return err
			}
			if _, err := b.me.Enroll(b.ctx, b.userID, b.courseID); err != nil {
				return err
			}
			result, err := store.Enroll(b.ctx, b.userID, b.courseID)
			if err == nil && result.Created {
				err = errors.New("enrolled twice")
			}
			return err
		}))
	})

	t.Run("RetriesADeadlockAsAWhole", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		store, err := elevate.New(b.pool, &elevate.Config{Schema: b.schema})
		require.NoError(t, err)
		other := b.user(t, elevate.RoleUser)
		b.enroll(t, b.userID, b.courseID)
		b.enroll(t, other, b.courseID)
		var attempts atomic.Int32
		both := make(chan struct{}, 2)
		ended := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
		order := [][2]uuid.UUID{{b.userID, other}, {other, b.userID}}
		require.NoError(t, race(2, func(i int) error {
			defer close(ended[i])
			first := true
			return store.As(elevate.System("test")).InTx(b.ctx, func(store *elevate.Store) error {
				attempts.Add(1)
				if !first { // or it might take its first row again before the other wakes, and deadlock anew
					<-ended[1-i]
				}
				for j, userID := range order[i] {
					if _, err := store.Unenroll(b.ctx, elevate.UnenrollParams{UserID: userID, CourseID: b.courseID}); err != nil {
						return err
					}
					if j == 0 && first { // both hold their first row before either asks for its second
						first = false
						both <- struct{}{}
						for len(both) < cap(both) {
						}
					}
				}
				return nil
			})
		}))
		require.Equal(t, int32(3), attempts.Load(), "one of the two ran again")
		require.Zero(t, b.count(t, enrollments))
	})

	t.Run("OutcomeUnknown", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		w := &wire{}
		pool := w.pool(t, b.testBundle, 1)
		store := b.on(t, pool).As(elevate.System("test"))
		err := store.InTx(b.ctx, func(store *elevate.Store) error {
			_, err := store.Enroll(b.ctx, b.userID, b.courseID)
			w.cut.Store(true)
			return err
		})
		require.ErrorIs(t, err, elevate.ErrCommitUnknown)
		waitUntilReleased(pool)
		b.waitUntilIdle(t)
		_, err = store.Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, enrollments))
	})
}

func TestRetry(t *testing.T) {
	t.Parallel()

	// blocked is a bundle whose course another transaction holds, and a store that
	// gives up waiting for it at once.
	blocked := func(t *testing.T, attempts int) (*pipelineBundle, *elevate.Store, pgx.Tx, *strings.Builder) {
		t.Helper()
		b := newPipelineBundle(t)
		pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["lock_timeout"] = "1ms" })
		log := &strings.Builder{}
		store, err := elevate.New(pool, &elevate.Config{
			Logger: slog.New(slog.NewTextHandler(log, nil)), MaxAttempts: attempts, Schema: b.schema,
		})
		require.NoError(t, err)
		tx := b.begin(t)
		_, err = tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.courses FOR UPDATE`))
		require.NoError(t, err)
		return b, store.As(elevate.System("test")), tx, log
	}

	t.Run("IsBounded", func(t *testing.T) {
		t.Parallel()
		b, store, _, log := blocked(t, 3)
		_, err := store.Enroll(b.ctx, b.userID, b.courseID)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "55P03", pgErr.Code)
		require.Equal(t, 2, strings.Count(log.String(), "elevate: retry"))
		require.Contains(t, log.String(), "code=55P03")
	})

	t.Run("EndsWithTheContext", func(t *testing.T) {
		t.Parallel()
		b, store, _, _ := blocked(t, 100)
		ctx, cancel := context.WithCancel(b.ctx)
		done := make(chan error, 1)
		go func() {
			_, err := store.Enroll(ctx, b.userID, b.courseID)
			done <- err
		}()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})

	t.Run("SucceedsOnceTheLockIsFree", func(t *testing.T) {
		t.Parallel()
		b, store, tx, _ := blocked(t, 100)
		done := make(chan error, 1)
		go func() {
			_, err := store.Enroll(b.ctx, b.userID, b.courseID)
			done <- err
		}()
		require.NoError(t, tx.Rollback(b.ctx))
		require.NoError(t, <-done)
	})

	t.Run("NeverInACallersTx", func(t *testing.T) {
		t.Parallel()
		b, store, _, log := blocked(t, 100)
		other := b.begin(t)
		_, err := other.Exec(b.ctx, "SET LOCAL lock_timeout = '1ms'")
		require.NoError(t, err)
		_, err = store.WithTx(other).Enroll(b.ctx, b.userID, b.courseID)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "55P03", pgErr.Code)
		require.Empty(t, log.String())
	})
}

// TestCallersIsolation shows what WithTx documents: under REPEATABLE READ a lost
// race is 40001, and the retry is the caller's.
func TestCallersIsolation(t *testing.T) {
	t.Parallel()
	b := newPipelineBundle(t)
	tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) })
	usable(t, tx)
	_, err = b.me.Enroll(b.ctx, b.userID, b.courseID)
	require.NoError(t, err)
	_, err = b.me.WithTx(tx).Enroll(b.ctx, b.userID, b.courseID)
	var pgErr *pgconn.PgError
	require.ErrorAs(t, err, &pgErr)
	require.Equal(t, "40001", pgErr.Code)
}
