package elevate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

// signIn gives the learner a session.
func (w *world) signIn(t *testing.T) {
	t.Helper()
	var err error
	w.session, err = w.system.CreateSession(w.ctx, elevate.CreateSessionParams{UserID: w.learner})
	require.NoError(t, err)
}

func sessionOperations() []operation {
	login := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.LoginParams)) error {
		params := elevate.LoginParams{
			Email: w.learner.String() + "@example.org", Password: rightPassword,
			IPAddress: "192.0.2.1", UserAgent: "Browser/1.0",
		}
		change(&params)
		_, err := s.Login(ctx, params)
		return err
	}
	create := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateSessionParams)) error {
		params := elevate.CreateSessionParams{UserID: w.learner, IPAddress: "192.0.2.1", UserAgent: "Browser/1.0"}
		change(&params)
		_, err := s.CreateSession(ctx, params)
		return err
	}
	signIn := func(t *testing.T, w *world) {
		t.Helper()
		w.signIn(t)
	}
	invalid := func(name string, token func(w *world) string) refusal {
		return refusal{name, func(ctx context.Context, s *elevate.Store, w *world) error {
			_, err := s.ValidateSession(ctx, elevate.Token(token(w)))
			return err
		}, elevate.ErrInvalidSession}
	}
	return []operation{
		{
			name:  "Login",
			may:   "+++++++",
			trips: 2,
			alone: true,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				w.exec(t, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`,
					w.learner, hashed(t, rightPassword, bcrypt.MinCost))
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return login(ctx, s, w, func(*elevate.LoginParams) {})
			},
			refusals: slices.Concat(
				texts("Email", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return login(ctx, s, w, func(p *elevate.LoginParams) { p.Email = value + "@example.org" })
				}),
				texts("Password", 72, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return login(ctx, s, w, func(p *elevate.LoginParams) { p.Password = value })
				}),
				texts("IPAddress", 45, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return login(ctx, s, w, func(p *elevate.LoginParams) { p.IPAddress = value })
				}),
				[]refusal{
					fails("EmailEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return login(ctx, s, w, func(p *elevate.LoginParams) { p.Email = "" })
					}),
					fails("PasswordEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return login(ctx, s, w, func(p *elevate.LoginParams) { p.Password = "" })
					}),
					{"WrongPassword", func(ctx context.Context, s *elevate.Store, w *world) error {
						return login(ctx, s, w, func(p *elevate.LoginParams) { p.Password = wrongPassword })
					}, elevate.ErrInvalidCredentials},
					{"UnknownEmail", func(ctx context.Context, s *elevate.Store, w *world) error {
						return login(ctx, s, w, func(p *elevate.LoginParams) { p.Email = uuid.NewString() + "@example.org" })
					}, elevate.ErrInvalidCredentials},
					{"NoPassword", func(ctx context.Context, s *elevate.Store, w *world) error {
						return login(ctx, s, w, func(p *elevate.LoginParams) { p.Email = w.stranger.String() + "@example.org" })
					}, elevate.ErrInvalidCredentials},
				},
			),
		},
		{
			name:  "CreateSession",
			may:   "------+",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return create(ctx, s, w, func(*elevate.CreateSessionParams) {})
			},
			refusals: slices.Concat(
				texts("IPAddress", 45, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return create(ctx, s, w, func(p *elevate.CreateSessionParams) { p.IPAddress = value })
				}),
				[]refusal{
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreateSessionParams) { p.UserID = w.course })
					}),
					unknown("ZeroUser", func(ctx context.Context, s *elevate.Store, w *world) error {
						return create(ctx, s, w, func(p *elevate.CreateSessionParams) { p.UserID = uuid.Nil })
					}),
				},
			),
		},
		{
			name:    "ValidateSession",
			may:     "+++++++",
			trips:   1,
			prepare: signIn,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ValidateSession(ctx, w.session.Token)
				return err
			},
			refusals: []refusal{
				invalid("Empty", func(*world) string { return "" }),
				invalid("NUL", func(*world) string { return strings.Repeat("\x00", 43) }),
				invalid("InvalidUTF8", func(*world) string { return strings.Repeat("\xff", 43) }),
				invalid("TooLong", func(w *world) string { return string(w.session.Token) + "A" }),
				invalid("UnknownToken", func(*world) string { return strings.Repeat("A", 43) }),
				invalid("ID", func(w *world) string { return w.session.Session.ID.String() }),
			},
		},
		{
			name:    "ListSessions",
			may:     "--+--++",
			trips:   1,
			prepare: signIn,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListSessions(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListSessions(ctx, w.course)
				return err
			})},
		},
		{
			name:    "RevokeSession",
			may:     "--+--++",
			trips:   1,
			prepare: signIn,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.RevokeSession(ctx, w.learner, w.session.Session.ID)
				return err
			},
			refusals: []refusal{
				unknown("Session", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.RevokeSession(ctx, w.learner, uuid.Nil)
					return err
				}),
				unknown("OthersSession", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.RevokeSession(ctx, w.stranger, w.session.Session.ID)
					return err
				}),
				unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.RevokeSession(ctx, w.session.Session.ID, w.learner)
					return err
				}),
			},
		},
		{
			name:    "RevokeAllSessions",
			may:     "--+--++",
			trips:   1,
			prepare: signIn,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.RevokeAllSessions(ctx, elevate.RevokeAllSessionsParams{UserID: w.learner})
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.RevokeAllSessions(ctx, elevate.RevokeAllSessionsParams{UserID: w.course})
				return err
			})},
		},
	}
}
