package elevate

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// EventType says what happened. Its first word names what [Event.SubjectID] is
// the id of. Releases add types, so a reader passes over those it does not know.
type EventType string

// Types of events. Where nothing else is said, UserID and CourseID are those of
// the subject.
const (
	// EventUserRegistered: an account was made, by whatever operation.
	EventUserRegistered EventType = "user.registered"

	// EventUserEmailChanged: the account has another address.
	EventUserEmailChanged EventType = "user.email_changed"

	// EventUserEmailVerified: the address was shown to be the person's own, and
	// was not before.
	EventUserEmailVerified EventType = "user.email_verified"

	// EventUserRoleChanged: the account has another role.
	EventUserRoleChanged EventType = "user.role_changed"

	// EventUserDisabled: the person may no longer sign in.
	EventUserDisabled EventType = "user.disabled"

	// EventUserEnabled: the person may sign in again.
	EventUserEnabled EventType = "user.enabled"

	// EventUserErased: the account is a tombstone. What an erasure overwrites is
	// no event besides.
	EventUserErased EventType = "user.erased"

	// EventUserDeleted: the row is gone, which no operation of the library does.
	EventUserDeleted EventType = "user.deleted"

	// EventCoursePublished: the course is in the catalogue. Without a user.
	EventCoursePublished EventType = "course.published"

	// EventCourseUnpublished: the course is no longer in the catalogue. Without a
	// user.
	EventCourseUnpublished EventType = "course.unpublished"

	// EventCourseDeleted: the course is gone, published or not, with its lessons.
	// Without a user.
	EventCourseDeleted EventType = "course.deleted"

	// EventCourseCompleted: a learner, the user, has completed the course. Once
	// for each enrollment, also when it was the deletion of a lesson that brought
	// the learner to 100 percent.
	EventCourseCompleted EventType = "course.completed"

	// EventEnrollmentCreated: a learner is enrolled.
	EventEnrollmentCreated EventType = "enrollment.created"

	// EventEnrollmentDeleted: a learner is no longer enrolled.
	EventEnrollmentDeleted EventType = "enrollment.deleted"

	// EventLessonCompleted: a learner, the user, has completed the lesson, for the
	// first time or again.
	EventLessonCompleted EventType = "lesson.completed"

	// EventLessonUncompleted: a completion was taken back, or forgotten with the
	// rest of the learner's progress; not when it went with its lesson.
	EventLessonUncompleted EventType = "lesson.uncompleted"

	// EventCertificateIssued: the learner has a certificate.
	EventCertificateIssued EventType = "certificate.issued"

	// EventCertificateRevoked: the certificate is no longer valid.
	EventCertificateRevoked EventType = "certificate.revoked"

	// EventCertificateReinstated: the certificate is valid again.
	EventCertificateReinstated EventType = "certificate.reinstated"

	// EventPaymentSucceeded: the money has come.
	EventPaymentSucceeded EventType = "payment.succeeded"

	// EventPaymentFailed: the provider gave up; a payment that failed may still
	// succeed.
	EventPaymentFailed EventType = "payment.failed"

	// EventPaymentRefunded: money was given back, all or a part of it, so there
	// may be several. A payment of which the provider told its refund first has
	// only this one when all was given back.
	EventPaymentRefunded EventType = "payment.refunded"

	// EventPaymentQuarantined: the provider told of another amount or currency
	// than the payment's, and somebody should look.
	EventPaymentQuarantined EventType = "payment.quarantined"

	// EventSubmissionSubmitted: a learner, the user, has handed in an attempt.
	EventSubmissionSubmitted EventType = "submission.submitted"

	// EventSubmissionGraded: the attempt got its grade, or another grade or
	// feedback than it had.
	EventSubmissionGraded EventType = "submission.graded"
)

// Event is a change of state that was committed. It has ids only; what else there
// is to know is in the rows, as they are now.
type Event struct {
	// ID is different for each event of a database, restores included, and stays.
	// It is not the order of events.
	ID int64

	Type EventType

	// UserID is whom it is about, mostly a learner; zero for courses.
	UserID uuid.UUID

	// CourseID is zero for users.
	CourseID uuid.UUID

	// SubjectID is the row that the first word of the type names. It may be gone
	// by now.
	SubjectID uuid.UUID

	// At is when the transaction of the change began.
	At time.Time
}

// EventsParams says from where to read the feed. The zero value is the beginning.
type EventsParams struct {
	PageParams

	// FromNow asks for no events, but for the cursor of a reader that wants
	// only what is still to come. Not together with a cursor.
	FromNow bool
}

// EventsResult is the next part of the feed.
type EventsResult struct {
	// Events is never nil.
	Events []Event

	// More says that further events are there already: read on without waiting.
	More bool

	// Next is the cursor behind these events, and never empty. Keep it, also when
	// there were no events. It stays valid for ever, through upgrades and
	// restores.
	Next string
}

// Events reads the feed of events from a cursor on: each that was committed, once,
// whoever changed the row and by whatever program. An event appears when all
// transactions have ended that began to write before it; then none can come before
// it any more, so a cursor misses nothing. An event comes after all that were
// committed before it was written, so those of one row are in their order. The
// actor is trusted.
//
// A reader that must act once on each event reads in the transaction in which it
// acts and keeps the cursor: bind the Store with [Store.WithTx]. Two readers that
// share a cursor lock it first. docs/events.md has the feed's guarantees.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor, also for a cursor of
// another database, or one that a restored database, or a replica, has not
// reached.
func (s *Store) Events(ctx context.Context, params EventsParams) (result EventsResult, err error) {
	defer wrap(&err, "events")
	if err := s.actor.mayAdminister(); err != nil {
		return EventsResult{}, err
	}
	limit, err := params.limit()
	if err != nil {
		return EventsResult{}, err
	}
	after, err := decodeEventPosition(params.Cursor)
	if err != nil {
		return EventsResult{}, err
	}
	if params.FromNow {
		if params.Cursor != "" {
			return EventsResult{}, invalid("FromNow", "contradicts the cursor")
		}
		limit = 1
	}
	rows, err := s.reader().EventList(ctx, db.EventListParams{
		AfterEra:   after.era,
		AfterClock: after.clock,
		AfterID:    after.id,
		RowLimit:   limit,
	})
	if err != nil {
		return EventsResult{}, err
	}
	if rows[0].Ahead {
		return EventsResult{}, ErrInvalidCursor
	}
	result.Events = []Event{}
	switch {
	case params.FromNow:
		after = eventPosition{rows[0].NowEra, rows[0].NowClock - 1, math.MaxInt64}
		rows = nil
	case rows[0].ID == 0:
		rows = nil
	case len(rows) == int(limit):
		rows = rows[:limit-1]
		result.More = true
	}
	for _, row := range rows {
		after = eventPosition{row.Era, row.Clock, row.ID}
		result.Events = append(result.Events, Event{
			ID:        after.eventID(),
			Type:      EventType(row.Type),
			UserID:    row.UserID,
			CourseID:  row.CourseID,
			SubjectID: row.SubjectID,
			At:        row.At,
		})
	}
	result.Next = after.encode()
	return result, nil
}

// eventPosition is the sort key of an event.
type eventPosition struct {
	era   int32
	clock int64
	id    int64
}

const eventPositionSize = 4 + 8 + 8

// eventID keeps apart the events of several eras: a database that was recovered
// to an earlier moment gives the same ids again.
func (p eventPosition) eventID() int64 {
	const ids = 40 // bits: a thousand events a second for 34 years
	return int64(p.era)<<ids + p.id
}

//nolint:gosec // bits, decoded alike
func (p eventPosition) encode() string {
	key := make([]byte, 0, eventPositionSize)
	key = binary.BigEndian.AppendUint32(key, uint32(p.era))
	key = binary.BigEndian.AppendUint64(key, uint64(p.clock))
	key = binary.BigEndian.AppendUint64(key, uint64(p.id))
	return seal(listEvents, key)
}

//nolint:gosec // bits, encoded alike
func decodeEventPosition(cursor string) (eventPosition, error) {
	if cursor == "" {
		return eventPosition{}, nil
	}
	key, err := unseal(listEvents, cursor)
	if err != nil || len(key) != eventPositionSize {
		return eventPosition{}, ErrInvalidCursor
	}
	p := eventPosition{
		era:   int32(binary.BigEndian.Uint32(key[0:4])),
		clock: int64(binary.BigEndian.Uint64(key[4:12])),
		id:    int64(binary.BigEndian.Uint64(key[12:20])),
	}
	if p.era < 0 || p.clock < 0 || p.id < 0 {
		return eventPosition{}, ErrInvalidCursor
	}
	return p, nil
}
