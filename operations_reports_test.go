package elevate_test

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func reportOperations() []operation {
	revenue := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.RevenueReportParams)) error {
		params := elevate.RevenueReportParams{
			CourseID: w.course, From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour),
		}
		change(&params)
		_, err := s.RevenueReport(ctx, params)
		return err
	}
	revenueFails := func(name string, change func(*elevate.RevenueReportParams)) refusal {
		return fails(name, func(ctx context.Context, s *elevate.Store, w *world) error {
			return revenue(ctx, s, w, change)
		})
	}
	report := func(
		name string, read func(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error,
	) operation {
		return operation{
			name:  name,
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return read(ctx, s, w.course)
			},
			refusals: []refusal{
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return read(ctx, s, w.learner)
				}),
				unknown("NoCourse", func(ctx context.Context, s *elevate.Store, _ *world) error {
					return read(ctx, s, uuid.Nil)
				}),
			},
		}
	}
	return []operation{
		report("CourseReport", func(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
			_, err := s.CourseReport(ctx, courseID)
			return err
		}),
		report("CourseFunnel", func(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
			_, err := s.CourseFunnel(ctx, courseID)
			return err
		}),
		report("ExportLearners", func(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
			return s.ExportLearners(ctx, elevate.ExportLearnersParams{CourseID: courseID}, io.Discard)
		}),
		report("ExportGradebook", func(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
			return s.ExportGradebook(ctx, elevate.ExportGradebookParams{CourseID: courseID}, io.Discard)
		}),
		{
			name:  "RevenueReport",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return revenue(ctx, s, w, func(*elevate.RevenueReportParams) {})
			},
			refusals: []refusal{
				revenueFails("NoFrom", func(p *elevate.RevenueReportParams) { p.From = time.Time{} }),
				revenueFails("NoTo", func(p *elevate.RevenueReportParams) { p.To = time.Time{} }),
				revenueFails("ToBeforeFrom", func(p *elevate.RevenueReportParams) { p.To = p.From }),
				revenueFails("FromTooLate", func(p *elevate.RevenueReportParams) { p.From = p.From.AddDate(9000, 0, 0) }),
				revenueFails("ToTooLate", func(p *elevate.RevenueReportParams) { p.To = p.To.AddDate(9000, 0, 0) }),
				revenueFails("TooManyDays", func(p *elevate.RevenueReportParams) { p.To = p.From.AddDate(11, 0, 0) }),
				revenueFails("By", func(p *elevate.RevenueReportParams) { p.By = "week" }),
				revenueFails("ZoneUnknown", func(p *elevate.RevenueReportParams) { p.Zone = "Europe/Atlantis" }),
				revenueFails("ZoneLocal", func(p *elevate.RevenueReportParams) { p.Zone = "Local" }),
				revenueFails("ZoneNUL", func(p *elevate.RevenueReportParams) { p.Zone = "UTC\x00" }),
				revenueFails("ZoneInvalidUTF8", func(p *elevate.RevenueReportParams) { p.Zone = "\xff" }),
				revenueFails("ZonePath", func(p *elevate.RevenueReportParams) { p.Zone = "../../etc/passwd" }),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return revenue(ctx, s, w, func(p *elevate.RevenueReportParams) { p.CourseID = w.learner })
				}),
				unknown("Instructor", func(ctx context.Context, s *elevate.Store, w *world) error {
					return revenue(ctx, s, w, func(p *elevate.RevenueReportParams) {
						p.CourseID, p.InstructorID = uuid.Nil, w.course
					})
				}),
				unknown("CourseOfInstructor", func(ctx context.Context, s *elevate.Store, w *world) error {
					return revenue(ctx, s, w, func(p *elevate.RevenueReportParams) { p.InstructorID = w.rival })
				}),
			},
		},
	}
}
