package main

import (
	"errors"
	"slices"
)

// verdict is the column, and the variable that holds it where it is the only one.
const verdict = "verdict"

// verdicts lists what the column verdict of a query can say, in order of
// appearance; none if there is no such column.
func verdicts(q *query) ([]string, error) {
	var (
		found   []string
		columns = []string{verdict}
	)
	for i := 0; i < len(columns); i++ { // grows with the columns it is taken from
		for j, t := range q.tokens {
			if t.name() != columns[i] || !at(q.tokens, j-1).is("AS") || at(q.tokens, j+1).is("(") {
				continue
			}
			values, from, err := yields(expressionBefore(q.tokens[:j-1]))
			if err != nil && columns[i] == verdict {
				return nil, err
			}
			found = append(found, values...)
			for _, c := range from {
				if !slices.Contains(columns, c) {
					columns = append(columns, c)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// expressionBefore is the select item that ends where tokens end.
func expressionBefore(tokens []token) []token {
	depth := 0
	for i, t := range slices.Backward(tokens) {
		switch {
		case t.is(")"):
			depth++
		case t.is("(") && depth > 0:
			depth--
		case depth == 0 && t.is("(", ",", "SELECT", "DISTINCT", "RETURNING", "FROM", "JOIN"):
			return tokens[i+1:]
		}
	}
	return tokens
}

// yields lists the literals that an expression can yield and the columns that
// it may hand on: it reads literals, columns, coalesce, CASE, parentheses and
// casts, which is all that a verdict needs.
func yields(expr []token) (values, columns []string, err error) {
	for len(expr) >= 3 && expr[len(expr)-2].is("::") {
		expr = expr[:len(expr)-2]
	}
	size := len(expr)
	var parts [][]token
	switch {
	case size == 1 && expr[0].kind == literal:
		return []string{expr[0].value()}, nil, nil
	case size == 3 && expr[1].is(".") && expr[2].name() != "":
		return nil, []string{expr[2].name()}, nil
	case size == 1 && expr[0].kind == word:
		return nil, []string{expr[0].name()}, nil
	case size > 2 && expr[0].is("(") && closes(expr):
		parts = [][]token{expr[1 : size-1]}
	case size > 3 && expr[0].is("coalesce") && expr[1].is("(") && closes(expr[1:]):
		parts = split(expr[2:size-1], ",")
	case size > 2 && expr[0].is("CASE") && closes(expr):
		for _, p := range split(expr[1:size-1], "WHEN", "ELSE") {
			branch := split(p, "THEN")
			parts = append(parts, branch[len(branch)-1])
		}
		parts = parts[1:] // between CASE and the first WHEN
	default:
		return nil, nil, errors.New("verdict is no CASE of literals: the check cannot read it")
	}
	for _, p := range parts {
		v, c, err := yields(p)
		if err != nil {
			return nil, nil, err
		}
		values, columns = append(values, v...), append(columns, c...)
	}
	return values, columns, nil
}

// closes reports whether the last token ends what the first one opens.
func closes(expr []token) bool {
	depth := 0
	for i, t := range expr {
		switch {
		case t.is("(", "CASE"):
			depth++
		case t.is(")", "END"):
			depth--
		}
		if depth == 0 {
			return i == len(expr)-1
		}
	}
	return false
}

// split cuts at separators that stand in no parentheses and no inner CASE.
func split(expr []token, separators ...string) [][]token {
	var parts [][]token
	start, depth := 0, 0
	for i, t := range expr {
		switch {
		case t.is("(", "CASE"):
			depth++
		case t.is(")", "END"):
			depth--
		case depth == 0 && t.is(separators...):
			parts = append(parts, expr[start:i])
			start = i + 1
		}
	}
	return append(parts, expr[start:])
}
