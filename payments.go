package elevate

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// PaymentStatus is how far a payment has come. It only rises, in the order of the
// constants.
type PaymentStatus = db.PaymentStatus

// Statuses of a payment, from the lowest to the highest.
const (
	// PaymentPending: asked for, and nothing heard of it.
	PaymentPending PaymentStatus = db.PaymentStatusPending

	// PaymentFailed: an attempt to pay failed. Another may still succeed.
	PaymentFailed PaymentStatus = db.PaymentStatusFailed

	// PaymentSucceeded: paid, and not refunded, or a part of it.
	PaymentSucceeded PaymentStatus = db.PaymentStatusSucceeded

	// PaymentRefunded: all of it was refunded.
	PaymentRefunded PaymentStatus = db.PaymentStatusRefunded
)

// Payment is what a learner was asked to pay for a course.
type Payment struct {
	ID       uuid.UUID
	UserID   uuid.UUID
	CourseID uuid.UUID

	// Amount is in minor units of the currency, as all amounts are.
	Amount int32

	// Currency is an ISO 4217 code.
	Currency string

	Status PaymentStatus

	// RefundedAmount is how much of Amount was refunded so far.
	RefundedAmount int32

	// Reference is the provider's id of the payment; empty until an event brings
	// one.
	Reference string

	CreatedAt time.Time
	UpdatedAt time.Time
}

// CreatePaymentParams says who pays for what.
type CreatePaymentParams struct {
	// Amount and Currency are what to pay instead of the course's price: a
	// coupon, a tax. Both or none, and for trusted actors only.
	Amount   int32
	Currency string

	CourseID uuid.UUID

	// IdempotencyKey makes a repeat harmless: the id of an order, or a random
	// text that the client made for the click. 1 to 255 characters; different
	// learners may use the same.
	IdempotencyKey string

	UserID uuid.UUID
}

// CreatePaymentResult is a payment, and whether this call made it.
type CreatePaymentResult struct {
	Payment Payment

	// Created is false when the key was used before, for the same.
	Created bool
}

// CreatePayment notes that a learner is to pay for a published course, by default
// its price. Hand the payment's id to the provider, as metadata, and what the
// provider then reports to [Store.ApplyPaymentEvent]. A payment is one charge: for
// another one make another payment. The actor is the learner or trusted; an amount
// may be given by trusted actors only.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user or
// course; ErrNotPublished; ErrCourseFree; *ConflictError with ConflictPaid for a
// learner who has paid for the course, unless all of it was refunded, and with
// ConflictIdempotencyKey for a key that was used for another course or, where one
// is given, another amount.
//
// Idempotent by the key: a repeat returns the payment as it is now, with Created
// false, whatever became of it, of the price and of the course since. Locks: user,
// course KEY SHARE; a repeat none. In a caller's transaction: joins it.
func (s *Store) CreatePayment(ctx context.Context, params CreatePaymentParams) (result CreatePaymentResult, err error) {
	defer wrap(&err, "create payment of user %s for course %s", params.UserID, params.CourseID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return CreatePaymentResult{}, err
	}
	if params.Amount != 0 || params.Currency != "" {
		if err := s.actor.mayAdminister(); err != nil {
			return CreatePaymentResult{}, err
		}
	}
	if err := params.validate(); err != nil {
		return CreatePaymentResult{}, err
	}
	create := db.PaymentCreateParams{
		ID:             newID(),
		UserID:         params.UserID,
		CourseID:       params.CourseID,
		Amount:         params.Amount,
		Currency:       params.Currency,
		IdempotencyKey: params.IdempotencyKey,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.PaymentCreateRow, error) {
		row, err := q.PaymentCreate(ctx, create)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return CreatePaymentResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictAlready:
		return CreatePaymentResult{
			Created: row.Verdict == verdictCreated,
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
	case verdictUserUnknown, verdictCourseUnknown:
		return CreatePaymentResult{}, ErrNotFound
	case verdictNotPublished:
		return CreatePaymentResult{}, ErrNotPublished
	case verdictCourseFree:
		return CreatePaymentResult{}, ErrCourseFree
	case verdictPaid:
		return CreatePaymentResult{}, &ConflictError{Reason: ConflictPaid}
	case verdictKeyReused:
		return CreatePaymentResult{}, &ConflictError{Reason: ConflictIdempotencyKey}
	default:
		return CreatePaymentResult{}, unknownVerdict(row.Verdict)
	}
}

func (p CreatePaymentParams) validate() error {
	switch {
	case p.Amount < 0:
		return invalid("Amount", "is negative")
	case p.Amount == 0 && p.Currency != "":
		return invalid("Amount", "is missing beside a currency")
	case p.Amount > 0 && !currencyShape.MatchString(p.Currency):
		return invalid("Currency", "is not three upper-case letters")
	default:
		return text("IdempotencyKey", p.IdempotencyKey, 1, maxName)
	}
}

// GetPayment is one payment. The actor is the learner or trusted.
//
// Errors: ErrForbidden for a visitor; ErrNotFound, for another's too.
func (s *Store) GetPayment(ctx context.Context, paymentID uuid.UUID) (payment Payment, err error) {
	defer wrap(&err, "get payment %s", paymentID)
	if err := s.actor.mayActFor(s.actor.UserID); err != nil {
		return Payment{}, err
	}
	params := db.PaymentGetParams{ID: paymentID, OwnerID: nil}
	if !s.actor.trusted() {
		params.OwnerID = &s.actor.UserID
	}
	row, err := s.reader().PaymentGet(ctx, params)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Payment{}, ErrNotFound
	case err != nil:
		return Payment{}, err
	default:
		return Payment(row), nil
	}
}

// ListPaymentsParams says whose payments, and which page.
type ListPaymentsParams struct {
	PageParams

	UserID uuid.UUID
}

// ListPayments lists a learner's payments, the newest first, whatever became of
// them. The actor is the learner or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor; ErrNotFound for an
// unknown user.
func (s *Store) ListPayments(ctx context.Context, params ListPaymentsParams) (payments Page[Payment], err error) {
	defer wrap(&err, "payments of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return Page[Payment]{}, err
	}
	before, limit, err := params.newestFirst(listPayments)
	if err != nil {
		return Page[Payment]{}, err
	}
	rows, err := s.reader().PaymentListByUser(ctx, db.PaymentListByUserParams{
		UserID:   params.UserID,
		BeforeAt: before.at,
		BeforeID: before.id,
		RowLimit: limit,
	})
	if err != nil {
		return Page[Payment]{}, err
	}
	return pageOfKnown(rows, limit, listPayments,
		func(row db.PaymentListByUserRow) Payment { return Payment(row) },
		func(row db.PaymentListByUserRow) position {
			return position{at: row.CreatedAt, id: row.ID}
		})
}

// StalePaymentsParams says since when, and which page.
type StalePaymentsParams struct {
	// Older is how long a payment has been pending at least, from one second
	// up, in whole seconds.
	Older time.Duration

	PageParams
}

// StalePayments lists payments that are still pending so long after they were
// made, the oldest first: ask the provider what became of each, and hand the
// answer to [Store.ApplyPaymentEvent]. One that nobody will pay any more leaves
// the list as failed. The actor is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor.
func (s *Store) StalePayments(ctx context.Context, params StalePaymentsParams) (payments Page[Payment], err error) {
	defer wrap(&err, "stale payments")
	if err := s.actor.mayAdminister(); err != nil {
		return Page[Payment]{}, err
	}
	if err := age("Older", params.Older); err != nil {
		return Page[Payment]{}, err
	}
	after, limit, err := params.oldestFirst(listStalePayments)
	if err != nil {
		return Page[Payment]{}, err
	}
	rows, err := s.reader().PaymentListStale(ctx, db.PaymentListStaleParams{
		Older:    seconds(params.Older),
		AfterAt:  after.at,
		AfterID:  after.id,
		RowLimit: limit,
	})
	if err != nil {
		return Page[Payment]{}, err
	}
	return pageOf(rows, limit, listStalePayments,
		func(row db.PaymentListStaleRow) Payment { return Payment(row) },
		func(row db.PaymentListStaleRow) position {
			return position{at: row.CreatedAt, id: row.ID}
		}), nil
}
