package elevate

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// ChangePasswordParams is a person's old password, and the new one.
type ChangePasswordParams struct {
	// Keep is the session that goes on: the one that the person is using. Zero
	// ends it with the others.
	Keep uuid.UUID

	// NewPassword has at least 8 characters and at most 72 bytes.
	NewPassword string

	OldPassword string

	UserID uuid.UUID
}

// String leaves out the passwords.
func (p ChangePasswordParams) String() string {
	return "ChangePasswordParams{UserID: " + p.UserID.String() + "}"
}

// GoString is String.
func (p ChangePasswordParams) GoString() string { return p.String() }

// LogValue is String.
func (p ChangePasswordParams) LogValue() slog.Value { return slog.StringValue(p.String()) }

// ChangePassword sets another password for a person who knows the old one, ends
// their other sessions, voids the tokens of a password reset and of an email
// change, and notifies them. The actor is the person, or the system; an admin
// changes only their own. Nobody is spared the old password: where the host's code
// has to set one, it asks for a reset and uses the token itself. So does a person
// whose account has no password.
//
// A wrong password counts as an attempt to sign in, so that a stolen session is no
// way to guess it.
//
// Errors: ErrForbidden; ErrInTransaction; *ValidationError; ErrNotFound for an
// unknown user; *ThrottleError, which is ErrTooManyAttempts; ErrBusy;
// ErrInvalidCredentials for a wrong password and for an account without one;
// ErrUserDisabled, once the password was right.
//
// Idempotent: no; a repeat is ErrInvalidCredentials, as the old password is no
// longer the password. After ErrCommitUnknown sign in to see which one is. Locks:
// the user NO KEY UPDATE, then the sessions that end. In a caller's transaction:
// ErrInTransaction.
func (s *Store) ChangePassword(ctx context.Context, params ChangePasswordParams) (err error) {
	defer wrap(&err, "change password of user %s", params.UserID)
	if err := s.actor.mayProveFor(params.UserID); err != nil {
		return err
	}
	if s.tx != nil {
		return ErrInTransaction
	}
	if err := params.validate(); err != nil {
		return err
	}
	var hash PasswordHash // made once, when the old password was right
	return s.withPassword(ctx, params.UserID, params.OldPassword, func(known knownPassword) error {
		if hash == "" {
			made, err := s.hash(ctx, params.NewPassword)
			if err != nil {
				return err
			}
			hash = made
		}
		notice := s.core.messages[NotificationPasswordChanged]
		change := db.PasswordChangeParams{
			UserID:         params.UserID,
			NewHash:        string(hash),
			OldHash:        string(known.hash),
			Keep:           params.Keep,
			EmailHash:      known.emailHash,
			NotificationID: newID(),
			NoticeTitle:    notice.Title,
			Notice:         notice.Message,
		}
		verdict, err := write(ctx, s, func(q *db.Queries) (string, error) {
			if err := q.UserLock(ctx, change.UserID); err != nil {
				return "", err
			}
			verdict, err := q.PasswordChange(ctx, change)
			return settled(verdict, err, verdict)
		})
		if err != nil {
			return err
		}
		switch verdict {
		case verdictUpdated:
			return nil
		case verdictMoved:
			return errRaced
		case verdictUserUnknown:
			return ErrNotFound
		case verdictDisabled:
			return ErrUserDisabled
		default:
			return unknownVerdict(verdict)
		}
	})
}

func (p ChangePasswordParams) validate() error {
	if err := validateTypedPassword("OldPassword", p.OldPassword); err != nil {
		return err
	}
	return validateNewPassword("NewPassword", p.NewPassword)
}

// knownPassword is what a password was found to match.
type knownPassword struct {
	hash      PasswordHash
	emailHash []byte // key of the attempts
}

// withPassword runs act for a person who has given their password, and again when
// act says, by errRaced, that the hash was replaced meanwhile: a sign-in may have
// hashed the same password anew. A try counts before it is judged; act, when it
// succeeds, forgets the count.
//
// Errors: ErrNotFound; *ThrottleError; ErrBusy; ErrInvalidCredentials; those of
// act; *ConflictError.
func (s *Store) withPassword(
	ctx context.Context, userID uuid.UUID, password string, act func(known knownPassword) error,
) error {
	for race := 1; ; race++ {
		row, err := s.reader().PasswordGet(ctx, userID)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrNotFound
		case err != nil:
			return err
		}
		known := knownPassword{PasswordHash(row.PasswordHash), emailHash(row.Email)}
		var match bool
		if race == 1 {
			match, err = s.matchesCounted(ctx, row.Email, known.hash, password)
		} else {
			match, err = s.matches(ctx, known.hash, password)
		}
		switch {
		case err != nil:
			return err
		case !match:
			return ErrInvalidCredentials
		}
		err = act(known)
		switch {
		case !errors.Is(err, errRaced):
			return err
		case race == maxRaces:
			return &ConflictError{Reason: ConflictRaced}
		}
	}
}

// matchesCounted is matches as an attempt to sign in. Its place among those who
// hash comes before the counting, as that of [Store.Login] does.
//
// Errors: ErrBusy; *ThrottleError.
func (s *Store) matchesCounted(
	ctx context.Context, email string, hash PasswordHash, password string,
) (match bool, err error) {
	leave, err := s.core.hashing.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	if _, err := s.attempt(ctx, attemptSignIn, email); err != nil {
		return false, err
	}
	return s.compare(ctx, hash, password)
}
