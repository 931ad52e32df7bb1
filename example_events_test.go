package elevate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate"
)

// A reader that keeps its cursor in the transaction in which it acts acts once on
// each event, whatever crashes.
func ExampleStore_Events() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 1)
	feed := store.As(elevate.System("mails"))

	// A table of the host's. The mails begin with what happens from now on.
	now, err := feed.Events(ctx, elevate.EventsParams{FromNow: true})
	if err != nil {
		panic(err)
	}
	exampleMust(pool.Exec(ctx, `CREATE TABLE feeds (name text PRIMARY KEY, cursor text NOT NULL)`))
	exampleMust(pool.Exec(ctx, `INSERT INTO feeds (name, cursor) VALUES ('mails', $1)`, now.Next))

	// One enrollment by the library, and a completion by plain SQL.
	if _, err := store.As(elevate.System("demo")).Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	exampleMust(pool.Exec(ctx, `INSERT INTO progress (user_id, lesson_id, completed)
		SELECT $1, id, TRUE FROM lessons WHERE course_id = $2`, exampleAda, courseID))

	mails := 0
	read := func() error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var cursor string
			row := tx.QueryRow(ctx, `SELECT cursor FROM feeds WHERE name = 'mails' FOR UPDATE`) // one reader at a time
			if err := row.Scan(&cursor); err != nil {
				return err
			}
			result, err := feed.WithTx(tx).Events(ctx, elevate.EventsParams{
				PageParams: elevate.PageParams{Cursor: cursor},
			})
			if err != nil {
				return err
			}
			for _, event := range result.Events {
				switch event.Type {
				case elevate.EventEnrollmentCreated, elevate.EventLessonCompleted, elevate.EventCourseCompleted:
					fmt.Println(event.Type, event.UserID) // a host writes the mail to its outbox, by tx
					mails++
				default: // not for this reader
				}
			}
			_, err = tx.Exec(ctx, `UPDATE feeds SET cursor = $1 WHERE name = 'mails'`, result.Next)
			return err
		})
	}
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for mails < 3 {
		if err := read(); err != nil {
			panic(err)
		}
		<-pause.C
	}

	// Output:
	// enrollment.created 0197f000-0000-7000-8000-00000000000a
	// lesson.completed 0197f000-0000-7000-8000-00000000000a
	// course.completed 0197f000-0000-7000-8000-00000000000a
}
