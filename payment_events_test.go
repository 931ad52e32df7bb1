package elevate_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// enrolled is the source of the learner's enrollment; empty without one.
func (b *testBundle) enrolled(t testing.TB, userID, courseID uuid.UUID) string {
	t.Helper()
	return scan[string](t, b, `SELECT coalesce((
		SELECT e.source FROM {s}.enrollments AS e WHERE e.user_id = $1 AND e.course_id = $2), '')`, userID, courseID)
}

func TestApplyPaymentEvent(t *testing.T) {
	t.Parallel()

	t.Run("SuccessEnrolls", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		event := eventOf(payment, elevate.PaymentSucceeded)
		event.Currency, event.Reference = "usd", "pi_1"
		result := b.apply(t, event)

		payment.Status, payment.Reference, payment.UpdatedAt = elevate.PaymentSucceeded, "pi_1", result.Payment.UpdatedAt
		require.Equal(t, elevate.ApplyPaymentEventResult{
			Outcome: elevate.PaymentEventApplied, Enrolled: true, Payment: payment,
		}, result)
		stored, err := b.me.GetPayment(b.ctx, payment.ID)
		require.NoError(t, err)
		require.Equal(t, payment, stored)
		require.Equal(t, "payment", b.enrolled(t, b.userID, b.courseID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE lessons_total = 2 AND lessons_completed = 0`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications
			WHERE user_id = $1 AND type = 'enrolled' AND message LIKE '%Course ' || $2 || '%'`, b.userID, b.courseID.String()))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.payment_events WHERE provider = 'stripe'
			AND event_id = $1 AND payment_id = $2 AND kind = 'succeeded' AND amount = 4900 AND currency = 'USD'
			AND refunded_amount = 0 AND outcome = 'applied'`, event.EventID, payment.ID))
	})

	t.Run("Redelivered", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		event := eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentSucceeded)
		first := b.apply(t, event)
		before := b.fingerprint(t)
		again := b.apply(t, event)
		require.Equal(t, elevate.ApplyPaymentEventResult{
			Outcome: elevate.PaymentEventDuplicate, Payment: first.Payment,
		}, again)
		require.Equal(t, before, b.fingerprint(t))
	})

	t.Run("ErrorIfIDIsAnotherEvents", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		first := eventOf(payment, elevate.PaymentFailed)
		b.apply(t, first)
		for name, change := range map[string]func(*elevate.PaymentEvent){
			"Kind":     func(e *elevate.PaymentEvent) { e.Kind = elevate.PaymentSucceeded },
			"Amount":   func(e *elevate.PaymentEvent) { e.Amount++ },
			"Currency": func(e *elevate.PaymentEvent) { e.Currency = "EUR" },
			"Payment":  func(e *elevate.PaymentEvent) { e.PaymentID = b.charge(t, b.userID, b.courseID).ID },
		} {
			event := first
			change(&event)
			before := b.fingerprint(t)
			_, err := b.system.ApplyPaymentEvent(b.ctx, event)
			requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
			require.Equal(t, before, b.fingerprint(t), name)
		}
		other := first
		other.Provider, other.Kind = "paypal", elevate.PaymentSucceeded
		require.Equal(t, elevate.PaymentEventApplied, b.apply(t, other).Outcome, "ids are each provider's")
	})

	t.Run("LateOnesAreIgnored", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		for _, step := range []struct {
			kind elevate.PaymentStatus
			want elevate.PaymentEventOutcome
			is   elevate.PaymentStatus
		}{
			{elevate.PaymentPending, elevate.PaymentEventIgnored, elevate.PaymentPending},
			{elevate.PaymentFailed, elevate.PaymentEventApplied, elevate.PaymentFailed},
			{elevate.PaymentPending, elevate.PaymentEventIgnored, elevate.PaymentFailed},
			{elevate.PaymentSucceeded, elevate.PaymentEventApplied, elevate.PaymentSucceeded},
			{elevate.PaymentFailed, elevate.PaymentEventIgnored, elevate.PaymentSucceeded},
			{elevate.PaymentSucceeded, elevate.PaymentEventIgnored, elevate.PaymentSucceeded},
			{elevate.PaymentRefunded, elevate.PaymentEventApplied, elevate.PaymentRefunded},
			{elevate.PaymentSucceeded, elevate.PaymentEventIgnored, elevate.PaymentRefunded},
			{elevate.PaymentRefunded, elevate.PaymentEventIgnored, elevate.PaymentRefunded},
		} {
			result := b.apply(t, eventOf(payment, step.kind))
			require.Equal(t, step.want, result.Outcome)
			require.Equal(t, step.is, result.Payment.Status)
		}
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
		require.Equal(t, 9, b.count(t, `SELECT count(*) FROM {s}.payment_events`))
	})

	t.Run("PartialRefundsAddUp", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.buy(t, b.userID, b.courseID)
		for _, step := range []struct {
			refunded int32
			want     elevate.PaymentEventOutcome
			is       int32
			status   elevate.PaymentStatus
		}{
			{1000, elevate.PaymentEventApplied, 1000, elevate.PaymentSucceeded},
			{500, elevate.PaymentEventIgnored, 1000, elevate.PaymentSucceeded},
			{4899, elevate.PaymentEventApplied, 4899, elevate.PaymentSucceeded},
			{4900, elevate.PaymentEventApplied, 4900, elevate.PaymentRefunded},
			{4899, elevate.PaymentEventIgnored, 4900, elevate.PaymentRefunded},
		} {
			event := eventOf(payment, elevate.PaymentRefunded)
			event.RefundedAmount = step.refunded
			result := b.apply(t, event)
			require.Equal(t, step.want, result.Outcome)
			require.Equal(t, step.is, result.Payment.RefundedAmount)
			require.Equal(t, step.status, result.Payment.Status)
			require.Equal(t, step.status == elevate.PaymentSucceeded, b.enrolled(t, b.userID, b.courseID) != "")
		}
	})

	t.Run("PartialRefundProvesSuccess", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		event := eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentRefunded)
		event.RefundedAmount = 100
		result := b.apply(t, event)
		require.True(t, result.Enrolled)
		require.Equal(t, elevate.PaymentSucceeded, result.Payment.Status)
		require.Equal(t, int32(100), result.Payment.RefundedAmount)
	})

	t.Run("RefundEndsTheEnrollment", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.buy(t, b.userID, b.courseID)
		_, err := b.me.CompleteLesson(b.ctx, b.userID, b.lessons[0], 0)
		require.NoError(t, err)
		result := b.apply(t, eventOf(payment, elevate.PaymentRefunded))
		require.True(t, result.Unenrolled)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
		_, err = b.me.Enroll(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrPaymentRequired)

		b.buy(t, b.userID, b.courseID)
		require.Equal(t, 50, b.count(t, `SELECT progress FROM {s}.enrollments`), "progress is kept")
		require.Zero(t, b.drift(t))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'enrolled'`))
	})

	// What a refund leaves alone.
	for name, happen := range map[string]func(t *testing.T, b *testBundlePayment){
		"Completed": func(t *testing.T, b *testBundlePayment) {
			t.Helper()
			b.buy(t, b.userID, b.courseID)
			b.complete(t, b.userID, b.lessons...)
		},
		"GrantedBefore": func(t *testing.T, b *testBundlePayment) {
			t.Helper()
			_, err := b.system.GrantEnrollment(b.ctx, elevate.GrantEnrollmentParams{
				UserID: b.userID, CourseID: b.courseID, Source: "scholarship",
			})
			require.NoError(t, err)
			b.buy(t, b.userID, b.courseID)
		},
		"GrantedAfterwards": func(t *testing.T, b *testBundlePayment) {
			t.Helper()
			b.buy(t, b.userID, b.courseID)
			_, err := b.system.GrantEnrollment(b.ctx, elevate.GrantEnrollmentParams{
				UserID: b.userID, CourseID: b.courseID, Source: "scholarship",
			})
			require.NoError(t, err)
		},
		"Free": func(t *testing.T, b *testBundlePayment) {
			t.Helper()
			b.enroll(t, b.userID, b.courseID)
			b.buy(t, b.userID, b.courseID)
		},
	} {
		t.Run("RefundKeeps"+name, func(t *testing.T) {
			t.Parallel()
			b := newPaymentBundle(t)
			happen(t, b)
			was := b.enrolled(t, b.userID, b.courseID)
			require.NotEmpty(t, was)
			page, err := b.me.ListPayments(b.ctx, elevate.ListPaymentsParams{UserID: b.userID})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			result := b.apply(t, eventOf(page.Items[0], elevate.PaymentRefunded))
			require.Equal(t, elevate.PaymentRefunded, result.Payment.Status)
			require.False(t, result.Unenrolled)
			require.Equal(t, was, b.enrolled(t, b.userID, b.courseID))
		})
	}

	t.Run("RefundOfOneOfTwo", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		one, two := b.charge(t, b.userID, b.courseID), b.charge(t, b.userID, b.courseID)
		require.True(t, b.apply(t, eventOf(one, elevate.PaymentSucceeded)).Enrolled)
		require.False(t, b.apply(t, eventOf(two, elevate.PaymentSucceeded)).Enrolled)
		require.False(t, b.apply(t, eventOf(one, elevate.PaymentRefunded)).Unenrolled)
		require.Equal(t, "payment", b.enrolled(t, b.userID, b.courseID))
		require.True(t, b.apply(t, eventOf(two, elevate.PaymentRefunded)).Unenrolled)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications WHERE type = 'enrolled'`))
	})

	// Payments of others for the course, and of the learner for others, hold up
	// nothing.
	t.Run("RefundBesideForeignPayments", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		other, _ := b.course(t, courseSeed{lessons: 1, price: 100, published: true})
		stranger := b.user(t, elevate.RoleUser)
		b.buy(t, b.userID, other)
		b.buy(t, stranger, b.courseID)
		result := b.apply(t, eventOf(b.buy(t, b.userID, b.courseID), elevate.PaymentRefunded))
		require.True(t, result.Unenrolled)
		require.Equal(t, "payment", b.enrolled(t, b.userID, other))
		require.Equal(t, "payment", b.enrolled(t, stranger, b.courseID))
	})

	t.Run("PartialRefundBringsNobodyBack", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.buy(t, b.userID, b.courseID)
		_, err := b.me.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		event := eventOf(payment, elevate.PaymentRefunded)
		event.RefundedAmount = 100
		result := b.apply(t, event)
		require.Equal(t, elevate.PaymentEventApplied, result.Outcome)
		require.False(t, result.Enrolled)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
		require.Equal(t, elevate.PaymentEventIgnored, b.apply(t, eventOf(payment, elevate.PaymentSucceeded)).Outcome)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
	})

	for name, change := range map[string]func(*elevate.PaymentEvent){
		"Amount":       func(e *elevate.PaymentEvent) { e.Amount = 1 },
		"AmountOfZero": func(e *elevate.PaymentEvent) { e.Amount = 0 },
		"Currency":     func(e *elevate.PaymentEvent) { e.Currency = "JPY" },
		"Refund": func(e *elevate.PaymentEvent) {
			e.Kind, e.RefundedAmount = elevate.PaymentRefunded, e.Amount+1
		},
	} {
		t.Run("QuarantinedForWrong"+name, func(t *testing.T) {
			t.Parallel()
			b := newPaymentBundle(t)
			payment := b.charge(t, b.userID, b.courseID)
			event := eventOf(payment, elevate.PaymentSucceeded)
			event.Reference = "pi_1"
			change(&event)
			require.Equal(t, elevate.ApplyPaymentEventResult{
				Outcome: elevate.PaymentEventQuarantined, Payment: payment,
			}, b.apply(t, event))
			stored, err := b.me.GetPayment(b.ctx, payment.ID)
			require.NoError(t, err)
			require.Equal(t, payment, stored)
			require.Empty(t, b.enrolled(t, b.userID, b.courseID))
			require.Equal(t, event.EventID, scan[string](t, b.testBundle,
				`SELECT event_id FROM {s}.payment_events WHERE outcome = 'quarantined'`))
			require.Equal(t, elevate.PaymentEventDuplicate, b.apply(t, event).Outcome)
			require.True(t, b.apply(t, eventOf(payment, elevate.PaymentSucceeded)).Enrolled, "another may be right")
		})
	}

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		event := eventOf(payment, elevate.PaymentSucceeded)
		event.PaymentID = uuid.New()
		_, err := b.system.ApplyPaymentEvent(b.ctx, event)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		event.PaymentID, event.Reference = b.userID, "pi_1"
		_, err = b.system.ApplyPaymentEvent(b.ctx, event)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.payment_events`))
		event.PaymentID = payment.ID
		require.True(t, b.apply(t, event).Enrolled, "delivered again")
	})

	t.Run("FoundByReference", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		made := eventOf(payment, elevate.PaymentPending)
		made.Reference = "pi_1"
		result := b.apply(t, made)
		require.Equal(t, elevate.PaymentEventIgnored, result.Outcome)
		require.Equal(t, "pi_1", result.Payment.Reference)

		event := eventOf(payment, elevate.PaymentSucceeded)
		event.PaymentID, event.Reference = uuid.Nil, "pi_1"
		result = b.apply(t, event)
		require.True(t, result.Enrolled)
		require.Equal(t, payment.ID, result.Payment.ID)
	})

	t.Run("ReferenceIsTheFirst", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		one, two := b.charge(t, b.userID, b.courseID), b.charge(t, b.userID, b.courseID)
		for _, step := range []struct {
			payment         elevate.Payment
			reference, want string
		}{
			{one, "", ""},
			{one, "pi_1", "pi_1"},
			{one, "pi_2", "pi_1"},
			{two, "pi_1", ""},
			{two, "pi_2", "pi_2"},
		} {
			event := eventOf(step.payment, elevate.PaymentFailed)
			event.Reference = step.reference
			require.Equal(t, step.want, b.apply(t, event).Payment.Reference)
		}
	})

	t.Run("UnpublishedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE, price = 0 WHERE id = $1`, b.courseID)
		require.True(t, b.apply(t, eventOf(payment, elevate.PaymentSucceeded)).Enrolled)
		require.Equal(t, "payment", b.enrolled(t, b.userID, b.courseID))
	})

	t.Run("ErasedMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		result := b.apply(t, eventOf(payment, elevate.PaymentSucceeded))
		require.Equal(t, elevate.PaymentEventApplied, result.Outcome)
		require.False(t, result.Enrolled)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})

	t.Run("MessageOfTheHost", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		store, err := elevate.New(b.pool, &elevate.Config{
			Schema: b.schema,
			Messages: map[elevate.NotificationType]elevate.Message{
				elevate.NotificationEnrolled: {Title: "Hallo", Message: "{course}!"},
			},
		})
		require.NoError(t, err)
		_, err = store.As(elevate.System("test")).ApplyPaymentEvent(b.ctx,
			eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentSucceeded))
		require.NoError(t, err)
		require.Equal(t, "Hallo Course "+b.courseID.String()+"!", scan[string](t, b.testBundle,
			`SELECT title || ' ' || message FROM {s}.notifications`))
	})

	t.Run("ForbiddenForAnAdmin", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		event := eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentSucceeded)
		_, err := b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin).ApplyPaymentEvent(b.ctx, event)
		require.ErrorIs(t, err, elevate.ErrForbidden)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		tx := b.begin(t)
		store := b.system.WithTx(tx)
		unknown := eventOf(payment, elevate.PaymentSucceeded)
		unknown.PaymentID = uuid.New()
		_, err := store.ApplyPaymentEvent(b.ctx, unknown)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		failed := eventOf(payment, elevate.PaymentFailed)
		_, err = store.ApplyPaymentEvent(b.ctx, failed)
		require.NoError(t, err)
		failed.Amount++
		_, err = store.ApplyPaymentEvent(b.ctx, failed)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
		usable(t, tx)
		_, err = store.ApplyPaymentEvent(b.ctx, eventOf(payment, elevate.PaymentSucceeded))
		require.NoError(t, err)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, "payment", b.enrolled(t, b.userID, b.courseID))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		before := b.fingerprint(t)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).ApplyPaymentEvent(b.ctx, eventOf(payment, elevate.PaymentSucceeded))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, before, b.fingerprint(t))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		event := eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentSucceeded)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		results := make([]elevate.ApplyPaymentEventResult, 32)
		require.NoError(t, race(len(results), func(i int) (err error) {
			results[i], err = store.ApplyPaymentEvent(b.ctx, event)
			return err
		}))
		outcomes := map[elevate.PaymentEventOutcome]int{}
		for _, result := range results {
			outcomes[result.Outcome]++
			require.Equal(t, result.Outcome == elevate.PaymentEventApplied, result.Enrolled)
		}
		require.Equal(t, map[elevate.PaymentEventOutcome]int{
			elevate.PaymentEventApplied: 1, elevate.PaymentEventDuplicate: 31,
		}, outcomes)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.payment_events`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.notifications`))
	})
}
