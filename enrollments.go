package elevate

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// Enrollment is a learner's place in a course.
type Enrollment struct {
	ID       uuid.UUID
	UserID   uuid.UUID
	CourseID uuid.UUID

	// Source is what gave access: "free", "payment", "unknown" for rows written
	// by others, or the word that [Store.GrantEnrollment] was given.
	Source string

	// Reference is what trusted code noted beside its word; often empty.
	Reference string

	EnrolledAt time.Time

	// CompletedAt is when the last lesson was completed; nil until then. A
	// completed enrollment stays completed, and its figures stay too.
	CompletedAt *time.Time

	// Progress is the percentage of lessons completed, 0 to 100, rounded down.
	Progress int32

	LessonsCompleted int32
	LessonsTotal     int32
}

// EnrollResult is an enrollment, and whether this call made it.
type EnrollResult struct {
	Enrollment Enrollment

	// Created is false when the learner was enrolled already.
	Created bool
}

// Enroll enrolls a learner in a published course that is free, or that a
// succeeded payment of theirs has paid for, and notifies them. Progress that an
// earlier enrollment left counts again. The actor is the learner or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user or course;
// ErrNotPublished; ErrPaymentRequired.
//
// Idempotent: a repeat returns the enrollment as it is, with Created false.
// Locks: user, course and the lessons completed earlier KEY SHARE, one payment
// SHARE. In a caller's transaction: joins it.
func (s *Store) Enroll(ctx context.Context, userID, courseID uuid.UUID) (result EnrollResult, err error) {
	defer wrap(&err, "enroll user %s in course %s", userID, courseID)
	if err := s.actor.mayActFor(userID); err != nil {
		return EnrollResult{}, err
	}
	notice := s.core.messages[NotificationEnrolled]
	params := db.EnrollmentCreateParams{
		UserID:         userID,
		CourseID:       courseID,
		ID:             newID(),
		NotificationID: newID(),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.EnrollmentCreateRow, error) {
		row, err := q.EnrollmentCreate(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return EnrollResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictAlready:
		return enrolled(row, userID, courseID), nil
	case verdictUserUnknown, verdictCourseUnknown:
		return EnrollResult{}, ErrNotFound
	case verdictNotPublished:
		return EnrollResult{}, ErrNotPublished
	case verdictPaymentRequired:
		return EnrollResult{}, ErrPaymentRequired
	default:
		return EnrollResult{}, unknownVerdict(row.Verdict)
	}
}

// enrolled is the result of a row that Enroll and GrantEnrollment share.
func enrolled(row db.EnrollmentCreateRow, userID, courseID uuid.UUID) EnrollResult {
	return EnrollResult{
		Created: row.Verdict == verdictCreated,
		Enrollment: Enrollment{
			ID:               row.ID,
			UserID:           userID,
			CourseID:         courseID,
			Source:           row.Source,
			Reference:        row.Reference,
			EnrolledAt:       row.EnrolledAt,
			CompletedAt:      row.CompletedAt,
			Progress:         row.Progress,
			LessonsCompleted: row.LessonsCompleted,
			LessonsTotal:     row.LessonsTotal,
		},
	}
}

// GrantEnrollmentParams says who gets access to what, and why.
type GrantEnrollmentParams struct {
	CourseID uuid.UUID

	// Reference is the voucher, contract or import that the grant comes from.
	// Optional, at most 255 characters.
	Reference string

	// Source is one word for the reason: a lower-case letter, then up to 31
	// lower-case letters, digits and underscores. Not "free", "payment" or
	// "unknown", which are the library's own.
	Source string

	UserID uuid.UUID
}

// GrantEnrollment enrolls a learner in a published course without payment: a
// scholarship, a company's contract, a subscription. An enrollment that a payment
// gave becomes the grant's, so that a refund no longer ends it. The actor is
// trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user or
// course; ErrNotPublished.
//
// Idempotent: a repeat, or a grant to someone who is enrolled for free or by
// another grant, returns the enrollment as it is, with Created false. Locks: user,
// course and the lessons completed earlier KEY SHARE, then the enrollment. In a
// caller's transaction: joins it.
func (s *Store) GrantEnrollment(ctx context.Context, params GrantEnrollmentParams) (result EnrollResult, err error) {
	defer wrap(&err, "grant user %s course %s", params.UserID, params.CourseID)
	if err := s.actor.mayAdminister(); err != nil {
		return EnrollResult{}, err
	}
	if err := validateGrant(params.Source, params.Reference); err != nil {
		return EnrollResult{}, err
	}
	notice := s.core.messages[NotificationEnrolled]
	grant := db.EnrollmentGrantParams{
		UserID:         params.UserID,
		CourseID:       params.CourseID,
		ID:             newID(),
		NotificationID: newID(),
		Source:         params.Source,
		Reference:      some(params.Reference),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.EnrollmentGrantRow, error) {
		row, err := q.EnrollmentGrant(ctx, grant)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return EnrollResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictGranted, verdictAlready:
		return enrolled(db.EnrollmentCreateRow(row), params.UserID, params.CourseID), nil
	case verdictUserUnknown, verdictCourseUnknown:
		return EnrollResult{}, ErrNotFound
	case verdictNotPublished:
		return EnrollResult{}, ErrNotPublished
	default:
		return EnrollResult{}, unknownVerdict(row.Verdict)
	}
}

var sourceWord = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func validateGrant(source, reference string) error {
	switch {
	case !sourceWord.MatchString(source):
		return invalid("Source", "is not a word of lower-case letters, digits and underscores")
	case source == "free", source == "payment", source == "unknown":
		return invalid("Source", "is a word of the library's own")
	default:
		return text("Reference", reference, 0, maxName)
	}
}

// EnrollManyParams is a cohort and its course.
type EnrollManyParams struct {
	CourseID uuid.UUID

	// Reference and Source are those of [GrantEnrollmentParams].
	Reference string
	Source    string

	// UserIDs are at most 20,000; repeats count once.
	UserIDs []uuid.UUID
}

// EnrollOutcome is what became of one user of [Store.EnrollMany].
type EnrollOutcome struct {
	UserID uuid.UUID

	// EnrollmentID is zero for an unknown user.
	EnrollmentID uuid.UUID

	// Created is false when the user was enrolled already, or is unknown.
	Created bool

	// Unknown says that there is no such user.
	Unknown bool
}

// EnrollMany enrolls a cohort in a published course without payment, in one
// statement, and notifies each learner. The outcomes are in the order of the
// users' ids, one for each different id; unknown users do not hold up the others.
// Learners whom somebody else enrolls at the same moment are asked for once more,
// outside a caller's transaction in one of their own. The actor is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course;
// ErrNotPublished. After any other error some of the cohort may be enrolled: call
// again. So after *ConflictError with ConflictRaced, which is also the error when
// the course was unpublished before somebody was asked for once more.
//
// Idempotent. Locks: users KEY SHARE by id, then the course. In a caller's
// transaction: joins it. ANALYZE the tables afterwards when the cohort is large
// against what was there.
func (s *Store) EnrollMany(ctx context.Context, params EnrollManyParams) (outcomes []EnrollOutcome, err error) {
	defer wrap(&err, "enroll %d users in course %s", len(params.UserIDs), params.CourseID)
	if err := s.actor.mayAdminister(); err != nil {
		return nil, err
	}
	if err := validateGrant(params.Source, params.Reference); err != nil {
		return nil, err
	}
	if err := within("UserIDs", len(params.UserIDs), 1, maxMany); err != nil {
		return nil, err
	}
	notice := s.core.messages[NotificationEnrolled]
	many := db.EnrollmentCreateManyParams{
		UserIDs:         params.UserIDs,
		IDs:             newIDs(len(params.UserIDs)),
		NotificationIDs: newIDs(len(params.UserIDs)),
		CourseID:        params.CourseID,
		Source:          params.Source,
		Reference:       some(params.Reference),
		NoticeTitle:     notice.Title,
		Notice:          notice.Message,
	}
	var rows []db.EnrollmentCreateManyRow
	_, err = write(ctx, s, func(q *db.Queries) (string, error) {
		sent, err := q.EnrollmentCreateMany(ctx, many)
		if err != nil {
			return "", err
		}
		// What became of the others stands: asked for again, those whom it enrolled
		// would be there already, and who has left meanwhile would come back.
		many.UserIDs = nil
		for _, row := range sent {
			if row.Verdict == verdictRaced {
				many.UserIDs = append(many.UserIDs, row.UserID)
			} else {
				rows = append(rows, row)
			}
		}
		if len(many.UserIDs) == 0 {
			return "", nil
		}
		many.IDs, many.NotificationIDs = newIDs(len(many.UserIDs)), newIDs(len(many.UserIDs))
		return "", errRaced
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b db.EnrollmentCreateManyRow) int {
		return bytes.Compare(a.UserID[:], b.UserID[:])
	})
	refused := func(err error) error {
		if slices.ContainsFunc(rows, func(row db.EnrollmentCreateManyRow) bool { return row.Verdict == verdictCreated }) {
			return &ConflictError{Reason: ConflictRaced} // err would say that nobody was enrolled
		}
		return err
	}
	outcomes = make([]EnrollOutcome, len(rows))
	for i, row := range rows {
		outcomes[i] = EnrollOutcome{UserID: row.UserID, EnrollmentID: row.ID}
		switch row.Verdict {
		case verdictCreated:
			outcomes[i].Created = true
		case verdictAlready:
		case verdictUserUnknown:
			outcomes[i].EnrollmentID, outcomes[i].Unknown = uuid.Nil, true
		case verdictCourseUnknown:
			return nil, refused(ErrNotFound)
		case verdictNotPublished:
			return nil, refused(ErrNotPublished)
		default:
			return nil, unknownVerdict(row.Verdict)
		}
	}
	return outcomes, nil
}

// UnenrollParams says who leaves which course.
type UnenrollParams struct {
	CourseID uuid.UUID

	// DeleteProgress also forgets which lessons were completed. By default they
	// are kept, and count when the learner enrolls again.
	DeleteProgress bool

	UserID uuid.UUID
}

// UnenrollResult says whether there was an enrollment to end.
type UnenrollResult struct {
	Removed bool
}

// Unenroll ends an enrollment that is not completed. The actor is the learner or
// trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user or course;
// ErrCourseCompleted; *ConflictError with ConflictReferenced when a table of the
// host points to the enrollment.
//
// Idempotent: a repeat returns Removed false. Locks: user KEY SHARE, enrollment
// UPDATE. In a caller's transaction: joins it, behind a savepoint.
func (s *Store) Unenroll(ctx context.Context, params UnenrollParams) (result UnenrollResult, err error) {
	defer wrap(&err, "unenroll user %s from course %s", params.UserID, params.CourseID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return UnenrollResult{}, err
	}
	lock := db.EnrollmentLockParams{UserID: params.UserID, CourseID: params.CourseID}
	remove := db.EnrollmentDeleteParams{
		UserID:         params.UserID,
		CourseID:       params.CourseID,
		DeleteProgress: params.DeleteProgress,
	}
	verdict, err := writeGuarded(ctx, s, func(q *db.Queries) (string, error) {
		if err := q.EnrollmentLock(ctx, lock); err != nil {
			return "", err
		}
		verdict, err := q.EnrollmentDelete(ctx, remove)
		return settled(verdict, err, verdict)
	})
	if err != nil {
		return UnenrollResult{}, err
	}
	switch verdict {
	case verdictDeleted:
		return UnenrollResult{Removed: true}, nil
	case verdictAlready:
		return UnenrollResult{}, nil
	case verdictUserUnknown, verdictCourseUnknown:
		return UnenrollResult{}, ErrNotFound
	case verdictCompleted:
		return UnenrollResult{}, ErrCourseCompleted
	default:
		return UnenrollResult{}, unknownVerdict(verdict)
	}
}

// MyCourse is a course on a learner's dashboard.
type MyCourse struct {
	Enrollment Enrollment

	// Slug, Title and ThumbnailURL are the course's.
	Slug         string
	Title        string
	ThumbnailURL string

	// NextLesson is the first lesson that is not completed; nil when there is
	// none, or the course is completed.
	NextLesson *NextLesson
}

// NextLesson is where a learner goes on.
type NextLesson struct {
	ID       uuid.UUID
	Title    string
	Position int32 // 1 is the first
}

// MyCourses lists a learner's courses, the newest enrollment first, each with
// its progress and the next lesson. The actor is the learner or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown user.
func (s *Store) MyCourses(ctx context.Context, userID uuid.UUID, page PageParams) (courses Page[MyCourse], err error) {
	defer wrap(&err, "courses of user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return Page[MyCourse]{}, err
	}
	before, limit, err := page.newestFirst(listMyCourses)
	if err != nil {
		return Page[MyCourse]{}, err
	}
	rows, err := s.reader().EnrollmentListByUser(ctx, db.EnrollmentListByUserParams{
		UserID:   userID,
		BeforeAt: before.at,
		BeforeID: before.id,
		RowLimit: limit,
	})
	if err != nil {
		return Page[MyCourse]{}, err
	}
	return pageOfKnown(rows, limit, listMyCourses,
		func(row db.EnrollmentListByUserRow) MyCourse {
			course := MyCourse{
				Enrollment: Enrollment{
					ID:               row.ID,
					UserID:           userID,
					CourseID:         row.CourseID,
					Source:           row.Source,
					Reference:        row.Reference,
					EnrolledAt:       row.EnrolledAt,
					CompletedAt:      row.CompletedAt,
					Progress:         row.Progress,
					LessonsCompleted: row.LessonsCompleted,
					LessonsTotal:     row.LessonsTotal,
				},
				Slug:         row.Slug,
				Title:        row.Title,
				ThumbnailURL: row.ThumbnailURL,
			}
			if row.NextLessonID != uuid.Nil {
				course.NextLesson = &NextLesson{row.NextLessonID, row.NextLessonTitle, row.NextLessonPosition}
			}
			return course
		},
		func(row db.EnrollmentListByUserRow) position {
			return position{at: row.EnrolledAt, id: row.ID}
		})
}

// Learner is a line of a course's roster.
type Learner struct {
	Enrollment Enrollment
	Name       string
	Email      string
}

// CourseLearners lists who is enrolled in a course, the newest enrollment first.
// The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown course and for another instructor's.
func (s *Store) CourseLearners(
	ctx context.Context, courseID uuid.UUID, page PageParams,
) (learners Page[Learner], err error) {
	defer wrap(&err, "learners of course %s", courseID)
	if err := s.actor.mayTeach(); err != nil {
		return Page[Learner]{}, err
	}
	before, limit, err := page.newestFirst(listLearners)
	if err != nil {
		return Page[Learner]{}, err
	}
	rows, err := s.reader().EnrollmentListByCourse(ctx, db.EnrollmentListByCourseParams{
		CourseID:  courseID,
		TeacherID: s.actor.teacher(),
		BeforeAt:  before.at,
		BeforeID:  before.id,
		RowLimit:  limit,
	})
	if err != nil {
		return Page[Learner]{}, err
	}
	return pageOfKnown(rows, limit, listLearners,
		func(row db.EnrollmentListByCourseRow) Learner {
			return Learner{
				Enrollment: Enrollment{
					ID:               row.ID,
					UserID:           row.UserID,
					CourseID:         courseID,
					Source:           row.Source,
					Reference:        row.Reference,
					EnrolledAt:       row.EnrolledAt,
					CompletedAt:      row.CompletedAt,
					Progress:         row.Progress,
					LessonsCompleted: row.LessonsCompleted,
					LessonsTotal:     row.LessonsTotal,
				},
				Name:  row.Name,
				Email: row.Email,
			}
		},
		func(row db.EnrollmentListByCourseRow) position {
			return position{at: row.EnrolledAt, id: row.ID}
		})
}
