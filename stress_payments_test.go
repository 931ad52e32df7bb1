package elevate_test

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func stressPayments() []stressOperation {
	refusals := []error{
		elevate.ErrNotFound, elevate.ErrNotPublished, elevate.ErrCourseFree, conflict(elevate.ConflictPaid),
	}
	return []stressOperation{
		{
			name:   "CreatePayment",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.charge(ctx, s)
				return err
			},
			refusals: refusals,
		},
		{
			name:   "ApplyPaymentEvent",
			weight: 12,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				payment, err := d.charge(ctx, s)
				if err != nil {
					return err
				}
				return d.report(ctx, s, payment)
			},
			refusals: refusals,
		},
	}
}

// charge is one of the few payments of a learner for a course, made or there. Not
// for the tidy course: who is refunded leaves progress behind.
func (d *draw) charge(ctx context.Context, s *elevate.Store) (elevate.Payment, error) {
	userID, courseID := d.learner(), pick(d, d.courses[1:stressCourses])
	result, err := d.actor(s, userID).CreatePayment(ctx, elevate.CreatePaymentParams{
		UserID: userID, CourseID: courseID, IdempotencyKey: fmt.Sprintf("%s %d", courseID, d.IntN(8)),
	})
	return result.Payment, err
}

// report is what the provider may say of a payment.
func (d *draw) report(ctx context.Context, s *elevate.Store, payment elevate.Payment) error {
	event := elevate.PaymentEvent{
		Amount: payment.Amount, Currency: payment.Currency, EventID: uuid.NewString(), PaymentID: payment.ID,
		Provider: "stress", Reference: "pi_" + payment.ID.String(),
		Kind: pick(d, []elevate.PaymentStatus{
			elevate.PaymentFailed, elevate.PaymentSucceeded, elevate.PaymentSucceeded, elevate.PaymentRefunded,
		}),
	}
	if event.Kind == elevate.PaymentRefunded {
		event.RefundedAmount = pick(d, []int32{1, payment.Amount})
	}
	result, err := d.system(s).ApplyPaymentEvent(ctx, event)
	if err != nil {
		return err
	}
	if result.Enrolled {
		d.note(effectEnrolled, payment.UserID, payment.CourseID)
	}
	if result.Unenrolled {
		d.note(effectUnenrolled, payment.UserID, payment.CourseID)
	}
	return nil
}
