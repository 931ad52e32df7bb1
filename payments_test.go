package elevate_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// charge is a new payment of a learner for a course.
func (b *testBundle) charge(t testing.TB, userID, courseID uuid.UUID) elevate.Payment {
	t.Helper()
	result, err := b.system.CreatePayment(b.ctx, elevate.CreatePaymentParams{
		UserID: userID, CourseID: courseID, IdempotencyKey: uuid.NewString(),
	})
	require.NoError(t, err)
	require.True(t, result.Created)
	return result.Payment
}

// eventOf is a new event of a payment; a refund is of all of it.
func eventOf(payment elevate.Payment, kind elevate.PaymentStatus) elevate.PaymentEvent {
	event := elevate.PaymentEvent{
		Amount:    payment.Amount,
		Currency:  payment.Currency,
		EventID:   "evt_" + uuid.NewString(),
		Kind:      kind,
		PaymentID: payment.ID,
		Provider:  "stripe",
	}
	if kind == elevate.PaymentRefunded {
		event.RefundedAmount = payment.Amount
	}
	return event
}

// apply applies an event that is as it should be.
func (b *testBundle) apply(t testing.TB, event elevate.PaymentEvent) elevate.ApplyPaymentEventResult {
	t.Helper()
	result, err := b.system.ApplyPaymentEvent(b.ctx, event)
	require.NoError(t, err)
	return result
}

// buy is a payment that has succeeded.
func (b *testBundle) buy(t testing.TB, userID, courseID uuid.UUID) elevate.Payment {
	t.Helper()
	return b.apply(t, eventOf(b.charge(t, userID, courseID), elevate.PaymentSucceeded)).Payment
}

type testBundlePayment struct {
	*testBundle

	userID, courseID uuid.UUID
	lessons          []uuid.UUID
	me               *elevate.Store
}

func newPaymentBundle(t *testing.T) *testBundlePayment {
	t.Helper()
	b := &testBundlePayment{testBundle: newBundle(t)}
	b.userID = b.user(t, elevate.RoleUser)
	b.courseID, b.lessons = b.course(t, courseSeed{lessons: 2, price: 4900, published: true})
	b.me = b.as(b.userID, elevate.RoleUser)
	return b
}

func (b *testBundlePayment) params(key string) elevate.CreatePaymentParams {
	return elevate.CreatePaymentParams{UserID: b.userID, CourseID: b.courseID, IdempotencyKey: key}
}

func TestCreatePayment(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		b.exec(t, `UPDATE {s}.courses SET currency = 'EUR' WHERE id = $1`, b.courseID)
		result, err := b.me.CreatePayment(b.ctx, b.params("order 1"))
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, elevate.Payment{
			ID:        scan[uuid.UUID](t, b.testBundle, `SELECT id FROM {s}.payments WHERE idempotency_key = 'order 1'`),
			UserID:    b.userID,
			CourseID:  b.courseID,
			Amount:    4900,
			Currency:  "EUR",
			Status:    elevate.PaymentPending,
			CreatedAt: result.Payment.CreatedAt,
			UpdatedAt: result.Payment.CreatedAt,
		}, result.Payment)
		require.Equal(t, time.UTC, result.Payment.CreatedAt.Location())
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.enrollments`), "not before it succeeds")
	})

	t.Run("AmountOfTrustedCode", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		params := b.params("with a coupon")
		params.Amount, params.Currency = 3900, "CHF"
		result, err := b.system.CreatePayment(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, int32(3900), result.Payment.Amount)
		require.Equal(t, "CHF", result.Payment.Currency)

		again, err := b.me.CreatePayment(b.ctx, b.params("with a coupon"))
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, result.Payment, again.Payment, "who gives no amount asks for none in particular")

		params.Amount = 4900
		_, err = b.system.CreatePayment(b.ctx, params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
		params.Amount, params.Currency = 3900, "EUR"
		_, err = b.system.CreatePayment(b.ctx, params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
	})

	t.Run("ForbiddenAmount", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		params := b.params("cheap")
		params.Amount, params.Currency = 1, "USD"
		_, err := b.me.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrForbidden)
		params.Amount, params.Currency = 0, "USD"
		_, err = b.me.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrForbidden)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.payments`))
	})

	// A repeat finds what was made, whatever has become of it and of the course.
	for name, happen := range map[string]func(t *testing.T, b *testBundlePayment, payment elevate.Payment){
		"Unchanged": func(*testing.T, *testBundlePayment, elevate.Payment) {},
		"PriceHasChanged": func(t *testing.T, b *testBundlePayment, _ elevate.Payment) {
			t.Helper()
			b.exec(t, `UPDATE {s}.courses SET price = 9900, currency = 'EUR' WHERE id = $1`, b.courseID)
		},
		"CourseIsFree": func(t *testing.T, b *testBundlePayment, _ elevate.Payment) {
			t.Helper()
			b.exec(t, `UPDATE {s}.courses SET price = 0 WHERE id = $1`, b.courseID)
		},
		"CourseIsUnpublished": func(t *testing.T, b *testBundlePayment, _ elevate.Payment) {
			t.Helper()
			b.exec(t, `UPDATE {s}.courses SET published = FALSE WHERE id = $1`, b.courseID)
		},
		"Paid": func(t *testing.T, b *testBundlePayment, payment elevate.Payment) {
			t.Helper()
			event := eventOf(payment, elevate.PaymentSucceeded)
			event.Reference = "pi_1"
			b.apply(t, event)
		},
		"Refunded": func(t *testing.T, b *testBundlePayment, payment elevate.Payment) {
			t.Helper()
			b.apply(t, eventOf(payment, elevate.PaymentRefunded))
		},
	} {
		t.Run("Repeat"+name, func(t *testing.T) {
			t.Parallel()
			b := newPaymentBundle(t)
			first, err := b.me.CreatePayment(b.ctx, b.params("order 1"))
			require.NoError(t, err)
			happen(t, b, first.Payment)
			now, err := b.me.GetPayment(b.ctx, first.Payment.ID)
			require.NoError(t, err)
			again, err := b.me.CreatePayment(b.ctx, b.params("order 1"))
			require.NoError(t, err)
			require.False(t, again.Created)
			require.Equal(t, now, again.Payment)
			require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.payments`))
		})
	}

	t.Run("KeysAreTheLearnersOwn", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		_, err := b.me.CreatePayment(b.ctx, b.params("1"))
		require.NoError(t, err)
		params := b.params("1")
		params.UserID = b.user(t, elevate.RoleUser)
		other, err := b.system.CreatePayment(b.ctx, params)
		require.NoError(t, err)
		require.True(t, other.Created)
		spaced, err := b.me.CreatePayment(b.ctx, b.params("1 "))
		require.NoError(t, err)
		require.True(t, spaced.Created, "keys are compared to the letter")
	})

	t.Run("ErrorIfKeyOfAnotherCourse", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		_, err := b.me.CreatePayment(b.ctx, b.params("order 1"))
		require.NoError(t, err)
		params := b.params("order 1")
		params.CourseID, _ = b.course(t, courseSeed{lessons: 1, price: 4900, published: true})
		_, err = b.me.CreatePayment(b.ctx, params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
	})

	t.Run("ErrorIfUnknown", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		params := b.params("order 1")
		params.UserID = uuid.New()
		_, err := b.system.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		params = b.params("order 1")
		params.CourseID = uuid.New()
		_, err = b.me.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.me.CreatePayment(b.ctx, b.params("order 1"))
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfNotPublished", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		params := b.params("order 1")
		params.CourseID, _ = b.course(t, courseSeed{lessons: 1, price: 4900})
		_, err := b.me.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrNotPublished)
	})

	t.Run("ErrorIfFree", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		params := b.params("order 1")
		params.CourseID, _ = b.course(t, courseSeed{lessons: 1, published: true})
		_, err := b.me.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrCourseFree)
		params.Amount, params.Currency = 100, "EUR"
		_, err = b.system.CreatePayment(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrCourseFree)
	})

	t.Run("ErrorIfPaid", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.buy(t, b.userID, b.courseID)
		_, err := b.me.CreatePayment(b.ctx, b.params("again"))
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictPaid})

		partly := eventOf(payment, elevate.PaymentRefunded)
		partly.RefundedAmount = 100
		b.apply(t, partly)
		_, err = b.me.CreatePayment(b.ctx, b.params("again"))
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictPaid})

		b.apply(t, eventOf(payment, elevate.PaymentRefunded))
		result, err := b.me.CreatePayment(b.ctx, b.params("again"))
		require.NoError(t, err)
		require.True(t, result.Created)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		b.buy(t, b.userID, b.courseID)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err := store.CreatePayment(b.ctx, b.params("again"))
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictPaid})
		usable(t, tx)
		params := b.params("another")
		params.CourseID, _ = b.course(t, courseSeed{lessons: 1, price: 100, published: true})
		_, err = store.CreatePayment(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.payments`), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.payments`))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CreatePayment(b.ctx, b.params("order 1"))
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.payments`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		store := b.on(t, b.wide(t)).As(elevate.Actor{UserID: b.userID, Role: elevate.RoleUser})
		results := make([]elevate.CreatePaymentResult, 32)
		require.NoError(t, race(len(results), func(i int) (err error) {
			results[i], err = store.CreatePayment(b.ctx, b.params("order 1"))
			return err
		}))
		created := 0
		for _, result := range results {
			require.Equal(t, results[0].Payment, result.Payment)
			if result.Created {
				created++
			}
		}
		require.Equal(t, 1, created)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.payments`))
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.userID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.me.CreatePayment(context.WithoutCancel(b.ctx), b.params("order 1"))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.payments`))
	})
}

func TestGetPayment(t *testing.T) {
	t.Parallel()
	b := newPaymentBundle(t)
	payment := b.charge(t, b.userID, b.courseID)
	got, err := b.me.GetPayment(b.ctx, payment.ID)
	require.NoError(t, err)
	require.Equal(t, payment, got)
	_, err = b.as(b.user(t, elevate.RoleUser), elevate.RoleUser).GetPayment(b.ctx, payment.ID)
	require.ErrorIs(t, err, elevate.ErrNotFound, "another's")
	_, err = b.as(uuid.Nil, elevate.RoleUser).GetPayment(b.ctx, payment.ID)
	require.ErrorIs(t, err, elevate.ErrForbidden, "nobody in particular")
}

func TestListPayments(t *testing.T) {
	t.Parallel()
	b := newPaymentBundle(t)

	page, err := b.me.ListPayments(b.ctx, elevate.ListPaymentsParams{UserID: b.userID})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.NotNil(t, page.Items)

	// Two of each second.
	var want []elevate.Payment
	for i := range 5 {
		payment := b.charge(t, b.userID, b.courseID)
		b.exec(t, `UPDATE {s}.payments SET created_at = to_timestamp($2) WHERE id = $1`, payment.ID, 1_700_000_000+i/2)
		payment, err := b.me.GetPayment(b.ctx, payment.ID)
		require.NoError(t, err)
		want = append([]elevate.Payment{payment}, want...)
	}
	b.charge(t, b.user(t, elevate.RoleUser), b.courseID)

	var got []elevate.Payment
	params := elevate.ListPaymentsParams{UserID: b.userID, PageParams: elevate.PageParams{Limit: 2}}
	for {
		page, err := b.me.ListPayments(b.ctx, params)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Items), 2)
		got = append(got, page.Items...)
		if params.Cursor = page.Next; params.Cursor == "" {
			break
		}
	}
	require.Equal(t, want, got)

	_, err = b.as(b.user(t, elevate.RoleUser), elevate.RoleUser).ListPayments(b.ctx, elevate.ListPaymentsParams{UserID: b.userID})
	require.ErrorIs(t, err, elevate.ErrForbidden)
}

func TestStalePayments(t *testing.T) {
	t.Parallel()
	b := newPaymentBundle(t)
	age := func(payment elevate.Payment, seconds int) {
		b.exec(t, `UPDATE {s}.payments SET created_at = statement_timestamp() - $2::text::interval WHERE id = $1`,
			payment.ID, strconv.Itoa(seconds)+" seconds")
	}
	var want []uuid.UUID
	for i := range 5 {
		payment := b.charge(t, b.userID, b.courseID)
		age(payment, 7200-i/2)
		want = append(want, payment.ID)
	}
	b.exec(t, `UPDATE {s}.payments SET created_at = date_trunc('second', created_at)`)
	age(b.charge(t, b.userID, b.courseID), 1800)
	b.charge(t, b.userID, b.courseID)
	for _, kind := range []elevate.PaymentStatus{elevate.PaymentFailed, elevate.PaymentRefunded, elevate.PaymentSucceeded} {
		payment := b.charge(t, b.userID, b.courseID)
		age(payment, 7200)
		b.apply(t, eventOf(payment, kind))
	}

	var got []uuid.UUID
	params := elevate.StalePaymentsParams{Older: time.Hour, PageParams: elevate.PageParams{Limit: 2}}
	for {
		page, err := b.system.StalePayments(b.ctx, params)
		require.NoError(t, err)
		for _, payment := range page.Items {
			require.Equal(t, elevate.PaymentPending, payment.Status)
			require.Equal(t, b.userID, payment.UserID)
			got = append(got, payment.ID)
		}
		if params.Cursor = page.Next; params.Cursor == "" {
			break
		}
	}
	require.Equal(t, want, got)

	page, err := b.system.StalePayments(b.ctx, elevate.StalePaymentsParams{Older: 20 * time.Minute})
	require.NoError(t, err)
	require.Len(t, page.Items, 6)
	require.Empty(t, page.Next)
}
