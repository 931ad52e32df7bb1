package elevate_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

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
	case bool, int32, float64, string, elevate.CourseLevel, uuid.UUID:
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

// TestCatalogPlans has 100,000 courses, with descriptions of 900 characters, half
// of them reviewed, and asks for plans that know neither which filters are set nor
// what is looked for.
func TestCatalogPlans(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	const courses = 100_000
	b.exec(t, `INSERT INTO {s}.users (id, email, password_hash, name, role)
		SELECT gen_random_uuid(), i || '@example.org', '!', 'T', 'instructor' FROM generate_series(1, 2000) AS i`)
	// The index of words is built at the end, which is faster. One level is rare,
	// and so are courses that cost nothing.
	b.exec(t, `DROP INDEX {s}.courses_search_idx`)
	b.exec(t, `INSERT INTO {s}.courses (
			title, slug, description, instructor_id, category, level, price, published, created_at
		)
		SELECT
			'Course w' || i % 997,
			'c' || i,
			'rare' || i % 10000 || repeat(' About what is learned.', 40),
			u.ids[1 + i % 2000],
			'category ' || i % 50,
			(CASE WHEN i % 20000 = 1 THEN 'advanced' WHEN i % 2 = 0 THEN 'beginner' ELSE 'intermediate' END)::{s}.course_level,
			CASE WHEN i % 10000 = 1 THEN 0 ELSE 4900 END,
			i % 10 <> 0,
			timestamptz '2024-01-01' + i * interval '1 minute'
		FROM (SELECT array_agg(id ORDER BY id) AS ids FROM {s}.users) AS u
		CROSS JOIN generate_series(1, $1::integer) AS i`, courses)
	b.exec(t, `CREATE INDEX courses_search_idx ON {s}.courses USING gin (search)`)
	b.exec(t, `INSERT INTO {s}.course_stats (course_id, rating_count, rating_sum)
		SELECT id, 2, 9 FROM {s}.courses WHERE lessons_total = 0 LIMIT $1`, courses/2)
	b.exec(t, `VACUUM (ANALYZE) {s}.courses, {s}.course_stats`)
	instructorID := scan[uuid.UUID](t, b, `SELECT instructor_id FROM {s}.courses LIMIT 1`)

	type expected struct {
		index  string
		params elevate.ListCoursesParams
		page   int // rows on the first page
	}
	limit := elevate.PageParams{Limit: 20}
	for name, want := range map[string]expected{
		"All":                {"idx_courses_published", elevate.ListCoursesParams{}, 20},
		"Category":           {"idx_courses_category", elevate.ListCoursesParams{Category: "category 7"}, 20},
		"CategoryRareLevel":  {"idx_courses_category", elevate.ListCoursesParams{Category: "category 1", Level: "advanced"}, 5},
		"CategoryLevel":      {"idx_courses_category", elevate.ListCoursesParams{Category: "category 2", Level: "beginner"}, 20},
		"CategoryFree":       {"idx_courses_category", elevate.ListCoursesParams{Category: "category 1", Price: "free"}, 10},
		"CategoryLevelPrice": {"idx_courses_category", elevate.ListCoursesParams{Category: "category 2", Level: "beginner", Price: "paid"}, 20},
		"CategoryUnknown":    {"idx_courses_category", elevate.ListCoursesParams{Category: "none"}, 0},
		"RareLevel":          {"courses_level_idx", elevate.ListCoursesParams{Level: "advanced"}, 5},
		"Level":              {"courses_level_idx", elevate.ListCoursesParams{Level: "beginner"}, 20},
		"Free":               {"courses_level_idx", elevate.ListCoursesParams{Price: "free"}, 10},
		"Paid":               {"courses_level_idx", elevate.ListCoursesParams{Price: "paid"}, 20},
		"LevelPaid":          {"courses_level_idx", elevate.ListCoursesParams{Level: "intermediate", Price: "paid"}, 20},
		"Instructor":         {"idx_courses_instructor", elevate.ListCoursesParams{InstructorID: instructorID}, 20},
		"InstructorLevel":    {"idx_courses_instructor", elevate.ListCoursesParams{InstructorID: instructorID, Level: "advanced"}, -1},
		"Query":              {"courses_search_idx", elevate.ListCoursesParams{Query: "w123"}, 20},
		"QueryRare":          {"courses_search_idx", elevate.ListCoursesParams{Query: "rare777"}, 10},
		"QueryCommon":        {"courses_search_idx", elevate.ListCoursesParams{Query: "course"}, 20},
		"QueryFiltered": {"courses_search_idx", elevate.ListCoursesParams{
			Query: "w123", Category: "category 3", Level: "intermediate", Price: "paid",
		}, -1},
		"QueryInstructor": {"courses_search_idx", elevate.ListCoursesParams{Query: "course", InstructorID: instructorID}, 20},
	} {
		params := want.params
		params.PageParams = limit
		page, err := b.store.ListCourses(b.ctx, params)
		require.NoError(t, err, name)
		if want.page >= 0 {
			require.Len(t, page.Items, want.page, name)
		}
		cursors := []string{""}
		if page.Next != "" {
			cursors = append(cursors, page.Next)
		}
		for _, cursor := range cursors {
			params.Cursor = cursor
			plan := b.genericPlans(t, func(store *elevate.Store) error {
				_, err := store.ListCourses(b.ctx, params)
				return err
			})
			require.NotContains(t, plan, "Seq Scan", "%s\n%s", name, plan)
			require.Contains(t, plan, want.index, "%s\n%s", name, plan)
			if want.params.Query == "" {
				require.NotRegexp(t, `Rows Removed by Filter: \d{3}`, plan, "%s: a rare value is looked for among others", name)
			}
		}
	}
	for name, want := range map[string]expected{
		"All":        {index: "Index Only Scan using idx_courses_category"},
		"Category":   {"Index Only Scan using idx_courses_category", elevate.ListCoursesParams{Category: "category 7"}, 0},
		"Instructor": {"Index Only Scan using idx_courses_category", elevate.ListCoursesParams{InstructorID: instructorID}, 0},
		"Query":      {"courses_search_idx", elevate.ListCoursesParams{Query: "course", Level: "beginner"}, 0},
	} {
		plan := b.genericPlans(t, func(store *elevate.Store) error {
			_, err := store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{
				Category: want.params.Category, InstructorID: want.params.InstructorID,
				Level: want.params.Level, Query: want.params.Query,
			})
			return err
		})
		require.NotContains(t, plan, "Seq Scan", "%s\n%s", name, plan)
		require.Contains(t, plan, want.index, "%s\n%s", name, plan)
	}
}
