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

func progressOperations() []operation {
	complete := func(ctx context.Context, s *elevate.Store, userID, lessonID uuid.UUID) error {
		_, err := s.CompleteLesson(ctx, userID, lessonID, time.Minute)
		return err
	}
	uncomplete := func(ctx context.Context, s *elevate.Store, userID, lessonID uuid.UUID) error {
		_, err := s.UncompleteLesson(ctx, userID, lessonID)
		return err
	}
	record := func(ctx context.Context, s *elevate.Store, userID, lessonID uuid.UUID) error {
		_, err := s.RecordStudyTime(ctx, elevate.RecordStudyTimeParams{
			UserID: userID, LessonID: lessonID, TimeSpent: time.Minute, Position: time.Second,
		})
		return err
	}
	reset := func(ctx context.Context, s *elevate.Store, userID, courseID uuid.UUID) error {
		_, err := s.ResetProgress(ctx, userID, courseID)
		return err
	}
	// on is a call with a user and a lesson or course of the world.
	on := func(
		call func(ctx context.Context, s *elevate.Store, userID, id uuid.UUID) error,
		ids func(w *world) (userID, id uuid.UUID),
	) func(ctx context.Context, s *elevate.Store, w *world) error {
		return func(ctx context.Context, s *elevate.Store, w *world) error {
			userID, id := ids(w)
			return call(ctx, s, userID, id)
		}
	}
	// strangers are the refusals that all of them share.
	strangers := func(
		call func(ctx context.Context, s *elevate.Store, userID, id uuid.UUID) error, id func(w *world) uuid.UUID,
	) []refusal {
		return []refusal{
			unknown("User", on(call, func(w *world) (uuid.UUID, uuid.UUID) { return uuid.New(), id(w) })),
			unknown("ID", on(call, func(w *world) (uuid.UUID, uuid.UUID) { return w.learner, uuid.New() })),
			unknown("SwappedIDs", on(call, func(w *world) (uuid.UUID, uuid.UUID) { return id(w), w.learner })),
			{
				"NotEnrolled", on(call, func(w *world) (uuid.UUID, uuid.UUID) { return w.stranger, id(w) }),
				elevate.ErrNotEnrolled,
			},
		}
	}
	lesson := func(w *world) uuid.UUID { return w.lessons[1] }
	done := func(w *world) uuid.UUID { return w.lessons[0] }
	course := func(w *world) uuid.UUID { return w.course }
	mine := func(id func(w *world) uuid.UUID) func(w *world) (uuid.UUID, uuid.UUID) {
		return func(w *world) (uuid.UUID, uuid.UUID) { return w.learner, id(w) }
	}
	studied := func(
		change func(p *elevate.RecordStudyTimeParams, v time.Duration),
	) func(context.Context, *elevate.Store, *world, time.Duration) error {
		return func(ctx context.Context, s *elevate.Store, w *world, v time.Duration) error {
			params := elevate.RecordStudyTimeParams{UserID: w.learner, LessonID: w.lessons[1]}
			change(&params, v)
			_, err := s.RecordStudyTime(ctx, params)
			return err
		}
	}
	return []operation{
		{
			name:  "CompleteLesson",
			may:   "--+--++",
			trips: 1,
			call:  on(complete, mine(lesson)),
			refusals: append(strangers(complete, lesson),
				spans("TimeSpent", func(ctx context.Context, s *elevate.Store, w *world, v time.Duration) error {
					_, err := s.CompleteLesson(ctx, w.learner, w.lessons[1], v)
					return err
				})...),
		},
		{
			name:     "UncompleteLesson",
			may:      "--+--++",
			trips:    1,
			call:     on(uncomplete, mine(done)),
			refusals: strangers(uncomplete, done),
		},
		{
			name:  "RecordStudyTime",
			may:   "--+--++",
			trips: 1,
			call:  on(record, mine(lesson)),
			refusals: slices.Concat(strangers(record, lesson),
				spans("TimeSpent", studied(func(p *elevate.RecordStudyTimeParams, v time.Duration) { p.TimeSpent = v })),
				spans("Position", studied(func(p *elevate.RecordStudyTimeParams, v time.Duration) { p.Position = v }))),
		},
		{
			name:     "ResetProgress",
			may:      "--+--++",
			trips:    1,
			call:     on(reset, mine(course)),
			refusals: strangers(reset, course),
		},
	}
}
