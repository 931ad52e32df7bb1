package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/elevatetest"
	"github.com/elevateforhumanity/elevate/internal/golden"
)

var certificateNumber = regexp.MustCompile(`number: [0-9A-Z-]{35}`)

// TestRun checks everything that the tutorial prints, twice on one database: an
// earlier run is no obstacle.
func TestRun(t *testing.T) {
	t.Parallel()
	db := elevatetest.New(t)
	for range 2 {
		var out strings.Builder
		require.NoError(t, run(t.Context(), db.URL, &out))
		got := certificateNumber.ReplaceAllString(out.String(), "number: (35 characters)")
		golden.Require(t, "testdata/output.txt", got)
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(context.WithoutCancel(t.Context()), "", &strings.Builder{}), "DATABASE_URL")
}
