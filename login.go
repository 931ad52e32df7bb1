package elevate

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// LoginParams is who signs in, with what, and from where.
type LoginParams struct {
	Email string

	// IPAddress is without a port. Optional; kept in the session for the person to
	// recognise it by.
	IPAddress string

	// Password has at most 72 bytes.
	Password string

	// UserAgent is cut at 1,024 bytes, and what is not UTF-8 is left out: it is
	// whatever the client sends. Optional; kept as IPAddress is.
	UserAgent string
}

// String leaves out what a person typed.
func (LoginParams) String() string { return "LoginParams" + redacted }

// GoString is String.
func (p LoginParams) GoString() string { return p.String() }

// LogValue is String.
func (p LoginParams) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Login signs a person in by email and password, and makes a session. Anyone may.
// The oldest sessions of the person end when there are more than
// Config.SessionLimit. A password whose hash is cheaper than Config.PasswordCost
// is hashed anew in passing.
//
// Every attempt is counted for its email before it is judged, and stays counted
// when it fails. The first 5 in a row are free. Those after it each wait twice as
// long as the one before, a second at first, a quarter of an hour at most; a
// success ends the row, and so does a day without an attempt. An unknown email, a
// wrong password and an account without a password are one error, take the same
// time and are counted alike. How much one client may ask is for the host to
// limit.
//
// Errors: *ValidationError; ErrInTransaction; ErrBusy, which is not counted unless
// the context has ended while it waited; *ThrottleError, which is
// ErrTooManyAttempts; ErrInvalidCredentials; ErrUserDisabled, once the password
// was right.
//
// Idempotent: no. A repeat makes another session; after ErrCommitUnknown the first
// one, whose token nobody has, ends at the limit or unused. Locks: user NO KEY
// UPDATE, the sessions that end. In a caller's transaction: ErrInTransaction.
func (s *Store) Login(ctx context.Context, params LoginParams) (result SessionResult, err error) {
	defer wrap(&err, "login")
	if s.tx != nil {
		return SessionResult{}, ErrInTransaction
	}
	email, err := normalizeEmail(params.Email)
	if err != nil {
		return SessionResult{}, err
	}
	if err := validateTypedPassword("Password", params.Password); err != nil {
		return SessionResult{}, err
	}
	token, session, err := s.newSession(uuid.Nil, params.IPAddress, params.UserAgent)
	if err != nil {
		return SessionResult{}, err
	}
	userID, hash, err := s.authenticate(ctx, email, params.Password)
	if err != nil {
		return SessionResult{}, err
	}
	session.UserID, session.EmailHash = userID, emailHash(email)
	for race := 1; ; race++ {
		session.PasswordHash = some(string(hash))
		session.NewHash = s.rehash(ctx, hash, params.Password)
		row, err := s.createSession(ctx, session)
		switch {
		case err == nil:
			return sessionResult(token, session, row), nil
		case errors.Is(err, errPasswordMoved) && race < maxRaces:
			// Another sign-in hashed the same password anew, or it is another now.
			hash = PasswordHash(row.PasswordHash)
		case errors.Is(err, errPasswordMoved):
			return SessionResult{}, &ConflictError{Reason: ConflictRaced}
		case errors.Is(err, ErrNotFound):
			return SessionResult{}, ErrInvalidCredentials
		default:
			return SessionResult{}, err
		}
		switch match, err := s.matches(ctx, hash, params.Password); {
		case err != nil:
			return SessionResult{}, err
		case !match:
			return SessionResult{}, ErrInvalidCredentials
		}
	}
}

// authenticate counts the attempt and judges the password. It holds no connection
// while it hashes. Its place among those who hash comes before the counting, so
// that nobody is made to wait for attempts that were not judged.
//
// Errors: ErrBusy; *ThrottleError; ErrInvalidCredentials.
func (s *Store) authenticate(ctx context.Context, email, password string) (uuid.UUID, PasswordHash, error) {
	leave, err := s.core.hashing.enter()
	if err != nil {
		return uuid.Nil, "", err
	}
	defer leave()
	account, err := s.attempt(ctx, attemptSignIn, email)
	if err != nil {
		return uuid.Nil, "", err
	}
	hash := PasswordHash(account.PasswordHash)
	switch match, err := s.compare(ctx, hash, password); {
	case err != nil:
		return uuid.Nil, "", err
	case !match:
		return uuid.Nil, "", ErrInvalidCredentials
	default:
		return account.UserID, hash, nil
	}
}

// rehash makes a hash that is better than the one that the password was found to
// be of: not as cheap, or written as bcrypt's other implementations read it, which
// not all do with PHP's "2y". It is nil when there is no need, and when everyone
// is busy: the next sign-in comes.
func (s *Store) rehash(ctx context.Context, hash PasswordHash, password string) *string {
	cost := hash.cost()
	if cost > s.core.passwordCost || cost == s.core.passwordCost && hash[2] != 'y' {
		return nil
	}
	made, err := s.hash(ctx, password)
	if err != nil {
		return nil
	}
	return some(string(made))
}

// errPasswordMoved is the verdict moved: the hash is no longer the one that was
// verified.
var errPasswordMoved = errors.New("password moved")

// createSession also returns the row of errPasswordMoved, which has the hash as it
// is now.
//
// Errors: ErrNotFound; ErrUserDisabled; errPasswordMoved.
func (s *Store) createSession(ctx context.Context, session db.SessionCreateParams) (db.SessionCreateRow, error) {
	row, err := write(ctx, s, func(q *db.Queries) (db.SessionCreateRow, error) {
		if err := q.UserLock(ctx, session.UserID); err != nil {
			return db.SessionCreateRow{}, err
		}
		row, err := q.SessionCreate(ctx, session)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return row, err
	}
	switch row.Verdict {
	case verdictCreated:
		return row, nil
	case verdictUserUnknown:
		return row, ErrNotFound
	case verdictMoved:
		return row, errPasswordMoved
	case verdictDisabled:
		return row, ErrUserDisabled
	default:
		return row, unknownVerdict(row.Verdict)
	}
}
