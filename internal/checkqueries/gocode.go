package main

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// goCode is what the checks need of the Go sources.
type goCode struct {
	uses      map[string][]use             // by method or function name
	constants map[string]map[string]string // of strings, by folder and name
	files     *gotoken.FileSet
}

// use is a mention x.Name inside a function.
type use struct {
	folder, where string
	function      *ast.FuncDecl // nil outside of any
}

// parseGo reads the module's Go files: no tests, which keep no query alive, not
// the generated package, and no modules below.
func parseGo(root fs.FS) (*goCode, error) {
	code := &goCode{
		uses:      map[string][]use{},
		constants: map[string]map[string]string{},
		files:     gotoken.NewFileSet(),
	}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, other := fs.Stat(root, path.Join(name, "go.mod"))
			hidden := strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"
			if name != "." && (hidden || name == "db" || other == nil) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(code.files, name, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		code.add(path.Dir(name), file)
		return nil
	})
	return code, err
}

func (c *goCode) add(folder string, file *ast.File) {
	for _, decl := range file.Decls {
		function, _ := decl.(*ast.FuncDecl)
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				where := c.files.Position(n.Sel.Pos()).String()
				c.uses[n.Sel.Name] = append(c.uses[n.Sel.Name], use{folder, where, function})
			case *ast.ValueSpec:
				c.addConstants(folder, n)
			}
			return true
		})
	}
}

func (c *goCode) addConstants(folder string, spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			return
		}
		if text, ok := stringLiteral(spec.Values[i]); ok {
			if c.constants[folder] == nil {
				c.constants[folder] = map[string]string{}
			}
			c.constants[folder][name.Name] = text
		}
	}
}

func stringLiteral(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != gotoken.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// isVerdict reports whether a switch is over row.Verdict or, of a query with no
// other column, verdict.
func isVerdict(tag ast.Expr) bool {
	switch tag := tag.(type) {
	case *ast.SelectorExpr:
		return tag.Sel.Name == "Verdict"
	case *ast.Ident:
		return tag.Name == verdict
	default:
		return false
	}
}

// cases lists the verdicts that the function has cases for.
func (c *goCode) cases(folder string, function *ast.FuncDecl) map[string]gotoken.Position {
	found := map[string]gotoken.Position{}
	ast.Inspect(function, func(n ast.Node) bool {
		statement, ok := n.(*ast.SwitchStmt)
		if !ok || !isVerdict(statement.Tag) {
			return true
		}
		for _, s := range statement.Body.List {
			clause, ok := s.(*ast.CaseClause)
			if !ok {
				continue // the grammar has nothing else here
			}
			for _, e := range clause.List {
				text, ok := stringLiteral(e)
				if name, isName := e.(*ast.Ident); isName {
					text, ok = c.constants[folder][name.Name]
				}
				if ok {
					found[text] = c.files.Position(e.Pos())
				}
			}
		}
		return true
	})
	return found
}
