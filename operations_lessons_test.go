package elevate_test

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func lessonOperations() []operation {
	add := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.AddLessonsParams)) error {
		params := elevate.AddLessonsParams{
			CourseID: w.course, Lessons: []elevate.NewLesson{{Title: "Maps"}, {Title: "Slices"}}, Position: 2,
		}
		change(&params)
		_, err := s.AddLessons(ctx, params)
		return err
	}
	update := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.UpdateLessonParams)) error {
		params := elevate.UpdateLessonParams{ID: w.lessons[0], Version: 1, Title: "Maps"}
		change(&params)
		_, err := s.UpdateLesson(ctx, params)
		return err
	}
	reorder := func(ctx context.Context, s *elevate.Store, w *world, change func([]uuid.UUID) []uuid.UUID) error {
		return s.ReorderLessons(ctx, w.course, change(slices.Clone(w.lessons)))
	}
	// Both take the same texts, so both refuse the same ones.
	edits := func(
		call func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.NewLesson)) error,
	) []refusal {
		change := func(f func(l *elevate.NewLesson, value string)) func(context.Context, *elevate.Store, *world, string) error {
			return func(ctx context.Context, s *elevate.Store, w *world, value string) error {
				return call(ctx, s, w, func(l *elevate.NewLesson) { f(l, value) })
			}
		}
		return slices.Concat(
			texts("Title", 255, change(func(l *elevate.NewLesson, v string) { l.Title = v })),
			texts("Description", 1<<20, change(func(l *elevate.NewLesson, v string) { l.Description = v })),
			texts("Content", 1<<20, change(func(l *elevate.NewLesson, v string) { l.Content = v })),
			texts("VideoURL", 500, change(func(l *elevate.NewLesson, v string) { l.VideoURL = v })),
			spans("Duration", func(ctx context.Context, s *elevate.Store, w *world, v time.Duration) error {
				return call(ctx, s, w, func(l *elevate.NewLesson) { l.Duration = v })
			}),
			[]refusal{
				fails("TitleEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
					return call(ctx, s, w, func(l *elevate.NewLesson) { l.Title = "" })
				}),
				fails("VideoScript", func(ctx context.Context, s *elevate.Store, w *world) error {
					return call(ctx, s, w, func(l *elevate.NewLesson) { l.VideoURL = "data:text/html,x" })
				}),
			},
		)
	}
	return []operation{
		{
			name:  "AddLessons",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return add(ctx, s, w, func(*elevate.AddLessonsParams) {})
			},
			refusals: append(
				edits(func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.NewLesson)) error {
					return add(ctx, s, w, func(p *elevate.AddLessonsParams) { change(&p.Lessons[1]) })
				}),
				fails("NoLessons", func(ctx context.Context, s *elevate.Store, w *world) error {
					return add(ctx, s, w, func(p *elevate.AddLessonsParams) { p.Lessons = nil })
				}),
				fails("TooManyLessons", func(ctx context.Context, s *elevate.Store, w *world) error {
					return add(ctx, s, w, func(p *elevate.AddLessonsParams) {
						p.Lessons = slices.Repeat([]elevate.NewLesson{{Title: "T"}}, 1001)
					})
				}),
				fails("PositionNegative", func(ctx context.Context, s *elevate.Store, w *world) error {
					return add(ctx, s, w, func(p *elevate.AddLessonsParams) { p.Position = -1 })
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return add(ctx, s, w, func(p *elevate.AddLessonsParams) { p.CourseID = uuid.New() })
				}),
				conflicts("IDTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
					return add(ctx, s, w, func(p *elevate.AddLessonsParams) { p.Lessons[1].ID = w.draftLesson })
				})),
		},
		{
			name:  "UpdateLesson",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return update(ctx, s, w, func(*elevate.UpdateLessonParams) {})
			},
			refusals: append(
				edits(func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.NewLesson)) error {
					return update(ctx, s, w, func(p *elevate.UpdateLessonParams) {
						l := elevate.NewLesson{Title: p.Title}
						change(&l)
						p.Title, p.Description, p.Content = l.Title, l.Description, l.Content
						p.VideoURL, p.Duration = l.VideoURL, l.Duration
					})
				}),
				unknown("Lesson", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateLessonParams) { p.ID = w.course })
				}),
				conflicts("VersionMoved", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateLessonParams) { p.Version = 7 })
				})),
		},
		{
			name:  "ReorderLessons",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return reorder(ctx, s, w, func(ids []uuid.UUID) []uuid.UUID { slices.Reverse(ids); return ids })
			},
			refusals: []refusal{
				fails("RepeatedLesson", func(ctx context.Context, s *elevate.Store, w *world) error {
					return reorder(ctx, s, w, func(ids []uuid.UUID) []uuid.UUID { ids[0] = ids[1]; return ids })
				}),
				conflicts("MissingLesson", func(ctx context.Context, s *elevate.Store, w *world) error {
					return reorder(ctx, s, w, func(ids []uuid.UUID) []uuid.UUID { return ids[1:] })
				}),
				conflicts("ForeignLesson", func(ctx context.Context, s *elevate.Store, w *world) error {
					return reorder(ctx, s, w, func(ids []uuid.UUID) []uuid.UUID { ids[0] = w.draftLesson; return ids })
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return s.ReorderLessons(ctx, uuid.New(), w.lessons)
				}),
			},
		},
		{
			name:  "DeleteLesson",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return s.DeleteLesson(ctx, w.lessons[1])
			},
			refusals: []refusal{unknown("Lesson", func(ctx context.Context, s *elevate.Store, _ *world) error {
				return s.DeleteLesson(ctx, uuid.New())
			})},
		},
		{
			name:  "CourseOutline",
			may:   "0000+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.CourseOutline(ctx, w.draft, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.CourseOutline(ctx, w.course, page)
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.CourseOutline(ctx, w.learner, elevate.PageParams{})
					return err
				})),
		},
		{
			name:  "GetLesson",
			may:   "00+0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetLesson(ctx, w.lessons[0])
				return err
			},
			refusals: []refusal{unknown("Lesson", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetLesson(ctx, w.course)
				return err
			})},
		},
	}
}
