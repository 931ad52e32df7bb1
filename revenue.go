package elevate

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// ReportPeriod is how long a time each line of a report is about.
type ReportPeriod string

// Periods of reports.
const (
	ByDay   ReportPeriod = "day"
	ByMonth ReportPeriod = "month"
)

// maxPeriods is how many periods one report has: more than ten years of days.
const maxPeriods = 4000

// RevenueReportParams says which money, from when to when.
type RevenueReportParams struct {
	// By is the length of the periods. Defaults to ByDay.
	By ReportPeriod

	// CourseID keeps to one course. Optional.
	CourseID uuid.UUID

	// From is the first moment of the report. A day or month that has begun before
	// is counted from here.
	From time.Time

	// InstructorID keeps to the courses that are a person's now. Optional; an
	// instructor who asks has only their own anyway.
	InstructorID uuid.UUID

	// To is the first moment after the report: at most 4,000 days or months from
	// From.
	To time.Time

	// Zone is where days and months begin: a name of the IANA time zone database,
	// "Europe/Rome". The program's copy of it counts, not the server's. Defaults to
	// "UTC".
	Zone string
}

// RevenueLine is what happened in one period in one currency. Amounts are in minor
// units.
type RevenueLine struct {
	// Start is when the day or month begins, in the zone of the report. That of the
	// first may be before From.
	Start time.Time

	Currency string

	// Payments are those that succeeded in the period.
	Payments int64

	// Gross is the sum of these payments. Refunded is what was given back in the
	// period, also of earlier payments. Net is the difference, and may be negative.
	Gross    int64
	Refunded int64
	Net      int64
}

// RevenueReport lists what was paid and given back by day or month and currency,
// the oldest first; periods without either have no line. Money counts when
// [Store.ApplyPaymentEvent] applied the provider's report of it, so what is past
// stays as it was reported. Where there is no such report, because another program
// wrote the payment, it counts as paid when it was made, and as given back at its
// last change. A payment whose refund was reported before its success also counts
// as paid when it was made. The actor is trusted, or an instructor, for their own
// courses.
//
// Errors: ErrForbidden, also for an instructor who names another; *ValidationError;
// ErrNotFound for an unknown course or instructor, for another instructor's course,
// and for a course that is not InstructorID's.
//
// Writes nothing: a replica serves it.
func (s *Store) RevenueReport(ctx context.Context, params RevenueReportParams) (lines []RevenueLine, err error) {
	defer wrap(&err, "revenue report")
	if err := s.actor.mayTeach(); err != nil {
		return nil, err
	}
	if !s.actor.trusted() {
		if params.InstructorID != uuid.Nil && params.InstructorID != s.actor.UserID {
			return nil, ErrForbidden
		}
		if params.CourseID == uuid.Nil {
			params.InstructorID = s.actor.UserID
		}
	}
	labels, starts, err := params.periods()
	if err != nil {
		return nil, err
	}
	rows, err := s.reader().RevenueRead(ctx, db.RevenueReadParams{
		Whole:        params.CourseID == uuid.Nil && params.InstructorID == uuid.Nil,
		CourseID:     someID(params.CourseID),
		InstructorID: someID(params.InstructorID),
		TeacherID:    s.actor.teacher(),
		Since:        params.From,
		Until:        params.To,
		Starts:       starts,
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNotFound
	}
	lines = make([]RevenueLine, 0, len(rows))
	for _, row := range rows {
		if row.Period == 0 {
			break
		}
		lines = append(lines, RevenueLine{
			Start:    labels[row.Period-1],
			Currency: row.Currency,
			Payments: row.Payments,
			Gross:    row.Gross,
			Refunded: row.Refunded,
			Net:      row.Gross - row.Refunded,
		})
	}
	return lines, nil
}

// periods is when each period begins, as it is shown and, cut to From, as the
// statement takes it. They are made here and not by the server, whose time zones
// may be others.
func (p RevenueReportParams) periods() (labels, starts []time.Time, err error) {
	if p.Zone == "Local" {
		return nil, nil, invalid("Zone", "is not a name of the IANA time zone database")
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return nil, nil, invalid("Zone", "is not a name of the IANA time zone database")
	}
	switch {
	case p.By != "" && p.By != ByDay && p.By != ByMonth:
		return nil, nil, invalid("By", "is no period")
	case p.From.IsZero() || !representable(p.From.UTC()) || !representable(p.From.In(zone)):
		return nil, nil, invalid("From", "is not a time of the years 1 to 9999")
	case p.To.IsZero() || !representable(p.To.UTC()) || !representable(p.To.In(zone)):
		return nil, nil, invalid("To", "is not a time of the years 1 to 9999")
	case !p.From.Before(p.To):
		return nil, nil, invalid("To", "is not after From")
	}
	year, month, day := p.From.In(zone).Date()
	if p.By == ByMonth {
		day = 1
	}
	for label := dayStart(year, month, day, zone); label.Before(p.To); label = dayStart(year, month, day, zone) {
		switch n := len(labels); {
		case n == maxPeriods:
			return nil, nil, invalid("To", "is too many periods after From")
		case n == 0:
			labels, starts = append(labels, label), append(starts, p.From)
		case label.After(labels[n-1]): // else a day that the zone has left out
			labels, starts = append(labels, label), append(starts, label)
		}
		if p.By == ByMonth {
			month++
		} else {
			day++
		}
	}
	return labels, starts, nil
}

// dayStart is the first moment of a day, which is not midnight where the clocks are
// set forward then, and the first of two midnights where they are set back. Of a day
// that there is not in the zone, it is that of the next.
func dayStart(year int, month time.Month, day int, zone *time.Location) time.Time {
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	at := time.Date(year, month, day, 0, 0, 0, 0, zone)
	begin, end := at.ZoneBounds()
	if wall(at).Before(date) {
		return end.In(zone)
	}
	if begin.IsZero() {
		return at
	}
	// Midnight by the clock that was set at begin, if it came to that.
	_, offset := begin.Add(-time.Nanosecond).Zone()
	earlier := date.Add(-time.Duration(offset) * time.Second).In(zone)
	switch {
	case earlier.Before(begin):
		return earlier
	case wall(begin.In(zone)).After(date):
		return begin.In(zone)
	default:
		return at
	}
}

// wall is what a clock in the time's zone shows, as a time of UTC.
func wall(at time.Time) time.Time {
	_, offset := at.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}
