package elevate

import (
	"errors"
	"fmt"
	"time"
)

// Errors that any operation may return. Test for them with [errors.Is]: they
// come wrapped in the operation and its ids.
var (
	// ErrForbidden is returned by every operation that the actor may not use,
	// before the database is touched.
	ErrForbidden = errors.New("forbidden")

	// ErrNotFound is returned where an id is unknown, and where it names
	// something that the actor may not know of.
	ErrNotFound = errors.New("not found")

	// ErrCommitUnknown is returned when the connection was lost after an
	// operation was sent and before its answer came: it was done as a whole or
	// not at all. Call again: every operation is idempotent but for signing in
	// and what has to do with passwords and mailed tokens, whose comments say
	// what to do. Where a caller may give an id, only a call with one is.
	ErrCommitUnknown = errors.New("outcome of the commit unknown")

	// ErrInTransaction is returned in a caller's transaction by operations that
	// hash a password, which would hold its locks for a quarter of a second; by
	// those that count attempts, or make or use mailed tokens: neither a count
	// nor a mail can be rolled back; and by [Store.Subscribe], which has a
	// connection of its own.
	ErrInTransaction = errors.New("not possible in a transaction")

	// ErrNoPool is returned by a Store made without a pool and not bound to a
	// transaction.
	ErrNoPool = errors.New("store has no pool: bind it with WithTx")

	// ErrIsolation is returned by every operation that writes when the pool's
	// connections begin transactions at another level than READ COMMITTED by
	// default. Set default_transaction_isolation back for the role, or use
	// [Store.InTx].
	ErrIsolation = errors.New("default transaction isolation is not read committed")

	// ErrInvalidCursor is returned by every list for a cursor that is not from
	// that list.
	ErrInvalidCursor = errors.New("invalid cursor")

	// ErrBusy is returned by operations that hash a password when many more are
	// being hashed than the machine has processors, or the context ends before
	// its turn comes. Try again a little later.
	ErrBusy = errors.New("busy")
)

// Errors of signing in.
var (
	// ErrInvalidCredentials is returned by [Store.Login] for an unknown email, a
	// wrong password and an account without a password alike, and by
	// [Store.ChangePassword] and [Store.RequestEmailChange] for the latter two.
	ErrInvalidCredentials = errors.New("invalid credentials")

	// ErrTooManyAttempts is returned by [Store.Login] and
	// [Store.RequestPasswordReset] after too many in a row for one email, known
	// or not, and by [Store.ChangePassword], [Store.RequestEmailVerification] and
	// [Store.RequestEmailChange]; a [*ThrottleError] says when to try again.
	ErrTooManyAttempts = errors.New("too many attempts")

	// ErrUserDisabled is returned by [Store.Login] and [Store.ChangePassword], once
	// the password was right, and by [Store.CreateSession],
	// [Store.RequestEmailVerification] and [Store.RequestEmailChange].
	ErrUserDisabled = errors.New("user disabled")

	// ErrInvalidSession is returned by [Store.ValidateSession] for a session that
	// is unknown, has expired or was ended.
	ErrInvalidSession = errors.New("invalid session")

	// ErrInvalidToken is returned by [Store.ResetPassword], [Store.VerifyEmail]
	// and [Store.ConfirmEmailChange] for a token that is unknown, used, expired
	// or replaced by a newer one, and for the token of an account that was erased
	// or is disabled.
	ErrInvalidToken = errors.New("invalid token")

	// ErrIdentityTaken is returned by [Store.LinkIdentity]: the identity is
	// another user's.
	ErrIdentityTaken = errors.New("identity taken")
)

// Errors of accounts and courses.
var (
	// ErrEmailTaken is returned by [Store.RegisterUser], [Store.SyncUser] and
	// [Store.ConfirmEmailChange].
	ErrEmailTaken = errors.New("email taken")

	// ErrSlugTaken is returned by [Store.CreateCourse] and [Store.UpdateCourse].
	ErrSlugTaken = errors.New("slug taken")

	// ErrCourseEmpty is returned by [Store.PublishCourse]: there is nothing to
	// learn yet.
	ErrCourseEmpty = errors.New("course has no lessons")
)

// Errors of enrollments and progress.
var (
	// ErrNotPublished is returned by [Store.Enroll], [Store.GrantEnrollment],
	// [Store.EnrollMany] and [Store.CreatePayment].
	ErrNotPublished = errors.New("course not published")

	// ErrPaymentRequired is returned by [Store.Enroll].
	ErrPaymentRequired = errors.New("payment required")

	// ErrNotEnrolled is returned by [Store.CompleteLesson],
	// [Store.UncompleteLesson], [Store.RecordStudyTime], [Store.ResetProgress],
	// [Store.Submit], [Store.IssueCertificate] and [Store.PutReview].
	ErrNotEnrolled = errors.New("not enrolled")

	// ErrCourseCompleted is returned by [Store.Unenroll] and
	// [Store.ResetProgress]: a completed enrollment stays.
	ErrCourseCompleted = errors.New("course completed")
)

// Errors of assignments.
var (
	// ErrGraded is returned by [Store.Submit]: the latest attempt has a grade,
	// and with it the last word.
	ErrGraded = errors.New("graded already")

	// ErrPastDue is returned by [Store.Submit]: the assignment takes nothing
	// after its due date.
	ErrPastDue = errors.New("past due")
)

// Errors of payments.
var (
	// ErrCourseFree is returned by [Store.CreatePayment]: enroll at once.
	ErrCourseFree = errors.New("course is free")
)

// Errors of certificates.
var (
	// ErrCourseIncomplete is returned by [Store.IssueCertificate].
	ErrCourseIncomplete = errors.New("course not completed")

	// ErrCertificateRevoked is returned by [Store.IssueCertificate] when the
	// learner's certificate was revoked: only trusted code issues another.
	ErrCertificateRevoked = errors.New("certificate revoked")
)

// ValidationError says that a value cannot be what it should be. It is found
// before the database is touched, but for a score that [Store.Grade] holds against
// the assignment's maximum.
type ValidationError struct {
	// Field is the parameter, as the Go code spells it.
	Field string

	// Reason continues the sentence that the field's name begins. It never
	// quotes the value.
	Reason string
}

func (e *ValidationError) Error() string {
	return e.Field + " " + e.Reason
}

// ConflictReason says which state stood in the way.
type ConflictReason string

// Reasons of a [ConflictError].
const (
	// ConflictHasCertificates: a course with Count certificates, revoked ones
	// included, is not deleted.
	ConflictHasCertificates ConflictReason = "has certificates"

	// ConflictHasEnrollments: a course with Count enrollments is not deleted.
	ConflictHasEnrollments ConflictReason = "has enrollments"

	// ConflictHasGrades: an assignment for which Count submissions were graded is
	// not deleted.
	ConflictHasGrades ConflictReason = "has grades"

	// ConflictHasPayments: a course with Count payments, whatever became of them,
	// is not deleted.
	ConflictHasPayments ConflictReason = "has payments"

	// ConflictHasSubmissions: an assignment that has Count submissions, or a
	// course whose assignments have, is not deleted.
	ConflictHasSubmissions ConflictReason = "has submissions"

	// ConflictIdempotencyKey: the key, or the id of an event, was used for
	// something else.
	ConflictIdempotencyKey ConflictReason = "idempotency key used for something else"

	// ConflictIDTaken: the id that the caller chose is another row's.
	ConflictIDTaken ConflictReason = "id taken"

	// ConflictLastLesson: a published course keeps at least one lesson;
	// unpublish it first.
	ConflictLastLesson ConflictReason = "last lesson of a published course"

	// ConflictLastSignIn: a person without a password keeps their last identity,
	// or they could no longer sign in.
	ConflictLastSignIn ConflictReason = "last way to sign in"

	// ConflictLessonSet: the ids given are not exactly the course's lessons.
	ConflictLessonSet ConflictReason = "not the set of lessons"

	// ConflictNotInstructor: who is to teach is neither an instructor nor an admin.
	ConflictNotInstructor ConflictReason = "not an instructor"

	// ConflictPaid: the learner has paid for the course already.
	ConflictPaid ConflictReason = "already paid"

	// ConflictRaced: other transactions won three times in a row. Any operation
	// that writes may return it. Call again.
	ConflictRaced ConflictReason = "raced"

	// ConflictReferenced: a table of the host points to what was to be deleted.
	ConflictReferenced ConflictReason = "referenced by another table"

	// ConflictScoreGiven: Count submissions have a higher score than the new
	// maximum.
	ConflictScoreGiven ConflictReason = "score given above the maximum"

	// ConflictSuperseded: another certificate was issued since, or another
	// attempt handed in.
	ConflictSuperseded ConflictReason = "superseded"

	// ConflictVersion: the row was edited since the version given was read.
	ConflictVersion ConflictReason = "edited since it was read"
)

// ConflictError says that the state of the database moved, or stands, in the way
// of the operation. Nothing was changed.
type ConflictError struct {
	// Count is how many rows stand in the way, where the reason counts.
	Count int

	// Reason says what stands in the way.
	Reason ConflictReason
}

func (e *ConflictError) Error() string {
	if e.Count > 0 {
		return fmt.Sprintf("conflict: %s (%d)", e.Reason, e.Count)
	}
	return "conflict: " + string(e.Reason)
}

// ThrottleError is ErrTooManyAttempts, and how long it lasts.
type ThrottleError struct {
	// RetryAfter is rounded up to whole seconds.
	RetryAfter time.Duration
}

func (e *ThrottleError) Error() string {
	return fmt.Sprintf("%s: try again in %s", ErrTooManyAttempts, e.RetryAfter)
}

// Is reports whether target is ErrTooManyAttempts.
func (e *ThrottleError) Is(target error) bool {
	return target == ErrTooManyAttempts
}

// unknownOutcomeError is ErrCommitUnknown with the failure that led to it.
type unknownOutcomeError struct {
	cause error
}

func (e *unknownOutcomeError) Error() string {
	return fmt.Sprintf("%s: %s", ErrCommitUnknown, e.cause)
}

func (e *unknownOutcomeError) Unwrap() []error {
	return []error{ErrCommitUnknown, e.cause}
}

// wrap adds the operation and its ids to an error, in a deferred call.
func wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("elevate: %s: %w", fmt.Sprintf(format, args...), *err)
	}
}

// unknownVerdict is a mistake in an operation; the check of the queries finds it
// first.
func unknownVerdict(verdict string) error {
	return fmt.Errorf("unknown verdict %q", verdict)
}
