package elevate

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/elevateforhumanity/elevate/db"
)

// constraintError says what it means that a constraint refused a statement whose
// own checks had let it through: another transaction, or a writer that is not the
// library, was in between. The cause stays.
func (c *core) constraintError(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	meaning := meaningOf(db.Constraint(pgErr.ConstraintName))
	if pgErr.SchemaName != c.schema.name || meaning == nil {
		meaning = nil
		if pgErr.Code == stateForeignKeyViolation || pgErr.Code == stateRestrictViolation {
			// The host's tables may point to ours, under whatever name.
			meaning = &ConflictError{Reason: ConflictReferenced}
		}
	}
	if meaning != nil {
		return fmt.Errorf("%w: %w", meaning, err)
	}
	return err
}

// meaningOf is nil for constraints that no operation can meet; the test of this
// function lists them with the reason.
func meaningOf(constraint db.Constraint) error {
	switch constraint {
	case db.ConstraintUsersEmailLowerKey, db.ConstraintIdxUsersEmail:
		return ErrEmailTaken
	case db.ConstraintIdxCoursesSlug:
		return ErrSlugTaken
	case db.ConstraintIdxLessonsOrder, db.ConstraintIdxPaymentsStripe:
		return &ConflictError{Reason: ConflictRaced}
	case db.ConstraintCertificatesUserIDCourseIDKey:
		return &ConflictError{Reason: ConflictSuperseded}
	case db.ConstraintSubmissionsPkey:
		return &ConflictError{Reason: ConflictIDTaken}
	case db.ConstraintAnnouncementsCourseIDFkey,
		db.ConstraintAssignmentsCourseIDFkey,
		db.ConstraintCoursesInstructorIDFkey,
		db.ConstraintLessonsCourseIDFkey,
		db.ConstraintEnrollmentsUserIDFkey, db.ConstraintEnrollmentsCourseIDFkey,
		db.ConstraintProgressUserIDFkey, db.ConstraintProgressLessonIDFkey,
		db.ConstraintCertificatesUserIDFkey, db.ConstraintCertificatesCourseIDFkey,
		db.ConstraintIdentitiesUserIDFkey,
		db.ConstraintNotificationsUserIDFkey,
		db.ConstraintPaymentsUserIDFkey, db.ConstraintPaymentsCourseIDFkey,
		db.ConstraintReviewsUserIDFkey, db.ConstraintReviewsCourseIDFkey,
		db.ConstraintSessionsUserIDFkey,
		db.ConstraintSubmissionsAssignmentIDFkey, db.ConstraintSubmissionsUserIDFkey,
		db.ConstraintUserTokensUserIDFkey:
		return ErrNotFound
	default:
		return nil
	}
}
