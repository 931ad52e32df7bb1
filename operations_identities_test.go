package elevate_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func identityOperations() []operation {
	// Two of the learner, who has no password, and one of the teacher.
	prepare := func(t *testing.T, w *world) {
		t.Helper()
		w.identity(t, w.learner, "google", w.learner.String())
		w.identity(t, w.learner, "github", w.learner.String())
		w.identity(t, w.teacher, "google", w.teacher.String())
	}
	link := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.LinkIdentityParams)) error {
		params := elevate.LinkIdentityParams{Provider: "company", Subject: w.learner.String(), UserID: w.learner}
		change(&params)
		_, err := s.LinkIdentity(ctx, params)
		return err
	}
	unlink := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.UnlinkIdentityParams)) error {
		params := elevate.UnlinkIdentityParams{Provider: "google", Subject: w.learner.String(), UserID: w.learner}
		change(&params)
		_, err := s.UnlinkIdentity(ctx, params)
		return err
	}
	find := func(ctx context.Context, s *elevate.Store, provider, subject string) error {
		_, err := s.UserByIdentity(ctx, provider, subject)
		return err
	}
	return []operation{
		{
			name:    "LinkIdentity",
			may:     "------+",
			trips:   1,
			prepare: prepare,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return link(ctx, s, w, func(*elevate.LinkIdentityParams) {})
			},
			refusals: slices.Concat(
				texts("Provider", 32, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return link(ctx, s, w, func(p *elevate.LinkIdentityParams) { p.Provider = value })
				}),
				texts("Subject", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return link(ctx, s, w, func(p *elevate.LinkIdentityParams) { p.Subject = value })
				}),
				[]refusal{
					fails("NoProvider", func(ctx context.Context, s *elevate.Store, w *world) error {
						return link(ctx, s, w, func(p *elevate.LinkIdentityParams) { p.Provider = "" })
					}),
					fails("NoSubject", func(ctx context.Context, s *elevate.Store, w *world) error {
						return link(ctx, s, w, func(p *elevate.LinkIdentityParams) { p.Subject = "" })
					}),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return link(ctx, s, w, func(p *elevate.LinkIdentityParams) { p.UserID = w.course })
					}),
					{"Taken", func(ctx context.Context, s *elevate.Store, w *world) error {
						return link(ctx, s, w, func(p *elevate.LinkIdentityParams) {
							p.Provider, p.Subject = "google", w.teacher.String()
						})
					}, elevate.ErrIdentityTaken},
				},
			),
		},
		{
			name:    "UnlinkIdentity",
			may:     "--+--++",
			trips:   1,
			prepare: prepare,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return unlink(ctx, s, w, func(*elevate.UnlinkIdentityParams) {})
			},
			refusals: slices.Concat(
				texts("Provider", 32, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return unlink(ctx, s, w, func(p *elevate.UnlinkIdentityParams) { p.Provider = value })
				}),
				texts("Subject", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return unlink(ctx, s, w, func(p *elevate.UnlinkIdentityParams) { p.Subject = value })
				}),
				[]refusal{
					fails("NoProvider", func(ctx context.Context, s *elevate.Store, w *world) error {
						return unlink(ctx, s, w, func(p *elevate.UnlinkIdentityParams) { p.Provider = "" })
					}),
					fails("NoSubject", func(ctx context.Context, s *elevate.Store, w *world) error {
						return unlink(ctx, s, w, func(p *elevate.UnlinkIdentityParams) { p.Subject = "" })
					}),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return unlink(ctx, s, w, func(p *elevate.UnlinkIdentityParams) { p.UserID = uuid.New() })
					}),
					conflicts("Last", func(ctx context.Context, s *elevate.Store, w *world) error {
						return unlink(ctx, s, w, func(p *elevate.UnlinkIdentityParams) {
							p.Subject, p.UserID = w.teacher.String(), w.teacher
						})
					}),
				},
			),
		},
		{
			name:    "UserByIdentity",
			may:     "-----++",
			trips:   1,
			prepare: prepare,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return find(ctx, s, "google", w.learner.String())
			},
			refusals: slices.Concat(
				texts("Provider", 32, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return find(ctx, s, value, w.learner.String())
				}),
				texts("Subject", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return find(ctx, s, "google", value)
				}),
				[]refusal{
					fails("NoSubject", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return find(ctx, s, "google", "")
					}),
					unknown("Identity", func(ctx context.Context, s *elevate.Store, w *world) error {
						return find(ctx, s, "github", w.teacher.String())
					}),
				},
			),
		},
		{
			name:    "ListIdentities",
			may:     "--+--++",
			trips:   1,
			prepare: prepare,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListIdentities(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListIdentities(ctx, w.course)
				return err
			})},
		},
	}
}
