// Quickstart is the library's main job in one program: a course with lessons, a
// learner who registers, signs in, pays for it and completes it, and a certificate
// that anybody can verify; with homework, a review and the teacher's report. After
// each step it shows what the tables hold.
//
//	make demo
//
// runs it on a throw-away PostgreSQL. With a server of your own:
//
//	DATABASE_URL=postgres://… go run ./examples/quickstart
//
// It works in a schema of its own, elevate_quickstart, which it drops and makes
// anew, leaves there for you to look at, and touches nothing else in the database.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/schema"
)

const schemaName = "elevate_quickstart"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Getenv("DATABASE_URL"), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string, out io.Writer) error {
	if url == "" {
		return errors.New("DATABASE_URL is not set; make demo sets it")
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("read DATABASE_URL: %w", err)
	}
	defer pool.Close()
	show := &shower{pool: pool, out: out}

	if err := migrate(ctx, pool, show); err != nil {
		return err
	}

	// A program makes one Store. It acts as a visitor, until As binds somebody.
	store, err := elevate.New(pool, &elevate.Config{Schema: schemaName})
	if err != nil {
		return err
	}
	grace, ada, err := register(ctx, store, show)
	if err != nil {
		return err
	}

	// Requests of Grace's. A host with a sign-in of its own tells As who it is.
	teacher := store.As(elevate.Actor{UserID: grace.ID, Role: grace.Role})

	// Requests of Ada's, who signs in with the password that she has chosen.
	learner, err := signIn(ctx, store, show)
	if err != nil {
		return err
	}

	courseID, err := author(ctx, teacher, show)
	if err != nil {
		return err
	}
	if err := pay(ctx, store, learner, ada.ID, courseID, show); err != nil {
		return err
	}
	if err := askTooEarly(ctx, learner, ada.ID, courseID, show); err != nil {
		return err
	}
	if err := study(ctx, learner, ada.ID, show); err != nil {
		return err
	}
	if err := handIn(ctx, teacher, learner, ada.ID, courseID, show); err != nil {
		return err
	}
	number, err := certify(ctx, learner, ada.ID, courseID, show)
	if err != nil {
		return err
	}
	if err := verify(ctx, store, number, show); err != nil {
		return err
	}

	if err := told(ctx, learner, ada.ID, show); err != nil {
		return err
	}
	if err := review(ctx, learner, ada.ID, courseID, show); err != nil {
		return err
	}
	return report(ctx, teacher, courseID, show)
}

// migrate creates the tables, as a host does when it deploys. The migrations need
// a connection of their own, so Up takes the configuration, not the pool.
func migrate(ctx context.Context, pool *pgxpool.Pool, show *shower) error {
	show.step("Create the tables", "schema.Up")
	if _, err := pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schemaName+" CASCADE"); err != nil {
		return fmt.Errorf("drop the schema of an earlier run: %w", err)
	}
	cfg := &schema.Config{Schema: schemaName}
	if err := schema.Up(ctx, pool.Config().ConnConfig, cfg); err != nil {
		return err
	}
	// A program asks at its start whether the tables are those it was made for.
	if err := schema.Check(ctx, pool, cfg); err != nil {
		return err
	}
	show.say("They are in schema %s, beside whatever else the database holds.", schemaName)
	return show.table(ctx, "users", "SELECT FROM {schema}.users")
}

// register makes the accounts. Ada registers herself, so a visitor acts. Only
// trusted code makes a teacher: it acts as the system, by the name of its job.
func register(ctx context.Context, store *elevate.Store, show *shower) (grace, ada elevate.User, err error) {
	show.step("A teacher and a learner register", "RegisterUser")
	office := store.As(elevate.System("front-office"))
	grace, err = office.RegisterUser(ctx, elevate.RegisterUserParams{
		Email: "grace@example.org", Name: "Grace Hopper", Password: "nanoseconds!", Role: elevate.RoleInstructor,
	})
	if err != nil {
		return grace, ada, err
	}
	ada, err = store.RegisterUser(ctx, elevate.RegisterUserParams{
		Email: "Ada@Example.org", Name: "Ada Lovelace", Password: "analytical engine",
	})
	if err != nil {
		return grace, ada, err
	}
	show.say("Ada typed Ada@Example.org. An address is kept in one spelling.")
	return grace, ada, show.table(ctx, "users", `
		SELECT u.name, u.email, u.role, left(u.password_hash, 7) || '…' AS password_hash
		FROM {schema}.users AS u
		ORDER BY u.created_at`)
}

// signIn takes the way of each later request too: the client's cookie has the
// token, and ValidateSession says whose it is, with the role of this moment.
func signIn(ctx context.Context, store *elevate.Store, show *shower) (*elevate.Store, error) {
	show.step("Ada signs in", "Login", "ValidateSession")
	_, err := store.Login(ctx, elevate.LoginParams{Email: "ada@example.org", Password: "difference engine"})
	if !errors.Is(err, elevate.ErrInvalidCredentials) {
		return nil, unexpected(elevate.ErrInvalidCredentials, err)
	}
	show.say("with another password, refused: %s", elevate.ErrInvalidCredentials)

	signedIn, err := store.Login(ctx, elevate.LoginParams{
		Email: "ada@example.org", Password: "analytical engine", UserAgent: "Quickstart/1.0",
	})
	if err != nil {
		return nil, err
	}
	session, err := store.ValidateSession(ctx, signedIn.Token)
	if err != nil {
		return nil, err
	}
	show.say("token: %s, for the cookie only; the database keeps its hash", signedIn.Token)
	return store.As(session.Actor()), show.table(ctx, "sessions", `
		SELECT u.name, s.user_agent, length(s.token) AS hash_length, s.expires_at > now() AS open
		FROM {schema}.sessions AS s
		JOIN {schema}.users AS u ON u.id = s.user_id`)
}

// author is what the pages of a course's author do.
func author(ctx context.Context, teacher *elevate.Store, show *shower) (uuid.UUID, error) {
	show.step("Grace writes a course and publishes it", "CreateCourse", "AddLessons", "PublishCourse")
	created, err := teacher.CreateCourse(ctx, elevate.CreateCourseParams{
		Slug:        "compilers",
		Title:       "Compilers",
		Description: "From text to machine code.",
		Category:    "computing",
		Level:       elevate.LevelBeginner,
		Price:       4900,
		Currency:    "EUR",
	})
	if err != nil {
		return uuid.Nil, err
	}
	courseID := created.Course.ID
	_, err = teacher.AddLessons(ctx, elevate.AddLessonsParams{
		CourseID: courseID,
		Lessons: []elevate.NewLesson{
			{Title: "Scanning", Duration: 10 * time.Minute},
			{Title: "Parsing", Duration: 20 * time.Minute},
			{Title: "Code generation", Duration: 30 * time.Minute},
		},
	})
	if err != nil {
		return uuid.Nil, err
	}
	if _, err := teacher.PublishCourse(ctx, courseID); err != nil {
		return uuid.Nil, err
	}
	show.say("It costs 49 euros, in cents. The database counts the lessons, whoever adds them.")
	err = show.table(ctx, "courses", `
		SELECT c.title, c.slug, c.price, c.currency, c.published, c.lessons_total
		FROM {schema}.courses AS c`)
	if err != nil {
		return uuid.Nil, err
	}
	return courseID, show.table(ctx, "lessons", `
		SELECT l."order", l.title, l.duration AS seconds
		FROM {schema}.lessons AS l
		ORDER BY l."order"`)
}

// pay is the checkout. Each call is made twice, as by a program that lost the first
// answer: a repeat is success, and says that there was nothing left to do.
func pay(
	ctx context.Context, store, learner *elevate.Store, userID, courseID uuid.UUID, show *shower,
) error {
	// What the rules do not allow is a refusal: an error to test for, which
	// changed nothing.
	show.step("She pays for the course", "Enroll", "CreatePayment", "ApplyPaymentEvent")
	_, err := learner.Enroll(ctx, userID, courseID)
	if !errors.Is(err, elevate.ErrPaymentRequired) {
		return unexpected(elevate.ErrPaymentRequired, err)
	}
	show.say("Enroll is refused: %s", elevate.ErrPaymentRequired)

	// The key is of the click, or of the order.
	var payment elevate.Payment
	for range 2 {
		result, err := learner.CreatePayment(ctx, elevate.CreatePaymentParams{
			UserID: userID, CourseID: courseID, IdempotencyKey: "order-1843",
		})
		if err != nil {
			return err
		}
		payment = result.Payment
		show.say("CreatePayment, created: %t, %d %s", result.Created, payment.Amount, payment.Currency)
	}

	// The host hands the payment to a provider, whose webhook then reports what
	// became of it. examples/stripe-webhook is such a webhook.
	webhook := store.As(elevate.System("webhook"))
	for range 2 {
		result, err := webhook.ApplyPaymentEvent(ctx, elevate.PaymentEvent{
			Provider: "quickpay", EventID: "evt_1", PaymentID: payment.ID, Reference: "pay_1815",
			Kind: elevate.PaymentSucceeded, Amount: payment.Amount, Currency: payment.Currency,
		})
		if err != nil {
			return err
		}
		show.say("ApplyPaymentEvent, outcome: %s, enrolled: %t", result.Outcome, result.Enrolled)
	}
	err = show.table(ctx, "payments", `
		SELECT p.amount, p.currency, p.status, p.stripe_payment_id AS reference
		FROM {schema}.payments AS p`)
	if err != nil {
		return err
	}
	return show.table(ctx, "enrollments", `
		SELECT e.source, e.progress, e.lessons_completed, e.lessons_total
		FROM {schema}.enrollments AS e`)
}

func askTooEarly(ctx context.Context, learner *elevate.Store, userID, courseID uuid.UUID, show *shower) error {
	show.step("She asks for the certificate too early", "IssueCertificate")
	_, err := learner.IssueCertificate(ctx, elevate.IssueCertificateParams{UserID: userID, CourseID: courseID})
	if !errors.Is(err, elevate.ErrCourseIncomplete) {
		return unexpected(elevate.ErrCourseIncomplete, err)
	}
	show.say("refused: %s", elevate.ErrCourseIncomplete)
	return show.table(ctx, "certificates", `
		SELECT c.holder_name, c.course_title
		FROM {schema}.certificates AS c`)
}

// study goes on with the dashboard's next lesson until there is none.
func study(ctx context.Context, learner *elevate.Store, userID uuid.UUID, show *shower) error {
	show.step("She takes one lesson after the other", "MyCourses", "CompleteLesson")
	for {
		dashboard, err := learner.MyCourses(ctx, userID, elevate.PageParams{})
		if err != nil {
			return err
		}
		next := dashboard.Items[0].NextLesson
		if next == nil {
			break
		}
		done, err := learner.CompleteLesson(ctx, userID, next.ID, 12*time.Minute)
		if err != nil {
			return err
		}
		show.say("%s, %d %%, course completed: %t", next.Title, done.Progress, done.CourseCompleted)
	}
	err := show.table(ctx, "progress", `
		SELECT l.title AS lesson, p.completed, p.time_spent AS seconds
		FROM {schema}.progress AS p
		JOIN {schema}.lessons AS l ON l.id = p.lesson_id
		ORDER BY l."order"`)
	if err != nil {
		return err
	}
	return show.table(ctx, "enrollments", `
		SELECT e.source, e.progress, e.lessons_completed, e.lessons_total, e.completed_at IS NOT NULL AS completed
		FROM {schema}.enrollments AS e`)
}

// handIn is homework: an attempt that is late, and the grade for it. The grade is
// for the attempt that the teacher saw.
func handIn(
	ctx context.Context, teacher, learner *elevate.Store, userID, courseID uuid.UUID, show *shower,
) error {
	show.step("She hands in her homework, late", "CreateAssignment", "Submit", "Grade")
	due := time.Now().Add(-time.Hour)
	created, err := teacher.CreateAssignment(ctx, elevate.CreateAssignmentParams{
		CourseID:    courseID,
		Title:       "A scanner",
		Description: "Write one for numbers.",
		DueDate:     &due,
		AllowLate:   true,
		LatePenalty: 10,
	})
	if err != nil {
		return err
	}
	sent, err := learner.Submit(ctx, elevate.SubmitParams{
		UserID: userID, AssignmentID: created.Assignment.ID, Content: "func scan(text string) []float64 { … }",
	})
	if err != nil {
		return err
	}
	graded, err := teacher.Grade(ctx, elevate.GradeParams{
		UserID: userID, AssignmentID: created.Assignment.ID, SubmissionID: sent.Submission.ID,
		Score: 95, Feedback: "Negative numbers?",
	})
	if err != nil {
		return err
	}
	show.say("late: %t, %d of %d, less the penalty: %d",
		sent.Submission.Late, graded.RawScore, created.Assignment.MaxScore, graded.Score)
	return show.table(ctx, "submissions", `
		SELECT a.title AS assignment, s.attempt, s.late, s.raw_score, s.score, s.feedback
		FROM {schema}.submissions AS s
		JOIN {schema}.assignments AS a ON a.id = s.assignment_id`)
}

// certify issues what was refused before. The number is what the certificate
// prints.
func certify(
	ctx context.Context, learner *elevate.Store, userID, courseID uuid.UUID, show *shower,
) (number string, err error) {
	show.step("She has earned the certificate", "IssueCertificate")
	issued, err := learner.IssueCertificate(ctx, elevate.IssueCertificateParams{UserID: userID, CourseID: courseID})
	if err != nil {
		return "", err
	}
	number = issued.Certificate.PublicID
	show.say("number: %s", number)
	return number, show.table(ctx, "certificates", `
		SELECT c.holder_name, c.course_title, c.revoked_at IS NOT NULL AS revoked
		FROM {schema}.certificates AS c`)
}

// verify is the public page that an employer types the number into, so nobody is
// signed in. A wrong symbol is found without asking the database.
func verify(ctx context.Context, store *elevate.Store, number string, show *shower) error {
	show.step("Anybody can verify it", "VerifyCertificate")
	verified, err := store.VerifyCertificate(ctx, number)
	if err != nil {
		return err
	}
	show.say("as printed, valid: %t, %s, %s", verified.Valid, verified.HolderName, verified.CourseTitle)

	wrong := "7"
	if number[:1] == wrong {
		wrong = "8"
	}
	_, err = store.VerifyCertificate(ctx, wrong+number[1:])
	invalid, ok := errors.AsType[*elevate.ValidationError](err)
	if !ok {
		return unexpected(&elevate.ValidationError{Field: "PublicID", Reason: "is mistyped"}, err)
	}
	show.say("with a wrong symbol, refused: %s", invalid)
	return nil
}

// told is the page behind the bell. Each notification was written in the
// transaction that caused it.
func told(ctx context.Context, learner *elevate.Store, userID uuid.UUID, show *shower) error {
	show.step("What Ada was told, the newest first", "CountUnread", "ListNotifications", "MarkAllRead")
	unread, err := learner.CountUnread(ctx, userID)
	if err != nil {
		return err
	}
	show.say("unread: %d", unread)
	notifications, err := learner.ListNotifications(ctx, elevate.ListNotificationsParams{UserID: userID})
	if err != nil {
		return err
	}
	for _, n := range notifications.Items {
		show.say("%s: %s", n.Title, n.Message)
	}
	if _, err := learner.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: userID}); err != nil {
		return err
	}
	return show.table(ctx, "notifications", `
		SELECT n.type, n.read
		FROM {schema}.notifications AS n
		ORDER BY n.created_at DESC`)
}

// review is what a learner thinks of the course, once. The database keeps the
// average, which comes with the course.
func review(ctx context.Context, learner *elevate.Store, userID, courseID uuid.UUID, show *shower) error {
	show.step("She reviews the course", "PutReview", "GetCourse")
	_, err := learner.PutReview(ctx, elevate.PutReviewParams{
		UserID: userID, CourseID: courseID, Rating: 5, Comment: "At last I know what a parser does.",
	})
	if err != nil {
		return err
	}
	course, err := learner.GetCourse(ctx, courseID)
	if err != nil {
		return err
	}
	show.say("%s: %.2f of 5, reviews: %d", course.Title, course.Rating, course.RatingCount)
	return show.table(ctx, "reviews", `
		SELECT u.name, r.rating, r.comment
		FROM {schema}.reviews AS r
		JOIN {schema}.users AS u ON u.id = r.user_id`)
}

// report is how the course does, for the one who teaches it. It writes nothing, so
// a Store on the pool of a replica serves it too.
func report(ctx context.Context, teacher *elevate.Store, courseID uuid.UUID, show *shower) error {
	show.step("Grace reads how her course does", "CourseReport")
	report, err := teacher.CourseReport(ctx, courseID)
	if err != nil {
		return err
	}
	const basisPoints = 100 // of a percent
	lines := [][]string{
		{"figure", "value"},
		{"", ""},
		{"enrolled", strconv.FormatInt(report.Enrolled, 10)},
		{"active in the last 30 days", strconv.FormatInt(report.Active, 10)},
		{"completed", strconv.FormatInt(report.Completed, 10)},
		{"completion rate", fmt.Sprintf("%d %%", report.CompletionRate/basisPoints)},
		{"average progress", fmt.Sprintf("%d %%", report.AverageProgress/basisPoints)},
		{"rating", fmt.Sprintf("%.2f, reviews: %d", report.Rating, report.RatingCount)},
	}
	for _, revenue := range report.Revenue {
		lines = append(lines, []string{"net revenue, " + revenue.Currency + " cents", strconv.FormatInt(revenue.Net, 10)})
	}
	show.lines("report", lines)
	return nil
}

func unexpected(want, got error) error {
	return fmt.Errorf("expected %q, got %v", want, got) //nolint:errorlint // not to be tested for
}
