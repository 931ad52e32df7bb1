package elevate_test

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

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
