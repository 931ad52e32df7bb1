package elevate_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/elevateforhumanity/elevate"
)

// A web site: signing in sets a cookie, and every request is done by whoever has
// it.
func ExampleStore_Login() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	signUp := elevate.RegisterUserParams{Email: "alan@example.org", Name: "Alan", Password: "morphogenesis"}
	if _, err := store.RegisterUser(ctx, signUp); err != nil {
		panic(err)
	}

	const cookieName = "__Host-session"
	signIn := func(w http.ResponseWriter, r *http.Request) {
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		result, err := store.Login(r.Context(), elevate.LoginParams{
			Email:     r.FormValue("email"),
			Password:  r.FormValue("password"),
			IPAddress: address,
			UserAgent: r.UserAgent(),
		})
		var (
			invalid  *elevate.ValidationError
			throttle *elevate.ThrottleError
		)
		switch {
		case err == nil:
			http.SetCookie(w, &http.Cookie{
				Name: cookieName, Value: string(result.Token), Path: "/", Expires: result.Session.ExpiresAt,
				Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
			})
		case errors.As(err, &throttle):
			w.Header().Set("Retry-After", fmt.Sprint(int(throttle.RetryAfter.Seconds())))
			http.Error(w, "too many attempts", http.StatusTooManyRequests)
		case errors.Is(err, elevate.ErrInvalidCredentials), errors.As(err, &invalid):
			http.Error(w, "email or password is wrong", http.StatusUnauthorized)
		case errors.Is(err, elevate.ErrUserDisabled):
			http.Error(w, "account is disabled", http.StatusForbidden)
		default: // ErrBusy too
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		}
	}
	// For every other request: the visitor, or the person who has the session.
	storeFor := func(r *http.Request) (*elevate.Store, elevate.Session, error) {
		var token elevate.Token // an empty one is invalid
		if cookie, err := r.Cookie(cookieName); err == nil {
			token = elevate.Token(cookie.Value)
		}
		session, err := store.ValidateSession(r.Context(), token)
		switch {
		case errors.Is(err, elevate.ErrInvalidSession):
			return store, elevate.Session{}, nil
		case err != nil:
			return nil, elevate.Session{}, err
		}
		actor := session.Actor()
		actor.RequestID = "req-7"
		return store.As(actor), session, nil
	}

	// The browser.
	post := func(form string) (cookie string) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sign-in", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		signIn(w, r)
		fmt.Println(w.Code)
		cookie, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
		return cookie
	}
	post("email=alan@example.org&password=turing-machine")
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	request.Header.Set("Cookie", post("email=Alan@example.org&password=morphogenesis"))
	me, session, err := storeFor(request)
	if err != nil {
		panic(err)
	}
	alan, err := me.GetUser(ctx, session.UserID)
	if err != nil {
		panic(err)
	}
	fmt.Println(alan.Name, session.Role)

	// Signing out.
	if _, err := me.RevokeSession(ctx, session.UserID, session.ID); err != nil {
		panic(err)
	}
	_, session, err = storeFor(request)
	if err != nil {
		panic(err)
	}
	fmt.Println(session.UserID == alan.ID)

	// Output:
	// 401
	// 200
	// Alan user
	// false
}

// Somebody has signed in with another provider, and the host knows who it is. The
// page of their devices then lists the session, and ends all the others.
func ExampleStore_CreateSession() {
	store, _, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()

	host := store.As(elevate.System("sign-in"))
	for _, device := range []string{"Phone", "Tablet", "Laptop"} {
		_, err := host.CreateSession(ctx, elevate.CreateSessionParams{UserID: exampleAda, UserAgent: device})
		if err != nil {
			panic(err)
		}
	}
	mine, err := host.CreateSession(ctx, elevate.CreateSessionParams{UserID: exampleAda, UserAgent: "Here"})
	if err != nil {
		panic(err)
	}
	fmt.Println(mine.Token) // string(mine.Token) is what the client gets

	me := store.As(mine.Session.Actor())
	list := func() {
		sessions, err := me.ListSessions(ctx, exampleAda)
		if err != nil {
			panic(err)
		}
		devices := make([]string, len(sessions))
		for i, session := range sessions {
			devices[i] = session.UserAgent
		}
		fmt.Println(devices)
	}
	list()
	ended, err := me.RevokeAllSessions(ctx, elevate.RevokeAllSessionsParams{
		UserID: exampleAda, ExceptID: mine.Session.ID,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(ended)
	list()

	// Output:
	// [redacted]
	// [Here Laptop Tablet Phone]
	// 3
	// [Here]
}
