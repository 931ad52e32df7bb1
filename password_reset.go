package elevate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// Purposes of mailed tokens that share a query. A person has one token of each
// purpose at most, which a new one replaces: expired ones need no clearing away.
const (
	tokenResetPassword = "reset_password"
	tokenVerifyEmail   = "verify_email"
)

// passwordResetLife is how long a token of [Store.RequestPasswordReset] is good.
const passwordResetLife = time.Hour

// PasswordReset is what to mail to whom. It does not print itself.
type PasswordReset struct {
	// Email is the account's address, as it is stored there; without an account,
	// the one that was asked for.
	Email string

	// ExpiresAt is an hour from now.
	ExpiresAt time.Time

	// Token is for the link in the mail, and then for [Store.ResetPassword].
	Token Token

	// UserID is zero when nobody may have the mail: then send none, and answer
	// the person who asked as if you had.
	UserID uuid.UUID
}

// String leaves out what opens the account.
func (r PasswordReset) String() string {
	return "PasswordReset{UserID: " + r.UserID.String() + "}"
}

// GoString is String.
func (r PasswordReset) GoString() string { return r.String() }

// LogValue is String.
func (r PasswordReset) LogValue() slog.Value { return slog.StringValue(r.String()) }

// RequestPasswordReset makes the token with which a person who has forgotten their
// password sets a new one, or sets the first one of their account. A new token
// voids the older. The host mails it when UserID is not zero. The actor is anyone.
//
// An address without an account, and one of an account that was erased or
// disabled, get a token that is kept nowhere: the same answer after the same round
// trips and as many writes. Mail in the background, or the time that sending takes
// tells them apart.
//
// Errors: ErrInTransaction; *ValidationError; *ThrottleError, which is
// ErrTooManyAttempts: five requests for an address are free, then each waits twice
// as long as the one before, at most a quarter of an hour; a day without any, or a
// reset, forgets them.
//
// Idempotent: no; a repeat voids the token before. Locks: the user NO KEY UPDATE.
// In a caller's transaction: ErrInTransaction.
func (s *Store) RequestPasswordReset(ctx context.Context, email string) (reset PasswordReset, err error) {
	defer wrap(&err, "request password reset")
	if s.tx != nil {
		return PasswordReset{}, ErrInTransaction
	}
	email, err = normalizeEmail(email)
	if err != nil {
		return PasswordReset{}, err
	}
	if _, err := s.attempt(ctx, attemptResetPassword, email); err != nil {
		return PasswordReset{}, err
	}
	token, hash := newToken()
	request := db.PasswordResetRequestParams{
		Email:        email,
		ValidSeconds: seconds(passwordResetLife),
		TokenHash:    hash,
		EmailHash:    emailHash(email),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.PasswordResetRequestRow, error) {
		row, err := q.PasswordResetRequest(ctx, request)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return PasswordReset{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictUserUnknown:
		return PasswordReset{Email: row.Email, ExpiresAt: row.ExpiresAt, Token: token, UserID: row.UserID}, nil
	default:
		return PasswordReset{}, unknownVerdict(row.Verdict)
	}
}

// ResetPassword sets the password of the person whom the token was mailed to, of
// at least 8 characters and at most 72 bytes, and uses the token up. Their address
// is then verified, all their sessions end, tokens that were mailed to change or
// verify the address are void, attempts to sign in are forgotten, and they are
// notified. The actor is anyone who has the token.
//
// Until an address is verified, the account may be of somebody else who has
// registered with it. So the identities of an account whose address was not
// verified before are unlinked, those that the host linked too: link them again
// once the person has signed in.
//
// The result is the user, so that the host can tell them by mail too, or sign them
// in.
//
// Errors: ErrInTransaction; *ValidationError; ErrInvalidToken, also when the
// account has another address since, or was erased or disabled; ErrBusy.
//
// Idempotent: no; a repeat is ErrInvalidToken. After ErrCommitUnknown sign in to
// see, or ask for another token. Locks: the user NO KEY UPDATE, then their
// sessions and identities. In a caller's transaction: ErrInTransaction.
func (s *Store) ResetPassword(ctx context.Context, token Token, password string) (user User, err error) {
	defer wrap(&err, "reset password")
	if s.tx != nil {
		return User{}, ErrInTransaction
	}
	if err := validateNewPassword("Password", password); err != nil {
		return User{}, err
	}
	if !token.wellFormed() {
		return User{}, ErrInvalidToken
	}
	// A round trip more, so that a stranger cannot keep the processors busy.
	email, err := s.reader().PasswordResetGet(ctx, token.hash())
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrInvalidToken
	}
	if err != nil {
		return User{}, err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	notice := s.core.messages[NotificationPasswordChanged]
	lock := db.TokenLockParams{TokenHash: token.hash(), Purpose: tokenResetPassword}
	reset := db.PasswordResetParams{
		TokenHash:      lock.TokenHash,
		NewHash:        string(hash),
		EmailHash:      emailHash(email),
		NotificationID: newID(),
		NoticeTitle:    notice.Title,
		Notice:         notice.Message,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.PasswordResetRow, error) {
		if err := q.TokenLock(ctx, lock); err != nil {
			return db.PasswordResetRow{}, err
		}
		row, err := q.PasswordReset(ctx, reset)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return User{}, err
	}
	switch row.Verdict {
	case verdictReset:
		return account(db.UserCreateRow(row)), nil
	case verdictTokenUnknown:
		return User{}, ErrInvalidToken
	default:
		return User{}, unknownVerdict(row.Verdict)
	}
}
