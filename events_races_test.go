package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate"
)

const (
	feedWriters = 16
	feedLength  = 25 // transactions of each
	feedUsers   = 6
)

// told is an event without what the database chooses.
type told struct {
	Type      elevate.EventType
	UserID    uuid.UUID
	CourseID  uuid.UUID
	SubjectID uuid.UUID
}

func tellOf(event elevate.Event) told {
	return told{event.Type, event.UserID, event.CourseID, event.SubjectID}
}

// feedWriter changes users and enrollments that all writers share, in
// transactions that pause, and notes what was committed.
type feedWriter struct {
	*rand.Rand

	b        *testBundle
	users    []uuid.UUID
	courseID uuid.UUID
	told     map[told]int
}

var errChangedMind = errors.New("changed its mind")

// write is one transaction. Half of them have their id before they touch a row,
// and a third are rolled back, as a whole or to a savepoint.
func (w *feedWriter) write(ctx context.Context, pool *pgxpool.Pool) error {
	told := map[told]int{}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if w.IntN(2) == 0 {
			if _, err := tx.Exec(ctx, `SELECT pg_current_xact_id()`); err != nil {
				return err
			}
			if err := w.pause(ctx, tx); err != nil {
				return err
			}
		}
		for i := w.IntN(2); i < feedUsers; i += 1 + w.IntN(feedUsers) { // ascending, against deadlocks
			kept := maps.Clone(told)
			err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
				if err := w.change(ctx, tx, w.users[i], kept); err != nil {
					return err
				}
				if w.IntN(6) == 0 {
					return errChangedMind
				}
				return nil
			})
			switch {
			case err == nil:
				told = kept
			case !errors.Is(err, errChangedMind):
				return err
			}
			if err := w.pause(ctx, tx); err != nil {
				return err
			}
		}
		if w.IntN(6) == 0 {
			return errChangedMind
		}
		return nil
	})
	if errors.Is(err, errChangedMind) {
		return nil
	}
	for event, n := range told {
		w.told[event] += n
	}
	return err
}

func (w *feedWriter) pause(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_sleep($1)`, w.Float64()/100)
	return err
}

// change disables a user, or enables them again, and enrolls them, or ends that.
func (w *feedWriter) change(ctx context.Context, tx pgx.Tx, userID uuid.UUID, told map[told]int) error {
	note := func(kind elevate.EventType, courseID, subjectID uuid.UUID) {
		event := tellOf(elevate.Event{Type: kind, UserID: userID, CourseID: courseID, SubjectID: subjectID})
		told[event]++
	}
	var disabled bool
	if err := tx.QueryRow(ctx, w.b.sql(toggle), userID).Scan(&disabled); err != nil {
		return err
	}
	if disabled {
		note(elevate.EventUserDisabled, uuid.Nil, userID)
	} else {
		note(elevate.EventUserEnabled, uuid.Nil, userID)
	}
	store := w.b.system.WithTx(tx)
	left, err := store.Unenroll(ctx, elevate.UnenrollParams{UserID: userID, CourseID: w.courseID})
	if err != nil {
		return err
	}
	if left.Removed {
		// Which enrollment that was, the operation does not say.
		note(elevate.EventEnrollmentDeleted, w.courseID, uuid.Nil)
		return nil
	}
	result, err := store.Enroll(ctx, userID, w.courseID)
	if err == nil && result.Created {
		note(elevate.EventEnrollmentCreated, w.courseID, result.Enrollment.ID)
	}
	return err
}

// TestEventsRaces reads the feed in small pieces while it is written.
func TestEventsRaces(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	pool := b.wide(t)
	courseID, _ := b.course(t, courseSeed{lessons: 1, published: true})
	users := make([]uuid.UUID, feedUsers)
	for i := range users {
		users[i] = b.user(t, elevate.RoleUser)
	}
	cursor := b.now(t)

	var (
		ended  = make(chan struct{})
		reader errgroup.Group
		events []elevate.Event
		reads  int
	)
	reader.Go(func() error {
		for {
			select {
			case <-ended:
				return nil
			default:
			}
			result, err := b.system.Events(b.ctx, elevate.EventsParams{
				PageParams: elevate.PageParams{Cursor: cursor, Limit: 1 + reads%7},
			})
			if err != nil {
				return err
			}
			reads++
			events, cursor = append(events, result.Events...), result.Next
		}
	})
	writers := make([]*feedWriter, feedWriters)
	err := race(feedWriters, func(i int) error {
		w := &feedWriter{
			Rand: rand.New(rand.NewPCG(1, uint64(i))), //nolint:gosec // positive
			b:    b, users: users, courseID: courseID, told: map[told]int{},
		}
		writers[i] = w
		for range feedLength {
			if err := w.write(b.ctx, pool); err != nil {
				return fmt.Errorf("writer %d: %w", i, err)
			}
		}
		return nil
	})
	close(ended)
	require.NoError(t, err)
	require.NoError(t, reader.Wait())
	while := len(events)
	b.settle(t)
	rest, _ := b.feed(t, b.system, cursor, 500)
	events = append(events, rest...)
	t.Logf("%d events, %d of them in %d reads beside the writers", len(events), while, reads)

	// Each that was committed, once, and none else.
	want, got := map[told]int{}, map[told]int{}
	for _, w := range writers {
		for event, n := range w.told {
			want[event] += n
		}
	}
	ids := map[int64]bool{}
	for _, event := range events {
		tell := tellOf(event)
		if tell.Type == elevate.EventEnrollmentDeleted {
			tell.SubjectID = uuid.Nil
		}
		got[tell]++
		ids[event.ID] = true
	}
	require.Equal(t, want, got)
	require.Len(t, ids, len(events))

	// Those of a row in the order of its changes.
	disabled, enrolled := map[uuid.UUID]bool{}, map[uuid.UUID]uuid.UUID{}
	for i, event := range events {
		userID := event.UserID
		switch event.Type {
		case elevate.EventUserDisabled, elevate.EventUserEnabled:
			require.Equal(t, event.Type == elevate.EventUserDisabled, !disabled[userID], "%d: %v", i, event)
			disabled[userID] = !disabled[userID]
		case elevate.EventEnrollmentCreated:
			require.Zero(t, enrolled[userID], "%d: %v", i, event)
			enrolled[userID] = event.SubjectID
		case elevate.EventEnrollmentDeleted:
			require.Equal(t, enrolled[userID], event.SubjectID, "%d: %v", i, event)
			enrolled[userID] = uuid.Nil
		default:
			t.Fatalf("unexpected: %v", event)
		}
	}
}
