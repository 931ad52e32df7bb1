package elevatetest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/elevateforhumanity/elevate/internal/pgserver"
)

// TestMain finds the server before the tests, so that they and the processes
// that they start share one.
func TestMain(m *testing.M) {
	os.Exit(runMain(m))
}

func runMain(m *testing.M) int {
	server, err := pgserver.Start(context.Background(), os.Stderr)
	if err != nil {
		return failMain(os.Stderr, err)
	}
	if err := os.Setenv(pgserver.EnvURL, server.URL); err != nil {
		return failMain(os.Stderr, err)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		return failMain(os.Stderr, err)
	}
	if code != 0 {
		return code
	}
	// A migration that fails makes pgtestdb forget to close its connections;
	// the test of that is the only one here.
	if err := goleak.Find(goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener")); err != nil {
		return failMain(os.Stderr, err)
	}
	return code
}

func failMain(w io.Writer, err error) int {
	_, _ = fmt.Fprintln(w, err)
	return 1
}
