package elevate

import (
	"context"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// PaymentEvent is what a payment provider reports of a payment. Make it from a
// message whose signature you have verified, or from what the provider answered
// when you asked.
type PaymentEvent struct {
	// Amount is what the payment was for, in minor units of the currency. In a
	// refund too: what was refunded is RefundedAmount.
	Amount int32

	// Currency is an ISO 4217 code, in upper or lower case.
	Currency string

	// EventID is the provider's id of the event, by which a redelivery is known.
	// 1 to 255 characters.
	EventID string

	// Kind is what the payment has come to. PaymentPending says nothing new, and
	// brings a Reference.
	Kind PaymentStatus

	// PaymentID is our id of the payment, from the provider's metadata. Without
	// it the payment is found by Reference.
	PaymentID uuid.UUID

	// Provider is whose events they are: "stripe". 1 to 255 characters. Events
	// of different providers may have the same id.
	Provider string

	// Reference is the provider's id of the payment. Optional beside PaymentID,
	// at most 255 characters. A payment keeps the first that it gets, unless it
	// is another payment's.
	Reference string

	// RefundedAmount is all that was refunded so far, not by this event alone.
	// For PaymentRefunded, and 0 for all others; less than Amount is a partial
	// refund, which leaves the payment succeeded.
	RefundedAmount int32
}

// PaymentEventOutcome is what became of an event.
type PaymentEventOutcome string

// Outcomes of a [PaymentEvent].
const (
	// PaymentEventApplied: the payment has moved on.
	PaymentEventApplied PaymentEventOutcome = "applied"

	// PaymentEventDuplicate: the same event had come before. Nothing has changed.
	PaymentEventDuplicate PaymentEventOutcome = "duplicate"

	// PaymentEventIgnored: the event is stored and says nothing new. It was late,
	// or another has said the same.
	PaymentEventIgnored PaymentEventOutcome = "ignored"

	// PaymentEventQuarantined: the amount or the currency is not the payment's, or
	// more was refunded than was paid. The event is stored, for a person to look
	// at, and not applied.
	PaymentEventQuarantined PaymentEventOutcome = "quarantined"
)

// ApplyPaymentEventResult is what became of an event, and of the learner.
type ApplyPaymentEventResult struct {
	Outcome PaymentEventOutcome

	// Enrolled says that this event has enrolled the learner.
	Enrolled bool

	// Payment is as it is after the event.
	Payment Payment

	// Unenrolled says that this event has ended the learner's enrollment.
	Unenrolled bool
}

// ApplyPaymentEvent stores an event of a payment provider and applies it, in one
// transaction. Events may come late, repeatedly and in any order: the status only
// rises, from pending through failed and succeeded to refunded, and the greatest
// RefundedAmount wins.
//
// Once a payment has succeeded, its learner is enrolled and notified, also in a
// course that was unpublished meanwhile: the money was taken. Who is enrolled
// already stays so, by the source that they have. Who was erased is not enrolled.
// Who left the course afterwards is not brought back by a partial refund.
//
// Once all of a payment is refunded, the enrollment ends, unless it is completed,
// or a grant or another succeeded payment holds it up. Progress is kept.
//
// An event of a wrong amount or currency is PaymentEventQuarantined, which is no
// error: sent again it would be no better. The actor is the system.
//
// Errors: ErrForbidden, for an admin too; *ValidationError; ErrNotFound for an
// unknown payment, whose event is not stored: have it delivered again, a payment
// may be younger than its event; *ConflictError with ConflictIdempotencyKey when
// another event had the id.
//
// Idempotent by Provider and EventID. Locks: user, course KEY SHARE, all payments
// of both NO KEY UPDATE, then the enrollment. In a caller's transaction: joins it.
func (s *Store) ApplyPaymentEvent(
	ctx context.Context, event PaymentEvent,
) (result ApplyPaymentEventResult, err error) {
	defer wrap(&err, "apply event of payment %s", event.PaymentID)
	if err := s.actor.mayIntegrate(); err != nil {
		return ApplyPaymentEventResult{}, err
	}
	if err := event.validate(); err != nil {
		return ApplyPaymentEventResult{}, err
	}
	notice := s.core.messages[NotificationEnrolled]
	apply := db.PaymentEventApplyParams{
		ID:             nil,
		Reference:      event.Reference,
		Provider:       event.Provider,
		EventID:        event.EventID,
		Kind:           event.Kind,
		Amount:         event.Amount,
		Currency:       strings.ToUpper(event.Currency),
		RefundedAmount: event.RefundedAmount,
		EnrollmentID:   newID(),
		NotificationID: newID(),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	if event.PaymentID != uuid.Nil {
		apply.ID = &event.PaymentID
	}
	lock := db.PaymentLockParams{ID: apply.ID, Reference: apply.Reference}
	// Guarded: two payments may get the same reference at once.
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.PaymentEventApplyRow, error) {
		if err := q.PaymentLock(ctx, lock); err != nil {
			return db.PaymentEventApplyRow{}, err
		}
		row, err := q.PaymentEventApply(ctx, apply)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return ApplyPaymentEventResult{}, err
	}
	switch row.Verdict {
	case verdictApplied, verdictDuplicate, verdictIgnored, verdictQuarantined:
		return ApplyPaymentEventResult{
			Outcome:    PaymentEventOutcome(row.Verdict),
			Enrolled:   row.Enrolled,
			Unenrolled: row.Unenrolled,
			Payment: Payment{
				ID:             row.ID,
				UserID:         row.UserID,
				CourseID:       row.CourseID,
				Amount:         row.Amount,
				Currency:       row.Currency,
				Status:         row.Status,
				RefundedAmount: row.RefundedAmount,
				Reference:      row.Reference,
				CreatedAt:      row.CreatedAt,
				UpdatedAt:      row.UpdatedAt,
			},
		}, nil
	case verdictPaymentUnknown:
		return ApplyPaymentEventResult{}, ErrNotFound
	case verdictKeyReused:
		return ApplyPaymentEventResult{}, &ConflictError{Reason: ConflictIdempotencyKey}
	default:
		return ApplyPaymentEventResult{}, unknownVerdict(row.Verdict)
	}
}

var currencyInAnyCase = regexp.MustCompile(`^[A-Za-z]{3}$`)

func (e PaymentEvent) validate() error {
	switch {
	case !e.Kind.Valid():
		return invalid("Kind", "is not a status of payments")
	case e.Amount < 0:
		return invalid("Amount", "is negative")
	case !currencyInAnyCase.MatchString(e.Currency):
		return invalid("Currency", "is not three letters")
	case e.Kind == PaymentRefunded && e.RefundedAmount <= 0:
		return invalid("RefundedAmount", "is missing")
	case e.Kind != PaymentRefunded && e.RefundedAmount != 0:
		return invalid("RefundedAmount", "is for refunds only")
	}
	shortest := 0
	if e.PaymentID == uuid.Nil {
		shortest = 1
	}
	if err := text("Reference", e.Reference, shortest, maxName); err != nil {
		return err
	}
	if err := text("Provider", e.Provider, 1, maxName); err != nil {
		return err
	}
	return text("EventID", e.EventID, 1, maxName)
}
