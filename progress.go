package elevate

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// CompleteLessonResult says what a completion changed.
type CompleteLessonResult struct {
	// Completed is true for the call that completed the lesson.
	Completed bool

	// CourseCompleted is true for the call that completed the course.
	CourseCompleted bool

	// Progress is the percentage of the course's lessons completed, 0 to 100,
	// rounded down.
	Progress int32

	// CompletedAt is when the lesson was first completed; zero where another
	// program marked it and did not say.
	CompletedAt time.Time
}

// CompleteLesson marks a lesson as completed. The last one completes the course:
// once, with one notification. timeSpent is the learner's running total for the
// lesson, in whole seconds; the greatest that was ever sent counts, so a repeat
// adds nothing. The actor is the learner or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user or
// lesson; ErrNotEnrolled; *ConflictError with ConflictRaced.
//
// Idempotent: a repeat returns Completed and CourseCompleted false, and still
// keeps a greater timeSpent. Locks: user and lesson KEY SHARE, enrollment NO KEY
// UPDATE; a repeat none, but for the progress row whose time it raises. In a
// caller's transaction: joins it.
func (s *Store) CompleteLesson(
	ctx context.Context, userID, lessonID uuid.UUID, timeSpent time.Duration,
) (result CompleteLessonResult, err error) {
	defer wrap(&err, "complete lesson %s of user %s", lessonID, userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return CompleteLessonResult{}, err
	}
	if err := span("TimeSpent", timeSpent); err != nil {
		return CompleteLessonResult{}, err
	}
	notice := s.core.messages[NotificationCourseCompleted]
	params := db.LessonCompleteParams{
		UserID:         userID,
		LessonID:       lessonID,
		ID:             newID(),
		TimeSpent:      seconds(timeSpent),
		NotificationID: newID(),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.LessonCompleteRow, error) {
		row, err := q.LessonComplete(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return CompleteLessonResult{}, err
	}
	result.Progress = row.Progress
	if row.CompletedAt != nil {
		result.CompletedAt = *row.CompletedAt
	}
	switch row.Verdict {
	case verdictCourseCompleted:
		result.Completed, result.CourseCompleted = true, true
		return result, nil
	case verdictCompleted:
		result.Completed = true
		return result, nil
	case verdictAlready:
		return result, nil
	case verdictUserUnknown, verdictLessonUnknown:
		return CompleteLessonResult{}, ErrNotFound
	case verdictNotEnrolled:
		return CompleteLessonResult{}, ErrNotEnrolled
	default:
		return CompleteLessonResult{}, unknownVerdict(row.Verdict)
	}
}

// UncompleteLessonResult says what was taken back.
type UncompleteLessonResult struct {
	// Uncompleted is true for the call that took the completion back.
	Uncompleted bool

	// Progress is that of the course, as in [CompleteLessonResult].
	Progress int32
}

// UncompleteLesson marks a lesson as not completed. Time spent stays, and so does
// the time of the first completion, for the day the lesson is completed again. A
// completed course stays completed and keeps its figures. The actor is the learner
// or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user or lesson;
// ErrNotEnrolled; *ConflictError with ConflictRaced.
//
// Idempotent: a repeat returns Uncompleted false. Locks: user KEY SHARE,
// enrollment NO KEY UPDATE; a repeat none. In a caller's transaction: joins it.
func (s *Store) UncompleteLesson(
	ctx context.Context, userID, lessonID uuid.UUID,
) (result UncompleteLessonResult, err error) {
	defer wrap(&err, "uncomplete lesson %s of user %s", lessonID, userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return UncompleteLessonResult{}, err
	}
	params := db.LessonUncompleteParams{UserID: userID, LessonID: lessonID}
	row, err := write(ctx, s, func(q *db.Queries) (db.LessonUncompleteRow, error) {
		row, err := q.LessonUncomplete(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return UncompleteLessonResult{}, err
	}
	switch row.Verdict {
	case verdictUncompleted:
		return UncompleteLessonResult{Uncompleted: true, Progress: row.Progress}, nil
	case verdictAlready:
		return UncompleteLessonResult{Progress: row.Progress}, nil
	case verdictUserUnknown, verdictLessonUnknown:
		return UncompleteLessonResult{}, ErrNotFound
	case verdictNotEnrolled:
		return UncompleteLessonResult{}, ErrNotEnrolled
	default:
		return UncompleteLessonResult{}, unknownVerdict(row.Verdict)
	}
}

// RecordStudyTimeParams is what a player sends from time to time.
type RecordStudyTimeParams struct {
	LessonID uuid.UUID

	// Position is where in the lesson the learner is, in whole seconds.
	Position time.Duration

	// TimeSpent is the learner's running total for the lesson, in whole seconds.
	TimeSpent time.Duration

	UserID uuid.UUID
}

// StudyTime is how long a learner has studied a lesson, and where they go on.
type StudyTime struct {
	// TimeSpent is the greatest total that was ever sent.
	TimeSpent time.Duration

	// Position is what was sent with it: the point to resume at.
	Position time.Duration

	// Recorded is false when the total was not greater than the one kept, which
	// is then returned.
	Recorded bool
}

// RecordStudyTime keeps a learner's running total for a lesson, and where they
// are in it: the greater total wins and brings its position, so messages may come
// late, twice and in any order. It completes nothing. The actor is the learner or
// trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user or
// lesson; ErrNotEnrolled; *ConflictError with ConflictRaced.
//
// Idempotent: a repeat returns Recorded false. Locks: for the first message of a
// lesson user, lesson and enrollment KEY SHARE, for later ones the progress row
// alone. In a caller's transaction: joins it.
func (s *Store) RecordStudyTime(ctx context.Context, params RecordStudyTimeParams) (studied StudyTime, err error) {
	defer wrap(&err, "record study time of user %s in lesson %s", params.UserID, params.LessonID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return StudyTime{}, err
	}
	if err := span("TimeSpent", params.TimeSpent); err != nil {
		return StudyTime{}, err
	}
	if err := span("Position", params.Position); err != nil {
		return StudyTime{}, err
	}
	record := db.StudyTimeRecordParams{
		UserID:    params.UserID,
		LessonID:  params.LessonID,
		ID:        newID(),
		TimeSpent: seconds(params.TimeSpent),
		Position:  seconds(params.Position),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.StudyTimeRecordRow, error) {
		row, err := q.StudyTimeRecord(ctx, record)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return StudyTime{}, err
	}
	switch row.Verdict {
	case verdictRecorded, verdictUnchanged:
		return StudyTime{
			TimeSpent: time.Duration(row.TimeSpent) * time.Second,
			Position:  time.Duration(row.Position) * time.Second,
			Recorded:  row.Verdict == verdictRecorded,
		}, nil
	case verdictUserUnknown, verdictLessonUnknown:
		return StudyTime{}, ErrNotFound
	case verdictNotEnrolled:
		return StudyTime{}, ErrNotEnrolled
	default:
		return StudyTime{}, unknownVerdict(row.Verdict)
	}
}

// ResetProgressResult says how much was forgotten.
type ResetProgressResult struct {
	// Removed is in how many lessons there was progress.
	Removed int32
}

// ResetProgress forgets which lessons of a course a learner completed, when, and
// how long they studied: they begin anew. A completed course is not reset. The
// actor is the learner or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user or course;
// ErrNotEnrolled; ErrCourseCompleted; *ConflictError with ConflictReferenced for a
// table of the host's.
//
// Idempotent: a repeat returns Removed 0. Locks: user KEY SHARE, enrollment
// UPDATE. In a caller's transaction: joins it, behind a savepoint.
func (s *Store) ResetProgress(
	ctx context.Context, userID, courseID uuid.UUID,
) (result ResetProgressResult, err error) {
	defer wrap(&err, "reset progress of user %s in course %s", userID, courseID)
	if err := s.actor.mayActFor(userID); err != nil {
		return ResetProgressResult{}, err
	}
	lock := db.EnrollmentLockParams{UserID: userID, CourseID: courseID}
	reset := db.ProgressResetParams{UserID: userID, CourseID: courseID}
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.ProgressResetRow, error) {
		if err := q.EnrollmentLock(ctx, lock); err != nil {
			return db.ProgressResetRow{}, err
		}
		row, err := q.ProgressReset(ctx, reset)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return ResetProgressResult{}, err
	}
	switch row.Verdict {
	case verdictReset:
		return ResetProgressResult{Removed: row.Removed}, nil
	case verdictUserUnknown, verdictCourseUnknown:
		return ResetProgressResult{}, ErrNotFound
	case verdictNotEnrolled:
		return ResetProgressResult{}, ErrNotEnrolled
	case verdictCompleted:
		return ResetProgressResult{}, ErrCourseCompleted
	default:
		return ResetProgressResult{}, unknownVerdict(row.Verdict)
	}
}
