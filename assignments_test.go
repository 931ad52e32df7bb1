package elevate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// assignmentBundle is a published course with its teacher and an enrolled learner.
type assignmentBundle struct {
	*testBundle

	teacherID, userID, courseID uuid.UUID
	teacher, me                 *elevate.Store
}

func newAssignmentBundle(t *testing.T) *assignmentBundle {
	t.Helper()
	b := &assignmentBundle{testBundle: newBundle(t)}
	b.teacherID = b.user(t, elevate.RoleInstructor)
	b.userID = b.user(t, elevate.RoleUser)
	b.courseID, _ = b.course(t, courseSeed{instructor: b.teacherID, lessons: 1, published: true})
	b.enroll(t, b.userID, b.courseID)
	b.teacher = b.as(b.teacherID, elevate.RoleInstructor)
	b.me = b.as(b.userID, elevate.RoleUser)
	return b
}

// ago is a time that is so long past, as the database keeps it.
func ago(d time.Duration) *time.Time {
	at := time.Now().UTC().Add(-d).Truncate(time.Microsecond)
	return &at
}

// assign is a new assignment of the course, the given parameters with a title and
// a description.
func (b *assignmentBundle) assign(t testing.TB, params elevate.CreateAssignmentParams) elevate.Assignment {
	t.Helper()
	params.CourseID, params.Title, params.Description = b.courseID, "Essay", "Write."
	result, err := b.teacher.CreateAssignment(b.ctx, params)
	require.NoError(t, err)
	return result.Assignment
}

// learner is another learner of the course.
func (b *assignmentBundle) learner(t testing.TB) uuid.UUID {
	t.Helper()
	id := b.user(t, elevate.RoleUser)
	b.enroll(t, id, b.courseID)
	return id
}

// submit hands in an attempt.
func (b *assignmentBundle) submit(t testing.TB, userID, assignmentID uuid.UUID) elevate.Submission {
	t.Helper()
	result, err := b.system.Submit(b.ctx, elevate.SubmitParams{
		UserID: userID, AssignmentID: assignmentID, Content: "Written.",
	})
	require.NoError(t, err)
	return result.Submission
}

// grade grades an attempt.
func (b *assignmentBundle) grade(t testing.TB, attempt elevate.Submission, score int32) elevate.GradeResult {
	t.Helper()
	result, err := b.teacher.Grade(b.ctx, gradeOf(attempt, score))
	require.NoError(t, err)
	return result
}

func gradeOf(attempt elevate.Submission, score int32) elevate.GradeParams {
	return elevate.GradeParams{
		AssignmentID: attempt.AssignmentID, SubmissionID: attempt.ID, UserID: attempt.UserID, Score: score,
	}
}

// edited is an assignment as its author saw it.
func edited(a elevate.Assignment) elevate.UpdateAssignmentParams {
	return elevate.UpdateAssignmentParams{
		AllowLate: a.AllowLate, Description: a.Description, DueDate: a.DueDate, ID: a.ID,
		LatePenalty: a.LatePenalty, MaxScore: a.MaxScore, Title: a.Title, Version: a.Version,
	}
}

func TestCreateAssignment(t *testing.T) {
	t.Parallel()

	t.Run("Creates", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		due := time.Date(2031, time.May, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
		result, err := b.teacher.CreateAssignment(b.ctx, elevate.CreateAssignmentParams{
			AllowLate: true, CourseID: b.courseID, Description: "Write.", DueDate: &due, LatePenalty: 10,
			MaxScore: 20, Title: "Essay",
		})
		require.NoError(t, err)
		require.True(t, result.Created)
		kept := time.Date(2031, time.May, 1, 11, 0, 0, 123456000, time.UTC)
		require.Equal(t, elevate.Assignment{
			ID: result.Assignment.ID, CourseID: b.courseID, Title: "Essay", Description: "Write.", DueDate: &kept,
			MaxScore: 20, AllowLate: true, LatePenalty: 10, Version: 1,
			CreatedAt: result.Assignment.CreatedAt, UpdatedAt: result.Assignment.CreatedAt,
		}, result.Assignment)
		view, err := b.me.GetAssignment(b.ctx, result.Assignment.ID)
		require.NoError(t, err)
		require.Equal(t, elevate.AssignmentView{Assignment: result.Assignment}, view)
	})

	t.Run("Defaults", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		require.NotEqual(t, uuid.Nil, made.ID)
		require.Equal(t, int32(100), made.MaxScore)
		require.Nil(t, made.DueDate)
		require.False(t, made.AllowLate)
	})

	t.Run("Repeat", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		params := elevate.CreateAssignmentParams{
			ID: uuid.New(), CourseID: b.courseID, Title: "Essay", Description: "Write.",
		}
		first, err := b.teacher.CreateAssignment(b.ctx, params)
		require.NoError(t, err)
		params.Title = "Poem"
		again, err := b.teacher.CreateAssignment(b.ctx, params)
		require.NoError(t, err)
		require.False(t, again.Created)
		require.Equal(t, first.Assignment, again.Assignment)
	})

	t.Run("ErrorIfIDTaken", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		other, _ := b.course(t, courseSeed{instructor: b.teacherID})
		_, err := b.teacher.CreateAssignment(b.ctx, elevate.CreateAssignmentParams{
			ID: made.ID, CourseID: other, Title: "Essay", Description: "Write.",
		})
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictIDTaken})
	})

	// The course goes while the assignment waits for it.
	t.Run("RacesDeletedCourse", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		courseID, _ := b.course(t, courseSeed{instructor: b.teacherID})
		tx := b.begin(t)
		require.NoError(t, b.teacher.WithTx(tx).DeleteCourse(b.ctx, courseID))
		done := later(func() error {
			_, err := b.teacher.CreateAssignment(b.ctx, elevate.CreateAssignmentParams{
				CourseID: courseID, Title: "Essay", Description: "Write.",
			})
			return err
		})
		b.waitUntilBlocked(t, 1)
		require.NoError(t, tx.Commit(b.ctx))
		require.ErrorIs(t, <-done, elevate.ErrNotFound)
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		params := elevate.CreateAssignmentParams{
			ID: uuid.New(), CourseID: b.courseID, Title: "Essay", Description: "Write.",
		}
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		created := make([]bool, 16)
		require.NoError(t, race(len(created), func(i int) error {
			result, err := store.CreateAssignment(b.ctx, params)
			created[i] = result.Created
			return err
		}))
		require.Len(t, only(created), 1)
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM {s}.assignments`))
	})
}

// only is the true ones.
func only(flags []bool) []bool {
	var set []bool
	for _, flag := range flags {
		if flag {
			set = append(set, flag)
		}
	}
	return set
}

func TestUpdateAssignment(t *testing.T) {
	t.Parallel()

	t.Run("Updates", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{AllowLate: true, LatePenalty: 5, DueDate: ago(time.Hour)})
		params := elevate.UpdateAssignmentParams{
			ID: made.ID, Version: 1, Title: "Poem", Description: "Rhyme.", MaxScore: 50,
		}
		updated, err := b.teacher.UpdateAssignment(b.ctx, params)
		require.NoError(t, err)
		require.Equal(t, elevate.Assignment{
			ID: made.ID, CourseID: b.courseID, Title: "Poem", Description: "Rhyme.", MaxScore: 50, Version: 2,
			CreatedAt: made.CreatedAt, UpdatedAt: updated.UpdatedAt,
		}, updated)
		require.True(t, updated.UpdatedAt.After(made.UpdatedAt))

		again, err := b.teacher.UpdateAssignment(b.ctx, params)
		require.NoError(t, err, "a repeat finds its own edit")
		require.Equal(t, updated, again)
	})

	t.Run("ErrorIfEdited", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.exec(t, `UPDATE {s}.assignments SET title = 'Another' WHERE id = $1`, made.ID)
		params := edited(made)
		params.Title = "Poem"
		_, err := b.teacher.UpdateAssignment(b.ctx, params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictVersion})
	})

	t.Run("EachColumnMovesTheVersion", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		b.assign(t, elevate.CreateAssignmentParams{})
		version := 1
		for _, change := range []string{
			"title = 'Poem'", "description = 'Rhyme.'", "due_date = '2031-05-01'", "max_score = 5", "allow_late = TRUE",
			"late_penalty = 5",
		} {
			for range 2 { // the second time it is no edit
				b.exec(t, `UPDATE {s}.assignments SET `+change)
			}
			version++
			require.Equal(t, version, b.count(t, `SELECT version FROM {s}.assignments`), change)
		}
	})

	t.Run("ErrorIfScoreGiven", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{AllowLate: true, LatePenalty: 50, DueDate: ago(time.Hour)})
		// 80 were given, 40 count.
		b.grade(t, b.submit(t, b.userID, made.ID), 80)
		params := edited(made)
		params.MaxScore = 79
		_, err := b.teacher.UpdateAssignment(b.ctx, params)
		requireConflict(t, err, elevate.ConflictError{Reason: elevate.ConflictScoreGiven, Count: 1})
		params.MaxScore = 80
		_, err = b.teacher.UpdateAssignment(b.ctx, params)
		require.NoError(t, err)
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		store := b.on(t, b.wide(t)).As(elevate.System("test"))
		won := make([]bool, 16)
		require.NoError(t, race(len(won), func(i int) error {
			params := edited(made)
			params.Title = fmt.Sprint("Title ", i)
			_, err := store.UpdateAssignment(b.ctx, params)
			if isConflict(err, elevate.ConflictVersion) {
				return nil
			}
			won[i] = err == nil
			return err
		}))
		require.Len(t, only(won), 1)
		require.Equal(t, 2, b.count(t, `SELECT version FROM {s}.assignments`))
	})
}

func TestDeleteAssignment(t *testing.T) {
	t.Parallel()

	t.Run("Deletes", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		require.NoError(t, b.teacher.DeleteAssignment(b.ctx, made.ID))
		require.Zero(t, b.count(t, `SELECT count(*) FROM {s}.assignments`))
		require.ErrorIs(t, b.teacher.DeleteAssignment(b.ctx, made.ID), elevate.ErrNotFound)
	})

	t.Run("ErrorIfSubmissions", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		b.submit(t, b.userID, made.ID)
		last := b.submit(t, b.userID, made.ID)
		requireConflict(t, b.teacher.DeleteAssignment(b.ctx, made.ID),
			elevate.ConflictError{Reason: elevate.ConflictHasSubmissions, Count: 2})
		b.grade(t, last, 1)
		requireConflict(t, b.teacher.DeleteAssignment(b.ctx, made.ID),
			elevate.ConflictError{Reason: elevate.ConflictHasGrades, Count: 1})
	})
}

func TestGetAssignment(t *testing.T) {
	t.Parallel()

	t.Run("OwnAttempt", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{AllowLate: true, LatePenalty: 10, DueDate: ago(time.Hour)})
		b.submit(t, b.learner(t), made.ID)
		b.submit(t, b.userID, made.ID)
		latest := b.submit(t, b.userID, made.ID)
		b.grade(t, latest, 85)
		view, err := b.me.GetAssignment(b.ctx, made.ID)
		require.NoError(t, err)
		latest, err = b.me.GetSubmission(b.ctx, latest.ID)
		require.NoError(t, err)
		require.Equal(t, elevate.AssignmentView{Assignment: made, Submission: &latest}, view)
		require.Equal(t, int32(2), view.Submission.Attempt)
		require.Equal(t, int32(76), view.Submission.Score)

		view, err = b.teacher.GetAssignment(b.ctx, made.ID)
		require.NoError(t, err)
		require.Nil(t, view.Submission)
	})

	t.Run("NotAfterLeaving", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		made := b.assign(t, elevate.CreateAssignmentParams{})
		sent := b.submit(t, b.userID, made.ID)
		_, err := b.me.Unenroll(b.ctx, elevate.UnenrollParams{UserID: b.userID, CourseID: b.courseID})
		require.NoError(t, err)
		_, err = b.me.GetAssignment(b.ctx, made.ID)
		require.ErrorIs(t, err, elevate.ErrNotFound)
		_, err = b.me.GetSubmission(b.ctx, sent.ID)
		require.NoError(t, err, "their own work stays theirs")
	})
}

func TestListAssignments(t *testing.T) {
	t.Parallel()

	t.Run("Pages", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		open := b.assign(t, elevate.CreateAssignmentParams{})
		openToo := b.assign(t, elevate.CreateAssignmentParams{})
		second := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(-2 * time.Hour)})
		first := b.assign(t, elevate.CreateAssignmentParams{DueDate: ago(-time.Hour)})
		sent := b.submit(t, b.userID, second.ID)
		b.grade(t, sent, 70)
		var lines []elevate.AssignmentLine
		page := elevate.PageParams{Limit: 1}
		for range 4 {
			assignments, err := b.me.ListAssignments(b.ctx, b.courseID, page)
			require.NoError(t, err)
			require.Len(t, assignments.Items, 1)
			lines = append(lines, assignments.Items...)
			page.Cursor = assignments.Next
		}
		require.Empty(t, page.Cursor)
		require.Equal(t, []uuid.UUID{first.ID, second.ID, open.ID, openToo.ID},
			[]uuid.UUID{lines[0].ID, lines[1].ID, lines[2].ID, lines[3].ID})
		require.Equal(t, elevate.AssignmentLine{
			ID: second.ID, Title: "Essay", DueDate: second.DueDate, MaxScore: 100,
			SubmissionID: sent.ID, Attempt: 1, SubmittedAt: &sent.SubmittedAt,
			GradedAt: lines[1].GradedAt, Score: 70,
		}, lines[1])
		require.NotNil(t, lines[1].GradedAt)
		require.Equal(t, elevate.AssignmentLine{ID: open.ID, Title: "Essay", MaxScore: 100}, lines[2])
	})

	t.Run("Empty", func(t *testing.T) {
		t.Parallel()
		b := newAssignmentBundle(t)
		assignments, err := b.me.ListAssignments(b.ctx, b.courseID, elevate.PageParams{})
		require.NoError(t, err)
		require.Equal(t, elevate.Page[elevate.AssignmentLine]{Items: []elevate.AssignmentLine{}}, assignments)
	})
}
