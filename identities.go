package elevate

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// Identity is how a provider names a user: a social sign-in, a company's
// directory, the host's own records. It belongs to one user; a user has any
// number, also of one provider.
type Identity struct {
	Provider string

	// Subject is the user's id there.
	Subject string

	UserID   uuid.UUID
	LinkedAt time.Time
}

// LinkIdentityParams says which identity is whose.
type LinkIdentityParams struct {
	// Provider is one word: a lower-case letter, then up to 31 lower-case
	// letters, digits and underscores.
	Provider string

	// Subject is the user's id at the provider as it stands, 1 to 255
	// characters, in which case matters. Take what the provider never gives to
	// somebody else, as OpenID Connect's sub is, and not an email.
	Subject string

	UserID uuid.UUID
}

// LinkIdentityResult is an identity, and whether this call linked it.
type LinkIdentityResult struct {
	Identity Identity

	// Linked is false when it was the user's already.
	Linked bool
}

// LinkIdentity links an identity to a user: whoever proves to be that subject at
// that provider is then found by [Store.UserByIdentity]. Elevate believes it, so
// it is for the code of the host that has verified the provider's answer. The
// actor is the system; an admin who could link an identity of their own could sign
// in as anybody.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user;
// ErrIdentityTaken.
//
// Idempotent: a repeat returns the identity as it is, with Linked false. Locks:
// the user KEY SHARE. In a caller's transaction: joins it.
func (s *Store) LinkIdentity(ctx context.Context, params LinkIdentityParams) (result LinkIdentityResult, err error) {
	defer wrap(&err, "link an identity to user %s", params.UserID)
	if err := s.actor.mayIntegrate(); err != nil {
		return LinkIdentityResult{}, err
	}
	if err := validateIdentity(params.Provider, params.Subject); err != nil {
		return LinkIdentityResult{}, err
	}
	create := db.IdentityCreateParams{
		UserID:   params.UserID,
		Provider: params.Provider,
		Subject:  params.Subject,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.IdentityCreateRow, error) {
		row, err := q.IdentityCreate(ctx, create)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return LinkIdentityResult{}, err
	}
	switch row.Verdict {
	case verdictLinked, verdictAlready:
		return LinkIdentityResult{
			Linked: row.Verdict == verdictLinked,
			Identity: Identity{
				Provider: params.Provider,
				Subject:  params.Subject,
				UserID:   params.UserID,
				LinkedAt: row.LinkedAt,
			},
		}, nil
	case verdictUserUnknown:
		return LinkIdentityResult{}, ErrNotFound
	case verdictIdentityTaken:
		return LinkIdentityResult{}, ErrIdentityTaken
	default:
		return LinkIdentityResult{}, unknownVerdict(row.Verdict)
	}
}

func validateIdentity(provider, subject string) error {
	if !sourceWord.MatchString(provider) {
		return invalid("Provider", "is not a word of lower-case letters, digits and underscores")
	}
	return text("Subject", subject, 1, maxName)
}

// UnlinkIdentityParams says which identity is no longer whose.
type UnlinkIdentityParams struct {
	// Provider and Subject are those of [LinkIdentityParams].
	Provider string
	Subject  string

	UserID uuid.UUID
}

// UnlinkIdentityResult says whether there was an identity to unlink.
type UnlinkIdentityResult struct {
	// Removed is false when it was not the user's: nobody's, or somebody else's.
	Removed bool
}

// UnlinkIdentity takes an identity from a user. The last one of somebody without a
// password stays, for trusted actors too: link another first, or disable the
// account. Sessions go on. The actor is the user or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user;
// *ConflictError with ConflictLastSignIn, and with ConflictReferenced for a table of
// the host's.
//
// Idempotent: a repeat returns Removed false. Locks: the user NO KEY UPDATE, then
// the identity. In a caller's transaction: joins it, behind a savepoint.
func (s *Store) UnlinkIdentity(
	ctx context.Context, params UnlinkIdentityParams,
) (result UnlinkIdentityResult, err error) {
	defer wrap(&err, "unlink an identity of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return UnlinkIdentityResult{}, err
	}
	if err := validateIdentity(params.Provider, params.Subject); err != nil {
		return UnlinkIdentityResult{}, err
	}
	remove := db.IdentityDeleteParams{
		UserID:   params.UserID,
		Provider: params.Provider,
		Subject:  params.Subject,
	}
	verdict, err := writeGuarded(ctx, s, func(q *db.Queries) (string, error) {
		if err := q.UserLock(ctx, params.UserID); err != nil {
			return "", err
		}
		verdict, err := q.IdentityDelete(ctx, remove)
		return settled(verdict, err, verdict)
	})
	if err != nil {
		return UnlinkIdentityResult{}, err
	}
	switch verdict {
	case verdictUnlinked, verdictAlready:
		return UnlinkIdentityResult{Removed: verdict == verdictUnlinked}, nil
	case verdictUserUnknown:
		return UnlinkIdentityResult{}, ErrNotFound
	case verdictLastSignIn:
		return UnlinkIdentityResult{}, &ConflictError{Reason: ConflictLastSignIn}
	default:
		return UnlinkIdentityResult{}, unknownVerdict(verdict)
	}
}

// UserByIdentity is the user whom an identity is linked to, also while they are
// disabled: see [User.DisabledAt] before you sign them in. The actor is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an identity that is not
// linked.
func (s *Store) UserByIdentity(ctx context.Context, provider, subject string) (user User, err error) {
	defer wrap(&err, "user by identity")
	if err := s.actor.mayAdminister(); err != nil {
		return User{}, err
	}
	if err := validateIdentity(provider, subject); err != nil {
		return User{}, err
	}
	row, err := s.reader().UserGetByIdentity(ctx, db.UserGetByIdentityParams{Provider: provider, Subject: subject})
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrNotFound
	}
	if err != nil {
		return User{}, err
	}
	return User(row), nil
}

// maxIdentities is how many identities are listed.
const maxIdentities = 500

// ListIdentities lists the identities of a user by provider and subject, the first
// 500 if there are more. The actor is the user or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user.
func (s *Store) ListIdentities(ctx context.Context, userID uuid.UUID) (identities []Identity, err error) {
	defer wrap(&err, "identities of user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return nil, err
	}
	rows, err := s.reader().IdentityListByUser(ctx, db.IdentityListByUserParams{
		UserID:   userID,
		RowLimit: maxIdentities,
	})
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, ErrNotFound
	case rows[0].Provider == "":
		rows = nil
	}
	identities = make([]Identity, len(rows))
	for i, row := range rows {
		identities[i] = Identity{
			Provider: row.Provider,
			Subject:  row.Subject,
			UserID:   userID,
			LinkedAt: row.LinkedAt,
		}
	}
	return identities, nil
}
