//go:build linux || darwin

package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// binaries are the server programs of one installation.
type binaries struct {
	dir          string
	major, minor int
}

func startLocal(ctx context.Context, stderr io.Writer) (*Server, error) {
	found, err := findBinaries(ctx)
	if err != nil {
		return nil, err
	}
	// The newest may be broken where an older one is not: Homebrew leaves
	// programs behind whose libraries are gone.
	var causes []error
	for _, b := range found {
		srv, err := run(ctx, b.dir)
		if err == nil {
			announcef(stderr, "PostgreSQL %s from %s", readable(srv.Version), b.dir)
			return srv, nil
		}
		causes = append(causes, fmt.Errorf("%s: %w", b.dir, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(causes...)
}

// findBinaries returns the installations that are new enough, newest first.
func findBinaries(ctx context.Context) ([]binaries, error) {
	var (
		causes []error
		found  []binaries
		seen   = map[string]bool{}
	)
	for _, dir := range binaryDirs() {
		program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil || seen[program] {
			continue
		}
		seen[program] = true
		b, err := inspect(ctx, dir)
		if err != nil {
			causes = append(causes, err)
			continue
		}
		found = append(found, b)
	}
	if len(found) > 0 {
		slices.SortStableFunc(found, func(a, b binaries) int {
			return cmp.Or(cmp.Compare(b.major, a.major), cmp.Compare(b.minor, a.minor))
		})
		return found, nil
	}
	if len(causes) > 0 {
		return nil, errors.Join(causes...)
	}
	if dir := os.Getenv(EnvBin); dir != "" {
		return nil, fmt.Errorf("no initdb and postgres in %s, which %s names", dir, EnvBin)
	}
	return nil, errors.New("no initdb and postgres on PATH or where packages put them")
}

func binaryDirs() []string {
	if dir := os.Getenv(EnvBin); dir != "" {
		return []string{dir}
	}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		// The only error is that of a malformed pattern.
		matches, _ := filepath.Glob(pattern)
		dirs = append(dirs, matches...)
	}
	return dirs
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+))?`)

func inspect(ctx context.Context, dir string) (binaries, error) {
	var none binaries
	// Client packages bring neither, and some put initdb elsewhere.
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return none, fmt.Errorf("postgres without initdb in %s: %w", dir, err)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return none, fmt.Errorf("version of %s: %w", dir, err)
	}
	major, minor, err := parseVersion(string(out))
	if err != nil {
		return none, fmt.Errorf("version of %s: %w", dir, err)
	}
	if major < minVersion {
		return none, fmt.Errorf("PostgreSQL %d in %s is too old, %d is the oldest that works", major, dir, minVersion)
	}
	return binaries{dir: dir, major: major, minor: minor}, nil
}

// parseVersion reads what postgres --version prints; a version in development
// has a word where others have a minor number, which then counts as 0.
func parseVersion(out string) (major, minor int, err error) {
	m := versionPattern.FindStringSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("cannot read %q", out)
	}
	major, err = strconv.Atoi(m[1])
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read %q: %w", out, err)
	}
	if m[2] == "" {
		return major, 0, nil
	}
	minor, err = strconv.Atoi(m[2])
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read %q: %w", out, err)
	}
	return major, minor, nil
}
