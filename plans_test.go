package elevate_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/internal/golden"
	"github.com/elevateforhumanity/elevate/schema"
)

// scansByDesign are what plans read from end to end all the same, and why.
var scansByDesign = []struct{ query, scan, why string }{
	{
		"CourseFacets", "Index Only Scan using all of idx_courses_category",
		"it counts every published course, in an index that holds all that it looks at",
	},
	{
		"ListenerPut", "Index Scan using all of listeners_pkey",
		"it reads once for each connection that comes, one row for each that is open; " +
			"with an index of expires_at, every renewal would write to every index",
	},
}

// mostUsed are the queries whose plans are golden: what a page of the site or a
// lesson sends again and again.
var mostUsed = []string{
	"CourseGetBySlug",
	"CourseList",
	"EnrollmentCreate",
	"EnrollmentListByUser",
	"LessonComplete",
	"LessonGet",
	"LessonListByCourse",
	"NotificationCountUnread",
	"NotificationList",
	"SessionTouch",
}

// oldestPostgres is the oldest major version that is supported.
const oldestPostgres = 15

// generatedQueries are the texts of all queries by name, as sqlc made them and
// the pipeline sends them.
func generatedQueries(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("db/*.sql.go")
	require.NoError(t, err)
	named := regexp.MustCompile(`^-- name: (\w+) :\w+\n`)
	queries := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			basic, ok := n.(*ast.BasicLit)
			if !ok || basic.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(basic.Value)
			require.NoError(t, err)
			if match := named.FindStringSubmatch(text); match != nil {
				queries[match[1]] = text
			}
			return true
		})
	}
	written := 0
	files, err = filepath.Glob("queries/*.sql")
	require.NoError(t, err)
	for _, name := range files {
		sql, err := os.ReadFile(name)
		require.NoError(t, err)
		written += strings.Count("\n"+string(sql), "\n-- name: ")
	}
	require.Len(t, queries, written, "every query is explained")
	return queries
}

// planNode is what the tests read of a step of a plan.
type planNode struct {
	Type      string     `json:"Node Type"`
	Table     string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Condition string     `json:"Index Cond"`
	Arbiters  []string   `json:"Conflict Arbiter Indexes"`
	Operation string     `json:"Operation"`
	Join      string     `json:"Join Type"`
	CTE       string     `json:"CTE Name"`
	Role      string     `json:"Parent Relationship"`
	Subplan   string     `json:"Subplan Name"`
	Steps     []planNode `json:"Plans"`
}

// walk visits a step before those it reads from.
func (n *planNode) walk(visit func(n *planNode, depth int)) {
	var down func(n *planNode, depth int)
	down = func(n *planNode, depth int) {
		visit(n, depth)
		for i := range n.Steps {
			down(&n.Steps[i], depth+1)
		}
	}
	down(n, 0)
}

// scans are the steps that read a table or an index from end to end, if nobody
// stops them.
func (n *planNode) scans() []string {
	found := map[string]bool{}
	n.walk(func(n *planNode, _ int) {
		switch n.Type {
		case "Seq Scan", "Sample Scan":
			found[n.Type+" on "+n.Table] = true
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			if n.Condition == "" {
				found[n.Type+" using all of "+n.Index] = true
			}
		}
	})
	return slices.Sorted(maps.Keys(found))
}

// indexes are those that the plan reads, or that arbitrate an ON CONFLICT.
func (n *planNode) indexes() []string {
	var found []string
	n.walk(func(n *planNode, _ int) {
		if n.Index != "" {
			found = append(found, n.Index)
		}
		found = append(found, n.Arbiters...)
	})
	slices.Sort(found)
	return slices.Compact(found)
}

// shape is the plan with one line for each step, without what differs between
// major versions.
func (n *planNode) shape() string {
	var out strings.Builder
	n.walk(func(n *planNode, depth int) {
		out.WriteString(strings.Repeat("  ", depth))
		switch {
		case strings.HasPrefix(n.Subplan, "CTE "):
			out.WriteString(n.Subplan + ": ")
		case n.Role == "InitPlan" || n.Role == "SubPlan":
			out.WriteString(n.Role + ": ")
		}
		out.WriteString(cmp.Or(n.Operation, n.Type))
		if n.Join != "" && n.Join != "Inner" {
			out.WriteString(" " + n.Join)
		}
		if n.Index != "" {
			out.WriteString(" using " + n.Index)
		}
		if on := cmp.Or(n.Table, n.CTE); on != "" {
			out.WriteString(" on " + on)
		}
		if len(n.Arbiters) > 0 {
			out.WriteString(" arbitrated by " + strings.Join(n.Arbiters, ", "))
		}
		out.WriteString("\n")
	})
	return out.String()
}

// explain is the plan of a query that serves whatever its arguments are.
func (b *testBundle) explain(t testing.TB, conn *pgxpool.Conn, query string) *planNode {
	t.Helper()
	query = strings.ReplaceAll(query, "public.", b.sql("{s}."))
	_, err := conn.Exec(b.ctx, "PREPARE planned AS "+query, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err, query)
	var call string
	err = conn.QueryRow(b.ctx, `
		SELECT 'EXECUTE planned' || coalesce('(' || (
			SELECT string_agg('NULL', ', ') FROM unnest(p.parameter_types)
		) || ')', '')
		FROM pg_prepared_statements AS p
		WHERE p.name = 'planned'`).Scan(&call)
	require.NoError(t, err)
	var text string
	err = conn.QueryRow(b.ctx, "EXPLAIN (FORMAT JSON) "+call, pgx.QueryExecModeSimpleProtocol).Scan(&text)
	require.NoError(t, err, query)
	_, err = conn.Exec(b.ctx, "DEALLOCATE planned")
	require.NoError(t, err)
	var plans []struct {
		Plan planNode `json:"Plan"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	require.Len(t, plans, 1)
	return &plans[0].Plan
}

// queryLog keeps what a pool sends.
type queryLog struct {
	mu      sync.Mutex
	queries []pgx.TraceQueryStartData
}

func (l *queryLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queries = append(l.queries, data)
	return ctx
}

func (*queryLog) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// sqlLiteral is an argument as EXECUTE takes it.
func sqlLiteral(t testing.TB, arg any) string {
	t.Helper()
	if v := reflect.ValueOf(arg); v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "NULL"
		}
		arg = v.Elem().Interface()
	}
	switch arg := arg.(type) {
	case time.Time:
		return "'" + arg.Format(time.RFC3339Nano) + "'"
	case bool, int32, int64, float64, string, elevate.CourseLevel, uuid.UUID:
		return "'" + strings.ReplaceAll(fmt.Sprint(arg), "'", "''") + "'"
	default:
		t.Fatalf("no literal of a %T", arg)
		return ""
	}
}

// genericPlans are the plans that serve every call, of the queries that a read
// sends, with what each step did.
func (b *testBundle) genericPlans(t testing.TB, read func(store *elevate.Store) error) string {
	t.Helper()
	sent := &queryLog{}
	pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.Tracer = sent })
	require.NoError(t, read(b.on(t, pool)))
	pool.Close()
	require.Len(t, sent.queries, 1)
	conn, err := b.pool.Acquire(b.ctx)
	require.NoError(t, err)
	defer conn.Release()
	args := make([]string, len(sent.queries[0].Args))
	for i, arg := range sent.queries[0].Args {
		args[i] = sqlLiteral(t, arg)
	}
	for _, sql := range []string{
		"SET plan_cache_mode = force_generic_plan", "PREPARE planned AS " + sent.queries[0].SQL,
	} {
		_, err := conn.Exec(b.ctx, sql)
		require.NoError(t, err)
	}
	rows, err := conn.Query(b.ctx, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE planned ("+strings.Join(args, ", ")+")",
		pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, sql := range []string{"DEALLOCATE planned", "RESET plan_cache_mode"} {
		_, err := conn.Exec(b.ctx, sql)
		require.NoError(t, err)
	}
	return strings.Join(lines, "\n")
}

// TestPlans asks for the generic plan of every query of the library, on tables
// with 10,000 to 70,000 rows. It finds what would be slow only once a site
// has grown, and indexes that are only paid for.
func TestPlans(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	conn, err := b.pool.Acquire(b.ctx)
	require.NoError(t, err)
	t.Cleanup(conn.Release)
	exec := func(sql string) {
		t.Helper()
		_, err := conn.Exec(b.ctx, b.sql(sql), pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err, sql)
	}
	exec(`SET search_path = {s}`)
	// No triggers and no checks of foreign keys: the rows fit.
	exec(`SET session_replication_role = replica`)
	for _, sql := range manyRows {
		exec(sql)
	}
	// Every row is in the sample, so that no plan depends on chance.
	exec(`SET default_statistics_target = 400`)
	exec(`VACUUM (ANALYZE)`)
	var empty []string
	err = conn.QueryRow(b.ctx, `
		SELECT coalesce(array_agg(c.relname::text ORDER BY c.relname), '{}')
		FROM pg_class AS c
		WHERE c.relnamespace = $1::text::regnamespace
			AND c.relkind = 'r'
			AND c.relname <> $2
			AND c.reltuples < 10000`, b.schema, schema.VersionTable).Scan(&empty)
	require.NoError(t, err)
	require.Empty(t, empty, "every table needs rows in manyRows: a plan on an empty one proves nothing")

	// Workers would only make another shape of the same plan.
	exec(`SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0`)
	plans := map[string]*planNode{}
	for name, query := range generatedQueries(t) {
		plans[name] = b.explain(t, conn, query)
	}
	reads := b.operationReads(t)
	indexes := b.indexRows(t, conn, plans, reads)

	t.Run("NothingIsReadWhole", func(t *testing.T) {
		t.Parallel()
		excused := map[string]bool{}
		for _, e := range scansByDesign {
			require.NotEmpty(t, e.why)
			excused[e.query+": "+e.scan] = true
		}
		for _, name := range slices.Sorted(maps.Keys(plans)) {
			for _, scan := range plans[name].scans() {
				found := name + ": " + scan
				if !excused[found] {
					t.Errorf("%s\n%s", found, plans[name].shape())
				}
				delete(excused, found)
			}
		}
		require.Empty(t, excused, "in scansByDesign, but no longer so")
	})

	t.Run("NoOperationReadsMuch", func(t *testing.T) {
		t.Parallel()
		excused := maps.Clone(readsByDesign)
		for _, name := range slices.Sorted(maps.Keys(reads)) {
			for _, read := range reads[name] {
				switch e, ok := excused[name]; {
				case read.Rows <= mostRead && !read.IsTable:
				case ok && e.relation == read.Name:
					require.NotEmpty(t, e.why)
					delete(excused, name)
				case read.IsTable:
					t.Errorf("%s scans %s %d times, %d rows", name, read.Name, read.Scans, read.Rows)
				default:
					t.Errorf("%s reads %d rows of %s in %d scans", name, read.Rows, read.Name, read.Scans)
				}
			}
		}
		require.Empty(t, excused, "in readsByDesign, but no longer so")
	})

	t.Run("MostUsed", func(t *testing.T) {
		t.Parallel()
		var shapes strings.Builder
		for _, name := range mostUsed {
			require.Contains(t, plans, name)
			shapes.WriteString(name + "\n\n" + plans[name].shape() + "\n")
		}
		golden.Require(t, "testdata/plans.txt", shapes.String())
	})

	t.Run("EachIndexIsNeeded", func(t *testing.T) {
		t.Parallel()
		kept := maps.Clone(keptIndexes)
		for _, index := range indexes {
			needed := index.needs(indexes) != ""
			why, excused := kept[index.Name]
			switch {
			case !needed && !excused:
				t.Errorf("nothing needs %s of %s: drop it, or say in keptIndexes why it stays", index.Name, index.Table)
			case needed && excused:
				t.Errorf("%s is in keptIndexes, but needed: %s", index.Name, index.needs(indexes))
			case excused:
				require.NotEmpty(t, why)
			}
			delete(kept, index.Name)
		}
		require.Empty(t, kept, "in keptIndexes, but there is no such index")
	})

	t.Run("EachForeignKeyHasOne", func(t *testing.T) {
		t.Parallel()
		rows, err := conn.Query(b.ctx, `
			SELECT n.conname::text
			FROM pg_constraint AS n
			WHERE n.connamespace = $1::text::regnamespace AND n.contype = 'f'
			ORDER BY n.conname`, b.schema)
		require.NoError(t, err)
		keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.NotEmpty(t, keys)
		for _, key := range keys {
			covered := slices.ContainsFunc(indexes, func(i *indexRow) bool { return slices.Contains(i.Keys, key) })
			require.True(t, covered, "a deletion of the parent of %s reads the whole table", key)
		}
	})

	// Of the oldest version only: a later one stops a join that finds nothing at
	// another step.
	if scan[int](t, b, `SELECT current_setting('server_version_num')::integer / 10000`) == oldestPostgres {
		t.Run("Report", func(t *testing.T) {
			t.Parallel()
			golden.Require(t, "docs/indexes.md", indexReport(indexes))
		})
	}
}
