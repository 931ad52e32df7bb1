package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
)

// schoolSchema holds Elevate's tables.
const schoolSchema = "school"

// maxBody is the size of a request, in bytes.
const maxBody = 64 << 10

// config is what a host reads from its environment.
type config struct {
	cookieKey    []byte
	insecure     bool // cookies over http, on loopback
	log          *slog.Logger
	now          func() time.Time
	passwordCost int
}

// server is the host's site.
type server struct {
	accounts *accounts
	cookies  *cookies
	log      *slog.Logger
	store    *elevate.Store // a visitor, until identify says who it is
}

func newServer(pool *pgxpool.Pool, cfg config) (*server, error) {
	store, err := elevate.New(pool, &elevate.Config{Schema: schoolSchema, Logger: cfg.log})
	if err != nil {
		return nil, err
	}
	accounts, err := newAccounts(pool, store, cfg.passwordCost)
	if err != nil {
		return nil, err
	}
	return &server{
		accounts: accounts,
		cookies:  &cookies{key: cfg.cookieKey, secure: !cfg.insecure, now: cfg.now},
		log:      cfg.log,
		store:    store,
	}, nil
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /accounts", s.anybody(s.register))
	mux.Handle("POST /session", s.anybody(s.signIn))
	mux.Handle("DELETE /session", s.anybody(s.signOut))
	mux.Handle("GET /courses", s.anybody(s.catalogue))

	mux.Handle("PUT /account/email", s.members(s.changeEmail))
	mux.Handle("GET /my/courses", s.members(s.myCourses))
	mux.Handle("GET /accounts/{account}/courses", s.members(s.coursesOf))
	mux.Handle("PUT /courses/{course}/enrollment", s.members(s.enroll))
	mux.Handle("GET /courses/{course}/learners", s.members(s.learners))
	mux.Handle("PUT /lessons/{lesson}/completion", s.members(s.complete))

	// A cookie also comes with requests that another site makes the browser send.
	return http.NewCrossOriginProtection().Handler(s.identify(mux))
}

// caller is who a request comes from.
type caller struct {
	account account        // zero for a visitor
	store   *elevate.Store // acts as they
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	who, _ := ctx.Value(callerKey{}).(caller)
	return who
}

// identify is the middleware in front of everything: it makes the account that is
// signed in into the actor of the request's store. Elevate believes the actor, so
// nothing of it comes from the request but what the host has signed, and the
// request's id.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := requestID(r)
		w.Header().Set("X-Request-ID", request)
		var who caller
		actor := elevate.Actor{RequestID: request} // a visitor

		if accountID, ok := s.cookies.read(r); ok {
			// On each request, so that somebody who was demoted is so at once, and
			// somebody who was deleted is a visitor.
			found, err := s.accounts.get(r.Context(), accountID)
			switch {
			case err == nil:
				who.account, actor = found, found.actor(request)
			case !errors.Is(err, errNoAccount):
				s.fail(w, r, err)
				return
			}
		}
		who.store = s.store.As(actor)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

var goodRequestID = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

// requestID is what the proxy in front calls the request, when that is fit to be
// kept, or a new id.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-ID"); goodRequestID.MatchString(id) {
		return id
	}
	return uuid.NewString()
}

// handler answers a request, or says why not.
type handler func(w http.ResponseWriter, r *http.Request, me caller) error

func (s *server) anybody(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r, callerOf(r.Context())); err != nil {
			s.fail(w, r, err)
		}
	})
}

// members tells a visitor to sign in. Without it they would be told ErrForbidden.
func (s *server) members(h handler) http.Handler {
	return s.anybody(func(w http.ResponseWriter, r *http.Request, me caller) error {
		if me.account.ID == 0 {
			return errNotSignedIn
		}
		return h(w, r, me)
	})
}

// What the site answers with, in the host's own words: Elevate's structs are no
// promise to a browser.
type (
	signedIn struct {
		Account int64 `json:"account"`
	}

	list[T any] struct {
		Items []T    `json:"items"`
		Next  string `json:"next,omitempty"` // is the parameter after of the next page
	}

	courseCard struct {
		ID    uuid.UUID `json:"id"`
		Title string    `json:"title"`
		Price int32     `json:"price"`
	}

	myCourse struct {
		Title      string     `json:"title"`
		Progress   int32      `json:"progress"`
		NextLesson *uuid.UUID `json:"nextLesson,omitempty"`
	}

	progress struct {
		Progress        int32 `json:"progress"`
		CourseCompleted bool  `json:"courseCompleted,omitempty"` // by this request
	}

	learner struct {
		Name     string `json:"name"`
		Progress int32  `json:"progress"`
	}
)

func (s *server) register(w http.ResponseWriter, r *http.Request, _ caller) error {
	var body struct{ Email, Name, Password string }
	if err := read(r, &body); err != nil {
		return err
	}
	made, err := s.accounts.register(r.Context(), body.Email, body.Name, body.Password)
	if err != nil {
		return err
	}
	s.cookies.set(w, made.ID)
	respond(w, http.StatusCreated, signedIn{made.ID})
	return nil
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request, _ caller) error {
	var body struct{ Email, Password string }
	if err := read(r, &body); err != nil {
		return err
	}
	found, err := s.accounts.signIn(r.Context(), body.Email, body.Password)
	if err != nil {
		return err
	}
	s.cookies.set(w, found.ID)
	respond(w, http.StatusOK, signedIn{found.ID})
	return nil
}

func (s *server) signOut(w http.ResponseWriter, _ *http.Request, _ caller) error {
	s.cookies.clear(w)
	respond(w, http.StatusOK, struct{}{})
	return nil
}

func (s *server) changeEmail(w http.ResponseWriter, r *http.Request, me caller) error {
	var body struct{ Email string }
	if err := read(r, &body); err != nil {
		return err
	}
	changed, err := s.accounts.changeEmail(r.Context(), me.account.ID, body.Email)
	if err != nil {
		return err
	}
	respond(w, http.StatusOK, struct {
		Email string `json:"email"`
	}{changed.Email})
	return nil
}

// catalogue is what Elevate shows to this caller: drafts only to who teaches them.
func (s *server) catalogue(w http.ResponseWriter, r *http.Request, me caller) error {
	page, err := me.store.ListCourses(r.Context(), elevate.ListCoursesParams{PageParams: pageOf(r)})
	if err != nil {
		return err
	}
	shown := list[courseCard]{Items: []courseCard{}, Next: page.Next}
	for _, course := range page.Items {
		shown.Items = append(shown.Items, courseCard{course.ID, course.Title, course.Price})
	}
	respond(w, http.StatusOK, shown)
	return nil
}

func (s *server) enroll(w http.ResponseWriter, r *http.Request, me caller) error {
	courseID, err := id(r, "course")
	if err != nil {
		return err
	}
	result, err := me.store.Enroll(r.Context(), learnerID(me.account.ID), courseID)
	if err != nil {
		return err
	}
	status := http.StatusOK // a repeat is no error
	if result.Created {
		status = http.StatusCreated
	}
	respond(w, status, progress{Progress: result.Enrollment.Progress})
	return nil
}

func (s *server) complete(w http.ResponseWriter, r *http.Request, me caller) error {
	lessonID, err := id(r, "lesson")
	if err != nil {
		return err
	}
	var body struct{ Seconds int32 }
	if err := read(r, &body); err != nil {
		return err
	}
	spent := time.Duration(body.Seconds) * time.Second
	result, err := me.store.CompleteLesson(r.Context(), learnerID(me.account.ID), lessonID, spent)
	if err != nil {
		return err
	}
	respond(w, http.StatusOK, progress{result.Progress, result.CourseCompleted})
	return nil
}

func (s *server) myCourses(w http.ResponseWriter, r *http.Request, me caller) error {
	return s.showCourses(w, r, me, me.account.ID)
}

// coursesOf takes any account, without a check of its own: Elevate knows who may
// see them.
func (s *server) coursesOf(w http.ResponseWriter, r *http.Request, me caller) error {
	accountID, err := strconv.ParseInt(r.PathValue("account"), 10, 64)
	if err != nil {
		return errNoAccount
	}
	return s.showCourses(w, r, me, accountID)
}

func (s *server) showCourses(w http.ResponseWriter, r *http.Request, me caller, accountID int64) error {
	page, err := me.store.MyCourses(r.Context(), learnerID(accountID), pageOf(r))
	if err != nil {
		return err
	}
	shown := list[myCourse]{Items: []myCourse{}, Next: page.Next}
	for _, course := range page.Items {
		card := myCourse{Title: course.Title, Progress: course.Enrollment.Progress}
		if course.NextLesson != nil {
			card.NextLesson = &course.NextLesson.ID
		}
		shown.Items = append(shown.Items, card)
	}
	respond(w, http.StatusOK, shown)
	return nil
}

// learners is a page of the teacher's.
func (s *server) learners(w http.ResponseWriter, r *http.Request, me caller) error {
	courseID, err := id(r, "course")
	if err != nil {
		return err
	}
	page, err := me.store.CourseLearners(r.Context(), courseID, pageOf(r))
	if err != nil {
		return err
	}
	shown := list[learner]{Items: []learner{}, Next: page.Next}
	for _, item := range page.Items {
		shown.Items = append(shown.Items, learner{item.Name, item.Enrollment.Progress})
	}
	respond(w, http.StatusOK, shown)
	return nil
}

// id is an id in the path. What is no id names nothing.
func id(r *http.Request, name string) (uuid.UUID, error) {
	value, err := uuid.Parse(r.PathValue(name))
	if err != nil {
		return uuid.Nil, elevate.ErrNotFound
	}
	return value, nil
}

func pageOf(r *http.Request) elevate.PageParams {
	return elevate.PageParams{Cursor: r.URL.Query().Get("after")}
}

func read(r *http.Request, body any) error {
	if err := json.NewDecoder(r.Body).Decode(body); err != nil {
		return fmt.Errorf("%w: %w", errBadRequest, err)
	}
	return nil
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // fails only when the client has gone
}
