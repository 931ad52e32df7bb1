// Package elevatetest gives a test a database of its own with Elevate's tables
// in it.
//
//	func TestEnrolling(t *testing.T) {
//		t.Parallel()
//		db := elevatetest.New(t)
//		ada := elevatetest.User(t, db.Store)
//		course, _ := elevatetest.PublishedCourse(t, db.Store, 3) // of three lessons
//
//		me := db.Store.As(elevate.Actor{UserID: ada.ID, Role: ada.Role})
//		_, err := me.Enroll(t.Context(), ada.ID, course.ID)
//		…
//	}
//
// What a test is not about is seeded: [User], [Course], [Lessons],
// [PublishedCourse], [Enrollment], [CompletedEnrollment] and [Certificate] make
// it with the library's own operations, on any Store, in a transaction too. They
// act as the system whatever the Store acts as, and end the test on an error.
//
// The migrations run once into a template database, which each test clones; a
// clone takes about as long as a hundred queries. It is dropped at the end of
// the test, and kept when the test failed, with its URL in the test's output.
//
// The server is the one that ELEVATE_TEST_DATABASE_URL names, whose role must
// be a superuser; without that variable one is started for the test binary: in
// a container, from the machine's own binaries, or downloaded, whichever is
// possible first, and it ends with the test binary. ELEVATE_TEST_PROVIDER asks
// for one of them: container, local or embedded.
package elevatetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver that pgtestdb connects by
	"github.com/peterldowns/pgtestdb"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/internal/hashcost"
	"github.com/elevateforhumanity/elevate/internal/pgserver"
	"github.com/elevateforhumanity/elevate/schema"
)

const (
	// timeZone is half an hour off every other one and has summer time, so that
	// code which forgets the zone fails its test. It is in the URL, because
	// settings of a database are not cloned from its template.
	timeZone = "Canada/Newfoundland"

	defaultMaxConns = 4
	startLimit      = 15 * time.Minute // a first start may pull an image
	closeLimit      = 10 * time.Second
)

// DB is the database of one test.
type DB struct {
	// Pool connects to the database. It is closed at the end of the test.
	Pool *pgxpool.Pool

	// Schema holds Elevate's tables.
	Schema string

	// Store is on the pool and acts as a visitor.
	Store *elevate.Store

	// URL connects to the database, for a second pool or another program.
	URL string
}

type options struct {
	config   elevate.Config
	maxConns int32
	migrator pgtestdb.Migrator
	pool     func(*pgxpool.Config)
	schema   string
}

// Option changes what [New] does.
type Option func(*options)

// WithConfig is the configuration of the Store. Its Schema is where the tables
// are, unless [WithSchema] says otherwise. Its PasswordCost defaults to 4, the
// least that bcrypt knows.
func WithConfig(config elevate.Config) Option {
	return func(o *options) { o.config = config }
}

// WithMaxConns bounds the pool. Defaults to 4, so that many tests can run at
// once on one server; 1 finds code that needs a second connection.
func WithMaxConns(n int32) Option {
	return func(o *options) { o.maxConns = n }
}

// WithMigrator runs the host's own migrations after Elevate's. Any migrator for
// pgtestdb will do; its Hash must change when its migrations do.
func WithMigrator(migrator pgtestdb.Migrator) Option {
	return func(o *options) { o.migrator = migrator }
}

// WithPool changes the pool's configuration before it is made: a tracer, a role
// to set, an execution mode. It has the last word.
func WithPool(change func(*pgxpool.Config)) Option {
	return func(o *options) { o.pool = change }
}

// WithSchema places Elevate's tables. Defaults to "public".
func WithSchema(name string) Option {
	return func(o *options) { o.schema = name }
}

// New returns a migrated database that no other test uses. It fails the test
// when there is none, and never skips it.
func New(t testing.TB, opts ...Option) *DB {
	t.Helper()
	o := &options{maxConns: defaultMaxConns}
	for _, opt := range opts {
		opt(o)
	}
	// Tests sign in often, and nobody steals their passwords.
	hashcost.Lower()
	o.config.PasswordCost = cmp.Or(o.config.PasswordCost, bcrypt.MinCost)
	o.config.Schema = cmp.Or(o.schema, o.config.Schema, schema.DefaultSchema)

	server, err := sharedServer()
	if err != nil {
		t.Fatalf("elevate/elevatetest: %s", err)
	}
	base, err := baseConfig(server.URL)
	if err != nil {
		t.Fatalf("elevate/elevatetest: %s", err)
	}
	instance := pgtestdb.Custom(t, base, &migrator{
		host:   o.migrator,
		major:  server.Version / 10000,
		schema: o.config.Schema,
	})

	config, err := pgxpool.ParseConfig(instance.URL())
	if err != nil {
		t.Fatalf("elevate/elevatetest: %s", err)
	}
	config.MaxConns = o.maxConns
	if o.pool != nil {
		o.pool(config)
	}
	ctx := context.WithoutCancel(t.Context())
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		t.Fatalf("elevate/elevatetest: %s", err)
	}
	// Cleanups run last first, so this one comes before the drop.
	t.Cleanup(func() {
		closePool(t, pool)
		if t.Failed() {
			t.Logf("elevate/elevatetest: the database of the failed test is kept%s: %s", until(server), instance.URL())
		}
	})

	store, err := elevate.New(pool, &o.config)
	if err != nil {
		t.Fatalf("elevate/elevatetest: %s", err)
	}
	return &DB{Pool: pool, Schema: o.config.Schema, Store: store, URL: instance.URL()}
}

// closePool closes the pool, which waits for every connection: one that was
// never given back would hang the test until its timeout, without a word.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	timer := time.NewTimer(closeLimit)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
		t.Errorf("elevate/elevatetest: %d connections were not given back to the pool: "+
			"rows, a batch or a transaction is still open", pool.Stat().AcquiredConns())
	}
}

func until(server *pgserver.Server) string {
	if server.Link == "url" {
		return ""
	}
	return " while this test binary runs (with " + pgserver.EnvURL + ", longer)"
}

// sharedServer is the server of this test binary. It is never stopped: it ends
// with the process, which also covers tests that panic and those without a
// TestMain.
//
//nolint:gochecknoglobals // a server takes a second to start, and tests have nothing else in common
var sharedServer = sync.OnceValues(func() (*pgserver.Server, error) {
	// No test's context: the server is for those after it too.
	ctx, cancel := context.WithTimeout(context.Background(), startLimit) //nolint:forbidigo // see above
	defer cancel()
	server, err := pgserver.Start(ctx, os.Stderr)
	if err != nil {
		return nil, fmt.Errorf("find a server: %w", err)
	}
	if err := requireSuperuser(ctx, server.URL); err != nil {
		return nil, err
	}
	return server, nil
})

// requireSuperuser says in plain words what pgtestdb would fail at: it marks
// its templates in pg_database itself.
func requireSuperuser(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var (
		name  string
		super bool
	)
	row := conn.QueryRow(ctx, "SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
	if err := row.Scan(&name, &super); err != nil {
		return fmt.Errorf("ask for the rights of the role: %w", err)
	}
	if !super {
		return fmt.Errorf("role %q of %s is no superuser, which templates of databases need", name, pgserver.EnvURL)
	}
	return nil
}

// baseConfig turns the server's URL into what pgtestdb makes the URLs of its
// databases from. It writes the parts into them as they are.
func baseConfig(serverURL string) (pgtestdb.Config, error) {
	var none pgtestdb.Config
	parsed, err := pgx.ParseConfig(serverURL)
	if err != nil {
		return none, fmt.Errorf("parse the URL of the server: %w", err)
	}
	u, err := url.Parse(serverURL)
	if err != nil {
		// The error has the URL in it, and the URL a password.
		return none, errors.New("the URL of the server is malformed")
	}
	if url.User(parsed.User).String() != parsed.User {
		return none, fmt.Errorf("the name of role %q would have to be escaped in a URL; name another role", parsed.User)
	}

	query := u.Query()
	for _, part := range []string{"host", "port", "user", "password", "dbname"} {
		query.Del(part)
	}
	query.Set("timezone", timeZone)
	host := parsed.Host
	switch {
	case strings.HasPrefix(host, "/"): // the directory of a socket
		query.Set("host", host)
		host = ""
	case strings.Contains(host, ":"): // an address of IPv6
		host = "[" + host + "]"
	}
	password := strings.TrimPrefix(url.UserPassword("", parsed.Password).String(), ":")
	return pgtestdb.Config{
		DriverName: "pgx",
		Host:       host,
		Port:       strconv.Itoa(int(parsed.Port)),
		User:       parsed.User,
		Password:   password,
		Database:   parsed.Database,
		Options:    query.Encode(),
		// The default role has a password that everybody knows, which nobody
		// wants on a server of their own.
		TestRole: &pgtestdb.Role{Username: parsed.User, Password: password},
	}, nil
}
