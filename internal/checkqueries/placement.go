package main

import (
	"fmt"
	"strings"
)

// objects are the names that the migrations create.
type objects struct {
	relations, types, functions map[string]bool
}

func newObjects() *objects {
	return &objects{map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

func (o *objects) has(name string) bool {
	return o.relations[name] || o.types[name] || o.functions[name]
}

// add takes the names from the CREATE and RENAME statements of a migration.
// What a later migration drops stays: vet knows the schema better.
func (o *objects) add(sql string) error {
	tokens, err := lex(sql)
	if err != nil {
		return err
	}
	tokens = withoutComments(tokens)
	created := func(i int) string {
		for i < len(tokens) && tokens[i].is("IF", "NOT", "EXISTS") {
			i++
		}
		if i+2 < len(tokens) && tokens[i+1].is(".") {
			i += 2
		}
		if i < len(tokens) {
			return tokens[i].name()
		}
		return ""
	}
	creating := false
	for i, t := range tokens {
		switch {
		case creating && t.is("TABLE", "VIEW", "SEQUENCE"):
			o.relations[created(i+1)] = true
		case creating && t.is("TYPE", "DOMAIN"):
			o.types[created(i+1)] = true
		case creating && t.is("FUNCTION", "PROCEDURE", "AGGREGATE"):
			o.functions[created(i+1)] = true
		case creating && t.is("OR", "REPLACE", "UNLOGGED", "MATERIALIZED", "RECURSIVE"):
			continue
		case t.is("RENAME") && i+2 < len(tokens) && tokens[i+1].is("TO"):
			o.relations[created(i+2)] = true
		}
		creating = t.is("CREATE")
	}
	delete(o.relations, "")
	return nil
}

func withoutComments(tokens []token) []token {
	var code []token
	for _, t := range tokens {
		if t.kind != comment {
			code = append(code, t)
		}
	}
	return code
}

// checkPlacement finds what would land in the wrong schema when "public." is
// replaced: a name of ours without it, and a "public." that is no schema of
// ours.
func checkPlacement(file, sql string, ours *objects) []problem {
	tokens, err := lex(sql)
	if err != nil {
		return nil // parseQueries reports it
	}
	var problems []problem
	report := func(pos int, format string, args ...any) {
		problems = append(problems, problem{file, line(sql, pos), "", fmt.Sprintf(format, args...)})
	}
	seen := map[int]bool{} // qualifiers that are right, or reported
	for _, r := range references(withoutComments(tokens)) {
		known := r.relation && ours.relations[r.name] ||
			r.typ && (ours.types[r.name] || ours.relations[r.name]) ||
			r.function && ours.functions[r.name]
		switch {
		case r.qualifier.text == "public" && !r.spaced && ours.has(r.name):
		case known, r.qualifier.name() == "public" && ours.has(r.name):
			report(r.at.pos, "%s is not written public.%s", r.name, r.name)
		default:
			continue
		}
		seen[r.at.pos] = true
	}
	const prefix = "public."
	for pos := strings.Index(sql, prefix); pos >= 0; {
		if !seen[pos] {
			report(pos, "a public. that is no name of ours would be replaced too")
		}
		further := strings.Index(sql[pos+1:], prefix)
		if further < 0 {
			break
		}
		pos += 1 + further
	}
	return problems
}

// reference is a name with the places of the grammar that it stands in.
type reference struct {
	at                      token
	qualifier               token // empty for a bare name
	name                    string
	spaced                  bool
	relation, typ, function bool
}

// references reads names in one pass. It knows as much of the grammar as tells
// a table from a column of the same name; what it misses, vet finds, which
// prepares every query with an empty search_path.
func references(tokens []token) []reference {
	var found []reference
	var lists []bool               // per open parenthesis: inside a list of tables
	inList, expect := false, false // expect: a table comes next
	for i := 0; i < len(tokens); i++ {
		t, before := tokens[i], at(tokens, i-1)
		switch {
		case t.is("("):
			lists = append(lists, inList)
			inList = expect && !before.is("USING")
			expect = inList
			continue
		case t.is(")"):
			if len(lists) > 0 {
				inList, lists = lists[len(lists)-1], lists[:len(lists)-1]
			}
			expect = false
			continue
		case t.is(","):
			expect = inList
			continue
		case t.is("FROM"):
			expect = !before.is("DISTINCT") || at(tokens, i-2).is("SELECT")
			inList = inList || expect
			continue
		case t.is("USING"):
			inList, expect = true, true
			continue
		case t.is("JOIN", "INTO", "UPDATE", "TABLE"):
			expect = true
			continue
		case t.is("ONLY", "LATERAL"):
			continue
		case t.is("WHERE", "SET", "SELECT", "GROUP", "ORDER", "HAVING", "WINDOW", "LIMIT", "OFFSET",
			"FETCH", "FOR", "UNION", "INTERSECT", "EXCEPT", "RETURNING", "VALUES"):
			inList, expect = false, false
			continue
		case t.name() == "":
			expect = false
			continue
		}
		r := reference{at: t, name: t.name(), relation: expect, typ: before.is("::")}
		if at(tokens, i+1).is(".") && at(tokens, i+2).name() != "" {
			dot, last := tokens[i+1], tokens[i+2]
			r.qualifier, r.name = t, last.name()
			r.spaced = dot.pos != t.pos+len(t.text) || last.pos != dot.pos+1
			i += 2
		}
		after := at(tokens, i+1)
		r.function = after.is("(")
		r.typ = r.typ || after.kind == literal && after.text != ""
		expect = false
		for at(tokens, i+1).is(".") {
			i += 2 // public.users.id
		}
		found = append(found, r)
	}
	return found
}

func at(tokens []token, i int) token {
	if i < 0 || i >= len(tokens) {
		return token{kind: symbol}
	}
	return tokens[i]
}
