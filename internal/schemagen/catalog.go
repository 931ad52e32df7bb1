package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/schema"
)

// table is a table with its columns in their order and its foreign keys by name.
type table struct {
	name        string
	columns     []tableColumn
	foreignKeys []foreignKey
}

type tableColumn struct {
	Table    string
	Name     string
	Kind     string
	Nullable bool
	Primary  bool
	Foreign  bool
	Unique   bool
}

type foreignKey struct {
	Table    string
	Parent   string
	Columns  string
	Nullable bool
	Single   bool // at most one child for each parent
	OnDelete string
}

// constraint is a name that a refused statement reports.
type constraint struct {
	Name       string
	Table      string
	Definition string
}

// readTables reads the tables by name. The version table belongs to the migrator.
func readTables(ctx context.Context, conn *pgx.Conn) ([]table, error) {
	columns, err := collect[tableColumn](ctx, conn, `
		SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
			EXISTS (
				SELECT
				FROM pg_constraint AS n
				WHERE n.conrelid = c.oid AND n.contype = 'p' AND a.attnum = ANY (n.conkey)
			),
			EXISTS (
				SELECT
				FROM pg_constraint AS n
				WHERE n.conrelid = c.oid AND n.contype = 'f' AND a.attnum = ANY (n.conkey)
			),
			EXISTS (
				SELECT
				FROM pg_index AS i
				WHERE i.indrelid = c.oid AND i.indisunique AND NOT i.indisprimary AND i.indpred IS NULL
					AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
			)
		FROM pg_class AS c
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace
			AND c.relkind IN ('r', 'p')
			AND NOT c.relispartition
			AND c.relname <> $1::text
		ORDER BY c.relname COLLATE "C", a.attnum`)
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	keys, err := collect[foreignKey](ctx, conn, `
		SELECT c.relname::text, p.relname::text,
			string_agg(a.attname, ', ' ORDER BY k.place),
			NOT bool_and(a.attnotnull),
			EXISTS (
				SELECT
				FROM pg_index AS i
				WHERE i.indrelid = n.conrelid AND i.indisunique AND i.indpred IS NULL
					AND i.indnkeyatts = cardinality(n.conkey)
					AND (i.indkey::smallint[])[0:i.indnkeyatts - 1] <@ n.conkey
			),
			CASE n.confdeltype
				WHEN 'c' THEN 'cascade'
				WHEN 'n' THEN 'set null'
				WHEN 'd' THEN 'set default'
				ELSE ''
			END
		FROM pg_constraint AS n
		JOIN pg_class AS c ON c.oid = n.conrelid AND NOT c.relispartition
		JOIN pg_class AS p ON p.oid = n.confrelid
		CROSS JOIN LATERAL unnest(n.conkey) WITH ORDINALITY AS k (num, place)
		JOIN pg_attribute AS a ON a.attrelid = n.conrelid AND a.attnum = k.num
		WHERE n.connamespace = 'public'::regnamespace AND n.contype = 'f' AND c.relname <> $1::text
		GROUP BY n.oid, c.relname, p.relname
		ORDER BY c.relname COLLATE "C", n.conname COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("read foreign keys: %w", err)
	}

	var tables []table
	for _, c := range columns {
		if len(tables) == 0 || tables[len(tables)-1].name != c.Table {
			tables = append(tables, table{name: c.Table})
		}
		last := &tables[len(tables)-1]
		last.columns = append(last.columns, c)
	}
	for i := range tables {
		for _, key := range keys {
			if key.Table == tables[i].name {
				tables[i].foreignKeys = append(tables[i].foreignKeys, key)
			}
		}
	}
	return tables, nil
}

// readConstraints reads every name that an error may carry: constraints, unique
// indexes without one, and what triggers report in a constraint's stead. NOT
// NULL is left out: its errors name the column, and only PostgreSQL 18 gives it
// a name.
func readConstraints(ctx context.Context, conn *pgx.Conn) ([]constraint, error) {
	constraints, err := collect[constraint](ctx, conn, `
		SELECT x.name, x.relation, x.definition
		FROM (
			SELECT n.conname::text AS name, c.relname::text AS relation,
				pg_get_constraintdef(n.oid, TRUE) AS definition
			FROM pg_constraint AS n
			JOIN pg_class AS c ON c.oid = n.conrelid AND NOT c.relispartition
			WHERE n.connamespace = 'public'::regnamespace AND n.contype IN ('c', 'f', 'p', 'u', 'x')
			UNION ALL
			SELECT i.relname::text, c.relname::text,
				'UNIQUE ' || substring(pg_get_indexdef(i.oid, 0, TRUE) FROM 'USING [a-z]+ (.*)$')
			FROM pg_index AS x
			JOIN pg_class AS i ON i.oid = x.indexrelid
			JOIN pg_class AS c ON c.oid = x.indrelid AND NOT c.relispartition
			WHERE c.relnamespace = 'public'::regnamespace
				AND x.indisunique
				AND NOT EXISTS (
					SELECT
					FROM pg_constraint AS n
					WHERE n.conindid = x.indexrelid AND n.contype IN ('p', 'u', 'x')
				)
			UNION ALL
			SELECT convert_from(substring(t.tgargs FROM 1 FOR position('\000'::bytea IN t.tgargs) - 1), 'UTF8'),
				c.relname::text, 'what trigger ' || t.tgname || ' guards'
			FROM pg_trigger AS t
			JOIN pg_class AS c ON c.oid = t.tgrelid AND NOT c.relispartition
			JOIN pg_proc AS f ON f.oid = t.tgfoid
			WHERE c.relnamespace = 'public'::regnamespace
				AND NOT t.tgisinternal
				AND t.tgnargs > 0
				AND f.prosrc ~ 'CONSTRAINT = TG_ARGV\[0\]'
		) AS x
		WHERE x.relation <> $1::text
		ORDER BY x.relation COLLATE "C", x.name COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("read constraints: %w", err)
	}
	return constraints, nil
}

// collect reads the rows of a query that leaves the version table out.
func collect[T any](ctx context.Context, conn *pgx.Conn, sql string) ([]T, error) {
	rows, err := conn.Query(ctx, sql, schema.VersionTable)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}
