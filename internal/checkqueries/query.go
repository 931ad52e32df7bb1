package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// query is one sqlc query.
type query struct {
	file    string
	line    int
	name    string
	command string   // with its colon
	doc     []string // comment lines directly under the name
	tokens  []token  // without comments
	notes   []token  // comments under the name and inside
}

var nameLine = regexp.MustCompile(`^-- name: (\w+) (:\w+)$`)

// parseQueries reads a file of queries. Comments between two queries belong to
// none.
func parseQueries(file, sql string) ([]*query, []problem) {
	tokens, err := lex(sql)
	if err != nil {
		return nil, []problem{{file: file, line: 1, text: err.Error()}}
	}
	var (
		queries  []*query
		problems []problem
		q        *query
		ended    bool // by its semicolon
		stray    bool // in a statement that was reported
	)
	for _, t := range tokens {
		at := line(sql, t.pos)
		match := nameLine.FindStringSubmatch(strings.TrimSpace(t.text))
		switch {
		case t.kind == comment && match != nil:
			q = &query{file: file, line: at, name: match[1], command: match[2]}
			ended, stray = false, false
			queries = append(queries, q)
		case t.kind == comment && strings.Contains(t.text, "name:"):
			problems = append(problems, problem{file, at, "", "not of the form `-- name: Query :command`"})
		case t.kind == comment && (q == nil || ended):
		case t.kind == comment:
			if len(q.tokens) == 0 && at == q.line+1+len(q.doc) {
				q.doc = append(q.doc, strings.TrimSpace(strings.TrimPrefix(t.text, "--")))
			}
			q.notes = append(q.notes, t)
		case stray:
			stray = !t.is(";")
		case q == nil || ended:
			stray = !t.is(";")
			problems = append(problems, problem{file, at, "", "a statement without a `-- name:` line"})
		case t.is(";"):
			ended = true
		default:
			q.tokens = append(q.tokens, t)
		}
	}
	return queries, problems
}

// bounded excuses a :many from its LIMIT; the rest of the comment says why.
const bounded = "Bounded by "

func checkQuery(q *query) []problem {
	var problems []problem
	report := func(format string, args ...any) {
		problems = append(problems, problem{q.file, q.line, q.name, fmt.Sprintf(format, args...)})
	}
	if len(q.doc) == 0 || !strings.HasPrefix(q.doc[0], q.name+" ") {
		report("needs a comment under its name that begins with %q: it is the Go doc", q.name)
	}
	switch q.command {
	case ":one", ":exec":
	case ":many":
		outer := topLevel(q.tokens)
		if !slices.ContainsFunc(outer, func(t token) bool { return t.is("ORDER") }) {
			report(":many without ORDER BY")
		}
		excused := slices.ContainsFunc(q.notes, func(t token) bool { return strings.Contains(t.text, bounded) })
		if !excused && !slices.ContainsFunc(outer, func(t token) bool { return t.is("LIMIT") }) {
			report(":many without LIMIT, and no comment says %q", bounded+"…")
		}
	default:
		report("%s: only :one, :many and :exec go through the pipeline", q.command)
	}
	return problems
}

// topLevel is the statement without anything in parentheses.
func topLevel(tokens []token) []token {
	var outer []token
	depth := 0
	for _, t := range tokens {
		if t.is(")") {
			depth--
		}
		if depth == 0 {
			outer = append(outer, t)
		}
		if t.is("(") {
			depth++
		}
	}
	return outer
}
