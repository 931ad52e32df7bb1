package elevate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// catalogCourse is a course of the tests of the catalogue.
type catalogCourse struct {
	title, description, language, category string
	level                                  elevate.CourseLevel
	price                                  int
	draft                                  bool
	instructor                             uuid.UUID
}

// catalogCourse adds a course; what it does not say has a default.
func (b *testBundle) catalogCourse(t testing.TB, c catalogCourse) uuid.UUID {
	t.Helper()
	id, _ := b.course(t, courseSeed{instructor: c.instructor, price: c.price, published: !c.draft})
	b.exec(t, `UPDATE {s}.courses
		SET title = $2,
			description = $3,
			language = coalesce(nullif($4, ''), 'english'),
			category = coalesce(nullif($5, ''), category),
			level = coalesce(nullif($6, ''), level::text)::{s}.course_level
		WHERE id = $1`, id, c.title, c.description, c.language, c.category, string(c.level))
	return id
}

// listed are the ids of all pages of a list.
func (b *testBundle) listed(t testing.TB, store *elevate.Store, params elevate.ListCoursesParams) []uuid.UUID {
	t.Helper()
	ids := []uuid.UUID{}
	for {
		page, err := store.ListCourses(b.ctx, params)
		require.NoError(t, err)
		for _, course := range page.Items {
			ids = append(ids, course.ID)
		}
		if params.Cursor = page.Next; params.Cursor == "" {
			return ids
		}
		require.Len(t, page.Items, params.Limit)
		require.Less(t, len(ids), 1000, "pages without an end")
	}
}

func (b *testBundle) titles(t testing.TB, store *elevate.Store, params elevate.ListCoursesParams) []string {
	t.Helper()
	page, err := store.ListCourses(b.ctx, params)
	require.NoError(t, err)
	titles := []string{}
	for _, course := range page.Items {
		titles = append(titles, course.Title)
	}
	return titles
}

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
			"HTML/CSS basics":              {"html", "css", "css html", "html/css", `"html css"`, "HTML & CSS", "html,css"},
			"Node.js for all":              {"node", "js", "node.js", "node js", "-node.x node"},
			"ASP.NET and C++":              {"asp", "asp.net", "c++", "C"},
			"GPT-4 and Lesson -5":          {"gpt", "gpt-4", "4", "5", "lesson 5", "lesson-5"},
			"Use <template> well":          {"template", "<template>"},
			"Excel 2016/2019":              {"2019", "2016", "excel-2016"},
			"Fran\u00e7ais/Anglais":        {"anglais", "fran\u00e7ais", "franc\u0327ais"},
			"Cafe\u0301 culture":           {"caf\u00e9", "cafe\u0301"},
			"\u201cWords\u201d\u2014twice": {"words", "twice", "words\u2014twice", "\u201cwords\u201d"},
			"ada@example.org writes":       {"ada", "example", "ada@example.org"},
			"snake_case names":             {"snake", "case", "snake_case"},
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
		require.Empty(t, b.titles(t, b.store, elevate.ListCoursesParams{Query: "node.for.js"}), "parts are a phrase")
	})

	// A query is cut where titles are.
	t.Run("SameWords", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		for _, r := range elevate.NotOfWords {
			require.Equal(t, "a b", scan[string](t, b, `SELECT {s}.search_text($1)`, "a"+string(r)+"b"))
		}
		require.Equal(t, utf8.RuneCountInString(elevate.NotOfWords), b.count(t, `SELECT count(*)
			FROM generate_series(33, 65535) AS c
			WHERE c NOT BETWEEN 55296 AND 57343 -- surrogates
				AND normalize(chr(c), NFC) = chr(c)
				AND {s}.search_text(chr(c)) = ' '`))
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
		pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["statement_timeout"] = "2s" })
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

func TestCatalogFacets(t *testing.T) {
	t.Parallel()

	// Every count is that of the list with the same filters.
	t.Run("AgreesWithListCourses", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		instructors := []uuid.UUID{b.user(t, elevate.RoleInstructor), b.user(t, elevate.RoleInstructor)}
		levels := []elevate.CourseLevel{elevate.LevelBeginner, elevate.LevelIntermediate, elevate.LevelAdvanced}
		random := rand.New(rand.NewPCG(3, 4))
		for range 60 {
			b.catalogCourse(t, catalogCourse{
				title:      []string{"Gophers", "Tunnels"}[random.IntN(2)],
				category:   []string{"a", "b", "c"}[random.IntN(3)],
				level:      levels[random.IntN(2+random.IntN(2))],
				price:      []int{0, 100}[random.IntN(2)],
				draft:      random.IntN(5) == 0,
				instructor: instructors[random.IntN(2)],
			})
		}
		total := func(params elevate.CatalogFacetsParams) int64 {
			return int64(len(b.listed(t, b.store, elevate.ListCoursesParams{
				PageParams: elevate.PageParams{Limit: 500}, Category: params.Category, InstructorID: params.InstructorID,
				Level: params.Level, Price: params.Price, Query: params.Query,
			})))
		}
		for _, category := range []string{"", "a", "none"} {
			for _, level := range []elevate.CourseLevel{"", elevate.LevelBeginner, elevate.LevelAdvanced} {
				for _, price := range []elevate.PriceBand{"", elevate.PriceFree, elevate.PricePaid} {
					for i, query := range []string{"", "gopher", "the", ""} {
						params := elevate.CatalogFacetsParams{Category: category, Level: level, Price: price, Query: query}
						if i > 0 {
							params.InstructorID = instructors[i%2]
						}
						facets, err := b.store.CatalogFacets(b.ctx, params)
						require.NoError(t, err)
						require.Equal(t, total(params), facets.Total)
						require.Equal(t, facets, first(b.system.CatalogFacets(b.ctx, params)), "drafts are nobody's")
						var categories []elevate.Facet[string]
						for _, value := range []string{"a", "b", "c"} {
							with := params
							with.Category = value
							categories = append(categories, elevate.Facet[string]{Value: value, Count: total(with)})
						}
						require.ElementsMatch(t, positive(categories), facets.Categories)
						var byLevel []elevate.Facet[elevate.CourseLevel]
						for _, value := range levels {
							with := params
							with.Level = value
							byLevel = append(byLevel, elevate.Facet[elevate.CourseLevel]{Value: value, Count: total(with)})
						}
						require.ElementsMatch(t, positive(byLevel), facets.Levels)
						var byPrice []elevate.Facet[elevate.PriceBand]
						for _, value := range []elevate.PriceBand{elevate.PriceFree, elevate.PricePaid} {
							with := params
							with.Price = value
							byPrice = append(byPrice, elevate.Facet[elevate.PriceBand]{Value: value, Count: total(with)})
						}
						require.ElementsMatch(t, positive(byPrice), facets.Prices)
					}
				}
			}
		}
	})

	t.Run("Bounded", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.exec(t, `INSERT INTO {s}.courses (title, slug, description, instructor_id, category, level, price, published)
			SELECT 'T', 's' || i, '', $1, 'category ' || lpad((i % 150)::text, 3, '0'), 'beginner', 0, TRUE
			FROM generate_series(1, 300 + 20) AS i`, b.user(t, elevate.RoleInstructor))
		facets, err := b.store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{})
		require.NoError(t, err)
		require.Equal(t, int64(320), facets.Total)
		require.Len(t, facets.Categories, 100)
		require.Equal(t, elevate.Facet[string]{Value: "category 001", Count: 3}, facets.Categories[0])
		require.Equal(t, elevate.Facet[string]{Value: "category 020", Count: 3}, facets.Categories[19])
		require.Equal(t, int64(2), facets.Categories[20].Count)
		// The one that was asked for is named, in its place.
		facets, err = b.store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{Category: "category 149"})
		require.NoError(t, err)
		require.Equal(t, int64(2), facets.Total)
		require.Len(t, facets.Categories, 100)
		require.Equal(t, elevate.Facet[string]{Value: "category 149", Count: 2}, facets.Categories[99])
		require.True(t, slices.IsSortedFunc(facets.Categories, func(a, b elevate.Facet[string]) int {
			if a.Count != b.Count {
				return int(b.Count - a.Count)
			}
			return strings.Compare(a.Value, b.Value)
		}))
	})

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		facets, err := b.store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Facets{}, facets)
	})
}

// positive are the facets that leave any course.
func positive[T ~string](facets []elevate.Facet[T]) []elevate.Facet[T] {
	return slices.DeleteFunc(facets, func(f elevate.Facet[T]) bool { return f.Count == 0 })
}

// One function says who sees a course, and every operation asks it: the test puts
// another in its place, which hides a published course and shows a draft.
func TestCourseVisible(t *testing.T) {
	t.Parallel()

	type seen struct {
		name string
		by   func(b *testBundle, courseID uuid.UUID) (bool, error)
	}
	in := func(params elevate.ListCoursesParams) func(b *testBundle, courseID uuid.UUID) (bool, error) {
		return func(b *testBundle, courseID uuid.UUID) (bool, error) {
			page, err := b.store.ListCourses(b.ctx, params)
			return slices.ContainsFunc(page.Items, func(c elevate.Course) bool { return c.ID == courseID }), err
		}
	}
	found := func(err error) (bool, error) {
		if fmt.Sprint(err) != "<nil>" && strings.HasSuffix(err.Error(), elevate.ErrNotFound.Error()) {
			return false, nil
		}
		return err == nil, err
	}
	everywhere := []seen{
		{"GetCourse", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.store.GetCourse(b.ctx, id)
			return found(err)
		}},
		{"GetCourseBySlug", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.store.GetCourseBySlug(b.ctx, id.String())
			return found(err)
		}},
		{"CourseOutline", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.store.CourseOutline(b.ctx, id, elevate.PageParams{})
			return found(err)
		}},
		{"ListReviews", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.store.ListReviews(b.ctx, id, elevate.PageParams{})
			return found(err)
		}},
	}
	lists := []seen{
		{"ListCourses", in(elevate.ListCoursesParams{})},
		{"ListCoursesCategory", in(elevate.ListCoursesParams{Category: "go"})},
		{"ListCoursesLevel", in(elevate.ListCoursesParams{Level: elevate.LevelBeginner})},
		{"ListCoursesPrice", in(elevate.ListCoursesParams{Price: elevate.PriceFree})},
		{"ListCoursesQuery", in(elevate.ListCoursesParams{Query: "course"})},
		{"CatalogFacets", func(b *testBundle, _ uuid.UUID) (bool, error) {
			facets, err := b.store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{})
			return facets.Total == 1, err
		}},
		{"CatalogFacetsQuery", func(b *testBundle, _ uuid.UUID) (bool, error) {
			facets, err := b.store.CatalogFacets(b.ctx, elevate.CatalogFacetsParams{Query: "course"})
			return facets.Total == 1, err
		}},
	}
	open := func(err error) (bool, error) {
		if err != nil && strings.HasSuffix(err.Error(), elevate.ErrNotPublished.Error()) {
			return false, nil
		}
		return err == nil, err
	}
	enrollments := []seen{
		{"Enroll", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.system.Enroll(b.ctx, scanID(b), id)
			return open(err)
		}},
		{"GrantEnrollment", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.system.GrantEnrollment(b.ctx, elevate.GrantEnrollmentParams{
				UserID: scanID(b), CourseID: id, Source: "grant",
			})
			return open(err)
		}},
		{"EnrollMany", func(b *testBundle, id uuid.UUID) (bool, error) {
			_, err := b.system.EnrollMany(b.ctx, elevate.EnrollManyParams{
				UserIDs: []uuid.UUID{scanID(b)}, CourseID: id, Source: "grant",
			})
			return open(err)
		}},
	}
	check := func(t *testing.T, b *testBundle, want bool, courseID uuid.UUID, operations ...seen) {
		t.Helper()
		for _, op := range operations {
			got, err := op.by(b, courseID)
			require.NoError(t, err, op.name)
			require.Equal(t, want, got, op.name)
			b.exec(t, `DELETE FROM {s}.enrollments`)
		}
	}

	t.Run("IsAskedEverywhere", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.user(t, elevate.RoleUser)
		teacherID := b.user(t, elevate.RoleInstructor)
		published, _ := b.course(t, courseSeed{instructor: teacherID, lessons: 1, published: true})
		draft, _ := b.course(t, courseSeed{instructor: teacherID, lessons: 1})
		byTeacher := seen{"ListCoursesInstructor", in(elevate.ListCoursesParams{InstructorID: teacherID})}
		queryByTeacher := seen{"ListCoursesInstructorQuery", in(elevate.ListCoursesParams{
			InstructorID: teacherID, Query: "course",
		})}
		all := slices.Concat(everywhere, enrollments, []seen{byTeacher, queryByTeacher})
		check(t, b, true, published, slices.Concat(all, lists)...)
		check(t, b, false, draft, all...)
		b.exec(t, fmt.Sprintf(`CREATE OR REPLACE FUNCTION
				{s}.course_visible(course uuid, instructor uuid, published boolean, teacher uuid)
			RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
			RETURN NOT published AND instructor IS NOT NULL AND teacher = '%s' AND course <> '%s'`, uuid.Nil, published))
		check(t, b, false, published, slices.Concat(all, lists)...)
		check(t, b, true, draft, all...)
	})

	// As it stands: what each actor lists is what they open, and what a visitor
	// lists is what everybody enrolls in.
	t.Run("Agrees", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		learner := b.user(t, elevate.RoleUser)
		teachers := []uuid.UUID{b.user(t, elevate.RoleInstructor), b.user(t, elevate.RoleInstructor)}
		var courses []uuid.UUID
		for i := range 8 {
			id, _ := b.course(t, courseSeed{instructor: teachers[i%2], lessons: 1, published: i%4 < 2})
			courses = append(courses, id)
		}
		catalogue := b.listed(t, b.store, elevate.ListCoursesParams{})
		require.Len(t, catalogue, 4)
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store, "Learner": b.as(learner, elevate.RoleUser),
			"Teacher": b.as(teachers[0], elevate.RoleInstructor), "Admin": b.as(uuid.New(), elevate.RoleAdmin), "System": b.system,
		} {
			var listed []uuid.UUID
			for _, teacherID := range teachers {
				listed = append(listed, b.listed(t, store, elevate.ListCoursesParams{InstructorID: teacherID})...)
				listed = append(listed, b.listed(t, store, elevate.ListCoursesParams{InstructorID: teacherID, Query: "course"})...)
			}
			for _, id := range courses {
				_, err := store.GetCourse(b.ctx, id)
				require.Equal(t, slices.Contains(listed, id), err == nil, name)
				_, err = b.system.Enroll(b.ctx, learner, id)
				require.Equal(t, slices.Contains(catalogue, id), err == nil, name)
				b.exec(t, `DELETE FROM {s}.enrollments`)
			}
		}
	})
}

// scanID is a learner of the database.
func scanID(b *testBundle) uuid.UUID {
	var id uuid.UUID
	_ = b.pool.QueryRow(b.ctx, b.sql(`SELECT id FROM {s}.users WHERE role = 'user' LIMIT 1`)).Scan(&id)
	return id
}
