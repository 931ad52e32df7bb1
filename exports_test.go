package elevate_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// manyLearners enrolls so many, several of them at one moment. Triggers are off in
// this transaction alone: the pool's connections go on with theirs.
func (b *reportBundle) manyLearners(t testing.TB, n int) {
	t.Helper()
	tx := b.begin(t)
	_, err := tx.Exec(b.ctx, `SET LOCAL session_replication_role = replica`)
	require.NoError(t, err)
	_, err = tx.Exec(b.ctx, b.sql(`WITH made AS (
			INSERT INTO {s}.users (email, password_hash, name)
			SELECT 'learner' || n || '@example.org', '!', 'Learner ' || n FROM generate_series(1, $2::integer) AS n
			RETURNING id
		)
		INSERT INTO {s}.enrollments (user_id, course_id, enrolled_at)
		SELECT m.id, $1, now() - row_number() OVER () / 7 * interval '1 second' FROM made AS m`), b.courseID, n)
	require.NoError(t, err)
	require.NoError(t, tx.Commit(b.ctx))
}

// parse reads a CSV file as others do.
func parse(t testing.TB, file []byte) [][]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	require.NoError(t, err)
	return lines
}

func TestExportLearners(t *testing.T) {
	t.Parallel()

	export := func(ctx context.Context, s *elevate.Store, b *reportBundle, w io.Writer) error {
		return s.ExportLearners(ctx, elevate.ExportLearnersParams{CourseID: b.courseID}, w)
	}

	t.Run("Writes", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		userID := b.user(t, elevate.RoleUser)
		b.exec(t, `UPDATE {s}.users SET name = E'=HYPERLINK("x"), \nAda', email = '+ada@example.org' WHERE id = $1`, userID)
		b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source, reference, enrolled_at, completed_at)
			VALUES ($1, $2, 'grant', '@voucher', '2025-01-02T03:04:05.678901Z', '2025-02-03T00:00:00Z')`, userID, b.courseID)
		open := b.learner(t, 0, 1)
		var file bytes.Buffer
		require.NoError(t, export(b.ctx, b.teacher, b, &file))
		lines := parse(t, file.Bytes())
		require.Len(t, lines, 3)
		require.Equal(t, []string{
			"user_id", "name", "email", "enrolled_at", "completed_at", "progress", "lessons_completed", "lessons_total",
			"source", "reference",
		}, lines[0])
		require.Equal(t, open.String(), lines[1][0])
		require.Equal(t, []string{"", "25", "1", "4", "free", ""}, lines[1][4:])
		require.Equal(t, []string{
			userID.String(), "'=HYPERLINK(\"x\"), \nAda", "'+ada@example.org", "2025-01-02T03:04:05.678901Z",
			"2025-02-03T00:00:00Z", "0", "0", "0", "grant", "'@voucher",
		}, lines[2])
		require.NotRegexp(t, `[^\r]\n`, file.String())
	})

	// Of any kind, and none is lost: encoding/csv drops a CR that stands alone.
	t.Run("LineBreaks", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		userID := b.learner(t, 0, 0)
		for name, want := range map[string]string{
			"Ada\nLovelace":   "Ada\r\nLovelace",
			"Ada\r\nLovelace": "Ada\r\nLovelace",
			"Ada\rLovelace":   "Ada\r\nLovelace",
			"Ada\r\r\n=1":     "Ada\r\n\r\n'=1",
			"\r=1":            "'\r\n'=1",
		} {
			b.exec(t, `UPDATE {s}.users SET name = $2 WHERE id = $1`, userID, name)
			var file bytes.Buffer
			require.NoError(t, export(b.ctx, b.teacher, b, &file))
			require.Contains(t, file.String(), `,"`+want+`",`, "%q", name)
		}
	})

	t.Run("NoLearners", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		var file bytes.Buffer
		require.NoError(t, export(b.ctx, b.teacher, b, &file))
		require.Len(t, parse(t, file.Bytes()), 1)
	})

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		for _, more := range []int{999, 1, 1, 1200} {
			b.manyLearners(t, more)
			b.exec(t, `UPDATE {s}.users SET email = id::text`)
			var file bytes.Buffer
			require.NoError(t, export(b.ctx, b.teacher, b, &file))
			seen := map[string]bool{}
			for _, line := range parse(t, file.Bytes())[1:] {
				require.False(t, seen[line[0]], "twice")
				seen[line[0]] = true
			}
			require.Len(t, seen, b.count(t, `SELECT count(*) FROM {s}.enrollments WHERE course_id = $1`, b.courseID))
		}
	})

	t.Run("ErrorIfNotTheirs", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		var file bytes.Buffer
		rival := b.as(b.user(t, elevate.RoleInstructor), elevate.RoleInstructor)
		require.ErrorIs(t, export(b.ctx, rival, b, &file), elevate.ErrNotFound)
		require.Zero(t, file.Len())
	})

	t.Run("ErrorIfWriterFails", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.manyLearners(t, 2500)
		for _, room := range []int{0, 5000, 200_000} {
			tx := b.begin(t)
			require.ErrorIs(t, export(b.ctx, b.teacher.WithTx(tx), b, &failing{room}), errFull)
			usable(t, tx)
			require.NoError(t, tx.Rollback(b.ctx))
		}
	})

	t.Run("ErrorIfCancelled", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.manyLearners(t, 2500)
		ctx, cancel := context.WithCancel(b.ctx)
		written := 0
		err := export(ctx, b.teacher, b, writerFunc(func(p []byte) (int, error) {
			cancel()
			written += len(p)
			return len(p), nil
		}))
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, written, 200_000, "the first part only")
	})

	t.Run("OneMomentInRepeatableRead", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.manyLearners(t, 1500)
		tx, err := b.pool.BeginTx(b.ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		require.NoError(t, err)
		defer func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) }()
		var file bytes.Buffer
		gone := false
		require.NoError(t, export(b.ctx, b.teacher.WithTx(tx), b, writerFunc(func(p []byte) (int, error) {
			if !gone {
				gone = true
				b.exec(t, `DELETE FROM {s}.enrollments`)
			}
			return file.Write(p)
		})))
		require.Len(t, parse(t, file.Bytes()), 1501)
	})
}

// needsLittleMemory runs an export of many learners, and measures what is live
// after a collection: some pages of rows, however many there are.
func (b *reportBundle) needsLittleMemory(t *testing.T, learners int, export func(w io.Writer) error) {
	t.Helper()
	b.manyLearners(t, learners)
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	before := memory.HeapAlloc
	var (
		most          uint64
		lines, writes int
	)
	require.NoError(t, export(writerFunc(func(p []byte) (int, error) {
		lines += bytes.Count(p, []byte("\n"))
		if writes++; writes%40 == 1 {
			runtime.GC()
			runtime.ReadMemStats(&memory)
			most = max(most, memory.HeapAlloc)
		}
		return len(p), nil
	})))
	require.Equal(t, learners+1, lines)
	require.Less(t, most, before+(2<<20))
}

//nolint:paralleltest // what others need would be measured too
func TestExportLearnersNeedsLittleMemory(t *testing.T) {
	b := newReportBundle(t)
	b.needsLittleMemory(t, 30_000, func(w io.Writer) error {
		return b.teacher.ExportLearners(b.ctx, elevate.ExportLearnersParams{CourseID: b.courseID}, w)
	})
}

//nolint:paralleltest // likewise
func TestExportGradebookNeedsLittleMemory(t *testing.T) {
	b := newReportBundle(t)
	b.exec(t, `INSERT INTO {s}.assignments (course_id, title, description)
		SELECT $1, 'Assignment ' || n, '' FROM generate_series(1, 10) AS n`, b.courseID)
	b.needsLittleMemory(t, 10_000, func(w io.Writer) error {
		return b.teacher.ExportGradebook(b.ctx, elevate.ExportGradebookParams{CourseID: b.courseID}, w)
	})
}

// writerFunc is a writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestExportGradebook(t *testing.T) {
	t.Parallel()

	export := func(b *reportBundle, s *elevate.Store, w io.Writer) error {
		return s.ExportGradebook(b.ctx, elevate.ExportGradebookParams{CourseID: b.courseID}, w)
	}
	assignment := func(t *testing.T, b *reportBundle, title string, due *time.Time, best int) uuid.UUID {
		t.Helper()
		return scan[uuid.UUID](t, b.testBundle, `INSERT INTO {s}.assignments (course_id, title, description, due_date, max_score)
			VALUES ($1, $2, '', $3, $4) RETURNING id`, b.courseID, title, due, best)
	}
	submit := func(t *testing.T, b *reportBundle, assignmentID, userID uuid.UUID, score *int, superseded bool) {
		t.Helper()
		b.exec(t, `INSERT INTO {s}.submissions (assignment_id, user_id, content, score, graded_at, superseded_at)
			VALUES ($1, $2, '', $3, CASE WHEN $3::integer IS NOT NULL THEN now() END, CASE WHEN $4::boolean THEN now() END)`, assignmentID, userID, score, superseded)
	}

	t.Run("Writes", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		soon := time.Now().Add(day)
		open := assignment(t, b, "Essay", nil, 50)
		first := assignment(t, b, "=Quiz", &soon, 20)
		older := b.learner(t, day, 0)
		newer := b.learner(t, 0, 0)
		nine, zero := 9, 0
		submit(t, b, first, older, &nine, true)
		submit(t, b, first, older, &zero, false)
		submit(t, b, open, older, &nine, false)
		submit(t, b, open, newer, nil, false)
		// Of another program, which has not graded it yet.
		submit(t, b, first, newer, nil, false)
		b.exec(t, `UPDATE {s}.submissions SET score = 7 WHERE assignment_id = $1 AND user_id = $2`, first, newer)
		left := b.user(t, elevate.RoleUser)
		submit(t, b, open, left, &nine, false)
		for _, store := range []*elevate.Store{b.teacher, b.system} {
			var file bytes.Buffer
			require.NoError(t, export(b, store, &file))
			email := func(id uuid.UUID) string { return id.String() + "@example.org" }
			require.Equal(t, [][]string{
				{"user_id", "name", "email", "'=Quiz (20)", "Essay (50)", "points", "points_possible"},
				{newer.String(), "Name of " + email(newer), email(newer), "", "", "0", "70"},
				{older.String(), "Name of " + email(older), email(older), "0", "9", "9", "70"},
			}, parse(t, file.Bytes()))
		}
	})

	t.Run("NoAssignments", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.learner(t, 0, 0)
		var file bytes.Buffer
		require.NoError(t, export(b, b.teacher, &file))
		lines := parse(t, file.Bytes())
		require.Equal(t, []string{"user_id", "name", "email", "points", "points_possible"}, lines[0])
		require.Len(t, lines, 2)
	})

	t.Run("NoLearners", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		assignment(t, b, "Essay", nil, 50)
		var file bytes.Buffer
		require.NoError(t, export(b, b.teacher, &file))
		require.Len(t, parse(t, file.Bytes()), 1)
	})

	t.Run("AssignmentsChangeMeanwhile", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		keep := assignment(t, b, "Keep", nil, 10)
		gone := assignment(t, b, "Gone", nil, 10)
		b.manyLearners(t, 600)
		for _, id := range []uuid.UUID{keep, gone} {
			b.exec(t, `INSERT INTO {s}.submissions (assignment_id, user_id, content, score, graded_at)
				SELECT $1, e.user_id, '', CASE WHEN $2 THEN 3 ELSE 4 END, now() FROM {s}.enrollments AS e`, id, id == keep)
		}
		var file bytes.Buffer
		changed := false
		require.NoError(t, export(b, b.teacher, writerFunc(func(p []byte) (int, error) {
			if !changed {
				changed = true
				b.exec(t, `DELETE FROM {s}.submissions WHERE assignment_id = $1`, gone)
				b.exec(t, `DELETE FROM {s}.assignments WHERE id = $1`, gone)
				soon := time.Now()
				assignment(t, b, "Added", &soon, 10)
			}
			return file.Write(p)
		})))
		lines := parse(t, file.Bytes())
		require.Len(t, lines, 601)
		column := map[string]int{lines[0][3]: 3, lines[0][4]: 4}
		require.Len(t, lines[600], 7)
		require.Equal(t, "7", lines[1][5])
		require.Equal(t, "3", lines[600][column["Keep (10)"]])
		require.Empty(t, lines[600][column["Gone (10)"]])
		require.Equal(t, "3", lines[600][5])
	})

	t.Run("ErrorIfWriterFails", func(t *testing.T) {
		t.Parallel()
		b := newReportBundle(t)
		b.learner(t, 0, 0)
		require.ErrorIs(t, export(b, b.teacher, &failing{}), errFull)
		require.ErrorIs(t, b.teacher.ExportGradebook(b.ctx, elevate.ExportGradebookParams{}, &failing{}), elevate.ErrNotFound,
			"nothing is written")
	})
}
