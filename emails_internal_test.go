package elevate

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestNormalizeEmail(t *testing.T) {
	t.Parallel()

	t.Run("Normalizes", func(t *testing.T) {
		t.Parallel()
		for given, want := range map[string]string{
			"  Ada@Example.ORG\n":       "ada@example.org",
			"ada+tag@example.org":       "ada+tag@example.org",
			"Jose\u0301@example.org":    "josé@example.org",
			"ada@BÜCHER.example":        "ada@xn--bcher-kva.example",
			"ada@xn--bcher-kva.example": "ada@xn--bcher-kva.example",
			"ada@localhost":             "ada@localhost",
			"mi\u212Ae@example.org":     "mike@example.org",
		} {
			email, err := normalizeEmail(given)
			require.NoError(t, err, given)
			require.Equal(t, want, email)
		}
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		for name, given := range map[string]string{
			"Empty":         " ",
			"NoAt":          "ada",
			"NoLocal":       "@example.org",
			"NoDomain":      "ada@",
			"TwoAts":        "ada@b@example.org",
			"DisplayName":   "Ada <ada@example.org>",
			"AngleBrackets": "<ada@example.org>",
			"Comment":       "ada@example.org (Ada)",
			"Quoted":        `"ada l"@example.org`,
			"Two":           "ada@example.org, eve@example.org",
			"Literal":       "ada@[127.0.0.1]",
			"EmptyLabel":    "ada@example..org",
			"Underscore":    "ada@exa_mple.org",
			"Hyphen":        "ada@-example.org",
			"Mapped":        "ada@a\u2135.org",
			"Inside":        "ada @example.org",
			"ZeroWidth":     "a\u200bda@example.org",
			"Override":      "a\u202eda@example.org",
			"NUL":           "ada\x00@example.org",
			"NotUTF8":       "ada\xff@example.org",
			"TooLong":       strings.Repeat("a", 244) + "@example.org",
			"LongLabel":     "ada@" + strings.Repeat("a", 64) + ".org",
			"Header":        "ada@example.org\r\nBcc: eve@example.org",
		} {
			_, err := normalizeEmail(given)
			var refused *ValidationError
			require.ErrorAs(t, err, &refused, name)
			require.Equal(t, "Email", refused.Field, name)
		}
		_, err := normalizeEmail(strings.Repeat("a", 243) + "@example.org")
		require.NoError(t, err, "as long as the column")
	})
}

func FuzzNormalizeEmail(f *testing.F) {
	for _, seed := range []string{"Ada@Example.org", "Jose\u0301@bücher.example", "İ@x.org", "\u1e9b\u0323@x", "a@ß.de"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		email, err := normalizeEmail(given)
		if err != nil {
			return
		}
		require.True(t, utf8.ValidString(email))
		require.NotContains(t, email, "\x00")
		require.LessOrEqual(t, utf8.RuneCountInString(email), maxName)
		again, err := normalizeEmail(email)
		require.NoError(t, err, "%q of %q", email, given)
		require.Equal(t, email, again, "of %q", given)
	})
}
