package elevate_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

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
	instructorID := scan[uuid.UUID](t, b, `SELECT instructor_id FROM {s}.courses WHERE slug = 'c1'`)

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
