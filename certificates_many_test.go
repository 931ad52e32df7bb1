package elevate_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

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

	// As in TestIssueCertificate.
	t.Run("WaitsForIssueAndRevoke", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		first, err := b.me.WithTx(tx).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		_, err = b.teacher.WithTx(tx).RevokeCertificate(b.ctx, first.Certificate.PublicID)
		require.NoError(t, err)
		var outcomes []elevate.CertificateOutcome
		done := make(chan error, 1)
		go func() {
			var err error
			outcomes, err = b.teacher.IssueCertificates(context.WithoutCancel(b.ctx), elevate.IssueCertificatesParams{
				CourseID: b.courseID, UserIDs: []uuid.UUID{b.userID},
			})
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.ErrorIs(t, outcomes[0].Err, elevate.ErrCertificateRevoked)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.certificates`))
	})

	// The one whose certificate is another writer's does not hold up the other,
	// who is told of theirs although it was made by an attempt that lost a race.
	t.Run("WaitsForOtherWriter", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		second := b.graduate(t, b.courseID)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.certificates (certificate_id, user_id, course_id) VALUES ('X', $1, $2)`),
			b.userID, b.courseID)
		require.NoError(t, err)
		var outcomes []elevate.CertificateOutcome
		done := make(chan error, 1)
		go func() {
			var err error
			outcomes, err = b.teacher.IssueCertificates(context.WithoutCancel(b.ctx), elevate.IssueCertificatesParams{
				CourseID: b.courseID, UserIDs: []uuid.UUID{b.userID, second},
			})
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, elevate.CertificateOutcome{UserID: b.userID, PublicID: "X"}, outcomes[0])
		require.True(t, outcomes[1].Issued)
		verified, err := b.store.VerifyCertificate(b.ctx, outcomes[1].PublicID)
		require.NoError(t, err)
		require.True(t, verified.Valid)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		second := b.graduate(t, b.courseID)
		seats := []uuid.UUID{b.enrollmentID(t, b.userID, b.courseID), b.enrollmentID(t, second, b.courseID)}
		slices.SortFunc(seats, func(x, y uuid.UUID) int { return strings.Compare(x.String(), y.String()) })
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.teacher.IssueCertificates(ctx, elevate.IssueCertificatesParams{
				CourseID: b.courseID, UserIDs: []uuid.UUID{second, b.userID},
			})
			if err == nil {
				_, err = b.pool.Exec(ctx, b.sql(`DELETE FROM {s}.certificates`))
			}
			return err
		},
			locked{"users", b.userID}, locked{"users", second}, locked{"courses", b.courseID},
			locked{"enrollments", seats[0]}, locked{"enrollments", seats[1]})
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
		ids := make([]uuid.UUID, 10_000)
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
