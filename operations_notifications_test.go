package elevate_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func notificationOperations() []operation {
	list := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.ListNotificationsParams)) error {
		params := elevate.ListNotificationsParams{UserID: w.learner}
		change(&params)
		_, err := s.ListNotifications(ctx, params)
		return err
	}
	announce := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.NotifyCourseParams)) error {
		params := elevate.NotifyCourseParams{CourseID: w.course, Key: "exam", Title: "Exam", Message: "On Monday."}
		change(&params)
		_, err := s.NotifyCourse(ctx, params)
		return err
	}
	subscribe := func(ctx context.Context, s *elevate.Store, userID uuid.UUID, after string) error {
		sub, err := s.Subscribe(ctx, elevate.SubscribeParams{UserID: userID, After: after})
		if err == nil {
			sub.Close(ctx)
		}
		return err
	}
	notices := func(t *testing.T, w *world) {
		t.Helper()
		w.notices = w.notify(t, w.learner, 3)
	}
	return []operation{
		{
			name:    "ListNotifications",
			may:     "--+--++",
			trips:   1,
			prepare: notices,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return list(ctx, s, w, func(*elevate.ListNotificationsParams) {})
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					return list(ctx, s, w, func(p *elevate.ListNotificationsParams) { p.PageParams = page })
				}),
				fails("OrderNegative", func(ctx context.Context, s *elevate.Store, w *world) error {
					return list(ctx, s, w, func(p *elevate.ListNotificationsParams) { p.Order = -1 })
				}),
				fails("OrderUnknown", func(ctx context.Context, s *elevate.Store, w *world) error {
					return list(ctx, s, w, func(p *elevate.ListNotificationsParams) { p.Order = 3 })
				}),
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					return list(ctx, s, w, func(p *elevate.ListNotificationsParams) { p.UserID = uuid.Nil })
				})),
		},
		{
			name:    "CountUnread",
			may:     "--+--++",
			trips:   1,
			prepare: notices,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.CountUnread(ctx, w.learner)
				return err
			},
			refusals: []refusal{unknown("User", func(ctx context.Context, s *elevate.Store, _ *world) error {
				_, err := s.CountUnread(ctx, uuid.Nil)
				return err
			})},
		},
		{
			name:    "MarkRead",
			may:     "--+--++",
			trips:   1,
			prepare: notices,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.MarkRead(ctx, w.learner, w.notices...)
				return err
			},
			refusals: []refusal{
				fails("NoIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkRead(ctx, w.learner)
					return err
				}),
				fails("TooManyIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkRead(ctx, w.learner, make([]uuid.UUID, 501)...)
					return err
				}),
				unknown("Notification", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkRead(ctx, w.learner, uuid.New(), uuid.Nil)
					return err
				}),
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkRead(ctx, uuid.Nil, w.notices...)
					return err
				}),
				unknown("SwappedIDs", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkRead(ctx, w.notices[0], w.learner)
					return err
				}),
			},
		},
		{
			name:    "MarkAllRead",
			may:     "--+--++",
			trips:   1,
			prepare: notices,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: w.learner, UpTo: w.notices[1]})
				return err
			},
			refusals: []refusal{
				unknown("User", func(ctx context.Context, s *elevate.Store, _ *world) error {
					_, err := s.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: uuid.New()})
					return err
				}),
				unknown("UpTo", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: w.learner, UpTo: uuid.New()})
					return err
				}),
				unknown("UpToOfAnotherPerson", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: w.stranger, UpTo: w.notices[1]})
					return err
				}),
			},
		},
		{
			name:  "NotifyCourse",
			may:   "---0+++",
			trips: 1,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				err := announce(w.ctx, w.system, w, func(p *elevate.NotifyCourseParams) { p.Key = "taken" })
				if err != nil {
					t.Fatal(err)
				}
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return announce(ctx, s, w, func(*elevate.NotifyCourseParams) {})
			},
			refusals: slices.Concat(
				texts("Key", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Key = value })
				}),
				texts("Title", 255, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Title = value })
				}),
				texts("Message", 10_000, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Message = value })
				}),
				[]refusal{
					fails("KeyEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Key = " " })
					}),
					fails("TitleEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Title = "" })
					}),
					fails("MessageEmpty", func(ctx context.Context, s *elevate.Store, w *world) error {
						return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Message = "\n" })
					}),
					conflicts("KeyReused", func(ctx context.Context, s *elevate.Store, w *world) error {
						return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.Key, p.Title = "taken", "Other" })
					}),
					unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
						return announce(ctx, s, w, func(p *elevate.NotifyCourseParams) { p.CourseID = w.learner })
					}),
				},
			),
		},
		{
			// It has no warm connection: it opens its own, whose first answers are
			// counted with it. One is to the start, two each are to the
			// registration, the first look and the end of the registration, which
			// are prepared first, and one is to LISTEN.
			name:  "Subscribe",
			may:   "--+--++",
			trips: 8,
			alone: true,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return subscribe(ctx, s, w.learner, "")
			},
			refusals: []refusal{
				unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
					return subscribe(ctx, s, w.course, "")
				}),
				{"ForgedCursor", func(ctx context.Context, s *elevate.Store, w *world) error {
					return subscribe(ctx, s, w.learner, "AAAA")
				}, elevate.ErrInvalidCursor},
				{"CursorNUL", func(ctx context.Context, s *elevate.Store, w *world) error {
					return subscribe(ctx, s, w.learner, "\x00")
				}, elevate.ErrInvalidCursor},
				{"CursorOfAnotherServer", func(ctx context.Context, s *elevate.Store, w *world) error {
					return subscribe(ctx, s, w.learner, elevate.FutureCursor())
				}, elevate.ErrInvalidCursor},
			},
		},
	}
}
