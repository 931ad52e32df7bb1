package elevate

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// Submission is an attempt of a learner at an assignment.
type Submission struct {
	ID           uuid.UUID
	AssignmentID uuid.UUID
	UserID       uuid.UUID

	// Attempt counts the learner's attempts at the assignment; 1 is the first.
	Attempt int32

	// Content and FileURL are what was handed in; FileURL is empty for none.
	Content string
	FileURL string

	// Late says that it came after the due date. LatePenalty is what that costs,
	// in percent of the score. Both stay as they were then.
	Late        bool
	LatePenalty int32

	// SubmittedAt is later than that of the attempt before, also when the clock of
	// the database was set back between them.
	SubmittedAt time.Time

	// SupersededAt is when the next attempt was handed in; nil for the latest.
	SupersededAt *time.Time

	// GradedAt is when the last grade was given; nil until then, when RawScore and
	// Score are zero and Feedback is empty.
	GradedAt *time.Time

	// RawScore is what the teacher gave. Score is what counts: RawScore less the
	// penalty, rounded down. Of 85 points a penalty of 10 percent leaves 76.
	RawScore int32
	Score    int32

	// Feedback is what the teacher wrote; empty for nothing.
	Feedback string
}

// maxFeedback is in characters: lists have the feedback, and 500 of them are to
// fit into memory.
const maxFeedback = 1 << 16

// SubmitParams is what a learner hands in.
type SubmitParams struct {
	AssignmentID uuid.UUID

	// Content is at most 1 MiB. It may be empty when there is a FileURL.
	Content string

	// FileURL is at most 500 characters. Optional.
	FileURL string

	// ID names the attempt. A caller that gives one can repeat the call after
	// ErrCommitUnknown. Defaults to a new one.
	ID uuid.UUID

	UserID uuid.UUID
}

// SubmitResult is an attempt, and whether this call made it.
type SubmitResult struct {
	Submission Submission

	// Created is false when the attempt was there already.
	Created bool
}

// Submit hands in an attempt at an assignment, and supersedes the attempt before,
// which is kept. Once an attempt is graded there is no other. After the due date,
// by the clock of the database, it is refused or, where the assignment allows it,
// late: the penalty of that moment stays with the attempt. The actor is the
// learner or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user or
// assignment; ErrNotEnrolled; ErrPastDue; ErrGraded; *ConflictError with
// ConflictIDTaken when the ID is another learner's or another assignment's
// attempt.
//
// Idempotent by ID: a repeat returns that attempt as it is now, with Created
// false, also after the due date. Without an ID the same content again is another
// attempt. Locks: user and assignment KEY SHARE, enrollment NO KEY UPDATE, then
// the latest attempt. In a caller's transaction: joins it, behind a savepoint.
func (s *Store) Submit(ctx context.Context, params SubmitParams) (result SubmitResult, err error) {
	if params.ID == uuid.Nil {
		params.ID = newID()
	}
	defer wrap(&err, "submit %s of user %s to assignment %s", params.ID, params.UserID, params.AssignmentID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return SubmitResult{}, err
	}
	if err := params.validate(); err != nil {
		return SubmitResult{}, err
	}
	lock := db.SubmissionLockParams{UserID: params.UserID, AssignmentID: params.AssignmentID}
	put := db.SubmissionPutParams{
		ID:           params.ID,
		UserID:       params.UserID,
		AssignmentID: params.AssignmentID,
		Content:      params.Content,
		FileURL:      some(params.FileURL),
	}
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.SubmissionPutRow, error) {
		if err := q.SubmissionLock(ctx, lock); err != nil {
			return db.SubmissionPutRow{}, err
		}
		row, err := q.SubmissionPut(ctx, put)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return SubmitResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictAlready:
		return SubmitResult{
			Submission: Submission{
				ID:           row.ID,
				AssignmentID: row.AssignmentID,
				UserID:       row.UserID,
				Attempt:      row.Attempt,
				Content:      row.Content,
				FileURL:      row.FileURL,
				Late:         row.Late,
				LatePenalty:  row.LatePenalty,
				SubmittedAt:  row.SubmittedAt,
				SupersededAt: row.SupersededAt,
				GradedAt:     row.GradedAt,
				RawScore:     row.RawScore,
				Score:        row.Score,
				Feedback:     row.Feedback,
			},
			Created: row.Verdict == verdictCreated,
		}, nil
	case verdictUserUnknown, verdictAssignmentUnknown:
		return SubmitResult{}, ErrNotFound
	case verdictNotEnrolled:
		return SubmitResult{}, ErrNotEnrolled
	case verdictPastDue:
		return SubmitResult{}, ErrPastDue
	case verdictGraded:
		return SubmitResult{}, ErrGraded
	case verdictIDTaken:
		return SubmitResult{}, &ConflictError{Reason: ConflictIDTaken}
	default:
		return SubmitResult{}, unknownVerdict(row.Verdict)
	}
}

func (p SubmitParams) validate() error {
	if err := link("FileURL", p.FileURL); err != nil {
		return err
	}
	shortest := 1
	if p.FileURL != "" {
		shortest = 0
	}
	return text("Content", p.Content, shortest, maxText)
}

// GradeParams is a grade for an attempt.
type GradeParams struct {
	AssignmentID uuid.UUID

	// Feedback is at most 65,536 characters. Optional.
	Feedback string

	// Score is 0 to the assignment's maximum. A penalty for late work is taken off
	// by the database.
	Score int32

	// SubmissionID is the attempt that the teacher saw.
	SubmissionID uuid.UUID

	// UserID is the learner.
	UserID uuid.UUID
}

// GradeResult is what an attempt has got.
type GradeResult struct {
	// Changed is false when the attempt had this grade already.
	Changed bool

	GradedAt time.Time

	// RawScore and Score are those of [Submission].
	RawScore int32
	Score    int32
}

// Grade grades the attempt that the teacher saw, or grades it anew, and notifies
// the learner. Every grade is kept; see [Store.GradeHistory]. The actor teaches
// the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError, also for a score above the assignment's
// maximum; ErrNotFound for an unknown submission, one of another learner or
// assignment, one in another instructor's course, and one of a person who was
// erased; *ConflictError with ConflictSuperseded when the learner has handed in
// another attempt since.
//
// Idempotent: the same score and feedback again change nothing and notify nobody.
// Locks: user KEY SHARE, assignment SHARE, the submission NO KEY UPDATE. In a
// caller's transaction: joins it.
func (s *Store) Grade(ctx context.Context, params GradeParams) (result GradeResult, err error) {
	defer wrap(&err, "grade submission %s of user %s to assignment %s",
		params.SubmissionID, params.UserID, params.AssignmentID)
	if err := s.actor.mayTeach(); err != nil {
		return GradeResult{}, err
	}
	if err := within("Score", int(params.Score), 0, math.MaxInt32); err != nil {
		return GradeResult{}, err
	}
	if err := text("Feedback", params.Feedback, 0, maxFeedback); err != nil {
		return GradeResult{}, err
	}
	notice := s.core.messages[NotificationGraded]
	grade := db.SubmissionGradeParams{
		Score:          params.Score,
		SubmissionID:   params.SubmissionID,
		AssignmentID:   params.AssignmentID,
		UserID:         params.UserID,
		TeacherID:      s.actor.teacher(),
		Feedback:       some(params.Feedback),
		NotificationID: newID(),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.SubmissionGradeRow, error) {
		row, err := q.SubmissionGrade(ctx, grade)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return GradeResult{}, err
	}
	switch row.Verdict {
	case verdictGraded, verdictUnchanged:
		return GradeResult{
			Changed:  row.Verdict == verdictGraded,
			GradedAt: row.GradedAt,
			RawScore: row.RawScore,
			Score:    row.Score,
		}, nil
	case verdictSubmissionUnknown:
		return GradeResult{}, ErrNotFound
	case verdictSuperseded:
		return GradeResult{}, &ConflictError{Reason: ConflictSuperseded}
	case verdictScoreOutOfRange:
		return GradeResult{}, invalid("Score", "is above the assignment's maximum")
	default:
		return GradeResult{}, unknownVerdict(row.Verdict)
	}
}

// GetSubmission is an attempt with what was handed in, for the learner, who teaches
// the course and trusted actors.
//
// Errors: ErrNotFound for a submission that is unknown or not for this reader.
func (s *Store) GetSubmission(ctx context.Context, submissionID uuid.UUID) (submission Submission, err error) {
	defer wrap(&err, "get submission %s", submissionID)
	row, err := s.reader().SubmissionGet(ctx, db.SubmissionGetParams{
		ID:        submissionID,
		ReaderID:  s.actor.learner(),
		TeacherID: s.actor.teacher(),
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Submission{}, ErrNotFound
	case err != nil:
		return Submission{}, err
	}
	return Submission(row), nil
}

// SubmissionLine is a line of a list of submissions: an attempt without its
// content.
type SubmissionLine struct {
	ID uuid.UUID

	// CourseID is the course of the assignment.
	CourseID        uuid.UUID
	AssignmentID    uuid.UUID
	AssignmentTitle string

	UserID uuid.UUID

	// Name is the learner's.
	Name string

	// The others are those of [Submission].
	Attempt      int32
	FileURL      string
	Late         bool
	LatePenalty  int32
	SubmittedAt  time.Time
	SupersededAt *time.Time
	GradedAt     *time.Time
	RawScore     int32
	Score        int32
	Feedback     string
}

// ListSubmissions lists the latest attempt of each learner at an assignment. What
// waits for a grade comes first, the oldest of it first; then what is graded, in
// the same order. An attempt that is graded while the pages are read may come a
// second time. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown assignment and for another instructor's.
func (s *Store) ListSubmissions(
	ctx context.Context, assignmentID uuid.UUID, page PageParams,
) (submissions Page[SubmissionLine], err error) {
	defer wrap(&err, "submissions to assignment %s", assignmentID)
	if err := s.actor.mayTeach(); err != nil {
		return Page[SubmissionLine]{}, err
	}
	after, limit, err := page.oldestFirst(listSubmissions)
	if err != nil {
		return Page[SubmissionLine]{}, err
	}
	rows, err := s.reader().SubmissionListByAssignment(ctx, db.SubmissionListByAssignmentParams{
		AssignmentID: assignmentID,
		Graded:       after.rank != 0,
		AfterAt:      after.at,
		AfterID:      after.id,
		RowLimit:     limit,
		TeacherID:    s.actor.teacher(),
	})
	if err != nil {
		return Page[SubmissionLine]{}, err
	}
	return pageOfKnown(rows, limit, listSubmissions,
		func(row db.SubmissionListByAssignmentRow) SubmissionLine { return SubmissionLine(row) },
		func(row db.SubmissionListByAssignmentRow) position {
			last := position{at: row.SubmittedAt, id: row.ID}
			if row.GradedAt != nil {
				last.rank = 1
			}
			return last
		})
}

// ListAttemptsParams says whose attempts, at which assignment or at all of them, and
// which page.
type ListAttemptsParams struct {
	PageParams

	// AssignmentID defaults to all assignments of all courses.
	AssignmentID uuid.UUID

	UserID uuid.UUID
}

// ListAttempts lists all attempts of a learner, at an assignment or at all of them,
// the newest first; those in courses that the learner has left are among them. The
// actor is the learner, teaches the course or is trusted. Of all assignments, a
// teacher sees the attempts at those of their own courses. A cursor of one
// assignment is none of all.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown user, for an assignment that is unknown or not for this reader, and, for a
// teacher, for a learner who neither is enrolled in the assignment's course nor has
// handed in anything there; without an assignment, in none of the teacher's courses.
func (s *Store) ListAttempts(
	ctx context.Context, params ListAttemptsParams,
) (attempts Page[SubmissionLine], err error) {
	defer wrap(&err, "attempts of user %s%s", params.UserID, atAssignment(params.AssignmentID))
	if s.actor.mayActFor(params.UserID) != nil {
		if err := s.actor.mayTeach(); err != nil {
			return Page[SubmissionLine]{}, err
		}
	}
	if params.AssignmentID == uuid.Nil {
		return s.listHandedIn(ctx, params.UserID, params.PageParams)
	}
	before, limit, err := params.newestFirst(listAttempts)
	if err != nil {
		return Page[SubmissionLine]{}, err
	}
	rows, err := s.reader().SubmissionListAttempts(ctx, db.SubmissionListAttemptsParams{
		AssignmentID: params.AssignmentID,
		UserID:       params.UserID,
		BeforeAt:     before.at,
		BeforeID:     before.id,
		RowLimit:     limit,
		TeacherID:    s.actor.teacher(),
		ReaderID:     s.actor.learner(),
	})
	if err != nil {
		return Page[SubmissionLine]{}, err
	}
	return pageOfKnown(rows, limit, listAttempts,
		func(row db.SubmissionListAttemptsRow) SubmissionLine { return SubmissionLine(row) },
		func(row db.SubmissionListAttemptsRow) position {
			return position{at: row.SubmittedAt, id: row.ID}
		})
}

func atAssignment(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return " at assignment " + id.String()
}

// listHandedIn is ListAttempts at all assignments.
func (s *Store) listHandedIn(
	ctx context.Context, userID uuid.UUID, page PageParams,
) (Page[SubmissionLine], error) {
	before, limit, err := page.newestFirst(listHandedIn)
	if err != nil {
		return Page[SubmissionLine]{}, err
	}
	rows, err := s.reader().SubmissionListByUser(ctx, db.SubmissionListByUserParams{
		UserID:    userID,
		BeforeAt:  before.at,
		BeforeID:  before.id,
		RowLimit:  limit,
		TeacherID: s.actor.teacher(),
		ReaderID:  s.actor.learner(),
	})
	if err != nil {
		return Page[SubmissionLine]{}, err
	}
	return pageOfKnown(rows, limit, listHandedIn,
		func(row db.SubmissionListByUserRow) SubmissionLine { return SubmissionLine(row) },
		func(row db.SubmissionListByUserRow) position {
			return position{at: row.SubmittedAt, id: row.ID}
		})
}

// GivenGrade is a grade that a submission was given, the last one or one before.
type GivenGrade struct {
	// Number counts the grades of the submission; 1 is the first.
	Number int32

	// RawScore, Score and Feedback are those of [Submission].
	RawScore int32
	Score    int32
	Feedback string

	GradedAt time.Time

	// GradedBy is who gave it; zero for the host's own code and for other
	// programs.
	GradedBy uuid.UUID
}

// GradeHistory lists every grade that a submission was given, the first one first,
// those of other programs included. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown submission and for one in another instructor's course.
func (s *Store) GradeHistory(
	ctx context.Context, submissionID uuid.UUID, page PageParams,
) (grades Page[GivenGrade], err error) {
	defer wrap(&err, "grades of submission %s", submissionID)
	if err := s.actor.mayTeach(); err != nil {
		return Page[GivenGrade]{}, err
	}
	after, limit, err := page.inOrder(listGrades)
	if err != nil {
		return Page[GivenGrade]{}, err
	}
	rows, err := s.reader().GradeList(ctx, db.GradeListParams{
		SubmissionID: submissionID,
		After:        after,
		RowLimit:     limit,
		TeacherID:    s.actor.teacher(),
	})
	if err != nil {
		return Page[GivenGrade]{}, err
	}
	if len(rows) == 0 {
		return Page[GivenGrade]{}, ErrNotFound
	}
	if rows[0].Nth == 0 {
		rows = nil
	}
	return pageOf(rows, limit, listGrades,
		func(row db.GradeListRow) GivenGrade {
			return GivenGrade{
				Number:   row.Nth,
				RawScore: row.RawScore,
				Score:    row.Score,
				Feedback: row.Feedback,
				GradedAt: row.GradedAt,
				GradedBy: row.GradedBy,
			}
		},
		func(row db.GradeListRow) position { return position{rank: int64(row.Nth)} }), nil
}
