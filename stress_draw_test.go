package elevate_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// stressOperation is an operation of TestStress with arguments by chance.
type stressOperation struct {
	name   string
	weight int
	call   func(ctx context.Context, s *elevate.Store, d *draw) error

	// refusals are all the errors it may have; of a *ConflictError the reason
	// counts.
	refusals []error

	// indexed operations may also be refused by a unique index: of two at once,
	// each of which saw the value free, the index lets one through.
	indexed bool
}

// effect is what an operation says it did, to be found in the tables afterwards.
type effect struct {
	what             string
	userID, courseID uuid.UUID
}

type effects map[effect]int

func (e effects) plus(more effects) effects {
	sum := maps.Clone(e)
	for what, n := range more {
		sum[what] += n
	}
	return sum
}

const (
	effectEmailChanged = "email changed"
	effectEnrolled     = "enrolled"
	effectInserted     = "inserted" // an enrollment, by plain SQL
	effectUnenrolled   = "unenrolled"
	effectCompleted    = "completed"
	effectIssued       = "issued"
	effectRevoked      = "revoked"
	effectReinstated   = "reinstated"
	effectGraded       = "graded"
	effectUnsure       = "unsure" // a cohort of which some may have been done
)

// draw is one goroutine's stream of chances, and what came of them.
type draw struct {
	*rand.Rand
	*arena

	effects  effects
	outcomes outcomes
	name     string // of the operation under way
}

func (d *draw) note(what string, userID, courseID uuid.UUID) {
	d.effects[effect{what, userID, courseID}]++
}

// unsure is when an operation on a cohort lost three races over somebody: what
// became of the others stands.
func (d *draw) unsure(err error, userIDs []uuid.UUID, courseID uuid.UUID) {
	if isConflict(err, elevate.ConflictRaced) {
		for _, userID := range userIDs {
			d.note(effectUnsure, userID, courseID)
		}
	}
}

// inTx keeps the effects of a transaction only once it is committed.
func (d *draw) inTx(ctx context.Context, s *elevate.Store, fn func(store *elevate.Store) error) error {
	before := d.effects
	defer func() { d.effects = before }()
	err := s.InTx(ctx, func(store *elevate.Store) error {
		d.effects = effects{}
		return fn(store)
	})
	if err == nil {
		before = before.plus(d.effects)
	}
	return err
}

func (d *draw) system(s *elevate.Store) *elevate.Store {
	return s.As(elevate.Actor{Role: elevate.RoleSystem, Name: "stress", RequestID: d.name})
}

func (d *draw) teacher(s *elevate.Store) *elevate.Store {
	return s.As(elevate.Actor{UserID: d.teacherID, Role: elevate.RoleInstructor, RequestID: d.name})
}

// actor is the learner, or trusted code on their behalf.
func (d *draw) actor(s *elevate.Store, userID uuid.UUID) *elevate.Store {
	if d.IntN(2) == 0 {
		return d.system(s)
	}
	return s.As(elevate.Actor{UserID: userID, Role: elevate.RoleUser, RequestID: d.name})
}

func pick[T any](d *draw, of []T) T {
	return of[d.IntN(len(of))]
}

// learner is anyone of those who are there, or, seldom, who may be.
func (d *draw) learner() uuid.UUID {
	if d.IntN(20) == 0 {
		return pick(d, d.learners)
	}
	return pick(d, d.learners[:stressLearners])
}

func (d *draw) someLearners() []uuid.UUID {
	users := make([]uuid.UUID, 1+d.IntN(4))
	for i := range users {
		users[i] = d.learner()
	}
	return users
}

// course is one of the few, or, seldom, one that comes and goes.
func (d *draw) course() uuid.UUID {
	if d.IntN(8) == 0 {
		return pick(d, d.courses)
	}
	return pick(d, d.courses[:stressCourses])
}

// lesson is one of a course's, there or not.
func (d *draw) lesson(courseID uuid.UUID) uuid.UUID {
	return pick(d, d.lessons[courseID])
}

func (d *draw) page() elevate.PageParams {
	return elevate.PageParams{Limit: 1 + d.IntN(20)}
}

func conflict(reason elevate.ConflictReason) error {
	return &elevate.ConflictError{Reason: reason}
}

func stressOperations() []stressOperation {
	return slices.Concat(
		stressEnrollments(),
		stressProgress(),
		stressLessons(),
		stressCoursesAndUsers(),
		stressAccounts(),
		stressSessions(),
		stressCertificates(),
		stressPayments(),
		stressReviews(),
		stressAssignments(),
		stressNotifications(),
		stressReads(),
	)
}

// The bodies that transactions share with single operations.

func (d *draw) enroll(ctx context.Context, s *elevate.Store, userID, courseID uuid.UUID) error {
	d.name = "Enroll"
	result, err := d.actor(s, userID).Enroll(ctx, userID, courseID)
	if err == nil && result.Created {
		d.note(effectEnrolled, userID, courseID)
	}
	return err
}

func (d *draw) complete(ctx context.Context, s *elevate.Store, userID, courseID, lessonID uuid.UUID) error {
	d.name = "CompleteLesson"
	spent := time.Duration(d.IntN(100)) * time.Second
	result, err := d.actor(s, userID).CompleteLesson(ctx, userID, lessonID, spent)
	if err == nil && result.CourseCompleted {
		d.note(effectCompleted, userID, courseID)
		if result.Progress != 100 {
			return fmt.Errorf("completed a course at %d percent", result.Progress)
		}
	}
	return err
}

func (d *draw) study(ctx context.Context, s *elevate.Store, userID, lessonID uuid.UUID) error {
	d.name = "RecordStudyTime"
	params := elevate.RecordStudyTimeParams{
		UserID: userID, LessonID: lessonID, TimeSpent: time.Duration(1+d.IntN(100)) * time.Second,
	}
	studied, err := d.actor(s, userID).RecordStudyTime(ctx, params)
	if err == nil && studied.TimeSpent < params.TimeSpent {
		return fmt.Errorf("kept %s of %s", studied.TimeSpent, params.TimeSpent)
	}
	return err
}

func (d *draw) sync(ctx context.Context, s *elevate.Store, userID uuid.UUID, role elevate.Role) error {
	d.name = "SyncUser"
	_, err := d.system(s).SyncUser(ctx, elevate.SyncUserParams{
		ID: userID, Email: pick(d, d.emails), Name: fmt.Sprintf("Synced %d", d.IntN(3)), Role: role,
	})
	return err
}

func (d *draw) addLessons(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
	d.name = "AddLessons"
	params := elevate.AddLessonsParams{CourseID: courseID}
	if d.IntN(2) == 0 {
		params.Position = 1 + d.IntN(8)
	}
	ids := slices.Clone(d.lessons[courseID])
	d.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:1+d.IntN(2)]
	if d.IntN(20) == 0 {
		ids = d.lessons[pick(d, d.courses[:stressCourses])][:1] // which is never deleted
	}
	for _, id := range ids {
		params.Lessons = append(params.Lessons, elevate.NewLesson{ID: id, Title: "Added"})
	}
	_, err := d.teacher(s).AddLessons(ctx, params)
	return err
}

func (d *draw) reorder(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
	d.name = "ReorderLessons"
	outline, err := d.teacher(s).CourseOutline(ctx, courseID, elevate.PageParams{})
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(outline.Items))
	for i, l := range outline.Items {
		ids[i] = l.ID
	}
	d.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return d.teacher(s).ReorderLessons(ctx, courseID, ids)
}

func (d *draw) publish(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
	d.name = "PublishCourse"
	_, err := d.teacher(s).PublishCourse(ctx, courseID)
	return err
}

func (d *draw) updateCourse(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
	d.name = "UpdateCourse"
	course, err := d.teacher(s).GetCourse(ctx, courseID)
	if err != nil {
		return err
	}
	params := elevate.UpdateCourseParams{
		Category: course.Category, Currency: course.Currency, ID: course.ID, Level: course.Level,
		Price: course.Price, Slug: course.Slug, Title: course.Title, Version: course.Version,
	}
	switch d.IntN(3) {
	case 0:
		params.Price = 4900 * d.Int32N(2)
	case 1:
		params.Slug = pick(d, d.slugs)
	default:
		params.Title = fmt.Sprintf("Edited %d %s", d.IntN(3), course.ID)
	}
	_, err = d.teacher(s).UpdateCourse(ctx, params)
	return err
}

func (d *draw) createCourse(ctx context.Context, s *elevate.Store, courseID uuid.UUID) error {
	d.name = "CreateCourse"
	_, err := d.teacher(s).CreateCourse(ctx, elevate.CreateCourseParams{
		ID: courseID, Category: "go", Level: elevate.LevelBeginner, Slug: pick(d, d.slugs),
		Title: "Spare " + courseID.String(),
	})
	return err
}
