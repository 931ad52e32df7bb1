package elevate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/schema"
)

// soon is how often the subscriptions of a test look by themselves, where it is
// about that.
const soon = 20 * time.Millisecond

// never is long after the end of the test: what comes was told.
const never = time.Hour

type subscribeBundle struct {
	*testBundle

	userID uuid.UUID
	store  *elevate.Store // of trusted code
}

// newSubscribeBundle is a person, and a store whose subscriptions look so often.
func newSubscribeBundle(t *testing.T, every time.Duration) *subscribeBundle {
	t.Helper()
	b := &subscribeBundle{testBundle: newBundle(t)}
	b.userID = b.user(t, elevate.RoleUser)
	store, err := elevate.New(b.pool, &elevate.Config{Schema: b.schema})
	require.NoError(t, err)
	elevate.LookEvery(store, every)
	b.store = store.As(elevate.System("test"))
	return b
}

// subscribe begins after a cursor, or now.
func (b *subscribeBundle) subscribe(t testing.TB, after string) *elevate.Subscription {
	t.Helper()
	sub, err := b.store.Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID, After: after})
	require.NoError(t, err)
	t.Cleanup(func() { sub.Close(b.ctx) })
	return sub
}

const insertNotice = `INSERT INTO {s}.notifications (id, user_id, type, title, message) VALUES ($1, $2, 'test', '', '')`

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// write writes one notification for the person.
func (b *subscribeBundle) write(ctx context.Context, db execer) (uuid.UUID, error) {
	id := uuid.Must(uuid.NewV7())
	_, err := db.Exec(ctx, b.sql(insertNotice), id, b.userID)
	return id, err
}

func (b *subscribeBundle) wrote(t testing.TB, db execer) uuid.UUID {
	t.Helper()
	id, err := b.write(b.ctx, db)
	require.NoError(t, err)
	return id
}

func (b *subscribeBundle) next(t testing.TB, sub *elevate.Subscription) uuid.UUID {
	t.Helper()
	n, err := sub.Next(b.ctx)
	require.NoError(t, err)
	require.Equal(t, b.userID, n.UserID)
	return n.ID
}

// requireNothing proves that nothing else is there to be delivered: only what is
// written now comes.
func (b *subscribeBundle) requireNothing(t testing.TB, sub *elevate.Subscription) {
	t.Helper()
	last := b.wrote(t, b.pool)
	require.Equal(t, last, b.next(t, sub))
}

// cutOff ends the connections that listen.
func (b *subscribeBundle) cutOff(t testing.TB) {
	t.Helper()
	require.NotZero(t, b.count(t, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND (query LIKE 'LISTEN%' OR query LIKE '-- name: NotificationListSince%')`))
}

func TestSubscribe(t *testing.T) {
	t.Parallel()

	t.Run("Delivers", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		courseID, _ := b.course(t, courseSeed{lessons: 1, published: true})
		b.wrote(t, b.pool)
		sub := b.subscribe(t, "")
		before := time.Now().Add(-time.Minute)
		_, err := b.as(b.userID, elevate.RoleUser).Enroll(b.ctx, b.userID, courseID)
		require.NoError(t, err)
		b.exec(t, insertNotice, uuid.New(), b.user(t, elevate.RoleUser)) // somebody else's
		got, err := sub.Next(b.ctx)
		require.NoError(t, err)
		require.Equal(t, elevate.NotificationEnrolled, got.Type)
		require.Equal(t, "You are enrolled in Course "+courseID.String()+".", got.Message)
		require.Equal(t, time.UTC, got.CreatedAt.Location())
		require.True(t, got.CreatedAt.After(before))
		b.requireNothing(t, sub)
	})

	t.Run("DeliversAnnouncements", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		courseID, _ := b.course(t, courseSeed{lessons: 1, published: true})
		b.enroll(t, b.userID, courseID)
		for range 5 {
			b.enroll(t, b.user(t, elevate.RoleUser), courseID)
		}
		sub := b.subscribe(t, "")
		_, err := b.system.NotifyCourse(b.ctx, elevate.NotifyCourseParams{CourseID: courseID, Key: "k", Title: "T", Message: "M"})
		require.NoError(t, err)
		got, err := sub.Next(b.ctx)
		require.NoError(t, err)
		require.Equal(t, elevate.NotificationAnnouncement, got.Type)
	})

	t.Run("InEachExecMode", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		for _, mode := range []pgx.QueryExecMode{
			pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
		} {
			pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.DefaultQueryExecMode = mode })
			sub, err := b.on(t, pool).As(elevate.System("test")).Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID})
			require.NoError(t, err)
			id := b.wrote(t, b.pool)
			require.Equal(t, id, b.next(t, sub), mode)
			sub.Close(b.ctx)
		}
	})

	// More than one look reads: from each cursor on comes what has not come yet.
	t.Run("ResumesAnywhere", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		sub := b.subscribe(t, "")
		start := sub.Cursor()
		var want []uuid.UUID
		for range 250 {
			want = append(want, uuid.Must(uuid.NewV7()))
		}
		b.exec(t, `INSERT INTO {s}.notifications (id, user_id, type, title, message)
			SELECT id, $2, 'test', '', '' FROM unnest($1::uuid[]) AS n (id)`, want, b.userID)
		var cursors []string
		for i, id := range want {
			require.Equal(t, id, b.next(t, sub), i)
			cursors = append(cursors, sub.Cursor())
		}
		want = append(want, b.wrote(t, b.pool))
		for i, cursor := range append([]string{start}, cursors...) {
			if i > 2 && i%50 > 1 && i < 249 {
				continue
			}
			again := b.subscribe(t, cursor)
			for _, id := range want[i:] {
				require.Equal(t, id, b.next(t, again), i)
			}
			again.Close(b.ctx)
		}
		// One that is deleted in between does not come, and holds up nothing.
		b.exec(t, `DELETE FROM {s}.notifications WHERE id = ANY ($1)`, want[1:250])
		again := b.subscribe(t, cursors[0])
		require.Equal(t, want[250], b.next(t, again))
		b.requireNothing(t, again)
	})

	// What was written before somebody listened tells nobody, and commits later.
	t.Run("WrittenBeforeCommittedAfter", func(t *testing.T) {
		t.Parallel()
		for name, level := range map[string]pgx.TxIsoLevel{
			"ReadCommitted": pgx.ReadCommitted, "RepeatableRead": pgx.RepeatableRead, "Serializable": pgx.Serializable,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := newSubscribeBundle(t, 20*time.Second)
				tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{IsoLevel: level})
				require.NoError(t, err)
				t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) })
				late := b.wrote(t, tx)
				sub := b.subscribe(t, "")
				require.NoError(t, tx.Commit(b.ctx))
				began := time.Now()
				require.Equal(t, late, b.next(t, sub))
				require.Less(t, time.Since(began), 10*time.Second, "by the look that comes soon")
				b.requireNothing(t, sub)
			})
		}
	})

	// A snapshot from before the registration sees no listener, however late it
	// writes.
	t.Run("OldSnapshotWritesAfter", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, soon)
		tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		require.NoError(t, err)
		t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) })
		_, err = tx.Exec(b.ctx, "SELECT FROM pg_class")
		require.NoError(t, err)
		sub := b.subscribe(t, "")
		late := b.wrote(t, tx)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, late, b.next(t, sub))
	})

	t.Run("RolledBack", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		sub := b.subscribe(t, "")
		tx := b.begin(t)
		b.wrote(t, tx)
		require.NoError(t, tx.Rollback(b.ctx))
		tx = b.begin(t)
		inner, err := tx.Begin(b.ctx)
		require.NoError(t, err)
		b.wrote(t, inner)
		require.NoError(t, inner.Rollback(b.ctx))
		inner, err = tx.Begin(b.ctx)
		require.NoError(t, err)
		kept := b.wrote(t, inner)
		require.NoError(t, inner.Commit(b.ctx))
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, kept, b.next(t, sub))
		b.requireNothing(t, sub)
	})

	t.Run("ConnectsAgain", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		sub := b.subscribe(t, "")
		for range 3 {
			b.cutOff(t)
			id := b.wrote(t, b.pool)
			require.Equal(t, id, b.next(t, sub))
		}
		b.requireNothing(t, sub)
	})

	// A registration that expired, because nobody called Next for long, is made
	// again, and what has told nobody meanwhile is found.
	t.Run("RegistersAgain", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, soon)
		sub := b.subscribe(t, "")
		for _, gone := range []string{
			`UPDATE {s}.listeners SET expires_at = now() - interval '1 second'`, `DELETE FROM {s}.listeners`,
		} {
			b.exec(t, gone)
			id := b.wrote(t, b.pool)
			require.Equal(t, id, b.next(t, sub))
			for b.count(t, `SELECT count(*) FROM {s}.listeners WHERE expires_at > now()`) == 0 {
				ctx, cancel := context.WithTimeout(b.ctx, 2*soon)
				_, err := sub.Next(ctx)
				cancel()
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		}
	})

	// The end of a context is not the end of the subscription.
	t.Run("ContextEnds", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		sub := b.subscribe(t, "")
		for range 3 {
			ctx, cancel := context.WithTimeout(b.ctx, soon)
			_, err := sub.Next(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		id := b.wrote(t, b.pool)
		_, err := sub.Next(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, id, b.next(t, sub))
		b.requireNothing(t, sub)
	})

	t.Run("ClosesItsConnection", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		ctx, cancel := context.WithCancel(b.ctx)
		sub, err := b.store.Subscribe(ctx, elevate.SubscribeParams{UserID: b.userID})
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.listeners`))
		cancel()
		sub.Close(ctx)
		sub.Close(ctx)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.listeners`))
		for b.count(t, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%ListenerDelete%' AND pid <> pg_backend_pid()`) > 0 {
		}
		_, err = sub.Next(b.ctx)
		require.Error(t, err)
	})

	// Those who are gone without a word are removed, those who are there stay.
	t.Run("RemovesTheDead", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		b.exec(t, `INSERT INTO {s}.listeners (user_id, id, expires_at)
			SELECT $1, gen_random_uuid(), now() + n * interval '1 minute' FROM generate_series(-3, 2) AS n`, b.userID)
		b.subscribe(t, "")
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.listeners`))
	})

	t.Run("RegistrationsConcurrent", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		b.exec(t, `INSERT INTO {s}.listeners (user_id, id, expires_at)
			SELECT $1, gen_random_uuid(), now() - interval '1 minute' FROM generate_series(1, 500) AS n`, b.userID)
		require.NoError(t, race(16, func(int) error {
			sub, err := b.store.Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID})
			if err == nil {
				sub.Close(b.ctx)
			}
			return err
		}))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.listeners`))
	})

	t.Run("PoolOfOne", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.MaxConns = 1 })
		held, err := pool.Acquire(b.ctx)
		require.NoError(t, err)
		defer held.Release()
		sub, err := b.on(t, pool).As(elevate.System("test")).Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID})
		require.NoError(t, err)
		defer sub.Close(b.ctx)
		id := b.wrote(t, held)
		require.Equal(t, id, b.next(t, sub))
	})

	// The host's own way to a connection; the pool's hooks, where there is none.
	t.Run("Listen", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, never)
		store, err := elevate.New(nil, &elevate.Config{Schema: b.schema, Listen: func(ctx context.Context) (*pgx.Conn, error) {
			return pgx.ConnectConfig(ctx, b.pool.Config().ConnConfig)
		}})
		require.NoError(t, err)
		sub, err := store.As(elevate.System("test")).Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID})
		require.NoError(t, err)
		defer sub.Close(b.ctx)
		id := b.wrote(t, b.pool)
		require.Equal(t, id, b.next(t, sub))

		boom := errors.New("boom")
		refusing := map[string]func(cfg *pgxpool.Config){
			"BeforeConnect": func(cfg *pgxpool.Config) {
				cfg.BeforeConnect = func(context.Context, *pgx.ConnConfig) error { return boom }
			},
			"AfterConnect": func(cfg *pgxpool.Config) {
				cfg.AfterConnect = func(context.Context, *pgx.Conn) error { return boom }
			},
		}
		for name, change := range refusing {
			store := b.on(t, b.poolWith(t, change)).As(elevate.System("test"))
			_, err := store.Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID})
			require.ErrorIs(t, err, boom, name)
		}
	})

	t.Run("ErrorIfErasedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, soon)
		sub := b.subscribe(t, "")
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := sub.Next(b.ctx)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.store.Subscribe(b.ctx, elevate.SubscribeParams{UserID: b.userID})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfNoPool", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		_, err = store.As(elevate.System("test")).Subscribe(t.Context(), elevate.SubscribeParams{UserID: uuid.New()})
		require.ErrorIs(t, err, elevate.ErrNoPool)
	})

	// What the database refuses for good is not tried for ever.
	t.Run("ErrorIfRefused", func(t *testing.T) {
		t.Parallel()
		b := newSubscribeBundle(t, soon)
		sub := b.subscribe(t, "")
		b.exec(t, `DROP TABLE {s}.listeners`)
		_, err := sub.Next(b.ctx)
		var pgErr *pgconn.PgError
		require.ErrorAs(t, err, &pgErr)
		require.Equal(t, "42P01", pgErr.Code)
	})
}

// TestSubscribeTellsOnlyListeners watches what the trigger sends.
func TestSubscribeTellsOnlyListeners(t *testing.T) {
	t.Parallel()
	b := newSubscribeBundle(t, never)
	conn, err := pgx.ConnectConfig(b.ctx, b.pool.Config().ConnConfig)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.ctx)) })
	channel := scan[string](t, b.testBundle, `SELECT {s}.notifications_channel($1)`, b.userID)
	_, err = conn.Exec(b.ctx, `LISTEN `+pgx.Identifier{channel}.Sanitize())
	require.NoError(t, err)
	_, err = conn.Exec(b.ctx, `LISTEN sentinel`)
	require.NoError(t, err)
	told := func() int {
		b.exec(t, `NOTIFY sentinel`)
		for n := 0; ; n++ {
			notice, err := conn.WaitForNotification(b.ctx)
			require.NoError(t, err)
			if notice.Channel == "sentinel" {
				return n
			}
			require.Equal(t, channel, notice.Channel)
		}
	}

	b.wrote(t, b.pool)
	require.Zero(t, told(), "nobody is registered")
	b.exec(t, `INSERT INTO {s}.listeners (user_id, id, expires_at) VALUES ($1, gen_random_uuid(), now())`, b.userID)
	b.wrote(t, b.pool)
	require.Zero(t, told(), "expired")
	sub := b.subscribe(t, "")
	b.wrote(t, b.pool)
	require.Equal(t, 1, told())
	b.exec(t, `INSERT INTO {s}.notifications (user_id, type, title, message)
		SELECT $1, 'test', '', '' FROM generate_series(1, 1000)`, b.userID)
	require.Equal(t, 1, told(), "once for a statement")
	b.exec(t, insertNotice, uuid.New(), b.user(t, elevate.RoleUser))
	require.Zero(t, told(), "somebody else's")
	sub.Close(b.ctx)
	b.wrote(t, b.pool)
	require.Zero(t, told(), "closed")

	// Another school in the same database has another channel.
	require.NoError(t, schema.Up(b.ctx, b.pool.Config().ConnConfig, &schema.Config{Schema: "other"}))
	require.NotEqual(t, channel, scan[string](t, b.testBundle, `SELECT other.notifications_channel($1)`, b.userID))
	require.LessOrEqual(t, len(channel), 63)
}

// TestSubscribeExactlyOnce: many writers, whose transactions overlap, commit in
// another order than they wrote in, and roll back, while the connection is cut off
// again and again, and the client comes back with its cursor.
func TestSubscribeExactlyOnce(t *testing.T) {
	t.Parallel()
	b := newSubscribeBundle(t, soon)
	pool := b.wide(t)
	var (
		writers   errgroup.Group
		mu        sync.Mutex
		committed = map[uuid.UUID]bool{}
	)
	note := func(ids ...uuid.UUID) {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			committed[id] = true
		}
	}
	pair := func() error {
		late, err := pool.Begin(b.ctx)
		if err != nil {
			return err
		}
		defer func() { _ = late.Rollback(context.WithoutCancel(b.ctx)) }()
		old, err := b.write(b.ctx, late)
		if err != nil {
			return err
		}
		early, err := b.write(b.ctx, pool)
		if err != nil {
			return err
		}
		note(early)
		undone, err := late.Begin(b.ctx)
		if err != nil {
			return err
		}
		if _, err := b.write(b.ctx, undone); err != nil {
			return err
		}
		if err := undone.Rollback(b.ctx); err != nil {
			return err
		}
		younger, err := b.write(b.ctx, late)
		if err != nil || rand.N(3) == 0 {
			return err // rolls back
		}
		note(old, younger)
		return late.Commit(b.ctx)
	}
	sub := b.subscribe(t, "")
	for range 8 {
		writers.Go(func() error {
			for range 40 {
				if err := pair(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var ended uuid.UUID
	done := make(chan error, 1)
	go func() {
		err := writers.Wait()
		if err == nil {
			ended, err = b.write(b.ctx, pool)
		}
		done <- err
	}()
	got := map[uuid.UUID]bool{}
	finished := false
	for n := 1; ; n++ {
		id := b.next(t, sub)
		require.False(t, got[id], "came twice")
		got[id] = true
		if !finished {
			select {
			case err := <-done:
				require.NoError(t, err)
				finished = true
			default:
			}
		}
		if finished && got[ended] {
			break
		}
		switch {
		case n%60 == 0:
			b.cutOff(t)
		case n%25 == 0:
			cursor := sub.Cursor()
			sub.Close(b.ctx)
			sub = b.subscribe(t, cursor)
		}
	}
	note(ended)
	require.Equal(t, committed, got)
	require.Equal(t, len(committed), b.count(t, `SELECT count(*) FROM {s}.notifications`))
}
