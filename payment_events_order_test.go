package elevate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/elevateforhumanity/elevate"
)

// report is an event of the first or the second payment of a learner.
type report struct {
	payment  int
	kind     elevate.PaymentStatus
	refunded int32
}

func (r report) String() string {
	return fmt.Sprintf("%s %d of %d", r.kind, r.refunded, r.payment+1)
}

// orderAmount is what each of the payments is for.
const orderAmount = 100

func failed(payment int) report    { return report{payment, elevate.PaymentFailed, 0} }
func succeeded(payment int) report { return report{payment, elevate.PaymentSucceeded, 0} }
func refunded(payment int, amount int32) report {
	return report{payment, elevate.PaymentRefunded, amount}
}

// standing is where a learner and two payments have come to.
type standing struct {
	payments string // status and refunded amount of each
	source   string // of the enrollment; empty without one
	events   int    // stored
}

// expected is where the reports lead, by the rules alone: each payment to the
// greatest status that was proven, and the learner into the course as long as one
// of them is succeeded, or a grant is there.
func expected(reports []report, granted string) standing {
	rank := map[elevate.PaymentStatus]int{
		elevate.PaymentPending: 0, elevate.PaymentFailed: 1, elevate.PaymentSucceeded: 2, elevate.PaymentRefunded: 3,
	}
	status := [2]elevate.PaymentStatus{elevate.PaymentPending, elevate.PaymentPending}
	var amount [2]int32
	distinct := map[report]bool{}
	for _, r := range reports {
		proven := r.kind
		if proven == elevate.PaymentRefunded && r.refunded < orderAmount {
			proven = elevate.PaymentSucceeded
		}
		if rank[proven] > rank[status[r.payment]] {
			status[r.payment] = proven
		}
		amount[r.payment] = max(amount[r.payment], r.refunded)
		distinct[r] = true
	}
	s := standing{
		payments: fmt.Sprintf("%s %d, %s %d", status[0], amount[0], status[1], amount[1]),
		source:   granted,
		events:   len(distinct),
	}
	if granted == "" && slices.Contains(status[:], elevate.PaymentSucceeded) {
		s.source = "payment"
	}
	return s
}

// deliveries are a course, and how many learners and events it has seen.
type deliveries struct {
	*testBundle

	courseID         uuid.UUID
	learners, events atomic.Int64
}

func newDeliveries(t *testing.T) *deliveries {
	t.Helper()
	d := &deliveries{testBundle: newBundle(t)}
	d.courseID, _ = d.course(t, courseSeed{lessons: 1, price: orderAmount, published: true})
	return d
}

// deliver applies the reports to two payments of a new learner, in this order, or
// by several workers at once. Equal reports are one event that comes again. It
// returns where that has led, and how often the learner was told.
func (d *deliveries) deliver(
	ctx context.Context, reports []report, granted string, workers int,
) (end standing, notices int, err error) {
	userID := uuid.Must(uuid.NewV7())
	payments := []uuid.UUID{uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())}
	_, err = d.pool.Exec(ctx, d.sql(`WITH u AS (
			INSERT INTO {s}.users (id, email, password_hash, name, role)
			VALUES ($1, $2, '!', 'Ada', 'user') RETURNING id
		)
		INSERT INTO {s}.payments (id, user_id, course_id, amount, status)
		SELECT x.id, u.id, $3, $4, 'pending' FROM u CROSS JOIN unnest($5::uuid[]) AS x (id)`),
		userID, userID.String()+"@example.org", d.courseID, orderAmount, payments)
	if err != nil {
		return standing{}, 0, err
	}
	if granted != "" {
		_, err := d.system.GrantEnrollment(ctx, elevate.GrantEnrollmentParams{
			UserID: userID, CourseID: d.courseID, Source: granted,
		})
		if err != nil {
			return standing{}, 0, err
		}
	}
	err = race(workers, func(worker int) error {
		for i := worker; i < len(reports); i += workers {
			r := reports[i]
			_, err := d.system.ApplyPaymentEvent(ctx, elevate.PaymentEvent{
				Amount: orderAmount, Currency: "USD", EventID: r.String() + userID.String(), Kind: r.kind,
				PaymentID: payments[r.payment], Provider: "stripe", RefundedAmount: r.refunded,
			})
			if err != nil {
				return fmt.Errorf("%s: %w", r, err)
			}
		}
		return nil
	})
	if err != nil {
		return standing{}, 0, err
	}
	d.learners.Add(1)
	d.events.Add(int64(len(reports)))
	err = d.pool.QueryRow(ctx, d.sql(`SELECT
			(SELECT string_agg(x.status || ' ' || x.refunded_amount, ', ' ORDER BY x.id) FROM {s}.payments AS x WHERE x.user_id = $1),
			coalesce((SELECT e.source FROM {s}.enrollments AS e WHERE e.user_id = $1), ''),
			(SELECT count(*) FROM {s}.payment_events AS v WHERE v.payment_id = ANY ($2)),
			(SELECT count(*) FROM {s}.notifications AS n WHERE n.user_id = $1 AND n.type = 'enrolled')`),
		userID, payments).Scan(&end.payments, &end.source, &end.events, &notices)
	return end, notices, err
}

// checkNotices checks what holds of notices in any order. How many there are
// depends on it: a payment whose refund comes first has enrolled nobody.
func checkNotices(t require.TestingT, end standing, notices int) {
	most := strings.Count(end.payments, "succeeded") + strings.Count(end.payments, "refunded")
	least := min(1, strings.Count(end.payments, "succeeded"))
	require.LessOrEqual(t, notices, most)
	require.GreaterOrEqual(t, notices, least)
}

// drawReports draws what happens to a payment, in the order in which it happens.
func drawReports(t *rapid.T, payment int) []report {
	var reports []report
	draw := func(what string) bool { return rapid.Bool().Draw(t, fmt.Sprintf("%s %d", what, payment+1)) }
	if draw("pending") {
		reports = append(reports, report{payment, elevate.PaymentPending, 0})
	}
	if draw("failed") {
		reports = append(reports, failed(payment))
	}
	if !draw("succeeded") {
		return reports
	}
	reports = append(reports, succeeded(payment))
	for _, amount := range []int32{1, 50, 99} {
		if draw(fmt.Sprintf("refunded %d", amount)) {
			reports = append(reports, refunded(payment, amount))
		}
	}
	if draw("refunded") {
		reports = append(reports, refunded(payment, orderAmount))
	}
	return reports
}

// merge draws one history of two, each in its order.
func merge(t *rapid.T, one, two []report) []report {
	var merged []report
	for len(one) > 0 && len(two) > 0 {
		if rapid.Bool().Draw(t, "the first is next") {
			merged, one = append(merged, one[0]), one[1:]
		} else {
			merged, two = append(merged, two[0]), two[1:]
		}
	}
	return slices.Concat(merged, one, two)
}

func TestPaymentEventsInAnyOrder(t *testing.T) {
	t.Parallel()

	// A history as it happened, and as a provider may deliver it: late, again, in
	// another order, several at once.
	t.Run("Drawn", func(t *testing.T) {
		t.Parallel()
		d := newDeliveries(t)
		checks := 0
		rapid.Check(t, func(t *rapid.T) {
			history := merge(t, drawReports(t, 0), drawReports(t, 1))
			granted := rapid.SampledFrom([]string{"", "", "", "scholarship"}).Draw(t, "granted")
			end, notices, err := d.deliver(d.ctx, history, granted, 1)
			require.NoError(t, err)
			require.Equal(t, expected(history, granted), end, "in order: %v", history)
			if granted == "" {
				checkNotices(t, end, notices)
			}

			if len(history) == 0 {
				return
			}
			again := rapid.SliceOfN(rapid.SampledFrom(history), 0, 4).Draw(t, "again")
			delivered := rapid.Permutation(slices.Concat(history, again)).Draw(t, "delivered")
			workers := rapid.IntRange(1, 4).Draw(t, "workers")
			other, notices, err := d.deliver(d.ctx, delivered, granted, workers)
			require.NoError(t, err)
			require.Equal(t, end, other, "by %d workers: %v", workers, delivered)
			if granted == "" {
				checkNotices(t, other, notices)
			}

			// Half of it is on its way for ever.
			arrived := delivered[:len(delivered)/2]
			part, _, err := d.deliver(d.ctx, arrived, granted, workers)
			require.NoError(t, err)
			require.Equal(t, expected(arrived, granted), part, "by %d workers: %v", workers, arrived)
			checks++
		})
		t.Logf("%d checks, %d learners, %d events", checks, d.learners.Load(), d.events.Load())
		require.Zero(t, d.drift(t))
	})

	// Every order of every short history.
	t.Run("Exhaustive", func(t *testing.T) {
		t.Parallel()
		d := newDeliveries(t)
		for _, history := range shortHistories() {
			want := expected(history, "")
			permute(history, func(delivered []report) {
				end, notices, err := d.deliver(d.ctx, delivered, "", 1)
				require.NoError(t, err)
				require.Equal(t, want, end, "%v", delivered)
				checkNotices(t, end, notices)
			})
		}
		t.Logf("%d histories, %d orders, %d events", len(shortHistories()), d.learners.Load(), d.events.Load())
		require.Zero(t, d.drift(t))
	})
}

// shortHistories are those of at most four events, and some of five.
func shortHistories() [][]report {
	of := func(payment int) [][]report {
		return [][]report{
			{},
			{failed(payment)},
			{succeeded(payment)},
			{failed(payment), succeeded(payment)},
			{succeeded(payment), refunded(payment, 50)},
			{succeeded(payment), refunded(payment, orderAmount)},
			{succeeded(payment), refunded(payment, 50), refunded(payment, orderAmount)},
			{failed(payment), succeeded(payment), refunded(payment, orderAmount)},
			// The success was never delivered.
			{refunded(payment, 50)},
			{failed(payment), refunded(payment, orderAmount)},
		}
	}
	var histories [][]report
	for i, one := range of(0) {
		for _, two := range of(1)[:i+1] { // the other way round is the same
			if history := slices.Concat(one, two); len(history) <= 4 {
				histories = append(histories, history)
			}
		}
	}
	return append(histories,
		[]report{failed(0), succeeded(0), refunded(0, 1), refunded(0, 50), refunded(0, orderAmount)},
		[]report{succeeded(0), refunded(0, 50), refunded(0, orderAmount), succeeded(1), refunded(1, orderAmount)},
		[]report{failed(0), succeeded(0), refunded(0, orderAmount), failed(1), succeeded(1)},
	)
}

// permute calls do with every order of the items.
func permute(items []report, do func([]report)) {
	var from func(k int)
	from = func(k int) {
		if k == len(items) {
			do(items)
			return
		}
		for i := k; i < len(items); i++ {
			items[k], items[i] = items[i], items[k]
			from(k + 1)
			items[k], items[i] = items[i], items[k]
		}
	}
	from(0)
}
