package elevate_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// relationLocks is how many tables and indexes an operation keeps locked until its
// transaction ends: what must be written here where a change is wanted.
var relationLocks = map[string]struct {
	planned int // with plans made in this transaction
	cached  int // with the generic plans of an earlier one, as a warm connection has them
}{
	"CompleteLesson":     {planned: 30, cached: 14},
	"CompleteLessonLast": {planned: 32, cached: 16},
	"Enroll":             {planned: 41, cached: 18},
}

// TestRelationLocks pins what the busiest operations cost in the server's table of
// locks. Up to PostgreSQL 17 a backend has 16 places of its own for them, one for
// each table and index; those beyond are in a table that all backends share and
// wait for. Planning locks every index of every table that a statement names, so
// each new index shows in planned, and what a trigger comes to touch in both.
func TestRelationLocks(t *testing.T) {
	t.Parallel()

	type relationBundle struct {
		*testBundle

		userID, courseID uuid.UUID
		lessons          []uuid.UUID
	}
	for name, test := range map[string]struct {
		before func(t *testing.T, b *relationBundle)
		call   func(store *elevate.Store, b *relationBundle) error
	}{
		"CompleteLesson": {
			before: func(t *testing.T, b *relationBundle) {
				t.Helper()
				b.enroll(t, b.userID, b.courseID)
			},
			call: func(store *elevate.Store, b *relationBundle) error {
				_, err := store.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
				return err
			},
		},
		"CompleteLessonLast": {
			before: func(t *testing.T, b *relationBundle) {
				t.Helper()
				b.enroll(t, b.userID, b.courseID)
				b.complete(t, b.userID, b.lessons[0])
			},
			call: func(store *elevate.Store, b *relationBundle) error {
				result, err := store.CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
				require.True(t, result.CourseCompleted)
				return err
			},
		},
		"Enroll": {
			before: func(*testing.T, *relationBundle) {},
			call: func(store *elevate.Store, b *relationBundle) error {
				_, err := store.Enroll(b.ctx, b.userID, b.courseID)
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &relationBundle{testBundle: newBundle(t)}
			b.userID = b.user(t, elevate.RoleUser)
			b.courseID, b.lessons = b.course(t, courseSeed{lessons: 2, published: true})
			test.before(t, b)

			held := func(mode string) []string {
				pool := b.poolWith(t, func(cfg *pgxpool.Config) {
					cfg.MaxConns = 1
					cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = mode
					cfg.ConnConfig.RuntimeParams["enable_seqscan"] = "off" // as in tables that are not empty
				})
				var relations []string
				for range 2 { // the first call prepares the statements, also those of triggers
					tx, err := pool.Begin(b.ctx)
					require.NoError(t, err)
					err = test.call(b.system.WithTx(tx), b)
					relations = b.lockedRelations(t, tx)
					require.NoError(t, tx.Rollback(b.ctx))
					require.NoError(t, err)
				}
				return relations
			}
			for mode, want := range map[string]int{
				"force_custom_plan":  relationLocks[name].planned,
				"force_generic_plan": relationLocks[name].cached,
			} {
				relations := held(mode)
				require.Len(t, relations, want, "%s locks %d tables and indexes with %s:\n%s",
					name, len(relations), mode, strings.Join(relations, "\n"))
			}
		})
	}
}

// lockedRelations are the tables and indexes that a transaction has locked, and
// how.
func (b *testBundle) lockedRelations(t testing.TB, tx pgx.Tx) []string {
	t.Helper()
	rows, err := b.pool.Query(b.ctx, `
		SELECT c.relname || ' ' || string_agg(l.mode, ', ' ORDER BY l.mode)
		FROM pg_locks AS l
		JOIN pg_class AS c ON c.oid = l.relation
		WHERE l.pid = $1 AND l.locktype = 'relation'
		GROUP BY c.relname
		ORDER BY c.relname`, tx.Conn().PgConn().PID())
	require.NoError(t, err)
	relations, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return relations
}
