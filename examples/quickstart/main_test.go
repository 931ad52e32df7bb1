package main

import (
	"context"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/elevatetest"
)

var update = flag.Bool("update", false, "rewrite the golden output")

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
		if *update {
			require.NoError(t, os.WriteFile("testdata/output.txt", []byte(got), 0o644))
		}
		want, err := os.ReadFile("testdata/output.txt")
		require.NoError(t, err)
		require.Equal(t, string(want), got)
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(context.WithoutCancel(t.Context()), "", &strings.Builder{}), "DATABASE_URL")
}
