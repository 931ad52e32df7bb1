//go:build linux || darwin

package pgserver

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		out          string
		major, minor int
	}{
		"Plain":       {out: "postgres (PostgreSQL) 17.5\n", major: 17, minor: 5},
		"Debian":      {out: "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", major: 15, minor: 14},
		"Homebrew":    {out: "postgres (PostgreSQL) 18.1 (Homebrew)\n", major: 18, minor: 1},
		"Beta":        {out: "postgres (PostgreSQL) 19beta2\n", major: 19},
		"Development": {out: "postgres (PostgreSQL) 19devel\n", major: 19},
		"Old":         {out: "postgres (PostgreSQL) 9.6.24\n", major: 9, minor: 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			major, minor, err := parseVersion(tc.out)
			require.NoError(t, err)
			require.Equal(t, tc.major, major)
			require.Equal(t, tc.minor, minor)
		})
	}

	for _, out := range []string{"", "initdb (PostgreSQL)", "postgres 17.5", "(PostgreSQL) 99999999999999999999"} {
		_, _, err := parseVersion(out)
		require.Error(t, err, out)
	}
}

// installed makes a directory that looks like an installation to the finder.
func installed(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres"), []byte(script), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "initdb"), []byte(script), 0o755))
	return dir
}

// TestFindBinaries changes the environment, and so runs alone.
func TestFindBinaries(t *testing.T) {
	old, newer, beta, same := installed(t, "15.9"), installed(t, "15.10"), installed(t, "99beta1"), t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(beta, "postgres"), filepath.Join(same, "postgres")))
	require.NoError(t, os.Symlink(filepath.Join(beta, "initdb"), filepath.Join(same, "initdb")))
	outdated := installed(t, "14.1")
	list := string(os.PathListSeparator)

	t.Setenv("PATH", "/nowhere"+list+outdated+list+old+list+beta+list+same+list+newer)
	t.Setenv(EnvBin, "")
	found, err := findBinaries(t.Context())
	require.NoError(t, err)
	var dirs []string
	for _, b := range found {
		dirs = append(dirs, b.dir)
	}
	// Those of this machine's packages may be among them.
	require.Equal(t, beta, dirs[0])
	require.NotContains(t, dirs, same)
	require.NotContains(t, dirs, outdated)
	require.Subset(t, dirs, []string{newer, old})
	require.Less(t, slices.Index(dirs, newer), slices.Index(dirs, old))

	t.Setenv(EnvBin, old)
	found, err = findBinaries(t.Context())
	require.NoError(t, err)
	require.Equal(t, []binaries{{dir: old, major: 15, minor: 9}}, found)

	t.Setenv(EnvBin, outdated)
	_, err = findBinaries(t.Context())
	require.ErrorContains(t, err, "PostgreSQL 14 in "+outdated+" is too old")
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() // its parent is its owner's alone
	require.False(t, open(dir))
	require.True(t, open("/tmp"))
	require.False(t, open("/nowhere"))
}
