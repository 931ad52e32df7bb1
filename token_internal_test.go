package elevate

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestToken(t *testing.T) {
	t.Parallel()

	t.Run("IsRandom", func(t *testing.T) {
		t.Parallel()
		seen := map[Token]bool{}
		for range 1000 {
			token, hash := newToken()
			require.True(t, token.wellFormed())
			require.False(t, seen[token])
			seen[token] = true
			raw, err := base64.RawURLEncoding.DecodeString(string(token))
			require.NoError(t, err)
			require.Len(t, raw, 32)
			sum := sha256.Sum256([]byte(string(token)))
			require.Equal(t, sum[:], hash)
		}
	})

	// One spelling each: what is decoded to the same bytes is another token.
	t.Run("WellFormed", func(t *testing.T) {
		t.Parallel()
		zero := strings.Repeat("A", 43)
		require.True(t, Token(zero).wellFormed())
		for name, bad := range map[string]string{
			"Empty":         "",
			"Short":         zero[1:],
			"Long":          zero + "A",
			"Padded":        zero[1:] + "=",
			"PaddedFull":    zero + "=",
			"Standard":      "+" + zero[1:],
			"NUL":           "\x00" + zero[1:],
			"NotUTF8":       "\xff" + zero[1:],
			"Newline":       zero[1:] + "\n",
			"NewlineInside": zero[:20] + "\r\n" + zero[22:],
			"LooseBits":     zero[1:] + "B",
		} {
			require.False(t, Token(bad).wellFormed(), name)
		}
	})

	t.Run("DoesNotPrint", func(t *testing.T) {
		t.Parallel()
		token, hash := newToken()
		type holder struct{ Token Token }
		var printed bytes.Buffer
		for _, value := range []any{token, &token, holder{token}, &holder{token}, []Token{token}, map[string]Token{"t": token}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
				fmt.Fprintf(&printed, verb+"\n", value)
			}
			slog.New(slog.NewTextHandler(&printed, nil)).Info("m", "value", value)
			slog.New(slog.NewJSONHandler(&printed, nil)).Info("m", "value", value)
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			printed.Write(encoded)
		}
		raw, err := base64.RawURLEncoding.DecodeString(string(token))
		require.NoError(t, err)
		for _, secret := range []string{
			string(token), fmt.Sprintf("%x", string(token)), fmt.Sprintf("%X", string(token)), fmt.Sprintf("%x", raw),
			fmt.Sprintf("%x", hash),
		} {
			require.NotContains(t, printed.String(), secret)
		}
		require.Contains(t, printed.String(), redacted)
	})
}
