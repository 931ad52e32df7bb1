// Database-sql is a host that is written on database/sql, and whose transactions
// Elevate joins: a shop takes an order, delivers the courses by enrolling the
// learner, and takes the price, in one transaction. The driver must be pgx's,
// github.com/jackc/pgx/v5/stdlib; sqlx, and what else hands out the sql.DB below
// it, works the same way.
//
// The file to copy is intx.go. The file shop.go uses it.
//
//	DATABASE_URL=postgres://… go run ./examples/database-sql
//
// or, on a throw-away PostgreSQL,
//
//	go run ./internal/withpostgres -env DATABASE_URL -- go run ./examples/database-sql
//
// It works in a database of its own, elevate_database_sql, which it drops and makes
// anew, so its role needs CREATEDB, and leaves there for you to look at.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/schema"
)

const databaseName = "elevate_database_sql"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Getenv("DATABASE_URL"), databaseName, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "database-sql:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, database string, out io.Writer) error {
	config, err := freshDatabase(ctx, url, database)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config) // as sql.Open("pgx", url) does
	defer func() { _ = db.Close() }()
	if err := migrate(ctx, config, db); err != nil {
		return err
	}
	shop, err := newShop(db)
	if err != nil {
		return err
	}
	ada, courses, err := stock(ctx, shop)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Ada has a credit of 100.00.")

	fmt.Fprintln(out, "\n1. She orders Go basics, 60.00, and Ethics, which is free.")
	_, err = shop.order(ctx, ada, courses["go-basics"], courses["ethics"])
	if err := show(ctx, out, db, err); err != nil {
		return err
	}

	fmt.Fprintln(out, "\n2. She orders Compilers, 50.00. She is enrolled, and then cannot pay: neither stays.")
	_, err = shop.order(ctx, ada, courses["compilers"])
	if !errors.Is(err, errNoCredit) {
		return fmt.Errorf("an order beyond the credit: %w", err)
	}
	if err := show(ctx, out, db, err); err != nil {
		return err
	}

	fmt.Fprintln(out, "\n3. She orders Databases, which is not published yet, and Testing, 30.00.")
	fmt.Fprintln(out, "   The one enrollment is refused, and the transaction goes on with the other.")
	_, err = shop.order(ctx, ada, courses["databases"], courses["testing"])
	return show(ctx, out, db, err)
}

// freshDatabase makes the database of the example, and is the way to it.
func freshDatabase(ctx context.Context, url, database string) (*pgx.ConnConfig, error) {
	if url == "" {
		return nil, errors.New("DATABASE_URL is not set")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
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
	config.Database = database
	return config, nil
}

// migrate creates Elevate's tables, and then the shop's.
func migrate(ctx context.Context, config *pgx.ConnConfig, db *sql.DB) error {
	if err := schema.Up(ctx, config, &schema.Config{Schema: schoolSchema}); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, shopTables); err != nil {
		return fmt.Errorf("create the tables of the shop: %w", err)
	}
	return check(ctx, db)
}

// check asks, as a program does at its start, whether the tables are those it was
// made for. It reads through pgx, so it gets the connection below.
func check(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	defer func() { _ = conn.Close() }()
	pgxConn, err := below(conn)
	if err != nil {
		return err
	}
	return schema.Check(ctx, pgxConn, &schema.Config{Schema: schoolSchema})
}

// stock makes a learner with credit, and courses by their slugs.
func stock(ctx context.Context, s *shop) (ada uuid.UUID, courses map[string]uuid.UUID, err error) {
	ada, courses = uuid.Must(uuid.NewV7()), map[string]uuid.UUID{}
	err = inTx(ctx, s.db, s.store, func(tx *sql.Tx, store *elevate.Store) error {
		grace := uuid.Must(uuid.NewV7())
		for _, user := range []elevate.SyncUserParams{
			{ID: ada, Email: "ada@example.org", Name: "Ada"},
			{ID: grace, Email: "grace@example.org", Name: "Grace", Role: elevate.RoleInstructor},
		} {
			if _, err := store.SyncUser(ctx, user); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO public.accounts VALUES ($1, 10000)`, ada); err != nil {
			return fmt.Errorf("give credit: %w", err)
		}
		for _, course := range []elevate.CreateCourseParams{
			{Slug: "go-basics", Title: "Go basics", Price: 6000},
			{Slug: "ethics", Title: "Ethics"},
			{Slug: "compilers", Title: "Compilers", Price: 5000},
			{Slug: "databases", Title: "Databases", Price: 2000},
			{Slug: "testing", Title: "Testing", Price: 3000},
		} {
			course.InstructorID, course.Category, course.Level = grace, "computing", elevate.LevelBeginner
			created, err := store.CreateCourse(ctx, course)
			if err != nil {
				return err
			}
			id := created.Course.ID
			courses[course.Slug] = id
			if course.Slug == "databases" {
				continue // not finished
			}
			lesson := elevate.AddLessonsParams{CourseID: id, Lessons: []elevate.NewLesson{{Title: "Welcome"}}}
			if _, err := store.AddLessons(ctx, lesson); err != nil {
				return err
			}
			if _, err := store.PublishCourse(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return ada, courses, err
}

// show prints what became of an order, and what both sides hold now. An order that
// was refused by something else than the shop ends the program.
func show(ctx context.Context, out io.Writer, db *sql.DB, refusal error) error {
	switch {
	case refusal == nil:
		fmt.Fprintln(out, "   committed")
	case errors.Is(refusal, errNoCredit):
		fmt.Fprintln(out, "   rolled back:", refusal)
	default:
		return refusal
	}

	rows, err := db.QueryContext(ctx, `
		SELECT o.number, c.title, l.state, coalesce(e.source, 'not enrolled')
		FROM public.orders AS o
		JOIN public.order_lines AS l ON l.order_number = o.number
		JOIN school.courses AS c ON c.id = l.course_id
		LEFT JOIN school.enrollments AS e ON e.user_id = o.learner_id AND e.course_id = l.course_id
		ORDER BY o.number, c.title`)
	if err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			number                 int64
			title, state, enrolled string
		)
		if err := rows.Scan(&number, &title, &state, &enrolled); err != nil {
			return fmt.Errorf("read the orders: %w", err)
		}
		fmt.Fprintf(out, "   order %d  %-10s %-10s enrollment: %s\n", number, title, state, enrolled)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}

	var enrollments, notifications, credit int
	row := db.QueryRowContext(ctx, `
		SELECT
			(SELECT count(*) FROM school.enrollments),
			(SELECT count(*) FROM school.notifications),
			(SELECT credit FROM public.accounts)`)
	if err := row.Scan(&enrollments, &notifications, &credit); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	fmt.Fprintf(out, "   %d enrollments, %d notifications, a credit of %d.%02d\n",
		enrollments, notifications, credit/100, credit%100)
	return nil
}
