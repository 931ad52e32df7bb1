package elevate_test

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// stressNotifications read what the others write, and tell everyone of a course
// that is never deleted what was told before as a rule.
func stressNotifications() []stressOperation {
	return []stressOperation{
		{
			name:   "NotifyCourse",
			weight: 3,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				courseID, key := pick(d, d.courses[:stressCourses]), fmt.Sprint(d.IntN(12))
				_, err := d.teacher(s).NotifyCourse(ctx, elevate.NotifyCourseParams{
					CourseID: courseID, Key: key, Title: "News of {course}", Message: key + " of " + courseID.String(),
				})
				return err
			},
		},
		{
			name:   "MarkRead",
			weight: 3,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				unread, err := d.actor(s, userID).ListNotifications(ctx, elevate.ListNotificationsParams{
					UserID: userID, PageParams: d.page(), Order: elevate.OnlyUnread,
				})
				if err != nil || len(unread.Items) == 0 {
					return err
				}
				ids := make([]uuid.UUID, len(unread.Items))
				for i, n := range unread.Items {
					ids[i] = n.ID
				}
				d.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
				marked, err := d.actor(s, userID).MarkRead(ctx, userID, ids...)
				if marked > len(ids) {
					return fmt.Errorf("%d of %d marked", marked, len(ids))
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "MarkAllRead",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				_, err := d.actor(s, userID).MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: userID})
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
	}
}
