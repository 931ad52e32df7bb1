package elevate

import (
	"context"
	"errors"
	"log/slog"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/elevateforhumanity/elevate/db"
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
	return normalizeAddress("Email", email)
}

func normalizeAddress(field, email string) (string, error) {
	if err := text(field, email, 1, maxText); err != nil {
		return "", err
	}
	email = strings.TrimSpace(email)
	// Twice: lower case can come apart again.
	email = norm.NFC.String(strings.ToLower(norm.NFC.String(email)))
	for _, r := range email {
		if !unicode.IsPrint(r) {
			return "", invalid(field, "contains a character that does not print")
		}
	}
	// Only the bare address: no display name, comment or quotes.
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email {
		return "", invalid(field, "is not an address")
	}
	at := strings.LastIndexByte(email, '@')
	domain, err := domains.ToASCII(email[at+1:])
	if err != nil {
		return "", invalid(field, "has no valid domain")
	}
	// A few symbols are mapped to letters that the rules then refuse.
	if again, err := domains.ToASCII(domain); err != nil || again != domain {
		return "", invalid(field, "has no valid domain")
	}
	email = email[:at+1] + domain
	if utf8.RuneCountInString(email) > maxName {
		return "", invalid(field, "is too long")
	}
	return email, nil
}

const (
	emailVerificationLife = 24 * time.Hour
	emailChangeLife       = time.Hour
)

// EmailVerification is what to mail to whom. It does not print itself.
type EmailVerification struct {
	Email string

	// ExpiresAt is 24 hours from now.
	ExpiresAt time.Time

	// Token is for the link in the mail, and then for [Store.VerifyEmail].
	Token Token

	// Verified says that there is nothing to mail: the address is verified
	// already. There is no token then.
	Verified bool
}

// String leaves out what verifies the address.
func (v EmailVerification) String() string {
	if v.Verified {
		return "EmailVerification{Verified: true}"
	}
	return "EmailVerification{Verified: false}"
}

// GoString is String.
func (v EmailVerification) GoString() string { return v.String() }

// LogValue is String.
func (v EmailVerification) LogValue() slog.Value { return slog.StringValue(v.String()) }

// RequestEmailVerification makes the token by which a person shows that mail to
// the address of their account reaches them. A new token voids the older. Let the
// mail say to leave it alone for those who have not registered: somebody else may
// have, with their address. The actor is the user or trusted.
//
// Errors: ErrForbidden; ErrInTransaction; ErrNotFound for an unknown user;
// ErrUserDisabled; *ThrottleError, which is ErrTooManyAttempts: an address gets so
// many mails as in [Store.RequestPasswordReset], counted apart from those.
//
// Idempotent: once verified, it says so; before, a repeat voids the token before.
// Locks: the user NO KEY UPDATE. In a caller's transaction: ErrInTransaction, as
// what was mailed could not be rolled back.
func (s *Store) RequestEmailVerification(
	ctx context.Context, userID uuid.UUID,
) (verification EmailVerification, err error) {
	defer wrap(&err, "request email verification of user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return EmailVerification{}, err
	}
	if s.tx != nil {
		return EmailVerification{}, ErrInTransaction
	}
	known, err := s.reader().EmailGet(ctx, userID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return EmailVerification{}, ErrNotFound
	case err != nil:
		return EmailVerification{}, err
	case known.EmailVerified:
		return EmailVerification{Email: known.Email, Verified: true}, nil
	}
	if _, err := s.attempt(ctx, attemptSendMail, known.LowerEmail); err != nil {
		return EmailVerification{}, err
	}
	token, hash := newToken()
	request := db.EmailVerificationRequestParams{
		UserID:       userID,
		TokenHash:    hash,
		ValidSeconds: seconds(emailVerificationLife),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.EmailVerificationRequestRow, error) {
		row, err := q.EmailVerificationRequest(ctx, request)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return EmailVerification{}, err
	}
	switch row.Verdict {
	case verdictCreated:
		return EmailVerification{Email: row.Email, ExpiresAt: row.ExpiresAt, Token: token}, nil
	case verdictAlready:
		return EmailVerification{Email: row.Email, Verified: true}, nil
	case verdictUserUnknown:
		return EmailVerification{}, ErrNotFound
	case verdictDisabled:
		return EmailVerification{}, ErrUserDisabled
	default:
		return EmailVerification{}, unknownVerdict(row.Verdict)
	}
}

// VerifyEmail believes that the address which the token was mailed to is the
// person's, and uses the token up. The actor is anyone who has the token.
//
// Errors: ErrInTransaction; ErrInvalidToken, also when the account has another
// address since, or was erased or disabled.
//
// Idempotent: no; a repeat is ErrInvalidToken. A host that knows who opened the
// link a second time finds EmailVerified in [Store.GetUser]. Locks: the user NO KEY
// UPDATE. In a caller's transaction: ErrInTransaction.
func (s *Store) VerifyEmail(ctx context.Context, token Token) (user User, err error) {
	defer wrap(&err, "verify email")
	if s.tx != nil {
		return User{}, ErrInTransaction
	}
	if !token.wellFormed() {
		return User{}, ErrInvalidToken
	}
	lock := db.TokenLockParams{TokenHash: token.hash(), Purpose: tokenVerifyEmail}
	row, err := write(ctx, s, func(q *db.Queries) (db.EmailVerifyRow, error) {
		if err := q.TokenLock(ctx, lock); err != nil {
			return db.EmailVerifyRow{}, err
		}
		row, err := q.EmailVerify(ctx, lock.TokenHash)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return User{}, err
	}
	switch row.Verdict {
	case verdictUpdated:
		return account(db.UserCreateRow(row)), nil
	case verdictTokenUnknown:
		return User{}, ErrInvalidToken
	default:
		return User{}, unknownVerdict(row.Verdict)
	}
}

// RequestEmailChangeParams says whose account moves to which address.
type RequestEmailChangeParams struct {
	NewEmail string

	// Password is the account's. Unless WithoutPassword.
	Password string

	UserID uuid.UUID

	// WithoutPassword is for trusted actors who have made sure of the person in
	// another way: by their provider, where the account has no password, or in
	// person. By default the password is needed, whoever the actor is.
	WithoutPassword bool
}

// String leaves out what a person typed.
func (p RequestEmailChangeParams) String() string {
	return "RequestEmailChangeParams{UserID: " + p.UserID.String() + "}"
}

// GoString is String.
func (p RequestEmailChangeParams) GoString() string { return p.String() }

// LogValue is String.
func (p RequestEmailChangeParams) LogValue() slog.Value { return slog.StringValue(p.String()) }

// EmailChange is what to mail to the new address. It does not print itself.
type EmailChange struct {
	// ExpiresAt is an hour from now.
	ExpiresAt time.Time

	// NewEmail is normalised.
	NewEmail string

	// OldEmail is the account's address, and stays so until the token is used.
	OldEmail string

	// Taken says that the new address is another account's. It is for the host
	// alone: mail the owner of the address that they have an account already,
	// without the token, and answer the person who asked as always.
	Taken bool

	// Token is for the link in the mail, and then for
	// [Store.ConfirmEmailChange].
	Token Token
}

// String leaves out what opens the account.
func (c EmailChange) String() string { return "EmailChange{}" }

// GoString is String.
func (c EmailChange) GoString() string { return c.String() }

// LogValue is String.
func (c EmailChange) LogValue() slog.Value { return slog.StringValue(c.String()) }

// RequestEmailChange makes the token by which a person shows that mail to a new
// address reaches them. A new token voids the older, and so does a new password.
// The actor is the user or trusted; the password is asked for, unless a trusted
// actor says otherwise.
//
// An address that is somebody else's is no error, lest people find out whose
// addresses have accounts: see Taken. A wrong password counts as an attempt to sign
// in.
//
// Errors: ErrForbidden; ErrInTransaction; *ValidationError; ErrNotFound for an
// unknown user; ErrInvalidCredentials for a wrong password and for an account
// without one; ErrUserDisabled; ErrBusy; *ThrottleError, which is
// ErrTooManyAttempts: after wrong passwords, and after so many requests for one
// address as in [Store.RequestEmailVerification].
//
// Idempotent: no; a repeat voids the token before. Locks: the user NO KEY UPDATE.
// In a caller's transaction: ErrInTransaction.
func (s *Store) RequestEmailChange(
	ctx context.Context, params RequestEmailChangeParams,
) (change EmailChange, err error) {
	defer wrap(&err, "request email change of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return EmailChange{}, err
	}
	if params.WithoutPassword && !s.actor.trusted() {
		return EmailChange{}, ErrForbidden
	}
	if s.tx != nil {
		return EmailChange{}, ErrInTransaction
	}
	email, err := normalizeAddress("NewEmail", params.NewEmail)
	if err != nil {
		return EmailChange{}, err
	}
	switch {
	case !params.WithoutPassword:
		if err := validateTypedPassword("Password", params.Password); err != nil {
			return EmailChange{}, err
		}
	case params.Password != "":
		return EmailChange{}, invalid("Password", "is given, and so is WithoutPassword")
	}
	if _, err := s.attempt(ctx, attemptSendMail, email); err != nil {
		return EmailChange{}, err
	}
	if params.WithoutPassword {
		return s.requestEmailChange(ctx, params.UserID, email, knownPassword{})
	}
	err = s.withPassword(ctx, params.UserID, params.Password, func(known knownPassword) error {
		change, err = s.requestEmailChange(ctx, params.UserID, email, known)
		return err
	})
	return change, err
}

// requestEmailChange asks for the address once the actor may; known is zero where
// no password was asked for.
func (s *Store) requestEmailChange(
	ctx context.Context, userID uuid.UUID, email string, known knownPassword,
) (EmailChange, error) {
	token, hash := newToken()
	request := db.EmailChangeRequestParams{
		UserID:       userID,
		NewEmail:     email,
		OldHash:      some(string(known.hash)),
		TokenHash:    hash,
		ValidSeconds: seconds(emailChangeLife),
		EmailHash:    known.emailHash,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.EmailChangeRequestRow, error) {
		row, err := q.EmailChangeRequest(ctx, request)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return EmailChange{}, err
	}
	switch row.Verdict {
	case verdictCreated:
		return EmailChange{
			ExpiresAt: row.ExpiresAt,
			NewEmail:  email,
			OldEmail:  row.OldEmail,
			Taken:     row.Taken,
			Token:     token,
		}, nil
	case verdictMoved:
		return EmailChange{}, errRaced
	case verdictUserUnknown:
		return EmailChange{}, ErrNotFound
	case verdictDisabled:
		return EmailChange{}, ErrUserDisabled
	default:
		return EmailChange{}, unknownVerdict(row.Verdict)
	}
}

// EmailChanged is a user with a new address, and the address before.
type EmailChanged struct {
	// OldEmail is whom to tell, in case it was not the person.
	OldEmail string

	User User
}

// ConfirmEmailChange gives the account the address that the token was mailed to,
// which is verified by that, and uses the token up. All tokens that were mailed to
// the old address are void, and the person is notified. Sessions go on. The actor
// is anyone who has the token.
//
// Errors: ErrInTransaction; ErrInvalidToken, also when the account was erased or
// disabled; ErrEmailTaken when the address is another account's, and then the token
// stays as good as it was.
//
// Idempotent: no; a repeat is ErrInvalidToken. After ErrCommitUnknown
// [Store.GetUser] has the address. Locks: the user UPDATE. In a caller's
// transaction: ErrInTransaction.
func (s *Store) ConfirmEmailChange(ctx context.Context, token Token) (changed EmailChanged, err error) {
	defer wrap(&err, "confirm email change")
	if s.tx != nil {
		return EmailChanged{}, ErrInTransaction
	}
	if !token.wellFormed() {
		return EmailChanged{}, ErrInvalidToken
	}
	notice := s.core.messages[NotificationEmailChanged]
	change := db.EmailChangeParams{
		TokenHash:      token.hash(),
		NotificationID: newID(),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.EmailChangeRow, error) {
		if err := q.TokenLockForEmail(ctx, change.TokenHash); err != nil {
			return db.EmailChangeRow{}, err
		}
		row, err := q.EmailChange(ctx, change)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return EmailChanged{}, err
	}
	switch row.Verdict {
	case verdictUpdated:
		return EmailChanged{
			OldEmail: row.OldEmail,
			User: User{
				ID:            row.ID,
				Email:         row.Email,
				Name:          row.Name,
				Bio:           row.Bio,
				AvatarURL:     row.AvatarURL,
				Role:          row.Role,
				EmailVerified: row.EmailVerified,
				CreatedAt:     row.CreatedAt,
				UpdatedAt:     row.UpdatedAt,
				LastLogin:     row.LastLogin,
				DisabledAt:    row.DisabledAt,
			},
		}, nil
	case verdictTokenUnknown:
		return EmailChanged{}, ErrInvalidToken
	case verdictEmailTaken:
		return EmailChanged{}, ErrEmailTaken
	default:
		return EmailChanged{}, unknownVerdict(row.Verdict)
	}
}
