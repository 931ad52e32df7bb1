package elevate_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// charge gives the course a price, and makes the learner's payment.
func (w *world) charge(t *testing.T) {
	t.Helper()
	w.exec(t, `UPDATE {s}.courses SET price = 4900, currency = 'EUR' WHERE id = $1`, w.course)
	result, err := w.system.CreatePayment(w.ctx, elevate.CreatePaymentParams{
		UserID: w.learner, CourseID: w.course, IdempotencyKey: "charged",
	})
	require.NoError(t, err)
	w.payment = result.Payment.ID
}

// succeeded is the event that the learner's payment has succeeded.
func (w *world) succeeded() elevate.PaymentEvent {
	return elevate.PaymentEvent{
		Amount: 4900, Currency: "eur", EventID: w.payment.String(), Kind: elevate.PaymentSucceeded,
		PaymentID: w.payment, Provider: "stripe",
	}
}

func paymentOperations() []operation {
	create := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreatePaymentParams)) error {
		params := elevate.CreatePaymentParams{UserID: w.learner, CourseID: w.course, IdempotencyKey: "order"}
		change(&params)
		_, err := s.CreatePayment(ctx, params)
		return err
	}
	apply := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.PaymentEvent)) error {
		event := w.succeeded()
		change(&event)
		_, err := s.ApplyPaymentEvent(ctx, event)
		return err
	}
	list := func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
		_, err := s.ListPayments(ctx, elevate.ListPaymentsParams{UserID: w.learner, PageParams: page})
		return err
	}
	stale := func(ctx context.Context, s *elevate.Store, older time.Duration, page elevate.PageParams) error {
		_, err := s.StalePayments(ctx, elevate.StalePaymentsParams{Older: older, PageParams: page})
		return err
	}
	charge := func(t *testing.T, w *world) {
		t.Helper()
		w.charge(t)
	}
	return []operation{
		{
			name:    "CreatePayment",
			may:     "--+--++",
			trips:   1,
			prepare: charge,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return create(ctx, s, w, func(*elevate.CreatePaymentParams) {})
			},
			refusals: slices.Concat(
				texts("IdempotencyKey", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.IdempotencyKey = value })
				}),
				[]refusal{
					fails("NoIdempotencyKey", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.IdempotencyKey = "" })
					}),
					fails("AmountNegative", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.Amount, p.Currency = -1, "EUR" })
					}),
					fails("AmountAlone", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.Amount = 100 })
					}),
					fails("CurrencyAlone", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.Currency = "EUR" })
					}),
					fails("CurrencyLower", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.Amount, p.Currency = 100, "eur" })
					}),
					fails("CurrencyNUL", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.Amount, p.Currency = 100, "EU\x00" })
					}),
					{"AmountOfALearner", func(ctx context.Context, s *elevate.Store, w *world) error {
						me := s.As(elevate.Actor{UserID: w.learner, Role: elevate.RoleUser})
						return create(ctx, me, w, func(p *elevate.CreatePaymentParams) { p.Amount, p.Currency = 1, "EUR" })
					}, elevate.ErrForbidden},
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.UserID = uuid.New() })
					}),
					unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.CourseID = uuid.Nil })
					}),
					unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.UserID, p.CourseID = p.CourseID, p.UserID })
					}),
					{"Draft", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.CourseID = w.draft })
					}, elevate.ErrNotPublished},
					conflicts("KeyOfAnotherCourse", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) { p.IdempotencyKey, p.CourseID = "charged", w.draft })
					}),
					conflicts("KeyOfAnotherAmount", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreatePaymentParams) {
							p.IdempotencyKey, p.Amount, p.Currency = "charged", 100, "EUR"
						})
					}),
				},
			),
		},
		{
			name:    "ApplyPaymentEvent",
			may:     "------+",
			trips:   1,
			prepare: charge,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return apply(ctx, s, w, func(*elevate.PaymentEvent) {})
			},
			refusals: slices.Concat(
				texts("EventID", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.EventID = value })
				}),
				texts("Provider", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Provider = value })
				}),
				texts("Reference", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Reference = value })
				}),
				texts("Currency", 3, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Currency = value })
				}),
				[]refusal{
					fails("NoEventID", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.EventID = "" })
					}),
					fails("NoProvider", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Provider = "" })
					}),
					fails("NeitherIDNorReference", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.PaymentID = uuid.Nil })
					}),
					fails("Kind", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Kind = "paid" })
					}),
					fails("AmountNegative", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Amount = -1 })
					}),
					fails("RefundOfNothing", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Kind = elevate.PaymentRefunded })
					}),
					fails("RefundNegative", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.Kind, e.RefundedAmount = elevate.PaymentRefunded, -1 })
					}),
					fails("RefundOfASuccess", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.RefundedAmount = 1 })
					}),
					unknown("Payment", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.PaymentID = w.course })
					}),
					unknown("Reference", func(ctx context.Context, s *elevate.Store, w *world) error {
						return apply(ctx, s, w, func(e *elevate.PaymentEvent) { e.PaymentID, e.Reference = uuid.Nil, "pi_unknown" })
					}),
				},
			),
		},
		{
			name:    "GetPayment",
			may:     "-0+00++",
			trips:   1,
			prepare: charge,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetPayment(ctx, w.payment)
				return err
			},
			refusals: []refusal{unknown("Payment", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetPayment(ctx, w.learner)
				return err
			})},
		},
		{
			name:    "ListPayments",
			may:     "--+--++",
			trips:   1,
			prepare: charge,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return list(ctx, s, w, elevate.PageParams{})
			},
			refusals: append(pages(list), unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListPayments(ctx, elevate.ListPaymentsParams{UserID: w.course})
				return err
			})),
		},
		{
			name:    "StalePayments",
			may:     "-----++",
			trips:   1,
			prepare: charge,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return stale(ctx, s, time.Hour, elevate.PageParams{})
			},
			refusals: slices.Concat(
				pages(func(ctx context.Context, s *elevate.Store, _ *world, page elevate.PageParams) error {
					return stale(ctx, s, time.Hour, page)
				}),
				spans("Older", func(ctx context.Context, s *elevate.Store, _ *world, value time.Duration) error {
					return stale(ctx, s, value, elevate.PageParams{})
				}),
				[]refusal{fails("OlderMissing", func(ctx context.Context, s *elevate.Store, _ *world) error {
					return stale(ctx, s, 0, elevate.PageParams{})
				})},
			),
		},
	}
}
