package elevate_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestReadme(t *testing.T) {
	t.Parallel()
	readme := readText(t, "README.md")
	program, _, _ := strings.Cut(readme, "\n```\n")
	_, program, found := strings.Cut(program, "```go\n")
	require.True(t, found, "no program")
	program += "\n"

	t.Run("ProgramIsTheExample", func(t *testing.T) {
		t.Parallel()
		example := readText(t, "example_test.go")
		_, example, _ = strings.Cut(example, "func Example() {\n\tdefer exampleEnvironment()() // sets DATABASE_URL\n")
		body, rest, found := strings.Cut(example, "\n\n\t// Output:\n")
		require.True(t, found, "no example")
		_, helpers, _ := strings.Cut(rest, "\n}\n")
		_, main, _ := strings.Cut(program, "func main() {\n")
		require.Equal(t, body+"\n}\n"+helpers, main)
	})

	t.Run("IsShort", func(t *testing.T) {
		t.Parallel()
		require.LessOrEqual(t, strings.Count(readme, "\n"), 250)
	})

	t.Run("ProgramRunsTwice", func(t *testing.T) {
		t.Parallel()
		databaseURL, drop := exampleDatabase()
		t.Cleanup(drop)
		file := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(file, []byte(program), 0o600))
		for range 2 {
			cmd := exec.CommandContext(t.Context(), "go", "run", file)
			cmd.Env = append(os.Environ(), "DATABASE_URL="+databaseURL)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			require.Contains(t, readme, "it prints\n\n    "+string(out)+"\n")
		}
	})

	t.Run("NamesEveryOperation", func(t *testing.T) {
		t.Parallel()
		store := reflect.TypeFor[*elevate.Store]()
		for method := range store.Methods() {
			require.Contains(t, readme, "`"+method.Name+"`")
		}
	})

	t.Run("LinksToFiles", func(t *testing.T) {
		t.Parallel()
		prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(readme, "")
		for _, link := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(prose, -1) {
			_, err := os.Stat(link[1])
			require.NoError(t, err)
		}
	})
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
