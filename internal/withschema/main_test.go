package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/internal/pgserver"
)

var server string

// asCommand makes this test binary the command that is run: it writes what it
// found to the file that is named.
const asCommand = "ELEVATE_TEST_WITHSCHEMA"

func TestMain(m *testing.M) {
	if file := os.Getenv(asCommand); file != "" {
		if err := command(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(3)
	}
	s, err := pgserver.Start(context.Background(), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server = s.URL
	code := m.Run()
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func command(file string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv("ELEVATE_VET_DATABASE_URL"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var database, searchPath string
	var users int
	err = conn.QueryRow(ctx, `SELECT current_database(), current_setting('search_path'),
		(SELECT count(*) FROM public.users)`).Scan(&database, &searchPath, &users)
	if err != nil {
		return err
	}
	return os.WriteFile(file, fmt.Appendf(nil, "%s|%s|%d", database, searchPath, users), 0o600)
}

func TestRun(t *testing.T) {
	cases := map[string]string{"NoSearchPath": "", "SearchPath": "public"}
	for name, searchPath := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "found")
			t.Setenv(asCommand, file)
			err := run(t.Context(), server, searchPath, []string{os.Args[0]})
			exit, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, 3, exit.ExitCode())

			found, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Regexp(t, `^elevate_vet_[0-9a-f-]{36}\|(""|`+searchPath+`)\|0$`, string(found))

			conn, err := pgx.Connect(t.Context(), server)
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close(context.Background())) }()
			var left bool
			database := string(found[:len("elevate_vet_")+36])
			err = conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).
				Scan(&left)
			require.NoError(t, err)
			require.False(t, left)
		})
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		server string
		args   []string
		want   string
	}{
		"NoCommand":      {server, nil, "no command"},
		"NoServer":       {"", []string{"true"}, "ELEVATE_TEST_DATABASE_URL is not the URL of a server"},
		"NoURL":          {"host=localhost", []string{"true"}, "ELEVATE_TEST_DATABASE_URL is not the URL of a server"},
		"UnknownCommand": {server, []string{"./unknown"}, "no such file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, run(t.Context(), c.server, "", c.args), c.want)
		})
	}
}
