package elevate

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/db"
)

// unmet lists the constraints that no operation can meet, by the reason.
var unmet = map[string][]db.Constraint{
	"validated before the database is touched": {
		db.ConstraintAssignmentsLatePenaltyCheck,
		db.ConstraintAssignmentsMaxScoreCheck,
		db.ConstraintCoursesCurrencyCheck,
		db.ConstraintCoursesDurationCheck,
		db.ConstraintCoursesLanguageCheck,
		db.ConstraintCoursesPriceCheck,
		db.ConstraintEnrollmentsSourceCheck,
		db.ConstraintLessonsDurationCheck,
		db.ConstraintPaymentEventsAmountCheck,
		db.ConstraintPaymentEventsRefundedAmountCheck,
		db.ConstraintPaymentsAmountCheck,
		db.ConstraintPaymentsCurrencyCheck,
		db.ConstraintProgressPositionCheck,
		db.ConstraintProgressTimeSpentCheck,
		db.ConstraintReviewsRatingCheck,
		db.ConstraintSubmissionsRawScoreCheck,
	},
	"arbitrated by ON CONFLICT, which makes it a verdict": {
		db.ConstraintAnnouncementsPkey,
		db.ConstraintAssignmentsPkey,
		db.ConstraintAttemptsPkey,
		db.ConstraintCertificatesPkey,
		db.ConstraintCourseStatsPkey,
		db.ConstraintCoursesPkey,
		db.ConstraintIdentitiesPkey,
		db.ConstraintIdxCertificatesID,
		db.ConstraintIdxEnrollmentsUnique,
		db.ConstraintIdxProgressUnique,
		db.ConstraintIdxReviewsUnique,
		db.ConstraintLessonsPkey,
		db.ConstraintListenersPkey,
		db.ConstraintPaymentEventsPkey,
		db.ConstraintPaymentsPkey,
		db.ConstraintPaymentsUserIDIdempotencyKeyKey,
		db.ConstraintSubmissionsAssignmentIDUserIDKey,
		db.ConstraintUserTokensPkey,
		db.ConstraintUsersPkey,
	},
	"an id or a token that only the library makes": {
		db.ConstraintEnrollmentsPkey,
		db.ConstraintEventsPkey,
		db.ConstraintIdxSessionsToken,
		db.ConstraintNotificationsPkey,
		db.ConstraintProgressPkey,
		db.ConstraintReviewsPkey,
		db.ConstraintSessionsPkey,
		db.ConstraintUserTokensTokenHashKey,
	},
	"kept by triggers and by the statements' arithmetic and words": {
		db.ConstraintAnnouncementsRecipientsCheck,
		db.ConstraintAttemptsPurposeCheck,
		db.ConstraintCourseStatsRatingCountCheck,
		db.ConstraintCourseStatsRatingSumCheck,
		db.ConstraintCoursesLessonsTotalCheck,
		db.ConstraintEnrollmentsLessonsCompletedCheck,
		db.ConstraintEnrollmentsLessonsTotalCheck,
		db.ConstraintEnrollmentsProgressCheck,
		db.ConstraintGradesPkey,
		db.ConstraintLessonsOrderCheck,
		db.ConstraintPaymentEventsOutcomeCheck,
		db.ConstraintPaymentsRefundedAmountCheck,
		db.ConstraintSubmissionsAttemptCheck,
		db.ConstraintSubmissionsLatePenaltyCheck,
		db.ConstraintSubmissionsScoreCheck,
		db.ConstraintUserTokensPurposeCheck,
	},
	"no operation moves a row to another parent": {
		db.ConstraintEnrollmentsUserIDCourseIDFrozen,
		db.ConstraintLessonsCourseIDFrozen,
		db.ConstraintProgressUserIDLessonIDFrozen,
	},
	"the statement locks the row that it points to": {
		db.ConstraintListenersUserIDFkey,
		db.ConstraintCourseStatsCourseIDFkey,
		db.ConstraintGradesSubmissionIDFkey,
		db.ConstraintPaymentEventsPaymentIDFkey,
	},
}

func TestEveryConstraintHasAMeaningOrAReason(t *testing.T) {
	t.Parallel()

	reasons := map[db.Constraint]string{}
	for reason, constraints := range unmet {
		for _, constraint := range constraints {
			reasons[constraint] = reason
		}
	}
	for _, constraint := range db.AllConstraintValues() {
		meaning := meaningOf(constraint)
		if meaning == nil {
			require.NotEmpty(t, reasons[constraint], "%s has neither a meaning nor a reason", constraint)
		} else {
			require.Empty(t, reasons[constraint], "%s has both a meaning and a reason", constraint)
		}
		delete(reasons, constraint)
	}
	require.Empty(t, reasons, "reasons for constraints that are no more")
}

func TestConstraintError(t *testing.T) {
	t.Parallel()

	core := &core{}
	core.schema.place("school")
	refusal := func(state, schema string, name db.Constraint) *pgconn.PgError {
		return &pgconn.PgError{Code: state, SchemaName: schema, ConstraintName: string(name)}
	}
	cause := refusal("23505", "school", db.ConstraintIdxCoursesSlug)
	err := core.constraintError(cause)
	require.ErrorIs(t, err, ErrSlugTaken)
	require.ErrorIs(t, err, cause, "the cause stays")

	other := errors.New("other")
	require.Equal(t, other, core.constraintError(other))
	for _, hosts := range []*pgconn.PgError{
		refusal("23505", "public", db.ConstraintIdxCoursesSlug),
		refusal("23505", "school", "the_hosts_own"),
	} {
		require.Equal(t, error(hosts), core.constraintError(hosts))
	}
	for _, hosts := range []*pgconn.PgError{
		refusal("23503", "public", db.ConstraintLessonsCourseIDFkey),
		refusal("23503", "school", "the_hosts_own"),
		refusal("23001", "public", "the_hosts_own"),
	} {
		err := core.constraintError(hosts)
		var conflict *ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, ConflictReferenced, conflict.Reason)
		require.NotErrorIs(t, err, ErrNotFound)
	}
}
