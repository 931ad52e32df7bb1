package elevate

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// CourseLevel is how much a course asks of its learners.
type CourseLevel = db.CourseLevel

// Levels of courses.
const (
	LevelBeginner     CourseLevel = db.CourseLevelBeginner
	LevelIntermediate CourseLevel = db.CourseLevelIntermediate
	LevelAdvanced     CourseLevel = db.CourseLevelAdvanced
)

// Course is a course, without its lessons.
type Course struct {
	ID           uuid.UUID
	Slug         string
	Title        string
	Description  string
	InstructorID uuid.UUID
	Category     string
	Level        CourseLevel

	// Price is in minor units of the currency; 0 is free.
	Price int32

	// Currency is an ISO 4217 code.
	Currency string

	// Language is that of title and description, for the search.
	Language string

	// ThumbnailURL is empty for none.
	ThumbnailURL string

	// Duration is what its author says, in whole seconds; 0 when they do not.
	Duration time.Duration

	// LessonsTotal is kept by the database.
	LessonsTotal int32

	// Rating is the average of the reviews, 1 to 5, rounded to two decimals; 0
	// while there are none. Kept by the database, like RatingCount.
	Rating      float64
	RatingCount int32

	Published bool

	// Version counts the edits. [Store.UpdateCourse] asks for it.
	Version int32

	CreatedAt time.Time
	UpdatedAt time.Time
}

// course is the course of a row; the queries share its columns.
func course(row db.CourseGetRow) Course {
	return Course{
		ID:           row.ID,
		Slug:         row.Slug,
		Title:        row.Title,
		Description:  row.Description,
		InstructorID: row.InstructorID,
		Category:     row.Category,
		Level:        row.Level,
		Price:        row.Price,
		Currency:     row.Currency,
		Language:     row.Language,
		ThumbnailURL: row.ThumbnailURL,
		Duration:     time.Duration(row.Duration) * time.Second,
		LessonsTotal: row.LessonsTotal,
		Rating:       row.Rating,
		RatingCount:  row.RatingCount,
		Published:    row.Published,
		Version:      row.Version,
		CreatedAt:    row.CreatedAt,
		UpdatedAt:    row.UpdatedAt,
	}
}

// writtenCourse is the course of a row with a verdict.
func writtenCourse(row db.CourseUpdateRow) Course {
	return course(db.CourseGetRow{
		ID:           row.ID,
		Slug:         row.Slug,
		Title:        row.Title,
		Description:  row.Description,
		InstructorID: row.InstructorID,
		Category:     row.Category,
		Level:        row.Level,
		Price:        row.Price,
		Currency:     row.Currency,
		Language:     row.Language,
		ThumbnailURL: row.ThumbnailURL,
		Duration:     row.Duration,
		LessonsTotal: row.LessonsTotal,
		Rating:       row.Rating,
		RatingCount:  row.RatingCount,
		Published:    row.Published,
		Version:      row.Version,
		CreatedAt:    row.CreatedAt,
		UpdatedAt:    row.UpdatedAt,
	})
}

// CreateCourseParams is a new course.
type CreateCourseParams struct {
	// Category is 1 to 100 characters.
	Category string

	// Currency is an ISO 4217 code. Defaults to "USD".
	Currency string

	// Description may be empty.
	Description string

	// Duration is stored in whole seconds. Optional.
	Duration time.Duration

	// ID names the course. A caller that gives one can repeat the call after
	// ErrCommitUnknown. Defaults to a new one.
	ID uuid.UUID

	// InstructorID is who teaches it: an instructor or an admin. Defaults to the
	// actor, if that is an instructor.
	InstructorID uuid.UUID

	// Language is that of title and description, so that a search knows how its
	// words end: one of those of [Config.SearchLanguage], which is the default.
	Language string

	Level CourseLevel

	// Price is in minor units of the currency; 0 is free.
	Price int32

	// Slug names the course in URLs: at most 255 lower-case letters and digits,
	// with single hyphens between them.
	Slug string

	// ThumbnailURL is at most 500 characters. Optional.
	ThumbnailURL string

	// Title is 1 to 255 characters.
	Title string
}

// CreateCourseResult is a course, and whether this call made it.
type CreateCourseResult struct {
	Course Course

	// Created is false when the course was there already.
	Created bool
}

// CreateCourse adds a course, not published yet. The actor is the instructor or
// trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown instructor;
// ErrSlugTaken; *ConflictError with ConflictNotInstructor when the instructor does
// not teach, and with ConflictIDTaken when the ID is another instructor's course.
//
// Idempotent by ID: a repeat returns the course as it is, with Created false.
// Locks: the instructor KEY SHARE. In a caller's transaction: joins it.
func (s *Store) CreateCourse(ctx context.Context, params CreateCourseParams) (result CreateCourseResult, err error) {
	if params.ID == uuid.Nil {
		params.ID = newID()
	}
	if params.Currency == "" {
		params.Currency = "USD"
	}
	if params.Language == "" {
		params.Language = s.core.searchLanguage
	}
	defer wrap(&err, "create course %s", params.ID)
	if err := s.actor.mayTeach(); err != nil {
		return CreateCourseResult{}, err
	}
	if !s.actor.trusted() {
		params.InstructorID = cmp.Or(params.InstructorID, s.actor.UserID)
		if params.InstructorID != s.actor.UserID {
			return CreateCourseResult{}, ErrForbidden
		}
	}
	if params.InstructorID == uuid.Nil {
		return CreateCourseResult{}, invalid("InstructorID", "is zero")
	}
	if err := params.validate(); err != nil {
		return CreateCourseResult{}, err
	}
	create := db.CourseCreateParams{
		InstructorID: params.InstructorID,
		ID:           params.ID,
		Slug:         params.Slug,
		Title:        params.Title,
		Description:  params.Description,
		Category:     params.Category,
		Level:        params.Level,
		Price:        params.Price,
		Currency:     params.Currency,
		Language:     params.Language,
		ThumbnailURL: params.ThumbnailURL,
		Duration:     seconds(params.Duration),
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.CourseCreateRow, error) {
		row, err := q.CourseCreate(ctx, create)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return CreateCourseResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictAlready:
		return CreateCourseResult{
			Course:  writtenCourse(db.CourseUpdateRow(row)),
			Created: row.Verdict == verdictCreated,
		}, nil
	case verdictUserUnknown:
		return CreateCourseResult{}, ErrNotFound
	case verdictNotInstructor:
		return CreateCourseResult{}, &ConflictError{Reason: ConflictNotInstructor}
	case verdictSlugTaken:
		return CreateCourseResult{}, ErrSlugTaken
	case verdictIDTaken:
		return CreateCourseResult{}, &ConflictError{Reason: ConflictIDTaken}
	default:
		return CreateCourseResult{}, unknownVerdict(row.Verdict)
	}
}

const maxCategory = 100

var (
	slugShape     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	currencyShape = regexp.MustCompile(`^[A-Z]{3}$`)
)

func (p CreateCourseParams) validate() error {
	switch {
	case len(p.Slug) > maxName:
		return invalid("Slug", "is too long")
	case !slugShape.MatchString(p.Slug):
		return invalid("Slug", "is not lower-case letters and digits with single hyphens between them")
	case !p.Level.Valid():
		return invalid("Level", "is not a level of courses")
	case p.Price < 0:
		return invalid("Price", "is negative")
	case !currencyShape.MatchString(p.Currency):
		return invalid("Currency", "is not three upper-case letters")
	}
	return cmp.Or(
		text("Title", p.Title, 1, maxName),
		text("Description", p.Description, 0, maxText),
		text("Category", p.Category, 1, maxCategory),
		language("Language", p.Language),
		link("ThumbnailURL", p.ThumbnailURL),
		span("Duration", p.Duration),
	)
}

// UpdateCourseParams is all of a course that its author edits, as it is to be.
// Nothing has a default, but an empty Language leaves the one that the course has.
type UpdateCourseParams struct {
	// Category, Currency, Description, Duration, Language, Level, Price, Slug,
	// ThumbnailURL and Title are those of [CreateCourseParams].
	Category     string
	Currency     string
	Description  string
	Duration     time.Duration
	ID           uuid.UUID
	Language     string
	Level        CourseLevel
	Price        int32
	Slug         string
	ThumbnailURL string
	Title        string

	// Version is the [Course.Version] that the author saw.
	Version int32
}

// UpdateCourse replaces what its author edits, unless the course was edited since
// the version given: publishing counts, lessons do not. The actor teaches the
// course or is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown course and
// for another instructor's; *ConflictError with ConflictVersion; ErrSlugTaken.
//
// Idempotent: values that are there already are success, at the version given or
// one later, and change nothing. Locks: the course NO KEY UPDATE, with a new slug
// UPDATE. In a caller's transaction: joins it, behind a savepoint.
func (s *Store) UpdateCourse(ctx context.Context, params UpdateCourseParams) (updated Course, err error) {
	defer wrap(&err, "update course %s", params.ID)
	if err := s.actor.mayTeach(); err != nil {
		return Course{}, err
	}
	if err := params.validate(); err != nil {
		return Course{}, err
	}
	update := db.CourseUpdateParams{
		ID:           params.ID,
		TeacherID:    s.actor.teacher(),
		Version:      params.Version,
		Slug:         params.Slug,
		Title:        params.Title,
		Description:  params.Description,
		Category:     params.Category,
		Level:        params.Level,
		Price:        params.Price,
		Currency:     params.Currency,
		Language:     some(params.Language),
		ThumbnailURL: params.ThumbnailURL,
		Duration:     seconds(params.Duration),
	}
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.CourseUpdateRow, error) {
		row, err := q.CourseUpdate(ctx, update)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return Course{}, err
	}
	switch row.Verdict {
	case verdictUpdated, verdictUnchanged:
		return writtenCourse(row), nil
	case verdictCourseUnknown:
		return Course{}, ErrNotFound
	case verdictConflict:
		return Course{}, &ConflictError{Reason: ConflictVersion}
	case verdictSlugTaken:
		return Course{}, ErrSlugTaken
	default:
		return Course{}, unknownVerdict(row.Verdict)
	}
}

func (p UpdateCourseParams) validate() error {
	if p.Version < 1 {
		return invalid("Version", "is too small")
	}
	return CreateCourseParams{
		Category:     p.Category,
		Currency:     p.Currency,
		Description:  p.Description,
		Duration:     p.Duration,
		Language:     cmp.Or(p.Language, defaultSearchLanguage),
		Level:        p.Level,
		Price:        p.Price,
		Slug:         p.Slug,
		ThumbnailURL: p.ThumbnailURL,
		Title:        p.Title,
	}.validate()
}

// PublishCourse puts a course that has lessons into the catalogue. The actor
// teaches the course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's; ErrCourseEmpty.
//
// Idempotent: a repeat changes nothing. Locks: the course NO KEY UPDATE. In a
// caller's transaction: joins it.
func (s *Store) PublishCourse(ctx context.Context, courseID uuid.UUID) (published Course, err error) {
	defer wrap(&err, "publish course %s", courseID)
	return s.publish(ctx, courseID, true)
}

// UnpublishCourse takes a course out of the catalogue: nobody enrolls any more,
// and who is enrolled goes on. The actor teaches the course or is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's.
//
// Idempotent: a repeat changes nothing. Locks: the course NO KEY UPDATE. In a
// caller's transaction: joins it.
func (s *Store) UnpublishCourse(ctx context.Context, courseID uuid.UUID) (draft Course, err error) {
	defer wrap(&err, "unpublish course %s", courseID)
	return s.publish(ctx, courseID, false)
}

// publish is what PublishCourse and UnpublishCourse share.
func (s *Store) publish(ctx context.Context, courseID uuid.UUID, published bool) (Course, error) {
	if err := s.actor.mayTeach(); err != nil {
		return Course{}, err
	}
	params := db.CoursePublishParams{ID: courseID, TeacherID: s.actor.teacher(), Published: published}
	row, err := write(ctx, s, func(q *db.Queries) (db.CoursePublishRow, error) {
		row, err := q.CoursePublish(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return Course{}, err
	}
	switch row.Verdict {
	case verdictUpdated, verdictAlready:
		return writtenCourse(db.CourseUpdateRow(row)), nil
	case verdictCourseUnknown:
		return Course{}, ErrNotFound
	case verdictEmpty:
		return Course{}, ErrCourseEmpty
	default:
		return Course{}, unknownVerdict(row.Verdict)
	}
}

// DeleteCourse deletes a course with its lessons, their progress, its reviews and
// assignments. A course that has enrollments, payments, certificates or
// submissions stays: unpublish it instead. The actor teaches the course or is
// trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown course and for another
// instructor's; *ConflictError with ConflictHasEnrollments,
// ConflictHasPayments, ConflictHasCertificates or ConflictHasSubmissions, and how
// many there are, or with ConflictReferenced for a table of the host's.
//
// Idempotent: a repeat is ErrNotFound, which after ErrCommitUnknown means that
// the course is gone. Locks: the course UPDATE, then its assignments. In a
// caller's transaction: joins it, behind a savepoint.
func (s *Store) DeleteCourse(ctx context.Context, courseID uuid.UUID) (err error) {
	defer wrap(&err, "delete course %s", courseID)
	if err := s.actor.mayTeach(); err != nil {
		return err
	}
	params := db.CourseDeleteParams{CourseID: courseID, TeacherID: s.actor.teacher()}
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.CourseDeleteRow, error) {
		if err := q.CourseLock(ctx, courseID); err != nil {
			return db.CourseDeleteRow{}, err
		}
		if err := q.AssignmentLockByCourse(ctx, courseID); err != nil {
			return db.CourseDeleteRow{}, err
		}
		row, err := q.CourseDelete(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return err
	}
	switch row.Verdict {
	case verdictDeleted:
		return nil
	case verdictCourseUnknown:
		return ErrNotFound
	case verdictHasEnrollments:
		return &ConflictError{Reason: ConflictHasEnrollments, Count: int(row.Bound)}
	case verdictHasPayments:
		return &ConflictError{Reason: ConflictHasPayments, Count: int(row.Bound)}
	case verdictHasCertificates:
		return &ConflictError{Reason: ConflictHasCertificates, Count: int(row.Bound)}
	case verdictHasSubmissions:
		return &ConflictError{Reason: ConflictHasSubmissions, Count: int(row.Bound)}
	default:
		return unknownVerdict(row.Verdict)
	}
}

// GetCourse is a course. Anyone may see it once it is published; before that, who
// teaches it and trusted actors.
//
// Errors: ErrNotFound for a course that is unknown or not for this reader.
func (s *Store) GetCourse(ctx context.Context, courseID uuid.UUID) (found Course, err error) {
	defer wrap(&err, "get course %s", courseID)
	row, err := s.reader().CourseGet(ctx, db.CourseGetParams{ID: courseID, TeacherID: s.actor.teacher()})
	if errors.Is(err, pgx.ErrNoRows) {
		return Course{}, ErrNotFound
	}
	if err != nil {
		return Course{}, err
	}
	return course(row), nil
}

// GetCourseBySlug is [Store.GetCourse] by the course's name in URLs.
//
// Errors: *ValidationError; ErrNotFound for a course that is unknown or not for
// this reader.
func (s *Store) GetCourseBySlug(ctx context.Context, slug string) (found Course, err error) {
	defer wrap(&err, "get course by slug")
	// Not its shape: a course of another writer may have another.
	if err := text("Slug", slug, 1, maxName); err != nil {
		return Course{}, err
	}
	row, err := s.reader().CourseGetBySlug(ctx, db.CourseGetBySlugParams{Slug: slug, TeacherID: s.actor.teacher()})
	if errors.Is(err, pgx.ErrNoRows) {
		return Course{}, ErrNotFound
	}
	if err != nil {
		return Course{}, err
	}
	return course(db.CourseGetRow(row)), nil
}
