package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elevateforhumanity/elevate"
)

// A learner is to pay, and the provider reports what becomes of it: late, twice,
// in any order. Who has paid is enrolled; who was refunded no longer.
func ExampleStore_CreatePayment() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	if _, err := pool.Exec(ctx, `UPDATE courses SET price = 4900, currency = 'EUR'`); err != nil {
		panic(err)
	}
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})

	_, err := me.Enroll(ctx, exampleAda, courseID)
	fmt.Println(errors.Is(err, elevate.ErrPaymentRequired))
	var payment elevate.Payment
	for range 2 { // she clicked twice
		result, err := me.CreatePayment(ctx, elevate.CreatePaymentParams{
			UserID: exampleAda, CourseID: courseID, IdempotencyKey: "order 17",
		})
		if err != nil {
			panic(err)
		}
		payment = result.Payment
		fmt.Println(result.Created, payment.Amount, payment.Currency, payment.Status)
	}

	// What a webhook does, once it has verified the signature.
	hook := store.As(elevate.System("payment-webhook"))
	event := elevate.PaymentEvent{
		Provider: "stripe", PaymentID: payment.ID, Amount: 4900, Currency: "eur",
	}
	succeeded := event
	succeeded.EventID, succeeded.Kind = "evt_1", elevate.PaymentSucceeded
	refunded := event
	refunded.EventID, refunded.Kind, refunded.RefundedAmount = "evt_2", elevate.PaymentRefunded, 900
	forged := event
	forged.EventID, forged.Kind, forged.Amount = "evt_3", elevate.PaymentSucceeded, 1
	all := event
	all.EventID, all.Kind, all.RefundedAmount = "evt_4", elevate.PaymentRefunded, 4900
	for _, event := range []elevate.PaymentEvent{succeeded, succeeded, refunded, forged, all} {
		result, err := hook.ApplyPaymentEvent(ctx, event)
		if err != nil {
			panic(err)
		}
		fmt.Println(event.EventID, result.Outcome, result.Payment.Status, result.Enrolled, result.Unenrolled)
	}

	// Output:
	// true
	// true 4900 EUR pending
	// false 4900 EUR pending
	// evt_1 applied succeeded true false
	// evt_1 duplicate succeeded false false
	// evt_2 applied succeeded false false
	// evt_3 quarantined succeeded false false
	// evt_4 applied refunded false true
}

// What a learner has paid or is to pay, the page of one payment, and what a job
// asks the provider about because nothing was heard of it for a day.
func ExampleStore_ListPayments() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	for _, title := range []string{"Go basics", "Testing"} {
		courseID := exampleCourse(pool, "public", title, 1)
		if _, err := pool.Exec(ctx, `UPDATE courses SET price = 4900, currency = 'EUR'`); err != nil {
			panic(err)
		}
		_, err := me.CreatePayment(ctx, elevate.CreatePaymentParams{
			UserID: exampleAda, CourseID: courseID, IdempotencyKey: "order of " + title,
		})
		if err != nil {
			panic(err)
		}
	}

	payments, err := me.ListPayments(ctx, elevate.ListPaymentsParams{UserID: exampleAda})
	if err != nil {
		panic(err)
	}
	for _, payment := range payments.Items {
		fmt.Println(payment.Amount, payment.Currency, payment.Status)
	}
	newest, err := me.GetPayment(ctx, payments.Items[0].ID)
	if err != nil {
		panic(err)
	}
	fmt.Println(newest == payments.Items[0])

	// Somebody else's is not found.
	grace := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	_, err = grace.GetPayment(ctx, newest.ID)
	fmt.Println(errors.Is(err, elevate.ErrNotFound))

	exampleMust(pool.Exec(ctx, `UPDATE payments SET created_at = now() - interval '2 days' WHERE id = $1`, newest.ID))
	job := store.As(elevate.System("ask-the-provider"))
	stale, err := job.StalePayments(ctx, elevate.StalePaymentsParams{Older: 24 * time.Hour})
	if err != nil {
		panic(err)
	}
	fmt.Println("stale:", len(stale.Items))

	// Output:
	// 4900 EUR pending
	// 4900 EUR pending
	// true
	// true
	// stale: 1
}
