package elevate

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// Session is a sign-in that goes on.
type Session struct {
	ID     uuid.UUID
	UserID uuid.UUID

	// Role is the person's when the session was read: it is no part of the
	// session.
	Role Role

	CreatedAt time.Time

	// ExpiresAt is when the session ends although it is used. Unused, it ends
	// Config.SessionIdle after LastSeenAt.
	ExpiresAt time.Time

	// LastSeenAt is kept once a minute, or once in a tenth of Config.SessionIdle
	// where that is shorter.
	LastSeenAt time.Time

	// IPAddress and UserAgent are those of the sign-in, as the host told them;
	// empty when it did not.
	IPAddress string
	UserAgent string
}

// Actor is the person who has the session, for [Store.As]. The host sets its
// RequestID.
func (s Session) Actor() Actor {
	return Actor{UserID: s.UserID, Role: s.Role}
}

// SessionResult is a new session and its token.
type SessionResult struct {
	Session Session

	// Token is for the client, and here only: the database keeps its hash.
	Token Token
}

// CreateSessionParams says whose session, and from where.
type CreateSessionParams struct {
	// IPAddress and UserAgent are those of [LoginParams].
	IPAddress string
	UserAgent string

	UserID uuid.UUID
}

// CreateSession makes a session for somebody whom the host itself has signed in,
// by another provider for example. The oldest sessions of the person end when
// there are more than Config.SessionLimit. The actor is the system.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user;
// ErrUserDisabled.
//
// Idempotent: no. A repeat makes another session; Config.SessionLimit bounds them.
// Locks: user NO KEY UPDATE, the sessions that end. In a caller's transaction:
// joins it; the token is worth nothing before the commit.
func (s *Store) CreateSession(ctx context.Context, params CreateSessionParams) (result SessionResult, err error) {
	defer wrap(&err, "create session of user %s", params.UserID)
	if err := s.actor.mayIntegrate(); err != nil {
		return SessionResult{}, err
	}
	token, session, err := s.newSession(params.UserID, params.IPAddress, params.UserAgent)
	if err != nil {
		return SessionResult{}, err
	}
	row, err := s.createSession(ctx, session)
	if err != nil {
		return SessionResult{}, err
	}
	return sessionResult(token, session, row), nil
}

// newSession is what a sign-in of any kind writes.
func (s *Store) newSession(userID uuid.UUID, ipAddress, userAgent string) (Token, db.SessionCreateParams, error) {
	address, err := ipAddressOf(ipAddress)
	if err != nil {
		return "", db.SessionCreateParams{}, err
	}
	token, hash := newToken()
	return token, db.SessionCreateParams{
		PasswordHash: nil, // and the next two: of a sign-in by password
		NewHash:      nil,
		EmailHash:    nil,
		UserID:       userID,
		Idle:         seconds(s.core.sessionIdle),
		SessionLimit: int32(s.core.sessionLimit), //nolint:gosec // at most mostSessions
		ID:           newID(),
		TokenHash:    hex.EncodeToString(hash),
		Lifetime:     seconds(s.core.sessionLifetime),
		IPAddress:    some(address),
		UserAgent:    some(userAgentOf(userAgent)),
	}, nil
}

func sessionResult(token Token, session db.SessionCreateParams, row db.SessionCreateRow) SessionResult {
	result := SessionResult{
		Session: Session{
			ID:         session.ID,
			UserID:     session.UserID,
			Role:       row.Role,
			CreatedAt:  row.CreatedAt,
			ExpiresAt:  row.ExpiresAt,
			LastSeenAt: row.LastSeenAt,
		},
		Token: token,
	}
	if session.IPAddress != nil {
		result.Session.IPAddress = *session.IPAddress
	}
	if session.UserAgent != nil {
		result.Session.UserAgent = *session.UserAgent
	}
	return result
}

// ipAddressOf is an optional address in its one spelling. A zone names an
// interface of this machine, and means nothing later.
func ipAddressOf(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	address, err := netip.ParseAddr(value)
	if err != nil {
		return "", invalid("IPAddress", "is not an IP address")
	}
	return address.Unmap().WithZone("").String(), nil
}

const longestUserAgent = 1024 // bytes

// userAgentOf makes a text of what a client sent. It is cut first: who sends a
// megabyte is not worth reading it.
func userAgentOf(value string) string {
	value = strings.ToValidUTF8(value[:min(len(value), longestUserAgent)], "")
	return strings.ReplaceAll(value, "\x00", "")
}

// ValidateSession is the session of a token, if it is still valid: neither ended
// nor expired, and its person not disabled. Call it for each request; the person's
// role is read each time. Anyone may.
//
// It waits for nobody. Once the call that has ended a session has returned, the
// session is refused. That the session was seen is written about once a minute, at
// the cost of a second round trip; not in a read-only transaction.
//
// Errors: ErrInvalidSession, whatever is wrong with the token.
//
// Idempotent. Locks: none; when it writes, the session NO KEY UPDATE, if nobody
// else has it. In a caller's transaction: joins it.
func (s *Store) ValidateSession(ctx context.Context, token Token) (session Session, err error) {
	defer wrap(&err, "validate session")
	if !token.wellFormed() {
		return Session{}, ErrInvalidSession
	}
	touchAfter := seconds(min(time.Minute, s.core.sessionIdle/10))
	row, err := s.reader().SessionGetByToken(ctx, db.SessionGetByTokenParams{
		TouchAfter: touchAfter,
		TokenHash:  hex.EncodeToString(token.hash()),
		Idle:       seconds(s.core.sessionIdle),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Session{}, ErrInvalidSession
	}
	if err != nil {
		return Session{}, err
	}
	session = Session{
		ID:         row.ID,
		UserID:     row.UserID,
		Role:       row.Role,
		CreatedAt:  row.CreatedAt,
		ExpiresAt:  row.ExpiresAt,
		LastSeenAt: row.LastSeenAt,
		IPAddress:  row.IPAddress,
		UserAgent:  row.UserAgent,
	}
	if !row.Stale {
		return session, nil
	}
	touch := db.SessionTouchParams{ID: row.ID, TouchAfter: touchAfter}
	touched, err := write(ctx, s, func(q *db.Queries) (db.SessionTouchRow, error) {
		return q.SessionTouch(ctx, touch)
	})
	if err != nil {
		return Session{}, err
	}
	switch touched.Verdict {
	case verdictRecorded:
		session.LastSeenAt = touched.LastSeenAt
		return session, nil
	case verdictUnchanged:
		return session, nil
	default:
		return Session{}, unknownVerdict(touched.Verdict)
	}
}

// ListSessions lists a person's valid sessions, the newest first: 100 at most, and
// more than Config.SessionLimit only if that was lowered. The actor is the user or
// trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user.
func (s *Store) ListSessions(ctx context.Context, userID uuid.UUID) (sessions []Session, err error) {
	defer wrap(&err, "list sessions of user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return nil, err
	}
	rows, err := s.reader().SessionListByUser(ctx, db.SessionListByUserParams{
		UserID:   userID,
		Idle:     seconds(s.core.sessionIdle),
		RowLimit: mostSessions,
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNotFound
	}
	if rows[0].ID == uuid.Nil {
		rows = nil
	}
	sessions = make([]Session, len(rows))
	for i, row := range rows {
		sessions[i] = Session(row)
	}
	return sessions, nil
}

// RevokeSessionResult says whether there was a session to end.
type RevokeSessionResult struct {
	Revoked bool
}

// RevokeSession ends a session: signs out, or takes a lost device off. The actor is
// the user or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown session, and for another
// user's.
//
// Idempotent: a repeat returns Revoked false. Locks: user, session NO KEY UPDATE.
// In a caller's transaction: joins it; the session is valid until the commit.
func (s *Store) RevokeSession(
	ctx context.Context, userID, sessionID uuid.UUID,
) (result RevokeSessionResult, err error) {
	defer wrap(&err, "revoke session %s of user %s", sessionID, userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return RevokeSessionResult{}, err
	}
	revoke := db.SessionRevokeParams{ID: sessionID, UserID: userID}
	verdict, err := write(ctx, s, func(q *db.Queries) (string, error) {
		if err := q.UserLock(ctx, userID); err != nil {
			return "", err
		}
		return q.SessionRevoke(ctx, revoke)
	})
	if err != nil {
		return RevokeSessionResult{}, err
	}
	switch verdict {
	case verdictRevoked:
		return RevokeSessionResult{Revoked: true}, nil
	case verdictAlready:
		return RevokeSessionResult{}, nil
	case verdictSessionUnknown:
		return RevokeSessionResult{}, ErrNotFound
	default:
		return RevokeSessionResult{}, unknownVerdict(verdict)
	}
}

// RevokeAllSessionsParams says whose sessions end.
type RevokeAllSessionsParams struct {
	// ExceptID is the session that goes on, as a rule the caller's own. Optional.
	ExceptID uuid.UUID

	UserID uuid.UUID
}

// RevokeAllSessions ends a person's sessions, and returns how many of them were
// valid. A sign-in that is under way is waited for, and ended too. The actor is the
// user or trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user.
//
// Idempotent: a repeat returns 0. Locks: user, sessions NO KEY UPDATE. In a
// caller's transaction: joins it; the sessions are valid until the commit.
func (s *Store) RevokeAllSessions(ctx context.Context, params RevokeAllSessionsParams) (revoked int, err error) {
	defer wrap(&err, "revoke sessions of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return 0, err
	}
	revoke := db.SessionRevokeAllParams{
		UserID:   params.UserID,
		ExceptID: params.ExceptID,
		Idle:     seconds(s.core.sessionIdle),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.SessionRevokeAllRow, error) {
		if err := q.UserLock(ctx, params.UserID); err != nil {
			return db.SessionRevokeAllRow{}, err
		}
		row, err := q.SessionRevokeAll(ctx, revoke)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return 0, err
	}
	switch row.Verdict {
	case verdictRevoked:
		return int(row.Sessions), nil
	case verdictUserUnknown:
		return 0, ErrNotFound
	default:
		return 0, unknownVerdict(row.Verdict)
	}
}
