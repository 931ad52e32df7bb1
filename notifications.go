package elevate

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// NotificationType says what a notification is about.
type NotificationType string

// Types of the notifications that the library writes, each in the transaction
// that causes it and once. The text of an announcement comes with it, that of the
// others from [Config.Messages].
const (
	NotificationEnrolled          NotificationType = "enrolled"
	NotificationCourseCompleted   NotificationType = "course_completed"
	NotificationCertificateIssued NotificationType = "certificate_issued"
	NotificationEmailChanged      NotificationType = "email_changed"
	NotificationPasswordChanged   NotificationType = "password_changed"
	NotificationAnnouncement      NotificationType = "announcement"
	NotificationGraded            NotificationType = "graded"
)

// Message is the text of a type of notification. In both fields {course} stands
// for the title of the course, where there is one, and in those of
// NotificationGraded {assignment} for that of the assignment; what is then longer
// than 255 characters in the title is cut.
type Message struct {
	// Title is at most 255 characters.
	Title string

	// Message is the text itself.
	Message string
}

func defaultMessages() map[NotificationType]Message {
	return map[NotificationType]Message{
		NotificationEnrolled: {
			Title:   "You are enrolled",
			Message: "You are enrolled in {course}.",
		},
		NotificationCourseCompleted: {
			Title:   "Course completed",
			Message: "You have completed {course}. Congratulations!",
		},
		NotificationCertificateIssued: {
			Title:   "Your certificate",
			Message: "Your certificate for {course} has been issued.",
		},
		NotificationEmailChanged: {
			Title:   "Email address changed",
			Message: "The email address of your account was changed. If it was not you, tell us at once.",
		},
		NotificationPasswordChanged: {
			Title:   "Password changed",
			Message: "The password of your account was changed. If it was not you, reset it at once.",
		},
		NotificationGraded: {
			Title:   "Your work was graded",
			Message: "Your work on {assignment} in {course} was graded.",
		},
	}
}

func (m Message) validate(kind NotificationType) error {
	if _, ok := defaultMessages()[kind]; !ok {
		return invalid("Messages", "has a type whose text is not the library's")
	}
	field := "Messages." + strings.ReplaceAll(string(kind), "\x00", "")
	if err := text(field+".Title", m.Title, 1, maxName); err != nil {
		return err
	}
	return text(field+".Message", m.Message, 1, maxText)
}

// Notification is what a person was told.
type Notification struct {
	ID     uuid.UUID
	UserID uuid.UUID

	// Type is one of the library's or, of rows written by others, a word of
	// theirs.
	Type NotificationType

	Title     string
	Message   string
	Read      bool
	CreatedAt time.Time
}

func notificationOf(row db.NotificationListRow) Notification {
	return Notification{
		ID:        row.ID,
		UserID:    row.UserID,
		Type:      NotificationType(row.Type),
		Title:     row.Title,
		Message:   row.Message,
		Read:      row.Read,
		CreatedAt: row.CreatedAt,
	}
}

// NotificationOrder says which notifications come first.
type NotificationOrder int

// Orders of [Store.ListNotifications].
const (
	// NewestFirst is by time, read or not.
	NewestFirst NotificationOrder = iota

	// UnreadFirst has all that are not read before those that are, each by time,
	// the newest first.
	UnreadFirst

	// OnlyUnread leaves out those that are read.
	OnlyUnread
)

// ListNotificationsParams says whose notifications, in which order, and which
// page of them.
type ListNotificationsParams struct {
	PageParams

	// Order defaults to NewestFirst.
	Order NotificationOrder

	UserID uuid.UUID
}

// ListNotifications lists a person's notifications. With UnreadFirst one that is
// marked as read between two pages may come a second time, among those that are
// read; none is left out. The actor is the person or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor, also for a cursor of
// another order; ErrNotFound for an unknown user.
func (s *Store) ListNotifications(
	ctx context.Context, params ListNotificationsParams,
) (notifications Page[Notification], err error) {
	defer wrap(&err, "notifications of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return Page[Notification]{}, err
	}
	if err := within("Order", int(params.Order), int(NewestFirst), int(OnlyUnread)); err != nil {
		return Page[Notification]{}, err
	}
	of := params.Order.list()
	before, limit, err := params.newestFirst(of)
	if err != nil {
		return Page[Notification]{}, err
	}
	rows, err := s.notifications(ctx, params, before, limit)
	if err != nil {
		return Page[Notification]{}, err
	}
	return pageOfKnown(rows, limit, of, notificationOf,
		func(row db.NotificationListRow) position {
			at := position{at: row.CreatedAt, id: row.ID}
			if row.Read && of == listUnreadFirst {
				at.rank = rankRead
			}
			return at
		})
}

// rankRead is the rank of a position among the notifications that are read, where
// those that are not come first.
const rankRead = 1

func (o NotificationOrder) list() list {
	switch o {
	case UnreadFirst:
		return listUnreadFirst
	case OnlyUnread:
		return listUnread
	case NewestFirst:
	}
	return listNotifications
}

// notifications reads one page: each order is a query of its own, because each is
// served by another index.
func (s *Store) notifications(
	ctx context.Context, params ListNotificationsParams, before position, limit int32,
) ([]db.NotificationListRow, error) {
	list := db.NotificationListParams{
		UserID:   params.UserID,
		BeforeAt: before.at,
		BeforeID: before.id,
		RowLimit: limit,
	}
	switch params.Order {
	case UnreadFirst:
		rows, err := s.reader().NotificationListUnreadFirst(ctx, db.NotificationListUnreadFirstParams{
			UserID:     params.UserID,
			UnreadDone: before.rank == rankRead,
			BeforeAt:   before.at,
			BeforeID:   before.id,
			RowLimit:   limit,
		})
		return convert(rows, func(row db.NotificationListUnreadFirstRow) db.NotificationListRow {
			return db.NotificationListRow(row)
		}), err
	case OnlyUnread:
		rows, err := s.reader().NotificationListUnread(ctx, db.NotificationListUnreadParams(list))
		return convert(rows, func(row db.NotificationListUnreadRow) db.NotificationListRow {
			return db.NotificationListRow(row)
		}), err
	case NewestFirst:
	}
	return s.reader().NotificationList(ctx, list)
}

func convert[From, To any](from []From, one func(From) To) []To {
	to := make([]To, len(from))
	for i, f := range from {
		to[i] = one(f)
	}
	return to
}

// MaxUnread is as far as [Store.CountUnread] counts.
const MaxUnread = 1000

// CountUnread is how many notifications a person has not read, at most
// [MaxUnread]: a badge is drawn with every page, also for somebody who has never
// read one. The actor is the person or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user.
func (s *Store) CountUnread(ctx context.Context, userID uuid.UUID) (unread int, err error) {
	defer wrap(&err, "unread notifications of user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return 0, err
	}
	count, err := s.reader().NotificationCountUnread(ctx, db.NotificationCountUnreadParams{
		UserID:   userID,
		RowLimit: MaxUnread,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrNotFound
	}
	return int(count), err
}

// MarkRead marks up to 500 notifications of a person as read, and returns how many
// of them were not. Ids that are not this person's are passed over, unless none
// is. The actor is the person or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound when none of the ids is a
// notification of the user.
//
// Idempotent: a repeat returns 0. Locks: those that are not read, by id. In a
// caller's transaction: joins it.
func (s *Store) MarkRead(ctx context.Context, userID uuid.UUID, notificationIDs ...uuid.UUID) (marked int, err error) {
	defer wrap(&err, "mark %d notifications of user %s as read", len(notificationIDs), userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return 0, err
	}
	if err := within("NotificationIDs", len(notificationIDs), 1, maxLimit); err != nil {
		return 0, err
	}
	params := db.NotificationMarkReadParams{UserID: userID, NotificationIDs: notificationIDs}
	row, err := write(ctx, s, func(q *db.Queries) (db.NotificationMarkReadRow, error) {
		return q.NotificationMarkRead(ctx, params)
	})
	if err != nil {
		return 0, err
	}
	switch row.Verdict {
	case verdictRead, verdictAlready:
		return int(row.Marked), nil
	case verdictNoticeUnknown:
		return 0, ErrNotFound
	default:
		return 0, unknownVerdict(row.Verdict)
	}
}

// MarkAllReadParams says whose notifications, and up to which.
type MarkAllReadParams struct {
	// UpTo is the newest notification that the person has seen: those that have
	// come since stay unread. Optional.
	UpTo uuid.UUID

	UserID uuid.UUID
}

// MarkAllRead marks all notifications of a person as read, or all up to one, and
// returns how many were not. Up to one goes by CreatedAt, as ListNotifications
// does: a notification that is older than the one that was seen, but was committed
// after it, is marked too. The actor is the person or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user, and when UpTo is no
// notification of theirs.
//
// Idempotent: a repeat returns 0. Locks: those that are not read, by id. In a
// caller's transaction: joins it.
func (s *Store) MarkAllRead(ctx context.Context, params MarkAllReadParams) (marked int, err error) {
	defer wrap(&err, "mark all notifications of user %s as read", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return 0, err
	}
	all := db.NotificationMarkAllReadParams{UserID: params.UserID, UpTo: nil}
	if params.UpTo != uuid.Nil {
		all.UpTo = &params.UpTo
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.NotificationMarkAllReadRow, error) {
		return q.NotificationMarkAllRead(ctx, all)
	})
	if err != nil {
		return 0, err
	}
	switch row.Verdict {
	case verdictRead, verdictAlready:
		return int(row.Marked), nil
	case verdictUserUnknown, verdictNoticeUnknown:
		return 0, ErrNotFound
	default:
		return 0, unknownVerdict(row.Verdict)
	}
}
