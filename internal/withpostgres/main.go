// Withpostgres runs a command with a PostgreSQL server at hand:
//
//	go run ./internal/withpostgres -- go test ./...
//
// The server is the one of package pgserver's chain. The command finds its URL
// in ELEVATE_TEST_DATABASE_URL, so that all packages of a test run share one
// server, and under each further name that -env gives:
//
//	go run ./internal/withpostgres -env DATABASE_URL -- go run ./examples/quickstart
//
// Signals are passed on to the command, its exit code is passed back, and the
// server ends with this program, however that ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/testcontainers/testcontainers-go/log"

	"github.com/elevateforhumanity/elevate/internal/pgserver"
)

// The codes with which shells and env report that a command did not run.
const (
	codeUsage  = 2
	codeServer = 125
	codeNoRun  = 126
	codeSignal = 128 // plus the number of the signal
)

func main() {
	// What testcontainers has to say is about itself.
	log.SetDefault(log.NewNoopLogger())
	os.Exit(run(context.Background(), os.Args[1:], os.Stderr))
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	names := []string{pgserver.EnvURL}
	flags := flag.NewFlagSet("withpostgres", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(stderr, "usage: withpostgres [-env NAME]... -- COMMAND [ARGUMENT]...")
		flags.PrintDefaults()
	}
	flags.Func("env", "another `NAME` for the URL in the command's environment", func(name string) error {
		if name == "" || strings.ContainsRune(name, '=') {
			return errors.New("not a name for a variable")
		}
		names = append(names, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return codeUsage
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return codeUsage
	}

	// From here on: a signal that comes while the server starts must stop that
	// server in good order, and not be lost to the command.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	srv, code := startServer(ctx, signals, stderr)
	if srv == nil {
		return code
	}
	code = runCommand(flags.Args(), names, srv.URL, signals, stderr)
	if err := srv.Stop(); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		if code == 0 {
			return codeServer
		}
	}
	return code
}

// startServer gives up at the first signal.
func startServer(ctx context.Context, signals <-chan os.Signal, stderr io.Writer) (*pgserver.Server, int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type started struct {
		srv *pgserver.Server
		err error
	}
	done := make(chan started, 1)
	go func() {
		srv, err := pgserver.Start(ctx, stderr)
		done <- started{srv: srv, err: err}
	}()

	select {
	case res := <-done:
		if res.err != nil {
			_, _ = fmt.Fprintln(stderr, res.err)
			return nil, codeServer
		}
		return res.srv, 0
	case got := <-signals:
		cancel()
		if res := <-done; res.srv != nil {
			if err := res.srv.Stop(); err != nil {
				_, _ = fmt.Fprintln(stderr, err)
			}
		}
		return nil, signalCode(got)
	}
}

func runCommand(args, names []string, url string, signals <-chan os.Signal, stderr io.Writer) int {
	// No context: the command ends by itself or by a signal, which it gets.
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // see above
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	for _, name := range names {
		cmd.Env = append(cmd.Env, name+"="+url)
	}
	if err := cmd.Start(); err != nil {
		_, _ = fmt.Fprintln(stderr, "withpostgres:", err)
		return codeNoRun
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case got := <-signals:
			// It may have ended in between.
			_ = cmd.Process.Signal(got)
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				_, _ = fmt.Fprintln(stderr, "withpostgres:", err)
				return codeNoRun
			}
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return signalCode(status.Signal())
			}
			return cmd.ProcessState.ExitCode()
		}
	}
}

func signalCode(s os.Signal) int {
	if number, ok := s.(syscall.Signal); ok {
		return codeSignal + int(number)
	}
	return codeSignal
}
