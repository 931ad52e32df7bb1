package schema_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// catalogQueries each give ordered lines of one kind of object in schema $1.
// NOT NULL constraints, which PostgreSQL 18 lists and earlier ones do not, are
// part of the columns.
var catalogQueries = []struct{ kind, sql string }{
	{"types", `
		SELECT format('CREATE TYPE %I AS ENUM (%s);', t.typname,
			string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder))
		FROM pg_type AS t
		JOIN pg_enum AS e ON e.enumtypid = t.oid
		WHERE t.typnamespace = $1::text::regnamespace
		GROUP BY t.typname
		ORDER BY t.typname`},
	{"other types", `
		SELECT format('CREATE TYPE %I; -- %s', t.typname, t.typtype)
		FROM pg_type AS t
		WHERE t.typnamespace = $1::text::regnamespace
			AND t.typtype NOT IN ('e', 'c')
			AND t.typelem = 0
		ORDER BY t.typname`},
	{"tables", `
		SELECT format(E'CREATE %sTABLE %I (\n%s\n)%s;%s',
			CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, c.relname,
			string_agg(format('    %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
				CASE WHEN a.attcollation <> t.typcollation
					THEN ' COLLATE ' || quote_ident(o.collname) ELSE '' END,
				CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
				CASE a.attgenerated WHEN '' THEN ' DEFAULT ' ELSE ' GENERATED ALWAYS AS ' END
					|| pg_get_expr(d.adbin, d.adrelid, TRUE)),
				E',\n' ORDER BY a.attnum),
			CASE WHEN c.reloptions IS NULL THEN ''
				ELSE ' WITH (' || array_to_string(ARRAY(SELECT unnest(c.reloptions) ORDER BY 1), ', ') || ')' END,
			coalesce(' -- ' || obj_description(c.oid, 'pg_class'), ''))
		FROM pg_class AS c
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type AS t ON t.oid = a.atttypid
		LEFT JOIN pg_collation AS o ON o.oid = a.attcollation
		LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p')
		GROUP BY c.oid
		ORDER BY c.relname`},
	{"other relations", `
		SELECT format('CREATE RELATION %I; -- %s', c.relname, c.relkind)
		FROM pg_class AS c
		WHERE c.relnamespace = $1::text::regnamespace AND c.relkind NOT IN ('r', 'p', 'i', 'I', 't')
		ORDER BY c.relname`},
	{"constraints", `
		SELECT format(E'ALTER TABLE %I ADD CONSTRAINT %I\n    %s;', c.relname, n.conname,
			pg_get_constraintdef(n.oid, TRUE))
		FROM pg_constraint AS n
		JOIN pg_class AS c ON c.oid = n.conrelid
		WHERE n.connamespace = $1::text::regnamespace AND n.contype IN ('c', 'f', 'p', 'u', 'x')
		ORDER BY c.relname, n.contype, n.conname`},
	{"indexes", `
		SELECT pg_get_indexdef(i.indexrelid, 0, TRUE) || ';'
			|| CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' -- not valid' END
		FROM pg_index AS i
		JOIN pg_class AS x ON x.oid = i.indexrelid
		JOIN pg_class AS c ON c.oid = i.indrelid
		WHERE c.relnamespace = $1::text::regnamespace AND c.relkind <> 't'
			AND NOT EXISTS (SELECT FROM pg_constraint AS n WHERE n.conindid = x.oid AND n.contype IN ('p', 'u', 'x'))
		ORDER BY c.relname, x.relname`},
	{"functions", `
		SELECT rtrim(pg_get_functiondef(p.oid), E' \n') || ';'
		FROM pg_proc AS p
		WHERE p.pronamespace = $1::text::regnamespace
		ORDER BY p.proname, p.oid::regprocedure::text`},
	{"triggers", `
		SELECT pg_get_triggerdef(t.oid, TRUE) || ';' || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' -- ' || t.tgenabled::text END
		FROM pg_trigger AS t
		JOIN pg_class AS c ON c.oid = t.tgrelid
		WHERE c.relnamespace = $1::text::regnamespace AND NOT t.tgisinternal
		ORDER BY c.relname, t.tgname`},
	{"policies", `
		SELECT format('CREATE POLICY %I ON %I;', p.policyname, p.tablename)
		FROM pg_policies AS p
		WHERE p.schemaname = $1::text
		ORDER BY p.tablename, p.policyname`},
}

// catalog is everything that the schema holds, as SQL to read and to compare:
// the same text for the same tables, on every major version and in a schema of
// any name.
func catalog(t testing.TB, conn *pgx.Conn, schema string) string {
	t.Helper()
	ctx := context.Background()
	tx, err := conn.Begin(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(ctx)) }()
	// Names in search_path are printed without their schema.
	_, err = tx.Exec(ctx, "SELECT set_config('search_path', $1, TRUE)", pgx.Identifier{schema}.Sanitize())
	require.NoError(t, err)

	var out strings.Builder
	for _, query := range catalogQueries {
		rows, err := tx.Query(ctx, query.sql, schema)
		require.NoError(t, err, query.kind)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err, query.kind)
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(&out, "-- %s\n\n", query.kind)
		for _, line := range lines {
			// pg_get_functiondef names the schema whatever the search_path.
			line = strings.ReplaceAll(line, " FUNCTION "+schema+".", " FUNCTION ")
			line = strings.ReplaceAll(line, " SET search_path TO '"+schema+"', ", " SET search_path TO 'public', ")
			out.WriteString(line + "\n\n")
		}
	}
	return out.String()
}

// outside is what the whole database holds beside the system's own: schemas and
// all that is in them, to see that nothing of ours stayed and nothing of the
// host's went.
func outside(t testing.TB, conn *pgx.Conn) string {
	t.Helper()
	schemas := column[string](t, conn, `
		SELECT n.nspname::text
		FROM pg_namespace AS n
		WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		ORDER BY n.nspname`)
	var out strings.Builder
	for _, schema := range schemas {
		fmt.Fprintf(&out, "SCHEMA %s\n%s", schema, catalog(t, conn, schema))
	}
	return out.String()
}
