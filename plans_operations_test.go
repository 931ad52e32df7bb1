package elevate_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// mostRead is how many rows of one table or index a call may read on full tables:
// more than a page of the longest list and than the few rows of a world.
const mostRead = 100

// readsByDesign are the operations that read more, of what, and why.
var readsByDesign = map[string]struct{ relation, why string }{
	"CatalogFacets": {"courses_search_idx", "it counts every course that matches, and all of manyRows do"},
}

// relationReads is what a transaction has read so far.
type relationReads struct {
	Name    string
	IsTable bool
	Scans   int64 // of an index, or of a table from end to end
	Rows    int64
}

// reads are the counters behind pg_stat_user_tables and pg_stat_user_indexes, of
// this transaction alone: nobody else who reads meanwhile is in them.
func (b *testBundle) reads(t testing.TB, tx pgx.Tx) map[string]relationReads {
	t.Helper()
	rows, err := tx.Query(b.ctx, `
		SELECT
			c.relname::text AS name,
			c.relkind = 'r' AS is_table,
			pg_stat_get_xact_numscans(c.oid) AS scans,
			pg_stat_get_xact_tuples_returned(c.oid) AS rows
		FROM pg_class AS c
		WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'i')`, b.schema)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[relationReads])
	require.NoError(t, err)
	reads := map[string]relationReads{}
	for _, relation := range found {
		reads[relation.Name] = relation
	}
	return reads
}

// operationReads are the tables and indexes that each operation reads, with its
// triggers and the checks of its foreign keys, which no plan of a query shows. Those
// that run only outside of a caller's transaction are not among them.
func (b *testBundle) operationReads(t *testing.T) map[string][]relationReads {
	t.Helper()
	pool := b.poolWith(t, func(cfg *pgxpool.Config) {
		cfg.MaxConns = 1
		cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
		cfg.ConnConfig.RuntimeParams["max_parallel_workers_per_gather"] = "0"
	})
	store := b.on(t, pool).As(elevate.System("test"))
	result := map[string][]relationReads{}
	for _, op := range operations() {
		if op.alone {
			continue
		}
		// The first call plans, and the planner looks at the ends of indexes.
		for _, warm := range []bool{true, false} {
			w := newWorld(t, b)
			if op.prepare != nil {
				op.prepare(t, w)
			}
			tx, err := pool.Begin(b.ctx)
			require.NoError(t, err)
			before := b.reads(t, tx)
			require.NoError(t, op.call(b.ctx, store.WithTx(tx), w), op.name)
			after := b.reads(t, tx)
			require.NoError(t, tx.Rollback(b.ctx))
			if warm {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(after)) {
				read := after[name]
				read.Scans -= before[name].Scans
				read.Rows -= before[name].Rows
				if read.Scans > 0 {
					result[op.name] = append(result[op.name], read)
				}
			}
		}
	}
	return result
}
