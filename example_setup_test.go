package elevate_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/internal/pgserver"
	"github.com/elevateforhumanity/elevate/schema"
)

// People of the examples, in every database that exampleStore makes.
var (
	exampleAda   = uuid.MustParse("0197f000-0000-7000-8000-00000000000a") // a learner
	exampleGrace = uuid.MustParse("0197f000-0000-7000-8000-00000000000b") // an instructor
)

// exampleServer is found once; it ends with the test binary.
var exampleServer = sync.OnceValues(func() (*pgserver.Server, error) {
	return pgserver.Start(context.Background(), os.Stderr)
})

// exampleDatabase is the URL of an empty database. An Example has no testing.TB,
// so failures panic.
func exampleDatabase() (databaseURL string, drop func()) {
	ctx := context.Background()
	server := exampleMust(exampleServer())
	admin := exampleMust(pgx.Connect(ctx, server.URL))
	name := "elevate_example_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	exampleMust(admin.Exec(ctx, "CREATE DATABASE "+name))
	u := exampleMust(url.Parse(server.URL))
	query := u.Query()
	query.Del("dbname")
	u.Path, u.RawQuery = "/"+name, query.Encode()
	return u.String(), func() {
		exampleMust(admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"))
		exampleCheck(admin.Close(ctx))
	}
}

// exampleEnvironment is that of a program that finds its database by
// DATABASE_URL.
func exampleEnvironment() (cleanup func()) {
	databaseURL, drop := exampleDatabase()
	exampleCheck(os.Setenv("DATABASE_URL", databaseURL))
	return func() {
		exampleCheck(os.Unsetenv("DATABASE_URL"))
		drop()
	}
}

// exampleStore is what an example stands on: a store that acts as a visitor, on
// a migrated database of its own.
func exampleStore(schemaName string) (store *elevate.Store, pool *pgxpool.Pool, cleanup func()) {
	ctx := context.Background()
	databaseURL, drop := exampleDatabase()
	config := exampleMust(pgxpool.ParseConfig(databaseURL))
	exampleCheck(schema.Up(ctx, config.ConnConfig, &schema.Config{Schema: schemaName}))
	pool = exampleMust(pgxpool.NewWithConfig(ctx, config))
	exampleMust(pool.Exec(ctx, exampleSQL(schemaName, `
		INSERT INTO {s}.users (id, email, password_hash, name, role)
		VALUES ($1, 'ada@example.org', '!', 'Ada', 'user'), ($2, 'grace@example.org', '!', 'Grace', 'instructor')`),
		exampleAda, exampleGrace))
	store = exampleMust(elevate.New(pool, &elevate.Config{Schema: schemaName}))
	return store, pool, func() {
		pool.Close()
		drop()
	}
}

// exampleCourse is a new published course of Grace's, free, with lessons, for
// examples that are not about making one.
func exampleCourse(pool *pgxpool.Pool, schemaName, title string, lessons int) uuid.UUID {
	ctx, id := context.Background(), uuid.Must(uuid.NewV7())
	exampleMust(pool.Exec(ctx, exampleSQL(schemaName, `
		INSERT INTO {s}.courses (id, title, slug, description, instructor_id, category, level, price, published)
		VALUES ($1, $2, $3, '', $4, 'example', 'beginner', 0, TRUE)`), id, title, id.String(), exampleGrace))
	exampleMust(pool.Exec(ctx, exampleSQL(schemaName, `
		INSERT INTO {s}.lessons (course_id, title, "order")
		SELECT $1, 'Lesson ' || place, place FROM generate_series(1, $2::integer) AS place`), id, lessons))
	return id
}

// exampleSQL puts the schema in the place of {s}.
func exampleSQL(schemaName, sql string) string {
	return strings.ReplaceAll(sql, "{s}", pgx.Identifier{schemaName}.Sanitize())
}

func exampleMust[T any](value T, err error) T {
	exampleCheck(err)
	return value
}

func exampleCheck(err error) {
	if err != nil {
		panic(fmt.Errorf("set up an example: %w", err))
	}
}
