package elevate

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// Learners that an export reads at once. A line of a gradebook is a lookup for each
// assignment.
const (
	exportLearners  = 1000
	exportGradebook = 250
)

// ExportLearnersParams says which course.
type ExportLearnersParams struct {
	CourseID uuid.UUID
}

// ExportLearners writes the roster of a course as CSV, the newest enrollment
// first: user_id, name, email, enrolled_at, completed_at, progress,
// lessons_completed, lessons_total, source, reference. It is RFC 4180 in UTF-8,
// without a byte order mark: a host that wants one for a spreadsheet writes it
// first. Times are RFC 3339 in UTC, progress is in percent; completed_at is empty
// until then.
//
// What a spreadsheet would run as a formula gets an apostrophe before it: a text
// whose first character, spaces and quotation marks aside, is =, +, -, @ or the
// full-width form of one, and a text that begins with a tab or a line break. The
// same goes for what follows a semicolon, a tab or a line break inside of a text,
// where a spreadsheet may begin a cell. Line breaks of any kind inside of a text,
// LF, CR and CR LF, become CR LF.
//
// It reads 1,000 learners at a time, so it needs little memory and holds no
// transaction while the writer is slow. A learner who is enrolled all the while is
// in it once; one who comes or goes meanwhile may be in it or not. For one moment of
// the database, give it a REPEATABLE READ transaction with [Store.WithTx]. Nothing
// is written before the first read has succeeded; after a later failure the writer
// has a part. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's; those of the writer and the context.
//
// Writes nothing to the database: a replica serves it.
func (s *Store) ExportLearners(ctx context.Context, params ExportLearnersParams, w io.Writer) (err error) {
	defer wrap(&err, "export learners of course %s", params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return err
	}
	before, _, err := PageParams{}.newestFirst(listLearners)
	if err != nil {
		return err
	}
	out := newSheet(w)
	for first := true; ; first = false {
		rows, err := s.reader().EnrollmentListByCourse(ctx, db.EnrollmentListByCourseParams{
			CourseID:  params.CourseID,
			TeacherID: s.actor.teacher(),
			BeforeAt:  before.at,
			BeforeID:  before.id,
			RowLimit:  exportLearners,
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrNotFound
		}
		if first {
			out.cells("user_id", "name", "email", "enrolled_at", "completed_at", "progress", "lessons_completed",
				"lessons_total", "source", "reference")
		}
		if rows[0].ID == uuid.Nil {
			rows = nil
		}
		for _, row := range rows {
			out.cells(row.UserID.String(), row.Name, row.Email, stamp(&row.EnrolledAt), stamp(row.CompletedAt),
				number(row.Progress), number(row.LessonsCompleted), number(row.LessonsTotal), row.Source, row.Reference)
			before = position{at: row.EnrolledAt, id: row.ID}
		}
		if err := out.flush(ctx); err != nil || len(rows) < exportLearners {
			return err
		}
	}
}

// ExportGradebookParams says which course.
type ExportGradebookParams struct {
	CourseID uuid.UUID
}

// ExportGradebook writes the scores of a course as CSV, a line for each learner,
// the newest enrollment first. The columns are user_id, name and email; one for
// each assignment in order of due date, headed by its title and the best score in
// parentheses; points, the sum of the learner's scores, and points_possible, that
// of the best scores. A score is that of the latest attempt; its cell is empty
// until that is graded. The rest is as in [Store.ExportLearners], but it reads 250
// learners at a time. An assignment that is added meanwhile has no column, and one
// that is deleted has no scores from there on. The actor teaches the course or is
// trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's; those of the writer and the context.
//
// Writes nothing to the database: a replica serves it.
func (s *Store) ExportGradebook(ctx context.Context, params ExportGradebookParams, w io.Writer) (err error) {
	defer wrap(&err, "export gradebook of course %s", params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return err
	}
	before, _, err := PageParams{}.newestFirst(listLearners)
	if err != nil {
		return err
	}
	var (
		out      = newSheet(w)
		columns  map[uuid.UUID]int // of the assignments; nil before the first read
		possible int64
	)
	for {
		rows, err := s.reader().GradebookRead(ctx, db.GradebookReadParams{
			CourseID:  params.CourseID,
			TeacherID: s.actor.teacher(),
			BeforeAt:  before.at,
			BeforeID:  before.id,
			RowLimit:  exportGradebook,
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrNotFound
		}
		heading, learners := rows[0], rows[1:]
		if columns == nil {
			columns = make(map[uuid.UUID]int, len(heading.IDs))
			head := []string{"user_id", "name", "email"}
			for i, id := range heading.IDs {
				columns[id] = len(head)
				head = append(head, heading.Titles[i]+" ("+number(heading.Scores[i])+")")
				possible += int64(heading.Scores[i])
			}
			out.cells(append(head, "points", "points_possible")...)
		}
		for _, row := range learners {
			out.cells(scores(row, heading.IDs, columns, possible)...)
			before = position{at: row.EnrolledAt, id: row.ID}
		}
		if err := out.flush(ctx); err != nil || len(learners) < exportGradebook {
			return err
		}
	}
}

// scores is the line of a learner. The ids are those of this read, the columns those
// of the first.
func scores(row db.GradebookReadRow, ids []uuid.UUID, columns map[uuid.UUID]int, possible int64) []string {
	line := make([]string, 3+len(columns)+2)
	line[0], line[1], line[2] = row.UserID.String(), row.Name, row.Email
	var points int64
	for i, id := range ids {
		column, known := columns[id]
		if known && row.Graded[i] {
			line[column] = number(row.Scores[i])
			points += int64(row.Scores[i])
		}
	}
	line[len(line)-2] = strconv.FormatInt(points, 10)
	line[len(line)-1] = strconv.FormatInt(possible, 10)
	return line
}

// sheet is a CSV file in the making. The first error of the writer stays.
type sheet struct {
	csv *csv.Writer
}

func newSheet(w io.Writer) sheet {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return sheet{out}
}

// cells writes a line. encoding/csv makes CR LF of a LF, and drops a CR alone, so
// that is a LF first.
func (s sheet) cells(line ...string) {
	for i, cell := range line {
		cell = strings.ReplaceAll(cell, "\r\n", "\n")
		cell = strings.ReplaceAll(cell, "\r", "\n")
		line[i] = harmless(cell)
	}
	_ = s.csv.Write(line) // flush returns it
}

func (s sheet) flush(ctx context.Context) error {
	s.csv.Flush()
	if err := s.csv.Error(); err != nil {
		return err
	}
	return ctx.Err()
}

func number(n int32) string {
	return strconv.FormatInt(int64(n), 10)
}

func stamp(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

// harmless puts an apostrophe before what a spreadsheet would run as a formula, at
// the beginning and wherever a program with another separator begins a cell. See
// https://owasp.org/www-community/attacks/CSV_Injection.
func harmless(cell string) string {
	var made strings.Builder
	begins := true
	for i, r := range cell {
		switch {
		case begins && strings.ContainsRune("=+-@＝＋－＠", r),
			i == 0 && strings.ContainsRune("\t\r\n", r):
			made.WriteByte('\'')
			begins = false
		}
		switch {
		case strings.ContainsRune(";\t\r\n", r):
			begins = true
		case !unicode.IsSpace(r) && r != '\ufeff' && r != '"':
			begins = false
		}
		made.WriteRune(r)
	}
	return made.String()
}
