package elevate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
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
