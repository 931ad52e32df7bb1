package elevate_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	gotypes "go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the snippets of the pages leave to their reader.
const docsPreamble = `package docs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
	"github.com/elevateforhumanity/elevate/schema"
)

var (
	ctx                                  context.Context
	t                                    *testing.T
	w                                    io.Writer
	pool                                 *pgxpool.Pool
	config                               *pgx.ConnConfig
	store, me, shop, feed                *elevate.Store
	stores                               map[string]*elevate.Store
	cookie                               *http.Cookie
	id, userID, courseID, basics, advanced uuid.UUID
	cursor, directURL, email, password, requestID string
	err                                  error
)

var mySessions interface {
	Of(r *http.Request) struct {
		UserID uuid.UUID
		Role   elevate.Role
	}
}

func requestIDOf(r *http.Request) string
`

// TestDocsCompile type-checks the Go of every page, each snippet in a scope of its
// own. What a snippet declares and does not use is no fault there; an ellipsis on a
// line of its own stands for the reader's code.
func TestDocsCompile(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}",
		".", "./schema", "./elevatetest", "encoding/json", "net/http")
	out, err := list.Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = file
	}
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })

	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	snippet := regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n")
	ellipsis := regexp.MustCompile(`(?m)^\s*…`)
	checked := 0
	for _, page := range append(pages, "README.md") {
		for i, match := range snippet.FindAllStringSubmatch(readText(t, page), -1) {
			code := ellipsis.ReplaceAllString(match[1], "")
			switch {
			case strings.HasPrefix(code, "package "):
				continue // TestReadme runs it
			case !strings.HasPrefix(code, "func "):
				code = "func _() {\n" + code + "\n}"
			}
			file, err := parser.ParseFile(files, fmt.Sprintf("%s, snippet %d", page, i+1), docsPreamble+code, 0)
			require.NoError(t, err)
			var faults []error
			check := gotypes.Config{Importer: imports, Error: func(err error) {
				if fault, ok := errors.AsType[gotypes.Error](err); !ok || !fault.Soft {
					faults = append(faults, err)
				}
			}}
			_, _ = check.Check("docs", files, []*ast.File{file}, nil)
			require.Empty(t, faults)
			checked++
		}
	}
	require.GreaterOrEqual(t, checked, 15)
}

// TestDocsNameTests looks up every test and example that a page names as proof of
// what it says: its function, and in there the words of its subtests.
func TestDocsNameTests(t *testing.T) {
	t.Parallel()
	functions := testFunctions(t)
	name := regexp.MustCompile("`((?:Test|Example)\\w*(?:/[\\w*]+)*)`")
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		pages, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, pages, pattern)
		for _, page := range pages {
			for _, match := range name.FindAllStringSubmatch(readText(t, page), -1) {
				words := strings.Split(match[1], "/")
				body, found := functions[words[0]]
				require.True(t, found, "%s names %s, which is no test", page, words[0])
				for _, word := range words[1:] {
					if word == "X" {
						continue // any word
					}
					// The end of the literal is left open where the test adds to it.
					literal, open := strings.CutSuffix(`"`+word, "*")
					found := strings.Contains(body, literal+`"`) || strings.Contains(body, literal+"/")
					require.True(t, found || open && strings.Contains(body, literal), "%s names %s", page, match[1])
				}
			}
		}
	}
}

// TestDocsListLocks holds the table of locks against the comments of the
// operations.
func TestDocsListLocks(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(readText(t, "docs/transactions.md"), "\n| operation | locks |\n")
	table, _, found := strings.Cut(table, "\n\n")
	require.True(t, found, "no table")
	listed := map[string]bool{}
	for line := range strings.Lines(table) {
		operations, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(operations, -1) {
			listed[name[1]] = true
		}
	}
	commented := map[string]bool{}
	method := regexp.MustCompile(`(?m)((?:^//.*\n)+)^func \(s \*Store\) ([A-Z]\w*)\(`)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		for _, match := range method.FindAllStringSubmatch(readText(t, file), -1) {
			if strings.Contains(match[1], "Locks:") {
				commented[match[2]] = true
			}
		}
	}
	require.Equal(t, commented, listed)
}

// testFunctions are the bodies of all tests and examples of the module, by name;
// those of one name in several packages together.
func testFunctions(t *testing.T) map[string]string {
	t.Helper()
	functions := map[string]string{}
	header := regexp.MustCompile(`(?m)^func ((?:Test|Example)\w*)\(`)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text := readText(t, path)
		for _, at := range header.FindAllStringSubmatchIndex(text, -1) {
			body, _, _ := strings.Cut(text[at[0]:], "\n}\n")
			functions[text[at[2]:at[3]]] += body
		}
		return nil
	})
	require.NoError(t, err)
	return functions
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
