package elevate_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// cause is one way to make events happen: an operation of the library, or what
// another program does.
type cause struct {
	name string

	// prepare are statements that come before.
	prepare []string

	// call is the operation; sql what another program does instead.
	call func(ctx context.Context, s *elevate.Store, w *eventWorld) error
	sql  string

	// want are the events in their order; a second call has none.
	want func(w *eventWorld) []told

	// again says that a second call is another change, not a replay.
	again bool
}

// eventWorld is a world with ids for rows that are to be made. Statements know
// its ids by name.
type eventWorld struct {
	*world

	id, assignment, payment uuid.UUID
}

func newEventWorld(t testing.TB, b *testBundle) *eventWorld {
	t.Helper()
	w := &eventWorld{world: newWorld(t, b), id: uuid.New(), assignment: uuid.New(), payment: uuid.New()}
	w.run(t, `INSERT INTO {s}.assignments (id, course_id, title, description, max_score)
		VALUES (@assignment, @course, 'Essay', '', 10)`)
	w.run(t, `INSERT INTO {s}.payments (id, user_id, course_id, amount, status)
		VALUES (@payment, @learner, @course, 4900, 'pending')`)
	return w
}

func (w *eventWorld) names() pgx.NamedArgs {
	return pgx.NamedArgs{
		"admin": w.admin, "assignment": w.assignment, "course": w.course, "draft": w.draft, "id": w.id,
		"learner": w.learner, "lesson1": w.lessons[0], "lesson2": w.lessons[1], "lesson3": w.lessons[2],
		"payment": w.payment, "rival": w.rival, "stranger": w.stranger, "teacher": w.teacher,
	}
}

func (w *eventWorld) run(t testing.TB, sql string) {
	t.Helper()
	_, err := w.pool.Exec(w.ctx, w.sql(sql), w.names())
	require.NoError(t, err)
}

// told are the events written so far.
func (w *eventWorld) told(t testing.TB) []told {
	t.Helper()
	rows, err := w.pool.Query(w.ctx, w.sql(`SELECT type, coalesce(user_id, @none), coalesce(course_id, @none), subject_id
		FROM {s}.events ORDER BY id`), pgx.NamedArgs{"none": uuid.Nil})
	require.NoError(t, err)
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[told])
	require.NoError(t, err)
	return events
}

func (w *eventWorld) enrollmentOf(t testing.TB, userID uuid.UUID) uuid.UUID {
	t.Helper()
	return scan[uuid.UUID](t, w.testBundle, `SELECT subject_id FROM {s}.events
		WHERE type LIKE 'enrollment.%' AND user_id = $1 AND course_id = $2 LIMIT 1`, userID, w.course)
}

// TestEventTypes makes every type of event happen, in the ways there are.
func TestEventTypes(t *testing.T) { //nolint:tparallel // its cases share one database
	t.Parallel()
	b := newBundle(t)
	seen := map[elevate.EventType]bool{}
	for _, cause := range causes(t) { //nolint:paralleltest // one database
		t.Run(cause.name, func(t *testing.T) {
			w := newEventWorld(t, b)
			for _, sql := range cause.prepare {
				w.run(t, sql)
			}
			do := func() error {
				if cause.call == nil {
					_, err := w.pool.Exec(w.ctx, w.sql(cause.sql), w.names())
					return err
				}
				return cause.call(w.ctx, w.system, w)
			}
			before := len(w.told(t))
			require.NoError(t, do())
			events := w.told(t)
			want := cause.want(w)
			require.Equal(t, want, events[before:])
			for _, event := range want {
				seen[event.Type] = true
			}
			if cause.again {
				return
			}
			if err := do(); err != nil {
				require.ErrorIs(t, err, elevate.ErrNotFound, "of the second call")
			}
			require.Equal(t, events, w.told(t), "a replay")
		})
	}
	require.Equal(t, eventTypes(t), slices.Sorted(maps.Keys(seen)), "each type happens")
}

// eventTypes are the constants.
func eventTypes(t *testing.T) []elevate.EventType {
	t.Helper()
	source := readText(t, "events.go")
	var types []elevate.EventType
	for _, match := range regexp.MustCompile(`\bEvent\w+ +EventType = "([^"]+)"`).FindAllStringSubmatch(source, -1) {
		types = append(types, elevate.EventType(match[1]))
	}
	require.NotEmpty(t, types)
	slices.Sort(types)
	return types
}

// TestEventTypesAreThoseOfTriggers: no constant without a trigger, and no trigger
// without a constant.
func TestEventTypesAreThoseOfTriggers(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	rows, err := b.pool.Query(b.ctx, `SELECT tgargs, tgname FROM pg_trigger WHERE tgfoid = $1::text::regproc`,
		b.sql("{s}.event_record"))
	require.NoError(t, err)
	types := map[elevate.EventType]bool{}
	var (
		arguments []byte // each ends with a NUL
		name      string
	)
	_, err = pgx.ForEachRow(rows, []any{&arguments, &name}, func() error {
		words := bytes.Split(arguments, []byte{0})
		if len(words) != 3 {
			return errors.New(name + " does not have two arguments")
		}
		types[elevate.EventType(words[0])] = true
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, eventTypes(t), slices.Sorted(maps.Keys(types)))
}

// TestEventTypesAreDocumented: the table in docs/events.md has each, once.
func TestEventTypesAreDocumented(t *testing.T) {
	t.Parallel()
	var types []elevate.EventType
	for line := range strings.Lines(readText(t, "docs/events.md")) {
		if match := regexp.MustCompile("^\\| `([a-z]+\\.[a-z_]+)` \\|").FindStringSubmatch(line); match != nil {
			types = append(types, elevate.EventType(match[1]))
		}
	}
	slices.Sort(types)
	require.Equal(t, eventTypes(t), types)
}
