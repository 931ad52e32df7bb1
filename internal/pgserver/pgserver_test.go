package pgserver

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// nowhere makes every link but the URL fail, without waiting.
func nowhere(t *testing.T) []string {
	t.Helper()
	return []string{
		"DOCKER_HOST=unix://" + t.TempDir() + "/docker.sock",
		"TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE=/nowhere",
		"HOME=" + t.TempDir(),
		"XDG_CACHE_HOME=" + t.TempDir(),
		EnvBin + "=" + t.TempDir(),
		EnvRepository + "=http://127.0.0.1:1",
	}
}

func TestStart(t *testing.T) {
	t.Parallel()

	t.Run("ErrorListsWhatWasTried", func(t *testing.T) {
		t.Parallel()
		_, err := startChild(t, nowhere(t)...)
		require.Error(t, err)
		text := err.Error()
		for _, want := range []string{
			"no PostgreSQL server found",
			"\n  url        " + EnvURL + " is not set",
			"\n  container  no Docker engine",
			"\n  local      no initdb and postgres in ",
			"\n  embedded   ",
			"start Docker",
			"install PostgreSQL 15 or later, or name its bin directory in " + EnvBin,
			EnvURL + "=postgres://",
		} {
			require.Contains(t, text, want)
		}
	})

	t.Run("ForcedLinkFailsAlone", func(t *testing.T) {
		t.Parallel()
		for forced, want := range map[string]string{
			"container": "no Docker engine",
			"local":     "no initdb and postgres in ",
			"embedded":  "the embedded PostgreSQL",
		} {
			_, err := startChild(t, append(nowhere(t), EnvProvider+"="+forced)...)
			require.ErrorContains(t, err, EnvProvider+"="+forced+": ")
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "Tried")
		}
	})

	t.Run("ErrorIfForcedLinkIsUnknown", func(t *testing.T) {
		t.Parallel()
		_, err := startChild(t, EnvProvider+"=cloud")
		require.ErrorContains(t, err, `"cloud", want container, local or embedded`)
	})

	t.Run("ErrorIfURLDoesNotAnswer", func(t *testing.T) {
		t.Parallel()
		_, err := startChild(t, EnvURL+"=postgres://someone:secret-word@127.0.0.1:1/postgres")
		require.ErrorContains(t, err, EnvURL+": connect: ")
		require.NotContains(t, err.Error(), "Tried")
		require.NotContains(t, err.Error(), "secret-word")
	})

	t.Run("ErrorIfURLIsNoURL", func(t *testing.T) {
		t.Parallel()
		_, err := startChild(t, EnvURL+"=host=127.0.0.1 password=secret-word")
		require.ErrorContains(t, err, "does not begin with postgres://")
		require.NotContains(t, err.Error(), "secret-word")
	})
}

// TestStartURL runs on whatever server the chain finds.
func TestStartURL(t *testing.T) {
	t.Parallel()
	url := os.Getenv(EnvURL)
	if url == "" {
		first, err := startChild(t)
		require.NoError(t, err)
		url = first.url
	}

	for name, env := range map[string][]string{
		"Alone":            {EnvURL + "=" + url},
		"BeforeForcedLink": {EnvURL + "=" + url, EnvProvider + "=embedded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := startChild(t, env...)
			require.NoError(t, err)
			require.Equal(t, "url", s.link)
			require.Equal(t, url, s.url)
			s.finish(t)
			require.Contains(t, s.stderr.String(), "elevate: PostgreSQL ")
			require.Contains(t, s.stderr.String(), ", named by "+EnvURL)

			// It is not ours to stop.
			require.Equal(t, 1, query[int](t, url, "SELECT 1"))
		})
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "17.5", readable(170005))
	require.Equal(t, "15.18", readable(150018))
}
