package elevate_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func lessonCauses(t testing.TB) []cause {
	t.Helper()
	lesson := func(kind elevate.EventType, i int) func(w *eventWorld) []told {
		return func(w *eventWorld) []told { return []told{{kind, w.learner, w.course, w.lessons[i]}} }
	}
	finished := func(w *eventWorld) []told {
		return []told{{elevate.EventCourseCompleted, w.learner, w.course, w.course}}
	}
	both := func(w *eventWorld) []told {
		return append(lesson(elevate.EventLessonCompleted, 2)(w), finished(w)...)
	}
	complete := func(i int) func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
		return func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
			_, err := s.CompleteLesson(ctx, w.learner, w.lessons[i], 0)
			return err
		}
	}
	const (
		insert2 = `INSERT INTO {s}.progress (user_id, lesson_id, completed) VALUES (@learner, @lesson2, TRUE)
			ON CONFLICT DO NOTHING`
		insert3 = `INSERT INTO {s}.progress (user_id, lesson_id, completed) VALUES (@learner, @lesson3, TRUE)
			ON CONFLICT DO NOTHING`
		began     = `INSERT INTO {s}.progress (user_id, lesson_id) VALUES (@learner, @lesson2)`
		takeBack  = `UPDATE {s}.progress SET completed = FALSE WHERE user_id = @learner AND lesson_id = @lesson1`
		complete2 = `UPDATE {s}.progress SET completed = TRUE WHERE user_id = @learner AND lesson_id = @lesson2`
	)
	return []cause{
		{name: "CompleteLesson", call: complete(1), want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "CompleteLessonBegun", prepare: []string{began}, call: complete(1), want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "CompleteLessonAgain", prepare: []string{takeBack}, call: complete(0), want: lesson(elevate.EventLessonCompleted, 0)},
		{name: "CompleteLessonOfAll", prepare: []string{insert2}, call: complete(2), want: both},
		{name: "SQLCompletesLesson", sql: insert2, want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "SQLCompletesLessonBegun", prepare: []string{began}, sql: complete2, want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "SQLCompletesLessonOfAll", prepare: []string{insert2}, sql: insert3, want: both},
		{
			name:    "DeleteLessonThatWasMissing",
			prepare: []string{insert2},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				return s.DeleteLesson(ctx, w.lessons[2])
			},
			want: finished,
		},
		{
			name: "DeleteLessonThatWasCompleted",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				return s.DeleteLesson(ctx, w.lessons[0])
			},
			want: none,
		},
		{
			name: "SQLCompletesCourse",
			sql:  `UPDATE {s}.enrollments SET completed_at = now() WHERE user_id = @learner`,
			want: finished,
		},
		{
			name: "UncompleteLesson",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.UncompleteLesson(ctx, w.learner, w.lessons[0])
				return err
			},
			want: lesson(elevate.EventLessonUncompleted, 0),
		},
		{name: "SQLUncompletesLesson", sql: takeBack, want: lesson(elevate.EventLessonUncompleted, 0)},
		{
			name: "ResetProgress",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.ResetProgress(ctx, w.learner, w.course)
				return err
			},
			want: lesson(elevate.EventLessonUncompleted, 0),
		},
		{
			name: "SQLDeletesProgress",
			sql:  `DELETE FROM {s}.progress WHERE user_id = @learner`,
			want: lesson(elevate.EventLessonUncompleted, 0),
		},
	}
}

func certificateCauses(t testing.TB) []cause {
	t.Helper()
	of := func(kind elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			return []told{{kind, w.learner, w.course, scan[uuid.UUID](t, w.testBundle,
				`SELECT id FROM {s}.certificates WHERE user_id = $1`, w.learner)}}
		}
	}
	const (
		finish = `INSERT INTO {s}.progress (user_id, lesson_id, completed)
			VALUES (@learner, @lesson2, TRUE), (@learner, @lesson3, TRUE)`
		insert = `INSERT INTO {s}.certificates (id, certificate_id, user_id, course_id)
			VALUES (@id, left(@id::uuid::text, 50), @learner, @course) ON CONFLICT DO NOTHING`
		revoke    = `UPDATE {s}.certificates SET revoked_at = now() WHERE user_id = @learner`
		reinstate = `UPDATE {s}.certificates SET revoked_at = NULL WHERE user_id = @learner`
	)
	number := func(w *eventWorld) string { return w.id.String() }
	return []cause{
		{
			name:    "IssueCertificate",
			prepare: []string{finish},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.IssueCertificate(ctx, elevate.IssueCertificateParams{UserID: w.learner, CourseID: w.course})
				return err
			},
			want: of(elevate.EventCertificateIssued),
		},
		{
			name:    "IssueCertificates",
			prepare: []string{finish},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.IssueCertificates(ctx, elevate.IssueCertificatesParams{
					CourseID: w.course, UserIDs: []uuid.UUID{w.learner},
				})
				return err
			},
			want: of(elevate.EventCertificateIssued),
		},
		{name: "SQLIssues", sql: insert, want: of(elevate.EventCertificateIssued)},
		{
			name:    "RevokeCertificate",
			prepare: []string{insert},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.RevokeCertificate(ctx, number(w))
				return err
			},
			want: of(elevate.EventCertificateRevoked),
		},
		{name: "SQLRevokes", prepare: []string{insert}, sql: revoke, want: of(elevate.EventCertificateRevoked)},
		{
			name:    "ReinstateCertificate",
			prepare: []string{insert, revoke},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.ReinstateCertificate(ctx, number(w))
				return err
			},
			want: of(elevate.EventCertificateReinstated),
		},
		{name: "SQLReinstates", prepare: []string{insert, revoke}, sql: reinstate, want: of(elevate.EventCertificateReinstated)},
	}
}

func submissionCauses() []cause {
	of := func(kind elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told { return []told{{kind, w.learner, w.course, w.id}} }
	}
	const (
		submit = `INSERT INTO {s}.submissions (id, assignment_id, user_id, content)
			VALUES (@id, @assignment, @learner, 'text') ON CONFLICT DO NOTHING`
		grade     = `UPDATE {s}.submissions SET score = 7, graded_at = now() WHERE id = @id`
		regrade   = `UPDATE {s}.submissions SET score = 8, graded_at = now() WHERE id = @id`
		comment   = `UPDATE {s}.submissions SET feedback = 'good', graded_at = now() WHERE id = @id`
		forget    = `UPDATE {s}.submissions SET feedback = NULL WHERE id = @id`
		supersede = `UPDATE {s}.submissions SET superseded_at = now() WHERE id = @id`

		// Of 8 points and of 9 the penalty leaves 4.
		submitLate = `INSERT INTO {s}.submissions (id, assignment_id, user_id, content, late, late_penalty)
			VALUES (@id, @assignment, @learner, 'text', TRUE, 50) ON CONFLICT DO NOTHING`
		gradeLate   = `UPDATE {s}.submissions SET raw_score = 8, score = 4, graded_at = now() WHERE id = @id`
		regradeLate = `UPDATE {s}.submissions SET raw_score = 9 WHERE id = @id`
	)
	return []cause{
		{name: "SQLSubmits", sql: submit, want: of(elevate.EventSubmissionSubmitted)},
		{name: "SQLGrades", prepare: []string{submit}, sql: grade, want: of(elevate.EventSubmissionGraded)},
		{name: "SQLGradesAnew", prepare: []string{submit, grade}, sql: regrade, want: of(elevate.EventSubmissionGraded)},
		{
			name:    "SQLGradesAnewBeforeThePenalty",
			prepare: []string{submitLate, gradeLate},
			sql:     regradeLate,
			want:    of(elevate.EventSubmissionGraded),
		},
		{
			name:    "GradeAnewBeforeThePenalty",
			prepare: []string{submitLate, gradeLate},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.Grade(ctx, elevate.GradeParams{
					UserID: w.learner, AssignmentID: w.assignment, SubmissionID: w.id, Score: 9,
				})
				return err
			},
			want: of(elevate.EventSubmissionGraded),
		},
		{name: "SQLComments", prepare: []string{submit, grade}, sql: comment, want: of(elevate.EventSubmissionGraded)},
		{
			name:    "GradeWithoutTheComment",
			prepare: []string{submit, grade, comment},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.Grade(ctx, elevate.GradeParams{
					UserID: w.learner, AssignmentID: w.assignment, SubmissionID: w.id, Score: 7,
				})
				return err
			},
			want: of(elevate.EventSubmissionGraded),
		},
		{name: "SQLForgetsComment", prepare: []string{submit, grade, comment}, sql: forget, want: none},
		{name: "SQLSupersedes", prepare: []string{submit, grade}, sql: supersede, want: none},
	}
}
