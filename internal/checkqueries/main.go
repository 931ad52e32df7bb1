// Checkqueries fails when queries/ breaks a rule that neither sqlc nor
// PostgreSQL enforces: every query is used, documented and bounded, its names
// carry the schema that the pipeline replaces, and Go has a case for each
// verdict it can answer with.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

type problem struct {
	file  string
	line  int
	query string // empty for what concerns the file
	text  string
}

func (p problem) String() string {
	if p.query == "" {
		return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.file, p.line, p.query, p.text)
}

func main() {
	root := flag.String("root", ".", "root of the module")
	flag.Parse()
	problems, err := check(os.DirFS(*root))
	if err != nil {
		fmt.Fprintln(os.Stderr, "checkqueries:", err)
		os.Exit(2)
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// check reads the module at root and lists what breaks a rule.
func check(root fs.FS) ([]problem, error) {
	ours, err := migrations(root)
	if err != nil {
		return nil, err
	}
	code, err := parseGo(root)
	if err != nil {
		return nil, err
	}
	files, err := glob(root, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	var problems []problem
	known := answers{}
	for _, file := range files {
		sql, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, err
		}
		queries, broken := parseQueries(file, string(sql))
		problems = append(problems, broken...)
		problems = append(problems, checkPlacement(file, string(sql), ours)...)
		for _, q := range queries {
			problems = append(problems, checkQuery(q)...)
			problems = append(problems, checkUses(q, code, known)...)
		}
	}
	problems = append(problems, known.deadCases(code)...)
	slices.SortStableFunc(problems, func(a, b problem) int {
		if a.file != b.file {
			return strings.Compare(a.file, b.file)
		}
		return a.line - b.line
	})
	return problems, nil
}

func glob(root fs.FS, pattern string) ([]string, error) {
	files, err := fs.Glob(root, pattern)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no file %s", pattern)
	}
	return files, err
}

func migrations(root fs.FS) (*objects, error) {
	files, err := glob(root, "schema/*.up.sql")
	if err != nil {
		return nil, err
	}
	ours := newObjects()
	for _, file := range files {
		sql, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, err
		}
		if err := ours.add(string(sql)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return ours, nil
}
