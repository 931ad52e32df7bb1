package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
)

var errCrash = errors.New("crash")

// testFeed reads all of a database in which something has happened.
type testFeed struct {
	feed

	want []int64 // the events that webhooks are made of, in their order
}

func newFeed(t *testing.T, options ...elevatetest.Option) *testFeed {
	t.Helper()
	db := elevatetest.New(t, append(options, elevatetest.WithSchema(schemaName))...)
	require.NoError(t, migrate(t.Context(), db.Pool))
	jobs, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{
		Logger: slog.New(slog.DiscardHandler), Schema: schemaName,
	})
	require.NoError(t, err)
	f := &testFeed{feed: feed{
		name: "test", pool: db.Pool, store: db.Store.As(elevate.System("test")), jobs: jobs, batch: 3,
		types: []elevate.EventType{elevate.EventUserRegistered, elevate.EventEnrollmentCreated},
	}}
	require.NoError(t, f.begin(t.Context()))
	course, _ := elevatetest.PublishedCourse(t, db.Store, 1)
	for range 8 {
		elevatetest.Enrollment(t, db.Store, elevatetest.User(t, db.Store).ID, course.ID)
	}
	// The feed waits for transactions of other databases too.
	for len(f.want) < 17 {
		result, err := f.store.Events(t.Context(), elevate.EventsParams{})
		require.NoError(t, err)
		f.want = nil
		for _, event := range result.Events {
			if event.Type != elevate.EventCoursePublished {
				f.want = append(f.want, event.ID)
			}
		}
	}
	return f
}

// inserted are the events of all jobs, in the order of the jobs.
func (f *testFeed) inserted(t *testing.T) []int64 {
	t.Helper()
	rows, err := f.pool.Query(t.Context(), `SELECT (args->'event'->>'ID')::bigint
		FROM `+schemaName+`.river_job ORDER BY id`)
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	return ids
}

// TestFeedCrashes: whatever a crash interrupts, no event is lost and none becomes
// two jobs.
func TestFeedCrashes(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	for more := true; more; {
		before := f.inserted(t)
		err := pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error {
			if _, err := f.step(t.Context(), tx); err != nil {
				return err
			}
			var n int
			err := tx.QueryRow(t.Context(), `SELECT count(*) FROM `+schemaName+`.river_job`).Scan(&n)
			require.NoError(t, err)
			require.Greater(t, n, len(before), "the jobs were inserted")
			return errCrash
		})
		require.ErrorIs(t, err, errCrash)
		require.Equal(t, before, f.inserted(t))
		err = pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) (err error) {
			more, err = f.step(t.Context(), tx)
			return err
		})
		require.NoError(t, err)
	}
	require.Equal(t, f.want, f.inserted(t))
	require.NoError(t, f.begin(t.Context()), "at the next start")
	require.NoError(t, pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error {
		more, err := f.step(t.Context(), tx)
		require.False(t, more)
		return err
	}))
	require.Equal(t, f.want, f.inserted(t))
}

// TestFeedConcurrent: several processes share the work of one feed.
func TestFeedConcurrent(t *testing.T) {
	t.Parallel()
	f := newFeed(t, elevatetest.WithMaxConns(8))
	var processes errgroup.Group
	for range 8 {
		processes.Go(func() error {
			for more := true; more; {
				err := pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) (err error) {
					more, err = f.step(t.Context(), tx)
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, processes.Wait())
	require.Equal(t, f.want, f.inserted(t))
}

// TestWebhooks sends every event to a receiver that fails every now and then.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	receiver, err := newReceiver(demoSecret)
	require.NoError(t, err)
	receiver.failures.Store(5)
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	sender := newTestSender(t, server.URL)
	f.work(t, sender)

	require.NoError(t, f.run(t.Context(), func() bool { return receiver.count() == len(f.want) }))
	require.Equal(t, int64(len(f.want)+5), receiver.requests.Load(), "each once, and each failure again")
	arrived := map[string]delivery{}
	for _, webhook := range receiver.arrived() {
		arrived[webhook.id] = webhook
	}
	events, err := f.store.Events(t.Context(), elevate.EventsParams{})
	require.NoError(t, err)
	for _, event := range events.Events {
		webhook, found := arrived["evt_"+strconv.FormatInt(event.ID, 10)]
		if event.Type == elevate.EventCoursePublished {
			require.False(t, found, "not asked for")
			continue
		}
		require.Equal(t, message{event.Type, event.At, messageData{event.UserID, event.CourseID, event.SubjectID}},
			webhook.message)
	}
}

// TestWebhookGone: a receiver that wants no more is asked once.
func TestWebhookGone(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusGone)
	}))
	t.Cleanup(server.Close)
	f.work(t, newTestSender(t, server.URL))
	require.NoError(t, f.run(t.Context(), func() bool {
		var n int
		row := f.pool.QueryRow(t.Context(), `SELECT count(*) FROM `+schemaName+`.river_job
			WHERE state = 'cancelled' AND attempt = 1`)
		return row.Scan(&n) == nil && n == len(f.want)
	}))
}

// newTestSender tries again at once.
func newTestSender(t *testing.T, address string) *sender {
	t.Helper()
	sender, err := newSender(address, demoSecret)
	require.NoError(t, err)
	sender.retry = time.Now
	return sender
}

// work starts a River that works on the jobs until the test ends.
func (f *testFeed) work(t *testing.T, sender *sender) {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, sender)
	client, err := river.NewClient(riverpgxv5.New(f.pool), &river.Config{
		FetchPollInterval: 100 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		Schema:            schemaName,
		TestOnly:          true,
		Workers:           workers,
	})
	require.NoError(t, err)
	ctx := context.WithoutCancel(t.Context())
	require.NoError(t, client.Start(ctx))
	t.Cleanup(func() { require.NoError(t, client.Stop(ctx)) })
}

func setBody(request *http.Request, body []byte) {
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// TestReceiver refuses what is not signed by whom it knows, or was recorded.
func TestReceiver(t *testing.T) {
	t.Parallel()
	receiver, err := newReceiver(demoSecret)
	require.NoError(t, err)
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	event := elevate.Event{ID: 7, Type: elevate.EventCourseCompleted, At: time.Now()}

	for name, test := range map[string]struct {
		secret string
		at     time.Time
		change func(request *http.Request)
		status int
	}{
		"Signed": {status: http.StatusNoContent},
		"AnotherBody": {
			change: func(request *http.Request) {
				body, _ := io.ReadAll(request.Body)
				body[len(body)-3] ^= 1
				setBody(request, body)
			},
			status: http.StatusUnauthorized,
		},
		"AnotherID": {
			change: func(request *http.Request) { request.Header.Set("Webhook-Id", "evt_8") },
			status: http.StatusUnauthorized,
		},
		"AnotherTime": {
			change: func(request *http.Request) {
				request.Header.Set("Webhook-Timestamp", strconv.FormatInt(time.Now().Unix()+1, 10))
			},
			status: http.StatusUnauthorized,
		},
		"AnotherSecret": {secret: "whsec_c2VjcmV0IG9mIHNvbWVib2R5IGVsc2U=", status: http.StatusUnauthorized},
		"Recorded":      {at: time.Now().Add(-6 * time.Minute), status: http.StatusUnauthorized},
		"Unsigned": {
			change: func(request *http.Request) { request.Header.Del("Webhook-Signature") },
			status: http.StatusUnauthorized,
		},
		"TooLong": {
			change: func(request *http.Request) { setBody(request, make([]byte, maxMessage+1)) },
			status: http.StatusBadRequest,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, at := test.secret, test.at
			if secret == "" {
				secret = demoSecret
			}
			if at.IsZero() {
				at = time.Now()
			}
			sender, err := newSender(server.URL, secret)
			require.NoError(t, err)
			request, err := sender.request(t.Context(), event, at)
			require.NoError(t, err)
			if test.change != nil {
				test.change(request)
			}
			response, err := sender.client.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.status, response.StatusCode)
		})
	}
}
