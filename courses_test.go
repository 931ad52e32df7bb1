package elevate_test

import (
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// testBundleCourse is an instructor with what she writes.
type testBundleCourse struct {
	*testBundle

	instructorID uuid.UUID
	me, other    *elevate.Store // two instructors
	params       elevate.CreateCourseParams
}

func newBundleCourse(t testing.TB) *testBundleCourse {
	t.Helper()
	b := &testBundleCourse{testBundle: newBundle(t)}
	b.instructorID = b.user(t, elevate.RoleInstructor)
	b.me = b.as(b.instructorID, elevate.RoleInstructor)
	b.other = b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
	b.params = elevate.CreateCourseParams{
		Category:     "programming",
		Currency:     "EUR",
		Description:  "From nothing to goroutines",
		Duration:     90 * time.Minute,
		Level:        elevate.LevelIntermediate,
		Price:        4900,
		Slug:         "go-in-2-weeks",
		ThumbnailURL: "https://example.org/go.png",
		Title:        "Go in two weeks",
	}
	return b
}

// mine is a new course of the instructor's, and an update that changes nothing.
func (b *testBundleCourse) mine(t testing.TB) (elevate.Course, elevate.UpdateCourseParams) {
	t.Helper()
	result, err := b.me.CreateCourse(b.ctx, b.params)
	require.NoError(t, err)
	return result.Course, elevate.UpdateCourseParams{
		Category:     b.params.Category,
		Currency:     b.params.Currency,
		Description:  b.params.Description,
		Duration:     b.params.Duration,
		ID:           result.Course.ID,
		Level:        b.params.Level,
		Price:        b.params.Price,
		Slug:         b.params.Slug,
		ThumbnailURL: b.params.ThumbnailURL,
		Title:        b.params.Title,
		Version:      result.Course.Version,
	}
}

// learners are those who may not teach.
func (b *testBundleCourse) learners(t testing.TB) []*elevate.Store {
	t.Helper()
	return []*elevate.Store{
		b.store, b.as(b.user(t, elevate.RoleUser), elevate.RoleUser), b.as(uuid.Nil, elevate.RoleInstructor),
	}
}

func TestCreateCourse(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		result, err := b.me.CreateCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Created)
		require.NotZero(t, result.Course.ID)
		require.NotZero(t, result.Course.CreatedAt)
		want := elevate.Course{
			ID:           result.Course.ID,
			Slug:         "go-in-2-weeks",
			Title:        "Go in two weeks",
			Description:  "From nothing to goroutines",
			InstructorID: b.instructorID,
			Category:     "programming",
			Level:        elevate.LevelIntermediate,
			Price:        4900,
			Currency:     "EUR",
			Language:     "english",
			ThumbnailURL: "https://example.org/go.png",
			Duration:     90 * time.Minute,
			Version:      1,
			CreatedAt:    result.Course.CreatedAt,
			UpdatedAt:    result.Course.CreatedAt,
		}
		require.Equal(t, want, result.Course)
		got, err := b.me.GetCourse(b.ctx, result.Course.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})

	t.Run("WithDefaults", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		result, err := b.system.CreateCourse(b.ctx, elevate.CreateCourseParams{
			Category:     "go",
			InstructorID: b.user(t, elevate.RoleAdmin),
			Level:        elevate.LevelBeginner,
			Slug:         "g",
			Title:        "G",
		})
		require.NoError(t, err)
		require.Equal(t, "USD", result.Course.Currency)
		require.Zero(t, result.Course.Price)
		require.Zero(t, result.Course.Duration)
		require.Empty(t, result.Course.ThumbnailURL)
		require.True(t, scan[bool](t, b.testBundle, `SELECT duration IS NULL AND thumbnail_url IS NULL FROM {s}.courses`))
	})

	t.Run("AlreadyCreated", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		b.params.ID = uuid.New()
		first, err := b.me.CreateCourse(b.ctx, b.params)
		require.NoError(t, err)
		b.params.Title = "Another title"
		b.params.InstructorID = b.instructorID
		for _, store := range []*elevate.Store{b.me, b.system} {
			again, err := store.CreateCourse(b.ctx, b.params)
			require.NoError(t, err)
			require.False(t, again.Created)
			require.Equal(t, first.Course, again.Course)
		}
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	t.Run("ErrorIfInstructorUnknown", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		erased := b.user(t, elevate.RoleInstructor)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, erased)
		for name, id := range map[string]uuid.UUID{
			"Unknown": uuid.New(),
			"Erased":  erased,
		} {
			b.params.InstructorID = id
			_, err := b.system.CreateCourse(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrNotFound, name)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	t.Run("ErrorIfNotInstructor", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		b.params.InstructorID = b.user(t, elevate.RoleUser)
		_, err := b.system.CreateCourse(b.ctx, b.params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictNotInstructor})
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	t.Run("ErrorIfSlugTaken", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, err := b.me.CreateCourse(b.ctx, b.params)
		require.NoError(t, err)
		for _, store := range []*elevate.Store{b.me, b.other} {
			_, err = store.CreateCourse(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrSlugTaken)
		}
	})

	t.Run("ErrorIfIDTaken", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		b.params.ID, _ = b.course(t, courseSeed{published: true})
		_, err := b.me.CreateCourse(b.ctx, b.params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		for name, bad := range invalidCourses {
			params := b.params
			bad.spoil(&params)
			_, err := b.me.CreateCourse(b.ctx, params)
			requireInvalid(t, err, bad.field, name)
		}
		_, err := b.system.CreateCourse(b.ctx, b.params)
		requireInvalid(t, err, "InstructorID", "trusted code says whose")
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses`))
		b.params.Price, b.params.Duration = math.MaxInt32, math.MaxInt32*time.Second
		b.params.Slug = strings.Repeat("a", 255)
		_, err = b.me.CreateCourse(b.ctx, b.params)
		require.NoError(t, err, "the greatest there is")
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		for _, store := range b.learners(t) {
			_, err := store.CreateCourse(b.ctx, b.params)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
		b.params.InstructorID = b.instructorID
		_, err := b.other.CreateCourse(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrForbidden, "for somebody else")
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		_, err := b.other.CreateCourse(b.ctx, b.params)
		require.NoError(t, err)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err = store.CreateCourse(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrSlugTaken)
		usable(t, tx)
		b.params.Slug = "go-again"
		_, err = store.CreateCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CreateCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		b.params.ID = uuid.New()
		var created atomic.Int32
		require.NoError(t, race(32, func(int) error {
			result, err := b.me.CreateCourse(b.ctx, b.params)
			if result.Created {
				created.Add(1)
			}
			return err
		}))
		require.Equal(t, int32(1), created.Load())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	t.Run("ConcurrentForOneSlug", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		var created, taken atomic.Int32
		require.NoError(t, race(32, func(int) error {
			_, err := b.me.CreateCourse(b.ctx, b.params)
			return tally(err, elevate.ErrSlugTaken, &created, &taken)
		}))
		require.Equal(t, int32(1), created.Load())
		require.Equal(t, int32(31), taken.Load())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})

	// Without the lock on the instructor the foreign key would wait instead, and
	// be content with a tombstone.
	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newBundleCourse(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.instructorID)
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.instructorID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.CreateCourse(b.ctx, b.params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.courses`))
	})
}

// invalidCourses are inputs that CreateCourse and UpdateCourse refuse alike.
var invalidCourses = map[string]struct {
	field string
	spoil func(p *elevate.CreateCourseParams)
}{
	"NoSlug":           {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "" }},
	"SlugLong":         {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = strings.Repeat("a", 256) }},
	"SlugUpper":        {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "Go" }},
	"SlugLetters":      {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "naïve" }},
	"SlugHyphens":      {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "a--b" }},
	"SlugHyphenFirst":  {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "-a" }},
	"SlugHyphenLast":   {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "a-" }},
	"SlugNewline":      {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "a\n" }},
	"SlugNUL":          {"Slug", func(p *elevate.CreateCourseParams) { p.Slug = "a\x00" }},
	"NoTitle":          {"Title", func(p *elevate.CreateCourseParams) { p.Title = "\t" }},
	"TitleLong":        {"Title", func(p *elevate.CreateCourseParams) { p.Title = strings.Repeat("é", 256) }},
	"TitleNUL":         {"Title", func(p *elevate.CreateCourseParams) { p.Title = "a\x00" }},
	"TitleUTF8":        {"Title", func(p *elevate.CreateCourseParams) { p.Title = "a\xff" }},
	"DescriptionNUL":   {"Description", func(p *elevate.CreateCourseParams) { p.Description = "\x00" }},
	"DescriptionUTF8":  {"Description", func(p *elevate.CreateCourseParams) { p.Description = "\xff" }},
	"DescriptionLong":  {"Description", func(p *elevate.CreateCourseParams) { p.Description = strings.Repeat("a", 1<<20+1) }},
	"NoCategory":       {"Category", func(p *elevate.CreateCourseParams) { p.Category = "" }},
	"CategoryLong":     {"Category", func(p *elevate.CreateCourseParams) { p.Category = strings.Repeat("a", 101) }},
	"CategoryUTF8":     {"Category", func(p *elevate.CreateCourseParams) { p.Category = "\xff" }},
	"NoLevel":          {"Level", func(p *elevate.CreateCourseParams) { p.Level = "" }},
	"Level":            {"Level", func(p *elevate.CreateCourseParams) { p.Level = "expert" }},
	"PriceNegative":    {"Price", func(p *elevate.CreateCourseParams) { p.Price = -1 }},
	"CurrencyLower":    {"Currency", func(p *elevate.CreateCourseParams) { p.Currency = "eur" }},
	"CurrencyLong":     {"Currency", func(p *elevate.CreateCourseParams) { p.Currency = "EURO" }},
	"ThumbnailLong":    {"ThumbnailURL", func(p *elevate.CreateCourseParams) { p.ThumbnailURL = strings.Repeat("a", 501) }},
	"ThumbnailCode":    {"ThumbnailURL", func(p *elevate.CreateCourseParams) { p.ThumbnailURL = "JavaScript:alert(1)" }},
	"DurationNegative": {"Duration", func(p *elevate.CreateCourseParams) { p.Duration = -time.Second }},
	"DurationLong":     {"Duration", func(p *elevate.CreateCourseParams) { p.Duration = math.MaxInt64 }},
}
