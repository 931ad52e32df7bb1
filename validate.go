package elevate

import (
	"math"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Lengths, in characters, of the columns that texts go to; maxText is ours, for
// columns without a length: one mebibyte, in bytes.
const (
	maxName = 255
	maxURL  = 500
	maxText = 1 << 20
)

// maxMany is how many rows one call of a bulk operation takes.
const maxMany = 20_000

func invalid(field, reason string) error {
	return &ValidationError{Field: field, Reason: reason}
}

// text checks a text for a column of at most longest characters. PostgreSQL
// stores neither invalid UTF-8 nor NUL.
func text(field, value string, shortest, longest int) error {
	switch {
	case !utf8.ValidString(value):
		return invalid(field, "is not valid UTF-8")
	case strings.ContainsRune(value, 0):
		return invalid(field, "contains a NUL character")
	case len(strings.TrimSpace(value)) == 0 && shortest > 0:
		return invalid(field, "is empty")
	case longest < maxText && utf8.RuneCountInString(value) > longest, len(value) > maxText:
		return invalid(field, "is too long")
	default:
		return nil
	}
}

// link checks an optional URL. Pages show these, so what a browser would run is
// refused.
func link(field, value string) error {
	if err := text(field, value, 0, maxURL); err != nil {
		return err
	}
	parsed, err := url.Parse(value)
	if err != nil {
		return invalid(field, "is not a URL")
	}
	switch strings.ToLower(parsed.Scheme) {
	case "javascript", "data", "vbscript":
		return invalid(field, "has a scheme that a browser would run")
	default:
		return nil
	}
}

// language checks the name of a text search configuration: those of PostgreSQL
// 15, as the column of courses has them.
func language(field, value string) error {
	switch value {
	case "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish", "french", "german",
		"greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian",
		"portuguese", "romanian", "russian", "serbian", "simple", "spanish", "swedish", "tamil", "turkish", "yiddish":
		return nil
	default:
		return invalid(field, "is not a language that can be searched")
	}
}

func within(field string, value, least, most int) error {
	switch {
	case value < least:
		return invalid(field, "is too small")
	case value > most:
		return invalid(field, "is too large")
	default:
		return nil
	}
}

// span checks a duration that is stored as whole seconds.
func span(field string, value time.Duration) error {
	switch {
	case value < 0:
		return invalid(field, "is negative")
	case value > math.MaxInt32*time.Second:
		return invalid(field, "is too large")
	default:
		return nil
	}
}

// age checks how long something lasts: at least a second, as it is stored in
// whole ones.
func age(field string, value time.Duration) error {
	if value < time.Second {
		return invalid(field, "is shorter than a second")
	}
	return span(field, value)
}

// seconds is a checked duration as the database keeps it, rounded down.
func seconds(value time.Duration) int32 {
	return int32(value / time.Second) //nolint:gosec // span has checked it
}

// representable reports whether a time is of the years 1 to 9999. PostgreSQL
// stores all of these, and not all that Go can hold.
func representable(at time.Time) bool {
	return at.Year() >= 1 && at.Year() <= 9999
}

// some is a text as a nullable column keeps it: nil for none.
func some(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// someID is an id as a filter takes it: nil for none.
func someID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// someSeconds is a checked duration as a nullable column keeps it: nil for none.
func someSeconds(value time.Duration) *int32 {
	n := seconds(value)
	if n == 0 {
		return nil
	}
	return &n
}
