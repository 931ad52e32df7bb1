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
		name, rows, table string
		remove            func(s *elevate.Store, w *world) error
	}{
		{
			name:  "DeleteCourse",
			rows:  "courses",
			table: `CREATE TABLE host.pages (course_id uuid, CONSTRAINT lessons_course_id_fkey FOREIGN KEY (course_id) REFERENCES {s}.courses (id))`,
			remove: func(s *elevate.Store, w *world) error {
				return s.DeleteCourse(w.ctx, w.draft)
			},
		},
		{
			name:  "DeleteLesson",
			rows:  "lessons",
			table: `CREATE TABLE host.pages (lesson_id uuid REFERENCES {s}.lessons (id))`,
			remove: func(s *elevate.Store, w *world) error {
				return s.DeleteLesson(w.ctx, w.draftLesson)
			},
		},
		{
			name:  "Unenroll",
			rows:  "enrollments",
			table: `CREATE TABLE host.pages (enrollment_id uuid REFERENCES {s}.enrollments (id))`,
			remove: func(s *elevate.Store, w *world) error {
				_, err := s.Unenroll(w.ctx, elevate.UnenrollParams{UserID: w.learner, CourseID: w.course})
				return err
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newBundle(t))
			w.exec(t, `CREATE SCHEMA host`)
			w.exec(t, test.table)
			w.exec(t, `INSERT INTO host.pages SELECT r.id FROM {s}.`+test.rows+` AS r`)
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
