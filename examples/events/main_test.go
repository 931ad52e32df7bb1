package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/elevatetest"
)

var update = flag.Bool("update", false, "rewrite the golden output")

// TestRun runs the whole program, twice on one database: an earlier run is no
// obstacle.
func TestRun(t *testing.T) {
	t.Parallel()
	db := elevatetest.New(t)
	for range 2 {
		var out strings.Builder
		require.NoError(t, run(t.Context(), db.URL, &out))
		if *update {
			require.NoError(t, os.WriteFile("testdata/output.txt", []byte(out.String()), 0o644))
		}
		want, err := os.ReadFile("testdata/output.txt")
		require.NoError(t, err)
		require.Equal(t, string(want), out.String())
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(context.WithoutCancel(t.Context()), "", &strings.Builder{}), "DATABASE_URL")
}
