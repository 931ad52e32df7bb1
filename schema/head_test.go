package schema_test

import (
	"context"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/internal/golden"
	"github.com/elevateforhumanity/elevate/schema"
)

const goldenFile = "testdata/schema.golden.sql"

// atHead is a connection to a database at the newest version.
func atHead(t *testing.T) *pgx.Conn {
	t.Helper()
	config := newDatabase(t)
	require.NoError(t, schema.Up(context.Background(), config, nil))
	return connect(t, config)
}

// TestHeadIsGolden shows in a diff what a migration does to the whole. The text
// is the same on every major version.
func TestHeadIsGolden(t *testing.T) {
	t.Parallel()
	conn := atHead(t)
	execute(t, conn, "DROP TABLE "+schema.VersionTable)
	got := "-- The tables at the newest version, as the catalog has them. Regenerate with\n" +
		"-- go test ./schema -run TestHeadIsGolden -update\n\n" + catalog(t, conn, "public")
	golden.Require(t, goldenFile, got)
}

// TestHeadServesSpecification: whoever wrote queries against the specification
// finds every name still there.
func TestHeadServesSpecification(t *testing.T) {
	t.Parallel()
	conn := atHead(t)

	for name, labels := range specEnums {
		served := column[string](t, conn, `
			SELECT e.enumlabel::text
			FROM pg_enum AS e
			WHERE e.enumtypid = to_regtype($1::text)
			ORDER BY e.enumsortorder`, name)
		require.Subset(t, served, strings.Split(labels, ", "), name)
	}
	for _, table := range specification {
		served := map[string]string{}
		for _, line := range column[string](t, conn, `
			SELECT a.attname || '=' || format_type(a.atttypid, a.atttypmod)
			FROM pg_attribute AS a
			WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped`, table.name) {
			name, kind, _ := strings.Cut(line, "=")
			served[name] = kind
		}
		for _, c := range table.columns {
			kind := c.kind
			if kind == timestamp {
				kind = "timestamp with time zone"
			}
			require.Equal(t, kind, served[c.name], "%s.%s", table.name, c.name)
		}
		indexes := column[string](t, conn, `
			SELECT x.relname::text
			FROM pg_index AS i
			JOIN pg_class AS x ON x.oid = i.indexrelid
			WHERE i.indrelid = to_regclass($1::text) AND i.indisvalid`, table.name)
		for name := range table.indexes {
			require.Contains(t, indexes, name)
		}
	}
}

// TestHeadCoversForeignKeys: deleting a parent looks up its children, and scans
// the whole table where no index begins with the referring columns. A partial
// index does not serve that search.
func TestHeadCoversForeignKeys(t *testing.T) {
	t.Parallel()
	conn := atHead(t)
	keys := scan[int](t, conn, `SELECT count(*) FROM pg_constraint WHERE contype = 'f'`)
	require.GreaterOrEqual(t, keys, 18)
	require.Empty(t, column[string](t, conn, `
		SELECT n.conrelid::regclass || '.' || n.conname
		FROM pg_constraint AS n
		WHERE n.contype = 'f'
			AND NOT EXISTS (
				SELECT
				FROM pg_index AS i
				WHERE i.indrelid = n.conrelid
					AND i.indisvalid
					AND i.indpred IS NULL
					AND (i.indkey::smallint[])[0:cardinality(n.conkey) - 1] @> n.conkey
			)
		ORDER BY 1`))
}

// TestHeadIsValid: no constraint is left unchecked, no index half built.
func TestHeadIsValid(t *testing.T) {
	t.Parallel()
	conn := atHead(t)
	require.Empty(t, column[string](t, conn, `SELECT conname::text FROM pg_constraint WHERE NOT convalidated`))
	require.Empty(t, column[string](t, conn, `
		SELECT i.indexrelid::regclass::text
		FROM pg_index AS i
		WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)`))
}

// TestHeadNamesFollowRules checks names, because errors are told apart by them.
func TestHeadNamesFollowRules(t *testing.T) {
	t.Parallel()
	conn := atHead(t)

	specNames := map[string]bool{}
	for _, table := range specification {
		for name := range table.indexes {
			specNames[name] = true
		}
	}

	type named struct{ Kind, Name, Table, Columns string }
	rows, err := conn.Query(context.Background(), `
		SELECT x.kind, x.name, x.relation, x.columns
		FROM (
			SELECT n.contype::text AS kind, n.conname::text AS name, c.relname::text AS relation,
				coalesce((
					SELECT string_agg(a.attname, '_' ORDER BY k.ord)
					FROM unnest(n.conkey) WITH ORDINALITY AS k (num, ord)
					JOIN pg_attribute AS a ON a.attrelid = n.conrelid AND a.attnum = k.num
				), '') AS columns
			FROM pg_constraint AS n
			JOIN pg_class AS c ON c.oid = n.conrelid
			WHERE n.connamespace = 'public'::regnamespace AND n.contype IN ('c', 'f', 'p', 'u', 'x')
			UNION ALL
			SELECT CASE WHEN i.indisunique THEN 'unique index' ELSE 'index' END, x.relname::text, c.relname::text, ''
			FROM pg_index AS i
			JOIN pg_class AS x ON x.oid = i.indexrelid
			JOIN pg_class AS c ON c.oid = i.indrelid
			WHERE c.relnamespace = 'public'::regnamespace
				AND NOT EXISTS (
					SELECT
					FROM pg_constraint AS n
					WHERE n.conindid = x.oid AND n.contype IN ('p', 'u', 'x')
				)
			UNION ALL
			SELECT 'trigger', t.tgname::text, c.relname::text, ''
			FROM pg_trigger AS t
			JOIN pg_class AS c ON c.oid = t.tgrelid
			WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
		) AS x
		ORDER BY x.name`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowToStructByPos[named])
	require.NoError(t, err)
	require.NotEmpty(t, names)

	word := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	var wrong []string
	for _, n := range names {
		// The table's name and, where the rule says them, the columns: `users_`,
		// `users_email_`.
		rest, ofTable := strings.CutPrefix(n.Name, n.Table+"_")
		var ok bool
		switch n.Kind {
		case "p":
			ok = ofTable && rest == "pkey"
		case "f":
			ok = ofTable && rest == n.Columns+"_fkey"
		case "u":
			ok = specNames[n.Name] || ofTable && rest == n.Columns+"_key"
		case "x":
			ok = specNames[n.Name] || ofTable && rest == n.Columns+"_excl"
		case "c":
			ok = ofTable && strings.HasSuffix(rest, "_check") && len(rest) > len("_check")
		case "unique index":
			ok = specNames[n.Name] || ofTable && strings.HasSuffix(rest, "_key")
		case "index":
			ok = specNames[n.Name] || ofTable && strings.HasSuffix(rest, "_idx")
		case "trigger":
			ok = ofTable && strings.HasSuffix(rest, "_trg")
		}
		if !ok || !word.MatchString(n.Name) || len(n.Name) > 63 {
			wrong = append(wrong, n.Kind+" "+n.Name+" on "+n.Table)
		}
	}
	require.Empty(t, wrong)
}

// TestFilesFollowRules reads the files themselves.
func TestFilesFollowRules(t *testing.T) {
	t.Parallel()
	list, err := fs.Glob(schema.FS, "*.sql")
	require.NoError(t, err)
	require.Len(t, list, 2*int(schema.Version()), "versions are 1, 2, 3 …, two files each")

	name := regexp.MustCompile(`^[0-9]{6}_[a-z0-9_]+\.(up|down)\.sql$`)
	body := regexp.MustCompile(`(?s)\$\$.*?\$\$`)
	comment := regexp.MustCompile(`--[^\n]*`)
	// Each would end the one transaction a file is, or cannot run in it.
	transaction := regexp.MustCompile(
		`(?im)^\s*(BEGIN|COMMIT|ROLLBACK|START|SAVEPOINT|VACUUM)\s*(TRANSACTION|WORK)?\s*;|\bCONCURRENTLY\b`)
	for _, file := range list {
		require.Regexp(t, name, file)
		content, err := schema.FS.ReadFile(file)
		require.NoError(t, err)
		sql := string(content)
		require.True(t, strings.HasPrefix(sql, "-- "), "the first line of %s says why", file)
		require.NotContains(t, sql, "{{", "%s: tern would take it for a template", file)
		require.NotContains(t, sql, "\r", file)
		bare := body.ReplaceAllString(comment.ReplaceAllString(sql, ""), "")
		require.NotRegexp(t, transaction, bare, file)
		require.NotContains(t, bare, "public.", "%s: names are unqualified", file)
	}
	require.True(t, slices.IsSorted(list))
}
