package elevate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHarmless(t *testing.T) {
	t.Parallel()

	for cell, want := range map[string]string{
		"":                  "",
		"Ada":               "Ada",
		"a=b + c - d @ e":   "a=b + c - d @ e",
		"=1+1":              "'=1+1",
		"+1":                "'+1",
		"-1":                "'-1",
		"@SUM(A1)":          "'@SUM(A1)",
		"\t=1":              "'\t'=1",
		"\tx":               "'\tx",
		"\r=1":              "'\r'=1",
		"  =1":              "  '=1",
		"\ufeff=1":          "\ufeff'=1",
		"＝1":                "'＝1",
		"＠x":                "'＠x",
		`"=1`:               `"'=1`,
		"a;=1":              "a;'=1",
		"a\n=1":             "a\n'=1",
		"a\n b":             "a\n b",
		"'=1":               "'=1",
		"ada+1@example.org": "ada+1@example.org",
	} {
		require.Equal(t, want, harmless(cell), "%q", cell)
	}
}
