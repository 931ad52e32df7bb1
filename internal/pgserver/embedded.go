//go:build linux || darwin

package pgserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	embeddedVersion   = embeddedpostgres.V17
	defaultRepository = "https://repo1.maven.org/maven2"
)

func startEmbedded(ctx context.Context, stderr io.Writer) (*Server, error) {
	if os.Geteuid() == 0 {
		return nil, errors.New("the embedded PostgreSQL does not run as root")
	}
	home, err := fetchEmbedded(ctx, stderr)
	if err != nil {
		return nil, err
	}
	srv, err := run(ctx, filepath.Join(home, "bin"))
	if err != nil {
		return nil, err
	}
	srv.Link = "embedded"
	announcef(stderr, "embedded PostgreSQL %s from %s", readable(srv.Version), home)
	return srv, nil
}

// fetchEmbedded returns the directory of the embedded PostgreSQL and downloads
// it on a machine that does not have it yet.
func fetchEmbedded(ctx context.Context, stderr io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the embedded PostgreSQL: %w", err)
	}
	cache = filepath.Join(cache, "elevate")
	home := filepath.Join(cache, "postgres-"+platform()+"-"+string(embeddedVersion))
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make a place for the embedded PostgreSQL: %w", err)
	}
	unlock, err := lockFile(ctx, home+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(home); err == nil {
		return home, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for the embedded PostgreSQL: %w", err)
	}

	repository := strings.TrimSuffix(cmp.Or(os.Getenv(EnvRepository), defaultRepository), "/")
	size, err := downloadSize(ctx, repository)
	if err != nil {
		return "", err
	}
	announcef(stderr, "downloading PostgreSQL %s for %s (%.0f MB, once) from %s",
		embeddedVersion, platform(), float64(size)/1e6, repository)

	dir, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return "", fmt.Errorf("make a place for the download: %w", err)
	}
	// The library can only download by starting a server too. That server is
	// stopped at once and ours started from the same binaries: with our
	// settings, and without a moment in which nobody watches it.
	guard, err := startKeeper(guardScript, nil, dir, dir)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	if err := download(ctx, dir, repository); err != nil {
		return "", errors.Join(err, guard.release(""))
	}
	// In one step, so that no other process finds half of it.
	if err := os.Rename(filepath.Join(dir, "binaries"), home); err != nil {
		return "", errors.Join(fmt.Errorf("keep the embedded PostgreSQL: %w", err), guard.release("done\n"))
	}
	if err := guard.release("done\n"); err != nil {
		return "", err
	}
	return home, nil
}

func download(ctx context.Context, dir, repository string) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	var log bytes.Buffer
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedVersion).
		Port(uint32(port)).
		CachePath(filepath.Join(dir, "archive")).
		RuntimePath(filepath.Join(dir, "runtime")).
		BinariesPath(filepath.Join(dir, "binaries")).
		DataPath(filepath.Join(dir, "data")).
		StartParameters(map[string]string{"unix_socket_directories": ""}).
		StartTimeout(startLimit).
		Logger(&log).
		BinaryRepositoryURL(repository))
	if err := server.Start(); err != nil {
		return fmt.Errorf("try the embedded PostgreSQL: %w", err)
	}
	if err := server.Stop(); err != nil {
		return fmt.Errorf("stop the embedded PostgreSQL: %w", err)
	}
	// The library downloads by the default client, whose idle connection would
	// be a leak to a test that looks for leaks.
	http.DefaultClient.CloseIdleConnections()
	return nil
}

// downloadSize asks for the size before anything is downloaded. It also tells
// why there is no download, which the library does not.
func downloadSize(ctx context.Context, repository string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	url := repository + archivePath()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("ask for the embedded PostgreSQL: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask for the embedded PostgreSQL: %w", err)
	}
	if err := res.Body.Close(); err != nil {
		return 0, fmt.Errorf("ask for the embedded PostgreSQL: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("ask for the embedded PostgreSQL: %s: %s", url, res.Status)
	}
	return res.ContentLength, nil
}

// archivePath is where a repository has the archive for this machine.
func archivePath() string {
	name := "embedded-postgres-binaries-" + platform()
	return fmt.Sprintf("/io/zonky/test/postgres/%s/%s/%s-%s.jar", name, embeddedVersion, name, embeddedVersion)
}

// platform names this machine as the repository does.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil && runtime.GOOS == "linux" {
		arch += "-alpine"
	}
	return runtime.GOOS + "-" + arch
}

// lockFile keeps the other packages of a test run from downloading too. The
// kernel unlocks for a process that ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the embedded PostgreSQL: %w", err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the embedded PostgreSQL: %w", err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock the embedded PostgreSQL: %w", ctx.Err()), file.Close())
		case <-tick.C:
		}
	}
}
