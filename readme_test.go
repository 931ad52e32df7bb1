package elevate_test

import (
	"bytes"
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
