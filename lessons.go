package elevate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// Lesson is a lesson of a course.
type Lesson struct {
	ID       uuid.UUID
	CourseID uuid.UUID
	Title    string

	// Description, Content and VideoURL are empty when there is none.
	Description string
	Content     string
	VideoURL    string

	// Duration is in whole seconds; zero when nobody said.
	Duration time.Duration

	// Position is the lesson's place in its course; 1 is the first.
	Position int32

	// Version counts the edits, for [Store.UpdateLesson]. Moving a lesson is no
	// edit.
	Version int32

	CreatedAt time.Time
	UpdatedAt time.Time
}

const (
	// maxLessons is how many lessons one call adds.
	maxLessons = 1000

	// maxLessonsText bounds the texts of one call, in bytes: they travel in one
	// message.
	maxLessonsText = 64 << 20
)

// NewLesson is a lesson to be added.
type NewLesson struct {
	// Content is at most 1 MiB. Optional.
	Content string

	// Description is at most 1 MiB. Optional.
	Description string

	// Duration is stored in whole seconds, rounded down. Optional.
	Duration time.Duration

	// ID makes a repeat of the call harmless. Defaults to a new one.
	ID uuid.UUID

	// Title is at most 255 characters.
	Title string

	// VideoURL is at most 500 characters. Optional.
	VideoURL string
}

// AddLessonsParams says which lessons go where.
type AddLessonsParams struct {
	CourseID uuid.UUID

	// Lessons are 1 to 1,000, at most 64 MiB of text together.
	Lessons []NewLesson

	// Position is the place of the first one; 1 is the first of the course. The
	// lessons that are there, and those after them, move up. Zero, and what is
	// past the end, is the end.
	Position int
}

// AddLessonResult is a lesson of [Store.AddLessons], and whether the call made
// it.
type AddLessonResult struct {
	Lesson Lesson

	// Created is false when the course had a lesson with this id already.
	Created bool
}

// AddLessons adds lessons to a course, as one set: all of them or none, one after
// the other in the order given, which is also the order of the results. Open
// enrollments have that much more to do; completed ones stay completed. The actor
// teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course and
// for another instructor's; *ConflictError with ConflictIDTaken when an id is a
// lesson's of another course.
//
// Idempotent where the ids are given: a lesson that the course has already is
// returned as it is and where it is, with Created false. Without ids a repeat
// after ErrCommitUnknown may add the lessons twice. Locks: course UPDATE, then the
// lessons that move and the open enrollments, by id. In a caller's transaction:
// joins it, behind a savepoint.
func (s *Store) AddLessons(ctx context.Context, params AddLessonsParams) (results []AddLessonResult, err error) {
	defer wrap(&err, "add %d lessons to course %s", len(params.Lessons), params.CourseID)
	if err := s.actor.mayTeach(); err != nil {
		return nil, err
	}
	if err := params.validate(); err != nil {
		return nil, err
	}
	many := db.LessonCreateManyParams{
		IDs:          make([]uuid.UUID, len(params.Lessons)),
		Titles:       make([]string, len(params.Lessons)),
		Descriptions: make([]string, len(params.Lessons)),
		Contents:     make([]string, len(params.Lessons)),
		VideoURLs:    make([]string, len(params.Lessons)),
		Durations:    make([]int32, len(params.Lessons)),
		CourseID:     params.CourseID,
		TeacherID:    s.actor.teacher(),
		Position:     int32(params.Position), //nolint:gosec // validate has checked it
	}
	for i, lesson := range params.Lessons {
		many.IDs[i] = lesson.ID
		if lesson.ID == uuid.Nil {
			many.IDs[i] = newID()
		}
		many.Titles[i] = lesson.Title
		many.Descriptions[i] = lesson.Description
		many.Contents[i] = lesson.Content
		many.VideoURLs[i] = lesson.VideoURL
		many.Durations[i] = seconds(lesson.Duration)
	}
	rows, err := writeGuarded(ctx, s, func(q *db.Queries) ([]db.LessonCreateManyRow, error) {
		if err := q.CourseLock(ctx, params.CourseID); err != nil {
			return nil, err
		}
		rows, err := q.LessonCreateMany(ctx, many)
		if err == nil && rows[0].Verdict == verdictRaced { // as all of them
			return nil, errRaced
		}
		return rows, err
	})
	if err != nil {
		return nil, lessonsConflict(err)
	}
	results = make([]AddLessonResult, len(rows))
	for i, row := range rows {
		results[i].Lesson = Lesson{
			ID:          row.ID,
			CourseID:    params.CourseID,
			Title:       row.Title,
			Description: row.Description,
			Content:     row.Content,
			VideoURL:    row.VideoURL,
			Duration:    time.Duration(row.Duration) * time.Second,
			Position:    row.Position,
			Version:     row.Version,
			CreatedAt:   row.CreatedAt,
			UpdatedAt:   row.UpdatedAt,
		}
		switch row.Verdict {
		case verdictCreated:
			results[i].Created = true
		case verdictAlready:
		case verdictIDTaken:
			return nil, &ConflictError{Reason: ConflictIDTaken}
		case verdictCourseUnknown:
			return nil, ErrNotFound
		default:
			return nil, unknownVerdict(row.Verdict)
		}
	}
	return results, nil
}

// lessonsConflict is what an index says against new places: two courses were
// given one id at once, or a writer that does not lock the course moved a lesson.
func lessonsConflict(err error) error {
	switch sqlState(err) {
	case stateUniqueViolation:
		return errors.Join(&ConflictError{Reason: ConflictIDTaken}, err)
	case stateExclusionViolation:
		return errors.Join(&ConflictError{Reason: ConflictRaced}, err)
	default:
		return err
	}
}

func (p AddLessonsParams) validate() error {
	if err := within("Position", p.Position, 0, math.MaxInt32); err != nil {
		return err
	}
	if err := within("Lessons", len(p.Lessons), 1, maxLessons); err != nil {
		return err
	}
	size := 0
	seen := make(map[uuid.UUID]bool, len(p.Lessons))
	for i, lesson := range p.Lessons {
		field := fmt.Sprintf("Lessons[%d].", i)
		if err := lesson.validate(field); err != nil {
			return err
		}
		if seen[lesson.ID] {
			return invalid(field+"ID", "repeats another lesson's")
		}
		seen[lesson.ID] = lesson.ID != uuid.Nil
		size += len(lesson.Title) + len(lesson.Description) + len(lesson.Content) + len(lesson.VideoURL)
	}
	if size > maxLessonsText {
		return invalid("Lessons", "are too long together")
	}
	return nil
}

// validate puts field before the names of the fields.
func (l NewLesson) validate(field string) error {
	if err := text(field+"Title", l.Title, 1, maxName); err != nil {
		return err
	}
	if err := text(field+"Description", l.Description, 0, maxText); err != nil {
		return err
	}
	if err := text(field+"Content", l.Content, 0, maxText); err != nil {
		return err
	}
	if err := link(field+"VideoURL", l.VideoURL); err != nil {
		return err
	}
	return span(field+"Duration", l.Duration)
}

// UpdateLessonParams replaces everything of a lesson that is edited: an empty
// field empties it.
type UpdateLessonParams struct {
	// Content, Description, Duration, Title and VideoURL are those of
	// [NewLesson].
	Content     string
	Description string
	Duration    time.Duration

	ID    uuid.UUID
	Title string

	// Version is [Lesson.Version] as it was read.
	Version int32

	VideoURL string
}

// UpdateLesson edits a lesson that nobody has edited since it was read, and
// returns it as it is then. Values that are the lesson's already change nothing,
// its version included. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown lesson and
// for another instructor's; *ConflictError with ConflictVersion.
//
// Idempotent: a repeat finds its own edit. Locks: the course SHARE, the lesson NO
// KEY UPDATE; completions and enrollments go on. In a caller's transaction: joins
// it.
func (s *Store) UpdateLesson(ctx context.Context, params UpdateLessonParams) (lesson Lesson, err error) {
	defer wrap(&err, "update lesson %s", params.ID)
	if err := s.actor.mayTeach(); err != nil {
		return Lesson{}, err
	}
	if err := params.validate(); err != nil {
		return Lesson{}, err
	}
	update := db.LessonUpdateParams{
		ID:          params.ID,
		TeacherID:   s.actor.teacher(),
		Version:     params.Version,
		Title:       params.Title,
		Description: some(params.Description),
		Content:     some(params.Content),
		VideoURL:    some(params.VideoURL),
		Duration:    someSeconds(params.Duration),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.LessonUpdateRow, error) {
		row, err := q.LessonUpdate(ctx, update)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return Lesson{}, err
	}
	switch row.Verdict {
	case verdictUpdated, verdictUnchanged:
		return Lesson{
			ID:          params.ID,
			CourseID:    row.CourseID,
			Title:       params.Title,
			Description: params.Description,
			Content:     params.Content,
			VideoURL:    params.VideoURL,
			Duration:    params.Duration.Truncate(time.Second),
			Position:    row.Position,
			Version:     row.Version,
			CreatedAt:   row.CreatedAt,
			UpdatedAt:   row.UpdatedAt,
		}, nil
	case verdictLessonUnknown:
		return Lesson{}, ErrNotFound
	case verdictConflict:
		return Lesson{}, &ConflictError{Reason: ConflictVersion}
	default:
		return Lesson{}, unknownVerdict(row.Verdict)
	}
}

func (p UpdateLessonParams) validate() error {
	if err := within("Version", int(p.Version), 1, math.MaxInt32); err != nil {
		return err
	}
	edited := NewLesson{
		Content:     p.Content,
		Description: p.Description,
		Duration:    p.Duration,
		Title:       p.Title,
		VideoURL:    p.VideoURL,
	}
	return edited.validate("")
}

// ReorderLessons gives the lessons of a course the order of their ids, which are
// all of its lessons, each once, at most 20,000. The actor teaches the course or
// is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course and
// for another instructor's; *ConflictError with ConflictLessonSet when a lesson
// is missing or not the course's, or with ConflictRaced when another program moved
// a lesson at the same time.
//
// Idempotent. Locks: course NO KEY UPDATE, then the lessons that move;
// enrollments and completions go on. In a caller's transaction: joins it, behind
// a savepoint.
func (s *Store) ReorderLessons(ctx context.Context, courseID uuid.UUID, lessonIDs []uuid.UUID) (err error) {
	defer wrap(&err, "reorder %d lessons of course %s", len(lessonIDs), courseID)
	if err := s.actor.mayTeach(); err != nil {
		return err
	}
	if err := within("LessonIDs", len(lessonIDs), 0, maxMany); err != nil {
		return err
	}
	seen := make(map[uuid.UUID]bool, len(lessonIDs))
	for _, id := range lessonIDs {
		if seen[id] {
			return invalid("LessonIDs", "repeats an id")
		}
		seen[id] = true
	}
	reorder := db.LessonReorderParams{
		CourseID:  courseID,
		LessonIDs: lessonIDs,
		TeacherID: s.actor.teacher(),
	}
	verdict, err := writeGuarded(ctx, s, func(q *db.Queries) (string, error) {
		if err := q.LessonLockOrder(ctx, courseID); err != nil {
			return "", err
		}
		verdict, err := q.LessonReorder(ctx, reorder)
		return settled(verdict, err, verdict)
	})
	if err != nil {
		return lessonsConflict(err)
	}
	switch verdict {
	case verdictReordered, verdictUnchanged:
		return nil
	case verdictCourseUnknown:
		return ErrNotFound
	case verdictSetDiffers:
		return &ConflictError{Reason: ConflictLessonSet}
	default:
		return unknownVerdict(verdict)
	}
}

// DeleteLesson removes a lesson with everyone's progress in it, and closes the
// gap. Open enrollments have that much less to do, and whoever lacked only this
// lesson has then completed the course, without a notice. Completed enrollments
// stay completed. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown lesson and for another
// instructor's; *ConflictError with ConflictLastLesson, or with ConflictReferenced
// for a table of the host's.
//
// Idempotent: a repeat changes nothing and is ErrNotFound. Locks: course UPDATE,
// lesson, then the open enrollments, by id. In a caller's transaction: joins it,
// behind a savepoint.
func (s *Store) DeleteLesson(ctx context.Context, lessonID uuid.UUID) (err error) {
	defer wrap(&err, "delete lesson %s", lessonID)
	if err := s.actor.mayTeach(); err != nil {
		return err
	}
	remove := db.LessonDeleteParams{LessonID: lessonID, TeacherID: s.actor.teacher()}
	verdict, err := writeGuarded(ctx, s, func(q *db.Queries) (string, error) {
		if err := q.LessonLockCourseOf(ctx, lessonID); err != nil {
			return "", err
		}
		verdict, err := q.LessonDelete(ctx, remove)
		return settled(verdict, err, verdict)
	})
	if err != nil {
		return lessonsConflict(err)
	}
	switch verdict {
	case verdictDeleted:
		return nil
	case verdictLessonUnknown:
		return ErrNotFound
	case verdictLastLesson:
		return &ConflictError{Reason: ConflictLastLesson}
	default:
		return unknownVerdict(verdict)
	}
}

// OutlineLesson is a line of a course's outline: a lesson without its content,
// and how far the reader is in it.
type OutlineLesson struct {
	ID          uuid.UUID
	Title       string
	Description string

	// Duration is in whole seconds; zero when nobody said.
	Duration time.Duration

	// Position is the lesson's place in its course; 1 is the first.
	Position int32

	// Completed, TimeSpent and ResumeAt are the reader's own; see [StudyTime].
	Completed bool
	TimeSpent time.Duration
	ResumeAt  time.Duration
}

// CourseOutline lists the lessons of a course in order, with the reader's own
// progress and without what is to be learned. Everyone may read that of a
// published course; that of another one is for those who teach it, are enrolled
// in it or are trusted.
//
// Errors: *ValidationError; ErrInvalidCursor; ErrNotFound for a course that is
// unknown or not for this reader.
func (s *Store) CourseOutline(
	ctx context.Context, courseID uuid.UUID, page PageParams,
) (outline Page[OutlineLesson], err error) {
	defer wrap(&err, "outline of course %s", courseID)
	after, limit, err := page.inOrder(listOutline)
	if err != nil {
		return Page[OutlineLesson]{}, err
	}
	rows, err := s.reader().LessonListByCourse(ctx, db.LessonListByCourseParams{
		CourseID:  courseID,
		ReaderID:  s.actor.learner(),
		TeacherID: s.actor.teacher(),
		After:     after,
		RowLimit:  limit,
	})
	if err != nil {
		return Page[OutlineLesson]{}, err
	}
	return pageOfKnown(rows, limit, listOutline,
		func(row db.LessonListByCourseRow) OutlineLesson {
			return OutlineLesson{
				ID:          row.ID,
				Title:       row.Title,
				Description: row.Description,
				Duration:    time.Duration(row.Duration) * time.Second,
				Position:    row.Position,
				Completed:   row.Completed,
				TimeSpent:   time.Duration(row.TimeSpent) * time.Second,
				ResumeAt:    time.Duration(row.ResumeAt) * time.Second,
			}
		},
		func(row db.LessonListByCourseRow) position {
			return position{rank: int64(row.Position)}
		})
}

// LessonView is a lesson as its reader sees it.
type LessonView struct {
	Lesson Lesson

	// Completed, TimeSpent and ResumeAt are the reader's own; see [StudyTime].
	Completed bool
	TimeSpent time.Duration
	ResumeAt  time.Duration
}

// GetLesson is a lesson with its content and the reader's own progress, for those
// who are enrolled in its course, teach it or are trusted.
//
// Errors: ErrNotFound for a lesson that is unknown or not for this reader.
func (s *Store) GetLesson(ctx context.Context, lessonID uuid.UUID) (view LessonView, err error) {
	defer wrap(&err, "get lesson %s", lessonID)
	row, err := s.reader().LessonGet(ctx, db.LessonGetParams{
		ID:        lessonID,
		ReaderID:  s.actor.learner(),
		TeacherID: s.actor.teacher(),
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return LessonView{}, ErrNotFound
	case err != nil:
		return LessonView{}, err
	}
	return LessonView{
		Lesson: Lesson{
			ID:          row.ID,
			CourseID:    row.CourseID,
			Title:       row.Title,
			Description: row.Description,
			Content:     row.Content,
			VideoURL:    row.VideoURL,
			Duration:    time.Duration(row.Duration) * time.Second,
			Position:    row.Position,
			Version:     row.Version,
			CreatedAt:   row.CreatedAt,
			UpdatedAt:   row.UpdatedAt,
		},
		Completed: row.Completed,
		TimeSpent: time.Duration(row.TimeSpent) * time.Second,
		ResumeAt:  time.Duration(row.ResumeAt) * time.Second,
	}, nil
}
