package schema_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/schema"
)

// TestExport runs the files as each tool does: one simple query a file and
// direction, in a transaction.
func TestExport(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	// split takes a file apart into its directions, the way the tool does.
	split := map[schema.Format]func(t *testing.T, name, content string) (up, down string){
		schema.FormatGolangMigrate: byFileName,
		schema.FormatGoose: func(t *testing.T, _, content string) (string, string) {
			t.Helper()
			up, down, found := strings.Cut(content, "-- +goose Down\n")
			require.True(t, found)
			up, found = strings.CutPrefix(up, "-- +goose Up\n")
			require.True(t, found)
			for _, part := range []string{up, down} {
				require.Equal(t, 1, strings.Count(part, "-- +goose StatementBegin\n"))
				require.Equal(t, 1, strings.Count(part, "-- +goose StatementEnd\n"))
			}
			return up, down
		},
		schema.FormatPSQL: func(t *testing.T, name, content string) (string, string) {
			t.Helper()
			content, found := strings.CutPrefix(content, "\\set ON_ERROR_STOP on\nBEGIN;\n")
			require.True(t, found)
			content, found = strings.CutSuffix(content, "\nCOMMIT;\n")
			require.True(t, found)
			return byFileName(t, name, content)
		},
		schema.FormatTern: func(t *testing.T, _, content string) (string, string) {
			t.Helper()
			up, down, found := strings.Cut(content, "---- create above / drop below ----\n")
			require.True(t, found)
			return up, down
		},
	}
	for _, format := range schema.Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "migrations")
			require.NoError(t, schema.Export(dir, format))
			require.NoError(t, schema.Export(dir, format), "again")
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)

			var ups, downs []string
			for _, entry := range entries {
				content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
				require.NoError(t, err)
				up, down := split[format](t, entry.Name(), string(content))
				if up != "" {
					ups = append(ups, up)
				}
				if down != "" {
					downs = append(downs, down)
				}
			}
			require.Len(t, ups, int(schema.Version()))
			require.Len(t, downs, int(schema.Version()))
			slices.Reverse(downs)

			config := newDatabase(t)
			conn := connect(t, config)
			before := outside(t, conn)
			execute(t, conn, "SET search_path = public, pg_temp")
			for _, sql := range ups {
				execute(t, conn, "BEGIN")
				execute(t, conn, sql)
				execute(t, conn, "COMMIT")
			}
			require.NoError(t, schema.Check(ctx, conn, nil))
			require.NoError(t, schema.Up(ctx, config, nil), "Up can take over")
			exported := catalog(t, conn, "public")

			own := newDatabase(t)
			require.NoError(t, schema.Up(ctx, own, nil))
			require.Equal(t, catalog(t, connect(t, own), "public"), exported)

			for _, sql := range downs {
				execute(t, conn, "BEGIN")
				execute(t, conn, sql)
				execute(t, conn, "COMMIT")
			}
			require.Equal(t, before, outside(t, conn))
		})
	}

	t.Run("ErrorIfUnknownFormat", func(t *testing.T) {
		t.Parallel()
		require.ErrorContains(t, schema.Export(t.TempDir(), "liquibase"), "goose")
	})
}

func byFileName(t *testing.T, name, content string) (up, down string) {
	t.Helper()
	if strings.HasSuffix(name, ".up.sql") {
		return content, ""
	}
	require.True(t, strings.HasSuffix(name, ".down.sql"))
	return "", content
}
