package elevate_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func paymentCauses(t testing.TB) []cause {
	t.Helper()
	of := func(kinds ...elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			events := make([]told, len(kinds))
			for i, kind := range kinds {
				events[i] = told{kind, w.learner, w.course, w.payment}
			}
			return events
		}
	}
	inserted := func(kinds ...elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			events := of(kinds...)(w)
			for i := range events {
				events[i].SubjectID = w.id
			}
			return events
		}
	}
	insert := func(status, refunded string) string {
		return `INSERT INTO {s}.payments (id, user_id, course_id, amount, status, refunded_amount)
			VALUES (@id, @learner, @course, 4900, '` + status + `', ` + refunded + `) ON CONFLICT DO NOTHING`
	}
	update := func(status, refunded string) string {
		return `UPDATE {s}.payments SET status = '` + status + `', refunded_amount = ` + refunded + ` WHERE id = @payment`
	}
	event := func(outcome string) string {
		return `INSERT INTO {s}.payment_events (provider, event_id, payment_id, kind, amount, currency, outcome)
			VALUES ('stripe', @id::uuid::text, @payment, 'succeeded', 4900, 'USD', '` + outcome + `') ON CONFLICT DO NOTHING`
	}
	paid := []string{update("succeeded", "0")}
	// A report of the learner's payment, who is enrolled already.
	report := func(event elevate.PaymentEvent) func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
		return func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
			event := event
			event.PaymentID, event.EventID, event.Provider, event.Currency = w.payment, w.id.String(), "stripe", "USD"
			_, err := s.ApplyPaymentEvent(ctx, event)
			return err
		}
	}
	unenrolled := func(w *eventWorld) told {
		return told{elevate.EventEnrollmentDeleted, w.learner, w.course, w.enrollmentOf(t, w.learner)}
	}
	return []cause{
		{
			name:    "CreatePayment",
			prepare: []string{`UPDATE {s}.courses SET price = 4900 WHERE id = @course`},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.CreatePayment(ctx, elevate.CreatePaymentParams{
					UserID: w.stranger, CourseID: w.course, IdempotencyKey: "order",
				})
				return err
			},
			want: none,
		},
		{
			name: "ApplyPaymentEventSucceeded",
			call: report(elevate.PaymentEvent{Kind: elevate.PaymentSucceeded, Amount: 4900}),
			want: of(elevate.EventPaymentSucceeded),
		},
		{
			name:    "ApplyPaymentEventSucceededEnrolls",
			prepare: []string{`DELETE FROM {s}.enrollments WHERE user_id = @learner`},
			call:    report(elevate.PaymentEvent{Kind: elevate.PaymentSucceeded, Amount: 4900}),
			want: func(w *eventWorld) []told {
				enrollment := scan[uuid.UUID](t, w.testBundle, `SELECT id FROM {s}.enrollments WHERE user_id = $1`, w.learner)
				return append(of(elevate.EventPaymentSucceeded)(w),
					told{elevate.EventEnrollmentCreated, w.learner, w.course, enrollment})
			},
		},
		{
			name: "ApplyPaymentEventFailed",
			call: report(elevate.PaymentEvent{Kind: elevate.PaymentFailed, Amount: 4900}),
			want: of(elevate.EventPaymentFailed),
		},
		{
			name:    "ApplyPaymentEventRefunded",
			prepare: append(paid, `UPDATE {s}.enrollments SET source = 'payment' WHERE user_id = @learner`),
			call:    report(elevate.PaymentEvent{Kind: elevate.PaymentRefunded, Amount: 4900, RefundedAmount: 4900}),
			want: func(w *eventWorld) []told {
				return append(of(elevate.EventPaymentRefunded)(w), unenrolled(w))
			},
		},
		{
			name:    "ApplyPaymentEventRefundedAPart",
			prepare: paid,
			call:    report(elevate.PaymentEvent{Kind: elevate.PaymentRefunded, Amount: 4900, RefundedAmount: 900}),
			want:    of(elevate.EventPaymentRefunded),
		},
		{
			name: "ApplyPaymentEventRefundedAPartBeforeItSucceeded",
			call: report(elevate.PaymentEvent{Kind: elevate.PaymentRefunded, Amount: 4900, RefundedAmount: 900}),
			want: of(elevate.EventPaymentSucceeded, elevate.EventPaymentRefunded),
		},
		{
			name: "ApplyPaymentEventQuarantined",
			call: report(elevate.PaymentEvent{Kind: elevate.PaymentSucceeded, Amount: 4800}),
			want: of(elevate.EventPaymentQuarantined),
		},
		{
			name:    "ApplyPaymentEventIgnored",
			prepare: paid,
			call:    report(elevate.PaymentEvent{Kind: elevate.PaymentFailed, Amount: 4900}),
			want:    none,
		},
		{name: "SQLPays", sql: update("succeeded", "0"), want: of(elevate.EventPaymentSucceeded)},
		{
			name: "SQLPaysAfterFailing", prepare: []string{update("failed", "0")},
			sql: update("succeeded", "0"), want: of(elevate.EventPaymentSucceeded),
		},
		{name: "SQLFails", sql: update("failed", "0"), want: of(elevate.EventPaymentFailed)},
		{name: "SQLRefunds", prepare: paid, sql: update("refunded", "4900"), want: of(elevate.EventPaymentRefunded)},
		{name: "SQLRefundsWithoutAmount", prepare: paid, sql: update("refunded", "0"), want: of(elevate.EventPaymentRefunded)},
		{name: "SQLRefundsAPart", prepare: paid, sql: update("succeeded", "900"), want: of(elevate.EventPaymentRefunded)},
		{
			name: "SQLRefundsTheRest", prepare: []string{update("succeeded", "900")},
			sql: update("refunded", "4900"), want: of(elevate.EventPaymentRefunded),
		},
		{
			name: "SQLPaysAndRefundsAPart", sql: update("succeeded", "900"),
			want: of(elevate.EventPaymentSucceeded, elevate.EventPaymentRefunded),
		},
		{name: "SQLRefundsAtOnce", sql: update("refunded", "4900"), want: of(elevate.EventPaymentRefunded)},
		{name: "SQLInsertsPending", sql: insert("pending", "0"), want: none},
		{name: "SQLInsertsPaid", sql: insert("succeeded", "0"), want: inserted(elevate.EventPaymentSucceeded)},
		{name: "SQLInsertsFailed", sql: insert("failed", "0"), want: inserted(elevate.EventPaymentFailed)},
		{name: "SQLInsertsRefunded", sql: insert("refunded", "4900"), want: inserted(elevate.EventPaymentRefunded)},
		{
			name: "SQLInsertsPaidAndRefunded", sql: insert("succeeded", "1"),
			want: inserted(elevate.EventPaymentSucceeded, elevate.EventPaymentRefunded),
		},
		{name: "SQLQuarantines", sql: event("quarantined"), want: of(elevate.EventPaymentQuarantined)},
		{name: "SQLAppliesEvent", sql: event("applied"), want: none},
	}
}
