package schema_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/schema"
)

// fixture inserts testdata/fixtures/NNNNNN.sql, the rows of the tables and
// columns that a version brought, where there are any.
func fixture(t *testing.T, conn *pgx.Conn, version uint) {
	t.Helper()
	sql, err := os.ReadFile(fmt.Sprintf("testdata/fixtures/%06d.sql", version))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	// Old rows are written by sessions in UTC.
	execute(t, conn, "SET TIME ZONE 'UTC'")
	execute(t, conn, string(sql))
	execute(t, conn, "RESET TIME ZONE")
}

// rowCounts counts the rows of every table but the version table.
func rowCounts(t *testing.T, conn *pgx.Conn) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range column[string](t, conn, `
		SELECT c.relname::text
		FROM pg_class AS c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> $1`,
		schema.VersionTable) {
		counts[table] = scan[int](t, conn, "SELECT count(*)::integer FROM "+pgx.Identifier{table}.Sanitize())
	}
	return counts
}

// TestFixtures takes rows through every version, up and down again: a file that
// only works on empty tables fails here.
func TestFixtures(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	config := newDatabase(t)
	conn := connect(t, config)

	before := map[string]int{}
	for version := uint(1); version <= schema.Version(); version++ {
		require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, version))
		for table, rows := range before {
			require.Equal(t, rows, rowCounts(t, conn)[table], "%s at version %d", table, version)
		}
		fixture(t, conn, version)
		before = rowCounts(t, conn)
		require.NotEmpty(t, before)
		for table, rows := range before {
			require.NotZero(t, rows, "table %s has no row before the next migration: add some to testdata/fixtures/%06d.sql",
				table, version)
		}
	}

	// Times are what they were.
	require.Equal(t, []string{
		"2024-01-15 12:00:00.123456",
		"2024-03-10 02:30:00",
		"2024-07-01 00:00:00",
	}, column[string](t, conn, `
		SELECT x.at
		FROM users AS u
		CROSS JOIN LATERAL (
			VALUES ((u.created_at AT TIME ZONE 'UTC')::text), ((u.last_login AT TIME ZONE 'UTC')::text)
		) AS x (at)
		WHERE u.email IN ('teacher@example.com', 'ada@example.com') AND x.at IS NOT NULL
		ORDER BY x.at`))

	// Counters hold what is there.
	require.Equal(t, []string{"reading 3", "unwritten 0", "welding 2"}, column[string](t, conn, `
		SELECT c.slug || ' ' || c.lessons_total
		FROM courses AS c
		ORDER BY c.slug`))
	require.Equal(t, []string{
		"Ada in reading: 2 of 3, 66 %, open",
		"Ada in welding: 1 of 2, 100 %, completed 2024-09-01 00:00:00",
		"Ben in reading: 3 of 3, 100 %, completed 2024-08-06 06:00:00",
		"Ben in welding: 0 of 2, 0 %, open",
		"Rut in unwritten: 0 of 0, 0 %, open",
	}, column[string](t, conn, `
		SELECT format('%s in %s: %s of %s, %s %%, %s', u.name, c.slug,
			e.lessons_completed, e.lessons_total, e.progress,
			coalesce('completed ' || (e.completed_at AT TIME ZONE 'UTC'), 'open'))
		FROM enrollments AS e
		JOIN users AS u ON u.id = e.user_id
		JOIN courses AS c ON c.id = e.course_id
		ORDER BY u.name, c.slug`))
	require.Equal(t, 0, scan[int](t, conn, "SELECT sum(recount_course(c.id))::integer FROM courses AS c"))

	// New columns are filled.
	require.Equal(t, []string{"Ada, Welding"}, column[string](t, conn,
		"SELECT x.holder_name || ', ' || x.course_title FROM certificates AS x"))
	require.Equal(t, []string{"pi_1 0", "pi_2 4900"}, column[string](t, conn, `
		SELECT p.stripe_payment_id || ' ' || p.refunded_amount
		FROM payments AS p
		WHERE p.stripe_payment_id IS NOT NULL
		ORDER BY p.stripe_payment_id`))
	require.Equal(t, []string{"unknown"}, column[string](t, conn, "SELECT DISTINCT e.source FROM enrollments AS e"))

	// Ratings hold those from before they were counted and those from after.
	require.Equal(t, []string{"welding 2 3.50"}, column[string](t, conn, `
		SELECT c.slug || ' ' || s.rating_count || ' ' || s.rating
		FROM course_stats AS s
		JOIN courses AS c ON c.id = s.course_id`))
	require.Equal(t, 0, scan[int](t, conn, "SELECT sum(recount_ratings(c.id))::integer FROM courses AS c"))
	require.Equal(t, []string{"reading", "welding"}, column[string](t, conn, `
		SELECT c.slug::text
		FROM courses AS c
		WHERE c.search @@ to_tsquery('english', 'letter | welded')
		ORDER BY c.slug`))

	// The way down keeps the rows.
	for version := schema.Version() - 1; version >= 1; version-- {
		require.NoError(t, schema.Down(ctx, config, version, nil))
		for table, rows := range rowCounts(t, conn) {
			require.Equal(t, before[table], rows, "%s at version %d", table, version)
		}
	}
	require.Len(t, rowCounts(t, conn), len(specification))
	require.Equal(t, "2024-01-15 12:00:00.123456", scan[string](t, conn,
		"SELECT u.created_at::text FROM users AS u WHERE u.email = 'teacher@example.com'"))
	require.NoError(t, schema.Up(ctx, config, nil))
	require.NoError(t, schema.Down(ctx, config, 0, nil))
}
