package elevate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Token is a secret that stands for a person: of a session, or sent by mail. The
// database keeps its SHA-256 only. It prints, logs and marshals as "[redacted]";
// string(token) is the secret itself, for the cookie or the link.
type Token string

const (
	tokenSize   = 32 // random bytes
	tokenLength = 43 // of their base64url
)

// newToken makes a token and what the database keeps of it.
func newToken() (Token, []byte) {
	raw := make([]byte, tokenSize)
	_, _ = rand.Read(raw) // never fails
	token := Token(base64.RawURLEncoding.EncodeToString(raw))
	return token, token.hash()
}

func (t Token) hash() []byte {
	sum := sha256.Sum256([]byte(t))
	return sum[:]
}

// wellFormed spares the database what cannot be a token.
func (t Token) wellFormed() bool {
	if len(t) != tokenLength {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(t))
	return err == nil && len(raw) == tokenSize
}

// String is the same for every token.
func (Token) String() string { return redacted }

// GoString is the same for every token.
func (Token) GoString() string { return redacted }

// Format is the same for every token and verb: the verbs that do not suit a
// string would print it.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is the same for every token.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is the same for every token.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }
