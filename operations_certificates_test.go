package elevate_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func certificateOperations() []operation {
	issue := func(
		ctx context.Context, s *elevate.Store, w *world, change func(*elevate.IssueCertificateParams),
	) error {
		params := elevate.IssueCertificateParams{UserID: w.learner, CourseID: w.course}
		change(&params)
		_, err := s.IssueCertificate(ctx, params)
		return err
	}
	many := func(ctx context.Context, s *elevate.Store, courseID uuid.UUID, userIDs ...uuid.UUID) error {
		_, err := s.IssueCertificates(ctx, elevate.IssueCertificatesParams{CourseID: courseID, UserIDs: userIDs})
		return err
	}
	revoke := func(ctx context.Context, s *elevate.Store, publicID string) error {
		_, err := s.RevokeCertificate(ctx, publicID)
		return err
	}
	reinstate := func(ctx context.Context, s *elevate.Store, publicID string) error {
		_, err := s.ReinstateCertificate(ctx, publicID)
		return err
	}
	verify := func(ctx context.Context, s *elevate.Store, publicID string) error {
		_, err := s.VerifyCertificate(ctx, publicID)
		return err
	}
	// numbers are the refusals of a public id.
	numbers := func(call func(ctx context.Context, s *elevate.Store, publicID string) error) []refusal {
		bad := func(ctx context.Context, s *elevate.Store, _ *world, value string) error { return call(ctx, s, value) }
		return append(texts("PublicID", 50, bad),
			fails("PublicIDEmpty", func(ctx context.Context, s *elevate.Store, _ *world) error { return call(ctx, s, "") }),
			fails("PublicIDMistyped", func(ctx context.Context, s *elevate.Store, w *world) error {
				typo := []byte(w.certificate)
				typo[0] = map[bool]byte{true: '8', false: '7'}[typo[0] == '7']
				return call(ctx, s, string(typo))
			}),
			unknown("PublicID", func(ctx context.Context, s *elevate.Store, _ *world) error {
				return call(ctx, s, "CERT-2019-0001")
			}))
	}
	certified := func(t *testing.T, w *world) { t.Helper(); w.certify(t) }
	finished := func(t *testing.T, w *world) { t.Helper(); w.finish(t) }
	return []operation{
		{
			name:    "IssueCertificate",
			may:     "--+--++",
			trips:   1,
			prepare: finished,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return issue(ctx, s, w, func(*elevate.IssueCertificateParams) {})
			},
			refusals: append(
				texts("URL", 500, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return issue(ctx, s, w, func(p *elevate.IssueCertificateParams) { p.URL = value })
				}),
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					return issue(ctx, s, w, func(p *elevate.IssueCertificateParams) { p.UserID = uuid.New() })
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return issue(ctx, s, w, func(p *elevate.IssueCertificateParams) { p.CourseID = uuid.New() })
				}),
				unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					return issue(ctx, s, w, func(p *elevate.IssueCertificateParams) {
						p.UserID, p.CourseID = p.CourseID, p.UserID
					})
				}),
				refusal{"NotEnrolled", func(ctx context.Context, s *elevate.Store, w *world) error {
					return issue(ctx, s, w, func(p *elevate.IssueCertificateParams) { p.UserID = w.stranger })
				}, elevate.ErrNotEnrolled}),
		},
		{
			name:    "IssueCertificates",
			may:     "---0+++",
			trips:   1,
			prepare: finished,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return many(ctx, s, w.course, w.learner, w.stranger)
			},
			refusals: []refusal{
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return many(ctx, s, uuid.New(), w.learner)
				}),
				fails("NoUsers", func(ctx context.Context, s *elevate.Store, w *world) error {
					return many(ctx, s, w.course)
				}),
				fails("TooManyUsers", func(ctx context.Context, s *elevate.Store, w *world) error {
					return many(ctx, s, w.course, make([]uuid.UUID, 20_001)...)
				}),
			},
		},
		{
			name:    "RevokeCertificate",
			may:     "---0+++",
			trips:   1,
			prepare: certified,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return revoke(ctx, s, w.certificate)
			},
			refusals: numbers(revoke),
		},
		{
			name:  "ReinstateCertificate",
			may:   "---0+++",
			trips: 1,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				w.certify(t)
				_, err := w.system.RevokeCertificate(w.ctx, w.certificate)
				require.NoError(t, err)
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return reinstate(ctx, s, w.certificate)
			},
			refusals: numbers(reinstate),
		},
		{
			name:    "ListCertificates",
			may:     "--+--++",
			trips:   1,
			prepare: certified,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListCertificates(ctx, w.learner, elevate.PageParams{})
				return err
			},
			refusals: slices.Concat(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.ListCertificates(ctx, w.learner, page)
					return err
				}),
				[]refusal{unknown("User", func(ctx context.Context, s *elevate.Store, _ *world) error {
					_, err := s.ListCertificates(ctx, uuid.New(), elevate.PageParams{})
					return err
				})},
			),
		},
		{
			name:    "VerifyCertificate",
			may:     "+++++++",
			trips:   1,
			prepare: certified,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return verify(ctx, s, w.certificate)
			},
			refusals: numbers(verify),
		},
	}
}
