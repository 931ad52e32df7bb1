package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/elevatetest"
)

var update = flag.Bool("update", false, "rewrite the golden output")

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
	require.ErrorContains(t, run(t.Context(), "", databaseName, &strings.Builder{}), "DATABASE_URL")
}
