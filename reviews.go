package elevate

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// Review is what a learner says of a course.
type Review struct {
	ID       uuid.UUID
	UserID   uuid.UUID
	CourseID uuid.UUID

	// Name is the reviewer's, as their account has it today.
	Name string

	// Rating is 1 to 5.
	Rating int32

	// Comment is often empty.
	Comment string

	// CreatedAt is when the first version was written; lists are sorted by it.
	CreatedAt time.Time
	UpdatedAt time.Time
}

// PutReviewParams is a review, whole.
type PutReviewParams struct {
	// Comment is at most 10,000 characters. Optional.
	Comment string

	CourseID uuid.UUID

	// Rating is 1 to 5.
	Rating int32

	UserID uuid.UUID
}

// PutReviewResult is a review, and whether there was none before.
type PutReviewResult struct {
	Review Review

	// Created is false when the review replaced one, or was there already.
	Created bool
}

const (
	worstRating = 1
	bestRating  = 5
)

// PutReview writes or replaces a learner's review of a course that they are
// enrolled in, completed or not. A learner has one review of a course. The figures
// of the course follow in the same transaction ([Course.Rating]). A review outlives
// the enrollment; it can then be deleted, not edited. The actor is the learner or
// trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user or course,
// and for a draft that they are not enrolled in and the actor does not see;
// ErrNotEnrolled.
//
// Idempotent: the same review again changes nothing. Locks: user, course and
// enrollment KEY SHARE, then the review, then the figures of the course: those who
// review one course at once wait for each other until they commit. In a caller's
// transaction: joins it; let the review be the last thing in it.
func (s *Store) PutReview(ctx context.Context, params PutReviewParams) (result PutReviewResult, err error) {
	defer wrap(&err, "put review of user %s of course %s", params.UserID, params.CourseID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return PutReviewResult{}, err
	}
	if err := params.validate(); err != nil {
		return PutReviewResult{}, err
	}
	put := db.ReviewPutParams{
		UserID:    params.UserID,
		CourseID:  params.CourseID,
		ID:        newID(),
		Rating:    params.Rating,
		Comment:   params.Comment,
		TeacherID: s.actor.teacher(),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.ReviewPutRow, error) {
		row, err := q.ReviewPut(ctx, put)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return PutReviewResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictUpdated, verdictUnchanged:
		return PutReviewResult{
			Review: Review{
				ID:        row.ID,
				UserID:    params.UserID,
				CourseID:  params.CourseID,
				Name:      row.Name,
				Rating:    params.Rating,
				Comment:   params.Comment,
				CreatedAt: row.CreatedAt,
				UpdatedAt: row.UpdatedAt,
			},
			Created: row.Verdict == verdictCreated,
		}, nil
	case verdictUserUnknown, verdictCourseUnknown:
		return PutReviewResult{}, ErrNotFound
	case verdictNotEnrolled:
		return PutReviewResult{}, ErrNotEnrolled
	default:
		return PutReviewResult{}, unknownVerdict(row.Verdict)
	}
}

func (p PutReviewParams) validate() error {
	if err := within("Rating", int(p.Rating), worstRating, bestRating); err != nil {
		return err
	}
	return text("Comment", p.Comment, 0, maxComment)
}

// maxComment is ours, for the column has no length: anybody may list reviews, 500 at
// once.
const maxComment = 10_000

// DeleteReviewResult says whether there was a review to delete.
type DeleteReviewResult struct {
	Removed bool
}

// DeleteReview deletes a learner's review of a course, enrolled or not. The actor
// is the learner or trusted: trusted actors moderate.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user or course, and, where there
// is no review, for a draft that they are not enrolled in and the actor does not
// see; *ConflictError with ConflictReferenced for a table of the host's.
//
// Idempotent: a repeat returns Removed false; of such a draft, ErrNotFound. Locks:
// the review, then the figures of the course. In a caller's transaction: joins it,
// behind a savepoint; let it be the last thing in it.
func (s *Store) DeleteReview(ctx context.Context, userID, courseID uuid.UUID) (result DeleteReviewResult, err error) {
	defer wrap(&err, "delete review of user %s of course %s", userID, courseID)
	if err := s.actor.mayActFor(userID); err != nil {
		return DeleteReviewResult{}, err
	}
	params := db.ReviewDeleteParams{UserID: userID, CourseID: courseID, TeacherID: s.actor.teacher()}
	verdict, err := writeGuarded(ctx, s, func(q *db.Queries) (string, error) {
		verdict, err := q.ReviewDelete(ctx, params)
		return settled(verdict, err, verdict)
	})
	if err != nil {
		return DeleteReviewResult{}, err
	}
	switch verdict {
	case verdictDeleted:
		return DeleteReviewResult{Removed: true}, nil
	case verdictAlready:
		return DeleteReviewResult{}, nil
	case verdictUserUnknown, verdictCourseUnknown:
		return DeleteReviewResult{}, ErrNotFound
	default:
		return DeleteReviewResult{}, unknownVerdict(verdict)
	}
}

// ListReviews lists the reviews of a course, the newest first; an edit does not
// move one. Anyone may list those of a published course; of a draft, who teaches
// it, who is enrolled, and trusted actors. Names are those of the accounts: of an
// erased person, what the erasure left.
//
// Errors: *ValidationError; ErrInvalidCursor; ErrNotFound for a course that is
// unknown or not for this reader.
func (s *Store) ListReviews(
	ctx context.Context, courseID uuid.UUID, page PageParams,
) (reviews Page[Review], err error) {
	defer wrap(&err, "reviews of course %s", courseID)
	before, limit, err := page.newestFirst(listReviews)
	if err != nil {
		return Page[Review]{}, err
	}
	rows, err := s.reader().ReviewListByCourse(ctx, db.ReviewListByCourseParams{
		CourseID:  courseID,
		BeforeAt:  before.at,
		BeforeID:  before.id,
		RowLimit:  limit,
		TeacherID: s.actor.teacher(),
		ReaderID:  s.actor.learner(),
	})
	if err != nil {
		return Page[Review]{}, err
	}
	return pageOfKnown(rows, limit, listReviews,
		func(row db.ReviewListByCourseRow) Review {
			return Review{
				ID:        row.ID,
				UserID:    row.UserID,
				CourseID:  courseID,
				Name:      row.Name,
				Rating:    row.Rating,
				Comment:   row.Comment,
				CreatedAt: row.CreatedAt,
				UpdatedAt: row.UpdatedAt,
			}
		},
		func(row db.ReviewListByCourseRow) position {
			return position{at: row.CreatedAt, id: row.ID}
		})
}
