package elevate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// unknownToken has the shape of a token, and was never made.
var unknownToken = elevate.Token(strings.Repeat("A", 43))

// tokenless are the refusals of a token that is no good.
func tokenless(call func(ctx context.Context, s *elevate.Store, w *world, token elevate.Token) error) []refusal {
	var refusals []refusal
	for name, token := range map[string]elevate.Token{
		"TokenUnknown":     unknownToken,
		"TokenEmpty":       "",
		"TokenCut":         unknownToken[1:],
		"TokenLong":        unknownToken + "A",
		"TokenNUL":         "\x00" + unknownToken[1:],
		"TokenInvalidUTF8": "\xff" + unknownToken[1:],
		"TokenLoose":       unknownToken[1:] + "B", // decodes, and is not how it would be encoded
	} {
		refusals = append(refusals, refusal{
			name: name,
			call: func(ctx context.Context, s *elevate.Store, w *world) error { return call(ctx, s, w, token) },
			want: elevate.ErrInvalidToken,
		})
	}
	return refusals
}

func tokenOperations() []operation {
	withPassword := func(t *testing.T, w *world) {
		t.Helper()
		w.setPassword(t, w.learner)
	}
	change := func(ctx context.Context, s *elevate.Store, w *world, edit func(*elevate.ChangePasswordParams)) error {
		params := elevate.ChangePasswordParams{
			UserID: w.learner, OldPassword: goodPassword, NewPassword: "battery staple",
		}
		edit(&params)
		return s.ChangePassword(ctx, params)
	}
	move := func(ctx context.Context, s *elevate.Store, w *world, edit func(*elevate.RequestEmailChangeParams)) error {
		params := elevate.RequestEmailChangeParams{
			UserID: w.learner, Password: goodPassword, NewEmail: uuid.NewString() + "@example.org",
		}
		edit(&params)
		_, err := s.RequestEmailChange(ctx, params)
		return err
	}
	ask := func(ctx context.Context, s *elevate.Store, email string) error {
		_, err := s.RequestPasswordReset(ctx, email)
		return err
	}
	reset := func(ctx context.Context, s *elevate.Store, token elevate.Token, password string) error {
		_, err := s.ResetPassword(ctx, token, password)
		return err
	}
	verify := func(ctx context.Context, s *elevate.Store, _ *world, token elevate.Token) error {
		_, err := s.VerifyEmail(ctx, token)
		return err
	}
	confirm := func(ctx context.Context, s *elevate.Store, _ *world, token elevate.Token) error {
		_, err := s.ConfirmEmailChange(ctx, token)
		return err
	}
	return []operation{
		{
			name:    "ChangePassword",
			may:     "--+---+",
			trips:   3,
			alone:   true,
			prepare: withPassword,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return change(ctx, s, w, func(*elevate.ChangePasswordParams) {})
			},
			refusals: slices.Concat(
				texts("OldPassword", 72, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return change(ctx, s, w, func(p *elevate.ChangePasswordParams) { p.OldPassword = value })
				}),
				texts("NewPassword", 72, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return change(ctx, s, w, func(p *elevate.ChangePasswordParams) { p.NewPassword = "12345678" + value })
				}),
				[]refusal{
					fails("NewPasswordShort", func(ctx context.Context, s *elevate.Store, w *world) error {
						return change(ctx, s, w, func(p *elevate.ChangePasswordParams) { p.NewPassword = "1234567" })
					}),
					{"OldPasswordWrong", func(ctx context.Context, s *elevate.Store, w *world) error {
						return change(ctx, s, w, func(p *elevate.ChangePasswordParams) { p.OldPassword = "wrong" })
					}, elevate.ErrInvalidCredentials},
					fails("OldPasswordEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return change(ctx, s, w, func(p *elevate.ChangePasswordParams) { p.OldPassword = "" })
					}),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return change(ctx, s, w, func(p *elevate.ChangePasswordParams) { p.UserID = uuid.New() })
					}),
				},
			),
		},
		{
			name:  "RequestPasswordReset",
			may:   "+++++++",
			trips: 2,
			alone: true,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return ask(ctx, s, w.learner.String()+"@example.org")
			},
			refusals: append(
				texts("Email", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return ask(ctx, s, value+"@example.org")
				}),
				fails("EmailEmpty", func(ctx context.Context, s *elevate.Store, _ *world) error {
					return ask(ctx, s, " ")
				})),
		},
		{
			name:  "ResetPassword",
			may:   "+++++++",
			trips: 2,
			alone: true,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				result, err := w.store.RequestPasswordReset(w.ctx, w.learner.String()+"@example.org")
				require.NoError(t, err)
				w.token = result.Token
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return reset(ctx, s, w.token, "battery staple")
			},
			refusals: slices.Concat(
				tokenless(func(ctx context.Context, s *elevate.Store, _ *world, token elevate.Token) error {
					return reset(ctx, s, token, "battery staple")
				}),
				texts("Password", 72, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return reset(ctx, s, w.token, "12345678"+value)
				}),
				[]refusal{fails("PasswordShort", func(ctx context.Context, s *elevate.Store, w *world) error {
					return reset(ctx, s, w.token, "1234567")
				})},
			),
		},
		{
			name:  "RequestEmailVerification",
			may:   "--+--++",
			trips: 3,
			alone: true,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.RequestEmailVerification(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.RequestEmailVerification(ctx, w.course)
				return err
			})},
		},
		{
			name:  "VerifyEmail",
			may:   "+++++++",
			trips: 1,
			alone: true,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				result, err := w.system.RequestEmailVerification(w.ctx, w.learner)
				require.NoError(t, err)
				w.token = result.Token
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return verify(ctx, s, w, w.token)
			},
			refusals: tokenless(verify),
		},
		{
			name:    "RequestEmailChange",
			may:     "--+--++",
			trips:   4,
			alone:   true,
			prepare: withPassword,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return move(ctx, s, w, func(*elevate.RequestEmailChangeParams) {})
			},
			refusals: slices.Concat(
				texts("NewEmail", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.NewEmail = value + "@example.org" })
				}),
				texts("Password", 72, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.Password = value })
				}),
				[]refusal{
					fails("NewEmailEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.NewEmail = "" })
					}),
					{"PasswordWrong", func(ctx context.Context, s *elevate.Store, w *world) error {
						return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.Password = "wrong" })
					}, elevate.ErrInvalidCredentials},
					fails("PasswordEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.Password = "" })
					}),
					fails("PasswordNotNeeded", func(ctx context.Context, s *elevate.Store, w *world) error {
						return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.WithoutPassword = true })
					}),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) { p.UserID = uuid.New() })
					}),
					unknown("UserWithoutPassword", func(ctx context.Context, s *elevate.Store, w *world) error {
						return move(ctx, s, w, func(p *elevate.RequestEmailChangeParams) {
							p.UserID, p.Password, p.WithoutPassword = uuid.New(), "", true
						})
					}),
				},
			),
		},
		{
			name:  "ConfirmEmailChange",
			may:   "+++++++",
			trips: 1,
			alone: true,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				result, err := w.system.RequestEmailChange(w.ctx, elevate.RequestEmailChangeParams{
					UserID: w.learner, NewEmail: uuid.NewString() + "@example.org", WithoutPassword: true,
				})
				require.NoError(t, err)
				w.token = result.Token
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return confirm(ctx, s, w, w.token)
			},
			refusals: tokenless(confirm),
		},
	}
}
