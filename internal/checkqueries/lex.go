package main

import (
	"fmt"
	"regexp"
	"strings"
)

type kind int

const (
	word    kind = iota // keyword, plain identifier or number
	quoted              // "identifier"
	literal             // 'string' or $$string$$
	comment
	symbol
)

type token struct {
	kind kind
	text string // as written
	pos  int    // byte offset
}

// is reports whether the token is the keyword or symbol, in any case.
func (t token) is(words ...string) bool {
	if t.kind != word && t.kind != symbol {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(t.text, w) {
			return true
		}
	}
	return false
}

// name is the identifier that the token denotes to PostgreSQL, or empty.
func (t token) name() string {
	switch t.kind {
	case word:
		return strings.ToLower(t.text)
	case quoted:
		return strings.ReplaceAll(t.text[1:len(t.text)-1], `""`, `"`)
	case literal, comment, symbol:
	}
	return ""
}

// value is the string that a quoted literal denotes.
func (t token) value() string {
	return strings.ReplaceAll(strings.Trim(t.text, "'"), "''", "'")
}

var (
	lexWord   = regexp.MustCompile(`^[\pL\pN_][\pL\pN_$]*`)
	lexDollar = regexp.MustCompile(`^\$([\pL_][\pL\pN_]*)?\$`)
)

// lex splits SQL into tokens; white space is dropped.
func lex(sql string) ([]token, error) {
	var tokens []token
	for pos := 0; pos < len(sql); {
		if strings.IndexByte(" \t\r\n\f", sql[pos]) >= 0 {
			pos++
			continue
		}
		k, size := next(sql[pos:])
		if size < 0 {
			return nil, fmt.Errorf("line %d: comment or literal without an end", line(sql, pos))
		}
		tokens = append(tokens, token{k, sql[pos : pos+size], pos})
		pos += size
	}
	return tokens, nil
}

// next measures the token at the start of rest, which is not white space; a
// size below zero means that it never ends.
func next(rest string) (kind, int) {
	found := lexWord.FindString(rest)
	switch {
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return comment, end
		}
		return comment, len(rest)
	case strings.HasPrefix(rest, "/*"):
		return comment, blockComment(rest)
	case strings.HasPrefix(rest, "'"):
		return literal, delimited(rest, '\'', false)
	case strings.HasPrefix(rest, `"`):
		return quoted, delimited(rest, '"', false)
	case strings.EqualFold(found, "e") && strings.HasPrefix(rest[1:], "'"):
		size := delimited(rest[1:], '\'', true)
		if size < 0 {
			return literal, size
		}
		return literal, size + 1
	case found != "":
		return word, len(found)
	case strings.HasPrefix(rest, "::"):
		return symbol, len("::")
	}
	if tag := lexDollar.FindString(rest); tag != "" {
		end := strings.Index(rest[len(tag):], tag)
		if end < 0 {
			return literal, -1
		}
		return literal, end + 2*len(tag)
	}
	return symbol, 1
}

// delimited measures a literal or identifier in which a doubled delimiter
// stands for itself.
func delimited(rest string, delimiter byte, backslash bool) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case backslash && rest[i] == '\\':
			i++
		case rest[i] == delimiter && i+1 < len(rest) && rest[i+1] == delimiter:
			i++
		case rest[i] == delimiter:
			return i + 1
		}
	}
	return -1
}

// blockComment measures a comment that may hold further ones.
func blockComment(rest string) int {
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch {
		case strings.HasPrefix(rest[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(rest[i:], "*/"):
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return -1
}

func line(text string, pos int) int {
	return 1 + strings.Count(text[:pos], "\n")
}
