package elevate

import (
	"crypto/rand"
	"strings"
	"unicode"
)

// A public id is what a certificate prints and people type. It is written in
// Crockford's base32 (https://www.crockford.com/base32.html), in six groups of
// five: 29 random symbols, which are 145 bits, and one check symbol.
//
// Crockford's own check is modulo 37 and needs the five symbols *~$=U, which
// neither a URL nor a telephone likes. Ours is of the same alphabet: symbols are
// elements of GF(32), and the sum of all, each times its own power of a primitive
// element, is zero. A wrong symbol changes its term, and two that changed places
// change the sum unless they are equal, because all weights differ.
const (
	publicIDAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	publicIDSymbols  = 30
	publicIDGroup    = 5
)

// maxPublicID is the length of the column.
const maxPublicID = 50

func newPublicID() string {
	var symbols [publicIDSymbols]byte
	random := symbols[:publicIDSymbols-1]
	_, _ = rand.Read(random) // never fails: it would end the process
	for i := range random {
		random[i] %= byte(len(publicIDAlphabet)) // divides 256, so without bias
	}
	symbols[publicIDSymbols-1] = publicIDCheck(random)
	return spellPublicID(symbols)
}

// newPublicIDs makes n public ids.
func newPublicIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = newPublicID()
	}
	return ids
}

// publicIDCheck is the symbol that makes the weighted sum zero. Its own weight
// is 1, the weight of the last random symbol the primitive element, and so on.
func publicIDCheck(random []byte) byte {
	var sum byte
	for _, symbol := range random {
		// Times x, modulo x⁵+x²+1, of which x is a primitive root.
		sum = (sum ^ symbol) << 1
		if sum >= 1<<5 {
			sum ^= 0b100101
		}
	}
	return sum
}

func spellPublicID(symbols [publicIDSymbols]byte) string {
	var id strings.Builder
	for i, symbol := range symbols {
		if i > 0 && i%publicIDGroup == 0 {
			id.WriteByte('-')
		}
		id.WriteByte(publicIDAlphabet[symbol])
	}
	return id.String()
}

// parsePublicID is a typed public id as the column holds it. Case, spaces and
// missing hyphens do not matter, and O is 0, I and L are 1. What has another form
// may be the id of a certificate from before the library, and stays as it is.
func parsePublicID(typed string) (string, error) {
	symbols, ours := readPublicID(typed)
	if !ours {
		return typed, text("PublicID", typed, 1, maxPublicID)
	}
	random, check := symbols[:publicIDSymbols-1], symbols[publicIDSymbols-1]
	for _, symbol := range symbols {
		if int(symbol) >= len(publicIDAlphabet) {
			return "", invalid("PublicID", "contains a letter that no public id has")
		}
	}
	if publicIDCheck(random) != check {
		return "", invalid("PublicID", "is mistyped")
	}
	return spellPublicID(symbols), nil
}

// readPublicID reports whether typed has the form of our ids: 30 letters and
// digits, hyphens only between groups. A hyphen elsewhere tells an id of another
// system of the same length. A letter outside the alphabet reads as 255.
func readPublicID(typed string) (symbols [publicIDSymbols]byte, ours bool) {
	n := 0
	for _, r := range typed {
		switch {
		case unicode.IsSpace(r), r == '-' && n%publicIDGroup == 0:
		case n == publicIDSymbols, r > unicode.MaxASCII, !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return symbols, false
		default:
			symbols[n] = publicIDSymbol(r)
			n++
		}
	}
	return symbols, n == publicIDSymbols
}

func publicIDSymbol(r rune) byte {
	switch r = unicode.ToUpper(r); r {
	case 'O':
		r = '0'
	case 'I', 'L':
		r = '1'
	}
	return byte(strings.IndexRune(publicIDAlphabet, r)) //nolint:gosec // -1 becomes 255
}
