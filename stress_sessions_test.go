package elevate_test

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// stressSessions make more sessions than may be, while others end them, and move
// accounts to few addresses.
func stressSessions() []stressOperation {
	return []stressOperation{
		{
			name:   "CreateSession",
			weight: 6,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				made, err := d.system(s).CreateSession(ctx, elevate.CreateSessionParams{UserID: d.learner()})
				if err != nil {
					return err
				}
				session, err := s.ValidateSession(ctx, made.Token)
				if err == nil && session.ID != made.Session.ID {
					return fmt.Errorf("session %s by the token of %s", session.ID, made.Session.ID)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrUserDisabled, elevate.ErrInvalidSession},
		},
		{
			name:   "ListSessions",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				sessions, err := d.actor(s, userID).ListSessions(ctx, userID)
				if len(sessions) > stressSessionLimit {
					return fmt.Errorf("%d sessions", len(sessions))
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "RevokeSession",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				sessions, err := d.actor(s, userID).ListSessions(ctx, userID)
				if err != nil || len(sessions) == 0 {
					return err
				}
				_, err = d.actor(s, userID).RevokeSession(ctx, userID, pick(d, sessions).ID)
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "RevokeAllSessions",
			weight: 1,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				revoked, err := d.actor(s, userID).RevokeAllSessions(ctx, elevate.RevokeAllSessionsParams{UserID: userID})
				if revoked > stressSessionLimit {
					return fmt.Errorf("%d sessions revoked", revoked)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "VerifyEmail",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				request, err := d.actor(s, userID).RequestEmailVerification(ctx, userID)
				if err != nil || request.Verified {
					return err
				}
				user, err := s.VerifyEmail(ctx, request.Token)
				if err == nil && (user.ID != userID || user.Email != request.Email || !user.EmailVerified) {
					return fmt.Errorf("verified: %+v", user)
				}
				return err
			},
			refusals: mailRefusals(),
		},
		{
			name:   "ConfirmEmailChange",
			weight: 3,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				request, err := d.system(s).RequestEmailChange(ctx, elevate.RequestEmailChangeParams{
					UserID: userID, NewEmail: pick(d, d.emails), WithoutPassword: true,
				})
				if err != nil {
					return err
				}
				changed, err := s.ConfirmEmailChange(ctx, request.Token)
				if err == nil {
					d.note(effectEmailChanged, userID, uuid.Nil)
				}
				if err == nil && (changed.User.ID != userID || changed.User.Email != request.NewEmail) {
					return fmt.Errorf("changed: %+v", changed)
				}
				return err
			},
			refusals: append(mailRefusals(), elevate.ErrEmailTaken),
			indexed:  true,
		},
	}
}

// mailRefusals are those of operations on mailed tokens, which are not for
// transactions.
func mailRefusals() []error {
	return []error{
		elevate.ErrInTransaction, elevate.ErrInvalidToken, elevate.ErrNotFound, elevate.ErrTooManyAttempts,
		elevate.ErrUserDisabled,
	}
}
