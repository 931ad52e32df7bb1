package elevate_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestRevenueReport(t *testing.T) {
	t.Parallel()

	at := func(value string) time.Time {
		t.Helper()
		parsed, err := time.Parse(time.RFC3339, value)
		require.NoError(t, err)
		return parsed
	}
	year := elevate.RevenueReportParams{
		By: elevate.ByMonth, From: at("2025-01-01T00:00:00Z"), To: at("2026-01-01T00:00:00Z"),
	}
	// payment is one as another program wrote it.
	payment := func(t *testing.T, b *reportBundle, made, changed string, amount, refunded int) uuid.UUID {
		t.Helper()
		return scan[uuid.UUID](t, b.testBundle, `INSERT INTO {s}.payments
			(user_id, course_id, amount, currency, status, refunded_amount, created_at, updated_at)
			VALUES ($1, $2, $3, 'EUR', 'succeeded', $4, $5, $6) RETURNING id`,
			b.teacherID, b.courseID, amount, refunded, at(made), at(changed))
	}
	event := func(t *testing.T, b *reportBundle, id uuid.UUID, kind string, refunded int, received, outcome string) {
		t.Helper()
		b.exec(t, `INSERT INTO {s}.payment_events
			(provider, event_id, payment_id, kind, amount, currency, refunded_amount, outcome, received_at)
			VALUES ('test', gen_random_uuid()::text, $1, $2::text::{s}.payment_status, 0, 'EUR', $3, $4, $5)`,
			id, kind, refunded, outcome, at(received))
	}
	line := func(start time.Time, payments, gross, refunded int64) elevate.RevenueLine {
		return elevate.RevenueLine{
			Start: start, Currency: "EUR", Payments: payments, Gross: gross, Refunded: refunded, Net: gross - refunded,
		}
	}

	t.Run("CountsWhenReported", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		id := payment(t, b, "2025-01-31T23:00:00Z", "2025-06-01T00:00:00Z", 1000, 700)
		event(t, b, id, "succeeded", 0, "2025-02-01T00:10:00Z", "applied")
		event(t, b, id, "succeeded", 0, "2025-07-01T00:00:00Z", "ignored")
		event(t, b, id, "refunded", 300, "2025-03-05T00:00:00Z", "applied")
		event(t, b, id, "refunded", 900, "2025-04-05T00:00:00Z", "quarantined")
		event(t, b, id, "refunded", 700, "2025-05-05T00:00:00Z", "applied")
		for name, params := range map[string]elevate.RevenueReportParams{
			"All":        year,
			"Course":     {By: year.By, From: year.From, To: year.To, CourseID: b.courseID},
			"Instructor": {By: year.By, From: year.From, To: year.To, InstructorID: b.teacherID},
			"Both":       {By: year.By, From: year.From, To: year.To, CourseID: b.courseID, InstructorID: b.teacherID},
		} {
			lines, err := b.system.RevenueReport(b.ctx, params)
			require.NoError(t, err, name)
			require.Equal(t, []elevate.RevenueLine{
				line(at("2025-02-01T00:00:00Z"), 1, 1000, 0),
				line(at("2025-03-01T00:00:00Z"), 0, 0, 300),
				line(at("2025-05-01T00:00:00Z"), 0, 0, 400),
			}, lines, name)
		}
		lines, err := b.teacher.RevenueReport(b.ctx, year)
		require.NoError(t, err)
		require.Len(t, lines, 3)
	})

	t.Run("OfOtherPrograms", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		payment(t, b, "2025-01-31T23:00:00Z", "2025-06-03T00:00:00Z", 1000, 0)
		payment(t, b, "2025-02-02T00:00:00Z", "2025-06-03T00:00:00Z", 500, 200)
		status := payment(t, b, "2025-02-03T00:00:00Z", "2025-07-03T00:00:00Z", 50, 0)
		b.exec(t, `UPDATE {s}.payments SET status = 'refunded' WHERE id = $1`, status)
		// A refund that was reported, of a payment that was not; and more than that.
		both := payment(t, b, "2025-02-04T00:00:00Z", "2025-09-03T00:00:00Z", 100, 90)
		event(t, b, both, "refunded", 80, "2025-08-03T00:00:00Z", "applied")
		for _, params := range []elevate.RevenueReportParams{
			year, {By: year.By, From: year.From, To: year.To, CourseID: b.courseID},
		} {
			lines, err := b.system.RevenueReport(b.ctx, params)
			require.NoError(t, err)
			require.Equal(t, []elevate.RevenueLine{
				line(at("2025-01-01T00:00:00Z"), 1, 1000, 0),
				line(at("2025-02-01T00:00:00Z"), 3, 650, 0),
				line(at("2025-06-01T00:00:00Z"), 0, 0, 200),
				line(at("2025-07-01T00:00:00Z"), 0, 0, 50),
				line(at("2025-08-01T00:00:00Z"), 0, 0, 80),
				line(at("2025-09-01T00:00:00Z"), 0, 0, 10),
			}, lines)
		}
	})

	t.Run("AsItHappens", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.exec(t, `UPDATE {s}.courses SET price = 900 WHERE id = $1`, b.courseID)
		for i, kind := range []elevate.PaymentStatus{
			elevate.PaymentSucceeded, elevate.PaymentFailed, elevate.PaymentPending, elevate.PaymentRefunded,
		} {
			userID := b.user(t, elevate.RoleUser)
			made, err := b.system.CreatePayment(b.ctx, elevate.CreatePaymentParams{
				UserID: userID, CourseID: b.courseID, IdempotencyKey: "order",
			})
			require.NoError(t, err)
			report := elevate.PaymentEvent{
				Provider: "test", EventID: uuid.NewString(), PaymentID: made.Payment.ID, Kind: kind,
				Amount: 900, Currency: "USD",
			}
			if kind == elevate.PaymentRefunded {
				report.RefundedAmount = 900
			}
			_, err = b.system.ApplyPaymentEvent(b.ctx, report)
			require.NoError(t, err, i)
		}
		lines, err := b.system.RevenueReport(b.ctx, elevate.RevenueReportParams{
			From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), By: elevate.ByMonth,
		})
		require.NoError(t, err)
		var got elevate.RevenueLine
		for _, line := range lines { // two, if the month has just turned
			got.Payments += line.Payments
			got.Gross += line.Gross
			got.Refunded += line.Refunded
			got.Net += line.Net
		}
		require.Equal(t, elevate.RevenueLine{Payments: 2, Gross: 1800, Refunded: 900, Net: 900}, got)
	})

	// A report that waited in a long transaction is dated before one that was applied
	// meanwhile; the payment's last change is still the later of the two.
	t.Run("ReportFromAnOlderTransaction", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.exec(t, `UPDATE {s}.courses SET price = 900 WHERE id = $1`, b.courseID)
		userID := b.user(t, elevate.RoleUser)
		made, err := b.system.CreatePayment(b.ctx, elevate.CreatePaymentParams{
			UserID: userID, CourseID: b.courseID, IdempotencyKey: "order",
		})
		require.NoError(t, err)
		refund := func(s *elevate.Store, amount int32) {
			t.Helper()
			_, err := s.ApplyPaymentEvent(b.ctx, elevate.PaymentEvent{
				Provider: "test", EventID: uuid.NewString(), PaymentID: made.Payment.ID, Kind: elevate.PaymentRefunded,
				Amount: 900, Currency: "USD", RefundedAmount: amount,
			})
			require.NoError(t, err)
		}
		tx := b.begin(t)
		_, err = tx.Exec(b.ctx, `SELECT now()`)
		require.NoError(t, err)
		since := scan[time.Time](t, b.testBundle, `SELECT clock_timestamp()`)
		refund(b.system, 300)
		refund(b.system.WithTx(tx), 500)
		require.NoError(t, tx.Commit(b.ctx))
		for _, params := range []elevate.RevenueReportParams{
			{From: since, To: since.Add(time.Minute)},
			{From: since, To: since.Add(time.Minute), CourseID: b.courseID},
			{From: since, To: since.Add(time.Minute), InstructorID: b.teacherID},
		} {
			lines, err := b.system.RevenueReport(b.ctx, params)
			require.NoError(t, err)
			require.Len(t, lines, 1)
			require.EqualValues(t, 300, lines[0].Refunded)
		}
	})

	// A report is not from before its payment was made either.
	t.Run("PaymentYoungerThanTheTransaction", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.exec(t, `UPDATE {s}.courses SET price = 900 WHERE id = $1`, b.courseID)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, `SELECT now()`)
		require.NoError(t, err)
		between := scan[time.Time](t, b.testBundle, `SELECT clock_timestamp()`)
		made, err := b.system.CreatePayment(b.ctx, elevate.CreatePaymentParams{
			UserID: b.user(t, elevate.RoleUser), CourseID: b.courseID, IdempotencyKey: "order",
		})
		require.NoError(t, err)
		_, err = b.system.WithTx(tx).ApplyPaymentEvent(b.ctx, elevate.PaymentEvent{
			Provider: "test", EventID: "paid", PaymentID: made.Payment.ID, Kind: elevate.PaymentSucceeded,
			Amount: 900, Currency: "USD",
		})
		require.NoError(t, err)
		require.NoError(t, tx.Commit(b.ctx))
		for _, params := range []elevate.RevenueReportParams{
			{}, {CourseID: b.courseID}, {InstructorID: b.teacherID},
		} {
			params.From, params.To = between.Add(-time.Minute), between
			lines, err := b.system.RevenueReport(b.ctx, params)
			require.NoError(t, err)
			require.Empty(t, lines)
			params.From, params.To = between, between.Add(time.Minute)
			lines, err = b.system.RevenueReport(b.ctx, params)
			require.NoError(t, err)
			require.Len(t, lines, 1)
			require.EqualValues(t, 900, lines[0].Gross)
		}
	})

	t.Run("InItsZone", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		rome, err := time.LoadLocation("Europe/Rome")
		require.NoError(t, err)
		for _, made := range []string{
			"2025-03-28T22:59:59Z", // before From
			"2025-03-29T22:59:59Z", // the 29th in Rome
			"2025-03-29T23:00:00Z", // the 30th, which has 23 hours
			"2025-03-30T21:59:59Z",
			"2025-03-30T22:00:00Z", // the 31st
			"2025-03-31T10:00:00Z", // To
		} {
			payment(t, b, made, made, 1, 0)
		}
		lines, err := b.system.RevenueReport(b.ctx, elevate.RevenueReportParams{
			From: at("2025-03-29T10:00:00Z"), To: at("2025-03-31T10:00:00Z"), Zone: "Europe/Rome",
		})
		require.NoError(t, err)
		require.Equal(t, []elevate.RevenueLine{
			line(time.Date(2025, 3, 29, 0, 0, 0, 0, rome), 1, 1, 0),
			line(time.Date(2025, 3, 30, 0, 0, 0, 0, rome), 2, 2, 0),
			line(time.Date(2025, 3, 31, 0, 0, 0, 0, rome), 1, 1, 0),
		}, lines)
	})

	t.Run("SortsCurrencies", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		for _, currency := range []string{"USD", "CHF", "EUR"} {
			id := payment(t, b, "2025-03-01T00:00:00Z", "2025-03-01T00:00:00Z", 1, 0)
			b.exec(t, `UPDATE {s}.payments SET currency = $2 WHERE id = $1`, id, currency)
		}
		lines, err := b.system.RevenueReport(b.ctx, year)
		require.NoError(t, err)
		require.Len(t, lines, 3)
		for i, currency := range []string{"CHF", "EUR", "USD"} {
			require.Equal(t, currency, lines[i].Currency)
		}
	})

	t.Run("OnlyTheirs", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		payment(t, b, "2025-03-01T00:00:00Z", "2025-03-01T00:00:00Z", 1, 0)
		rivalID := b.user(t, elevate.RoleInstructor)
		rival := b.as(rivalID, elevate.RoleInstructor)
		lines, err := rival.RevenueReport(b.ctx, year)
		require.NoError(t, err)
		require.Equal(t, []elevate.RevenueLine{}, lines)
		theirs := year
		theirs.InstructorID = b.teacherID
		_, err = rival.RevenueReport(b.ctx, theirs)
		require.ErrorIs(t, err, elevate.ErrForbidden)
		theirs = year
		theirs.CourseID = b.courseID
		_, err = rival.RevenueReport(b.ctx, theirs)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})
}
