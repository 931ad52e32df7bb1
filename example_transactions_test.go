package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/elevateforhumanity/elevate"
)

// Several operations, one transaction: both courses, or neither.
func ExampleStore_InTx() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	basics := exampleCourse(pool, "public", "Go basics", 2)
	testing := exampleCourse(pool, "public", "Testing", 1)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})

	enrollIn := func(courseIDs ...uuid.UUID) error {
		return me.InTx(ctx, func(store *elevate.Store) error {
			for _, courseID := range courseIDs {
				if _, err := store.Enroll(ctx, exampleAda, courseID); err != nil {
					return err // rolls back
				}
			}
			return nil // commits
		})
	}
	count := func() int {
		page, err := me.MyCourses(ctx, exampleAda, elevate.PageParams{})
		if err != nil {
			panic(err)
		}
		return len(page.Items)
	}

	err := enrollIn(basics, uuid.Nil)
	fmt.Println(errors.Is(err, elevate.ErrNotFound), count())
	err = enrollIn(basics, testing)
	fmt.Println(err, count())

	// Output:
	// true 0
	// <nil> 2
}

// InTx within a transaction is a savepoint: what it did is undone, what was done
// before it stays.
func ExampleStore_InTx_nested() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	basics := exampleCourse(pool, "public", "Go basics", 2)
	extras := []uuid.UUID{exampleCourse(pool, "public", "Testing", 1), uuid.Nil}

	err := store.As(elevate.System("welcome")).InTx(ctx, func(store *elevate.Store) error {
		if _, err := store.Enroll(ctx, exampleAda, basics); err != nil {
			return err
		}
		err := store.InTx(ctx, func(store *elevate.Store) error {
			for _, courseID := range extras {
				if _, err := store.Enroll(ctx, exampleAda, courseID); err != nil {
					return err
				}
			}
			return nil
		})
		if errors.Is(err, elevate.ErrNotFound) {
			fmt.Println("without the extras")
			return nil
		}
		return err
	})
	if err != nil {
		panic(err)
	}

	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	page, err := me.MyCourses(ctx, exampleAda, elevate.PageParams{})
	if err != nil {
		panic(err)
	}
	for _, course := range page.Items {
		fmt.Println(course.Title)
	}

	// Output:
	// without the extras
	// Go basics
}

// An enrollment and the host's own order in the transaction that the host began:
// neither is there without the other. Elevate's tables are in the schema school,
// the host's in public.
func ExampleStore_WithTx() {
	store, pool, cleanup := exampleStore("school")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "school", "Go basics", 2)
	if _, err := pool.Exec(ctx, `CREATE TABLE public.orders (code text PRIMARY KEY, buyer uuid)`); err != nil {
		panic(err)
	}

	tx, err := pool.Begin(ctx)
	if err != nil {
		panic(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // no-op after the commit

	if _, err := tx.Exec(ctx, `INSERT INTO public.orders VALUES ('A-1', $1)`, exampleAda); err != nil {
		panic(err)
	}
	shop := store.As(elevate.System("shop")).WithTx(tx)

	// A refusal leaves the transaction usable.
	_, err = shop.Enroll(ctx, exampleAda, uuid.Nil)
	fmt.Println(errors.Is(err, elevate.ErrNotFound))

	result, err := shop.Enroll(ctx, exampleAda, courseID)
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Created)
	if err := tx.Commit(ctx); err != nil {
		panic(err)
	}

	var orders, enrollments int
	row := pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM public.orders), (SELECT count(*) FROM school.enrollments)`)
	if err := row.Scan(&orders, &enrollments); err != nil {
		panic(err)
	}
	fmt.Println(orders, enrollments)

	// Output:
	// true
	// true
	// 1 1
}

// A program that uses database/sql through pgx has no pool of pgx and needs none:
// the connection that holds its transaction is what WithTx takes.
func ExampleStore_WithTx_databaseSQL() {
	_, pool, cleanup := exampleStore("school")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "school", "Go basics", 2)
	if _, err := pool.Exec(ctx, `CREATE TABLE public.orders (code text PRIMARY KEY, buyer uuid)`); err != nil {
		panic(err)
	}

	db := stdlib.OpenDB(*pool.Config().ConnConfig) // as sql.Open("pgx", url) does
	defer func() { _ = db.Close() }()
	store, err := elevate.New(nil, &elevate.Config{Schema: "school"})
	if err != nil {
		panic(err)
	}

	// A connection of its own, so that Raw and the transaction are on the same.
	conn, err := db.Conn(ctx)
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = tx.Rollback() }() // no-op after the commit

	if _, err := tx.ExecContext(ctx, `INSERT INTO public.orders VALUES ('A-1', $1)`, exampleAda); err != nil {
		panic(err)
	}
	err = conn.Raw(func(driverConn any) error {
		pgxConn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errors.New("not a connection of pgx")
		}
		shop := store.As(elevate.System("shop")).WithTx(pgxConn.Conn())
		result, err := shop.Enroll(ctx, exampleAda, courseID)
		fmt.Println(result.Created)
		return err
	})
	if err != nil {
		panic(err)
	}
	if err := tx.Commit(); err != nil {
		panic(err)
	}

	var orders, enrollments int
	row := db.QueryRowContext(ctx,
		`SELECT (SELECT count(*) FROM public.orders), (SELECT count(*) FROM school.enrollments)`)
	if err := row.Scan(&orders, &enrollments); err != nil {
		panic(err)
	}
	fmt.Println(orders, enrollments)

	// Output:
	// true
	// 1 1
}

// The triggers of a write are told who acts. This one, the host's own, notes it;
// what is written beside the library has no actor.
func ExampleStore_As() {
	store, pool, cleanup := exampleStore("school")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "school", "Go basics", 2)
	_, err := pool.Exec(ctx, `
		CREATE TABLE public.enrollment_log (
			at timestamptz NOT NULL DEFAULT now(),
			actor text,
			request text,
			operation text NOT NULL
		);

		CREATE FUNCTION public.log_enrollment()
		RETURNS trigger
		LANGUAGE plpgsql
		AS $$
		BEGIN
			INSERT INTO public.enrollment_log (actor, request, operation)
			VALUES (
				nullif(current_setting('elevate.actor', TRUE), ''),
				nullif(current_setting('elevate.request', TRUE), ''),
				TG_OP
			);
			RETURN NULL;
		END
		$$;

		CREATE TRIGGER log_enrollment
			AFTER INSERT OR DELETE ON school.enrollments
			FOR EACH ROW
			EXECUTE FUNCTION public.log_enrollment();`)
	if err != nil {
		panic(err)
	}

	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser, RequestID: "req-7"})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}
	cleaner := store.As(elevate.System("cleaner"))
	if _, err := cleaner.Unenroll(ctx, elevate.UnenrollParams{UserID: exampleAda, CourseID: courseID}); err != nil {
		panic(err)
	}
	_, err = pool.Exec(ctx, `INSERT INTO school.enrollments (user_id, course_id) VALUES ($1, $2)`, exampleAda, courseID)
	if err != nil {
		panic(err)
	}

	rows, err := pool.Query(ctx, `
		SELECT coalesce(actor, 'nobody'), coalesce(request, 'no request'), operation
		FROM public.enrollment_log
		ORDER BY at`)
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	for rows.Next() {
		var actor, request, operation string
		if err := rows.Scan(&actor, &request, &operation); err != nil {
			panic(err)
		}
		fmt.Println(operation, actor, request)
	}
	if err := rows.Err(); err != nil {
		panic(err)
	}

	// Output:
	// INSERT 0197f000-0000-7000-8000-00000000000a req-7
	// DELETE system:cleaner no request
	// INSERT nobody no request
}
