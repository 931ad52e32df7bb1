// Package pgserver finds or starts the PostgreSQL server that tests and the
// demo run on. It goes along a chain and takes the first link that holds:
//
//  1. ELEVATE_TEST_DATABASE_URL, the URL of a server that runs already.
//  2. A container, when a Docker engine answers: postgres:17-alpine, or the
//     image that ELEVATE_TEST_IMAGE names (one built on the official image).
//  3. Server binaries of this machine, newest first: the directory that
//     ELEVATE_TEST_PGBIN names, and where it is not set, those on PATH, of
//     Debian's and Fedora's packages, Homebrew and Postgres.app. They do not
//     run as root, so root runs them as postgres, or where that user does not
//     exist, as nobody.
//  4. An embedded PostgreSQL, downloaded once for each machine; not for root.
//
// ELEVATE_TEST_PROVIDER=container, local or embedded asks for one link; when
// that one fails there is no other. The URL goes before it.
//
// The data of the last two is under TMPDIR; where that is a disk, most of what a
// new database costs is the disk's, and TMPDIR=/dev/shm makes it three times
// faster.
//
// A server that this package started ends with the process that started it,
// however that process ends.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The environment variables that the chain reads.
const (
	// EnvURL is the URL of a running server; its role must be a superuser
	// where elevatetest is used.
	EnvURL = "ELEVATE_TEST_DATABASE_URL"
	// EnvProvider asks for one link of the chain: container, local, embedded.
	EnvProvider = "ELEVATE_TEST_PROVIDER"
	// EnvImage names the container's image.
	EnvImage = "ELEVATE_TEST_IMAGE"
	// EnvBin names the directory of the server binaries.
	EnvBin = "ELEVATE_TEST_PGBIN"
	// EnvRepository is the base URL of the Maven repository that the embedded
	// PostgreSQL is downloaded from. Defaults to Maven Central.
	EnvRepository = "ELEVATE_TEST_EMBEDDED_REPOSITORY"
)

const (
	minVersion = 15
	dialLimit  = 10 * time.Second
	startLimit = time.Minute
)

// Server is a running PostgreSQL. Hold on to it for as long as the server is
// needed: a Server that the garbage collector takes stops its server.
type Server struct {
	// Link is the link of the chain that was taken: url, container, local or
	// embedded.
	Link string
	// URL connects to database postgres as a superuser, or is
	// ELEVATE_TEST_DATABASE_URL as it stands.
	URL string
	// Version is the server_version_num, 170005 for 17.5.
	Version int

	stop func() error
}

// Stop ends the server and removes its data. A server that was running
// already is left alone. Idempotent.
func (s *Server) Stop() error { return s.stop() }

type link struct {
	name  string
	start func(context.Context, io.Writer) (*Server, error)
}

// Start returns the server of the first link that holds and says on stderr
// which it took. The error of the last resort lists every link that was tried,
// why it failed, and what can be done.
func Start(ctx context.Context, stderr io.Writer) (*Server, error) {
	// A URL is a wish, so a wrong one is an error: going on would run the
	// tests on another server than the one that was named.
	if url := os.Getenv(EnvURL); url != "" {
		return startURL(ctx, stderr, url)
	}

	links := []link{
		{name: "container", start: startContainer},
		{name: "local", start: startLocal},
		{name: "embedded", start: startEmbedded},
	}
	if forced := os.Getenv(EnvProvider); forced != "" {
		for _, l := range links {
			if l.name != forced {
				continue
			}
			srv, err := l.start(ctx, stderr)
			if err != nil {
				return nil, fmt.Errorf("elevate/internal/pgserver: %s=%s: %w", EnvProvider, forced, err)
			}
			return srv, nil
		}
		return nil, fmt.Errorf("elevate/internal/pgserver: %s=%q, want container, local or embedded", EnvProvider, forced)
	}

	failed := &noServerError{causes: nil, links: nil}
	for _, l := range links {
		srv, err := l.start(ctx, stderr)
		if err == nil {
			return srv, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("elevate/internal/pgserver: start %s: %w", l.name, err)
		}
		failed.links = append(failed.links, l.name)
		failed.causes = append(failed.causes, err)
	}
	return nil, failed
}

// noServerError is the end of the chain.
type noServerError struct {
	causes []error
	links  []string
}

func (e *noServerError) Error() string {
	var b strings.Builder
	b.WriteString("elevate/internal/pgserver: no PostgreSQL server found. Tried:\n")
	fmt.Fprintf(&b, "  url        %s is not set\n", EnvURL)
	for i, name := range e.links {
		cause := strings.ReplaceAll(e.causes[i].Error(), "\n", "\n             ")
		fmt.Fprintf(&b, "  %-10s %s\n", name, cause)
	}
	fmt.Fprintf(&b, `Any one of these is enough:
  - start Docker, or another engine that answers its API
  - install PostgreSQL %d or later, or name its bin directory in %s
  - name a running server: %s=postgres://user:password@host:5432/postgres
  - run as a user other than root, with access to the repository of the embedded PostgreSQL`,
		minVersion, EnvBin, EnvURL)
	return b.String()
}

func (e *noServerError) Unwrap() []error { return e.causes }

func startURL(ctx context.Context, stderr io.Writer, url string) (*Server, error) {
	// elevatetest writes the names of its databases into the URL; a keyword
	// string has no place for them.
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, fmt.Errorf("elevate/internal/pgserver: %s does not begin with postgres://", EnvURL)
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("elevate/internal/pgserver: %s: %w", EnvURL, err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	version, err := serverVersion(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("elevate/internal/pgserver: %s: %w", EnvURL, err)
	}

	address := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	announcef(stderr, "PostgreSQL %s at %s, named by %s", readable(version), address, EnvURL)
	return &Server{Link: "url", URL: url, Version: version, stop: func() error { return nil }}, nil
}

// serverVersion connects, which is also the proof that the server is up.
func serverVersion(ctx context.Context, config *pgx.ConnConfig) (int, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()

	var version int
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::integer").Scan(&version); err != nil {
		return 0, fmt.Errorf("ask for the version: %w", err)
	}
	if version < minVersion*10000 {
		return 0, fmt.Errorf("PostgreSQL %s is too old, %d is the oldest that works", readable(version), minVersion)
	}
	return version, nil
}

// awaitServer returns the version of the server at url once it accepts
// connections. While it does not, exited tells whether it ever will.
func awaitServer(ctx context.Context, url string, exited func() error) (int, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return 0, fmt.Errorf("parse the URL of the new server: %w", err)
	}
	// Whoever else has taken the port may accept and then say nothing.
	config.ConnectTimeout = 2 * time.Second
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		version, err := serverVersion(ctx, config)
		if err == nil {
			return version, nil
		}
		// A server that answers and refuses will not change its mind; only
		// "the database system is starting up" passes.
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code != "57P03" {
			return 0, err
		}
		if err := exited(); err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("the server did not become ready: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// settings are for a server that nobody misses when it is gone: nothing is
// flushed to disk. Autovacuum is off because its workers hold template
// databases while they are being cloned and make plans depend on the clock.
func settings() []string {
	return []string{
		"-c", "autovacuum=off",
		"-c", "fsync=off",
		"-c", "full_page_writes=off",
		"-c", "max_connections=400",
	}
}

// stopOnce makes a stop function idempotent.
func stopOnce(stop func() error) func() error { return sync.OnceValue(stop) }

// readable turns 170005 into 17.5.
func readable(version int) string {
	return fmt.Sprintf("%d.%d", version/10000, version%10000)
}

func announcef(stderr io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(stderr, "elevate: "+format+"\n", args...)
}
