package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/elevatetest"
	"github.com/elevateforhumanity/elevate/internal/golden"
)

// TestRun runs the whole program, twice on one database: an earlier run is no
// obstacle.
func TestRun(t *testing.T) {
	t.Parallel()
	db := elevatetest.New(t)
	for range 2 {
		var out strings.Builder
		require.NoError(t, run(t.Context(), db.URL, &out))
		golden.Require(t, "testdata/output.txt", out.String())
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(context.WithoutCancel(t.Context()), "", &strings.Builder{}), "DATABASE_URL")
}
