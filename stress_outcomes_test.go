package elevate_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elevateforhumanity/elevate"
)

// outcome is an operation, and how it was refused, if it was.
type outcome struct {
	operation, refusal string
}

type outcomes map[outcome]int

func (c outcomes) add(more outcomes) {
	for o, n := range more {
		c[o] += n
	}
}

func (c outcomes) log(t testing.TB, took time.Duration) {
	t.Helper()
	var (
		total, raced int
		done         = map[string]int{}
		refused      = map[string][]string{}
	)
	for _, o := range slices.SortedFunc(maps.Keys(c), func(x, y outcome) int {
		return strings.Compare(x.operation+x.refusal, y.operation+y.refusal)
	}) {
		total += c[o]
		done[o.operation] += 0
		switch o.refusal {
		case "":
			done[o.operation] = c[o]
			continue
		case string(elevate.ConflictRaced):
			raced += c[o]
		}
		refused[o.operation] = append(refused[o.operation], fmt.Sprintf("%s %d", o.refusal, c[o]))
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(done)) {
		fmt.Fprintf(&text, "\n%-24s %7d done  %s", name, done[name], strings.Join(refused[name], ", "))
	}
	t.Logf("%d operations in %s, %d lost three races%s", total, took.Round(time.Millisecond), raced, text.String())
}

// retryCount is the handler of the Store's log, which gets a record for each
// retry.
type retryCount struct {
	mu    sync.Mutex
	codes map[string]int
}

func (*retryCount) Enabled(context.Context, slog.Level) bool { return true }
func (c *retryCount) WithAttrs([]slog.Attr) slog.Handler     { return c }
func (c *retryCount) WithGroup(string) slog.Handler          { return c }

func (c *retryCount) Handle(_ context.Context, record slog.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.codes == nil {
		c.codes = map[string]int{}
	}
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "code" {
			c.codes[a.Value.String()]++
		}
		return true
	})
	return nil
}

func (c *retryCount) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.codes)
}
