package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate"
)

const (
	stressSessionLimit = 3
	stressWriters      = 32
	stressLearners     = 8
	stressCourses      = 4
	stressSpares       = 3 // courses that come and go
	stressFleeting     = 2 // lessons of such a course
	stressLength       = 100
	stressLimit        = 5 * time.Minute // of one round, which takes a second
)

// stressNumber reads a setting of TestStress: ELEVATE_TEST_STRESS_ROUNDS is how
// many rounds each of its parts runs, ELEVATE_TEST_STRESS_SEED where their chances
// begin.
func stressNumber(t testing.TB, name string, ordinary int) int {
	t.Helper()
	text := os.Getenv("ELEVATE_TEST_STRESS_" + name)
	if text == "" {
		return ordinary
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// TestStress mixes all operations over few learners, courses and lessons, so that
// collisions are the rule. Each round is a world of its own: a completed
// enrollment stays, so an old one has nothing left to race for.
func TestStress(t *testing.T) {
	t.Parallel()

	// Without retries, each operation alone or in a transaction that keeps the
	// order of locks: none may meet a deadlock, but for the server's own. Beside a
	// transaction that does not keep it, an operation alone may be the victim too.
	t.Run("Operations", func(t *testing.T) {
		t.Parallel()
		r := newStress(t, 1)
		r.operations = slices.Concat(stressOperations(), stressTransactions())
		r.run(t, stressNumber(t, "ROUNDS", 4))
	})

	// Beside transactions of operations in any order deadlocks are certain, and
	// PostgreSQL may end either side; retries hide them all.
	t.Run("Transactions", func(t *testing.T) {
		t.Parallel()
		r := newStress(t, 0)
		r.operations = slices.Concat(stressOperations(), stressCrossing())
		r.transactions = true
		r.run(t, stressNumber(t, "ROUNDS", 2))
	})
}

// stress is a run of many rounds in one database.
type stress struct {
	*testBundle

	store        *elevate.Store
	operations   []stressOperation
	transactions bool // any operations, in any order
	retries      retryCount
	outcomes     outcomes
}

// newStress is a database that notes who completed which course, and lets no
// course be completed while a lesson is missing: afterwards nobody could tell.
func newStress(t testing.TB, attempts int) *stress {
	t.Helper()
	b := newBundle(t)
	cfg := b.pool.Config()
	cfg.MaxConns = stressWriters + 1
	cfg.ConnConfig.RuntimeParams["deadlock_timeout"] = "50ms"
	pool, err := pgxpool.NewWithConfig(b.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b.pool = pool
	r := &stress{testBundle: b, outcomes: outcomes{}}
	r.store, err = elevate.New(pool, &elevate.Config{
		Logger: slog.New(&r.retries), MaxAttempts: attempts, Schema: b.schema,
		SessionLimit: stressSessionLimit,
	})
	require.NoError(t, err)

	// For the last event of each row, round after round.
	b.exec(t, `CREATE INDEX ON {s}.events (user_id, subject_id)`)
	b.exec(t, `CREATE TABLE {s}.stress_tidy (course_id uuid)`)
	b.exec(t, `CREATE TABLE {s}.stress_completions (user_id uuid, course_id uuid, request text)`)
	b.exec(t, `CREATE FUNCTION {s}.stress_note_completion() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF TG_OP = 'INSERT' OR OLD.completed_at IS NULL THEN
				INSERT INTO {s}.stress_completions
				VALUES (NEW.user_id, NEW.course_id, current_setting('elevate.request', TRUE));
			END IF;
			RETURN NULL;
		END $$`)
	b.exec(t, `CREATE TRIGGER stress_note_completion_trg AFTER INSERT OR UPDATE ON {s}.enrollments
		FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL) EXECUTE FUNCTION {s}.stress_note_completion()`)
	// Not in a transaction of several operations, where no actor is left at the
	// commit: a later one may have added a lesson to the completed course.
	b.exec(t, `CREATE FUNCTION {s}.stress_check_completion() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF current_setting('elevate.actor', TRUE) <> ''
				AND (TG_OP = 'INSERT' OR OLD.completed_at IS NULL)
				AND (
					SELECT count(p.id) < count(*) OR count(*) = 0
					FROM {s}.lessons AS l
					LEFT JOIN {s}.progress AS p ON p.lesson_id = l.id AND p.user_id = NEW.user_id AND p.completed
					WHERE l.course_id = NEW.course_id
				)
			THEN
				RAISE EXCEPTION 'enrollment % completed with lessons missing: %', NEW.id, current_query();
			END IF;
			RETURN NULL;
		END $$`)
	b.exec(t, `CREATE CONSTRAINT TRIGGER stress_check_completion_trg AFTER INSERT OR UPDATE ON {s}.enrollments
		DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL) EXECUTE FUNCTION {s}.stress_check_completion()`)
	return r
}

// arena is the world of one round.
type arena struct {
	learners  []uuid.UUID // the last two only once they are synced
	emails    []string
	teacherID uuid.UUID
	courses   []uuid.UUID // the last ones only once they are created
	slugs     []string
	lessons   map[uuid.UUID][]uuid.UUID // of each course those that may be there; the first of the first ones stay

	assignments map[uuid.UUID][]uuid.UUID // of each course those that may be there
}

// tidy is a course that nobody leaves without forgetting their progress.
func (a *arena) tidy() uuid.UUID { return a.courses[0] }

func (r *stress) arena(t testing.TB) *arena {
	t.Helper()
	a := &arena{
		teacherID: r.user(t, elevate.RoleInstructor), lessons: map[uuid.UUID][]uuid.UUID{},
		assignments: map[uuid.UUID][]uuid.UUID{},
	}
	for range stressLearners {
		a.learners = append(a.learners, r.user(t, elevate.RoleUser))
	}
	a.learners = append(a.learners, uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()))
	for range 3 * len(a.learners) {
		a.emails = append(a.emails, uuid.NewString()+"@example.org")
	}
	for i, size := range []struct{ lessons, more, price int }{{6, 2, 0}, {5, 2, 0}, {4, 2, 4900}, {2, 1, 0}} {
		id, lessons := r.course(t, courseSeed{
			instructor: a.teacherID, lessons: size.lessons, price: size.price, published: i > 0,
		})
		a.courses = append(a.courses, id)
		a.lessons[id] = append(lessons, newUUIDs(size.more)...)
		a.slugs = append(a.slugs, id.String())
	}
	for range stressSpares {
		id := uuid.Must(uuid.NewV7())
		a.courses = append(a.courses, id)
		a.lessons[id] = newUUIDs(stressFleeting)
		a.slugs = append(a.slugs, id.String())
	}
	for _, id := range a.courses {
		a.assignments[id] = newUUIDs(2)
	}
	r.exec(t, `INSERT INTO {s}.stress_tidy VALUES ($1)`, a.tidy())
	return a
}

func newUUIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
	}
	return ids
}

func (r *stress) run(t *testing.T, rounds int) {
	t.Helper()
	seed := uint64(stressNumber(t, "SEED", 1)) //nolint:gosec // any number will do
	began := time.Now()
	for round := range uint64(rounds) { //nolint:gosec // positive
		r.round(t, seed+round)
	}
	r.outcomes.log(t, time.Since(began))
	t.Logf("courses completed by operation: %s", scan[string](t, r.testBundle, `
		SELECT coalesce(json_object_agg(c.request, c.n), '{}')::text
		FROM (SELECT coalesce(request, '') AS request, count(*) AS n FROM {s}.stress_completions GROUP BY 1) AS c`))
	t.Logf("seeds %d to %d; retries by SQLSTATE: %v", seed, seed+uint64(rounds)-1, &r.retries) //nolint:gosec // positive
}

func (r *stress) round(t *testing.T, seed uint64) {
	t.Helper()
	a := r.arena(t)
	ctx, cancel := context.WithTimeout(r.ctx, stressLimit)
	defer cancel()
	var (
		draws   = make([]*draw, stressWriters)
		writers errgroup.Group
		ended   = make(chan struct{})
		beside  errgroup.Group
		foreign = r.draw(a, seed, stressWriters)
	)
	beside.Go(func() error { return r.writeBeside(ctx, foreign, ended) })
	for i := range stressWriters {
		draws[i] = r.draw(a, seed, uint64(i))
		writers.Go(func() error {
			for range stressLength {
				if err := r.step(ctx, draws[i]); err != nil {
					return fmt.Errorf("seed %d, writer %d: %w", seed, i, err)
				}
			}
			return nil
		})
	}
	err := writers.Wait()
	close(ended)
	require.NoError(t, err)
	require.NoError(t, beside.Wait())

	said := effects{}
	for _, d := range append(draws, foreign) {
		said = said.plus(d.effects)
		r.outcomes.add(d.outcomes)
	}
	r.requireEffects(t, a, said)
	r.requireConsistent(t)
}

func (r *stress) draw(a *arena, seed, stream uint64) *draw {
	return &draw{Rand: rand.New(rand.NewPCG(seed, stream)), arena: a, effects: effects{}, outcomes: outcomes{}}
}

// step is one operation, or, where any order goes, sometimes several in one
// transaction, which does what is not refused.
func (r *stress) step(ctx context.Context, d *draw) error {
	if !r.transactions || d.IntN(4) > 0 {
		op := r.choose(d)
		refusal, err := op.attempt(ctx, r.store, d)
		if undone := r.undone(err); undone != "" {
			refusal, err = undone, nil
		}
		d.outcomes[outcome{op.name, refusal}]++
		return err
	}
	seed, n, abandoned := d.Uint64(), 2+d.IntN(2), d.IntN(8) == 0
	err := d.inTx(ctx, r.store, func(store *elevate.Store) error {
		inside := r.draw(d.arena, seed, 0) // a retry does the same once more
		for range n {
			if _, err := r.choose(inside).attempt(ctx, store, inside); err != nil {
				return err
			}
		}
		if abandoned {
			return errAbandoned
		}
		d.effects = inside.effects
		return nil
	})
	switch {
	case err == nil:
		d.outcomes[outcome{operation: "InTx"}]++
	case errors.Is(err, errAbandoned):
		d.outcomes[outcome{"InTx", errAbandoned.Error()}]++
	case r.undone(err) != "":
		d.outcomes[outcome{"InTx", r.undone(err)}]++
	default:
		return fmt.Errorf("InTx: %w", err)
	}
	return nil
}

var errAbandoned = errors.New("abandoned")

func (r *stress) choose(d *draw) stressOperation {
	sum := 0
	for _, op := range r.operations {
		sum += op.weight
	}
	at := d.IntN(sum)
	for _, op := range r.operations {
		if at -= op.weight; at < 0 {
			return op
		}
	}
	panic("weights do not add up")
}

// errRacedWrite may lose three races.
var errRacedWrite = conflict(elevate.ConflictRaced)

// attempt returns how the operation was refused, empty when it was not, and every
// other error.
func (op stressOperation) attempt(ctx context.Context, s *elevate.Store, d *draw) (refusal string, err error) {
	d.name = op.name
	err = op.call(ctx, s, d)
	if err == nil {
		return "", nil
	}
	raw, ok := errors.AsType[*pgconn.PgError](err)
	if ok && (!op.indexed || raw.Code != "23505") {
		return "", fmt.Errorf("%s: %w%s", op.name, err, details(err))
	}
	found, isConflict := conflictOf(err)
	for _, want := range slices.Concat(op.refusals, []error{errRacedWrite}) {
		if allowed, ok := conflictOf(want); ok && isConflict && found.Reason == allowed.Reason {
			return string(found.Reason), nil
		}
		if errors.Is(err, want) {
			return want.Error(), nil
		}
	}
	return "", fmt.Errorf("%s: %w", op.name, err)
}

// undone is why nothing came of an operation, which is no mistake of its own: any
// order of locks goes, and five attempts in a row have met a deadlock; or the
// server has tripped over a rollback, see retry.go; or over the versions of one row.
// While one transaction updates a row, another that locks it FOR UPDATE and a third
// that locks it FOR KEY SHARE may each have one version and wait for the other,
// without any other row: seen once in a million operations. Where the one that
// locks FOR UPDATE is the victim, it looks like any deadlock, and is not excused.
func (r *stress) undone(err error) string {
	raw, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && r.transactions && raw.Code == "40P01":
		return "deadlock"
	case ok && raw.Code == "40P01" && strings.HasPrefix(raw.Where, "while locking updated version"):
		return "deadlock between versions"
	case ok && raw.Routine == "MultiXactIdCreateFromMembers":
		return "rollback of another"
	default:
		return ""
	}
}

// details is what the server says of an error, if it is the server's: for a
// deadlock, who waited for whom.
func details(err error) string {
	raw, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	return "\n" + strings.TrimSpace(raw.Detail+"\n"+raw.Hint+"\n"+raw.Where)
}
