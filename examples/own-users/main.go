// Own-users is a host that has users and sign-in of its own and keeps both: a site
// with the table public.users, whose ids are bigint, and a signed cookie. Elevate's
// tables are beside it in the schema school. It shows
//
//   - how a user of the host becomes one of Elevate, in the transaction that makes
//     or changes them (accounts.go);
//   - how whoever is signed in becomes the actor of a request (identify, in
//     server.go);
//   - what Elevate's errors are in HTTP (errors.go).
//
// The cookie is in cookies.go. The program starts the site on loopback, sends it
// some requests and prints the answers:
//
//	DATABASE_URL=postgres://… go run ./examples/own-users
//
// or, on a throw-away PostgreSQL,
//
//	go run ./internal/withpostgres -env DATABASE_URL -- go run ./examples/own-users
//
// It works in a database of its own, elevate_own_users, which it drops and makes
// anew, so its role needs CREATEDB, and leaves there for you to look at.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/schema"
)

const databaseName = "elevate_own_users"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Getenv("DATABASE_URL"), databaseName, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "own-users:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, database string, out io.Writer) error {
	pool, err := freshDatabase(ctx, url, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrate(ctx, pool); err != nil {
		return err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	site, err := newServer(pool, config{
		cookieKey: key, insecure: true, log: slog.New(slog.DiscardHandler), now: time.Now, passwordCost: 10,
	})
	if err != nil {
		return err
	}
	basics, compilers, err := stock(ctx, site)
	if err != nil {
		return err
	}
	base, stop, err := serve(ctx, site.handler())
	if err != nil {
		return err
	}
	defer stop()

	tell := &teller{base: base, out: out, pool: pool}
	ada, linus, nobody := newBrowser(), newBrowser(), &http.Client{}
	tell.say("1. Ada registers. Both tables have her, by one transaction.")
	tell.call(ctx, ada, "POST /accounts", `{"email": "ada@example.org", "name": "Ada", "password": "analytical engine"}`)
	tell.users(ctx, "Ada")

	tell.say("\n2. She enrolls, twice, and in a course that she has not paid for.")
	tell.call(ctx, ada, "PUT /courses/"+basics.String()+"/enrollment", "")
	tell.call(ctx, ada, "PUT /courses/"+basics.String()+"/enrollment", "")
	tell.call(ctx, ada, "PUT /courses/"+compilers.String()+"/enrollment", "")

	tell.say("\n3. She completes a lesson.")
	tell.call(ctx, ada, "GET /my/courses", "")
	tell.call(ctx, ada, "PUT /lessons/"+fixedID("lesson 1").String()+"/completion", `{"seconds": 300}`)

	tell.say("\n4. She changes her email. Elevate has the new one at the same moment.")
	tell.call(ctx, ada, "PUT /account/email", `{"email": "ada@lovelace.example"}`)
	tell.users(ctx, "Ada")

	tell.say("\n5. Linus registers, and tries what is not his.")
	tell.call(ctx, linus, "POST /accounts", `{"email": "ada@lovelace.example", "name": "Linus", "password": "for fun!"}`)
	tell.call(ctx, linus, "POST /accounts", `{"email": "linus@example.org", "name": "Linus", "password": "for fun!"}`)
	tell.call(ctx, linus, "GET /accounts/2/courses", "")
	tell.call(ctx, linus, "GET /courses/"+basics.String()+"/learners", "")
	tell.call(ctx, linus, "PUT /lessons/"+fixedID("lesson 1").String()+"/completion", `{"seconds": 300}`)
	tell.call(ctx, linus, "PUT /lessons/"+fixedID("no lesson").String()+"/completion", `{"seconds": 300}`)
	tell.call(ctx, linus, "PUT /lessons/"+fixedID("lesson 1").String()+"/completion", `{"seconds": -1}`)

	tell.say("\n6. Nobody is signed in.")
	tell.call(ctx, nobody, "GET /courses", "")
	tell.call(ctx, nobody, "GET /my/courses", "")
	tell.call(ctx, nobody, "POST /session", `{"email": "ada@lovelace.example", "password": "difference engine"}`)
	return tell.err
}

// freshDatabase makes the database of the example, and a pool on it.
func freshDatabase(ctx context.Context, url, database string) (*pgxpool.Pool, error) {
	if url == "" {
		return nil, errors.New("DATABASE_URL is not set")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	name := pgx.Identifier{database}.Sanitize()
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("make database %s: %w", database, err)
		}
	}
	config.ConnConfig.Database = database
	return pgxpool.NewWithConfig(ctx, config)
}

// migrate creates the host's tables and Elevate's, in either order.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, hostTables); err != nil {
		return fmt.Errorf("create the host's tables: %w", err)
	}
	cfg := &schema.Config{Schema: schoolSchema}
	if err := schema.Up(ctx, pool.Config().ConnConfig, cfg); err != nil {
		return err
	}
	// A program asks at its start whether the tables are those it was made for.
	return schema.Check(ctx, pool, cfg)
}

// stock makes a teacher, a free course and a dear one. It is a script of the
// host's, so it acts as the system.
func stock(ctx context.Context, site *server) (basics, compilers uuid.UUID, err error) {
	grace, err := site.accounts.register(ctx, "grace@example.org", "Grace", "nanoseconds!")
	if err != nil {
		return basics, compilers, err
	}
	if grace, err = site.accounts.setRole(ctx, grace.ID, "teacher"); err != nil {
		return basics, compilers, err
	}
	office := site.store.As(elevate.System("office"))
	for _, params := range []elevate.CreateCourseParams{
		{Slug: "go-basics", Title: "Go basics"},
		{Slug: "compilers", Title: "Compilers", Price: 4900},
	} {
		params.ID, params.InstructorID = fixedID(params.Slug), learnerID(grace.ID)
		params.Category, params.Level = "computing", elevate.LevelBeginner
		if _, err := office.CreateCourse(ctx, params); err != nil {
			return basics, compilers, err
		}
		lessons := []elevate.NewLesson{{Title: "First"}, {Title: "Second"}}
		if params.Price == 0 {
			lessons[0].ID, lessons[1].ID = fixedID("lesson 1"), fixedID("lesson 2")
		}
		if _, err := office.AddLessons(ctx, elevate.AddLessonsParams{CourseID: params.ID, Lessons: lessons}); err != nil {
			return basics, compilers, err
		}
		if _, err := office.PublishCourse(ctx, params.ID); err != nil {
			return basics, compilers, err
		}
	}
	return fixedID("go-basics"), fixedID("compilers"), nil
}

// fixedID is an id by a name, so that the program prints the same each time.
func fixedID(name string) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte("example:"+name))
}
