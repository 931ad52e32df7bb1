package schema

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Format is a migration tool's way to lay out files, for [Export].
type Format string

const (
	// FormatGolangMigrate is N_name.up.sql and N_name.down.sql, which Atlas
	// reads too (atlas migrate import, dir-format golang-migrate).
	FormatGolangMigrate Format = "golang-migrate"

	// FormatGoose is one file a version, both directions marked.
	FormatGoose Format = "goose"

	// FormatPSQL is N_name.up.sql and N_name.down.sql, each a transaction of
	// its own that stops at the first error.
	FormatPSQL Format = "psql"

	// FormatTern is one file a version, divided by tern's line.
	FormatTern Format = "tern"
)

// Formats lists what [Export] writes.
func Formats() []Format {
	return []Format{FormatGolangMigrate, FormatGoose, FormatPSQL, FormatTern}
}

// Export writes the migrations as plain SQL into dir, for a host that runs
// goose, tern, Atlas, golang-migrate or psql instead of [Up]. The directory is
// created where it is missing; files of the same names are replaced.
//
// The names in the files are unqualified: run them with search_path set to the
// schema that holds the tables and pg_temp behind it. Each file is one
// transaction. Each also records its version where [Up] would, so that [Check]
// answers, and Up can take over at any time.
func Export(dir string, format Format) error {
	list, err := readFiles(FS)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("elevate/schema: export: %w", err)
	}
	for _, m := range list {
		up, down, err := exported(list, m)
		if err != nil {
			return err
		}
		base := strings.TrimSuffix(m.up, ".up.sql")
		out := map[string]string{}
		switch format {
		case FormatGolangMigrate:
			out[m.up], out[m.down] = up, down
		case FormatGoose:
			out[base+".sql"] = "-- +goose Up\n" + gooseStatement(up) + "\n-- +goose Down\n" + gooseStatement(down)
		case FormatPSQL:
			out[m.up], out[m.down] = psqlTransaction(up), psqlTransaction(down)
		case FormatTern:
			out[base+".sql"] = up + "\n---- create above / drop below ----\n\n" + down
		default:
			return fmt.Errorf("elevate/schema: export: no format %q, there are %q", format, Formats())
		}
		for name, content := range out {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				return fmt.Errorf("elevate/schema: export: %w", err)
			}
		}
	}
	return nil
}

// exported is one migration with the lines that keep the version table.
func exported(list files, m file) (up, down string, err error) {
	text, err := fs.ReadFile(FS, m.up)
	if err != nil {
		return "", "", fmt.Errorf("elevate/schema: export: %w", err)
	}
	back, err := fs.ReadFile(FS, m.down)
	if err != nil {
		return "", "", fmt.Errorf("elevate/schema: export: %w", err)
	}
	previous, _ := list.before(int64(m.version))
	record := replaceSQL(VersionTable, int64(m.version), false)
	restore := replaceSQL(VersionTable, previous, false)
	if previous == nilVersion {
		record = versionTableSQL(VersionTable) + record
		restore = "DROP TABLE " + VersionTable + ";\n"
	}
	const why = "\n-- What schema.Check reads.\n"
	return string(text) + why + record, string(back) + why + restore, nil
}

// gooseStatement keeps goose from cutting function bodies at their semicolons.
func gooseStatement(sql string) string {
	return "-- +goose StatementBegin\n" + sql + "-- +goose StatementEnd\n"
}

func psqlTransaction(sql string) string {
	return "\\set ON_ERROR_STOP on\nBEGIN;\n\n" + sql + "\nCOMMIT;\n"
}
