package elevate_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// pipelineBundle is a learner and a free course, on which Enroll stands for
// every write.
type pipelineBundle struct {
	*testBundle

	userID, courseID uuid.UUID
	me               *elevate.Store
}

func newPipelineBundle(t *testing.T) *pipelineBundle {
	t.Helper()
	b := &pipelineBundle{testBundle: newBundle(t)}
	b.userID = b.user(t, elevate.RoleUser)
	b.courseID, _ = b.course(t, courseSeed{lessons: 2, published: true})
	b.me = b.as(b.userID, elevate.RoleUser)
	return b
}

// poolWith is another pool on the bundle's database.
func (b *testBundle) poolWith(t testing.TB, change func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	cfg := b.pool.Config()
	change(cfg)
	pool, err := pgxpool.NewWithConfig(b.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// noteActors keeps the actor and request of every enrollment's insertion, as an
// audit trigger would.
func (b *testBundle) noteActors(t testing.TB) {
	t.Helper()
	b.exec(t, `CREATE TABLE {s}.acted (actor text, request text)`)
	b.exec(t, `CREATE FUNCTION {s}.note_actor() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO {s}.acted VALUES (current_setting('elevate.actor'), current_setting('elevate.request'));
			RETURN NULL;
		END $$`)
	b.exec(t, `CREATE TRIGGER note_actor AFTER INSERT ON {s}.enrollments
		FOR EACH ROW EXECUTE FUNCTION {s}.note_actor()`)
}

func TestPipelineExecModes(t *testing.T) {
	t.Parallel()

	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement,
		pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec,
		pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			b := newPipelineBundle(t)
			b.noteActors(t)
			pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.DefaultQueryExecMode = mode })
			store := b.on(t, pool).As(elevate.Actor{UserID: b.userID, Role: elevate.RoleUser, RequestID: "r1"})
			for _, created := range []bool{true, false} {
				result, err := store.Enroll(b.ctx, b.userID, b.courseID)
				require.NoError(t, err)
				require.Equal(t, created, result.Created)
				require.Equal(t, time.UTC, result.Enrollment.EnrolledAt.Location())
			}
			page, err := store.MyCourses(b.ctx, b.userID, elevate.PageParams{})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			require.Equal(t, time.UTC, page.Items[0].Enrollment.EnrolledAt.Location())
			many, err := b.on(t, pool).As(elevate.System("import")).EnrollMany(b.ctx, elevate.EnrollManyParams{
				CourseID: b.courseID, Source: "import", UserIDs: []uuid.UUID{b.userID, b.user(t, elevate.RoleUser)},
			})
			require.NoError(t, err)
			require.Len(t, many, 2)
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.acted WHERE actor = $1 AND request = 'r1'`,
				b.userID.String()))
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.acted WHERE actor = 'system:import' AND request = ''`))
		})
	}
}

func TestPipelineActor(t *testing.T) {
	t.Parallel()

	const actorNow = `SELECT coalesce(current_setting('elevate.actor', TRUE), '')`

	t.Run("GoneForTheNextUserOfTheConnection", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.MaxConns = 1 })
		_, err := b.on(t, pool).As(elevate.System("first")).Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		var actor string
		require.NoError(t, pool.QueryRow(b.ctx, actorNow).Scan(&actor))
		require.Empty(t, actor)
	})

	t.Run("RestoredForTheCallersStatements", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		b.noteActors(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, `SELECT set_config('elevate.actor', 'host', TRUE)`)
		require.NoError(t, err)
		_, err = b.me.WithTx(tx).Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		var actor string
		require.NoError(t, tx.QueryRow(b.ctx, actorNow).Scan(&actor))
		require.Equal(t, "host", actor)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, b.userID.String(), scan[string](t, b.testBundle, `SELECT actor FROM {s}.acted`))
	})

	t.Run("ErrorIfNotText", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		for _, actor := range []elevate.Actor{
			elevate.System("a\x00b"),
			{UserID: b.userID, Role: elevate.RoleUser, RequestID: "\xff"},
		} {
			_, err := b.store.As(actor).Enroll(b.ctx, b.userID, b.courseID)
			var invalid *elevate.ValidationError
			require.ErrorAs(t, err, &invalid)
		}
	})
}

func TestPipelineFailures(t *testing.T) {
	t.Parallel()

	// requireClean proves that a failure left no row and no connection behind, and
	// that the store goes on.
	requireClean := func(t *testing.T, b *pipelineBundle, pool *pgxpool.Pool) {
		t.Helper()
		waitUntilReleased(pool)
		_, err := b.on(t, pool).As(elevate.System("test")).Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	}

	t.Run("CommitFailsAfterTheRowWasRead", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		b.exec(t, `CREATE FUNCTION {s}.late() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'late'; END $$`)
		b.exec(t, `CREATE CONSTRAINT TRIGGER late AFTER INSERT ON {s}.enrollments
			DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}.late()`)
		_, err := b.me.Enroll(b.ctx, b.userID, b.courseID)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "late", pgErr.Message)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		b.exec(t, `DROP TRIGGER late ON {s}.enrollments`)
		requireClean(t, b, b.pool)
	})

	t.Run("HeadFails", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		b.enroll(t, b.userID, b.courseID)
		pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["lock_timeout"] = "10ms" })
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.enrollments FOR UPDATE`))
		require.NoError(t, err)
		store := b.on(t, pool).As(elevate.System("test"))
		_, err = store.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "55P03", pgErr.Code)
		require.NotErrorIs(t, err, elevate.ErrCommitUnknown, "the server has answered")
		require.Zero(t, pool.Stat().AcquiredConns())
		require.NoError(t, tx.Rollback(b.ctx))
		result, err := store.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		require.True(t, result.Removed)
	})

	t.Run("CancelledBefore", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		_, err := b.me.Enroll(ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, elevate.ErrCommitUnknown, "nothing was sent")
		requireClean(t, b, b.pool)
	})

	t.Run("CancelledWhileItWaits", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		pool := b.poolWith(t, func(*pgxpool.Config) {})
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.courses FOR UPDATE`))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(b.ctx)
		store := b.on(t, pool).As(elevate.System("test"))
		done := make(chan error, 1)
		go func() {
			_, err := store.Enroll(ctx, b.userID, b.courseID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		cancel()
		err = <-done
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, elevate.ErrCommitUnknown)
		require.NoError(t, tx.Rollback(b.ctx))
		b.waitUntilIdle(t)
		require.LessOrEqual(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`), 1)
		requireClean(t, b, pool)
	})

	t.Run("BackendTerminatedWhileItWaits", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		pool := b.poolWith(t, func(*pgxpool.Config) {})
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.courses FOR UPDATE`))
		require.NoError(t, err)
		store := b.on(t, pool).As(elevate.System("test"))
		done := make(chan error, 1)
		go func() {
			_, err := store.Enroll(b.ctx, b.userID, b.courseID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		b.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		require.ErrorIs(t, <-done, elevate.ErrCommitUnknown)
		require.NoError(t, tx.Rollback(b.ctx))
		requireClean(t, b, pool)
	})

	t.Run("ConnectionLostBehindTheBatch", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		w := &wire{}
		pool := w.pool(t, b.testBundle, 1)
		store := b.on(t, pool).As(elevate.System("test"))
		other := b.user(t, elevate.RoleUser)
		_, err := store.Enroll(b.ctx, other, b.courseID) // prepares
		require.NoError(t, err)
		b.exec(t, `DELETE FROM {s}.enrollments`)
		b.exec(t, `DELETE FROM {s}.notifications`)
		w.cut.Store(true)
		_, err = store.Enroll(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrCommitUnknown)
		b.waitUntilIdle(t)
		requireClean(t, b, pool)
	})

	t.Run("OtherDefaultIsolation", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		for _, level := range []string{"repeatable read", "serializable"} {
			pool := b.poolWith(t, func(cfg *pgxpool.Config) {
				cfg.ConnConfig.RuntimeParams["default_transaction_isolation"] = level
			})
			_, err := b.on(t, pool).As(elevate.System("test")).Enroll(b.ctx, b.userID, b.courseID)
			require.ErrorIs(t, err, elevate.ErrIsolation)
		}
		requireClean(t, b, b.pool)
	})

	t.Run("NoPool", func(t *testing.T) {
		t.Parallel()
		b := newPipelineBundle(t)
		store := b.on(t, nil).As(elevate.System("test"))
		_, err := store.Enroll(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrNoPool)
		_, err = store.MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNoPool)
		err = store.InTx(b.ctx, func(*elevate.Store) error { return nil })
		require.ErrorIs(t, err, elevate.ErrNoPool)
		tx := b.begin(t)
		_, err = store.WithTx(tx).Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
	})
}

// waitUntilReleased returns once no connection is acquired: pgx closes a broken
// one in the background.
func waitUntilReleased(pool *pgxpool.Pool) {
	for pool.Stat().AcquiredConns() > 0 {
		runtime.Gosched()
	}
}

// waitUntilIdle returns once no other session of the database runs a statement.
func (b *testBundle) waitUntilIdle(t testing.TB) {
	t.Helper()
	for b.count(t, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`) > 0 {
	}
}
