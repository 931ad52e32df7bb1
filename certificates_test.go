package elevate_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
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

	// A certificate is being reinstated while another is issued. Without the lock
	// on the revoked ones the unique index would refuse one of the two.
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

// clash gives the next n certificates a public id that is taken, and notes the
// ids that were tried.
func (b *testBundle) clash(t testing.TB, taken string, n int) {
	t.Helper()
	b.exec(t, `DROP TABLE IF EXISTS {s}.tries CASCADE`)
	b.exec(t, `CREATE TABLE {s}.tries (tried text)`)
	b.exec(t, `CREATE OR REPLACE FUNCTION {s}.clash() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
		BEGIN
			INSERT INTO {s}.tries (tried) VALUES (NEW.certificate_id);
			IF (SELECT count(*) FROM {s}.tries) <= TG_ARGV[1]::integer THEN
				NEW.certificate_id := TG_ARGV[0];
			END IF;
			RETURN NEW;
		END $$`)
	b.exec(t, `DROP TRIGGER IF EXISTS clash ON {s}.certificates`)
	b.exec(t, `CREATE TRIGGER clash BEFORE INSERT ON {s}.certificates
		FOR EACH ROW EXECUTE FUNCTION {s}.clash('`+taken+`', '`+strconv.Itoa(n)+`')`)
}

func TestIssueCertificates(t *testing.T) {
	t.Parallel()

	t.Run("SaysWhatBecameOfEach", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		fresh := b.graduate(t, b.courseID)
		already := b.issued(t)
		revokedID := b.graduate(t, b.courseID)
		old, err := b.system.IssueCertificate(b.ctx, elevate.IssueCertificateParams{UserID: revokedID, CourseID: b.courseID})
		require.NoError(t, err)
		_, err = b.teacher.RevokeCertificate(b.ctx, old.Certificate.PublicID)
		require.NoError(t, err)
		learning := b.user(t, elevate.RoleUser)
		b.enroll(t, learning, b.courseID)
		stranger := b.user(t, elevate.RoleUser)
		erased := b.graduate(t, b.courseID)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, erased)
		elsewhere, _ := b.course(t, courseSeed{lessons: 1, published: true})
		other := b.graduate(t, elsewhere)
		nobody := uuid.New()

		outcomes, err := b.teacher.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{
			CourseID: b.courseID,
			UserIDs:  []uuid.UUID{nobody, other, erased, stranger, learning, revokedID, b.userID, fresh, fresh},
		})
		require.NoError(t, err)
		require.True(t, slices.IsSortedFunc(outcomes, func(x, y elevate.CertificateOutcome) int {
			return strings.Compare(x.UserID.String(), y.UserID.String())
		}))
		got := map[uuid.UUID]elevate.CertificateOutcome{}
		for _, o := range outcomes {
			got[o.UserID] = o
		}
		made := scan[string](t, b.testBundle, `SELECT certificate_id FROM {s}.certificates WHERE user_id = $1`, fresh)
		require.Equal(t, map[uuid.UUID]elevate.CertificateOutcome{
			fresh:     {UserID: fresh, PublicID: made, Issued: true},
			b.userID:  {UserID: b.userID, PublicID: already.PublicID},
			revokedID: {UserID: revokedID, Err: elevate.ErrCertificateRevoked},
			learning:  {UserID: learning, Err: elevate.ErrCourseIncomplete},
			stranger:  {UserID: stranger, Err: elevate.ErrNotEnrolled},
			other:     {UserID: other, Err: elevate.ErrNotEnrolled},
			erased:    {UserID: erased, Err: elevate.ErrNotFound},
			nobody:    {UserID: nobody, Err: elevate.ErrNotFound},
		}, got)
		require.Len(t, outcomes, len(got))
		require.Equal(t, 2, b.valid(t))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE user_id = $1 AND type = 'certificate_issued' AND message LIKE '%Course ' || $2 || '%'`,
			fresh, b.courseID.String()))
		verified, err := b.store.VerifyCertificate(b.ctx, made)
		require.NoError(t, err)
		require.Equal(t, "Name of "+fresh.String()+"@example.org", verified.HolderName)
		require.Equal(t, "Course "+b.courseID.String(), verified.CourseTitle)
	})

	t.Run("ErrorIfNotTheirCourse", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		params := elevate.IssueCertificatesParams{CourseID: b.courseID, UserIDs: []uuid.UUID{b.userID}}
		_, err := other.IssueCertificates(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.system.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{
			CourseID: b.userID, UserIDs: []uuid.UUID{b.courseID},
		})
		require.ErrorIs(t, err, elevate.ErrNotFound, "two ids swapped")
		require.Zero(t, b.valid(t))
		outcomes, err := b.system.IssueCertificates(b.ctx, params)
		require.NoError(t, err)
		require.True(t, outcomes[0].Issued)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		for name, store := range map[string]*elevate.Store{"Visitor": b.store, "Learner": b.me} {
			_, err := store.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{
				CourseID: b.courseID, UserIDs: []uuid.UUID{b.userID},
			})
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
	})

	t.Run("BadInput", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		for _, n := range []int{0, 20_001} {
			_, err := store.As(elevate.System("test")).IssueCertificates(t.Context(),
				elevate.IssueCertificatesParams{UserIDs: make([]uuid.UUID, n)})
			var invalid *elevate.ValidationError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, "UserIDs", invalid.Field)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		params := elevate.IssueCertificatesParams{CourseID: uuid.New(), UserIDs: []uuid.UUID{b.userID}}
		_, err := b.teacher.WithTx(tx).IssueCertificates(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		params.CourseID = b.courseID
		outcomes, err := b.teacher.WithTx(tx).IssueCertificates(b.ctx, params)
		require.NoError(t, err)
		require.True(t, outcomes[0].Issued)
		require.Zero(t, b.valid(t), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.valid(t))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).IssueCertificates(b.ctx, elevate.IssueCertificatesParams{
			CourseID: b.courseID, UserIDs: []uuid.UUID{b.userID},
		})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.valid(t))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	// Cohorts that overlap, given in opposite order, beside the learners' own
	// calls. No retries: a deadlock would show.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		ids := make([]uuid.UUID, 60)
		for i := range ids {
			ids[i] = b.graduate(t, b.courseID)
		}
		issued := make([]int, 32)
		require.NoError(t, race(len(issued), func(i int) error {
			if i%2 == 0 {
				for _, id := range []uuid.UUID{ids[i], ids[59-i]} {
					result, err := store.IssueCertificate(b.ctx, elevate.IssueCertificateParams{UserID: id, CourseID: b.courseID})
					if err != nil {
						return err
					}
					if result.Issued {
						issued[i]++
					}
				}
				return nil
			}
			cohort := slices.Clone(ids[i/2 : i/2+40])
			if i%4 == 1 {
				slices.Reverse(cohort)
			}
			outcomes, err := store.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{CourseID: b.courseID, UserIDs: cohort})
			for _, o := range outcomes {
				if o.Issued {
					issued[i]++
				}
			}
			return err
		}))
		n := 0
		for _, i := range issued {
			n += i
		}
		require.Equal(t, n, b.valid(t), "each certificate was issued by one call, and says so")
		require.Equal(t, n, b.count(t, `SELECT count(*) FROM {s}.notifications`))
		require.Equal(t, n, b.count(t, `SELECT count(DISTINCT user_id) FROM {s}.certificates`))
	})

	t.Run("PublicIDClashes", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		taken := b.issued(t)
		ids := []uuid.UUID{b.graduate(t, b.courseID), b.graduate(t, b.courseID), b.graduate(t, b.courseID)}
		b.clash(t, taken.PublicID, 2)
		outcomes, err := b.teacher.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{CourseID: b.courseID, UserIDs: ids})
		require.NoError(t, err)
		for _, o := range outcomes {
			require.True(t, o.Issued, "also those of the attempt that lost its race over another user")
		}
		require.Equal(t, 4, b.valid(t))
	})

	t.Run("Many", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		ids := make([]uuid.UUID, 20_000)
		for i := range ids {
			ids[i] = uuid.Must(uuid.NewV7())
		}
		b.exec(t, `INSERT INTO {s}.users (id, email, password_hash, name)
			SELECT u.id, u.id::text, '!', 'Learner' FROM unnest($1::uuid[]) AS u (id)`, ids)
		b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, completed_at)
			SELECT u.id, $2, now() FROM unnest($1::uuid[]) AS u (id)`, ids, b.courseID)
		outcomes, err := b.teacher.IssueCertificates(b.ctx, elevate.IssueCertificatesParams{CourseID: b.courseID, UserIDs: ids})
		require.NoError(t, err)
		require.Len(t, outcomes, len(ids))
		require.Equal(t, len(ids), b.valid(t))
		require.Equal(t, len(ids), b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})
}

// wide is a pool with a connection for each of 32 goroutines.
func (b *testBundle) wide(t testing.TB) *pgxpool.Pool {
	t.Helper()
	cfg := b.pool.Config()
	cfg.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(b.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
