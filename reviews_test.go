package elevate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// testBundleReview is a published course and a learner in it.
type testBundleReview struct {
	*testBundle

	userID, courseID uuid.UUID
	me               *elevate.Store
}

func newBundleReview(t *testing.T) *testBundleReview {
	t.Helper()
	b := &testBundleReview{testBundle: newBundle(t)}
	b.userID = b.user(t, elevate.RoleUser)
	b.courseID, _ = b.course(t, courseSeed{lessons: 1, published: true})
	b.enroll(t, b.userID, b.courseID)
	b.me = b.as(b.userID, elevate.RoleUser)
	return b
}

func (b *testBundleReview) put(ctx context.Context, rating int32, comment string) (elevate.PutReviewResult, error) {
	return b.me.PutReview(ctx, elevate.PutReviewParams{
		UserID: b.userID, CourseID: b.courseID, Rating: rating, Comment: comment,
	})
}

// rating is what the course shows.
func (b *testBundleReview) rating(t *testing.T) string {
	t.Helper()
	course, err := b.store.GetCourse(b.ctx, b.courseID)
	require.NoError(t, err)
	return fmt.Sprintf("%.2f of %d", course.Rating, course.RatingCount)
}

func TestPutReview(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		require.Equal(t, "0.00 of 0", b.rating(t))
		result, err := b.put(b.ctx, 4, "Clear.")
		require.NoError(t, err)
		require.True(t, result.Created)
		require.NotZero(t, result.Review.ID)
		require.NotZero(t, result.Review.CreatedAt)
		require.Equal(t, elevate.Review{
			ID:        result.Review.ID,
			UserID:    b.userID,
			CourseID:  b.courseID,
			Name:      "Name of " + b.userID.String() + "@example.org",
			Rating:    4,
			Comment:   "Clear.",
			CreatedAt: result.Review.CreatedAt,
			UpdatedAt: result.Review.CreatedAt,
		}, result.Review)
		page, err := b.store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, []elevate.Review{result.Review}, page.Items)
		require.Equal(t, "4.00 of 1", b.rating(t))
		require.Zero(t, b.drift(t))
	})

	t.Run("Replaces", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		first, err := b.put(b.ctx, 1, "Too long.")
		require.NoError(t, err)
		second, err := b.put(b.ctx, 5, "")
		require.NoError(t, err)
		require.False(t, second.Created)
		require.Equal(t, first.Review.ID, second.Review.ID)
		require.Equal(t, first.Review.CreatedAt, second.Review.CreatedAt)
		require.True(t, second.Review.UpdatedAt.After(first.Review.UpdatedAt))
		page, err := b.store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, []elevate.Review{second.Review}, page.Items)
		require.Equal(t, "5.00 of 1", b.rating(t))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.reviews WHERE comment IS NULL`), "no comment is none")
	})

	// An edit in a transaction that is older than the review is not from before it.
	t.Run("ReplacesFromAnOlderTransaction", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		tx := b.begin(t)
		usable(t, tx)
		first, err := b.put(b.ctx, 1, "")
		require.NoError(t, err)
		second, err := b.me.WithTx(tx).PutReview(b.ctx, elevate.PutReviewParams{
			UserID: b.userID, CourseID: b.courseID, Rating: 5,
		})
		require.NoError(t, err)
		require.Equal(t, first.Review.UpdatedAt, second.Review.UpdatedAt)
		require.NoError(t, tx.Commit(b.ctx))
		page, err := b.store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, []elevate.Review{second.Review}, page.Items)
	})

	t.Run("RepeatChangesNothing", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		for _, comment := range []string{"", "Clear."} {
			first, err := b.put(b.ctx, 4, comment)
			require.NoError(t, err)
			before := b.fingerprint(t)
			again, err := b.put(b.ctx, 4, comment)
			require.NoError(t, err)
			require.False(t, again.Created)
			require.Equal(t, first.Review, again.Review)
			require.Equal(t, before, b.fingerprint(t))
		}
	})

	// Who has completed the course is still enrolled.
	t.Run("Completed", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		b.exec(t, `UPDATE {s}.enrollments SET completed_at = now(), progress = 100`)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE`)
		result, err := b.put(b.ctx, 4, "")
		require.NoError(t, err)
		require.True(t, result.Created)
	})

	t.Run("OutlivesTheEnrollment", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		first, err := b.put(b.ctx, 2, "Not for me.")
		require.NoError(t, err)
		_, err = b.me.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		_, err = b.put(b.ctx, 5, "")
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		_, err = b.put(b.ctx, 2, "Not for me.")
		require.ErrorIs(t, err, elevate.ErrNotEnrolled, "a repeat too")
		page, err := b.store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, []elevate.Review{first.Review}, page.Items)
		deleted, err := b.me.DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.True(t, deleted.Removed)
	})

	// A draft is unknown to whoever neither is in it nor sees it.
	t.Run("ErrorIfNotEnrolled", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		teacherID := scan[uuid.UUID](t, b.testBundle, `SELECT instructor_id FROM {s}.courses`)
		rivalID := b.user(t, elevate.RoleInstructor)
		for _, c := range []struct {
			store        *elevate.Store
			userID       uuid.UUID
			seesTheDraft bool
		}{
			{b.as(rivalID, elevate.RoleUser), rivalID, false},
			{b.as(rivalID, elevate.RoleInstructor), rivalID, false},
			{b.as(teacherID, elevate.RoleUser), teacherID, false}, // no longer an instructor
			{b.as(teacherID, elevate.RoleInstructor), teacherID, true},
			{b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin), rivalID, true},
			{b.system, rivalID, true},
		} {
			for _, published := range []bool{true, false} {
				b.exec(t, `UPDATE {s}.courses SET published = $1`, published)
				_, err := c.store.PutReview(b.ctx, elevate.PutReviewParams{UserID: c.userID, CourseID: b.courseID, Rating: 1})
				removed, errDelete := c.store.DeleteReview(b.ctx, c.userID, b.courseID)
				if published || c.seesTheDraft {
					require.ErrorIs(t, err, elevate.ErrNotEnrolled)
					require.NoError(t, errDelete)
					require.False(t, removed.Removed)
				} else {
					require.ErrorIs(t, err, elevate.ErrNotFound)
					require.ErrorIs(t, errDelete, elevate.ErrNotFound)
				}
			}
		}
		_, err := b.me.DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err, "who is in the draft")
	})

	t.Run("ErrorIfErased", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		b.exec(t, `UPDATE {s}.users SET erased_at = now() WHERE id = $1`, b.userID)
		_, err := b.put(b.ctx, 4, "")
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("ErrorIfInvalid", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		for _, rating := range []int32{-1, 0, 6} {
			_, err := b.put(b.ctx, rating, "")
			requireInvalid(t, err, "Rating")
		}
		for _, comment := range []string{"a\x00", "a\xff", strings.Repeat("é", 10_001)} {
			_, err := b.put(b.ctx, 3, comment)
			requireInvalid(t, err, "Comment")
		}
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		tx := b.begin(t)
		stranger := b.user(t, elevate.RoleUser)
		_, err := b.system.WithTx(tx).PutReview(b.ctx, elevate.PutReviewParams{
			UserID: stranger, CourseID: b.courseID, Rating: 1,
		})
		require.ErrorIs(t, err, elevate.ErrNotEnrolled)
		usable(t, tx)
		result, err := b.me.WithTx(tx).PutReview(b.ctx, elevate.PutReviewParams{
			UserID: b.userID, CourseID: b.courseID, Rating: 4,
		})
		require.NoError(t, err)
		require.True(t, result.Created)
		require.Equal(t, "0.00 of 0", b.rating(t), "not before the caller commits")
		require.NoError(t, tx.Commit(b.ctx))
		require.Equal(t, "4.00 of 1", b.rating(t))
	})

	t.Run("RolledBackWithCaller", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		tx := b.begin(t)
		_, err := b.me.WithTx(tx).PutReview(b.ctx, elevate.PutReviewParams{
			UserID: b.userID, CourseID: b.courseID, Rating: 4,
		})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.reviews`))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.course_stats`))
	})
}

func TestDeleteReview(t *testing.T) {
	t.Parallel()

	t.Run("Deletes", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 4, "Clear.")
		require.NoError(t, err)
		result, err := b.me.DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.True(t, result.Removed)
		result, err = b.me.DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.False(t, result.Removed)
		require.Equal(t, "0.00 of 0", b.rating(t))
		require.Zero(t, b.drift(t))
		again, err := b.put(b.ctx, 5, "")
		require.NoError(t, err)
		require.True(t, again.Created)
	})

	// Who has left a course can take back what they wrote of it, a draft by now too.
	t.Run("OfADraftThatWasLeft", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 4, "")
		require.NoError(t, err)
		b.exec(t, `DELETE FROM {s}.enrollments`)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE`)
		_, err = b.put(b.ctx, 5, "")
		require.ErrorIs(t, err, elevate.ErrNotFound)
		result, err := b.me.DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.True(t, result.Removed)
		_, err = b.me.DeleteReview(b.ctx, b.userID, b.courseID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
	})

	t.Run("Moderation", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 1, "Rude.")
		require.NoError(t, err)
		for _, store := range []*elevate.Store{
			b.store, b.as(b.user(t, elevate.RoleUser), elevate.RoleUser), b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor),
		} {
			_, err := store.DeleteReview(b.ctx, b.userID, b.courseID)
			require.ErrorIs(t, err, elevate.ErrForbidden)
		}
		result, err := b.as(b.user(t, elevate.RoleAdmin), elevate.RoleAdmin).DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.True(t, result.Removed)
	})

	t.Run("InCallersTx", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 3, "")
		require.NoError(t, err)
		tx := b.begin(t)
		_, err = b.system.WithTx(tx).DeleteReview(b.ctx, b.courseID, b.userID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		usable(t, tx)
		result, err := b.me.WithTx(tx).DeleteReview(b.ctx, b.userID, b.courseID)
		require.NoError(t, err)
		require.True(t, result.Removed)
		require.NoError(t, tx.Rollback(b.ctx))
		require.Equal(t, "3.00 of 1", b.rating(t))
	})
}

func TestListReviews(t *testing.T) {
	t.Parallel()

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		// Pairs of reviews share their time, so that the id decides.
		var want []uuid.UUID
		for i := range 9 {
			userID := b.user(t, elevate.RoleUser)
			b.rate(t, userID, b.courseID, 1+i%5)
			b.exec(t, `UPDATE {s}.reviews SET created_at = $2 WHERE user_id = $1`, userID, time.Unix(int64(i/2), 0))
		}
		rows, err := b.pool.Query(b.ctx, b.sql(`SELECT id FROM {s}.reviews ORDER BY created_at DESC, id DESC`))
		require.NoError(t, err)
		for rows.Next() {
			var id uuid.UUID
			require.NoError(t, rows.Scan(&id))
			want = append(want, id)
		}
		require.NoError(t, rows.Err())
		other, _ := b.course(t, courseSeed{published: true})
		b.rate(t, b.userID, other, 5)
		for _, limit := range []int{1, 2, 4, 100} {
			var seen []uuid.UUID
			page := elevate.PageParams{Limit: limit}
			for {
				reviews, err := b.store.ListReviews(b.ctx, b.courseID, page)
				require.NoError(t, err)
				for _, review := range reviews.Items {
					seen = append(seen, review.ID)
				}
				if page.Cursor = reviews.Next; page.Cursor == "" {
					break
				}
			}
			require.Equal(t, want, seen)
		}
	})

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		page, err := b.store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.NotNil(t, page.Items)
		require.Empty(t, page.Items)
	})

	t.Run("NameOfATombstone", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 3, "")
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.users SET erased_at = now(), name = 'Deleted user' WHERE id = $1`, b.userID)
		page, err := b.store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, "Deleted user", page.Items[0].Name)
	})

	t.Run("DraftIsForThoseInIt", func(t *testing.T) {
		t.Parallel()
		b := newBundleReview(t)
		_, err := b.put(b.ctx, 3, "")
		require.NoError(t, err)
		b.exec(t, `UPDATE {s}.courses SET published = FALSE`)
		teacher := b.as(scan[uuid.UUID](t, b.testBundle, `SELECT instructor_id FROM {s}.courses`), elevate.RoleInstructor)
		for _, store := range []*elevate.Store{b.me, teacher, b.system} {
			page, err := store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
		}
		for _, store := range b.strangers() {
			_, err := store.ListReviews(b.ctx, b.courseID, elevate.PageParams{})
			require.ErrorIs(t, err, elevate.ErrNotFound)
		}
	})
}
