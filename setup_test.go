package elevate_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/peterldowns/pgtestdb"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
)

// testBundle is a database of its own with a store on it. The suite runs twice:
// in public, and with ELEVATE_TEST_SCHEMA=school beside a host whose tables have
// the same names.
type testBundle struct {
	ctx    context.Context
	pool   *pgxpool.Pool
	schema string
	store  *elevate.Store // a visitor
	system *elevate.Store // trusted code
}

func newBundle(t testing.TB) *testBundle {
	t.Helper()
	b := &testBundle{ctx: t.Context(), schema: os.Getenv("ELEVATE_TEST_SCHEMA")}
	if b.schema == "" {
		b.schema = "public"
	}
	options := []elevatetest.Option{elevatetest.WithSchema(b.schema)}
	if b.schema != "public" {
		options = append(options, elevatetest.WithMigrator(hostTables{}))
	}
	b.pool = elevatetest.New(t, options...).Pool
	b.store = b.on(t, b.pool)
	b.system = b.store.As(elevate.System("test"))
	return b
}

// on is a store on another pool, without retries, so that conflicts show.
func (b *testBundle) on(t testing.TB, pool *pgxpool.Pool) *elevate.Store {
	t.Helper()
	store, err := elevate.New(pool, &elevate.Config{
		MaxAttempts:  1,
		PasswordCost: bcrypt.MinCost,
		Schema:       b.schema,
	})
	require.NoError(t, err)
	return store
}

// as is the store of a person with a role.
func (b *testBundle) as(userID uuid.UUID, role elevate.Role) *elevate.Store {
	return b.store.As(elevate.Actor{UserID: userID, Role: role, RequestID: "test"})
}

// strangers are the stores of those who have no business with anybody of a test.
func (b *testBundle) strangers() []*elevate.Store {
	return []*elevate.Store{
		b.store, b.as(uuid.New(), elevate.RoleUser), b.as(uuid.New(), elevate.RoleInstructor),
	}
}

// sql puts the schema in the place of {s}.
func (b *testBundle) sql(text string) string {
	return strings.ReplaceAll(text, "{s}", pgx.Identifier{b.schema}.Sanitize())
}

func (b *testBundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	_, err := b.pool.Exec(b.ctx, b.sql(sql), args...)
	require.NoError(t, err)
}

// scan reads one value.
func scan[T any](t testing.TB, b *testBundle, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, b.pool.QueryRow(b.ctx, b.sql(sql), args...).Scan(&value))
	return value
}

func (b *testBundle) count(t testing.TB, sql string, args ...any) int {
	t.Helper()
	return scan[int](t, b, sql, args...)
}

// user is a new person.
func (b *testBundle) user(t testing.TB, role elevate.Role) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	b.exec(t, `INSERT INTO {s}.users (id, email, password_hash, name, role)
		VALUES ($1, $2::text, '!', 'Name of ' || $2::text, $3::text::{s}.user_role)`, id, id.String()+"@example.org", string(role))
	return id
}

// courseSeed says what a course is like; the zero value is a free, unpublished
// one without lessons, of a new instructor.
type courseSeed struct {
	instructor uuid.UUID
	lessons    int
	price      int
	published  bool
}

// course is a new course and its lessons in order.
func (b *testBundle) course(t testing.TB, seed courseSeed) (uuid.UUID, []uuid.UUID) {
	t.Helper()
	if seed.instructor == uuid.Nil {
		seed.instructor = b.user(t, elevate.RoleInstructor)
	}
	id := uuid.Must(uuid.NewV7())
	b.exec(t, `INSERT INTO {s}.courses (id, title, slug, description, instructor_id, category, level, price, published)
		VALUES ($1, 'Course ' || $2::text, $2::text, 'About it', $3, 'go', 'beginner', $4, $5)`,
		id, id.String(), seed.instructor, seed.price, seed.published)
	lessons := make([]uuid.UUID, seed.lessons)
	for i := range lessons {
		lessons[i] = uuid.Must(uuid.NewV7())
	}
	if len(lessons) > 0 {
		b.exec(t, `INSERT INTO {s}.lessons (id, course_id, title, "order")
			SELECT l.id, $1, 'Lesson ' || l.place, l.place
			FROM unnest($2::uuid[]) WITH ORDINALITY AS l (id, place)`, id, lessons)
	}
	return id, lessons
}

// enroll puts a learner into a course.
func (b *testBundle) enroll(t testing.TB, userID, courseID uuid.UUID) {
	t.Helper()
	b.exec(t, `INSERT INTO {s}.enrollments (user_id, course_id, source) VALUES ($1, $2, 'free')`, userID, courseID)
}

// complete marks lessons as completed, which the triggers count.
func (b *testBundle) complete(t testing.TB, userID uuid.UUID, lessons ...uuid.UUID) {
	t.Helper()
	b.exec(t, `INSERT INTO {s}.progress (user_id, lesson_id, completed, completed_at)
		SELECT $1, l.id, TRUE, now() FROM unnest($2::uuid[]) AS l (id)`, userID, lessons)
}

// pay records a succeeded payment.
func (b *testBundle) pay(t testing.TB, userID, courseID uuid.UUID, amount int) {
	t.Helper()
	b.exec(t, `INSERT INTO {s}.payments (user_id, course_id, amount, status) VALUES ($1, $2, $3, 'succeeded')`,
		userID, courseID, amount)
}

// begin is a transaction of the caller's, rolled back at the end of the test.
func (b *testBundle) begin(t testing.TB) pgx.Tx {
	t.Helper()
	tx, err := b.pool.Begin(b.ctx)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(b.ctx)) })
	return tx
}

// usable proves that a refusal has not poisoned the transaction.
func usable(t testing.TB, tx pgx.Tx) {
	t.Helper()
	_, err := tx.Exec(t.Context(), "SELECT 1")
	require.NoError(t, err)
}

// requireConflict checks what stood in the way.
func requireConflict(t testing.TB, err error, want elevate.ConflictError) {
	t.Helper()
	var conflict *elevate.ConflictError
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, want, *conflict)
}

// conflictOf is the conflict in an error.
func conflictOf(err error) (*elevate.ConflictError, bool) {
	var conflict *elevate.ConflictError
	ok := errors.As(err, &conflict)
	return conflict, ok
}

func isConflict(err error, reason elevate.ConflictReason) bool {
	conflict, ok := conflictOf(err)
	return ok && conflict.Reason == reason
}

// requireInvalid checks which field was refused.
func requireInvalid(t testing.TB, err error, field string, message ...any) {
	t.Helper()
	var invalid *elevate.ValidationError
	require.ErrorAs(t, err, &invalid, message...)
	require.Equal(t, field, invalid.Field, message...)
}

// drift is how many counters a recount finds wrong; 0 is the healthy answer.
func (b *testBundle) drift(t testing.TB) int {
	t.Helper()
	return b.count(t, `SELECT coalesce(sum({s}.recount_course(c.id) + {s}.recount_ratings(c.id)), 0)::integer
		FROM {s}.courses AS c`)
}

// rate writes a review by plain SQL.
func (b *testBundle) rate(t testing.TB, userID, courseID uuid.UUID, rating int) {
	t.Helper()
	b.exec(t, `INSERT INTO {s}.reviews (user_id, course_id, rating) VALUES ($1, $2, $3)`, userID, courseID, rating)
}

// race runs n calls at once, from behind one barrier, and returns the first
// error.
func race(n int, call func(i int) error) error {
	var (
		group   errgroup.Group
		ready   sync.WaitGroup
		barrier = make(chan struct{})
	)
	ready.Add(n)
	for i := range n {
		group.Go(func() error {
			ready.Done()
			<-barrier
			return call(i)
		})
	}
	ready.Wait()
	close(barrier)
	return group.Wait()
}

// keepThrottling makes who has failed too often wait: the first wait is of a second,
// which a machine that is busy can lose.
func (b *testBundle) keepThrottling(t testing.TB) {
	t.Helper()
	b.exec(t, `UPDATE {s}.attempts SET last_at = now() + interval '1 hour'`)
}

// waitUntilBlocked returns once n sessions of the database wait for a lock.
func (b *testBundle) waitUntilBlocked(t testing.TB, n int) {
	t.Helper()
	for {
		if b.count(t, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`) >= n {
			return
		}
	}
}

// hostTables are a host's own, whose names are the library's.
type hostTables struct{}

const hostSQL = `CREATE TABLE public.users (id bigint PRIMARY KEY, email text);
	CREATE TABLE public.courses (code text);
	CREATE TABLE public.lessons (hour integer);
	CREATE TABLE public.enrollments (seat integer);
	CREATE TABLE public.progress (at text);
	CREATE TABLE public.certificates (pem text);
	CREATE TABLE public.payments (iban text);
	CREATE TABLE public.notifications (body text);
	CREATE TABLE public.reviews (verdict text);
	CREATE TABLE public.course_stats (wins integer);
	CREATE TYPE public.user_role AS ENUM ('root');
	CREATE TYPE public.course_level AS ENUM ('high');
	CREATE FUNCTION public.can_teach(text) RETURNS boolean LANGUAGE sql RETURN FALSE;
	CREATE FUNCTION public.course_visible(text) RETURNS boolean LANGUAGE sql RETURN FALSE`

func (hostTables) Hash() (string, error) { return hostSQL, nil }

func (hostTables) Migrate(ctx context.Context, db *sql.DB, _ pgtestdb.Config) error {
	_, err := db.ExecContext(ctx, hostSQL)
	return err
}
