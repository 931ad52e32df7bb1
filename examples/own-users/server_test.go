package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/peterldowns/pgtestdb"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
)

// hostMigrations are the host's tables, for the template of the tests.
type hostMigrations struct{}

func (hostMigrations) Hash() (string, error) { return hostTables, nil }

func (hostMigrations) Migrate(ctx context.Context, db *sql.DB, _ pgtestdb.Config) error {
	_, err := db.ExecContext(ctx, hostTables)
	return err
}

// siteBundle is the whole site on loopback, with the host's table of users and
// Elevate's tables beside it.
type siteBundle struct {
	*elevatetest.DB

	late atomic.Int64 // by how many seconds the site's clock is late
	log  *logBuffer
	site *server
	url  string
}

func newBundle(t *testing.T) *siteBundle {
	t.Helper()
	b := &siteBundle{
		DB: elevatetest.New(t,
			elevatetest.WithSchema(schoolSchema), elevatetest.WithMigrator(hostMigrations{})),
		log: &logBuffer{},
	}
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	b.site, err = newServer(b.Pool, config{
		cookieKey:    key,
		insecure:     true,
		log:          slog.New(slog.NewTextHandler(b.log, nil)),
		now:          func() time.Time { return time.Now().Add(time.Duration(b.late.Load()) * time.Second) },
		passwordCost: bcrypt.MinCost,
	})
	require.NoError(t, err)
	server := httptest.NewServer(b.site.handler())
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// logBuffer is what the site logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// person is somebody with a browser, signed in.
type person struct {
	*http.Client

	account int64
}

func (p person) learner() uuid.UUID { return learnerID(p.account) }

// register is a new person, by name.
func (b *siteBundle) register(t *testing.T, name string) person {
	t.Helper()
	p := person{Client: newBrowser()}
	status, answer := b.call(t, p.Client, "POST /accounts",
		`{"email": "%s@example.org", "name": "%s", "password": "secret of %s"}`, name, name, name)
	require.Equal(t, http.StatusCreated, status, answer)
	account, ok := answer["account"].(float64)
	require.True(t, ok)
	p.account = int64(account)
	return p
}

// call sends a request with a body of JSON.
func (b *siteBundle) call(
	t *testing.T, browser *http.Client, route, body string, args ...any,
) (status int, answer map[string]any) {
	t.Helper()
	line, text, err := send(t.Context(), browser, b.url, route, fmt.Sprintf(body, args...))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &answer), string(text))
	_, err = fmt.Sscan(line, &status)
	require.NoError(t, err)
	return status, answer
}

// query reads one value.
func query[T any](t *testing.T, b *siteBundle, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, b.Pool.QueryRow(t.Context(), sql, args...).Scan(&value))
	return value
}

// requireUsers checks the names and emails of both tables.
func (b *siteBundle) requireUsers(t *testing.T, want string) {
	t.Helper()
	const list = `SELECT coalesce(string_agg(name || ' ' || email, ', ' ORDER BY name), '') FROM `
	require.Equal(t, want, query[string](t, b, list+"public.users"))
	require.Equal(t, want, query[string](t, b, list+"school.users"))
}

func TestRegister(t *testing.T) {
	t.Parallel()

	t.Run("OnBothSides", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		b.requireUsers(t, "ada ada@example.org")
		user, err := b.Store.As(elevate.System("test")).GetUser(t.Context(), ada.learner())
		require.NoError(t, err)
		require.Equal(t, elevate.RoleUser, user.Role)
	})

	// The host's transaction fails at its very end, when Elevate's part is done.
	t.Run("RolledBackWithTheHost", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		_, err := b.Pool.Exec(t.Context(), `
			CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				ASSERT EXISTS (SELECT FROM school.users WHERE email = NEW.email), 'Elevate was not told';
				RAISE EXCEPTION 'the host changed its mind';
			END $$;
			CREATE CONSTRAINT TRIGGER refuse
				AFTER INSERT ON public.users
				DEFERRABLE INITIALLY DEFERRED
				FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
		require.NoError(t, err)
		status, answer := b.call(t, newBrowser(), "POST /accounts",
			`{"email": "ada@example.org", "name": "Ada", "password": "analytical engine"}`)
		require.Equal(t, http.StatusInternalServerError, status)
		require.Equal(t, map[string]any{"error": "internal error"}, answer)
		require.Contains(t, b.log.String(), "the host changed its mind")
		b.requireUsers(t, "")
	})

	// To the host these are two addresses. Elevate knows that they are one.
	t.Run("RolledBackWithElevate", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		for i, email := range []string{"ada@bücher.example", "ada@xn--bcher-kva.example"} {
			status, answer := b.call(t, newBrowser(), "POST /accounts",
				`{"email": "%s", "name": "Ada", "password": "analytical engine"}`, email)
			if i == 0 {
				require.Equal(t, http.StatusCreated, status)
				continue
			}
			require.Equal(t, http.StatusConflict, status)
			require.Equal(t, map[string]any{"error": "email taken"}, answer)
		}
		require.Equal(t, 1, query[int](t, b, `SELECT count(*) FROM public.users`))
		require.Equal(t, 1, query[int](t, b, `SELECT count(*) FROM school.users`))
	})

	t.Run("Refusals", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.register(t, "ada")
		for name, test := range map[string]struct {
			body   string
			status int
		}{
			"EmailTaken":       {`{"email": "ADA@example.org", "name": "A", "password": "analytical engine"}`, 409},
			"EmailMissing":     {`{"email": " ", "name": "A", "password": "analytical engine"}`, 422},
			"EmailWithoutAt":   {`{"email": "ada", "name": "A", "password": "analytical engine"}`, 422}, // Elevate's refusal
			"NUL":              {`{"email": "a@example.org", "name": "A\u0000", "password": "analytical engine"}`, 422},
			"NameLong":         {`{"email": "a@example.org", "name": "` + strings.Repeat("é", 256) + `", "password": "analytical engine"}`, 422},
			"PasswordShort":    {`{"email": "a@example.org", "name": "A", "password": "seven77"}`, 422},
			"PasswordLong":     {`{"email": "a@example.org", "name": "A", "password": "` + strings.Repeat("é", 37) + `"}`, 422},
			"NoJSON":           {`email=a@example.org`, 400},
			"BodyLong":         {`{"email": "` + strings.Repeat("a", maxBody) + `"}`, 400},
			"NotUTF8":          {"{\"email\": \"a@example.org\", \"name\": \"A\x00\", \"password\": \"analytical engine\"}", 400},
			"RoleFromARequest": {`{"email": "eve@example.org", "name": "Eve", "password": "analytical engine", "role": "admin"}`, 201},
		} {
			status, answer := b.call(t, newBrowser(), "POST /accounts", "%s", test.body)
			require.Equal(t, test.status, status, "%s: %v", name, answer)
		}
		require.Equal(t, "learner", query[string](t, b, `SELECT role FROM public.users WHERE name = 'Eve'`))
		b.requireUsers(t, "Eve eve@example.org, ada ada@example.org")
		require.Empty(t, b.log.String())
	})

	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		made := atomic.Int64{}
		race(8, func(int) {
			_, err := b.site.accounts.register(t.Context(), "ada@example.org", "Ada", "analytical engine")
			if err == nil {
				made.Add(1)
			}
		})
		require.EqualValues(t, 1, made.Load())
		b.requireUsers(t, "Ada ada@example.org")
	})
}

// race runs n calls at once.
func race(n int, call func(i int)) {
	var group sync.WaitGroup
	barrier := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-barrier
			call(i)
		})
	}
	close(barrier)
	group.Wait()
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()

	t.Run("OnBothSides", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		for range 2 { // a repeat changes nothing
			status, answer := b.call(t, ada.Client, "PUT /account/email", `{"email": "ada@lovelace.example"}`)
			require.Equal(t, http.StatusOK, status, answer)
			b.requireUsers(t, "ada ada@lovelace.example")
		}
	})

	t.Run("RefusedOnBothSides", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		b.register(t, "eve")
		for _, test := range []struct {
			email  string
			status int
		}{
			{"EVE@example.org", http.StatusConflict}, // by the host
			{"no address", http.StatusUnprocessableEntity},
		} {
			status, answer := b.call(t, ada.Client, "PUT /account/email", `{"email": "%s"}`, test.email)
			require.Equal(t, test.status, status, answer)
		}
		b.requireUsers(t, "ada ada@example.org, eve eve@example.org")
	})

	// Whichever is the last, it is the last on both sides.
	t.Run("Concurrent", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		errs := make([]error, 12)
		race(len(errs), func(i int) {
			if i%4 == 0 {
				errs[i] = b.site.accounts.syncAll(t.Context())
				return
			}
			_, errs[i] = b.site.accounts.changeEmail(t.Context(), ada.account, fmt.Sprintf("ada-%d@example.org", i))
		})
		require.NoError(t, errors.Join(errs...))
		b.requireUsers(t, "ada "+query[string](t, b, `SELECT email FROM public.users`))
	})
}

// TestSyncAll is about people who were there before Elevate.
func TestSyncAll(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	_, err := b.Pool.Exec(t.Context(), `
		INSERT INTO public.users (email, name, password_hash)
		SELECT n || '@example.org', 'Name ' || n, '!' FROM generate_series(1, 5) AS n`)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, b.site.accounts.syncAll(t.Context()))
		require.Equal(t, 5, query[int](t, b, `SELECT count(*) FROM school.users`))
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()

	t.Run("AndOut", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.register(t, "ada")
		browser := newBrowser()
		status, _ := b.call(t, browser, "GET /my/courses", "")
		require.Equal(t, http.StatusUnauthorized, status)
		status, _ = b.call(t, browser, "POST /session", `{"email": "Ada@Example.org", "password": "secret of ada"}`)
		require.Equal(t, http.StatusOK, status)
		status, _ = b.call(t, browser, "GET /my/courses", "")
		require.Equal(t, http.StatusOK, status)
		status, _ = b.call(t, browser, "DELETE /session", "")
		require.Equal(t, http.StatusOK, status)
		status, _ = b.call(t, browser, "GET /my/courses", "")
		require.Equal(t, http.StatusUnauthorized, status)
	})

	t.Run("Refusals", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		long := strings.Repeat("x", maxPassword)
		status, answer := b.call(t, newBrowser(), "POST /accounts",
			`{"email": "ada@example.org", "name": "Ada", "password": "%s"}`, long)
		require.Equal(t, http.StatusCreated, status, answer)
		for _, body := range []string{
			`{"email": "ada@example.org", "password": "wrong"}`,
			`{"email": "ada@example.org", "password": ""}`,
			`{"email": "ada@example.org", "password": "` + long + `y"}`,
			`{"email": "eve@example.org", "password": "` + long + `"}`,
			`{"email": "\u0000", "password": "` + long + `"}`,
		} {
			status, answer = b.call(t, newBrowser(), "POST /session", "%s", body)
			require.Equal(t, http.StatusUnauthorized, status)
			require.Equal(t, map[string]any{"error": "wrong email or password"}, answer)
		}
	})

	t.Run("Cookie", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		b.register(t, "ada")
		recorder := httptest.NewRecorder()
		b.site.cookies.set(recorder, 1)
		cookie := recorder.Result().Cookies()[0]
		require.True(t, cookie.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)

		read := func(value string) bool {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Cookie", cookieName+"="+value)
			account, ok := b.site.cookies.read(r)
			return ok && account == 1
		}
		require.True(t, read(cookie.Value))
		for i := range cookie.Value {
			forged := []byte(cookie.Value)
			forged[i] ^= 1
			require.False(t, read(string(forged)), "symbol %d", i)
		}
		require.False(t, read(cookie.Value[:len(cookie.Value)-1]))
		require.False(t, read(""))
		b.late.Store(int64(cookieAge.Seconds()) - 2) // it ends with a second
		require.True(t, read(cookie.Value))
		b.late.Store(int64(cookieAge.Seconds()))
		require.False(t, read(cookie.Value))
	})

	t.Run("DeletedSince", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		_, err := b.Pool.Exec(t.Context(), `DELETE FROM public.users`)
		require.NoError(t, err)
		status, _ := b.call(t, ada.Client, "GET /my/courses", "")
		require.Equal(t, http.StatusUnauthorized, status)
		status, _ = b.call(t, ada.Client, "GET /courses", "")
		require.Equal(t, http.StatusOK, status)
	})

	t.Run("FromAnotherSite", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, b.url+"/session", nil)
		require.NoError(t, err)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		response, err := ada.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusForbidden, response.StatusCode)
	})
}

func TestLearning(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	ada := b.register(t, "ada")
	course, lessons := elevatetest.PublishedCourse(t, b.Store, 2)
	enroll := fmt.Sprintf("PUT /courses/%s/enrollment", course.ID)
	complete := func(i int) string { return fmt.Sprintf("PUT /lessons/%s/completion", lessons[i].ID) }

	status, _ := b.call(t, ada.Client, enroll, "")
	require.Equal(t, http.StatusCreated, status)
	status, _ = b.call(t, ada.Client, enroll, "")
	require.Equal(t, http.StatusOK, status)

	status, answer := b.call(t, ada.Client, complete(0), `{"seconds": 300}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, map[string]any{"progress": 50.0}, answer)
	_, answer = b.call(t, ada.Client, "GET /my/courses", "")
	require.Equal(t, []any{map[string]any{
		"title": course.Title, "progress": 50.0, "nextLesson": lessons[1].ID.String(),
	}}, answer["items"])
	_, answer = b.call(t, ada.Client, complete(1), `{"seconds": 300}`)
	require.Equal(t, map[string]any{"progress": 100.0, "courseCompleted": true}, answer)
}

// TestAccess sends each request as each person. What is somebody else's is
// forbidden, or not to be found.
func TestAccess(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	ada, eve := b.register(t, "ada"), b.register(t, "eve")
	people := map[string]*http.Client{"visitor": newBrowser(), "ada": ada.Client, "eve": eve.Client}
	staff := map[string]person{}
	for name, role := range map[string]string{"teacher": "teacher", "colleague": "teacher", "admin": "admin"} {
		staff[name] = b.register(t, name)
		_, err := b.site.accounts.setRole(t.Context(), staff[name].account, role)
		require.NoError(t, err)
		people[name] = staff[name].Client
	}
	mine := func(p *elevate.CreateCourseParams) { p.InstructorID = staff["teacher"].learner() }
	course, lessons := elevatetest.PublishedCourse(t, b.Store, 1, mine)
	draft := elevatetest.Course(t, b.Store, mine)
	dear, _ := elevatetest.PublishedCourse(t, b.Store, 1, func(p *elevate.CreateCourseParams) { p.Price = 4900 })
	elevatetest.Enrollment(t, b.Store, ada.learner(), course.ID)

	for _, test := range []struct {
		route                                        string
		visitor, ada, eve, teacher, colleague, admin int
	}{
		{"GET /courses", 200, 200, 200, 200, 200, 200},
		{"GET /courses?after=nonsense", 400, 400, 400, 400, 400, 400},
		{"GET /my/courses", 401, 200, 200, 200, 200, 200},
		{fmt.Sprintf("GET /accounts/%d/courses", ada.account), 401, 200, 403, 403, 403, 200},
		{"GET /accounts/9999/courses", 401, 403, 403, 403, 403, 404},
		{"GET /accounts/x/courses", 401, 404, 404, 404, 404, 404},
		{fmt.Sprintf("GET /courses/%s/learners", course.ID), 401, 403, 403, 200, 404, 200},
		{fmt.Sprintf("GET /courses/%s/learners", uuid.Max), 401, 403, 403, 404, 404, 404},
		{fmt.Sprintf("PUT /lessons/%s/completion", lessons[0].ID), 401, 200, 403, 403, 403, 403},
		{fmt.Sprintf("PUT /lessons/%s/completion", uuid.Max), 401, 404, 404, 404, 404, 404},
		{"PUT /lessons/1/completion", 401, 404, 404, 404, 404, 404},
		{fmt.Sprintf("PUT /courses/%s/enrollment", draft.ID), 401, 409, 409, 409, 409, 409},
		{fmt.Sprintf("PUT /courses/%s/enrollment", dear.ID), 401, 402, 402, 402, 402, 402},
		{fmt.Sprintf("PUT /courses/%s/enrollment", uuid.Max), 401, 404, 404, 404, 404, 404},
	} {
		for name, want := range map[string]int{
			"visitor": test.visitor, "ada": test.ada, "eve": test.eve,
			"teacher": test.teacher, "colleague": test.colleague, "admin": test.admin,
		} {
			status, answer := b.call(t, people[name], test.route, `{"seconds": 60}`)
			require.Equal(t, want, status, "%s by %s: %v", test.route, name, answer)
		}
	}
	require.Empty(t, b.log.String())
}

// TestActor is about what identify makes of a request.
func TestActor(t *testing.T) {
	t.Parallel()

	t.Run("IsToldToTheDatabase", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		ada := b.register(t, "ada")
		course, _ := elevatetest.PublishedCourse(t, b.Store, 1)
		_, err := b.Pool.Exec(t.Context(), `
			CREATE TABLE public.acted (actor text, request text);
			CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN
				INSERT INTO public.acted VALUES (current_setting('elevate.actor'), current_setting('elevate.request'));
				RETURN NULL;
			END $$;
			CREATE TRIGGER note AFTER INSERT ON school.enrollments
				FOR EACH ROW EXECUTE FUNCTION public.note()`)
		require.NoError(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut,
			fmt.Sprintf("%s/courses/%s/enrollment", b.url, course.ID), nil)
		require.NoError(t, err)
		r.Header.Set("X-Request-ID", "edge-7")
		response, err := ada.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "edge-7", response.Header.Get("X-Request-ID"))
		require.Equal(t, ada.learner().String()+" edge-7",
			query[string](t, b, `SELECT actor || ' ' || request FROM public.acted`))
	})

	t.Run("BadRequestIDIsReplaced", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{"", "two words", strings.Repeat("x", 65), "\x00", "é"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("X-Request-ID", id)
			_, err := uuid.Parse(requestID(r))
			require.NoError(t, err)
		}
	})

	t.Run("RoleIsThatOfTheRequest", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		grace := b.register(t, "grace")
		_, err := b.site.accounts.setRole(t.Context(), grace.account, "teacher")
		require.NoError(t, err)
		course, _ := elevatetest.PublishedCourse(t, b.Store, 1, func(p *elevate.CreateCourseParams) {
			p.InstructorID = grace.learner()
		})
		learners := fmt.Sprintf("GET /courses/%s/learners", course.ID)
		status, _ := b.call(t, grace.Client, learners, "")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "instructor", query[string](t, b, `SELECT role FROM school.users WHERE name = 'grace'`))

		_, err = b.site.accounts.setRole(t.Context(), grace.account, "learner")
		require.NoError(t, err)
		status, _ = b.call(t, grace.Client, learners, "")
		require.Equal(t, http.StatusForbidden, status)
	})

	// A role that the table of roles has forgotten opens nothing.
	t.Run("UnknownRoleIsAVisitor", func(t *testing.T) {
		t.Parallel()
		b := newBundle(t)
		me := b.Store.As(account{ID: 1, Role: "auditor"}.actor(""))
		_, err := me.MyCourses(t.Context(), learnerID(1), elevate.PageParams{})
		require.ErrorIs(t, err, elevate.ErrForbidden)
	})
}

// TestLearnerID pins the ids: another one makes everybody somebody else.
func TestLearnerID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "4482a80b-cd3b-5f45-b55a-3527d983feca", learnerID(1).String())
}

func TestFail(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	site := &server{log: slog.New(slog.NewTextHandler(log, nil))}
	for _, test := range []struct {
		err    error
		status int
		text   string
	}{
		{&elevate.ValidationError{Field: "Limit", Reason: "is negative"}, 422, "Limit is negative"},
		{&elevate.ConflictError{Reason: elevate.ConflictRaced}, 409, "conflict: raced"},
		{elevate.ErrForbidden, 403, "forbidden"},
		{elevate.ErrNotFound, 404, "not found"},
		{elevate.ErrPaymentRequired, 402, "payment required"},
		{elevate.ErrNotEnrolled, 403, "not enrolled"},
		{elevate.ErrNotPublished, 409, "course not published"},
		{elevate.ErrEmailTaken, 409, "email taken"},
		{elevate.ErrInvalidCursor, 400, "invalid cursor"},
		{errors.Join(elevate.ErrCommitUnknown, context.Canceled), 503, "outcome of the commit unknown"},
		{errors.New("secret of the database"), 500, "internal error"},
	} {
		recorder := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		site.fail(recorder, r, fmt.Errorf("elevate: some operation: %w", test.err))
		require.Equal(t, test.status, recorder.Code)
		require.JSONEq(t, `{"error": "`+test.text+`"}`, recorder.Body.String())
	}
	require.Equal(t, 2, strings.Count(log.String(), "request failed"), "only failures are logged")
}
