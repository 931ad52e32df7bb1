package elevate

import (
	"context"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// NotifyCourseParams says what all learners of a course are told.
type NotifyCourseParams struct {
	CourseID uuid.UUID

	// Key names the announcement within the course, at most 255 characters: the
	// same key never notifies twice.
	Key string

	// Message is the text, at most 10,000 characters, and Title its heading, at
	// most 255. In both {course} stands for the title of the course; what is then
	// longer is cut.
	Message string
	Title   string
}

// maxAnnouncement is ours: the column has no length, and each learner has a copy.
const maxAnnouncement = 10_000

// NotifyCourseResult says whom an announcement has reached.
type NotifyCourseResult struct {
	// Recipients is how many learners were notified, by this call or by the one
	// that the key was first used in.
	Recipients int

	// Sent is false when the announcement had been made already.
	Sent bool
}

// NotifyCourse notifies everyone who is enrolled in a course, in one statement,
// whether they have completed it or not. The actor teaches the course or is
// trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course and
// for another instructor's; *ConflictError with ConflictIdempotencyKey when the
// key was used for another text.
//
// Idempotent: a repeat notifies nobody and returns Sent false, also to those who
// have enrolled since. Locks: the learners KEY SHARE by id, then the course, then
// the key. In a caller's transaction: joins it.
func (s *Store) NotifyCourse(ctx context.Context, params NotifyCourseParams) (result NotifyCourseResult, err error) {
	defer wrap(&err, "notify course %s", params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return NotifyCourseResult{}, err
	}
	if err := text("Key", params.Key, 1, maxName); err != nil {
		return NotifyCourseResult{}, err
	}
	if err := text("Message", params.Message, 1, maxAnnouncement); err != nil {
		return NotifyCourseResult{}, err
	}
	if err := text("Title", params.Title, 1, maxName); err != nil {
		return NotifyCourseResult{}, err
	}
	announce := db.AnnouncementCreateParams{
		CourseID:       params.CourseID,
		TeacherID:      s.actor.teacher(),
		Key:            params.Key,
		Title:          params.Title,
		Message:        params.Message,
		NotificationID: newID(),
		Longest:        maxAnnouncement,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.AnnouncementCreateRow, error) {
		row, err := q.AnnouncementCreate(ctx, announce)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return NotifyCourseResult{}, err
	}
	switch row.Verdict {
	case verdictSent, verdictAlready:
		return NotifyCourseResult{Recipients: int(row.Recipients), Sent: row.Verdict == verdictSent}, nil
	case verdictCourseUnknown:
		return NotifyCourseResult{}, ErrNotFound
	case verdictKeyReused:
		return NotifyCourseResult{}, &ConflictError{Reason: ConflictIdempotencyKey}
	default:
		return NotifyCourseResult{}, unknownVerdict(row.Verdict)
	}
}
