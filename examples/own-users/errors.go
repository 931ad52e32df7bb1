package main

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/elevateforhumanity/elevate"
)

// Refusals of the server's own.
var (
	errNotSignedIn = errors.New("not signed in")
	errBadRequest  = errors.New("bad request")
)

// refusals are the errors that are answers, and their status. The first line that
// an error matches counts; one that matches none is a failure, and 500.
var refusals = []struct {
	match  func(error) error // the part of the error that the client may read
	status int
}{
	{is(elevate.ErrCommitUnknown), http.StatusServiceUnavailable}, // done or not: the client sends it again

	{as[*elevate.ValidationError], http.StatusUnprocessableEntity},
	{as[*elevate.ConflictError], http.StatusConflict},
	{is(elevate.ErrForbidden), http.StatusForbidden},
	{is(elevate.ErrNotFound), http.StatusNotFound}, // also what is somebody else's
	{is(elevate.ErrEmailTaken), http.StatusConflict},
	{is(elevate.ErrInvalidCursor), http.StatusBadRequest},
	{is(elevate.ErrNotEnrolled), http.StatusForbidden},
	{is(elevate.ErrNotPublished), http.StatusConflict},
	{is(elevate.ErrPaymentRequired), http.StatusPaymentRequired},

	{as[*inputError], http.StatusUnprocessableEntity},
	{is(errBadRequest), http.StatusBadRequest},
	{is(errEmailTaken), http.StatusConflict},
	{is(errNoAccount), http.StatusNotFound},
	{is(errNotSignedIn), http.StatusUnauthorized},
	{is(errSignIn), http.StatusUnauthorized},
}

// is matches a sentinel.
func is(sentinel error) func(error) error {
	return func(err error) error {
		if errors.Is(err, sentinel) {
			return sentinel
		}
		return nil
	}
}

// as matches a type of errors.
func as[E error](err error) error {
	if found, ok := errors.AsType[E](err); ok {
		return found
	}
	return nil
}

// fail answers with an error. The client reads the refusal itself, without the ids
// and the operation that it came wrapped in; the log has all of it.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusInternalServerError, "internal error"
	for _, refusal := range refusals {
		if public := refusal.match(err); public != nil {
			status, text = refusal.status, public.Error()
			break
		}
	}
	if status >= http.StatusInternalServerError && r.Context().Err() == nil { // else nobody waits for it
		s.log.ErrorContext(r.Context(), "request failed",
			slog.String("request", w.Header().Get("X-Request-ID")), slog.Any("error", err))
	}
	respond(w, status, map[string]string{"error": text})
}
