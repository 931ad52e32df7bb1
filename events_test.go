package elevate_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// settle returns once the feed holds all that was committed before. It waits for
// the transactions of other tests too: the server counts them all.
func (b *testBundle) settle(t testing.TB) {
	t.Helper()
	now := scan[int64](t, b, `SELECT pg_current_xact_id()::text::bigint`)
	for !scan[bool](t, b, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > $1`, now) {
	}
}

// now is the cursor of a reader that begins after all that was committed.
func (b *testBundle) now(t testing.TB) string {
	t.Helper()
	b.settle(t)
	result, err := b.system.Events(b.ctx, elevate.EventsParams{FromNow: true})
	require.NoError(t, err)
	require.Empty(t, result.Events)
	require.False(t, result.More)
	return result.Next
}

// feed is what a reader gets behind a cursor, by at most limit at once, and the
// cursor it then has.
func (b *testBundle) feed(t testing.TB, store *elevate.Store, cursor string, limit int) ([]elevate.Event, string) {
	t.Helper()
	var events []elevate.Event
	for {
		result, err := store.Events(b.ctx, elevate.EventsParams{
			PageParams: elevate.PageParams{Cursor: cursor, Limit: limit},
		})
		require.NoError(t, err)
		require.NotEmpty(t, result.Next)
		require.LessOrEqual(t, len(result.Events), limit)
		require.NotNil(t, result.Events)
		events = append(events, result.Events...)
		cursor = result.Next
		if !result.More {
			return events, cursor
		}
		require.Len(t, result.Events, limit)
	}
}

func types(events []elevate.Event) []elevate.EventType {
	types := make([]elevate.EventType, len(events))
	for i, event := range events {
		types[i] = event.Type
	}
	return types
}

// toggle disables a user, or enables them again.
const toggle = `UPDATE {s}.users SET disabled_at = CASE WHEN disabled_at IS NULL THEN now() END
	WHERE id = $1 RETURNING disabled_at IS NOT NULL`

func TestEvents(t *testing.T) {
	t.Parallel()

	t.Run("FromTheBeginning", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		none, err := b.system.Events(b.ctx, elevate.EventsParams{})
		require.NoError(t, err)
		require.Empty(t, none.Events)
		require.NotEmpty(t, none.Next)

		userID := b.user(t, elevate.RoleUser)
		courseID, lessons := b.course(t, courseSeed{lessons: 2, published: true})
		_, err = b.system.Enroll(b.ctx, userID, courseID)
		require.NoError(t, err)
		for _, lessonID := range lessons {
			_, err = b.system.CompleteLesson(b.ctx, userID, lessonID, 0)
			require.NoError(t, err)
		}
		b.settle(t)
		want := []elevate.EventType{
			elevate.EventUserRegistered, // the learner
			elevate.EventUserRegistered, // the instructor
			elevate.EventCoursePublished,
			elevate.EventEnrollmentCreated,
			elevate.EventLessonCompleted,
			elevate.EventLessonCompleted,
			elevate.EventCourseCompleted,
		}
		ids := map[int64]bool{}
		for _, cursor := range []string{"", none.Next} {
			for limit := 1; limit <= len(want)+1; limit++ {
				events, next := b.feed(t, b.system, cursor, limit)
				require.Equal(t, want, types(events))
				for _, event := range events {
					ids[event.ID] = true
				}
				events, again := b.feed(t, b.system, next, limit)
				require.Empty(t, events)
				require.Equal(t, next, again, "kept while nothing happens")
			}
		}
		require.Len(t, ids, len(want))
		last, _ := b.feed(t, b.system, "", 500)
		require.Equal(t, userID, last[6].UserID)
		require.Equal(t, courseID, last[6].CourseID)
		require.Equal(t, courseID, last[6].SubjectID)
		require.Equal(t, scan[int64](t, b, `SELECT (extract(epoch FROM completed_at) * 1000000)::bigint FROM {s}.enrollments`),
			last[6].At.UnixMicro())
		require.Equal(t, "UTC", last[6].At.Location().String())
		require.Equal(t, uuid.Nil, last[0].CourseID)
		require.Equal(t, uuid.Nil, last[2].UserID)
	})

	t.Run("FromNow", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.user(t, elevate.RoleUser)
		cursor := b.now(t)
		b.user(t, elevate.RoleUser)
		b.settle(t)
		events, _ := b.feed(t, b.system, cursor, 10)
		require.Len(t, events, 1)
	})

	// What was not yet committed when the reader began is still to come.
	t.Run("FromNowBesideAWriter", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(toggle), userID)
		require.NoError(t, err)
		result, err := b.system.Events(b.ctx, elevate.EventsParams{FromNow: true})
		require.NoError(t, err)
		require.NoError(t, tx.Commit(b.ctx))
		b.settle(t)
		events, _ := b.feed(t, b.system, result.Next, 10)
		require.Contains(t, types(events), elevate.EventUserDisabled)
	})

	// The first to write commits last.
	t.Run("WaitsForLateCommit", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		cursor := b.now(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).SyncUser(b.ctx, elevate.SyncUserParams{
			ID: uuid.New(), Email: "late@example.org", Name: "Late",
		})
		require.NoError(t, err)
		b.course(t, courseSeed{published: true})
		events, cursor := b.feed(t, b.system, cursor, 10)
		require.Empty(t, events)
		require.NoError(t, tx.Commit(b.ctx))
		b.settle(t)
		events, _ = b.feed(t, b.system, cursor, 10)
		require.Len(t, events, 3)
	})

	// A transaction gets its id when it begins to write; here the older one waits
	// until the younger one has changed the row.
	t.Run("RowsInTheirOrder", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		cursor := b.now(t)
		older := b.begin(t)
		_, err := older.Exec(b.ctx, `SELECT pg_current_xact_id()`)
		require.NoError(t, err)
		b.exec(t, toggle, userID)
		_, err = older.Exec(b.ctx, b.sql(toggle), userID)
		require.NoError(t, err)
		require.NoError(t, older.Commit(b.ctx))
		b.settle(t)
		events, _ := b.feed(t, b.system, cursor, 1)
		require.Equal(t, []elevate.EventType{elevate.EventUserDisabled, elevate.EventUserEnabled}, types(events))
	})

	t.Run("NothingRolledBack", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		cursor := b.now(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(toggle), userID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		tx = b.begin(t)
		for _, sql := range []string{"SAVEPOINT s", toggle, "ROLLBACK TO s", toggle} {
			_, err := tx.Exec(b.ctx, b.sql(sql), args(sql, userID)...)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Commit(b.ctx))
		b.settle(t)
		events, _ := b.feed(t, b.system, cursor, 10)
		require.Equal(t, []elevate.EventType{elevate.EventUserDisabled}, types(events))
	})

	// The cursor is kept in the transaction of the effects.
	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		cursor := b.now(t)
		userID := b.user(t, elevate.RoleUser)
		b.settle(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(toggle), userID)
		require.NoError(t, err)
		events, cursor := b.feed(t, b.system.WithTx(tx), cursor, 10)
		require.Equal(t, []elevate.EventType{elevate.EventUserRegistered}, types(events), "its own come later")
		require.NoError(t, tx.Commit(b.ctx))
		b.settle(t)
		events, _ = b.feed(t, b.system, cursor, 10)
		require.Equal(t, []elevate.EventType{elevate.EventUserDisabled}, types(events))
	})

	// Only a transaction that writes holds the feed back.
	t.Run("PassesLongReader", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		cursor := b.now(t)
		tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users`))
		require.NoError(t, err)
		b.user(t, elevate.RoleUser)
		b.settle(t)
		events, _ := b.feed(t, b.system, cursor, 10)
		require.Len(t, events, 1)
		require.NoError(t, tx.Rollback(b.ctx))
	})

	// The statement is that of docs/events.md.
	t.Run("AfterRetention", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, page, found := strings.Cut(readText(t, "docs/events.md"), "```sql\nDELETE")
		require.True(t, found)
		sql, _, _ := strings.Cut("DELETE"+page, ";\n```")
		sql = strings.ReplaceAll(sql, "FROM events", "FROM {s}.events")
		for range 3 {
			b.user(t, elevate.RoleUser)
		}
		b.settle(t)
		first, err := b.system.Events(b.ctx, elevate.EventsParams{PageParams: elevate.PageParams{Limit: 1}})
		require.NoError(t, err)
		all, end := b.feed(t, b.system, "", 10)
		b.exec(t, `UPDATE {s}.events SET at = at - interval '91 days' WHERE id <= 2`)
		b.exec(t, sql)
		events, _ := b.feed(t, b.system, first.Next, 10)
		require.Equal(t, all[2:], events)
		b.exec(t, `DELETE FROM {s}.events`)
		events, kept := b.feed(t, b.system, end, 10)
		require.Empty(t, events)
		b.user(t, elevate.RoleUser)
		b.settle(t)
		events, _ = b.feed(t, b.system, kept, 10)
		require.Len(t, events, 1)
	})

	t.Run("AfterRestore", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		era := func(n string) {
			b.exec(t, `CREATE OR REPLACE FUNCTION {s}.event_era() RETURNS integer
				LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN `+n)
		}
		b.user(t, elevate.RoleUser)
		b.user(t, elevate.RoleUser)
		// In the server that the dump came from, transactions had greater ids.
		b.exec(t, `UPDATE {s}.events SET clock = clock + 1000000000000`)
		b.settle(t)
		events, start := b.feed(t, b.system, "", 1)
		require.Empty(t, events, "not known to be complete")

		era("1")
		events, cursor := b.feed(t, b.system, start, 1)
		require.Len(t, events, 2)
		era("0")
		_, err := b.system.Events(b.ctx, elevate.EventsParams{PageParams: elevate.PageParams{Cursor: cursor}})
		require.ErrorIs(t, err, elevate.ErrInvalidCursor, "rather than missing what comes")
		era("1")
		more, cursor := b.feed(t, b.system, cursor, 1)
		require.Empty(t, more)

		b.exec(t, `ALTER TABLE {s}.events ALTER COLUMN id RESTART WITH 1`)
		b.course(t, courseSeed{published: true})
		b.settle(t)
		more, _ = b.feed(t, b.system, cursor, 1)
		require.Equal(t, []elevate.EventType{elevate.EventUserRegistered, elevate.EventCoursePublished}, types(more))
		all, _ := b.feed(t, b.system, "", 1)
		require.Equal(t, append(events, more...), all)
		ids := map[int64]bool{}
		for _, event := range all {
			ids[event.ID] = true
		}
		require.Len(t, ids, 4)
	})

	t.Run("ReadsByTheIndex", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.exec(t, `INSERT INTO {s}.events (clock, type, subject_id)
			SELECT n / 3, 'test.plan', gen_random_uuid() FROM generate_series(1, 20000) AS n`)
		b.exec(t, `ANALYZE {s}.events`)
		plan := b.genericPlans(t, func(store *elevate.Store) error {
			_, err := store.As(elevate.System("test")).Events(b.ctx, elevate.EventsParams{})
			return err
		})
		require.Contains(t, plan, "Index Scan using events_pkey")
		require.Regexp(t, `Index Cond: \(\(ROW\(era, clock, id\) > .* AND \(ROW\(era, clock\) < `, plan)
		require.NotContains(t, plan, "Filter", "nothing is read to be passed over")
	})
}

// args are those of a statement that may have none.
func args(sql string, values ...any) []any {
	if strings.Contains(sql, "$1") {
		return values
	}
	return nil
}
