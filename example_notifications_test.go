package elevate_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// A teacher tells a course something; a learner reads it.
func ExampleStore_NotifyCourse() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	courseID := exampleCourse(pool, "public", "Go basics", 2)
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	if _, err := me.Enroll(ctx, exampleAda, courseID); err != nil {
		panic(err)
	}

	teacher := store.As(elevate.Actor{UserID: exampleGrace, Role: elevate.RoleInstructor})
	for range 2 { // a repeat tells nobody again
		result, err := teacher.NotifyCourse(ctx, elevate.NotifyCourseParams{
			CourseID: courseID, Key: "exam-2026", Title: "Exam", Message: "The exam of {course} is on Monday.",
		})
		if err != nil {
			panic(err)
		}
		fmt.Println(result.Sent, result.Recipients)
	}

	unread, err := me.CountUnread(ctx, exampleAda)
	if err != nil {
		panic(err)
	}
	page, err := me.ListNotifications(ctx, elevate.ListNotificationsParams{UserID: exampleAda})
	if err != nil {
		panic(err)
	}
	fmt.Println(unread, "unread")
	for _, n := range page.Items {
		fmt.Printf("%s: %s\n", n.Title, n.Message)
	}
	marked, err := me.MarkAllRead(ctx, elevate.MarkAllReadParams{UserID: exampleAda, UpTo: page.Items[0].ID})
	if err != nil {
		panic(err)
	}
	fmt.Println(marked, "marked")

	// Output:
	// true 1
	// false 1
	// 2 unread
	// Exam: The exam of Go basics is on Monday.
	// You are enrolled: You are enrolled in Go basics.
	// 2 marked
}

// Somebody opens one of their notifications.
func ExampleStore_MarkRead() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser})
	for _, title := range []string{"Go basics", "Testing"} {
		if _, err := me.Enroll(ctx, exampleAda, exampleCourse(pool, "public", title, 1)); err != nil {
			panic(err)
		}
	}
	params := elevate.ListNotificationsParams{UserID: exampleAda, Order: elevate.OnlyUnread}
	unread, err := me.ListNotifications(ctx, params)
	if err != nil {
		panic(err)
	}
	for range 2 { // a repeat marks nothing more
		marked, err := me.MarkRead(ctx, exampleAda, unread.Items[0].ID)
		if err != nil {
			panic(err)
		}
		fmt.Println(marked, "marked")
	}
	unread, err = me.ListNotifications(ctx, params)
	if err != nil {
		panic(err)
	}
	for _, n := range unread.Items {
		fmt.Println(n.Message)
	}

	// Output:
	// 1 marked
	// 0 marked
	// You are enrolled in Go basics.
}

// A handler of server-sent events. A browser that lost its connection comes back
// with the id that it saw last, and gets what it has missed.
func ExampleStore_Subscribe() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()

	events := func(w http.ResponseWriter, r *http.Request) {
		me := store.As(elevate.Actor{UserID: exampleAda, Role: elevate.RoleUser}) // of your session
		sub, err := me.Subscribe(r.Context(), elevate.SubscribeParams{
			UserID: exampleAda,
			After:  r.Header.Get("Last-Event-ID"), // set by a browser that comes back
		})
		if err != nil {
			http.Error(w, "no notifications now", http.StatusServiceUnavailable)
			return
		}
		defer sub.Close(r.Context())
		send := func(format string, args ...any) error {
			_, err := fmt.Fprintf(w, format, args...)
			return errors.Join(err, http.NewResponseController(w).Flush())
		}
		w.Header().Set("Content-Type", "text/event-stream")
		err = send("id: %s\n\n", sub.Cursor()) // from here on nothing is missed
		for err == nil {
			waiting, cancel := context.WithTimeout(r.Context(), 20*time.Second)
			n, next := sub.Next(waiting)
			cancel()
			text, bad := json.Marshal(n.Message)
			switch {
			case next == nil && bad == nil:
				err = send("id: %s\ndata: %s\n\n", sub.Cursor(), text)
			case errors.Is(next, context.DeadlineExceeded) && r.Context().Err() == nil:
				err = send(": still here\n\n") // so that no proxy closes it
			default:
				return // the browser comes back, with the id that it saw last
			}
		}
	}
	server := httptest.NewServer(http.HandlerFunc(events))
	defer server.Close()

	browser := &exampleBrowser{url: server.URL}
	browser.connect(ctx)
	enroll(ctx, store, exampleCourse(pool, "public", "Go basics", 1))
	fmt.Println(browser.read())

	browser.disconnect()
	enroll(ctx, store, exampleCourse(pool, "public", "Testing", 1))
	browser.connect(ctx)
	fmt.Println(browser.read())
	browser.disconnect()

	// Output:
	// "You are enrolled in Go basics."
	// "You are enrolled in Testing."
}

func enroll(ctx context.Context, store *elevate.Store, courseID uuid.UUID) {
	exampleMust(store.As(elevate.System("example")).Enroll(ctx, exampleAda, courseID))
}

// exampleBrowser reads events as a browser's EventSource does.
type exampleBrowser struct {
	url, lastID string
	body        io.Closer
	lines       *bufio.Scanner
}

func (b *exampleBrowser) connect(ctx context.Context) {
	request := exampleMust(http.NewRequestWithContext(ctx, http.MethodGet, b.url, nil))
	request.Header.Set("Last-Event-ID", b.lastID)
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // disconnect closes it
	exampleCheck(err)
	b.body, b.lines = response.Body, bufio.NewScanner(response.Body)
	b.next() // the first one says that it has begun
}

func (b *exampleBrowser) disconnect() { exampleCheck(b.body.Close()) }

// read is the data of the next event that has any.
func (b *exampleBrowser) read() string {
	for {
		if data := b.next(); data != "" {
			return data
		}
	}
}

func (b *exampleBrowser) next() (data string) {
	for b.lines.Scan() && b.lines.Text() != "" {
		if id, ok := strings.CutPrefix(b.lines.Text(), "id: "); ok {
			b.lastID = id
		}
		if text, ok := strings.CutPrefix(b.lines.Text(), "data: "); ok {
			data = text
		}
	}
	return data
}
