package elevate_test

import (
	"context"

	"github.com/elevateforhumanity/elevate"
)

func eventOperations() []operation {
	read := func(ctx context.Context, s *elevate.Store, params elevate.EventsParams) error {
		_, err := s.Events(ctx, params)
		return err
	}
	return []operation{
		{
			name:  "Events",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return read(ctx, s, elevate.EventsParams{})
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, _ *world, page elevate.PageParams) error {
					return read(ctx, s, elevate.EventsParams{PageParams: page})
				}),
				fails("FromNowWithCursor", func(ctx context.Context, s *elevate.Store, _ *world) error {
					now, err := s.Events(ctx, elevate.EventsParams{FromNow: true})
					if err != nil {
						return err
					}
					return read(ctx, s, elevate.EventsParams{
						PageParams: elevate.PageParams{Cursor: now.Next}, FromNow: true,
					})
				}),
				refusal{"CursorOfAnotherList", func(ctx context.Context, s *elevate.Store, _ *world) error {
					users, err := s.ListUsers(ctx, elevate.ListUsersParams{PageParams: elevate.PageParams{Limit: 1}})
					if err != nil {
						return err
					}
					return read(ctx, s, elevate.EventsParams{PageParams: elevate.PageParams{Cursor: users.Next}})
				}, elevate.ErrInvalidCursor},
			),
		},
	}
}
