package elevate_test

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func enrollmentOperations() []operation {
	grant := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.GrantEnrollmentParams)) error {
		params := elevate.GrantEnrollmentParams{UserID: w.stranger, CourseID: w.course, Source: "scholarship"}
		change(&params)
		_, err := s.GrantEnrollment(ctx, params)
		return err
	}
	many := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.EnrollManyParams)) error {
		params := elevate.EnrollManyParams{
			CourseID: w.course, Source: "company", UserIDs: []uuid.UUID{w.stranger, w.learner, w.rival},
		}
		change(&params)
		_, err := s.EnrollMany(ctx, params)
		return err
	}
	return []operation{
		{
			name:  "Enroll",
			may:   "--+--++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.Enroll(ctx, w.learner, w.course)
				return err
			},
			refusals: []refusal{
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.Enroll(ctx, uuid.New(), w.course)
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.Enroll(ctx, w.learner, uuid.Nil)
					return err
				}),
				unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.Enroll(ctx, w.course, w.learner)
					return err
				}),
				{"Draft", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.Enroll(ctx, w.learner, w.draft)
					return err
				}, elevate.ErrNotPublished},
			},
		},
		{
			name:  "GrantEnrollment",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return grant(ctx, s, w, func(*elevate.GrantEnrollmentParams) {})
			},
			refusals: slices.Concat(
				texts("Reference", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.Reference = value })
				}),
				texts("Source", 32, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.Source = value })
				}),
				[]refusal{
					{"SourceEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.Source = "" })
					}, nil},
					{"SourceReserved", func(ctx context.Context, s *elevate.Store, w *world) error {
						return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.Source = "payment" })
					}, nil},
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.UserID = uuid.New() })
					}),
					unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
						return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.CourseID = uuid.New() })
					}),
					{"Draft", func(ctx context.Context, s *elevate.Store, w *world) error {
						return grant(ctx, s, w, func(p *elevate.GrantEnrollmentParams) { p.CourseID = w.draft })
					}, elevate.ErrNotPublished},
				},
			),
		},
		{
			name:  "EnrollMany",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return many(ctx, s, w, func(*elevate.EnrollManyParams) {})
			},
			refusals: slices.Concat(
				texts("Reference", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return many(ctx, s, w, func(p *elevate.EnrollManyParams) { p.Reference = value })
				}),
				texts("Source", 32, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return many(ctx, s, w, func(p *elevate.EnrollManyParams) { p.Source = value })
				}),
				[]refusal{
					{"NoUsers", func(ctx context.Context, s *elevate.Store, w *world) error {
						return many(ctx, s, w, func(p *elevate.EnrollManyParams) { p.UserIDs = nil })
					}, nil},
					{"TooManyUsers", func(ctx context.Context, s *elevate.Store, w *world) error {
						return many(ctx, s, w, func(p *elevate.EnrollManyParams) { p.UserIDs = make([]uuid.UUID, 20_001) })
					}, nil},
					unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
						return many(ctx, s, w, func(p *elevate.EnrollManyParams) { p.CourseID = uuid.New() })
					}),
					{"Draft", func(ctx context.Context, s *elevate.Store, w *world) error {
						return many(ctx, s, w, func(p *elevate.EnrollManyParams) { p.CourseID = w.draft })
					}, elevate.ErrNotPublished},
				},
			),
		},
		{
			name:  "Unenroll",
			may:   "--+--++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.Unenroll(ctx, elevate.UnenrollParams{UserID: w.learner, CourseID: w.course})
				return err
			},
			refusals: []refusal{
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.Unenroll(ctx, elevate.UnenrollParams{UserID: uuid.New(), CourseID: w.course})
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.Unenroll(ctx, elevate.UnenrollParams{UserID: w.learner, CourseID: uuid.New()})
					return err
				}),
			},
		},
		{
			name:  "MyCourses",
			may:   "--+--++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.MyCourses(ctx, w.learner, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.MyCourses(ctx, w.learner, page)
					return err
				}),
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MyCourses(ctx, uuid.New(), elevate.PageParams{})
					return err
				})),
		},
		{
			name:  "CourseLearners",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.CourseLearners(ctx, w.course, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.CourseLearners(ctx, w.course, page)
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.CourseLearners(ctx, w.learner, elevate.PageParams{})
					return err
				})),
		},
	}
}
