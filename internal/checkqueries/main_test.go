package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const (
	migration = `-- why
CREATE TABLE IF NOT EXISTS users (id uuid);
CREATE UNLOGGED TABLE school.progress (id uuid);
CREATE TABLE "order" (id uuid); /* CREATE TABLE nothing (id uuid); */
CREATE TYPE user_role AS ENUM ('a');
CREATE OR REPLACE FUNCTION can_teach(uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT 'CREATE TABLE none' $$;
ALTER TABLE users RENAME TO people;
ALTER TABLE users RENAME COLUMN a TO b;
CREATE INDEX users_idx ON users (id);`

	// caller uses the query of the good inputs and has a case for its verdicts.
	caller = `package elevate

const (
	verdictCreated = "created"
	verdictAlready = "already"
)

func (s *Store) Enroll() error {
	row, err := q.UserCreate(ctx, db.UserCreateParams{})
	switch row.Verdict {
	case verdictCreated, verdictAlready:
	default:
	}
	return err
}
`
)

func problems(t *testing.T, queries, goSource string) []string {
	t.Helper()
	found, err := check(fstest.MapFS{
		"schema/000001_initial.up.sql":   {Data: []byte(migration)},
		"schema/000001_initial.down.sql": {Data: []byte("DROP TABLE users; CREATE TABLE gone (id uuid);")},
		"queries/users.sql":              {Data: []byte(queries)},
		"store.go":                       {Data: []byte(goSource)},
		"db/users.sql.go":                {Data: []byte("package db\n\nfunc f() { q.UserUnused() }\n")},
		"store_test.go":                  {Data: []byte("package elevate\n\nfunc f() { q.UserUnused() }\n")},
		"bench/go.mod":                   {Data: []byte("module bench\n")},
		"bench/main.go":                  {Data: []byte("package main\n\nfunc f() { q.UserUnused() }\n")},
	})
	require.NoError(t, err)
	texts := make([]string, 0, len(found))
	for _, p := range found {
		texts = append(texts, strings.TrimPrefix(p.String(), "queries/users.sql:"))
	}
	return texts
}

// body puts a correct head over the SQL of a test case.
func body(command, sql string) string {
	return "-- name: UserCreate " + command + "\n-- UserCreate makes a user.\n" + sql + "\n"
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		queries string
		want    []string
	}{
		"Good": {body(":one", "SELECT u.id FROM public.users AS u;"), nil},
		"NameOfColumn": {
			body(":one", "SELECT e.progress, progress AS users FROM public.users AS e WHERE users = 1;"),
			nil,
		},
		"NameOfSetColumn": {
			body(":one", "UPDATE public.users AS u SET progress = 1 RETURNING u.id, progress;"),
			nil,
		},
		"NameInColumnList": {
			body(":one", "INSERT INTO public.users AS u (id, progress) VALUES (1, 2);"),
			nil,
		},
		"JoinUsingColumn": {
			body(":one", "SELECT 1 FROM public.users AS u JOIN made AS m USING (progress, users);"),
			nil,
		},
		"DistinctFrom": {
			body(":one", "SELECT a IS NOT DISTINCT FROM progress FROM public.users AS u;"),
			nil,
		},
		"LockClause": {
			body(":exec", "SELECT u.id FROM public.users AS u FOR NO KEY UPDATE OF u;"),
			nil,
		},
		"QuotedAfterPublic": {
			body(":one", `SELECT o.id FROM public."order" AS o ORDER BY o."order";`),
			nil,
		},
		"ThreeParts": {body(":one", "SELECT public.users.id FROM public.users;"), nil},
		"NameInComment": {
			body(":one", "SELECT u.id /* FROM users */ FROM public.users AS u; -- JOIN users"),
			nil,
		},
		"NameInLiteral": {
			body(":one", "SELECT 'FROM users', $$ FROM users $$, E'\\' FROM users', 'it''s FROM users';"),
			nil,
		},

		"BareAfterFrom": {
			body(":one", "SELECT 1 FROM users AS u;"),
			[]string{"3: users is not written public.users"},
		},
		"BareAfterJoin": {
			body(":one", "SELECT 1 FROM a\nLEFT JOIN LATERAL users AS u ON TRUE;"),
			[]string{"4: users is not written public.users"},
		},
		"BareAfterInto": {
			body(":one", "INSERT INTO users (id) VALUES (1);"),
			[]string{"3: users is not written public.users"},
		},
		"BareAfterUpdate": {
			body(":one", "UPDATE ONLY users SET id = 1;"),
			[]string{"3: users is not written public.users"},
		},
		"BareAfterDelete": {
			body(":one", "DELETE FROM public.users USING a AS b, progress AS p WHERE TRUE;"),
			[]string{"3: progress is not written public.progress"},
		},
		"BareAfterComma": {
			body(":one", "SELECT a, users FROM (SELECT 1) AS one, f(users, 1) AS g (users), users;"),
			[]string{"3: users is not written public.users"},
		},
		"BareInParentheses": {
			body(":one", "SELECT 1 FROM (users AS u CROSS JOIN a);"),
			[]string{"3: users is not written public.users"},
		},
		"BareQuoted": {
			body(":one", `SELECT 1 FROM "order" AS o;`),
			[]string{"3: order is not written public.order"},
		},
		"BareUpperCase": {
			body(":one", "SELECT 1 FROM Users AS u;"),
			[]string{"3: users is not written public.users"},
		},
		"BareAfterRename": {
			body(":one", "SELECT 1 FROM people AS u;"),
			[]string{"3: people is not written public.people"},
		},
		"BareType": {
			body(":one", "SELECT sqlc.arg(role)::user_role, user_role 'a', NULL::users[];"),
			[]string{
				"3: user_role is not written public.user_role",
				"3: user_role is not written public.user_role",
				"3: users is not written public.users",
			},
		},
		"BareFunction": {
			body(":one", "SELECT can_teach(1), public.can_teach(2) FROM can_teach (3);"),
			[]string{
				"3: can_teach is not written public.can_teach",
				"3: can_teach is not written public.can_teach",
			},
		},
		"ForeignSchema": {
			body(":one", "SELECT 1 FROM school.users AS u;"),
			[]string{"3: users is not written public.users"},
		},
		"UpperCasePublic": {
			body(":one", "SELECT 1 FROM PUBLIC.users AS u;"),
			[]string{"3: users is not written public.users"},
		},
		"QuotedPublic": {
			body(":one", `SELECT "public".can_teach FROM a;`),
			[]string{"3: can_teach is not written public.can_teach"},
		},
		"SpacedPublic": {
			body(":one", "SELECT 1 FROM public . users AS u;"),
			[]string{"3: users is not written public.users"},
		},
		"PublicInComment": {
			body(":one", "SELECT 1; -- open to the public.\n"),
			[]string{"3: a public. that is no name of ours would be replaced too"},
		},
		"PublicInLiteral": {
			body(":one", "SELECT 'public.users'::regclass;"),
			[]string{"3: a public. that is no name of ours would be replaced too"},
		},
		"PublicInDollars": {
			body(":one", "SELECT $a$public.users$a$;"),
			[]string{"3: a public. that is no name of ours would be replaced too"},
		},
		"PublicOfForeignName": {
			body(":one", "SELECT 1 FROM public.elsewhere AS e;"),
			[]string{"3: a public. that is no name of ours would be replaced too"},
		},
		"PublicOfDownFile": {
			body(":one", "SELECT 1 FROM public.gone AS e;"),
			[]string{"3: a public. that is no name of ours would be replaced too"},
		},
		"PublicAsSuffix": {
			body(":one", "SELECT 1 FROM notpublic.elsewhere AS e;"),
			[]string{"3: a public. that is no name of ours would be replaced too"},
		},

		"Many": {
			body(":many", "SELECT u.id FROM public.users AS u ORDER BY u.id LIMIT 5;"),
			nil,
		},
		"ManyBounded": {
			body(":many", "-- Bounded by the array.\nSELECT u.id FROM public.users AS u ORDER BY u.id;"),
			nil,
		},
		"ManyWithoutLimit": {
			body(":many", "SELECT u.id FROM (SELECT 1 LIMIT 1) AS u ORDER BY u.id;"),
			[]string{`1: UserCreate: :many without LIMIT, and no comment says "Bounded by …"`},
		},
		"ManyWithoutOrder": {
			body(":many", "-- Bounded by the array.\nSELECT row_number() OVER (ORDER BY u.id) FROM public.users AS u;"),
			[]string{"1: UserCreate: :many without ORDER BY"},
		},
		"Batch": {
			body(":batchexec", "SELECT 1;"),
			[]string{"1: UserCreate: :batchexec: only :one, :many and :exec go through the pipeline"},
		},
		"CopyFrom": {
			body(":copyfrom", "SELECT 1;"),
			[]string{"1: UserCreate: :copyfrom: only :one, :many and :exec go through the pipeline"},
		},
		"ExecRows": {
			body(":execrows", "SELECT 1;"),
			[]string{"1: UserCreate: :execrows: only :one, :many and :exec go through the pipeline"},
		},
		"ExecResult": {
			body(":execresult", "SELECT 1;"),
			[]string{"1: UserCreate: :execresult: only :one, :many and :exec go through the pipeline"},
		},
		"Unused": {
			"-- name: UserUnused :one\n-- UserUnused is for tests only.\nSELECT 1;\n",
			[]string{"1: UserUnused: no Go code uses it"},
		},
		"WithoutComment": {
			"-- name: UserCreate :one\nSELECT 1; -- UserCreate\n",
			[]string{`1: UserCreate: needs a comment under its name that begins with "UserCreate": it is the Go doc`},
		},
		"CommentTooLate": {
			"-- name: UserCreate :one\nSELECT\n-- UserCreate\n1;\n",
			[]string{`1: UserCreate: needs a comment under its name that begins with "UserCreate": it is the Go doc`},
		},
		"CommentOfOther": {
			"-- name: UserCreate :one\n-- Makes a user.\nSELECT 1;\n",
			[]string{`1: UserCreate: needs a comment under its name that begins with "UserCreate": it is the Go doc`},
		},
		"MalformedName": {
			"-- name: UserCreate one\nSELECT 1;\n",
			[]string{
				"1: not of the form `-- name: Query :command`",
				"2: a statement without a `-- name:` line",
			},
		},
		"SecondStatement": {
			body(":one", "SELECT 1;\nCOMMIT"),
			[]string{"4: a statement without a `-- name:` line"},
		},
		"CommentBetween": {
			body(":one", "SELECT 1;\n-- about users") + body(":one", "SELECT 2;"),
			nil,
		},
		"EndlessLiteral": {
			body(":one", "SELECT 'a;"),
			[]string{"1: line 3: comment or literal without an end"},
		},
		"EndlessComment": {
			body(":one", "SELECT /* a /* b */ 1;"),
			[]string{"1: line 3: comment or literal without an end"},
		},
		"Verdicts": {
			body(":one", "SELECT (CASE WHEN a = 'foreign' THEN 'created' WHEN b THEN CASE WHEN c THEN 'already' "+
				"ELSE 'raced' END END)::text AS verdict, 'x' AS y;"),
			nil,
		},
		"VerdictBareCase": {
			body(":one", "SELECT CASE WHEN a THEN 'created' WHEN b THEN 'already' ELSE 'lost' END::text AS verdict;"),
			[]string{`1: UserCreate: verdict "lost" has no case in Enroll (store.go:9:16)`},
		},
		"VerdictOfCTE": {
			body(":one", "WITH j AS (SELECT CASE WHEN a THEN 'created' WHEN b THEN 'already' ELSE 'lost' END AS verdict FROM t) "+
				"SELECT coalesce(j.verdict, 'unknown')::text AS verdict FROM j;"),
			[]string{
				`1: UserCreate: verdict "lost" has no case in Enroll (store.go:9:16)`,
				`1: UserCreate: verdict "unknown" has no case in Enroll (store.go:9:16)`,
			},
		},
		"VerdictOfColumn": {
			body(":one", "WITH j AS (SELECT (CASE WHEN a THEN 'kept' ELSE 'created' END)::text AS outcome FROM t) "+
				"SELECT (CASE WHEN a THEN 'already' ELSE v.outcome END)::text AS verdict FROM j AS v;"),
			[]string{`1: UserCreate: verdict "kept" has no case in Enroll (store.go:9:16)`},
		},
		"VerdictUnreadable": {
			body(":one", "SELECT ('a' || b)::text AS verdict;"),
			[]string{"1: UserCreate: verdict is no CASE of literals: the check cannot read it"},
		},
		"VerdictTwoBrackets": {
			body(":one", "SELECT ('a') || ('b') AS verdict;"),
			[]string{"1: UserCreate: verdict is no CASE of literals: the check cannot read it"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ElementsMatch(t, c.want, problems(t, c.queries, caller))
		})
	}
}

func TestCheckCallers(t *testing.T) {
	t.Parallel()
	queries := body(":one", "SELECT CASE WHEN a THEN 'created' ELSE 'raced' END::text AS verdict;")
	const missing = `1: UserCreate: verdict "created" has no case in `
	cases := map[string]struct {
		goSource string
		want     []string
	}{
		"LiteralCase": {`func f() { switch q.UserCreate().Verdict { case "created": } }`, nil},
		"OnlyColumn":  {`func f() { verdict := q.UserCreate(); switch verdict { case "created": } }`, nil},
		"MethodValue": {
			`func f() { do((*db.Queries).UserCreate); switch row.Verdict { case "created": } }`,
			nil,
		},
		"InClosure": {
			`func f() { do(func() { q.UserCreate() }); for { switch row.Verdict { case "created": } } }`,
			nil,
		},
		"DeadCase": {
			"func f() { q.UserCreate(); switch row.Verdict { case \"created\":\ncase \"made\": } }",
			[]string{`store.go:4: f: no query that it uses answers "made"`},
		},
		"UnknownConstant": {
			"func f() { q.UserCreate(); switch row.Verdict { case verdictCreated: } }",
			[]string{missing + "f (store.go:3:14)"},
		},
		"OtherSwitch": {
			`func f() { q.UserCreate(); switch row.Status { case "created": } }`,
			[]string{missing + "f (store.go:3:14)"},
		},
		"WithoutSwitch": {`func f() { q.UserCreate() }`, []string{missing + "f (store.go:3:14)"}},
		"SwitchOfOther": {
			"func f() { q.UserCreate() }\nfunc g() { switch row.Verdict { case \"created\": } }",
			[]string{missing + "f (store.go:3:14)"},
		},
		"SecondCaller": {
			"func f() { q.UserCreate(); switch row.Verdict { case \"created\": } }\nfunc g() { q.UserCreate() }",
			[]string{missing + "g (store.go:4:14)"},
		},
		"OutsideAnyFunc": {
			`var f = (*db.Queries).UserCreate`,
			[]string{"1: UserCreate: used outside of a function: store.go:3:23"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ElementsMatch(t, c.want, problems(t, queries, "package elevate\n\n"+c.goSource+"\n"))
		})
	}
}

func TestCheckNeedsFiles(t *testing.T) {
	t.Parallel()
	_, err := check(fstest.MapFS{})
	require.ErrorContains(t, err, "schema/")
	_, err = check(fstest.MapFS{"schema/000001_a.up.sql": {}})
	require.ErrorContains(t, err, "queries/")
	_, err = check(os.DirFS(t.TempDir()))
	require.Error(t, err)
}

func FuzzLex(f *testing.F) {
	f.Add("SELECT 'a', E'\\'', $x$b$x$, \"c\"\"d\" -- e\n/* f /* g */ */ FROM public.users;")
	f.Fuzz(func(t *testing.T, sql string) {
		tokens, err := lex(sql)
		if err != nil {
			return
		}
		end := 0
		for _, token := range tokens {
			require.GreaterOrEqual(t, token.pos, end)
			require.NotEmpty(t, token.text)
			end = token.pos + len(token.text)
			require.Equal(t, sql[token.pos:end], token.text)
		}
		checkPlacement("f.sql", sql, newObjects())
		queries, _ := parseQueries("f.sql", sql)
		for _, q := range queries {
			checkQuery(q)
			_, _ = verdicts(q)
		}
	})
}
