// Events sends a webhook for what happens in Elevate, and loses and repeats none,
// whatever crashes:
//
//   - feed.go reads the feed of events and inserts a job of River for each, in one
//     transaction with the cursor.
//   - webhook.go is what the job does: it sends the event, signed after
//     https://www.standardwebhooks.com, and River tries again until that succeeds.
//   - receiver.go is the other side: it verifies the signature.
//
// It has a module of its own, so that River is none of the library's dependencies:
//
//	DATABASE_URL=postgres://… go run -C examples/events .
//
// It works in a schema of its own, elevate_events, which it drops and makes anew,
// leaves there for you to look at, and touches nothing else in the database.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/schema"
)

// schemaName holds the tables of Elevate, of River and of this program.
const schemaName = "elevate_events"

// demoSecret is what both sides know. A host makes one for each receiver, from 24
// or more random bytes, and keeps it as it keeps passwords of its own.
const demoSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" //nolint:gosec // the one of the specification

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Getenv("DATABASE_URL"), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string, out io.Writer) (err error) {
	if url == "" {
		return errors.New("DATABASE_URL is not set")
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("read DATABASE_URL: %w", err)
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schemaName+" CASCADE"); err != nil {
		return fmt.Errorf("drop the schema of an earlier run: %w", err)
	}
	if err := migrate(ctx, pool); err != nil {
		return err
	}
	store, err := elevate.New(pool, &elevate.Config{Schema: schemaName})
	if err != nil {
		return err
	}

	// Who wants to be told. It is out of order when the first webhook comes.
	receiver, err := newReceiver(demoSecret)
	if err != nil {
		return err
	}
	receiver.failures.Store(1)
	address, closeServer, err := serve(ctx, receiver)
	if err != nil {
		return err
	}
	defer closeServer()

	jobs, err := newJobs(pool, address)
	if err != nil {
		return err
	}
	if err := jobs.Start(ctx); err != nil {
		return fmt.Errorf("start River: %w", err)
	}
	defer func() {
		err = errors.Join(err, jobs.Stop(context.WithoutCancel(ctx)))
	}()
	webhooks := &feed{
		name: "webhooks", pool: pool, store: store.As(elevate.System("webhooks")), jobs: jobs,
		types: []elevate.EventType{
			elevate.EventEnrollmentCreated, elevate.EventCourseCompleted, elevate.EventCertificateIssued,
		},
	}
	if err := webhooks.begin(ctx); err != nil {
		return err
	}

	if err := study(ctx, store.As(elevate.System("demo"))); err != nil {
		return err
	}
	if err := webhooks.run(ctx, func() bool { return receiver.count() == len(webhooks.types) }); err != nil {
		return err
	}
	return show(receiver, out)
}

// migrate makes the tables. Each part has migrations of its own.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	if err := schema.Up(ctx, pool.Config().ConnConfig, &schema.Config{Schema: schemaName}); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Logger: slog.New(slog.DiscardHandler), Schema: schemaName,
	})
	if err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	if _, err := pool.Exec(ctx, feedTable); err != nil {
		return fmt.Errorf("create the table of cursors: %w", err)
	}
	return nil
}

// newJobs is River with the one worker that there is.
func newJobs(pool *pgxpool.Pool, address string) (*river.Client[pgx.Tx], error) {
	sender, err := newSender(address, demoSecret)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, sender)
	return river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchPollInterval: 200 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler), // a webhook that fails is logged, with its error
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}},
		Schema:            schemaName,
		Workers:           workers,
	})
}

// serve gives the receiver an address on this machine.
func serve(ctx context.Context, handler http.Handler) (address string, closeServer func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // returns when closed
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// study is what happens: Ada enrolls, completes a course of one lesson, and gets
// her certificate.
func study(ctx context.Context, school *elevate.Store) error {
	ada, grace, courseID := uuid.New(), uuid.New(), uuid.New()
	lessonID := uuid.New()
	return school.InTx(ctx, func(school *elevate.Store) error {
		for _, step := range []func() error{
			func() error { return person(ctx, school, ada, "ada", elevate.RoleUser) },
			func() error { return person(ctx, school, grace, "grace", elevate.RoleInstructor) },
			func() error {
				_, err := school.CreateCourse(ctx, elevate.CreateCourseParams{
					ID: courseID, InstructorID: grace, Slug: "go-basics", Title: "Go basics",
					Category: "go", Level: elevate.LevelBeginner,
				})
				return err
			},
			func() error {
				_, err := school.AddLessons(ctx, elevate.AddLessonsParams{
					CourseID: courseID, Lessons: []elevate.NewLesson{{ID: lessonID, Title: "Hello"}},
				})
				return err
			},
			func() error { _, err := school.PublishCourse(ctx, courseID); return err },
			func() error { _, err := school.Enroll(ctx, ada, courseID); return err },
			func() error { _, err := school.CompleteLesson(ctx, ada, lessonID, 0); return err },
			func() error {
				_, err := school.IssueCertificate(ctx, elevate.IssueCertificateParams{UserID: ada, CourseID: courseID})
				return err
			},
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

func person(ctx context.Context, school *elevate.Store, id uuid.UUID, name string, role elevate.Role) error {
	_, err := school.SyncUser(ctx, elevate.SyncUserParams{
		ID: id, Email: name + "@example.org", Name: name, Role: role,
	})
	return err
}

// show prints what arrived, in the order of what happened: webhooks come in any.
func show(receiver *receiver, out io.Writer) error {
	arrived := receiver.arrived()
	slices.SortFunc(arrived, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) // evt_9, evt_10
	})
	for _, webhook := range arrived {
		if _, err := fmt.Fprintf(out, "%s, signature verified\n", webhook.message.Type); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%d webhooks in %d requests\n", len(arrived), receiver.requests.Load())
	return err
}
