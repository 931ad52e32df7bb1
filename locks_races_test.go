package elevate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// pausedTx is a transaction in which something happens behind the first query of a
// name, before the next one of its pipeline has a snapshot.
type pausedTx struct {
	pgx.Tx

	query string
	pause func()
	sent  int // pipelines
}

func (p *pausedTx) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	p.sent++
	var first, rest pgx.Batch
	for _, q := range batch.QueuedQueries {
		part := &first
		if p.pause == nil || rest.Len() > 0 || strings.Contains(lastSQL(&first), "-- name: "+p.query+" ") {
			part = &rest
		}
		part.Queue(q.SQL, q.Arguments...)
	}
	if rest.Len() == 0 || first.Len() == 0 {
		return p.Tx.SendBatch(ctx, batch)
	}
	err := p.Tx.SendBatch(ctx, &first).Close()
	p.pause()
	p.pause = nil
	return &pausedResults{p.Tx.SendBatch(ctx, &rest), first.Len(), err}
}

func lastSQL(batch *pgx.Batch) string {
	if batch.Len() == 0 {
		return ""
	}
	return batch.QueuedQueries[batch.Len()-1].SQL
}

// pausedResults begin with those that were read before the pause.
type pausedResults struct {
	pgx.BatchResults

	read int
	err  error
}

func (r *pausedResults) Exec() (pgconn.CommandTag, error) {
	if r.read == 0 {
		return r.BatchResults.Exec()
	}
	r.read--
	return pgconn.CommandTag{}, r.err
}

// TestMadeBehindTheLock has each operation that locks first and works second find
// nothing to lock, and then something to work on. It must go back and lock: what
// the lock holds off is not held off otherwise.
func TestMadeBehindTheLock(t *testing.T) {
	t.Parallel()

	type lateBundle struct {
		*testBundle

		userID, teacherID, courseID, lessonID, assignmentID, lateID uuid.UUID
	}
	person := func(t *testing.T, b *lateBundle) {
		t.Helper()
		b.exec(t, `INSERT INTO {s}.users (id, email, password_hash, name) VALUES ($1, 'late@example.org', '!', 'Late')`,
			b.lateID)
		b.identity(t, b.lateID, "google", "1")
		b.identity(t, b.lateID, "google", "2")
	}
	course := func(t *testing.T, b *lateBundle) {
		t.Helper()
		b.exec(t, `INSERT INTO {s}.courses (id, title, slug, description, instructor_id, category, level, price)
			VALUES ($1, 'Late', 'late', '', $2, 'go', 'beginner', 0)`, b.courseID, b.teacherID)
		b.exec(t, `INSERT INTO {s}.lessons (id, course_id, title, "order") VALUES ($1, $2, 'Late', 1)`,
			b.lessonID, b.courseID)
	}
	assignment := func(t *testing.T, b *lateBundle) {
		t.Helper()
		b.exec(t, `INSERT INTO {s}.assignments (id, course_id, title, description) VALUES ($1, $2, 'Late', 'Write.')`,
			b.assignmentID, b.courseID)
	}
	for name, test := range map[string]struct {
		lock   string
		before func(t *testing.T, b *lateBundle)
		behind func(t *testing.T, b *lateBundle) // the lock
		call   func(ctx context.Context, s *elevate.Store, b *lateBundle) error
	}{
		"AddLessons": {
			lock:   "CourseLock",
			behind: course,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.AddLessons(ctx, elevate.AddLessonsParams{
					CourseID: b.courseID, Lessons: []elevate.NewLesson{{Title: "Maps"}},
				})
				return err
			},
		},
		"CreateSession": {
			lock:   "UserLock",
			behind: person,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.CreateSession(ctx, elevate.CreateSessionParams{UserID: b.lateID})
				return err
			},
		},
		"DeleteAssignment": {
			lock:   "AssignmentLockToDelete",
			before: course,
			behind: assignment,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				return s.DeleteAssignment(ctx, b.assignmentID)
			},
		},
		"DeleteCourse": {
			lock:   "CourseLock",
			behind: course,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				return s.DeleteCourse(ctx, b.courseID)
			},
		},
		"DeleteLesson": {
			lock:   "LessonLockCourseOf",
			behind: course,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				return s.DeleteLesson(ctx, b.lessonID)
			},
		},
		"ReorderLessons": {
			lock:   "LessonLockOrder",
			behind: course,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				return s.ReorderLessons(ctx, b.courseID, []uuid.UUID{b.lessonID})
			},
		},
		"ResetProgress": {
			lock:   "EnrollmentLock",
			before: course,
			behind: func(t *testing.T, b *lateBundle) {
				t.Helper()
				b.enroll(t, b.userID, b.courseID)
			},
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.ResetProgress(ctx, b.userID, b.courseID)
				return err
			},
		},
		"DisableUser": {
			lock:   "UserLock",
			behind: person,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.DisableUser(ctx, b.lateID)
				return err
			},
		},
		"RevokeAllSessions": {
			lock:   "UserLock",
			behind: person,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.RevokeAllSessions(ctx, elevate.RevokeAllSessionsParams{UserID: b.lateID})
				return err
			},
		},
		"SetRole": {
			lock:   "UserLock",
			behind: person,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.SetRole(ctx, b.lateID, elevate.RoleAdmin)
				return err
			},
		},
		"UnlinkIdentity": {
			lock:   "UserLock",
			behind: person,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.UnlinkIdentity(ctx, elevate.UnlinkIdentityParams{
					UserID: b.lateID, Provider: "google", Subject: "1",
				})
				return err
			},
		},
		"Submit": {
			lock: "SubmissionLock",
			before: func(t *testing.T, b *lateBundle) {
				t.Helper()
				course(t, b)
				b.enroll(t, b.userID, b.courseID)
			},
			behind: assignment,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.Submit(ctx, elevate.SubmitParams{
					UserID: b.userID, AssignmentID: b.assignmentID, Content: "Written.",
				})
				return err
			},
		},
		"Unenroll": {
			lock:   "EnrollmentLock",
			before: course,
			behind: func(t *testing.T, b *lateBundle) {
				t.Helper()
				b.enroll(t, b.userID, b.courseID)
			},
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.Unenroll(ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
				return err
			},
		},
		"UpdateAssignment": {
			lock:   "AssignmentLock",
			before: course,
			behind: assignment,
			call: func(ctx context.Context, s *elevate.Store, b *lateBundle) error {
				_, err := s.UpdateAssignment(ctx, elevate.UpdateAssignmentParams{
					ID: b.assignmentID, Version: 1, Title: "Poem", Description: "Rhyme.", MaxScore: 100,
				})
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &lateBundle{
				testBundle: newBundle(t), courseID: uuid.New(), lessonID: uuid.New(), assignmentID: uuid.New(),
				lateID: uuid.New(),
			}
			b.userID, b.teacherID = b.user(t, elevate.RoleUser), b.user(t, elevate.RoleInstructor)
			if test.before != nil {
				test.before(t, b)
			}
			paused := &pausedTx{Tx: b.begin(t), query: test.lock, pause: func() { test.behind(t, b) }}
			require.NoError(t, test.call(b.ctx, b.system.WithTx(paused), b))
			require.Nil(t, paused.pause, "there was no pause")
			require.Equal(t, 2, paused.sent, "worked without the lock")
		})
	}
}
