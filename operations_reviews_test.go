package elevate_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func reviewOperations() []operation {
	put := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.PutReviewParams)) error {
		params := elevate.PutReviewParams{UserID: w.learner, CourseID: w.course, Rating: 4, Comment: "Clear."}
		change(&params)
		_, err := s.PutReview(ctx, params)
		return err
	}
	rated := func(rating int32) func(ctx context.Context, s *elevate.Store, w *world) error {
		return func(ctx context.Context, s *elevate.Store, w *world) error {
			return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.Rating = rating })
		}
	}
	reviewed := func(t *testing.T, w *world) {
		t.Helper()
		w.rate(t, w.learner, w.course, 3)
	}
	return []operation{
		{
			name:  "PutReview",
			may:   "--+--++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return put(ctx, s, w, func(*elevate.PutReviewParams) {})
			},
			refusals: slices.Concat(
				texts("Comment", 10_000, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.Comment = value })
				}),
				[]refusal{
					fails("RatingZero", rated(0)),
					fails("RatingNegative", rated(-1)),
					fails("RatingTooLarge", rated(6)),
					fails("RatingOverflow", rated(math.MaxInt32)),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.UserID = uuid.New() })
					}),
					unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
						return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.CourseID = uuid.Nil })
					}),
					unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
						return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.UserID, p.CourseID = w.course, w.learner })
					}),
					unknown("Draft", func(ctx context.Context, s *elevate.Store, w *world) error {
						stranger := s.As(elevate.Actor{UserID: w.stranger, Role: elevate.RoleUser})
						return put(ctx, stranger, w, func(p *elevate.PutReviewParams) { p.UserID, p.CourseID = w.stranger, w.draft })
					}),
					{"NotEnrolled", func(ctx context.Context, s *elevate.Store, w *world) error {
						return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.UserID = w.stranger })
					}, elevate.ErrNotEnrolled},
					{"NotEnrolledInDraft", func(ctx context.Context, s *elevate.Store, w *world) error {
						return put(ctx, s, w, func(p *elevate.PutReviewParams) { p.CourseID = w.draft })
					}, elevate.ErrNotEnrolled},
				},
			),
		},
		{
			name:    "DeleteReview",
			may:     "--+--++",
			trips:   1,
			prepare: reviewed,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.DeleteReview(ctx, w.learner, w.course)
				return err
			},
			refusals: []refusal{
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.DeleteReview(ctx, uuid.New(), w.course)
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.DeleteReview(ctx, w.learner, uuid.Nil)
					return err
				}),
				unknown("Draft", func(ctx context.Context, s *elevate.Store, w *world) error {
					stranger := s.As(elevate.Actor{UserID: w.stranger, Role: elevate.RoleUser})
					_, err := stranger.DeleteReview(ctx, w.stranger, w.draft)
					return err
				}),
				unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.DeleteReview(ctx, w.course, w.learner)
					return err
				}),
			},
		},
		{
			name:    "ListReviews",
			may:     "+++++++",
			trips:   1,
			prepare: reviewed,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListReviews(ctx, w.course, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.ListReviews(ctx, w.course, page)
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.ListReviews(ctx, w.learner, elevate.PageParams{})
					return err
				})),
		},
	}
}
