package elevate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// certificateBundle is a learner who has completed a course.
type certificateBundle struct {
	*testBundle

	userID, courseID, teacherID uuid.UUID
	me, teacher                 *elevate.Store
}

func newCertificateBundle(t testing.TB) *certificateBundle {
	t.Helper()
	b := &certificateBundle{testBundle: newBundle(t)}
	b.teacherID = b.user(t, elevate.RoleInstructor)
	b.teacher = b.as(b.teacherID, elevate.RoleInstructor)
	b.courseID, _ = b.course(t, courseSeed{instructor: b.teacherID, lessons: 1, published: true})
	b.userID = b.graduate(t, b.courseID)
	b.me = b.as(b.userID, elevate.RoleUser)
	return b
}

// graduate is a new learner who has completed a course.
func (b *testBundle) graduate(t testing.TB, courseID uuid.UUID) uuid.UUID {
	t.Helper()
	userID := b.user(t, elevate.RoleUser)
	b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source, completed_at, progress)
		VALUES ($1, $2, 'free', now(), 100)`, userID, courseID)
	return userID
}

func (b *certificateBundle) params() elevate.IssueCertificateParams {
	return elevate.IssueCertificateParams{UserID: b.userID, CourseID: b.courseID}
}

// issued is the learner's new certificate.
func (b *certificateBundle) issued(t testing.TB) elevate.Certificate {
	t.Helper()
	result, err := b.me.IssueCertificate(b.ctx, b.params())
	require.NoError(t, err)
	require.True(t, result.Issued)
	return result.Certificate
}

// revoked is the learner's new certificate, revoked.
func (b *certificateBundle) revoked(t testing.TB) elevate.Certificate {
	t.Helper()
	result, err := b.teacher.RevokeCertificate(b.ctx, b.issued(t).PublicID)
	require.NoError(t, err)
	require.True(t, result.Revoked)
	return result.Certificate
}

// valid is how many valid certificates there are.
func (b *testBundle) valid(t testing.TB) int {
	t.Helper()
	return b.count(t, `SELECT count(*) FROM {s}.certificates WHERE revoked_at IS NULL`)
}

func TestIssueCertificate(t *testing.T) {
	t.Parallel()

	t.Run("Issues", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		params := b.params()
		params.URL = "https://example.org/certificate.pdf"
		result, err := b.me.IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		require.True(t, result.Issued)
		got := result.Certificate
		require.Equal(t, got.ID, scan[uuid.UUID](t, b.testBundle, `SELECT id FROM {s}.certificates`))
		require.Equal(t, got.PublicID, scan[string](t, b.testBundle, `SELECT certificate_id FROM {s}.certificates`))
		require.Equal(t, elevate.Certificate{
			ID:          got.ID,
			PublicID:    got.PublicID,
			UserID:      b.userID,
			CourseID:    b.courseID,
			HolderName:  "Name of " + b.userID.String() + "@example.org",
			CourseTitle: "Course " + b.courseID.String(),
			URL:         params.URL,
			IssuedAt:    got.IssuedAt,
		}, got)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE user_id = $1 AND type = 'certificate_issued' AND message LIKE '%Course ' || $2 || '%'`,
			b.userID, b.courseID.String()))
	})

	t.Run("FreezesNames", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		first := b.issued(t)
		b.exec(t, `UPDATE {s}.users SET name = 'Another' WHERE id = $1`, b.userID)
		b.exec(t, `UPDATE {s}.courses SET title = 'Other' WHERE id = $1`, b.courseID)
		again, err := b.me.IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.Equal(t, first, again.Certificate)
		verified, err := b.store.VerifyCertificate(b.ctx, first.PublicID)
		require.NoError(t, err)
		require.Equal(t, first.HolderName, verified.HolderName)
		require.Equal(t, first.CourseTitle, verified.CourseTitle)
	})

	t.Run("CutsLongTitle", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		store, err := elevate.New(b.pool, &elevate.Config{
			Schema: b.schema,
			Messages: map[elevate.NotificationType]elevate.Message{
				elevate.NotificationCertificateIssued: {Title: "{course}{course}", Message: "{course}, {course}"},
			},
		})
		require.NoError(t, err)
		title := strings.Repeat("é", 255)
		b.exec(t, `UPDATE {s}.courses SET title = $1`, title)
		_, err = store.As(elevate.System("test")).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.Equal(t, title, scan[string](t, b.testBundle, `SELECT title FROM {s}.notifications`))
		require.Equal(t, title+", "+title, scan[string](t, b.testBundle, `SELECT message FROM {s}.notifications`))
	})

	t.Run("AlreadyIssued", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		first := b.issued(t)
		params := b.params()
		params.URL = "https://example.org/other"
		again, err := b.me.IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		require.False(t, again.Issued)
		require.Equal(t, first, again.Certificate)
		params.Reissue = true
		again, err = b.system.IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		require.False(t, again.Issued, "reissue replaces a revoked certificate only")
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("RepeatLocksNothing", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		b.issued(t)
		tx := b.begin(t)
		for _, table := range []string{"users", "courses", "enrollments", "certificates"} {
			_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.`+table+` FOR UPDATE`))
			require.NoError(t, err)
		}
		again, err := b.me.IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.False(t, again.Issued)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		for name, params := range map[string]elevate.IssueCertificateParams{
			"User":    {UserID: uuid.New(), CourseID: b.courseID},
			"Course":  {UserID: b.userID, CourseID: uuid.New()},
			"Swapped": {UserID: b.courseID, CourseID: b.userID},
			"Zero":    {},
		} {
			_, err := b.system.IssueCertificate(b.ctx, params)
			require.ErrorIs(t, err, elevate.ErrNotFound, name)
		}
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.me.IssueCertificate(b.ctx, b.params())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Zero(t, b.valid(t))
	})

	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		params := b.params()
		params.UserID = b.user(t, elevate.RoleUser)
		_, err := b.system.IssueCertificate(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
	})

	t.Run("ErrorIfIncomplete", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		params := b.params()
		params.UserID = b.user(t, elevate.RoleUser)
		b.enroll(t, params.UserID, b.courseID)
		_, err := b.system.IssueCertificate(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrCourseIncomplete)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("ErrorIfRevoked", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		params := b.params()
		_, err := b.system.IssueCertificate(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrCertificateRevoked)
		params.Reissue = true
		result, err := b.system.IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		require.True(t, result.Issued)
		require.NotEqual(t, old.PublicID, result.Certificate.PublicID)
		require.Equal(t, 1, b.valid(t))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store,
			"Other":   b.as(b.user(t, elevate.RoleUser), elevate.RoleUser),
			"Teacher": b.teacher,
		} {
			_, err := store.IssueCertificate(b.ctx, b.params())
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
		params := b.params()
		params.Reissue = true
		_, err := b.me.IssueCertificate(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrForbidden)
		admin := b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin)
		result, err := admin.IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		require.True(t, result.Issued)
	})

	t.Run("BadInput", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		for name, url := range map[string]string{
			"NUL":     "https://example.org/\x00",
			"UTF8":    "\xff",
			"TooLong": "https://example.org/" + strings.Repeat("a", 500),
			"Scheme":  "javascript:alert(1)",
		} {
			_, err := store.As(elevate.System("test")).IssueCertificate(t.Context(), elevate.IssueCertificateParams{URL: url})
			var invalid *elevate.ValidationError
			require.ErrorAs(t, err, &invalid, name)
			require.Equal(t, "URL", invalid.Field)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		system := b.system.WithTx(tx)
		refusals := map[error]elevate.IssueCertificateParams{
			elevate.ErrNotFound:         {UserID: uuid.New(), CourseID: b.courseID},
			elevate.ErrNotEnrolled:      {UserID: b.teacherID, CourseID: b.courseID},
			elevate.ErrCourseIncomplete: {UserID: b.user(t, elevate.RoleUser), CourseID: b.courseID},
		}
		b.enroll(t, refusals[elevate.ErrCourseIncomplete].UserID, b.courseID)
		for refusal, params := range refusals {
			_, err := system.IssueCertificate(b.ctx, params)
			require.ErrorIs(t, err, refusal)
			usable(t, tx)
		}
		result, err := b.me.WithTx(tx).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.True(t, result.Issued)
		_, err = system.RevokeCertificate(b.ctx, result.Certificate.PublicID)
		require.NoError(t, err)
		_, err = system.IssueCertificate(b.ctx, b.params())
		require.ErrorIs(t, err, elevate.ErrCertificateRevoked)
		usable(t, tx)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.certificates`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.certificates`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.certificates`))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		results := make([]elevate.IssueCertificateResult, 32)
		require.NoError(t, race(len(results), func(i int) (err error) {
			results[i], err = b.me.IssueCertificate(b.ctx, b.params())
			return err
		}))
		n := 0
		for _, r := range results {
			require.Equal(t, results[0].Certificate, r.Certificate)
			if r.Issued {
				n++
			}
		}
		require.Equal(t, 1, n)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.certificates`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// Another certificate is issued and revoked in one transaction. Without the
	// lock on the enrollment, and its being a statement of its own, the learner
	// would get one after the revocation.
	t.Run("WaitsForIssueAndRevoke", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		first, err := b.me.WithTx(tx).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		_, err = b.teacher.WithTx(tx).RevokeCertificate(b.ctx, first.Certificate.PublicID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.IssueCertificate(context.WithoutCancel(b.ctx), b.params())
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrCertificateRevoked)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.certificates`))
	})

	// A certificate is being reinstated while another is issued.
	t.Run("WaitsForReinstate", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).ReinstateCertificate(b.ctx, old.PublicID)
		require.NoError(t, err)
		params := b.params()
		params.Reissue = true
		var result elevate.IssueCertificateResult
		done := make(chan error, 1)
		go func() {
			var err error
			result, err = b.system.IssueCertificate(context.WithoutCancel(b.ctx), params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.False(t, result.Issued)
		require.Equal(t, old.PublicID, result.Certificate.PublicID)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.certificates`))
	})

	// Somebody else, by plain SQL: only the unique index arbitrates.
	t.Run("WaitsForOtherWriter", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.certificates (certificate_id, user_id, course_id) VALUES ('X', $1, $2)`),
			b.userID, b.courseID)
		require.NoError(t, err)
		var result elevate.IssueCertificateResult
		done := make(chan error, 1)
		go func() {
			var err error
			result, err = b.me.IssueCertificate(context.WithoutCancel(b.ctx), b.params())
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.False(t, result.Issued)
		require.Equal(t, "X", result.Certificate.PublicID)
		require.Equal(t, 1, b.valid(t))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// Without the lock on the user a certificate would be issued to nobody.
	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.userID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.IssueCertificate(context.WithoutCancel(b.ctx), b.params())
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Zero(t, b.valid(t))
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		params := b.params()
		params.Reissue = true
		b.locksInOrder(t, func(ctx context.Context) error {
			result, err := b.system.IssueCertificate(ctx, params)
			if err == nil {
				_, err = b.system.RevokeCertificate(ctx, result.Certificate.PublicID)
			}
			return err
		},
			locked{"users", b.userID}, locked{"courses", b.courseID},
			locked{"enrollments", b.enrollmentID(t, b.userID, b.courseID)}, locked{"certificates", old.ID})
	})

	// A public id that is taken is a race lost, and the next attempt has another.
	t.Run("PublicIDClashes", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		taken, err := b.system.IssueCertificate(b.ctx, elevate.IssueCertificateParams{
			UserID: b.graduate(t, b.courseID), CourseID: b.courseID,
		})
		require.NoError(t, err)
		b.clash(t, taken.Certificate.PublicID, 2)
		result, err := b.me.IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.True(t, result.Issued)
		require.NotEqual(t, taken.Certificate.PublicID, result.Certificate.PublicID)
		require.Equal(t, 3, b.count(t, `SELECT count(DISTINCT tried) FROM {s}.tries`), "a new id each time")

		b.clash(t, taken.Certificate.PublicID, 99)
		_, err = b.system.IssueCertificate(b.ctx, elevate.IssueCertificateParams{
			UserID: b.graduate(t, b.courseID), CourseID: b.courseID,
		})
		var conflict *elevate.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, elevate.ConflictRaced, conflict.Reason)
		require.Equal(t, 3, b.count(t, `SELECT count(*) FROM {s}.tries`))
	})
}
