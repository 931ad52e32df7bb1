package elevate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

func TestReviewRaces(t *testing.T) {
	t.Parallel()

	t.Run("OneReviewOfOneLearner", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		created := make([]bool, 32)
		require.NoError(t, race(len(created), func(i int) error {
			result, err := b.put(b.ctx, int32(1+i%5), "")
			created[i] = result.Created
			return err
		}))
		n := 0
		for _, c := range created {
			if c {
				n++
			}
		}
		require.Equal(t, 1, n)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.reviews`))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.course_stats AS s
			JOIN {s}.reviews AS r ON r.course_id = s.course_id
			WHERE s.rating_count = 1 AND s.rating_sum = r.rating`))
	})

	// 32 learners each write, replace, delete and write again.
	t.Run("ManyLearners", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		learners := make([]uuid.UUID, 32)
		for i := range learners {
			learners[i] = b.user(t, elevate.RoleUser)
			b.enroll(t, learners[i], b.courseID)
		}
		put := func(i int, rating int32) error {
			_, err := b.system.PutReview(b.ctx, elevate.PutReviewParams{
				UserID: learners[i], CourseID: b.courseID, Rating: rating,
			})
			return err
		}
		require.NoError(t, race(len(learners), func(i int) error {
			if err := errors.Join(put(i, 5), put(i, 2)); err != nil {
				return err
			}
			if i%2 == 0 {
				return nil
			}
			_, err := b.system.DeleteReview(b.ctx, learners[i], b.courseID)
			if err == nil && i%4 == 3 {
				err = put(i, 3)
			}
			return err
		}))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.course_stats
			WHERE rating_count = 24 AND rating_sum = 16 * 2 + 8 * 3`))
		require.Zero(t, b.drift(t))
	})

	// Without the lock on the enrollment the review would be of someone who has
	// left.
	t.Run("WaitsForUnenroll", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.put(context.WithoutCancel(b.ctx), 4, "")
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotEnrolled)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.reviews`))
	})

	t.Run("WaitsForErasure", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`SELECT FROM {s}.users WHERE id = $1 FOR UPDATE`), b.userID)
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`UPDATE {s}.users SET erased_at = now() WHERE id = $1`), b.userID)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := b.put(context.WithoutCancel(b.ctx), 4, "")
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.reviews`))
	})

	// The same review that somebody else writes meanwhile is there already; another
	// one is replaced.
	t.Run("MeetsAnotherWriter", func(t *testing.T) {
		t.Parallel()
		for _, rating := range []int{4, 1} {
			b := newBundleReview(t)
			tx := b.begin(t)
			_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.reviews (user_id, course_id, rating) VALUES ($1, $2, $3)`),
				b.userID, b.courseID, rating)
			require.NoError(t, err)
			var result elevate.PutReviewResult
			done := make(chan error, 1)
			go func() {
				var err error
				result, err = b.put(context.WithoutCancel(b.ctx), 4, "")
				done <- err
			}()
			b.waitUntilBlocked(t, 1)
			require.NoError(t, tx.Commit(b.ctx))
			require.NoError(t, <-done)
			require.False(t, result.Created)
			require.Equal(t, scan[uuid.UUID](t, b.testBundle, `SELECT id FROM {s}.reviews`), result.Review.ID)
			require.Equal(t, "4.00 of 1", b.rating(t))
		}
	})

	// A review that is replaced by a new one in one transaction is still there
	// afterwards, so it is what is deleted.
	t.Run("DeleteMeetsANewReview", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 4, "")
		require.NoError(t, err)
		tx := b.begin(t)
		store := b.me.WithTx(tx)
		_, err = store.DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		_, err = store.PutReview(b.ctx, elevate.PutReviewParams{UserID: b.userID, CourseID: b.courseID, Rating: 1})
		require.NoError(t, err)
		var result elevate.DeleteReviewResult
		done := make(chan error, 1)
		go func() {
			var err error
			result, err = b.system.DeleteReview(context.WithoutCancel(b.ctx), b.userID, b.courseID)
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.True(t, result.Removed)
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.reviews`))
		require.Equal(t, "0.00 of 0", b.rating(t))
	})

	t.Run("DeletedOnce", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 4, "")
		require.NoError(t, err)
		removed := make([]bool, 32)
		require.NoError(t, race(len(removed), func(i int) error {
			result, err := b.me.DeleteReview(b.ctx, b.userID, b.courseID)
			removed[i] = result.Removed
			return err
		}))
		n := 0
		for _, r := range removed {
			if r {
				n++
			}
		}
		require.Equal(t, 1, n)
		require.Equal(t, "0.00 of 0", b.rating(t))
	})
}

// Ratings are counted whoever writes.
func TestCourseStats(t *testing.T) {
	t.Parallel()

	type testBundleStats struct {
		*testBundle

		users, courses []uuid.UUID
	}
	setup := func(t *testing.T) *testBundleStats {
		t.Helper()
		b := &testBundleStats{testBundle: newBundle(t)}
		for range 4 {
			courseID, _ := b.course(t, courseSeed{published: true})
			b.courses = append(b.courses, courseID)
		}
		for range 10 {
			b.users = append(b.users, b.user(t, elevate.RoleUser))
		}
		// One statement, ten reviews of each of the first three courses.
		b.exec(t, `INSERT INTO {s}.reviews (user_id, course_id, rating)
			SELECT u.id, c.id, 1 + (u.n + c.n) % 5
			FROM unnest($1::uuid[]) WITH ORDINALITY AS u (id, n)
			CROSS JOIN unnest($2::uuid[]) WITH ORDINALITY AS c (id, n)`, b.users, b.courses[:3])
		return b
	}
	// right checks the figures against the reviews, row for row.
	right := func(t *testing.T, b *testBundleStats) {
		t.Helper()
		require.Zero(t, b.count(t, `SELECT count(*)
			FROM {s}.courses AS c
			LEFT JOIN {s}.course_stats AS s ON s.course_id = c.id
			CROSS JOIN LATERAL (
				SELECT count(*) AS n, coalesce(sum(r.rating), 0) AS stars, round(avg(r.rating), 2) AS average
				FROM {s}.reviews AS r
				WHERE r.course_id = c.id
			) AS x
			WHERE (coalesce(s.rating_count, 0), coalesce(s.rating_sum, 0), s.rating)
				IS DISTINCT FROM (x.n, x.stars, x.average)`))
		require.Zero(t, b.drift(t))
	}

	t.Run("PlainSQL", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		right(t, b)
		first, last := b.courses[0], b.courses[3]
		for _, step := range []struct {
			sql  string
			args []any
		}{
			{`UPDATE {s}.reviews SET rating = 6 - rating`, nil},
			{`UPDATE {s}.reviews SET comment = 'Edited'`, nil},
			{`UPDATE {s}.reviews SET rating = 1 WHERE rating = 5`, nil},
			{`UPDATE {s}.reviews SET rating = rating WHERE FALSE`, nil},
			{`UPDATE {s}.reviews SET course_id = $2, rating = 2 WHERE course_id = $1`, []any{first, last}},
			{`DELETE FROM {s}.reviews WHERE rating = 2 AND user_id = $1`, []any{b.users[0]}},
			{`DELETE FROM {s}.reviews WHERE FALSE`, nil},
			{`INSERT INTO {s}.reviews (user_id, course_id, rating)
				SELECT u.id, $2, 5 FROM unnest($1::uuid[]) AS u (id)
				ON CONFLICT (user_id, course_id) DO UPDATE SET rating = 3`, []any{b.users, last}},
			{`WITH gone AS (DELETE FROM {s}.reviews WHERE course_id <> $1)
				UPDATE {s}.reviews SET rating = 4 WHERE course_id = $1`, []any{last}},
			{`DELETE FROM {s}.reviews`, nil},
		} {
			b.exec(t, step.sql, step.args...)
			right(t, b)
		}
	})

	t.Run("DeletedCourse", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.system.DeleteCourse(b.ctx, b.courses[0]))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM {s}.course_stats`))
		right(t, b)
		// In the transaction that wrote the reviews, too.
		tx := b.begin(t)
		_, err := tx.Exec(b.ctx, b.sql(`INSERT INTO {s}.reviews (user_id, course_id, rating) VALUES ($1, $2, 5)`),
			b.users[0], b.courses[3])
		require.NoError(t, err)
		_, err = tx.Exec(b.ctx, b.sql(`DELETE FROM {s}.courses WHERE id = ANY ($1)`), b.courses[2:])
		require.NoError(t, err)
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.course_stats`))
		right(t, b)
	})

	// Two imports that meet in the same courses wait, and do not lock each other
	// out, whatever the order of their rows.
	t.Run("Imports", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `DELETE FROM {s}.reviews`)
		require.NoError(t, race(len(b.users), func(i int) error {
			courses := append([]uuid.UUID(nil), b.courses...)
			if i%2 == 1 {
				courses[0], courses[3] = courses[3], courses[0]
			}
			_, err := b.pool.Exec(b.ctx, b.sql(`INSERT INTO {s}.reviews (user_id, course_id, rating)
				SELECT $1, c.id, 4 FROM unnest($2::uuid[]) AS c (id)`), b.users[i], courses)
			return err
		}))
		require.Equal(t, 4, b.count(t, `SELECT count(*) FROM {s}.course_stats WHERE rating_count = 10 AND rating = 4`))
		right(t, b)
	})

	// A restore of data alone passes the triggers by.
	t.Run("WrongFiguresStopNobody", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.exec(t, `UPDATE {s}.course_stats SET rating_count = 1, rating_sum = 999 WHERE course_id = $1`, b.courses[0])
		b.exec(t, `UPDATE {s}.course_stats SET rating_count = 0, rating_sum = 0 WHERE course_id = $1`, b.courses[1])
		b.exec(t, `DELETE FROM {s}.course_stats WHERE course_id = $1`, b.courses[2])
		b.exec(t, `UPDATE {s}.reviews SET rating = 1`)
		b.exec(t, `DELETE FROM {s}.reviews WHERE user_id = $1`, b.users[0])
		require.Equal(t, 3, b.drift(t))
		right(t, b)
	})

	t.Run("Rounds", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		for _, rating := range []int{5, 5, 4} {
			b.rate(t, b.user(t, elevate.RoleUser), b.courseID, rating)
		}
		require.Equal(t, "4.67 of 3", b.rating(t))
		course, err := b.store.GetCourse(b.ctx, b.courseID)
		require.NoError(t, err)
		require.InDelta(t, 4.67, course.Rating, 0)
	})

	// Another review waits for one that is not committed, for its count only: the
	// course itself stays free.
	t.Run("WritersOfOneCourseWait", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).PutReview(b.ctx, elevate.PutReviewParams{UserID: b.userID, CourseID: b.courseID, Rating: 5})
		require.NoError(t, err)
		otherID := b.user(t, elevate.RoleUser)
		_, err = b.system.Enroll(b.ctx, otherID, b.courseID)
		require.NoError(t, err, "enrolling does not wait")
		_, err = b.system.UnpublishCourse(b.ctx, b.courseID)
		require.NoError(t, err, "nor does an edit")
		done := make(chan error, 1)
		go func() {
			_, err := b.system.PutReview(context.WithoutCancel(b.ctx), elevate.PutReviewParams{
				UserID: otherID, CourseID: b.courseID, Rating: 2,
			})
			done <- err
		}()
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.NoError(t, <-done)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.course_stats WHERE rating_count = 2 AND rating = 3.5`))
	})
}

// recount_ratings and those who write reviews wait for each other. Without the lock
// on the reviews a writer who finds no figures, as after a restore of data alone,
// would neither wait nor count.
func TestRecountRatings(t *testing.T) {
	t.Parallel()

	const (
		recount = `SELECT {s}.recount_ratings($1)`
		blocked = `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`
	)
	for name, write := range map[string]string{
		"Insert": `INSERT INTO {s}.reviews (user_id, course_id, rating)
			SELECT c.instructor_id, c.id, 2 FROM {s}.courses AS c WHERE c.id = $1`,
		"Rate":   `UPDATE {s}.reviews SET rating = 2 WHERE course_id = $1 AND rating = 5`,
		"Delete": `DELETE FROM {s}.reviews WHERE course_id = $1 AND rating = 5`,
		"MoveAway": `UPDATE {s}.reviews SET course_id = c.id FROM {s}.courses AS c
			WHERE course_id = $1 AND rating = 5 AND c.id <> $1`,
		"MoveHere": `UPDATE {s}.reviews SET course_id = $1 WHERE course_id <> $1`,
	} {
		for figures, lose := range map[string]string{
			"Wrong": `UPDATE {s}.course_stats SET rating_count = 9, rating_sum = 9`,
			"Lost":  `DELETE FROM {s}.course_stats`,
		} {
			right := func(t *testing.T, first, second string) {
				t.Helper()
				b := newBundle(t)
				courseID, _ := b.course(t, courseSeed{published: true})
				otherID, _ := b.course(t, courseSeed{published: true})
				b.rate(t, b.user(t, elevate.RoleUser), courseID, 5)
				b.rate(t, b.user(t, elevate.RoleUser), courseID, 1)
				b.rate(t, b.user(t, elevate.RoleUser), otherID, 3)
				b.exec(t, lose)
				tx := b.begin(t)
				_, err := tx.Exec(b.ctx, b.sql(first), courseID)
				require.NoError(t, err)
				done := later(func() error {
					_, err := b.pool.Exec(context.WithoutCancel(b.ctx), b.sql(second), courseID)
					return err
				})
				for len(done) == 0 && b.count(t, blocked) == 0 {
				}
				require.NoError(t, tx.Commit(b.ctx))
				require.NoError(t, <-done)
				require.Equal(t,
					scan[string](t, b, `SELECT count(*) || ' ' || sum(r.rating) FROM {s}.reviews AS r WHERE r.course_id = $1`, courseID),
					scan[string](t, b, `SELECT s.rating_count || ' ' || s.rating_sum FROM {s}.course_stats AS s WHERE s.course_id = $1`, courseID))
			}
			t.Run(name+figures+"First", func(t *testing.T) {
				t.Parallel()
				right(t, write, recount)
			})
			t.Run(name+figures+"Second", func(t *testing.T) {
				t.Parallel()
				right(t, recount, write)
			})
		}
	}
}
