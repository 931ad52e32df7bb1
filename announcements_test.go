package elevate_test

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestNotifyCourse(t *testing.T) {
	t.Parallel()

	type testBundleNotify struct {
		*testBundle

		teacherID, courseID uuid.UUID
		learners            []uuid.UUID // by id
		me                  *elevate.Store
		params              elevate.NotifyCourseParams
	}
	setup := func(t *testing.T) *testBundleNotify {
		t.Helper()
		b := &testBundleNotify{testBundle: newBundle(t)}
		b.teacherID = b.user(t, elevate.RoleInstructor)
		b.me = b.as(b.teacherID, elevate.RoleInstructor)
		b.courseID, _ = b.course(t, courseSeed{instructor: b.teacherID, lessons: 1, published: true})
		for range 3 {
			b.learners = append(b.learners, b.user(t, elevate.RoleUser))
			b.enroll(t, b.learners[len(b.learners)-1], b.courseID)
		}
		slices.SortFunc(b.learners, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
		other, _ := b.course(t, courseSeed{instructor: b.teacherID})
		b.enroll(t, b.user(t, elevate.RoleUser), other)
		b.params = elevate.NotifyCourseParams{
			CourseID: b.courseID, Key: "room", Title: "Room of {course}", Message: "{course} meets in room 2.",
		}
		return b
	}
	notices := `SELECT count(*) FROM {s}.notifications`

	t.Run("NotifiesLearners", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		erased := b.user(t, elevate.RoleUser)
		b.enroll(t, erased, b.courseID)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, erased)
		result, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, elevate.NotifyCourseResult{Recipients: 3, Sent: true}, result)
		require.Equal(t, 3, b.count(t, notices))
		for _, userID := range b.learners {
			page, err := b.system.ListNotifications(b.ctx, elevate.ListNotificationsParams{UserID: userID})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			got := page.Items[0]
			require.Equal(t, elevate.NotificationAnnouncement, got.Type)
			require.Equal(t, "Room of Course "+b.courseID.String(), got.Title)
			require.Equal(t, "Course "+b.courseID.String()+" meets in room 2.", got.Message)
			require.Equal(t, uuid.Version(7), got.ID.Version())
			require.Equal(t, uuid.RFC4122, got.ID.Variant())
		}
	})

	// Everyone's row has the text: a short one must not grow.
	t.Run("Cuts", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.courses SET title = repeat('ö', 255)`)
		b.params.Title = "{course}" + strings.Repeat("ä", 247)
		b.params.Message = strings.Repeat("{course}", 1250)
		_, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, 255, b.count(t, `SELECT min(length(title)) FROM {s}.notifications`))
		require.Equal(t, 10_000, b.count(t, `SELECT max(length(message)) FROM {s}.notifications`))
	})

	t.Run("Repeated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		b.enroll(t, b.user(t, elevate.RoleUser), b.courseID)
		b.exec(t, `UPDATE {s}.courses SET title = 'Renamed'`)
		again, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, elevate.NotifyCourseResult{Recipients: 3}, again)
		require.Equal(t, 3, b.count(t, notices))

		b.params.Key = "Room" // keys differ by case
		other, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, elevate.NotifyCourseResult{Recipients: 4, Sent: true}, other)
	})

	t.Run("NobodyEnrolled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.params.CourseID, _ = b.course(t, courseSeed{instructor: b.teacherID})
		for _, sent := range []bool{true, false} {
			result, err := b.me.NotifyCourse(b.ctx, b.params)
			require.NoError(t, err)
			require.Equal(t, elevate.NotifyCourseResult{Sent: sent}, result)
		}
	})

	t.Run("ErrorIfKeyReused", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		for _, change := range []func(*elevate.NotifyCourseParams){
			func(p *elevate.NotifyCourseParams) { p.Title = "Another" },
			func(p *elevate.NotifyCourseParams) { p.Message = "Another" },
		} {
			other := b.params
			change(&other)
			_, err = b.me.NotifyCourse(b.ctx, other)
			requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
		}
		require.Equal(t, 3, b.count(t, notices))
	})

	t.Run("ErrorIfNotTheirs", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor).NotifyCourse(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		require.Zero(t, b.count(t, notices))

		// Nor is it told what was announced before it was somebody else's.
		_, err = b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.courses SET instructor_id = $1`, b.user(t, elevate.RoleInstructor))
		_, err = b.me.NotifyCourse(b.ctx, b.params)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		result, err := store.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.True(t, result.Sent)
		other := b.params
		other.Message = "Another"
		_, err = store.NotifyCourse(b.ctx, other)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIdempotencyKey})
		usable(t, tx)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, notices))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.announcements`))
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		results := make([]elevate.NotifyCourseResult, 16)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		require.NoError(t, race(len(results), func(i int) (err error) {
			results[i], err = store.NotifyCourse(b.ctx, b.params)
			return err
		}))
		sent := 0
		for _, result := range results {
			require.Equal(t, 3, result.Recipients)
			if result.Sent {
				sent++
			}
		}
		require.Equal(t, 1, sent)
		require.Equal(t, 3, b.count(t, notices))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.announcements`))
	})

	// Texts race for one key: one wins, the others are told so.
	t.Run("ConcurrentTexts", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		conflicts := make([]bool, 16)
		require.NoError(t, race(len(conflicts), func(i int) error {
			params := b.params
			params.Message = strconv.Itoa(i)
			_, err := store.NotifyCourse(b.ctx, params)
			if conflicts[i] = isConflict(err, elevate.ConflictIdempotencyKey); conflicts[i] {
				return nil
			}
			return err
		}))
		require.Len(t, slices.DeleteFunc(conflicts, func(c bool) bool { return !c }), 15)
		require.Equal(t, 1, b.count(t, `SELECT count(DISTINCT message) FROM {s}.notifications`))
	})

	t.Run("LocksInOrder", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		rows := make([]locked, 0, 4)
		for _, userID := range b.learners {
			rows = append(rows, locked{"users", userID})
		}
		n := 0
		b.locksInOrder(t, func(ctx context.Context) error {
			n++
			params := b.params
			params.Key = strconv.Itoa(n)
			_, err := b.me.NotifyCourse(ctx, params)
			return err
		}, append(rows, locked{"courses", b.courseID})...)
	})

	// Somebody who is erased while the announcement waits gets none.
	t.Run("RacesErasure", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.learners[1])
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.learners[1])
		require.NoError(t, err)
		done := make(chan error, 1)
		var result elevate.NotifyCourseResult
		go func() {
			var err error
			result, err = b.me.NotifyCourse(context.WithoutCancel(b.ctx), b.params)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, 2, result.Recipients)
		require.Zero(t, b.count(t, notices+` WHERE user_id = $1`, b.learners[1]))
	})

	t.Run("TenThousandInOneStatement", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `WITH made AS (
				INSERT INTO {s}.users (email, password_hash, name)
				SELECT n || '@example.org', '!', 'Learner' FROM generate_series(1, 10000) AS n
				RETURNING id
			)
			INSERT INTO {s}.enrollments (user_id, course_id, source) SELECT id, $1, 'free' FROM made`, b.courseID)
		result, err := b.me.NotifyCourse(b.ctx, b.params)
		require.NoError(t, err)
		require.Equal(t, elevate.NotifyCourseResult{Recipients: 10_003, Sent: true}, result)
		require.Equal(t, 10_003, b.count(t, `SELECT count(DISTINCT user_id) FROM {s}.notifications`))
	})
}
