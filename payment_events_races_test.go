package elevate_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// halted is a transaction that stops once, in the middle of an operation: behind
// the first statements of its pipeline.
type halted struct {
	pgx.Tx

	statements int
	halt       func()
}

func (h *halted) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if h.halt == nil {
		return h.Tx.SendBatch(ctx, batch)
	}
	for _, query := range batch.QueuedQueries[:h.statements] {
		if _, err := h.Exec(ctx, query.SQL, query.Arguments...); err != nil {
			return &haltedResults{err: err}
		}
	}
	h.halt()
	h.halt = nil
	rest := &pgx.Batch{QueuedQueries: batch.QueuedQueries[h.statements:]}
	return &haltedResults{BatchResults: h.Tx.SendBatch(ctx, rest), done: h.statements}
}

// haltedResults are those of the rest, and first of the statements that were sent
// before.
type haltedResults struct {
	pgx.BatchResults

	done int
	err  error
}

func (r *haltedResults) Exec() (pgconn.CommandTag, error) {
	if r.err != nil || r.done > 0 {
		r.done--
		return pgconn.CommandTag{}, r.err
	}
	return r.BatchResults.Exec()
}

func (r *haltedResults) Close() error {
	if r.err != nil {
		return r.err
	}
	return r.BatchResults.Close()
}

// behindPaymentLock is how many statements ApplyPaymentEvent sends up to there in
// a caller's transaction: SAVEPOINT, ActorSetWithin, PaymentLock.
const behindPaymentLock = 3

func TestApplyPaymentEventRaces(t *testing.T) {
	t.Parallel()

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payments := []elevate.Payment{b.buy(t, b.userID, b.courseID)}
		for range 3 {
			b.exec(t, `UPDATE {s}.payments SET status = 'failed'`)
			payments = append(payments, b.charge(t, b.userID, b.courseID))
		}
		ids := make([]uuid.UUID, len(payments))
		for i, payment := range payments {
			ids[i] = payment.ID
		}
		slices.SortFunc(ids, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
		rows := []locked{{"users", b.userID}, {"courses", b.courseID}}
		for _, id := range ids {
			rows = append(rows, locked{"payments", id})
		}
		rows = append(rows, locked{"enrollments", b.enrollmentID(t, b.userID, b.courseID)})
		// A cent is refunded for each of the rows, and all for the last one.
		calls := 0
		b.locksInOrder(t, func(ctx context.Context) error {
			calls++
			event := eventOf(payments[2], elevate.PaymentRefunded)
			if calls < len(rows) {
				event.RefundedAmount = 1
			}
			_, err := b.system.ApplyPaymentEvent(ctx, event)
			return err
		}, rows...)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
	})

	// Each refund would see the other payment as paid, if it locked its own alone.
	t.Run("RefundsOfTwo", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		one, two := b.charge(t, b.userID, b.courseID), b.charge(t, b.userID, b.courseID)
		b.apply(t, eventOf(one, elevate.PaymentSucceeded))
		b.apply(t, eventOf(two, elevate.PaymentSucceeded))
		tx := b.begin(t)
		first, err := b.system.WithTx(tx).ApplyPaymentEvent(b.ctx, eventOf(one, elevate.PaymentRefunded))
		require.NoError(t, err)
		require.False(t, first.Unenrolled)
		var second elevate.ApplyPaymentEventResult
		done := make(chan error, 1)
		go func() {
			var err error
			second, err = b.system.ApplyPaymentEvent(context.WithoutCancel(b.ctx), eventOf(two, elevate.PaymentRefunded))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.True(t, second.Unenrolled)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
	})

	// Two refunds and the learner at once, on one payment or two, in many rounds.
	// Whoever wins: no access without a payment, and none lost with one.
	t.Run("RefundsAndEnrollManyTimes", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		pool := b.wide(t)
		system := b.on(t, pool).As(elevate.System("test"))
		for round := range 200 {
			userID := b.user(t, elevate.RoleUser)
			me := b.on(t, pool).As(elevate.Actor{UserID: userID, Role: elevate.RoleUser})
			one, two := b.charge(t, userID, b.courseID), b.charge(t, userID, b.courseID)
			b.apply(t, eventOf(one, elevate.PaymentSucceeded))
			// Of the second payment the success comes before, meanwhile with the
			// refund, or there is no refund.
			events := []elevate.PaymentEvent{eventOf(one, elevate.PaymentRefunded)}
			switch round % 3 {
			case 0:
				b.apply(t, eventOf(two, elevate.PaymentSucceeded))
				events = append(events, eventOf(two, elevate.PaymentRefunded))
			case 1:
				events = append(events, eventOf(two, elevate.PaymentSucceeded), eventOf(two, elevate.PaymentRefunded))
			default:
				events = append(events, eventOf(two, elevate.PaymentSucceeded))
			}
			if round%2 == 0 {
				_, err := b.system.Unenroll(b.ctx, elevate.UnenrollParams{UserID: userID, CourseID: b.courseID})
				require.NoError(t, err)
			}
			require.NoError(t, race(len(events)+2, func(i int) error {
				if i < len(events) {
					_, err := system.ApplyPaymentEvent(b.ctx, events[i])
					return err
				}
				_, err := me.Enroll(b.ctx, userID, b.courseID)
				if err != nil && !errors.Is(err, elevate.ErrPaymentRequired) {
					return err
				}
				return nil
			}))
			paid := b.count(t, `SELECT count(*) FROM {s}.payments WHERE user_id = $1 AND status = 'succeeded'`, userID)
			require.Equal(t, paid > 0, b.enrolled(t, userID, b.courseID) != "", "round %d: %d paid", round, paid)
		}
	})

	// A completion in flight wins over the refund that waits for it.
	t.Run("RefundWaitsForCompletion", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.buy(t, b.userID, b.courseID)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).CompleteLesson(b.ctx, b.userID, b.lessons[1], 0)
		require.NoError(t, err)
		var result elevate.ApplyPaymentEventResult
		done := make(chan error, 1)
		go func() {
			var err error
			result, err = b.system.ApplyPaymentEvent(context.WithoutCancel(b.ctx), eventOf(payment, elevate.PaymentRefunded))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.False(t, result.Unenrolled)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE completed_at IS NOT NULL`))
	})

	t.Run("RefundWaitsForGrant", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.buy(t, b.userID, b.courseID)
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).GrantEnrollment(b.ctx, elevate.GrantEnrollmentParams{
			UserID: b.userID, CourseID: b.courseID, Source: "scholarship",
		})
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.system.ApplyPaymentEvent(context.WithoutCancel(b.ctx), eventOf(payment, elevate.PaymentRefunded))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, "scholarship", b.enrolled(t, b.userID, b.courseID))
	})

	// Lessons that come and go while the success waits for them are counted once.
	t.Run("SuccessWaitsForLessons", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		b.complete(t, b.userID, b.lessons[0])
		tx := b.begin(t)
		require.NoError(t, b.system.WithTx(tx).DeleteLesson(b.ctx, b.lessons[0]))
		done := make(chan error, 1)
		go func() {
			_, err := b.system.ApplyPaymentEvent(context.WithoutCancel(b.ctx), eventOf(payment, elevate.PaymentSucceeded))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.enrollments
			WHERE completed_at IS NULL AND progress = 0 AND lessons_completed = 0 AND lessons_total = 1`))
		require.Zero(t, b.drift(t))
	})

	t.Run("SuccessWaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := b.charge(t, b.userID, b.courseID)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.userID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.system.ApplyPaymentEvent(context.WithoutCancel(b.ctx), eventOf(payment, elevate.PaymentSucceeded))
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
	})

	// What the lock has not found, it has not waited for: the operation is sent
	// again. Else it would undo the refund that it then meets.
	t.Run("PaymentMadeBehindTheLock", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		payment := elevate.Payment{ID: uuid.New(), Amount: 4900, Currency: "USD"}
		reached, goOn := make(chan struct{}), make(chan struct{})
		tx := &halted{Tx: b.begin(t), statements: behindPaymentLock, halt: func() {
			close(reached)
			<-goOn
		}}
		var result elevate.ApplyPaymentEventResult
		done := make(chan error, 1)
		go func() {
			var err error
			result, err = b.system.WithTx(tx).ApplyPaymentEvent(b.ctx, eventOf(payment, elevate.PaymentSucceeded))
			done <- err
		}()
		<-reached
		b.exec(t, `INSERT INTO {s}.payments (id, user_id, course_id, amount, status) VALUES ($1, $2, $3, 4900, 'pending')`,
			payment.ID, b.userID, b.courseID)
		refund := b.begin(t)
		_, err := b.system.WithTx(refund).ApplyPaymentEvent(b.ctx, eventOf(payment, elevate.PaymentRefunded))
		require.NoError(t, err)
		close(goOn)
		b.waitUntilBlocked(t, 1)
		require.NoError(t, refund.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, elevate.PaymentEventIgnored, result.Outcome)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, "refunded", scan[string](t, b.testBundle, `SELECT status::text FROM {s}.payments`))
		require.Empty(t, b.enrolled(t, b.userID, b.courseID))
	})

	// Two payments get one reference at once: the second is told so, and gets none
	// when it comes again.
	t.Run("OneReferenceForTwo", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		other, _ := b.course(t, courseSeed{lessons: 1, price: 100, published: true})
		one := eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentSucceeded)
		two := eventOf(b.charge(t, b.userID, other), elevate.PaymentSucceeded)
		one.Reference, two.Reference = "pi_1", "pi_1"
		first := b.begin(t)
		_, err := b.system.WithTx(first).ApplyPaymentEvent(b.ctx, one)
		require.NoError(t, err)
		second := b.begin(t)
		done := make(chan error, 1)
		go func() {
			_, err := b.system.WithTx(second).ApplyPaymentEvent(context.WithoutCancel(b.ctx), two)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, first.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictRaced})
		usable(t, second)
		result, err := b.system.WithTx(second).ApplyPaymentEvent(b.ctx, two)
		require.NoError(t, err)
		require.True(t, result.Enrolled)
		require.Empty(t, result.Payment.Reference)
		require.NoError(t, second.Commit(b.ctx))
	})

	// Events of two payments have the same id at once: one is stored.
	t.Run("OneIDForTwo", func(t *testing.T) {
		t.Parallel()
		b := newPaymentBundle(t)
		other, _ := b.course(t, courseSeed{lessons: 1, price: 4900, published: true})
		one := eventOf(b.charge(t, b.userID, b.courseID), elevate.PaymentSucceeded)
		two := eventOf(b.charge(t, b.userID, other), elevate.PaymentSucceeded)
		two.EventID = one.EventID
		tx := b.begin(t)
		_, err := b.system.WithTx(tx).ApplyPaymentEvent(b.ctx, one)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.system.ApplyPaymentEvent(context.WithoutCancel(b.ctx), two)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		requireConflict(t, <-done, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
		require.Empty(t, b.enrolled(t, b.userID, other))
	})
}
