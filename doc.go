// Package elevate is the data layer of a learning platform on PostgreSQL:
// accounts, sessions, courses and their lessons, enrollments, progress,
// assignments, certificates, payments, reviews, notifications, events and reports,
// as operations that are each one transaction and one round trip.
//
// # First program
//
// The tables come from package schema. A [Store] is made on a pool, and acts as
// somebody. Errors are left out here.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	err = schema.Up(ctx, pool.Config().ConnConfig, nil)
//	store, err := elevate.New(pool, nil)
//
//	// The host's own code.
//	school := store.As(elevate.System("first-program"))
//	grace, err := school.RegisterUser(ctx, elevate.RegisterUserParams{
//		Email: "grace@example.org", Name: "Grace", Password: "correct horse", Role: elevate.RoleInstructor,
//	})
//	ada, err := school.RegisterUser(ctx, elevate.RegisterUserParams{
//		Email: "ada@example.org", Name: "Ada", Password: "battery staple",
//	})
//
//	// The teacher.
//	teacher := store.As(elevate.Actor{UserID: grace.ID, Role: grace.Role})
//	created, err := teacher.CreateCourse(ctx, elevate.CreateCourseParams{
//		Slug: "go-basics", Title: "Go basics", Category: "go", Level: elevate.LevelBeginner,
//	})
//	courseID := created.Course.ID
//	added, err := teacher.AddLessons(ctx, elevate.AddLessonsParams{
//		CourseID: courseID, Lessons: []elevate.NewLesson{{Title: "Hello"}},
//	})
//	_, err = teacher.PublishCourse(ctx, courseID)
//
//	// The learner.
//	me := store.As(elevate.Actor{UserID: ada.ID, Role: ada.Role})
//	_, err = me.Enroll(ctx, ada.ID, courseID)
//	done, err := me.CompleteLesson(ctx, ada.ID, added[0].Lesson.ID, 5*time.Minute)
//	fmt.Println(done.Progress, done.CourseCompleted) // 100 true
//
// # Actors
//
// Every operation is done by an [Actor]: a visitor, a learner, an instructor, an
// admin, or the host's own code by [System]. [Store.As] binds one. A Store without
// one acts as a visitor, who may read the published catalogue, verify a
// certificate, register and sign in.
//
// What an actor may not do at all is [ErrForbidden], before the database is
// touched. What is not theirs is [ErrNotFound], like what does not exist. The
// actor's role is believed: take it from [Store.ValidateSession].
//
// Triggers see who acts as the settings elevate.actor and elevate.request. More in
// docs/actors.md.
//
// # Transactions
//
// An operation is a transaction of its own, unless the Store is bound to one:
//
//   - [Store.InTx] runs several operations in one transaction, and repeats all of
//     it after a deadlock.
//   - [Store.WithTx] joins a transaction that the host has begun, with pgx or,
//     through [database/sql.Conn.Raw], with database/sql. Nothing is committed or
//     repeated there.
//
// A refusal never poisons the transaction. More in docs/transactions.md.
//
// # Errors
//
// Errors come wrapped in the operation and its ids; test for them with
// [errors.Is] and [errors.As].
//
//   - A refusal is a sentinel, such as [ErrNotFound] or [ErrPaymentRequired]. The
//     comment of each operation lists its own.
//   - A [*ValidationError] is a value that cannot be right. It never quotes the
//     value, and is found before the database is touched, but for a score above its
//     maximum.
//   - A [*ConflictError] is state that stands in the way, or has moved. Nothing was
//     changed.
//   - [ErrCommitUnknown] is a connection that was lost before the answer came. Call
//     again: every write is idempotent, by what it is about or by an id that the
//     caller gives, but for signing in and what has to do with passwords and mailed
//     tokens.
//
// A repeat is no error: it succeeds and says so, by Created or the like. Deadlocks,
// serialization failures and lock timeouts are tried again
// ([Config.MaxAttempts]).
//
// # Pagination
//
// Lists return a [Page]: the items, and in Next the cursor of the page that
// follows, empty on the last one. Rows that come or go elsewhere neither repeat
// nor skip an item. A person's sessions and identities are few, and come at once.
//
//	page := elevate.PageParams{Limit: 100}
//	for {
//		courses, err := me.MyCourses(ctx, userID, page)
//		…
//		if page.Cursor = courses.Next; page.Cursor == "" {
//			break
//		}
//	}
//
// A cursor grants nothing: each page is checked for its reader. One that is not
// from the list is [ErrInvalidCursor].
//
// # Values
//
// Ids are UUIDs, and no secrets. Money is in minor units of its currency, an ISO
// 4217 code. Durations are stored in whole seconds, times as instants to the
// microsecond.
//
// # Accounts
//
//   - [Store.HashPassword] makes the hash of a password, for RegisterUser in a
//     transaction.
//   - [Store.RegisterUser] makes an account.
//   - [Store.SyncUser] copies a person from a host that has accounts of its own.
//   - [Store.GetUser] is one user.
//   - [Store.ListUsers] lists users, all or those of a role.
//   - [Store.UpdateProfile] replaces what people say about themselves.
//   - [Store.SetRole] gives a user another role.
//   - [Store.DisableUser] keeps a user from signing in.
//   - [Store.EnableUser] undoes that.
//
// # Identities
//
//   - [Store.LinkIdentity] links what a provider calls somebody to their account.
//   - [Store.UnlinkIdentity] takes that back; the last way to sign in stays.
//   - [Store.UserByIdentity] is whose account it is linked to.
//   - [Store.ListIdentities] lists what is linked to an account.
//
// # Sessions
//
//   - [Store.Login] signs a person in by email and password.
//   - [Store.CreateSession] makes the session of somebody whom the host has signed
//     in.
//   - [Store.ValidateSession] is the session of a token, and who acts by it.
//   - [Store.ListSessions] lists a person's sessions.
//   - [Store.RevokeSession] ends a session.
//   - [Store.RevokeAllSessions] ends a person's sessions, or all but one.
//
// # Passwords and mailed tokens
//
// The host sends the mails; these operations make what is in them and judge what
// comes back. A new token voids the older of its kind, and using it ends it.
//
//   - [Store.ChangePassword] sets another password for a person who knows the old
//     one.
//   - [Store.RequestPasswordReset] makes the token for a person who has forgotten
//     it.
//   - [Store.ResetPassword] uses that token to set a new password.
//   - [Store.RequestEmailVerification] makes the token that shows whose an address
//     is.
//   - [Store.VerifyEmail] uses that token.
//   - [Store.RequestEmailChange] makes the token for a new address.
//   - [Store.ConfirmEmailChange] uses that token to move the account there.
//
// # Courses
//
//   - [Store.CreateCourse] adds a course, not published yet.
//   - [Store.UpdateCourse] edits a course that nobody has edited since it was read.
//   - [Store.PublishCourse] puts a course that has lessons into the catalogue.
//   - [Store.UnpublishCourse] takes it out again; learners keep their places.
//   - [Store.DeleteCourse] deletes a course that nobody is bound to.
//   - [Store.TransferCourses] gives the courses of one person to another.
//   - [Store.GetCourse] is a course without its lessons.
//   - [Store.GetCourseBySlug] is the same by the course's name in URLs.
//   - [Store.ListCourses] lists or searches the catalogue, or drafts.
//   - [Store.CatalogFacets] counts it by category, level and price.
//
// # Lessons
//
//   - [Store.AddLessons] adds lessons, at a place or at the end.
//   - [Store.UpdateLesson] edits a lesson that nobody has edited since it was read.
//   - [Store.ReorderLessons] gives the lessons of a course a new order.
//   - [Store.DeleteLesson] removes a lesson and closes the gap.
//   - [Store.CourseOutline] lists the lessons in order, without their content, with
//     the reader's progress.
//   - [Store.GetLesson] is a lesson with its content, for those who are enrolled.
//
// # Enrollments
//
//   - [Store.Enroll] enrolls a learner in a course that is free or paid for.
//   - [Store.GrantEnrollment] enrolls without payment, for trusted code.
//   - [Store.EnrollMany] enrolls a cohort without payment, in one statement.
//   - [Store.Unenroll] ends an enrollment that is not completed.
//   - [Store.MyCourses] is a learner's dashboard: courses, progress, next lesson.
//   - [Store.CourseLearners] is who is enrolled in a course.
//
// # Progress
//
//   - [Store.CompleteLesson] marks a lesson as completed; the last one completes the
//     course.
//   - [Store.UncompleteLesson] takes that back.
//   - [Store.RecordStudyTime] keeps the time spent in a lesson and where to go on.
//   - [Store.ResetProgress] lets a learner begin a course anew.
//
// # Assignments
//
//   - [Store.CreateAssignment] adds an assignment to a course.
//   - [Store.UpdateAssignment] edits an assignment that nobody has edited since it
//     was read.
//   - [Store.DeleteAssignment] deletes an assignment for which nothing was handed in.
//   - [Store.GetAssignment] is an assignment, with the reader's latest attempt.
//   - [Store.ListAssignments] lists the assignments of a course, what is due first
//     first.
//   - [Store.Submit] hands in an attempt; the ones before are kept.
//   - [Store.Grade] grades the attempt that the teacher saw, or grades it anew.
//   - [Store.GetSubmission] is an attempt with what was handed in.
//   - [Store.ListSubmissions] lists the latest attempts, what waits for a grade first.
//   - [Store.ListAttempts] lists all attempts of one learner, at one assignment or at
//     all of them.
//   - [Store.GradeHistory] lists every grade that an attempt was given.
//   - [Store.Gradebook] is the learners of a course against its assignments.
//
// # Certificates
//
//   - [Store.IssueCertificate] issues the certificate of a completed course.
//   - [Store.IssueCertificates] issues those of a cohort.
//   - [Store.RevokeCertificate] ends a certificate, which then verifies as revoked.
//   - [Store.ReinstateCertificate] undoes that.
//   - [Store.ListCertificates] lists a learner's certificates.
//   - [Store.VerifyCertificate] says what a public id stands for.
//
// # Payments
//
//   - [Store.CreatePayment] notes that a learner is to pay for a course.
//   - [Store.ApplyPaymentEvent] applies what the provider reports: who has paid is
//     enrolled, who was refunded no longer.
//   - [Store.GetPayment] is one payment.
//   - [Store.ListPayments] lists a learner's payments.
//   - [Store.StalePayments] lists payments of which nothing was heard.
//
// # Reviews
//
//   - [Store.PutReview] writes a learner's review of a course, or replaces it.
//   - [Store.DeleteReview] deletes it.
//   - [Store.ListReviews] lists the reviews of a course; the average comes with the
//     course itself.
//
// # Notifications
//
// They are written in the transaction that causes them, with texts of
// [Config.Messages]. More, and how to deliver them live, in
// docs/notifications.md.
//
//   - [Store.ListNotifications] lists a person's notifications.
//   - [Store.CountUnread] is the number on the badge.
//   - [Store.MarkRead] marks some as read.
//   - [Store.MarkAllRead] marks all as read, or all up to one.
//   - [Store.NotifyCourse] notifies all learners of a course, once per key.
//   - [Store.Subscribe] delivers what comes, as it is committed.
//
// # Events
//
//   - [Store.Events] is the feed of what happened, for other programs to react to;
//     docs/events.md has its guarantees.
//
// # Reports and exports
//
// They write nothing, so a Store on the pool of a replica serves them. docs/reports.md
// has what the figures mean.
//
//   - [Store.CourseReport] is how a course does: learners, completion, rating, money.
//   - [Store.CourseFunnel] is how far its learners have come, lesson by lesson.
//   - [Store.RevenueReport] lists what was paid and given back by day or month.
//   - [Store.ExportLearners] writes the roster of a course as CSV.
//   - [Store.ExportGradebook] writes the scores of a course as CSV.
package elevate
