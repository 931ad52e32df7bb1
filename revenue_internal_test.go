package elevate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A day begins at the first moment that is not of an earlier date.
func TestDayStart(t *testing.T) {
	t.Parallel()

	for _, name := range []string{
		"UTC", "Europe/Rome", "America/New_York", "Canada/Newfoundland", "Asia/Kathmandu", "Australia/Lord_Howe",
		"America/Sao_Paulo", // no midnight on some days
		"America/Havana",    // two midnights on some days
		"Atlantic/Azores", "Asia/Beirut",
		"Pacific/Apia",      // no 30 December 2011
		"Pacific/Kwajalein", // no 21 August 1993
	} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		last := dayStart(1990, 1, 0, zone)
		for day := 1; day <= 15000; day++ {
			date := time.Date(1990, 1, day, 0, 0, 0, 0, time.UTC)
			start := dayStart(1990, 1, day, zone)
			require.False(t, start.Before(last), "%s: %s", name, start)
			require.Equal(t, zone, start.Location())
			require.False(t, wall(start).Before(date), "%s: %s is before the day", name, start)
			require.True(t, wall(start.Add(-time.Nanosecond).In(zone)).Before(date), "%s: %s is not the first", name, start)
			last = start
		}
	}
}

func TestRevenueReportPeriods(t *testing.T) {
	t.Parallel()

	apia, err := time.LoadLocation("Pacific/Apia")
	require.NoError(t, err)
	labels, starts, err := RevenueReportParams{
		From: time.Date(2011, 12, 28, 5, 0, 0, 0, apia), To: time.Date(2012, 1, 1, 0, 0, 0, 0, apia), Zone: "Pacific/Apia",
	}.periods()
	require.NoError(t, err)
	days := make([]int, len(labels))
	for i, label := range labels {
		days[i] = label.Day()
	}
	require.Equal(t, []int{28, 29, 31}, days)
	require.Equal(t, 5, starts[0].Hour(), "cut to From")
	require.Equal(t, labels[1:], starts[1:])

	labels, _, err = RevenueReportParams{
		By: ByMonth, From: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC), To: time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC),
	}.periods()
	require.NoError(t, err)
	require.Equal(t, []time.Time{
		time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
	}, labels)
}
