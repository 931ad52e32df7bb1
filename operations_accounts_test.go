package elevate_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// passwordHash is a bcrypt hash of cost 12; hashing one for each call would take
// most of the time of the suite.
const passwordHash = "$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"

func accountOperations() []operation {
	register := func(ctx context.Context, s *elevate.Store, change func(*elevate.RegisterUserParams)) error {
		params := elevate.RegisterUserParams{
			Email: uuid.NewString() + "@example.org", Name: "Ada Lovelace", PasswordHash: passwordHash,
		}
		change(&params)
		_, err := s.RegisterUser(ctx, params)
		return err
	}
	sync := func(ctx context.Context, s *elevate.Store, change func(*elevate.SyncUserParams)) error {
		params := elevate.SyncUserParams{ID: uuid.New(), Email: uuid.NewString() + "@example.org", Name: "Ada"}
		change(&params)
		_, err := s.SyncUser(ctx, params)
		return err
	}
	profile := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.UpdateProfileParams)) error {
		params := elevate.UpdateProfileParams{UserID: w.learner, Name: "Ada", Bio: "Wrote the first program"}
		change(&params)
		_, err := s.UpdateProfile(ctx, params)
		return err
	}
	hash := func(ctx context.Context, s *elevate.Store, password string) error {
		_, err := s.HashPassword(ctx, password)
		return err
	}
	return []operation{
		{
			name:  "HashPassword",
			may:   "+++++++",
			alone: true,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return hash(ctx, s, "correct horse")
			},
			refusals: append(
				texts("Password", 72, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return hash(ctx, s, "12345678"+value)
				}),
				fails("PasswordShort", func(ctx context.Context, s *elevate.Store, _ *world) error {
					return hash(ctx, s, "1234567")
				})),
		},
		{
			name:  "RegisterUser",
			may:   "+++++++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return register(ctx, s, func(*elevate.RegisterUserParams) {})
			},
			refusals: slices.Concat(
				texts("Email", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return register(ctx, s, func(p *elevate.RegisterUserParams) { p.Email = value + "@example.org" })
				}),
				texts("Name", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return register(ctx, s, func(p *elevate.RegisterUserParams) { p.Name = value })
				}),
				[]refusal{
					fails("EmailEmpty", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) { p.Email = " " })
					}),
					fails("NameEmpty", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) { p.Name = "" })
					}),
					fails("NoPassword", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) { p.PasswordHash = "" })
					}),
					fails("PasswordHash", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) { p.PasswordHash = "plain text" })
					}),
					fails("Role", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) { p.Role = elevate.RoleSystem })
					}),
					{"EmailTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) {
							p.Email = w.learner.String() + "@EXAMPLE.org"
						})
					}, elevate.ErrEmailTaken},
					conflicts("IDTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
						return register(ctx, s, func(p *elevate.RegisterUserParams) { p.ID = w.learner })
					}),
				},
			),
		},
		{
			name:  "SyncUser",
			may:   "------+",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return sync(ctx, s, func(*elevate.SyncUserParams) {})
			},
			refusals: slices.Concat(
				texts("Email", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return sync(ctx, s, func(p *elevate.SyncUserParams) { p.Email = value + "@example.org" })
				}),
				texts("Name", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return sync(ctx, s, func(p *elevate.SyncUserParams) { p.Name = value })
				}),
				texts("AvatarURL", 500, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return sync(ctx, s, func(p *elevate.SyncUserParams) { p.AvatarURL = value })
				}),
				[]refusal{
					fails("AvatarScript", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return sync(ctx, s, func(p *elevate.SyncUserParams) { p.AvatarURL = "JavaScript:alert(1)" })
					}),
					fails("NoID", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return sync(ctx, s, func(p *elevate.SyncUserParams) { p.ID = uuid.Nil })
					}),
					fails("Role", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return sync(ctx, s, func(p *elevate.SyncUserParams) { p.Role = "root" })
					}),
					{"EmailTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
						return sync(ctx, s, func(p *elevate.SyncUserParams) {
							p.ID, p.Email = w.stranger, w.learner.String()+"@example.org"
						})
					}, elevate.ErrEmailTaken},
				},
			),
		},
		{
			name:  "GetUser",
			may:   "--+--++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetUser(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetUser(ctx, w.course)
				return err
			})},
		},
		{
			name:  "ListUsers",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				_, err := s.ListUsers(ctx, elevate.ListUsersParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, _ *world, page elevate.PageParams) error {
					_, err := s.ListUsers(ctx, elevate.ListUsersParams{PageParams: page})
					return err
				}),
				fails("Role", func(ctx context.Context, s *elevate.Store, _ *world) error {
					_, err := s.ListUsers(ctx, elevate.ListUsersParams{Role: "root"})
					return err
				})),
		},
		{
			name:  "UpdateProfile",
			may:   "--+--++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return profile(ctx, s, w, func(*elevate.UpdateProfileParams) {})
			},
			refusals: slices.Concat(
				texts("Name", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return profile(ctx, s, w, func(p *elevate.UpdateProfileParams) { p.Name = value })
				}),
				texts("Bio", 10_000, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return profile(ctx, s, w, func(p *elevate.UpdateProfileParams) { p.Bio = value })
				}),
				texts("AvatarURL", 500, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return profile(ctx, s, w, func(p *elevate.UpdateProfileParams) { p.AvatarURL = value })
				}),
				[]refusal{
					fails("NameEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return profile(ctx, s, w, func(p *elevate.UpdateProfileParams) { p.Name = " " })
					}),
					fails("AvatarScript", func(ctx context.Context, s *elevate.Store, w *world) error {
						return profile(ctx, s, w, func(p *elevate.UpdateProfileParams) { p.AvatarURL = "JavaScript:alert(1)" })
					}),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return profile(ctx, s, w, func(p *elevate.UpdateProfileParams) { p.UserID = w.course })
					}),
				},
			),
		},
		{
			name:  "SetRole",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.SetRole(ctx, w.learner, elevate.RoleInstructor)
				return err
			},
			refusals: []refusal{
				fails("Role", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.SetRole(ctx, w.learner, elevate.RoleSystem)
					return err
				}),
				fails("NoRole", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.SetRole(ctx, w.learner, elevate.RoleVisitor)
					return err
				}),
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.SetRole(ctx, w.course, elevate.RoleUser)
					return err
				}),
			},
		},
		{
			name:  "DisableUser",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.DisableUser(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.DisableUser(ctx, w.course)
				return err
			})},
		},
		{
			name:  "EnableUser",
			may:   "-----++",
			trips: 1,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				w.exec(t, `UPDATE {s}.users SET disabled_at = now() WHERE id = $1`, w.learner)
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.EnableUser(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.EnableUser(ctx, w.course)
				return err
			})},
		},
	}
}
