package elevate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// grantBundle is a learner and a course that costs money.
type grantBundle struct {
	*testBundle

	userID, courseID uuid.UUID
	lessons          []uuid.UUID
	me               *elevate.Store
}

func newGrantBundle(t testing.TB) *grantBundle {
	t.Helper()
	b := &grantBundle{testBundle: newBundle(t)}
	b.userID = b.user(t, elevate.RoleUser)
	b.me = b.as(b.userID, elevate.RoleUser)
	b.courseID, b.lessons = b.course(t, courseSeed{lessons: 3, price: 4900, published: true})
	return b
}

func (b *grantBundle) grant() elevate.GrantEnrollmentParams {
	return elevate.GrantEnrollmentParams{
		UserID: b.userID, CourseID: b.courseID, Source: "scholarship", Reference: "2026/7",
	}
}

func (b *grantBundle) cohort(userIDs ...uuid.UUID) elevate.EnrollManyParams {
	return elevate.EnrollManyParams{
		UserIDs: userIDs, CourseID: b.courseID, Source: "company", Reference: "ACME",
	}
}

// badGrants are sources and references that no query needs to be asked about.
func badGrants() map[string]elevate.GrantEnrollmentParams {
	return map[string]elevate.GrantEnrollmentParams{
		"Empty":            {},
		"Free":             {Source: "free"},
		"Payment":          {Source: "payment"},
		"Unknown":          {Source: "unknown"},
		"Capital":          {Source: "Company"},
		"Digit":            {Source: "1st"},
		"Line":             {Source: "company\n"},
		"NUL":              {Source: "a\x00"},
		"UTF8":             {Source: "a\xff"},
		"Long":             {Source: strings.Repeat("a", 33)},
		"ReferenceNUL":     {Source: "company", Reference: "a\x00"},
		"ReferenceUTF8":    {Source: "company", Reference: "\xff"},
		"ReferenceTooLong": {Source: "company", Reference: strings.Repeat("é", 256)},
	}
}

func TestGrantEnrollment(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		result, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, elevate.Enrollment{
			ID:           result.Enrollment.ID,
			UserID:       b.userID,
			CourseID:     b.courseID,
			Source:       "scholarship",
			Reference:    "2026/7",
			EnrolledAt:   result.Enrollment.EnrolledAt,
			LessonsTotal: 3,
		}, result.Enrollment)
		page, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, result.Enrollment, page.Items[0].Enrollment)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE user_id = $1 AND type = 'enrolled' AND message LIKE '%Course ' || $2 || '%'`, b.userID, b.courseID.String()))
	})

	t.Run("AlreadyGranted", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		first, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		params := b.grant()
		params.Source, params.Reference = "company", ""
		again, err := b.system.GrantEnrollment(b.ctx, params)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, first.Enrollment, again.Enrollment)
		enrolled, err := b.me.Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.False(t, enrolled.Created)
		require.Equal(t, first.Enrollment, enrolled.Enrollment)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("AlreadyFree", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.enroll(t, b.userID, b.courseID)
		result, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		require.False(t, result.Created)
		require.Equal(t, "free", result.Enrollment.Source)
		require.Empty(t, result.Enrollment.Reference)
	})

	t.Run("TakesOverPayment", func(t *testing.T) {
		t.Parallel()
		for _, source := range []string{"payment", "unknown"} {
			b := newGrantBundle(t)
			b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source) VALUES ($1, $2, $3)`, b.userID, b.courseID, source)
			b.complete(t, b.userID, b.lessons...)
			result, err := b.system.GrantEnrollment(b.ctx, b.grant())
			require.NoError(t, err)
			require.False(t, result.Created)
			require.Equal(t, "scholarship", result.Enrollment.Source)
			require.Equal(t, "2026/7", result.Enrollment.Reference)
			require.Equal(t, int32(100), result.Enrollment.Progress)
			require.NotNil(t, result.Enrollment.CompletedAt)
			require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE source = 'scholarship'`))
		}
	})

	t.Run("CountsKeptProgress", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.complete(t, b.userID, b.lessons[0], b.lessons[2])
		result, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		require.Equal(t, int32(2), result.Enrollment.LessonsCompleted)
		require.Equal(t, int32(66), result.Enrollment.Progress)
		require.Zero(t, b.drift(t))
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		for name, ids := range map[string][2]uuid.UUID{
			"User": {uuid.New(), b.courseID}, "Course": {b.userID, uuid.New()}, "Swapped": {b.courseID, b.userID},
		} {
			params := b.grant()
			params.UserID, params.CourseID = ids[0], ids[1]
			_, err := b.system.GrantEnrollment(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrNotFound, name)
		}
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfNotPublished", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE`)
		_, err := b.system.GrantEnrollment(b.ctx, b.grant())
		require.ErrorIs(t, err, elevate.ErrNotPublished)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		instructorID := scan[uuid.UUID](t, b.testBundle, `SELECT instructor_id FROM {s}.courses`)
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store, "Learner": b.me, "Teacher": b.as(instructorID, elevate.RoleInstructor),
		} {
			_, err := store.GrantEnrollment(b.ctx, b.grant())
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
			_, err = store.EnrollMany(b.ctx, b.cohort(b.userID))
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		for name, params := range badGrants() {
			_, err := store.As(elevate.System("test")).GrantEnrollment(t.Context(), params)
			var invalid *elevate.ValidationError
			require.ErrorAs(t, err, &invalid, name)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		draft, _ := b.course(t, courseSeed{lessons: 1})
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		params := b.grant()
		params.CourseID = draft
		_, err := store.GrantEnrollment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotPublished)
		usable(t, tx)
		result, err := store.GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).GrantEnrollment(b.ctx, b.grant())
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// Grants beside the learner's own paid enrollment: whoever is first, one row
	// remains, and it is the grant's.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.pay(t, b.userID, b.courseID, 4900)
		store := b.on(t, b.wide(t))
		created := make([]bool, 32)
		require.NoError(t, race(len(created), func(i int) error {
			var (
				result elevate.EnrollResult
				err    error
			)
			if i%2 == 0 {
				result, err = store.As(elevate.System("test")).GrantEnrollment(b.ctx, b.grant())
			} else {
				result, err = store.As(elevate.System("test")).Enroll(b.ctx, b.userID, b.courseID)
			}
			created[i] = result.Created
			return err
		}))
		require.Equal(t, 1, trues(created))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE source = 'scholarship'`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// The enrollment that a payment is just giving becomes the grant's too.
	t.Run("WaitsForEnroll", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.pay(t, b.userID, b.courseID, 4900)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Enroll(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.system.GrantEnrollment(context.WithoutCancel(b.ctx), b.grant())
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, "scholarship", scan[string](t, b.testBundle, `SELECT source FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("ConcurrentWithLessons", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.whileLessonIsAdded(t, func(ctx context.Context) error {
			_, err := b.system.GrantEnrollment(ctx, b.grant())
			return err
		})
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := newGrantBundle(t)
		b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source) VALUES ($1, $2, 'payment')`, b.userID, b.courseID)
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.system.GrantEnrollment(ctx, b.grant())
			if err == nil {
				_, err = b.pool.Exec(ctx, b.sql(`UPDATE {s}.enrollments SET source = 'payment'`))
			}
			return err
		},
			locked{"users", b.userID}, locked{"courses", b.courseID},
			locked{"enrollments", b.enrollmentID(t, b.userID, b.courseID)})
	})
}

// whileLessonIsAdded proves that an enrollment made beside an uncommitted lesson
// counts it.
func (b *grantBundle) whileLessonIsAdded(
	t testing.TB, enroll func(ctx context.Context) error, meanwhile ...func(tx pgx.Tx),
) {
	t.Helper()
	tx := b.begin(t)
	_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.lessons (course_id, title, "order") VALUES ($1, 'Late', 4)`), b.courseID)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- enroll(context.WithoutCancel(b.ctx)) }()
	b.waitUntilBlocked(t, 1)
	for _, do := range meanwhile {
		do(tx)
	}
	require.NoError(t, tx.Commit(b.ctx))
	require.NoError(t, <-done)
	require.Equal(t, 4, b.count(t, `SELECT lessons_total FROM {s}.enrollments WHERE user_id = $1`, b.userID))
	require.Zero(t, b.drift(t))
}

func trues(flags []bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}
