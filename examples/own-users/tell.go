package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// serve runs a handler on a free port of loopback.
func serve(ctx context.Context, handler http.Handler) (base string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // until it is closed
	}()
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		<-done
	}, nil
}

// newBrowser keeps the cookies that it gets.
func newBrowser() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{Jar: jar}
}

// teller sends the requests and prints what comes back, until something fails.
type teller struct {
	base string
	err  error
	out  io.Writer
	pool *pgxpool.Pool
}

func (t *teller) say(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.out, format+"\n", args...)
	}
}

func (t *teller) call(ctx context.Context, browser *http.Client, route, body string) {
	if t.err != nil {
		return
	}
	status, answer, err := send(ctx, browser, t.base, route, body)
	if err != nil {
		t.err = fmt.Errorf("%s: %w", route, err)
		return
	}
	t.say("   %-34s %s %s", short(route), status, short(string(answer)))
}

// send sends a request, "METHOD /path", with a body of JSON, and returns the
// status and the JSON that it was answered with.
func send(
	ctx context.Context, browser *http.Client, base, route, body string,
) (status string, answer []byte, err error) {
	method, path, _ := strings.Cut(route, " ")
	request, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	response, err := browser.Do(request)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	return response.Status, bytes.TrimSpace(answer), err
}

// users prints the people of a name, as both tables have them.
func (t *teller) users(ctx context.Context, name string) {
	if t.err != nil {
		return
	}
	rows, err := t.pool.Query(ctx, `
		SELECT 'public.users' AS table_name, id::text, email FROM public.users WHERE name = $1
		UNION ALL
		SELECT 'school.users', id::text, email FROM school.users WHERE name = $1
		ORDER BY table_name`, name)
	if err != nil {
		t.err = err
		return
	}
	var table, id, email string
	_, t.err = pgx.ForEachRow(rows, []any{&table, &id, &email}, func() error {
		t.say("   %s  %-9s  %s", table, short(id), email)
		return t.err
	})
}

var longID = regexp.MustCompile(`([0-9a-f]{8})-[0-9a-f-]{27}`)

// short cuts UUIDs, for the eye.
func short(text string) string {
	return longID.ReplaceAllString(text, "$1…")
}
