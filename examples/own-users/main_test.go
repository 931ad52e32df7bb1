package main

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/elevatetest"
	"github.com/elevateforhumanity/elevate/internal/golden"
)

// TestRun checks everything that the program prints, twice: an earlier run is no
// obstacle.
func TestRun(t *testing.T) {
	t.Parallel()
	server := elevatetest.New(t)
	name := databaseName + "_" + uuid.NewString()[:8]
	t.Cleanup(func() {
		_, err := server.Pool.Exec(context.WithoutCancel(t.Context()),
			"DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize())
		require.NoError(t, err)
	})
	for range 2 {
		var out strings.Builder
		require.NoError(t, run(t.Context(), server.URL, name, &out))
		golden.Require(t, "testdata/output.txt", out.String())
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), "", databaseName, &strings.Builder{}), "DATABASE_URL")
}
