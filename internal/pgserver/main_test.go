package pgserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// envChild makes the test binary a program that starts a server, prints what it
// got and ends when its stdin does. The chain reads the environment and is about
// the ends of processes, so its tests need one for each server.
const envChild = "PGSERVER_TEST_CHILD"

// patience is for a machine that has other things to do; the last resort of
// run.sh alone takes ten seconds.
const patience = time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(envChild) != "" {
		os.Exit(child(context.Background(), os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func child(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	srv, err := Start(ctx, stderr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	// The server must be no burden to a test binary that looks for leaks.
	if err := goleak.Find(); err != nil {
		_, _ = fmt.Fprintln(stderr, err, srv.Stop())
		return 1
	}
	_, _ = fmt.Fprintln(stdout, srv.Link, srv.Version, srv.URL)
	_, _ = io.Copy(io.Discard, stdin)
	for range 2 { // Stop is idempotent
		if err := srv.Stop(); err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			return 1
		}
	}
	return 0
}

// starter is a process that starts a server.
type starter struct {
	cmd     *exec.Cmd
	link    string
	stderr  *lockedBuffer
	stdin   io.WriteCloser
	stdout  io.Reader
	url     string
	version int
}

// launch begins to start a server in a process of its own, with nothing in the
// environment that the chain reads but env.
func launch(t *testing.T, change func(*exec.Cmd), env ...string) *starter {
	t.Helper()
	// No context: it is killed, or ends with stdin.
	s := &starter{cmd: exec.Command(os.Args[0]), stderr: &lockedBuffer{}} //nolint:noctx // see above
	s.cmd.Env = append(cleanEnv(), append(env, envChild+"=1")...)
	s.cmd.Stderr = s.stderr
	if change != nil {
		change(s.cmd)
	}
	var err error
	s.stdin, err = s.cmd.StdinPipe()
	require.NoError(t, err)
	s.stdout, err = s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		_ = s.stdin.Close()
		_ = s.cmd.Wait()
	})
	return s
}

// await returns when the server is there, or with what the process said.
func (s *starter) await(t *testing.T) error {
	t.Helper()
	line, err := bufio.NewReader(s.stdout).ReadString('\n')
	if err != nil {
		_ = s.cmd.Wait()
		return errors.New(s.stderr.String())
	}
	_, err = fmt.Sscan(line, &s.link, &s.version, &s.url)
	require.NoError(t, err)
	return nil
}

func startChild(t *testing.T, env ...string) (*starter, error) {
	t.Helper()
	s := launch(t, nil, env...)
	return s, s.await(t)
}

// finish lets the process end in good order.
func (s *starter) finish(t *testing.T) {
	t.Helper()
	require.NoError(t, s.stdin.Close())
	require.NoError(t, s.cmd.Wait(), s.stderr)
}

// kill ends the process as kill -9 does.
func (s *starter) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Kill())
	require.Error(t, s.cmd.Wait())
}

func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case EnvURL, EnvProvider, EnvImage, EnvBin, EnvRepository:
		default:
			env = append(env, kv)
		}
	}
	return env
}

func query[T any](t *testing.T, url, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var value T
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

// requireThrowAway checks what is asked of every server that was started.
func requireThrowAway(t *testing.T, s *starter) {
	t.Helper()
	require.Equal(t, fmt.Sprint(s.version), query[string](t, s.url, "SHOW server_version_num"))
	require.Equal(t, "off", query[string](t, s.url, "SHOW fsync"))
	require.Equal(t, "off", query[string](t, s.url, "SHOW full_page_writes"))
	require.Equal(t, "UTF8", query[string](t, s.url, "SHOW server_encoding"))
	require.True(t, query[bool](t, s.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
	require.GreaterOrEqual(t, query[int](t, s.url, "SELECT current_setting('max_connections')::int"), 200)
	// One order and one case on all links.
	require.True(t, query[bool](t, s.url, "SELECT 'Z' < 'a' AND lower('ÉÇ') = 'éç'"))

	config, err := pgx.ParseConfig(s.url)
	require.NoError(t, err)
	config.Password = "wrong"
	_, err = pgx.ConnectConfig(t.Context(), config)
	require.ErrorContains(t, err, "28P01")
}

// awaitGone returns when nothing answers at url any more.
func awaitGone(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			_ = conn.Close(ctx)
		}
		return err != nil
	}, patience, 20*time.Millisecond)
}

// lockedBuffer is written by a process while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
