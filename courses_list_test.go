package elevate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestGetCourse(t *testing.T) {
	t.Parallel()

	t.Run("Gets", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		id, _ := b.course(t, courseSeed{instructor: b.instructorID, lessons: 2, published: true})
		for _, store := range []*elevate.Store{b.store, b.me, b.other, b.system} {
			course, err := store.GetCourse(b.ctx, id)
			require.NoError(t, err)
			require.Equal(t, id, course.ID)
			require.Equal(t, int32(2), course.LessonsTotal)
			bySlug, err := store.GetCourseBySlug(b.ctx, course.Slug)
			require.NoError(t, err)
			require.Equal(t, course, bySlug)
		}
	})

	t.Run("Draft", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		draft, _ := b.mine(t)
		for name, store := range map[string]*elevate.Store{
			"Instructor": b.me, "System": b.system, "Admin": b.as(uuid.New(), elevate.RoleAdmin),
		} {
			course, err := store.GetCourse(b.ctx, draft.ID)
			require.NoError(t, err, name)
			require.Equal(t, draft, course)
			course, err = store.GetCourseBySlug(b.ctx, draft.Slug)
			require.NoError(t, err, name)
			require.Equal(t, draft, course)
		}
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store, "Learner": b.as(uuid.New(), elevate.RoleUser), "Other": b.other,
		} {
			_, err := store.GetCourse(b.ctx, draft.ID)
			require.ErrorIs(t, err, elevate.ErrNotFound, name)
			_, err = store.GetCourseBySlug(b.ctx, draft.Slug)
			require.ErrorIs(t, err, elevate.ErrNotFound, name)
		}
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).GetCourse(b.ctx, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		for _, slug := range []string{"unknown", "Unknown Slug", strings.Repeat("a", 255)} {
			_, err = b.system.WithTx(tx).GetCourseBySlug(b.ctx, slug)
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
		usable(t, tx)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		for name, slug := range map[string]string{
			"Empty": "", "NUL": "a\x00", "NotUTF8": "a\xff", "TooLong": strings.Repeat("a", 256),
		} {
			_, err := b.store.GetCourseBySlug(b.ctx, slug)
			requireInvalid(t, err, "Slug", name)
		}
	})
}

func TestListCourses(t *testing.T) {
	t.Parallel()

	type testBundleList struct {
		*testBundleCourse

		// Slugs, the newest first, of two instructors.
		published, drafts, mine, myDrafts, cooking, advanced []string
	}
	setup := func(t *testing.T) *testBundleList {
		t.Helper()
		b := &testBundleList{testBundleCourse: newBundleCourse(t)}
		otherID := b.user(t, elevate.RoleInstructor)
		// Pairs of courses share their time, so that the id decides.
		for i := range 24 {
			id, _ := b.course(t, courseSeed{
				instructor: []uuid.UUID{b.instructorID, otherID}[i%2],
				published:  i%3 != 0,
			})
			slug := id.String()
			b.exec(t, `UPDATE {s}.courses SET created_at = $2 WHERE id = $1`, id, time.Unix(int64(i/2), 0))
			if (i/2)%4 == 0 {
				b.exec(t, `UPDATE {s}.courses SET category = 'cooking' WHERE id = $1`, id)
			}
			if i%5 == 0 {
				b.exec(t, `UPDATE {s}.courses SET level = 'advanced' WHERE id = $1`, id)
			}
			add := func(to *[]string, yes bool) {
				if yes {
					*to = append(*to, slug)
				}
			}
			published := i%3 != 0
			add(&b.published, published)
			add(&b.drafts, !published)
			add(&b.mine, i%2 == 0)
			add(&b.myDrafts, i%2 == 0 && !published)
			add(&b.cooking, published && (i/2)%4 == 0)
			add(&b.advanced, published && i%5 == 0)
		}
		for _, slugs := range []*[]string{&b.published, &b.drafts, &b.mine, &b.myDrafts, &b.cooking, &b.advanced} {
			slices.Reverse(*slugs)
		}
		return b
	}
	// all reads every page.
	all := func(t *testing.T, b *testBundleList, store *elevate.Store, params elevate.ListCoursesParams) []string {
		t.Helper()
		slugs := []string{}
		for {
			page, err := store.ListCourses(b.ctx, params)
			require.NoError(t, err)
			for _, course := range page.Items {
				slugs = append(slugs, course.Slug)
			}
			if page.Next == "" {
				return slugs
			}
			require.Len(t, page.Items, params.Limit)
			params.Cursor = page.Next
		}
	}
	both := func(a, b []string) []string {
		found := []string{}
		for _, slug := range a {
			if slices.Contains(b, slug) {
				found = append(found, slug)
			}
		}
		return found
	}

	t.Run("Lists", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		stores := map[string]*elevate.Store{"Visitor": b.store, "Me": b.me, "Other": b.other, "System": b.system}
		for _, limit := range []int{1, 2, 7, 100} {
			page := elevate.PageParams{Limit: limit}
			for name, store := range stores {
				check := func(want []string, params elevate.ListCoursesParams) {
					t.Helper()
					params.PageParams = page
					require.Equal(t, want, all(t, b, store, params), "%s by %d", name, limit)
				}
				visible := both(b.mine, b.published)
				if name == "Me" || name == "System" {
					visible = b.mine
				}
				check(b.published, elevate.ListCoursesParams{})
				check(b.cooking, elevate.ListCoursesParams{Category: "cooking"})
				check(b.advanced, elevate.ListCoursesParams{Level: elevate.LevelAdvanced})
				check(both(b.cooking, b.advanced), elevate.ListCoursesParams{Category: "cooking", Level: elevate.LevelAdvanced})
				check([]string{}, elevate.ListCoursesParams{Category: "Cooking"})
				check(visible, elevate.ListCoursesParams{InstructorID: b.instructorID})
				check([]string{}, elevate.ListCoursesParams{InstructorID: uuid.New()})
			}
			require.Equal(t, b.myDrafts, all(t, b, b.me, elevate.ListCoursesParams{PageParams: page, Drafts: true}))
			require.Equal(t, b.drafts, all(t, b, b.system, elevate.ListCoursesParams{PageParams: page, Drafts: true}))
			require.Equal(t, b.myDrafts, all(t, b, b.system, elevate.ListCoursesParams{
				PageParams: page, Drafts: true, InstructorID: b.instructorID,
			}))
			require.Empty(t, all(t, b, b.other, elevate.ListCoursesParams{
				PageParams: page, Drafts: true, InstructorID: b.instructorID,
			}))
			require.Len(t, all(t, b, b.system, elevate.ListCoursesParams{
				PageParams: page, Drafts: true, Category: "cooking",
			}), 2)
			require.Equal(t, both(b.mine, b.cooking), all(t, b, b.store, elevate.ListCoursesParams{
				PageParams: page, InstructorID: b.instructorID, Category: "cooking",
			}))
			require.Equal(t, both(b.mine, b.advanced), all(t, b, b.store, elevate.ListCoursesParams{
				PageParams: page, InstructorID: b.instructorID, Level: elevate.LevelAdvanced,
			}))
		}
	})

	// List and detail show the same courses.
	t.Run("AgreesWithGetCourse", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, store := range map[string]*elevate.Store{"Visitor": b.store, "Me": b.me, "Other": b.other, "System": b.system} {
			listed := all(t, b, store, elevate.ListCoursesParams{InstructorID: b.instructorID})
			for _, slug := range b.mine {
				_, err := store.GetCourseBySlug(b.ctx, slug)
				require.Equal(t, slices.Contains(listed, slug), err == nil, name)
			}
			page, err := store.ListCourses(b.ctx, elevate.ListCoursesParams{})
			require.NoError(t, err)
			for _, course := range page.Items {
				got, err := store.GetCourse(b.ctx, course.ID)
				require.NoError(t, err)
				require.Equal(t, course, got)
			}
		}
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, bad := range map[string]struct {
			field  string
			params elevate.ListCoursesParams
		}{
			"Level":        {"Level", elevate.ListCoursesParams{Level: "expert"}},
			"CategoryNUL":  {"Category", elevate.ListCoursesParams{Category: "a\x00"}},
			"CategoryUTF8": {"Category", elevate.ListCoursesParams{Category: "a\xff"}},
			"CategoryLong": {"Category", elevate.ListCoursesParams{Category: strings.Repeat("a", 101)}},
			"Limit":        {"Limit", elevate.ListCoursesParams{PageParams: elevate.PageParams{Limit: -1}}},
		} {
			_, err := b.store.ListCourses(b.ctx, bad.params)
			requireInvalid(t, err, bad.field, name)
		}
		users, err := b.system.ListUsers(b.ctx, elevate.ListUsersParams{PageParams: elevate.PageParams{Limit: 1}})
		require.NoError(t, err)
		require.NotEmpty(t, users.Next)
		for _, cursor := range []string{"x", users.Next} {
			_, err := b.store.ListCourses(b.ctx, elevate.ListCoursesParams{PageParams: elevate.PageParams{Cursor: cursor}})
			require.ErrorIs(t, err, elevate.ErrInvalidCursor)
		}
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, store := range b.learners(t) {
			for _, instructor := range []uuid.UUID{uuid.Nil, b.instructorID} {
				_, err := store.ListCourses(b.ctx, elevate.ListCoursesParams{Drafts: true, InstructorID: instructor})
				require.ErrorIs(t, err, elevate.ErrForbidden)
			}
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`UPDATE {s}.courses SET published = FALSE`))
		require.NoError(t, err)
		page, err := b.store.WithTx(tx).ListCourses(b.ctx, elevate.ListCoursesParams{})
		require.NoError(t, err)
		require.NotNil(t, page.Items)
		require.Empty(t, page.Items)
	})
}
