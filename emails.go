package elevate

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// domains is how mail finds them: mapped, in ASCII, of lengths that DNS knows.
//
//nolint:gochecknoglobals // a constant that Go cannot write as one
var domains = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.StrictDomainName(true),
	idna.VerifyDNSLength(true),
)

// normalizeEmail is the one spelling that an address is stored under and looked
// up by.
func normalizeEmail(email string) (string, error) {
	if err := text("Email", email, 1, maxText); err != nil {
		return "", err
	}
	email = strings.TrimSpace(email)
	// Twice: lower case can come apart again.
	email = norm.NFC.String(strings.ToLower(norm.NFC.String(email)))
	for _, r := range email {
		if !unicode.IsPrint(r) {
			return "", invalid("Email", "contains a character that does not print")
		}
	}
	// Only the bare address: no display name, comment or quotes.
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email {
		return "", invalid("Email", "is not an address")
	}
	at := strings.LastIndexByte(email, '@')
	domain, err := domains.ToASCII(email[at+1:])
	if err != nil {
		return "", invalid("Email", "has no valid domain")
	}
	// A few symbols are mapped to letters that the rules then refuse.
	if again, err := domains.ToASCII(domain); err != nil || again != domain {
		return "", invalid("Email", "has no valid domain")
	}
	email = email[:at+1] + domain
	if utf8.RuneCountInString(email) > maxName {
		return "", invalid("Email", "is too long")
	}
	return email, nil
}
