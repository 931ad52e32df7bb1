package elevate

import (
	"context"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// TransferCoursesParams says whose courses are to be whose.
type TransferCoursesParams struct {
	// From is who teaches them now, whatever their role has become; also someone
	// who was erased.
	From uuid.UUID

	// To is an instructor or an admin.
	To uuid.UUID
}

// TransferCourses gives all courses of one person to another, published or not,
// and returns how many. For each it is an edit: its version moves. Learners and
// what they did stay. A course that From is making at the same moment may stay
// theirs: call again. The actor is trusted.
//
// Errors: ErrForbidden; *ValidationError when both are one person; ErrNotFound
// when one of them is unknown, or To was erased; *ConflictError with
// ConflictNotInstructor when To does not teach.
//
// Idempotent: a repeat finds no more courses and returns 0. Locks: both users KEY
// SHARE by id, then the courses NO KEY UPDATE by id. In a caller's transaction:
// joins it.
func (s *Store) TransferCourses(ctx context.Context, params TransferCoursesParams) (courses int, err error) {
	defer wrap(&err, "transfer courses of user %s to user %s", params.From, params.To)
	if err := s.actor.mayAdminister(); err != nil {
		return 0, err
	}
	if params.From == params.To {
		return 0, invalid("To", "is From")
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.CourseTransferRow, error) {
		return q.CourseTransfer(ctx, db.CourseTransferParams{FromID: params.From, ToID: params.To})
	})
	if err != nil {
		return 0, err
	}
	switch row.Verdict {
	case verdictMoved:
		return int(row.Courses), nil
	case verdictUserUnknown:
		return 0, ErrNotFound
	case verdictNotInstructor:
		return 0, &ConflictError{Reason: ConflictNotInstructor}
	default:
		return 0, unknownVerdict(row.Verdict)
	}
}
