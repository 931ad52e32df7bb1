package elevate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// A host's foreign key stands in the way under whatever name, one of the
// library's included, and leaves the host's transaction usable.
func TestReferencedByTheHost(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name, keys, table string
		remove            func(s *elevate.Store, w *world) error
	}{
		{
			name:  "DeleteCourse",
			keys:  `SELECT id FROM {s}.courses`,
			table: `CREATE TABLE host.pages (course_id uuid, CONSTRAINT lessons_course_id_fkey FOREIGN KEY (course_id) REFERENCES {s}.courses (id))`,
			remove: func(s *elevate.Store, w *world) error {
				return s.DeleteCourse(w.ctx, w.draft)
			},
		},
		{
			// From PostgreSQL 18 on, RESTRICT has an SQLSTATE of its own.
			name:  "Restrict",
			keys:  `SELECT id FROM {s}.courses`,
			table: `CREATE TABLE host.pages (course_id uuid REFERENCES {s}.courses (id) ON DELETE RESTRICT)`,
			remove: func(s *elevate.Store, w *world) error {
				return s.DeleteCourse(w.ctx, w.draft)
			},
		},
		{
			name:  "DeleteLesson",
			keys:  `SELECT id FROM {s}.lessons`,
			table: `CREATE TABLE host.pages (lesson_id uuid REFERENCES {s}.lessons (id))`,
			remove: func(s *elevate.Store, w *world) error {
				return s.DeleteLesson(w.ctx, w.draftLesson)
			},
		},
		{
			name: "UnlinkIdentity",
			keys: `SELECT provider, subject FROM {s}.identities`,
			table: `CREATE TABLE host.pages (provider text, subject text,
				FOREIGN KEY (provider, subject) REFERENCES {s}.identities (provider, subject))`,
			remove: func(s *elevate.Store, w *world) error {
				_, err := s.UnlinkIdentity(w.ctx, elevate.UnlinkIdentityParams{
					UserID: w.learner, Provider: "google", Subject: "1",
				})
				return err
			},
		},
		{
			name:  "Unenroll",
			keys:  `SELECT id FROM {s}.enrollments`,
			table: `CREATE TABLE host.pages (enrollment_id uuid REFERENCES {s}.enrollments (id))`,
			remove: func(s *elevate.Store, w *world) error {
				_, err := s.Unenroll(w.ctx, elevate.UnenrollParams{UserID: w.learner, CourseID: w.course})
				return err
			},
		},
		{
			name:  "ResetProgress",
			keys:  `SELECT id FROM {s}.progress`,
			table: `CREATE TABLE host.pages (progress_id uuid REFERENCES {s}.progress (id))`,
			remove: func(s *elevate.Store, w *world) error {
				_, err := s.ResetProgress(w.ctx, w.learner, w.course)
				return err
			},
		},
		{
			name:  "DeleteAssignment",
			keys:  `SELECT id FROM {s}.assignments`,
			table: `CREATE TABLE host.pages (assignment_id uuid REFERENCES {s}.assignments (id))`,
			remove: func(s *elevate.Store, w *world) error {
				return s.DeleteAssignment(w.ctx, w.assignment)
			},
		},
		{
			name:  "DeleteReview",
			keys:  `SELECT id FROM {s}.reviews`,
			table: `CREATE TABLE host.pages (review_id uuid REFERENCES {s}.reviews (id))`,
			remove: func(s *elevate.Store, w *world) error {
				_, err := s.DeleteReview(w.ctx, w.learner, w.course)
				return err
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newBundle(t))
			w.assign(t)
			w.rate(t, w.learner, w.course, 4)
			w.exec(t, `INSERT INTO {s}.identities (provider, subject, user_id) VALUES ('google', '1', $1), ('google', '2', $1)`,
				w.learner)
			w.exec(t, `CREATE SCHEMA host`)
			w.exec(t, test.table)
			w.exec(t, `INSERT INTO host.pages `+test.keys)
			before := w.fingerprint(t)

			requireConflict(t, test.remove(w.system, w), elevate.ConflictError{Reason: elevate.ConflictReferenced})
			tx := w.begin(t)
			requireConflict(t, test.remove(w.system.WithTx(tx), w), elevate.ConflictError{Reason: elevate.ConflictReferenced})
			usable(t, tx)
			require.NoError(t, tx.Rollback(w.ctx))
			require.Equal(t, before, w.fingerprint(t))

			w.exec(t, `DROP TABLE host.pages`)
			require.NoError(t, test.remove(w.system, w))
		})
	}
}
