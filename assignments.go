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

// Assignment is work that the learners of a course hand in.
type Assignment struct {
	ID       uuid.UUID
	CourseID uuid.UUID
	Title    string

	// Description is what is to be done.
	Description string

	// DueDate is the last moment at which work is in time; nil for none.
	DueDate *time.Time

	// MaxScore is the best score, at least 1.
	MaxScore int32

	// AllowLate says whether work is taken after the due date, less LatePenalty
	// percent of the score that it is given.
	AllowLate   bool
	LatePenalty int32

	// Version counts the edits. [Store.UpdateAssignment] asks for it.
	Version int32

	CreatedAt time.Time
	UpdatedAt time.Time
}

// writtenAssignment is the assignment of a row with a verdict.
func writtenAssignment(row db.AssignmentUpdateRow) Assignment {
	return Assignment{
		ID:          row.ID,
		CourseID:    row.CourseID,
		Title:       row.Title,
		Description: row.Description,
		DueDate:     row.DueDate,
		MaxScore:    row.MaxScore,
		AllowLate:   row.AllowLate,
		LatePenalty: row.LatePenalty,
		Version:     row.Version,
		CreatedAt:   row.CreatedAt,
		UpdatedAt:   row.UpdatedAt,
	}
}

const defaultMaxScore = 100

// CreateAssignmentParams is a new assignment.
type CreateAssignmentParams struct {
	// AllowLate takes work after the due date.
	AllowLate bool

	CourseID uuid.UUID

	// Description is 1 character to 1 MiB.
	Description string

	// DueDate is the last moment at which work is in time. Optional.
	DueDate *time.Time

	// ID names the assignment. A caller that gives one can repeat the call after
	// ErrCommitUnknown. Defaults to a new one.
	ID uuid.UUID

	// LatePenalty is how much late work loses, in percent of the score that it is
	// given: 0 to 100. It counts only with AllowLate.
	LatePenalty int32

	// MaxScore is the best score. Defaults to 100.
	MaxScore int32

	// Title is 1 to 255 characters.
	Title string
}

// CreateAssignmentResult is an assignment, and whether this call made it.
type CreateAssignmentResult struct {
	Assignment Assignment

	// Created is false when the assignment was there already.
	Created bool
}

// CreateAssignment adds an assignment to a course. Its learners see it at once.
// The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course and
// for another instructor's; *ConflictError with ConflictIDTaken when the ID is an
// assignment's of another course.
//
// Idempotent by ID: a repeat returns the assignment as it is, with Created false.
// Locks: the course KEY SHARE. In a caller's transaction: joins it.
func (s *Store) CreateAssignment(
	ctx context.Context, params CreateAssignmentParams,
) (result CreateAssignmentResult, err error) {
	if params.ID == uuid.Nil {
		params.ID = newID()
	}
	if params.MaxScore == 0 {
		params.MaxScore = defaultMaxScore
	}
	defer wrap(&err, "create assignment %s of course %s", params.ID, params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return CreateAssignmentResult{}, err
	}
	if err := params.validate(); err != nil {
		return CreateAssignmentResult{}, err
	}
	create := db.AssignmentCreateParams{
		CourseID:    params.CourseID,
		TeacherID:   s.actor.teacher(),
		ID:          params.ID,
		Title:       params.Title,
		Description: params.Description,
		DueDate:     moment(params.DueDate),
		MaxScore:    params.MaxScore,
		AllowLate:   params.AllowLate,
		LatePenalty: params.LatePenalty,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.AssignmentCreateRow, error) {
		row, err := q.AssignmentCreate(ctx, create)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return CreateAssignmentResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictAlready:
		return CreateAssignmentResult{
			Assignment: writtenAssignment(db.AssignmentUpdateRow(row)),
			Created:    row.Verdict == verdictCreated,
		}, nil
	case verdictCourseUnknown:
		return CreateAssignmentResult{}, ErrNotFound
	case verdictIDTaken:
		return CreateAssignmentResult{}, &ConflictError{Reason: ConflictIDTaken}
	default:
		return CreateAssignmentResult{}, unknownVerdict(row.Verdict)
	}
}

func (p CreateAssignmentParams) validate() error {
	if err := text("Title", p.Title, 1, maxName); err != nil {
		return err
	}
	if err := text("Description", p.Description, 1, maxText); err != nil {
		return err
	}
	if p.DueDate != nil && (p.DueDate.UTC().Year() < 1 || p.DueDate.UTC().Year() >= 9999) {
		return invalid("DueDate", "is not in the years 1 to 9998")
	}
	if err := within("MaxScore", int(p.MaxScore), 1, math.MaxInt32); err != nil {
		return err
	}
	return within("LatePenalty", int(p.LatePenalty), 0, 100)
}

// moment is a time as the database keeps it, in whole microseconds.
func moment(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	kept := at.UTC().Truncate(time.Microsecond)
	return &kept
}

// UpdateAssignmentParams is all of an assignment that its author edits, as it is
// to be. Nothing has a default.
type UpdateAssignmentParams struct {
	// AllowLate, Description, DueDate, LatePenalty, MaxScore and Title are those of
	// [CreateAssignmentParams].
	AllowLate   bool
	Description string
	DueDate     *time.Time
	ID          uuid.UUID
	LatePenalty int32
	MaxScore    int32
	Title       string

	// Version is the [Assignment.Version] that the author saw.
	Version int32
}

// UpdateAssignment edits an assignment that nobody has edited since it was read.
// Attempts that were handed in before keep what was settled then: whether they are
// late, and their penalty. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown assignment and
// for another instructor's; *ConflictError with ConflictVersion, or with
// ConflictScoreGiven when a higher score than the new maximum was given.
//
// Idempotent: values that are there already are success, at the version given or
// one later, and change nothing. Locks: the assignment NO KEY UPDATE; submissions
// go on, grades wait. In a caller's transaction: joins it.
func (s *Store) UpdateAssignment(ctx context.Context, params UpdateAssignmentParams) (updated Assignment, err error) {
	defer wrap(&err, "update assignment %s", params.ID)
	if err := s.actor.mayTeach(); err != nil {
		return Assignment{}, err
	}
	if err := params.validate(); err != nil {
		return Assignment{}, err
	}
	update := db.AssignmentUpdateParams{
		MaxScore:    params.MaxScore,
		ID:          params.ID,
		TeacherID:   s.actor.teacher(),
		Title:       params.Title,
		Description: params.Description,
		DueDate:     moment(params.DueDate),
		AllowLate:   params.AllowLate,
		LatePenalty: params.LatePenalty,
		Version:     params.Version,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.AssignmentUpdateRow, error) {
		if err := q.AssignmentLock(ctx, params.ID); err != nil {
			return db.AssignmentUpdateRow{}, err
		}
		row, err := q.AssignmentUpdate(ctx, update)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return Assignment{}, err
	}
	switch row.Verdict {
	case verdictUpdated, verdictUnchanged:
		return writtenAssignment(row), nil
	case verdictAssignmentUnknown:
		return Assignment{}, ErrNotFound
	case verdictConflict:
		return Assignment{}, &ConflictError{Reason: ConflictVersion}
	case verdictScoreGiven:
		return Assignment{}, &ConflictError{Reason: ConflictScoreGiven, Count: int(row.Bound)}
	default:
		return Assignment{}, unknownVerdict(row.Verdict)
	}
}

func (p UpdateAssignmentParams) validate() error {
	if err := within("Version", int(p.Version), 1, math.MaxInt32); err != nil {
		return err
	}
	return CreateAssignmentParams{
		AllowLate:   p.AllowLate,
		Description: p.Description,
		DueDate:     p.DueDate,
		LatePenalty: p.LatePenalty,
		MaxScore:    p.MaxScore,
		Title:       p.Title,
	}.validate()
}

// DeleteAssignment deletes an assignment for which nobody has handed anything in.
// The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown assignment and for another
// instructor's; *ConflictError with ConflictHasGrades, or without grades with
// ConflictHasSubmissions, and how many there are, and with ConflictReferenced for
// a table of the host's.
//
// Idempotent: a repeat is ErrNotFound, which after ErrCommitUnknown means that
// the assignment is gone. Locks: the assignment UPDATE. In a caller's
// transaction: joins it, behind a savepoint.
func (s *Store) DeleteAssignment(ctx context.Context, assignmentID uuid.UUID) (err error) {
	defer wrap(&err, "delete assignment %s", assignmentID)
	if err := s.actor.mayTeach(); err != nil {
		return err
	}
	params := db.AssignmentDeleteParams{ID: assignmentID, TeacherID: s.actor.teacher()}
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.AssignmentDeleteRow, error) {
		if err := q.AssignmentLockToDelete(ctx, assignmentID); err != nil {
			return db.AssignmentDeleteRow{}, err
		}
		row, err := q.AssignmentDelete(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return err
	}
	switch row.Verdict {
	case verdictDeleted:
		return nil
	case verdictAssignmentUnknown:
		return ErrNotFound
	case verdictHasGrades:
		return &ConflictError{Reason: ConflictHasGrades, Count: int(row.Bound)}
	case verdictHasSubmissions:
		return &ConflictError{Reason: ConflictHasSubmissions, Count: int(row.Bound)}
	default:
		return unknownVerdict(row.Verdict)
	}
}

// AssignmentView is an assignment, and how far the reader is with it.
type AssignmentView struct {
	Assignment Assignment

	// Submission is the reader's own latest attempt; nil before the first.
	Submission *Submission
}

// GetAssignment is an assignment with the reader's own latest attempt, for those
// who are enrolled in its course, teach it or are trusted.
//
// Errors: ErrNotFound for an assignment that is unknown or not for this reader.
func (s *Store) GetAssignment(ctx context.Context, assignmentID uuid.UUID) (view AssignmentView, err error) {
	defer wrap(&err, "get assignment %s", assignmentID)
	row, err := s.reader().AssignmentGet(ctx, db.AssignmentGetParams{
		ID:        assignmentID,
		ReaderID:  s.actor.learner(),
		TeacherID: s.actor.teacher(),
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return AssignmentView{}, ErrNotFound
	case err != nil:
		return AssignmentView{}, err
	}
	view.Assignment = Assignment{
		ID:          row.ID,
		CourseID:    row.CourseID,
		Title:       row.Title,
		Description: row.Description,
		DueDate:     row.DueDate,
		MaxScore:    row.MaxScore,
		AllowLate:   row.AllowLate,
		LatePenalty: row.LatePenalty,
		Version:     row.Version,
		CreatedAt:   row.CreatedAt,
		UpdatedAt:   row.UpdatedAt,
	}
	if row.SubmissionID != uuid.Nil {
		view.Submission = &Submission{
			ID:           row.SubmissionID,
			AssignmentID: row.ID,
			UserID:       s.actor.learner(),
			Attempt:      row.Attempt,
			Content:      row.Content,
			FileURL:      row.FileURL,
			Late:         row.Late,
			LatePenalty:  row.SubmissionLatePenalty,
			SubmittedAt:  row.SubmittedAt,
			GradedAt:     row.GradedAt,
			RawScore:     row.RawScore,
			Score:        row.Score,
			Feedback:     row.Feedback,
		}
	}
	return view, nil
}

// AssignmentLine is a line of the list of assignments: one of them without its
// description, and how far the reader is with it.
type AssignmentLine struct {
	ID    uuid.UUID
	Title string

	// DueDate, MaxScore, AllowLate and LatePenalty are those of [Assignment].
	DueDate     *time.Time
	MaxScore    int32
	AllowLate   bool
	LatePenalty int32

	// SubmissionID, Attempt, Late and SubmittedAt are of the reader's own latest
	// attempt; zero and nil before the first.
	SubmissionID uuid.UUID
	Attempt      int32
	Late         bool
	SubmittedAt  *time.Time

	// GradedAt is nil, and Score zero, until that attempt is graded.
	GradedAt *time.Time
	Score    int32
}

// ListAssignments lists the assignments of a course with the reader's own latest
// attempts: what is due first comes first, what has no due date last. The reader
// is enrolled in the course, teaches it or is trusted.
//
// Errors: *ValidationError; ErrInvalidCursor; ErrNotFound for a course that is
// unknown or not for this reader.
func (s *Store) ListAssignments(
	ctx context.Context, courseID uuid.UUID, page PageParams,
) (assignments Page[AssignmentLine], err error) {
	defer wrap(&err, "assignments of course %s", courseID)
	after, limit, err := page.oldestFirst(listAssignments)
	if err != nil {
		return Page[AssignmentLine]{}, err
	}
	rows, err := s.reader().AssignmentListByCourse(ctx, db.AssignmentListByCourseParams{
		ReaderID:  s.actor.learner(),
		CourseID:  courseID,
		AfterAt:   after.at,
		AfterID:   after.id,
		RowLimit:  limit,
		TeacherID: s.actor.teacher(),
	})
	if err != nil {
		return Page[AssignmentLine]{}, err
	}
	return pageOfKnown(rows, limit, listAssignments,
		func(row db.AssignmentListByCourseRow) AssignmentLine {
			return AssignmentLine{
				ID:           row.ID,
				Title:        row.Title,
				DueDate:      row.DueDate,
				MaxScore:     row.MaxScore,
				AllowLate:    row.AllowLate,
				LatePenalty:  row.LatePenalty,
				SubmissionID: row.SubmissionID,
				Attempt:      row.Attempt,
				Late:         row.Late,
				SubmittedAt:  row.SubmittedAt,
				GradedAt:     row.GradedAt,
				Score:        row.Score,
			}
		},
		func(row db.AssignmentListByCourseRow) position {
			return position{at: row.DueBy, id: row.ID}
		})
}
