package elevate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/elevateforhumanity/elevate"
)

func TestSearchCourses(t *testing.T) {
	t.Parallel()

	setup := func(t *testing.T) *testBundle {
		t.Helper()
		b := newBundle(t)
		b.catalogCourse(t, catalogCourse{title: "Cooking for two", description: "Recipes; one is about gardens."})
		b.catalogCourse(t, catalogCourse{title: "Gardening", description: "Planting the cook's garden.", level: elevate.LevelAdvanced})
		b.catalogCourse(t, catalogCourse{title: "Gärten anlegen", description: "Über Häuser und Beete.", language: "german", price: 4900})
		b.catalogCourse(t, catalogCourse{title: "Welding", description: "Metal, and more metal.", category: "trades"})
		b.catalogCourse(t, catalogCourse{title: "Secret gardens", draft: true})
		return b
	}

	t.Run("Finds", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for query, want := range map[string][]string{
			"gardens":                 {"Gardening", "Cooking for two"}, // the title outweighs
			"COOKING gardening":       {"Gardening", "Cooking for two"},
			"garden -recipes":         {"Gardening"},
			"welding or recipe":       {"Welding", "Cooking for two"},
			`"one is about gardens"`:  {"Cooking for two"},
			`"gardens about is one"`:  {},
			"garden metal":            {},
			"the":                     {}, // no words
			"!!! & | ( :* '":          {},
			`"`:                       {},
			"' OR 1 = 1; --":          {},
			strings.Repeat("a ", 127): {},
			"metal":                   {"Welding"},
			"welding - metal":         {"Welding"}, // a dash, which excludes nothing
			"welding -- metal":        {"Welding"},
			"welding --metal":         {"Welding"},
			"metal -":                 {"Welding"},
			`welding -"more metal"`:   {},
			"welding (-metal)":        {},
			"welding -.metal":         {},
		} {
			require.Equal(t, want, b.titles(t, b.store, elevate.ListCoursesParams{Query: query}), query)
		}
		require.Len(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: " \t\n"}), 4, "no query")
	})

	// The parts of what PostgreSQL would take for one file, host, tag or number.
	t.Run("Punctuation", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		titles := map[string][]string{
			"HTML/CSS basics":                       {"html", "css", "css html", "html/css", `"html css"`, "HTML & CSS", "html,css"},
			"Node.js for all":                       {"node", "js", "node.js", "node js", "-node.x node"},
			"ASP.NET and C++":                       {"asp", "asp.net", "c++", "C"},
			"GPT-4 and Lesson -5":                   {"gpt", "gpt-4", "4", "5", "lesson 5", "lesson-5"},
			"Use <template> well":                   {"template", "<template>"},
			"Excel 2016/2019":                       {"2019", "2016", "excel-2016"},
			"Fran\u00e7ais/Anglais":                 {"anglais", "fran\u00e7ais", "franc\u0327ais"},
			"Cafe\u0301 culture":                    {"caf\u00e9", "cafe\u0301"},
			"\u201cWords\u201d\u2014twice":          {"words", "twice", "words\u2014twice", "\u201cwords\u201d"},
			"ada@example.org writes":                {"ada", "example", "ada@example.org"},
			"\u00bfProgramar or\u00e7amento\u202f?": {"programar", "or\u00e7amento", "\u00bfprogramar", "xx or or\u00e7amento"},
			"snake_case names":                      {"snake", "case", "snake_case"},
		}
		for title := range titles {
			b.catalogCourse(t, catalogCourse{title: title})
		}
		for title, queries := range titles {
			for _, query := range queries {
				require.Equal(t, []string{title}, b.titles(t, b.store, elevate.ListCoursesParams{Query: query}), query)
			}
		}
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "js -node.js"}))
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: `js -"node`}), "not closed yet")
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: `html "or" cafe`}), "no operator")
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "html or. cafe"}))
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "node.for.js"}), "parts are a phrase")
	})

	// A query is cut where titles are.
	t.Run("SameWords", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		var cut []rune
		for r := rune(1); r <= 0xFFFF; r++ {
			if utf8.ValidRune(r) && norm.NFC.IsNormalString(string(r)) && elevate.NotOfWords.MatchString(string(r)) {
				cut = append(cut, r)
			}
		}
		require.Equal(t, cut, scan[[]rune](t, b, `SELECT array_agg(c ORDER BY c)
			FROM generate_series(1, 65535) AS c
			WHERE c NOT BETWEEN 55296 AND 57343 -- surrogates
				AND normalize(chr(c), NFC) = chr(c)
				AND regexp_replace({s}.search_text('a' || chr(c) || 'b'), '^a ', '') = 'b'`))
		for r := rune(1); r <= unicode.MaxRune; r++ {
			require.False(t, unicode.IsSpace(r) && !elevate.NotOfWords.MatchString(string(r)), "%U", r)
		}
	})

	// Whatever a title is made of, it answers the query that is its text. A minus and
	// quotation marks mean something there.
	t.Run("ByTitle", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		id := b.catalogCourse(t, catalogCourse{title: "x", language: "simple"})
		random := rand.New(rand.NewPCG(5, 6))
		signs := []rune("ab1 .,:;/\\_#+*&%$@~^|'`()[]{}<>=?! \u00b7\u00bf\u2013\u2014\u2019\u201c\u2026\u20ac\u3001\uff0c\u00a0\t\u0301\u00e9\u093e\u200d\u6f22")
		for range 300 {
			title := []rune("a")
			for range 1 + random.IntN(20) {
				title = append(title, signs[random.IntN(len(signs))])
			}
			b.exec(t, `UPDATE {s}.courses SET title = $2 WHERE id = $1`, id, string(title))
			found := b.listed(t, b.store, elevate.ListCoursesParams{Query: string(title), Language: "simple"})
			require.Equal(t, []uuid.UUID{id}, found, "%q", string(title))
		}
	})

	// However often a description says the words, a title that has them comes first.
	t.Run("TitlesFirst", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.catalogCourse(t, catalogCourse{title: "Go for engineers of servers, from all of the basics"})
		b.catalogCourse(t, catalogCourse{title: "Rust", description: strings.Repeat("go basics ", 50)})
		b.catalogCourse(t, catalogCourse{title: "Go", description: "The basics of it."})
		require.Equal(t, []string{"Go for engineers of servers, from all of the basics", "Rust", "Go"},
			b.titles(t, b.store, elevate.ListCoursesParams{Query: "go basics"}))
	})

	// PostgreSQL stacks each minus that it takes for a "not", and fails at 32.
	t.Run("ManyMinuses", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, between := range []string{
			"", " ", "\t", "\u00a0", "\u2003", "\u3000", "!", "& |", "()", `"`, "' ", "or ", "\x01", "\u200b", "😀", "\u0301", "_",
		} {
			query := strings.Repeat("-"+between, 255/len([]rune("-"+between)))
			_, err := b.store.ListCourses(b.ctx, elevate.ListCoursesParams{Query: query})
			require.NoError(t, err, "%q", between)
			_, err = b.store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{Query: query})
			require.NoError(t, err, "%q", between)
		}
	})

	t.Run("Language", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "Häusern"}))
		require.Equal(t, []string{"Gärten anlegen"},
			b.titles(t, b.store, elevate.ListCoursesParams{Query: "Häusern", Language: "german"}))
		german, err := elevate.New(b.pool, &elevate.Config{Schema: b.schema, SearchLanguage: "german"})
		require.NoError(t, err)
		require.Equal(t, []string{"Gärten anlegen"}, b.titles(t, german, elevate.ListCoursesParams{Query: "Häusern"}))
		// New courses are in it too; edits follow, and are versions.
		created, err := german.As(elevate.System("test")).CreateCourse(b.ctx, elevate.CreateCourseParams{
			InstructorID: b.user(t, elevate.RoleInstructor), Slug: "buecher", Title: "Bücher", Category: "x",
			Level: elevate.LevelBeginner,
		})
		require.NoError(t, err)
		require.Equal(t, "german", created.Course.Language)
		edit := elevate.UpdateCourseParams{
			ID: created.Course.ID, Version: 1, Slug: "buecher", Title: "Bücher", Category: "x", Currency: "USD",
			Level: elevate.LevelBeginner,
		}
		same, err := b.system.UpdateCourse(b.ctx, edit)
		require.NoError(t, err)
		require.Equal(t, created.Course, same, "an empty language leaves it")
		edit.Language = "simple"
		edited, err := b.system.UpdateCourse(b.ctx, edit)
		require.NoError(t, err)
		require.Equal(t, "simple", edited.Language)
		require.Equal(t, int32(2), edited.Version)
		_, err = elevate.New(b.pool, &elevate.Config{SearchLanguage: "klingon"})
		requireInvalid(t, err, "SearchLanguage")
	})

	t.Run("WithFilters", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.Equal(t, []string{"Gardening"},
			b.titles(t, b.store, elevate.ListCoursesParams{Query: "garden", Level: elevate.LevelAdvanced}))
		require.Equal(t, []string{"Welding"},
			b.titles(t, b.store, elevate.ListCoursesParams{Query: "metal", Category: "trades"}))
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "garden", Category: "trades"}))
		require.Equal(t, []string{"Gärten anlegen"}, b.titles(t, b.store, elevate.ListCoursesParams{
			Query: "Häusern", Language: "german", Price: elevate.PricePaid,
		}))
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{
			Query: "Häusern", Language: "german", Price: elevate.PriceFree,
		}))
		require.Equal(t, []string{"Secret gardens"},
			b.titles(t, b.system, elevate.ListCoursesParams{Query: "garden", Drafts: true}))
		ownerID := scan[uuid.UUID](t, b, `SELECT instructor_id FROM {s}.courses WHERE NOT published`)
		mine := elevate.ListCoursesParams{Query: "garden", InstructorID: ownerID}
		require.Equal(t, []string{"Secret gardens"}, b.titles(t, b.as(ownerID, elevate.RoleInstructor), mine))
		require.Empty(t, b.titles(t, b.store, mine))
	})

	// An edit is found at once, whoever makes it.
	t.Run("FollowsEdits", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.courses SET title = 'Brazing' WHERE title = 'Welding'`)
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "welding"}))
		require.Equal(t, []string{"Brazing"}, b.titles(t, b.store, elevate.ListCoursesParams{Query: "braze"}))
	})

	// The longest description that is allowed, of words that are all different and
	// take most room in the index, is stored; its beginning is found.
	t.Run("LongDescriptions", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		instructorID := b.user(t, elevate.RoleInstructor)
		random := rand.New(rand.NewPCG(1, 2))
		word := func(from, to rune, n int) string {
			letters := make([]rune, n)
			for i := range letters {
				letters[i] = from + random.Int32N(to-from+1)
			}
			return string(letters)
		}
		latin := func(n int) string { return word('a', 'z', n) }
		wide := func(n int) string { return word(0x20000, 0x2A6D0, n) } // four bytes each
		for name, next := range map[string]func() string{
			"Short":       func() string { return latin(3) + " " },
			"Hyphens":     func() string { return latin(3) + "-" + latin(3) + " " },
			"Hosts":       func() string { return latin(3) + ".de/" + latin(2) + " " },
			"Wide":        func() string { return wide(2) + " " },
			"WideHyphens": func() string { return wide(2) + "-" + wide(2) + " " },
			"WideHosts":   func() string { return wide(2) + ".de/" + wide(1) + " " },
			"LongWords":   func() string { return latin(4000) + " " },
		} {
			var text strings.Builder
			text.WriteString("Zebra ")
			for part := next(); text.Len()+len(part) <= 1<<20; part = next() {
				text.WriteString(part)
			}
			created, err := b.system.CreateCourse(b.ctx, elevate.CreateCourseParams{
				InstructorID: instructorID, Slug: strings.ToLower(name), Title: name, Category: "x",
				Level: elevate.LevelBeginner, Description: text.String(),
			})
			require.NoError(t, err, name)
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses
				WHERE id = $1 AND search @@ to_tsquery('zebra')`, created.Course.ID), name)
		}
	})

	// What PostgreSQL's parser would try to read as one host, path or comment from
	// each of its characters on: up to 18 seconds.
	t.Run("SlowToParse", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		instructorID := b.user(t, elevate.RoleInstructor)
		pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["statement_timeout"] = "6s" })
		system := b.on(t, pool).As(elevate.System("test"))
		for i, unit := range []string{"a_", "~/", "a-1.", "1-a-", "snake_case_", "<!--", "<!-- ", "<!<!----"} {
			created, err := system.CreateCourse(b.ctx, elevate.CreateCourseParams{
				InstructorID: instructorID, Slug: fmt.Sprint(i), Title: "Slow", Category: "x", Level: elevate.LevelBeginner,
				Description: strings.Repeat(unit, 49_000/len(unit)) + " zebra",
			})
			require.NoError(t, err, unit)
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses
				WHERE id = $1 AND search @@ to_tsquery('zebra')`, created.Course.ID), unit)
		}
	})
}

// Pages of any size are the same list, in which many rows have the same rank.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		words := []string{"gopher"}
		for range random.IntN(40) {
			words = append(words, []string{"gopher", "filler", "tunnel"}[random.IntN(3)])
		}
		id := b.catalogCourse(t, catalogCourse{
			title:       "Course " + []string{"gopher", "tunnel", ""}[i%3],
			description: strings.Join(words[:1+len(words)*(i%2)/2], " "),
		})
		// Pairs share their time, so that the id decides.
		b.exec(t, `UPDATE {s}.courses SET created_at = $2 WHERE id = $1`, id, time.Unix(int64(i/2), 0))
	}
	// Texts of fewer digits than it takes to tell two doubles apart.
	short := b.on(t, b.poolWith(t, func(cfg *pgxpool.Config) {
		cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		cfg.ConnConfig.RuntimeParams["extra_float_digits"] = "0"
	}))
	for _, query := range []string{"gopher", "gopher or tunnel", "gopher tunnel", `-filler`} {
		// As PostgreSQL sorts them, without a cursor.
		want := scan[[]uuid.UUID](t, b, `SELECT array_agg(c.id
				ORDER BY ((ts_filter(c.search, '{a}') @@ websearch_to_tsquery('english', $1))::integer * 2
						+ ts_rank(c.search, websearch_to_tsquery('english', $1)))::real DESC,
					c.created_at DESC, c.id DESC)
			FROM {s}.courses AS c
			WHERE c.search @@ websearch_to_tsquery('english', $1)`, query)
		require.GreaterOrEqual(t, len(want), 20, query)
		for _, limit := range []int{1, 2, 7, 500} {
			for _, store := range []*elevate.Store{b.store, short} {
				got := b.listed(t, store, elevate.ListCoursesParams{
					PageParams: elevate.PageParams{Limit: limit}, Query: query,
				})
				require.Equal(t, want, got, "%s by %d", query, limit)
			}
		}
	}
	// A cursor of the list without a query is another list's.
	page, err := b.store.ListCourses(b.ctx, elevate.ListCoursesParams{PageParams: elevate.PageParams{Limit: 1}})
	require.NoError(t, err)
	search := elevate.ListCoursesParams{Query: "gopher", PageParams: elevate.PageParams{Limit: 1, Cursor: page.Next}}
	_, err = b.store.ListCourses(b.ctx, search)
	require.ErrorIs(t, err, elevate.ErrInvalidCursor)
	search.Cursor = ""
	page, err = b.store.ListCourses(b.ctx, search)
	require.NoError(t, err)
	_, err = b.store.ListCourses(b.ctx, elevate.ListCoursesParams{PageParams: elevate.PageParams{Cursor: page.Next}})
	require.ErrorIs(t, err, elevate.ErrInvalidCursor)
}

// searchLanguages are the configurations that a course may have.
func (b *testBundle) searchLanguages(t testing.TB) []string {
	t.Helper()
	return scan[[]string](t, b, `SELECT array_agg(m[1] ORDER BY m[1])
		FROM pg_constraint AS n
		CROSS JOIN regexp_matches(pg_get_constraintdef(n.oid), '''([a-z]+)''', 'g') AS m
		WHERE n.conname = 'courses_language_check' AND n.conrelid = '{s}.courses'::regclass`)
}

func TestSearchLanguages(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	languages := b.searchLanguages(t)
	require.Len(t, languages, 29)
	require.Subset(t, scan[[]string](t, b, `SELECT array_agg(c.cfgname::text)
		FROM pg_ts_config AS c
		WHERE c.cfgnamespace = 'pg_catalog'::regnamespace`), languages)
	for _, language := range languages {
		_, err := elevate.New(b.pool, &elevate.Config{SearchLanguage: language})
		require.NoError(t, err)
		require.Equal(t, language, scan[string](t, b, `SELECT {s}.search_config($1)::text`, language))
	}
	require.Equal(t, "simple", scan[string](t, b, `SELECT {s}.search_config('klingon')::text`))
	for _, language := range []string{"", "English", "estonian", "pg_catalog.english", "english "} {
		require.NotContains(t, languages, language)
		_, err := b.store.ListCourses(b.ctx, elevate.ListCoursesParams{Language: language, Query: "x"})
		if language != "" {
			requireInvalid(t, err, "Language")
		}
	}
}
