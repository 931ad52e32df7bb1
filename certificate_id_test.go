package elevate

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawPublicID is an id whose random part rapid chooses, so that it shrinks.
func drawPublicID(t *rapid.T) string {
	var symbols [publicIDSymbols]byte
	for i := range publicIDSymbols - 1 {
		symbols[i] = rapid.ByteRange(0, 31).Draw(t, "symbol")
	}
	symbols[publicIDSymbols-1] = publicIDCheck(symbols[:publicIDSymbols-1])
	return spellPublicID(symbols)
}

func TestPublicID(t *testing.T) {
	t.Parallel()

	t.Run("HasItsForm", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		var symbols [256]int
		for _, id := range newPublicIDs(10_000) {
			require.Regexp(t, `^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]{5}$`, id)
			parsed, err := parsePublicID(id)
			require.NoError(t, err)
			require.Equal(t, id, parsed)
			require.False(t, seen[id])
			seen[id] = true
			for i := range len(id) {
				symbols[id[i]]++
			}
		}
		// 9,375 of each are expected: 30 deviations to either side.
		for i := range len(publicIDAlphabet) {
			require.InDelta(t, 10_000*publicIDSymbols/32, symbols[publicIDAlphabet[i]], 2900)
		}
	})

	t.Run("KnownValues", func(t *testing.T) {
		t.Parallel()
		// The weights are the powers of x in GF(32), the last random symbol's
		// first; printed certificates depend on them.
		powers := "2,4,8,16,5,10,20,13,26,17,7,14,28,29,31,27,19,3,6,12,24,21,15,30,25,23,11,22,9"
		var weights []string
		for i := publicIDSymbols - 2; i >= 0; i-- {
			var random [publicIDSymbols - 1]byte
			random[i] = 1
			weights = append(weights, strconv.Itoa(int(publicIDCheck(random[:]))))
		}
		require.Equal(t, powers, strings.Join(weights, ","))
	})

	t.Run("FindsEachWrongSymbol", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			id := drawPublicID(t)
			for i := range len(id) {
				if id[i] == '-' {
					continue
				}
				for _, wrong := range publicIDAlphabet + "U" {
					if wrong != rune(id[i]) {
						mistyped(t, id[:i]+string(wrong)+id[i+1:])
					}
				}
			}
		})
	})

	t.Run("FindsEachSwap", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			id := []byte(strings.ReplaceAll(drawPublicID(t), "-", ""))
			for i := range id {
				for j := range i {
					if id[i] != id[j] {
						id[i], id[j] = id[j], id[i]
						mistyped(t, string(id))
						id[i], id[j] = id[j], id[i]
					}
				}
			}
		})
	})

	t.Run("ToleratesHowItIsTyped", func(t *testing.T) {
		t.Parallel()
		alike := map[byte][]string{'0': {"0", "O", "o"}, '1': {"1", "I", "i", "L", "l"}}
		rapid.Check(t, func(t *rapid.T) {
			id := drawPublicID(t)
			var typed strings.Builder
			for i := range len(id) {
				typed.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "\t", "\u00a0", "\n"}).Draw(t, "space"))
				switch forms := alike[id[i]]; {
				case id[i] == '-':
					typed.WriteString(rapid.SampledFrom([]string{"", "-", " - ", "--"}).Draw(t, "hyphen"))
				case forms != nil:
					typed.WriteString(rapid.SampledFrom(forms).Draw(t, "form"))
				case rapid.Bool().Draw(t, "lower"):
					typed.WriteString(strings.ToLower(id[i : i+1]))
				default:
					typed.WriteByte(id[i])
				}
			}
			parsed, err := parsePublicID(typed.String())
			require.NoError(t, err)
			require.Equal(t, id, parsed)
		})
	})

	t.Run("LeavesOtherFormsAlone", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{
			"1",
			"CERT-2024-000123",
			"cert_2023_0001_abcdefghijklmno",       // 30 characters
			"CERT-01ARZ3NDEKTSV4RRFFQ69G5FAV",      // 30 letters and digits
			"0f8fad5b-d9cb-469f-a165-70867728950e", // 32
			"zertifikat für größe nr. 12",
			" padded ",
			newPublicID() + "0",
			strings.Repeat("é", maxPublicID),
		} {
			parsed, err := parsePublicID(id)
			require.NoError(t, err, id)
			require.Equal(t, id, parsed)
		}
	})

	t.Run("ErrorIfNoID", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{
			"", " ", "a\x00b", "\xff", strings.Repeat("é", maxPublicID+1), strings.Repeat("0", 1<<20),
		} {
			mistyped(t, id)
		}
	})
}

func mistyped(t require.TestingT, id string) {
	_, err := parsePublicID(id)
	var invalid *ValidationError
	require.ErrorAs(t, err, &invalid, id)
	require.Equal(t, "PublicID", invalid.Field)
}

func FuzzParsePublicID(f *testing.F) {
	for _, seed := range []string{
		"", "CERT-2024-000123", "00000-00000-00000-00000-00000-00000", "ooooo ooooo ooooo ooooo ooooo ooooo",
		"CERT-01ARZ3NDEKTSV4RRFFQ69G5FAV", "\u212a", "\xff", "u0000-00000-00000-00000-00000-00000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		parsed, err := parsePublicID(typed)
		if err != nil {
			if _, ok := errors.AsType[*ValidationError](err); !ok {
				t.Fatalf("%q: %v", typed, err)
			}
			return
		}
		if !utf8.ValidString(parsed) || strings.ContainsRune(parsed, 0) || utf8.RuneCountInString(parsed) > maxPublicID {
			t.Fatalf("%q: the database would refuse %q", typed, parsed)
		}
		if again, err := parsePublicID(parsed); err != nil || again != parsed {
			t.Fatalf("%q: %q became %q, %v", typed, parsed, again, err)
		}
	})
}
