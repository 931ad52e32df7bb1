package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// wrongIDs are public ids that no query needs to be asked about.
func wrongIDs(id string) map[string]string {
	last := "0"
	if strings.HasSuffix(id, last) {
		last = "1"
	}
	return map[string]string{
		"Mistyped": id[:len(id)-1] + last,
		"LetterU":  id[:len(id)-1] + "U",
		"Empty":    "",
		"Blank":    " ",
		"NUL":      "a\x00b",
		"UTF8":     "\xff",
		"TooLong":  strings.Repeat("a", 51),
	}
}

func TestRevokeCertificate(t *testing.T) {
	t.Parallel()

	t.Run("Revokes", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		result, err := b.teacher.RevokeCertificate(b.ctx, strings.ToLower(certificate.PublicID))
		require.NoError(t, err)
		require.True(t, result.Revoked)
		require.NotNil(t, result.Certificate.RevokedAt)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.certificates WHERE revoked_at = $1`, result.Certificate.RevokedAt))
		certificate.RevokedAt = result.Certificate.RevokedAt
		require.Equal(t, certificate, result.Certificate)
	})

	t.Run("AlreadyRevoked", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.revoked(t)
		again, err := b.system.RevokeCertificate(b.ctx, certificate.PublicID)
		require.NoError(t, err)
		require.False(t, again.Revoked)
		require.Equal(t, certificate, again.Certificate)
	})

	t.Run("FromBefore", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		b.exec(t, `INSERT INTO {s}.certificates (certificate_id, user_id, course_id) VALUES ('CERT-2024-7 a', $1, $2)`,
			b.userID, b.courseID)
		result, err := b.teacher.RevokeCertificate(b.ctx, "CERT-2024-7 a")
		require.NoError(t, err)
		require.True(t, result.Revoked)
		_, err = b.teacher.RevokeCertificate(b.ctx, "cert-2024-7 a")
		require.ErrorIs(t, err, elevate.ErrNotFound, "looked up as it stands")
		reinstated, err := b.teacher.ReinstateCertificate(b.ctx, "CERT-2024-7 a")
		require.NoError(t, err)
		require.True(t, reinstated.Reinstated)
	})

	t.Run("ErrorIfNotTheirs", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		_, err := other.RevokeCertificate(b.ctx, certificate.PublicID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.teacher.RevokeCertificate(b.ctx, "CERT-1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Equal(t, 1, b.valid(t))
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		for name, store := range map[string]*elevate.Store{"Visitor": b.store, "Learner": b.me} {
			_, err := store.RevokeCertificate(b.ctx, certificate.PublicID)
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
			_, err = store.ReinstateCertificate(b.ctx, certificate.PublicID)
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
		require.Equal(t, 1, b.valid(t))
	})

	t.Run("BadInput", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		store = store.As(elevate.System("test"))
		for name, id := range wrongIDs(newCertificateBundle(t).issued(t).PublicID) {
			var invalid *elevate.ValidationError
			_, err := store.RevokeCertificate(t.Context(), id)
			require.ErrorAs(t, err, &invalid, name)
			_, err = store.ReinstateCertificate(t.Context(), id)
			require.ErrorAs(t, err, &invalid, name)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		_, err := store.RevokeCertificate(b.ctx, "CERT-1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		result, err := store.RevokeCertificate(b.ctx, certificate.PublicID)
		require.NoError(t, err)
		require.True(t, result.Revoked)
		require.Equal(t, 1, b.valid(t), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Zero(t, b.valid(t))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).RevokeCertificate(b.ctx, certificate.PublicID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, 1, b.valid(t))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		results := make([]elevate.RevokeCertificateResult, 32)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		require.NoError(t, race(len(results), func(i int) (err error) {
			results[i], err = store.RevokeCertificate(b.ctx, certificate.PublicID)
			return err
		}))
		n := 0
		for _, r := range results {
			require.Equal(t, results[0].Certificate, r.Certificate)
			if r.Revoked {
				n++
			}
		}
		require.Equal(t, 1, n)
	})

	t.Run("WaitsForRevoke", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		tx := b.begin(t)
		first, err := b.teacher.WithTx(tx).RevokeCertificate(b.ctx, certificate.PublicID)
		require.NoError(t, err)
		var result elevate.RevokeCertificateResult
		done := make(chan error, 1)
		go func() {
			var err error
			result, err = b.teacher.RevokeCertificate(context.WithoutCancel(b.ctx), certificate.PublicID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.False(t, result.Revoked)
		require.Equal(t, first.Certificate, result.Certificate)
	})
}

func TestReinstateCertificate(t *testing.T) {
	t.Parallel()

	t.Run("Reinstates", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.revoked(t)
		result, err := b.teacher.ReinstateCertificate(b.ctx, strings.ReplaceAll(certificate.PublicID, "-", " "))
		require.NoError(t, err)
		require.True(t, result.Reinstated)
		certificate.RevokedAt = nil
		require.Equal(t, certificate, result.Certificate)
		require.Equal(t, 1, b.valid(t))
		again, err := b.me.IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.False(t, again.Issued)
		require.Equal(t, certificate, again.Certificate)
	})

	t.Run("AlreadyValid", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		result, err := b.teacher.ReinstateCertificate(b.ctx, certificate.PublicID)
		require.NoError(t, err)
		require.False(t, result.Reinstated)
		require.Equal(t, certificate, result.Certificate)
	})

	t.Run("ErrorIfSuperseded", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		params := b.params()
		params.Reissue = true
		other, err := b.system.IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		_, err = b.teacher.ReinstateCertificate(b.ctx, old.PublicID)
		var conflict *elevate.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, elevate.ConflictSuperseded, conflict.Reason)
		_, err = b.teacher.RevokeCertificate(b.ctx, other.Certificate.PublicID)
		require.NoError(t, err)
		result, err := b.teacher.ReinstateCertificate(b.ctx, old.PublicID)
		require.NoError(t, err)
		require.True(t, result.Reinstated)
	})

	t.Run("ErrorIfNotTheirs", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.revoked(t)
		other := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		_, err := other.ReinstateCertificate(b.ctx, certificate.PublicID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.teacher.ReinstateCertificate(b.ctx, "CERT-1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Zero(t, b.valid(t))
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		tx := b.begin(t)
		store := b.teacher.WithTx(tx)
		_, err := store.ReinstateCertificate(b.ctx, "CERT-1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		params := b.params()
		params.Reissue = true
		other, err := b.system.WithTx(tx).IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		_, err = store.ReinstateCertificate(b.ctx, old.PublicID)
		var conflict *elevate.ConflictError
		require.ErrorAs(t, err, &conflict)
		usable(t, tx)
		_, err = store.RevokeCertificate(b.ctx, other.Certificate.PublicID)
		require.NoError(t, err)
		result, err := store.ReinstateCertificate(b.ctx, old.PublicID)
		require.NoError(t, err)
		require.True(t, result.Reinstated)
		require.Zero(t, b.valid(t), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.valid(t))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		tx := b.begin(t)
		_, err := b.teacher.WithTx(tx).ReinstateCertificate(b.ctx, old.PublicID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.valid(t))
	})

	// A certificate is being reissued. Without CertificateLock, the unique index
	// would refuse the reinstatement, and the caller's transaction be lost.
	t.Run("WaitsForIssue", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		tx := b.begin(t)
		params := b.params()
		params.Reissue = true
		_, err := b.system.WithTx(tx).IssueCertificate(b.ctx, params)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.teacher.ReinstateCertificate(context.WithoutCancel(b.ctx), old.PublicID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		var conflict *elevate.ConflictError
		require.ErrorAs(t, <-done, &conflict)
		require.Equal(t, elevate.ConflictSuperseded, conflict.Reason)
		require.Equal(t, 1, b.valid(t))
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		old := b.revoked(t)
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.teacher.ReinstateCertificate(ctx, old.PublicID)
			return err
		}, locked{"users", b.userID}, locked{"courses", b.courseID}, locked{"certificates", old.ID})
	})

	// Everything that moves certificates of one learner at once, without retries:
	// neither a deadlock nor a raw refusal of the index may show, and at no moment
	// are there two valid ones.
	t.Run("ConcurrentWithIssueAndRevoke", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		reissue := b.params()
		reissue.Reissue = true
		cohort := elevate.IssueCertificatesParams{CourseID: b.courseID, UserIDs: []uuid.UUID{b.userID}}
		ids := []string{b.revoked(t).PublicID}
		for range 3 {
			result, err := b.system.IssueCertificate(b.ctx, reissue)
			require.NoError(t, err)
			ids = append(ids, result.Certificate.PublicID)
			_, err = b.teacher.RevokeCertificate(b.ctx, result.Certificate.PublicID)
			require.NoError(t, err)
		}
		for range 12 {
			require.NoError(t, race(32, func(i int) (err error) {
				id := ids[i/4%len(ids)]
				switch i % 4 {
				case 0:
					_, err = store.IssueCertificate(b.ctx, reissue)
				case 1:
					_, err = store.RevokeCertificate(b.ctx, id)
				case 2:
					_, err = store.ReinstateCertificate(b.ctx, id)
				case 3:
					_, err = store.IssueCertificate(b.ctx, b.params())
					if err == nil || errors.Is(err, elevate.ErrCertificateRevoked) {
						_, err = store.IssueCertificates(b.ctx, cohort)
					}
				}
				if _, ok := errors.AsType[*elevate.ConflictError](err); ok {
					return nil
				}
				return err
			}))
			require.LessOrEqual(t, b.valid(t), 1)
		}
		require.Equal(t, b.count(t, `SELECT count(*) FROM {s}.certificates`),
			b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})
}

func TestListCertificates(t *testing.T) {
	t.Parallel()

	// certify gives a learner a certificate of a new course, issued at a time.
	certify := func(t *testing.T, b *certificateBundle, id string, at time.Time) {
		t.Helper()
		courseID, _ := b.course(t, courseSeed{published: true})
		b.exec(t, `INSERT INTO {s}.certificates (certificate_id, user_id, course_id, issued_at) VALUES ($1, $2, $3, $4)`,
			id, b.userID, courseID, at)
	}
	ids := func(page elevate.Page[elevate.Certificate]) []string {
		var ids []string
		for _, c := range page.Items {
			ids = append(ids, c.PublicID)
		}
		return ids
	}

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.revoked(t)
		page, err := b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Page[elevate.Certificate]{Items: []elevate.Certificate{certificate}}, page)

		certify(t, b, "OLDER", certificate.IssuedAt.Add(-time.Microsecond))
		certify(t, b, "NEWER", certificate.IssuedAt.Add(time.Microsecond))
		page, err = b.system.ListCertificates(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, []string{"NEWER", certificate.PublicID, "OLDER"}, ids(page))
	})

	t.Run("None", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		page, err := b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Page[elevate.Certificate]{Items: []elevate.Certificate{}}, page)
	})

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		now := time.Now()
		for i := range 5 {
			certify(t, b, fmt.Sprint("C", i), now.Add(-time.Duration(i/2)*time.Hour)) // pairs of one moment
		}
		all, err := b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		want := ids(all)
		require.Len(t, want, 5)
		var (
			got    []string
			cursor string
		)
		for i := 0; i == 0 || cursor != ""; i++ {
			page, err := b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{Cursor: cursor, Limit: 2})
			require.NoError(t, err)
			got = append(got, ids(page)...)
			cursor = page.Next
			certify(t, b, fmt.Sprint("NEW", i), now.Add(time.Duration(i+1)*time.Hour))
		}
		require.Equal(t, want, got, "rows added meanwhile neither repeat nor skip one")
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		_, err := b.system.ListCertificates(b.ctx, b.courseID, elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfInvalidPage", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		courseID, _ := b.course(t, courseSeed{published: true})
		b.enroll(t, b.userID, courseID)
		courses, err := b.me.MyCourses(b.ctx, b.userID, elevate.PageParams{Limit: 1})
		require.NoError(t, err)
		require.NotEmpty(t, courses.Next)
		for _, cursor := range []string{"x", courses.Next} {
			_, err = b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{Cursor: cursor})
			require.ErrorIs(t, err, elevate.ErrInvalidCursor)
		}
		_, err = b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{Limit: -1})
		var invalid *elevate.ValidationError
		require.ErrorAs(t, err, &invalid)
	})

	t.Run("Forbidden", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		for name, store := range map[string]*elevate.Store{
			"Visitor": b.store,
			"Other":   b.as(b.user(t, elevate.RoleUser), elevate.RoleUser),
			"Teacher": b.teacher,
		} {
			_, err := store.ListCertificates(b.ctx, b.userID, elevate.PageParams{})
			require.ErrorIs(t, err, elevate.ErrForbidden, name)
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		page, err := b.me.WithTx(tx).ListCertificates(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	})
}

func TestVerifyCertificate(t *testing.T) {
	t.Parallel()

	t.Run("Valid", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.issued(t)
		want := elevate.Verification{
			PublicID:    certificate.PublicID,
			HolderName:  certificate.HolderName,
			CourseTitle: certificate.CourseTitle,
			IssuedAt:    certificate.IssuedAt,
			Valid:       true,
		}
		bare := strings.ReplaceAll(certificate.PublicID, "-", "")
		for _, typed := range []string{
			certificate.PublicID, strings.ToLower(certificate.PublicID), bare, " " + bare[:13] + " " + bare[13:] + "\n",
			strings.ReplaceAll(bare, "0", "o"), strings.ReplaceAll(bare, "1", "l"), strings.ReplaceAll(bare, "1", "I"),
		} {
			got, err := b.store.VerifyCertificate(b.ctx, typed)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})

	t.Run("Revoked", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		certificate := b.revoked(t)
		got, err := b.store.VerifyCertificate(b.ctx, certificate.PublicID)
		require.NoError(t, err)
		require.False(t, got.Valid)
		require.Equal(t, certificate.RevokedAt, got.RevokedAt)
	})

	t.Run("FromBefore", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		b.exec(t, `INSERT INTO {s}.certificates (certificate_id, user_id, course_id) VALUES ('cert/7 ü', $1, $2)`,
			b.userID, b.courseID)
		b.exec(t, `UPDATE {s}.certificates SET holder_name = NULL, course_title = NULL`)
		got, err := b.store.VerifyCertificate(b.ctx, "cert/7 ü")
		require.NoError(t, err)
		require.True(t, got.Valid)
		require.Equal(t, "cert/7 ü", got.PublicID)
		require.Equal(t, "Name of "+b.userID.String()+"@example.org", got.HolderName)
		require.Equal(t, "Course "+b.courseID.String(), got.CourseTitle)

		again, err := b.me.IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		require.Equal(t, got.HolderName, again.Certificate.HolderName)
		require.Equal(t, got.CourseTitle, again.Certificate.CourseTitle)
		page, err := b.me.ListCertificates(b.ctx, b.userID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, []elevate.Certificate{again.Certificate}, page.Items)
		revoked, err := b.teacher.RevokeCertificate(b.ctx, "cert/7 ü")
		require.NoError(t, err)
		require.Equal(t, got.HolderName, revoked.Certificate.HolderName)
		require.Equal(t, got.CourseTitle, revoked.Certificate.CourseTitle)
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		for _, id := range []string{"CERT-1", "00000-00000-00000-00000-00000-00000"} {
			_, err := b.store.VerifyCertificate(b.ctx, id)
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
	})

	t.Run("BadInput", func(t *testing.T) {
		t.Parallel()
		store, err := elevate.New(nil, nil)
		require.NoError(t, err)
		id := newCertificateBundle(t).issued(t).PublicID
		for name, id := range wrongIDs(id) {
			_, err := store.VerifyCertificate(t.Context(), id)
			var invalid *elevate.ValidationError
			require.ErrorAs(t, err, &invalid, name)
			require.Equal(t, "PublicID", invalid.Field)
		}
		_, err = store.VerifyCertificate(t.Context(), id)
		require.ErrorIs(t, err, elevate.ErrNoPool, "this one has to be looked up")
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newCertificateBundle(t)
		tx := b.begin(t)
		_, err := b.store.WithTx(tx).VerifyCertificate(b.ctx, "CERT-1")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		result, err := b.me.WithTx(tx).IssueCertificate(b.ctx, b.params())
		require.NoError(t, err)
		got, err := b.store.WithTx(tx).VerifyCertificate(b.ctx, result.Certificate.PublicID)
		require.NoError(t, err)
		require.True(t, got.Valid)
	})
}
