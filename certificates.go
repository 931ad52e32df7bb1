package elevate

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// Certificate says that a learner completed a course.
type Certificate struct {
	ID uuid.UUID

	// PublicID is what the certificate prints, and what [Store.VerifyCertificate]
	// is asked: six groups of five symbols of Crockford's base32, the last of
	// them a check symbol. Certificates from before the library keep theirs.
	PublicID string

	UserID   uuid.UUID
	CourseID uuid.UUID

	// HolderName and CourseTitle are those of the day of issue.
	HolderName  string
	CourseTitle string

	// URL is where the host keeps the document; often empty.
	URL string

	IssuedAt time.Time

	// RevokedAt is nil while the certificate is valid.
	RevokedAt *time.Time
}

// IssueCertificateParams says who gets the certificate of what.
type IssueCertificateParams struct {
	CourseID uuid.UUID

	// Reissue issues a certificate although an earlier one was revoked. Only
	// trusted actors may.
	Reissue bool

	// URL is where the document is. Optional, at most 500 characters.
	URL string

	UserID uuid.UUID
}

// IssueCertificateResult is a valid certificate, and whether this call made it.
type IssueCertificateResult struct {
	Certificate Certificate

	// Issued is false when the learner had a valid certificate already.
	Issued bool
}

// IssueCertificate issues the certificate of a course that a learner has
// completed, with the names as they are today, and notifies them. There is at
// most one valid certificate of a learner for a course. The actor is the learner
// or trusted.
//
// Errors: ErrForbidden, also for Reissue by the learner; *ValidationError;
// ErrNotFound for an unknown user or course; ErrNotEnrolled;
// ErrCourseIncomplete; ErrCertificateRevoked when an earlier one was revoked and
// Reissue is false.
//
// Idempotent: a repeat returns the valid certificate as it is, with Issued false.
// Locks: user and course KEY SHARE, then the enrollment, then the revoked
// certificates. In a caller's transaction: joins it.
func (s *Store) IssueCertificate(
	ctx context.Context, params IssueCertificateParams,
) (result IssueCertificateResult, err error) {
	defer wrap(&err, "issue certificate of user %s for course %s", params.UserID, params.CourseID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return IssueCertificateResult{}, err
	}
	if params.Reissue && !s.actor.trusted() {
		return IssueCertificateResult{}, ErrForbidden
	}
	if err := link("URL", params.URL); err != nil {
		return IssueCertificateResult{}, err
	}
	notice := s.core.messages[NotificationCertificateIssued]
	lock := db.CertificateIssueLockParams{UserID: params.UserID, CourseID: params.CourseID}
	issue := db.CertificateIssueParams{
		UserID:         params.UserID,
		CourseID:       params.CourseID,
		ID:             newID(),
		CertificateID:  "", // made anew for each attempt: a clash is raced
		NotificationID: newID(),
		URL:            some(params.URL),
		Reissue:        params.Reissue,
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.CertificateIssueRow, error) {
		if err := q.CertificateIssueLock(ctx, lock); err != nil {
			return db.CertificateIssueRow{}, err
		}
		issue.CertificateID = newPublicID() // another one each time: this may be what clashed
		row, err := q.CertificateIssue(ctx, issue)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return IssueCertificateResult{}, err
	}
	switch row.Verdict {
	case verdictIssued, verdictAlready:
		return IssueCertificateResult{
			Issued: row.Verdict == verdictIssued,
			Certificate: Certificate{
				ID:          row.ID,
				PublicID:    row.CertificateID,
				UserID:      params.UserID,
				CourseID:    params.CourseID,
				HolderName:  row.HolderName,
				CourseTitle: row.CourseTitle,
				URL:         row.URL,
				IssuedAt:    row.IssuedAt,
			},
		}, nil
	case verdictUserUnknown, verdictCourseUnknown:
		return IssueCertificateResult{}, ErrNotFound
	case verdictNotEnrolled:
		return IssueCertificateResult{}, ErrNotEnrolled
	case verdictIncomplete:
		return IssueCertificateResult{}, ErrCourseIncomplete
	case verdictRevoked:
		return IssueCertificateResult{}, ErrCertificateRevoked
	default:
		return IssueCertificateResult{}, unknownVerdict(row.Verdict)
	}
}

// IssueCertificatesParams is a cohort and its course.
type IssueCertificatesParams struct {
	CourseID uuid.UUID

	// UserIDs are at most 20,000; repeats count once.
	UserIDs []uuid.UUID
}

// CertificateOutcome is what became of one user of [Store.IssueCertificates].
type CertificateOutcome struct {
	UserID uuid.UUID

	// PublicID is that of the valid certificate; empty when there is none.
	PublicID string

	// Issued is false when there was a valid certificate already, or is none.
	Issued bool

	// Err says why there is no certificate: ErrNotFound for an unknown user,
	// ErrNotEnrolled, ErrCourseIncomplete or ErrCertificateRevoked. Otherwise
	// nil.
	Err error
}

// IssueCertificates issues the certificates of those of a cohort who have
// completed the course, in one transaction, and notifies them. The outcomes are
// in the order of the users' ids, one for each different id; those who get none
// do not hold up the others. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course and
// for another instructor's.
//
// Idempotent: a repeat returns the same certificates, with Issued false. Locks:
// users KEY SHARE by id, then the course, then the enrollments by id. In a
// caller's transaction: joins it.
func (s *Store) IssueCertificates(
	ctx context.Context, params IssueCertificatesParams,
) (outcomes []CertificateOutcome, err error) {
	defer wrap(&err, "issue %d certificates for course %s", len(params.UserIDs), params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return nil, err
	}
	if err := within("UserIDs", len(params.UserIDs), 1, maxMany); err != nil {
		return nil, err
	}
	notice := s.core.messages[NotificationCertificateIssued]
	lock := db.CertificateIssueManyLockParams{
		UserIDs:   params.UserIDs,
		CourseID:  params.CourseID,
		TeacherID: s.actor.teacher(),
	}
	issue := db.CertificateIssueManyParams{
		UserIDs:         params.UserIDs,
		IDs:             newIDs(len(params.UserIDs)),
		CertificateIDs:  nil, // made anew for each attempt: a clash is raced
		NotificationIDs: newIDs(len(params.UserIDs)),
		CourseID:        params.CourseID,
		TeacherID:       s.actor.teacher(),
		NoticeTitle:     notice.Title,
		Notice:          notice.Message,
	}
	rows, err := write(ctx, s, func(q *db.Queries) ([]db.CertificateIssueManyRow, error) {
		if err := q.CertificateIssueManyLock(ctx, lock); err != nil {
			return nil, err
		}
		issue.CertificateIDs = newPublicIDs(len(params.UserIDs))
		rows, err := q.CertificateIssueMany(ctx, issue)
		for _, row := range rows {
			if row.Verdict == verdictRaced {
				return settled(rows, err, row.Verdict)
			}
		}
		return rows, err
	})
	if err != nil {
		return nil, err
	}
	outcomes = make([]CertificateOutcome, len(rows))
	for i, row := range rows {
		outcomes[i].UserID = row.UserID
		switch row.Verdict {
		case verdictIssued, verdictAlready:
			outcomes[i].PublicID = row.CertificateID
			outcomes[i].Issued = row.Verdict == verdictIssued
		case verdictUserUnknown:
			outcomes[i].Err = ErrNotFound
		case verdictNotEnrolled:
			outcomes[i].Err = ErrNotEnrolled
		case verdictIncomplete:
			outcomes[i].Err = ErrCourseIncomplete
		case verdictRevoked:
			outcomes[i].Err = ErrCertificateRevoked
		case verdictCourseUnknown:
			return nil, ErrNotFound
		default:
			return nil, unknownVerdict(row.Verdict)
		}
	}
	return outcomes, nil
}

// RevokeCertificateResult is a revoked certificate, and whether this call
// revoked it.
type RevokeCertificateResult struct {
	Certificate Certificate

	// Revoked is false when the certificate was revoked already.
	Revoked bool
}

// RevokeCertificate ends a certificate. It stays, and verifies as revoked. The
// public id may be typed as in [Store.VerifyCertificate]. The actor teaches the
// course or is trusted.
//
// Errors: ErrForbidden; *ValidationError for a mistyped id; ErrNotFound for an
// unknown certificate and for one of another instructor's course.
//
// Idempotent: a repeat returns the certificate as it is, with Revoked false.
// Locks: the certificate. In a caller's transaction: joins it.
func (s *Store) RevokeCertificate(ctx context.Context, publicID string) (result RevokeCertificateResult, err error) {
	defer wrap(&err, "revoke certificate")
	if err := s.actor.mayTeach(); err != nil {
		return RevokeCertificateResult{}, err
	}
	id, err := parsePublicID(publicID)
	if err != nil {
		return RevokeCertificateResult{}, err
	}
	params := db.CertificateRevokeParams{CertificateID: id, TeacherID: s.actor.teacher()}
	row, err := write(ctx, s, func(q *db.Queries) (db.CertificateRevokeRow, error) {
		row, err := q.CertificateRevoke(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return RevokeCertificateResult{}, err
	}
	switch row.Verdict {
	case verdictRevoked, verdictAlready:
		return RevokeCertificateResult{
			Revoked: row.Verdict == verdictRevoked,
			Certificate: Certificate{
				ID:          row.ID,
				PublicID:    row.CertificateID,
				UserID:      row.UserID,
				CourseID:    row.CourseID,
				HolderName:  row.HolderName,
				CourseTitle: row.CourseTitle,
				URL:         row.URL,
				IssuedAt:    row.IssuedAt,
				RevokedAt:   row.RevokedAt,
			},
		}, nil
	case verdictCertificateUnknown:
		return RevokeCertificateResult{}, ErrNotFound
	default:
		return RevokeCertificateResult{}, unknownVerdict(row.Verdict)
	}
}

// ReinstateCertificateResult is a valid certificate, and whether this call
// reinstated it.
type ReinstateCertificateResult struct {
	Certificate Certificate

	// Reinstated is false when the certificate was valid already.
	Reinstated bool
}

// ReinstateCertificate undoes a revocation, unless the learner has another valid
// certificate for the course. The public id may be typed as in
// [Store.VerifyCertificate]. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError for a mistyped id; ErrNotFound for an
// unknown certificate and for one of another instructor's course; *ConflictError
// with ConflictSuperseded.
//
// Idempotent: a repeat returns the certificate as it is, with Reinstated false.
// Locks: user and course KEY SHARE, then the learner's certificates for the
// course by id. In a caller's transaction: joins it.
func (s *Store) ReinstateCertificate(
	ctx context.Context, publicID string,
) (result ReinstateCertificateResult, err error) {
	defer wrap(&err, "reinstate certificate")
	if err := s.actor.mayTeach(); err != nil {
		return ReinstateCertificateResult{}, err
	}
	id, err := parsePublicID(publicID)
	if err != nil {
		return ReinstateCertificateResult{}, err
	}
	lock := db.CertificateLockParams{CertificateID: id, TeacherID: s.actor.teacher()}
	reinstate := db.CertificateReinstateParams{CertificateID: id, TeacherID: s.actor.teacher()}
	row, err := write(ctx, s, func(q *db.Queries) (db.CertificateReinstateRow, error) {
		if err := q.CertificateLock(ctx, lock); err != nil {
			return db.CertificateReinstateRow{}, err
		}
		return q.CertificateReinstate(ctx, reinstate)
	})
	if err != nil {
		return ReinstateCertificateResult{}, err
	}
	switch row.Verdict {
	case verdictReinstated, verdictAlready:
		return ReinstateCertificateResult{
			Reinstated: row.Verdict == verdictReinstated,
			Certificate: Certificate{
				ID:          row.ID,
				PublicID:    row.CertificateID,
				UserID:      row.UserID,
				CourseID:    row.CourseID,
				HolderName:  row.HolderName,
				CourseTitle: row.CourseTitle,
				URL:         row.URL,
				IssuedAt:    row.IssuedAt,
			},
		}, nil
	case verdictCertificateUnknown:
		return ReinstateCertificateResult{}, ErrNotFound
	case verdictSuperseded:
		return ReinstateCertificateResult{}, &ConflictError{Reason: ConflictSuperseded}
	default:
		return ReinstateCertificateResult{}, unknownVerdict(row.Verdict)
	}
}

// ListCertificates lists a learner's certificates, the newest first, revoked ones
// too. The actor is the learner or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown user.
func (s *Store) ListCertificates(
	ctx context.Context, userID uuid.UUID, page PageParams,
) (certificates Page[Certificate], err error) {
	defer wrap(&err, "certificates of user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return Page[Certificate]{}, err
	}
	before, limit, err := page.newestFirst(listCertificates)
	if err != nil {
		return Page[Certificate]{}, err
	}
	rows, err := s.reader().CertificateListByUser(ctx, db.CertificateListByUserParams{
		UserID:   userID,
		BeforeAt: before.at,
		BeforeID: before.id,
		RowLimit: limit,
	})
	if err != nil {
		return Page[Certificate]{}, err
	}
	return pageOfKnown(rows, limit, listCertificates,
		func(row db.CertificateListByUserRow) Certificate {
			return Certificate{
				ID:          row.ID,
				PublicID:    row.CertificateID,
				UserID:      userID,
				CourseID:    row.CourseID,
				HolderName:  row.HolderName,
				CourseTitle: row.CourseTitle,
				URL:         row.URL,
				IssuedAt:    row.IssuedAt,
				RevokedAt:   row.RevokedAt,
			}
		},
		func(row db.CertificateListByUserRow) position {
			return position{at: row.IssuedAt, id: row.ID}
		})
}

// Verification is what anybody may know of a certificate: names and dates, no
// ids but the public one.
type Verification struct {
	// PublicID is the id as it is printed, however it was typed.
	PublicID string

	// HolderName and CourseTitle are those of the day of issue.
	HolderName  string
	CourseTitle string

	IssuedAt time.Time

	// RevokedAt is nil while the certificate is valid.
	RevokedAt *time.Time

	// Valid says that the certificate was issued and not revoked.
	Valid bool
}

// VerifyCertificate says whether a certificate is genuine and still valid. Case,
// spaces and missing hyphens in the public id do not matter, O reads as 0, and I
// and L as 1. A wrong symbol, or two that changed places, are found without
// asking the database. The actor is anybody.
//
// Errors: *ValidationError for a mistyped id; ErrNotFound.
func (s *Store) VerifyCertificate(ctx context.Context, publicID string) (verification Verification, err error) {
	defer wrap(&err, "verify certificate")
	id, err := parsePublicID(publicID)
	if err != nil {
		return Verification{}, err
	}
	row, err := s.reader().CertificateGetByPublicID(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Verification{}, ErrNotFound
	case err != nil:
		return Verification{}, err
	}
	return Verification{
		PublicID:    row.CertificateID,
		HolderName:  row.HolderName,
		CourseTitle: row.CourseTitle,
		IssuedAt:    row.IssuedAt,
		RevokedAt:   row.RevokedAt,
		Valid:       row.RevokedAt == nil,
	}, nil
}
