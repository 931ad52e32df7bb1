//go:build container

// The tests of the container link need an engine and an image in it, which
// ELEVATE_TEST_IMAGE names where it is not the default: go test -tags container.

package pgserver

import (
	"cmp"
	"os"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

func containerEnv() []string {
	return []string{EnvImage + "=" + cmp.Or(os.Getenv(EnvImage), defaultImage)}
}

func TestStartContainer(t *testing.T) {
	t.Parallel()

	t.Run("TakenFirst", func(t *testing.T) {
		t.Parallel()
		s, err := startChild(t, containerEnv()...)
		require.NoError(t, err)
		require.Equal(t, "container", s.link)
		requireThrowAway(t, s)
		id := findContainer(t, s)
		s.finish(t)
		require.Contains(t, s.stderr.String(), "elevate: PostgreSQL "+readable(s.version)+" in a container of ")
		awaitGone(t, s.url)
		awaitNoContainer(t, id)
	})

	t.Run("EndsWithKilledProcess", func(t *testing.T) {
		t.Parallel()
		s, err := startChild(t, append(containerEnv(), EnvProvider+"=container")...)
		require.NoError(t, err)
		id := findContainer(t, s)
		s.kill(t)
		awaitGone(t, s.url)
		awaitNoContainer(t, id)
	})

	t.Run("ErrorIfNoImage", func(t *testing.T) {
		t.Parallel()
		_, err := startChild(t, EnvImage+"=localhost:1/nowhere:1", EnvProvider+"=container")
		require.ErrorContains(t, err, EnvProvider+"=container: start localhost:1/nowhere:1: ")
	})

	t.Run("NextLinkIfNoImage", func(t *testing.T) {
		t.Parallel()
		_, err := startChild(t, EnvImage+"=localhost:1/nowhere:1", EnvBin+"="+t.TempDir(),
			EnvRepository+"=http://127.0.0.1:1", "XDG_CACHE_HOME="+t.TempDir())
		require.ErrorContains(t, err, "\n  container  start localhost:1/nowhere:1: ")
		require.ErrorContains(t, err, "\n  local      no initdb and postgres in ")
	})
}

// engine asks the same engine that the child has asked.
func engine(t *testing.T) client.APIClient {
	t.Helper()
	provider, err := dialEngine(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, provider.Close()) })
	return provider.Client()
}

// findContainer returns the container of the server, whose host name is the
// beginning of its id.
func findContainer(t *testing.T, s *starter) string {
	t.Helper()
	host := query[string](t, s.url, "SELECT trim(both E'\\n' FROM pg_read_file('/etc/hostname'))")
	found, err := engine(t).ContainerInspect(t.Context(), host, client.ContainerInspectOptions{})
	require.NoError(t, err)
	require.True(t, found.Container.State.Running)
	return found.Container.ID
}

func awaitNoContainer(t *testing.T, id string) {
	t.Helper()
	api := engine(t)
	require.Eventually(t, func() bool {
		list, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true})
		if err != nil {
			return false
		}
		for _, c := range list.Items {
			if c.ID == id {
				return false
			}
		}
		return true
	}, patience, 50*time.Millisecond)
}
