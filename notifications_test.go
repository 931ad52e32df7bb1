package elevate_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// notify writes notifications, a minute after one another, and returns their ids
// in this order.
func (b *testBundle) notify(t testing.TB, userID uuid.UUID, n int) []uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
	}
	b.exec(t, `INSERT INTO {s}.notifications (id, user_id, type, title, message, created_at)
		SELECT n.id, $1, 'test', 'Notice', n.place::text, '2026-01-01 00:00Z'::timestamptz + n.place * interval '1 minute'
		FROM unnest($2::uuid[]) WITH ORDINALITY AS n (id, place)`, userID, ids)
	return ids
}

// unread is how many notifications a person has not read.
func (b *testBundle) unread(t testing.TB, userID uuid.UUID) int {
	t.Helper()
	return b.count(t, `SELECT count(*) FROM {s}.notifications WHERE user_id = $1 AND NOT read`, userID)
}

func newestFirst(ids []uuid.UUID) []uuid.UUID {
	reversed := make([]uuid.UUID, 0, len(ids))
	for i := range ids {
		reversed = append(reversed, ids[len(ids)-1-i])
	}
	return reversed
}

func idsOf(notifications []elevate.Notification) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(notifications))
	for _, n := range notifications {
		ids = append(ids, n.ID)
	}
	return ids
}

func TestListNotifications(t *testing.T) {
	t.Parallel()

	type testBundleList struct {
		*testBundle

		userID uuid.UUID
		me     *elevate.Store
		ids    []uuid.UUID // the first three of ten are read
	}
	setup := func(t *testing.T) *testBundleList {
		t.Helper()
		b := &testBundleList{testBundle: newBundle(t)}
		b.userID = b.user(t, elevate.RoleUser)
		b.me = b.as(b.userID, elevate.RoleUser)
		b.ids = b.notify(t, b.userID, 10)
		b.notify(t, b.user(t, elevate.RoleUser), 3) // somebody else's
		marked, err := b.me.MarkRead(b.ctx, b.userID, b.ids[:3]...)
		require.NoError(t, err)
		require.Equal(t, 3, marked)
		return b
	}
	// all reads every page, between which something happens.
	all := func(t *testing.T, b *testBundleList, order elevate.NotificationOrder, limit int, between func()) []uuid.UUID {
		t.Helper()
		var ids []uuid.UUID
		page := elevate.PageParams{Limit: limit}
		for {
			got, err := b.me.ListNotifications(b.ctx, elevate.ListNotificationsParams{
				PageParams: page, Order: order, UserID: b.userID,
			})
			require.NoError(t, err)
			require.LessOrEqual(t, len(got.Items), limit)
			ids = append(ids, idsOf(got.Items)...)
			if page.Cursor = got.Next; page.Cursor == "" {
				return ids
			}
			require.Less(t, len(ids), 100, "a loop")
			between()
		}
	}
	nothing := func() {}

	t.Run("NewestFirst", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got, err := b.me.ListNotifications(b.ctx, elevate.ListNotificationsParams{UserID: b.userID})
		require.NoError(t, err)
		require.Empty(t, got.Next)
		require.Equal(t, newestFirst(b.ids), idsOf(got.Items))
		require.Equal(t, elevate.Notification{
			ID: b.ids[9], UserID: b.userID, Type: "test", Title: "Notice", Message: "10",
			CreatedAt: time.Date(2026, 1, 1, 0, 10, 0, 0, time.UTC),
		}, got.Items[0])
		require.True(t, got.Items[9].Read)
		for limit := 1; limit <= 11; limit++ {
			require.Equal(t, newestFirst(b.ids), all(t, b, elevate.NewestFirst, limit, nothing), limit)
		}
	})

	t.Run("UnreadFirst", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		want := append(newestFirst(b.ids[3:]), newestFirst(b.ids[:3])...)
		for limit := 1; limit <= 11; limit++ {
			require.Equal(t, want, all(t, b, elevate.UnreadFirst, limit, nothing), limit)
		}
	})

	t.Run("OnlyUnread", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for limit := 1; limit <= 8; limit++ {
			require.Equal(t, newestFirst(b.ids[3:]), all(t, b, elevate.OnlyUnread, limit, nothing), limit)
		}
	})

	// Each page is marked as read before the next one is asked for, and something
	// new comes.
	t.Run("ReadBetweenPages", func(t *testing.T) {
		t.Parallel()
		for name, order := range map[string]elevate.NotificationOrder{
			"NewestFirst": elevate.NewestFirst, "UnreadFirst": elevate.UnreadFirst, "OnlyUnread": elevate.OnlyUnread,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, limit := range []int{1, 2, 3, 7, 8} {
					b := setup(t)
					seen := 0
					got := all(t, b, order, limit, func() {
						seen++
						b.exec(t, `UPDATE {s}.notifications SET read = TRUE WHERE id IN (
							SELECT id FROM {s}.notifications WHERE user_id = $1 AND NOT read
							ORDER BY created_at DESC LIMIT $2)`, b.userID, limit)
						if seen == 1 {
							b.exec(t, `INSERT INTO {s}.notifications (user_id, type, title, message) VALUES ($1, 'test', '', '')`, b.userID)
						}
					})
					if order == elevate.OnlyUnread {
						continue // it only must end
					}
					for _, id := range b.ids {
						require.Contains(t, got, id, "left out")
					}
				}
			})
		}
	})

	t.Run("None", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		for _, order := range []elevate.NotificationOrder{elevate.NewestFirst, elevate.UnreadFirst, elevate.OnlyUnread} {
			got, err := b.system.ListNotifications(b.ctx, elevate.ListNotificationsParams{UserID: userID, Order: order})
			require.NoError(t, err)
			require.NotNil(t, got.Items)
			require.Empty(t, got.Items)
			_, err = b.system.ListNotifications(b.ctx, elevate.ListNotificationsParams{UserID: uuid.New(), Order: order})
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
	})

	t.Run("ErrorIfCursorOfAnotherOrder", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		params := elevate.ListNotificationsParams{UserID: b.userID, PageParams: elevate.PageParams{Limit: 1}}
		got, err := b.me.ListNotifications(b.ctx, params)
		require.NoError(t, err)
		params.Cursor, params.Order = got.Next, elevate.UnreadFirst
		_, err = b.me.ListNotifications(b.ctx, params)
		require.ErrorIs(t, err, elevate.ErrInvalidCursor)
	})
}

func TestCountUnread(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	userID := b.user(t, elevate.RoleUser)
	me := b.as(userID, elevate.RoleUser)

	unread, err := me.CountUnread(b.ctx, userID)
	require.NoError(t, err)
	require.Zero(t, unread)

	ids := b.notify(t, userID, elevate.MaxUnread+5)
	_, err = me.MarkRead(b.ctx, userID, ids[:6]...)
	require.NoError(t, err)
	unread, err = me.CountUnread(b.ctx, userID)
	require.NoError(t, err)
	require.Equal(t, elevate.MaxUnread-1, unread)

	b.notify(t, userID, 50)
	unread, err = me.CountUnread(b.ctx, userID)
	require.NoError(t, err)
	require.Equal(t, elevate.MaxUnread, unread, "counts no further")
}

func TestMarkRead(t *testing.T) {
	t.Parallel()

	t.Run("Marks", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		me := b.as(userID, elevate.RoleUser)
		ids := b.notify(t, userID, 5)
		marked, err := me.MarkRead(b.ctx, userID, ids[1], ids[3], ids[1])
		require.NoError(t, err)
		require.Equal(t, 2, marked)
		require.Equal(t, 3, b.unread(t, userID))
		marked, err = me.MarkRead(b.ctx, userID, ids[3], ids[4])
		require.NoError(t, err)
		require.Equal(t, 1, marked)
	})

	t.Run("AlreadyRead", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		ids := b.notify(t, userID, 1)
		for _, want := range []int{1, 0} {
			marked, err := b.as(userID, elevate.RoleUser).MarkRead(b.ctx, userID, ids...)
			require.NoError(t, err)
			require.Equal(t, want, marked)
		}
	})

	t.Run("OfAnotherPerson", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, other := b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser)
		mine, theirs := b.notify(t, userID, 1), b.notify(t, other, 1)
		me := b.as(userID, elevate.RoleUser)
		_, err := me.MarkRead(b.ctx, userID, theirs...)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		marked, err := me.MarkRead(b.ctx, userID, mine[0], theirs[0], uuid.New())
		require.NoError(t, err)
		require.Equal(t, 1, marked)
		require.Equal(t, 1, b.unread(t, other))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		ids := b.notify(t, userID, 2)
		tx := b.begin(t)
		store := b.as(userID, elevate.RoleUser).WithTx(tx)
		_, err := store.MarkRead(b.ctx, userID, uuid.New())
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		marked, err := store.MarkRead(b.ctx, userID, ids...)
		require.NoError(t, err)
		require.Equal(t, 2, marked)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, 2, b.unread(t, userID))
	})

	// The same ones in different orders, and all of them: none deadlocks, and each
	// is marked by one.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		ids := b.notify(t, userID, 200)
		me := b.on(t, b.wide(t)).As(elevate.Actor{UserID: userID, Role: elevate.RoleUser})
		marked := make([]int, 32)
		require.NoError(t, race(len(marked), func(i int) (err error) {
			switch i % 3 {
			case 0:
				marked[i], err = me.MarkRead(b.ctx, userID, ids...)
			case 1:
				marked[i], err = me.MarkRead(b.ctx, userID, newestFirst(ids)...)
			default:
				marked[i], err = me.MarkAllRead(b.ctx, elevate.MarkAllReadParams{UserID: userID})
			}
			return err
		}))
		total := 0
		for _, n := range marked {
			total += n
		}
		require.Equal(t, len(ids), total)
		require.Zero(t, b.unread(t, userID))
	})

	// While it waits for one, those after it are free.
	t.Run("LocksByID", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		ids := b.notify(t, userID, 3)
		rows := []locked{{"notifications", ids[0]}, {"notifications", ids[1]}, {"notifications", ids[2]}}
		b.locksInOrder(t, func(ctx context.Context) error {
			b := *b
			b.ctx = ctx
			_, err := b.system.MarkRead(ctx, userID, ids[2], ids[0], ids[1])
			_, undo := b.pool.Exec(ctx, b.sql(`UPDATE {s}.notifications SET read = FALSE`))
			if err == nil {
				err = undo
			}
			return err
		}, rows...)
		b.locksInOrder(t, func(ctx context.Context) error {
			_, err := b.system.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: userID})
			_, undo := b.pool.Exec(ctx, b.sql(`UPDATE {s}.notifications SET read = FALSE`))
			if err == nil {
				err = undo
			}
			return err
		}, rows...)
	})
}

func TestMarkAllRead(t *testing.T) {
	t.Parallel()

	t.Run("All", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, other := b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser)
		b.notify(t, userID, 4)
		b.notify(t, other, 2)
		for _, want := range []int{4, 0} {
			marked, err := b.as(userID, elevate.RoleUser).MarkAllRead(b.ctx, elevate.MarkAllReadParams{UserID: userID})
			require.NoError(t, err)
			require.Equal(t, want, marked)
		}
		require.Equal(t, 2, b.unread(t, other))
	})

	// What comes after the newest one that was seen stays unread, also at the same
	// microsecond.
	t.Run("UpTo", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID := b.user(t, elevate.RoleUser)
		me := b.as(userID, elevate.RoleUser)
		ids := b.notify(t, userID, 4)
		marked, err := me.MarkAllRead(b.ctx, elevate.MarkAllReadParams{UserID: userID, UpTo: ids[2]})
		require.NoError(t, err)
		require.Equal(t, 3, marked)
		left, err := me.ListNotifications(b.ctx, elevate.ListNotificationsParams{UserID: userID, Order: elevate.OnlyUnread})
		require.NoError(t, err)
		require.Equal(t, ids[3:], idsOf(left.Items))

		b.exec(t, `UPDATE {s}.notifications SET read = FALSE, created_at = '2026-02-02Z'`)
		marked, err = me.MarkAllRead(b.ctx, elevate.MarkAllReadParams{UserID: userID, UpTo: ids[1]})
		require.NoError(t, err)
		require.Equal(t, 2, marked)
	})

	t.Run("ErrorIfUpToIsNotTheirs", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		userID, other := b.user(t, elevate.RoleUser), b.user(t, elevate.RoleUser)
		b.notify(t, userID, 2)
		theirs := b.notify(t, other, 1)
		_, err := b.as(userID, elevate.RoleUser).MarkAllRead(b.ctx, elevate.MarkAllReadParams{UserID: userID, UpTo: theirs[0]})
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Equal(t, 2, b.unread(t, userID))
	})
}
