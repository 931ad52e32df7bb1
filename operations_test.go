package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// operation is what holds for one exported operation, whatever it does. The list
// is in operations_list_test.go.
type operation struct {
	name string

	// may has a letter for each of the actors in order: + may, - is forbidden, 0
	// finds nothing there.
	may string

	// trips is how many round trips a call costs on a warm connection.
	trips int64

	// alone operations refuse to run in a caller's transaction.
	alone bool

	// prepare adds to the world what the call needs.
	prepare func(t *testing.T, w *world)

	// call succeeds for those who may.
	call func(ctx context.Context, s *elevate.Store, w *world) error

	refusals []refusal
}

// refusal is a call that fails and changes nothing. A nil want is a
// *ValidationError.
type refusal struct {
	name string
	call func(ctx context.Context, s *elevate.Store, w *world) error
	want error
}

// errConflict as a want is any *ConflictError.
var errConflict = errors.New("conflict")

// world is what the operations work on: a published course of the teacher with
// three lessons and a learner in it who has completed the first, and a draft with
// one lesson.
type world struct {
	*testBundle

	learner, stranger, teacher, rival, admin uuid.UUID

	course, draft uuid.UUID
	lessons       []uuid.UUID
	draftLesson   uuid.UUID
	certificate   string    // set by operations that need one
	payment       uuid.UUID // likewise, of the learner for the course, which then costs something
	session       elevate.SessionResult
	token         elevate.Token
	notices       []uuid.UUID // of the learner
	// Set by operations that need one: an assignment, one for which something was
	// handed in where that is another, and the learner's attempt.
	assignment, submitted, submission uuid.UUID
}

func newWorld(t testing.TB, b *testBundle) *world {
	t.Helper()
	w := &world{
		testBundle: b,
		learner:    b.user(t, elevate.RoleUser),
		stranger:   b.user(t, elevate.RoleUser),
		teacher:    b.user(t, elevate.RoleInstructor),
		rival:      b.user(t, elevate.RoleInstructor),
		admin:      b.user(t, elevate.RoleAdmin),
	}
	w.course, w.lessons = b.course(t, courseSeed{instructor: w.teacher, lessons: 3, published: true})
	b.enroll(t, w.learner, w.course)
	b.complete(t, w.learner, w.lessons[0])
	var lessons []uuid.UUID
	w.draft, lessons = b.course(t, courseSeed{instructor: w.teacher, lessons: 1})
	w.draftLesson = lessons[0]
	return w
}

// finish completes the learner's course.
func (w *world) finish(t *testing.T) {
	t.Helper()
	w.complete(t, w.learner, w.lessons[1:]...)
}

// certify completes the course and issues the learner's certificate.
func (w *world) certify(t *testing.T) {
	t.Helper()
	w.finish(t)
	result, err := w.system.IssueCertificate(w.ctx, elevate.IssueCertificateParams{UserID: w.learner, CourseID: w.course})
	require.NoError(t, err)
	w.certificate = result.Certificate.PublicID
}

// actors are those of operation.may, in its order.
func (w *world) actors() []elevate.Actor {
	return []elevate.Actor{
		{},
		{UserID: w.stranger, Role: elevate.RoleUser},
		{UserID: w.learner, Role: elevate.RoleUser},
		{UserID: w.rival, Role: elevate.RoleInstructor},
		{UserID: w.teacher, Role: elevate.RoleInstructor},
		{UserID: w.admin, Role: elevate.RoleAdmin},
		elevate.System("test"),
	}
}

func actorName(i int) string {
	return []string{"Visitor", "Stranger", "Learner", "OtherTeacher", "Teacher", "Admin", "System"}[i]
}

// texts are the refusals of a text that goes to a column of so many characters.
func texts(field string, longest int, call func(ctx context.Context, s *elevate.Store, w *world, value string) error) []refusal {
	var refusals []refusal
	for name, value := range map[string]string{
		"NUL":         "a\x00b",
		"InvalidUTF8": "a\xffb",
		"TooLong":     strings.Repeat("a", longest+1),
	} {
		refusals = append(refusals, refusal{
			name: field + name,
			call: func(ctx context.Context, s *elevate.Store, w *world) error { return call(ctx, s, w, value) },
		})
	}
	return refusals
}

// spans are the refusals of a duration.
func spans(field string, call func(ctx context.Context, s *elevate.Store, w *world, value time.Duration) error) []refusal {
	var refusals []refusal
	for name, value := range map[string]time.Duration{
		"Negative": -time.Second,
		"Overflow": (math.MaxInt32 + 1) * time.Second,
	} {
		refusals = append(refusals, refusal{
			name: field + name,
			call: func(ctx context.Context, s *elevate.Store, w *world) error { return call(ctx, s, w, value) },
		})
	}
	return refusals
}

// pages are the refusals of a list.
func pages(call func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error) []refusal {
	refusals := []refusal{{
		name: "NegativeLimit",
		call: func(ctx context.Context, s *elevate.Store, w *world) error {
			return call(ctx, s, w, elevate.PageParams{Limit: -1})
		},
	}}
	for name, cursor := range map[string]string{
		"ForgedCursor": "AAAA",
		"CutCursor":    strings.Repeat("A", 49),
		"CursorNUL":    "\x00",
	} {
		refusals = append(refusals, refusal{
			name: name,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return call(ctx, s, w, elevate.PageParams{Cursor: cursor})
			},
			want: elevate.ErrInvalidCursor,
		})
	}
	return refusals
}

func TestOperationsAreListed(t *testing.T) {
	t.Parallel()

	notOperations := map[string]string{
		"As":     "binds an actor",
		"InTx":   "runs operations",
		"WithTx": "binds a transaction",
	}
	listed := map[string]bool{}
	for _, op := range operations() {
		require.False(t, listed[op.name], "%s is listed twice", op.name)
		require.Len(t, op.may, 7, op.name)
		listed[op.name] = true
	}
	manual, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	shown := map[string]bool{}
	examples, err := filepath.Glob("example_*_test.go")
	require.NoError(t, err)
	for _, file := range examples {
		for _, call := range regexp.MustCompile(`\.([A-Z]\w*)\(`).FindAllStringSubmatch(readText(t, file), -1) {
			shown[call[1]] = true
		}
	}
	for method := range reflect.TypeFor[*elevate.Store]().Methods() {
		name := method.Name
		if notOperations[name] == "" {
			require.True(t, listed[name], "Store.%s is not in the list of operations", name)
			require.Contains(t, string(manual), "[Store."+name+"]", "Store.%s is not in the index of doc.go", name)
			require.True(t, shown[name], "Store.%s is in no Example", name)
		}
		delete(listed, name)
	}
	require.Empty(t, listed, "listed, yet no operations")
}

func TestOperations(t *testing.T) {
	t.Parallel()

	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t)
			fresh := func(t *testing.T) *world {
				t.Helper()
				w := newWorld(t, b)
				if op.prepare != nil {
					op.prepare(t, w)
				}
				return w
			}
			for i, may := range op.may {
				t.Run("Permission"+actorName(i), func(t *testing.T) { //nolint:paralleltest // one database
					testPermission(t, op, fresh(t), i, may)
				})
			}
			for _, r := range op.refusals {
				t.Run("ErrorIf"+r.name, func(t *testing.T) { //nolint:paralleltest // one database
					testRefusal(t, op, r, fresh(t))
				})
			}
			t.Run("InCallersTx", func(t *testing.T) { //nolint:paralleltest // one database
				testInCallersTx(t, op, fresh(t))
			})
			t.Run("RoundTrips", func(t *testing.T) { //nolint:paralleltest // one database
				testRoundTrips(t, op, fresh(t), fresh(t))
			})
			t.Run("ExecModes", func(t *testing.T) { //nolint:paralleltest // one database
				for _, mode := range []pgx.QueryExecMode{
					pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
				} {
					w := fresh(t)
					pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.DefaultQueryExecMode = mode })
					require.NoError(t, op.call(b.ctx, b.on(t, pool).As(elevate.System("test")), w), mode)
				}
			})
		})
	}
}

func testPermission(t *testing.T, op operation, w *world, i int, may rune) {
	t.Helper()
	err := op.call(w.ctx, w.store.As(w.actors()[i]), w)
	switch may {
	case '+':
		require.NoError(t, err)
	case '-':
		require.ErrorIs(t, err, elevate.ErrForbidden)
	case '0':
		require.ErrorIs(t, err, elevate.ErrNotFound)
	default:
		t.Fatalf("no such permission: %c", may)
	}
}

// requireRefused checks the error of a refusal: typed, and nothing of the
// database in it.
func requireRefused(t *testing.T, err, want error) {
	t.Helper()
	var (
		invalid  *elevate.ValidationError
		conflict *elevate.ConflictError
	)
	switch {
	case want == nil:
		require.ErrorAs(t, err, &invalid)
		require.NotEmpty(t, invalid.Field)
	case errors.Is(want, errConflict):
		require.ErrorAs(t, err, &conflict)
		require.NotEqual(t, elevate.ConflictRaced, conflict.Reason)
	default:
		require.ErrorIs(t, err, want)
	}
	var pgErr *pgconn.PgError
	require.NotErrorAs(t, err, &pgErr, "a raw database error")
	require.True(t, strings.HasPrefix(err.Error(), "elevate: "), err.Error())
}

func testRefusal(t *testing.T, op operation, r refusal, w *world) {
	t.Helper()
	before := w.fingerprint(t)
	requireRefused(t, r.call(w.ctx, w.system, w), r.want)
	require.Equal(t, before, w.fingerprint(t), "a refusal changes nothing")
	if op.alone {
		return
	}
	tx := w.begin(t)
	requireRefused(t, r.call(w.ctx, w.system.WithTx(tx), w), r.want)
	usable(t, tx)
	require.NoError(t, tx.Rollback(w.ctx))
}

// fingerprint sums up all rows but for attempts, which are counted when they fail.
func (b *testBundle) fingerprint(t testing.TB) string {
	t.Helper()
	var sums []string
	for _, table := range []string{
		"users", "courses", "lessons", "enrollments", "progress", "certificates", "payments", "payment_events",
		"notifications", "announcements", "identities", "sessions", "user_tokens", "reviews", "course_stats", "events",
		"assignments", "submissions", "grades",
	} {
		sums = append(sums, scan[string](t, b, fmt.Sprintf(
			`SELECT coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '') FROM {s}.%s AS r`, table)))
	}
	return strings.Join(sums, " ")
}

func testInCallersTx(t *testing.T, op operation, w *world) {
	t.Helper()
	before := w.fingerprint(t)
	tx := w.begin(t)
	err := op.call(w.ctx, w.system.WithTx(tx), w)
	if op.alone {
		require.ErrorIs(t, err, elevate.ErrInTransaction)
	} else {
		require.NoError(t, err)
	}
	usable(t, tx)
	require.NoError(t, tx.Rollback(w.ctx))
	require.Equal(t, before, w.fingerprint(t), "rolled back with the caller")
}

// testRoundTrips has one connection only, so an operation that needed a second
// would wait for ever.
func testRoundTrips(t *testing.T, op operation, warm, counted *world) {
	t.Helper()
	watched := &wire{}
	store := counted.on(t, watched.pool(t, counted.testBundle, 1)).As(elevate.System("test"))
	require.NoError(t, op.call(counted.ctx, store, warm))
	before := watched.ready.Load()
	require.NoError(t, op.call(counted.ctx, store, counted))
	require.Equal(t, op.trips, watched.ready.Load()-before)
}
