package main

import (
	"fmt"
	"go/ast"
)

// raced is the verdict that the pipeline itself answers, by sending again.
const raced = "raced"

// answers are the verdicts that a function can get from the queries it uses.
type answers map[*ast.FuncDecl]*answer

type answer struct {
	folder   string
	verdicts map[string]bool
}

// checkUses reports a query that nothing uses, and verdicts without a case in
// a function that does.
func checkUses(q *query, code *goCode, known answers) []problem {
	var problems []problem
	report := func(format string, args ...any) {
		problems = append(problems, problem{q.file, q.line, q.name, fmt.Sprintf(format, args...)})
	}
	uses := code.uses[q.name]
	if len(uses) == 0 {
		report("no Go code uses it")
	}
	answered, err := verdicts(q)
	if err != nil {
		report("%v", err)
	}
	for _, u := range uses {
		if len(answered) == 0 {
			break
		}
		if u.function == nil {
			report("used outside of a function: %s", u.where)
			continue
		}
		if known[u.function] == nil {
			known[u.function] = &answer{u.folder, map[string]bool{}}
		}
		cases := code.cases(u.folder, u.function)
		for _, v := range answered {
			known[u.function].verdicts[v] = true
			if _, ok := cases[v]; !ok && v != raced {
				report("verdict %q has no case in %s (%s)", v, u.function.Name.Name, u.where)
			}
		}
	}
	return problems
}

// deadCases reports cases for verdicts that none of the function's queries
// answers: a refusal that cannot happen, or a verdict that was misspelt.
func (a answers) deadCases(code *goCode) []problem {
	var problems []problem
	for function, got := range a {
		for v, where := range code.cases(got.folder, function) {
			if !got.verdicts[v] {
				problems = append(problems, problem{where.Filename, where.Line, function.Name.Name,
					fmt.Sprintf("no query that it uses answers %q", v)})
			}
		}
	}
	return problems
}
