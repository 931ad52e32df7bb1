//go:build pgbin && (linux || darwin)

// The tests of the links that run PostgreSQL's own programs need them on the
// machine: go test -tags pgbin. Run as root, they are run as root and as
// somebody else.

package pgserver

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// home is a directory for a process of another user: its TMPDIR, and a copy of
// this test binary, which only its owner can reach.
type home struct {
	binary, dir, tmp string
	owner            *account
}

func newHome(t *testing.T, owner *account) *home {
	t.Helper()
	base := t.TempDir()
	if owner != nil {
		base = openDir(t)
	}
	h := &home{binary: filepath.Join(base, "test"), dir: base, tmp: filepath.Join(base, "tmp"), owner: owner}
	require.NoError(t, os.Mkdir(h.tmp, 0o700))
	text, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	// A child that another test forks now would have the file open for writing, and
	// until it has run its own program nobody could run this one (ETXTBSY).
	syscall.ForkLock.RLock()
	err = os.WriteFile(h.binary, text, 0o755)
	syscall.ForkLock.RUnlock()
	require.NoError(t, err)
	if owner != nil {
		require.NoError(t, os.Chmod(base, 0o755))
		require.NoError(t, os.Chown(base, owner.uid, owner.gid))
		require.NoError(t, os.Chown(h.tmp, owner.uid, owner.gid))
	}
	return h
}

// start starts a server as the owner.
func (h *home) start(t *testing.T, env ...string) (*starter, error) {
	t.Helper()
	s := h.launch(t, env...)
	return s, s.await(t)
}

func (h *home) launch(t *testing.T, env ...string) *starter {
	t.Helper()
	return launch(t, func(cmd *exec.Cmd) {
		cmd.Path, cmd.Dir = h.binary, h.dir
		if h.owner != nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Credential: &syscall.Credential{Uid: uint32(h.owner.uid), Gid: uint32(h.owner.gid)},
			}
		}
	}, append(env, "HOME="+h.dir, "TMPDIR="+h.tmp, "XDG_CACHE_HOME="+filepath.Join(h.dir, "cache"))...)
}

// requireClean checks that no file of a server is left.
func (h *home) requireClean(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		left, err := filepath.Glob(filepath.Join(h.tmp, "elevate-postgres-*"))
		return err == nil && len(left) == 0
	}, patience, 20*time.Millisecond)
}

// eachUser runs the test as this user, and if that is root, also as another.
func eachUser(t *testing.T, test func(t *testing.T, owner *account)) {
	t.Helper()
	other, err := serverUser()
	require.NoError(t, err)
	name := "AsUser"
	if other != nil {
		name = "AsRoot"
		t.Run("AsOther", func(t *testing.T) {
			t.Parallel()
			test(t, other)
		})
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t, nil)
	})
}

func TestStartLocal(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, owner *account) {
		t.Helper()

		t.Run("Starts", func(t *testing.T) {
			t.Parallel()
			h := newHome(t, owner)
			s, err := h.start(t, EnvProvider+"=local", "PGPORT=1", "PGDATA=/nowhere", "LC_ALL=de_DE")
			require.NoError(t, err)
			require.Equal(t, "local", s.link)
			requireThrowAway(t, s)
			s.finish(t)
			require.Contains(t, s.stderr.String(), "elevate: PostgreSQL "+readable(s.version)+" from /")
			awaitGone(t, s.url)
			h.requireClean(t)
		})

		t.Run("FoundWhenThereIsNoEngine", func(t *testing.T) {
			t.Parallel()
			h := newHome(t, owner)
			s, err := h.start(t, "DOCKER_HOST=unix://"+h.dir+"/docker.sock")
			require.NoError(t, err)
			require.Equal(t, "local", s.link)
			s.finish(t)
		})

		t.Run("EndsWithKilledProcess", func(t *testing.T) {
			t.Parallel()
			h := newHome(t, owner)
			s, err := h.start(t, EnvProvider+"=local")
			require.NoError(t, err)
			data := query[string](t, s.url, "SHOW data_directory")
			postmaster := readPID(t, filepath.Join(data, "postmaster.pid"))

			s.kill(t)
			awaitEnded(t, postmaster)
			awaitGone(t, s.url)
			awaitRemoved(t, filepath.Dir(data))
		})

		t.Run("EndsWithProcessKilledWhileStarting", func(t *testing.T) {
			t.Parallel()
			h := newHome(t, owner)
			// An initdb that is never done and never asks for the signal, so
			// that this is also the test of the last resort.
			bin := fakeBinaries(t, `pwd >"${0%/*}/../dir"
echo $$ >"${0%/*}/../pid"
while :; do sleep 0.1; done`)
			s := h.launch(t, EnvProvider+"=local", EnvBin+"="+bin)
			initdb := readPID(t, filepath.Join(bin, "../pid"))
			dir, err := os.ReadFile(filepath.Join(bin, "../dir"))
			require.NoError(t, err)
			require.DirExists(t, strings.TrimSpace(string(dir)))

			s.kill(t)
			awaitEnded(t, initdb)
			awaitRemoved(t, strings.TrimSpace(string(dir)))
		})

		t.Run("ErrorSaysWhatTheServerSaid", func(t *testing.T) {
			t.Parallel()
			h := newHome(t, owner)
			_, err := h.start(t, EnvProvider+"=local",
				EnvBin+"="+fakeBinaries(t, "echo 'initdb: error: out of luck'; exit 1"))
			require.ErrorContains(t, err, "the server ended:\ninitdb: error: out of luck")
			h.requireClean(t)
		})
	})
}

// TestRunOnTakenPort holds a port that the server is then told to take.
func TestRunOnTakenPort(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	found, err := findBinaries(t.Context())
	require.NoError(t, err)
	address, ok := listener.Addr().(*net.TCPAddr)
	require.True(t, ok)

	_, err = runOn(t.Context(), found[0].dir, address.Port)
	require.ErrorIs(t, err, errPortTaken)
}

func TestStartEmbedded(t *testing.T) {
	t.Parallel()

	t.Run("DownloadsOnce", func(t *testing.T) {
		t.Parallel()
		repository := serveRepository(t)
		h := newHome(t, notRoot(t))

		// The packages of a test run come at the same time.
		starters := make([]*starter, 3)
		for i := range starters {
			starters[i] = h.launch(t, EnvProvider+"=embedded", EnvRepository+"="+repository.URL+"/")
		}
		var said strings.Builder
		for _, s := range starters {
			require.NoError(t, s.await(t))
			require.Equal(t, "embedded", s.link)
			requireThrowAway(t, s)
			s.finish(t)
			require.Contains(t, s.stderr.String(), "elevate: embedded PostgreSQL "+readable(s.version)+" from "+h.dir)
			said.WriteString(s.stderr.String())
			awaitGone(t, s.url)
		}
		require.EqualValues(t, 1, repository.downloads.Load())
		require.Equal(t, 1, strings.Count(said.String(), "downloading"))
		require.Contains(t, said.String(),
			fmt.Sprintf("(%.0f MB, once) from %s", float64(repository.size)/1e6, repository.URL))
		h.requireClean(t)

		// From now on without the repository.
		s, err := h.start(t, EnvProvider+"=embedded", EnvRepository+"=http://127.0.0.1:1")
		require.NoError(t, err)
		data := query[string](t, s.url, "SHOW data_directory")
		s.kill(t)
		awaitGone(t, s.url)
		awaitRemoved(t, filepath.Dir(data))
		left, err := filepath.Glob(filepath.Join(h.dir, "cache", "elevate", "download-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})

	t.Run("KilledWhileDownloading", func(t *testing.T) {
		t.Parallel()
		asked, blocked := make(chan struct{}, 1), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				asked <- struct{}{}
				<-blocked
			}
		}))
		t.Cleanup(server.Close)
		t.Cleanup(func() { close(blocked) })
		h := newHome(t, notRoot(t))
		s := h.launch(t, EnvProvider+"=embedded", EnvRepository+"="+server.URL)
		<-asked
		left, err := filepath.Glob(filepath.Join(h.dir, "cache", "elevate", "download-*"))
		require.NoError(t, err)
		require.Len(t, left, 1)

		s.kill(t)
		awaitRemoved(t, left[0])
	})

	t.Run("ErrorIfNotInRepository", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		_, err := newHome(t, notRoot(t)).start(t, EnvProvider+"=embedded", EnvRepository+"="+server.URL)
		require.ErrorContains(t, err, "404 Not Found")
	})

	t.Run("ErrorIfDownloadIsBroken", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("no archive"))
		}))
		t.Cleanup(server.Close)
		h := newHome(t, notRoot(t))
		_, err := h.start(t, EnvProvider+"=embedded", EnvRepository+"="+server.URL)
		require.ErrorContains(t, err, "try the embedded PostgreSQL: ")
		left, err := filepath.Glob(filepath.Join(h.dir, "cache", "elevate", "*-*"))
		require.NoError(t, err)
		require.Len(t, left, 1, "only the lock") // and no half of a PostgreSQL
	})
}

// notRoot is a user that the embedded PostgreSQL runs as.
func notRoot(t *testing.T) *account {
	t.Helper()
	owner, err := serverUser()
	require.NoError(t, err)
	return owner
}

// repository serves this machine's own PostgreSQL as the Maven repository serves
// the embedded one.
type repository struct {
	*httptest.Server

	downloads atomic.Int32
	size      int
}

func serveRepository(t *testing.T) *repository {
	t.Helper()
	found, err := findBinaries(t.Context())
	require.NoError(t, err)
	program, err := filepath.EvalSymlinks(filepath.Join(found[0].dir, "postgres"))
	require.NoError(t, err)
	prefix := filepath.Dir(filepath.Dir(program))

	// Where share/ is not beside bin/, as in Debian, the programs find it by
	// the path that was compiled into them.
	parts := []string{"bin", "lib"}
	if _, err := os.Stat(filepath.Join(prefix, "share")); err == nil {
		parts = append(parts, "share")
	}
	txz := filepath.Join(t.TempDir(), "postgres.txz")
	cmd := exec.CommandContext(t.Context(), "tar", append([]string{
		"-C", prefix, "--exclude=bitcode", "--exclude=llvmjit*", "-cJf", txz,
	}, parts...)...)
	cmd.Env = append(os.Environ(), "XZ_OPT=-0 -T0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	archive, err := os.ReadFile(txz)
	require.NoError(t, err)

	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "postgres.txz", Method: zip.Store})
	require.NoError(t, err)
	_, err = w.Write(archive)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	sum := sha256.Sum256(jar.Bytes())

	r := &repository{size: jar.Len()}
	mux := http.NewServeMux()
	mux.HandleFunc(archivePath(), func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(jar.Len()))
		if req.Method == http.MethodGet {
			r.downloads.Add(1)
			_, _ = w.Write(jar.Bytes())
		}
	})
	mux.HandleFunc(archivePath()+".sha256", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(hex.EncodeToString(sum[:])))
	})
	r.Server = httptest.NewServer(mux)
	t.Cleanup(r.Close)
	return r
}

// openDir is a directory that every user can reach, which those of a test are
// not.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgserver-test-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// fakeBinaries are programs that every user can run, with an initdb that does
// as told.
func fakeBinaries(t *testing.T, initdb string) string {
	t.Helper()
	dir := openDir(t)
	require.NoError(t, os.Chmod(dir, 0o777)) // initdb leaves notes there
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	for name, text := range map[string]string{
		"initdb":   initdb,
		"postgres": "echo 'postgres (PostgreSQL) 17.5'",
	} {
		syscall.ForkLock.RLock() // as in newHome
		err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755)
		syscall.ForkLock.RUnlock()
		require.NoError(t, err)
	}
	return bin
}

// readPID waits for a file that begins with the number of a process.
func readPID(t *testing.T, path string) int {
	t.Helper()
	var pid int
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(text), &pid)
		return err == nil
	}, patience, 20*time.Millisecond)
	return pid
}

func awaitEnded(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}, patience, 20*time.Millisecond)
}

func awaitRemoved(t *testing.T, path string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist)
	}, patience, 20*time.Millisecond)
}
