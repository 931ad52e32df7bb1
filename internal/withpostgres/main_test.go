package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/internal/pgserver"
)

// envChild makes the test binary the program, so that its signals and its exit
// code are real ones; envCommand makes it a command that the program runs.
const (
	envChild   = "WITHPOSTGRES_TEST_CHILD"
	envCommand = "WITHPOSTGRES_TEST_COMMAND"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envCommand) == "query":
		os.Exit(queryURLs(context.Background()))
	case os.Getenv(envChild) != "":
		os.Exit(run(context.Background(), os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

// queryURLs is a command that uses what it was given, and prints it.
func queryURLs(ctx context.Context) int {
	url := os.Getenv(pgserver.EnvURL)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := conn.Close(ctx); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, url, os.Getenv("DATABASE_URL"), os.Getenv("OTHER_URL"))
	return 0
}

// program is withpostgres with a server of its own, whatever the environment
// of the tests says.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, pgserver.EnvURL+"=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, envChild+"=1")
	return cmd
}

// sh is a program that runs a script.
func sh(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	return program(t, "--", "sh", "-c", script)
}

func requireGone(t *testing.T, url string) {
	t.Helper()
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "connect")
}

func TestRun(t *testing.T) {
	t.Parallel()

	t.Run("PassesURLOn", func(t *testing.T) {
		t.Parallel()
		cmd := program(t, "-env", "DATABASE_URL", "-env", "OTHER_URL", "--", "env", envCommand+"=query", os.Args[0])
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, stderr.String())
		require.Contains(t, stderr.String(), "elevate: PostgreSQL ")

		urls := strings.Fields(string(out))
		require.Len(t, urls, 3)
		require.Equal(t, urls[0], urls[1])
		require.Equal(t, urls[0], urls[2])
		requireGone(t, urls[0])
	})

	t.Run("PassesInputOn", func(t *testing.T) {
		t.Parallel()
		cmd := program(t, "--", "cat")
		cmd.Stdin = strings.NewReader("said")
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, "said", string(out))
	})

	t.Run("PassesCodeBack", func(t *testing.T) {
		t.Parallel()
		cmd := sh(t, "echo $"+pgserver.EnvURL+"; exit 7")
		out, err := cmd.Output()
		require.Error(t, err)
		require.Equal(t, 7, cmd.ProcessState.ExitCode())
		requireGone(t, strings.TrimSpace(string(out)))
	})

	t.Run("PassesSignalOn", func(t *testing.T) {
		t.Parallel()
		for name, sent := range map[string]syscall.Signal{
			"HUP":  syscall.SIGHUP,
			"INT":  syscall.SIGINT,
			"TERM": syscall.SIGTERM,
		} {
			note := filepath.Join(t.TempDir(), "note")
			cmd := sh(t, "trap 'exit 42' "+name+"; echo $"+pgserver.EnvURL+" >"+note+"; while :; do sleep 0.05; done")
			require.NoError(t, cmd.Start())
			url := readNote(t, note)
			require.NoError(t, cmd.Process.Signal(sent))
			require.Error(t, cmd.Wait())
			require.Equal(t, 42, cmd.ProcessState.ExitCode())
			requireGone(t, url)
		}
	})

	t.Run("ReportsSignalOfCommand", func(t *testing.T) {
		t.Parallel()
		cmd := sh(t, "kill -KILL $$")
		require.Error(t, cmd.Run())
		require.Equal(t, 128+int(syscall.SIGKILL), cmd.ProcessState.ExitCode())
	})

	t.Run("ServerEndsWithKilledProgram", func(t *testing.T) {
		t.Parallel()
		note := filepath.Join(t.TempDir(), "note")
		// The command lives on for a while, as tests do whose runner is killed.
		cmd := sh(t, "echo $"+pgserver.EnvURL+" >"+note+"; exec sleep 5")
		require.NoError(t, cmd.Start())
		url := readNote(t, note)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		require.Eventually(t, func() bool {
			conn, err := pgx.Connect(t.Context(), url)
			if err == nil {
				_ = conn.Close(t.Context())
			}
			return err != nil
		}, 20*time.Second, 20*time.Millisecond)
	})

	t.Run("ErrorIfCommandIsUnknown", func(t *testing.T) {
		t.Parallel()
		cmd := program(t, "--", "/nowhere/command")
		require.Error(t, cmd.Run())
		require.Equal(t, codeNoRun, cmd.ProcessState.ExitCode())
	})

	t.Run("ErrorIfNoServer", func(t *testing.T) {
		t.Parallel()
		cmd := program(t, "--", "true")
		cmd.Env = append(cmd.Env, pgserver.EnvProvider+"=none")
		require.Error(t, cmd.Run())
		require.Equal(t, codeServer, cmd.ProcessState.ExitCode())
	})

	t.Run("ErrorIfNoCommand", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{nil, {"--"}, {"-env"}, {"-env", "A=B", "--", "true"}, {"-other"}} {
			cmd := program(t, args...)
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, codeUsage, cmd.ProcessState.ExitCode())
			require.Contains(t, string(out), "usage: withpostgres")
		}
	})
}

// readNote waits for a line in a file.
func readNote(t *testing.T, path string) string {
	t.Helper()
	var line string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		line = string(text)
		return err == nil && strings.HasSuffix(line, "\n")
	}, time.Minute, 20*time.Millisecond)
	return strings.TrimSpace(line)
}
